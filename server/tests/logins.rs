//! Who is let in, and how: passwords, tokens, several sessions, and more than can be looked at.

mod support;

use std::time::Duration;

use adsum_tim::{Form, Kind, TimAck, TimAuth};
use futures_util::future::join_all;
use support::{Client, Server, Told, auth, auth_from};

fn code(ack: &TimAck) -> Option<i32> {
    ack.error.as_ref().and_then(|error| error.code)
}

fn with_password(name: &str, password: &str) -> TimAuth {
    TimAuth { pwd: Some(password.into()), ..auth(name) }
}

fn with_token(name: &str, token: &str) -> TimAuth {
    TimAuth { token: Some(token.into()), pwd: None, ..auth(name) }
}

/// A token for one login.
async fn token(server: &Server, name: &str) -> String {
    let body = auth(name).to_request(Form::Json, Kind::TOKEN);
    let head = "POST /tim2 HTTP/1.1\r\n";
    let (_, answer) = support::request(server.address(), head, &body).await;
    answer.split("\"n\":\"").nth(1).expect("a token").trim_end_matches("\"}").to_owned()
}

/// It is answered, the socket stays, and the right one is still good. Whether it is the name or
/// the password that is wrong is not said.
#[tokio::test]
async fn a_wrong_password_is_answered() {
    let server = Server::run(&[]);
    server.account("ann");
    for form in [Form::Json, Form::Thrift] {
        let mut client = Client::connect(server.address(), form).await;
        let elsewhere = TimAuth { domain: Some("elsewhere".to_owned()), ..auth("ann") };
        let wrong = [
            with_password("ann", "wrong"),
            with_password("ann", ""),
            with_password("nobody", support::PASSWORD),
            with_password("", ""),
            TimAuth::default(),
            elsewhere,
        ];
        for auth in wrong {
            let ack = client.authenticate(&auth).await;
            assert_eq!((ack.ok, code(&ack), ack.n), (false, Some(4_105), None), "{auth:?}");
        }
        assert!(client.authenticate(&auth("ann")).await.ok);
        assert_eq!(client.until_pong().await, []);
    }
    let refused = "adsum_logins_refused_total{reason=\"permission denied\"}";
    assert!((server.metric(refused).await - 12.0).abs() < f64::EPSILON);
    server.host.stop().await;
}

/// It hears what the first one hears, its own user's other session but for what that says, and
/// takes nothing away when it goes. A second login on one connection changes nothing.
#[tokio::test]
async fn a_second_session_of_a_user_is_a_session_of_its_own() {
    let server = Server::run(&["--own-echo"]);
    let [ann, bob, _] = server.friends(["ann", "bob", "cyd"]);
    let mut at_bob = server.login("bob").await;
    at_bob.say("here").await;
    let mut desk = server.login_as("ann", Form::Json, auth_from("ann", "desk")).await;
    let mut phone = server.login_as("ann", Form::Thrift, auth_from("ann", "phone")).await;
    for client in [&mut desk, &mut phone] {
        assert_eq!(client.heard().await, (bob.clone(), "here".to_owned()));
    }
    desk.say("at the desk").await;
    assert_eq!(phone.heard().await, (ann.clone(), "at the desk".to_owned()));
    assert_eq!(at_bob.heard().await, (ann.clone(), "at the desk".to_owned()));
    at_bob.direct(&[&ann], "to both").await;
    for client in [&mut desk, &mut phone] {
        assert_eq!(client.heard().await, (bob.clone(), "to both".to_owned()));
    }
    let again = phone.authenticate(&auth("cyd")).await;
    assert_eq!((again.ok, again.n, again.n2), (true, None, None));
    phone.say("on the phone").await;
    assert_eq!(at_bob.heard().await, (ann.clone(), "on the phone".to_owned()));
    assert_eq!(desk.heard().await, (ann.clone(), "on the phone".to_owned()));
    assert!((server.metric("adsum_sessions").await - 3.0).abs() < f64::EPSILON);
    assert!((server.metric("adsum_users_online").await - 2.0).abs() < f64::EPSILON);
    desk.close().await;
    phone.say("still here").await;
    loop {
        let (from, what) = at_bob.heard().await;
        assert!(from == ann && what != "offline", "{what}");
        if what == "still here" {
            break;
        }
    }
    phone.close().await;
    assert_eq!(at_bob.heard().await, (ann, "offline".to_owned()));
    server.host.stop().await;
}

#[tokio::test]
async fn a_token_is_good_once_and_for_its_own_account() {
    let server = Server::run(&[]);
    server.account("ann");
    server.account("bob");
    let token = token(&server, "ann").await;
    for (name, expected) in [("bob", Some(4_115)), ("ann", None), ("ann", Some(4_115))] {
        let mut client = Client::connect(server.address(), Form::Json).await;
        let ack = client.authenticate(&with_token(name, &token)).await;
        assert_eq!(code(&ack), expected, "{name}");
    }
    // And none is given for a wrong password.
    let body = with_password("ann", "wrong").to_request(Form::Json, Kind::TOKEN);
    let head = "POST /tim2 HTTP/1.1\r\n";
    let (_, answer) = support::request(server.address(), head, &body).await;
    assert!(answer.contains("4102") && !answer.contains("\"n\":"), "{answer}");
    server.host.stop().await;
}

#[tokio::test]
async fn a_token_expires() {
    // One of two is used in time even on a machine that stands still for a moment.
    let server = Server::run(&["--token-timeout", "4"]);
    server.account("ann");
    let (in_time, late) = (token(&server, "ann").await, token(&server, "ann").await);
    let mut client = Client::connect(server.address(), Form::Json).await;
    assert!(client.authenticate(&with_token("ann", &in_time)).await.ok);
    tokio::time::sleep(Duration::from_millis(4_050)).await;
    let mut client = Client::connect(server.address(), Form::Json).await;
    assert_eq!(code(&client.authenticate(&with_token("ann", &late)).await), Some(4_115));
    server.host.stop().await;
}

/// What comes beyond so many passwords that wait is refused at once; those who wait are served in
/// the end, and nobody who is logged in notices.
#[tokio::test]
async fn more_logins_than_can_wait_are_refused_at_once() {
    /// So many may wait for each worker, beside the one that it has.
    const WAITING: usize = 511;
    const TOO_MANY: usize = 30;
    let flags = ["--password-workers", "1", "--login-timeout", "60", "--grace-error", "0"];
    let many = ["--device-limit", "1000", "--devicetype-limit", "1000"];
    let server = Server::run(&[&flags[..], &many[..]].concat());
    let [ann, _] = server.friends(["ann", "bob"]);
    server.account("all");
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let connect = (0..WAITING + TOO_MANY).map(|_| Client::connect(server.address(), Form::Json));
    let mut clients = join_all(connect).await;
    // The one worker is busy all the while.
    server.slow_account("slow", Duration::from_secs(6));
    let mut slow = Client::connect(server.address(), Form::Json).await;
    slow.send(auth("slow").to_request(Form::Json, Kind::AUTH)).await;
    server.until_metric("adsum_passwords_hashing", 1.0).await;
    join_all(
        clients
            .iter_mut()
            .map(|client| client.send(auth("all").to_request(Form::Json, Kind::AUTH))),
    )
    .await;
    let refused = "adsum_logins_refused_total{reason=\"heavy server load\"}";
    server.until_metric(refused, TOO_MANY as f64).await;
    // A new account, too.
    let body = auth("new").to_request(Form::Json, Kind::REGISTER);
    let head = "POST /tim2 HTTP/1.1\r\n";
    let (_, answer) = support::request(server.address(), head, &body).await;
    assert!(answer.contains("5104"), "{answer}");
    at_ann.say("here").await;
    assert_eq!(at_bob.heard().await, (ann, "here".to_owned()));
    assert_eq!(at_ann.until_pong().await, []);
    assert!(slow.refusal().await.1 == 4_105);
    let acks = join_all(clients.iter_mut().map(Client::next)).await;
    let mut over = Vec::new();
    for (client, told) in clients.iter_mut().zip(acks) {
        let Told::Ack(ack) = told else { panic!("{told:?}") };
        match code(&ack) {
            None => assert!(ack.ok),
            Some(code) => {
                assert_eq!(code, 5_104);
                over.push(client);
            }
        }
    }
    assert_eq!(over.len(), TOO_MANY);
    // Whoever was refused tries again on the same connection.
    for client in over {
        assert!(client.authenticate(&auth("all")).await.ok);
    }
    server.host.stop().await;
}

/// Neither what is right nor what is wrong, at the level that says most.
#[tokio::test]
async fn no_password_and_no_token_is_logged() {
    const ADMIN: &str = "SECRET-of-the-administrator";
    let server = Server::run(&["--admin-token", ADMIN]);
    let head = "POST /tim2 HTTP/1.1\r\n";
    let mut secrets = vec![ADMIN.to_owned()];
    for (name, password) in [("ann", "SECRET-one"), ("ann", "SECRET-two"), ("", "SECRET-three")] {
        for kind in [Kind::REGISTER, Kind::TOKEN] {
            for form in [Form::Json, Form::Thrift] {
                let body = with_password(name, password).to_request(form, kind);
                let (_, answer) = support::request_bytes(server.address(), head, &body).await;
                let answer = String::from_utf8_lossy(&answer);
                let token = answer.split("\"n\":\"").nth(1).filter(|_| kind == Kind::TOKEN);
                secrets.extend(token.map(|token| token.trim_end_matches("\"}").to_owned()));
            }
        }
        let mut client = Client::connect(server.address(), Form::Json).await;
        client.authenticate(&with_password(name, password)).await;
    }
    let token = secrets[1].clone();
    assert!(token.len() > 20, "{token}");
    for token in [&token, &token, "SECRET-that-is-no-token"] {
        let mut client = Client::connect(server.address(), Form::Json).await;
        client.authenticate(&with_token("ann", token)).await;
        // Half a login, and one in a form that it is not in.
        let whole = with_token("ann", token).to_request(Form::Json, Kind::AUTH);
        let mut client = Client::connect(server.address(), Form::Json).await;
        client.send(whole[..whole.len() - 2].to_vec()).await;
        client.refusal().await;
    }
    for shown in [ADMIN, "SECRET-of-nobody"] {
        let head = format!("GET /admin/online HTTP/1.1\r\nAuthorization: Bearer {shown}\r\n");
        support::request(server.address(), &head, b"").await;
    }
    let mut program = server.into_program();
    program.signal("-TERM");
    assert_eq!(program.end(), Some(0));
    let log = program.log();
    assert!(log.contains("DEBUG") && log.contains("stopping"), "{log}");
    for secret in secrets.iter().map(String::as_str).chain(["SECRET"]) {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn whoever_never_logs_in_is_closed_at_the_deadline() {
    // Each must have said what it has to say before that, on a slow machine too.
    let server = Server::run(&["--login-timeout", "4"]);
    let started = std::time::Instant::now();
    let mut silent = Client::connect(server.address(), Form::Json).await;
    let mut wrong = Client::connect(server.address(), Form::Json).await;
    assert!(!wrong.authenticate(&auth("nobody")).await.ok);
    let mut pinging = Client::connect(server.address(), Form::Json).await;
    pinging.send(vec![Kind::PING.number()]).await;
    for client in [&mut silent, &mut wrong, &mut pinging] {
        assert_eq!(client.close_frame().await, (1_008, "nobody has logged in".to_owned()));
        assert!(started.elapsed() >= Duration::from_millis(3_950));
    }
    server.until_metric("adsum_connections", 0.0).await;
    server.host.stop().await;
}

/// Nor does a place belong to one who never asks for anything, or asks half of it, or has asked
/// and says nothing more.
#[tokio::test]
async fn whoever_says_nothing_over_http_is_closed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Server::run(&[]);
    let whole = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let half_a_body = "POST /tim2 HTTP/1.1\r\nHost: x\r\nOrigin: x\r\nContent-Length: 9\r\n\r\n{";
    let closed = ["", "GET /tim HT", whole, half_a_body].map(|start| {
        let to = server.address();
        async move {
            let mut stream = tokio::net::TcpStream::connect(to).await.unwrap();
            stream.write_all(start.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            let end = tokio::time::timeout(support::PATIENCE, stream.read_to_end(&mut rest)).await;
            assert!(end.is_ok(), "{start:?} may stay for ever");
        }
    });
    join_all(closed).await;
    server.host.stop().await;
}

#[tokio::test]
async fn whoever_stops_pinging_is_closed_and_contacts_are_told_once() {
    // The friend must speak in time all the while, on a slow machine too.
    let server = Server::run(&["--ping-timeout", "5", "--grace-timeout", "0"]);
    let [ann, _] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_ann.say("here").await;
    assert_eq!(at_bob.heard().await.1, "here");
    let closed = tokio::spawn(async move { at_ann.close_frame().await });
    let mut told = Vec::new();
    while !closed.is_finished() || told.is_empty() {
        told.extend(at_bob.until_pong().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(closed.await.unwrap(), (4_003, "nothing heard for too long".to_owned()));
    told.extend(at_bob.until_pong().await);
    let [Told::Presence(gone)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((gone.offline, &gone.from_tid.as_ref().unwrap().node), (Some(true), &ann));
    server.host.stop().await;
}

/// Only what could be reached from elsewhere without encryption is warned of. (It is not opened
/// here: there is no such folder, so the program ends after the warning.)
#[test]
fn it_warns_when_it_is_opened_without_tls() {
    let warnings = |flags: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_adsum-server"))
            .args(["--store-path", "/dev/null/no/store.db"])
            .args(flags)
            .env_clear()
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        let warnings = text.lines().filter(|line| line.contains("not encrypted"));
        warnings.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(warnings(&["--client-listen", "127.0.0.1:0"]), [""; 0]);
    let open = ["--client-listen", "0.0.0.0:0", "--admin-listen", "[::]:0"];
    let found = warnings(&open);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("client_listen") && found[1].contains("admin_listen"), "{found:?}");
    assert_eq!(warnings(&[&open[..], &["--tls-in-front"]].concat()), [""; 0]);
}
