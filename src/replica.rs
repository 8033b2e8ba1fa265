//! The other end: what one receiver believes.

mod beliefs;
pub(crate) mod compare;
mod full;
mod in_topics;
mod topics;

#[cfg(doc)]
use crate::engine::Engine;
use crate::key::SessionId;
use crate::notice::Notice;
use crate::snapshot::{Entry, Scope, Snapshot};
use crate::tables::Users;
use crate::tables::ids::User;
use crate::time::Time;
use beliefs::{At, Beliefs, intern_as_told};
use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use topics::TopicBeliefs;

pub use full::ReplicaFull;

/// What one session knows of others: it applies what the session is sent, and can be asked who is
/// present with what.
///
/// A client keeps one, and so do the engine's own tests, which hold it against the truth. It takes
/// notices as the engine makes them ([`apply`](Self::apply) and
/// [`apply_snapshot`](Self::apply_snapshot)) or in parts as a client gets them off the wire, `I`
/// being what the wire calls a session.
///
/// Ids that are equal and are spelt differently name one user, or one topic. It spells each as it
/// was told last.
///
/// Published and directed presence are kept apart: only the former is what the sender says to all
/// its contacts, and only it is repeated by a snapshot.
///
/// Whatever comes in whatever order, it does not panic, and it holds at most as many sessions and
/// topics as it was made for, but at a takeover: another session of a user who is there already,
/// among contacts or in the topic, finds room as long as sessions alone are not more than that,
/// topics not counted, while no snapshot of those goes on. So whoever takes over from a session in
/// a replica that is just full is not missing when that ends, neither among contacts nor in any
/// topic; and the most that it ever holds is one session more for each of its topics, and one for
/// contacts.
///
/// Whoever tests a host holds a replica for each session and asks it whether it
/// [differs](Self::differs_from) from the engine.
pub struct Replica<K, P, I = SessionId, S = crate::hasher::DefaultHashBuilder> {
    users: Users<K>,
    hasher: S,
    /// Of each session; `None` stands for the one state of a user.
    beliefs: Beliefs<Option<I>, Belief<P>>,
    limit: usize,
    /// The number of the last snapshot that has begun.
    snapshot: u32,
    /// Whether one has begun and not ended.
    is_open: bool,
    /// Whether one of some users has begun and not ended.
    is_open_of_users: bool,
    /// The number of the last list of such users, that of a beginning or of an end.
    list: u32,
    /// Whether anything has found no room since the last one began.
    is_cut: bool,
    /// Whether everything that it had not repeated has made way for what it says.
    has_made_room: bool,
    is_visible: Option<bool>,
    topics: TopicBeliefs<K, P, I>,
}

/// How many names of a list of users are looked at.
const MAX_NAMES: usize = 1 << 20;

/// What a receiver believes of one session.
struct Belief<P> {
    /// The last list that has named its user.
    list: u32,
    published: Option<Said<P>>,
    directed: Option<Said<P>>,
    /// If the user is told as one and idle, since when.
    idle_since: Option<Time>,
}

struct Said<P> {
    presence: P,
    /// The last snapshot that had begun when it was said.
    snapshot: u32,
}

impl<P> Belief<P> {
    /// Returns whether there is anything in it.
    const fn is_any(&self) -> bool {
        self.published.is_some() || self.directed.is_some()
    }

    /// Forgets what was published and this snapshot has not repeated. Returns whether anything is
    /// left.
    fn is_left_by(&mut self, snapshot: u32) -> bool {
        self.published.take_if(|said| said.snapshot != snapshot);
        self.is_any()
    }
}

impl<P> Said<P> {
    fn of(said: &Option<Self>) -> Option<&P> {
        said.as_ref().map(|said| &said.presence)
    }
}

#[cfg(feature = "std")]
impl<K: Eq + Hash, P, I: Copy + Eq + Hash> Replica<K, P, I> {
    /// Returns a replica that believes in nobody, and never in more than `limit` sessions and
    /// topics, but for [one more](Replica) among contacts and in each topic at a takeover. A
    /// session counts once among contacts, and once in each topic.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self::with_hasher(limit, crate::hasher::DefaultHashBuilder::default())
    }
}

impl<K: Eq + Hash, P, I: Copy + Eq + Hash, S: BuildHasher> Replica<K, P, I, S> {
    /// Returns an empty replica with this hasher, as [`new`](Replica::new) does with the default
    /// one.
    #[must_use]
    pub fn with_hasher(limit: usize, hasher: S) -> Self {
        Self {
            users: Users::new(),
            hasher,
            beliefs: Beliefs::new(),
            limit,
            snapshot: 0,
            is_open: false,
            is_open_of_users: false,
            list: 0,
            is_cut: false,
            has_made_room: false,
            is_visible: None,
            topics: TopicBeliefs::new(),
        }
    }

    // ---- what it is told

    /// Records a session's presence.
    ///
    /// # Errors
    /// [`ReplicaFull`].
    pub fn set_presence(&mut self, user: K, session: I, presence: P) -> Result<(), ReplicaFull> {
        let snapshot = self.snapshot;
        self.belief_mut(user, Some(session))?.published = Some(Said { presence, snapshot });
        Ok(())
    }

    /// Records the one state of a user, and, if the user is idle, since when.
    ///
    /// # Errors
    /// [`ReplicaFull`].
    pub fn set_user(
        &mut self,
        user: K,
        presence: P,
        idle_since: Option<Time>,
    ) -> Result<(), ReplicaFull> {
        let snapshot = self.snapshot;
        let belief = self.belief_mut(user, None)?;
        belief.published = Some(Said { presence, snapshot });
        belief.idle_since = idle_since;
        Ok(())
    }

    /// Records a session's directed presence, in place of the one before.
    ///
    /// # Errors
    /// [`ReplicaFull`].
    pub fn set_directed(&mut self, user: K, session: I, presence: P) -> Result<(), ReplicaFull> {
        let snapshot = self.snapshot;
        self.belief_mut(user, Some(session))?.directed = Some(Said { presence, snapshot });
        Ok(())
    }

    /// Forgets what a session published: it shows nothing any more. What it directed here holds.
    pub fn end_published<Q>(&mut self, user: &Q, session: I)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.keep_session(user, session, |belief| {
            belief.published = None;
            belief.is_any()
        });
    }

    /// Forgets a session's directed presence.
    pub fn end_directed<Q>(&mut self, user: &Q, session: I)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.keep_session(user, session, |belief| {
            belief.directed = None;
            belief.is_any()
        });
    }

    /// Forgets what a user published: the replica's own session has stopped
    /// [watching](Engine::unwatch) it and is no contact's. What it directed here holds.
    pub fn forget<Q>(&mut self, user: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.keep(user, |held| {
            held.published = None;
            held.directed.is_some()
        });
    }

    /// Records whether the replica's own user is visible.
    pub const fn set_visible(&mut self, visible: bool) {
        self.is_visible = Some(visible);
    }

    /// Forgets a session.
    pub fn end_session<Q>(&mut self, user: &Q, session: I)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.keep_session(user, session, |_| false);
    }

    /// Forgets a user.
    pub fn end_user<Q>(&mut self, user: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.keep(user, |_| false);
    }

    /// Begins a snapshot of everything: what it does not repeat before
    /// [`end_snapshot`](Self::end_snapshot) is gone then, directed presence included, and so are
    /// all topics: those in which the session still is are told after it. Until that, what was
    /// believed still is, so that nobody seems to leave and return. (Unless there is no room: then
    /// what would be gone makes way for what is new, first the topics, and if that is not enough
    /// all that has not been repeated so far.)
    pub const fn begin_snapshot(&mut self) {
        self.snapshot = self.snapshot.wrapping_add(1);
        (self.is_open, self.is_open_of_users) = (true, false);
        (self.is_cut, self.has_made_room) = (false, false);
    }

    /// Ends the snapshot: forgets what it did not repeat.
    ///
    /// # Errors
    /// [`ReplicaFull`] if it said more than was taken in: everything that is held is true, but
    /// somebody is missing.
    pub fn end_snapshot(&mut self) -> Result<(), ReplicaFull> {
        self.forget_old();
        (self.is_open, self.is_open_of_users) = (false, false);
        self.topics.clear();
        if self.is_cut { Err(ReplicaFull) } else { Ok(()) }
    }

    /// Begins a snapshot of these users: of each of them, what it does not repeat before
    /// [`end_snapshot_of`](Self::end_snapshot_of) is gone then, directed presence excepted. Until
    /// that, what was believed still is, if there is room, as in one of
    /// [everything](Self::begin_snapshot); others than these users do not make way.
    ///
    /// The first 2^20 names are looked at, as many as the engine takes, and each user counts once.
    pub fn begin_snapshot_of<'q, Q>(&mut self, users: impl IntoIterator<Item = &'q Q>)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.begin_snapshot();
        (self.is_open, self.is_open_of_users) = (false, true);
        self.list = self.list.wrapping_add(1);
        let list = self.list;
        for user in users.into_iter().take(MAX_NAMES) {
            if let Some(user) = self.find_unlisted(user) {
                self.keep_of(user, |belief| {
                    belief.list = list;
                    true
                });
            }
        }
    }

    /// Returns a user who is known, unless the list at hand has named it before.
    fn find_unlisted<Q>(&self, user: &Q) -> Option<User>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let user = self.users.find(&self.hasher, user)?;
        let first = self.beliefs.at(self.beliefs.first_of(user)?);
        (first.belief.list != self.list).then_some(user)
    }

    /// Ends a snapshot of these users: forgets what it did not repeat of what they published. As
    /// many names are looked at as at its [beginning](Self::begin_snapshot_of).
    ///
    /// # Errors
    /// [`ReplicaFull`] if it said more than was taken in.
    pub fn end_snapshot_of<'q, Q>(
        &mut self,
        users: impl IntoIterator<Item = &'q Q>,
    ) -> Result<(), ReplicaFull>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.list = self.list.wrapping_add(1);
        let (list, snapshot) = (self.list, self.snapshot);
        for user in users.into_iter().take(MAX_NAMES) {
            if let Some(user) = self.find_unlisted(user) {
                self.keep_of(user, |belief| {
                    belief.list = list;
                    belief.is_left_by(snapshot)
                });
            }
        }
        (self.is_open, self.is_open_of_users) = (false, false);
        if self.is_cut { Err(ReplicaFull) } else { Ok(()) }
    }

    /// Forgets what the last snapshot, of everything, has not repeated.
    fn forget_old(&mut self) {
        let snapshot = self.snapshot;
        let keep = |belief: &mut Belief<P>| {
            belief.directed.take_if(|said| said.snapshot != snapshot);
            belief.is_left_by(snapshot)
        };
        self.beliefs.keep_all(keep, |user| self.users.release(user));
        self.users.drop_unused();
    }

    fn belief_mut(&mut self, user: K, session: Option<I>) -> Result<&mut Belief<P>, ReplicaFull> {
        let known = self.users.find(&self.hasher, &user);
        let at = known.and_then(|user| self.beliefs.find(&self.hasher, user, session));
        if at.is_none() {
            let may_take_over = known.is_some() && !self.is_open && !self.is_open_of_users;
            let takes_over = may_take_over && self.sessions() <= self.limit;
            if !takes_over && self.is_full() && !self.make_room() {
                self.is_cut = true;
                return Err(ReplicaFull);
            }
        }
        let user = intern_as_told(&mut self.users, &self.hasher, user)?;
        let at = at.unwrap_or_else(|| {
            self.users.retain(user);
            let list = self.list.wrapping_sub(1);
            let belief = Belief { list, published: None, directed: None, idle_since: None };
            self.beliefs.add(&self.hasher, user, session, belief)
        });
        self.users.forget_fresh();
        self.users.drop_unused();
        Ok(&mut self.beliefs.at_mut(at).belief)
    }

    fn find<Q>(&self, user: &Q, session: Option<I>) -> Option<At>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let user = self.users.find(&self.hasher, user)?;
        self.beliefs.find(&self.hasher, user, session)
    }

    /// Returns how much it holds of what its limit counts.
    const fn held(&self) -> usize {
        self.sessions() + self.topics.len()
    }

    /// Returns how many sessions it holds, of contacts and in topics.
    const fn sessions(&self) -> usize {
        self.beliefs.len() + self.topics.sessions()
    }

    const fn is_full(&self) -> bool {
        self.held() >= self.limit
    }

    /// Lets go of what the open snapshot is to drop. Returns whether there is room now.
    fn make_room(&mut self) -> bool {
        if self.is_open && !self.topics.is_empty() {
            self.topics.clear();
            if !self.is_full() {
                return true;
            }
        }
        if self.has_made_room {
            return false;
        }
        if self.is_open {
            self.has_made_room = true;
            self.forget_old();
        } else if self.is_open_of_users {
            self.has_made_room = true;
            let (list, snapshot) = (self.list, self.snapshot);
            // Those who have come since have nothing that it has not repeated.
            let keep = |belief: &mut Belief<P>| belief.list != list || belief.is_left_by(snapshot);
            self.beliefs.keep_all(keep, |user| self.users.release(user));
            self.users.drop_unused();
        }
        !self.is_full()
    }

    /// Gives back memory that only a past peak needed. Otherwise it keeps room for the names of as
    /// many users and topics as it ever knew at once; what it believes of them takes no more than
    /// four times what that needs, whatever it believed before.
    ///
    /// What is believed stays. Whoever is known keeps its place in the tables, and with it the
    /// segments that it lies in, some 25 KB where nobody else is near, and two bytes and some bits
    /// for each place before it: what a crowd took that has gone as a whole is given back to the
    /// last byte.
    ///
    /// # Costs
    /// It walks over everything, and may copy it: for the end of a snapshot after which it believes
    /// in far fewer than before, or a quiet moment, and not after every notice.
    pub fn shrink_to_fit(&mut self) {
        self.users.shrink_to_fit();
        self.beliefs.shrink_to_fit();
        self.topics.shrink_to_fit();
    }

    fn keep_session<Q>(&mut self, user: &Q, session: I, keep: impl FnOnce(&mut Belief<P>) -> bool)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(at) = self.find(user, Some(session)) {
            self.beliefs.keep_at(at, keep, |user| self.users.release(user));
            self.users.drop_unused();
        }
    }

    fn keep<Q>(&mut self, user: &Q, keep: impl FnMut(&mut Belief<P>) -> bool)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(user) = self.users.find(&self.hasher, user) {
            self.keep_of(user, keep);
        }
    }

    fn keep_of(&mut self, user: User, keep: impl FnMut(&mut Belief<P>) -> bool) {
        self.beliefs.keep_of(user, keep, |user| self.users.release(user));
        self.users.drop_unused();
    }

    // ---- what it can be asked

    /// Returns whether anything is known of this user.
    #[must_use]
    pub fn is_present<Q>(&self, user: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.users.find(&self.hasher, user).is_some()
    }

    /// Returns a user's sessions: which, the presence it publishes, and the last that it directed
    /// here. At least one of the two is there. In the order in which they were first heard of.
    pub fn sessions_of<Q>(&self, user: &Q) -> impl Iterator<Item = (I, Option<&P>, Option<&P>)>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let user = self.users.find(&self.hasher, user).into_iter();
        user.flat_map(|user| self.beliefs.of_user(user)).filter_map(|row| {
            Some((row.session?, Said::of(&row.belief.published), Said::of(&row.belief.directed)))
        })
    }

    /// Returns the one state of a user who is told as one
    /// ([`Notice::User`]), and, if the user is idle, since when.
    pub fn user<Q>(&self, user: &Q) -> Option<(&P, Option<Time>)>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let belief = &self.beliefs.at(self.find(user, None)?).belief;
        Some((Said::of(&belief.published)?, belief.idle_since))
    }

    /// Returns everyone of whom something is known, each once, in no particular order.
    pub fn users(&self) -> impl Iterator<Item = &K> {
        self.users.iter_known().map(|user| self.users.id(user))
    }

    /// Returns whether its own user is visible, if it has been told.
    #[must_use]
    pub const fn is_visible(&self) -> Option<bool> {
        self.is_visible
    }

    /// Returns the number of sessions it holds something of.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.beliefs.len()
    }

    /// Returns whether nobody is known to be present.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.beliefs.len() == 0
    }
}

impl<K: Eq + Hash + Clone, P: Clone, S: BuildHasher> Replica<K, P, SessionId, S> {
    /// Takes in a notice. Which of them it was sent is the caller's to know. A
    /// [`System`](Notice::System) notice changes nothing: it is about nobody.
    ///
    /// # Errors
    /// [`ReplicaFull`].
    pub fn apply(&mut self, notice: &Notice<'_, K, P>) -> Result<(), ReplicaFull> {
        match *notice {
            Notice::Presence { user, session, presence, .. } => {
                self.set_presence(user.clone(), session, presence.clone())
            }
            Notice::User { user, presence, idle_since, .. } => {
                self.set_user(user.clone(), presence.clone(), idle_since)
            }
            Notice::Directed { user, session, presence, .. } => {
                self.set_directed(user.clone(), session, presence.clone())
            }
            Notice::SessionEnded { user, session, .. } => {
                self.end_session(user, session);
                Ok(())
            }
            Notice::UserOffline { user, .. } => {
                self.end_user(user);
                Ok(())
            }
            Notice::DirectedOver { user, session, .. } => {
                self.end_directed(user, session);
                Ok(())
            }
            Notice::Withdrawn { user, session, .. } => {
                self.end_published(user, session);
                Ok(())
            }
            Notice::Visibility { visible, .. } => {
                self.set_visible(visible);
                Ok(())
            }
            Notice::System { .. } => Ok(()),
            _ => self.apply_in_topic(notice),
        }
    }

    /// Takes in a snapshot, or a part of one: as much of it as fits.
    ///
    /// # Errors
    /// [`ReplicaFull`] at the last part, if it said more than was taken in.
    pub fn apply_snapshot(&mut self, snapshot: &Snapshot<'_, K, P>) -> Result<(), ReplicaFull> {
        let is_whole = snapshot.scope() == Scope::Everything;
        match snapshot.is_first() {
            true if is_whole => self.begin_snapshot(),
            true => self.begin_snapshot_of(snapshot.named()),
            false => {}
        }
        self.set_visible(snapshot.is_visible());
        for Entry { user, session, presence, is_user, idle_since, .. } in snapshot.entries() {
            let (user, presence) = (user.clone(), presence.clone());
            // What finds no room is reported at the end.
            let _ = match is_user {
                true => self.set_user(user, presence, idle_since),
                false => self.set_presence(user, session, presence),
            };
        }
        match snapshot.is_last() {
            true if is_whole => self.end_snapshot(),
            true => self.end_snapshot_of(snapshot.named()),
            false => Ok(()),
        }
    }
}

impl<K: fmt::Debug, P: fmt::Debug, I: fmt::Debug, S> fmt::Debug for Replica<K, P, I, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for user in self.users.iter_known() {
            for row in self.beliefs.of_user(user) {
                let presence = (Said::of(&row.belief.published), Said::of(&row.belief.directed));
                map.entry(&(self.users.id(user), &row.session), &presence);
            }
        }
        map.finish()
    }
}
