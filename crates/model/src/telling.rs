//! Who is told what: the ways in which the rules tell receivers of presences and endings.

use crate::missed::{Change, Missed, NOTES, NOTES_A_CONTACT};
use crate::{Decision, Model, Notice, Output, User};
use adsum::{OfflineNotices, SessionId};
use std::collections::{BTreeMap, BTreeSet};

/// What a receiver holds of a user that is going.
#[derive(Clone, Debug, Default)]
pub struct Holding {
    /// The sessions that it holds something of.
    pub sessions: Vec<(SessionId, Held)>,
    /// Whether it holds the one state of the user.
    pub state: bool,
    /// Whether it may hold something that was over before.
    pub unaware: bool,
    /// Whether it saw the user only by watching it.
    pub by_watch: bool,
}

/// What a receiver holds of a session that is going: something, at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whether it holds directed presence.
    pub directed: bool,
    /// Whether it holds what the session published.
    pub published: bool,
}

/// The receivers that hold something of a user that is going.
pub type Holders = BTreeMap<SessionId, Holding>;

impl Model {
    /// Delivers a notice. One that nobody receives is none.
    pub fn deliver(&self, out: &mut Output, notice: Notice, to: &BTreeSet<SessionId>) {
        if !to.is_empty() {
            let to = self.attachments(to);
            out.decisions.push(Decision::Deliver { notice, to });
        }
    }

    /// Tells these receivers the presence of a session, or notes that a congested one missed it.
    ///
    /// # Panics
    /// If the session shows nothing.
    pub fn tell_presence(
        &mut self,
        out: &mut Output,
        id: SessionId,
        first: bool,
        to: BTreeSet<SessionId>,
    ) {
        let session = self.shown(id).expect("it shows something");
        let user = session.user;
        let presence = session.presence.expect("only a session that has published is told of");
        let mut told = to;
        told.retain(|receiver| {
            let by_watch = self.only_watches(*receiver, user);
            self.is_told_or_notes(*receiver, |missed| {
                missed.note_shown((user, id), !first, by_watch);
            })
        });
        self.deliver(out, Notice::Presence { user, session: id, first, presence }, &told);
    }

    /// Returns the attached receivers that hold something of these sessions of one user.
    ///
    /// # Panics
    /// If they are not all of this user.
    pub fn holders(&self, user: User, sessions: &[SessionId]) -> Holders {
        let mut holders = Holders::new();
        for receiver in self.attached(|id, _| !sessions.contains(&id)) {
            let mut held = Vec::new();
            for id in sessions {
                let session = self.shown(*id).expect("it may show something");
                assert_eq!(session.user, user, "all are of one user");
                let directed = session.told(self.sessions[&receiver].key).is_some();
                let published = session.presence.is_some() && self.reaches(*id, receiver);
                if directed || published {
                    held.push((*id, Held { directed, published }));
                }
            }
            if !held.is_empty() {
                self.add_holder(&mut holders, receiver, user).sessions = held;
            }
        }
        holders
    }

    /// Adds a receiver that is told of the end of what it sees, or may have seen, of a user.
    pub fn add_holder<'h>(
        &self,
        holders: &'h mut Holders,
        receiver: SessionId,
        user: User,
    ) -> &'h mut Holding {
        let by_watch = self.only_watches(receiver, user);
        holders.entry(receiver).or_insert_with(|| Holding { by_watch, ..Holding::default() })
    }

    /// Adds those who hold the one state of a user, if that is what is told and there is one.
    pub fn add_holders_of_state(&self, holders: &mut Holders, user: User) {
        if self.state_of(user).is_some() {
            for receiver in self.onlookers(user) {
                self.add_holder(holders, receiver, user).state = true;
            }
        }
    }

    /// Returns the sessions of these viewers that hold something of the user, or may hold
    /// something that is over.
    pub fn holders_among(&self, user: User, viewers: &BTreeSet<User>) -> Holders {
        let mut holders = self.holders(user, &self.showing_of(user));
        self.add_holders_of_state(&mut holders, user);
        if let Some(account) = self.accounts.get(&user) {
            for receiver in self.attached(|_, session| account.unaware.contains(&session.key)) {
                self.add_holder(&mut holders, receiver, user).unaware = true;
            }
        }
        holders.retain(|receiver, _| viewers.contains(&self.sessions[receiver].user));
        holders
    }

    /// Tells these receivers that what they held is over, or notes that a congested one missed it.
    ///
    /// # Panics
    /// If the notice is about nobody.
    pub fn tell_ending(&mut self, out: &mut Output, notice: Notice, to: &Holders) {
        let user = notice.user().expect("an ending is about a user");
        let offline = notice == Notice::UserOffline { user };
        let over = |session| Notice::DirectedOver { user, session };
        let mut told = BTreeSet::new();
        for (receiver, Holding { sessions, state, unaware, by_watch }) in to {
            let directed: Vec<_> = sessions.iter().filter(|(_, held)| held.directed).collect();
            // What was directed, or may have been, did not come by a watch.
            let by_watch_alone = *by_watch && directed.is_empty() && !unaware;
            let is_told = self.is_told_or_notes(*receiver, |_| {});
            for (id, _) in &directed {
                self.is_told_or_notes(*receiver, |missed| match notice {
                    Notice::DirectedOver { .. } => missed.note_directed_over(user, *id),
                    _ => missed.note_directed_ended(user, *id),
                });
            }
            if offline && !directed.is_empty() {
                self.is_told_or_notes(*receiver, |missed| {
                    missed.note_offline(user, *unaware, false);
                });
            }
            for (id, held) in sessions {
                // What is directed alone may be over, and what the session published not.
                if !held.directed || held.published && notice != over(*id) {
                    self.is_told_or_notes(*receiver, |missed| {
                        missed.note_ended(user, *id, *by_watch);
                    });
                }
            }
            if *state {
                self.is_told_or_notes(*receiver, |missed| missed.note_no_state(user, *by_watch));
            }
            if offline {
                self.is_told_or_notes(*receiver, |missed| {
                    missed.note_offline(user, *unaware, by_watch_alone);
                });
            }
            if is_told {
                told.insert(*receiver);
            }
        }
        self.deliver(out, notice, &told);
    }

    /// Tells them, or remembers under [`OfflineNotices::Never`] that they are not told (rule 7).
    ///
    /// # Panics
    /// If the notice is about nobody.
    pub fn say_farewell(&mut self, out: &mut Output, notice: Notice, to: &Holders) {
        if self.options.offline_notices != OfflineNotices::Never {
            return self.tell_ending(out, notice, to);
        }
        let user = notice.user().expect("an ending is about a user");
        for (receiver, holding) in to {
            let session = &self.sessions[receiver];
            // A congested receiver holds nothing of a session that it has only missed so far.
            let has_heard = |id: &SessionId| {
                let missed = session.missed.as_ref();
                let change = missed.and_then(|missed| missed.sessions.get(&(user, *id)));
                !change.is_some_and(Change::is_unheard)
            };
            let noted = session.missed.as_ref().and_then(|missed| missed.states.get(&user));
            let holds_state = holding.state && noted.is_none_or(|noted| noted.held);
            let holds = holds_state
                || holding.sessions.iter().any(|(id, held)| held.directed || has_heard(id));
            let key = session.key;
            if holds
                && session.user != user
                && let Some(account) = self.accounts.get_mut(&user)
            {
                account.unaware.insert(key);
            }
        }
    }

    /// Returns whether a receiver is told something now. If it is congested, `note` notes what it
    /// misses instead, unless only a snapshot makes good (rule 14).
    pub fn is_told_or_notes(
        &mut self,
        receiver: SessionId,
        note: impl FnOnce(&mut Missed),
    ) -> bool {
        let Some(missed) = &mut self.session_mut(receiver).missed else {
            return true;
        };
        if !missed.everything {
            note(missed);
        }
        false
    }

    /// Puts a mark in the place of what was noted wherever it is too much: an input, or a deadline,
    /// has had all its effect, and has taken back what it takes back.
    pub(crate) fn bound_missed(&mut self) {
        for session in self.sessions.values_mut() {
            let asked_for = session.watched.len() + session.struck.len();
            let lists = self.accounts[&session.user].audience.len() + asked_for;
            if let Some(missed) = &mut session.missed
                && missed.len() > NOTES.max(NOTES_A_CONTACT * lists)
            {
                let visibility = missed.visibility;
                *missed = Missed { everything: true, visibility, ..Missed::default() };
            }
        }
    }
}
