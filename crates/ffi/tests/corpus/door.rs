//! Inputs that come through the door of a cluster: what each is in Rust, and which call it is in C.

use crate::verbs::{List, bytes, key};
use crate::{Core, Id, Moment, Shown};
use adsum::{Decisions, Error, Origin, RemoteState, SessionId, SessionKey};
use adsum_ffi::engine::adsum_engine;
use adsum_ffi::remote::{adsum_remote_sender, adsum_user_state};
use adsum_ffi::status::adsum_status;
use adsum_ffi::verbs::remote::*;

/// An input that is no event, since it is another node's word.
#[derive(Clone, Debug)]
pub(crate) enum Word {
    State { origin: u32, user: Id, state: RemoteState<Id, Shown> },
    Direct { from: Sender, users: Vec<Id>, presence: Shown, for_ms: Option<u64> },
    Say { from: Sender, topic: Id, presence: Shown, for_ms: Option<u64> },
    Lost { origin: u32 },
    LostSince { origin: u32, since: Moment },
    Back { origin: u32 },
    Gone { origin: u32 },
    Evict { session: SessionKey },
    ExpelSession { session: SessionKey },
}

/// Who speaks at another node.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) origin: u32,
    pub(crate) user: Id,
    pub(crate) session: SessionId,
}

impl Word {
    /// Returns the name of the verb.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::State { .. } => "remote_state",
            Self::Direct { for_ms: None, .. } => "remote_direct",
            Self::Direct { .. } => "remote_direct_for",
            Self::Say { for_ms: None, .. } => "remote_say",
            Self::Say { .. } => "remote_say_for",
            Self::Lost { .. } => "origin_lost",
            Self::LostSince { .. } => "origin_lost_since",
            Self::Back { .. } => "origin_back",
            Self::Gone { .. } => "origin_gone",
            Self::Evict { .. } => "evict",
            Self::ExpelSession { .. } => "expel_session",
        }
    }
}

/// Gives an engine in Rust what another node says.
pub(crate) fn apply(
    rust: &mut Core,
    now: Moment,
    word: Word,
) -> Result<Decisions<'_, Id, Shown>, Error> {
    match word {
        Word::State { origin, user, state } => rust.remote_state(now, Origin(origin), user, state),
        Word::Direct { from: Sender { origin, user, session }, users, presence, for_ms } => {
            rust.remote_direct(now, Origin(origin), (&user, session), &users, presence, for_ms)
        }
        Word::Say { from: Sender { origin, user, session }, topic, presence, for_ms } => {
            rust.remote_say(now, Origin(origin), (&user, session), &topic, presence, for_ms)
        }
        Word::Lost { origin } => Ok(rust.origin_lost(now, Origin(origin))),
        Word::LostSince { origin, since } => Ok(rust.origin_lost_since(now, Origin(origin), since)),
        Word::Back { origin } => Ok(rust.origin_back(now, Origin(origin))),
        Word::Gone { origin } => Ok(rust.origin_gone(now, Origin(origin))),
        Word::Evict { session } => rust.evict(now, session),
        Word::ExpelSession { session } => rust.expel_session(now, session),
    }
}

/// Gives an engine behind a handle the same. `state` is what it says in C, if it says a state.
pub(crate) fn give(
    c: *mut adsum_engine,
    now: Moment,
    word: &Word,
    state: Option<&adsum_user_state>,
) -> adsum_status {
    let now = now.as_millis();
    // SAFETY: the engine is there, and all that is handed in outlives the call; nobody calls the
    // engine that lends a state before that has been taken.
    unsafe {
        match word {
            Word::State { origin, .. } => {
                adsum_remote_state(c, now, *origin, state.expect("there is one"))
            }
            Word::Direct { from, users, presence, for_ms } => {
                let (from, users, said) = (sender(from), List::of(users), bytes(presence));
                match *for_ms {
                    Some(ms) => adsum_remote_direct_for(c, now, &from, users.lend(), said, ms),
                    None => adsum_remote_direct(c, now, &from, users.lend(), said),
                }
            }
            Word::Say { from, topic, presence, for_ms } => {
                let (from, topic, said) = (sender(from), bytes(topic), bytes(presence));
                match *for_ms {
                    Some(ms) => adsum_remote_say_for(c, now, &from, topic, said, ms),
                    None => adsum_remote_say(c, now, &from, topic, said),
                }
            }
            Word::Lost { origin } => adsum_origin_lost(c, now, *origin),
            Word::LostSince { origin, since } => {
                adsum_origin_lost_since(c, now, *origin, since.as_millis())
            }
            Word::Back { origin } => adsum_origin_back(c, now, *origin),
            Word::Gone { origin } => adsum_origin_gone(c, now, *origin),
            Word::Evict { session } => adsum_evict(c, now, key(*session)),
            Word::ExpelSession { session } => adsum_expel_session(c, now, key(*session)),
        }
    }
}

fn sender(from: &Sender) -> adsum_remote_sender {
    let Sender { origin, user, session } = from;
    adsum_remote_sender { user: bytes(user), session: session.to_bits(), origin: *origin }
}
