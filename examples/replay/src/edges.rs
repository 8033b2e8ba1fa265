//! Edges: the host is told of everyone who comes and of everyone who has gone, in turn, and never
//! within a grace.
//!
//! What must be told is worked out from the inputs alone: whose session it is from the keys that
//! the host was handed, and whether it is within a grace from when it was lost.

use adsum::{Decision, EndReason, LostCause, SessionKey, Time};
use adsum_model::{Event, User};
use std::collections::{BTreeMap, BTreeSet};

/// How often the host was told, and how often not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub online: u64,
    /// Ends that somebody said outright, and connections without a grace.
    pub outright: u64,
    /// Ends of those who were not back when their grace was over.
    pub over: u64,
    /// Losses that were made good within the grace: each hides an end and a beginning.
    pub hidden: u64,
}

impl Tally {
    /// Returns how often a user has gone.
    pub const fn offline(&self) -> u64 {
        self.outright + self.over
    }
}

/// What the host was told of one user.
#[derive(Clone, Copy, Debug)]
struct Edge {
    user: User,
    session: SessionKey,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Online,
    Ended { reason: EndReason, since: Time, last: bool },
}

/// Somebody who is there, with one session.
struct Present {
    session: SessionKey,
    lost: Option<(Time, LostCause)>,
}

/// What the host has been told so far, and what it knows.
pub struct Edges {
    pub tally: Tally,
    grace_ms: u64,
    present: BTreeMap<User, Present>,
    owners: BTreeMap<SessionKey, User>,
    /// When whose grace is over.
    graces: BTreeSet<(Time, User)>,
    /// What was told since the last input.
    told: Vec<Edge>,
}

impl Edges {
    /// Begins with nobody there, for an engine with the same grace whatever the cause.
    pub const fn new(grace_ms: u64) -> Self {
        Self {
            tally: Tally { online: 0, outright: 0, over: 0, hidden: 0 },
            grace_ms,
            present: BTreeMap::new(),
            owners: BTreeMap::new(),
            graces: BTreeSet::new(),
            told: Vec::new(),
        }
    }

    /// Makes room for what an input can tell, so that nothing is allocated while it is drained.
    pub fn reserve(&mut self) {
        self.told.reserve(self.present.len() + 1);
    }

    /// Notes a decision, if it is one that tells the host who has come or gone.
    pub fn note<P>(&mut self, decision: &Decision<'_, User, P>) {
        let edge = match *decision {
            Decision::Online { user, session, .. } => {
                Edge { user: *user, session, what: What::Online }
            }
            Decision::Ended { user, session, reason, since, last, .. } => {
                Edge { user: *user, session, what: What::Ended { reason, since, last } }
            }
            _ => return,
        };
        self.told.push(edge);
    }

    /// Checks what was noted of an input, all of which has been drained. `attached` is the key that
    /// it gave out.
    ///
    /// # Errors
    /// What was told and must not be, or was not and must.
    pub fn hold(
        &mut self,
        now: Time,
        event: &Event,
        attached: Option<SessionKey>,
    ) -> Result<(), String> {
        self.lose(now, event);
        let told = std::mem::take(&mut self.told);
        for edge in &told {
            self.turn(now, event, *edge)
                .map_err(|fault| format!("{fault}, and the host was told {edge:?}"))?;
        }
        self.told = told;
        self.told.clear();
        if let Some(session) = attached {
            self.attach(event, session)?;
        }
        self.nothing_is_missing(now, event)
    }

    /// Notes a loss. One who is lost already stays so.
    fn lose(&mut self, now: Time, event: &Event) {
        let Event::Lost { session, cause, .. } = event else { return };
        let Some(user) = self.owners.get(session) else { return };
        let Some(present) = self.present.get_mut(user).filter(|it| it.lost.is_none()) else {
            return;
        };
        present.lost = Some((now, *cause));
        self.graces.insert((now.saturating_add(self.grace_ms), *user));
    }

    /// Takes an edge, which must be the other one of its user's last.
    fn turn(&mut self, now: Time, event: &Event, edge: Edge) -> Result<(), String> {
        let Edge { user, session, what } = edge;
        let What::Ended { reason, since, last } = what else {
            let has_connected = matches!(event, Event::Connect { user: of, .. } if *of == user);
            if !has_connected || self.present.contains_key(&user) {
                return Err(format!("{user} has not come"));
            }
            self.tally.online += 1;
            self.owners.insert(session, user);
            self.present.insert(user, Present { session, lost: None });
            return Ok(());
        };
        let Some(present) = self.present.get(&user).filter(|it| it.session == session) else {
            return Err(format!("{user} is not there with this session"));
        };
        let is_outright = match event {
            Event::Disconnect { session: of } => *of == session,
            Event::Expel { user: of } => *of == user,
            _ => false,
        };
        let (due, of) = match (present.lost, event) {
            (lost, Event::Disconnect { .. }) if is_outright => (lost, EndReason::Disconnected),
            (lost, Event::Expel { .. }) if is_outright => (lost, EndReason::Expelled),
            (Some((at, cause)), _) if at.saturating_add(self.grace_ms) <= now => {
                (Some((at, cause)), EndReason::Lost(cause))
            }
            (Some((at, _)), _) => return Err(format!("{user} was lost at {at:?} and has a grace")),
            (None, _) => return Err(format!("{user} was not lost")),
        };
        let gone = due.map_or(now, |(at, _)| at);
        if !last || (since, reason) != (gone, of) {
            return Err(format!("{user} has been gone since {gone:?}, for good: {of:?}"));
        }
        let by_grace = !is_outright && self.grace_ms > 0;
        self.tally.over += u64::from(by_grace);
        self.tally.outright += u64::from(!by_grace);
        self.graces.remove(&(gone.saturating_add(self.grace_ms), user));
        self.owners.remove(&session);
        self.present.remove(&user);
        Ok(())
    }

    /// Notes the key of a session that has come, or is back.
    fn attach(&mut self, event: &Event, session: SessionKey) -> Result<(), String> {
        let Event::Resume { session: old } = event else { return Ok(()) };
        let nobody = || format!("{old:?} is resumed, and nobody's");
        let user = self.owners.remove(old).ok_or_else(nobody)?;
        self.owners.insert(session, user);
        let lost = self.present.get_mut(&user).and_then(|present| {
            present.session = session;
            present.lost.take()
        });
        if let Some((at, _)) = lost {
            self.graces.remove(&(at.saturating_add(self.grace_ms), user));
            self.tally.hidden += 1;
        }
        Ok(())
    }

    /// Checks that the host knows of who has come, and of all who are gone.
    fn nothing_is_missing(&self, now: Time, event: &Event) -> Result<(), String> {
        let there = |user: &User| self.present.contains_key(user);
        let is_known = match event {
            Event::Connect { user, .. } => there(user),
            Event::Disconnect { session } => !self.owners.contains_key(session),
            Event::Expel { user } => !there(user),
            // Without a grace it has ended.
            Event::Lost { session, .. } => self.grace_ms > 0 || !self.owners.contains_key(session),
            Event::Advance => self.graces.first().is_none_or(|(over, _)| *over > now),
            _ => true,
        };
        if is_known { Ok(()) } else { Err("the host was not told who has come or gone".into()) }
    }

    /// Checks that everyone who had come has gone.
    ///
    /// # Errors
    /// Somebody who has not, as far as the host was told.
    pub fn finish(&self) -> Result<(), String> {
        match self.present.keys().next() {
            None if self.tally.online == self.tally.offline() => Ok(()),
            None => Err(format!("they do not come in turn: {:?}", self.tally)),
            Some(user) => Err(format!("the host was never told that {user} has gone")),
        }
    }
}
