//! What is posted of users' edges, and whether it is so.

use super::super::name;
use super::World;
use adsum::SessionKey;
use std::collections::BTreeSet;

/// An edge with the moment of the logical clock at which a node posted it.
pub(super) struct Stamped {
    at: usize,
    life: u64,
    stamp: u64,
    comes: bool,
    /// The user's sessions at the node then.
    sessions: BTreeSet<SessionKey>,
}

impl World {
    pub(super) fn post(&mut self, at: usize, user: u32, (number, comes): (Option<u64>, bool)) {
        let Some(stamp) = number else { return };
        self.posts.push((user, comes));
        let (life, sessions) = (self.nodes[at].life, self.keys(at, user));
        if self.stamped.get(&user).is_none_or(|edge| edge.stamp < stamp) {
            self.stamped.insert(user, Stamped { at, life, stamp, comes, sessions });
        }
    }

    /// Whether a node knows of all edges that were posted up to the moment that it says.
    pub(super) fn look_at_what_is_known(&mut self, at: usize) -> Result<(), String> {
        let until = self.nodes[at].cluster.known_until();
        for of in (0..self.nodes.len()).filter(|of| *of != at) {
            let life = self.nodes[of].life;
            let desk = &self.nodes[at].cluster.desk;
            let peer = desk.peers.iter().find(|peer| peer.id == name(of));
            if peer.is_none_or(|peer| peer.incarnation.started_ms != life) {
                self.before.insert((at, of), (life, until));
            }
        }
        for (user, edge) in &self.stamped {
            let Some(peer) = self.nodes[at].cluster.desk.peers.find(name(edge.at)) else {
                continue;
            };
            let peer = self.nodes[at].cluster.desk.peers.at(peer);
            let is_old = self
                .before
                .get(&(at, edge.at))
                .is_some_and(|(life, until)| *life != edge.life || edge.stamp <= *until);
            let is_gone = peer.has_left || peer.is_returning || peer.is_lost && peer.ends.is_none();
            let is_same = edge.life == self.nodes[edge.at].life && self.nodes[edge.at].is_up;
            if is_old || is_gone || !is_same || edge.stamp > until {
                continue;
            }
            let held = self.said(at, edge.at).iter().any(|(of, ..)| of == user);
            let here = self.keys(edge.at, *user);
            let stays = !edge.sessions.is_disjoint(&here);
            // Of a node that is not heard, who is expelled goes at once, and is asked for anew.
            let is_told = !peer.is_lost && !peer.is_floor;
            // Whoever came after the end is another matter.
            let person = self.nodes[at].cluster.desk.people.get(user);
            let known = person.and_then(|person| person.held_of(peer.life));
            let older = known.into_iter().flat_map(|held| held.seen.iter());
            let has_older = older.filter(|seen| seen.stamp < edge.stamp).count() > 0;
            let is_ghost = !edge.comes && held && has_older && here.is_empty();
            if edge.comes && stays && !held && is_told || is_ghost {
                let (stamp, comes) = (edge.stamp, edge.comes);
                return Err(format!("{at} knows all until {until}, not {user} {comes} {stamp}"));
            }
        }
        Ok(())
    }

    /// Whether the newest edges that were posted are so, unless somebody was told to ask.
    pub(super) fn look_at_posts(&self) -> Result<(), String> {
        if self.missed.iter().sum::<usize>() > 0 {
            return Ok(());
        }
        for (user, edge) in &self.stamped {
            if self.nodes[0].cluster.engine().is_online(user) != edge.comes {
                let Stamped { at, stamp, comes, .. } = edge;
                return Err(format!("of {user} was posted {comes} last, by {at} at {stamp}"));
            }
        }
        Ok(())
    }
}
