//! Who begins to see a user, and who sees it no more (rules 8 to 10).

use crate::error::Error;
use crate::fanout::plan::FanOut;
use crate::fanout::subject::Subject;
use crate::key::SessionKey;
use crate::rules::State;
use crate::rules::farewell::Going;
use crate::tables::ids::{Place, SessionIndex, User};
use crate::tables::missed::Note;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    // ---- to some, by a list that changed

    /// Tells `viewers` what the user's sessions say now, as far as they may see it. If they are
    /// contacts only from now on, those of their sessions that watch the user know it.
    pub(super) fn show_to(&mut self, user: User, viewers: &[User], are_new: bool) {
        let Some(place) = self.tables.place(user) else { return };
        if self.tables.shown_records_at(place).next().is_none() {
            return;
        }
        let tells_users = self.tells_users();
        let of_user = Subject::User { user, first: true };
        let from = self.plan.named_len();
        for viewer in viewers {
            for nth in 0..self.tables.sessions_of(*viewer).len() {
                let receiver = self.tables.sessions_of(*viewer)[nth];
                let knows = are_new && self.tables.does_watch(receiver, user);
                if knows || !self.tables.session_sees(receiver, user) {
                    continue;
                }
                let receives = self.tables.receives_or(receiver, |tables| {
                    if tells_users {
                        return self.plan.note_missed(tables, receiver, of_user);
                    }
                    for nth in 0..tables.record_count_at(place) {
                        let session = tables.record_at(place, nth);
                        if tables.sessions().has_published(session) {
                            let subject = Subject::Presence { session, first: true };
                            self.plan.note_missed(tables, receiver, subject);
                        }
                    }
                });
                if receives {
                    self.plan.name_receiver(receiver);
                }
            }
        }
        let receivers = self.plan.named_since(from);
        if tells_users {
            return self.plan.tell(FanOut::of(of_user).to_named(receivers));
        }
        for session in self.tables.shown_records_at(place) {
            let subject = Subject::Presence { session, first: true };
            self.plan.tell(FanOut::of(subject).to_named(receivers));
        }
    }

    /// Tells those of `viewers` who know something of a user, before they see it no more, that it
    /// is offline, and forgets that its directed presence reached them.
    pub(super) fn hide_from(&mut self, user: User, viewers: &[User]) {
        let Some(place) = self.tables.place(user) else { return };
        let (subject, shows) = self.offline_subject(place);
        let from = self.plan.named_len();
        for viewer in viewers {
            for nth in 0..self.tables.sessions_of(*viewer).len() {
                let receiver = self.tables.sessions_of(*viewer)[nth];
                let sees = shows && self.tables.session_sees(receiver, user);
                let was_told = self.forget_told(place, receiver);
                let attachment = self.tables.sessions().attachment(receiver);
                let unaware = self.tables.forget_unaware(user, attachment);
                let receives = self.tables.receives_or(receiver, |tables| {
                    if sees {
                        self.plan.note_missed(tables, receiver, subject);
                    }
                    if unaware {
                        tables.note(receiver, user, Note::Offline { unaware });
                    }
                });
                if receives && (sees || unaware || was_told) {
                    self.plan.name_receiver(receiver);
                }
            }
        }
        self.plan.tell(FanOut::of(subject).to_named(self.plan.named_since(from)));
    }

    /// Forgets that directed presence of the user's sessions reached this receiver, and returns
    /// whether any did. If the receiver is congested, notes that it must hear that this is over.
    fn forget_told(&mut self, place: Place, receiver: SessionIndex) -> bool {
        let user = self.tables.user_at(place);
        let attachment = self.tables.sessions().attachment(receiver);
        let mut any = false;
        for nth in 0..self.tables.record_count_at(place) {
            let session = self.tables.record_at(place, nth);
            if self.tables.sessions_mut().forget_told(session, attachment) {
                any = true;
                let id = self.tables.sessions().id(session);
                self.tables.receives_or(receiver, |tables| {
                    tables.note(receiver, user, Note::DirectedEnded { session: id });
                    tables.note(receiver, user, Note::Offline { unaware: false });
                });
            }
        }
        any
    }

    // ---- to all contacts, by the user's wish

    /// Makes a user invisible. To contacts it must look like a logout, so they hear what a logout
    /// would have told them.
    pub(crate) fn invisible(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.renew_lease_of(key)?;
        self.hide_from_all(self.tables.sessions().place(session), Some(session));
        Ok(())
    }

    pub(super) fn hide_from_all(&mut self, place: Place, except: Option<SessionIndex>) {
        if self.tables.is_visible_at(place) {
            let user = self.tables.user_at(place);
            self.say_farewell(place, Going::LooksOffline);
            self.remember_unaware(place, None);
            self.tables.set_visible(place, false);
            self.hide_in_topics(place);
            self.tell_own(user, place, except);
        }
    }

    /// Makes a user visible again: contacts are told what it shows now.
    pub(crate) fn visible(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.renew_lease_of(key)?;
        self.show_to_all(self.tables.sessions().place(session), Some(session));
        Ok(())
    }

    pub(super) fn show_to_all(&mut self, place: Place, except: Option<SessionIndex>) {
        if self.tables.is_visible_at(place) {
            return;
        }
        self.tables.set_visible(place, true);
        let user = self.tables.user_at(place);
        let is_watched = self.tables.is_watched_at(place);
        if self.tells_users() {
            if self.tables.representative(user).is_some() {
                let subject = Subject::User { user, first: true };
                self.plan.tell(FanOut::of(subject).to_viewers_of(place, is_watched));
            }
            self.show_in_topics(place);
            return self.tell_own(user, place, except);
        }
        for session in self.tables.shown_records_at(place) {
            let subject = Subject::Presence { session, first: true };
            self.plan.tell(FanOut::of(subject).to_viewers_of(place, is_watched));
        }
        self.show_in_topics(place);
        self.tell_own(user, place, except);
    }

    /// Tells the user's other sessions whether it is visible: a person's devices agree on whether
    /// they are seen.
    fn tell_own(&mut self, user: User, place: Place, except: Option<SessionIndex>) {
        if self.tables.sessions_at(place).len() > 1 {
            let subject = Subject::Visibility { user };
            self.plan.tell(FanOut::of(subject).to_own_sessions_of(place, except));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, OfflineNotices, Options};
    use crate::connect::Connect;
    use crate::decision::Decision;
    use crate::engine::Engine;
    use crate::hasher::tests::Plain;
    use crate::notice::Notice;
    use crate::time::Time;
    use alloc::vec::Vec;

    /// Rule 7: nobody is told of ends, so whoever may believe in what has ended is told when it
    /// sees no more. Whom a block kept from seeing it believes nothing.
    #[test]
    fn a_removal_tells_those_who_may_believe_what_is_over_and_nobody_else() {
        const ANN: u32 = 0;
        const BOB: u32 = 1;
        const EVE: u32 = 2;
        let (offline_notices, settle_ms) = (OfflineNotices::Never, 0);
        let config = Config::new(Options { offline_notices, settle_ms, ..Options::default() });
        let config = config.expect("they are in range");
        let mut engine = Engine::<u32, u32, Plain>::with_hasher(config, Plain);
        let now = Time::ZERO;
        let mut connect = |user, audience: &[u32], blocked: &[u32]| {
            let (audience, blocked) = (audience.iter().copied(), blocked.iter().copied());
            let newcomer = Connect::new(user).audience(audience).blocked(blocked);
            engine.connect(now, newcomer).expect("there is room").0
        };
        let [bob, _eve] = [BOB, EVE].map(|user| connect(user, &[], &[]));
        let [shown, _other] = [(); 2].map(|()| connect(ANN, &[BOB, EVE], &[EVE]));
        drop(engine.publish(now, shown, 7).expect("it is attached"));
        engine.disconnect(now, shown).expect("it is attached").for_each(|decision| {
            assert!(matches!(decision, Decision::Ended { .. }), "{decision:?}");
        });
        let mut told = Vec::new();
        let decisions = engine.audience_remove(now, &ANN, &[BOB, EVE]);
        decisions.expect("she is there").for_each(|decision| match decision {
            Decision::Deliver { notice: Notice::UserOffline { user: &ANN, .. }, to } => {
                told.extend_from_slice(to);
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(told, [bob.slot()]);
    }
}
