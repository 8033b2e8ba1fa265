//! The engine's thread's end of what goes between nodes.

use std::sync::Arc;

use adsum_cluster::{Incarnation, To};
use tokio::sync::{mpsc, oneshot, watch};

use super::metrics::ClusterMetrics;
use super::wire::Message;

/// How many messages may wait to be sent. Whatever is over is dropped, and asked for by the others.
const WAITING: usize = 1_024;

/// Something to send.
pub(crate) enum Outgoing {
    Message(To, Box<Message>),
    /// Answered when all before has gone out, or cannot.
    Flush(oneshot::Sender<()>),
}

/// The engine's thread's handle on the transport: it sends by it, and says how the engine is.
pub(crate) struct Handle {
    outgoing: mpsc::Sender<Outgoing>,
    ready: watch::Sender<bool>,
    failed: watch::Sender<Option<String>>,
    metrics: Arc<ClusterMetrics>,
}

/// The other ends.
pub(crate) struct Ends {
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    /// Whether clients may connect.
    pub(crate) ready: watch::Receiver<bool>,
    /// Why this server cannot go on, if it cannot.
    pub(crate) failed: watch::Receiver<Option<String>>,
    /// To say so.
    pub(crate) fail: watch::Sender<Option<String>>,
}

impl Handle {
    pub(crate) fn new(metrics: Arc<ClusterMetrics>) -> (Self, Ends) {
        let (outgoing, sent) = mpsc::channel(WAITING);
        let (ready, is_ready) = watch::channel(false);
        let (failed, has_failed) = watch::channel(None);
        let fail = failed.clone();
        let ends = Ends { outgoing: sent, ready: is_ready, failed: has_failed, fail };
        (Self { outgoing, ready, failed, metrics }, ends)
    }

    /// Hands a message on. Never waits.
    pub(crate) fn send(&self, to: To, message: Message) {
        if self.outgoing.try_send(Outgoing::Message(to, Box::new(message))).is_err() {
            self.metrics.dropped("queue_full");
        }
    }

    /// Has `done` be answered when all before has gone out.
    pub(crate) fn flush(&self, done: oneshot::Sender<()>) {
        // Dropped if the queue is full, which answers it too.
        let _ = self.outgoing.try_send(Outgoing::Flush(done));
    }

    /// Says whether clients may connect.
    pub(crate) fn set_ready(&self) {
        self.ready.send_if_modified(|ready| !std::mem::replace(ready, true));
    }

    /// Notes that a message was refused.
    pub(crate) fn refused(&self, fault: adsum_cluster::Fault) {
        self.metrics.refused(fault_name(fault));
        tracing::debug!(%fault, "a message of another node was refused");
    }

    /// Says that a later server has this one's name, and that this one has to stop: the others
    /// listen to the later one alone.
    pub(crate) fn is_replaced_by(&self, theirs: Incarnation) {
        let why = format!(
            "another server with this node's name was started at {} (ms since 1970), and the \
             others listen to that one: each needs a name of its own",
            theirs.started_ms
        );
        fail(&self.failed, why);
    }
}

/// Says why this server cannot go on. The first reason stands.
pub(super) fn fail(failed: &watch::Sender<Option<String>>, why: String) {
    failed.send_if_modified(|failed| {
        let is_first = failed.is_none();
        failed.get_or_insert(why);
        is_first
    });
}

const fn fault_name(fault: adsum_cluster::Fault) -> &'static str {
    use adsum_cluster::Fault;
    match fault {
        Fault::Protocol { .. } => "protocol",
        Fault::OtherCluster => "other_cluster",
        Fault::NotTheSender => "not_the_sender",
        Fault::NotForMe => "not_for_me",
        Fault::NameTaken { .. } => "name_taken",
        Fault::OldIncarnation { .. } => "old_incarnation",
        Fault::TooManyNodes => "too_many_nodes",
        Fault::TooLarge => "too_many_users",
        Fault::Malformed => "impossible",
        Fault::NotAnOrder => "not_an_order",
        Fault::Clock => "clock",
        _ => "other",
    }
}
