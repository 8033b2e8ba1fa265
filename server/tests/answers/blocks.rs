//! What is seen of a block by the one who is blocked: nothing.

use adsum_tim::rtype;

use crate::support::{Server, Told};

/// Whoever asks somebody who has blocked them is told what they are told by somebody who has not
/// answered yet: at once, when they ask again, when they log in again, and when they withdraw. The
/// one who has blocked them hears nothing.
#[tokio::test]
async fn s14_asking_somebody_who_has_blocked_one_is_waiting() {
    let server = Server::run(&[]);
    let [asker, blocker, silent] = ["asker", "blocker", "silent"].map(|name| server.account(name));
    server.store.block(&blocker, &asker).unwrap();
    let mut at_blocker = server.login("blocker").await;
    let mut at_silent = server.login("silent").await;
    let mut at_asker = server.login("asker").await;
    let mut told = Vec::new();
    for whom in [&blocker, &silent] {
        let mut told_of_this = Vec::new();
        for request in [rtype::ADD_ROSTER, rtype::ADD_ROSTER, rtype::ROSTER] {
            at_asker.ask(request, Some(whom)).await;
            told_of_this.extend(without(at_asker.until_pong().await, whom));
        }
        at_asker.close().await;
        at_asker = server.login("asker").await;
        for request in [rtype::REMOVE_ROSTER, rtype::REMOVE_ROSTER, rtype::ADD_ROSTER] {
            at_asker.ask(request, Some(whom)).await;
            told_of_this.extend(without(at_asker.until_pong().await, whom));
        }
        told.push(told_of_this);
    }
    assert!(!told[0].is_empty());
    assert_eq!(told[0], told[1], "a block shows");
    assert_eq!(at_blocker.until_pong().await, []);
    let heard = at_silent.until_pong().await;
    assert!(matches!(&heard[..], [Told::Message(_), Told::Message(_), Told::Message(_)]));
    // When the block is lifted they start anew.
    at_blocker.ask(rtype::REMOVE_ROSTER, Some(&asker)).await;
    at_blocker.until_pong().await;
    at_asker.ask(rtype::ADD_ROSTER, Some(&blocker)).await;
    at_asker.until_pong().await;
    assert!(matches!(at_blocker.next().await, Told::Message(_)));
}

/// Whoever has asked and is blocked is told what somebody tells them who turns them down.
#[tokio::test]
async fn s14_to_be_blocked_is_to_be_turned_down() {
    let server = Server::run(&[]);
    let [blocker, other, asker] = ["blocker", "other", "asker"].map(|name| server.account(name));
    let mut at_asker = server.login("asker").await;
    let mut told = Vec::new();
    for (whom, name, answer) in
        [(&blocker, "blocker", rtype::BLOCK_ROSTER), (&other, "other", rtype::REMOVE_ROSTER)]
    {
        at_asker.ask(rtype::ADD_ROSTER, Some(whom)).await;
        at_asker.until_pong().await;
        let mut at_other = server.login(name).await;
        at_other.ask(answer, Some(&asker)).await;
        at_other.until_pong().await;
        let mut told_of_this = without(at_asker.until_pong().await, whom);
        for request in [rtype::ROSTER, rtype::REMOVE_ROSTER, rtype::ADD_ROSTER] {
            at_asker.ask(request, Some(whom)).await;
            told_of_this.extend(without(at_asker.until_pong().await, whom));
        }
        told.push(
            told_of_this.into_iter().map(|told| told.replace(name, "name")).collect::<Vec<_>>(),
        );
    }
    assert!(!told[0].is_empty());
    assert_eq!(told[0], told[1], "a block shows");
}

/// What was told, without whom it is about.
fn without(told: Vec<Told>, whom: &str) -> Vec<String> {
    let told = told.into_iter().map(|mut told| {
        if let Told::Message(message) = &mut told {
            (message.id, message.timestamp) = (None, None);
        }
        format!("{told:?}").replace(whom, "whom")
    });
    told.collect()
}
