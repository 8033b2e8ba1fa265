//! Nodes that are killed, paused, or cut off, and NATS that goes.

use std::time::{Duration, Instant};

use crate::nats::Nats;
use crate::nodes::{Node, SUSPECTS, all_hear, three};
use crate::number;
use crate::people::{Balancer, Crowd};
use crate::proxy::Cable;
use crate::talk::says_to;

const SUSPECTED: &str = "adsum_cluster_nodes{state=\"suspected\"}";

/// A node is killed while everybody talks. Its people log in at others within the grace, and nobody
/// hears of anybody that they are offline; one who does not come back is, once.
#[tokio::test]
async fn a_node_is_killed_under_load() {
    let (_nats, mut nodes) = three(&SUSPECTS).await;
    let mut ann = nodes[0].login("ann", &["bob"]).await;
    let mut bob = nodes[1].login("bob", &["ann"]).await;
    says_to(&mut bob, "here", &mut ann).await;
    let balancer = Balancer::of(&nodes);
    let crowd = Crowd::gather(30, 3, &balancer).await;
    crowd.talks_on(1_000).await;
    balancer.remove(&nodes[1]);
    nodes[1].kill();
    crowd.moves(30).await;
    for node in [&nodes[0], &nodes[2]] {
        node.until(SUSPECTED, |suspected| suspected == 1.0).await;
    }
    // Ann hears of bob when the grace is over, and all who have moved are where they are by then.
    assert_eq!(ann.heard().await, ("bob".to_owned(), "offline".to_owned()));
    crowd.talks_on(1_000).await;
    let seen = crowd.disperse().await;
    assert_eq!(seen.offline, []);
    assert_eq!(seen.moves, 30);
    drop(bob);
}

/// A node stands still for longer than it takes to be suspected: what its people say afterwards is
/// heard, and nothing else.
#[tokio::test]
async fn a_node_stands_still() {
    let (_nats, nodes) = three(&SUSPECTS).await;
    let [a, b, c] = &nodes;
    let mut ann = a.login("ann", &["bob", "cat"]).await;
    let mut bob = b.login("bob", &["ann", "cat"]).await;
    let mut cat = c.login("cat", &["ann", "bob"]).await;
    says_to(&mut ann, "one", &mut bob).await;
    assert_eq!(cat.heard().await, ("ann".to_owned(), "one".to_owned()));
    b.program().signal("-STOP");
    for node in [a, c] {
        node.until(SUSPECTED, |suspected| suspected == 1.0).await;
    }
    says_to(&mut ann, "two", &mut cat).await;
    b.program().signal("-CONT");
    all_hear(&nodes).await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "two".to_owned()));
    says_to(&mut bob, "back", &mut ann).await;
    assert_eq!(cat.heard().await, ("bob".to_owned(), "back".to_owned()));
    assert!(a.metric("adsum_cluster_suspicions_total").await >= 1.0);
}

/// NATS goes for less than the grace: each node goes on with what it knows and says so, and when it
/// is back everybody hears what is, and of nobody that they had been away.
#[tokio::test]
async fn nats_goes_and_comes_back() {
    let (mut nats, nodes) = three(&SUSPECTS).await;
    let [a, b, c] = &nodes;
    let mut ann = a.login("ann", &["abe", "bob"]).await;
    let mut abe = a.login("abe", &["ann"]).await;
    let mut bob = b.login("bob", &["ann"]).await;
    says_to(&mut ann, "one", &mut abe).await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "one".to_owned()));
    nats.kill();
    for node in &nodes {
        node.until("adsum_cluster_connected", |connected| connected == 0.0).await;
        node.until(SUSPECTED, |suspected| suspected == 2.0).await;
    }
    // Those on one node go on as before, and who comes is let in.
    says_to(&mut ann, "two", &mut abe).await;
    let mut cat = c.login("cat", &[]).await;
    assert_eq!(cat.until_pong().await, []);
    nats.resume().await;
    all_hear(&nodes).await;
    for node in &nodes {
        node.until("adsum_cluster_connected", |connected| connected == 1.0).await;
    }
    assert_eq!(bob.heard().await, ("ann".to_owned(), "two".to_owned()));
    says_to(&mut bob, "three", &mut ann).await;
}

/// NATS goes for long, and the grace is longer: who talks on one node is heard there all the time,
/// nobody is offline to anybody, and when it is back everybody hears what is. For so many seconds;
/// `scripts/proof cluster` has it gone for a full minute.
#[tokio::test]
async fn nats_is_gone_for_long_and_back() {
    let gone = Duration::from_secs(number("ADSUM_NATS_GONE_SECONDS", 5) as u64);
    let grace = (gone.as_secs() + 60).to_string();
    let graces = ["--grace-error", &grace, "--grace-going-away", &grace];
    let flags = [&SUSPECTS[..], &graces].concat();
    let (mut nats, nodes) = three(&flags).await;
    let [a, b, c] = &nodes;
    let mut ann = a.login("ann", &["abe", "bob", "cat"]).await;
    let mut abe = a.login("abe", &["ann"]).await;
    let mut bob = b.login("bob", &["ann"]).await;
    let mut cat = c.login("cat", &["ann"]).await;
    says_to(&mut ann, "one", &mut abe).await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "one".to_owned()));
    assert_eq!(cat.heard().await, ("ann".to_owned(), "one".to_owned()));
    says_to(&mut cat, "me", &mut ann).await;
    nats.kill();
    let began = Instant::now();
    for node in &nodes {
        node.until(SUSPECTED, |suspected| suspected == 2.0).await;
    }
    let mut words = 0;
    while began.elapsed() < gone {
        words += 1;
        says_to(&mut ann, &words.to_string(), &mut abe).await;
    }
    // Of those on other nodes she has heard nothing, as they have of her.
    assert_eq!(ann.until_pong().await, []);
    assert_eq!(bob.until_pong().await, []);
    nats.resume().await;
    all_hear(&nodes).await;
    // The newest, and nothing of what was in between.
    assert_eq!(bob.heard().await, ("ann".to_owned(), words.to_string()));
    assert_eq!(cat.heard().await, ("ann".to_owned(), words.to_string()));
    says_to(&mut bob, "here", &mut ann).await;
    says_to(&mut cat, "still me", &mut ann).await;
    for node in &nodes {
        assert!(node.metric("adsum_cluster_suspicions_total").await >= 2.0);
    }
}

/// NATS goes for longer than the grace: to whoever is elsewhere everybody is offline, once, and is
/// there again, once.
#[tokio::test]
async fn nats_goes_for_longer_than_the_grace() {
    let (mut nats, nodes) = three(&SUSPECTS).await;
    let [a, b, _] = &nodes;
    let mut ann = a.login("ann", &["bob"]).await;
    let mut bob = b.login("bob", &["ann"]).await;
    says_to(&mut ann, "one", &mut bob).await;
    says_to(&mut bob, "me", &mut ann).await;
    nats.kill();
    assert_eq!(bob.heard().await, ("ann".to_owned(), "offline".to_owned()));
    assert_eq!(ann.heard().await, ("bob".to_owned(), "offline".to_owned()));
    nats.resume().await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "one".to_owned()));
    assert_eq!(ann.heard().await, ("bob".to_owned(), "me".to_owned()));
    says_to(&mut ann, "two", &mut bob).await;
}

/// A node is cut off, first for less than the grace and then for longer, while its clients see no
/// difference.
#[tokio::test]
async fn a_split_heals() {
    let nats = Nats::start().await;
    let cable = Cable::to(nats.address).await;
    let (near, far) = (nats.url(), cable.url());
    let nodes = [("a", &near), ("b", &near), ("c", &far)];
    let nodes = nodes.map(|(name, url)| Node::start(name, url, &SUSPECTS));
    all_hear(&nodes).await;
    let [a, _, c] = &nodes;
    let mut ann = a.login("ann", &["cat"]).await;
    let mut cat = c.login("cat", &["ann"]).await;
    says_to(&mut ann, "one", &mut cat).await;
    says_to(&mut cat, "me", &mut ann).await;
    cable.pull();
    a.until(SUSPECTED, |suspected| suspected == 1.0).await;
    c.until(SUSPECTED, |suspected| suspected == 2.0).await;
    ann.say("two").await;
    cable.mend();
    all_hear(&nodes).await;
    assert_eq!(cat.heard().await, ("ann".to_owned(), "two".to_owned()));
    says_to(&mut cat, "still me", &mut ann).await;
    cable.pull();
    assert_eq!(cat.heard().await, ("ann".to_owned(), "offline".to_owned()));
    assert_eq!(ann.heard().await, ("cat".to_owned(), "offline".to_owned()));
    cable.mend();
    assert_eq!(cat.heard().await, ("ann".to_owned(), "two".to_owned()));
    assert_eq!(ann.heard().await, ("cat".to_owned(), "still me".to_owned()));
    says_to(&mut ann, "three", &mut cat).await;
}
