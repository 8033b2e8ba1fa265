//! The door of a node: what the host tells it and asks it.

use crate::config::{ClusterConfig, ClusterConfigError};
use crate::desk::{Desk, Job, Leaving, Post};
use crate::message::To;
use crate::node::{Incarnation, NodeId};
use crate::outputs::{Next, Outputs};
use crate::stats::{ClusterStats, NodeState, NodeStatus};
use adsum::{DefaultHashBuilder, Engine, Time};
use core::fmt;
use core::hash::{BuildHasher, Hash};

/// A node: an engine, and the protocol that makes it one with those of other nodes.
///
/// Whatever it is told ([`apply`](Self::apply), [`receive`](Self::receive),
/// [`advance`](Self::advance), [`leave`](Self::leave)), call [`next`](Self::next) after it until
/// there is nothing left. Several inputs that are there at once may be given one after the other
/// before that, so that others hear of them in one message.
pub struct Cluster<K, P, S = DefaultHashBuilder> {
    pub(crate) engine: Engine<K, P, S>,
    pub(crate) desk: Desk<K, P, S>,
}

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    /// Returns a node around an engine that has had no input yet. `hasher` is for the node's own
    /// tables: of the kind that the engine has.
    ///
    /// # Errors
    /// A number of the configuration that is out of its range.
    pub fn new(
        me: NodeId,
        incarnation: Incarnation,
        config: ClusterConfig,
        mut engine: Engine<K, P, S>,
        hasher: S,
    ) -> Result<Self, ClusterConfigError> {
        config.check()?;
        engine.note_changes();
        let grace_ms = engine.options().grace.node_loss_ms;
        Ok(Self { desk: Desk::new((me, incarnation), config, grace_ms, hasher), engine })
    }

    // ---- what can be asked

    /// Returns the engine, to ask it. It has the sessions of all nodes.
    #[must_use]
    pub const fn engine(&self) -> &Engine<K, P, S> {
        &self.engine
    }

    /// Returns this node's name.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.desk.me
    }

    /// Returns the node's logical clock: nothing that it has heard of is later.
    #[must_use]
    pub const fn clock(&self) -> u64 {
        self.desk.clock
    }

    /// Returns a moment of the logical clock that is later than all that the node has heard of, and
    /// that no other moment of its own is the same as: what follows from it at other nodes has a
    /// later one. For a host that numbers what it tells to the outside.
    pub fn stamp(&mut self, now: Time) -> u64 {
        self.desk.begin(now);
        self.desk.tick_clock()
    }

    /// Returns a moment of the logical clock up to which this node knows everything that nodes have
    /// [stamped](Self::stamp): what it answers now is as of this moment, and what has a later stamp
    /// may not be in it yet. It trails the clock by the time between two beats or so, and by up to
    /// the grace and the time until it is suspected where a node is not heard; of one that is gone
    /// for longer nothing counts. It never goes back, and is 0 until the node is
    /// [synced](Self::is_synced).
    #[must_use]
    pub const fn known_until(&self) -> u64 {
        self.desk.known_until
    }

    /// Returns whether, since this was asked last, edges may have been posted by nobody, or have
    /// turned out to be none: a node is gone, with what it was to post; or one that was not heard
    /// for longer than the grace is heard again, with users of whom it had been posted that they
    /// are offline; or a node is heard for the first time which has had users for a while. Whoever
    /// is told of edges is then to ask who is online ([rule C17](adsum::rules#rule-c17-who-posts)).
    pub fn take_missed(&mut self) -> bool {
        core::mem::take(&mut self.desk.may_have_missed)
    }

    /// Returns what the node has done so far.
    #[must_use]
    pub const fn stats(&self) -> ClusterStats {
        self.desk.stats
    }

    /// Returns what is known of the other nodes.
    pub fn nodes(&self) -> impl Iterator<Item = NodeStatus> {
        self.desk.peers.iter().map(|peer| NodeStatus {
            id: peer.id,
            incarnation: peer.incarnation,
            state: match peer {
                peer if peer.has_left => NodeState::Left,
                peer if peer.is_lost => NodeState::Suspected,
                _ => NodeState::Alive,
            },
            users: peer.sum.users,
            held: peer.held,
            seq: peer.seq.max(peer.held),
        })
    }

    /// Returns whether a node that has just started knows what all the others know, or has waited
    /// for long enough ([rule C9](adsum::rules#rule-c9-joining)): only then let clients connect.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        let desk = &self.desk;
        let Some(started) = desk.started else { return false };
        let waited_ms = desk.now.since(started);
        // Whoever is there has answered the first beat by then, or sent one of its own.
        let has_heard = waited_ms >= desk.config.beat_ms * 3 / 2;
        waited_ms >= desk.config.join_ms
            || (has_heard && desk.peers.iter().all(|peer| peer.is_synced()))
    }

    /// Returns when to call [`advance`](Self::advance) next.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let desk = &self.desk;
        let Some(started) = desk.started else { return Time::ZERO };
        let waits = [desk.config.beat_ms * 3 / 2, desk.config.join_ms];
        let joined = waits.map(|ms| started.saturating_add(ms)).into_iter();
        let peers = desk.peers.iter().filter_map(|peer| match peer.is_lost {
            true => peer.ends,
            false => Some(peer.heard.saturating_add(desk.config.suspect_ms)),
        });
        let all = joined.filter(|at| *at > desk.now).chain(peers).chain([desk.next_beat]);
        all.chain(self.engine.deadline()).min().unwrap_or(Time::MAX)
    }

    // ---- time

    /// Does what is due, in the engine and among the nodes.
    pub fn advance(&mut self, now: Time) -> Outputs<'_, K, P, S> {
        self.desk.begin(now);
        self.expire();
        self.suspect();
        self.beat_if_due();
        let decisions = self.engine.advance(self.desk.now);
        Outputs::new(Some(decisions), &mut self.desk)
    }

    fn beat_if_due(&mut self) {
        let desk = &mut self.desk;
        if desk.now < desk.next_beat {
            return;
        }
        desk.next_beat = desk.now.saturating_add(desk.config.beat_ms);
        desk.people.list_doubted();
        desk.tidy_topics();
        desk.forget_ordered();
        if desk.leaving == Leaving::No {
            desk.outbox.push_back(Post::Beat(To::Everyone));
        }
        // One that leaves goes on until it is answered: its host has ordered that.
        for at in 0..desk.peers.len() {
            desk.send_orders(at);
        }
        // After the orders: a node that has not heard of one says then what it has made of it.
        desk.ask_for_repeats();
    }

    /// Suspects nodes of which nothing is heard (rule C5).
    fn suspect(&mut self) {
        let (now, after) = (self.desk.now, self.desk.config.suspect_ms);
        let ends = now.saturating_add(self.desk.grace_ms);
        for at in 0..self.desk.peers.len() {
            let peer = self.desk.peers.at_mut(at);
            if peer.is_lost || now.since(peer.heard) < after {
                continue;
            }
            (peer.is_lost, peer.ends) = (true, Some(ends));
            let life = peer.life;
            self.desk.stats.suspicions += 1;
            self.desk.note_gone();
            self.desk.forget_notices(at);
            self.desk.jobs.push_back(Job::Lost { life, since: now });
            self.end_all_expelled(at);
        }
    }

    /// Forgets what nodes have said whose grace is over. The engine ends their sessions in the same
    /// moment.
    pub(crate) fn expire(&mut self) {
        let now = self.desk.now;
        for at in 0..self.desk.peers.len() {
            let peer = self.desk.peers.at_mut(at);
            if peer.ends.is_none_or(|ends| ends > now) {
                continue;
            }
            (peer.ends, peer.chain, peer.is_floor) = (None, None, true);
            // What one that has left has not answered it had no time for, nor anybody to end.
            let given_up = if peer.has_left { 0 } else { peer.orders.len() as u64 };
            peer.first_order += peer.orders.len() as u64;
            peer.orders.clear();
            self.desk.stats.orders_lost += given_up;
            if broken!(self.desk, KeepNumber) {
                self.desk.peers.at_mut(at).is_floor = false;
            }
            if broken!(self.desk, ForgetNumber) {
                let peer = self.desk.peers.at_mut(at);
                (peer.is_floor, peer.held) = (false, 0);
            }
            let life = self.desk.peers.at(at).life;
            // What it has said and nobody has done yet is over as well.
            self.desk.forget_waiting(life);
            self.forget_life(life);
            self.desk.jobs.push_front(Job::Advance);
        }
    }

    /// Leaves: the others see this node's sessions detached at once (rule C7). Whatever happens to
    /// them from now on is told to nobody else, so clients that connect elsewhere are not seen to
    /// go. Close the connections, all at once or one by one, and report each as
    /// [lost](adsum::Engine::lost) with the cause [`NodeLoss`](adsum::LostCause::NodeLoss):
    /// contacts that are still here must not see it go either. What others say is heard until you
    /// stop; and what concerns all nodes, an [`Expel`](adsum::Event::Expel) or a
    /// [`Block`](adsum::Event::Block) for instance, they are told until they answer or you stop.
    pub fn leave(&mut self, now: Time) {
        self.desk.begin(now);
        if self.desk.leaving == Leaving::No {
            self.desk.leaving = Leaving::Begun;
            self.desk.outbox.push_back(Post::Leaving);
        }
    }

    /// Returns the next thing to do, `None` when there is nothing left.
    // Not an `Iterator`: decisions borrow from the engine until the next thing is asked for.
    pub fn next(&mut self, now: Time) -> Option<Next<'_, K, P, S>> {
        self.desk.begin(now);
        if let Some(job) = self.desk.jobs.pop_front() {
            if let Job::Advance = job
                && self.engine.deadline().is_some_and(|due| due <= self.desk.now)
            {
                // This may do a part of it, and all comes before what others say.
                self.desk.jobs.push_front(Job::Advance);
            }
            let job = match job {
                // Who has gone again meanwhile has been posted by whom that concerned.
                Job::Post(user) if self.engine.is_online(&user) => {
                    let number = self.desk.post(&user, true);
                    return Some(Next::PostOnline { user, number });
                }
                job => job,
            };
            return Some(Next::Decisions(self.carry_out(job)));
        }
        if self.is_synced() {
            self.desk.note_known();
        }
        let (to, message) = self.next_message()?;
        Some(Next::Send { to, message })
    }
}

impl<K: Eq + Hash + Clone, P, S: BuildHasher> fmt::Debug for Cluster<K, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("me", &self.desk.me)
            .field("engine", &self.engine)
            .field("stats", &self.desk.stats)
            .finish_non_exhaustive()
    }
}
