//! Receivers that cannot keep up (rule 14): they are sent nothing while congested, and the newest
//! state of what changed meanwhile afterwards. Both words are the host's about its own queue, not
//! the client's, so neither restarts a lease: a connection that hangs would stay for ever.

use crate::config::OfflineNotices;
use crate::error::Error;
use crate::fanout::plan::{FanOut, Step};
use crate::fanout::subject::{Span, Subject};
use crate::key::SessionKey;
use crate::rules::State;
use crate::tables::ids::{SessionIndex, User};
use crate::tables::missed::{Missed, MissedSession};
use crate::tables::sessions::Link;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn congested(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.attached(key)?;
        self.tables.set_congested(session, true);
        Ok(())
    }

    pub(crate) fn writable(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.attached(key)?;
        if self.tables.sessions().link(session) == Link::Congested {
            self.tables.set_congested(session, false);
            self.catch_up(session);
        }
        Ok(())
    }

    fn catch_up(&mut self, receiver: SessionIndex) {
        let Some(missed) = self.tables.sessions_mut().take_missed(receiver) else { return };
        let from = self.plan.names();
        self.plan.name(receiver);
        let to_receiver = self.plan.named_since(from);
        let sessions = missed.sessions();
        for of_user in sessions.chunk_by(|a, b| a.user == b.user) {
            self.catch_up_on(receiver, of_user, &missed, to_receiver);
        }
        for user in missed.offline() {
            if sessions.binary_search_by_key(user, |entry| entry.user).is_err() {
                self.tell_gone(receiver, *user, &[], true, to_receiver);
            }
        }
        missed.references().for_each(|user| self.plan.then(Step::Release { user }));
        self.tables.sessions_mut().put_missed(receiver, missed);
    }

    /// Tells of one user what changed. What is there comes first, so that a user who changed
    /// devices does not look offline in between.
    fn catch_up_on(
        &mut self,
        receiver: SessionIndex,
        of_user: &[MissedSession],
        missed: &Missed,
        to_receiver: Span,
    ) {
        let Some(MissedSession { user, .. }) = of_user.first().copied() else { return };
        let shows = self.shows_to(user, receiver);
        let sessions = self.tables.sessions();
        for entry in of_user {
            let session = sessions.find_id(entry.session);
            if let Some(session) = session.filter(|s| shows && sessions.has_published(*s)) {
                let subject = Subject::Presence { session, first: !entry.believed };
                self.plan.tell(FanOut::of(subject).to_named(to_receiver));
            }
        }
        let offline = missed.offline().binary_search(&user).is_ok();
        self.tell_gone(receiver, user, of_user, offline, to_receiver);
    }

    /// Tells which of the sessions that the receiver believed in no longer hold.
    fn tell_gone(
        &mut self,
        receiver: SessionIndex,
        user: User,
        of_user: &[MissedSession],
        offline: bool,
        to_receiver: Span,
    ) {
        let shows = self.shows_to(user, receiver);
        let sessions = self.tables.sessions();
        let viewer = sessions.user(receiver);
        let published = |session| sessions.has_published(session);
        let holds =
            |entry: &MissedSession| shows && sessions.find_id(entry.session).is_some_and(published);
        let mut gone = of_user.iter().filter(|entry| entry.believed && !holds(entry)).peekable();
        let notices = self.options.offline_notices;
        let knew_nothing = gone.peek().is_none();
        if knew_nothing && notices != OfflineNotices::ToAllContacts {
            return;
        }
        let sees_any = shows && self.tables.any_published(user);
        if offline && !sees_any && !self.tables.sees(viewer, user) {
            let subject = Subject::Offline { user, ended: Span::default() };
            self.plan.tell(FanOut::of(subject).to_named(to_receiver));
        } else if offline || notices != OfflineNotices::Never {
            // Under `Never`, only what may no longer be seen is told.
            for entry in gone {
                let subject = Subject::Ended { user, session: entry.session };
                self.plan.tell(FanOut::of(subject).to_named(to_receiver));
            }
        }
    }

    /// Returns whether the receiver sees what this user publishes: as a contact, or as one of its
    /// devices.
    fn shows_to(&self, user: User, receiver: SessionIndex) -> bool {
        let viewer = self.tables.sessions().user(receiver);
        if viewer == user { self.options.own_echo } else { self.tables.sees(viewer, user) }
    }
}
