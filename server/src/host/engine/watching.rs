//! Who asks to be told of accounts that are no friends, and who no longer wants to be.

use adsum::{Error, Event, OfflineNotices, SessionKey, Slot, Time};
use adsum_tim::{Code, Kind, Tid, TimAck};

use super::core::Core;
use super::sessions::Entry;
use crate::host::command::{Node, Watch};
use crate::host::roster_messages::{ACTIVE, UNWATCH, WATCH};

impl Core {
    /// Has a session be told of these accounts. The answer comes when it has been told of each what
    /// there is to see now.
    pub(super) fn watch(&mut self, now: Time, watch: Watch) {
        let Watch { session, users } = watch;
        let result = self.engine.apply(now, Event::Watch { session, users });
        let result = result.map(|decisions| {
            self.dispatch.carry_out(decisions);
        });
        self.settle();
        self.answer(session, Kind::NODES, WATCH, result);
    }

    /// Has a session be told no more of these accounts, unless they are friends.
    pub(super) fn unwatch(&mut self, now: Time, watch: Watch) {
        let Watch { session, users } = watch;
        let named = users.clone();
        let result = self.engine.apply(now, Event::Unwatch { session, users: named });
        let result = result.map(|decisions| {
            self.dispatch.carry_out(decisions);
        });
        if result.is_ok() {
            for user in &users {
                self.forget_waiting(session, user);
            }
        }
        self.answer(session, Kind::NODES, UNWATCH, result);
    }

    /// Takes a client's word that a person did something.
    pub(super) fn person_did_something(&mut self, now: Time, session: SessionKey) {
        let result = self.active(now, session);
        self.answer(session, Kind::BUSINESS, ACTIVE, result);
    }

    /// Says that an account whom a session asked for shows it nothing: as if it were offline,
    /// whether it is, or is unseen, or does not exist.
    pub(super) fn show_nothing(&mut self, id: u64, user: &Node, to: &[Slot]) {
        let told = self.engine.options().offline_notices;
        let keys = self.keys(to);
        // To whom the user was there a moment ago is told otherwise, and not yet.
        let is_shown = keys.iter().any(|session| self.pending.concerns(user, *session));
        if told != OfflineNotices::Never && !is_shown {
            self.dispatch.send_offline(id, &Tid::of(user.as_ref()), to);
        }
    }

    /// Answers a request of this server's own.
    fn answer(&mut self, session: SessionKey, kind: Kind, asked: i32, result: Result<(), Error>) {
        let ack = match result {
            Ok(()) => TimAck { t: Some(asked.into()), ..TimAck::done(kind) },
            Err(error) => {
                self.metrics.refused(error);
                let code = match error {
                    Error::WatchLimit { .. } => Code::OverEntry,
                    _ => Code::Overload,
                };
                self.metrics.frame_refused(code.info());
                TimAck::refused(kind, code)
            }
        };
        let entry = self.dispatch.sessions.get(session);
        let Some(form) = entry.and_then(Entry::form) else { return };
        self.dispatch.send_frame(session, &ack.to_frame(form, Kind::ACK));
    }
}
