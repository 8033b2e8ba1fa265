//! A replica that is told anything at all, by a server that may be hostile: it must hold no more
//! than it was made for, and say of itself what is so. Whatever it was told, a whole snapshot makes
//! it right again.

mod names;
mod pair;
mod server;
mod truth;

use crate::hasher::Constant;
use adsum::{SessionId, Time, TopicCounts};
use names::{OWN_SESSIONS, TOPICS, USERS, view};
use pair::Pair;
use server::Server;
use std::hash::{BuildHasher, RandomState};

/// Tells a replica what these bytes stand for; says how many inputs there were.
///
/// # Panics
/// Where the replica is not as it should be.
pub fn run(bytes: &[u8]) -> u64 {
    let (first, told) = bytes.split_first().unwrap_or((&0, &[]));
    let limit = usize::from(first / 2 % 8);
    let speaks = Speaks { of_users: first / 16 % 2 == 1, of_topics: first / 32 % 2 == 1 };
    if first % 2 == 0 {
        tell(Pair::new(limit, RandomState::new()), speaks, told)
    } else {
        tell(Pair::new(limit, Constant), speaks, told)
    }
}

/// Whether one state of each user is told, and whether topics are.
#[derive(Clone, Copy)]
struct Speaks {
    of_users: bool,
    of_topics: bool,
}

fn tell<S: BuildHasher>(mut pair: Pair<S>, speaks: Speaks, told: &[u8]) -> u64 {
    let told = told.as_chunks::<3>().0;
    let mut server = Server::new(speaks.of_users);
    for [verb, whom, presence] in told.iter().copied() {
        let (user, session) = (whom % USERS, own_session(whom / USERS % OWN_SESSIONS));
        match verb % 8 {
            0 => pair.set_presence(user, session, presence),
            1 => pair.set_directed(user, session, presence),
            2 => pair.end_session(user, session),
            3 => pair.end_user(user),
            4 => pair.begin_snapshot(),
            5 => pair.end_snapshot(),
            // Of those that are told of the server's decisions, a few in their parts.
            6 if presence >= 0xf8 => pair.end_published(user, session),
            6 if presence >= 0xf0 => pair.end_directed(user, session),
            6 if presence >= 0xe8 => pair.set_visible(presence % 2 == 0),
            6 if presence >= 0xe5 => pair.forget(user),
            6 if presence >= 0xe2 => pair.begin_snapshot_of(&[user, (user + presence) % USERS]),
            6 if presence >= 0xdc => pair.end_snapshot_of(&[user, (user + presence) % USERS]),
            6 if presence >= 0xd8 => pair.set_user(user, presence, idle_since(whom / USERS)),
            6 if speaks.of_topics => tell_of_topic(&mut pair, verb / 8, (user, session), presence),
            7 if speaks.of_topics && verb / 8 < 10 => {
                server.speak_of_topic(&mut pair, verb / 8, whom, presence);
            }
            _ => server.speak(&mut pair, verb / 8, whom, presence),
        }
        pair.check();
    }
    recover(&mut pair);
    told.len() as u64
}

/// Tells something of a topic, in its parts.
fn tell_of_topic<S: BuildHasher>(
    pair: &mut Pair<S>,
    verb: u8,
    (user, session): (u8, SessionId),
    presence: u8,
) {
    let (topic, presence) = (presence % TOPICS, presence / TOPICS);
    match verb {
        0..3 => pair.begin_topic_snapshot(topic, view(presence)),
        3..6 => pair.end_topic_snapshot(topic),
        6..12 => {
            let presence = (presence % 4 > 0).then_some(presence);
            pair.set_member(topic, (user, session), presence);
        }
        12..15 => pair.set_said(topic, (user, session), presence),
        15 => pair.end_said(topic, (user, session)),
        16 | 17 => pair.end_member_session(topic, (user, session)),
        18 | 19 => pair.end_member(topic, user),
        20 => pair.forget_topic(topic),
        21 => {
            let [users, sessions, observers] = [presence % 2, presence % 4, presence % 8];
            let counts = [users, sessions, observers].map(u32::from);
            let [users, sessions, observers] = counts;
            pair.set_topic_counts(topic, TopicCounts { users, sessions, observers });
        }
        22..28 => pair.whole_topic(topic, user, usize::from(presence % USERS), session),
        _ => pair.whole_snapshot(usize::from(presence % USERS), session),
    }
}

/// A whole snapshot recovers from anything, one of a topic of that topic, and each takes in as much
/// as fits.
fn recover<S: BuildHasher>(pair: &mut Pair<S>) {
    let (limit, session) = (pair.truth.limit, own_session(0));
    for sessions in [limit, limit + 1, limit / 2] {
        pair.whole_snapshot(sessions, session);
        pair.check();
    }
    for (first, users) in [(0, limit), (4, limit - limit / 2), (0, 1)] {
        pair.whole_topic(0, first, users, session);
        pair.check();
    }
}

/// Returns a session that the engine gives out as well, sooner or later.
fn own_session(nth: u8) -> SessionId {
    SessionId::from_bits(u64::from(nth + 1) << 32).expect("it is not zero")
}

fn idle_since(at: u8) -> Option<Time> {
    (at > 0).then(|| Time::from_millis(at.into()))
}
