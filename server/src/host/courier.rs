//! From the engine's decisions to tim's frames.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use adsum::{
    CloseReason, Decision, Decisions, DefaultHashBuilder, Notice, SessionKey, Slot, SlotMap,
    Snapshot,
};
use adsum_tim::{Form, Prepared, Tid, TimPresence};

use super::command::{Node, Saying, SystemOutcome};
use super::departed::Departed;
use super::metrics::Metrics;
use super::outbox::Socket;
use super::worklist::Worklist;

/// What is kept for a session.
pub(crate) struct Entry {
    pub(crate) key: SessionKey,
    pub(crate) node: Node,
    pub(crate) form: Form,
    pub(crate) tid: Arc<Tid>,
    /// `None` while it is detached.
    pub(crate) socket: Option<Arc<Socket>>,
    /// The number of the last frame that wants a receipt.
    pub(crate) sync: u32,
    /// When it logged in.
    pub(crate) since: Instant,
    /// While it was congested the user became invisible, or visible again.
    pub(crate) owed_visibility: bool,
}

pub(crate) type Table = SlotMap<Box<Entry>>;

/// The node that the administrator's words come from: no account is called that.
pub(crate) const SYSTEM_NODE: &str = "@server";

/// So many receivers are looked at before the first of them is given its notice.
const LOOK_AHEAD: usize = 16;

/// What a presence says of its receiver (`extend` of `toTid`) when it is shown instead of another
/// one: the resource of the device that ended.
const ENDED: &str = "ended";

/// Something that only the engine's thread can do once the drain is over.
pub(crate) enum After {
    /// A session's queue is full.
    Congested(SessionKey),
    /// A session must be closed, or forgotten.
    Close { session: SessionKey, reason: CloseReason, resumable: bool },
    /// A session has ended and its user has others: those who were told of it are shown one of
    /// these.
    Instead { id: u64, user: Node, gone: Arc<Tid>, to: Vec<Slot> },
    /// A notice that was decided after such a one, so that it must not overtake it.
    Deliver(Box<TimPresence>, Vec<Slot>),
}

/// Carries out decisions: encodes, and appends to queues.
pub(crate) struct Courier {
    pub(crate) table: Table,
    /// Connections that have something to be written.
    pub(crate) list: Worklist,
    pub(crate) after: VecDeque<After>,
    /// Must notices wait, because one before them does?
    defer: bool,
    /// Who a notice that names no session is from: the sessions that the input is about.
    speakers: Vec<(Node, Arc<Tid>)>,
    /// The device whose place the one that speaks now has taken.
    pub(crate) replaces: Option<Arc<Tid>>,
    /// Kept while a session is congested.
    departed: Departed,
    remembers: bool,
    metrics: Arc<Metrics>,
}

/// A presence in both forms, each made when the first receiver needs it.
struct Forms<'a> {
    presence: &'a TimPresence,
    /// What goes with the receiver.
    extend: BTreeMap<String, String>,
    json: Option<Prepared>,
    thrift: Option<Prepared>,
}

impl<'a> Forms<'a> {
    const fn of(presence: &'a TimPresence, extend: BTreeMap<String, String>) -> Self {
        Self { presence, extend, json: None, thrift: None }
    }

    fn get(&mut self, form: Form, metrics: &Metrics) -> &Prepared {
        let place = match form {
            Form::Json => &mut self.json,
            Form::Thrift => &mut self.thrift,
        };
        place.get_or_insert_with(|| {
            metrics.encoded(form);
            self.presence.prepare_with(form, &self.extend)
        })
    }
}

/// What was said, with the notice's number.
fn numbered(saying: &Saying, id: u64) -> TimPresence {
    TimPresence { id: Some(id as i64), ..TimPresence::clone(saying) }
}

fn offline(id: u64, from: &Tid) -> TimPresence {
    TimPresence {
        id: Some(id as i64),
        offline: Some(true),
        from_tid: Some(from.clone()),
        ..TimPresence::default()
    }
}

impl Courier {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        let (table, list, after, speakers, departed) = Default::default();
        let (defer, replaces, remembers) = (false, None, false);
        Self { table, list, after, defer, speakers, replaces, departed, remembers, metrics }
    }

    /// Is somebody congested, who will have to be told later what others are told now?
    pub(crate) fn remember(&mut self, remembers: bool) {
        if self.remembers && !remembers {
            self.departed.forget_all();
        }
        self.remembers = remembers;
    }

    /// What was kept for a session goes.
    pub(crate) fn forget(&mut self, session: SessionKey) {
        let entry = self.table.remove(session.slot());
        if let Some(entry) = entry.filter(|_| self.remembers) {
            self.departed.remember_session(session, entry.tid);
        }
    }

    /// Who a notice of the next input is from, if it only says which user.
    pub(crate) fn speaks(&mut self, node: &Node, tid: Option<Arc<Tid>>) {
        self.speakers.retain(|(other, _)| other != node);
        self.speakers.extend(tid.map(|tid| (node.clone(), tid)));
    }

    /// Carries out the decisions on one input.
    pub(crate) fn carry_out(
        &mut self,
        mut decisions: Decisions<'_, Node, Saying, DefaultHashBuilder>,
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
                    if let Some(entry) = self.entry(session) {
                        let (node, tid) = (entry.node.clone(), entry.tid.clone());
                        self.speaks(&node, Some(tid));
                    }
                    self.after.push_back(After::Close { session, reason, resumable });
                }
                _ => {}
            }
        }
        for (node, tid) in self.speakers.drain(..) {
            if self.remembers {
                self.departed.remember_user(node, tid);
            }
        }
        self.replaces = None;
        self.defer = false;
        outcome
    }

    pub(crate) fn entry(&self, session: SessionKey) -> Option<&Entry> {
        self.table.get(session.slot()).map(Box::as_ref).filter(|entry| entry.key == session)
    }

    pub(crate) fn entry_mut(&mut self, session: SessionKey) -> Option<&mut Entry> {
        let entry = self.table.get_mut(session.slot()).map(Box::as_mut);
        entry.filter(|entry| entry.key == session)
    }

    /// Is its queue full at this moment?
    pub(crate) fn is_full(&self, session: SessionKey) -> bool {
        let socket = self.entry(session).and_then(|entry| entry.socket.as_ref());
        socket.is_some_and(|socket| socket.is_congested())
    }

    fn deliver(&mut self, notice: &Notice<'_, Node, Saying>, to: &[Slot]) {
        let id = notice.id().get();
        self.metrics.notice(notice, to.len());
        match notice {
            Notice::Presence { presence, .. } => match self.replaces.clone() {
                Some(gone) => self.send_instead(id, presence, &gone, to),
                None => self.send_in_turn(numbered(presence, id), to),
            },
            Notice::Directed { presence, .. } => {
                self.send_in_turn(numbered(presence, id), to);
            }
            Notice::System { presence, .. } => self.send_in_turn(numbered(presence, id), to),
            Notice::UserOffline { user, .. } => {
                let speaker = self.speakers.iter().find(|(node, _)| node == *user);
                let from = speaker.map(|(_, tid)| tid).or_else(|| self.departed.user(user));
                let notice = match from {
                    Some(tid) => offline(id, tid),
                    None => offline(id, &Tid::of(user.as_ref())),
                };
                self.send_in_turn(notice, to);
            }
            Notice::SessionEnded { user, session, .. } => {
                let here = self.entry(*session).map(|entry| &entry.tid);
                let gone = match here.or_else(|| self.departed.session(*session)) {
                    Some(tid) => tid.clone(),
                    None => Arc::new(Tid::of(user.as_ref())),
                };
                let (user, to) = (Node::clone(user), to.to_vec());
                self.defer = true;
                self.after.push_back(After::Instead { id, user, gone, to });
            }
            _ => {}
        }
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_, Node, Saying>) {
        let to = [snapshot.to()];
        self.metrics.snapshot(snapshot.len());
        for entry in snapshot.entries() {
            self.send_in_turn(numbered(entry.presence, entry.id.get()), &to);
        }
    }

    /// Sends now, or, where an earlier notice waits for the end of the drain, after that.
    fn send_in_turn(&mut self, presence: TimPresence, to: &[Slot]) {
        if self.defer {
            self.after.push_back(After::Deliver(Box::new(presence), to.to_vec()));
        } else {
            self.send(&presence, to);
        }
    }

    /// Shows what one session says to those who are told that another one, this device, has
    /// ended. tim has no word for that; its clients do not look at what goes with the receiver.
    pub(crate) fn send_instead(&mut self, id: u64, saying: &Saying, gone: &Tid, to: &[Slot]) {
        let ended = gone.resource.clone().unwrap_or_default();
        let extend = BTreeMap::from([(ENDED.to_owned(), ended)]);
        self.send_with(&numbered(saying, id), extend, to);
    }

    /// Says that a user, last heard of by this device, is offline.
    pub(crate) fn send_offline(&mut self, id: u64, gone: &Tid, to: &[Slot]) {
        self.send(&offline(id, gone), to);
    }

    /// Puts a presence into the queues of its receivers.
    pub(crate) fn send(&mut self, presence: &TimPresence, to: &[Slot]) {
        self.send_with(presence, BTreeMap::new(), to);
    }

    fn send_with(&mut self, presence: &TimPresence, extend: BTreeMap<String, String>, to: &[Slot]) {
        if to.is_empty() {
            return;
        }
        let mut forms = Forms::of(presence, extend);
        let now = Instant::now();
        let mut guess = 192;
        for (at, slot) in to.iter().enumerate() {
            if at % LOOK_AHEAD == 0 {
                self.look_at(&to[at..to.len().min(at + LOOK_AHEAD)]);
            }
            let Some(entry) = self.table.get(*slot) else { continue };
            let Some(socket) = &entry.socket else { continue };
            let prepared = forms.get(entry.form, &self.metrics);
            let appended = socket.append(now, guess, |buffer| {
                let before = buffer.len();
                prepared.write_for(&entry.node, buffer);
                guess = buffer.len() - before;
            });
            if let Some(when) = appended.list {
                self.list.push(when, socket.clone());
            }
            if appended.full {
                self.after.push_back(After::Congested(entry.key));
            }
        }
    }

    /// Looks at what is needed for these receivers. By the next notice hardly any of it is in the
    /// caches, and a look does not wait for the one before it, while taking a lock does.
    fn look_at(&self, to: &[Slot]) {
        let seen = to.iter().filter_map(|slot| self.table.get(*slot)).fold(0, |seen, entry| {
            // The count of references is at one end of a connection.
            let look = |socket: &Arc<Socket>| socket.look() ^ Arc::strong_count(socket);
            let name = entry.node.as_bytes().first().copied().map_or(0, usize::from);
            seen ^ name ^ entry.socket.as_ref().map_or(0, look)
        });
        std::hint::black_box(seen);
    }

    /// Puts a frame that is made for one session into its queue.
    pub(crate) fn send_frame(&mut self, session: SessionKey, frame: &[u8]) {
        let Some(entry) = self.entry(session) else { return };
        let Some(socket) = entry.socket.clone() else { return };
        let append = |buffer: &mut Vec<u8>| buffer.extend_from_slice(frame);
        let appended = socket.append(Instant::now(), frame.len(), append);
        if appended.full {
            self.after.push_back(After::Congested(session));
        }
        if let Some(when) = appended.list {
            self.list.push(when, socket);
        }
    }
}
