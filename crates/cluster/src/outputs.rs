//! What the host is to do: decisions of the engine, and messages to send.

use crate::desk::Desk;
use crate::message::{Message, To};
use adsum::{Decision, Decisions, DefaultHashBuilder, SessionKey, Time};
use core::fmt;
use core::hash::{BuildHasher, Hash};

/// The next thing to do about what a node was told.
#[must_use = "what nobody does is told to nobody"]
#[derive(Debug)]
pub enum Next<'c, K: Eq + Hash + Clone, P, S: BuildHasher = DefaultHashBuilder> {
    /// Carry these decisions out.
    Decisions(Outputs<'c, K, P, S>),
    /// Post that this user is online: this node has posted that it is offline, and did not know
    /// then of sessions at another node ([rule C17](adsum::rules#rule-c17-who-posts)).
    PostOnline {
        /// Who.
        user: K,
        /// The number of the edge.
        number: u64,
    },
    /// Send this. Whoever cannot send it may drop it: what is missing is asked for.
    Send {
        /// To whom.
        to: To,
        /// What.
        message: Message<K, P>,
    },
}

/// A decision, and whether this node is the one that says so to the outside.
#[derive(Debug)]
pub struct Output<'a, K, P> {
    /// What to do.
    pub decision: Decision<'a, K, P>,
    /// Of [`Decision::Online`] and of [`Decision::Ended`] with `last`: the number of this edge, if
    /// it is this node that posts it, to a webhook for instance ([rule
    /// C17](adsum::rules#rule-c17-who-posts)). All nodes are told of each edge; one posts it. Of
    /// what was posted of a user the greatest number is the newest. `None` with all other
    /// decisions.
    pub posts_edge: Option<u64>,
}

/// The decisions about one input, to be taken one by one, as
/// [those of an engine](adsum::Decisions).
///
/// Dropping it before the end loses the notices that were not taken, but no state.
#[must_use = "decisions that nobody takes are notices that nobody gets"]
pub struct Outputs<'c, K: Eq + Hash + Clone, P, S: BuildHasher = DefaultHashBuilder> {
    decisions: Option<Decisions<'c, K, P, S>>,
    desk: &'c mut Desk<K, P, S>,
}

impl<'c, K: Eq + Hash + Clone, P, S: BuildHasher> Outputs<'c, K, P, S> {
    pub(crate) const fn new(
        decisions: Option<Decisions<'c, K, P, S>>,
        desk: &'c mut Desk<K, P, S>,
    ) -> Self {
        Self { decisions, desk }
    }

    /// Returns the session that the input was about: for a connect and a resume, the key of the
    /// new attachment.
    #[must_use]
    pub fn session(&self) -> Option<SessionKey> {
        self.decisions.as_ref()?.session()
    }

    /// Returns when an accepted publish goes out, if it has to wait for a token.
    #[must_use]
    pub fn waits_until(&self) -> Option<Time> {
        self.decisions.as_ref()?.waits_until()
    }

    /// Returns the next decision. `None` when there is none left.
    // Not an `Iterator`: each decision borrows from the engine until the next one is asked for.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Output<'_, K, P>> {
        let decision = self.decisions.as_mut()?.next()?;
        let posts_edge = self.desk.note(&decision);
        Some(Output { decision, posts_edge })
    }

    /// Takes all that are left.
    pub fn for_each(mut self, mut each: impl FnMut(Output<'_, K, P>)) {
        while let Some(output) = self.next() {
            each(output);
        }
    }
}

impl<K: Eq + Hash + Clone, P, S: BuildHasher> Drop for Outputs<'_, K, P, S> {
    fn drop(&mut self) {
        // What ends is noted, whoever takes the decisions.
        while self.next().is_some() {}
    }
}

impl<K: Eq + Hash + Clone, P, S: BuildHasher> fmt::Debug for Outputs<'_, K, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs").field("decisions", &self.decisions).finish_non_exhaustive()
    }
}
