//! Why connections are closed, sessions end and topics are left, in one list.

use crate::failure::Failure;
use crate::names::adsum_cause;
use adsum::{CloseReason, EndReason, LeaveReason, TopicClosing};

/// Why something came to its end.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_reason {
    /// Nothing did.
    ADSUM_REASON_NONE = 0,
    /// It was disconnected: a logout.
    ADSUM_REASON_DISCONNECTED = 1,
    /// It was lost, for the `cause` beside it, and not resumed in time.
    ADSUM_REASON_LOST = 2,
    /// A newer session of its user took its place.
    ADSUM_REASON_EVICTED = 3,
    /// An administrator expelled its user.
    ADSUM_REASON_EXPELLED = 4,
    /// Nothing was heard of the session for the length of its lease.
    ADSUM_REASON_LEASE_LAPSED = 5,
    /// The session was resumed on another connection.
    ADSUM_REASON_REPLACED = 6,
    /// Its last session in the topic has left.
    ADSUM_REASON_LEFT = 7,
    /// It was removed from the topic.
    ADSUM_REASON_REMOVED = 8,
    /// The topic was closed.
    ADSUM_REASON_CLOSED = 9,
    /// A reason that this version of the interface has no number for.
    ADSUM_REASON_OTHER = 10,
}

impl adsum_reason {
    /// Returns why a session has ended, by the numbers of the reason and the cause, which are
    /// called so.
    pub(crate) const fn read_end(
        (reason, cause): (u32, u32),
        called: [&'static str; 2],
    ) -> Result<EndReason, Failure> {
        Ok(match reason {
            1 => EndReason::Disconnected,
            2 => match adsum_cause::read_as(cause, called[1]) {
                Ok(cause) => EndReason::Lost(cause),
                Err(failure) => return Err(failure),
            },
            3 => EndReason::Evicted,
            4 => EndReason::Expelled,
            other => {
                let value = other as u64;
                return Err(Failure::Argument { argument: called[0], place: None, value });
            }
        })
    }
}

/// A reason and the cause of the loss, if it is one.
pub(crate) type Reason = (adsum_reason, adsum_cause);

const fn plain(reason: adsum_reason) -> Reason {
    (reason, adsum_cause::ADSUM_CAUSE_NONE)
}

pub(crate) const fn of_close(reason: CloseReason) -> Reason {
    plain(match reason {
        CloseReason::LeaseLapsed => adsum_reason::ADSUM_REASON_LEASE_LAPSED,
        CloseReason::Evicted => adsum_reason::ADSUM_REASON_EVICTED,
        CloseReason::Expelled => adsum_reason::ADSUM_REASON_EXPELLED,
        CloseReason::Replaced => adsum_reason::ADSUM_REASON_REPLACED,
        _ => adsum_reason::ADSUM_REASON_OTHER,
    })
}

pub(crate) fn of_end(reason: EndReason) -> Reason {
    plain(match reason {
        EndReason::Lost(cause) => return (adsum_reason::ADSUM_REASON_LOST, cause.into()),
        EndReason::Disconnected => adsum_reason::ADSUM_REASON_DISCONNECTED,
        EndReason::Evicted => adsum_reason::ADSUM_REASON_EVICTED,
        EndReason::Expelled => adsum_reason::ADSUM_REASON_EXPELLED,
        _ => adsum_reason::ADSUM_REASON_OTHER,
    })
}

pub(crate) fn of_leave(reason: LeaveReason) -> Reason {
    plain(match reason {
        LeaveReason::Ended(end) => return of_end(end),
        LeaveReason::Left => adsum_reason::ADSUM_REASON_LEFT,
        LeaveReason::Removed => adsum_reason::ADSUM_REASON_REMOVED,
        _ => adsum_reason::ADSUM_REASON_OTHER,
    })
}

pub(crate) const fn of_closing(reason: TopicClosing) -> Reason {
    plain(match reason {
        TopicClosing::Closed => adsum_reason::ADSUM_REASON_CLOSED,
        TopicClosing::Removed => adsum_reason::ADSUM_REASON_REMOVED,
        _ => adsum_reason::ADSUM_REASON_OTHER,
    })
}
