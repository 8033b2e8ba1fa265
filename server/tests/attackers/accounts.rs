//! Who makes accounts, and how many.

use adsum_tim::{Form, Kind, Limits, TimAck};

use crate::support::{self, Server, auth, stream_from};

const REFUSED: &str = "adsum_registrations_refused_total{reason=\"register_burst\"}";

/// Asks for an account from an address of the loopback network; the code of a refusal.
async fn register(server: &Server, from: u8, name: &str) -> Option<i32> {
    let (stream, to) = (stream_from(from, server.address()).await, server.address());
    let body = auth(name).to_request(Form::Json, Kind::REGISTER);
    let (_, answer) = support::request_on(stream, to, "POST /tim2 HTTP/1.1\r\n", &body).await;
    let ack = TimAck::decode(Form::Json, &answer[1..], &Limits::default()).unwrap();
    ack.error.and_then(|error| error.code)
}

/// Who registers one account after the other may not fill the database; the others may have theirs.
/// An operator sees it: each refusal is counted, and the log warns once, however many there are.
#[tokio::test]
async fn a3_an_address_makes_so_many_accounts_and_no_more() {
    let server = Server::run(&["--register-burst", "3"]);
    for name in ["m1", "m2", "m3"] {
        assert_eq!(register(&server, 2, name).await, None, "{name}");
    }
    assert!(!server.get("/metrics").await.1.contains("adsum_registrations_refused_total{"));
    for name in ["m4", "m5", "m6"] {
        assert_eq!(register(&server, 2, name).await, Some(5_105), "{name}");
        assert!(server.store.account(name, "").unwrap().is_none());
    }
    assert_eq!(register(&server, 3, "ann").await, None);
    assert!((server.metric(REFUSED).await - 3.0).abs() < f64::EPSILON);
    let log = server.program().log();
    let refusals = |level: &str| {
        let lines = log.lines().filter(|line| line.contains("127.0.0.2 asks for too many"));
        lines.filter(|line| line.contains(level)).count()
    };
    assert_eq!((refusals(" WARN "), refusals("DEBUG ")), (1, 2), "{log}");
}

/// What is refused for another reason is counted by that one.
#[tokio::test]
async fn an_account_that_is_not_made_is_counted_by_its_reason() {
    let refused = |reason| format!("adsum_registrations_refused_total{{reason=\"{reason}\"}}");
    let server = Server::run(&[]);
    assert_eq!(register(&server, 2, "ann").await, None);
    assert_eq!(register(&server, 2, "ann").await, Some(4_101));
    assert_eq!(register(&server, 2, " ann").await, Some(4_104));
    for reason in ["taken", "invalid"] {
        assert!((server.metric(&refused(reason)).await - 1.0).abs() < f64::EPSILON, "{reason}");
    }
    let server = Server::run(&["--deactivate-api-timregister"]);
    assert_eq!(register(&server, 2, "ann").await, Some(4_107));
    assert!((server.metric(&refused("not_offered")).await - 1.0).abs() < f64::EPSILON);
}

/// With 0 an address makes as many accounts as it likes: more than the default lets it.
#[tokio::test]
async fn without_a_bound_an_address_makes_any_number_of_accounts() {
    let server = Server::run(&["--register-burst", "0"]);
    for at in 0..130 {
        assert_eq!(register(&server, 2, &format!("m{at}")).await, None, "{at}");
    }
    assert!(server.metric(REFUSED).await < f64::EPSILON);
}
