//! tim's messages and acks that tell users of a change of the roster or of their visibility.

use std::time::{SystemTime, UNIX_EPOCH};

use adsum_tim::{Kind, Tid, TimAck, TimMessage, rtype};

use super::command::Node;
use crate::store::Request;

/// How tim marks a message from a user about the roster.
const FROM_USER: i8 = 2;
const ABOUT_ROSTER: i8 = 4;

/// This server's own request: contacts are told that one is offline, and nothing from then on. All
/// of the user's sessions get the ack, and one that logs in later gets it after the answer to its
/// login.
pub const INVISIBLE: i32 = 1_001;
/// This server's own request: one shows again. All of the user's sessions get the ack.
pub const VISIBLE: i32 = 1_002;

/// This server's own request: this session shows nothing any more. It gets the ack alone.
pub(crate) const WITHDRAW: i32 = 1_003;

/// This server's own list: this session is told of the accounts in it, friends or not. The ack
/// comes when it has been told what there is to see of them.
pub const WATCH: i32 = 1_004;
/// This server's own list: it is told no more of the accounts in it, unless they are friends.
pub const UNWATCH: i32 = 1_005;
/// This server's own request: a person did something on this session's device.
pub const ACTIVE: i32 = 1_006;

/// Returns the message that tells `to` what `from` has done.
pub(crate) fn message(bn_type: i32, from: &Tid, to: &Node, text: Option<String>) -> TimMessage {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    TimMessage {
        ms_type: FROM_USER,
        od_type: ABOUT_ROSTER,
        id: Some(number()),
        bn_type: Some(bn_type),
        from_tid: Some(from.clone()),
        to_tid: Some(Tid::of(to.as_ref())),
        data_string: text,
        timestamp: Some(now as i64),
        ..TimMessage::default()
    }
}

/// Returns the message for a request that has waited since before the login.
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

/// Returns a random number below 2^53, which JavaScript can tell from its neighbours.
fn number() -> i64 {
    let mut bytes = [0; 8];
    // Without random numbers all are the same: clients only show it.
    let _ = getrandom::fill(&mut bytes);
    (u64::from_le_bytes(bytes) >> 11) as i64
}

/// Returns the ack that says whether a user is invisible.
pub(crate) fn visibility(invisible: bool) -> TimAck {
    done(if invisible { INVISIBLE } else { VISIBLE }, None)
}

/// Returns the ack that a request about the roster is done.
pub(crate) fn done(rtype: i32, node: Option<&Node>) -> TimAck {
    TimAck {
        t: Some(rtype.into()),
        n: node.map(|node| node.to_string()),
        ..TimAck::done(Kind::BUSINESS)
    }
}
