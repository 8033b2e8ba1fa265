//! The protocol, with real engines and a network that loses, repeats and reorders.

pub(crate) mod breaks;
mod chaos;
mod cut;
mod expelled;
mod faults;
mod few;
mod group;
mod heard;
mod late;
mod leaving;
mod limits;
mod moves;
mod options;
mod pages;
mod past;
mod posts;
mod recovery;
mod search;
#[cfg(feature = "serde")]
mod wire;
mod words;
mod world;

use crate::{Cluster, ClusterConfig, Incarnation, NodeId};
use adsum::{Config, DefaultHashBuilder, Engine, Grace, Options, TopicOptions};

/// The engine's options in these tests: short times, no rates.
fn options() -> Options {
    Options {
        publish_rate: None,
        direct_rate: None,
        topic_rate: None,
        lease: None,
        settle_ms: 300,
        skew_ms: 50,
        max_sessions: 16,
        grace: Grace { node_loss_ms: 2_000, connection_error_ms: 700, ..Grace::default() },
        topics: TopicOptions { full_up_to: 200, ..TopicOptions::default() },
        ..Options::default()
    }
}

fn config() -> ClusterConfig {
    ClusterConfig { beat_ms: 100, suspect_ms: 500, join_ms: 300, ..ClusterConfig::default() }
}

fn name(at: usize) -> NodeId {
    NodeId::new(["a", "b", "c", "d", "e"][at]).expect("it is a name")
}

fn node(at: usize, life: u64, options: &Options, config: ClusterConfig) -> Cluster<u32, u32> {
    let engine = Engine::new(Config::new(options.clone()).expect("the options are in range"));
    let incarnation = Incarnation { started_ms: life, random: at as u64 };
    let hasher = DefaultHashBuilder::new();
    let cluster = Cluster::new(name(at), incarnation, config, engine, hasher);
    let mut cluster = cluster.expect("the numbers are in range");
    cluster.desk.broken = breaks::BROKEN.get();
    cluster
}
