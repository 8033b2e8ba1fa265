//! What an engine can be asked about topics.

use super::seen::{Seen, equal};
use crate::topics::Topic;
use crate::{Model, Payload, User};
use adsum::{Engine, SessionId, SessionKey, TopicKey, View};
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// Holds all topics against the model.
///
/// # Errors
/// The first answer that is not as the model says.
pub(super) fn check<P: Payload, S: BuildHasher>(
    engine: &Engine<User, P, S>,
    model: &Model,
) -> Result<(), String> {
    let mut names: Vec<User> = engine.topics().map(|topic| *topic.name()).collect();
    names.sort_unstable();
    equal("topics", names, model.topics.keys().copied().collect())?;
    for (name, topic) in &model.topics {
        let by_key = engine.topic_by_key(topic.key).map(|topic| *topic.name());
        equal("a topic by its key", by_key, Some(*name))?;
        check_topic(engine, model, *name, topic).map_err(|fault| format!("of {name}, {fault}"))?;
    }
    for key in &model.stale_topics {
        equal("a stale topic", engine.topic_by_key(*key).map(|topic| *topic.name()), None)?;
    }
    for (id, session) in &model.sessions {
        let own: Vec<User> = engine.topics_of(session.key).map(|topic| *topic.name()).collect();
        equal("topics_of", own, model.topics_of(*id))?;
    }
    Ok(())
}

fn check_topic<P: Payload, S: BuildHasher>(
    engine: &Engine<User, P, S>,
    model: &Model,
    name: User,
    expected: &Topic,
) -> Result<(), String> {
    let topic = engine.topic(&name).ok_or("it is not there")?;
    let standing = model.standing(name);
    let key: TopicKey = topic.key();
    equal("its key", key, expected.key)?;
    equal("its counts", topic.counts(), standing.counts)?;
    equal("its options", topic.options(), expected.options)?;
    equal("is_large", topic.is_large(), expected.is_large)?;
    equal("its users", topic.users().copied().collect(), expected.users())?;
    let of = |(user, id): (User, SessionId)| (user, id, model.shown_in(name, id));
    let all = standing.in_view(View::All, &BTreeSet::new()).into_iter().map(of);
    let members: Vec<_> = topic.members().collect();
    let seen = members.iter().map(|m| (*m.user, m.session, m.presence.map(Payload::said)));
    equal("its members", seen.collect::<Vec<_>>(), all.collect())?;
    for member in &members {
        let after: Vec<SessionId> =
            topic.members_after(member.cursor).map(|after| after.session).collect();
        let place = members.iter().rposition(|other| other.user == member.user).unwrap_or(0);
        let rest = members[place + 1..].iter().map(|other| other.session).collect();
        equal("members_after", after, rest)?;
    }
    let mut observers: Vec<_> = topic.observers().map(|session| Seen::of(&session)).collect();
    observers.sort_by_key(|seen| seen.id);
    let places = expected.places.iter().filter(|(_, place)| !place.is_member);
    let expected_observers = places.filter_map(|(id, _)| Seen::expected(model, *id));
    equal("its observers", observers, expected_observers.collect())?;
    let mut views: Vec<(SessionId, View)> =
        topic.sessions().map(|(session, view)| (session.id, view)).collect();
    views.sort_by_key(|(id, _)| *id);
    let expected_views = expected.places.iter().map(|(id, place)| (*id, place.view));
    equal("its sessions", views, expected_views.collect())?;
    for (id, session) in &model.sessions {
        check_place(&topic, model, (name, *id), session.key)?;
    }
    Ok(())
}

fn check_place<P: Payload, S: BuildHasher>(
    topic: &adsum::Topic<'_, User, P, S>,
    model: &Model,
    (name, id): (User, SessionId),
    key: SessionKey,
) -> Result<(), String> {
    let place = model.topics[&name].places.get(&id);
    equal("view", topic.view(key), place.map(|place| place.view))?;
    let mut named: Vec<User> = topic.looks_at(key).copied().collect();
    named.sort_unstable();
    let expected = place.map(|place| place.named.iter().copied().collect::<Vec<_>>());
    equal("looks_at", named, expected.unwrap_or_default())?;
    let is_member = place.is_some_and(|place| place.is_member);
    equal("is_member", topic.is_member(key), is_member)?;
    let is_seen = is_member && !model.is_invisible(model.sessions[&id].user);
    let presence = topic.presence(key).map(|presence| presence.map(Payload::said));
    equal("presence", presence, is_seen.then(|| model.shown_in(name, id)))
}
