//! Sessions of other nodes among a user's own, and what of this engine's other nodes are to hear.

use crate::event::LostCause;
use crate::key::{DeviceKind, SessionId};
use crate::reason::EndReason;
use crate::remote::{RemoteLists, RemoteSession};
use crate::tables::Tables;
use crate::tables::changed::Changed;
use crate::tables::ids::{MembershipIndex, Place, RemotePlace, SessionIndex, User};
use crate::tables::origins::{Origins, Remote};
use crate::tables::sessions::Link;
use crate::time::Time;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};
use smallvec::SmallVec;

/// What a node says of a user who is online, as far as it is yet to become so.
pub(crate) struct RemoteUpdate<K, P> {
    pub(crate) node: usize,
    pub(crate) place: Place,
    pub(crate) lists: Option<(K, RemoteLists<K>)>,
    pub(crate) sessions: Vec<RemoteSession<K, P>>,
    /// Why sessions have ended; `None` once those have been taken out that the node does not have
    /// any more, and what is not so.
    pub(crate) ended: Option<Vec<(SessionId, EndReason)>>,
}

/// The sessions of one user that one node has, by their ids there: what a node says of many would
/// else be looked for among as many, one by one.
pub(crate) struct RemoteIds(SmallVec<[(SessionId, SessionIndex); 4]>);

impl RemoteIds {
    pub(crate) fn get(&self, id: SessionId) -> Option<SessionIndex> {
        let at = self.0.partition_point(|(of, _)| *of < id);
        self.0.get(at).filter(|(of, _)| *of == id).map(|(_, session)| *session)
    }

    pub(crate) fn insert(&mut self, id: SessionId, session: SessionIndex) {
        let at = self.0.partition_point(|(of, _)| *of <= id);
        self.0.insert(at, (id, session));
    }
}

/// The ids of sessions, to be looked for.
pub(crate) struct Ids(SmallVec<[SessionId; 4]>);

impl Ids {
    pub(crate) fn of<K, P>(sessions: &[RemoteSession<K, P>]) -> Self {
        let mut ids: SmallVec<_> = sessions.iter().map(|session| session.id).collect();
        ids.sort_unstable();
        Self(ids)
    }

    pub(crate) fn have(&self, id: SessionId) -> bool {
        self.0.binary_search(&id).is_ok()
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    pub(crate) const fn origins(&self) -> &Origins {
        &self.origins
    }

    pub(crate) const fn origins_mut(&mut self) -> &mut Origins {
        &mut self.origins
    }

    pub(crate) const fn changed(&self) -> &Changed {
        &self.changed
    }

    pub(crate) const fn changed_mut(&mut self) -> &mut Changed {
        &mut self.changed
    }

    // ---- sessions of other nodes

    /// Adds a session that another node has to a user who is online. The caller has asked whether
    /// the table of sessions has room.
    pub(crate) fn add_remote(
        &mut self,
        (user, place): (User, Place),
        kind: DeviceKind,
        (now, connected): (Time, Time),
        (origin, id): (usize, SessionId),
    ) -> SessionIndex {
        let at = self.origins.next_place(origin);
        let session = self.sessions.insert_remote((user, place), kind, (now, connected), at);
        self.origins.push(origin, Remote { session, id, over: None });
        self.list_session(place, session);
        self.changed.set_number(session, 0);
        session
    }

    /// Returns the session of the user at this place that a node has by this id.
    pub(crate) fn find_remote(
        &self,
        place: Place,
        (origin, id): (usize, SessionId),
    ) -> Option<SessionIndex> {
        let mut sessions = self.sessions_at(place).iter().copied();
        sessions.find(|session| {
            self.sessions
                .remote_place(*session)
                .is_some_and(|at| at.origin as usize == origin && self.origins.get(at).id == id)
        })
    }

    /// Returns the sessions of the user at this place that a node has.
    pub(crate) fn remote_ids(&self, place: Place, node: usize) -> RemoteIds {
        let of_node = |session: &SessionIndex| {
            let at = self.sessions.remote_place(*session)?;
            (at.origin as usize == node).then(|| (self.origins.get(at).id, *session))
        };
        let mut ids: SmallVec<_> = self.sessions_at(place).iter().filter_map(of_node).collect();
        ids.sort_by_key(|(id, _)| *id);
        RemoteIds(ids)
    }

    /// Returns what is known of a session as another node's, if it is one.
    pub(crate) fn remote(&self, session: SessionIndex) -> Option<&Remote> {
        Some(self.origins.get(self.sessions.remote_place(session)?))
    }

    pub(crate) fn remote_mut(&mut self, session: SessionIndex) -> Option<&mut Remote> {
        Some(self.origins.get_mut(self.sessions.remote_place(session)?))
    }

    /// Returns which node has the session, if another does.
    pub(crate) fn origin_of(&self, session: SessionIndex) -> Option<usize> {
        Some(self.sessions.remote_place(session)?.origin as usize)
    }

    /// Takes a session that ends out of the list of its node, if it is another's.
    #[inline]
    pub(super) fn unlist_remote(&mut self, session: SessionIndex) {
        if self.sessions.remote() > 0 {
            self.unlist_if_remote(session);
        }
    }

    #[cold]
    #[inline(never)]
    fn unlist_if_remote(&mut self, session: SessionIndex) {
        let Some(place) = self.sessions.remote_place(session) else { return };
        if let Some(moved) = self.origins.remove(place) {
            self.sessions.set_remote_place(moved, place);
        }
    }

    /// Says how a session is connected to its node.
    pub(crate) fn set_remote_link(
        &mut self,
        session: SessionIndex,
        lost: Option<(Time, LostCause)>,
    ) {
        match lost {
            Some((at, cause)) => self.sessions.set_remote_lost(session, at, cause),
            None => self.sessions.set_remote_link(session),
        }
    }

    /// Returns whether the session has a connection, here or at a node of which something is heard.
    pub(crate) fn is_connected(&self, session: SessionIndex) -> bool {
        match self.sessions.link(session) {
            Link::Remote => self.node_loss(session).is_none(),
            link => link.is_up(),
        }
    }

    /// Returns since when nothing is heard of the node that has a session.
    fn node_loss(&self, session: SessionIndex) -> Option<Time> {
        self.origins.node(self.origin_of(session)?).lost_at()
    }

    /// Returns when and why the session was lost, or its node was, if it is detached.
    #[inline]
    pub(crate) fn loss(&self, session: SessionIndex) -> Option<(Time, LostCause)> {
        if self.sessions.remote() > 0 && self.sessions.link(session) == Link::Remote {
            return Some((self.node_loss(session)?, LostCause::NodeLoss));
        }
        self.sessions.loss(session)
    }

    /// Returns whether each session of another node stands where it says, and nobody else does.
    pub(super) fn are_remotes_right(&self) -> bool {
        let mut listed = 0;
        for (node, origin) in self.origins.nodes().iter().enumerate() {
            for (nth, remote) in origin.sessions.iter().enumerate() {
                let place = self.sessions.remote_place(remote.session);
                let stands = RemotePlace { origin: node as u32, nth: nth as u32 };
                if place != Some(stands) {
                    return false;
                }
                listed += 1;
            }
        }
        listed == self.sessions.counts().remote
    }

    // ---- what other nodes are to hear

    /// Lists a user whose state at this node has changed.
    pub(crate) fn list_changed(&mut self, user: User) {
        if self.changed.is_on && self.changed.list(user) {
            self.users.retain(user);
        }
    }

    /// Lists the user at this place: what belongs to it and not to one node has changed here.
    pub(crate) fn list_own_change(&mut self, user: User) {
        if self.changed.is_on && !self.changed.is_remote_update {
            self.list_changed(user);
        }
    }

    /// Lists the user of a session, if that is this node's.
    #[inline]
    pub(crate) fn list_changed_session(&mut self, session: SessionIndex) {
        if self.changed.is_on {
            self.list_if_local(session);
        }
    }

    #[cold]
    #[inline(never)]
    fn list_if_local(&mut self, session: SessionIndex) {
        if self.sessions.link(session).is_local() {
            self.list_changed(self.sessions.user(session));
        }
    }

    /// Counts a change of what a session shows, if other nodes are to hear of it or have it: by
    /// two, since one that comes by itself counts one.
    #[inline]
    pub(crate) fn count_shown(&mut self, session: SessionIndex) {
        if self.changed.is_on || self.sessions.link(session).is_remote() {
            self.count_shown_in_cluster(session);
        }
    }

    #[inline(never)]
    fn count_shown_in_cluster(&mut self, session: SessionIndex) {
        let number = self.changed.number(session);
        self.changed.set_number(session, number.wrapping_add(2));
        self.list_changed_session(session);
    }

    /// Counts a change that was a presence's own end, as every node sees it by itself: whoever has
    /// shown something else in that moment says so by another number.
    pub(crate) fn count_end(&mut self, session: SessionIndex, before: u64) {
        if self.changed.is_on || self.sessions.link(session).is_remote() {
            self.changed.set_number(session, before.wrapping_add(1));
        }
    }

    /// Counts a change of what a member shows in a topic.
    pub(super) fn count_shown_in(&mut self, membership: MembershipIndex) {
        if self.changed.is_on {
            let number = self.changed.next_in_topics();
            self.changed.set_number_in(membership, number);
            self.list_changed_session(self.session_in(membership));
        }
    }

    /// Gives back what only a past peak needed of what is noted of changes.
    pub(super) fn shrink_changed(&mut self) {
        let any = self.changed.is_any_in_topics().then(|| self.sessions.iter());
        let memberships = any.into_iter().flatten().flat_map(|session| self.topics_of(session));
        let last = memberships.map(|(_, membership)| membership.0 as usize + 1).max();
        let (sessions, users) = (self.sessions.span(), self.users.span());
        self.changed.shrink_to_fit(sessions, last.unwrap_or(0), users);
    }

    /// Returns the next user whose state at this node has changed. It is known until the next is
    /// asked for.
    pub(crate) fn next_changed(&mut self) -> Option<User> {
        let (next, before) = self.changed.take();
        before.into_iter().for_each(|user| self.users.release(user));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::Plain;
    use crate::remote::Origin;

    fn id(bits: u64) -> SessionId {
        SessionId::from_bits(bits).expect("it is not zero")
    }

    #[test]
    fn sessions_are_found_by_their_ids_in_whatever_order_they_come() {
        let mut ids = RemoteIds(SmallVec::new());
        for nth in [5, 1, 3, 2, 4] {
            ids.insert(id(nth), SessionIndex(nth as u32));
        }
        for nth in 1..6 {
            assert_eq!(ids.get(id(nth)), Some(SessionIndex(nth as u32)));
        }
        assert_eq!(ids.get(id(6)), None);
    }

    /// Two nodes may have given out the same id.
    #[test]
    fn a_session_is_the_one_of_its_node() {
        let mut tables = Tables::<u64, u32, Plain>::new(Plain);
        let user = tables.intern(1).expect("there is room");
        let place = tables.go_online(user, &[], &[]);
        let mut add = |origin, of| {
            let node = tables.origins_mut().find_or_new(Origin(origin));
            let times = (Time::ZERO, Time::ZERO);
            tables.add_remote((user, place), DeviceKind(0), times, (node, id(of)))
        };
        let [first, second, other] = [add(7, 1), add(8, 1), add(8, 2)];
        let found = |origin, of| {
            let node = tables.origins().find(Origin(origin)).expect("it has sessions");
            tables.find_remote(place, (node, id(of)))
        };
        assert_eq!([found(7, 1), found(8, 1), found(8, 2)], [first, second, other].map(Some));
        assert_eq!([found(7, 2), found(8, 3)], [None; 2]);
    }
}
