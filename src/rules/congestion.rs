//! Receivers that cannot keep up (rule 14): they are sent nothing while congested, and the newest
//! state of what changed meanwhile afterwards. Both words are the host's about its own queue, not
//! the client's, so neither restarts a lease: a connection that hangs would stay for ever.

use crate::config::OfflineNotices;
use crate::error::Error;
use crate::fanout::plan::FanOut;
use crate::fanout::subject::{Span, Subject};
use crate::key::{SessionId, SessionKey};
use crate::rules::State;
use crate::tables::ids::{SessionIndex, User};
use crate::tables::missed::Change;
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
            let missed = self.tables.sessions().missed(session);
            let everything = missed.is_some_and(|missed| missed.is_everything());
            self.tables.set_congested(session, false);
            self.catch_up(session);
            self.catch_up_on_topics(session, everything);
        }
        Ok(())
    }

    /// Tells a session what it missed: of one user after the other, or everything.
    fn catch_up(&mut self, receiver: SessionIndex) {
        let Some(missed) = self.tables.sessions_mut().take_missed(receiver) else { return };
        let from = self.plan.named_len();
        self.plan.name_receiver(receiver);
        let to_receiver = self.plan.named_since(from);
        if missed.is_everything() {
            self.plan.send_snapshot(receiver);
        } else {
            let mut entries = missed.entries().peekable();
            while let Some((user, ..)) = entries.peek().copied() {
                let of_user = core::iter::from_fn(|| entries.next_if(|(of, ..)| *of == user));
                self.catch_up_on(receiver, user, of_user, to_receiver);
            }
            if missed.own_visibility {
                let user = self.tables.sessions().user(receiver);
                self.plan.tell(FanOut::of(Subject::Visibility { user }).to_named(to_receiver));
            }
        }
        self.tables.put_caught_up(receiver, missed);
    }

    /// Tells of one user what changed. What is there comes first, so that a user who changed
    /// devices does not look offline in between.
    fn catch_up_on(
        &mut self,
        receiver: SessionIndex,
        user: User,
        of_user: impl Iterator<Item = (User, Option<SessionId>, Change)>,
        to_receiver: Span,
    ) {
        let mut changes = core::mem::take(&mut self.changes);
        let mut offline = None;
        for (_, session, change) in of_user {
            match session {
                Some(session) => changes.push((session, change)),
                None => offline = Some(change),
            }
        }
        changes.sort_unstable_by_key(|(_, change)| change.nth);
        for (id, change) in changes.iter().filter(|(_, change)| change.shown) {
            let first = change.is_first();
            let subject = match self.find_seen(user, *id, receiver) {
                Some(_) if *id == SessionId::OF_USER => Subject::User { user, first },
                Some(session) => Subject::Presence { session, first },
                None => continue,
            };
            self.plan.tell(FanOut::of(subject).to_named(to_receiver));
        }
        self.catch_up_on_ends(receiver, user, &changes, offline, to_receiver);
        changes.clear();
        self.changes = changes;
    }

    /// Tells which of the sessions that the receiver believed in are over.
    fn catch_up_on_ends(
        &mut self,
        receiver: SessionIndex,
        user: User,
        changes: &[(SessionId, Change)],
        offline: Option<Change>,
        to_receiver: Span,
    ) {
        let is_gone = |state: &Self, (id, change): &(SessionId, Change)| {
            change.ended && state.find_seen(user, *id, receiver).is_none()
        };
        let notices = self.options.offline_notices;
        let knew = offline.is_some_and(|change| change.ended)
            || changes.iter().any(|change| is_gone(self, change));
        let to_all = notices == OfflineNotices::ToAllContacts;
        let is_seen = self.tables.session_sees(receiver, user)
            && (!self.tells_users() || self.tables.representative(user).is_some());
        let looks_offline = offline.is_some() && !is_seen;
        if looks_offline && (to_all || knew) {
            let subject = Subject::Offline { user, ended: Span::default() };
            self.plan.tell(FanOut::of(subject).to_named(to_receiver));
            return;
        }
        if offline.is_some_and(|change| change.ended) {
            // It is seen again before it was told: it goes on believing what is over.
            let attachment = self.tables.sessions().attachment(receiver);
            self.tables.add_unaware(user, &[attachment]);
        }
        for (id, change) in changes {
            let (is_gone, is_shown) =
                (is_gone(self, &(*id, *change)), self.find_seen(user, *id, receiver).is_some());
            let is_own = self.tables.sessions().user(receiver) == user;
            let mut tell = |subject| self.plan.tell(FanOut::of(subject).to_named(to_receiver));
            if is_gone {
                // Under `Never`, only what may no longer be seen is told.
                let is_told = offline.is_some() || notices != OfflineNotices::Never;
                match () {
                    () if !is_told => {}
                    // Where contacts are told one state of the user, they know no session but by
                    // what it directed to them.
                    () if self.represent.is_some() && !is_own => {
                        tell(Subject::DirectedOver { user, session: *id });
                    }
                    () => tell(Subject::SessionEnded { user, session: *id }),
                }
                continue;
            }
            if change.withdrawn && !is_shown {
                tell(Subject::Withdrawn { user, session: *id });
            }
            // It ended with what was seen then, and the session is seen again, or still.
            if change.is_of_directed() {
                tell(Subject::DirectedOver { user, session: *id });
            }
        }
    }

    /// Returns the session of this id, if the receiver sees what it shows: as one of the user's
    /// devices, which see nothing of what is held, or as another's. Others that are told one state
    /// of the user see whichever session speaks for it.
    fn find_seen(&self, user: User, id: SessionId, receiver: SessionIndex) -> Option<SessionIndex> {
        let (tables, sessions) = (&self.tables, self.tables.sessions());
        let session = if sessions.user(receiver) == user {
            sessions.find_id(id).filter(|_| self.options.own_echo)
        } else if !tables.session_sees(receiver, user) {
            None
        } else if self.tells_users() {
            let voice = tables.representative(user).filter(|_| id == SessionId::OF_USER);
            voice.map(|(session, _)| session)
        } else {
            sessions.find_record(id)
        };
        session.filter(|session| sessions.has_published(*session))
    }
}
