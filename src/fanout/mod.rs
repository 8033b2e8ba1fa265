//! Who is told: what a verb leaves to be told, and how that becomes decisions one at a time.
//!
//! A verb changes the tables first and leaves [`Step`](plan::Step)s in the [`Plan`]. Receivers are
//! found when the decisions are taken, because they may be many.

mod changes;
mod closing;
pub(crate) mod deliveries;
pub(crate) mod plan;
mod receivers;
pub(crate) mod snapshots;
pub(crate) mod subject;
#[cfg(test)]
mod tests;
pub(crate) mod tick_news;
pub(crate) mod topic_steps;
pub(crate) mod topics;

pub(crate) use plan::Plan;
