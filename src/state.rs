//! Everything an engine holds, and the small questions that all rules ask of it.
//!
//! The rules themselves are in the files named after what they are about (`lifecycle`, `speech`,
//! `sight`, `backlog`), each a set of state changes that leave [`Step`]s of work behind. Nothing
//! is told before the change is complete: `drain` turns the steps into decisions afterwards.

use crate::blocks::Blocks;
use crate::list::{RareList, UserList};
use crate::marks::{Reach, UserBits};
use crate::missed::{Missed, Noted};
use crate::online::{Online, OnlineUsers};
use crate::sessions::{Link, SessionIndex, Sessions};
use crate::timers::Timers;
use crate::users::{User, Users};
use crate::work::{About, Work};
use crate::{Error, Options, SessionKey, Slot, Stats, Time};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};
use smallvec::SmallVec;

pub(crate) struct State<K, P, S> {
    pub(crate) options: Options,
    pub(crate) hasher: S,
    /// The moment of the last input that was accepted.
    pub(crate) now: Time,
    /// The moment of the input at hand, which may yet be refused.
    pub(crate) moment: Time,
    /// Counts what sets deadlines, to tell which of two equal ones comes first.
    pub(crate) order: u64,
    pub(crate) users: Users<K>,
    pub(crate) online: OnlineUsers,
    pub(crate) sessions: Sessions<P>,
    /// Who receives.
    /// Who has published something and is not invisible.
    pub(crate) shown: UserBits,
    pub(crate) blocks: Blocks,
    /// Leases of attached sessions, graces of detached ones.
    pub(crate) lifetimes: Timers,
    /// When a conflated publish goes out.
    pub(crate) conflations: Timers,
    pub(crate) work: Work<P>,
    /// An input has been begun, and what it leaves behind has not been settled.
    pub(crate) unsettled: bool,
    pub(crate) stats: Stats,
    /// For lists of users while they are being made of ids.
    pub(crate) scratch: [Vec<User>; 2],
    /// For what a list that is replaced loses and gains.
    pub(crate) lost_and_gained: [Vec<User>; 2],
}

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn new(options: Options, hasher: S) -> Self {
        Self {
            options,
            hasher,
            now: Time::ZERO,
            moment: Time::ZERO,
            order: 0,
            users: Users::new(),
            online: OnlineUsers::default(),
            sessions: Sessions::new(),
            shown: UserBits::default(),
            blocks: Blocks::default(),
            lifetimes: Timers::new(),
            conflations: Timers::new(),
            work: Work::default(),
            unsettled: false,
            stats: Stats::default(),
            scratch: [Vec::new(), Vec::new()],
            lost_and_gained: [Vec::new(), Vec::new()],
        }
    }

    pub(crate) fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    // ---- finding

    pub(crate) fn session(&self, key: SessionKey) -> Result<SessionIndex, Error> {
        self.sessions.find(key).ok_or(Error::UnknownSession)
    }

    /// The session of this key, which must be attached.
    pub(crate) fn attached(&self, key: SessionKey) -> Result<SessionIndex, Error> {
        let session = self.session(key)?;
        match self.sessions.get(session).link {
            Link::Attached | Link::Congested => Ok(session),
            Link::Detached => Err(Error::Detached),
        }
    }

    /// The user of this id and its place among those online, if it is.
    pub(crate) fn find_online(&self, id: &K) -> Option<User> {
        let user = self.users.find(&self.hasher, id)?;
        self.users.online(user).map(|_| user)
    }

    pub(crate) fn online(&self, user: User) -> Option<&Online> {
        self.users.online(user).map(|place| self.online.at(place))
    }

    pub(crate) fn online_mut(&mut self, user: User) -> Option<&mut Online> {
        self.users.online(user).map(|place| self.online.at_mut(place))
    }

    pub(crate) fn sessions_of(&self, user: User) -> &[SessionIndex] {
        self.online(user).map_or(&[], |online| &online.sessions)
    }

    pub(crate) fn has_in_audience(&self, user: User, contact: User) -> bool {
        self.online(user).is_some_and(|online| online.audience.contains(contact))
    }

    pub(crate) fn blocked_between(&self, a: User, b: User) -> bool {
        self.blocks.between(&self.hasher, a, b)
    }

    /// May `viewer` see what `user` publishes?
    pub(crate) fn sees(&self, viewer: User, user: User) -> bool {
        self.online(user).is_some_and(|online| online.visible && online.audience.contains(viewer))
            && !self.blocked_between(viewer, user)
    }

    pub(crate) fn has_published(&self, session: SessionIndex) -> bool {
        self.sessions.rest(session).presence.is_some()
    }

    pub(crate) fn any_published(&self, user: User) -> bool {
        self.sessions_of(user).iter().any(|session| self.has_published(*session))
    }

    // ---- what follows from a change

    /// An input of the session restarts its lease (rule 11).
    pub(crate) fn touch(&mut self, session: SessionIndex) {
        let (now, order) = (self.moment, self.next_order());
        let session = self.sessions.get_mut(session);
        session.heard = now;
        session.heard_order = order;
    }

    /// The session of this key, which must be attached, and of which this is an input.
    #[inline]
    pub(crate) fn hear(&mut self, key: SessionKey) -> Result<SessionIndex, Error> {
        let session = self.sessions.find_mut(key).ok_or(Error::UnknownSession)?;
        if session.link == Link::Detached {
            return Err(Error::Detached);
        }
        self.order += 1;
        session.heard = self.moment;
        session.heard_order = self.order;
        Ok(SessionIndex(key.index))
    }

    /// Which of the user's near slots is free.
    pub(crate) fn free_near_slot(&self, user: User) -> Option<Slot> {
        let taken =
            |slot| self.sessions_of(user).iter().any(|s| self.sessions.get(*s).slot == slot);
        [Slot::near(user.0, 0), Slot::near(user.0, 1)].into_iter().find(|slot| !taken(*slot))
    }

    /// Works out anew how the user is reached, after a session came, went or changed its link.
    pub(crate) fn update_reach(&mut self, user: User) {
        self.users.marks.set_reach(user, self.reach_of(user));
    }

    pub(crate) fn reach_of(&self, user: User) -> Reach {
        let (mut near, mut listed) = (0_u32, false);
        for session in self.sessions_of(user) {
            let session = self.sessions.get(*session);
            match session.link {
                Link::Attached if session.slot.is_near() => near |= 1 << (session.slot.index() & 1),
                Link::Attached | Link::Congested => listed = true,
                Link::Detached => {}
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

    /// Works out anew whether the user has something to show to contacts.
    pub(crate) fn update_shown(&mut self, user: User) {
        let visible = self.online(user).is_some_and(|online| online.visible);
        let shown = visible && self.any_published(user);
        self.shown.set(user, shown);
    }

    // ---- references to users

    pub(crate) fn release(&mut self, user: User) {
        self.users.release(user);
    }

    pub(crate) fn add_blocked_pair(&mut self, user: User, other: User) {
        self.blocks.insert(&self.hasher, user, other);
        self.users.retain(other);
    }

    /// Gives the reference to `other` back as well, so `other` may be gone afterwards.
    pub(crate) fn remove_blocked_pair(&mut self, user: User, other: User) {
        self.blocks.remove(&self.hasher, user, other);
        self.release(other);
    }

    /// The place that the user has from now on.
    pub(crate) fn go_online(&mut self, user: User, audience: &[User], blocked: &[User]) -> u32 {
        for contact in audience {
            self.users.retain(*contact);
        }
        for other in blocked {
            self.add_blocked_pair(user, *other);
        }
        let place = self.online.insert(Online {
            user,
            visible: true,
            sessions: SmallVec::new(),
            audience: UserList::from_sorted(audience),
            blocked: RareList::from_sorted(blocked),
        });
        self.users.set_online(user, Some(place));
        self.users.retain(user);
        place
    }

    /// Frees what was kept of a user who has no session any more.
    pub(crate) fn go_offline(&mut self, user: User) {
        let Some(online) = self.users.online(user).and_then(|place| self.online.remove(place))
        else {
            return;
        };
        debug_assert!(online.sessions.is_empty());
        self.users.release_all(online.audience.as_slice());
        for other in online.blocked.as_slice() {
            self.remove_blocked_pair(user, *other);
        }
        self.users.set_online(user, None);
        self.release(user);
    }

    // ---- making lists of users from ids

    /// The index of an id, which is made known if it was not.
    pub(crate) fn intern(&mut self, id: K) -> Result<User, Error> {
        self.users.intern(&self.hasher, id).ok_or(Error::Full)
    }

    /// Makes indices of ids, at most `limit` of them; `None` stands for one too many.
    pub(crate) fn intern_all(
        &mut self,
        ids: impl IntoIterator<Item = K>,
        limit: u32,
        into: &mut Vec<User>,
    ) -> Result<Option<()>, Error> {
        let mut ids = ids.into_iter();
        let some = ids.by_ref().take((limit as usize).saturating_sub(into.len()));
        self.users.intern_all(&self.hasher, some, into).ok_or(Error::Full)?;
        Ok(ids.next().is_none().then_some(()))
    }

    // ---- congested receivers (rule 14)

    /// Notes what a congested session is not told.
    pub(crate) fn note_missed(&mut self, receiver: SessionIndex, about: About) {
        match about {
            About::Presence { session, first } => {
                let user = self.sessions.user(session);
                let session = self.sessions.key(session);
                self.note(receiver, user, |missed| missed.presence(user, session, first));
            }
            About::Ended { user, session } => {
                self.note(receiver, user, |missed| missed.ended(user, session));
            }
            About::Offline { user, gone } => {
                for at in gone.range() {
                    let session = self.work.gone[at];
                    self.note(receiver, user, |missed| missed.ended(user, session));
                }
                self.note(receiver, user, |missed| missed.offline_user(user));
            }
            // Not state: skipped, and the host told so, where the receivers are worked out.
            About::Directed { .. } | About::System => {}
        }
    }

    /// Notes that a session has ended whose directed presence a congested session was told, and
    /// whether its user looks offline now.
    pub(crate) fn note_told_ended(
        &mut self,
        receiver: SessionIndex,
        user: User,
        session: SessionKey,
        offline: bool,
    ) {
        self.note(receiver, user, |missed| missed.told_ended(user, session));
        if offline {
            self.note(receiver, user, |missed| missed.offline_user(user));
        }
    }

    fn note(
        &mut self,
        receiver: SessionIndex,
        user: User,
        note: impl FnOnce(&mut Missed) -> Noted,
    ) {
        match note(&mut self.sessions.extras_or_new(receiver).missed) {
            Noted::Added => self.users.retain(user),
            Noted::Removed => self.release(user),
            Noted::AsBefore => {}
        }
    }

    /// Forgets what the session missed: it is going to be told everything, or nothing ever again.
    pub(crate) fn clear_missed(&mut self, session: SessionIndex) {
        let Some(extras) = self.sessions.extras_mut(session) else { return };
        let mut missed = core::mem::take(&mut extras.missed);
        for entry in missed.sessions() {
            self.release(entry.user);
        }
        for user in missed.offline() {
            self.release(*user);
        }
        missed.clear();
        self.sessions.extras_or_new(session).missed = missed;
    }
}
