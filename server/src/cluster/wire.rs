//! How a message travels: the version of this form in one byte, and postcard.

use adsum::RemoteState;
use adsum_cluster::{Body, Repeat};

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

/// Writes a message, in several if it is longer than `max` bytes. Of a user whose state does not
/// fit less is said, and that is counted: without its number nothing that comes after it could be
/// taken. So is what does not fit whatever is done, which is left out.
pub(super) fn encode_all(message: Message, max: usize, lost: &mut u64) -> Vec<Vec<u8>> {
    let mut encoded = Vec::new();
    let mut waiting = vec![message];
    while let Some(mut message) = waiting.pop() {
        let bytes = encode(&message);
        if !bytes.is_empty() && bytes.len() <= max {
            encoded.push(bytes);
        } else if let Some(second) = halve(&mut message) {
            waiting.extend(second);
            waiting.push(message);
        } else {
            *lost += 1;
            while encode(&message).len() > max && shorten(&mut message) {}
            let bytes = encode(&message);
            encoded.extend(Some(bytes).filter(|bytes| !bytes.is_empty() && bytes.len() <= max));
        }
    }
    encoded
}

/// Leaves out something of the one user of whom a message tells: the topics that its sessions are
/// in, or else that it is there, or else its lists. Returns whether there was any of it. An order
/// that cannot be sent is given up: those behind it would wait for it for ever.
fn shorten(message: &mut Message) -> bool {
    let states = match &mut message.body {
        Body::Ops(states) => states,
        Body::Sync(sync) => &mut sync.states,
        Body::Orders(orders) => {
            orders.first += orders.orders.len() as u64;
            return !core::mem::take(&mut orders.orders).is_empty();
        }
        _ => return false,
    };
    let [user] = &mut states[..] else { return false };
    let RemoteState { lists, sessions, ended } = &mut user.state;
    if sessions.iter().any(|session| !session.topics.is_empty()) {
        sessions.iter_mut().for_each(|session| session.topics.clear());
        return true;
    }
    let is_there = !sessions.is_empty() || !ended.is_empty();
    (*sessions, *ended, user.stamps) = Default::default();
    if is_there {
        return true;
    }
    let had_lists = lists.take().is_some();
    user.is_cut |= had_lists;
    had_lists
}

/// Halves a message that says several things, and returns the other half, if that is to be sent. Of
/// an answer the first half is one by itself, and is followed by the question for the other; so it
/// is with orders.
fn halve(message: &mut Message) -> Option<Option<Message>> {
    let mut second = None;
    match &mut message.body {
        Body::Ops(ops) if ops.len() > 1 => {
            let rest = ops.split_off(ops.len() / 2);
            second = Some(Message { body: Body::Ops(rest), ..head(message) });
        }
        Body::Sync(sync) if sync.states.len() > 1 => {
            sync.states.truncate(sync.states.len() / 2);
            sync.seq = sync.states.last()?.number;
        }
        Body::Repeat(repeat) if repeat.users.len() > 1 => {
            let users = repeat.users.split_off(repeat.users.len() / 2);
            let rest = Repeat { to: repeat.to, users };
            second = Some(Message { body: Body::Repeat(rest), ..head(message) });
        }
        Body::Orders(orders) if orders.orders.len() > 1 => {
            orders.orders.truncate(orders.orders.len() / 2);
        }
        _ => return None,
    }
    Some(second)
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
        Body::Repeat(_) => "repeat",
        Body::Direct(_) => "direct",
        Body::Say(_) => "say",
        Body::Orders(_) => "orders",
        Body::Done { .. } => "done",
        Body::Leaving => "leaving",
        Body::Wish { .. } => "wish",
    }
}

#[cfg(test)]
mod tests {
    use adsum::{
        DeviceKind, Event, RemoteLists, RemoteMember, RemotePresence, RemoteSession, SessionId,
    };
    use adsum_cluster::{Incarnation, NodeId, Order, Orders, PROTOCOL, UserState, Version};
    use adsum_tim::TimPresence;

    use super::*;
    use crate::host::shown::Shown;

    const MAX: usize = 2_000;

    /// A user in so many topics, who shows so many bytes in each and has so many contacts.
    fn user(
        number: u64,
        topics: usize,
        bytes: usize,
        contacts: usize,
    ) -> UserState<UserId, Presence> {
        let p = format!("\"{}\"", "x".repeat(bytes));
        let shows = || Presence::new(Shown::with_p(TimPresence::default(), &p));
        let member = |nth| RemoteMember {
            topic: format!("room:{nth}").into(),
            observes: false,
            number: 1,
            presence: Some(shows()),
        };
        let shown = Some(RemotePresence { presence: shows(), age_ms: 0, until: None });
        let session = RemoteSession {
            id: SessionId::from_bits(1).unwrap(),
            kind: DeviceKind(0),
            age_ms: 0,
            lost: None,
            number: 1,
            shown,
            idle_ms: None,
            topics: (0..topics).map(member).collect(),
        };
        let audience = (0..contacts).map(|nth| format!("contact{nth:020}").into()).collect();
        let lists = RemoteLists { audience, blocked: Vec::new(), visible: true };
        let state = RemoteState { lists: Some(lists), sessions: vec![session], ended: Vec::new() };
        let version = Version { number: 1, clock: 1, by: 1, wish: 0 };
        let user = format!("user{number}").into();
        let (is_gone, posted, stamps) = (false, None, vec![1]);
        UserState { user, number, is_gone, posted, version, is_cut: false, stamps, state }
    }

    fn message(body: Body<UserId, Presence>) -> Message {
        Message {
            protocol: PROTOCOL,
            cluster: 1,
            from: NodeId::new("a").unwrap(),
            incarnation: Incarnation { started_ms: 1, random: 2 },
            clock: 1,
            body,
        }
    }

    fn sent(states: Vec<UserState<UserId, Presence>>) -> (Vec<UserState<UserId, Presence>>, u64) {
        let message = message(Body::Ops(states));
        let mut lost = 0;
        let all = encode_all(message, MAX, &mut lost).into_iter().flat_map(|bytes| {
            assert!(bytes.len() <= MAX, "{} bytes", bytes.len());
            match decode(&bytes).unwrap().body {
                Body::Ops(states) => states,
                other => panic!("{other:?}"),
            }
        });
        (all.collect(), lost)
    }

    /// An order that fits into no message is given up, so that those behind it are carried out.
    #[test]
    fn an_order_that_cannot_be_sent_is_given_up() {
        let order = |count: u32| {
            let contacts = (0..count).map(|nth| format!("contact{nth:020}").into()).collect();
            let event = Event::AudienceReplace { user: "ann".into(), contacts };
            Order { version: Version::default(), event }
        };
        let (to, orders) = (NodeId::new("b").unwrap(), vec![order(1_000), order(1)]);
        let message = message(Body::Orders(Orders { to, first: 7, orders, is_leaving: false }));
        let mut lost = 0;
        let sent = encode_all(message, MAX, &mut lost);
        let [bytes] = &sent[..] else { panic!("{} messages", sent.len()) };
        let Body::Orders(orders) = decode(bytes).unwrap().body else { panic!("it is of orders") };
        assert_eq!((orders.first, orders.orders.len(), lost), (8, 0, 1));
    }

    /// All are asked for, in as many messages as it takes.
    #[test]
    fn a_question_for_many_users_is_several() {
        let users: Vec<UserId> = (0..200).map(|nth| format!("user{nth:020}").into()).collect();
        let to = NodeId::new("b").unwrap();
        let message = message(Body::Repeat(Repeat { to, users: users.clone() }));
        let mut lost = 0;
        let sent = encode_all(message, MAX, &mut lost);
        let asked = sent.iter().flat_map(|bytes| match decode(bytes).unwrap().body {
            Body::Repeat(repeat) if bytes.len() <= MAX => repeat.users,
            other => panic!("{other:?}"),
        });
        assert_eq!((asked.collect::<Vec<_>>(), lost), (users, 0));
        assert!(sent.len() > 1);
    }

    /// Each number arrives, so that what comes after it is taken, whatever one user shows.
    #[test]
    fn of_whom_too_much_is_said_less_is_said() {
        let small = |number| user(number, 1, 10, 1);
        let (states, lost) = sent(vec![small(1), small(2), small(3)]);
        assert_eq!((states, lost), (vec![small(1), small(2), small(3)], 0));
        for (large, topics, sessions, has_lists) in [
            (user(2, 100, 100, 1), 0, 1, true),
            (user(2, 1, 3_000, 1), 0, 0, true),
            (user(2, 1, 10, 200), 0, 0, false),
        ] {
            let (states, lost) = sent(vec![small(1), large, small(3)]);
            assert_eq!((states.len(), lost), (3, 1));
            assert_eq!((&states[0], &states[2]), (&small(1), &small(3)));
            let UserState { number, stamps, is_cut, state, .. } = &states[1];
            assert_eq!((*number, stamps.len(), state.sessions.len()), (2, sessions, sessions));
            assert_eq!(state.sessions.iter().map(|one| one.topics.len()).sum::<usize>(), topics);
            assert_eq!((state.lists.is_some(), *is_cut), (has_lists, !has_lists));
        }
    }

    /// What a client sent goes to others as it is, so what no client can have sent is no message.
    #[test]
    fn what_is_shown_is_json() {
        for (p, is_good) in [("{\"a\":[1]}", true), ("1},{\"op\":\"bye\"},{\"z\":1", false)] {
            let shown = Shown::with_p(TimPresence::default(), p);
            let bytes = postcard::to_allocvec(&shown).unwrap();
            let read = postcard::from_bytes::<Shown>(&bytes);
            assert_eq!(read.is_ok(), is_good, "{p}");
        }
    }
}
