//! Numbers edges, and hands them to the webhook.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::online_users::OnlineUser;
use crate::host::command::Node;
use crate::webhooks::{Edge, State, Waiting};

/// Whether this server tells the webhook of an edge, and by which number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Posts {
    /// Another server does.
    No,
    /// The edges of one server by itself are counted.
    Counted,
    /// Those of several have numbers of their own.
    As(u64),
}

/// The counter of all edges, and where they go.
pub(crate) struct EdgeCounter {
    /// When the server started, in milliseconds since 1970; zero for one of several, whose edges
    /// are numbered as one.
    start_ms: u64,
    /// The number of the newest one.
    number: u64,
    webhook: Option<Arc<Waiting>>,
}

impl EdgeCounter {
    pub(crate) const fn new(start_ms: u64, webhook: Option<Arc<Waiting>>) -> Self {
        Self { start_ms, number: 0, webhook }
    }

    /// Returns when the server started, in milliseconds since 1970; zero for one of several.
    pub(super) const fn start_ms(&self) -> u64 {
        self.start_ms
    }

    /// Returns the number of the newest edge.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Has the webhook say that something may have been missed.
    pub(super) fn may_have_missed(&self) {
        if let Some(webhook) = &self.webhook {
            webhook.may_have_missed();
        }
    }

    /// Numbers an edge, and hands it to the webhook, if this server is to tell of it.
    pub(super) fn note(&mut self, posts: Posts, user: Node, state: State, online: OnlineUser) {
        self.number = match posts {
            Posts::No => return,
            Posts::Counted => self.number + 1,
            Posts::As(number) => number,
        };
        if let Some(webhook) = &self.webhook {
            let OnlineUser { since_ms, visible } = online;
            let (number, noted) = (self.number, Instant::now());
            webhook.note(Edge { number, user, state, visible, since_ms, noted });
        }
    }
}

/// Returns the time of day, in milliseconds since 1970.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
