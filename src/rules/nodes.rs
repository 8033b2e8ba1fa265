//! Nodes that are lost, are back or are gone, and what comes of their sessions (rules C7 to C9, as
//! far as they are the engine's).

use crate::event::LostCause;
use crate::reason::EndReason;
use crate::remote::Origin;
use crate::rules::State;
use crate::tables::ids::SessionIndex;
use crate::tables::timers::Due;
use crate::time::Time;
use core::hash::{BuildHasher, Hash};

/// How long a session that is detached at another node outlives its grace if nothing is heard of
/// its end, before it is looked at again.
pub(super) const LOOK_AGAIN_MS: u64 = 1_000;

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Detaches all that a node has of which nothing is heard any more.
    pub(crate) fn origin_lost(&mut self, origin: Origin, since: Time) {
        self.is_clustered_or_represented = true;
        let at = self.tables.origins_mut().find_or_new(origin);
        if self.tables.origins().node(at).is_lost() {
            return;
        }
        let (since, tells_users) = (since.min(self.moment), self.tells_users());
        let ends = (since.saturating_add(self.options.grace.node_loss_ms), self.next_order());
        self.tables.origins_mut().lose(at, (since, ends), tells_users);
    }

    /// Has a node that was lost be back, with all that it had and that has not ended here.
    pub(crate) fn origin_back(&mut self, origin: Origin) {
        let Some(at) = self.tables.origins().find(origin) else { return };
        let tells_users = self.tells_users();
        self.tables.origins_mut().come_back(at, tells_users);
    }

    /// Ends all that a node has which will not come back.
    pub(crate) fn origin_gone(&mut self, origin: Origin) {
        let Some(at) = self.tables.origins().find(origin) else { return };
        let now = (self.moment, self.next_order());
        self.tables.origins_mut().end(at, now);
    }

    /// Returns which node something is to be done about next, and when.
    #[inline]
    pub(super) fn next_of_nodes(&self) -> Option<(usize, (Time, u64))> {
        if self.tables.origins().have_work() { self.first_due_node() } else { None }
    }

    #[cold]
    #[inline(never)]
    fn first_due_node(&self) -> Option<(usize, (Time, u64))> {
        let nodes = self.tables.origins().nodes().iter().enumerate();
        let due = nodes.filter_map(|(at, node)| Some((at, node.due()?)));
        due.min_by_key(|(_, due)| *due)
    }

    /// Does the next thing about a node that is due by then, if nothing else is before. What is due
    /// later has not been looked for. Of what is due at the same moment, leases, graces and what
    /// waits come before if they were set before, and the rest comes after (rule 27).
    pub(super) fn fire_next_node(&mut self, until: Time, others: [Option<Due>; 2]) -> bool {
        let Some((node, (at, order))) = self.next_of_nodes().filter(|(_, due)| due.0 <= until)
        else {
            return false;
        };
        if others.into_iter().flatten().any(|other| (other.at, other.order) < (at, order)) {
            return false;
        }
        self.plan.go_over(self.tables.origins().nodes().len());
        let other = self.first_with_expiries(at, others);
        let idle = self.first_idle(at).map(|due| due.at);
        let tick = self.ticks.first_due(at, |_| None).map(|due| due.at);
        if [other, idle, tick].into_iter().flatten().any(|other| other < at) {
            return false;
        }
        if self.tables.origins().node(node).has_reviews() {
            self.review_one(node);
        } else {
            self.come_to(at);
            self.end_one_of(node, at);
        }
        self.clean_up();
        true
    }

    /// Has it worked out anew who speaks for a user whose session a node has that was lost, or is
    /// back.
    fn review_one(&mut self, node: usize) {
        if let Some(session) = self.tables.origins_mut().next_to_review(node) {
            self.speak_later(self.tables.sessions().place(session), None);
        }
    }

    /// Ends one of the sessions of a node that is gone. Those of one user end in the order in which
    /// they connected, whoever else the node had: what is told of them depends on it.
    fn end_one_of(&mut self, node: usize, at: Time) {
        let Some(last) = self.tables.origins().node(node).sessions.last() else {
            return self.tables.origins_mut().forget(node);
        };
        let all = self.tables.sessions_at(self.tables.sessions().place(last.session));
        let is_nodes = |session: &&SessionIndex| self.tables.origin_of(**session) == Some(node);
        let first = all.iter().find(is_nodes).copied().unwrap_or(last.session);
        let over = self.tables.remote(first).and_then(|remote| remote.over);
        self.end(first, over.unwrap_or(EndReason::Lost(LostCause::NodeLoss)), at);
    }

    /// Ends a session that another node has, at its deadline.
    pub(super) fn fire_remote(&mut self, due: Due) {
        let session = due.of;
        let over = self.tables.remote(session).and_then(|remote| remote.over);
        let node = self.tables.origin_of(session);
        let is_lost = node.is_some_and(|node| self.tables.origins().node(node).is_lost());
        let lost = self.tables.sessions().loss(session).map(|(_, cause)| EndReason::Lost(cause));
        match over.or_else(|| lost.filter(|_| is_lost)) {
            Some(reason) => self.end(session, reason, due.at),
            None => {
                // Its node will say how it ends. Until this input's moment nothing changes by
                // itself, however long that is, and after the end of time nothing at all.
                let looks = self.moment.since(due.at) / LOOK_AGAIN_MS + 1;
                let at = due.at.saturating_add(looks.saturating_mul(LOOK_AGAIN_MS));
                if at == Time::MAX {
                    return self.lifetimes.disarm(session);
                }
                let order = self.next_order();
                self.lifetimes.arm(session, at, order);
            }
        }
    }
}
