//! How many sessions a user may have on all nodes together (rule C11).

use crate::cluster::Cluster;
use crate::desk::Job;
use crate::people::{Life, Seen};
use adsum::OverLimit;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    /// Has those of this node's sessions of a user go that are over the limits in its view.
    ///
    /// All nodes put a user's sessions in the same order: those that are detached first, then by
    /// the logical clocks at which they connected, then by the names of the nodes. From the
    /// beginning of it as many have to go as are too many; where newcomers are refused, from its
    /// end. Each node ends those among them that it has. Nodes that hold the same thus end just so
    /// many, each only once.
    pub(crate) fn make_room(&mut self, user: &K) {
        let options = self.engine.options();
        let limit = usize::from(options.max_sessions);
        let per_kind = options.max_sessions_per_kind.map(usize::from);
        let is_refusing = matches!(options.over_limit, OverLimit::Refuse);
        let desk = &mut self.desk;
        let Some(person) = desk.people.get(user) else { return };
        let count = person.sessions().count();
        if !person.is_here() || count <= per_kind.unwrap_or(limit).min(limit) {
            return;
        }
        let name = |life: Life| match life {
            Life::ME => desk.me,
            life => desk.peers.of_life(life).map_or(desk.me, |peer| peer.id),
        };
        let mut all: Vec<(Life, &Seen)> = person.sessions().collect();
        all.sort_by_key(|(life, seen)| {
            let rank = if is_refusing { !seen.stamp } else { seen.stamp };
            // Broken: each node takes its own to be the oldest.
            let rank = if broken!(desk, OwnFirst) && *life == Life::ME { 0 } else { rank };
            (!seen.is_lost, rank, name(*life), seen.id)
        });
        let mut goes = alloc::vec![false; all.len()];
        let mut left = all.len();
        if let Some(limit) = per_kind {
            for nth in 0..all.len() {
                let kind = all[nth].1.kind;
                let of_kind =
                    all.iter().zip(&goes).filter(|((_, one), goes)| !**goes && one.kind == kind);
                if of_kind.count() > limit {
                    goes[nth] = true;
                    left -= 1;
                }
            }
        }
        for goes in goes.iter_mut().filter(|goes| !**goes) {
            if left <= limit {
                break;
            }
            *goes = true;
            left -= 1;
        }
        let leave = all.iter().zip(&goes).filter(|((life, _), goes)| **goes && *life == Life::ME);
        let mine: Vec<_> = leave.map(|((_, seen), _)| seen.id).collect();
        for session in mine {
            desk.jobs.push_back(Job::Evict { user: user.clone(), session });
        }
    }
}
