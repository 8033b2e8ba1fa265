//! Topics: few, so that sessions meet there, and called as users are.

use crate::draw::{self, NAMED, SELDOM};
use crate::{Model, User};
use adsum::{Join, SessionKey, TopicBlocks, TopicKey, TopicOptions, View};

/// Topics that are joined.
const TOPICS: User = 2;

pub(crate) fn name(x: u8) -> User {
    User::from(x) % TOPICS
}

/// Draws a session that is to join a topic, mostly one that it is not in.
pub(crate) fn joined(model: &Model, who: u8, x: u8) -> (SessionKey, User) {
    let session = draw::attached(model, who);
    let mut free: Vec<User> = (0..TOPICS).collect();
    if let Ok(id) = model.find(session)
        && x < SELDOM
    {
        let own = model.topics_of(id);
        free.retain(|name| !own.contains(name));
    }
    match free.len() {
        0 => (session, name(x)),
        len => (session, free[usize::from(x) % len]),
    }
}

/// Draws as what, mostly a member that views all and shows what it publishes.
pub(crate) fn join(presence: u32, y: u8) -> Join<u32> {
    let view = if y % 4 < 2 { View::All } else { view(y / 16) };
    match y / 4 % 4 {
        0 => Join::Observer { view },
        1 => Join::Member { presence: Some(presence), view },
        _ => Join::Member { presence: None, view },
    }
}

pub(crate) fn view(y: u8) -> View {
    let views =
        [View::Nothing, View::Count, View::Sample(1), View::All, View::Sample(2), View::All];
    if y == u8::MAX { View::Sample(0) } else { views[usize::from(y) % views.len()] }
}

/// Draws a session and a topic that it is in; seldom another one, or a key that is stale or never
/// was.
pub(crate) fn in_topic(model: &Model, who: u8, x: u8) -> (SessionKey, TopicKey) {
    let is_in = |id| model.topics.values().any(|topic| topic.places.contains_key(&id));
    let ids: Vec<_> = model.sessions.iter().filter(|(id, _)| is_in(**id)).collect();
    let keys: Vec<SessionKey> = ids.iter().map(|(_, session)| session.key).collect();
    let session =
        draw::choose(model, who, |session| session.is_attached() && keys.contains(&session.key));
    let own = model.find(session).map_or(Vec::new(), |id| model.topics_of(id));
    let key = |name: &User| model.topics[name].key;
    let topic = match x {
        ..SELDOM if !own.is_empty() => Some(key(&own[usize::from(x) % own.len()])),
        ..0xf0 => model.topics.get(&name(x)).map(|topic| topic.key),
        0xf0..0xfa => model.stale_topics.last().copied(),
        _ => None,
    };
    let forged = TopicKey::from_bits((u64::from(x) + 1, u32::from(x) % 4));
    (session, topic.or(forged).expect("it is not zero"))
}

/// Draws nobody, one or a few, some of them twice.
pub(crate) fn looked_at(y: u8, z: u8) -> Vec<User> {
    let users = [y, z, y].map(|byte| User::from(byte) % NAMED);
    users.into_iter().take(usize::from(y / 64)).collect()
}

/// Draws a topic, and mostly somebody who is in it.
pub(crate) fn member(model: &Model, who: u8, x: u8) -> (User, User) {
    let topic = name(x);
    let places = model.topics.get(&topic).map(|topic| &topic.places);
    let users: Vec<User> =
        places.into_iter().flatten().map(|(id, _)| model.sessions[id].user).collect();
    match users.len() {
        len if len > 0 && who < SELDOM => (topic, users[usize::from(who) % len]),
        _ => (topic, User::from(who) % NAMED),
    }
}

/// Draws options for one topic; now and then such as there may not be.
pub(crate) fn topic_options(y: u8, z: u8) -> TopicOptions {
    let pick = |from: &[u32], byte: u8| from[usize::from(byte) % from.len()];
    TopicOptions {
        full_up_to: if z == u8::MAX { 0 } else { pick(&[1, 2, 3, 200], y) },
        sample: pick(&[1, 2, 3, 20], y / 4) as u16,
        coalesce_ms: if z == 0 { 60_001 } else { pick(&[0, 4, 0, 250], z) },
        max_members: pick(&[2, 3, 1, 1_000], z / 4),
        // Now and then where there are ticks, which it must not be.
        blocks: if y >= 0x80 { TopicBlocks::Hidden } else { TopicBlocks::Ignored },
    }
}
