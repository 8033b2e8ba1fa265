//! What is kept: who is known, who is online with which sessions, and whose lists name whom.
//!
//! Tables know no rule. Each method here leaves the tables agreeing with each other: references
//! are counted, reaches and counts are up to date. The rules call them and decide nothing of that.

mod attendance;
mod blocks;
pub(crate) mod changed;
pub(crate) mod channels;
mod contiguous;
pub(crate) mod expiries;
mod free_list;
pub(crate) mod ids;
pub(crate) mod index;
mod interner;
mod list;
pub(crate) mod lists;
mod members;
mod members_hidden;
pub(crate) mod members_view;
pub(crate) mod missed;
pub(crate) mod notes;
mod online;
pub(crate) mod origins;
mod prefetch;
pub(crate) mod rate;
pub(crate) mod reach;
pub(crate) mod remotes;
pub(crate) mod roster;
pub(crate) mod segments;
pub(crate) mod sessions;
mod sorted_map;
pub(crate) mod steps;
pub(crate) mod timers;
pub(crate) mod told;
pub(crate) mod topics;
mod unaware;
mod user_bits;
pub(crate) mod verify;
pub(crate) mod voices;
mod watched;
mod watches;

pub(crate) use interner::Users;

use crate::key::SessionKey;
use crate::stats::Counts;
use crate::time::Time;
use alloc::vec::Vec;
use blocks::Blocks;
use changed::Changed;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};
use ids::{Attachment, Place, SessionIndex, User};
use interner::MAX_USERS;
use online::{Held, Online, OnlineUsers};
use origins::Origins;
use sessions::{Link, MAX_SESSIONS, Sessions, Sign};
use smallvec::{SmallVec, smallvec};
use sorted_map::UserSet;
use topics::Topics;
use user_bits::UserBits;
use voices::{Signs, Voices};
use watched::Watched;

/// What a publish and an end have to know of a user.
#[derive(Clone, Copy)]
pub(crate) struct UserState {
    pub(crate) is_visible: bool,
    /// Whether anybody watches it.
    pub(crate) is_watched: bool,
    /// The number of its sessions.
    pub(crate) sessions: usize,
    /// Whether any presence of it is held.
    pub(crate) any_held: bool,
    /// Whether a session of it is in a topic.
    pub(crate) is_in_topics: bool,
}

pub(crate) struct Tables<K, P, S> {
    hasher: S,
    users: Users<K>,
    online: OnlineUsers,
    sessions: Sessions<P>,
    blocks: Blocks,
    watched: Watched,
    topics: Topics<K, P>,
    voices: Voices,
    /// The nodes that have sessions which are not this engine's own.
    origins: Origins,
    /// What other nodes are to hear of.
    changed: Changed,
    /// Who has published something and is not invisible.
    shown: UserBits,
    /// The users of whom sessions missed something that they are being told.
    caught_up: Vec<User>,
    /// For those whom a block hides from now on, or no longer.
    scratch: Vec<User>,
    /// For those who are not told that something is over.
    added_unaware: Vec<Attachment>,
    /// Congested sessions for which too much may be noted, until an input is over.
    overfull: Vec<SessionIndex>,
}

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    pub(crate) fn new(hasher: S) -> Self {
        Self {
            hasher,
            users: Users::new(),
            online: OnlineUsers::new(),
            sessions: Sessions::new(),
            blocks: Blocks::new(),
            watched: Watched::new(),
            topics: Topics::new(),
            voices: Voices::new(),
            origins: Origins::new(),
            changed: Changed::new(),
            shown: UserBits::new(),
            caught_up: Vec::new(),
            scratch: Vec::new(),
            added_unaware: Vec::new(),
            overfull: Vec::new(),
        }
    }

    // ---- the tables themselves, to be read

    pub(crate) const fn users(&self) -> &Users<K> {
        &self.users
    }

    pub(crate) const fn sessions(&self) -> &Sessions<P> {
        &self.sessions
    }

    /// Returns the sessions, for changes that concern one session alone.
    pub(crate) const fn sessions_mut(&mut self) -> &mut Sessions<P> {
        &mut self.sessions
    }

    pub(crate) const fn voices(&self) -> &Voices {
        &self.voices
    }

    pub(crate) const fn voices_mut(&mut self) -> &mut Voices {
        &mut self.voices
    }

    // ---- finding

    /// Returns the user of this id, if it is online.
    pub(crate) fn find_online<Q>(&self, id: &Q) -> Option<User>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.find(id).filter(|user| self.place(*user).is_some())
    }

    /// Returns the user of this id, if it is known.
    pub(crate) fn find<Q>(&self, id: &Q) -> Option<User>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.users.find(&self.hasher, id)
    }

    /// Calls `found` for each of these ids that is known, with its place in the list.
    pub(crate) fn find_all<'q, Q>(
        &self,
        ids: impl IntoIterator<Item = &'q Q>,
        found: impl FnMut(usize, User),
    ) where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.users.find_all(&self.hasher, ids.into_iter(), found);
    }

    /// Returns the number of users online.
    pub(crate) fn users_online(&self) -> usize {
        self.online.len()
    }

    /// Returns everyone online.
    pub(crate) fn iter_online(&self) -> impl Iterator<Item = User> + '_ {
        self.online.iter().map(|(_, online)| online.user)
    }

    /// Returns the user's place among those online, if it is. It stays the user's until
    /// [`go_offline`](Self::go_offline).
    pub(crate) fn place(&self, user: User) -> Option<Place> {
        self.users.online(user)
    }

    fn online(&self, user: User) -> Option<&Online> {
        self.place(user).map(|place| self.online.at(place))
    }

    fn online_mut(&mut self, user: User) -> Option<&mut Online> {
        self.place(user).map(|place| self.online.at_mut(place))
    }

    // ---- what is known of those online

    pub(crate) fn user_at(&self, place: Place) -> User {
        self.online.at(place).user
    }

    pub(crate) fn is_visible_at(&self, place: Place) -> bool {
        self.online.at(place).visible
    }

    /// Returns whether the user is online and not invisible.
    pub(crate) fn is_visible(&self, user: User) -> bool {
        self.online(user).is_some_and(|online| online.visible)
    }

    /// Returns whether the user has something to show to contacts: it is visible and has
    /// published.
    pub(crate) fn is_shown(&self, user: User) -> bool {
        self.shown.get(user)
    }

    /// Returns the user's sessions in the order in which they connected.
    pub(crate) fn sessions_of(&self, user: User) -> &[SessionIndex] {
        self.online(user).map_or(&[], |online| &online.sessions)
    }

    pub(crate) fn sessions_at(&self, place: Place) -> &[SessionIndex] {
        &self.online.at(place).sessions
    }

    pub(crate) fn audience_of(&self, user: User) -> &[User] {
        self.online(user).map_or(&[], |online| online.audience.as_slice())
    }

    pub(crate) fn audience_at(&self, place: Place) -> &[User] {
        self.online.at(place).audience.as_slice()
    }

    pub(crate) fn blocked_by(&self, user: User) -> &[User] {
        self.online(user).map_or(&[], |online| online.rare().blocked.as_slice())
    }

    /// Returns those in the audience of the user at this place who have blocked the user or whom
    /// it has blocked.
    #[inline]
    pub(crate) fn hidden_at(&self, place: Place) -> &UserSet {
        self.online.at(place).hidden()
    }

    /// Returns the audience of the user at this place, and those in it who are
    /// [hidden](Self::hidden_at) from it.
    #[inline]
    pub(crate) fn contacts_at(&self, place: Place) -> (&[User], &UserSet) {
        let online = self.online.at(place);
        (online.audience.as_slice(), online.hidden())
    }

    /// Returns what a publish and an end have to know of the user at this place.
    #[inline]
    pub(crate) fn state_at(&self, place: Place) -> UserState {
        let online = self.online.at(place);
        UserState {
            is_visible: online.visible,
            is_watched: online.is_watched,
            sessions: online.sessions.len(),
            any_held: online.held_len() > 0,
            is_in_topics: online.is_in_topics,
        }
    }

    /// Returns the user's sessions that have ended and whose presence is held, the oldest first.
    pub(crate) fn held_of(&self, user: User) -> &[Held] {
        self.online(user).map_or(&[], Online::held)
    }

    /// Returns the same of the user at this place.
    #[inline]
    pub(crate) fn held_at(&self, place: Place) -> &[Held] {
        self.online.at(place).held()
    }

    // ---- records of those online: a user's sessions, and then those that are held

    /// Returns the number of records of the user at this place.
    #[inline]
    pub(crate) fn record_count_at(&self, place: Place) -> usize {
        self.online.at(place).record_count()
    }

    /// Returns one of the records of the user at this place.
    #[inline]
    pub(crate) fn record_at(&self, place: Place, nth: usize) -> SessionIndex {
        self.online.at(place).record(nth)
    }

    /// Returns those records of the user at this place that show something.
    #[inline]
    pub(crate) fn shown_records_at(&self, place: Place) -> impl Iterator<Item = SessionIndex> + '_ {
        let records = self.online.at(place).records();
        records.filter(|session| self.sessions.has_published(*session))
    }

    /// Returns those records of the user at this place that show something, in the order in which
    /// they connected.
    pub(crate) fn shown_by_connect(&self, place: Place) -> impl Iterator<Item = SessionIndex> + '_ {
        let (sessions, held) = (self.sessions_at(place), self.held_at(place));
        // Ranks have no gaps, and whoever has a later one has no fewer before it.
        let mut by_rank: SmallVec<[u16; 32]> = smallvec![0; held.len()];
        for (nth, held) in held.iter().enumerate() {
            by_rank[usize::from(held.rank)] = nth as u16;
        }
        let (mut rank, mut at) = (0, 0);
        let all = core::iter::from_fn(move || {
            let next = by_rank.get(rank).map(|nth| &held[usize::from(*nth)]);
            if let Some(next) = next.filter(|next| usize::from(next.earlier) <= at) {
                rank += 1;
                return Some(next.session);
            }
            at += 1;
            sessions.get(at - 1).copied()
        });
        all.filter(|session| self.sessions.has_published(*session))
    }

    /// Returns the session that speaks for a user who is told as one, and since when the user is
    /// idle, if it is.
    pub(crate) fn representative(&self, user: User) -> Option<(SessionIndex, Option<Time>)> {
        let place = self.place(user)?;
        let (session, idle_since) = self.voices.said(place)?;
        Some((session.or_else(|| self.first_shown(place))?, idle_since))
    }

    #[cold]
    fn first_shown(&self, place: Place) -> Option<SessionIndex> {
        self.shown_by_connect(place).next()
    }

    /// Returns when a person last did something on a session, and whether it is idle.
    pub(crate) fn signs(&self, session: SessionIndex) -> Signs {
        let signs = self.voices.signs(session);
        match self.sessions.sign(session) {
            Some((active, order)) => Signs { active, order, ..signs },
            None => signs,
        }
    }

    /// Puts a person's sign where it stays when the session is heard of otherwise.
    #[cold]
    pub(crate) fn keep_sign(&mut self, session: SessionIndex, (active, order): Sign) {
        let signs = self.voices.signs_mut(session);
        (signs.active, signs.order) = (active, order);
    }

    /// Puts the sign that a session's record has, if it has one, where it stays.
    pub(crate) fn keep_last_sign(&mut self, session: SessionIndex) {
        if let Some(sign) = self.sessions.take_sign(session) {
            self.keep_sign(session, sign);
        }
    }

    /// Renews the lease of a session: it is heard of in this input.
    #[inline]
    pub(crate) fn renew_lease(&mut self, session: SessionIndex, heard: (Time, u64)) {
        if let Some(sign) = self.sessions.renew_lease(session, heard) {
            self.keep_sign(session, sign);
        }
    }

    /// Returns when a session of the user at this place is idle next if nobody does anything, and
    /// which input set that.
    pub(crate) fn next_idle(&self, place: Place, after_ms: u64) -> Option<(Time, u64)> {
        // Another node says itself who is idle there.
        let own = self.sessions_at(place).iter().filter(|one| self.sessions.link(**one).is_local());
        let signs = own.map(|session| self.signs(*session));
        let next = signs.filter(|signs| !signs.is_idle);
        next.map(|signs| (signs.active.saturating_add(after_ms), signs.order)).min()
    }

    /// Returns the place of a user who is online and has the viewer in its audience, and the number
    /// of its records.
    #[inline]
    pub(crate) fn records_seen_by(&self, viewer: User, user: User) -> Option<(Place, usize)> {
        let place = self.place(user)?;
        let online = self.online.at(place);
        let records = online.record_count();
        online.audience.contains(viewer).then_some((place, records))
    }

    // ---- who stands in whose list

    pub(crate) fn has_in_audience(&self, user: User, contact: User) -> bool {
        self.online(user).is_some_and(|online| online.audience.contains(contact))
    }

    pub(crate) fn has_blocked(&self, user: User, other: User) -> bool {
        self.online(user).is_some_and(|online| online.rare().blocked.contains(other))
    }

    /// Returns whether one of the two has blocked the other.
    #[inline]
    pub(crate) fn blocked_between(&self, a: User, b: User) -> bool {
        !self.blocks.is_empty() && self.has_either_blocked(a, b)
    }

    /// Looks into the lists of both. Where nobody has blocked anybody it is not in the way.
    #[inline(never)]
    fn has_either_blocked(&self, a: User, b: User) -> bool {
        self.has_blocked(a, b) || self.has_blocked(b, a)
    }

    /// Returns whether the user has blocked anybody or is blocked by anybody.
    pub(crate) fn has_blocks(&self, user: User) -> bool {
        let lists_any = || self.online(user).is_some_and(|online| online.rare().blocked.len() > 0);
        !self.blocks.is_empty() && (lists_any() || self.blocks.count(&self.hasher, user) > 0)
    }

    /// Returns whether `viewer` may see what `user` publishes.
    pub(crate) fn sees(&self, viewer: User, user: User) -> bool {
        self.online(user).is_some_and(|online| online.visible && online.audience.contains(viewer))
            && !self.blocked_between(viewer, user)
    }

    // ---- sessions by their keys

    /// Returns whether the two have a block between them, where `contact` is in the audience of the
    /// user at this place.
    pub(crate) fn hides_at(&self, place: Place, contact: User) -> bool {
        let hidden = self.hidden_at(place);
        !hidden.is_empty() && hidden.contains(contact)
    }

    /// Returns the session of this key, if it is current, and how it is connected.
    pub(crate) fn find_session(&self, key: SessionKey) -> Option<(SessionIndex, Link)> {
        let session = self.sessions.find(key)?;
        Some((session, self.sessions.link(session)))
    }

    // ---- the whole

    pub(crate) fn counts(&self) -> Counts {
        let sessions = self.sessions.counts();
        Counts {
            users_online: self.online.len(),
            users_known: self.users.len(),
            sessions: self.sessions.len(),
            detached: sessions.detached,
            remote: sessions.remote,
            congested: sessions.congested,
            presences: sessions.published + sessions.waiting + self.topics.presences,
            conflated: sessions.waiting,
            audience_entries: self.online.audience_entries(),
            blocked_pairs: self.blocks.len(),
            watches: self.watches(),
            topics: self.topics.len(),
            memberships: self.topics.channels().memberships(),
            told: sessions.told,
            missed: sessions.missed,
            ..Counts::default()
        }
    }

    /// Makes room for so many users known and so many sessions in all, as far as there can be so
    /// many.
    pub(crate) fn reserve(&mut self, users: usize, sessions: usize) {
        let (users, sessions) = (users.min(MAX_USERS), sessions.min(MAX_SESSIONS));
        self.users.reserve(users);
        self.online.reserve(users.min(sessions));
        self.sessions.reserve(sessions);
        self.shown.reserve(users);
    }

    /// Gives back what only a past peak needed. Calls `moved` with each place that becomes another.
    pub(crate) fn shrink_to_fit(&mut self, mut moved: impl FnMut(Place, Place)) {
        let Self { users, online, sessions, voices, .. } = self;
        online.shrink_to_fit(|online, place| {
            let before = users.online(online.user).unwrap_or(place);
            voices.move_to(before, place);
            moved(before, place);
            users.set_online(online.user, Some(place));
            online.records().for_each(|session| sessions.set_place(session, place));
        });
        users.shrink_to_fit();
        sessions.shrink_to_fit();
        online.shrink_lists(|attachment| sessions.find_attachment(attachment).is_none());
        voices.shrink_to(online.span(), sessions.span());
        self.shown.shrink_to(self.users.span());
        self.blocks.shrink_to_fit();
        self.watched.shrink_to_fit();
        self.topics.shrink_to_fit(self.sessions.span());
        self.origins.shrink_to_fit();
        self.shrink_changed();
        (self.caught_up, self.scratch) = (Vec::new(), Vec::new());
        (self.overfull, self.added_unaware) = (Vec::new(), Vec::new());
    }
}
