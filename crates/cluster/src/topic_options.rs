//! Options that hosts give single topics, on their way to all nodes (rule C12). What is lost on the
//! way a checksum in each beat brings to light.

use crate::cluster::Cluster;
use crate::config::ClusterConfig;
use crate::desk::{Desk, Job, Leaving};
use crate::message::Version;
use crate::topics::Given;
use adsum::{Decision, Decisions, Engine, Error, Event, TopicOptions};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    /// Notes options that this node's host, or another's, has given a topic. Returns whether there
    /// are none that are newer.
    pub(crate) fn note_options(
        engine: &Engine<K, P, S>,
        desk: &mut Desk<K, P, S>,
        version: Version,
        (topic, options): (&K, TopicOptions),
    ) -> bool {
        let empty = engine.topic(topic).is_none().then_some(desk.now);
        let is_news = desk.topics.note(topic, (version.clock, version.by), options, empty);
        desk.sweep_topics();
        is_news
    }

    /// Gives the engine the options of a topic that are known.
    pub(crate) fn give_options<'e>(
        engine: &'e mut Engine<K, P, S>,
        desk: &mut Desk<K, P, S>,
        topic: K,
    ) -> Option<Decisions<'e, K, P, S>> {
        let options = desk.topics.options_of(&topic)?;
        match engine.topic_options(desk.now, &topic, options) {
            Ok(decisions) => Some(decisions),
            // They wait for somebody to be in it.
            Err(Error::UnknownTopic) => None,
            // There may be fewer in it soon: at the node where they were given there are.
            Err(Error::MemberLimit { .. }) => {
                desk.topics.unfit.push(topic);
                None
            }
            Err(_) => {
                desk.topics.forget(&topic);
                desk.stats.refused += 1;
                None
            }
        }
    }
}

impl<K: Eq + Hash + Clone, P, S: BuildHasher> Desk<K, P, S> {
    /// Notes who is in topics that have options of their own.
    pub(crate) fn note_topic(&mut self, decision: &Decision<'_, K, P>) {
        match decision {
            Decision::TopicOccupied { topic, .. } if self.topics.occupy(topic) => {
                self.jobs.push_front(Job::Options((*topic).clone()));
            }
            Decision::TopicVacated { topic, .. } => {
                self.topics.vacate(topic, self.now);
                self.sweep_topics();
            }
            _ => {}
        }
    }

    /// Forgets the options of topics that nobody has been in for long, and tries those anew that
    /// did not fit. With each beat.
    pub(crate) fn tidy_topics(&mut self) {
        self.sweep_topics();
        let unfit = core::mem::take(&mut self.topics.unfit);
        self.jobs.extend(unfit.into_iter().map(Job::Options));
    }

    pub(crate) fn sweep_topics(&mut self) {
        let ClusterConfig { suspect_ms, max_gone, .. } = self.config;
        self.topics.sweep(self.now, suspect_ms, max_gone as usize);
    }

    /// Has a node that knows of all that this one does be told the options of topics that it may
    /// not have, if its beat says twice that it has others: a node that starts has none.
    pub(crate) fn compare_topics(&mut self, at: usize, theirs: u64)
    where
        P: Clone,
    {
        let is_other = theirs != self.topics.digest;
        let peer = self.peers.at_mut(at);
        if is_other && core::mem::replace(&mut peer.has_other_topics, is_other) {
            self.send_options(at);
        } else if !is_other {
            (peer.has_other_topics, peer.told_options) = (false, Given::default());
        }
    }

    /// Sends a node the options of topics: as many as there is room for among its orders, those
    /// after them when this is called again.
    pub(crate) fn send_options(&mut self, at: usize)
    where
        P: Clone,
    {
        let peer = self.peers.at(at);
        let room = (self.config.max_orders as usize).saturating_sub(peer.orders.len());
        // What a node that leaves knows the others know as well.
        if room == 0 || self.leaving == Leaving::Done {
            return;
        }
        let all = self.topics.after(peer.told_options).take(room);
        let all: Vec<_> =
            all.map(|(given, topic, options)| (given, topic.clone(), options)).collect();
        let last = all.last().map(|(given, ..)| *given).filter(|_| all.len() == room);
        self.peers.at_mut(at).told_options = last.unwrap_or_default();
        for ((clock, by), topic, options) in all {
            let version = Version { clock, by, ..Version::default() };
            self.push_order(at, version, Event::TopicOptions { topic, options });
        }
        self.send_orders(at);
    }
}
