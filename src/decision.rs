//! What the host must do: the output of every verb.

use crate::key::{SessionId, SessionKey, Slot, TopicKey};
use crate::notice::Notice;
use crate::reason::{CloseReason, EndReason};
use crate::snapshot::{Changes, Snapshot, TopicSnapshot};
use crate::time::Time;

/// What the host must do now, or should know.
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
    /// Send one session what all whom it may see show now, or all whom it has just asked to
    /// [watch](crate::Engine::watch): see [`Snapshot::scope`].
    Snapshot(Snapshot<'a, K, P>),
    /// Tell sessions what a topic is like at this moment.
    Topic(TopicSnapshot<'a, K, P>),
    /// Tell sessions what has changed in a topic.
    Changes(Changes<'a, K, P>),
    /// Somebody is in a topic from now on
    /// ([rule T13](crate::rules#rule-t13-empty-topics)). Only the host is told.
    TopicOccupied {
        /// The topic's name.
        topic: &'a K,
        /// Its key.
        key: TopicKey,
    },
    /// Nobody is in a topic any more, observers included: its key is stale. Only the host is told,
    /// after all notices about it.
    TopicVacated {
        /// The topic's name.
        topic: &'a K,
        /// The key that it had.
        key: TopicKey,
    },
    /// `notice`, a directed presence, a system notice or what was said in a topic, was not sent to
    /// the sessions in `to`, because they are congested. It will not be sent later: only state is.
    Skipped {
        /// What they are not told.
        notice: Notice<'a, K, P>,
        /// Who is not told: at least one, at most 4,096, none twice.
        to: &'a [Slot],
    },
    /// Close the connection of an attachment. It is never given for one that has no connection,
    /// nor for what the host did itself:
    ///
    /// | what happened | `Close` | the connection |
    /// | --- | --- | --- |
    /// | `disconnect`, `lost` | none | the host has closed it, or closes it now |
    /// | `resume` while it has one | first | the old one goes: `SlotMap::insert` gives it back |
    /// | a lapsed lease, an eviction, `expel` | before the notices | goes now |
    ///
    /// Unless it is `resumable`, the key is stale.
    Close {
        /// The key of the attachment that the connection belongs to.
        session: SessionKey,
        /// Why.
        reason: CloseReason,
        /// Whether the session is now detached, so that it can still be resumed within its grace:
        /// its key is then good for [`resume`](crate::Engine::resume). Otherwise it has ended, or
        /// another connection has it.
        resumable: bool,
    },
    /// A user's first session has connected
    /// ([rule 18](crate::rules#rule-18-edges-alternate)). Only the host is told.
    Online {
        /// Whose session.
        user: &'a K,
        /// The session.
        session: SessionKey,
        /// Whether the user is visible at this moment.
        visible: bool,
    },
    /// A session has ended: the host can forget what it keeps for it. Given once for each session,
    /// whatever the cause, after the notices about its end
    /// ([rule 6](crate::rules#rule-6-the-end-of-a-session)).
    Ended {
        /// Whose session it was.
        user: &'a K,
        /// The key of its last attachment, which is stale.
        session: SessionKey,
        /// What receivers knew it by.
        id: SessionId,
        /// Why it ended.
        reason: EndReason,
        /// When its connection was gone: of a detached session, the moment at which it was lost;
        /// otherwise that of its end.
        since: Time,
        /// Whether it was the user's last, so that the user is offline from now on.
        last: bool,
        /// Whether the user was visible.
        visible: bool,
    },
}
