//! The other end: what one receiver believes.

use crate::engine::Engine;
use crate::key::{SessionId, SessionKey};
use crate::notice::Notice;
use crate::queries::Session;
use crate::snapshot::{Entry, Scope, Snapshot};
use crate::tables::Users;
use crate::tables::ids::User;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};

/// What one session knows of others: it applies what the session is sent, and can be asked who is
/// present with what.
///
/// A client keeps one, and so do the engine's own tests, which hold it against the truth. It takes
/// notices as the engine makes them ([`apply`](Self::apply) and
/// [`apply_snapshot`](Self::apply_snapshot)) or in parts as a client gets them off the wire, `I`
/// being what the wire calls a session.
///
/// Published and directed presence are kept apart: only the former is what the sender says to all
/// its contacts, and only it is repeated by a snapshot.
///
/// Whatever comes in whatever order, it does not panic, and it holds at most as many sessions as it
/// was made for. Whoever tests a host holds a replica for each session and asks it whether it
/// [differs](Self::differs_from) from the engine.
pub struct Replica<K, P, I = SessionId, S = crate::hasher::DefaultHashBuilder> {
    users: Users<K>,
    hasher: S,
    /// By user; empty for those of whom nothing is known.
    held: Vec<Vec<Held<P, I>>>,
    sessions: usize,
    limit: usize,
    /// The number of the last snapshot that has begun.
    snapshot: u32,
    /// Whether one has begun and not ended.
    is_open: bool,
    /// Whether one of some users has begun and not ended.
    is_open_of_users: bool,
    /// Whether the last one said more than was taken in.
    is_cut: bool,
    /// Where to look next for somebody whom an open snapshot has not repeated.
    next_old: u32,
    is_visible: Option<bool>,
}

struct Held<P, I> {
    session: I,
    published: Option<Said<P>>,
    directed: Option<Said<P>>,
}

struct Said<P> {
    presence: P,
    /// The last snapshot that had begun when it was said.
    snapshot: u32,
}

impl<P> Said<P> {
    fn of(said: &Option<Self>) -> Option<&P> {
        said.as_ref().map(|said| &said.presence)
    }
}

/// The replica holds as many sessions as it was made for, and was told of another. A notice changes
/// nothing then, and what it said is lost. Of a snapshot as much is taken in as fits, and what it
/// does not repeat is gone all the same: the replica holds no ghosts, but not everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaFull;

impl fmt::Display for ReplicaFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the replica holds as many sessions as it was made for")
    }
}

impl core::error::Error for ReplicaFull {}

#[cfg(feature = "std")]
impl<K: Eq + Hash, P, I: Copy + Eq> Replica<K, P, I> {
    /// Returns a replica that believes in nobody, and never in more than `limit` sessions.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self::with_hasher(limit, crate::hasher::DefaultHashBuilder::default())
    }
}

impl<K: Eq + Hash, P, I: Copy + Eq, S: BuildHasher> Replica<K, P, I, S> {
    /// Returns an empty replica with this hasher, as [`new`](Replica::new) does with the default
    /// one.
    #[must_use]
    pub fn with_hasher(limit: usize, hasher: S) -> Self {
        Self {
            users: Users::new(),
            hasher,
            held: Vec::new(),
            sessions: 0,
            limit,
            snapshot: 0,
            is_open: false,
            is_open_of_users: false,
            is_cut: false,
            next_old: 0,
            is_visible: None,
        }
    }

    // ---- what it is told

    /// Records a session's presence.
    ///
    /// # Errors
    /// [`ReplicaFull`].
    pub fn set_presence(&mut self, user: K, session: I, presence: P) -> Result<(), ReplicaFull> {
        let snapshot = self.snapshot;
        self.held_mut(user, session)?.published = Some(Said { presence, snapshot });
        Ok(())
    }

    /// Records a session's directed presence, in place of the one before.
    ///
    /// # Errors
    /// [`ReplicaFull`].
    pub fn set_directed(&mut self, user: K, session: I, presence: P) -> Result<(), ReplicaFull> {
        let snapshot = self.snapshot;
        self.held_mut(user, session)?.directed = Some(Said { presence, snapshot });
        Ok(())
    }

    /// Forgets what a session published: it shows nothing any more. What it directed here holds.
    pub fn end_published<Q>(&mut self, user: &Q, session: I)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.keep(user, |held| {
            if held.session == session {
                held.published = None;
            }
            held.published.is_some() || held.directed.is_some()
        });
    }

    /// Forgets a session's directed presence.
    pub fn end_directed<Q>(&mut self, user: &Q, session: I)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.keep(user, |held| {
            if held.session == session {
                held.directed = None;
            }
            held.published.is_some() || held.directed.is_some()
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
        self.keep(user, |held| held.session != session);
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
    /// [`end_snapshot`](Self::end_snapshot) is gone then, directed presence included. Until that,
    /// what was believed still is, so that nobody seems to leave and return. (Unless there is no
    /// room: then those who have not been repeated make way for those who are new.)
    pub const fn begin_snapshot(&mut self) {
        self.snapshot = self.snapshot.wrapping_add(1);
        (self.is_open, self.is_open_of_users) = (true, false);
        self.is_cut = false;
        self.next_old = 0;
    }

    /// Ends the snapshot: forgets what it did not repeat.
    ///
    /// # Errors
    /// [`ReplicaFull`] if it said more than was taken in: everything that is held is true, but
    /// somebody is missing.
    pub fn end_snapshot(&mut self) -> Result<(), ReplicaFull> {
        let snapshot = self.snapshot;
        for user in (0..self.held.len() as u32).map(User) {
            self.keep_of(user, |held| {
                held.published.take_if(|said| said.snapshot != snapshot);
                held.directed.take_if(|said| said.snapshot != snapshot);
                held.published.is_some() || held.directed.is_some()
            });
        }
        (self.is_open, self.is_open_of_users) = (false, false);
        if self.is_cut { Err(ReplicaFull) } else { Ok(()) }
    }

    /// Begins a snapshot of some users: of each of them, what it does not repeat before
    /// [`end_snapshot_of`](Self::end_snapshot_of) is gone then, directed presence excepted.
    pub const fn begin_snapshot_of_users(&mut self) {
        self.begin_snapshot();
        // Nobody makes way: others than those users are not in it.
        (self.is_open, self.is_open_of_users) = (false, true);
    }

    /// Ends a snapshot of these users: forgets what it did not repeat of what they published.
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
        let snapshot = self.snapshot;
        for user in users {
            self.keep(user, |held| {
                held.published.take_if(|said| said.snapshot != snapshot);
                held.published.is_some() || held.directed.is_some()
            });
        }
        self.is_open_of_users = false;
        if self.is_cut { Err(ReplicaFull) } else { Ok(()) }
    }

    fn held_mut(&mut self, user: K, session: I) -> Result<&mut Held<P, I>, ReplicaFull> {
        let known = self.users.find(&self.hasher, &user);
        let place = known.and_then(|user| {
            self.held[user.0 as usize].iter().position(|held| held.session == session)
        });
        if place.is_none() && self.sessions >= self.limit && !self.make_room() {
            self.is_cut |= self.is_open || self.is_open_of_users;
            return Err(ReplicaFull);
        }
        let user = self.users.intern(&self.hasher, user).ok_or(ReplicaFull)?;
        if self.held.len() <= user.0 as usize {
            self.held.resize_with(user.0 as usize + 1, Vec::new);
        }
        let of_user = &mut self.held[user.0 as usize];
        let place = place.unwrap_or_else(|| {
            self.users.retain(user);
            self.sessions += 1;
            of_user.push(Held { session, published: None, directed: None });
            of_user.len() - 1
        });
        self.users.forget_fresh();
        Ok(&mut of_user[place])
    }

    /// Lets go of a session that the open snapshot has not repeated. Returns whether there was one.
    fn make_room(&mut self) -> bool {
        let snapshot = self.snapshot;
        let is_old = |held: &Held<P, I>| {
            let said =
                |said: &Option<Said<P>>| said.as_ref().is_some_and(|s| s.snapshot == snapshot);
            !said(&held.published) && !said(&held.directed)
        };
        while self.is_open && self.limit > 0 && (self.next_old as usize) < self.held.len() {
            let user = User(self.next_old);
            if let Some(at) = self.held[user.0 as usize].iter().position(is_old) {
                self.held[user.0 as usize].remove(at);
                self.sessions -= 1;
                self.users.release(user);
                self.users.bury();
                return true;
            }
            self.next_old += 1;
        }
        false
    }

    fn keep<Q>(&mut self, user: &Q, keep: impl FnMut(&mut Held<P, I>) -> bool)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(user) = self.users.find(&self.hasher, user) {
            self.keep_of(user, keep);
        }
    }

    fn keep_of(&mut self, user: User, keep: impl FnMut(&mut Held<P, I>) -> bool) {
        let of_user = &mut self.held[user.0 as usize];
        let before = of_user.len();
        of_user.retain_mut(keep);
        for _ in of_user.len()..before {
            self.sessions -= 1;
            self.users.release(user);
        }
        self.users.bury();
    }

    // ---- what it can be asked

    /// Returns whether anything is known of this user.
    #[must_use]
    pub fn is_present<Q>(&self, user: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.sessions_of(user).next().is_some()
    }

    /// Returns a user's sessions: which, the presence it publishes, and the last that it directed
    /// here. At least one of the two is there. In the order in which they were first heard of.
    pub fn sessions_of<Q>(&self, user: &Q) -> impl Iterator<Item = (I, Option<&P>, Option<&P>)>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let user = self.users.find(&self.hasher, user);
        let of_user = user.map_or(&[][..], |user| &self.held[user.0 as usize]);
        of_user
            .iter()
            .map(|held| (held.session, Said::of(&held.published), Said::of(&held.directed)))
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
        self.sessions
    }

    /// Returns whether nobody is known to be present.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sessions == 0
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
            true => self.begin_snapshot_of_users(),
            false => {}
        }
        self.set_visible(snapshot.is_visible());
        for Entry { user, session, presence, .. } in snapshot.entries() {
            // What finds no room is reported at the end.
            let _ = self.set_presence(user.clone(), session, presence.clone());
        }
        match snapshot.is_last() {
            true if is_whole => self.end_snapshot(),
            true => self.end_snapshot_of(snapshot.named()),
            false => Ok(()),
        }
    }
}

impl<K: Eq + Hash, P: PartialEq, S: BuildHasher> Replica<K, P, SessionId, S> {
    /// Returns the first difference from what this session of the engine should know, `None` if
    /// there is none: promise 4, no ghosts, as a check for everyone who tests a host.
    ///
    /// Ask it of a session that is attached and not congested, when everything that was sent to it
    /// has been applied. The replica must hold each presence that is shown to the session by those
    /// in its user's own audience, by those it watches and by its user's other devices; no published presence that the
    /// session may not see; and nothing at all, directed presence included, of a session that has
    /// ended. (Directed presence of one that is there may be held or not: a snapshot does not
    /// repeat it.)
    ///
    /// Under [`OfflineNotices::Never`](crate::OfflineNotices::Never) there are ghosts, and they are
    /// reported; without [snapshots at connect](crate::Options::snapshot_on_connect) the replica
    /// knows too little, and that is reported.
    ///
    /// # Costs
    /// Three look-ups and a search for each contact, and for each session held.
    pub fn differs_from<E: BuildHasher>(
        &self,
        engine: &Engine<K, P, E>,
        session: SessionKey,
    ) -> Option<Difference> {
        let Some(receiver) = engine.session(session) else { return Some(Difference::NoSession) };
        let held =
            self.users().flat_map(|user| self.sessions_of(user).map(move |held| (user, held)));
        let mut wrong = held.filter_map(|(user, (id, published, _))| {
            // What is held of a session that has ended is held for others than its own user's.
            let of = engine
                .shown_by_id(id)
                .filter(|(of, is_held)| of.user == user && !(*is_held && of.user == receiver.user));
            let Some((of, _)) = of else { return Some(Difference::Ghost(id)) };
            let published = published?;
            if !may_see(engine, &receiver, &of) {
                return Some(Difference::Ghost(id));
            }
            (of.presence != Some(published)).then_some(Difference::Stale(id))
        });
        wrong.next().or_else(|| self.missing(engine, &receiver))
    }

    /// Returns the first session of which it should hold something and does not.
    fn missing<E: BuildHasher>(
        &self,
        engine: &Engine<K, P, E>,
        receiver: &Session<'_, K, P>,
    ) -> Option<Difference> {
        let watched = || engine.watched(receiver.key);
        let users = engine.audience(receiver.user).chain(watched()).chain([receiver.user]);
        let sessions = users.flat_map(|user| engine.sessions(user));
        let shown = sessions.filter_map(|key| engine.session(key));
        let held =
            engine.audience(receiver.user).chain(watched()).flat_map(|user| engine.held_of(user));
        let mut missing = shown.chain(held).filter(|of| {
            let held = self.sessions_of(of.user).find(|(id, ..)| *id == of.id);
            let published = held.and_then(|(_, published, _)| published);
            published.is_none() && may_see(engine, receiver, of)
        });
        missing.next().map(|of| Difference::Missing(of.id))
    }
}

/// Returns whether a session shows something to a receiver.
fn may_see<K: Eq + Hash, P, E: BuildHasher>(
    engine: &Engine<K, P, E>,
    receiver: &Session<'_, K, P>,
    of: &Session<'_, K, P>,
) -> bool {
    let in_sight = if of.user == receiver.user {
        engine.options().own_echo && of.id != receiver.id
    } else {
        engine.session_sees(receiver.key, of.user)
    };
    of.presence.is_some() && in_sight
}

/// In what a [`Replica`] differs from an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Difference {
    /// The engine has no such session.
    NoSession,
    /// It holds no published presence of this session, and should.
    Missing(SessionId),
    /// It holds another presence of this session than the one it shows.
    Stale(SessionId),
    /// It holds something of this session, which has ended, or a published presence of it, which
    /// is out of its sight.
    Ghost(SessionId),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSession => f.write_str("the engine has no such session"),
            Self::Missing(id) => write!(f, "{id:?} shows something that is not held"),
            Self::Stale(id) => write!(f, "{id:?} shows something else than is held"),
            Self::Ghost(id) => write!(f, "{id:?} is a ghost"),
        }
    }
}

impl<K: fmt::Debug, P: fmt::Debug, I: fmt::Debug, S> fmt::Debug for Replica<K, P, I, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for user in self.users.iter_known() {
            for held in &self.held[user.0 as usize] {
                let presence = (Said::of(&held.published), Said::of(&held.directed));
                map.entry(&(self.users.id(user), &held.session), &presence);
            }
        }
        map.finish()
    }
}
