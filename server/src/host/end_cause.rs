//! The words for why a session has ended, in metrics and in what a webhook is told.

use adsum::{EndReason, LostCause};

/// Returns the word for why a session has ended.
pub(crate) const fn end_cause(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Disconnected => "disconnected",
        EndReason::Lost(LostCause::ConnectionError) => "connection_error",
        EndReason::Lost(LostCause::Timeout) => "timeout",
        EndReason::Lost(LostCause::GoingAway) => "going_away",
        EndReason::Evicted => "evicted",
        EndReason::Expelled => "expelled",
        _ => "other",
    }
}
