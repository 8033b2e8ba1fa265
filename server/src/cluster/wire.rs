//! How a message travels: the version of this form in one byte, and postcard.

use adsum_cluster::Body;

use crate::host::{Presence, UserId};

/// What nodes say to each other.
pub(crate) type Message = adsum_cluster::Message<UserId, Presence>;

/// The version of the form. What a message says has a version of its own.
const FORM: u8 = 1;
/// The most bytes of a message: what a NATS server takes unless told otherwise.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadBytes {
    /// There are too many of them.
    TooLarge,
    /// They are of another form.
    OtherForm,
    /// They cannot be read, or there is something behind.
    Malformed,
}

impl BadBytes {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::OtherForm => "other_form",
            Self::Malformed => "malformed",
        }
    }
}

fn encode(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(FORM);
    // Only a type that cannot be written could fail.
    postcard::to_extend(message, bytes).unwrap_or_default()
}

/// Reads a message.
pub(super) fn decode(bytes: &[u8]) -> Result<Message, BadBytes> {
    if bytes.len() > MAX_BYTES {
        return Err(BadBytes::TooLarge);
    }
    let Some((&FORM, rest)) = bytes.split_first() else { return Err(BadBytes::OtherForm) };
    match postcard::take_from_bytes(rest) {
        Ok((message, [])) => Ok(message),
        _ => Err(BadBytes::Malformed),
    }
}

/// Writes a message, in several if it is longer than `max` bytes. What does not fit whatever is
/// done is left out, and counted.
pub(super) fn encode_all(message: Message, max: usize, lost: &mut u64) -> Vec<Vec<u8>> {
    let mut encoded = Vec::new();
    let mut waiting = vec![message];
    while let Some(message) = waiting.pop() {
        let bytes = encode(&message);
        if !bytes.is_empty() && bytes.len() <= max {
            encoded.push(bytes);
        } else if let Some((first, second)) = halve(message) {
            waiting.extend(second);
            waiting.push(first);
        } else {
            *lost += 1;
        }
    }
    encoded
}

/// Halves a message that says several things. Of an answer the first half is one by itself, and is
/// followed by the question for the other; so it is with orders.
fn halve(mut message: Message) -> Option<(Message, Option<Message>)> {
    let mut second = None;
    match &mut message.body {
        Body::Ops(ops) if ops.len() > 1 => {
            let rest = ops.split_off(ops.len() / 2);
            second = Some(Message { body: Body::Ops(rest), ..head(&message) });
        }
        Body::Sync(sync) if sync.states.len() > 1 => {
            sync.states.truncate(sync.states.len() / 2);
            sync.seq = sync.states.last()?.number;
        }
        Body::Orders(orders) if orders.orders.len() > 1 => {
            orders.orders.truncate(orders.orders.len() / 2);
        }
        _ => return None,
    }
    Some((message, second))
}

/// Returns what a message says besides its body.
fn head(message: &Message) -> Message {
    let Message { protocol, cluster, from, incarnation, clock, .. } = *message;
    Message { protocol, cluster, from, incarnation, clock, body: Body::Leaving }
}

/// Returns what kind of a message it is, for those who count them.
pub(super) const fn kind(message: &Message) -> &'static str {
    match message.body {
        Body::Ops(_) => "changes",
        Body::Beat(_) => "beat",
        Body::Need(_) => "need",
        Body::Sync(_) => "sync",
        Body::Direct(_) => "direct",
        Body::Say(_) => "say",
        Body::Orders(_) => "orders",
        Body::Done { .. } => "done",
        Body::Leaving => "leaving",
    }
}
