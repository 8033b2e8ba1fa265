//! What others write to a cluster's subjects: refused, counted, and without effect.

use adsum_cluster::{Beat, Body, Incarnation, Message, NodeId, PROTOCOL};
use async_nats::Client;

use crate::nodes::{Node, SUSPECTS, three};
use crate::support::PATIENCE;
use crate::talk::says_to;

/// What a message says is of no account here.
type Said = Message<String, ()>;

/// The number that follows from the name `adsum`, as the servers have it.
const CLUSTER: u64 = number_of("adsum");

const fn number_of(name: &str) -> u64 {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < name.len() {
        hash = (hash ^ name.as_bytes()[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// The first beat of a node of this name.
fn beat(from: &str) -> Said {
    nth_beat(from, 1)
}

fn nth_beat(from: &str, round: u64) -> Said {
    let beat = Beat { round, seq: 0, digest: 0, users: 0, topics: 0, is_joining: false };
    Message {
        protocol: PROTOCOL,
        cluster: CLUSTER,
        from: NodeId::new(from).unwrap(),
        incarnation: Incarnation { started_ms: 7, random: 7 },
        clock: 1,
        body: Body::Beat(beat),
    }
}

fn bytes_of(message: &Said) -> Vec<u8> {
    [vec![1], postcard::to_allocvec(message).unwrap()].concat()
}

async fn say(nats: &Client, subject: &str, bytes: Vec<u8>) {
    nats.publish(subject.to_owned(), bytes.into()).await.unwrap();
    nats.flush().await.unwrap();
}

async fn refused(node: &Node, reason: &str) {
    let line = format!("adsum_cluster_refused_total{{reason=\"{reason}\"}}");
    node.until(&line, |count| count == 1.0).await;
}

/// Has `x` beat until `a` hears it and the two others.
async fn all_are_heard(a: &Node, writer: &Client, rounds: &mut impl Iterator<Item = u64>) {
    let heard = async {
        for round in rounds {
            say(writer, "adsum.adsum.s.x", bytes_of(&nth_beat("x", round))).await;
            if a.metric("adsum_cluster_nodes{state=\"alive\"}").await == 3.0 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("all three are heard");
}

#[tokio::test]
async fn what_is_no_message_changes_nothing() {
    let (nats, nodes) = three(&SUSPECTS).await;
    let [a, b, _] = &nodes;
    let mut ann = a.login("ann", &["bob"]).await;
    let mut bob = b.login("bob", &["ann"]).await;
    says_to(&mut ann, "one", &mut bob).await;
    let writer = async_nats::connect(nats.url()).await.unwrap();

    // Not ours.
    say(&writer, "adsum.adsum.s.x", b"hello there".to_vec()).await;
    refused(a, "other_form").await;
    say(&writer, "adsum.adsum.s.x", b"\x01hello there".to_vec()).await;
    refused(a, "malformed").await;
    // Something behind a message.
    let longer = [bytes_of(&beat("x")), vec![0]].concat();
    say(&writer, "adsum.adsum.n.a.x", longer).await;
    let line = "adsum_cluster_refused_total{reason=\"malformed\"}";
    a.until(line, |count| count == 2.0).await;
    // Ten megabytes.
    say(&writer, "adsum.adsum.s.x", vec![1; 10_000_000]).await;
    refused(a, "too_large").await;
    // A node that nobody can be called.
    say(&writer, "adsum.adsum.s.-.-", bytes_of(&beat("x"))).await;
    say(&writer, "adsum.adsum.s.x%x", bytes_of(&beat("x"))).await;
    refused(a, "subject").await;
    // Another version, and another cluster.
    say(&writer, "adsum.adsum.s.x", bytes_of(&Message { protocol: 2, ..beat("x") })).await;
    refused(a, "protocol").await;
    say(&writer, "adsum.adsum.s.x", bytes_of(&Message { cluster: 1, ..beat("x") })).await;
    refused(a, "other_cluster").await;
    // A node that speaks for another.
    say(&writer, "adsum.adsum.s.x", bytes_of(&beat("b"))).await;
    refused(a, "not_the_sender").await;
    // What a node said in an earlier life.
    say(&writer, "adsum.adsum.s.b", bytes_of(&beat("b"))).await;
    refused(a, "old_incarnation").await;

    assert_eq!(a.others().await, 2, "nobody else has come");
    says_to(&mut ann, "two", &mut bob).await;
    says_to(&mut bob, "me", &mut ann).await;
    // It was these messages that were not taken: the same, as a node would say it, is heard.
    let mut rounds = 1..;
    all_are_heard(a, &writer, &mut rounds).await;
    // When it says nothing more it is suspected. Whoever was kept from being heard by what others
    // wrote has been suspected by then, and is not heard again.
    a.until("adsum_cluster_nodes{state=\"suspected\"}", |suspected| suspected >= 1.0).await;
    all_are_heard(a, &writer, &mut rounds).await;
    assert_eq!(a.others().await, 3);
}
