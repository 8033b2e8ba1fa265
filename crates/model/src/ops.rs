//! Operations from a few bytes, decoded relative to the model's state: stale keys, sessions that
//! are detached or congested just now, the very moment of a deadline, lists over their limits and
//! the user itself in its own list all come up as often as plain input does.

use crate::draw;
use crate::{Event, Model, Setup};
use adsum::Time;

pub use crate::draw::USERS;

/// Bytes that decide on one operation: the verb, the time, whose, and three for the rest. Smaller
/// bytes mean simpler operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Op(pub [u8; Self::LEN]);

/// Options and operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    pub setup: Setup,
    pub ops: Vec<Op>,
}

impl Case {
    /// Makes a case of any bytes: the first decide on the options, the others on operations. What
    /// does not fill one is ignored.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (setup, ops) = bytes.split_at(bytes.len().min(Setup::LEN));
        let mut case = Self::default();
        case.setup.0[..setup.len()].copy_from_slice(setup);
        case.ops = ops.as_chunks::<{ Op::LEN }>().0.iter().copied().map(Op).collect();
        case
    }

    /// Returns the bytes that [`from_bytes`](Self::from_bytes) makes this case of.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.setup.0.into_iter().chain(self.ops.iter().flat_map(|op| op.0)).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Connect,
    Publish,
    PublishUntil,
    Withdraw,
    Advance,
    Disconnect,
    Lost,
    Resume,
    Heartbeat,
    Active,
    Direct,
    DirectFor,
    Watch,
    Unwatch,
    Add,
    Remove,
    Replace,
    Block,
    Unblock,
    Invisible,
    Visible,
    Congested,
    Writable,
    System,
    Expel,
}

/// How many of 100 operations are which. With these, of all that can happen nothing is rare.
const SHARES: [(Verb, u8); 22] = [
    (Verb::Connect, 12),
    (Verb::Publish, 14),
    (Verb::PublishUntil, 5),
    (Verb::Withdraw, 1),
    (Verb::Advance, 7),
    (Verb::Disconnect, 3),
    (Verb::Lost, 4),
    (Verb::Resume, 4),
    (Verb::Heartbeat, 2),
    (Verb::Direct, 7),
    (Verb::DirectFor, 3),
    (Verb::Add, 3),
    (Verb::Remove, 3),
    (Verb::Replace, 3),
    (Verb::Block, 4),
    (Verb::Unblock, 4),
    (Verb::Invisible, 3),
    (Verb::Visible, 3),
    (Verb::Congested, 6),
    (Verb::Writable, 5),
    (Verb::System, 2),
    (Verb::Expel, 2),
];

impl Verb {
    fn from_byte(byte: u8) -> Self {
        // These came later, and took bytes of the verbs that have most: what the others mean stays
        // as it was.
        match byte {
            209..=217 => return Self::Watch,
            218..=222 => return Self::Unwatch,
            227..=234 => return Self::Active,
            _ => {}
        }
        let mut left = byte % 100;
        for (verb, share) in SHARES {
            if left < share {
                return verb;
            }
            left -= share;
        }
        unreachable!("the shares make 100")
    }
}

impl Op {
    /// How many bytes it takes.
    pub const LEN: usize = 6;

    /// Returns what it is as things stand. `fresh` is a presence that has not been used.
    pub fn decode(self, model: &Model, fresh: u32) -> (Time, Event) {
        let [verb, time, who, x, y, z] = self.0;
        let mut verb = Verb::from_byte(verb);
        // The emptier the house, the likelier it is that somebody comes: nothing happens in an
        // empty one.
        let is_empty = usize::from(who % 8) >= 2 * model.sessions.len();
        if is_empty && who < draw::SELDOM && verb != Verb::Advance {
            verb = Verb::Connect;
        }
        let now = draw::moment(model, time, z);
        (Time::from_millis(now), event(verb, model, now, fresh, [who, x, y, z]))
    }
}

fn event(verb: Verb, model: &Model, now: u64, presence: u32, bytes: [u8; 4]) -> Event {
    let [who, x, y, z] = bytes;
    let user = draw::user(model, who);
    match verb {
        Verb::Connect => draw::connect(model, draw::newcomer(who), x, y, z),
        Verb::Publish => {
            let session = draw::attached(model, who);
            // Now and then one that equals the last.
            let last = model.find(session).ok().and_then(|id| model.sessions[&id].presence);
            Event::Publish { session, presence: last.filter(|_| x % 8 == 7).unwrap_or(presence) }
        }
        Verb::PublishUntil => {
            let until = Time::from_millis(now.saturating_add(draw::lasting(model, x)));
            // Now and then what has passed already.
            let until = if x % 16 == 15 { Time::from_millis(now / 2) } else { until };
            // No presence is used twice.
            let then = (y % 4 != 3).then_some(presence | 1 << 31);
            Event::PublishUntil { session: draw::attached(model, who), presence, until, then }
        }
        Verb::Withdraw => Event::Withdraw { session: draw::attached(model, who) },
        Verb::Advance => Event::Advance,
        Verb::Disconnect => Event::Disconnect { session: draw::any(model, who) },
        Verb::Lost => {
            let (cause, grace_ms) = draw::loss(x, y, z);
            Event::Lost { session: draw::any(model, who), cause, grace_ms }
        }
        Verb::Resume => Event::Resume { session: draw::resumed(model, who, x) },
        Verb::Heartbeat => Event::Heartbeat { session: draw::any(model, who) },
        Verb::Active => Event::Active { session: draw::any(model, who) },
        Verb::Direct => {
            let session = draw::attached(model, who);
            let sender = model.find(session).map_or(user, |id| model.sessions[&id].user);
            Event::Direct { session, users: draw::direct_list(model, sender, x, y), presence }
        }
        Verb::DirectFor => {
            let session = draw::attached(model, who);
            let sender = model.find(session).map_or(user, |id| model.sessions[&id].user);
            let users = draw::direct_list(model, sender, x, y);
            Event::DirectFor { session, users, presence, for_ms: draw::lasting(model, z) }
        }
        Verb::Watch => {
            let session = draw::attached(model, who);
            Event::Watch { session, users: draw::watch_list(model, session, x, y) }
        }
        Verb::Unwatch => {
            let session = draw::watching(model, who);
            Event::Unwatch { session, users: draw::unwatch_list(model, session, x, y) }
        }
        Verb::Add => Event::AudienceAdd { user, contacts: draw::list(model, user, x, y) },
        Verb::Remove => Event::AudienceRemove { user, contacts: draw::list(model, user, x, 2) },
        Verb::Replace => Event::AudienceReplace { user, contacts: draw::list(model, user, x, y) },
        Verb::Block => Event::Block { user, other: draw::named(x) },
        Verb::Unblock => {
            let (user, other) = draw::blocked(model, user, x);
            Event::Unblock { user, other }
        }
        Verb::Invisible => Event::Invisible { session: draw::attached(model, who) },
        Verb::Visible => Event::Visible { session: draw::invisible(model, who) },
        Verb::Congested => Event::Congested { session: draw::attached(model, who) },
        Verb::Writable => Event::Writable { session: draw::congested(model, who) },
        Verb::System => Event::System { users: draw::list(model, user, x, y), presence },
        Verb::Expel => Event::Expel { user },
    }
}
