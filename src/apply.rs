//! Drives an engine by events instead of verbs.

use crate::connect::Connect;
use crate::decisions::Decisions;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::time::Time;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Gives the verb that this event stands for.
    ///
    /// # Errors
    /// The verb's own.
    pub fn apply(
        &mut self,
        now: Time,
        event: Event<K, P>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        match event {
            Event::Connect { user, kind, audience, blocked } => {
                let connect = Connect { user, kind, audience, blocked };
                self.connect(now, connect).map(|(_, decisions)| decisions)
            }
            Event::Disconnect { session } => self.disconnect(now, session),
            Event::Lost { session, cause, grace_ms } => match grace_ms {
                Some(grace_ms) => self.lost_with_grace(now, session, cause, grace_ms),
                None => self.lost(now, session, cause),
            },
            Event::Resume { session } => self.resume(now, session).map(|(_, decisions)| decisions),
            Event::Heartbeat { session } => self.heartbeat(now, session),
            Event::Active { session } => self.active(now, session),
            Event::Publish { session, presence } => self.publish(now, session, presence),
            Event::PublishUntil { session, presence, until, then } => {
                self.publish_until(now, session, presence, until, then)
            }
            Event::Withdraw { session } => self.withdraw(now, session),
            Event::Direct { session, users, presence } => {
                self.direct(now, session, &users, presence)
            }
            Event::DirectFor { session, users, presence, for_ms } => {
                self.direct_for(now, session, &users, presence, for_ms)
            }
            Event::Watch { session, users } => self.watch(now, session, users),
            Event::Unwatch { session, users } => self.unwatch(now, session, &users),
            Event::Join { session, topic, join } => {
                self.join(now, session, topic, join).map(|(_, decisions)| decisions)
            }
            Event::Update { session, topic, presence } => {
                self.update(now, session, topic, presence)
            }
            Event::Leave { session, topic } => self.leave(now, session, topic),
            Event::Look { session, topic, view } => self.look(now, session, topic, view),
            Event::LookAt { session, topic, users } => self.look_at(now, session, topic, users),
            Event::Say { session, topic, presence, for_ms } => {
                self.say(now, session, topic, presence, for_ms)
            }
            Event::Remove { topic, user } => Ok(self.remove(now, &topic, &user)),
            Event::Close { topic } => Ok(self.close(now, &topic)),
            Event::TopicOptions { topic, options } => self.topic_options(now, &topic, options),
            Event::AudienceAdd { user, contacts } => self.audience_add(now, &user, contacts),
            Event::AudienceRemove { user, contacts } => self.audience_remove(now, &user, &contacts),
            Event::AudienceReplace { user, contacts } => {
                self.audience_replace(now, &user, contacts)
            }
            Event::Block { user, other } => self.block(now, &user, other),
            Event::Unblock { user, other } => self.unblock(now, &user, &other),
            Event::Invisible { session } => self.invisible(now, session),
            Event::Visible { session } => self.visible(now, session),
            Event::Congested { session } => self.congested(now, session),
            Event::Writable { session } => self.writable(now, session),
            Event::System { users, presence } => self.system(now, &users, presence),
            Event::Expel { user } => Ok(self.expel(now, &user)),
            Event::Advance => Ok(self.advance(now)),
        }
    }
}
