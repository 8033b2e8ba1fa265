//! tim's fault B27: fields that several threads changed at the same time, with nothing to keep
//! them from it. Here the compiler does, and after a storm every count is exactly right.

mod support;

use adsum_server::host::{INVISIBLE, VISIBLE};
use adsum_tim::{Form, Kind, rtype};
use futures_util::future::join_all;
use support::{Client, Server, auth, crowd, says};

const CONNECTIONS: u32 = 40;
const ADMIN: &str = "a token of an administrator";
/// Figures that are zero when everybody has gone.
const NOTHING_LEFT: [&str; 12] = [
    "connections",
    "sessions",
    "detached",
    "users_online",
    "users_known",
    "presences",
    "audience_entries",
    "missed",
    "congested_now",
    "timers",
    "queued_bytes",
    "queue_depth",
];

/// One session's life: it does everything that a session can do, in both forms, while all others
/// do, and understands all that it is told. It ends in one of three ways.
async fn live(server: &Server, name: &str, form: Form, life: usize) {
    let mut client = server.login_as(name, form, auth(name)).await;
    let other = if form == Form::Json { Form::Thrift } else { Form::Json };
    let own = client.node.clone();
    for turn in 0..6 {
        client.say("one's own form").await;
        client.send(says("the other form").to_request(other, Kind::BROAD_PRESENCE)).await;
        client.direct(&[&own], "to oneself").await;
        let request = [INVISIBLE, VISIBLE, rtype::ROSTER][(life + turn) % 3];
        client.ask(request, None).await;
        client.ask(VISIBLE, None).await;
        // What comes is in this session's form, or it is not understood.
        client.until_pong().await;
    }
    match life % 3 {
        0 => client.close().await,
        1 => client.break_off(),
        // A frame that is not whole, and then nothing.
        _ => {
            use tokio::io::AsyncWriteExt as _;
            let mut stream = client.ws.into_inner();
            stream.write_all(&[0x82, 0xfe, 0x0f]).await.unwrap();
        }
    }
}

/// Somebody who reads nothing, until so much was said to them that their session is congested; how
/// often something was said.
async fn deafen(server: &Server, names: &[String]) -> u32 {
    let deaf = server.login(&names[0]).await;
    let mut loud = server.login(&names[1]).await;
    let words = "long ".repeat(20_000);
    let mut said = 0;
    while server.metric("adsum_congested_total").await < 1.0 {
        loud.say(&words).await;
        said += 1;
        loud.until_pong().await;
    }
    loud.close().await;
    deaf.break_off();
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b27_after_a_storm_every_count_is_right() {
    let limit = CONNECTIONS.to_string();
    let server = Server::run(
        &[
            &["--publish-burst", "0", "--security-reqhzsecond", "0", "--grace-error", "0"][..],
            &["--device-limit", "64", "--devicetype-limit", "64", "--connect-limit", &limit],
            &["--seats-per-address", &limit],
            // So small that a queue is over its limit, and is written at once, all the time.
            &["--queue-frames", "8", "--admin-token", ADMIN],
        ]
        .concat(),
    );
    let names = crowd(8);
    for name in &names {
        server.account(name);
    }
    server.make_all_friends();
    let lives = (0..16).map(|at| {
        let (name, server) = (&names[at / 2], &server);
        let form = if at % 2 == 0 { Form::Json } else { Form::Thrift };
        async move {
            for life in 0..6 {
                live(server, name, form, at + life).await;
            }
        }
    });
    let looking = async {
        for _ in 0..40 {
            server.metric("adsum_sessions").await;
        }
    };
    let ((), (), said) =
        tokio::join!(async { drop(join_all(lives).await) }, looking, deafen(&server, &names));
    for name in NOTHING_LEFT {
        server.until_metric(&format!("adsum_{name}"), 0.0).await;
    }
    let online = format!("GET /admin/online HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\n");
    let nobody = (200, r#"{"next":null,"total":0,"users":[]}"#.to_owned());
    assert_eq!(support::request(server.address(), &online, b"").await, nobody);
    let events = async |kind: &str| {
        server.metric(&format!("adsum_events_total{{kind=\"{kind}\"}}")).await as u32
    };
    assert_eq!(events("connect").await, 16 * 6 + 2);
    assert_eq!(events("disconnect").await + events("lost").await, 16 * 6 + 2);
    assert_eq!(events("publish").await, 16 * 6 * 6 * 2 + said);
    assert!(server.metric("adsum_congested_total").await >= 1.0);
    // As many sessions as are allowed find a seat again, and not one more.
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(server.login(&names[0]).await);
    }
    let mut one_more = Client::connect(server.address(), Form::Json).await;
    let refused = one_more.authenticate(&auth(&names[1])).await;
    assert_eq!(refused.error.and_then(|error| error.code), Some(5_104));
    drop(open);
    server.host.stop().await;
}

/// Without unsafe code two threads cannot touch one thing at once, whatever they do: that is the
/// compiler's promise, as long as no crate of ours is let off.
#[test]
fn b27_unsafe_code_is_forbidden_everywhere() {
    let workspace = include_str!("../../Cargo.toml");
    let lints = workspace.split("[workspace.lints.rust]").nth(1).unwrap();
    assert!(lints.split("\n[").next().unwrap().contains("unsafe_code = \"forbid\""));
    for manifest in [workspace, include_str!("../Cargo.toml")] {
        let lints = manifest.split("\n[lints]\n").nth(1).unwrap();
        assert!(lints.starts_with("workspace = true"));
    }
}
