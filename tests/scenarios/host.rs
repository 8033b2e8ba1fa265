//! What a host keeps: its table of sockets. Every decision is checked against it.

use crate::counted::{Id, Presence};
use crate::names::Name;
use crate::rooms;
use crate::told::{Shown, Told, is_state};
use adsum::{
    Decision, Entry, Notice, OfflineNotices, Options, PresenceKind, Replica, Scope, SessionId,
    SessionKey, Slot, SlotMap, Snapshot, Time,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a replica without a limit must not say.
const FULL: &str = "a replica without a limit is full";

/// The most receivers or presences of one decision.
pub(crate) const CHUNK: usize = if cfg!(feature = "shrunk") { 4 } else { 4_096 };

/// How it stands with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Attached,
    Detached,
    /// Its connection is gone for good, and the host has still to be told that it has ended.
    Ending,
    Ended,
}

/// What a host knows of a session that it was given a key of.
#[derive(Debug)]
pub(crate) struct Known {
    /// The key of its attachment, or of the last one.
    pub(crate) key: SessionKey,
    /// Those of the attachments before.
    pub(crate) old: Vec<SessionKey>,
    /// What receivers know it by, from the end of the input in which it came.
    pub(crate) id: Option<SessionId>,
    pub(crate) life: Life,
    /// When its connection was gone, if the host knows.
    pub(crate) gone_at: Option<Time>,
}

/// The receiving end of an attached session.
pub(crate) struct Seat {
    pub(crate) name: Name,
    pub(crate) congested: bool,
    /// It was promised a snapshot, before which it must not be told anything.
    pub(crate) awaits_snapshot: bool,
    pub(crate) replica: Replica<String, String>,
}

impl Seat {
    /// Takes in what a session shows, of which it must hold nothing if that is news.
    fn learn_presence(
        &mut self,
        user: String,
        session: SessionId,
        text: &str,
        is_news: bool,
    ) -> Checked {
        if is_news && knows(&self.replica, &user, session) {
            return Err(format!("{} knows what it is told as first", self.name));
        }
        let set = self.replica.set_presence(user, session, text.to_owned());
        set.map_err(|_| "a replica without a limit is full".to_owned())
    }

    /// Takes in the one state of a user. `first`: whether it is said to hold none, if that must
    /// fit.
    fn learn_state(
        &mut self,
        (user, text, idle_since): (String, &str, Option<Time>),
        first: Option<bool>,
    ) -> Checked {
        let knows = self.replica.user(&user).is_some();
        if user == self.name.user {
            return Err(format!("{} is told the state of its own user", self.name));
        }
        if first == Some(knows) {
            return Err(format!("{} knows: {knows}, and is told otherwise", self.name));
        }
        let set = self.replica.set_user(user, text.to_owned(), idle_since);
        set.map_err(|_| "a replica without a limit is full".to_owned())
    }
}

/// The host's tables.
pub(crate) struct Host {
    pub(crate) options: Options,
    /// The moment that the scenario calls zero.
    pub(crate) origin: u64,
    pub(crate) seats: SlotMap<Seat>,
    pub(crate) sessions: BTreeMap<Name, Known>,
    /// Whose keys these are, stale ones included.
    pub(crate) names: HashMap<SessionKey, Name>,
    pub(crate) ids: HashMap<SessionId, Name>,
    /// What users are called in scenarios, by their ids.
    pub(crate) users: HashMap<Vec<u8>, String>,
    /// The moment of the input that is being carried out.
    pub(crate) now: Time,
    /// The session that speaks in it.
    sender: Option<Name>,
    /// The session that takes notices again with it: it may be sent a snapshot instead of them.
    pub(crate) writable: Option<Name>,
    /// The session that asks with it to watch users: it is sent a snapshot of them.
    pub(crate) watching: Option<Name>,
    /// How many presences there may be while decisions are taken.
    most_presences: usize,
    /// A drain was dropped half-way: receivers may believe what is not so.
    pub(crate) lossy: bool,
    last_id: u64,
    /// The moment of the first input that was accepted: numbers of notices count from there.
    began: Option<Time>,
    /// The last notice, as long as more decisions about it may come, and who was named in those
    /// that have come.
    pub(crate) open_notice: Option<u64>,
    receivers: BTreeSet<Slot>,
    /// A snapshot of which more parts are to come.
    open_snapshot: Option<Slot>,
    /// The old connection of a session that was resumed, which is to be closed at once.
    pub(crate) replaced: Option<SessionKey>,
    /// A user's first session, of which the host is to be told before it gets its snapshot.
    pub(crate) first: Option<Name>,
}

pub(crate) type Checked<T = ()> = Result<T, String>;

impl Host {
    pub(crate) fn new(options: Options, origin: u64) -> Self {
        Self {
            options,
            origin,
            seats: SlotMap::new(),
            sessions: BTreeMap::new(),
            names: HashMap::new(),
            ids: HashMap::new(),
            users: HashMap::new(),
            now: Time::ZERO,
            sender: None,
            writable: None,
            watching: None,
            most_presences: 0,
            lossy: false,
            last_id: 0,
            began: None,
            open_notice: None,
            receivers: BTreeSet::new(),
            open_snapshot: None,
            replaced: None,
            first: None,
        }
    }

    /// The name of the session that this was once a key of.
    pub(crate) fn name(&self, key: SessionKey) -> Checked<Name> {
        self.names.get(&key).cloned().ok_or_else(|| format!("{key:?} was never given out"))
    }

    pub(crate) fn name_of_id(&self, id: SessionId) -> Checked<Name> {
        self.ids.get(&id).cloned().ok_or_else(|| format!("there was never a {id:?}"))
    }

    pub(crate) fn user(&self, id: &Id) -> Checked<String> {
        self.users.get(id.bytes()).cloned().ok_or_else(|| format!("nobody has the id {id:?}"))
    }

    /// All sessions that have a socket.
    pub(crate) fn attached(&self) -> impl Iterator<Item = &Seat> {
        let attached = self.sessions.values().filter(|known| known.life == Life::Attached);
        attached.filter_map(|known| self.seats.get(known.key))
    }

    /// An input is given: no notice goes on from the one before it.
    pub(crate) fn begin(&mut self, now: Time, sender: Option<Name>, most_presences: usize) {
        (self.now, self.sender, self.writable, self.watching) = (now, sender, None, None);
        self.most_presences = most_presences;
        self.open_notice = None;
    }

    /// The input that was given is accepted.
    pub(crate) fn accepted(&mut self) {
        self.began.get_or_insert(self.now);
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
        self.first_things_first(decision)?;
        match decision {
            Decision::Deliver { notice, to } => self.notice(notice, to, false, told),
            Decision::Skipped { notice, to } => self.notice(notice, to, true, told),
            Decision::Snapshot(snapshot) => self.snapshot(snapshot, told),
            Decision::Close { session, reason, resumable } => {
                self.close(*session, *reason, *resumable, told)
            }
            Decision::Online { user, session, visible } => {
                self.online(user, *session, *visible, told)
            }
            Decision::Ended { .. } => self.ended(decision, told),
            Decision::Topic(snapshot) => self.room(snapshot, told),
            Decision::Changes(changes) => self.room_changes(changes, told),
            Decision::TopicOccupied { topic, .. } => {
                told.push(Told::RoomEdge(format!("occupied {}", self.user(topic)?)));
                Ok(())
            }
            Decision::TopicVacated { topic, .. } => {
                told.push(Told::RoomEdge(format!("vacated {}", self.user(topic)?)));
                Ok(())
            }
            other => Err(format!("no host knows what to do with {other:?}")),
        }
    }

    /// Takes note of a number as great as can be, after which there is none.
    pub(crate) const fn exhaust_ids(&mut self) {
        self.last_id = u64::MAX - 1;
    }

    /// A drain was dropped: what was promised will not come.
    pub(crate) fn expect_nothing_more(&mut self) {
        self.lossy = true;
        (self.open_snapshot, self.replaced, self.first) = (None, None, None);
        self.watching = None;
        for known in self.sessions.values().filter(|known| known.life == Life::Attached) {
            if let Some(seat) = self.seats.get_mut(known.key) {
                seat.awaits_snapshot = false;
            }
        }
    }

    /// Checks, after the last decision about an input, that all has been told that was promised.
    pub(crate) fn settle(&self) -> Checked {
        if self.open_snapshot.is_some() {
            return Err("a snapshot was begun and not ended".to_owned());
        }
        if let Some(name) = &self.first {
            return Err(format!("nobody says that with {name} its user is online"));
        }
        if let Some(old) = self.replaced {
            return Err(format!("the old connection of {} is not closed", self.name(old)?));
        }
        if let Some((name, _)) = self.sessions.iter().find(|(_, known)| known.life == Life::Ending)
        {
            return Err(format!("nobody says that {name} has ended"));
        }
        if let Some(name) = &self.watching {
            return Err(format!("{name} was promised a snapshot of those it watches"));
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
        // Numbers as great as can be are all alike.
        let is_same = |told: &Told| match told {
            Told::Notice { kind: first, about: of, .. } => (*first, of) == (kind, &about),
            _ => false,
        };
        let is_told = id < u64::MAX || told.last().is_some_and(is_same);
        let goes_on = self.open_notice == Some(id) && is_told;
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

    /// Each notice has a greater number than the one before, which says no more than the moment:
    /// so many a millisecond. What nobody receives has a number too, so there are gaps.
    pub(crate) fn count_ids(&mut self, id: u64) -> Checked {
        const A_MILLISECOND: u64 = 4_096;
        const GAP: u64 = 64 * A_MILLISECOND;
        let millis = self.now.since(self.began.unwrap_or(self.now));
        let of_moment = millis.saturating_mul(A_MILLISECOND);
        let most = of_moment.max(self.last_id).saturating_add(GAP);
        let comes_later = id > self.last_id || id == u64::MAX && of_moment == id;
        if !comes_later || !(of_moment..=most).contains(&id) {
            return Err(format!("notice {id} comes after notice {}, at {millis}", self.last_id));
        }
        self.last_id = id;
        Ok(())
    }

    /// What a session showed may be held for others after its end, while a later one of its user
    /// shows nothing yet.
    fn may_be_held(&self, name: &Name) -> bool {
        let later = Name { number: name.number + 1, ..name.clone() };
        let last = Name { number: u32::MAX, ..name.clone() };
        let mut later = self.sessions.range(later..=last);
        self.options.settle_ms > 0 && later.any(|(_, known)| known.life != Life::Ended)
    }

    fn describe(&self, notice: &Notice<'_, Id, Presence>) -> Checked<(&'static str, String)> {
        let session = |user: &Id, session| {
            let name = self.name_of_id(session)?;
            if name.user != self.user(user)? {
                return Err(format!("a notice from {name} says that it is {user:?}'s"));
            }
            Ok(name)
        };
        let living = |user: &Id, id| {
            let name = session(user, id)?;
            match self.sessions.get(&name).map(|known| known.life) {
                Some(Life::Ended) if !self.may_be_held(&name) => {
                    Err(format!("{name} has ended, and still says something"))
                }
                _ => Ok(name),
            }
        };
        Ok(match notice {
            Notice::Presence { user, session: key, kind, presence, .. } => {
                let kind = if *kind == PresenceKind::First { "first" } else { "update" };
                (kind, format!("{} \"{}\"", living(user, *key)?, presence.text()))
            }
            Notice::User { user, kind, idle_since, presence, .. } => {
                let is_first = *kind == PresenceKind::First;
                let kind = if is_first { "user first" } else { "user update" };
                let since = idle_since.map(|since| since.as_millis() - self.origin);
                let shown = Shown::User(self.user(user)?, since);
                (kind, format!("{shown}: \"{}\"", presence.text()))
            }
            Notice::Directed { user, session: key, presence, .. } => {
                ("directed", format!("{} \"{}\"", living(user, *key)?, presence.text()))
            }
            Notice::DirectedOver { user, session: key, .. } => {
                ("over", living(user, *key)?.to_string())
            }
            Notice::Withdrawn { user, session: key, .. } => {
                ("withdrawn", session(user, *key)?.to_string())
            }
            Notice::Visibility { user, visible, .. } => {
                (if *visible { "visible" } else { "invisible" }, self.user(user)?)
            }
            Notice::SessionEnded { user, session: key, .. } => {
                ("ended", session(user, *key)?.to_string())
            }
            Notice::UserOffline { user, .. } => ("offline", self.user(user)?),
            Notice::System { presence, .. } => ("system", format!("\"{}\"", presence.text())),
            other => return self.describe_in_room(other),
        })
    }

    /// One receiver gets a notice, or is passed over.
    fn receive(
        &mut self,
        notice: &Notice<'_, Id, Presence>,
        slot: Slot,
        skip: bool,
    ) -> Checked<Name> {
        let (users, ids) = (&self.users, &self.ids);
        let Some((_, seat)) = self.seats.at_mut(slot) else {
            return Err(format!("the receiver at {slot:?} has no connection"));
        };
        let (name, is_state) = (seat.name.clone(), is_state(notice));
        let wrong = match () {
            () if skip && (is_state || !seat.congested) => Some("must not be skipped"),
            () if !skip && seat.congested => Some("is congested"),
            () if seat.awaits_snapshot => Some("is told something before its snapshot"),
            () if self.open_snapshot == Some(slot) => Some("is told something within its snapshot"),
            () => None,
        };
        if let Some(wrong) = wrong {
            return Err(format!("{name} {wrong}"));
        }
        if skip {
            return Ok(name);
        }
        let user = |id: &Id| users.get(id.bytes()).cloned().unwrap_or_default();
        let never = self.options.offline_notices == OfflineNotices::Never;
        match notice {
            Notice::Presence { session, .. } | Notice::Directed { session, .. }
                if self.sender.as_ref() == Some(&name) && ids.get(session) == Some(&name) =>
            {
                return Err(format!("{name} is told what it said itself"));
            }
            Notice::Presence { user: id, session, kind, presence, .. } => {
                let is_news = *kind == PresenceKind::First && !never;
                seat.learn_presence(user(id), *session, presence.text(), is_news)?;
            }
            Notice::User { user: id, kind, idle_since, presence, .. } => {
                let must_fit = self.options.snapshot_on_connect && !never;
                let state = (user(id), presence.text(), *idle_since);
                seat.learn_state(state, must_fit.then_some(*kind == PresenceKind::First))?;
            }
            Notice::Directed { user: id, session, presence, .. } => {
                let text = presence.text().to_owned();
                seat.replica.set_directed(user(id), *session, text).map_err(|_| FULL)?;
            }
            Notice::SessionEnded { user: id, session, .. } => {
                seat.replica.end_session(&user(id), *session);
            }
            Notice::UserOffline { user: id, .. } => seat.replica.end_user(&user(id)),
            Notice::DirectedOver { user: id, session, .. } => {
                seat.replica.end_directed(&user(id), *session);
            }
            Notice::Withdrawn { user: id, session, .. } => {
                let user = user(id);
                let knows = knows(&seat.replica, &user, *session);
                // Without snapshots it may have come too late to be told.
                if !knows && self.options.snapshot_on_connect {
                    return Err(format!("{name} is told that nothing holds of what it never knew"));
                }
                seat.replica.end_published(&user, *session);
            }
            Notice::Visibility { user: id, .. } if user(id) != name.user => {
                return Err(format!("{name} is told whether {id:?} is visible"));
            }
            Notice::Visibility { visible, .. } => seat.replica.set_visible(*visible),
            other => rooms::believe(seat, other, user)?,
        }
        Ok(name)
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_, Id, Presence>, told: &mut Vec<Told>) -> Checked {
        let slot = snapshot.to();
        self.open_notice = None;
        let mut entries = Vec::with_capacity(snapshot.len());
        if snapshot.is_first() {
            self.count_ids(snapshot.id().get())?;
        }
        for entry in snapshot.entries() {
            entries.push(self.line(snapshot, &entry)?);
        }
        if entries.len() > CHUNK || entries.len() != snapshot.len() {
            return Err(format!("a part of a snapshot has {} presences", entries.len()));
        }
        let named = self.named_in(snapshot, &entries)?;
        let (key, seat) =
            self.seats.at_mut(slot).ok_or("a snapshot to a session that is not attached")?;
        if key != snapshot.receiver() {
            return Err(format!("{}'s snapshot is {snapshot:?}", seat.name));
        }
        let may_get_one = match named {
            None => seat.awaits_snapshot || self.writable.as_ref() == Some(&seat.name),
            Some(_) => self.watching.as_ref() == Some(&seat.name),
        };
        if !may_get_one || snapshot.is_first() != self.open_snapshot.is_none() {
            return Err(format!("{} expects no such snapshot", seat.name));
        }
        if self.open_snapshot.is_some_and(|open| open != slot) {
            return Err(format!("{}'s snapshot comes within another", seat.name));
        }
        match (&named, snapshot.is_first()) {
            (None, true) => seat.replica.begin_snapshot(),
            (Some(named), true) => seat.replica.begin_snapshot_of(named),
            (_, false) => {}
        }
        seat.replica.set_visible(snapshot.is_visible());
        for Line { session, user, since, shown, text } in &entries {
            let (user, text) = (user.clone(), text.clone());
            let set = match shown {
                Shown::User(..) => seat.replica.set_user(user, text, *since),
                Shown::Session(_) => seat.replica.set_presence(user, *session, text),
            };
            set.map_err(|_| FULL)?;
        }
        if snapshot.is_last() {
            match &named {
                None => seat.replica.end_snapshot(),
                Some(named) => seat.replica.end_snapshot_of(named),
            }
            .expect("it is large enough");
            (seat.awaits_snapshot, self.watching) = (false, None);
        }
        self.open_snapshot = (!snapshot.is_last()).then_some(slot);
        let (to, visible) = (seat.name.clone(), snapshot.is_visible());
        let entries = entries.into_iter().map(|line| (line.shown, line.text));
        match told.last_mut() {
            Some(Told::Snapshot { of, presences, parts, .. }) if !snapshot.is_first() => {
                if *of != named {
                    return Err(format!("{to}'s snapshot is of {of:?}, and then of {named:?}"));
                }
                presences.extend(entries);
                *parts += 1;
            }
            _ => {
                let presences = entries.collect();
                told.push(Told::Snapshot { of: named, to, visible, presences, parts: 1 });
            }
        }
        Ok(())
    }

    /// Reads one entry of a snapshot.
    fn line(
        &self,
        snapshot: &Snapshot<'_, Id, Presence>,
        entry: &Entry<'_, Id, Presence>,
    ) -> Checked<Line> {
        if [entry.id, snapshot.id()].map(|id| id.get()) != [self.last_id; 2] {
            return Err(format!("a snapshot has the numbers {:?} and others", entry.id));
        }
        let name = self.name_of_id(entry.session)?;
        let is_over = self.sessions.get(&name).is_none_or(|known| known.life == Life::Ended);
        if is_over && !self.may_be_held(&name) {
            return Err(format!("{name} has ended, and a snapshot shows it"));
        }
        let user = name.user.clone();
        if user != self.user(entry.user)? {
            return Err(format!("a snapshot says that {name} is {:?}'s", entry.user));
        }
        let (session, since) = (entry.session, entry.idle_since);
        let shown = match entry.is_user {
            true => Shown::User(user.clone(), since.map(|since| since.as_millis() - self.origin)),
            false => Shown::Session(name),
        };
        Ok(Line { session, user, since, shown, text: entry.presence.text().to_owned() })
    }

    /// The users whom a snapshot is about, if not everyone: each once, and nobody else in it.
    fn named_in(
        &self,
        snapshot: &Snapshot<'_, Id, Presence>,
        entries: &[Line],
    ) -> Checked<Option<BTreeSet<String>>> {
        let len = snapshot.named().len();
        let named: BTreeSet<String> =
            snapshot.named().map(|user| self.user(user)).collect::<Checked<_>>()?;
        if snapshot.scope() == Scope::Everything {
            let named = format!("a snapshot of everything names {named:?}");
            return if len == 0 { Ok(None) } else { Err(named) };
        }
        let strangers = entries.iter().find(|line| !named.contains(&line.user));
        if named.len() != len || snapshot.scope() != Scope::Users || strangers.is_some() {
            return Err(format!(
                "a snapshot of {len} users, {named:?}, shows others: {}",
                strangers.is_some()
            ));
        }
        Ok(Some(named))
    }
}

/// One entry of a snapshot.
struct Line {
    session: SessionId,
    user: String,
    since: Option<Time>,
    shown: Shown,
    text: String,
}

/// Returns whether a receiver holds a published presence of this session.
fn knows(replica: &Replica<String, String>, user: &String, session: SessionId) -> bool {
    let mut held = replica.sessions_of(user);
    held.any(|(held, published, _)| held == session && published.is_some())
}
