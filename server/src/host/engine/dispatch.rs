//! Carries out the engine's decisions: turns notices into tim's frames and queues them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use adsum::{
    CloseReason, Decision, Decisions, DefaultHashBuilder, Error, Notice, SessionKey, Slot, Snapshot,
};
use adsum_tim::{Tid, TimPresence};

use super::ended_devices::EndedDevices;
use super::presence_frames::{PresenceFrames, numbered, offline};
use super::sessions::Sessions;
use crate::host::command::{Node, Presence, SystemOutcome};
use crate::host::metrics::Metrics;
use crate::host::transport::socket::Socket;
use crate::host::transport::write_list::WriteList;

/// How many receivers are fetched into the caches before the first of them gets its notice.
const LOOK_AHEAD: usize = 16;

/// What a presence says of its receiver (`extend` of `toTid`) when it is shown in place of another
/// one: the resource of the device that ended.
const ENDED: &str = "ended";

/// Something that has to wait until the decisions on an input are carried out.
pub(super) enum Deferred {
    /// A session's queue is full.
    Congested(SessionKey),
    /// A session must be closed, or forgotten.
    Close { session: SessionKey, reason: CloseReason, resumable: bool },
    /// A session has ended and its user has others: those who were told of it are shown one of
    /// these.
    Replace { id: u64, user: Node, ended: Arc<Tid>, to: Vec<Slot> },
    /// A notice that was decided after such a one, and must not overtake it.
    Deliver(Box<TimPresence>, Vec<Slot>),
}

/// Carries out decisions: encodes, and appends to queues.
pub(super) struct Dispatch {
    pub(super) sessions: Sessions,
    /// Connections that have something to be written.
    pub(super) write_list: WriteList,
    pub(super) deferred: VecDeque<Deferred>,
    /// The device whose place the session that publishes now has taken.
    pub(super) replaced: Option<Arc<Tid>>,
    /// Whether notices must wait, because one before them does.
    defer: bool,
    /// The devices of the users whom the input is about: a notice that names no session is from
    /// one of these.
    senders: Vec<(Node, Arc<Tid>)>,
    /// Kept while a session is congested.
    ended_devices: EndedDevices,
    remembers: bool,
    metrics: Arc<Metrics>,
}

impl Dispatch {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            sessions: Sessions::default(),
            write_list: WriteList::default(),
            deferred: VecDeque::new(),
            replaced: None,
            defer: false,
            senders: Vec::new(),
            ended_devices: EndedDevices::default(),
            remembers: false,
            metrics,
        }
    }

    /// Remembers ended devices, or no longer: somebody is congested, who will be told later what
    /// others are told now.
    pub(super) fn remember(&mut self, remembers: bool) {
        if self.remembers && !remembers {
            self.ended_devices.forget_all();
        }
        self.remembers = remembers;
    }

    /// Drops what was kept for a session.
    pub(super) fn forget(&mut self, session: SessionKey) {
        let entry = self.sessions.remove(session);
        if let Some(entry) = entry.filter(|_| self.remembers) {
            self.ended_devices.remember_session(session, entry.tid);
        }
    }

    /// Notes the device that a notice of the next input is from, if it only names the user.
    pub(super) fn note_sender(&mut self, node: &Node, tid: Option<Arc<Tid>>) {
        self.senders.retain(|(other, _)| other != node);
        self.senders.extend(tid.map(|tid| (node.clone(), tid)));
    }

    /// Carries out the decisions on one input, or counts why it was refused.
    pub(super) fn carry_out_if_taken(
        &mut self,
        result: Result<Decisions<'_, Node, Presence, DefaultHashBuilder>, Error>,
    ) -> SystemOutcome {
        match result {
            Ok(decisions) => self.carry_out(decisions),
            Err(error) => {
                self.metrics.refused(error);
                SystemOutcome::default()
            }
        }
    }

    /// Carries out the decisions on one input.
    pub(super) fn carry_out(
        &mut self,
        mut decisions: Decisions<'_, Node, Presence, DefaultHashBuilder>,
    ) -> SystemOutcome {
        let mut outcome = SystemOutcome::default();
        while let Some(decision) = decisions.next() {
            match decision {
                Decision::Deliver { notice, to } => {
                    outcome.delivered += to.len();
                    self.deliver(&notice, to);
                }
                Decision::Skipped { to, .. } => {
                    outcome.skipped += to.len();
                    self.metrics.skipped(to.len());
                }
                Decision::Snapshot(snapshot) => self.snapshot(&snapshot),
                Decision::Close { session, reason, resumable } => {
                    if let Some(entry) = self.sessions.get(session) {
                        let (node, tid) = (entry.node.clone(), entry.tid.clone());
                        self.note_sender(&node, Some(tid));
                    }
                    self.deferred.push_back(Deferred::Close { session, reason, resumable });
                }
                _ => {}
            }
        }
        for (node, tid) in self.senders.drain(..) {
            if self.remembers {
                self.ended_devices.remember_user(node, tid);
            }
        }
        self.replaced = None;
        self.defer = false;
        outcome
    }

    fn deliver(&mut self, notice: &Notice<'_, Node, Presence>, to: &[Slot]) {
        let id = notice.id().get();
        self.metrics.notice(notice, to.len());
        match notice {
            Notice::Presence { presence, .. } => match self.replaced.clone() {
                Some(ended) => self.send_replacement(id, presence, &ended, to),
                None => self.send_in_turn(numbered(presence, id), to),
            },
            Notice::Directed { presence, .. } | Notice::System { presence, .. } => {
                self.send_in_turn(numbered(presence, id), to);
            }
            Notice::UserOffline { user, .. } => {
                let sender = self.senders.iter().find(|(node, _)| node == *user);
                let from = sender.map(|(_, tid)| tid).or_else(|| self.ended_devices.of_user(user));
                let notice = match from {
                    Some(tid) => offline(id, tid),
                    None => offline(id, &Tid::of(user.as_ref())),
                };
                self.send_in_turn(notice, to);
            }
            Notice::SessionEnded { user, session, .. } => {
                let here = self.sessions.get(*session).map(|entry| &entry.tid);
                let ended = match here.or_else(|| self.ended_devices.of_session(*session)) {
                    Some(tid) => tid.clone(),
                    None => Arc::new(Tid::of(user.as_ref())),
                };
                let (user, to) = (Node::clone(user), to.to_vec());
                self.defer = true;
                self.deferred.push_back(Deferred::Replace { id, user, ended, to });
            }
            _ => {}
        }
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_, Node, Presence>) {
        let to = [snapshot.to()];
        self.metrics.snapshot(snapshot.len());
        for entry in snapshot.entries() {
            self.send_in_turn(numbered(entry.presence, entry.id.get()), &to);
        }
    }

    /// Sends now, or after an earlier notice that has to wait.
    fn send_in_turn(&mut self, presence: TimPresence, to: &[Slot]) {
        if self.defer {
            self.deferred.push_back(Deferred::Deliver(Box::new(presence), to.to_vec()));
        } else {
            self.send(&presence, to);
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
        let ended = ended.resource.clone().unwrap_or_default();
        let extend = BTreeMap::from([(ENDED.to_owned(), ended)]);
        self.send_with(&numbered(presence, id), extend, to);
    }

    /// Tells that a user, last seen by this device, is offline.
    pub(super) fn send_offline(&mut self, id: u64, ended: &Tid, to: &[Slot]) {
        self.send(&offline(id, ended), to);
    }

    /// Puts a presence into the queues of its receivers.
    pub(super) fn send(&mut self, presence: &TimPresence, to: &[Slot]) {
        self.send_with(presence, BTreeMap::new(), to);
    }

    fn send_with(&mut self, presence: &TimPresence, extend: BTreeMap<String, String>, to: &[Slot]) {
        if to.is_empty() {
            return;
        }
        let mut frames = PresenceFrames::of(presence, extend);
        let now = Instant::now();
        let mut guess = 192;
        for (at, slot) in to.iter().enumerate() {
            if at % LOOK_AHEAD == 0 {
                self.fetch(&to[at..to.len().min(at + LOOK_AHEAD)]);
            }
            let Some(entry) = self.sessions.at(*slot) else { continue };
            let Some(socket) = &entry.socket else { continue };
            let prepared = frames.get(entry.form, &self.metrics);
            let appended = socket.append(now, guess, |buffer| {
                let before = buffer.len();
                prepared.write_for(&entry.node, buffer);
                guess = buffer.len() - before;
            });
            if let Some(when) = appended.list {
                self.write_list.push(when, socket.clone());
            }
            if appended.full {
                self.deferred.push_back(Deferred::Congested(entry.key));
            }
        }
    }

    /// Reads something of each of these receivers. By the next notice hardly any of them are in
    /// the caches, and such a read does not wait for the one before it, while taking a lock does.
    fn fetch(&self, to: &[Slot]) {
        let read = to.iter().filter_map(|slot| self.sessions.at(*slot)).fold(0, |read, entry| {
            // The count of references is at one end of a connection, what `touch` reads at the
            // other.
            let touch = |socket: &Arc<Socket>| socket.touch() ^ Arc::strong_count(socket);
            let name = entry.node.as_bytes().first().copied().map_or(0, usize::from);
            read ^ name ^ entry.socket.as_ref().map_or(0, touch)
        });
        std::hint::black_box(read);
    }

    /// Puts a frame that is made for one session into its queue.
    pub(super) fn send_frame(&mut self, session: SessionKey, frame: &[u8]) {
        let Some(entry) = self.sessions.get(session) else { return };
        let Some(socket) = entry.socket.clone() else { return };
        let append = |buffer: &mut Vec<u8>| buffer.extend_from_slice(frame);
        let appended = socket.append(Instant::now(), frame.len(), append);
        if appended.full {
            self.deferred.push_back(Deferred::Congested(session));
        }
        if let Some(when) = appended.list {
            self.write_list.push(when, socket);
        }
    }
}
