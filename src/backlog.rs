//! Receivers that cannot keep up (rule 14): they are sent nothing while congested, and the newest
//! state of what changed meanwhile afterwards. Both words are the host's about its own queue, not
//! the client's, so neither restarts a lease: a connection that hangs would stay for ever.

use crate::config::OfflineNotices;
use crate::missed::{Missed, MissedSession};
use crate::sessions::{Link, SessionIndex};
use crate::state::State;
use crate::users::User;
use crate::work::{About, Span, Step, Tell};
use crate::{Error, SessionKey};
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn congested(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.attached(key)?;
        self.sessions.get_mut(session).link = Link::Congested;
        let user = self.sessions.user(session);
        self.update_reach(user);
        Ok(())
    }

    pub(crate) fn writable(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.attached(key)?;
        let record = self.sessions.get_mut(session);
        if record.link == Link::Congested {
            record.link = Link::Attached;
            let user = self.sessions.user(session);
            self.update_reach(user);
            self.catch_up(session);
        }
        Ok(())
    }

    fn catch_up(&mut self, receiver: SessionIndex) {
        let Some(extras) = self.sessions.extras_mut(receiver) else { return };
        let mut missed = core::mem::take(&mut extras.missed);
        let from = self.work.listed.len();
        self.work.listed.push(receiver);
        let to_receiver = self.work.listed_from(from);
        let sessions = missed.sessions();
        for of_user in sessions.chunk_by(|a, b| a.user == b.user) {
            self.catch_up_on(receiver, of_user, &missed, to_receiver);
        }
        for user in missed.offline() {
            if sessions.binary_search_by_key(user, |entry| entry.user).is_err() {
                self.tell_gone(receiver, *user, &[], true, to_receiver);
            }
        }
        let users = sessions.iter().map(|entry| entry.user).chain(missed.offline().iter().copied());
        users.for_each(|user| self.work.then(Step::Release { user }));
        missed.clear();
        self.sessions.extras_or_new(receiver).missed = missed;
    }

    /// What is there comes first, so that a user who changed devices does not look offline in
    /// between.
    fn catch_up_on(
        &mut self,
        receiver: SessionIndex,
        of_user: &[MissedSession],
        missed: &Missed,
        to_receiver: Span,
    ) {
        let Some(MissedSession { user, .. }) = of_user.first().copied() else { return };
        let shows = self.shows_to(user, receiver);
        for entry in of_user {
            let session = self.sessions.find(entry.session);
            if let Some(session) = session.filter(|session| shows && self.has_published(*session)) {
                let about = About::Presence { session, first: !entry.believed };
                self.work.tell(Tell::new(about).listed(to_receiver));
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
        let viewer = self.sessions.user(receiver);
        let sessions = &self.sessions;
        let published = |session| sessions.rest(session).presence.is_some();
        let holds =
            |entry: &MissedSession| shows && sessions.find(entry.session).is_some_and(published);
        let mut gone = of_user.iter().filter(|entry| entry.believed && !holds(entry)).peekable();
        let notices = self.options.offline_notices;
        let knew_nothing = gone.peek().is_none();
        if knew_nothing && notices != OfflineNotices::ToAllContacts {
            return;
        }
        let sees_any = shows && self.any_published(user);
        if offline && !sees_any && !self.sees(viewer, user) {
            let about = About::Offline { user, gone: Span::default() };
            self.work.tell(Tell::new(about).listed(to_receiver));
        } else if offline || notices != OfflineNotices::Never {
            // Under `Never`, only what may no longer be seen is told.
            for entry in gone {
                let about = About::Ended { user, session: entry.session };
                self.work.tell(Tell::new(about).listed(to_receiver));
            }
        }
    }

    /// Does the receiver see what this user publishes: as a contact, or as one of its devices?
    fn shows_to(&self, user: User, receiver: SessionIndex) -> bool {
        let viewer = self.sessions.user(receiver);
        if viewer == user { self.options.own_echo } else { self.sees(viewer, user) }
    }
}
