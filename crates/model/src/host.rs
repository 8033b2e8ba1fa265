//! An engine with the table of sockets that a host keeps, and its decisions in canonical form.

use crate::{Decision, Event, Notice, User};
use adsum::{
    Config, Decisions, DefaultHashBuilder, Engine, Error, PresenceKind, SessionKey, Slot, SlotMap,
    Snapshot, Time,
};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

/// A presence as a test wants it.
pub trait Payload {
    /// A presence that says this, and comes from this session if from any.
    fn make(said: u32, from: Option<SessionKey>) -> Self;

    /// What it says.
    fn said(&self) -> u32;
}

impl Payload for u32 {
    fn make(said: u32, _: Option<SessionKey>) -> Self {
        said
    }

    fn said(&self) -> u32 {
        *self
    }
}

/// Is shown every decision as it comes, with the sessions that it names as receivers.
pub type Watch<'a, P> = dyn FnMut(&adsum::Decision<'_, User, P>, &[SessionKey]) + 'a;

/// What came of an input: the session that it was about and the decisions, or the refusal.
pub type Outcome = Result<(Option<SessionKey>, Vec<Decision>), Error>;

pub struct Host<P, S = DefaultHashBuilder> {
    pub engine: Engine<User, P, S>,
    /// The sessions that have a connection, as the host itself can know.
    pub sockets: SlotMap<SessionKey>,
    /// Those of them that the host has called congested.
    pub congested: BTreeSet<SessionKey>,
    pub last_id: u64,
    /// After a drain that was dropped half-way, ids may be missing.
    pub may_miss_ids: bool,
    /// Receivers of notices and entries of snapshots so far.
    pub deliveries: u64,
    pub skipped: u64,
}

/// The most receivers or entries of one decision.
const CHUNK: usize = if cfg!(feature = "shrunk") { 4 } else { 4_096 };

impl<P: Payload, S: BuildHasher> Host<P, S> {
    pub fn new(config: Config, hasher: S) -> Self {
        Self {
            engine: Engine::with_hasher(config, hasher),
            sockets: SlotMap::new(),
            congested: BTreeSet::new(),
            last_id: 0,
            may_miss_ids: false,
            deliveries: 0,
            skipped: 0,
        }
    }

    /// Gives an input and takes its decisions, at most `take` of them: then the drain is dropped.
    ///
    /// # Errors
    /// What a decision may not be, whatever the input.
    pub fn handle(
        &mut self,
        now: Time,
        event: &Event,
        take: usize,
        watch: &mut Watch<'_, P>,
    ) -> Result<Outcome, String> {
        let Self { engine, sockets, congested, .. } = self;
        // Makes no difference, or the model would find it.
        let named = crate::session_of(&mut event.clone()).copied();
        engine.prefetch(named.into_iter().cycle().take(17));
        let mut decisions = match verb(engine, now, event) {
            Ok(decisions) => decisions,
            Err(error) => return Ok(Err(error)),
        };
        let session = decisions.session();
        note_input(sockets, congested, event, session)?;
        let mut reading = Reading {
            sockets,
            congested,
            told: Vec::new(),
            last_id: self.last_id,
            may_miss_ids: self.may_miss_ids,
            open_snapshot: false,
            deliveries: 0,
            skipped: 0,
        };
        for _ in 0..take {
            let Some(decision) = decisions.next() else {
                if decisions.next().is_some() {
                    return Err("a drain that was at its end went on".into());
                }
                break;
            };
            reading.read(&decision, watch)?;
        }
        drop(decisions);
        if reading.open_snapshot && take == usize::MAX {
            return Err("a snapshot has no last part".into());
        }
        (self.last_id, self.deliveries, self.skipped) =
            (reading.last_id, self.deliveries + reading.deliveries, self.skipped + reading.skipped);
        Ok(Ok((session, reading.told.into_iter().map(|(_, decision)| decision).collect())))
    }

    /// After a drain that was dropped half-way, the host has to look for itself.
    pub fn look_again(&mut self, ever: impl Iterator<Item = SessionKey>) {
        self.may_miss_ids = true;
        self.sockets = SlotMap::new();
        for key in ever.filter(|key| self.engine.is_attached(*key)) {
            self.sockets.insert(key.slot(), key);
        }
        self.congested.retain(|key| self.engine.is_congested(*key));
    }
}

/// The verb, and not `Engine::apply`: that one is held against the verbs elsewhere.
///
/// # Errors
/// The verb's own.
pub fn verb<'e, P: Payload, S: BuildHasher>(
    engine: &'e mut Engine<User, P, S>,
    now: Time,
    event: &Event,
) -> Result<Decisions<'e, User, P, S>, Error> {
    match event {
        Event::Connect { user, kind, audience, blocked } => {
            let (audience, blocked) = (audience.iter().copied(), blocked.iter().copied());
            let (key, decisions) = engine.connect(now, *user, *kind, audience, blocked)?;
            assert_eq!(decisions.session(), Some(key), "a connect is about the new session");
            Ok(decisions)
        }
        Event::Disconnect { session } => engine.disconnect(now, *session),
        Event::Lost { session, cause } => engine.lost(now, *session, *cause),
        Event::Resume { session } => engine.resume(now, *session),
        Event::Heartbeat { session } => engine.heartbeat(now, *session),
        Event::Publish { session, presence } => {
            engine.publish(now, *session, P::make(*presence, Some(*session)))
        }
        Event::Direct { session, users, presence } => {
            engine.direct(now, *session, users, P::make(*presence, Some(*session)))
        }
        Event::AudienceAdd { user, contacts } => {
            engine.audience_add(now, user, contacts.iter().copied())
        }
        Event::AudienceRemove { user, contacts } => engine.audience_remove(now, user, contacts),
        Event::AudienceReplace { user, contacts } => {
            engine.audience_replace(now, user, contacts.iter().copied())
        }
        Event::Block { user, other } => engine.block(now, user, *other),
        Event::Unblock { user, other } => engine.unblock(now, user, other),
        Event::Invisible { session } => engine.invisible(now, *session),
        Event::Visible { session } => engine.visible(now, *session),
        Event::Congested { session } => engine.congested(now, *session),
        Event::Writable { session } => engine.writable(now, *session),
        Event::System { users, presence } => {
            Ok(engine.system(now, users, P::make(*presence, None)))
        }
        Event::Expel { user } => Ok(engine.expel(now, user)),
        Event::Advance => Ok(engine.advance(now)),
        other => unreachable!("the host does not know {other:?}"),
    }
}

/// What the host knows of its connections before the first decision.
fn note_input(
    sockets: &mut SlotMap<SessionKey>,
    congested: &mut BTreeSet<SessionKey>,
    event: &Event,
    session: Option<SessionKey>,
) -> Result<(), String> {
    let Some(key) = session else {
        return Ok(());
    };
    match event {
        Event::Connect { .. } | Event::Resume { .. } => {
            congested.remove(&key);
            match sockets.insert(key.slot(), key) {
                Some(other) if other != key => {
                    return Err(format!("{key:?} has the slot of {other:?}"));
                }
                _ => {}
            }
        }
        Event::Disconnect { .. } | Event::Lost { .. } => forget(sockets, congested, key),
        Event::Congested { .. } => _ = congested.insert(key),
        Event::Writable { .. } => _ = congested.remove(&key),
        _ => {}
    }
    Ok(())
}

fn forget(
    sockets: &mut SlotMap<SessionKey>,
    congested: &mut BTreeSet<SessionKey>,
    key: SessionKey,
) {
    congested.remove(&key);
    if sockets.get(key.slot()) == Some(&key) {
        sockets.remove(key.slot());
    }
}

/// Reads one drain.
struct Reading<'a> {
    sockets: &'a mut SlotMap<SessionKey>,
    congested: &'a mut BTreeSet<SessionKey>,
    /// What was read, with the number of each notice.
    told: Vec<(u64, Decision)>,
    last_id: u64,
    may_miss_ids: bool,
    open_snapshot: bool,
    deliveries: u64,
    skipped: u64,
}

impl Reading<'_> {
    fn read<P: Payload>(
        &mut self,
        decision: &adsum::Decision<'_, User, P>,
        watch: &mut Watch<'_, P>,
    ) -> Result<(), String> {
        if self.open_snapshot && !matches!(decision, adsum::Decision::Snapshot(_)) {
            return Err("something comes between the parts of a snapshot".into());
        }
        match decision {
            adsum::Decision::Deliver { notice, to } => {
                let to = self.receivers(to, false)?;
                watch(decision, &to);
                self.deliveries += to.len() as u64;
                self.add(notice.id().get(), &canonical(notice), &to, false)
            }
            adsum::Decision::Skipped { notice, to } => {
                let to = self.receivers(to, true)?;
                watch(decision, &to);
                self.skipped += to.len() as u64;
                self.add(notice.id().get(), &canonical(notice), &to, true)
            }
            adsum::Decision::Snapshot(snapshot) => {
                let to = self.receivers(&[snapshot.to()], false)?;
                watch(decision, &to);
                self.add_snapshot(snapshot, to[0])
            }
            adsum::Decision::Close { session, reason, resumable } => {
                forget(self.sockets, self.congested, *session);
                watch(decision, &[]);
                let (session, reason, resumable) = (*session, *reason, *resumable);
                self.told.push((0, Decision::Close { session, reason, resumable }));
                Ok(())
            }
            other => {
                Err(format!("an unknown kind of decision: {:?}", std::mem::discriminant(other)))
            }
        }
    }

    /// The sessions behind these slots: all attached at this moment, all congested or none.
    fn receivers(&self, slots: &[Slot], congested: bool) -> Result<Vec<SessionKey>, String> {
        if slots.is_empty() || slots.len() > CHUNK {
            return Err(format!("a decision has {} receivers", slots.len()));
        }
        let mut keys = Vec::new();
        for slot in slots {
            let Some(key) = self.sockets.get(*slot) else {
                return Err(format!(
                    "{slot:?} is named as a receiver and nobody is attached there"
                ));
            };
            if self.congested.contains(key) != congested {
                return Err(format!("{key:?} is told, or skipped, though (not) congested"));
            }
            if keys.contains(key) {
                return Err(format!("{key:?} is named twice"));
            }
            keys.push(*key);
        }
        Ok(keys)
    }

    fn add(
        &mut self,
        id: u64,
        notice: &Notice,
        to: &[SessionKey],
        is_skipped: bool,
    ) -> Result<(), String> {
        if let Some((last, decision)) = self.told.last_mut()
            && *last == id
        {
            if decision.notice() != Some(notice) {
                return Err(format!("notice {id} is both {decision:?} and {notice:?}"));
            }
            match decision {
                Decision::Deliver { to: so_far, .. } if !is_skipped => {
                    return extend(so_far, to);
                }
                Decision::Skipped { to: so_far, .. } if is_skipped => {
                    return extend(so_far, to);
                }
                Decision::Deliver { .. } => {}
                _ => return Err(format!("notice {id} is delivered after it was skipped")),
            }
        } else {
            self.next_id(id)?;
        }
        let (notice, to) = (notice.clone(), to.iter().copied().collect());
        self.told.push((
            id,
            if is_skipped {
                Decision::Skipped { notice, to }
            } else {
                Decision::Deliver { notice, to }
            },
        ));
        Ok(())
    }

    fn next_id(&mut self, id: u64) -> Result<(), String> {
        if id <= self.last_id || id > self.last_id + 1 && !self.may_miss_ids {
            return Err(format!("notice {id} follows notice {}", self.last_id));
        }
        self.last_id = id;
        Ok(())
    }

    fn add_snapshot<P: Payload>(
        &mut self,
        snapshot: &Snapshot<'_, User, P>,
        receiver: SessionKey,
    ) -> Result<(), String> {
        if snapshot.is_first() == self.open_snapshot {
            return Err("the first part of a snapshot is marked, and only that".into());
        }
        if snapshot.is_first() {
            self.told.push((0, Decision::Snapshot { to: receiver, entries: BTreeMap::new() }));
        }
        self.open_snapshot = !snapshot.is_last();
        if snapshot.len() > CHUNK || snapshot.len() != snapshot.entries().len() {
            return Err(format!("a part of a snapshot has {} entries", snapshot.len()));
        }
        if snapshot.is_empty() && !(snapshot.is_first() && snapshot.is_last()) {
            return Err("a snapshot of several parts has an empty one".into());
        }
        for entry in snapshot.entries() {
            self.next_id(entry.id.get())?;
            let Some((_, Decision::Snapshot { to, entries })) = self.told.last_mut() else {
                return Err("a snapshot goes on that has not begun".into());
            };
            if *to != receiver {
                return Err("a snapshot goes on with another receiver".into());
            }
            if entries.insert(entry.session, (*entry.user, entry.presence.said())).is_some() {
                return Err(format!("{:?} stands twice in a snapshot", entry.session));
            }
            self.deliveries += 1;
        }
        Ok(())
    }
}

fn extend(so_far: &mut BTreeSet<SessionKey>, to: &[SessionKey]) -> Result<(), String> {
    for key in to {
        if !so_far.insert(*key) {
            return Err(format!("{key:?} is told the same notice twice"));
        }
    }
    Ok(())
}

fn canonical<P: Payload>(notice: &adsum::Notice<'_, User, P>) -> Notice {
    match *notice {
        adsum::Notice::Presence { user, session, kind, presence, .. } => Notice::Presence {
            user: *user,
            session,
            first: kind == PresenceKind::First,
            presence: presence.said(),
        },
        adsum::Notice::Directed { user, session, presence, .. } => {
            Notice::Directed { user: *user, session, presence: presence.said() }
        }
        adsum::Notice::SessionEnded { user, session, .. } => {
            Notice::SessionEnded { user: *user, session }
        }
        adsum::Notice::UserOffline { user, .. } => Notice::UserOffline { user: *user },
        adsum::Notice::System { presence, .. } => Notice::System { presence: presence.said() },
        _ => unreachable!("an unknown kind of notice"),
    }
}
