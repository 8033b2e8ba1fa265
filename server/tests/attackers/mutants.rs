//! What a mutant could take away unseen.

use std::time::{Duration, Instant};

use adsum_tim::{Form, Kind, Secret, TimAuth, rtype};

use crate::support::program::Program;
use crate::support::{self, Client, Server, TOKEN, auth};

/// How long it takes until a login with this name and a wrong password is refused.
async fn refusal_time(client: &mut Client, name: &str) -> Duration {
    let wrong = TimAuth { pwd: Some(Secret::from("no password of anybody")), ..auth(name) };
    let started = Instant::now();
    assert!(!client.authenticate(&wrong).await.ok);
    started.elapsed()
}

/// Whether there is an account of a name does not show in how long a wrong password takes.
#[tokio::test]
async fn a9_an_unknown_name_takes_as_long_as_a_wrong_password() {
    // Dear enough to be told from the rest of a login.
    let program = Program::start_with_cost(16_384, 1);
    let body = auth("ann").to_request(Form::Json, Kind::REGISTER);
    let (_, answer) = support::request(program.address, "POST /tim2 HTTP/1.1\r\n", &body).await;
    assert!(answer.contains(r#""ok":true"#), "{answer}");
    let mut client = Client::connect(program.address, Form::Json).await;
    // The least of some, in turn: others who take the processor meanwhile make either longer.
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        known = known.min(refusal_time(&mut client, "ann").await);
        unknown = unknown.min(refusal_time(&mut client, "nobody").await);
    }
    // Without a hash the answer comes a hundred times sooner.
    assert!(unknown * 4 > known && known * 4 > unknown, "{known:?} and {unknown:?}");
    assert!(known > Duration::from_millis(2), "too cheap to tell: {known:?}");
}

/// The administrator's token is taken as a whole and no other way.
#[tokio::test]
async fn a9_no_part_of_the_administrators_token_is_taken() {
    let program = Program::start(&["--admin-token", TOKEN]);
    let status = async |shown: &str| {
        let head = format!("GET /admin/online HTTP/1.1\r\nAuthorization: {shown}\r\n");
        support::request(program.address, &head, b"").await.0
    };
    assert_eq!(status(&format!("Bearer {TOKEN}")).await, 200);
    for end in 0..TOKEN.len() {
        assert_eq!(status(&format!("Bearer {}", &TOKEN[..end])).await, 401, "the first {end}");
        assert_eq!(status(&format!("Bearer {}", &TOKEN[end + 1..])).await, 401, "all from {end}");
    }
    for more in [format!("{TOKEN}x"), format!("{TOKEN}{TOKEN}"), TOKEN.to_uppercase()] {
        assert_eq!(status(&format!("Bearer {more}")).await, 401, "{more}");
    }
    assert_eq!(status(TOKEN).await, 401);
}

/// The words of a request are in no file once it is answered and the server has stopped.
#[tokio::test]
async fn a9_the_words_of_an_answered_request_are_overwritten() {
    const WORDS: &str = "MARKER of what was said with a request";
    let server = Server::run(&[]);
    let [ann, bob] = ["ann", "bob"].map(|name| server.account(name));
    let others = [0, 1, 2, 3, 4, 5].map(|n| server.account(&format!("other{n}")));
    let mut at_bob = server.login("bob").await;
    for other in others.iter().chain([&ann]) {
        server.store.ask(other, &bob, &WORDS.repeat(20)).unwrap();
    }
    for other in others.iter().chain([&ann]) {
        at_bob.ask(rtype::REMOVE_ROSTER, Some(other)).await;
    }
    at_bob.until_pong().await;
    let mut program = server.into_program();
    program.signal("-TERM");
    assert_eq!(program.end(), Some(0));
    for file in std::fs::read_dir(program.folder()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(6).any(|part| part == &WORDS.as_bytes()[..6]);
        assert!(!found, "{}", path.display());
    }
}
