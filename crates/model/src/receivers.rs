//! A replica for each session, fed with what that session is sent, and held against the truth.

mod topics;

use crate::choice::State;
use crate::state::Session;
use crate::{Attachment, Event, Model, User};
use adsum::{
    Decision, Notice, OfflineNotices, PresenceKind, Replica, Scope, SessionId, SessionKey, Time,
};
use std::collections::{BTreeMap, BTreeSet};

/// More sessions than any case has.
const LIMIT: usize = 1_000;

/// One session's client: what it believes outlives its connections.
struct Receiver {
    replica: Replica<User, u32>,
    /// Sessions that its last snapshot left out though it sees them, and how often they had
    /// published by then.
    left_out: BTreeMap<SessionId, u64>,
    /// The same of users of whom one state is told, and how often that had been.
    left_out_users: BTreeMap<User, u64>,
    /// The last directed presence from each session since the last snapshot.
    directed: BTreeMap<SessionId, u32>,
    /// Whom it has forgotten while it was congested: what it is told of them when it is writable
    /// may be said to somebody who knew more.
    forgotten: BTreeSet<User>,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            replica: Replica::new(LIMIT),
            left_out: BTreeMap::new(),
            left_out_users: BTreeMap::new(),
            directed: BTreeMap::new(),
            forgotten: BTreeSet::new(),
        }
    }
}

#[derive(Default)]
pub struct Receivers {
    /// By the key of the attachment.
    receivers: BTreeMap<SessionKey, Receiver>,
    /// The key from before the resume at hand.
    resumed: Option<SessionKey>,
    /// Sessions of users who have been invisible. Under [`OfflineNotices::Never`] nobody is told
    /// of that, so receivers may go on believing in them.
    veiled: BTreeSet<SessionId>,
    /// Users who have been invisible, or offline, or have shown nothing; and of these the offline.
    veiled_users: BTreeSet<User>,
    gone_users: BTreeSet<User>,
    /// Whose sessions there were, and those that there were when their user went offline.
    known: BTreeMap<SessionId, User>,
    buried: BTreeSet<SessionId>,
    /// Who has got a snapshot by the input at hand, and of whom, if not of everyone.
    snapshots: BTreeMap<SessionKey, Option<BTreeSet<User>>>,
    left: topics::Left,
    never: bool,
    fault: Option<String>,
}

impl Receivers {
    pub fn new(model: &Model) -> Self {
        let never = model.options.offline_notices == OfflineNotices::Never;
        Self { never, ..Self::default() }
    }

    /// Prepares for the decisions about an input.
    pub fn expect(&mut self, model: &Model, event: &Event) {
        self.left = topics::left_by(model, event);
        self.resumed = match event {
            Event::Resume { session } => Some(*session),
            _ => None,
        };
    }

    /// Returns the receiver on this attachment. On the one that a resume begins it is who it was.
    fn receiver(&mut self, key: SessionKey) -> &mut Receiver {
        if !self.receivers.contains_key(&key)
            && let Some(resumed) = self.resumed.take()
            && let Some(receiver) = self.receivers.remove(&resumed)
        {
            self.receivers.insert(key, receiver);
        }
        self.receivers.entry(key).or_default()
    }

    /// Takes in a decision of the engine.
    pub fn hear(&mut self, decision: &Decision<'_, User, u32>, to: &[SessionKey]) {
        for key in to {
            let veiled = self.never.then(|| (self.veiled.clone(), self.veiled_users.clone()));
            if let Decision::Snapshot(snapshot) = decision {
                let is_whole = snapshot.scope() == Scope::Everything;
                let named = (!is_whole).then(|| snapshot.named().copied().collect());
                self.snapshots.insert(*key, named);
            }
            let receiver = self.receiver(*key);
            match decision {
                Decision::Deliver { notice, .. } => {
                    let fault = contradiction(receiver, notice, veiled.as_ref());
                    match notice {
                        Notice::Directed { session, presence, .. } => {
                            receiver.directed.insert(*session, **presence);
                        }
                        Notice::DirectedOver { session, .. } => {
                            receiver.directed.remove(session);
                        }
                        _ => {}
                    }
                    receiver.replica.apply(notice).expect("the replica is large enough");
                    if let Some(fault) = fault {
                        self.fault = Some(format!("{key:?} is told {notice:?}: {fault}"));
                    }
                }
                Decision::Snapshot(snapshot) => {
                    if snapshot.scope() == Scope::Everything {
                        receiver.directed.clear();
                        receiver.forgotten.clear();
                    }
                    receiver.replica.apply_snapshot(snapshot).expect("the replica is large enough");
                }
                Decision::Topic(snapshot) => {
                    receiver.replica.apply_topic(snapshot).expect("the replica is large enough");
                }
                Decision::Changes(changes) => {
                    receiver.replica.apply_changes(changes).expect("the replica is large enough");
                }
                _ => {}
            }
        }
    }

    /// Takes in what an input has made of the model.
    ///
    /// # Errors
    /// What somebody was told that cannot be, or was not in a snapshot.
    pub fn note(
        &mut self,
        model: &Model,
        event: &Event,
        begun: Option<Attachment>,
    ) -> Result<(), String> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.receivers.retain(|key, _| model.find(*key).is_ok());
        for (id, session) in model.showing() {
            self.known.insert(id, session.user);
            if model.is_invisible(session.user) {
                self.veiled.insert(id);
            }
        }
        let all: BTreeSet<User> = self.known.values().copied().collect();
        let looks_offline = |user: &User| {
            !model.is_online(*user) || model.is_invisible(*user) || model.state_of(*user).is_none()
        };
        self.gone_users.extend(all.iter().filter(|user| !model.is_online(**user)));
        self.veiled_users.extend(all.into_iter().filter(looks_offline));
        let of_gone = self.known.iter().filter(|(_, user)| !model.is_online(**user));
        self.buried.extend(of_gone.map(|(id, _)| *id));
        if let Event::Invisible { session } | Event::Visible { session } = event
            && model.find_attached(*session).is_ok()
        {
            // It knows what it has said itself.
            let visible = matches!(event, Event::Visible { .. });
            self.receivers.entry(*session).or_default().replica.set_visible(visible);
        }
        self.check_snapshots(model, event, begun)?;
        self.forget(model, event);
        if let Some((session, name)) = self.left.take()
            && topics::forgets(model, session, name)
        {
            self.receivers.entry(session).or_default().replica.forget_topic(&name);
        }
        Ok(())
    }

    /// Holds every receiver against the truth.
    ///
    /// # Errors
    /// What somebody believes, or does not know, that they should not, or should.
    pub fn check(&mut self, model: &Model) -> Result<(), String> {
        for (id, session) in &model.sessions {
            if session.is_attached() && session.missed.is_none() {
                self.receivers.entry(session.key).or_default();
                self.check_published(model, *id, session)
                    .and_then(|()| self.check_states(model, *id, session))
                    .and_then(|()| self.check_directed(model, *id, session))
                    .and_then(|()| self.check_visibility(model, session))
                    .and_then(|()| topics::check(&self.receivers[&session.key].replica, model, *id))
                    .map_err(|fault| format!("what {id:?} believes: {fault}"))?;
            }
        }
        Ok(())
    }

    /// Has whoever watches users no longer forget those whom it does not see otherwise.
    fn forget(&mut self, model: &Model, event: &Event) {
        match event {
            Event::Unwatch { session, users } => {
                let Ok(id) = model.find_attached(*session) else { return };
                let Session { user: viewer, watched, missed, .. } = &model.sessions[&id];
                let receiver = self.receivers.entry(*session).or_default();
                // Where the input was refused, all of them are watched still, or none was.
                let mut gone: Vec<User> = users.clone();
                gone.retain(|user| !watched.contains(user) && user != viewer);
                gone.retain(|user| !model.has_in_audience(*user, *viewer));
                gone.iter().for_each(|user| receiver.replica.forget(user));
                if missed.is_some() {
                    receiver.forgotten.extend(gone);
                }
            }
            Event::Writable { session } => {
                self.receivers.entry(*session).or_default().forgotten.clear();
            }
            _ => {}
        }
    }

    /// Holds whoever has got a snapshot against what it must have in it. Who attaches gets one,
    /// unless they are off.
    fn check_snapshots(
        &mut self,
        model: &Model,
        event: &Event,
        begun: Option<Attachment>,
    ) -> Result<(), String> {
        let is_off = matches!(event, Event::Connect { .. }) && !model.options.snapshot_on_connect;
        if let Some(attached) = begun {
            if self.snapshots.remove(&attached.key) != (!is_off).then_some(None) {
                return Err(format!("{attached:?} has got a snapshot: {}", is_off));
            }
            self.note_left_out(model, attached, !is_off)?;
        }
        for (key, named) in std::mem::take(&mut self.snapshots) {
            let session = model.find(key).map_err(|error| error.to_string())?;
            let attached = Attachment { key, session };
            match named {
                None => self.note_left_out(model, attached, true)?,
                Some(named) => self.check_all_are_in(model, attached, &named)?,
            }
        }
        Ok(())
    }

    /// Checks that a session knows everything that these users show it.
    fn check_all_are_in(
        &self,
        model: &Model,
        of: Attachment,
        named: &BTreeSet<User>,
    ) -> Result<(), String> {
        let known = published(&self.receivers[&of.key]);
        let mut all = model.truth(of.session).into_iter();
        if let Some((id, _)) =
            all.find(|(id, said)| named.contains(&said.0) && known.get(id) != Some(said))
        {
            return Err(format!("the snapshot of {named:?} for {of:?} leaves {id:?} out"));
        }
        let replica = &self.receivers[&of.key].replica;
        let mut users = model.states_for(of.session).into_iter();
        match users.find(|(user, state)| named.contains(user) && !holds(replica, *user, state)) {
            Some((user, _)) => Err(format!("the snapshot for {of:?} leaves {user} out")),
            None => Ok(()),
        }
    }

    /// Notes whom a session that has just attached sees and does not know of. A snapshot leaves out
    /// nobody but users with one-way lists whom the session does not watch.
    fn note_left_out(
        &mut self,
        model: &Model,
        attached: Attachment,
        has_snapshot: bool,
    ) -> Result<(), String> {
        let Session { user: viewer, watched, .. } = &model.sessions[&attached.session];
        let receiver = self.receivers.entry(attached.key).or_default();
        receiver.left_out.clear();
        let known = published(receiver);
        for (session, (user, _)) in model.truth(attached.session) {
            if known.contains_key(&session) {
                continue;
            }
            let is_in = user == *viewer || watched.contains(&user);
            if has_snapshot && (is_in || model.has_in_audience(*viewer, user)) {
                return Err(format!("the snapshot for {attached:?} leaves {session:?} out"));
            }
            receiver.left_out.insert(session, version_of(model, session));
        }
        receiver.left_out_users.clear();
        for user in model.states_for(attached.session).into_keys() {
            if receiver.replica.user(&user).is_some() {
                continue;
            }
            if has_snapshot && (watched.contains(&user) || model.has_in_audience(*viewer, user)) {
                return Err(format!("the snapshot for {attached:?} leaves {user} out"));
            }
            receiver.left_out_users.insert(user, model.accounts[&user].told);
        }
        Ok(())
    }

    /// Checks that it believes what is true, and all of it but for sessions that its snapshot left
    /// out and that have not published since. Where endings are not told of, it may also go on
    /// believing in those who have ended or gone invisible, unless it may not see their user any
    /// more by a block or its audience: that is told.
    fn check_published(&self, model: &Model, id: SessionId, of: &Session) -> Result<(), String> {
        let receiver = &self.receivers[&of.key];
        let (truth, believed) = (model.truth(id), published(receiver));
        for (session, presence) in &truth {
            match believed.get(session) {
                Some(held) if held == presence => {}
                Some(held) => {
                    return Err(format!("{held:?} of {session:?}, which says {presence:?}"));
                }
                None => {
                    let version = version_of(model, *session);
                    if receiver.left_out.get(session) != Some(&version) {
                        return Err(format!("nothing of {session:?}, which says {presence:?}"));
                    }
                }
            }
        }
        for (session, (user, _)) in believed.iter().filter(|(id, _)| !truth.contains_key(id)) {
            let is_own = *user == of.user;
            let may_see = (model.has_in_audience(*user, of.user) || of.watched.contains(user))
                && !model.is_blocked(*user, of.user)
                || self.buried.contains(session);
            let is_over = !model.sessions.contains_key(session) || self.veiled.contains(session);
            if !(self.never && is_over && (is_own || may_see)) {
                return Err(format!("in {session:?}, a ghost"));
            }
        }
        Ok(())
    }

    /// Checks the same of the one state of each user, where that is what is told.
    fn check_states(&self, model: &Model, id: SessionId, of: &Session) -> Result<(), String> {
        let Receiver { replica, left_out_users, .. } = &self.receivers[&of.key];
        let states = model.states_for(id);
        for (user, state) in &states {
            let held = replica.user(user);
            let is_left_out = left_out_users.get(user) == Some(&model.accounts[user].told);
            if !(holds(replica, *user, state) || held.is_none() && is_left_out) {
                return Err(format!("{held:?} of {user}, whose state is {state:?}"));
            }
        }
        for user in replica.users().filter(|user| !states.contains_key(user)) {
            let lingers = self.never
                && self.veiled_users.contains(user)
                && (!model.is_blocked(*user, of.user) || self.gone_users.contains(user));
            if replica.user(user).is_some() && !lingers {
                return Err(format!("in {user}, a ghost"));
            }
        }
        Ok(())
    }

    /// Checks that whatever it holds of directed presence is the last word of a session that is
    /// still there, and that either remembers having told it or is shown to it; and that what the
    /// sender remembers it to hold, it holds, unless a snapshot came since.
    fn check_directed(&self, model: &Model, id: SessionId, of: &Session) -> Result<(), String> {
        let receiver = &self.receivers[&of.key];
        let truth = model.truth(id);
        for user in receiver.replica.users() {
            for (session, _, directed) in receiver.replica.sessions_of(user) {
                let Some(directed) = directed else { continue };
                if receiver.directed.get(&session) != Some(directed) {
                    return Err(format!("{directed}, which {session:?} did not direct to it last"));
                }
                let sender = model.shown(session);
                let is_told = sender.is_some_and(|sender| sender.told(of.key).is_some());
                let is_blocked = model.is_blocked(*user, of.user);
                let lingers = self.never
                    && (sender.is_none() && !is_blocked
                        || self.veiled.contains(&session)
                        || self.buried.contains(&session));
                if !is_told && !truth.contains_key(&session) && !lingers {
                    return Err(format!("{directed}, directed by {session:?}, a ghost"));
                }
            }
        }
        for (sender, session) in model.showing() {
            let told = session.told(of.key).filter(|_| receiver.directed.contains_key(&sender));
            if let Some(presence) = told {
                let mut held = receiver.replica.sessions_of(&session.user);
                let holds =
                    held.any(|(of, _, directed)| of == sender && directed == Some(&presence));
                if !holds && !self.never {
                    return Err(format!("nothing of {presence}, directed to it by {sender:?}"));
                }
            }
        }
        Ok(())
    }

    /// Checks that it knows whether its own user is visible, if it has been told.
    fn check_visibility(&self, model: &Model, of: &Session) -> Result<(), String> {
        let told = self.receivers[&of.key].replica.is_visible();
        let visible = !model.is_invisible(of.user);
        match told {
            Some(told) if told != visible => Err(format!("that its user is visible: {told}")),
            None if model.options.snapshot_on_connect => {
                Err("nothing of whether its user is visible".into())
            }
            _ => Ok(()),
        }
    }
}

/// Returns what a notice says of its receiver that is not so.
fn contradiction(
    receiver: &Receiver,
    notice: &Notice<'_, User, u32>,
    veiled: Option<&(BTreeSet<SessionId>, BTreeSet<User>)>,
) -> Option<&'static str> {
    if let Notice::User { user, kind, .. } = notice {
        let holds = receiver.replica.user(*user).is_some();
        let may_hold_none =
            receiver.left_out_users.contains_key(*user) || receiver.forgotten.contains(*user);
        return match kind {
            PresenceKind::First if holds && !veiled.is_some_and(|(_, all)| all.contains(*user)) => {
                Some("it held a state of this user before")
            }
            PresenceKind::Update if !holds && !may_hold_none => {
                Some("it held no state of this user before")
            }
            _ => None,
        };
    }
    if let Notice::Withdrawn { user, session, .. } = notice {
        let holds = receiver.replica.sessions_of(user).any(|(of, ..)| of == *session);
        let knows =
            holds || receiver.left_out.contains_key(session) || receiver.forgotten.contains(*user);
        return (!knows && veiled.is_none()).then_some("it held nothing of this session");
    }
    let Notice::Presence { user, session, kind, .. } = notice else {
        return None;
    };
    let holds = receiver.replica.sessions_of(user).find(|(of, ..)| of == session);
    let holds_published = holds.is_some_and(|(_, published, _)| published.is_some());
    match kind {
        // Of one who went invisible unheard and came back, it holds what it held before.
        PresenceKind::First
            if holds_published && !veiled.is_some_and(|(all, _)| all.contains(session)) =>
        {
            Some("it held something of this session before")
        }
        PresenceKind::Update
            if holds.is_none()
                && !receiver.left_out.contains_key(session)
                && !receiver.forgotten.contains(*user) =>
        {
            Some("it held nothing of this session before")
        }
        _ => None,
    }
}

/// Returns whether a receiver holds just this state of a user.
fn holds(replica: &Replica<User, u32>, user: User, state: &State) -> bool {
    let held = replica.user(&user);
    held.map(|(presence, since)| (*presence, since.map(Time::as_millis)))
        == Some((state.presence, state.idle_since))
}

fn published(receiver: &Receiver) -> BTreeMap<SessionId, (User, u32)> {
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

/// Returns how often a session has published.
fn version_of(model: &Model, session: SessionId) -> u64 {
    model.shown(session).expect("it shows something").version
}
