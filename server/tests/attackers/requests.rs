//! How many requests to befriend one can send, and how many one can be sent.

use adsum_tim::{Form, rtype};

use crate::support::{Client, Server, Told, auth};

const OVER_ENTRY: i32 = 4_111;
const FREQUENCY: i32 = 5_105;

/// Asks, and returns the code of the refusal, if it is one.
async fn ask(client: &mut Client, node: &str) -> Option<i32> {
    client.ask(rtype::ADD_ROSTER, Some(node)).await;
    client.until_pong().await.into_iter().find_map(|told| match told {
        Told::Ack(ack) => ack.error.and_then(|error| error.code),
        _ => None,
    })
}

/// Whoever is asked by very many logs in as soon as others, and is told of a bounded number. Who is
/// one too many learns that and nothing else, whether or not they are blocked.
#[tokio::test]
async fn a5_requests_to_one_person_are_bounded() {
    const MOST: usize = 20;
    let server = Server::run(&["--max-requests", "20"]);
    let victim = server.account("victim");
    let mut answers = Vec::new();
    let [one_more, blocked] = ["one more", "blocked"].map(|name| server.account(name));
    server.store.block(&victim, &blocked).unwrap();
    for number in 0..MOST {
        let name = format!("stranger{number}");
        server.account(&name);
        answers.push(ask(&mut server.login(&name).await, &victim).await);
    }
    assert!(answers.iter().all(Option::is_none), "{answers:?}");
    for name in ["one more", "blocked"] {
        assert_eq!(ask(&mut server.login(name).await, &victim).await, Some(OVER_ENTRY), "{name}");
    }
    let mut at_victim = server.login("victim").await;
    let told = at_victim.until_pong().await;
    assert_eq!(told.len(), MOST, "{told:?}");
    // There is room again as soon as one is answered; and whoever is asked may say yes.
    let Told::Message(first) = &told[0] else { panic!("{told:?}") };
    let first = first.from_tid.as_ref().unwrap().node.clone();
    assert_eq!(ask(&mut at_victim, &first).await, None);
    assert_eq!(ask(&mut server.login("one more").await, &victim).await, None);
    assert_eq!(server.store.relations(&victim).unwrap().requests.len(), MOST);
    assert!(server.store.relations(&one_more).unwrap().waiting.contains(&victim));
}

/// More requests than that, from a file of before there was a limit, are not all told at login.
#[tokio::test]
async fn a5_what_has_piled_up_is_told_bit_by_bit() {
    let server = Server::run(&[]);
    server.account("victim");
    let strangers = "WITH RECURSIVE n(i) AS \
                     (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
                     INSERT INTO accounts (node, name, domain, password) \
                     SELECT 'n' || i, 'n' || i, '', 'none' FROM n; \
                     INSERT INTO relations (low, high, low_side, high_side, words) \
                     SELECT v.id, s.id, 0, 1, printf('%.*c', 1000, 'x') \
                     FROM accounts v JOIN accounts s ON v.name = 'victim' AND s.id > v.id";
    server.program().sql().execute_batch(strangers).unwrap();
    let mut victim = server.login("victim").await;
    assert_eq!(victim.until_pong().await.len(), 500);
}

/// One who asks everybody is stopped: by how many requests may wait, and by how often.
#[tokio::test]
async fn a5_requests_of_one_person_are_bounded() {
    let server = Server::run(&["--max-requests", "20"]);
    let mut sender = {
        server.account("sender");
        server.login("sender").await
    };
    for number in 0..22 {
        let node = server.account(&format!("person{number}"));
        let expected = (number >= 20).then_some(OVER_ENTRY);
        assert_eq!(ask(&mut sender, &node).await, expected, "{number}");
    }
    let server = Server::run(&[]);
    server.account("sender");
    let mut sender = server.login("sender").await;
    let mut refused = 0;
    for number in 0..150 {
        let node = server.account(&format!("person{number}"));
        match ask(&mut sender, &node).await {
            None => {}
            Some(code) => {
                assert_eq!(code, FREQUENCY);
                refused += 1;
            }
        }
    }
    // A hundred, and one for each five seconds that it takes.
    assert!((40..=50).contains(&refused), "{refused} of 150");
    // Saying yes is no request.
    let friend = server.account("friend");
    server.store.ask(&friend, &sender.node, "").unwrap();
    assert_eq!(ask(&mut sender, &friend).await, None);
    assert_eq!(server.store.relations(&friend).unwrap().friends, [sender.node.clone()]);
}

/// Asking and withdrawing in a loop reaches the other one a few times, and is the same to one who
/// is blocked, and hears of nothing.
#[tokio::test]
async fn a5_asking_and_withdrawing_in_a_loop_is_stopped() {
    let server = Server::run(&[]);
    let [victim, _, blocked] = ["victim", "sender", "blocked"].map(|name| server.account(name));
    server.store.block(&victim, &blocked).unwrap();
    let mut at_victim = server.login("victim").await;
    let mut codes = Vec::new();
    for name in ["sender", "blocked"] {
        // Each time from another connection: it is the user who is held to it.
        let mut of_one = Vec::new();
        for _ in 0..30 {
            let mut client = Client::connect(server.address(), Form::Json).await;
            assert!(client.authenticate(&auth(name)).await.ok);
            of_one.push(ask(&mut client, &victim).await);
            client.ask(rtype::REMOVE_ROSTER, Some(&victim)).await;
            client.until_pong().await;
            client.close().await;
        }
        codes.push(of_one);
    }
    assert_eq!(codes[0], codes[1], "a block shows");
    assert_eq!(codes[0][..10], [None; 10]);
    assert!(codes[0][10..].iter().all(|code| *code == Some(FREQUENCY)), "{codes:?}");
    let told = at_victim.until_pong().await;
    assert_eq!(told.len(), 20, "{told:?}");
}
