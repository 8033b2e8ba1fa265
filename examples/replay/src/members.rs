//! Who is in a topic, worked out from the inputs and the keys that they gave out alone: what the
//! engine says of the topic is held against this.

use adsum::{
    EndReason, Join, LeaveReason, LostCause, SessionId, SessionKey, Time, TopicCounts, View,
};
use adsum_model::{Event, User};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A member of the topic, with its only session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub user: User,
    pub session: SessionId,
    pub presence: u32,
}

/// What an input has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Joined(Member),
    Left(Member, LeaveReason),
    /// Somebody who is no member has come or gone.
    Observers,
}

/// Somebody who is connected, or was until it was lost.
struct Present {
    session: SessionKey,
    id: SessionId,
    /// Its place in the order of members.
    seat: Option<u64>,
    lost: Option<(Time, LostCause)>,
}

pub struct Members {
    /// How often somebody became a member, and how often one was none any more.
    pub joined: u64,
    pub left: u64,
    grace_ms: u64,
    present: BTreeMap<User, Present>,
    owners: BTreeMap<SessionKey, User>,
    /// When whose grace is over.
    graces: BTreeSet<(Time, User)>,
    observers: BTreeSet<User>,
    /// In the order in which they became members.
    members: BTreeMap<u64, Member>,
    seats: HashMap<SessionId, u64>,
}

impl Members {
    /// Begins with an empty topic, for an engine with the same grace whatever the cause.
    pub fn new(grace_ms: u64) -> Self {
        Self {
            joined: 0,
            left: 0,
            grace_ms,
            present: BTreeMap::new(),
            owners: BTreeMap::new(),
            graces: BTreeSet::new(),
            observers: BTreeSet::new(),
            members: BTreeMap::new(),
            seats: HashMap::new(),
        }
    }

    /// Takes in an input, and returns what it changes. `begun` is what it gave out.
    ///
    /// # Errors
    /// An input about a session that nobody has, or after the end of a grace that has not come.
    pub fn input(
        &mut self,
        now: Time,
        event: &Event,
        begun: Option<(SessionKey, SessionId)>,
    ) -> Result<Vec<Change>, String> {
        if let Some((over, user)) = self.graces.first().filter(|(over, _)| *over < now) {
            return Err(format!("the grace of {user} was over at {over:?}"));
        }
        let mut changes = Vec::new();
        match event {
            Event::Connect { user, .. } => {
                let (session, id) = begun.ok_or("a connect gave out no key")?;
                self.owners.insert(session, *user);
                self.present.insert(*user, Present { session, id, seat: None, lost: None });
            }
            Event::Join { session, join, .. } => self.join(*session, join, &mut changes)?,
            Event::Leave { session, .. } => {
                self.leave(self.owner(*session)?, LeaveReason::Left, &mut changes);
            }
            Event::Remove { user, .. } => self.leave(*user, LeaveReason::Removed, &mut changes),
            Event::Disconnect { session } => {
                self.end(self.owner(*session)?, EndReason::Disconnected, &mut changes);
            }
            Event::Expel { user } => self.end(*user, EndReason::Expelled, &mut changes),
            Event::Lost { session, cause, .. } => self.lose(now, *session, *cause, &mut changes)?,
            Event::Resume { session } => self.resume(*session, begun)?,
            Event::Advance => self.pass_time(now, &mut changes),
            other => return Err(format!("nobody has reason to say {other:?}")),
        }
        for change in &changes {
            self.joined += u64::from(matches!(change, Change::Joined(_)));
            self.left += u64::from(matches!(change, Change::Left(..)));
        }
        Ok(changes)
    }

    fn owner(&self, session: SessionKey) -> Result<User, String> {
        self.owners.get(&session).copied().ok_or_else(|| format!("{session:?} is nobody's"))
    }

    fn join(
        &mut self,
        session: SessionKey,
        join: &Join<u32>,
        changes: &mut Vec<Change>,
    ) -> Result<(), String> {
        let user = self.owner(session)?;
        let present = self.present.get_mut(&user).ok_or("who joins is not there")?;
        let Join::Member { presence, .. } = join else {
            self.observers.insert(user);
            changes.push(Change::Observers);
            return Ok(());
        };
        let presence = presence.ok_or("a member shows nothing")?;
        let member = Member { user, session: present.id, presence };
        // Nobody joins before the counter has counted the last who did.
        present.seat = Some(self.joined + 1);
        self.members.insert(self.joined + 1, member);
        self.seats.insert(present.id, self.joined + 1);
        changes.push(Change::Joined(member));
        Ok(())
    }

    fn leave(&mut self, user: User, reason: LeaveReason, changes: &mut Vec<Change>) {
        if self.observers.remove(&user) {
            changes.push(Change::Observers);
        }
        let seat = self.present.get_mut(&user).and_then(|present| present.seat.take());
        let Some(member) = seat.and_then(|seat| self.members.remove(&seat)) else { return };
        self.seats.remove(&member.session);
        changes.push(Change::Left(member, reason));
    }

    fn end(&mut self, user: User, reason: EndReason, changes: &mut Vec<Change>) {
        self.leave(user, LeaveReason::Ended(reason), changes);
        let Some(present) = self.present.remove(&user) else { return };
        self.owners.remove(&present.session);
        if let Some((at, _)) = present.lost {
            self.graces.remove(&(at.saturating_add(self.grace_ms), user));
        }
    }

    /// Notes a loss. One who is lost already stays so.
    fn lose(
        &mut self,
        now: Time,
        session: SessionKey,
        cause: LostCause,
        changes: &mut Vec<Change>,
    ) -> Result<(), String> {
        let user = self.owner(session)?;
        let Some(present) = self.present.get_mut(&user).filter(|it| it.lost.is_none()) else {
            return Ok(());
        };
        present.lost = Some((now, cause));
        self.graces.insert((now.saturating_add(self.grace_ms), user));
        if self.grace_ms == 0 {
            self.end(user, EndReason::Lost(cause), changes);
        }
        Ok(())
    }

    fn resume(
        &mut self,
        old: SessionKey,
        begun: Option<(SessionKey, SessionId)>,
    ) -> Result<(), String> {
        let user = self.owner(old)?;
        let (session, id) = begun.ok_or("a resume gave out no key")?;
        self.owners.remove(&old);
        self.owners.insert(session, user);
        let present = self.present.get_mut(&user).ok_or("who resumes is not there")?;
        if present.id != id {
            return Err(format!("{:?} is resumed as {id:?}", present.id));
        }
        present.session = session;
        if let Some((at, _)) = present.lost.take() {
            self.graces.remove(&(at.saturating_add(self.grace_ms), user));
        }
        Ok(())
    }

    fn pass_time(&mut self, now: Time, changes: &mut Vec<Change>) {
        while let Some((_, user)) = self.graces.first().copied().filter(|(over, _)| *over <= now) {
            let lost = self.present.get(&user).and_then(|present| present.lost);
            let (_, cause) = lost.expect("who has a grace is lost");
            self.end(user, EndReason::Lost(cause), changes);
        }
    }

    // ---- what is so

    /// Returns how many are in the topic.
    pub fn counts(&self) -> TopicCounts {
        let users = self.members.len() as u32;
        TopicCounts { users, sessions: users, observers: self.observers.len() as u32 }
    }

    /// Returns the members of a view, in their order.
    pub fn of(&self, view: View) -> impl Iterator<Item = &Member> {
        self.members.values().take(most(view))
    }

    /// Returns the number of members of a view.
    pub fn len(&self, view: View) -> usize {
        self.members.len().min(most(view))
    }

    /// Returns the last place in the order that a view has.
    pub fn last_seat(&self, view: View) -> u64 {
        match most(view) {
            0 => 0,
            usize::MAX => u64::MAX,
            most => self.members.keys().nth(most - 1).copied().unwrap_or(u64::MAX),
        }
    }

    /// Returns a member's place in the order, and the member, by its session.
    pub fn find(&self, session: SessionId) -> Option<(u64, &Member)> {
        let seat = self.seats.get(&session)?;
        Some((*seat, self.members.get(seat)?))
    }

    /// Returns whether a user is a member who stands no later than there.
    pub fn has(&self, user: User, last_seat: u64) -> bool {
        let seat = self.present.get(&user).and_then(|present| present.seat);
        seat.is_some_and(|seat| seat <= last_seat)
    }
}

/// Returns how many users a view has at most.
fn most(view: View) -> usize {
    match view {
        View::All => usize::MAX,
        View::Sample(users) => users.into(),
        _ => 0,
    }
}
