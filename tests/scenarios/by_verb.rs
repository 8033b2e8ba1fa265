//! Events as the verbs that they stand for.

use crate::counted::{Id, Presence, Seeded};
use adsum::{Connect, Decisions, Engine, Error, Event, Time};

/// Calls the verb that an event stands for.
pub(crate) fn by_verb(
    engine: &mut Engine<Id, Presence, Seeded>,
    now: Time,
    event: Event<Id, Presence>,
) -> Result<Decisions<'_, Id, Presence, Seeded>, Error> {
    match event {
        Event::Connect { user, kind, audience, blocked } => {
            let connect = Connect::new(user).kind(kind).audience(audience).blocked(blocked);
            let (key, decisions) = engine.connect(now, connect)?;
            assert_eq!(decisions.session(), Some(key));
            Ok(decisions)
        }
        Event::Disconnect { session } => engine.disconnect(now, session),
        Event::Lost { session, cause, grace_ms: None } => engine.lost(now, session, cause),
        Event::Lost { session, cause, grace_ms: Some(grace_ms) } => {
            engine.lost_with_grace(now, session, cause, grace_ms)
        }
        Event::Resume { session } => {
            let (key, decisions) = engine.resume(now, session)?;
            assert_eq!(decisions.session(), Some(key));
            Ok(decisions)
        }
        Event::Heartbeat { session } => engine.heartbeat(now, session),
        Event::Active { session } => engine.active(now, session),
        Event::Publish { session, presence } => engine.publish(now, session, presence),
        Event::PublishUntil { session, presence, until, then } => {
            engine.publish_until(now, session, presence, until, then)
        }
        Event::Withdraw { session } => engine.withdraw(now, session),
        Event::DirectFor { session, users, presence, for_ms } => {
            engine.direct_for(now, session, &users, presence, for_ms)
        }
        Event::Direct { session, users, presence } => engine.direct(now, session, &users, presence),
        Event::Watch { session, users } => engine.watch(now, session, users),
        Event::Unwatch { session, users } => engine.unwatch(now, session, &users),
        Event::AudienceAdd { user, contacts } => engine.audience_add(now, &user, contacts),
        Event::AudienceRemove { user, contacts } => engine.audience_remove(now, &user, &contacts),
        Event::AudienceReplace { user, contacts } => engine.audience_replace(now, &user, contacts),
        Event::Block { user, other } => engine.block(now, &user, other),
        Event::Unblock { user, other } => engine.unblock(now, &user, &other),
        Event::Invisible { session } => engine.invisible(now, session),
        Event::Visible { session } => engine.visible(now, session),
        Event::Congested { session } => engine.congested(now, session),
        Event::Writable { session } => engine.writable(now, session),
        Event::System { users, presence } => engine.system(now, &users, presence),
        Event::Expel { user } => Ok(engine.expel(now, &user)),
        Event::Join { session, topic, join } => Ok(engine.join(now, session, topic, join)?.1),
        Event::Update { session, topic, presence } => engine.update(now, session, topic, presence),
        Event::Leave { session, topic } => engine.leave(now, session, topic),
        Event::Look { session, topic, view } => engine.look(now, session, topic, view),
        Event::LookAt { session, topic, users } => engine.look_at(now, session, topic, users),
        Event::Say { session, topic, presence, for_ms } => {
            engine.say(now, session, topic, presence, for_ms)
        }
        Event::Remove { topic, user } => Ok(engine.remove(now, &topic, &user)),
        Event::Close { topic } => Ok(engine.close(now, &topic)),
        Event::TopicOptions { topic, options } => engine.topic_options(now, &topic, options),
        Event::Advance => Ok(engine.advance(now)),
        other => panic!("no verb is known for {other:?}"),
    }
}
