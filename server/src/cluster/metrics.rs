//! What an operator sees of the cluster.

use std::sync::atomic::{AtomicBool, Ordering};

use adsum_cluster::{ClusterStats, NodeState, NodeStatus};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::label::Word;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: Word,
}

/// What the sender and the receiver count.
#[derive(Debug, Default)]
pub(crate) struct ClusterMetrics {
    sent: Family<Kind, Counter>,
    received: Family<Kind, Counter>,
    sent_bytes: Counter,
    received_bytes: Counter,
    refused: Family<Reason, Counter>,
    dropped: Family<Reason, Counter>,
    is_connected: AtomicBool,
}

impl ClusterMetrics {
    pub(crate) fn register(&self, to: &mut Registry) {
        to.register("messages_sent", "Messages to other nodes, by kind", self.sent.clone());
        to.register("messages", "Messages of other nodes, by kind", self.received.clone());
        to.register("bytes_sent", "Bytes of messages to other nodes", self.sent_bytes.clone());
        to.register("bytes", "Bytes of messages of other nodes", self.received_bytes.clone());
        to.register("refused", "Messages that were refused, by reason", self.refused.clone());
        to.register("dropped", "Messages that could not be sent, by reason", self.dropped.clone());
    }

    pub(super) fn sent(&self, kind: &'static str, bytes: usize) {
        self.sent.get_or_create(&Kind { kind: Word(kind) }).inc();
        self.sent_bytes.inc_by(bytes as u64);
    }

    pub(super) fn received(&self, kind: &'static str, bytes: usize) {
        self.received.get_or_create(&Kind { kind: Word(kind) }).inc();
        self.received_bytes.inc_by(bytes as u64);
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason: Word(reason) }).inc();
    }

    pub(super) fn dropped(&self, reason: &'static str) {
        self.dropped.get_or_create(&Reason { reason: Word(reason) }).inc();
    }

    pub(super) fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Relaxed);
    }
}

/// What the engine's thread knows of the cluster at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterFigures {
    pub(crate) stats: ClusterStats,
    pub(crate) nodes: Vec<NodeStatus>,
    pub(crate) is_synced: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    node: String,
}

type Gauges<L> = Family<L, prometheus_client::metrics::gauge::Gauge>;

impl ClusterFigures {
    /// Registers what these figures say, and whether there is a connection to NATS.
    pub(crate) fn register(&self, metrics: &ClusterMetrics, to: &mut Registry) {
        let nodes = Gauges::<State>::default();
        for (state, name) in [
            (NodeState::Alive, "alive"),
            (NodeState::Suspected, "suspected"),
            (NodeState::Left, "left"),
        ] {
            let count = self.nodes.iter().filter(|node| node.state == state).count();
            nodes.get_or_create(&State { state: Word(name) }).set(count as i64);
        }
        to.register("nodes", "Other nodes, by how they are", nodes);
        let (lag, users) = (Gauges::<Named>::default(), Gauges::<Named>::default());
        for node in &self.nodes {
            let named = Named { node: node.id.to_string() };
            lag.get_or_create(&named).set(node.seq.saturating_sub(node.held) as i64);
            users.get_or_create(&named).set(node.users as i64);
        }
        to.register("lag", "Changes of a node that it has made and that are not known here", lag);
        to.register("users", "Users of a node that are known here", users);
        let is_connected = i64::from(metrics.is_connected.load(Ordering::Relaxed));
        to.register("connected", "Whether NATS is there", ConstGauge::new(is_connected));
        let is_synced = i64::from(self.is_synced);
        to.register("synced", "Whether clients are let in", ConstGauge::new(is_synced));
        let stats = &self.stats;
        for (name, help, count) in [
            ("changes_sent", "Changes of own users that were told", stats.ops_sent),
            ("changes_taken", "Changes of other nodes that were taken", stats.ops_taken),
            ("changes_ignored", "Changes that were known, or after a gap", stats.ops_ignored),
            ("gaps", "Times that something was missing and asked for", stats.gaps),
            ("syncs_sent", "Answers given", stats.syncs_sent),
            ("syncs_taken", "Answers taken", stats.syncs_taken),
            ("wrong_digests", "Times that a checksum was wrong, and healed", stats.wrong_digests),
            ("suspicions", "Times that a node was suspected", stats.suspicions),
            ("evicted", "Own sessions that made way for others elsewhere", stats.evicted),
            ("orders_lost", "Inputs for other nodes that were given up", stats.orders_lost),
        ] {
            to.register(name, help, ConstCounter::new(count));
        }
    }
}
