//! Who is told of users without being in their audience (rules 21 to 24).

use crate::error::Error;
use crate::fanout::subject::Subject;
use crate::key::SessionKey;
use crate::rules::State;
use crate::tables::ids::{SessionIndex, User};
use crate::tables::sessions::Link;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn watch(
        &mut self,
        key: SessionKey,
        users: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        let session = self.attached(key)?;
        let limit = self.options.max_watched;
        let [mut named, mut new] = core::mem::take(&mut self.scratch);
        let own = self.tables.sessions().user(session);
        let result = match self.tables.intern_named(users, limit, own, &mut named) {
            Ok(true) => {
                let is_new = |user: &&User| !self.tables.does_watch(session, **user);
                new.extend(named.iter().filter(is_new));
                let is_more = |user: &&User| !self.tables.has_asked_for(session, **user);
                let more = new.iter().filter(is_more).count();
                if self.tables.asked_for(session) + more > limit as usize {
                    Err(Error::WatchLimit { limit })
                } else {
                    self.watch_new(session, &named, &new);
                    Ok(())
                }
            }
            Ok(false) => Err(Error::WatchLimit { limit }),
            Err(full) => Err(full.into()),
        };
        named.clear();
        new.clear();
        self.scratch = [named, new];
        result
    }

    /// Has a session watch those who are new among those named, and shows it all who are named.
    fn watch_new(&mut self, session: SessionIndex, named: &[User], new: &[User]) {
        self.renew_lease(session);
        self.tables.fetch_all_shown(named);
        if self.tables.sessions().link(session) == Link::Attached {
            self.tables.add_watches(session, new);
            self.plan.send_snapshot_of_named(session);
            return;
        }
        // Congested: of those whom it saw before, it may hold what they showed then.
        for user in named {
            if self.tables.session_sees(session, *user) {
                self.note_shown(session, *user, false);
            }
        }
        self.tables.add_watches(session, new);
        for user in new {
            if self.tables.is_visible(*user) && self.tables.sees_by_watch(session, *user) {
                self.note_shown(session, *user, true);
            }
        }
    }

    /// Notes that a congested session is to be told what a user shows.
    fn note_shown(&mut self, receiver: SessionIndex, user: User, first: bool) {
        let Some(place) = self.tables.place(user) else { return };
        if self.tells_users() {
            if self.tables.representative(user).is_some() {
                let subject = Subject::User { user, first };
                self.plan.note_missed(&mut self.tables, receiver, subject);
            }
            return;
        }
        for nth in 0..self.tables.record_count_at(place) {
            let session = self.tables.record_at(place, nth);
            if self.tables.sessions().has_published(session) {
                let subject = Subject::Presence { session, first };
                self.plan.note_missed(&mut self.tables, receiver, subject);
            }
        }
    }

    pub(crate) fn unwatch<'q, Q>(
        &mut self,
        key: SessionKey,
        users: impl IntoIterator<Item = &'q Q>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        let session = self.attached(key)?;
        let limit = self.options.max_watched;
        let mut named = core::mem::take(&mut self.scratch[0]);
        let mut users = users.into_iter();
        self.tables.find_all(users.by_ref().take(limit as usize), |_, user| {
            if self.tables.has_asked_for(session, user) {
                named.push(user);
            }
        });
        let result = if users.next().is_some() {
            Err(Error::WatchLimit { limit })
        } else {
            named.sort_unstable();
            named.dedup();
            self.unwatch_old(session, &named);
            Ok(())
        };
        named.clear();
        self.scratch[0] = named;
        result
    }

    /// Ends watches of a session, silently, and forgets what it was to be told of those users only
    /// because of them.
    fn unwatch_old(&mut self, session: SessionIndex, users: &[User]) {
        self.renew_lease(session);
        self.tables.remove_watches(session, users);
        let viewer = self.tables.sessions().user(session);
        for user in users {
            if !self.tables.has_in_audience(*user, viewer) {
                self.tables.forget_watched_notes(session, *user);
            }
        }
    }
}
