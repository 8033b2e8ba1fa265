//! A replica for each session, fed with what that session is sent, and held against the truth.

use crate::{Event, Model, User};
use adsum::{Decision, Notice, OfflineNotices, PresenceKind, Replica, SessionKey};
use std::collections::{BTreeMap, BTreeSet};

/// More sessions than any case has.
const LIMIT: usize = 1_000;

/// One session's client.
struct Receiver {
    replica: Replica<User, u32>,
    /// Sessions that its last snapshot left out though it sees them, and how often they had
    /// published by then.
    left_out: BTreeMap<SessionKey, u64>,
    /// Sessions that remember, from before its last snapshot, that they directed something to it.
    /// It holds nothing of that any more, but may be told as if it did.
    remembered_by: BTreeSet<SessionKey>,
    /// The last directed presence from each session since the last snapshot.
    directed: BTreeMap<SessionKey, u32>,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            replica: Replica::new(LIMIT),
            left_out: BTreeMap::new(),
            remembered_by: BTreeSet::new(),
            directed: BTreeMap::new(),
        }
    }
}

#[derive(Default)]
pub struct Receivers {
    receivers: BTreeMap<SessionKey, Receiver>,
    /// Sessions of users who have been invisible. Under [`OfflineNotices::Never`] nobody is told
    /// of that, so receivers may go on believing in them.
    veiled: BTreeSet<SessionKey>,
    never: bool,
    fault: Option<String>,
}

impl Receivers {
    pub fn new(model: &Model) -> Self {
        let never = model.options.offline_notices == OfflineNotices::Never;
        Self { never, ..Self::default() }
    }

    /// Takes in a decision of the engine.
    pub fn hear(&mut self, decision: &Decision<'_, User, u32>, to: &[SessionKey]) {
        for key in to {
            let receiver = self.receivers.entry(*key).or_default();
            match decision {
                Decision::Deliver { notice, .. } => {
                    if let Some(fault) = contradiction(receiver, notice, self.never) {
                        self.fault = Some(format!("{key:?} is told {notice:?}: {fault}"));
                    }
                    if let Notice::Directed { session, presence, .. } = notice {
                        receiver.directed.insert(*session, **presence);
                    }
                    receiver.replica.apply(notice).expect("the replica is large enough");
                }
                Decision::Snapshot(snapshot) => {
                    // It replaces everything.
                    receiver.directed.clear();
                    receiver.replica.apply_snapshot(snapshot).expect("the replica is large enough");
                }
                _ => {}
            }
        }
    }

    /// Holds every receiver against the truth after one input.
    ///
    /// # Errors
    /// What somebody believes, or does not know, that they should not, or should.
    pub fn check(
        &mut self,
        model: &Model,
        event: &Event,
        session: Option<SessionKey>,
    ) -> Result<(), String> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.receivers.retain(|key, _| model.sessions.contains_key(key));
        for (key, session) in &model.sessions {
            if model.is_invisible(session.user) {
                self.veiled.insert(*key);
            }
        }
        if let (Event::Connect { .. } | Event::Resume { .. }, Some(key)) = (event, session) {
            let is_told =
                model.options.snapshot_on_connect || matches!(event, Event::Resume { .. });
            self.note_left_out(model, key, is_told)?;
        }
        for (key, session) in &model.sessions {
            if session.attached && session.missed.is_none() {
                let receiver = self.receivers.entry(*key).or_default();
                check_published(model, *key, receiver, self.never, &self.veiled)
                    .and_then(|()| check_directed(model, *key, receiver, self.never, &self.veiled))
                    .map_err(|fault| format!("what {key:?} believes: {fault}"))?;
            }
        }
        Ok(())
    }

    /// A session has just attached. A snapshot leaves out nobody but users with one-way lists.
    fn note_left_out(
        &mut self,
        model: &Model,
        key: SessionKey,
        has_snapshot: bool,
    ) -> Result<(), String> {
        let viewer = model.sessions[&key].user;
        let receiver = self.receivers.entry(key).or_default();
        receiver.left_out.clear();
        let told_it = model.sessions.iter().filter(|(_, sender)| sender.told.contains_key(&key));
        receiver.remembered_by = told_it.map(|(sender, _)| *sender).collect();
        let known = published(receiver);
        for (session, (user, _)) in model.truth(key) {
            if known.contains_key(&session) {
                continue;
            }
            if has_snapshot && (user == viewer || model.has_in_audience(viewer, user)) {
                return Err(format!("the snapshot for {key:?} leaves {session:?} out"));
            }
            receiver.left_out.insert(session, model.sessions[&session].version);
        }
        Ok(())
    }
}

/// Does a notice say something of what its receiver held that is not so?
fn contradiction(
    receiver: &Receiver,
    notice: &Notice<'_, User, u32>,
    never: bool,
) -> Option<&'static str> {
    let Notice::Presence { user, session, kind, .. } = notice else {
        return None;
    };
    let holds = receiver.replica.sessions_of(user).find(|(of, ..)| of == session);
    let holds_published = holds.is_some_and(|(_, published, _)| published.is_some());
    match kind {
        // Of one who went invisible unheard and came back, it holds what it held before.
        PresenceKind::First if holds_published && !never => {
            Some("it held something of this session before")
        }
        PresenceKind::Update
            if holds.is_none()
                && !receiver.left_out.contains_key(session)
                && !receiver.remembered_by.contains(session) =>
        {
            Some("it held nothing of this session before")
        }
        _ => None,
    }
}

fn published(receiver: &Receiver) -> BTreeMap<SessionKey, (User, u32)> {
    let mut published = BTreeMap::new();
    for user in receiver.replica.users() {
        for (session, presence, _) in receiver.replica.sessions_of(user) {
            if let Some(presence) = presence {
                published.insert(session, (*user, *presence));
            }
        }
    }
    published
}

/// It believes what is true, and all of it but for sessions that its snapshot left out and that
/// have not published since. Where endings are not told of, it may also go on believing in those
/// who have ended or gone invisible.
fn check_published(
    model: &Model,
    key: SessionKey,
    receiver: &Receiver,
    never: bool,
    veiled: &BTreeSet<SessionKey>,
) -> Result<(), String> {
    let (truth, believed) = (model.truth(key), published(receiver));
    for (session, presence) in &truth {
        match believed.get(session) {
            Some(held) if held == presence => {}
            Some(held) => return Err(format!("{held:?} of {session:?}, which says {presence:?}")),
            None => {
                let version = model.sessions[session].version;
                if receiver.left_out.get(session) != Some(&version) {
                    return Err(format!("nothing of {session:?}, which says {presence:?}"));
                }
            }
        }
    }
    for session in believed.keys().filter(|session| !truth.contains_key(session)) {
        let may_linger =
            never && (!model.sessions.contains_key(session) || veiled.contains(session));
        if !may_linger {
            return Err(format!("in {session:?}, a ghost"));
        }
    }
    Ok(())
}

/// Whatever it holds of directed presence is the last word of a session that is still there, and
/// that either remembers having told it or is in its sight; and what the sender remembers it to
/// hold, it holds.
fn check_directed(
    model: &Model,
    key: SessionKey,
    receiver: &Receiver,
    never: bool,
    veiled: &BTreeSet<SessionKey>,
) -> Result<(), String> {
    for user in receiver.replica.users() {
        for (session, _, directed) in receiver.replica.sessions_of(user) {
            let Some(directed) = directed else { continue };
            if receiver.directed.get(&session) != Some(directed) {
                return Err(format!("{directed}, which {session:?} did not direct to it last"));
            }
            let is_over = match model.sessions.get(&session) {
                None => true,
                Some(sender) => {
                    !sender.told.contains_key(&key) && !model.truth(key).contains_key(&session)
                }
            };
            let lingers = !model.sessions.contains_key(&session) || veiled.contains(&session);
            if is_over && !(never && lingers) {
                return Err(format!("{directed}, directed by {session:?}, a ghost"));
            }
        }
    }
    for (sender, session) in &model.sessions {
        if let Some(Some(presence)) = session.told.get(&key) {
            let mut held = receiver.replica.sessions_of(&session.user);
            let holds = held.any(|(of, _, directed)| of == *sender && directed == Some(presence));
            if !holds && !never {
                return Err(format!("nothing of {presence}, directed to it by {sender:?}"));
            }
        }
    }
    Ok(())
}
