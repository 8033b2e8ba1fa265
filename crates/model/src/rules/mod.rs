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
mod topic_ends;
mod topic_news;
mod topic_ticks;
mod topic_words;
mod topics;
mod users;
mod visibility;
mod watch;

use crate::host::Given;
use crate::{Event, Model, Output, User};
use adsum::Error;
use std::collections::BTreeSet;

impl Model {
    /// Carries out the verb that this event stands for. A connect, a resume and the first join of a
    /// topic need the names that the engine gave out for them.
    ///
    /// # Errors
    /// The verb's own.
    ///
    /// # Panics
    /// At an event that the model does not know.
    pub fn apply(
        &mut self,
        now: u64,
        event: &Event,
        given: impl Into<Given>,
    ) -> Result<Output, Error> {
        let Given { begun, topic, told, is_merged } = given.into();
        (self.heard, self.is_heard_merged) = (told, is_merged);
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
            Event::Join { session, topic: name, join } => {
                self.join(now, *session, *name, *join, topic)
            }
            Event::Update { session, topic, presence } => {
                self.update(now, *session, *topic, *presence)
            }
            Event::Leave { session, topic } => self.leave(now, *session, *topic),
            Event::Look { session, topic, view } => self.look(now, *session, *topic, *view),
            Event::LookAt { session, topic, users } => self.look_at(now, *session, *topic, users),
            Event::Say { session, topic, presence, for_ms } => {
                self.say(now, *session, *topic, *presence, *for_ms)
            }
            Event::Remove { topic, user } => Ok(self.remove(now, *topic, *user)),
            Event::Close { topic } => Ok(self.close_topic(now, *topic)),
            Event::TopicOptions { topic, options } => self.topic_options(now, *topic, *options),
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
            self.tell_new_states(out);
        }
        self.bound_missed();
        self.heard.clear();
        outcome
    }
}

/// Returns a list as a set, in which the user itself does not count.
fn without(list: &[User], user: User) -> BTreeSet<User> {
    list.iter().copied().filter(|other| *other != user).collect()
}
