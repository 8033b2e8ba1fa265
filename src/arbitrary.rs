//! Inputs from arbitrary bytes, for those who fuzz an engine or a host of their own.
//!
//! An [`Event`] made of arbitrary bytes alone names sessions that never were, and is refused. So
//! [`Inputs`] decodes each event relative to the engine that it is for: its keys are those of live
//! sessions, attached or detached as the verb wants them, and now and then one that is stale; its
//! moment is now, a little later, around the next deadline, or earlier than the last. The same
//! bytes give the same inputs.
//!
//! ```
//! use adsum::arbitrary::Inputs;
//! use adsum::{Config, Engine};
//!
//! // The body of a fuzz target.
//! fn run(bytes: &[u8]) {
//!     let mut engine = Engine::<String, u8>::new(Config::default());
//!     let mut inputs = Inputs::new(bytes);
//!     while let Some((now, event)) = inputs.next(&engine, |byte| format!("user {byte}"), |p| p) {
//!         if let Ok(decisions) = engine.apply(now, event) {
//!             decisions.for_each(|decision| { /* hold your host against it */ });
//!         }
//!         assert_eq!(engine.verify(), Ok(()));
//!     }
//! }
//! run(b"any bytes at all, the longer the better");
//! ```

use crate::engine::Engine;
use crate::event::{Event, LostCause};
use crate::key::{DeviceKind, SessionKey, TopicKey};
use crate::queries::Session;
use crate::time::Time;
use crate::topic::{Join, TopicBlocks, TopicOptions, View};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

const CAUSES: [LostCause; 4] =
    [LostCause::ConnectionError, LostCause::Timeout, LostCause::NodeLoss, LostCause::GoingAway];
/// Bytes that one input is made of.
const INPUT: usize = 6;
/// Users whom bytes name: few, so that they meet.
const USERS: u8 = 8;
/// The number of keys remembered to be handed in again when they are stale.
const REMEMBERED: usize = 32;

/// A source of inputs. See the [module](self).
#[derive(Clone, Debug)]
pub struct Inputs<'b> {
    bytes: &'b [u8],
    /// Keys of sessions that were handed in, the latest last.
    seen: VecDeque<SessionKey>,
}

/// What kind of session a verb is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    Any,
    Attached,
    Detached,
    Congested,
}

impl<'b> Inputs<'b> {
    /// Returns the inputs that these bytes make: one for each six of them.
    #[must_use]
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, seen: VecDeque::new() }
    }

    /// Returns the next input for this engine, and its moment; `None` when the bytes are used up.
    ///
    /// `user` makes an id of a byte, of which there are eight, and `presence` a presence of any
    /// byte.
    ///
    /// # Costs
    /// O(n) in the number of the engine's sessions.
    pub fn next<K, P, S>(
        &mut self,
        engine: &Engine<K, P, S>,
        mut user: impl FnMut(u8) -> K,
        mut presence: impl FnMut(u8) -> P,
    ) -> Option<(Time, Event<K, P>)>
    where
        K: Eq + Hash,
        S: BuildHasher,
    {
        let (input, left) = self.bytes.split_first_chunk::<INPUT>()?;
        self.bytes = left;
        let [verb, time, who, x, y, z] = *input;
        let now = moment(engine, time);
        let mut make = Make { user: &mut user, presence: &mut presence };
        // In an empty house somebody comes.
        let nobody_there = engine.counts().sessions == 0 && who % 16 != 15;
        let verb = if nobody_there { 0 } else { verb % 54 };
        let event = match verb {
            0..=4 => {
                let (audience, blocked) = (make.list(x), make.list(y & z & 0x55));
                Event::Connect { user: make.id(who), kind: DeviceKind(z % 3), audience, blocked }
            }
            14 => Event::Disconnect { session: self.session(engine, who, Meant::Any) },
            17 | 18 => Event::Resume { session: self.session(engine, who, Meant::Detached) },
            19 => Event::Heartbeat { session: self.session(engine, who, Meant::Any) },
            20 => Event::AudienceAdd { user: make.id(who), contacts: make.list(x) },
            21 => Event::AudienceRemove { user: make.id(who), contacts: make.list(x) },
            22 => Event::AudienceReplace { user: make.id(who), contacts: make.list(x) },
            23 => Event::Block { user: make.id(who), other: make.id(x) },
            24 => Event::Unblock { user: make.id(who), other: make.id(x) },
            28 => Event::Writable { session: self.session(engine, who, Meant::Congested) },
            29 => Event::System { users: make.list(x), presence: make.presence(y) },
            30 => Event::Expel { user: make.id(who) },
            34..=46 => self.in_topic(engine, &mut make, [verb, who, x, y, z]),
            47 => Event::Advance,
            _ => {
                let session = self.session(engine, who, Meant::Attached);
                of_session(session, engine.now().max(now), [verb, x, y, z], &mut make)
            }
        };
        Some((now, event))
    }

    /// Makes an input about a topic, of which there are as many as users.
    fn in_topic<K, P, S>(
        &mut self,
        engine: &Engine<K, P, S>,
        make: &mut Make<'_, K, P>,
        [verb, who, x, y, z]: [u8; 5],
    ) -> Event<K, P>
    where
        K: Eq + Hash,
        S: BuildHasher,
    {
        let view = match z % 6 {
            0 => View::Nothing,
            1 => View::Count,
            2 => View::Sample(u16::from(y % 3)),
            _ => View::All,
        };
        let in_one = |session: &Session<'_, K, P>| engine.topics_of(session.key).count() > 0;
        let session = match verb {
            34..=37 => self.session(engine, who, Meant::Attached),
            _ => self.session_that(engine, who, |one| one.is_attached() && in_one(one)),
        };
        // Its topics, and now and then one that it is not in.
        let own: Vec<TopicKey> = engine.topics_of(session).map(|topic| topic.key()).collect();
        let stale = TopicKey::from_bits((u64::from(x) + 1, u32::from(y % 4)));
        let nth = usize::from(x) % own.len().max(1);
        let topic = own.get(nth).copied().filter(|_| x < 0xf0).or(stale);
        let Some(topic) = topic.filter(|_| verb > 37) else {
            let presence = (y % 3 > 0).then(|| make.presence(y));
            let join = match y % 5 {
                0 => Join::Observer { view },
                _ => Join::Member { presence, view },
            };
            return Event::Join { session, topic: make.id(x), join };
        };
        match verb {
            38 | 39 => Event::Update { session, topic, presence: make.presence(y) },
            40 => Event::Leave { session, topic },
            41 => Event::Look { session, topic, view },
            42 => Event::LookAt { session, topic, users: make.list(y & z) },
            43 => {
                let for_ms = (z % 2 == 0).then(|| lasting(z));
                Event::Say { session, topic, presence: make.presence(y), for_ms }
            }
            44 => Event::Remove { topic: make.id(x), user: make.id(y) },
            45 => Event::Close { topic: make.id(x) },
            _ => {
                let (full_up_to, sample) = (1 + u32::from(y % 4), 1 + u16::from(z % 2));
                let coalesce_ms = [0, 0, 50, 300][usize::from(z % 4)];
                let default = engine.options().topics;
                let hides = z % 4 == 1;
                let blocks = if hides { TopicBlocks::Hidden } else { TopicBlocks::Ignored };
                let options = TopicOptions { full_up_to, sample, coalesce_ms, blocks, ..default };
                // One that is there, if there is any.
                let some = (0..USERS).map(|topic| x.wrapping_add(topic));
                let some = some.map(|topic| make.id(topic)).find(|id| engine.topic(id).is_some());
                Event::TopicOptions { topic: some.unwrap_or_else(|| make.id(x)), options }
            }
        }
    }

    /// Returns the key of a session that the verb is meant for, if there is one and the byte does
    /// not ask for one that may be stale.
    fn session<K, P, S>(&mut self, engine: &Engine<K, P, S>, who: u8, meant: Meant) -> SessionKey
    where
        K: Eq + Hash,
        S: BuildHasher,
    {
        self.session_that(engine, who, |session| match meant {
            Meant::Any => true,
            Meant::Attached => session.is_attached(),
            Meant::Detached => !session.is_attached(),
            Meant::Congested => session.is_congested,
        })
    }

    /// Returns the key of a session of which `is_meant` says so, likewise.
    fn session_that<K, P, S>(
        &mut self,
        engine: &Engine<K, P, S>,
        who: u8,
        is_meant: impl Fn(&Session<'_, K, P>) -> bool,
    ) -> SessionKey
    where
        K: Eq + Hash,
        S: BuildHasher,
    {
        const STALE: u8 = 0xe0;
        let of = |meant: bool| {
            let all = engine.all_sessions().filter(|session| !meant || is_meant(session));
            all.map(|session| session.key).collect::<Vec<_>>()
        };
        let mut candidates = of(true);
        if candidates.is_empty() {
            candidates = of(false);
        }
        if (who >= STALE || candidates.is_empty()) && !self.seen.is_empty() {
            return self.seen[usize::from(who) % self.seen.len()];
        }
        let Some(key) = candidates.get(usize::from(who) % candidates.len().max(1)).copied() else {
            return SessionKey::from_bits((1 << 32 | u64::from(who), 0))
                .expect("its generation is not zero");
        };
        if !self.seen.contains(&key) {
            self.seen.push_back(key);
            if self.seen.len() > REMEMBERED {
                self.seen.pop_front();
            }
        }
        key
    }
}

/// Makes ids and presences of bytes.
struct Make<'m, K, P> {
    user: &'m mut dyn FnMut(u8) -> K,
    presence: &'m mut dyn FnMut(u8) -> P,
}

impl<K, P> Make<'_, K, P> {
    fn id(&mut self, byte: u8) -> K {
        (self.user)(byte % USERS)
    }

    fn list(&mut self, mask: u8) -> Vec<K> {
        (0..USERS).filter(|user| mask & (1 << user) != 0).map(|user| self.id(user)).collect()
    }

    fn presence(&mut self, byte: u8) -> P {
        (self.presence)(byte)
    }
}

/// Returns an input of an attached session, made of a verb and three more bytes.
fn of_session<K, P>(
    session: SessionKey,
    now: Time,
    [verb, x, y, z]: [u8; 4],
    make: &mut Make<'_, K, P>,
) -> Event<K, P> {
    match verb {
        5..=8 | 48..=52 => Event::Publish { session, presence: make.presence(x) },
        9 => {
            let until = now.saturating_add(lasting(y));
            let then = (z % 2 == 0).then(|| make.presence(z));
            Event::PublishUntil { session, presence: make.presence(x), until, then }
        }
        10 => Event::Withdraw { session },
        11 | 12 => Event::Direct { session, users: make.list(x & z), presence: make.presence(y) },
        13 => {
            let (users, presence) = (make.list(x & z), make.presence(y));
            Event::DirectFor { session, users, presence, for_ms: lasting(y) }
        }
        15 | 16 => {
            let cause = CAUSES[usize::from(x % 4)];
            let grace_ms = (y % 4 == 3).then_some(u64::from(z) * 100);
            Event::Lost { session, cause, grace_ms }
        }
        25 => Event::Invisible { session },
        26 => Event::Visible { session },
        27 => Event::Congested { session },
        31 | 32 => Event::Watch { session, users: make.list(x) },
        33 => Event::Unwatch { session, users: make.list(x) },
        _ => Event::Active { session },
    }
}

/// Returns for how long something holds, in milliseconds: not at all, a little, up to minutes.
fn lasting(byte: u8) -> u64 {
    u64::from(byte) * u64::from(byte) * [1, 10][usize::from(byte % 2)]
}

/// Returns a moment: now, a little later or earlier, or around the next deadline.
fn moment<K: Eq + Hash, P, S: BuildHasher>(engine: &Engine<K, P, S>, time: u8) -> Time {
    let now = engine.now();
    let some = u64::from(time / 16);
    match time % 16 {
        0..=7 => now,
        8..=10 => now.saturating_add(some * some),
        11 => Time::from_millis(now.as_millis().saturating_sub(some)),
        12 | 13 => engine.deadline().unwrap_or(now),
        14 => engine.deadline().unwrap_or(now).saturating_add(some),
        _ if some < 12 => now.saturating_add(some * some * 100),
        _ => now.saturating_add(some * 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::connect::Connect;
    use crate::hasher::tests::Plain;
    use alloc::collections::BTreeSet;

    fn engine() -> Engine<u8, u8, Plain> {
        Engine::with_hasher(Config::default(), Plain)
    }

    fn only(bytes: [u8; INPUT], engine: &Engine<u8, u8, Plain>) -> Event<u8, u8> {
        Inputs::new(&bytes).next(engine, |user| user, |p| p).expect("there is one").1
    }

    /// Whatever the verb is: so few bytes are wasted, and yet what can happen there is tried, too.
    #[test]
    fn in_an_empty_house_somebody_comes_but_for_one_time_in_sixteen() {
        const ADVANCE: u8 = 47;
        for who in 0..=u8::MAX {
            let event = only([ADVANCE, 0, who, 0, 0, 0], &engine());
            assert_eq!(matches!(event, Event::Advance), who & 0xf == 0xf, "{who}: {event:?}");
        }
    }

    #[test]
    fn each_byte_that_asks_for_a_key_that_may_be_stale_names_another() {
        const HEARTBEAT: u8 = 19;
        let mut engine = engine();
        for user in 0..40 {
            engine
                .connect(Time::ZERO, Connect::new(user))
                .expect("there is room")
                .1
                .for_each(|_| {});
        }
        let all = (0..40).chain(0xe0..=u8::MAX);
        let bytes: Vec<_> = all.flat_map(|who| [HEARTBEAT, 0, who, 0, 0, 0]).collect();
        let mut inputs = Inputs::new(&bytes);
        let mut named = Vec::new();
        while let Some((_, event)) = inputs.next(&engine, |user| user, |p| p) {
            match event {
                Event::Heartbeat { session } => named.push(session),
                other => panic!("{other:?} is no heartbeat"),
            }
        }
        // The last that were handed in.
        let (handed_in, again) = named.split_at(40);
        let again: BTreeSet<_> = again.iter().map(|key| key.to_bits()).collect();
        assert_eq!(again, handed_in[8..].iter().map(|key| key.to_bits()).collect());
    }
}
