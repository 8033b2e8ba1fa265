//! Users come online and go, with their sessions: what that changes in every table.

use crate::event::LostCause;
use crate::key::{DeviceKind, Slot};
use crate::tables::Tables;
use crate::tables::ids::{Attachment, Place, SessionIndex, User};
use crate::tables::online::Held;
use crate::tables::reach::Reach;
use crate::tables::sessions::Link;
use crate::time::Time;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    /// Makes a user online with these lists, which are sorted sets without the user itself, and
    /// returns the place that it has from now on. A first session must follow.
    pub(crate) fn go_online(&mut self, user: User, audience: &[User], blocked: &[User]) -> Place {
        for contact in audience {
            self.users.retain(*contact);
        }
        let place = self.online.insert(user, audience, blocked);
        self.users.set_online(user, Some(place));
        self.users.retain(user);
        for other in blocked {
            self.add_blocked_pair(user, *other);
        }
        self.hide(user, audience);
        self.online.at_mut(place).is_watched = self.watchers_of(user).is_some();
        self.cover_watches(audience, user);
        place
    }

    /// Frees what was kept of a user who has no session any more.
    pub(crate) fn go_offline(&mut self, user: User) {
        let Some(place) = self.place(user) else { return };
        self.voices.clear(place);
        let (audience, blocked) = self.online.remove(place);
        self.users.set_online(user, None);
        self.cover_watches(audience.as_slice(), user);
        self.users.release_all(audience.as_slice());
        for other in blocked.as_slice() {
            self.remove_blocked_pair(user, *other);
        }
        self.users.release(user);
    }

    /// Adds an attached session to a user who is online. The caller has asked whether the table of
    /// sessions has room.
    pub(crate) fn add_session(
        &mut self,
        (user, place): (User, Place),
        kind: DeviceKind,
        now: (Time, u64),
    ) -> SessionIndex {
        let near = self.free_near_slot((user, place));
        let session = self.sessions.insert((user, place), near, kind, now);
        self.online.at_mut(place).sessions.push(session);
        self.update_reach(place);
        self.list_changed(user);
        session
    }

    /// Takes a session out of everything, and gives back its presence and the one that waits for
    /// a token: they are to be dropped when everything is in order.
    pub(crate) fn remove_session(&mut self, session: SessionIndex) -> [Option<P>; 2] {
        self.prepare_end(session);
        let place = self.sessions.place(session);
        self.unlist_session(place, session);
        self.voices.silence(place, session);
        let said = self.sessions.remove(session);
        self.update_reach(place);
        self.update_shown(place);
        said
    }

    /// Forgets, before a session ends, held or not, what it missed, whom it watches, and which
    /// other node has it.
    #[inline]
    fn prepare_end(&mut self, session: SessionIndex) {
        if self.sessions.has_extras(session) {
            self.clear_missed(session);
            self.clear_watches(session);
        }
        self.list_changed_session(session);
        self.unlist_remote(session);
    }

    /// Takes a session out of the list of the user at this place, and returns the number of those
    /// before it.
    #[inline]
    fn unlist_session(&mut self, place: Place, session: SessionIndex) -> u16 {
        let online = self.online.at_mut(place);
        let earlier = online.sessions.iter().position(|other| *other == session);
        let Some(earlier) = earlier else { return 0 };
        online.sessions.remove(earlier);
        // A user has at most 1,024 sessions.
        let earlier = earlier as u16;
        if online.held_len() > 0 {
            for held in &mut online.rare_mut().held {
                held.earlier -= u16::from(earlier < held.earlier);
            }
        }
        earlier
    }

    /// Puts a session in the list of the user at this place, after those that connected before it
    /// or with it: one of another node may be heard of late.
    pub(super) fn list_session(&mut self, place: Place, session: SessionIndex) {
        let connected = self.sessions.connected(session);
        let is_later = |other: SessionIndex| self.sessions.connected(other) > connected;
        let online = self.online.at_mut(place);
        let later = online.sessions.iter().rev().take_while(|other| is_later(**other)).count();
        let earlier = online.sessions.len() - later;
        online.sessions.insert(earlier, session);
        if online.held_len() > 0 {
            for held in &mut online.rare_mut().held {
                let own = usize::from(held.earlier);
                held.earlier +=
                    u16::from(own > earlier || own == earlier && is_later(held.session));
            }
        }
    }

    // ---- sessions whose presence is held after their end

    /// Ends a session, but keeps what it showed for others (rule 6). Nothing of it may wait for a
    /// token: it will not be shown.
    pub(crate) fn hold_session(&mut self, session: SessionIndex) {
        self.prepare_end(session);
        let place = self.sessions.place(session);
        let before = self.online.at(place).held().len();
        // Of those that are held, these connected later: more sessions were there before them.
        let own = self.sessions_at(place).iter().position(|other| *other == session);
        let is_later = |held: &Held| usize::from(held.earlier) > own.unwrap_or(0);
        let mut rank = before as u16;
        for held in &mut self.online.at_mut(place).rare_mut().held {
            if is_later(held) {
                held.rank += 1;
                rank -= 1;
            }
        }
        let earlier = self.unlist_session(place, session);
        self.sessions.hold(session);
        self.online.at_mut(place).rare_mut().held.push(Held { session, earlier, rank });
        self.update_reach(place);
    }

    /// Lets go of a session that is held, and gives back what it showed.
    pub(crate) fn release_held(&mut self, session: SessionIndex) -> [Option<P>; 2] {
        let place = self.sessions.place(session);
        let held = &mut self.online.at_mut(place).rare_mut().held;
        let rank = held.iter().find(|held| held.session == session).map_or(0, |held| held.rank);
        held.retain(|held| held.session != session);
        held.iter_mut().for_each(|held| held.rank -= u16::from(held.rank > rank));
        self.voices.silence(place, session);
        let said = self.sessions.remove(session);
        self.update_shown(place);
        said
    }

    // ---- attachments that were not told

    /// Remembers attachments that may believe something of the user that is over and that they
    /// are not told.
    pub(crate) fn add_unaware(&mut self, user: User, attachments: &[Attachment]) {
        let Some(place) = self.place(user).filter(|_| !attachments.is_empty()) else { return };
        let Self { online, sessions, added_unaware, .. } = self;
        added_unaware.extend_from_slice(attachments);
        let unaware = online.at_mut(place).rare_mut().unaware.get_or_insert_default();
        unaware.add(added_unaware, |attachment| sessions.find_attachment(attachment).is_none());
    }

    /// Forgets an attachment of those, since it is told. Returns whether it was one.
    pub(crate) fn forget_unaware(&mut self, user: User, attachment: Attachment) -> bool {
        let Some(online) = self.online_mut(user).filter(|o| o.rare().unaware.is_some()) else {
            return false;
        };
        let unaware = online.rare_mut().unaware.as_mut();
        unaware.is_some_and(|unaware| unaware.forget(attachment))
    }

    /// Returns a near slot of the user that no session has.
    fn free_near_slot(&self, (user, place): (User, Place)) -> Option<Slot> {
        let own = || {
            let sessions = self.sessions_at(place).iter();
            sessions.map(|session| self.sessions.slot_and_link(*session))
        };
        let taken = |slot| own().any(|(of, link)| link.is_local() && of == slot);
        [Slot::near(user.0, 0), Slot::near(user.0, 1)].into_iter().find(|slot| !taken(*slot))
    }

    // ---- how a session is connected

    /// Attaches a session to a new connection; the key of the attachment before is stale from now
    /// on. `None`, and nothing has changed, if there is no other key for it.
    pub(crate) fn attach(&mut self, session: SessionIndex) -> Option<()> {
        self.sessions.begin_attachment(session)?;
        self.set_link(session, Link::Attached);
        Some(())
    }

    /// Changes how an attached session takes notices.
    pub(crate) fn set_congested(&mut self, session: SessionIndex, congested: bool) {
        let link = if congested { Link::Congested } else { Link::Attached };
        self.sessions.set_link(session, link);
        self.update_reach(self.sessions.place(session));
        self.put_watches(session);
        self.put_topics(session);
    }

    /// Detaches a session.
    pub(crate) fn detach(&mut self, session: SessionIndex, at: Time, cause: LostCause) {
        self.keep_last_sign(session);
        self.sessions.set_lost(session, at, cause);
        self.set_link(session, Link::Detached);
    }

    /// Changes a session's link and forgets what it missed: whoever attaches again is sent a
    /// snapshot.
    fn set_link(&mut self, session: SessionIndex, link: Link) {
        self.sessions.set_link(session, link);
        self.list_changed_session(session);
        self.clear_missed(session);
        self.update_reach(self.sessions.place(session));
        self.put_watches(session);
        self.put_topics(session);
    }

    /// Works out anew how the user at this place is reached, after a session came, went or changed
    /// its link.
    #[inline]
    fn update_reach(&mut self, place: Place) {
        let online = self.online.at(place);
        self.users.set_reach(online.user, self.reach_of(&online.sessions));
    }

    /// Returns how a user with these sessions is reached.
    pub(super) fn reach_of(&self, sessions: &[SessionIndex]) -> Reach {
        let (mut near, mut listed) = (0_u32, false);
        for session in sessions {
            let (slot, link) = self.sessions.slot_and_link(*session);
            match link {
                Link::Attached if slot.is_near() => near |= 1 << (slot.index() & 1),
                Link::Attached | Link::Congested => listed = true,
                Link::Detached | Link::Remote | Link::RemoteLost => {}
                Link::Held | Link::Vacant => {}
            }
        }
        match near {
            _ if listed => Reach::Listed,
            0 => Reach::Nobody,
            1 => Reach::First,
            2 => Reach::Listed,
            _ => Reach::Both,
        }
    }

    // ---- what a session shows

    /// Makes a presence the session's own, and gives back the one that it replaces.
    #[inline]
    pub(crate) fn set_presence(&mut self, session: SessionIndex, presence: P) -> Option<P> {
        let replaced = self.sessions.set_presence(session, presence);
        if replaced.is_none() {
            let visible = self.is_visible_at(self.sessions.place(session));
            self.shown.set(self.sessions.user(session), visible);
        }
        replaced
    }

    /// Takes out what the session shows: it shows nothing any more.
    pub(crate) fn take_presence(&mut self, session: SessionIndex) -> Option<P> {
        let presence = self.sessions.take_presence(session);
        if presence.is_some() {
            self.voices.silence(self.sessions.place(session), session);
            self.update_shown(self.sessions.place(session));
            self.count_shown(session);
        }
        presence
    }

    /// Makes the user at this place visible or invisible.
    pub(crate) fn set_visible(&mut self, place: Place, visible: bool) {
        self.online.at_mut(place).visible = visible;
        self.list_own_change(self.user_at(place));
        self.update_shown(place);
    }

    /// Works out anew whether the user at this place has something to show to contacts.
    #[inline]
    fn update_shown(&mut self, place: Place) {
        let online = self.online.at(place);
        let published = |session| self.sessions.has_published(session);
        let may_show = online.visible && online.record_count() > 0;
        let shown = may_show && online.records().any(published);
        self.shown.set(online.user, shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::Plain;
    use crate::key::SessionId;
    use crate::remote::Origin;
    use alloc::vec::Vec;

    /// Of a sequence that looks random.
    fn next(seed: &mut u32, below: usize) -> usize {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*seed >> 8) as usize % below
    }

    /// Whichever of them come, end, are held and are let go of.
    #[test]
    fn those_that_are_held_keep_their_place_in_the_order_of_connecting() {
        let mut tables = Tables::<u64, u32, Plain>::new(Plain);
        let user = tables.intern(1).expect("there is room");
        let place = tables.go_online(user, &[], &[]);
        let add = |tables: &mut Tables<u64, u32, Plain>| {
            let session = tables.add_session((user, place), DeviceKind(0), (Time::ZERO, 0));
            tables.set_presence(session, 1);
            session
        };
        // In the order in which they connected, and whether each is held.
        let mut all = Vec::from([(add(&mut tables), false)]);
        let mut seed = 1;
        for step in 0..2_000 {
            let there = all.iter().filter(|(_, is_held)| !is_held).count();
            let at = next(&mut seed, all.len());
            match (next(&mut seed, 4), all[at]) {
                (0, (session, true)) => {
                    tables.release_held(session);
                    all.remove(at);
                }
                (1, (session, false)) if there > 1 => {
                    tables.remove_session(session);
                    all.remove(at);
                }
                (2, (session, false)) if there > 1 => {
                    tables.hold_session(session);
                    all[at].1 = true;
                }
                _ if all.len() < 12 => all.push((add(&mut tables), false)),
                _ => {}
            }
            let expected = all.iter().map(|(session, _)| *session);
            assert!(tables.shown_by_connect(place).eq(expected), "step {step}: {all:?}");
        }
    }

    /// Sessions of another node may be heard of late: they stand where they connected, also beside
    /// one that is held, and behind it if they connected in the same moment.
    #[test]
    fn who_is_heard_of_late_stands_where_it_connected() {
        let mut tables = Tables::<u64, u32, Plain>::new(Plain);
        let user = tables.intern(1).expect("there is room");
        let place = tables.go_online(user, &[], &[]);
        let origin = tables.origins_mut().find_or_new(Origin(7));
        let add = |tables: &mut Tables<u64, u32, Plain>, connected| {
            let times = (Time::from_millis(90), Time::from_millis(connected));
            let id = SessionId::from_bits(connected).expect("it is not zero");
            let session = tables.add_remote((user, place), DeviceKind(0), times, (origin, id));
            tables.set_presence(session, 1);
            session
        };
        let [.., held, _] = [10, 20, 30].map(|connected| add(&mut tables, connected));
        tables.hold_session(held);
        for connected in [15, 25, 20, 40, 5] {
            add(&mut tables, connected);
        }
        let shown = tables.shown_by_connect(place);
        let connected: Vec<_> =
            shown.map(|session| tables.sessions.connected(session).as_millis()).collect();
        assert_eq!(connected, [5, 10, 15, 20, 20, 25, 30, 40]);
        let all: Vec<_> = tables.shown_by_connect(place).collect();
        assert_eq!(all[3], held, "it was heard of first");
    }

    #[test]
    fn a_session_that_ends_beside_others_takes_no_memory_for_what_is_held() {
        let mut tables = Tables::<u64, u32, Plain>::new(Plain);
        let [one, other] = [1, 2].map(|id| {
            let user = tables.intern(id).expect("there is room");
            (user, tables.go_online(user, &[], &[]))
        });
        let session = tables.add_session(one, DeviceKind(0), (Time::ZERO, 0));
        tables.add_session(one, DeviceKind(0), (Time::ZERO, 0));
        tables.remove_session(session);
        // Those who have nothing rare share what stands for it.
        let [of_one, of_other] = [one, other].map(|(_, place)| tables.online.at(place).rare());
        assert!(core::ptr::eq(of_one, of_other));
    }
}
