//! What other nodes say: what is refused, what is taken, and what it gives the engine to do.

use crate::cluster::Cluster;
use crate::desk::{Desk, Job, Over, Post};
use crate::digest;
use crate::fault::Fault;
use crate::message::{Beat, Body, Message, Order, Orders, PROTOCOL, Sync, To, UserState};
use crate::node::NodeId;
use crate::orders::MAX_ORDERS;
use crate::peers::Chain;
use crate::people::{Held, Life, Person, Seen, SeenList};
use adsum::{Event, RemoteSession, RemoteState, Time};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

/// The most sessions that one user may have on one node.
const MAX_SESSIONS: usize = 1_024;

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    /// Takes a message. `sender` is who the transport says it is from: with NATS a subject that
    /// only this node may write to.
    ///
    /// # Errors
    /// Why the message is refused; then nothing has changed but a counter. What a node says that
    /// it said before, or out of order, is no fault.
    pub fn receive(
        &mut self,
        now: Time,
        sender: NodeId,
        message: Message<K, P>,
    ) -> Result<(), Fault> {
        let taken = self.take(now, sender, message);
        if taken.is_err() {
            self.desk.stats.faults += 1;
        }
        taken
    }

    fn take(&mut self, now: Time, sender: NodeId, message: Message<K, P>) -> Result<(), Fault> {
        if !self.check(now, sender, &message)? {
            return Ok(());
        }
        self.desk.begin(now);
        self.expire();
        let at = self.peer_of(&message);
        let desk = &mut self.desk;
        desk.clock = desk.clock.max(message.clock);
        match message.body {
            Body::Ops(ops) => self.take_ops(at, ops),
            Body::Beat(beat) => self.take_beat(at, &beat, message.clock),
            Body::Need(need) => {
                let to = message.from;
                // Who begins anew has the options of no topic.
                if need.since == 0 {
                    desk.send_options(at);
                }
                desk.outbox.push_back(Post::Answer { to, need });
            }
            Body::Sync(sync) => self.take_sync(at, sync),
            Body::Repeat(repeat) => desk.say_again(&repeat.users),
            Body::Direct(direct) => {
                let life = desk.peers.at(at).life;
                desk.jobs.push_back(Job::Direct { life, direct });
            }
            // Whether the topic is known here, and somebody hears it, is the engine's to see.
            Body::Say(say) => {
                let life = desk.peers.at(at).life;
                desk.jobs.push_back(Job::Say { life, say });
            }
            Body::Orders(orders) => self.take_orders(at, orders),
            Body::Done { id, life, .. } => desk.take_done(at, life, id),
            Body::Leaving => self.take_leaving(at),
            Body::Wish { user, wish } => self.desk.take_wish(at, user, wish),
        }
        Ok(())
    }

    // ---- what is refused

    /// Checks a message before anything changes. Returns whether there is something to do: this
    /// node's own words may come back to it.
    fn check(&self, now: Time, sender: NodeId, message: &Message<K, P>) -> Result<bool, Fault> {
        let Message { protocol, cluster, from, incarnation, clock, body } = message;
        let desk = &self.desk;
        if *cluster != desk.config.cluster {
            return Err(Fault::OtherCluster);
        }
        if *protocol != PROTOCOL {
            return Err(Fault::Protocol { theirs: *protocol });
        }
        if *from != sender {
            return Err(Fault::NotTheSender);
        }
        desk.check_clock(*clock, now)?;
        if *from == desk.me {
            let theirs = *incarnation;
            let is_me = theirs == desk.incarnation;
            return if is_me { Ok(false) } else { Err(Fault::NameTaken { theirs }) };
        }
        let to = match body {
            Body::Need(need) => need.to,
            Body::Sync(sync) => sync.to,
            Body::Repeat(repeat) => repeat.to,
            Body::Direct(direct) => direct.to,
            Body::Orders(orders) => orders.to,
            Body::Done { to, .. } => *to,
            Body::Ops(_) | Body::Beat(_) | Body::Say(_) => desk.me,
            Body::Leaving | Body::Wish { .. } => desk.me,
        };
        if to != desk.me {
            return Err(Fault::NotForMe);
        }
        match desk.peers.find(*from).map(|at| desk.peers.at(at)) {
            Some(peer) if *incarnation < peer.incarnation && !broken!(desk, OldIncarnation) => {
                return Err(Fault::OldIncarnation { node: *from });
            }
            None if !desk.peers.has_room(desk.config.max_nodes, desk.now.max(now)) => {
                return Err(Fault::TooManyNodes);
            }
            _ => {}
        }
        self.check_body(body, *clock).map(|()| true)
    }

    fn check_body(&self, body: &Body<K, P>, clock: u64) -> Result<(), Fault> {
        match body {
            Body::Ops(ops) => {
                self.check_states(ops, clock)?;
                let mut pairs = ops.windows(2);
                let is_gapless = pairs.all(|pair| pair[0].number + 1 == pair[1].number);
                if is_gapless { Ok(()) } else { Err(Fault::Malformed) }
            }
            Body::Sync(sync) => {
                self.check_states(&sync.states, clock)?;
                let mut numbers = sync.states.iter().map(|state| state.number);
                let is_within = numbers.all(|number| sync.since < number && number <= sync.seq);
                let is_ahead = sync.seq > sync.since || sync.seq == sync.last;
                let is_right = is_within
                    && is_ahead
                    && (sync.since..=sync.last).contains(&sync.seq)
                    && sync.last < u64::MAX;
                if is_right { Ok(()) } else { Err(Fault::Malformed) }
            }
            Body::Direct(direct) => {
                let limit = self.engine.options().max_direct as usize;
                if direct.users.len() <= limit { Ok(()) } else { Err(Fault::TooLarge) }
            }
            Body::Repeat(repeat) => {
                let limit = self.desk.config.max_batch as usize;
                if repeat.users.len() <= limit { Ok(()) } else { Err(Fault::TooLarge) }
            }
            Body::Orders(Orders { first, orders, .. }) => {
                if orders.len() > MAX_ORDERS || *first > u64::MAX / 2 {
                    return Err(Fault::TooLarge);
                }
                orders.iter().try_for_each(|order| Self::check_order(order, clock))
            }
            Body::Wish { wish, .. } if wish / 2 > clock => Err(Fault::Malformed),
            Body::Wish { .. } => Ok(()),
            Body::Beat(_) | Body::Need(_) | Body::Say(_) | Body::Done { .. } | Body::Leaving => {
                Ok(())
            }
        }
    }

    fn check_states(&self, states: &[UserState<K, P>], clock: u64) -> Result<(), Fault> {
        let options = self.engine.options();
        let config = &self.desk.config;
        if states.len() > config.max_batch as usize {
            return Err(Fault::TooLarge);
        }
        let is_ascending = states.windows(2).all(|pair| pair[0].number < pair[1].number);
        // A node's clock is ahead of all that it has heard of.
        let is_moment = |moment| moment <= clock;
        let is_right = |state: &UserState<K, P>| {
            let RemoteState { lists, sessions, ended } = &state.state;
            let fits = lists.as_ref().is_none_or(|lists| {
                lists.audience.len() <= options.max_audience as usize
                    && lists.blocked.len() <= options.max_blocked as usize
            });
            let topics = options.max_topics as usize;
            fits && state.number > 0
                && state.number < u64::MAX
                && [state.version.clock, state.version.wish / 2].into_iter().all(is_moment)
                && state.stamps.iter().copied().chain(state.posted).all(is_moment)
                && sessions.len() <= MAX_SESSIONS
                && ended.len() <= config.max_batch.max(MAX_SESSIONS as u32) as usize
                && state.stamps.len() == sessions.len()
                && are_different(sessions)
                && (!state.is_gone || sessions.is_empty())
                && (!state.is_cut || sessions.is_empty() && lists.is_none())
                && sessions.iter().all(|session| session.topics.len() <= topics)
        };
        if is_ascending && states.iter().all(is_right) { Ok(()) } else { Err(Fault::Malformed) }
    }

    /// Checks that something is an order. What this node has no room for is none of the sender's
    /// faults, and does not keep other orders from being carried out: the engine refuses it.
    fn check_order(order: &Order<K, P>, clock: u64) -> Result<(), Fault> {
        if order.version.clock > clock {
            return Err(Fault::Malformed);
        }
        match &order.event {
            Event::AudienceAdd { .. }
            | Event::AudienceRemove { .. }
            | Event::AudienceReplace { .. }
            | Event::Block { .. }
            | Event::Unblock { .. }
            | Event::System { .. }
            | Event::Remove { .. }
            | Event::Close { .. }
            | Event::TopicOptions { .. }
            | Event::Expel { .. } => Ok(()),
            _ => Err(Fault::NotAnOrder),
        }
    }

    // ---- nodes come, beat and leave

    /// Returns the place of the sender, who may be new, or in another life.
    fn peer_of(&mut self, message: &Message<K, P>) -> usize {
        let (now, max) = (self.desk.now, self.desk.config.max_nodes);
        let Some(at) = self.desk.peers.find(message.from) else {
            return self.desk.peers.add((message.from, message.incarnation), max, now);
        };
        let peer = self.desk.peers.at(at);
        if peer.incarnation >= message.incarnation {
            return at;
        }
        // Rule C6: what the node had is detached from the last that was heard of it.
        let (life, heard, is_over) = (peer.life, peer.heard, peer.is_lost);
        let ends = peer.ends.unwrap_or_else(|| heard.saturating_add(self.desk.grace_ms));
        // Of one that had nobody there is nothing to end.
        if peer.sum.users > 0 {
            if !is_over {
                self.desk.jobs.push_back(Job::Lost { life, since: heard });
            }
            self.end_all_expelled(at);
            self.forget_life(life);
            let clock = self.desk.clock;
            self.desk.over.retain(|life| life.ends > now);
            self.desk.over.push(Over { life, ends, clock });
        }
        self.desk.peers.renew(at, message.incarnation, now);
        at
    }

    /// Forgets what a node has said. Its sessions are the engine's to end.
    pub(crate) fn forget_life(&mut self, life: Life) {
        for user in self.desk.people.unnamed(life, None) {
            self.drop_held(life, &user);
            self.desk.people.doubt(&user);
            self.retire_lists(&user);
            self.desk.tidy(&user, false, None, self.engine.is_online(&user));
        }
    }

    /// Returns whether the engine has sessions of a user that belong to a life that is over.
    fn has_past(&self, user: &K) -> bool {
        let desk = &self.desk;
        let is_past = |life: Life| desk.over.iter().any(|over| over.life == life);
        !desk.over.is_empty() && self.engine.origins_of(user).any(|origin| is_past(Life(origin.0)))
    }

    /// Drops what a node has said of a user. Returns whether it has said anything.
    fn drop_held(&mut self, life: Life, user: &K) -> bool {
        let Some(person) = self.desk.people.all.get_mut(user) else { return false };
        let Some(nth) = person.held.iter().position(|held| held.life == life) else { return false };
        let held = person.held.remove(nth);
        if let Some(peer) = self.desk.peers.iter_mut().find(|peer| peer.life == life) {
            peer.sum.take(user, held.number);
        }
        true
    }

    fn take_beat(&mut self, at: usize, beat: &Beat, clock: u64) {
        let (now, takes_late) = (self.desk.now, broken!(self.desk, LateBeat));
        let peer = self.desk.peers.at_mut(at);
        if (beat.round <= peer.round && !takes_late) || peer.has_left {
            return;
        }
        // It had users before anything was heard of it, when this node said already who is there.
        peer.is_returning |= peer.round == 0 && beat.users > 0 && self.desk.known_until > 0;
        (peer.round, peer.heard) = (beat.round, now);
        peer.seq = peer.seq.max(beat.seq);
        if core::mem::take(&mut peer.is_lost) {
            peer.is_returning |= peer.ends.take().is_none();
            let life = peer.life;
            if !broken!(self.desk, NoWayBack) {
                self.desk.jobs.push_back(Job::Back(life));
            }
            self.desk.send_orders(at);
        }
        let peer = self.desk.peers.at(at);
        if peer.is_floor || peer.chain.is_some() {
            self.desk.ask(at, true);
        } else if beat.seq > peer.held {
            self.desk.stats.gaps += 1;
            self.desk.ask(at, false);
        } else if beat.seq == peer.held
            && peer.seq == peer.held
            && (beat.digest, beat.users) != (peer.sum.digest, peer.sum.users)
        {
            self.desk.stats.wrong_digests += 1;
            self.desk.ask(at, true);
        } else if peer.seq == peer.held {
            // A beat comes after all changes that there were.
            self.desk.peers.at_mut(at).vouched = clock;
            self.desk.compare_topics(at, beat.topics);
        }
        if beat.is_joining {
            let to = To::Node(self.desk.peers.at(at).id);
            self.desk.outbox.push_back(Post::Beat(to));
        }
    }

    pub(crate) fn take_leaving(&mut self, at: usize) {
        let ends = self.desk.now.saturating_add(self.desk.grace_ms);
        let now = self.desk.now;
        let peer = self.desk.peers.at_mut(at);
        peer.has_left = true;
        if !peer.is_lost {
            (peer.is_lost, peer.ends) = (true, Some(ends));
            let life = peer.life;
            self.desk.jobs.push_back(Job::Lost { life, since: now });
            self.desk.note_gone();
            self.end_all_expelled(at);
        }
    }

    // ---- what a node says of its users

    fn take_sync(&mut self, at: usize, sync: Sync<K, P>) {
        let peer = self.desk.peers.at(at);
        // While nothing is heard of a node, and it has nothing here, it has to be back first.
        if peer.is_lost && peer.ends.is_none() {
            return;
        }
        match sync.start {
            None => self.take_rest(at, sync),
            Some(start) => self.take_part(at, start, sync),
        }
    }

    /// Takes what was missed.
    fn take_rest(&mut self, at: usize, sync: Sync<K, P>) {
        let peer = self.desk.peers.at(at);
        let takes_any = !peer.is_floor && peer.chain.is_none();
        let fits = takes_any && sync.since <= peer.held && peer.held < sync.seq;
        if !fits && !broken!(self.desk, UncheckedSync) {
            return;
        }
        self.desk.stats.syncs_taken += 1;
        let peer = self.desk.peers.at_mut(at);
        (peer.held, peer.seq) = (sync.seq, peer.seq.max(sync.last));
        for state in sync.states {
            self.take_state(at, state);
        }
        if sync.seq < sync.last {
            self.desk.ask(at, false);
        }
    }

    /// Takes a part of everything.
    fn take_part(&mut self, at: usize, start: u64, sync: Sync<K, P>) {
        let peer = self.desk.peers.at_mut(at);
        if start < peer.held {
            return;
        }
        let is_first = sync.since == 0 && peer.chain.is_none_or(|chain| chain.start != start);
        // One that comes again, when all of it is known.
        if is_first && start == peer.held && !peer.is_floor && !peer.asks_all {
            return;
        }
        if is_first {
            peer.chain = Some(Chain { start, at: 0 });
            peer.epoch = peer.epoch.wrapping_add(1);
        }
        let Some(chain) = peer.chain.filter(|chain| (chain.start, chain.at) == (start, sync.since))
        else {
            return;
        };
        let epoch = peer.epoch;
        peer.chain = Some(Chain { at: sync.seq, ..chain });
        self.desk.stats.syncs_taken += 1;
        for state in sync.states {
            self.take_state(at, state);
        }
        if sync.seq < sync.last {
            return self.desk.ask(at, true);
        }
        let peer = self.desk.peers.at_mut(at);
        (peer.chain, peer.is_floor, peer.asks_all) = (None, false, false);
        peer.held = peer.held.max(sync.seq);
        peer.seq = peer.seq.max(sync.last).max(peer.held);
        let life = peer.life;
        if broken!(self.desk, KeepUnnamed) {
            return;
        }
        for user in self.desk.people.unnamed(life, Some(epoch)) {
            self.end_of(at, user, Vec::new(), None);
        }
        let sum = self.desk.people.sum_of(life);
        self.desk.peers.at_mut(at).sum = sum;
    }

    /// Ends what a node said of a user of whom it has nothing to say any more. `posted` is the
    /// number by which it has posted that the user is offline, if it has, and that is known.
    pub(crate) fn end_of(
        &mut self,
        at: usize,
        user: K,
        ended: Vec<(adsum::SessionId, adsum::EndReason)>,
        posted: Option<u64>,
    ) {
        let life = self.desk.peers.at(at).life;
        if !self.drop_held(life, &user) {
            return;
        }
        self.retire_lists(&user);
        let (stays, is_online) = (self.has_past(&user), self.engine.is_online(&user));
        let person = self.desk.people.get(&user);
        if is_online && person.is_some_and(|person| person.sessions().next().is_none()) {
            self.desk.part(&user, posted);
        }
        self.desk.tidy(&user, is_online, posted, stays);
        let state = RemoteState { lists: None, sessions: Vec::new(), ended };
        let (keeps_lists, posted) = (false, None);
        self.desk.jobs.push_back(Job::State { life, user, state, keeps_lists, posted });
    }

    /// Makes what a node says of a user what is so, if that is newer than what is known. The table
    /// is asked once: this is what a newcomer does for everybody.
    pub(crate) fn take_state(&mut self, at: usize, op: UserState<K, P>) {
        let UserState { user, number, is_gone, posted, version, is_cut, stamps, mut state } = op;
        if is_gone {
            if !self.is_known(at, &user, number) {
                self.end_of(at, user, state.ended, posted);
            }
            return;
        }
        if !state.sessions.is_empty() {
            self.desk.unpart(&user);
        }
        let takes_old = broken!(self.desk, OldLists);
        let brings_wish = broken!(self.desk, WishOfLists);
        let Self { engine, desk } = self;
        let Desk { people, peers, me, .. } = desk;
        let peer = peers.at_mut(at);
        let (life, epoch) = (peer.life, peer.epoch);
        let person = people.all.entry_ref(&user).or_default();
        let mut seen = match is_cut {
            true => SeenList::Cut,
            false => Seen::all(&state.sessions, stamps),
        };
        if let Some(held) = person.held.iter_mut().find(|held| held.life == life) {
            held.epoch = epoch;
            if held.number >= number {
                return;
            }
            peer.sum.renumber(digest::of(&user), [held.number, number]);
            seen.keep_expelled(&held.seen);
            *held = Held { life, number, epoch, version, seen };
        } else {
            peer.sum.add(&user, number);
            // Hardly ever do two other nodes have sessions of one user.
            person.held.reserve_exact(1);
            person.held.push(Held { life, number, epoch, version, seen });
        }
        person.note_newest(|life| peers.name_of(life, *me));
        // The engine is asked only where it matters what it knows.
        let known = state.lists.as_ref().map(|_| person.version_in(|| engine.is_online(&user)));
        let newer = known.filter(|known| takes_old || !known.covers(version));
        let is_newer = newer.is_some();
        let keeps_lists = newer.is_some_and(|known| known.lists() >= version.lists() && !takes_old);
        if let (Some(known), Some(lists)) = (newer, &mut state.lists) {
            person.version = known.with(version);
            if !brings_wish {
                lists.visible = person.version.is_visible();
            }
        } else {
            // Lists that are known already are not looked at again.
            state.lists = None;
        }
        person.coming = person.coming.saturating_add(u16::from(!state.sessions.is_empty()));
        let is_here = person.is_here();
        let (is_retired, is_doubtful) = (person.is_retired(), person.is_doubtful());
        if (is_newer && is_here) || is_retired {
            people.list(&user);
        }
        if is_doubtful {
            people.doubt(&user);
        }
        // It may be one too many only where this node has some.
        let has_to_fit = is_here.then(|| user.clone());
        desk.jobs.push_back(Job::State { life, user, state, keeps_lists, posted });
        if let Some(user) = has_to_fit {
            self.make_room(&user);
        }
    }

    /// Returns whether what a node says of a user is known already, and notes that it is named.
    fn is_known(&mut self, at: usize, user: &K, number: u64) -> bool {
        let peer = self.desk.peers.at(at);
        let (life, epoch) = (peer.life, peer.epoch);
        let person = self.desk.people.all.get_mut(user);
        let held = person.and_then(|one| one.held.iter_mut().find(|held| held.life == life));
        held.is_some_and(|held| {
            held.epoch = epoch;
            held.number >= number
        })
    }

    /// Has this node say nothing any more of lists that all who have sessions know.
    fn retire_lists(&mut self, user: &K) {
        if self.desk.people.get(user).is_some_and(Person::is_retired) {
            self.desk.people.list(user);
        }
    }
}

/// Returns whether no two of these sessions have the same id.
fn are_different<K, P>(sessions: &[RemoteSession<K, P>]) -> bool {
    // Hardly anybody has more than one, and nothing need be allocated for that.
    if sessions.len() < 2 {
        return true;
    }
    let mut ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
    ids.sort_unstable();
    ids.windows(2).all(|pair| pair[0] != pair[1])
}
