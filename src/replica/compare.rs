//! In what a replica differs from what its session should know.

use crate::engine::Engine;
use crate::key::{SessionId, SessionKey};
use crate::queries::Session;
use crate::replica::Replica;
use core::fmt;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P: PartialEq, S: BuildHasher> Replica<K, P, SessionId, S> {
    /// Returns the first difference from what this session of the engine should know, `None` if
    /// there is none: promise 4, no ghosts, as a check for everyone who tests a host.
    ///
    /// Ask it of a session that is attached and not congested, when everything that was sent to it
    /// has been applied. The replica must hold each presence that is shown to the session by those
    /// in its user's own audience, by those it watches and by its user's other devices, or the one
    /// state of each user where the engine [chooses](Engine::with_representative) one; no published
    /// presence that the session may not see; and nothing at all, directed presence included, of a
    /// session that has ended. (Directed presence of one that is there may be held or not: a
    /// snapshot does not repeat it.)
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
        let beliefs =
            self.users().flat_map(|user| self.sessions_of(user).map(move |belief| (user, belief)));
        let mut wrong = beliefs.filter_map(|(user, (id, published, _))| {
            // What is held of a session that has ended is held for others than its own user's.
            let of = engine
                .record_by_id(id)
                .filter(|(of, is_held)| of.user == user && !(*is_held && of.user == receiver.user));
            let Some((of, _)) = of else { return Some(Difference::Ghost(id)) };
            let published = published?;
            if !may_see(engine, &receiver, &of) {
                return Some(Difference::Ghost(id));
            }
            (of.presence != Some(published)).then_some(Difference::Stale(id))
        });
        let wrong = wrong.next().or_else(|| self.wrong_user(engine, &receiver));
        wrong.or_else(|| self.missing(engine, &receiver))
    }

    /// Returns the first user whose one state is not as it is held.
    fn wrong_user<E: BuildHasher>(
        &self,
        engine: &Engine<K, P, E>,
        receiver: &Session<'_, K, P>,
    ) -> Option<Difference> {
        self.users().find_map(|user| {
            let held = self.user(user)?;
            let seen = engine
                .representative(user)
                .filter(|_| user != receiver.user && engine.session_sees(receiver.key, user));
            let Some((of, idle_since)) = seen else { return Some(Difference::GhostUser) };
            let is_right = of.presence == Some(held.0) && idle_since == held.1;
            (!is_right).then_some(Difference::Stale(of.id))
        })
    }

    /// Returns the first session of which it should hold something and does not.
    fn missing<E: BuildHasher>(
        &self,
        engine: &Engine<K, P, E>,
        receiver: &Session<'_, K, P>,
    ) -> Option<Difference> {
        let watched = || engine.watched(receiver.key);
        if engine.tells_users() {
            let others = engine.audience(receiver.user).chain(watched());
            let mut unknown = others.filter(|user| {
                engine.session_sees(receiver.key, *user) && self.user(*user).is_none()
            });
            if let Some((of, _)) = unknown.find_map(|user| engine.representative(user)) {
                return Some(Difference::Missing(of.id));
            }
        }
        let users = engine.audience(receiver.user).chain(watched()).chain([receiver.user]);
        let sessions = users.flat_map(|user| engine.sessions(user));
        let shown = sessions.filter_map(|key| engine.session(key));
        let held =
            engine.audience(receiver.user).chain(watched()).flat_map(|user| engine.held_of(user));
        let mut missing = shown.chain(held).filter(|of| {
            let belief = self.sessions_of(of.user).find(|(id, ..)| *id == of.id);
            let published = belief.and_then(|(_, published, _)| published);
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
    let is_seen = if of.user == receiver.user {
        engine.options().own_echo && of.id != receiver.id
    } else {
        !engine.tells_users() && engine.session_sees(receiver.key, of.user)
    };
    of.presence.is_some() && is_seen
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
    /// it may not see.
    Ghost(SessionId),
    /// It holds the one state of a user who shows nothing, or whom it may not see.
    GhostUser,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSession => f.write_str("the engine has no such session"),
            Self::Missing(id) => write!(f, "{id:?} shows something that is not held"),
            Self::Stale(id) => write!(f, "{id:?} shows something else than is held"),
            Self::Ghost(id) => write!(f, "{id:?} is a ghost"),
            Self::GhostUser => f.write_str("a user is a ghost"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Options};
    use crate::connect::Connect;
    use crate::hasher::DefaultHashBuilder;
    use crate::time::Time;

    const USERS: [(&str, u32); 3] = [("ann", 1), ("bob", 2), ("cyd", 3)];

    /// What is wrong with a replica of cyd's that holds these states of users. Ann shows 1 to cyd,
    /// bob shows 2 to nobody, and cyd shows 3 to ann.
    fn difference(held: &[(&'static str, u32, Option<Time>)]) -> Option<Difference> {
        let (config, hasher) = (Config::new(Options::default()), DefaultHashBuilder::default());
        let config = config.expect("the options are in range");
        let mut engine = Engine::with_representative(config, hasher, |_| 0);
        let keys = USERS.map(|(user, presence)| {
            let audience = ["ann", "cyd"].into_iter().filter(|_| user != "bob");
            let (key, decisions) = engine
                .connect(Time::ZERO, Connect::new(user).audience(audience))
                .expect("no limit");
            decisions.for_each(|_| {});
            engine.publish(Time::ZERO, key, presence).expect("it is attached").for_each(|_| {});
            key
        });
        let mut replica = Replica::new(8);
        for (user, presence, idle_since) in held {
            replica.set_user(*user, *presence, *idle_since).expect("there is room");
        }
        replica.differs_from(&engine, keys[2])
    }

    #[test]
    fn the_one_state_of_each_user_is_held_if_it_may_be_seen() {
        let [of_ann, idle] = [("ann", 1, None), ("ann", 1, Some(Time::ZERO))];
        assert_eq!(difference(&[of_ann]), None);
        assert!(matches!(difference(&[]), Some(Difference::Missing(_))));
        assert!(matches!(difference(&[("ann", 3, None)]), Some(Difference::Stale(_))));
        assert!(matches!(difference(&[idle]), Some(Difference::Stale(_))));
        for unseen in [("bob", 2, None), ("cyd", 3, None), ("dan", 4, None)] {
            assert_eq!(difference(&[of_ann, unseen]), Some(Difference::GhostUser), "{unseen:?}");
        }
    }
}
