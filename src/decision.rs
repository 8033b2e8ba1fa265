//! What the host must do: the output of every verb.

use crate::{Notice, SessionKey, Slot, Snapshot};

/// What the host must do now.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision<'a, K, P> {
    /// Send `notice` to each session in `to`: at least one, at most 4,096, none twice. A larger
    /// fan-out comes as several decisions with the same notice, id included.
    Deliver {
        /// What they are told.
        notice: Notice<'a, K, P>,
        /// Who is told: sessions that are attached at this moment.
        to: &'a [Slot],
    },
    /// Send one session the present state of all whom it may see.
    Snapshot(Snapshot<'a, K, P>),
    /// `notice`, a directed presence or a system notice, was not sent to the sessions in `to`,
    /// because they are congested. It will not be sent later: only state is.
    Skipped {
        /// What they are not told.
        notice: Notice<'a, K, P>,
        /// Who is not told: at least one, at most 4,096, none twice.
        to: &'a [Slot],
    },
    /// A session's connection must be closed, or what the host keeps for a detached session can
    /// go.
    Close {
        /// The session.
        session: SessionKey,
        /// Why.
        reason: CloseReason,
        /// Has the session been detached, so that it can still be resumed within its grace? If
        /// not, it has ended and its key is stale.
        resumable: bool,
    },
}

/// Why the engine closes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// Nothing was heard of it for the length of its lease.
    LeaseLapsed,
    /// A newer session of its user took its place.
    Evicted,
    /// An administrator expelled its user.
    Expelled,
    /// It was detached and nobody resumed it in time. There is no connection left to close.
    GraceOver,
}
