//! What a host keeps: its table of sockets. Every decision is checked against it.

use crate::counted::{Id, Presence};
use crate::names::Name;
use crate::told::Told;
use adsum::{
    CloseReason, Decision, Notice, OfflineNotices, Options, PresenceKind, Replica, SessionKey,
    Slot, SlotMap, Snapshot,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most receivers or presences of one decision.
pub(crate) const CHUNK: usize = if cfg!(feature = "shrunk") { 4 } else { 4_096 };

/// What a host knows of a session that it was given the key of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Attached,
    Detached,
    Ended,
}

/// The receiving end of an attached session.
pub(crate) struct Seat {
    pub(crate) name: Name,
    pub(crate) key: SessionKey,
    pub(crate) congested: bool,
    /// It was promised a snapshot, before which it must not be told anything.
    pub(crate) awaits_snapshot: bool,
    pub(crate) replica: Replica<String, String>,
}

/// The host's tables.
pub(crate) struct Host {
    pub(crate) options: Options,
    pub(crate) seats: SlotMap<Seat>,
    pub(crate) sessions: BTreeMap<Name, (SessionKey, Life)>,
    pub(crate) names: HashMap<SessionKey, Name>,
    /// What users are called in scenarios, by their ids.
    pub(crate) users: HashMap<Vec<u8>, String>,
    /// The session whose input is being carried out.
    sender: Option<SessionKey>,
    /// How many presences there may be while decisions are taken.
    most_presences: usize,
    /// A drain was dropped half-way: receivers may believe what is not so.
    pub(crate) lossy: bool,
    last_id: u64,
    /// The last notice, as long as more decisions about it may come, and who was named in those
    /// that have come.
    open_notice: Option<u64>,
    receivers: BTreeSet<Slot>,
    /// A snapshot of which more parts are to come.
    open_snapshot: Option<Slot>,
}

type Checked<T = ()> = Result<T, String>;

impl Host {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            seats: SlotMap::new(),
            sessions: BTreeMap::new(),
            names: HashMap::new(),
            users: HashMap::new(),
            sender: None,
            most_presences: 0,
            lossy: false,
            last_id: 0,
            open_notice: None,
            receivers: BTreeSet::new(),
            open_snapshot: None,
        }
    }

    /// Gives a session a socket.
    pub(crate) fn seat(&mut self, name: Name, key: SessionKey, awaits_snapshot: bool) -> Checked {
        let replica = Replica::new(usize::MAX);
        self.sessions.insert(name.clone(), (key, Life::Attached));
        self.names.insert(key, name.clone());
        let seat = Seat { name, key, congested: false, awaits_snapshot, replica };
        match self.seats.insert(key.slot(), seat) {
            Some(other) if other.key != key => Err(format!("{} has this slot", other.name)),
            _ => Ok(()),
        }
    }

    /// Takes a session's socket away.
    pub(crate) fn unseat(&mut self, key: SessionKey, life: Life) -> Checked {
        let name = self.name(key)?;
        let session = self.sessions.get_mut(&name).ok_or("the host knows no such session")?;
        if session.1 == Life::Ended {
            return Err(format!("{name} ended before"));
        }
        if session.1 == Life::Attached {
            self.seats.remove(key.slot());
        }
        session.1 = life;
        Ok(())
    }

    pub(crate) fn name(&self, key: SessionKey) -> Checked<Name> {
        self.names.get(&key).cloned().ok_or_else(|| format!("{key:?} was never given out"))
    }

    pub(crate) fn user(&self, id: &Id) -> Checked<String> {
        self.users.get(id.bytes()).cloned().ok_or_else(|| format!("nobody has the id {id:?}"))
    }

    /// All sessions that have a socket.
    pub(crate) fn attached(&self) -> impl Iterator<Item = &Seat> {
        let slots = self.sessions.values().filter(|(_, life)| *life == Life::Attached);
        slots.filter_map(|(key, _)| self.seats.get(key.slot()))
    }

    /// An input is given: no notice goes on from the one before it.
    pub(crate) const fn begin(&mut self, sender: Option<SessionKey>, most_presences: usize) {
        self.sender = sender;
        self.most_presences = most_presences;
        self.open_notice = None;
    }

    /// Carries out a decision: checks it, lets its receivers believe it, and adds it to `told`.
    pub(crate) fn carry_out(
        &mut self,
        decision: &Decision<'_, Id, Presence>,
        told: &mut Vec<Told>,
    ) -> Checked {
        if Presence::alive() > self.most_presences {
            let (alive, most) = (Presence::alive(), self.most_presences);
            return Err(format!("{alive} presences are alive, of which only {most} have a reason"));
        }
        match decision {
            Decision::Deliver { notice, to } => self.notice(notice, to, false, told),
            Decision::Skipped { notice, to } => self.notice(notice, to, true, told),
            Decision::Snapshot(snapshot) => self.snapshot(snapshot, told),
            Decision::Close { session, reason, resumable } => {
                self.close(*session, *reason, *resumable, told)
            }
            other => Err(format!("no host knows what to do with {other:?}")),
        }
    }

    /// Counts a notice that was never told.
    pub(crate) const fn skip_an_id(&mut self) {
        self.last_id += 1;
    }

    /// A drain was dropped: what was promised will not come.
    pub(crate) fn expect_nothing_more(&mut self) {
        self.lossy = true;
        self.open_snapshot = None;
        for (key, _) in self.sessions.values().filter(|(_, life)| *life == Life::Attached) {
            if let Some(seat) = self.seats.get_mut(key.slot()) {
                seat.awaits_snapshot = false;
            }
        }
    }

    /// After the last decision about an input: has all been told that was promised?
    pub(crate) fn settle(&self) -> Checked {
        if self.open_snapshot.is_some() {
            return Err("a snapshot was begun and not ended".to_owned());
        }
        match self.attached().find(|seat| seat.awaits_snapshot) {
            Some(seat) => Err(format!("{} was promised a snapshot", seat.name)),
            None => Ok(()),
        }
    }

    fn notice(
        &mut self,
        notice: &Notice<'_, Id, Presence>,
        slots: &[Slot],
        skip: bool,
        told: &mut Vec<Told>,
    ) -> Checked {
        let (kind, about) = self.describe(notice)?;
        let id = notice.id().get();
        if slots.is_empty() || slots.len() > CHUNK {
            return Err(format!("{} receivers in one decision", slots.len()));
        }
        let goes_on = self.open_notice == Some(id);
        if !goes_on {
            self.count_ids(id)?;
            self.open_notice = Some(id);
            self.receivers.clear();
        }
        let mut names = Vec::with_capacity(slots.len());
        for slot in slots {
            let name = self.receive(notice, *slot, skip)?;
            if !self.receivers.insert(*slot) {
                return Err(format!("{name} is told {kind} {about} twice"));
            }
            names.push(name);
        }
        match told.last_mut() {
            Some(Told::Notice { kind: first, about: of, .. })
                if goes_on && (*first, &*of) != (kind, &about) =>
            {
                return Err(format!("{kind} {about} has the number of {first} {of}"));
            }
            Some(Told::Notice { skipped, to, parts, .. }) if goes_on && *skipped == skip => {
                to.extend(names);
                *parts += 1;
            }
            Some(Told::Notice { skipped: true, .. }) if goes_on => {
                return Err(format!("{kind} {about} was skipped first and then delivered"));
            }
            _ => told.push(Told::Notice { skipped: skip, kind, about, to: names, parts: 1 }),
        }
        Ok(())
    }

    /// Notices are numbered from one, without a gap.
    fn count_ids(&mut self, id: u64) -> Checked {
        // What a dropped drain would have told may have had numbers already.
        if id != self.last_id + 1 && !(self.lossy && id > self.last_id) {
            return Err(format!("notice {id} comes after notice {}", self.last_id));
        }
        self.last_id = id;
        Ok(())
    }

    fn describe(&self, notice: &Notice<'_, Id, Presence>) -> Checked<(&'static str, String)> {
        let session = |user: &Id, session| {
            let name = self.name(session)?;
            if name.user != self.user(user)? {
                return Err(format!("a notice from {name} says that it is {user:?}'s"));
            }
            Ok(name)
        };
        Ok(match notice {
            Notice::Presence { user, session: key, kind, presence, .. } => {
                let kind = if *kind == PresenceKind::First { "first" } else { "update" };
                (kind, format!("{} \"{}\"", session(user, *key)?, presence.text()))
            }
            Notice::Directed { user, session: key, presence, .. } => {
                ("directed", format!("{} \"{}\"", session(user, *key)?, presence.text()))
            }
            Notice::SessionEnded { user, session: key, .. } => {
                ("ended", session(user, *key)?.to_string())
            }
            Notice::UserOffline { user, .. } => ("offline", self.user(user)?),
            Notice::System { presence, .. } => ("system", format!("\"{}\"", presence.text())),
            other => return Err(format!("no receiver knows what to do with {other:?}")),
        })
    }

    /// One receiver gets a notice, or is passed over.
    fn receive(
        &mut self,
        notice: &Notice<'_, Id, Presence>,
        slot: Slot,
        skip: bool,
    ) -> Checked<Name> {
        let users = &self.users;
        let Some(seat) = self.seats.get_mut(slot) else {
            return Err(format!("the receiver at {slot:?} has no connection"));
        };
        let name = seat.name.clone();
        let is_state = !matches!(notice, Notice::Directed { .. } | Notice::System { .. });
        if skip && (is_state || !seat.congested) {
            return Err(format!("{name} must not be skipped"));
        }
        if !skip && seat.congested {
            return Err(format!("{name} is congested"));
        }
        if seat.awaits_snapshot {
            return Err(format!("{name} is told something before its snapshot"));
        }
        if self.open_snapshot == Some(slot) {
            return Err(format!("{name} is told something within its snapshot"));
        }
        if skip {
            return Ok(name);
        }
        let user = |id: &Id| users.get(id.bytes()).cloned().unwrap_or_default();
        let full = |_| "a replica without a limit is full".to_owned();
        match notice {
            Notice::Presence { session, .. } | Notice::Directed { session, .. }
                if self.sender == Some(*session) && *session == seat.key =>
            {
                return Err(format!("{name} is told what it said itself"));
            }
            Notice::Presence { user: id, session, kind, presence, .. } => {
                let user_name = user(id);
                let mut held = seat.replica.sessions_of(&user_name);
                let knows =
                    held.any(|(held, published, _)| held == *session && published.is_some());
                drop(held);
                let never = self.options.offline_notices == OfflineNotices::Never;
                if *kind == PresenceKind::First && knows && !never {
                    return Err(format!("{name} knows what it is told as first"));
                }
                let text = presence.text().to_owned();
                seat.replica.set_presence(user(id), *session, text).map_err(full)?;
            }
            Notice::Directed { user: id, session, presence, .. } => {
                let text = presence.text().to_owned();
                seat.replica.set_directed(user(id), *session, text).map_err(full)?;
            }
            Notice::SessionEnded { user: id, session, .. } => {
                seat.replica.end_session(&user(id), *session);
            }
            Notice::UserOffline { user: id, .. } => seat.replica.end_user(&user(id)),
            _ => {}
        }
        Ok(name)
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_, Id, Presence>, told: &mut Vec<Told>) -> Checked {
        let slot = snapshot.to();
        self.open_notice = None;
        let mut entries = Vec::with_capacity(snapshot.len());
        for entry in snapshot.entries() {
            self.count_ids(entry.id.get())?;
            let name = self.name(entry.session)?;
            if name.user != self.user(entry.user)? {
                return Err(format!("a snapshot says that {name} is {:?}'s", entry.user));
            }
            entries.push((entry.session, name, entry.presence.text().to_owned()));
        }
        if entries.len() > CHUNK || entries.len() != snapshot.len() {
            return Err(format!("a part of a snapshot has {} presences", entries.len()));
        }
        let seat =
            self.seats.get_mut(slot).ok_or("a snapshot to a session that is not attached")?;
        if !seat.awaits_snapshot || snapshot.is_first() != self.open_snapshot.is_none() {
            return Err(format!("{} expects no such snapshot", seat.name));
        }
        if self.open_snapshot.is_some_and(|open| open != slot) {
            return Err(format!("{}'s snapshot comes within another", seat.name));
        }
        if snapshot.is_first() {
            seat.replica.begin_snapshot();
        }
        for (session, name, text) in &entries {
            let set = seat.replica.set_presence(name.user.clone(), *session, text.clone());
            set.map_err(|_| "a replica without a limit is full")?;
        }
        if snapshot.is_last() {
            seat.replica.end_snapshot();
            seat.awaits_snapshot = false;
        }
        self.open_snapshot = (!snapshot.is_last()).then_some(slot);
        let to = seat.name.clone();
        let entries = entries.into_iter().map(|(_, name, text)| (name, text));
        match told.last_mut() {
            Some(Told::Snapshot { presences, parts, .. }) if !snapshot.is_first() => {
                presences.extend(entries);
                *parts += 1;
            }
            _ => told.push(Told::Snapshot { to, presences: entries.collect(), parts: 1 }),
        }
        Ok(())
    }

    fn close(
        &mut self,
        session: SessionKey,
        reason: CloseReason,
        resumable: bool,
        told: &mut Vec<Told>,
    ) -> Checked {
        let name = self.name(session)?;
        self.open_notice = None;
        let why = match reason {
            CloseReason::LeaseLapsed => "lease lapsed",
            CloseReason::Evicted => "evicted",
            CloseReason::Expelled => "expelled",
            CloseReason::GraceOver => "grace over",
            other => return Err(format!("{name} is closed for {other:?}")),
        };
        let why = if resumable { format!("{why}, resumable") } else { why.to_owned() };
        self.unseat(session, if resumable { Life::Detached } else { Life::Ended })?;
        told.push(Told::Close { session: name, why });
        Ok(())
    }
}
