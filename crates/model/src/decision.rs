//! Decisions in the form in which the engine's and the model's are compared.

use crate::User;
use crate::choice::State;
use adsum::{
    CloseReason, EndReason, LeaveReason, LostCause, SessionId, SessionKey, TopicCounts, TopicKey,
    View,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A notice without its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    Presence { user: User, session: SessionId, first: bool, presence: u32 },
    User { user: User, first: bool, idle_since: Option<u64>, presence: u32 },
    Directed { user: User, session: SessionId, presence: u32 },
    DirectedOver { user: User, session: SessionId },
    Withdrawn { user: User, session: SessionId },
    Visibility { user: User, visible: bool },
    SessionEnded { user: User, session: SessionId },
    UserOffline { user: User },
    System { presence: u32 },
    Joined { topic: User, user: User, session: SessionId, presence: Option<u32> },
    Member { topic: User, user: User, session: SessionId, first: bool, presence: Option<u32> },
    MemberSessionEnded { topic: User, user: User, session: SessionId },
    Left { topic: User, user: User, why: Why },
    TopicClosed { topic: User, removed: bool },
    Said { topic: User, user: User, session: SessionId, presence: u32 },
    SaidOver { topic: User, user: User, session: SessionId },
}

/// Why a user is no member of a topic any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    Left,
    Removed,
    Disconnected,
    Lost(LostCause),
    Evicted,
    Expelled,
}

impl From<EndReason> for Why {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::Disconnected => Self::Disconnected,
            EndReason::Lost(cause) => Self::Lost(cause),
            EndReason::Evicted => Self::Evicted,
            EndReason::Expelled => Self::Expelled,
            other => unreachable!("the model does not know {other:?}"),
        }
    }
}

impl From<LeaveReason> for Why {
    fn from(reason: LeaveReason) -> Self {
        match reason {
            LeaveReason::Left => Self::Left,
            LeaveReason::Removed => Self::Removed,
            LeaveReason::Ended(reason) => reason.into(),
            other => unreachable!("the model does not know {other:?}"),
        }
    }
}

impl Notice {
    /// Returns whom it is about.
    pub const fn user(&self) -> Option<User> {
        match self {
            Self::Presence { user, .. }
            | Self::User { user, .. }
            | Self::Directed { user, .. }
            | Self::DirectedOver { user, .. }
            | Self::Withdrawn { user, .. }
            | Self::Visibility { user, .. }
            | Self::SessionEnded { user, .. }
            | Self::UserOffline { user }
            | Self::Joined { user, .. }
            | Self::Member { user, .. }
            | Self::MemberSessionEnded { user, .. }
            | Self::Left { user, .. }
            | Self::Said { user, .. }
            | Self::SaidOver { user, .. } => Some(*user),
            Self::System { .. } | Self::TopicClosed { .. } => None,
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
        /// Those of whom one state is told.
        users: BTreeMap<User, State>,
    },
    /// What a topic is like, as all of these are shown it.
    Topic {
        topic: User,
        view: View,
        counts: TopicCounts,
        entries: Vec<(User, SessionId, Option<u32>)>,
        to: BTreeSet<SessionKey>,
    },
    /// What has changed in a topic, for all of these.
    Changes {
        topic: User,
        view: View,
        counts: TopicCounts,
        changes: Gathered,
        to: BTreeSet<SessionKey>,
    },
    TopicOccupied {
        topic: User,
        key: TopicKey,
    },
    TopicVacated {
        topic: User,
        key: TopicKey,
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

/// What a tick tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    pub shown: BTreeMap<SessionId, (User, Option<u32>)>,
    pub ended: BTreeMap<SessionId, User>,
    pub left: BTreeMap<User, Why>,
}

/// What a receiver may be told once more though it knows it: what sessions show, which have ended
/// of users who are there, and who has left, with each reason that it may be told.
#[derive(Clone, Debug, Default)]
pub struct Again {
    pub shown: BTreeMap<SessionId, (User, Option<u32>)>,
    pub ended: BTreeMap<SessionId, User>,
    pub left: BTreeSet<(User, Why)>,
}

impl Again {
    /// Returns whether there is nothing of the kind.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty() && self.ended.is_empty() && self.left.is_empty()
    }
}

impl Gathered {
    /// Returns whether this may be told with those words: it is all there, and nothing else but
    /// what is told once more.
    pub fn may_be(&self, told: &Self, again: &Again) -> bool {
        let Self { shown, ended, left } = self;
        let is_meant =
            |(id, of): (&SessionId, _)| shown.get(id).or_else(|| again.shown.get(id)) == Some(of);
        let has_left = |(user, why): (&User, &Why)| {
            left.get(user) == Some(why) || again.left.contains(&(*user, *why))
        };
        let has_ended =
            |(id, of): (&SessionId, _)| ended.get(id).or_else(|| again.ended.get(id)) == Some(of);
        ended.keys().all(|id| told.ended.contains_key(id))
            && told.ended.iter().all(has_ended)
            && left.keys().all(|user| told.left.contains_key(user))
            && told.left.iter().all(has_left)
            && shown.keys().all(|id| told.shown.contains_key(id))
            && told.shown.iter().all(is_meant)
    }

    /// Returns the number of changes.
    pub fn len(&self) -> usize {
        self.shown.len() + self.ended.len() + self.left.len()
    }

    /// Returns whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
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
            Self::Deliver { to, .. }
            | Self::Skipped { to, .. }
            | Self::Topic { to, .. }
            | Self::Changes { to, .. } => Some(to),
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
}

impl Output {
    /// Marks what was added since there were `start` decisions as a part without order.
    pub fn unordered_since(&mut self, start: usize) {
        self.unordered.push(start..self.decisions.len());
    }

    /// Returns the number of notices, and of entries of snapshots.
    pub fn notices(&self) -> u64 {
        let mut told = None;
        let mut notices = 0;
        for decision in &self.decisions {
            notices += match decision {
                // Whoever is skipped misses the notice that others have received.
                Decision::Skipped { notice, .. } => u64::from(told != Some(notice)),
                Decision::Deliver { .. } | Decision::Changes { .. } => 1,
                Decision::Snapshot { entries, users, .. } => (entries.len() + users.len()) as u64,
                Decision::Topic { entries, .. } => entries.len() as u64,
                _ => 0,
            };
            told = decision.notice();
        }
        notices
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

    /// Returns the same of decisions about notices whose numbers do not say where one ends and
    /// another, just like it, begins: whether everyone hears the same in the same order. (How many
    /// notices there were is known from the engine's count.)
    pub fn agrees_without_numbers(&self, engine: &[Decision]) -> bool {
        let model = one_by_one(&self.decisions);
        let mut engine = one_by_one(engine);
        if model.len() != engine.len() {
            return false;
        }
        let place = |at: usize| one_by_one(&self.decisions[..at]).len();
        let unordered = self.unordered.iter().map(|part| place(part.start)..place(part.end));
        let unordered: Vec<Range<usize>> = unordered.filter(|part| !part.is_empty()).collect();
        let mut at = 0;
        while at < model.len() {
            let part = unordered.iter().find(|part| part.start == at);
            let end = part.map_or(at + 1, |part| part.end);
            if !begins_with(&mut engine[at..], &model[at..end]) {
                return false;
            }
            at = end;
        }
        true
    }
}

/// Returns whether these decisions begin with those of a part, in any order. Of like notices, of
/// which some may come behind the part, those that it needs are put first.
fn begins_with(decisions: &mut [Decision], part: &[Decision]) -> bool {
    let is_alike = |at: &usize| are_of_one_notice(&decisions[*at - 1], &decisions[*at]);
    let from = (1..part.len()).rev().find(|at| !is_alike(at)).unwrap_or(0);
    let end = (part.len()..decisions.len()).find(|at| !is_alike(at)).unwrap_or(decisions.len());
    let mut left = part.to_vec();
    for decision in &decisions[..from] {
        match left.iter().position(|needed| needed == decision) {
            Some(at) => drop(left.swap_remove(at)),
            None => return false,
        }
    }
    for (at, needed) in (from..).zip(&left) {
        match decisions[at..end].iter().position(|decision| decision == needed) {
            Some(found) => decisions.swap(at, at + found),
            None => return false,
        }
    }
    true
}

/// Returns the decisions with one receiver each.
fn one_by_one(decisions: &[Decision]) -> Vec<Decision> {
    let mut all = Vec::new();
    for decision in decisions {
        let keys = decision.receivers().into_iter().flatten();
        let mut one = |decision| all.push(decision);
        match decision {
            Decision::Deliver { notice, .. } => keys.for_each(|key| {
                one(Decision::Deliver { notice: notice.clone(), to: BTreeSet::from([*key]) });
            }),
            Decision::Skipped { notice, .. } => keys.for_each(|key| {
                one(Decision::Skipped { notice: notice.clone(), to: BTreeSet::from([*key]) });
            }),
            Decision::Topic { .. } | Decision::Changes { .. } => keys.for_each(|key| {
                let mut alone = to_nobody(decision);
                if let Decision::Topic { to, .. } | Decision::Changes { to, .. } = &mut alone {
                    to.insert(*key);
                }
                one(alone);
            }),
            other => one(other.clone()),
        }
    }
    all
}

/// Returns whether two decisions may say the same to some receivers each.
fn are_of_one_notice(a: &Decision, b: &Decision) -> bool {
    match (a, b) {
        (
            Decision::Topic { .. } | Decision::Changes { .. },
            Decision::Topic { .. } | Decision::Changes { .. },
        ) => to_nobody(a) == to_nobody(b),
        _ => {
            a.notice().is_some()
                && a.notice() == b.notice()
                && std::mem::discriminant(a) == std::mem::discriminant(b)
        }
    }
}

/// Returns what a decision says in a topic, without those to whom.
fn to_nobody(decision: &Decision) -> Decision {
    let mut decision = decision.clone();
    if let Decision::Topic { to, .. } | Decision::Changes { to, .. } = &mut decision {
        to.clear();
    }
    decision
}

fn sort(part: &mut [Decision]) {
    part.sort_by(|a, b| (a.notice(), a.receivers()).cmp(&(b.notice(), b.receivers())));
}
