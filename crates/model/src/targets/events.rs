//! Any events at any moments, with any keys and any lists, under any options: nothing is decoded
//! relative to what is so, as nothing is where a hostile host records or makes up its inputs. The
//! engine must not panic, a refusal must change nothing, and all of it is held against the model.

use crate::host::Given;
use crate::told::{Names, Ordinal};
use crate::{Attachment, Choice, Event, Setup, User, World};
use adsum::{
    Config, Counts, DefaultHashBuilder, DeviceKind, DirectTo, Engine, Grace, Join, Lease,
    LostCause, OfflineNotices, Options, OverLimit, Rate, SessionKey, Time, TopicBlocks, TopicKey,
    TopicOptions, View,
};

/// No more events than this are read: the model looks at everyone for everything.
const MAX_EVENTS: u64 = 96;
/// Nor longer lists.
const MAX_LIST: usize = 600;

/// Gives the engine the events that these bytes stand for; says how many there were.
///
/// # Panics
/// Where the engine and the model differ, and where a refusal has changed something.
pub fn run(bytes: &[u8]) -> u64 {
    let Some((config, choice, script)) = script(bytes) else {
        return 0;
    };
    let mut hasty = engine(config, choice);
    let mut events = 0;
    for (now, event) in script {
        events += 1;
        drain_in_haste(&mut hasty, events, now, event);
    }
    events
}

/// Options, how a session is chosen if one is, and events with their moments.
pub type Script = (Config, Option<Choice>, Vec<(Time, Event)>);

/// Returns what these bytes stand for, once it has been held against the model; `None` if the
/// options are refused.
///
/// # Panics
/// As [`run`] does.
pub fn script(bytes: &[u8]) -> Option<Script> {
    let choice = choice(bytes);
    let mut bytes = Bytes(bytes);
    let config = Config::new(options(&mut bytes)).ok()?;
    let mut world = World::with_choice(config.options().clone(), choice);
    let (mut stream, mut script) = (Stream::default(), Vec::new());
    while !bytes.0.is_empty() && stream.events < MAX_EVENTS {
        let (now, event) = stream.event(&mut bytes, &world.names);
        input(&mut world, now, &event);
        script.push((now, event));
    }
    if let Err(difference) = world.everyone_leaves(stream.events.is_multiple_of(2)) {
        panic!("{difference}");
    }
    Some((config, choice, script))
}

/// Makes an engine whose host drains it in haste.
fn engine(config: Config, choice: Option<Choice>) -> Engine<User, u32> {
    match choice {
        None => Engine::new(config),
        Some(choice) => {
            let hasher = DefaultHashBuilder::default();
            Engine::with_representative(config, hasher, choice.represent())
        }
    }
}

fn input(world: &mut World, now: Time, event: &Event) {
    let before = world.host.engine.stats();
    let seen = Seen::of(world);
    if let Err(difference) = world.input(now, event) {
        panic!("{difference}");
    }
    if world.host.engine.stats().refusals > before.refusals {
        seen.must_be_so_still(world, event);
    }
}

/// What there is to be seen of an engine beside what the model says of users and sessions.
struct Seen {
    counts: Counts,
    now: Time,
    deadline: Option<Time>,
    notices: u64,
}

impl Seen {
    fn of(world: &World) -> Self {
        let engine = &world.host.engine;
        let notices = engine.stats().notices;
        Self { counts: engine.counts(), now: engine.now(), deadline: engine.deadline(), notices }
    }

    fn must_be_so_still(self, world: &World, event: &Event) {
        let Self { counts, now, deadline, notices } = Self::of(world);
        let is_so = (counts, now, deadline, notices);
        let was_so = (self.counts, self.now, self.deadline, self.notices);
        assert_eq!(is_so, was_so, "{event:?} was refused");
    }
}

/// Applies the same events to a second engine, whose host often drops a drain half-way.
fn drain_in_haste(engine: &mut Engine<User, u32>, events: u64, now: Time, event: Event) {
    let take = [usize::MAX, 0, 1, 3][events as usize % 4];
    if let Ok(mut decisions) = engine.apply(now, event) {
        for _ in 0..take {
            if decisions.next().is_none() {
                break;
            }
        }
    }
    assert_eq!(engine.verify(), Ok(()), "after a drain dropped half-way");
}

/// Bytes that are taken one after the other; zeros once they are at their end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let (now, later) = self.0.split_at(self.0.len().min(N));
        taken[..now.len()].copy_from_slice(now);
        self.0 = later;
        taken
    }

    fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    /// Takes one of few users, so that they meet.
    fn user(&mut self) -> User {
        self.u8().into()
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

/// Reads how a session is chosen that speaks for each user, if contacts are told one state: of the
/// first byte, which decides on the options too.
fn choice(bytes: &[u8]) -> Option<Choice> {
    let first = bytes.first().filter(|first| (0x40..0x78).contains(*first))?;
    Some(Choice::ALL[usize::from((first - 0x40) / 8)])
}

/// Reads options: small limits, the presets, or any numbers at all.
fn options(bytes: &mut Bytes<'_>) -> Options {
    match bytes.u8() % 8 {
        0..=3 => Setup(bytes.take()).options(),
        4 => Options::default(),
        5 => Options::tim(),
        _ => any_options(bytes),
    }
}

fn any_options(bytes: &mut Bytes<'_>) -> Options {
    let flags = bytes.u8();
    let over_limit = match flags & 2 {
        0 => OverLimit::Refuse,
        _ => OverLimit::EvictOldest { min_age_ms: bytes.u32().into() },
    };
    let offline_notices = match flags >> 2 & 3 {
        0 => OfflineNotices::ToAllContacts,
        1 => OfflineNotices::Never,
        _ => OfflineNotices::ToWhoeverSaw,
    };
    let grace = any_grace(bytes);
    let lease = (flags & 64 == 0)
        .then(|| Lease { lease_ms: bytes.u32().into(), heartbeat_ms: bytes.u8().into() });
    let (max_sessions, per_kind) = (bytes.u16(), bytes.u16());
    let [max_audience, max_blocked, max_direct, max_told] = [(); 4].map(|()| bytes.u32());
    let publish_rate =
        (flags & 128 == 0).then(|| Rate { burst: bytes.u32(), interval_ms: bytes.u32() });
    Options {
        own_echo: flags & 1 == 0,
        snapshot_on_connect: flags & 16 == 0,
        offline_notices,
        direct_to: if flags & 32 == 0 { DirectTo::Anyone } else { DirectTo::Contacts },
        grace,
        lease,
        max_sessions,
        max_sessions_per_kind: Some(per_kind).filter(|limit| *limit > 0),
        over_limit,
        max_audience,
        max_blocked,
        max_direct,
        max_watched: 1 + max_blocked % 1_000,
        topics: TopicOptions::default(),
        max_topics: 100,
        max_topic_named: 500,
        topic_rate: None,
        // Fewer would be refused.
        max_told: max_told.max(max_direct),
        publish_rate,
        idle_after_ms: [Some(1), None, Some(1_000), Some(7 * 86_400_000)][max_told as usize % 4],
        // Of bytes that decide on something else too, so that older streams mean what they did.
        direct_rate: publish_rate.filter(|_| max_direct % 2 == 1),
        max_expiry_ms: [7 * 86_400_000, 1, 1_000, 366 * 86_400_000][max_audience as usize % 4],
        settle_ms: [10_000, 0, 60_000, 7][max_blocked as usize % 4],
        skew_ms: 500,
    }
}

fn any_grace(bytes: &mut Bytes<'_>) -> Grace {
    let (connection_error_ms, timeout_ms) = (bytes.u32().into(), bytes.u16().into());
    let node_loss_ms = bytes.u8().into();
    Grace { connection_error_ms, timeout_ms, node_loss_ms, going_away_ms: node_loss_ms / 2 }
}

/// What a host has said so far.
#[derive(Default)]
struct Stream {
    events: u64,
    last: u64,
}

impl Stream {
    fn event(&mut self, bytes: &mut Bytes<'_>, given: &Names) -> (Time, Event) {
        self.events += 1;
        let head = bytes.u8();
        let now = self.moment(head / VERBS, bytes);
        let verb = if head < LATER_VERBS { head % VERBS } else { head };
        (now, self.verb(verb, bytes, given))
    }

    /// Draws mostly the last moment, one a little or much later, somewhat earlier, or any at all.
    fn moment(&mut self, how: u8, bytes: &mut Bytes<'_>) -> Time {
        self.last = match how {
            8 => self.last.saturating_add(bytes.u8().into()),
            9 => self.last.saturating_add(u64::from(bytes.u8()) * 1_000),
            10 => self.last.saturating_add(bytes.u32().into()),
            11 => self.last.saturating_sub(bytes.u8().into()),
            12 => bytes.u64(),
            _ => self.last,
        };
        Time::from_millis(self.last)
    }

    fn verb(&self, verb: u8, bytes: &mut Bytes<'_>, given: &Names) -> Event {
        let presence = self.events as u32;
        match verb {
            0 => Event::Connect {
                user: bytes.user(),
                kind: DeviceKind(bytes.u8()),
                audience: list(bytes),
                blocked: list(bytes),
            },
            1 => Event::Publish { session: key(bytes, given), presence },
            2 => Event::Direct { session: key(bytes, given), users: list(bytes), presence },
            3 => Event::Disconnect { session: key(bytes, given) },
            4 => {
                let (cause, grace_ms) = loss(bytes.u8());
                Event::Lost { session: key(bytes, given), cause, grace_ms }
            }
            5 => Event::Resume { session: key(bytes, given) },
            6 => Event::Heartbeat { session: key(bytes, given) },
            7 => Event::AudienceAdd { user: bytes.user(), contacts: list(bytes) },
            8 => Event::AudienceRemove { user: bytes.user(), contacts: list(bytes) },
            9 => Event::AudienceReplace { user: bytes.user(), contacts: list(bytes) },
            10 => Event::Block { user: bytes.user(), other: bytes.user() },
            11 => Event::Unblock { user: bytes.user(), other: bytes.user() },
            12 => Event::Invisible { session: key(bytes, given) },
            13 => Event::Visible { session: key(bytes, given) },
            14 => Event::Congested { session: key(bytes, given) },
            15 => Event::Writable { session: key(bytes, given) },
            16 => Event::System { users: list(bytes), presence },
            17 => Event::Expel { user: bytes.user() },
            LATER_VERBS => Event::Withdraw { session: key(bytes, given) },
            0xf8 => Event::Watch { session: key(bytes, given), users: list(bytes) },
            0xf9 => Event::Unwatch { session: key(bytes, given), users: list(bytes) },
            0xfc => Event::Active { session: key(bytes, given) },
            0xfa..=0xfb => {
                let (session, how) = (key(bytes, given), bytes.u8());
                let until = Time::from_millis(self.last.saturating_add(lasting(how, bytes)));
                let then = (how % 2 == 0).then_some(presence | 1 << 31);
                Event::PublishUntil { session, presence, until, then }
            }
            u8::MAX => of_topics(presence, bytes, given),
            0xfd.. => {
                let (session, users, how) = (key(bytes, given), list(bytes), bytes.u8());
                Event::DirectFor { session, users, presence, for_ms: lasting(how, bytes) }
            }
            _ => Event::Advance,
        }
    }
}

/// Reads what somebody does in a topic, or what is done to one.
fn of_topics(presence: u32, bytes: &mut Bytes<'_>, given: &Names) -> Event {
    let (verb, how) = (bytes.u8(), bytes.u8());
    let name = User::from(how % 4);
    let view = match how / 4 % 4 {
        0 => View::Nothing,
        1 => View::Count,
        2 => View::Sample(how.into()),
        _ => View::All,
    };
    if verb % 16 >= 12 {
        return match verb % 16 {
            12 => Event::Remove { topic: name, user: bytes.user() },
            13 => Event::Close { topic: name },
            _ => Event::TopicOptions { topic: name, options: any_topic_options(bytes) },
        };
    }
    let session = key(bytes, given);
    if verb % 16 < 5 {
        let join = match how / 16 % 4 {
            0 => Join::Observer { view },
            1 => Join::Member { presence: Some(presence), view },
            _ => Join::Member { presence: None, view },
        };
        return Event::Join { session, topic: name, join };
    }
    let topic = topic_key(bytes, given);
    match verb % 16 {
        5 | 6 => Event::Update { session, topic, presence },
        7 => Event::Leave { session, topic },
        8 => Event::Look { session, topic, view },
        9 => Event::LookAt { session, topic, users: list(bytes) },
        _ => {
            let for_ms = (verb / 16 % 2 == 0).then(|| lasting(how, bytes));
            Event::Say { session, topic, presence, for_ms }
        }
    }
}

/// Reads options of one topic, some of them out of range.
fn any_topic_options(bytes: &mut Bytes<'_>) -> TopicOptions {
    let [full_up_to, sample, coalesce, members] = bytes.take();
    TopicOptions {
        full_up_to: (full_up_to % 8).into(),
        sample: (sample % 8).into(),
        coalesce_ms: u32::from(coalesce) * 250,
        max_members: (members % 16).into(),
        blocks: if members < 0x80 { TopicBlocks::Ignored } else { TopicBlocks::Hidden },
    }
}

/// Reads the key of a topic: mostly one that was given out, or any number.
fn topic_key(bytes: &mut Bytes<'_>, given: &Names) -> TopicKey {
    let how = bytes.u8();
    let known = given.topic(usize::from(how)).filter(|_| how < 0xe0);
    let read = known.or_else(|| TopicKey::from_bits((bytes.u8().into(), bytes.u8().into())));
    read.unwrap_or_else(|| Given::from(Attachment::NONE).topic)
}

/// Reads a key: one that was given out, mostly a session's last, a guess that is close to such
/// keys, or any number.
fn key(bytes: &mut Bytes<'_>, given: &Names) -> SessionKey {
    let how = bytes.u8();
    let place = usize::from(how);
    let read = match given.len() {
        len if len > 0 && how < 0xd0 => {
            let session = place % len;
            // Of every fourth session, another key than the last, if it had one.
            let before = Ordinal { session, attachment: place / len / 4 };
            let before = given.key(before).filter(|_| place / len % 4 == 3);
            before.or_else(|| given.last_key(session))
        }
        _ if how < 0xf0 => {
            let [session, slot] = bytes.take();
            let (index, generation) = (u64::from(session & 15), u64::from(session >> 4) + 1);
            let far = u32::from(slot >> 7) << 31;
            SessionKey::from_bits((generation << 32 | index, far | u32::from(slot & 0x7f)))
        }
        _ => SessionKey::from_bits((bytes.u64(), bytes.u64() as u32)),
    };
    read.unwrap_or(Attachment::NONE.key)
}

/// Returns why a connection was lost, and the grace of that one loss, if it has one.
fn loss(how: u8) -> (LostCause, Option<u64>) {
    const LIMIT: u64 = Grace::LIMIT_MS;
    let causes = [LostCause::ConnectionError, LostCause::Timeout, LostCause::NodeLoss];
    match how {
        ..0xc0 => (causes[usize::from(how) % causes.len()], None),
        0xc0..0xe0 => (LostCause::GoingAway, None),
        _ => {
            let graces = [0, 1, 1_000, LIMIT - 1, LIMIT, LIMIT + 1, u64::MAX];
            (LostCause::GoingAway, Some(graces[usize::from(how) % graces.len()]))
        }
    }
}

/// Reads for how long something holds: a little, mostly, or any time at all.
fn lasting(how: u8, bytes: &mut Bytes<'_>) -> u64 {
    match how {
        ..0xc0 => bytes.u8().into(),
        0xc0..0xf0 => u64::from(bytes.u8()) * 1_000,
        _ => bytes.u64(),
    }
}

const VERBS: u8 = 19;
/// From this byte on there is no other moment left, so that older streams mean what they did; it
/// stands for verbs that came later.
const LATER_VERBS: u8 = VERBS * (u8::MAX / VERBS);

/// Reads a list: any users, or users in a row, over and over.
fn list(bytes: &mut Bytes<'_>) -> Vec<User> {
    let count = bytes.u8();
    if count < 0xe0 {
        return (0..count % 16).map(|_| bytes.user()).collect();
    }
    let [first, count, times] = bytes.take();
    let row = (0..count).map(|nth| User::from(first.wrapping_add(nth)));
    (0..times % 4 + 1).flat_map(|_| row.clone()).take(MAX_LIST).collect()
}
