//! Decisions in the form in which the engine's and the model's are compared.

use crate::User;
use adsum::{CloseReason, EndReason, SessionId, SessionKey};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A notice without its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    Presence { user: User, session: SessionId, first: bool, presence: u32 },
    Directed { user: User, session: SessionId, presence: u32 },
    DirectedOver { user: User, session: SessionId },
    Withdrawn { user: User, session: SessionId },
    Visibility { user: User, visible: bool },
    SessionEnded { user: User, session: SessionId },
    UserOffline { user: User },
    System { presence: u32 },
}

impl Notice {
    /// Returns whom it is about.
    pub const fn user(&self) -> Option<User> {
        match self {
            Self::Presence { user, .. }
            | Self::Directed { user, .. }
            | Self::DirectedOver { user, .. }
            | Self::Withdrawn { user, .. }
            | Self::Visibility { user, .. }
            | Self::SessionEnded { user, .. }
            | Self::UserOffline { user } => Some(*user),
            Self::System { .. } => None,
        }
    }
}

/// A decision with all receivers of its notice, however many chunks it came in. Receivers are
/// attachments, so that one is not mistaken for the next of the same session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Deliver {
        notice: Notice,
        to: BTreeSet<SessionKey>,
    },
    Skipped {
        notice: Notice,
        to: BTreeSet<SessionKey>,
    },
    /// Of everything, or of the users named.
    Snapshot {
        to: SessionKey,
        visible: bool,
        named: Option<BTreeSet<User>>,
        entries: BTreeMap<SessionId, (User, u32)>,
    },
    Close {
        session: SessionKey,
        reason: CloseReason,
        resumable: bool,
    },
    Online {
        user: User,
        session: SessionKey,
        visible: bool,
    },
    Ended {
        user: User,
        session: SessionKey,
        id: SessionId,
        reason: EndReason,
        since: u64,
        last: bool,
        visible: bool,
    },
}

impl Decision {
    pub const fn notice(&self) -> Option<&Notice> {
        match self {
            Self::Deliver { notice, .. } | Self::Skipped { notice, .. } => Some(notice),
            _ => None,
        }
    }

    const fn receivers(&self) -> Option<&BTreeSet<SessionKey>> {
        match self {
            Self::Deliver { to, .. } | Self::Skipped { to, .. } => Some(to),
            _ => None,
        }
    }
}

/// What the model says must come out of one verb.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub decisions: Vec<Decision>,
    /// When a publish goes out that has to wait.
    pub waits_until: Option<u64>,
    /// Parts in which the order is the engine's own affair.
    pub unordered: Vec<Range<usize>>,
    /// Where the decisions about a deadline begin, and its moment.
    pub deadlines: Vec<(usize, u64)>,
}

impl Output {
    /// Marks what was added since there were `start` decisions as a part without order.
    pub fn unordered_since(&mut self, start: usize) {
        self.unordered.push(start..self.decisions.len());
    }

    /// Returns the moment of a decision about an input of this moment: that of the deadline at
    /// which it comes, or the input's own.
    pub fn moment(&self, decision: usize, input: u64) -> u64 {
        let deadline = self.deadlines.iter().rev().find(|(from, _)| *from <= decision);
        deadline.map_or(input, |(_, at)| *at)
    }

    /// Returns whether these decisions are what the model says.
    pub fn agrees_with(&self, engine: &[Decision]) -> bool {
        let mut model = self.decisions.clone();
        let mut engine = engine.to_vec();
        if model.len() != engine.len() {
            return false;
        }
        for part in &self.unordered {
            sort(&mut model[part.clone()]);
            sort(&mut engine[part.clone()]);
        }
        model == engine
    }
}

fn sort(part: &mut [Decision]) {
    part.sort_by(|a, b| (a.notice(), a.receivers()).cmp(&(b.notice(), b.receivers())));
}
