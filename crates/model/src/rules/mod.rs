//! The verbs, one file a subject, each named as the engine's own: the same rules, written a second
//! time without looking there.

mod audience;
mod blocks;
mod congestion;
mod deadlines;
mod direct;
mod expiry;
mod farewell;
mod lifecycle;
mod limits;
mod publish;
mod users;
mod visibility;
mod watch;

use crate::{Attachment, Event, Model, Output, User};
use adsum::Error;
use std::collections::BTreeSet;

impl Model {
    /// Carries out the verb that this event stands for. A connect and a resume need the names that
    /// the engine gave out for them.
    ///
    /// # Errors
    /// The verb's own.
    ///
    /// # Panics
    /// At an event that the model does not know.
    pub fn apply(&mut self, now: u64, event: &Event, begun: Attachment) -> Result<Output, Error> {
        let mut outcome = match event {
            Event::Connect { user, kind, audience, blocked } => {
                self.connect(now, (*user, *kind), audience, blocked, begun)
            }
            Event::Disconnect { session } => self.disconnect(now, *session),
            Event::Lost { session, cause, grace_ms } => self.lost(now, *session, *cause, *grace_ms),
            Event::Resume { session } => self.resume(now, *session, begun),
            Event::Heartbeat { session } => self.heartbeat(now, *session),
            Event::Active { session } => self.active(now, *session),
            Event::Publish { session, presence } => self.publish(now, *session, *presence, None),
            Event::PublishUntil { session, presence, until, then } => {
                self.publish_until(now, *session, *presence, *until, *then)
            }
            Event::Withdraw { session } => self.withdraw(now, *session),
            Event::Direct { session, users, presence } => {
                self.direct(now, *session, users, *presence, None)
            }
            Event::DirectFor { session, users, presence, for_ms } => {
                self.direct(now, *session, users, *presence, Some(*for_ms))
            }
            Event::Watch { session, users } => self.watch(now, *session, users),
            Event::Unwatch { session, users } => self.unwatch(now, *session, users),
            Event::AudienceAdd { user, contacts } => self.audience_add(now, *user, contacts),
            Event::AudienceRemove { user, contacts } => self.audience_remove(now, *user, contacts),
            Event::AudienceReplace { user, contacts } => {
                self.audience_replace(now, *user, contacts)
            }
            Event::Block { user, other } => self.block(now, *user, *other),
            Event::Unblock { user, other } => self.unblock(now, *user, *other),
            Event::Invisible { session } => self.invisible(now, *session),
            Event::Visible { session } => self.visible(now, *session),
            Event::Congested { session } => self.congested(now, *session),
            Event::Writable { session } => self.writable(now, *session),
            Event::System { users, presence } => self.system(now, users, *presence),
            Event::Expel { user } => Ok(self.expel(now, *user)),
            Event::Advance => Ok(self.advance(now)),
            other => unreachable!("the model does not know {other:?}"),
        };
        if let Ok(out) = &mut outcome {
            self.settle_users(out);
        }
        self.bound_missed();
        outcome
    }
}

/// Returns a list as a set, in which the user itself does not count.
fn without(list: &[User], user: User) -> BTreeSet<User> {
    list.iter().copied().filter(|other| *other != user).collect()
}
