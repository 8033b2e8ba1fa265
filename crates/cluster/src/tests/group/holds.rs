//! What must hold of a group of nodes.

use super::{Group, Shown};
use crate::tests::name;

impl Group {
    /// Returns what a node shows of one: of itself, or of the present life of another.
    pub(super) fn shown_by(&self, at: usize, of: usize) -> Shown {
        let cluster = &self.nodes[at].cluster;
        let life = cluster.desk.peers.find(name(of)).map(|peer| cluster.desk.peers.at(peer).life.0);
        let sessions = cluster.engine().all_sessions().filter(|session| {
            let origin = cluster.engine().origin_of(session.id).map(|origin| origin.0);
            if at == of { origin.is_none() } else { origin.is_some() && origin == life }
        });
        sessions.map(|session| (*session.user, session.presence.copied().unwrap_or(0))).collect()
    }

    /// Returns each node with each other one.
    fn all_pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let count = self.nodes.len();
        (0..count * count).map(move |nth| (nth / count, nth % count)).filter(|(at, of)| at != of)
    }

    /// Checks that what each shows of another is what that has shown at one moment, and none before
    /// the last such.
    pub(super) fn check(&mut self) -> Result<(), String> {
        for (at, of) in self.all_pairs() {
            let shown = self.shown_by(at, of);
            let one = &mut self.nodes[at];
            if one.cluster.stats().wrong_digests > 0 {
                return Err(format!("{at} finds a wrong digest"));
            }
            let Some(peer) = one.cluster.desk.peers.find(name(of)) else { continue };
            let peer = one.cluster.desk.peers.at(peer);
            let life = peer.incarnation.started_ms;
            one.lives.insert(peer.life.0, (of, life));
            // Nothing is shown when everything is over, until something is again.
            if one.over.contains(&of) && shown.is_empty() {
                continue;
            }
            if self.scope.max_batch < 100 {
                // An answer in parts is that of one moment for each user by itself.
                self.check_values(at, (of, life), &shown)?;
                continue;
            }
            let last = one.seen.get(&(of, life)).copied().unwrap_or(0);
            let history = match self.histories.get(&(of, life)) {
                Some(history) => history,
                None => &self.nodes[of].history,
            };
            let found = history.iter().skip(last).position(|one| *one == shown);
            let Some(found) = found else {
                let was = history.contains(&shown);
                let what = if was { "what was before" } else { "what never was" };
                return Err(format!("{at} shows of {of} {what}: {shown:?} of {history:?}"));
            };
            self.nodes[at].seen.insert((of, life), last + found);
            self.nodes[at].over.remove(&of);
        }
        Ok(())
    }

    /// Checks that no user shows what it showed before, or was gone since.
    fn check_values(
        &mut self,
        at: usize,
        (of, life): (usize, u64),
        shown: &Shown,
    ) -> Result<(), String> {
        let values = &mut self.nodes[at].values;
        for ((by, in_life, user), (_, is_gone)) in values.iter_mut() {
            *is_gone |= (*by, *in_life) == (of, life) && !shown.contains_key(user);
        }
        for (user, value) in shown {
            let known = values.insert((of, life, *user), (*value, false));
            if known.is_some_and(|(last, is_gone)| *value < last || (is_gone && *value == last)) {
                return Err(format!("{at} shows what {user} showed before: {value}"));
            }
        }
        Ok(())
    }

    /// Has one round of beats, questions and answers of which nothing is lost, and checks that then
    /// each shows what the others do.
    pub(in crate::tests) fn heal(&mut self) -> Result<(), String> {
        self.air.clear();
        for at in 0..self.nodes.len() {
            let due = self.nodes[at].cluster.desk.next_beat.as_millis();
            self.advance_to(at, due)?;
        }
        let mut nth = 0;
        while nth < self.air.len() {
            self.deliver(nth)?;
            nth += 1;
            if nth > 100 * self.nodes.len() {
                return Err("the nodes go on and on".to_owned());
            }
        }
        self.check()?;
        for (at, of) in self.all_pairs() {
            let (shown, theirs) = (self.shown_by(at, of), self.shown_by(of, of));
            if shown != theirs {
                return Err(format!(
                    "after a round {at} shows {shown:?} of {of}, and it is {theirs:?}"
                ));
            }
            let peers = &self.nodes[at].cluster.desk.peers;
            let peer = peers.find(name(of)).map(|peer| peers.at(peer));
            let own = &self.nodes[of].cluster.desk.people.stream;
            if peer.is_none_or(|peer| peer.sum != own.sum || peer.held != own.seq || peer.is_lost) {
                return Err(format!("after a round {at} holds {peer:?}"));
            }
        }
        Ok(())
    }
}
