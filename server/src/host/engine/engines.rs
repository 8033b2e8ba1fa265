//! The engine, alone or as one of several: the same inputs and the same decisions.

use std::ops::Deref;
use std::time::Duration;

use adsum::{Decision, Decisions, Engine, Error, Event, SessionKey, Time};
use adsum_cluster::{Cluster, Incarnation, Outputs};

use super::edge_counter::Posts;
use crate::cluster::{ClusterFigures, Handle};
use crate::host::command::{Node, Presence};

/// The engine. It can be asked as one; what it is told goes through [`apply`](Self::apply).
pub(crate) enum Engines {
    Alone(Box<Engine<Node, Presence>>),
    OneOfSeveral(Box<OneOfSeveral>),
}

/// An engine among others.
pub(crate) struct OneOfSeveral {
    pub(crate) cluster: Cluster<Node, Presence>,
    pub(crate) incarnation: Incarnation,
    pub(crate) handle: Handle,
    /// Whether the other nodes may hear of it: not before it is certain that its name is its own.
    pub(crate) has_begun: bool,
}

/// The decisions about one input.
#[must_use = "decisions that nobody takes are notices that nobody gets"]
pub(super) enum Taken<'e> {
    Alone(Decisions<'e, Node, Presence>),
    OneOfSeveral(Outputs<'e, Node, Presence>),
}

/// What the engine says to an input.
pub(super) type Answer<'e> = Result<Taken<'e>, Error>;

impl Engines {
    pub(crate) fn alone(engine: Engine<Node, Presence>) -> Self {
        Self::Alone(Box::new(engine))
    }

    /// Gives an input.
    pub(super) fn apply(&mut self, now: Time, event: Event<Node, Presence>) -> Answer<'_> {
        match self {
            Self::Alone(engine) => engine.apply(now, event).map(Taken::Alone),
            Self::OneOfSeveral(node) => node.cluster.apply(now, event).map(Taken::OneOfSeveral),
        }
    }

    /// Does what is due.
    pub(super) fn advance(&mut self, now: Time) -> Taken<'_> {
        match self {
            Self::Alone(engine) => Taken::Alone(engine.advance(now)),
            Self::OneOfSeveral(node) => Taken::OneOfSeveral(node.cluster.advance(now)),
        }
    }

    /// Returns when something may be due.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self {
            Self::Alone(engine) => engine.deadline(),
            Self::OneOfSeveral(node) => node.has_begun.then(|| node.cluster.deadline()),
        }
    }

    /// Returns the engine's time when the server starts. Nodes go by the time of day, so that what
    /// one says after it was started anew is not older than what it said before.
    pub(super) const fn time_of_start(&self) -> Duration {
        match self {
            Self::Alone(_) => Duration::ZERO,
            Self::OneOfSeveral(node) => Duration::from_millis(node.incarnation.started_ms),
        }
    }

    /// Returns a number for an edge that is greater than that of any edge which came before it, at
    /// whatever node; `None` where edges are counted.
    pub(super) fn stamp(&mut self, now: Time) -> Option<u64> {
        Some(self.one_of_several()?.cluster.stamp(now))
    }

    /// Returns a number up to which all edges are known here, at whatever node they were; `None`
    /// where they are counted.
    pub(super) fn known_stamp(&self) -> Option<u64> {
        match self {
            Self::Alone(_) => None,
            Self::OneOfSeveral(node) => Some(node.cluster.known_until()),
        }
    }

    pub(super) fn one_of_several(&mut self) -> Option<&mut OneOfSeveral> {
        match self {
            Self::Alone(_) => None,
            Self::OneOfSeveral(node) => Some(node),
        }
    }

    /// Returns what is known of the other nodes, if there can be any.
    pub(super) fn cluster_figures(&self) -> Option<ClusterFigures> {
        let Self::OneOfSeveral(node) = self else { return None };
        let cluster = &node.cluster;
        let nodes = cluster.nodes().collect();
        let is_synced = node.has_begun && cluster.is_synced();
        Some(ClusterFigures { stats: cluster.stats(), nodes, is_synced })
    }
}

impl Deref for Engines {
    type Target = Engine<Node, Presence>;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Alone(engine) => engine,
            Self::OneOfSeveral(node) => node.cluster.engine(),
        }
    }
}

impl Taken<'_> {
    /// Returns the session that the input was about: of a connect and of a resume, the new key.
    pub(super) fn session(&self) -> Option<SessionKey> {
        match self {
            Self::Alone(decisions) => decisions.session(),
            Self::OneOfSeveral(outputs) => outputs.session(),
        }
    }

    /// Returns until when an accepted publish waits, if it is over the rate.
    pub(super) fn waits_until(&self) -> Option<Time> {
        match self {
            Self::Alone(decisions) => decisions.waits_until(),
            Self::OneOfSeveral(outputs) => outputs.waits_until(),
        }
    }

    /// Takes all decisions. The second of each says whether this server posts it, if it is an edge.
    pub(super) fn for_each(self, mut each: impl FnMut(Decision<'_, Node, Presence>, Posts)) {
        match self {
            Self::Alone(decisions) => decisions.for_each(|decision| each(decision, Posts::Counted)),
            Self::OneOfSeveral(outputs) => outputs.for_each(|output| {
                each(output.decision, output.posts_edge.map_or(Posts::No, Posts::As));
            }),
        }
    }
}
