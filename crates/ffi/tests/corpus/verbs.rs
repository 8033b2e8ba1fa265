//! Gives an engine behind a handle an input by the call that stands for it.

use crate::{Id, Input, Shown};
use adsum::{Event, Join, LostCause, SessionKey, TopicBlocks, TopicKey, View};
use adsum_ffi::bytes::{adsum_bytes, adsum_list};
use adsum_ffi::engine::adsum_engine;
use adsum_ffi::names::{adsum_session, adsum_topic, adsum_view};
use adsum_ffi::options::adsum_topic_options;
use adsum_ffi::status::adsum_status;
use adsum_ffi::verbs::{presence::*, sessions::*, time::*, topics::*, visibility::*};

/// What a call has given out: nothing, as all zero, unless it gives something out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) session: adsum_session,
    pub(crate) topic: adsum_topic,
}

const NOTHING: adsum_bytes = adsum_bytes { data: std::ptr::null(), len: 0 };

/// Bytes as C hands them in: what is empty and not missing is a text without a letter.
pub(crate) fn bytes(bytes: &[u8]) -> adsum_bytes {
    let data = if bytes.is_empty() { c"".as_ptr().cast() } else { bytes.as_ptr() };
    adsum_bytes { data, len: bytes.len() }
}

/// A list as C hands it in.
pub(crate) struct List(Vec<adsum_bytes>);

impl List {
    pub(crate) fn of(ids: &[Id]) -> Self {
        Self(ids.iter().map(|id| bytes(id)).collect())
    }

    pub(crate) fn lend(&self) -> adsum_list {
        adsum_list { items: self.0.as_ptr(), len: self.0.len() }
    }
}

pub(crate) fn key(key: SessionKey) -> adsum_session {
    let (name, slot) = key.to_bits();
    adsum_session { name, slot }
}

fn topic_key(key: TopicKey) -> adsum_topic {
    let (name, place) = key.to_bits();
    adsum_topic { name, place }
}

pub(crate) fn cause(cause: LostCause) -> u32 {
    match cause {
        LostCause::ConnectionError => 1,
        LostCause::Timeout => 2,
        LostCause::NodeLoss => 3,
        LostCause::GoingAway => 4,
        other => panic!("a cause that C cannot say: {other:?}"),
    }
}

fn view(view: View) -> adsum_view {
    let (kind, sample) = match view {
        View::Nothing => (0, 0),
        View::Count => (1, 0),
        View::Sample(sample) => (2, sample),
        View::All => (3, 0),
        other => panic!("a view that C cannot say: {other:?}"),
    };
    adsum_view { kind, sample }
}

/// Gives an input.
pub(crate) fn give(engine: *mut adsum_engine, now: u64, event: &Input) -> (adsum_status, Given) {
    let mut given = Given::default();
    // SAFETY: the engine is there, and all that is handed in outlives the call.
    let status = unsafe {
        match event {
            Event::Connect { user, kind, audience, blocked } => {
                let (audience, blocked) = (List::of(audience), List::of(blocked));
                let newcomer = adsum_newcomer {
                    user: bytes(user),
                    audience: audience.lend(),
                    blocked: blocked.lend(),
                    kind: kind.0,
                };
                adsum_connect(engine, now, &newcomer, &mut given.session)
            }
            Event::Resume { session } => {
                adsum_resume(engine, now, key(*session), &mut given.session)
            }
            Event::Disconnect { session } => adsum_disconnect(engine, now, key(*session)),
            Event::Lost { session, cause: why, grace_ms: None } => {
                adsum_lost(engine, now, key(*session), cause(*why))
            }
            Event::Lost { session, cause: why, grace_ms: Some(grace_ms) } => {
                adsum_lost_with_grace(engine, now, key(*session), cause(*why), *grace_ms)
            }
            Event::Heartbeat { session } => adsum_heartbeat(engine, now, key(*session)),
            Event::Active { session } => adsum_active(engine, now, key(*session)),
            Event::Withdraw { session } => adsum_withdraw(engine, now, key(*session)),
            Event::Invisible { session } => adsum_invisible(engine, now, key(*session)),
            Event::Visible { session } => adsum_visible(engine, now, key(*session)),
            Event::Congested { session } => adsum_congested(engine, now, key(*session)),
            Event::Writable { session } => adsum_writable(engine, now, key(*session)),
            Event::Expel { user } => adsum_expel(engine, now, bytes(user)),
            Event::Advance => adsum_advance(engine, now),
            _ => return (give_more(engine, now, event, &mut given.topic), given),
        }
    };
    (status, given)
}

/// Gives an input that says something, or is about lists or topics.
fn give_more(
    engine: *mut adsum_engine,
    now: u64,
    event: &Input,
    out: &mut adsum_topic,
) -> adsum_status {
    // SAFETY: the engine is there, and all that is handed in outlives the call.
    unsafe {
        match event {
            Event::Publish { session, presence } => {
                adsum_publish(engine, now, key(*session), bytes(presence))
            }
            Event::PublishUntil { session, presence, until, then } => {
                let (presence, until) = (bytes(presence), until.as_millis());
                let then = then.as_ref().map_or(NOTHING, |then| bytes(then));
                adsum_publish_until(engine, now, key(*session), presence, until, then)
            }
            Event::Direct { session, users, presence } => {
                let users = List::of(users);
                adsum_direct(engine, now, key(*session), users.lend(), bytes(presence))
            }
            Event::DirectFor { session, users, presence, for_ms } => {
                let (users, presence) = (List::of(users), bytes(presence));
                adsum_direct_for(engine, now, key(*session), users.lend(), presence, *for_ms)
            }
            Event::System { users, presence } => {
                adsum_system(engine, now, List::of(users).lend(), bytes(presence))
            }
            Event::Watch { session, users } => {
                adsum_watch(engine, now, key(*session), List::of(users).lend())
            }
            Event::Unwatch { session, users } => {
                adsum_unwatch(engine, now, key(*session), List::of(users).lend())
            }
            Event::AudienceAdd { user, contacts } => {
                adsum_audience_add(engine, now, bytes(user), List::of(contacts).lend())
            }
            Event::AudienceRemove { user, contacts } => {
                adsum_audience_remove(engine, now, bytes(user), List::of(contacts).lend())
            }
            Event::AudienceReplace { user, contacts } => {
                adsum_audience_replace(engine, now, bytes(user), List::of(contacts).lend())
            }
            Event::Block { user, other } => adsum_block(engine, now, bytes(user), bytes(other)),
            Event::Unblock { user, other } => adsum_unblock(engine, now, bytes(user), bytes(other)),
            _ => give_topic(engine, now, event, out),
        }
    }
}

fn give_topic(
    engine: *mut adsum_engine,
    now: u64,
    event: &Input,
    out: &mut adsum_topic,
) -> adsum_status {
    // SAFETY: the engine is there, and all that is handed in outlives the call.
    unsafe {
        match event {
            Event::Join { session, topic, join } => {
                join_topic(engine, now, *session, topic, join, out)
            }
            Event::Update { session, topic, presence } => {
                adsum_update(engine, now, key(*session), topic_key(*topic), bytes(presence))
            }
            Event::Leave { session, topic } => {
                adsum_leave(engine, now, key(*session), topic_key(*topic))
            }
            Event::Look { session, topic, view: seen } => {
                adsum_look(engine, now, key(*session), topic_key(*topic), view(*seen))
            }
            Event::LookAt { session, topic, users } => {
                let users = List::of(users);
                adsum_look_at(engine, now, key(*session), topic_key(*topic), users.lend())
            }
            Event::Say { session, topic, presence, for_ms: None } => {
                adsum_say(engine, now, key(*session), topic_key(*topic), bytes(presence))
            }
            Event::Say { session, topic, presence, for_ms: Some(for_ms) } => {
                let (session, topic) = (key(*session), topic_key(*topic));
                adsum_say_for(engine, now, session, topic, bytes(presence), *for_ms)
            }
            Event::Remove { topic, user } => {
                adsum_topic_remove(engine, now, bytes(topic), bytes(user))
            }
            Event::Close { topic } => adsum_topic_close(engine, now, bytes(topic)),
            Event::TopicOptions { topic, options } => {
                let options = adsum_topic_options {
                    full_up_to: options.full_up_to,
                    coalesce_ms: options.coalesce_ms,
                    max_members: options.max_members,
                    sample: options.sample,
                    blocks: u32::from(options.blocks == TopicBlocks::Hidden),
                };
                adsum_topic_set_options(engine, now, bytes(topic), &options)
            }
            other => panic!("an input that C has no call for: {other:?}"),
        }
    }
}

fn join_topic(
    engine: *mut adsum_engine,
    now: u64,
    session: SessionKey,
    topic: &Id,
    join: &Join<Shown>,
    out: &mut adsum_topic,
) -> adsum_status {
    // SAFETY: the engine is there, and all that is handed in outlives the call.
    unsafe {
        match join {
            Join::Member { presence, view: seen } => {
                let shown = presence.as_ref().map_or(NOTHING, |shown| bytes(shown));
                adsum_join(engine, now, key(session), bytes(topic), shown, view(*seen), out)
            }
            Join::Observer { view: seen } => {
                adsum_observe(engine, now, key(session), bytes(topic), view(*seen), out)
            }
        }
    }
}
