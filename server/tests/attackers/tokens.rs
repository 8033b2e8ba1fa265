//! Login tokens: with them clients are back at once, whatever is hashed, and after a restart.

use std::time::{Duration, Instant};

use adsum_tim::{Form, Kind, TimAuth};
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::support::program::Program;
use crate::support::{self, Client, Server, Told, auth};

const HASHING: &str = "adsum_passwords_hashing";

/// Logs in; the refusal's code, if it is one.
async fn code(server: &Server, auth: &TimAuth) -> Option<i32> {
    let mut client = Client::connect(server.address(), Form::Json).await;
    client.authenticate(auth).await.error.and_then(|error| error.code)
}

/// Keeps both of the server's workers busy for a while.
async fn hash_for(server: &Server, time: Duration) -> [Client; 2] {
    let mut busy = Vec::new();
    for name in ["slow1", "slow2"] {
        server.slow_account(name, time);
        let mut client = Client::connect(server.address(), Form::Json).await;
        client.send(auth(name).to_request(Form::Json, Kind::AUTH)).await;
        busy.push(client);
    }
    server.until_metric(HASHING, 2.0).await;
    busy.try_into().ok().unwrap()
}

/// While all who hash passwords are busy, whoever has a token logs in, and is given the next one.
#[tokio::test]
async fn a2_a_token_waits_for_no_hash() {
    let server = Server::run(&["--login-timeout", "60"]);
    server.account("ann");
    let mut ann = server.login("ann").await;
    let first = ann.token().await;
    let mut busy = hash_for(&server, Duration::from_secs(6)).await;
    let mut again = Client::connect(server.address(), Form::Json).await;
    assert!(again.authenticate(&first).await.ok);
    let next = again.token().await;
    assert_eq!(code(&server, &next).await, None);
    assert!((server.metric(HASHING).await - 2.0).abs() < f64::EPSILON, "the workers were free");
    for client in &mut busy {
        assert_eq!(client.refusal().await.1, 4_105);
    }
}

/// Nor does whoever resumes a session.
#[tokio::test]
async fn a2_a_resumed_session_waits_for_no_hash() {
    let server = Server::run(&["--login-timeout", "60"]);
    server.account("ann");
    let mut ann = Client::connect(server.address(), Form::Json).await;
    let secret = ann.authenticate(&auth("ann")).await.n2.unwrap();
    ann.break_off();
    let mut busy = hash_for(&server, Duration::from_secs(6)).await;
    let resume = Some([("resume".to_owned(), secret)].into());
    let mut again = Client::connect(server.address(), Form::Json).await;
    let ack = again.authenticate(&TimAuth { extend: resume, ..TimAuth::default() }).await;
    assert!(ack.ok, "{ack:?}");
    assert!((server.metric(HASHING).await - 2.0).abs() < f64::EPSILON, "the workers were free");
    for client in &mut busy {
        assert_eq!(client.refusal().await.1, 4_105);
    }
}

/// A token is good after the server was killed, once; and what was used before is used.
#[tokio::test]
async fn a2_tokens_outlive_a_restart() {
    let server = Server::run(&[]);
    server.account("ann");
    let mut ann = server.login("ann").await;
    let (used, unused, third) = (ann.token().await, ann.token().await, ann.token().await);
    assert_eq!(code(&server, &used).await, None);
    let saved = server.program().sql();
    let count = || saved.query_row("SELECT count(*) FROM used_tokens", [], |row| row.get(0));
    let started = Instant::now();
    while count() != Ok(1) {
        assert!(started.elapsed() < support::PATIENCE, "the used token is not saved");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let folder = server.into_program().kill();
    let key = folder.path().join("adsum-server.db.token-key");
    #[cfg(unix)]
    {
        let metadata = std::fs::metadata(&key).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, 0o600);
    }
    let server = Server::of_program(Program::start_in(folder, &["--drain-timeout", "0"]));
    assert_eq!(code(&server, &used).await, Some(4_115));
    assert_eq!(code(&server, &unused).await, None);
    assert_eq!(code(&server, &unused).await, Some(4_115));
    // Told to stop, the server saves at once what was used last.
    let mut program = server.into_program();
    program.signal("-TERM");
    assert_eq!(program.end(), Some(0));
    let folder = program.into_folder();
    let other_key = ["--token-key", "another key, of more than thirty-two bytes"];
    let flags = [&["--drain-timeout", "0"][..], &other_key].concat();
    let server = Server::of_program(Program::start_in(folder, &flags));
    assert_eq!(code(&server, &third).await, Some(4_115), "the key is another");
    let folder = server.into_program().kill();
    let server = Server::of_program(Program::start_in(folder, &[]));
    assert_eq!(code(&server, &unused).await, Some(4_115));
    assert_eq!(code(&server, &third).await, None);
}

/// How many clients come back; 5,000 for a figure.
fn returning() -> usize {
    std::env::var("ADSUM_TEST_RETURNING").map_or(300, |count| count.parse().unwrap())
}

/// After a restart all clients with tokens are back soon, with all their friends, while the
/// workers are busy with passwords.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a2_after_a_restart_all_with_tokens_are_back() {
    let clients = returning();
    let server = Server::run(&[]);
    let names: Vec<_> = (0..clients).map(|at| format!("p{at}")).collect();
    for name in &names {
        server.account(name);
    }
    // Each has twenty friends, in a ring without its ends.
    let friends = "INSERT INTO relations (low, high, low_side, high_side) SELECT a.id, b.id, 1, 1 \
                   FROM accounts a JOIN accounts b ON b.id BETWEEN a.id + 1 AND a.id + 10";
    server.program().sql().execute_batch(friends).unwrap();
    let tokens = stream::iter(&names).map(async |name| server.login(name).await.token().await);
    let tokens: Vec<_> = tokens.buffer_unordered(32).collect().await;
    let folder = server.into_program().kill();
    let server = Server::of_program(Program::start_in(folder, &[]));
    let busy = hash_for(&server, Duration::from_secs(10)).await;
    let started = Instant::now();
    let back = stream::iter(&tokens).map(async |token| {
        let mut client = Client::connect(server.address(), Form::Json).await;
        assert!(client.authenticate(token).await.ok);
        client
    });
    // As fast as the test's own machine can.
    let back: Vec<_> = back.buffer_unordered(256).collect().await;
    let took = started.elapsed();
    println!("{clients} clients were back after {took:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert!((server.metric("adsum_users_online").await - clients as f64).abs() < f64::EPSILON);
    let pairs = clients * 10 - 55;
    let audience = server.metric("adsum_audience_entries").await;
    assert!((audience - 2.0 * pairs as f64).abs() < f64::EPSILON, "{audience}");
    for mut client in back.into_iter().take(3) {
        client.ask(adsum_tim::rtype::ROSTER, None).await;
        let Told::Nodes(told) = client.next().await else { panic!("no roster") };
        assert!((10..=20).contains(&told.nodelist.unwrap().len()));
    }
    drop(busy);
}
