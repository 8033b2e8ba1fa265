//! The engine's thread.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adsum::{CloseReason, Config, DeviceKind, Engine, Error, SessionKey, Slot, Time, Verb};
use adsum_tim::{Kind, Tid, TimMessage, bare};
use tokio::sync::mpsc::Receiver;

use super::clock::Clock;
use super::command::{
    Command, Connect, Direct, Figures, Node, OnlinePage, RosterChange, RosterChangeKind, Saying,
    System, SystemOutcome,
};
use super::courier::{After, Courier, Entry};
use super::leavers::Leavers;
use super::metrics::Metrics;
use super::worklist::Writable;
use super::writer::Writer;

/// The most commands between two hand-overs to the writer: what they decide for one receiver goes
/// out in one write.
const BATCH: usize = 256;

/// Close codes of this server's own (RFC 6455 leaves 4000 to 4999 to applications).
const EVICTED: u16 = 4_001;
const EXPELLED: u16 = 4_002;
const LAPSED: u16 = 4_003;

/// How long a newcomer who took another device's place has until its first presence. Until then
/// contacts hear nothing: it would be *offline* though the user is online, for a moment.
const SETTLING: Duration = Duration::from_secs(10);

/// `subStatus` of a presence whose sender wants to be told the receiver's own. tim's web client
/// answers each such one.
const ASKS: i8 = 1;

/// A session has ended and the user's only other one is new and has said nothing yet.
struct Held {
    due: Instant,
    id: u64,
    user: Node,
    gone: Arc<Tid>,
    to: Vec<SessionKey>,
}

/// The engine, and what the host keeps beside it.
pub(crate) struct Core {
    engine: Engine<Node, Saying>,
    courier: Courier,
    /// Who is online, for the administrator to page through.
    online: BTreeMap<Node, usize>,
    /// Notices that wait for a newcomer's first presence, in the order in which they are due.
    held: VecDeque<Held>,
    /// Sessions that read too slowly: the engine counts them only by walking over all sessions,
    /// which is too much for each command.
    congested: HashSet<SessionKey>,
    clock: Clock,
    writer: Writer,
    writable: Arc<Writable>,
    metrics: Arc<Metrics>,
    /// Told of each user whose last session has ended.
    gone: Arc<Leavers>,
}

impl Core {
    pub(crate) fn new(
        config: Config,
        writer: Writer,
        writable: Arc<Writable>,
        metrics: Arc<Metrics>,
        gone: Arc<Leavers>,
    ) -> Self {
        Self {
            engine: Engine::new(config),
            courier: Courier::new(metrics.clone()),
            online: BTreeMap::new(),
            held: VecDeque::new(),
            congested: HashSet::new(),
            clock: Clock::new(Instant::now()),
            writer,
            writable,
            metrics,
            gone,
        }
    }

    /// Takes commands until it is told to stop.
    pub(crate) async fn run(mut self, mut commands: Receiver<Command>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let bound = self.engine.deadline().map(|at| self.clock.wait_until(at));
            let held = self.held.front().map(|held| held.due);
            let deadline = [bound, held].into_iter().flatten().min();
            let taken = commands.recv_many(&mut batch, BATCH);
            let count = match deadline {
                Some(at) => tokio::time::timeout_at(at.into(), taken).await.unwrap_or(usize::MAX),
                None => taken.await,
            };
            if count == 0 {
                return;
            }
            self.metrics.queue_depth(commands.len());
            let started = Instant::now();
            self.begin_turn(started, bound.is_some());
            let worked = self.advance() || !batch.is_empty();
            if batch.len() > 1 {
                self.engine.prefetch(batch.iter().filter_map(Command::session));
            }
            for command in batch.drain(..) {
                if matches!(command, Command::Stop) {
                    return;
                }
                self.metrics.event(&command);
                self.take(command);
                self.settle();
            }
            self.writable_again();
            self.hand_over();
            if worked {
                self.metrics.batch(started.elapsed());
            }
        }
    }

    fn begin_turn(&mut self, now: Instant, bounded: bool) {
        let stalled = self.clock.turn(now, bounded);
        if !stalled.is_zero() {
            self.metrics.stalled(stalled);
            tracing::warn!(
                ms = stalled.as_millis() as u64,
                "the server did not get to run; what is due of clients is put off by as much"
            );
        }
    }

    /// Does what is due; whether anything was.
    fn advance(&mut self) -> bool {
        let now = self.clock.now();
        let mut worked = self.engine.deadline().is_some_and(|at| at <= now);
        if worked {
            self.courier.carry_out(self.engine.advance(now));
            self.settle();
        }
        let now = Instant::now();
        while self.held.front().is_some_and(|held| held.due <= now) {
            if let Some(held) = self.held.pop_front() {
                self.show_end(held);
                worked = true;
            }
        }
        self.settle();
        worked
    }

    fn hand_over(&mut self) {
        if !self.courier.list.is_empty() {
            self.writer.write(std::mem::take(&mut self.courier.list));
        }
    }

    fn writable_again(&mut self) {
        for session in self.writable.take() {
            // It may have become full again since it was put into the list. Then it will be put
            // there again; until then the engine must send it nothing, or nothing bounds its queue.
            if self.courier.is_full(session) {
                continue;
            }
            // One whose connection is gone meanwhile is refused, and has nothing to be told.
            let verb = self.engine.writable(self.clock.now(), session);
            Self::done(&mut self.courier, verb, &self.metrics);
            self.congested.remove(&session);
            self.settle();
            if self.courier.entry(session).is_some_and(|entry| entry.owed_visibility) {
                let user = self.engine.user_of(session);
                let invisible = user.is_some_and(|user| self.engine.is_invisible(user));
                self.send_visibility(session, invisible);
                self.settle();
            }
        }
    }

    fn take(&mut self, command: Command) {
        let now = self.clock.now();
        match command {
            Command::Connect(connect) => self.connect(now, *connect),
            Command::Heartbeat(session) => {
                let verb = self.engine.heartbeat(now, session);
                let alive = verb.map(|decisions| self.courier.carry_out(decisions));
                match alive {
                    // Answered here and not by the connection's task: so the answer comes after
                    // everything that was decided before.
                    Ok(_) => self.courier.send_frame(session, &bare(Kind::PING)),
                    Err(error) => self.metrics.refused(error),
                }
            }
            Command::Publish(session, saying) => {
                let held = self.held_for(session);
                self.courier.replaces = held.as_ref().map(|held| held.gone.clone());
                let verb = self.engine.publish(now, session, saying);
                Self::done(&mut self.courier, verb, &self.metrics);
                self.courier.replaces = None;
                self.newcomer_spoke(held);
            }
            Command::Direct(direct) => self.direct(now, *direct),
            Command::Disconnect(session) => {
                self.session_speaks(session);
                let verb = self.engine.disconnect(now, session);
                Self::done(&mut self.courier, verb, &self.metrics);
                self.forget(session);
            }
            Command::Lost(session, cause) => {
                self.session_speaks(session);
                let verb = self.engine.lost(now, session, cause);
                Self::done(&mut self.courier, verb, &self.metrics);
                self.forget(session);
            }
            Command::Invisible(session) => {
                self.session_speaks(session);
                let verb = self.engine.invisible(now, session);
                Self::done(&mut self.courier, verb, &self.metrics);
                self.tell_visibility(session);
            }
            Command::Visible(session) => {
                let verb = self.engine.visible(now, session);
                Self::done(&mut self.courier, verb, &self.metrics);
                self.tell_visibility(session);
            }
            Command::Roster(change) => self.roster(now, *change),
            Command::Tell(user, message) => self.tell(&user, *message),
            Command::System(system) => self.system(now, *system),
            Command::Expel(user, reply) => {
                let sessions = self.engine.sessions(&user).len();
                self.courier.carry_out(self.engine.expel(now, &user));
                let _ = reply.send(sessions);
            }
            Command::Online(after, limit, reply) => {
                let _ = reply.send(self.online_page(after, limit));
            }
            Command::IsOnline(user, reply) => {
                let _ = reply.send(self.engine.is_online(&user));
            }
            Command::Figures(reply) => {
                let (counts, stats) = (self.engine.counts(), self.engine.stats());
                let _ = reply.send(Figures { counts, stats });
            }
            Command::Nudge | Command::Stop => {}
        }
    }

    /// Carries out what a verb decided, or counts why it was refused.
    fn done(
        courier: &mut Courier,
        verb: Verb<'_, Node, Saying, adsum::DefaultHashBuilder>,
        metrics: &Metrics,
    ) -> SystemOutcome {
        match verb {
            Ok(decisions) => courier.carry_out(decisions),
            Err(error) => {
                metrics.refused(error);
                SystemOutcome::default()
            }
        }
    }

    fn connect(&mut self, now: Time, connect: Connect) {
        let Connect { node, audience, blocked, login, ack, requests, reply } = connect;
        // Friends who are removed by the list that comes with this login hear it from a device
        // that they know.
        let known = self.tid_of(&node);
        self.courier.speaks(&node, known);
        let kind = DeviceKind(login.tid.termtyp.unwrap_or_default() as u8 as _);
        let audience = audience.into_iter().map(Node::from);
        let blocked = blocked.into_iter().map(Node::from);
        let since = Instant::now();
        let (engine, courier) = (&mut self.engine, &mut self.courier);
        let connected = engine.connect(now, node.clone(), kind, audience, blocked);
        let connected = connected.map(|(session, decisions)| {
            login.socket.belongs_to(session);
            let (form, tid, socket) = (login.form, login.tid, Some(login.socket));
            let entry = Entry {
                key: session,
                node: node.clone(),
                form,
                tid,
                socket,
                sync: 0,
                since,
                owed_visibility: false,
            };
            courier.table.insert(session.slot(), Box::new(entry));
            courier.send_frame(session, &ack);
            courier.carry_out(decisions);
            session
        });
        let session = match connected {
            Ok(session) => session,
            Err(error) => {
                self.metrics.refused(error);
                let _ = reply.send(Err(error));
                return;
            }
        };
        if self.engine.is_invisible(&node) {
            self.send_visibility(session, true);
        }
        *self.online.entry(node).or_default() += 1;
        for request in requests {
            self.tell_session(session, &request);
        }
        let _ = reply.send(Ok(session));
    }

    fn direct(&mut self, now: Time, direct: Direct) {
        let Direct { session, to, saying, refused } = direct;
        let verb = self.engine.direct(now, session, &to, saying.clone());
        let Err(error) = verb.map(|decisions| self.courier.carry_out(decisions)) else { return };
        if error != Error::NotPermitted {
            self.metrics.refused(error);
            let _ = refused.send(error);
            return;
        }
        if to.len() == 1 {
            return self.metrics.refused(error);
        }
        // Whoever may be told is told, as if those who may not were not online.
        for one in &to {
            let verb = self.engine.direct(now, session, [one], saying.clone());
            Self::done(&mut self.courier, verb, &self.metrics);
            self.settle();
        }
    }

    fn roster(&mut self, now: Time, change: RosterChange) {
        let RosterChange { user, other, kind } = change;
        for node in [&user, &other] {
            let tid = self.tid_of(node);
            self.courier.speaks(node, tid);
        }
        let verb = match kind {
            RosterChangeKind::Friends => {
                let verb = self.engine.audience_add(now, &user, [other.clone()]);
                Self::done(&mut self.courier, verb, &self.metrics);
                self.engine.audience_add(now, &other, [user])
            }
            RosterChangeKind::Apart => {
                let verb = self.engine.audience_remove(now, &user, [&other]);
                Self::done(&mut self.courier, verb, &self.metrics);
                let tid = self.tid_of(&other);
                self.courier.speaks(&other, tid);
                self.engine.audience_remove(now, &other, [user])
            }
            RosterChangeKind::Blocked => self.engine.block(now, &user, other),
            RosterChangeKind::Unblocked => self.engine.unblock(now, &user, &other),
        };
        Self::done(&mut self.courier, verb, &self.metrics);
    }

    fn system(&mut self, now: Time, system: System) {
        let System { to, saying, reply } = system;
        let outcome = self.courier.carry_out(self.engine.system(now, &to, saying));
        let _ = reply.send(outcome);
    }

    fn tell(&mut self, user: &Node, message: TimMessage) {
        let sessions: Vec<_> = self.engine.sessions(user).collect();
        for session in sessions {
            self.tell_session(session, &message);
        }
    }

    fn tell_session(&mut self, session: SessionKey, message: &TimMessage) {
        // A session that does not read on finds a request in its list when it logs in next.
        if self.engine.is_congested(session) {
            return;
        }
        let Some(entry) = self.courier.entry_mut(session) else { return };
        entry.sync = entry.sync.wrapping_add(1);
        let frame = message.to_sync_frame(entry.form, Kind::MESSAGE, entry.sync);
        self.courier.send_frame(session, &frame);
    }

    /// All of a user's devices show whether the user is invisible.
    fn tell_visibility(&mut self, session: SessionKey) {
        let Some(user) = self.engine.user_of(session) else { return };
        let invisible = self.engine.is_invisible(user);
        let sessions: Vec<_> = self.engine.sessions(user).collect();
        for session in sessions {
            self.send_visibility(session, invisible);
        }
    }

    fn send_visibility(&mut self, session: SessionKey, invisible: bool) {
        // Who does not read gets the newest only, when there is room again.
        let owed = self.engine.is_congested(session);
        let Some(entry) = self.courier.entry_mut(session) else { return };
        entry.owed_visibility = owed;
        if owed {
            return;
        }
        let ack = super::roster::visibility(invisible).to_frame(entry.form, Kind::ACK);
        self.courier.send_frame(session, &ack);
    }

    fn online_page(&self, after: Option<Node>, limit: usize) -> OnlinePage {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.online.range::<Node, _>((from, Bound::Unbounded));
        let users =
            rest.by_ref().take(limit).map(|(node, sessions)| (node.clone(), *sessions)).collect();
        OnlinePage { users, more: rest.next().is_some(), total: self.online.len() }
    }

    /// The device that a user was last heard of by, of those that are left.
    fn tid_of(&self, user: &Node) -> Option<Arc<Tid>> {
        let session = self.engine.sessions(user).last()?;
        Some(self.courier.entry(session)?.tid.clone())
    }

    fn session_speaks(&mut self, session: SessionKey) {
        let speaker =
            self.courier.entry(session).map(|entry| (entry.node.clone(), entry.tid.clone()));
        if let Some((node, tid)) = speaker {
            self.courier.speaks(&node, Some(tid));
        }
    }

    /// Does what had to wait for the end of the drain.
    fn settle(&mut self) {
        while let Some(after) = self.courier.after.pop_front() {
            match after {
                After::Congested(session) => {
                    let verb = self.engine.congested(self.clock.now(), session);
                    self.metrics.congested();
                    Self::done(&mut self.courier, verb, &self.metrics);
                    if self.engine.is_congested(session) {
                        self.congested.insert(session);
                    }
                }
                After::Close { session, reason, resumable } => {
                    self.close(session, reason, resumable);
                }
                After::Instead { id, user, gone, to } => self.show_another(id, user, gone, &to),
                After::Deliver(presence, to) => self.courier.send(&presence, &to),
            }
        }
        debug_assert_eq!(self.congested.len(), self.engine.counts().congested);
        self.courier.remember(!self.congested.is_empty());
    }

    fn close(&mut self, session: SessionKey, reason: CloseReason, resumable: bool) {
        self.metrics.closed(reason);
        self.congested.remove(&session);
        if let Some(socket) = self.courier.entry_mut(session).and_then(|entry| entry.socket.take())
        {
            let (code, words) = match reason {
                CloseReason::Evicted => (EVICTED, "another device took this one's place"),
                CloseReason::Expelled => (EXPELLED, "expelled by an administrator"),
                CloseReason::LeaseLapsed => (LAPSED, "nothing heard for too long"),
                _ => (1_000, "over"),
            };
            socket.close(code, words);
        }
        if !resumable {
            self.forget(session);
        }
    }

    /// The presence of one that remains goes out again, so that nobody goes on showing the state
    /// of the device that is gone.
    fn show_another(&mut self, id: u64, user: Node, gone: Arc<Tid>, to: &[Slot]) {
        if Self::newest(&self.engine, &user).is_none() && self.has_newcomer(&user) {
            let key = |slot: &Slot| Some(self.courier.table.get(*slot)?.key);
            let to = to.iter().filter_map(key).collect();
            self.held.push_back(Held { due: Instant::now() + SETTLING, id, user, gone, to });
            return;
        }
        self.show_instead(id, &user, &gone, to);
    }

    /// Time is up for a newcomer, or it has spoken, or it has gone too.
    fn show_end(&mut self, held: Held) {
        let Held { id, user, gone, to, .. } = held;
        let here = |session: &SessionKey| self.courier.entry(*session).map(|_| session.slot());
        let to: Vec<_> = to.iter().filter_map(here).collect();
        self.show_instead(id, &user, &gone, &to);
    }

    /// Shows the newest of what a user's other devices say to who may see it; to all others the
    /// user looks offline now.
    fn show_instead(&mut self, id: u64, user: &Node, gone: &Tid, to: &[Slot]) {
        let newest = Self::newest(&self.engine, user).cloned();
        let (mut seeing, mut others) = (Vec::new(), Vec::new());
        for slot in to {
            let Some(entry) = self.courier.table.get(*slot) else { continue };
            match newest.is_some() && self.engine.sees(&entry.node, user) {
                true => seeing.push(*slot),
                false => others.push(*slot),
            }
        }
        if let Some(mut saying) = newest {
            // It is repeated, not said: nobody asks for anything now.
            if saying.sub_status == Some(ASKS) {
                Arc::make_mut(&mut saying).sub_status = None;
            }
            self.courier.send_instead(id, &saying, gone, &seeing);
        }
        self.courier.send_offline(id, gone, &others);
    }

    /// What waits for this newcomer's first presence.
    fn held_for(&mut self, session: SessionKey) -> Option<Held> {
        if self.held.is_empty() {
            return None;
        }
        let user = self.engine.user_of(session)?;
        let at = self.held.iter().position(|held| held.user == *user)?;
        self.held.remove(at)
    }

    /// The first presence has gone out, and said whose place it took, to all who could take it.
    fn newcomer_spoke(&mut self, held: Option<Held>) {
        let Some(mut held) = held else { return };
        if Self::newest(&self.engine, &held.user).is_some() {
            let engine = &self.engine;
            held.to.retain(|session| {
                let entry = self.courier.entry(*session);
                entry.is_some_and(|entry| {
                    engine.is_congested(*session) || !engine.sees(&entry.node, &held.user)
                })
            });
            // Who sees it and is congested is told when the time is up.
            let (later, now) = held.to.iter().partition(|session| engine.is_congested(**session));
            let rest = Held { to: now, user: held.user.clone(), gone: held.gone.clone(), ..held };
            held.to = later;
            self.show_end(rest);
        }
        if !held.to.is_empty() {
            // Where it was: all wait equally long, and none of the user's came before it.
            let at = self.held.partition_point(|other| other.due < held.due);
            self.held.insert(at, held);
        }
    }

    fn show_held(&mut self, user: &Node) {
        while let Some(at) = self.held.iter().position(|held| held.user == *user) {
            if let Some(held) = self.held.remove(at) {
                self.show_end(held);
            }
        }
    }

    fn newest<'e>(engine: &'e Engine<Node, Saying>, user: &Node) -> Option<&'e Saying> {
        engine.sessions(user).filter_map(|session| engine.presence(session)).last()
    }

    fn has_newcomer(&self, user: &Node) -> bool {
        self.engine.sessions(user).any(|session| {
            let entry = self.courier.entry(session);
            entry.is_some_and(|entry| entry.socket.is_some() && entry.since.elapsed() < SETTLING)
        })
    }

    /// Lets go of what was kept for a session, or for its connection if it is only detached.
    fn forget(&mut self, session: SessionKey) {
        self.congested.remove(&session);
        let Some(entry) = self.courier.entry_mut(session) else { return };
        entry.socket = None;
        if self.engine.user_of(session).is_some() {
            return;
        }
        let node = entry.node.clone();
        self.courier.forget(session);
        if let Some(sessions) = self.online.get_mut(&node) {
            *sessions -= 1;
            if *sessions == 0 {
                self.online.remove(&node);
                self.show_held(&node);
                self.gone.push(node);
            }
        }
    }
}

#[cfg(test)]
mod tests;
