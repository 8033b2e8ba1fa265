//! Nodes that are stopped and started, as an operator does it.

use std::time::Instant;

use futures_util::StreamExt as _;

use crate::nats::Nats;
use crate::nodes::{Node, all_hear, three};
use crate::number;
use crate::people::{Balancer, Crowd};
use crate::support::PATIENCE;
use crate::support::program::run_to_end;
use crate::talk::says_to;

/// How many people there are: three in each of so many groups.
fn groups() -> usize {
    number("ADSUM_CLUSTER_PEOPLE", 300) / 3
}

/// All nodes are started anew, one after the other, while everybody talks: nobody hears of anybody
/// that they are offline. `scripts/proof cluster` has a thousand people.
#[tokio::test]
async fn a_rolling_restart_is_no_news() {
    let people = 3 * groups();
    // So many more take so much longer to log in again.
    let grace = (people / 75).to_string();
    let flags = ["--grace-error", &grace, "--grace-going-away", &grace];
    let (_nats, mut nodes) = three(&flags).await;
    let balancer = Balancer::of(&nodes);
    let crowd = Crowd::gather(groups(), 3, &balancer).await;
    let mut moved = 0;
    for at in 0..nodes.len() {
        crowd.talks_on(people).await;
        let there = nodes[at].metric("adsum_connections").await as usize;
        assert!(there > 0, "{} has nobody", nodes[at].name);
        balancer.remove(&nodes[at]);
        nodes[at].tell_to_stop();
        nodes[at].stopped().await;
        moved += there - 1;
        crowd.moves(moved).await;
        nodes[at].start_again();
        all_hear(&nodes).await;
        balancer.add(&nodes[at]);
    }
    crowd.talks_on(people).await;
    let seen = crowd.disperse().await;
    assert_eq!(seen.offline, []);
    assert!(seen.moves >= moved, "{} have moved", seen.moves);
}

/// A node that stops tells its clients one after the other to go, and each connection is over as
/// soon as the client has answered: a client that waits for that does not come with all others.
#[tokio::test]
async fn connections_of_a_node_that_stops_end_one_by_one() {
    const CLIENTS: usize = 20;
    let (_nats, nodes) = three(&[]).await;
    let mut clients = Vec::new();
    for nth in 0..CLIENTS {
        clients.push(nodes[0].login(&format!("user{nth}"), &[]).await);
    }
    nodes[0].tell_to_stop();
    let ends = futures_util::future::join_all(clients.into_iter().map(async |mut client| {
        let code = client.close_code().await;
        let told = Instant::now();
        let over =
            tokio::time::timeout(PATIENCE, async { while client.ws.next().await.is_some() {} });
        over.await.expect("the end of the connection");
        (code, told, Instant::now())
    }))
    .await;
    assert!(ends.iter().all(|(code, ..)| *code == 1_001));
    let last_told = ends.iter().map(|(_, told, _)| *told).max();
    let first_over = ends.iter().map(|(.., over)| *over).min();
    assert!(first_over < last_told, "{ends:?}");
}

/// A second server of the same name is refused, and the first one goes on.
#[tokio::test]
async fn a_name_is_not_used_twice() {
    let nats = Nats::start().await;
    let url = nats.url();
    let nodes = ["a", "b"].map(|name| Node::start(name, &url, &[]));
    all_hear(&nodes).await;
    let [a, b] = &nodes;
    let mut ann = a.login("ann", &["bob"]).await;
    let mut bob = b.login("bob", &["ann"]).await;
    says_to(&mut ann, "one", &mut bob).await;
    let second = tokio::task::spawn_blocking(move || {
        let secret = "the secret of whoever keeps the accounts";
        let flags = ["--store", "jwt", "--jwt-secret", secret, "--client-listen", "127.0.0.1:0"];
        let cluster = ["--cluster", &url, "--node", "a", "--drain-timeout", "0"];
        run_to_end(&[&flags[..], &cluster].concat(), &[])
    });
    let said = second.await.unwrap();
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("another server of this name is running"), "{}", said.err);
    says_to(&mut ann, "two", &mut bob).await;
    says_to(&mut bob, "me", &mut ann).await;
    assert_eq!(b.metric("adsum_cluster_suspicions_total").await, 0.0);
}
