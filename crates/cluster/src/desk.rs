//! Everything of a cluster but its engine: who is known, what is to be done, what is to be sent.

use crate::config::ClusterConfig;
use crate::digest;
use crate::fault::Fault;
use crate::message::{Beat, Body, Direct, Message, Need, Order, PROTOCOL, Say, To, Version};
use crate::node::{Incarnation, NodeId};
use crate::peers::{Peer, Peers};
use crate::people::{Life, Ordered, People, Person, Unsaid};
use crate::posted::{Posted, PostedEdges};
use crate::stats::ClusterStats;
use crate::topics::TopicTable;
use adsum::{Decision, EndReason, Event, RemoteState, SessionId, Time};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};
use hashbrown::HashMap;

/// Something that the engine is to be told because of a message or of the time.
#[derive(Debug)]
pub(crate) enum Job<K, P> {
    /// What a node says of a user.
    State {
        life: Life,
        user: K,
        state: RemoteState<K, P>,
        /// Whether the lists are those that the engine has, and only the wish to be seen is new.
        keeps_lists: bool,
        /// The number by which the node has posted that the user is online, if it has.
        posted: Option<u64>,
    },
    /// An input of the host's, which must not overtake what was heard.
    Given(Event<K, P>),
    /// What a session of a node says to named users.
    Direct {
        life: Life,
        direct: Direct<K, P>,
    },
    /// What one says in a topic.
    Say {
        life: Life,
        say: Say<K, P>,
    },
    /// The host is to post that a user is online.
    Post(K),
    Lost {
        life: Life,
        since: Time,
    },
    Back(Life),
    /// The time, before anything else.
    Advance,
    /// A session of this node makes way.
    Evict {
        user: K,
        session: SessionId,
    },
    /// A session of this node is expelled.
    Expel {
        user: K,
        session: SessionId,
    },
    /// An order of another node.
    Order(Order<K, P>),
    /// A topic has options that the engine is yet to be given.
    Options(K),
}

impl<K, P> Job<K, P> {
    /// Returns the node that has said it, if it is what one says.
    pub(crate) const fn life(&self) -> Option<Life> {
        match self {
            Self::State { life, .. }
            | Self::Direct { life, .. }
            | Self::Say { life, .. }
            | Self::Back(life) => Some(*life),
            _ => None,
        }
    }
}

/// Something that is to be sent, made when its turn comes.
#[derive(Debug)]
pub(crate) enum Post<K, P> {
    Beat(To),
    Need(Need),
    /// What somebody needs.
    Answer {
        to: NodeId,
        need: Need,
    },
    Say {
        to: To,
        body: Body<K, P>,
    },
    /// The first orders that a node has not answered.
    Orders(NodeId),
    Leaving,
}

/// What is known of a user whose end is yet to be told here.
#[derive(Clone, Copy, Debug)]
struct Parting {
    /// Who had the newest session.
    host: Life,
    /// The number by which the node that said so has posted the end, if it has.
    posted: Option<u64>,
    /// Up to what moment everything was known when that was heard.
    known_until: u64,
}

/// A life of a node that is over, though not the grace of its sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    pub(crate) life: Life,
    /// When the grace ends.
    pub(crate) ends: Time,
    /// What the logical clock showed when it was over: none of its sessions is newer.
    pub(crate) clock: u64,
}

/// How far this node is with leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    No,
    /// It says what there is to say, and then that it leaves.
    Begun,
    /// It says nothing any more.
    Done,
}

pub(crate) struct Desk<K, P, S> {
    pub(crate) me: NodeId,
    pub(crate) incarnation: Incarnation,
    pub(crate) config: ClusterConfig,
    /// How long the sessions of a node that is lost outlive it.
    pub(crate) grace_ms: u64,
    pub(crate) people: People<K, S>,
    pub(crate) peers: Peers<K, P>,
    pub(crate) topics: TopicTable<K, S>,
    pub(crate) jobs: VecDeque<Job<K, P>>,
    pub(crate) outbox: VecDeque<Post<K, P>>,
    /// Why sessions of this node have ended, for those who are yet to be told.
    pub(crate) ended: HashMap<K, Vec<(SessionId, EndReason)>, S>,
    /// The numbers of edges that were posted, for those who are yet to be told.
    pub(crate) edges: HashMap<K, u64, S>,
    /// Edges that this node has posted a moment ago.
    pub(crate) posted: PostedEdges<K, S>,
    /// Users of whom other nodes are to say something new.
    pub(crate) unsaid: Vec<Unsaid<K>>,
    /// Orders of other nodes that have changed lists here of late.
    pub(crate) ordered: HashMap<K, Ordered, S>,
    /// Lives of nodes that are over, though not the grace of their sessions.
    pub(crate) over: Vec<Over>,
    /// Users of whom no node says anything any more, while their end is yet to be told.
    parting: HashMap<K, Parting, S>,
    pub(crate) stats: ClusterStats,
    pub(crate) now: Time,
    pub(crate) started: Option<Time>,
    pub(crate) next_beat: Time,
    pub(crate) round: u64,
    /// Greater than every clock that has been heard of.
    pub(crate) clock: u64,
    /// Up to what moment of the clocks nothing is missing of nodes whose sessions count as there.
    pub(crate) known_until: u64,
    /// Whether an edge may have been posted by nobody, or have been told as if it were so.
    pub(crate) may_have_missed: bool,
    pub(crate) leaving: Leaving,
    #[cfg(test)]
    pub(crate) broken: Option<crate::tests::breaks::Break>,
}

/// Clocks go by the time up to here, and count on from there if they must.
const MAX_CLOCK: u64 = u64::MAX / 4;
/// So far a clock may be ahead of the time, in milliseconds: a thousand years. They count on where
/// more happens than once in a millisecond, and the time itself is not the same at all nodes.
const MAX_AHEAD: u64 = 1 << 45;

/// Moves a logical clock on, and returns what it shows.
pub(crate) fn tick(clock: &mut u64, now: Time) -> u64 {
    *clock = (*clock + 1).max(now.as_millis().min(MAX_CLOCK));
    *clock
}

impl<K: Eq + Hash + Clone, P, S: BuildHasher> Desk<K, P, S> {
    pub(crate) fn new(
        (me, incarnation): (NodeId, Incarnation),
        config: ClusterConfig,
        grace_ms: u64,
        hasher: S,
    ) -> Self
    where
        S: Clone,
    {
        Self {
            me,
            incarnation,
            config,
            grace_ms,
            people: People::new(hasher.clone()),
            peers: Peers::new(),
            topics: TopicTable::new(hasher.clone()),
            jobs: VecDeque::new(),
            outbox: VecDeque::new(),
            ended: HashMap::with_hasher(hasher.clone()),
            edges: HashMap::with_hasher(hasher.clone()),
            posted: PostedEdges::new(hasher.clone()),
            unsaid: Vec::new(),
            ordered: HashMap::with_hasher(hasher.clone()),
            over: Vec::new(),
            parting: HashMap::with_hasher(hasher),
            stats: ClusterStats::default(),
            now: Time::ZERO,
            started: None,
            next_beat: Time::ZERO,
            round: 0,
            clock: 0,
            known_until: 0,
            may_have_missed: false,
            leaving: Leaving::No,
            #[cfg(test)]
            broken: None,
        }
    }

    pub(crate) fn begin(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.started.is_none() {
            self.started = Some(self.now);
            self.next_beat = self.now;
        }
    }

    // ---- the logical clock

    /// Returns a moment that is later than all that have been heard of.
    pub(crate) fn tick_clock(&mut self) -> u64 {
        tick(&mut self.clock, self.now)
    }

    /// Returns the version of lists that this node is told now, with the host's own number, of a
    /// user who has said this of being seen.
    pub(crate) fn next_version(&mut self, number: u64, wish: u64) -> Version {
        Version { number, clock: self.tick_clock(), by: self.my_number(), wish }
    }

    /// Returns a user's version after it has said now whether it is to be seen.
    pub(crate) fn next_wish(&mut self, known: Version, is_visible: bool) -> Version {
        Version { wish: 2 * self.tick_clock() + u64::from(!is_visible), ..known }
    }

    /// Checks a moment of a logical clock: nobody's is so far ahead that the others' could end, by
    /// counting on from it.
    pub(crate) fn check_clock(&self, clock: u64, now: Time) -> Result<(), Fault> {
        let now = self.now.max(now).as_millis().min(MAX_CLOCK);
        if clock <= now + MAX_AHEAD { Ok(()) } else { Err(Fault::Clock) }
    }

    /// Returns the number that follows from this node's name.
    pub(crate) fn my_number(&self) -> u64 {
        digest::of(self.me.as_str())
    }

    // ---- what the engine decides

    /// Notes what a decision means for others, and returns the number of the edge that this node is
    /// to post, if it is this one that does.
    pub(crate) fn note(&mut self, decision: &Decision<'_, K, P>) -> Option<u64> {
        match decision {
            Decision::Online { user, session, .. } if !session.is_remote() => {
                Some(self.post_own(user, true))
            }
            Decision::Ended { user, session, id, reason, last, .. } => {
                let is_here = !session.is_remote();
                if is_here && self.leaving != Leaving::Done {
                    self.ended.entry_ref(*user).or_default().push((*id, *reason));
                }
                if !*last {
                    return None;
                }
                let parting = self.parting.remove(*user);
                let posts = if is_here {
                    Some(self.post_own(user, false))
                } else {
                    let is_first = self.posts_end_of(user, parting);
                    let posts = is_first || self.outdoes_end(user, parting);
                    posts.then(|| self.post(user, false))
                };
                self.forget_lists(user);
                posts
            }
            Decision::TopicOccupied { .. } | Decision::TopicVacated { .. } => {
                self.note_topic(decision);
                None
            }
            _ => None,
        }
    }

    /// Posts an edge of a user with sessions here. Whoever is told of the change is told of that.
    fn post_own(&mut self, user: &K, comes: bool) -> u64 {
        let number = self.post(user, comes);
        if self.leaving != Leaving::Done {
            self.edges.insert(user.clone(), number);
        }
        number
    }

    /// Returns a number for an edge that the host is to post.
    pub(crate) fn post(&mut self, user: &K, comes: bool) -> u64 {
        let number = self.tick_clock();
        self.posted.add(user, Posted { number, comes }, self.now);
        number
    }

    /// Returns whether this node is to post an end that another posts: if it has posted that the
    /// user is online so lately that the other may not have heard of it, and its number may be
    /// smaller.
    fn outdoes_end(&self, user: &K, parting: Option<Parting>) -> bool {
        let Some(own) = self.posted.get(user).filter(|own| own.comes) else { return false };
        let known_until = parting.map_or(self.known_until, |parting| parting.known_until);
        let posted = parting.and_then(|parting| parting.posted);
        own.number > known_until && posted.is_none_or(|number| number <= own.number)
    }

    /// Returns whether this node is to post that a user is online whom another node has: if it has
    /// posted that the user is offline, and the other has posted nothing since, or nobody knows.
    pub(crate) fn outdoes_return(&mut self, user: &K, posted: Option<u64>) -> bool {
        let Some(end) = self.posted.get(user).filter(|posted| !posted.comes) else { return false };
        if broken!(self, NeverPostAgain) {
            return false;
        }
        self.posted.remove(user);
        posted.is_none_or(|number| number <= end.number)
    }

    /// Returns whether this node posts that a user is offline whose last session has ended at
    /// another (rule C17), unless that has posted it: if this node had the user's newest session;
    /// or if who had it is gone and this is the first by name of those who have been there long
    /// enough to know.
    fn posts_end_of(&self, user: &K, parting: Option<Parting>) -> bool {
        if broken!(self, PostTwice) {
            return true;
        }
        if parting.is_some_and(|parting| parting.posted.is_some()) {
            return false;
        }
        let known = || self.people.get(user)?.newest.map(|(_, life)| life);
        let is_live = |life| self.peers.of_life(life).is_some_and(|peer| !peer.is_lost);
        match parting.map(|parting| parting.host).or_else(known) {
            Some(Life::ME) => true,
            Some(life) if is_live(life) => false,
            _ => self.is_first(),
        }
    }

    /// Returns whether this node is the first by name of those that are heard and have been there
    /// long enough to know.
    fn is_first(&self) -> bool {
        let knows = |since: Time| self.now.since(since) >= self.grace_ms;
        let mut others = self.peers.iter();
        !others.any(|one| !one.is_lost && knows(one.known_since) && one.id < self.me)
    }

    /// Notes that a node is gone, with whatever it was to post and has not: of those that are left,
    /// the first says that something may be missed.
    pub(crate) fn note_gone(&mut self) {
        self.may_have_missed |= self.is_first();
    }

    /// Notes up to where everything is known, and who has come back: when the engine has been told
    /// of all that was heard.
    pub(crate) fn note_known(&mut self) {
        // As long as its sessions count as there, a node that is not heard may say more of them.
        let counts = |peer: &&Peer<K, P>| !peer.is_lost || peer.ends.is_some() && !peer.has_left;
        let vouched = self.peers.iter().filter(counts).map(|peer| peer.vouched);
        let until = vouched.fold(self.clock, u64::min);
        self.known_until = self.known_until.max(until);
        // A node that took a user for online, since it had not heard of the end, has told by then
        // of whoever connected there. What was lost is asked for with each beat.
        let before = self.now.as_millis().saturating_sub(4 * self.config.suspect_ms);
        self.posted.forget(self.known_until, Time::from_millis(before));
        self.may_have_missed |= self.posted.take_dropped(self.known_until);
        for peer in self.peers.iter_mut() {
            if peer.is_returning && !peer.is_lost && peer.is_synced() {
                peer.is_returning = false;
                // This one has told of the ends of all that it has, and nobody tells of it again.
                self.may_have_missed = true;
            }
        }
    }

    /// Notes that this node has been told lists of a user, or whether it is to be seen.
    pub(crate) fn note_version(&mut self, user: &K, version: Version) {
        self.unpart(user);
        self.people.entry(user).version = version;
        self.people.list(user);
    }

    /// Returns whether this node, which has no sessions of a user who is online, says what its
    /// lists are: a node that has sessions does not have them.
    pub(crate) fn speaks_of_lists(&self, user: &K) -> bool {
        self.people.get(user).is_some_and(Person::speaks_of_lists)
    }

    /// Forgets what the lists of a user were who is offline.
    fn forget_lists(&mut self, user: &K) {
        let Some(person) = self.people.get(user) else { return };
        if person.own.is_some() && !person.is_here() {
            self.people.list(user);
        }
        self.tidy(user, false, None, false);
    }

    /// Drops the entry of a user of whom no node says anything, unless it `stays`: as long as the
    /// engine has sessions of a life that is over their user has its lists. `posted` is the number
    /// by which who said so last has posted that the user is offline, if that has.
    pub(crate) fn tidy(&mut self, user: &K, is_online: bool, posted: Option<u64>, stays: bool) {
        let Some(person) = self.people.get(user).filter(|person| person.is_empty()) else { return };
        let stays = stays || person.is_awaited();
        if is_online {
            self.part(user, posted);
        }
        if !stays {
            self.people.all.remove(user);
        }
    }

    /// Notes what is known of a user without sessions whose end is yet to be told, unless it was
    /// noted when the last of them went: what has been heard since tells nothing of that.
    pub(crate) fn part(&mut self, user: &K, posted: Option<u64>) {
        let newest = self.people.get(user).and_then(|person| person.newest);
        let Some((_, host)) = newest.filter(|_| !self.parting.contains_key(user)) else { return };
        let parting = Parting { host, posted, known_until: self.known_until };
        self.parting.insert(user.clone(), parting);
    }

    /// Returns how much is kept for users whose end is yet to be told, for tests.
    #[cfg(test)]
    pub(crate) fn parting_count(&self) -> usize {
        self.parting.len() + self.ended.len() + self.edges.len()
    }

    /// Takes a user back who is here again before its end was told.
    pub(crate) fn unpart(&mut self, user: &K) {
        if self.parting.is_empty() {
            return;
        }
        if let Some(Parting { host, .. }) = self.parting.remove(user) {
            let person = self.people.entry(user);
            person.newest = person.newest.or(Some((0, host)));
        }
    }

    // ---- messages

    pub(crate) fn message(&self, body: Body<K, P>) -> Message<K, P> {
        Message {
            protocol: PROTOCOL,
            cluster: self.config.cluster,
            from: self.me,
            incarnation: self.incarnation,
            clock: self.clock,
            body,
        }
    }

    pub(crate) fn beat(&mut self) -> Beat {
        self.round += 1;
        // Without that the clock would stand still while nothing happens here, and so would what
        // others know up to.
        self.tick_clock();
        Beat {
            round: self.round,
            seq: self.people.stream.seq,
            digest: self.people.stream.sum.digest,
            users: self.people.stream.sum.users,
            topics: self.topics.digest,
            is_joining: self.round == 1,
        }
    }

    /// Asks a node for what was missed.
    pub(crate) fn ask(&mut self, at: usize, is_full: bool) {
        let now = self.now;
        let peer = self.peers.at_mut(at);
        peer.asked = Some(now);
        let is_full = is_full || peer.is_floor || peer.chain.is_some();
        peer.asks_all |= is_full;
        let need = match peer.chain {
            Some(chain) => Need {
                to: peer.id,
                since: chain.at,
                is_full,
                start: (chain.at > 0).then_some(chain.start),
            },
            None => {
                let since = if is_full { 0 } else { peer.held };
                Need { to: peer.id, since, is_full, start: None }
            }
        };
        self.outbox.push_back(Post::Need(need));
    }

    /// Asks a node for what was missed, unless it has been asked a moment ago: a stream that has a
    /// gap would else ask with each change.
    pub(crate) fn ask_again(&mut self, at: usize) {
        if !self.peers.at(at).was_asked(self.now, self.config.beat_ms) {
            self.stats.gaps += 1;
            self.ask(at, false);
        }
    }
}
