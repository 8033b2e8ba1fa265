//! Other nodes, as far as this one has heard of them.

use crate::message::Order;
use crate::node::{Incarnation, NodeId};
use crate::people::{Life, Sum};
use crate::topics::Given;
use adsum::Time;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// An answer in parts that has begun to come: everything is named in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    /// The last number when the first part was sent.
    pub(crate) start: u64,
    /// Up to where it has come.
    pub(crate) at: u64,
}

/// Another node, in the life of it that began last.
#[derive(Debug)]
pub(crate) struct Peer<K, P> {
    pub(crate) id: NodeId,
    pub(crate) incarnation: Incarnation,
    /// What the engine knows this life by.
    pub(crate) life: Life,
    /// The number of the last change that has been taken.
    pub(crate) held: u64,
    /// Whether all that was known is forgotten, so that only an answer that names everybody, and
    /// is no older than `held`, is taken.
    pub(crate) is_floor: bool,
    /// The number of the last change that it has said there is.
    pub(crate) seq: u64,
    pub(crate) sum: Sum,
    /// The number of its last beat.
    pub(crate) round: u64,
    /// What its clock showed with the last beat up to which nothing is missing.
    pub(crate) vouched: u64,
    /// When it was heard of first, in this life.
    pub(crate) known_since: Time,
    /// When it was heard last.
    pub(crate) heard: Time,
    /// Whether it is suspected, or has left.
    pub(crate) is_lost: bool,
    pub(crate) has_left: bool,
    /// If it is lost: when its grace is over.
    pub(crate) ends: Option<Time>,
    /// Whether it is heard again after its grace was over, or for the first time after a split, and
    /// not all that it has is known yet.
    pub(crate) is_returning: bool,
    /// Whether sessions of its own have been expelled.
    pub(crate) has_expelled: bool,
    /// When it was asked last for what was missed.
    pub(crate) asked: Option<Time>,
    pub(crate) chain: Option<Chain>,
    /// Whether everything has been asked for and has not come.
    pub(crate) asks_all: bool,
    /// How often everything was asked for.
    pub(crate) epoch: u32,
    /// The last of its orders that was carried out.
    pub(crate) done: u64,
    /// Orders to it that it has not answered, and the number of the first.
    pub(crate) orders: VecDeque<Order<K, P>>,
    pub(crate) first_order: u64,
    /// Whether a message with the first of them is to be made.
    pub(crate) has_orders_posted: bool,
    /// Whether its last beat said that it has other options of topics than this node.
    pub(crate) has_other_topics: bool,
    /// The last of the options of topics that it was told, if not all have been yet.
    pub(crate) told_options: Given,
}

impl<K, P> Peer<K, P> {
    fn new(id: NodeId, incarnation: Incarnation, life: Life, now: Time) -> Self {
        Self {
            id,
            incarnation,
            life,
            held: 0,
            is_floor: false,
            seq: 0,
            sum: Sum::default(),
            round: 0,
            vouched: 0,
            known_since: now,
            heard: now,
            is_lost: false,
            has_left: false,
            ends: None,
            is_returning: false,
            has_expelled: false,
            asked: None,
            chain: None,
            asks_all: false,
            epoch: 0,
            done: 0,
            orders: VecDeque::new(),
            first_order: 1,
            has_orders_posted: false,
            has_other_topics: false,
            told_options: Given::default(),
        }
    }

    /// Returns whether it has been asked for what was missed a moment ago.
    pub(crate) fn was_asked(&self, now: Time, beat_ms: u64) -> bool {
        self.asked.is_some_and(|asked| now.since(asked) < beat_ms)
    }

    /// Returns whether all that it has said it has is known.
    pub(crate) const fn is_synced(&self) -> bool {
        self.is_lost || (self.round > 0 && !self.is_floor && self.held >= self.seq)
    }
}

pub(crate) struct Peers<K, P> {
    all: Vec<Peer<K, P>>,
    last_life: u32,
}

/// After how long a node whose sessions have ended gives its place to another.
const FORGET_MS: u64 = 60 * 60 * 1_000;

impl<K, P> Peers<K, P> {
    pub(crate) const fn new() -> Self {
        Self { all: Vec::new(), last_life: 0 }
    }

    pub(crate) fn find(&self, id: NodeId) -> Option<usize> {
        self.all.iter().position(|peer| peer.id == id)
    }

    pub(crate) fn of_life(&self, life: Life) -> Option<&Peer<K, P>> {
        self.all.iter().find(|peer| peer.life == life)
    }

    /// Returns the name of the node that a life is of, if it is known yet. `me` is this node's own.
    pub(crate) fn name_of(&self, life: Life, me: NodeId) -> Option<NodeId> {
        if life == Life::ME { Some(me) } else { self.of_life(life).map(|peer| peer.id) }
    }

    pub(crate) fn at(&self, at: usize) -> &Peer<K, P> {
        &self.all[at]
    }

    pub(crate) fn at_mut(&mut self, at: usize) -> &mut Peer<K, P> {
        &mut self.all[at]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Peer<K, P>> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Peer<K, P>> {
        self.all.iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether there is room for a node that is new, if need be in the place of one that
    /// has long been gone.
    pub(crate) fn has_room(&self, max: u16, now: Time) -> bool {
        self.len() < usize::from(max) || self.forgettable(now).is_some()
    }

    fn forgettable(&self, now: Time) -> Option<usize> {
        let is_forgettable = |peer: &Peer<K, P>| {
            peer.is_lost && peer.ends.is_none() && now.since(peer.heard) > FORGET_MS
        };
        let longest = self.all.iter().enumerate().filter(|(_, peer)| is_forgettable(peer));
        longest.min_by_key(|(_, peer)| peer.heard).map(|(at, _)| at)
    }

    /// Adds a node. The caller has asked whether there is room.
    pub(crate) fn add(
        &mut self,
        (id, incarnation): (NodeId, Incarnation),
        max: u16,
        now: Time,
    ) -> usize {
        let life = self.next_life();
        let peer = Peer::new(id, incarnation, life, now);
        if self.len() >= usize::from(max)
            && let Some(at) = self.forgettable(now)
        {
            self.all[at] = peer;
            return at;
        }
        self.all.push(peer);
        self.all.len() - 1
    }

    /// Begins another life of a node.
    pub(crate) fn renew(&mut self, at: usize, incarnation: Incarnation, now: Time) {
        let life = self.next_life();
        self.all[at] = Peer::new(self.all[at].id, incarnation, life, now);
    }

    /// The numbers are not used twice before four thousand million nodes have been started.
    const fn next_life(&mut self) -> Life {
        self.last_life = self.last_life.wrapping_add(1);
        if self.last_life == Life::ME.0 {
            self.last_life = 1;
        }
        Life(self.last_life)
    }
}
