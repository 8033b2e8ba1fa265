//! What becomes of frames over a connection's rate.

use adsum_tim::{Form, Kind, TimAuth, rtype};

use crate::support::{Client, Server, Told, auth, auth_with};

/// However fast somebody speaks, friends come to know the last word, and pings are answered: all of
/// them, and none of either is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s10_the_last_word_gets_out_and_pings_are_answered() {
    const WORDS: usize = 2_000;
    const PINGS: usize = 20;
    let server = Server::run(&[]);
    for name in ["ann", "bob"] {
        server.account(name);
    }
    server.make_all_friends();
    let (mut ann, mut bob) = (server.login("ann").await, server.login("bob").await);
    let speaks = async {
        for number in 1..=WORDS {
            ann.say(&number.to_string()).await;
        }
        for _ in 0..PINGS {
            ann.send(vec![Kind::PING.number()]).await;
        }
        for _ in 0..PINGS {
            assert_eq!(ann.next().await, Told::Bare(Kind::PING.number()));
        }
    };
    let hears = async {
        let mut newest = 0;
        while newest < WORDS {
            let number = bob.heard().await.1.parse().unwrap();
            assert!(number > newest, "{number} after {newest}");
            newest = number;
        }
    };
    tokio::join!(speaks, hears);
    // Within the rate again, everything is as it was.
    assert_eq!(ann.until_pong().await, []);
    assert_eq!(bob.until_pong().await, []);
}

/// The last word of who goes away is one too.
#[tokio::test]
async fn s10_the_last_word_before_going_away_gets_out() {
    let server = Server::run(&["--security-reqhzsecond", "1", "--request-burst", "3"]);
    for name in ["ann", "bob"] {
        server.account(name);
    }
    server.make_all_friends();
    let (mut ann, mut bob) = (server.login("ann").await, server.login("bob").await);
    for words in ["first", "second", "not this", "nor this", "brb"] {
        ann.say(words).await;
    }
    ann.go_away(1_001).await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "brb") {
        heard.push(bob.heard().await.1);
    }
    assert!(heard.starts_with(&["first".to_owned(), "second".to_owned()]), "{heard:?}");
}

/// And that of a session that goes on elsewhere while its connection seems to be there still.
#[tokio::test]
async fn s10_the_last_word_before_a_resume_gets_out() {
    let server = Server::run(&["--security-reqhzsecond", "1", "--request-burst", "3"]);
    for name in ["ann", "bob"] {
        server.account(name);
    }
    server.make_all_friends();
    let mut bob = server.login("bob").await;
    let mut ann = Client::connect(server.address(), Form::Json).await;
    let secret = ann.authenticate(&auth("ann")).await.n2.expect("a secret");
    for words in ["first", "second", "not this", "nor this", "brb"] {
        ann.say(words).await;
    }
    // All of them have been read when what cannot wait is refused.
    ann.ask(rtype::ROSTER, None).await;
    assert_eq!(ann.refusal().await.1, 5_104);
    while bob.heard().await.1 != "second" {}
    let shown = TimAuth { name: None, pwd: None, ..auth_with("", &[("resume", &secret)]) };
    let mut again = Client::connect(server.address(), Form::Json).await;
    assert!(again.authenticate(&shown).await.ok);
    assert_eq!(ann.close_code().await, 4_004);
    again.say("back").await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "back") {
        heard.push(bob.heard().await.1);
    }
    assert_eq!(heard, ["brb", "back"]);
}
