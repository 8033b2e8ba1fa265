//! What this node says of a user to others: the way out of the cluster's door.

use crate::engine::Engine;
use crate::event::LostCause;
use crate::key::{DeviceKind, SessionId, SessionKey};
use crate::remote::{
    Origin, RemoteEnd, RemoteLists, RemoteLoss, RemoteMember, RemotePresence, RemoteSession,
    RemoteState,
};
use crate::rules::State;
use crate::tables::ids::{SessionIndex, User};
use crate::tables::topics::Mark;
use crate::time::Time;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};

/// A user as far as this node speaks of it: its sessions here, and the lists that this node knows.
pub struct LocalUser<'e, K, P, S> {
    state: &'e State<K, P, S>,
    user: User,
}

/// What this node says of one of its sessions.
#[derive(Debug)]
#[non_exhaustive]
pub struct LocalSession<'e, P> {
    /// The key of its attachment.
    pub key: SessionKey,
    /// Its id.
    pub id: SessionId,
    /// What kind of device it is on.
    pub kind: DeviceKind,
    /// When it connected.
    pub connected: Time,
    /// If it is detached: when and why it was lost, and when its grace is over.
    pub lost: Option<(Time, LostCause, Time)>,
    /// How often what it shows has changed.
    pub number: u64,
    /// What it shows.
    pub shown: Option<&'e P>,
    /// Since when it shows that, where [one state a user](Engine::with_representative) is told.
    pub published: Time,
    /// If that ends by itself, when and in what.
    pub until: Option<(Time, Option<&'e P>)>,
    /// If it is idle, when a person last did something on it.
    pub idle_since: Option<Time>,
}

/// What this node says of one of its sessions in a topic.
#[derive(Debug)]
#[non_exhaustive]
pub struct LocalMember<'e, K, P> {
    /// The topic's name.
    pub topic: &'e K,
    /// Whether it observes, and is no member.
    pub observes: bool,
    /// How often what it shows there has changed.
    pub number: u64,
    /// What it shows there. `None`: what it publishes.
    pub presence: Option<&'e P>,
}

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Returns what this node says of a user to others
    /// ([rule C1](crate::rules#rule-c1-who-speaks-for-a-session)); `None` if it is not online. One
    /// hash look-up.
    #[must_use]
    pub fn local_user<Q>(&self, user: &Q) -> Option<LocalUser<'_, K, P, S>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let user = self.state.tables().find_online(user)?;
        Some(LocalUser { state: &self.state, user })
    }

    /// Returns the state at this node of the next user of whom it has changed since that was
    /// returned last ([rule C2](crate::rules#rule-c2-numbers-without-gaps) numbers such states),
    /// once [`note_changes`](Self::note_changes) has been called; of a user who is offline by now
    /// it is that there are no sessions, and the engine has forgotten its lists: do not
    /// [send those](LocalUser::to_remote). `None` if nothing has changed. A user who has changed
    /// more than once is returned once.
    pub fn next_changed(&mut self) -> Option<LocalUser<'_, K, P, S>> {
        let user = self.state.next_changed()?;
        Some(LocalUser { state: &self.state, user })
    }

    /// Returns which node has a session, if another does: one that receivers here know by this id.
    /// O(1).
    #[must_use]
    pub fn origin_of(&self, id: SessionId) -> Option<Origin> {
        let tables = self.state.tables();
        let node = tables.origin_of(tables.sessions().find_id(id)?)?;
        Some(tables.origins().node(node).origin)
    }

    /// Returns which nodes have sessions of a user, each once for each session. One hash look-up,
    /// and O(1) for each.
    pub fn origins_of<Q>(&self, user: &Q) -> impl Iterator<Item = Origin>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let tables = self.state.tables();
        let sessions = tables.find_online(user).map_or(&[][..], |user| tables.sessions_of(user));
        sessions.iter().filter_map(|session| {
            let node = tables.origin_of(*session)?;
            let over = tables.remote(*session).is_some_and(|remote| remote.over.is_some());
            (!over).then_some(tables.origins().node(node).origin)
        })
    }
}

impl<'e, K: Eq + Hash, P, S: BuildHasher> LocalUser<'e, K, P, S> {
    /// Returns the user's id.
    #[must_use]
    pub fn id(&self) -> &'e K {
        self.state.tables().users().id(self.user)
    }

    /// Returns whether the user has a session at any node.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.state.tables().place(self.user).is_some()
    }

    /// Returns whether the user is visible.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.state.tables().is_visible(self.user)
    }

    /// Returns whether another node has a session of the user, one of which nothing is heard
    /// included. O(s) in the user's sessions.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        let tables = self.state.tables();
        let remotes = tables.sessions_of(self.user).iter().filter_map(|one| tables.remote(*one));
        remotes.into_iter().any(|remote| remote.over.is_none())
    }

    /// Returns the user's sessions at this node, in the order in which they connected.
    pub fn sessions(&self) -> impl Iterator<Item = LocalSession<'e, P>> {
        let state = self.state;
        self.own().map(move |session| describe(state, session))
    }

    /// Returns the topics in which one of these sessions is, in the order in which it joined them.
    pub fn topics_of(&self, id: SessionId) -> impl Iterator<Item = LocalMember<'e, K, P>> {
        let session = self.state.tables().sessions().find_id(id).into_iter();
        let user = Self { state: self.state, user: self.user };
        session.flat_map(move |session| user.members_of(session))
    }

    fn members_of(
        &self,
        session: SessionIndex,
    ) -> impl Iterator<Item = LocalMember<'e, K, P>> + use<'e, K, P, S> {
        let tables = self.state.tables();
        tables.topics_of(session).map(move |(topic, membership)| {
            let topics = tables.topics();
            LocalMember {
                topic: topics.name(topic),
                observes: !topics.is(membership, Mark::Member),
                number: tables.changed().number_in(membership),
                presence: topics.own_presence(membership),
            }
        })
    }

    fn own(&self) -> impl Iterator<Item = SessionIndex> + 'e {
        let tables = self.state.tables();
        let sessions = tables.sessions_of(self.user).iter().copied();
        sessions.filter(|session| tables.sessions().link(*session).is_local())
    }

    /// Returns all of it in the words in which it travels, times as durations
    /// ([rule C18](crate::rules#rule-c18-durations-travel)), for an engine that takes it by
    /// [`remote_state`](Engine::remote_state). `with_lists`: with what belongs to the user and not
    /// to this node ([rule C13](crate::rules#rule-c13-lists)). It clones every id and presence that
    /// it has.
    ///
    /// Ask for the lists only while the user [is online](Self::is_online). An engine forgets the
    /// lists of whoever goes offline, so with lists it says of such a user, whom only
    /// [`next_changed`](Engine::next_changed) returns, that both are empty and the user is not
    /// visible. Another engine that still has a session of the user would believe it: the user's
    /// contacts and blocks would be gone there, and the user would look offline. Without lists it
    /// goes on with those that it has:
    ///
    /// ```
    /// # use adsum::{Config, Connect, Engine, Time};
    /// # let now = Time::from_millis(0);
    /// # let mut engine = Engine::<&str, &str>::new(Config::default());
    /// # engine.note_changes();
    /// # let (ann, _) = engine.connect(now, Connect::new("ann").audience(["bob"]))?;
    /// # assert!(engine.next_changed().is_some());
    /// # engine.disconnect(now, ann)?;
    /// # let mut told = 0;
    /// while let Some(user) = engine.next_changed() {
    ///     let state = user.to_remote(now, user.is_online());
    ///     // send it to the other nodes
    /// #   assert!(state.lists.is_none() && state.sessions.is_empty());
    /// #   told += 1;
    /// }
    /// # assert_eq!(told, 1);
    /// # Ok::<(), adsum::Error>(())
    /// ```
    #[must_use]
    pub fn to_remote(&self, now: Time, with_lists: bool) -> RemoteState<K, P>
    where
        K: Clone,
        P: Clone,
    {
        let tables = self.state.tables();
        let id = |user: &User| tables.users().id(*user).clone();
        let lists = with_lists.then(|| RemoteLists {
            audience: tables.audience_of(self.user).iter().map(id).collect(),
            blocked: tables.blocked_by(self.user).iter().map(id).collect(),
            visible: self.is_visible(),
        });
        let described = self.own().map(|index| {
            let session = describe(self.state, index);
            RemoteSession {
                id: session.id,
                kind: session.kind,
                age_ms: now.since(session.connected),
                lost: session.lost.map(|(at, cause, ends)| RemoteLoss {
                    cause,
                    since_ms: now.since(at),
                    left_ms: ends.since(now),
                }),
                number: session.number,
                shown: session.shown.map(|presence| RemotePresence {
                    presence: presence.clone(),
                    age_ms: now.since(session.published),
                    until: session.until.map(|(until, then)| RemoteEnd {
                        left_ms: until.since(now),
                        then: then.cloned(),
                    }),
                }),
                idle_ms: session.idle_since.map(|since| now.since(since)),
                topics: self
                    .members_of(index)
                    .map(|member| RemoteMember {
                        topic: member.topic.clone(),
                        observes: member.observes,
                        number: member.number,
                        presence: member.presence.cloned(),
                    })
                    .collect(),
            }
        });
        // Room for just so many: a list that grows takes it for four at once, and one is usual.
        let mut sessions = Vec::with_capacity(self.own().count());
        sessions.extend(described);
        RemoteState { lists, sessions, ended: Vec::new() }
    }
}

fn describe<K: Eq + Hash, P, S: BuildHasher>(
    state: &State<K, P, S>,
    session: SessionIndex,
) -> LocalSession<'_, P> {
    let (tables, sessions) = (state.tables(), state.tables().sessions());
    let signs = tables.signs(session);
    LocalSession {
        key: sessions.key(session),
        id: sessions.id(session),
        kind: sessions.kind(session),
        connected: sessions.connected(session),
        lost: sessions.loss(session).map(|(at, cause)| (at, cause, state.grace_ends(session))),
        number: tables.changed().number(session),
        shown: sessions.presence(session),
        published: signs.published,
        until: state.shown_until(session),
        idle_since: signs.is_idle.then_some(signs.active),
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> fmt::Debug for LocalUser<'_, K, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalUser").field("visible", &self.is_visible()).finish_non_exhaustive()
    }
}
