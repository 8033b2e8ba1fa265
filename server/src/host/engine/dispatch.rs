//! Carries out the engine's decisions: turns notices into tim's presences and hands them on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use adsum::{
    CloseReason, Decision, EndReason, Notice, Scope, SessionId, SessionKey, Slot, Snapshot, Time,
};
use adsum_tim::{Tid, TimPresence};

use super::asked_states::AskedStates;
use super::edge_counter::{Posts, unix_ms};
use super::ended_devices::EndedDevices;
use super::engines::{Answer, Taken};
use super::online_users::OnlineUsers;
use super::sessions::{Entry, Sessions};
use super::v1_notices::V1Notices;
use crate::host::command::{Node, Presence};
use crate::host::jobs::{Goodbye, Job, Outgoing};
use crate::host::metrics::Metrics;
use crate::host::presence_frames::{ASKS, numbered, of_account, offline};
use crate::host::transport::socket::Socket;
use crate::host::transport::wire::Wire;
use crate::host::v1::bye::Bye;
use crate::host::v1::told::Told;
use crate::host::writer::Writer;

/// What a presence says of its receiver (`extend` of `toTid`) when it is shown in place of another
/// one: the resource of the device that ended.
const ENDED: &str = "ended";

/// How many connections wait to be known to the writer.
const MOST_ATTACHED: usize = 64;

/// Something that has to wait until the decisions on an input are carried out.
pub(super) enum Deferred {
    /// A session must be told whether its user is invisible.
    Visibility(SessionKey),
    /// A connection must be closed.
    Close { session: SessionKey, reason: CloseReason },
    /// A session has ended and its user has others: those who were told of it are shown one of
    /// these.
    Replace { id: u64, user: Node, ended: SessionId, to: Vec<Slot> },
    /// What a session showed holds no more, and it goes on: those who were told of it are shown
    /// what holds now.
    Over { id: u64, user: Node, session: SessionId, to: Vec<Slot> },
    /// A user is offline: which device says so is known when all decisions are.
    Offline { id: u64, user: Node, to: Vec<Slot> },
    /// A session asked for an account that shows it nothing.
    ShowsNothing { id: u64, user: Node, to: Vec<Slot> },
    /// A notice that was decided after such a one, and must not overtake it.
    Deliver(Box<TimPresence>, Vec<Slot>),
    /// A user's first session has connected, and whether this server posts it.
    Online(Node, Posts),
    /// A user's session at another server has shown something, of which all have been told.
    Shown(Node),
    /// A user may have become visible, or invisible, and whether this server posts it.
    Visible(Node, bool),
    /// What is kept for a session must be forgotten; and for its user, if it was the last.
    Ended { session: SessionKey, user: Node, last: Option<LastEnd> },
}

/// The end of a user's last session.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastEnd {
    pub(super) reason: EndReason,
    pub(super) since: Time,
    pub(super) visible: bool,
    /// Whether this server posts it.
    pub(super) posts: Posts,
}

/// How many sessions the decisions on one input were about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub(super) delivered: usize,
    pub(super) skipped: usize,
    pub(super) ended: usize,
}

/// Carries out decisions: hands frames, and what they are made from, to the writer.
pub(super) struct Dispatch {
    writer: Writer,
    pub(super) sessions: Sessions,
    pub(super) online: OnlineUsers,
    pub(super) deferred: VecDeque<Deferred>,
    /// The device whose place the session that publishes now has taken.
    pub(super) replaced: Option<Arc<Tid>>,
    /// The engine's time.
    pub(super) now: Time,
    /// Says what is told in the neutral protocol.
    pub(super) v1_notices: V1Notices,
    pub(super) asked: AskedStates,
    /// Whom a snapshot is about that has shown nothing of them yet.
    shown_nothing: BTreeSet<Node>,
    /// Whether notices must wait, because one before them does.
    defer: bool,
    /// Whether what is carried out is what other servers say.
    pub(super) is_of_others: bool,
    pub(super) ended_devices: EndedDevices,
    /// What is handed to the writer only when something else has been written.
    held_back: Option<Vec<Job>>,
    /// The connections that the writer does not know yet. It gets them before anything else that
    /// it is to do, so that it is woken once for both.
    attached: Vec<Job>,
    metrics: Arc<Metrics>,
}

impl Dispatch {
    pub(super) fn new(writer: Writer, metrics: Arc<Metrics>) -> Self {
        Self {
            writer,
            sessions: Sessions::default(),
            online: OnlineUsers::default(),
            deferred: VecDeque::new(),
            replaced: None,
            now: Time::ZERO,
            v1_notices: V1Notices::default(),
            asked: AskedStates::default(),
            shown_nothing: BTreeSet::new(),
            defer: false,
            is_of_others: false,
            ended_devices: EndedDevices::default(),
            held_back: None,
            attached: Vec::new(),
            metrics,
        }
    }

    /// Carries out the decisions on one input, or counts why it was refused.
    pub(super) fn carry_out_if_taken(&mut self, result: Answer<'_>) -> Outcome {
        match result {
            Ok(decisions) => self.carry_out(decisions),
            Err(error) => {
                self.metrics.refused(error);
                Outcome::default()
            }
        }
    }

    /// Carries out the decisions on one input.
    pub(super) fn carry_out(&mut self, decisions: Taken<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        decisions.for_each(|decision, posts| match decision {
            Decision::Deliver { notice, to } => {
                outcome.delivered += to.len();
                self.deliver(&notice, to);
            }
            Decision::Skipped { to, .. } => {
                outcome.skipped += to.len();
                self.metrics.skipped(to.len());
            }
            Decision::Snapshot(snapshot) => self.snapshot(&snapshot),
            Decision::Topic(topic) => {
                let told = self.v1_notices.topic(&topic);
                self.tell(told, topic.to());
            }
            Decision::Changes(changes) => {
                let told = self.v1_notices.changes(&changes);
                self.tell(told, changes.to());
            }
            Decision::Close { session, reason, .. } => {
                self.deferred.push_back(Deferred::Close { session, reason });
            }
            Decision::Online { user, .. } => {
                self.deferred.push_back(Deferred::Online(user.clone(), posts));
            }
            Decision::Ended { user, session, id, reason, since, last, visible } => {
                outcome.ended += 1;
                self.metrics.ended(reason);
                if let Some(entry) = self.sessions.get(session) {
                    self.ended_devices.remember(id, user, &entry.tid);
                }
                let user = user.clone();
                let last = last.then_some(LastEnd { reason, since, visible, posts });
                self.deferred.push_back(Deferred::Ended { session, user, last });
            }
            _ => {}
        });
        self.replaced = None;
        self.defer = false;
        outcome
    }

    fn deliver(&mut self, notice: &Notice<'_, Node, Presence>, to: &[Slot]) {
        let id = notice.id().get();
        self.metrics.notice(notice, to.len());
        if self.is_of_others {
            self.note_of_others(notice, to);
        }
        if self.sessions.has_v1() {
            if let Some(told) = self.v1_notices.notice(notice) {
                self.tell(told, to);
            }
            // Nobody makes frames that nobody gets.
            if !self.sessions.has_tim() {
                return;
            }
        }
        match notice {
            Notice::Presence { presence, .. } => match self.replaced.clone() {
                Some(ended) => self.send_replacement(id, presence, &ended, to),
                None => self.send_in_turn(numbered(presence, id), to),
            },
            Notice::User { user, idle_since, presence, .. } => {
                let state = self.state_of(user, id, *idle_since, presence);
                self.send_in_turn(state, to);
            }
            Notice::Directed { presence, .. } | Notice::System { presence, .. } => {
                self.send_in_turn(numbered(presence, id), to);
            }
            Notice::UserOffline { user, .. } => {
                let (user, to) = (Node::clone(user), to.to_vec());
                self.defer(Deferred::Offline { id, user, to });
            }
            Notice::SessionEnded { user, session: ended, .. } => {
                let (user, ended, to) = (Node::clone(user), *ended, to.to_vec());
                self.defer(Deferred::Replace { id, user, ended, to });
            }
            // tim has no word for it: whoever was told is told what holds now.
            Notice::Withdrawn { user, session, .. }
            | Notice::DirectedOver { user, session, .. } => {
                let (user, session, to) = (Node::clone(user), *session, to.to_vec());
                self.defer(Deferred::Over { id, user, session, to });
            }
            _ => {}
        }
    }

    /// Notes what other servers' sessions have shown, or have said of who is seen, whatever those
    /// speak who are told of it.
    fn note_of_others(&mut self, notice: &Notice<'_, Node, Presence>, to: &[Slot]) {
        match notice {
            Notice::Presence { user, .. } | Notice::User { user, .. } => {
                self.deferred.push_back(Deferred::Shown(Node::clone(user)));
            }
            // What a session here asks for is answered by the command that brings it.
            Notice::Visibility { user, .. } => {
                self.deferred.push_back(Deferred::Visible(Node::clone(user), false));
                let own = to.iter().filter_map(|slot| Some(self.sessions.at(*slot)?.0));
                self.deferred.extend(own.map(Deferred::Visibility));
            }
            _ => {}
        }
    }

    /// Puts a notice off until the decisions are carried out, and so all that come after it.
    fn defer(&mut self, notice: Deferred) {
        self.defer = true;
        self.deferred.push_back(notice);
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_, Node, Presence>) {
        let to = [snapshot.to()];
        self.metrics.snapshot(snapshot.len());
        let entry = self.sessions.at(snapshot.to());
        if entry.is_some_and(|(_, entry)| entry.wire == Wire::V1) {
            let told = self.v1_notices.snapshot(snapshot);
            return self.tell(told, &to);
        }
        if snapshot.scope() == Scope::Users && snapshot.is_first() {
            self.shown_nothing = snapshot.named().cloned().collect();
        }
        for entry in snapshot.entries() {
            let id = entry.id.get();
            let presence = match entry.is_user {
                true => of_account(entry.presence, id, self.unix_ms_of(entry.idle_since)),
                false => numbered(entry.presence, id),
            };
            self.shown_nothing.remove(entry.user);
            self.send_in_turn(presence, &to);
        }
        if snapshot.is_last() {
            for user in std::mem::take(&mut self.shown_nothing) {
                let id = snapshot.id().get();
                self.defer(Deferred::ShowsNothing { id, user, to: to.to_vec() });
            }
        }
    }

    /// Returns the frame of a user's one state. What is told once more, since another device speaks
    /// or a person has come or gone, asks nobody for anything.
    fn state_of(
        &mut self,
        user: &Node,
        id: u64,
        idle_since: Option<Time>,
        presence: &Presence,
    ) -> TimPresence {
        let mut state = of_account(presence, id, self.unix_ms_of(idle_since));
        if state.sub_status == Some(ASKS) && self.asked.note(user, id, presence) {
            state.sub_status = None;
        }
        state
    }

    /// Returns a moment of the engine's in milliseconds since 1970.
    pub(super) fn unix_ms_of(&self, moment: Option<Time>) -> Option<u64> {
        moment.map(|moment| unix_ms().saturating_sub(self.now.since(moment)))
    }

    /// Sends now, or after an earlier notice that has to wait.
    fn send_in_turn(&mut self, presence: TimPresence, to: &[Slot]) {
        if self.defer {
            self.deferred.push_back(Deferred::Deliver(Box::new(presence), to.to_vec()));
        } else {
            self.send(presence, to);
        }
    }

    /// Shows one session's presence to those who are told that another one, this device, has
    /// ended. tim has no word for that; its clients do not look at what goes with the receiver.
    pub(super) fn send_replacement(
        &mut self,
        id: u64,
        presence: &Presence,
        ended: &Tid,
        to: &[Slot],
    ) {
        self.send_instead(numbered(presence, id), ended, to);
    }

    /// Shows a presence to those who were told something else by this device, which no longer
    /// holds.
    pub(super) fn send_instead(&mut self, presence: TimPresence, ended: &Tid, to: &[Slot]) {
        let ended = ended.resource.clone().unwrap_or_default();
        let extend = BTreeMap::from([(ENDED.to_owned(), ended)]);
        self.send_with(presence, extend, to);
    }

    /// Tells that a user, last seen by this device, is offline.
    pub(super) fn send_offline(&mut self, id: u64, ended: &Tid, to: &[Slot]) {
        self.send(offline(id, ended), to);
    }

    /// Sends a presence to its receivers.
    pub(super) fn send(&mut self, presence: TimPresence, to: &[Slot]) {
        self.send_with(presence, BTreeMap::new(), to);
    }

    fn send_with(&mut self, presence: TimPresence, extend: BTreeMap<String, String>, to: &[Slot]) {
        if !to.is_empty() {
            let outgoing = Outgoing { presence, extend, to: to.to_vec() };
            self.give(Job::Presence(Box::new(outgoing)));
        }
    }

    /// Tells something to those of these sessions that speak the neutral protocol.
    pub(super) fn tell(&mut self, told: Told, to: &[Slot]) {
        self.give(Job::Told(Box::new(told), to.to_vec()));
    }

    /// Hands nothing to the writer until [`let_go`](Self::let_go).
    pub(super) fn hold_back(&mut self) {
        self.held_back = Some(Vec::new());
    }

    /// Hands over what was held back.
    pub(super) fn let_go(&mut self) {
        for job in self.held_back.take().into_iter().flatten() {
            self.give(job);
        }
    }

    fn give(&mut self, job: Job) {
        if let Some(jobs) = &mut self.held_back {
            return jobs.push(job);
        }
        if matches!(job, Job::Attach(..)) && self.attached.len() < MOST_ATTACHED {
            return self.attached.push(job);
        }
        for job in self.attached.drain(..).chain([job]) {
            self.writer.give(job);
        }
    }

    /// Hands a session's connection to the writer.
    pub(super) fn attach(&mut self, session: SessionKey, entry: Entry) {
        if let Some(socket) = &entry.socket {
            self.give(Job::Attach(session, socket.clone()));
        }
        self.sessions.insert(session, entry);
    }

    /// Takes a session's connection away, if it has one.
    pub(super) fn detach(&mut self, session: SessionKey) -> Option<Arc<Socket>> {
        let socket = self.sessions.get_mut(session)?.socket.take()?;
        self.give(Job::Detach(session));
        Some(socket)
    }

    /// Closes a session's connection, if it has one, after all that was decided before.
    pub(super) fn close(&mut self, session: SessionKey, bye: Bye, reason: &'static str) {
        let Some(entry) = self.sessions.get_mut(session) else { return };
        if entry.socket.take().is_some() {
            let (_, code, _) = bye.parts();
            let last = if entry.wire == Wire::V1 { bye.frame(0) } else { Vec::new() };
            self.give(Job::Close(session, Goodbye { code, reason, last }));
        }
    }

    /// Forgets a session.
    pub(super) fn forget(&mut self, session: SessionKey) {
        self.detach(session);
        self.sessions.remove(session);
    }

    /// Sends a frame that is made for one session.
    pub(super) fn send_frame(&mut self, session: SessionKey, frame: &[u8]) {
        self.give(Job::Frame(session, frame.to_vec()));
    }
}
