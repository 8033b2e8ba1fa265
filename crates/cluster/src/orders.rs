//! Inputs of hosts that concern all nodes: they are sent to each until it answers, by a node that
//! leaves as well. What an administrator does at one node holds at all, wherever clients move.

use crate::cluster::Cluster;
use crate::desk::{Desk, Job, Leaving, Post};
use crate::message::{Body, Order, Orders, To, Version};
use crate::node::{Incarnation, NodeId};
use adsum::Event;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

/// The most orders in one message.
pub(crate) const MAX_ORDERS: usize = 64;

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    pub(crate) fn take_orders(&mut self, at: usize, orders: Orders<K, P>) {
        let Orders { first, orders, is_leaving, .. } = orders;
        // Who has not heard that it leaves, or has started since, hears it from this.
        if is_leaving && !self.desk.peers.at(at).has_left {
            self.take_leaving(at);
        }
        let repeats = broken!(self.desk, RepeatOrder);
        let peer = self.desk.peers.at_mut(at);
        peer.done = peer.done.max(first.saturating_sub(1));
        for (number, order) in (first..).zip(orders) {
            if number == peer.done + 1 || repeats {
                peer.done = number;
                self.desk.jobs.push_back(Job::Order(order));
            }
        }
        let peer = self.desk.peers.at(at);
        let body = Body::Done { to: peer.id, life: peer.incarnation, id: peer.done };
        self.desk.outbox.push_back(Post::Say { to: To::Node(peer.id), body });
    }
}

impl<K: Eq + Hash + Clone, P, S: BuildHasher> Desk<K, P, S> {
    /// Forgets orders that a node has carried out, if they were of this life of this node's.
    pub(crate) fn take_done(&mut self, at: usize, life: Incarnation, id: u64) {
        let is_mine = life == self.incarnation;
        let peer = self.peers.at_mut(at);
        let before = peer.first_order;
        while is_mine && peer.first_order <= id && peer.orders.pop_front().is_some() {
            peer.first_order += 1;
        }
        // One message has so many at most.
        if peer.first_order - before == MAX_ORDERS as u64 {
            self.send_orders(at);
        }
    }

    /// Has a node carry an input out. It is sent until that is answered, or the node is gone.
    pub(crate) fn order(&mut self, at: usize, version: Version, event: Event<K, P>)
    where
        P: Clone,
    {
        self.push_order(at, version, event);
        self.send_orders(at);
    }

    /// Puts an order among those that a node is sent next.
    pub(crate) fn push_order(&mut self, at: usize, version: Version, event: Event<K, P>) {
        let max = self.config.max_orders as usize;
        let peer = self.peers.at_mut(at);
        if peer.has_left && peer.ends.is_none() {
            return;
        }
        // A notice is for whoever is there now, and does not wait for a node (promise 2).
        let is_notice = matches!(event, Event::System { .. });
        if peer.is_lost && !peer.has_left && (peer.ends.is_none() || is_notice) {
            // It may be there again one day, and has not heard of it then.
            self.stats.orders_lost += 1;
            return;
        }
        peer.orders.push_back(Order { version, event });
        if peer.orders.len() > max {
            peer.orders.pop_front();
            peer.first_order += 1;
            self.stats.orders_lost += 1;
        }
    }

    /// Has a node that is suspected be told none of the notices that it has not answered.
    pub(crate) fn forget_notices(&mut self, at: usize) {
        for order in &mut self.peers.at_mut(at).orders {
            if let Event::System { users, .. } = &mut order.event {
                self.stats.orders_lost += u64::from(!users.is_empty());
                users.clear();
            }
        }
    }

    pub(crate) fn order_all(&mut self, version: Version, event: &Event<K, P>)
    where
        P: Clone,
    {
        for at in 0..self.peers.len() {
            self.order(at, version, event.clone());
        }
    }

    /// Sends the orders that a node has not answered, from the first, so that one message that
    /// arrives is enough: all that there are when it is made.
    pub(crate) fn send_orders(&mut self, at: usize) {
        let peer = self.peers.at_mut(at);
        // One that leaves still has clients, for a while.
        let is_there = !peer.is_lost || peer.has_left && peer.ends.is_some();
        let is_due = is_there && !peer.orders.is_empty();
        if is_due && !core::mem::replace(&mut peer.has_orders_posted, true) {
            self.outbox.push_back(Post::Orders(peer.id));
        }
    }

    /// Returns the message with the orders that a node is to be sent.
    pub(crate) fn orders(&mut self, to: NodeId) -> Option<Body<K, P>>
    where
        P: Clone,
    {
        let is_leaving = self.leaving == Leaving::Done;
        let peer = self.peers.at_mut(self.peers.find(to)?);
        peer.has_orders_posted = false;
        let orders: Vec<_> = peer.orders.iter().take(MAX_ORDERS).cloned().collect();
        let first = peer.first_order;
        (!orders.is_empty()).then(|| Body::Orders(Orders { to, first, orders, is_leaving }))
    }
}
