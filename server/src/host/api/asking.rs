//! Asks the engine's thread; what several kinds of requests have in common.

use serde_json::Value;
use tokio::sync::oneshot;

use super::problem::Problem;
use crate::host::command::{Command, Presence};
use crate::host::question::Question;
use crate::host::shared::Shared;
use crate::host::v1::table;

/// The most users on one page, and how many where the request does not say.
pub(super) const MAX_PAGE: usize = 1_000;
pub(super) const PAGE: usize = 100;
pub(super) const LIMIT: &str = "limit is from 1 to 1000";

/// Asks the engine's thread.
pub(super) async fn ask<T>(
    shared: &Shared,
    question: impl FnOnce(oneshot::Sender<T>) -> Question,
) -> Result<T, Problem> {
    let (reply, answer) = oneshot::channel();
    shared.command(Command::Ask(question(reply))).await;
    answer.await.map_err(|_| Problem::unavailable())
}

/// Returns what a session shows as it is told clients, or null.
pub(super) fn p(shown: Option<&Presence>) -> Value {
    // It was JSON when it came.
    shown.and_then(|shown| serde_json::from_str(&table::p_of(shown)).ok()).unwrap_or_default()
}
