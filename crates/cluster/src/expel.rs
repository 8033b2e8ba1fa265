//! Who is expelled goes everywhere: each node ends its own sessions, and those of nodes that are
//! lost, which nobody else can end, all the others do.

use crate::cluster::Cluster;
use crate::desk::{Desk, Job, Over};
use crate::message::Version;
use adsum::{EndReason, Engine, RemoteState, SessionId};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    /// Returns whether all sessions of a user that the engine has are to end, so that contacts hear
    /// of it once: no other node that is there has any, and none has come later than the order.
    /// Otherwise has those end that are this node's and have not, since each node speaks for its
    /// own.
    pub(crate) fn is_whole_expelled(
        engine: &Engine<K, P, S>,
        desk: &mut Desk<K, P, S>,
        version: Version,
        user: &K,
    ) -> bool {
        let local = engine.local_user(user);
        let own: Vec<_> =
            local.iter().flat_map(|local| local.sessions()).map(|session| session.id).collect();
        let person = desk.people.get(user);
        let seen = person.and_then(|person| person.own.as_ref());
        let is_older = |id: &SessionId| {
            let seen = seen.and_then(|own| own.seen.iter().find(|seen| seen.id == *id));
            // One of which nothing has been told yet is newer, if others have given the order.
            let stamp = seen.map_or(desk.clock + 1, |seen| seen.stamp);
            stamp <= version.clock || broken!(desk, ExpelNewer)
        };
        let older: Vec<_> = own.iter().copied().filter(is_older).collect();
        let mut held = person.iter().flat_map(|person| &person.held);
        let is_spared = |life: u32| {
            let mut lives = desk.over.iter().filter(|over| over.clock > version.clock);
            lives.any(|over| over.life.0 == life)
        };
        let spares_any = engine.origins_of(user).any(|origin| is_spared(origin.0));
        if older.len() == own.len() && held.all(|held| held.seen.is_empty()) && !spares_any {
            return true;
        }
        for session in older {
            desk.jobs.push_front(Job::Expel { user: user.clone(), session });
        }
        false
    }

    /// Notes that a user's sessions at other nodes are expelled as far as they are older than this,
    /// which those nodes see to; and ends those of nodes that are lost.
    pub(crate) fn expel_elsewhere(&mut self, user: &K, version: Version) {
        let Desk { people, peers, jobs, over, now, .. } = &mut self.desk;
        for held in people.all.get_mut(user).map_or(&mut [][..], |person| &mut person.held) {
            for seen in held.seen.iter_mut().filter(|seen| seen.stamp <= version.clock) {
                seen.is_expelled = true;
            }
            if let Some(peer) = peers.iter_mut().find(|peer| peer.life == held.life) {
                peer.has_expelled = true;
            }
        }
        over.retain(|life| life.ends > *now);
        // Whoever came after the order is spared. One that was given later than the life was over
        // is for all of its sessions.
        for Over { life, .. } in over.iter().filter(|life| life.clock <= version.clock) {
            let state = RemoteState { lists: None, sessions: Vec::new(), ended: Vec::new() };
            let (life, user, keeps_lists) = (*life, user.clone(), false);
            jobs.push_back(Job::State { life, user, state, keeps_lists, posted: None });
        }
        for at in 0..self.desk.peers.len() {
            if self.desk.peers.at(at).is_lost {
                self.end_expelled(at, user);
            }
        }
    }

    /// Ends the sessions that a node had which is lost now, of users who have been expelled.
    pub(crate) fn end_all_expelled(&mut self, at: usize) {
        let peer = self.desk.peers.at_mut(at);
        if !core::mem::take(&mut peer.has_expelled) {
            return;
        }
        let life = peer.life;
        for user in self.desk.people.expelled(life) {
            self.end_expelled(at, &user);
        }
    }

    /// Ends the sessions of a user at a node that is lost, if all of them have been expelled. What
    /// the node has, should it be back, is asked for anew.
    fn end_expelled(&mut self, at: usize, user: &K) {
        let life = self.desk.peers.at(at).life;
        let held = self.desk.people.get(user).and_then(|person| person.held_of(life));
        let Some(held) = held.filter(|held| held.is_expelled()) else { return };
        let ended = held.seen.iter().map(|seen| (seen.id, EndReason::Expelled)).collect();
        let peer = self.desk.peers.at_mut(at);
        (peer.is_floor, peer.chain) = (true, None);
        self.end_of(at, user.clone(), ended, None);
    }
}
