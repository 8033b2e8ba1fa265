//! What a receiver believes of topics, held against the truth.

use crate::topics::Service;
use crate::{Event, Model, User};
use adsum::{Replica, SessionId, SessionKey, View};

/// A topic that a session leaves or looks away from by the input at hand.
pub(super) type Left = Option<(SessionKey, User)>;

/// Returns which topic a session is about to leave, or to look away from.
pub(super) fn left_by(model: &Model, event: &Event) -> Left {
    match event {
        Event::Leave { session, topic }
        | Event::Look { session, topic, .. }
        | Event::LookAt { session, topic, .. } => {
            let mut topics = model.topics.iter();
            let topic = topics.find(|(_, of)| of.key == *topic);
            topic.map(|(name, _)| (*session, *name))
        }
        _ => None,
    }
}

/// Returns whether a session views nothing of a topic, or is not in it: then it forgets that by
/// itself.
pub(super) fn forgets(model: &Model, session: SessionKey, name: User) -> bool {
    let Ok(id) = model.find_attached(session) else { return false };
    let topic = model.topics.get(&name);
    let views = topic.and_then(|topic| Some(topic.service(topic.places.get(&id)?)));
    views.is_none_or(|service| service == Service::Never)
}

/// Checks that it believes of each topic what is so, unless a tick is to tell it something, and
/// knows no other.
pub(super) fn check(
    replica: &Replica<User, u32>,
    model: &Model,
    id: SessionId,
) -> Result<(), String> {
    let own = model.topics_of(id);
    if let Some(name) = replica.topics().find(|name| !own.contains(name)) {
        return Err(format!("in topic {name}, which it is not in"));
    }
    for name in own {
        check_topic(replica, model, name, id)
            .and_then(|()| check_said(replica, model, name))
            .map_err(|fault| format!("of topic {name}, {fault}"))?;
    }
    Ok(())
}

fn check_topic(
    replica: &Replica<User, u32>,
    model: &Model,
    name: User,
    id: SessionId,
) -> Result<(), String> {
    let topic = &model.topics[&name];
    let place = &topic.places[&id];
    let (service, view) = (topic.service(place), topic.served(place));
    if topic.tick(service).is_some() {
        return Ok(());
    }
    let told = replica.topic_counts(&name);
    let Some((counts, shown)) = told else {
        let is_right = service == Service::Never;
        return is_right.then_some(()).ok_or_else(|| "nothing".into());
    };
    if service == Service::Never {
        return Err(format!("{told:?}, of which it views nothing"));
    }
    let is_counted = matches!(view, View::Count | View::Sample(_));
    let expected = model.standing_for(name, id).counts;
    if shown != view || is_counted && counts != expected {
        return Err(format!("{told:?}, which is {view:?}, {expected:?}"));
    }
    let members = replica.members(&name);
    let mut members: Vec<_> = members.map(|(user, id, said)| (*user, id, said.copied())).collect();
    let mut truth = model.truth_in(name, id);
    members.sort_unstable();
    truth.sort_unstable();
    if members == truth { Ok(()) } else { Err(format!("{members:?}, which is {truth:?}")) }
}

/// Checks that whatever it holds of what was said there has been said by somebody who is there, and
/// is not over.
fn check_said(replica: &Replica<User, u32>, model: &Model, name: User) -> Result<(), String> {
    for (user, id, said) in replica.said(&name) {
        let place = model.topics[&name].places.get(&id);
        if place.is_none_or(|place| place.said.is_none()) {
            return Err(format!("{said}, which {user} with {id:?} does not say any more"));
        }
    }
    Ok(())
}
