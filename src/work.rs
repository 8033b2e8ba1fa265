//! What a verb has left to be told: steps that the drain turns into decisions one by one.

use crate::receivers::Receivers;
use crate::sessions::SessionIndex;
use crate::users::User;
use crate::{CloseReason, SessionKey, Slot};
use alloc::vec::Vec;
use core::ops::Range;

/// A part of one of the lists in [`Work`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Span {
    pub(crate) const fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.from == self.to
    }
}

/// What a notice says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    Presence {
        session: SessionIndex,
        first: bool,
    },
    Directed {
        session: SessionIndex,
    },
    Ended {
        user: User,
        session: SessionKey,
    },
    /// `gone`, a part of [`Work::gone`]: those sessions that contacts who see the user were told
    /// of and that no longer hold.
    Offline {
        user: User,
        gone: Span,
    },
    System,
}

/// Receivers that are worked out while the decisions are drained, because they may be many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan {
    /// The place, among those online, of the user whose list it is. It stays the user's until all
    /// steps that were there before the user's [`GoOffline`](Step::GoOffline) are done.
    pub(crate) place: u32,
    /// How many entries of the list are done.
    pub(crate) done: u32,
}

/// One notice and all who are to be told: no session stands in two of the three parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tell {
    pub(crate) about: About,
    /// The notice's number, given when the first of its decisions is made; zero until then.
    pub(crate) id: u64,
    /// The user whose contacts are told; `None` again when all of them are done.
    pub(crate) contacts: Option<Scan>,
    /// The user whose own sessions are told, likewise.
    pub(crate) own: Option<Scan>,
    /// One of the user's own sessions that is not told.
    pub(crate) except: Option<SessionIndex>,
    /// Sessions named one by one: a part of [`Work::listed`].
    pub(crate) listed: Span,
    /// Congested sessions that the host is told of: a part of [`Work::listed`].
    pub(crate) skipped: Span,
}

impl Tell {
    pub(crate) const fn new(about: About) -> Self {
        let none = Span { from: 0, to: 0 };
        let (contacts, own, except) = (None, None, None);
        Self { about, id: 0, contacts, own, except, listed: none, skipped: none }
    }

    /// Is nobody left to be told, but for those already found?
    pub(crate) const fn is_done(&self) -> bool {
        let nobody = self.contacts.is_none() && self.own.is_none();
        nobody && self.listed.is_empty() && self.skipped.is_empty()
    }

    pub(crate) fn contacts_of(self, place: u32) -> Self {
        Self { contacts: Some(Scan { place, done: 0 }), ..self }
    }

    pub(crate) fn own_sessions_of(self, place: u32, except: Option<SessionIndex>) -> Self {
        Self { own: Some(Scan { place, done: 0 }), except, ..self }
    }

    pub(crate) fn listed(self, listed: Span) -> Self {
        Self { listed, ..self }
    }
}

/// A snapshot on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotOf {
    pub(crate) to: SessionIndex,
    /// How much of the audience is done.
    pub(crate) done: u32,
    /// How many sessions of the contact at `done` are done.
    pub(crate) done_sessions: u32,
    pub(crate) is_first: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Close {
        session: SessionKey,
        reason: CloseReason,
        resumable: bool,
    },
    Tell(Tell),
    Snapshot(SnapshotOf),
    /// A session has to go for a newer one of its user.
    Evict {
        victim: SessionIndex,
        newcomer: SessionIndex,
    },
    /// The notices about the end of the user's last session are out: what is kept can go.
    GoOffline {
        user: User,
    },
    /// The notices about the user are out: a reference to it can go.
    Release {
        user: User,
    },
}

/// The steps, and the buffers they refer to. All of it is empty between a drain and the next verb;
/// the memory stays.
pub(crate) struct Work<P> {
    steps: Vec<Step>,
    /// How many of them are done.
    done: usize,
    /// Receivers named one by one.
    pub(crate) listed: Vec<SessionIndex>,
    /// Sessions that no longer hold.
    pub(crate) gone: Vec<SessionKey>,
    /// What is said by a directed or system notice.
    pub(crate) saying: Option<P>,
    /// Presences that no longer hold. Dropping one runs the host's code, which may panic, so it is
    /// done when everything is in order, and before anyone is told.
    pub(crate) dead: Vec<P>,
    /// The notice that is being told.
    pub(crate) telling: Tell,
    /// The receivers of the decision that is being made.
    pub(crate) receivers: Receivers,
    /// Contacts whose sessions must be looked at one by one.
    pub(crate) unusual: Vec<User>,
    /// Receivers found that wait for room in a decision.
    pub(crate) spilled: Vec<Slot>,
    /// Contacts left over when the blocked ones are taken out.
    pub(crate) unblocked: Vec<User>,
    /// The entries of the snapshot that is being made.
    pub(crate) entries: Vec<SessionIndex>,
}

impl<P> Default for Work<P> {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            done: 0,
            telling: Tell::new(About::System),
            listed: Vec::new(),
            gone: Vec::new(),
            saying: None,
            dead: Vec::new(),
            receivers: Receivers::default(),
            unusual: Vec::new(),
            spilled: Vec::new(),
            unblocked: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl<P> Work<P> {
    pub(crate) fn is_done(&self) -> bool {
        let nothing_said = self.saying.is_none() && self.dead.is_empty();
        self.steps.len() == self.done
            && nothing_said
            && self.listed.is_empty()
            && self.gone.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.steps.clear();
        self.done = 0;
        self.listed.clear();
        self.gone.clear();
        self.unusual.clear();
        self.spilled.clear();
        self.dead.extend(self.saying.take());
    }

    /// The step to do now.
    pub(crate) fn step(&self) -> Option<&Step> {
        self.steps.get(self.done)
    }

    /// The step to do now is done, but for this.
    pub(crate) fn go_on_with(&mut self, step: Step) {
        if let Some(place) = self.steps.get_mut(self.done) {
            *place = step;
        }
    }

    /// The step to do now is done.
    pub(crate) fn step_is_done(&mut self) {
        self.done += 1;
        if self.done == self.steps.len() {
            self.steps.clear();
            self.done = 0;
        }
    }

    /// Something to do after all that is to be done already.
    pub(crate) fn then(&mut self, step: Step) {
        self.steps.push(step);
    }

    pub(crate) fn close(&mut self, session: SessionKey, reason: CloseReason, resumable: bool) {
        self.then(Step::Close { session, reason, resumable });
    }

    pub(crate) fn tell(&mut self, tell: Tell) {
        self.then(Step::Tell(tell));
    }

    pub(crate) fn listed_from(&self, from: usize) -> Span {
        Span { from: from as u32, to: self.listed.len() as u32 }
    }

    /// Names everyone listed from there on only once.
    pub(crate) fn make_listed_set(&mut self, from: usize) {
        let added = &mut self.listed[from..];
        added.sort_unstable();
        let mut kept = from;
        for at in from..self.listed.len() {
            if at == from || self.listed[at] != self.listed[kept - 1] {
                self.listed[kept] = self.listed[at];
                kept += 1;
            }
        }
        self.listed.truncate(kept);
    }

    pub(crate) fn gone_from(&self, from: usize) -> Span {
        Span { from: from as u32, to: self.gone.len() as u32 }
    }
}
