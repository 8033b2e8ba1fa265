//! The door of a cluster: what other nodes say of their users is seen as if they were here, and
//! told by the same rules.

mod edges;
mod limits;
mod lives;
mod local;
mod nodes;
mod observers;
mod order;
mod unseen;
mod words;

use adsum::{Grace, Options, TopicOptions};
use nodes::Nodes;

fn options() -> Options {
    Options {
        publish_rate: None,
        direct_rate: None,
        topic_rate: None,
        lease: None,
        settle_ms: 300,
        skew_ms: 50,
        max_sessions: 16,
        grace: Grace { node_loss_ms: 1_000, connection_error_ms: 500, ..Grace::default() },
        topics: TopicOptions { full_up_to: 200, ..TopicOptions::default() },
        ..Options::default()
    }
}

fn run(options: &Options, seed: u64, steps: usize) -> Nodes {
    let mut nodes = Nodes::new(options, seed);
    let go = |nodes: &mut Nodes| {
        for step in 0..steps {
            nodes.step()?;
            if step % 25 == 24 {
                nodes.agree()?;
            }
        }
        nodes.agree()
    };
    if let Err(wrong) = go(&mut nodes) {
        let from = nodes.log.len().saturating_sub(80);
        panic!("seed {seed}: {wrong}\n{}", nodes.log[from..].join("\n"));
    }
    nodes
}

#[test]
fn beliefs_are_true_at_every_node_and_all_nodes_agree() {
    let ends: usize = (0..50).map(|seed| run(&options(), seed, 150).ends).sum();
    assert!(ends > 500, "{ends} sessions ended");
}

#[test]
fn the_same_where_contacts_are_told_one_state_of_each_user() {
    let options = Options { idle_after_ms: Some(900), ..options() };
    let ends: usize = (100..150).map(|seed| run(&options, seed, 150).ends).sum();
    assert!(ends > 500, "{ends} sessions ended");
}

#[test]
fn the_same_with_ticks_and_without_holding_anything() {
    let mut options = options();
    (options.settle_ms, options.skew_ms) = (0, 0);
    (options.topics.full_up_to, options.topics.coalesce_ms) = (2, 60);
    options.grace.node_loss_ms = 0;
    for seed in 200..240 {
        run(&options, seed, 150);
    }
}
