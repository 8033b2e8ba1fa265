//! The messages that go with a change of the roster.

use std::time::{SystemTime, UNIX_EPOCH};

use adsum_tim::{Tid, TimMessage, rtype};

use super::command::Node;
use crate::store::Request;

/// From a user, about the roster: how tim marks such a message.
const FROM_USER: i8 = 2;
const ABOUT_ROSTER: i8 = 4;

/// What `from` has done that concerns `to`.
pub(crate) fn message(bn_type: i32, from: &Tid, to: &Node, words: Option<String>) -> TimMessage {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    TimMessage {
        ms_type: FROM_USER,
        od_type: ABOUT_ROSTER,
        id: Some(number()),
        bn_type: Some(bn_type),
        from_tid: Some(from.clone()),
        to_tid: Some(Tid::of(to.as_ref())),
        data_string: words,
        timestamp: Some(now as i64),
        ..TimMessage::default()
    }
}

/// A request that waits since before the login.
pub(crate) fn request(to: &Node, request: &Request) -> TimMessage {
    TimMessage {
        timestamp: Some(request.asked_at.saturating_mul(1_000_000_000)),
        ..message(
            rtype::ADD_ROSTER,
            &Tid::of(request.node.as_str()),
            to,
            Some(request.words.clone()),
        )
    }
}

/// A number below 2^53, which JavaScript can tell from its neighbours.
fn number() -> i64 {
    let mut bytes = [0; 8];
    // Without random numbers they are all one: clients only show it.
    let _ = getrandom::fill(&mut bytes);
    (u64::from_le_bytes(bytes) >> 11) as i64
}
