//! What strangers can make grow, and what a long list costs: in entries, in hashes, in memory at
//! once, and, where a step is a move within a list, in the time of a step at one size and another.

use crate::common::{at, config, drain};
use adsum::{
    Config, Connect, Counts, Decision, DeviceKind, DirectTo, Engine, Join, Lease, LostCause,
    OfflineNotices, Options, Origin, RemoteMember, RemoteSession, RemoteState, SessionId,
    SessionKey, View,
};
use allocation_counter::measure;
use std::cell::Cell;
use std::hash::{BuildHasher, DefaultHasher};
use std::hint::black_box;
use std::time::{Duration, Instant};

const SHRUNK: bool = cfg!(feature = "shrunk");
/// The most receivers of one decision.
const CHUNK: u32 = if SHRUNK { 4 } else { 4_096 };
/// The most notes, for whoever has a short list.
const NOTES: usize = if SHRUNK { 4 } else { 1_024 };

thread_local! {
    static HASHED: Cell<u64> = const { Cell::new(0) };
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// Counts what is dropped.
struct Dropping;

impl Drop for Dropping {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

/// Counts what is hashed: every look-up does so once.
#[derive(Clone, Default)]
struct Counting;

impl BuildHasher for Counting {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        HASHED.set(HASHED.get() + 1);
        DefaultHasher::new()
    }
}

type Counted = Engine<u32, u32, Counting>;

fn engine(change: impl FnOnce(&mut Options)) -> Counted {
    let config: Config = config(|options| {
        (options.publish_rate, options.direct_rate) = (None, None);
        change(options);
    });
    Engine::with_hasher(config, Counting)
}

fn connect(engine: &mut Counted, user: u32, audience: impl IntoIterator<Item = u32>) -> SessionKey {
    let connected = engine.connect(at(0), Connect::new(user).audience(audience));
    let (key, decisions) = connected.expect("there is room");
    decisions.for_each(|_| {});
    key
}

/// Takes all decisions; says how many receivers each had.
fn receivers(engine: &mut Counted, session: SessionKey) -> Vec<usize> {
    let mut receivers = Vec::new();
    let mut decisions = engine.publish(at(0), session, 1).expect("it is attached");
    while let Some(decision) = decisions.next() {
        if let Decision::Deliver { to, .. } = decision {
            receivers.push(to.len());
        }
    }
    receivers
}

/// Whoever lists a slow reader that lists nobody makes it remember no more than a mark (rule 14).
#[test]
fn strangers_cannot_make_a_slow_reader_cost_more() {
    const STRANGERS: u32 = 5_000;
    const READER: u32 = STRANGERS;
    for leaves in [false, true] {
        let mut engine = engine(|options| {
            options.offline_notices = OfflineNotices::ToAllContacts;
            options.direct_to = DirectTo::Anyone;
        });
        let reader = connect(&mut engine, READER, []);
        drain(engine.congested(at(0), reader).expect("it is attached"));
        for stranger in 0..STRANGERS {
            let session = connect(&mut engine, stranger, [READER]);
            drain(engine.publish(at(0), session, 1).expect("it is attached"));
            if leaves {
                drain(engine.disconnect(at(0), session).expect("it is there"));
            }
            let Counts { missed, users_known, users_online, .. } = engine.counts();
            assert!(missed <= NOTES, "{missed} notes");
            assert!(users_known <= users_online + NOTES, "{users_known} are known");
        }
        let Counts { missed, users_known, users_online, .. } = engine.counts();
        assert_eq!((missed, users_known), (0, users_online), "a mark is in place of all");
        let decisions = drain(engine.writable(at(0), reader).expect("it is attached"));
        assert_eq!(decisions.len(), 1, "a snapshot");
        assert_eq!(engine.verify(), Ok(()));
    }
}

/// However many sessions end in one drain, it needs the memory of one decision.
#[test]
fn a_hundred_thousand_ends_in_one_tick_take_the_memory_of_one_decision() {
    const PEOPLE: u32 = if SHRUNK { 10_000 } else { 100_000 };
    const LEASE_MS: u64 = 90_000;
    let mut engine = engine(|options| {
        options.lease = Some(Lease { lease_ms: LEASE_MS, heartbeat_ms: 30_000 });
    });
    let come = |engine: &mut Counted, millis: u64| -> Vec<SessionKey> {
        let come = |person: u32| {
            let connect = Connect::new(person).audience([person ^ 1]);
            let (key, decisions) = engine.connect(at(millis), connect).expect("there is room");
            decisions.for_each(|_| {});
            let decisions = engine.publish(at(millis), key, 1).expect("it is attached");
            decisions.for_each(|_| {});
            key
        };
        (0..PEOPLE).map(come).collect()
    };
    // Everything but the drain is warm: tables have been full and empty, and as many deadlines
    // have been due in one tick.
    for key in come(&mut engine, 0) {
        engine.disconnect(at(1), key).expect("it is there").for_each(|_| {});
    }
    come(&mut engine, 2);
    engine.advance(at(2 + LEASE_MS)).for_each(|_| {});
    assert_eq!(engine.counts().detached, PEOPLE as usize);
    let mut ends = 0;
    let memory = measure(|| {
        let mut decisions = engine.advance(at(2 + LEASE_MS + 15_000));
        while let Some(decision) = decisions.next() {
            ends += u32::from(matches!(decision, Decision::Ended { .. }));
        }
    });
    assert_eq!((ends, engine.counts()), (PEOPLE, Counts::default()));
    assert!(memory.bytes_max < 4_096, "{memory:?}");
}

/// A fan-out that just fits is one decision, whatever its receivers look like (rule 2).
#[test]
fn a_fan_out_that_just_fits_is_one_decision() {
    for (sessions, surplus) in [(1, 0), (1, 1), (2, 0), (4, 0), (4, 4)] {
        let mut engine = engine(|options| options.snapshot_on_connect = true);
        let users = (CHUNK + surplus) / sessions;
        let hub = connect(&mut engine, users, 0..users);
        for user in 0..users {
            for _ in 0..sessions {
                connect(&mut engine, user, []);
            }
        }
        let mut expected = vec![CHUNK as usize];
        expected.extend((surplus > 0).then_some(surplus as usize));
        assert_eq!(receivers(&mut engine, hub), expected, "{users} users of {sessions}");
    }
}

/// Whoever was found for a decision that nobody took hears nothing of the next notice.
#[test]
fn a_drain_that_is_dropped_tells_nobody_of_something_else() {
    // With two devices each, more are found at once than a decision takes.
    for sessions in [1, 2, 3] {
        let mut engine = engine(|options| options.snapshot_on_connect = true);
        let hub = connect(&mut engine, CHUNK, 0..CHUNK);
        for user in 0..CHUNK {
            for _ in 0..sessions {
                connect(&mut engine, user, []);
            }
        }
        let stranger = connect(&mut engine, CHUNK + 1, [CHUNK + 2]);
        connect(&mut engine, CHUNK + 2, []);
        for taken in 0..sessions {
            let mut decisions = engine.publish(at(0), hub, 1).expect("the key is good");
            for _ in 0..taken {
                assert!(matches!(decisions.next(), Some(Decision::Deliver { .. })));
            }
            drop(decisions);
            assert_eq!(receivers(&mut engine, stranger), [1], "{taken} of {sessions} were taken");
        }
    }
}

/// That one of very many contacts is blocked costs a publish no look-up (rule 9).
#[test]
fn a_publish_looks_nobody_up_whoever_is_blocked() {
    const CONTACTS: u32 = if SHRUNK { 10_000 } else { 100_000 };
    let mut engine = engine(|options| options.max_audience = CONTACTS);
    let hub = connect(&mut engine, CONTACTS, 0..CONTACTS);
    for contact in 0..64 {
        connect(&mut engine, contact * 100, [CONTACTS]);
    }
    let told = |engine: &mut Counted| {
        HASHED.set(0);
        (receivers(engine, hub).into_iter().sum::<usize>(), HASHED.get())
    };
    assert_eq!(told(&mut engine), (64, 0));
    drain(engine.block(at(0), &300, CONTACTS).expect("there is room"));
    drain(engine.block(at(0), &CONTACTS, 500).expect("there is room"));
    assert_eq!(told(&mut engine), (62, 0), "whoever has blocked whom");
    drain(engine.unblock(at(0), &300, &CONTACTS).expect("it cannot be refused"));
    assert_eq!(told(&mut engine), (63, 0));
}

#[allow(clippy::disallowed_methods, reason = "what is measured is time")]
fn time(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

/// The time of a step may grow like a logarithm, with a wide margin; in proportion to the list it
/// would be sixteen times as long.
fn must_be_alike(what: &str, few: Duration, many: Duration) {
    assert!(many < 6 * few, "{what}: a step takes {few:?} among few, {many:?} among many");
}

/// A second device replaces half of those whom the first has blocked by as many others (rule 9).
#[test]
fn to_replace_many_blocked_takes_as_long_for_each_as_to_replace_few() {
    const MANY: u32 = 1 << 15;
    const FEW: u32 = MANY / 16;
    let mut best = [Duration::MAX; 2];
    for _ in 0..3 {
        for (best, count) in best.iter_mut().zip([FEW, MANY]) {
            let mut engine = engine(|options| options.max_blocked = MANY);
            // Of each three two, and all are known at once: so of those before one in two stays,
            // between those who go and those who come.
            let all = 1..=count / 2 * 3;
            let mut connect = |but: u32| {
                let blocked = all.clone().filter(|user| user % 3 != but);
                let connect = Connect::new(0).audience(all.clone()).blocked(blocked);
                let (_, decisions) = engine.connect(at(0), connect).expect("there is room");
                decisions.for_each(|_| {});
            };
            connect(1);
            HASHED.set(0);
            *best = (time(|| connect(2)) / count).min(*best);
            let hashes = HASHED.get();
            assert!(hashes < u64::from(count) * 12, "{hashes} hashes");
            assert_eq!((engine.counts().sessions, engine.verify()), (2, Ok(())));
            assert!(engine.blocked(&0).all(|blocked| blocked % 3 != 2));
            assert_eq!(engine.counts().blocked_pairs, count as usize);
        }
    }
    must_be_alike("to replace", best[0], best[1]);
}

/// Very many block one user, whose list of those hidden from it is nobody's own (rule 9).
#[test]
fn to_block_one_takes_as_long_however_many_have() {
    const MANY: u32 = if SHRUNK { 1 << 15 } else { 1 << 16 };
    const FEW: u32 = MANY / 16;
    let mut best = [[Duration::MAX; 2]; 2];
    for _ in 0..3 {
        for (count, at_) in [(FEW, 0), (MANY, 1)] {
            let mut engine = engine(|options| options.max_audience = MANY);
            (1..=count).for_each(|user| _ = connect(&mut engine, user, []));
            let star = connect(&mut engine, 0, 1..=count);
            // Backwards, so that each has its place before all others.
            let blocked = time(|| {
                for user in (1..=count).rev() {
                    engine.block(at(0), &user, 0).expect("there is room").for_each(|_| {});
                }
            });
            assert_eq!((receivers(&mut engine, star).len(), engine.verify()), (0, Ok(())));
            let unblocked = time(|| {
                for user in 1..=count {
                    engine.unblock(at(0), &user, &0).expect("it is there").for_each(|_| {});
                }
            });
            assert_eq!(receivers(&mut engine, star).iter().sum::<usize>(), count as usize);
            for (best, taken) in best.iter_mut().zip([blocked, unblocked]) {
                best[at_] = (taken / count).min(best[at_]);
            }
        }
    }
    must_be_alike("to block", best[0][0], best[0][1]);
    must_be_alike("to unblock", best[1][0], best[1][1]);
}

/// What is counted is kept, not looked for (rule 16).
#[test]
fn counts_take_as_long_however_much_there_is() {
    const MANY: u32 = 20_000;
    let engines = [MANY / 100, MANY].map(|users| {
        let mut engine = engine(|options| options.direct_to = DirectTo::Anyone);
        let come = |user: u32| (user, connect(&mut engine, user, [(user + 1) % users]));
        let keys: Vec<(u32, SessionKey)> = (0..users).map(come).collect();
        for (user, key) in keys {
            let (other, third) = ((user + 2) % users, (user + 3) % users);
            drain(engine.block(at(0), &user, (user + 4) % users).expect("there is room"));
            drain(engine.watch(at(0), key, [other]).expect("there is room"));
            drain(engine.direct(at(0), key, &[third], 1).expect("there is room"));
            let member = Join::Member { presence: Some(1), view: View::Nothing };
            let topic = MANY + user / 10;
            engine.join(at(0), key, topic, member).expect("there is room").1.for_each(|_| {});
            drain(engine.publish(at(0), key, 1).expect("it is attached"));
            if user % 2 == 0 {
                drain(engine.congested(at(0), key).expect("it is attached"));
            }
        }
        engine
    });
    let mut best = [Duration::MAX; 2];
    for _ in 0..20 {
        for (best, engine) in best.iter_mut().zip(&engines) {
            let count = || (0..100).for_each(|_| _ = black_box(engine.counts()));
            *best = time(count).min(*best);
        }
    }
    must_be_alike("counts", best[0], best[1]);
}

/// With each decision a part of those in it goes, whether they are told or not (rule T1).
#[test]
fn a_topic_of_very_many_is_closed_in_parts() {
    const MEMBERS: u32 = 3 * CHUNK + 1;
    const TOPIC: u32 = MEMBERS;
    let mut engine = Engine::<u32, Dropping, Counting>::with_hasher(config(|_| {}), Counting);
    for user in 0..MEMBERS {
        let (key, decisions) = engine.connect(at(0), Connect::new(user)).expect("there is room");
        decisions.for_each(|_| {});
        let view = if user % 3 == 0 { View::Nothing } else { View::Count };
        let join = Join::Member { presence: Some(Dropping), view };
        engine.join(at(0), key, TOPIC, join).expect("there is room").1.for_each(|_| {});
        let decisions = match user % 8 {
            0 => engine.congested(at(0), key),
            1 => engine.lost(at(0), key, LostCause::GoingAway),
            _ => continue,
        };
        decisions.expect("it is attached").for_each(|_| {});
    }
    engine.advance(at(300)).for_each(|_| {});
    DROPPED.set(0);
    let (mut told, mut dropped) = (0, 0);
    let mut decisions = engine.close(at(300), &TOPIC);
    while let Some(decision) = decisions.next() {
        if let Decision::Deliver { to, .. } = decision {
            told += to.len();
        }
        let now = DROPPED.take();
        assert!(now <= 2 * CHUNK, "{now} are taken out at once");
        dropped += now;
    }
    drop(decisions);
    assert_eq!((dropped, told), (MEMBERS, (0..MEMBERS).filter(|user| user % 8 > 1).count()));
    assert_eq!((engine.counts().memberships, engine.verify()), (0, Ok(())));
}

/// Directed presence to very many who are remembered already (rule 3).
#[test]
fn to_remember_many_receivers_takes_as_long_for_each_as_to_remember_few() {
    const MANY: u32 = if SHRUNK { 1 << 15 } else { 1 << 17 };
    const FEW: u32 = MANY / 16;
    let mut engine = engine(|options| {
        (options.max_direct, options.max_told) = (MANY, 3 * MANY);
        options.direct_to = DirectTo::Anyone;
    });
    let keys: Vec<SessionKey> = (0..MANY).map(|user| connect(&mut engine, user, [])).collect();
    // Backwards, so that each finds its place before all that were remembered.
    let users: Vec<u32> = (2..MANY).rev().collect();
    let mut best = [Duration::MAX; 2];
    for _ in 0..3 {
        for (at_, (sender, count)) in [(keys[0], FEW), (keys[1], MANY - 2)].into_iter().enumerate()
        {
            let list = &users[..count as usize];
            let (first, second) = list.split_at(list.len() / 2);
            let mut direct = |list: &[u32]| {
                let decisions = engine.direct(at(0), sender, list, 1).expect("not too many");
                decisions.for_each(|_| {});
            };
            let taken = time(|| [first, second, list].into_iter().for_each(&mut direct));
            best[at_] = best[at_].min(taken / count);
        }
    }
    must_be_alike("to remember", best[0], best[1]);
    assert_eq!(engine.verify(), Ok(()));
}

/// Whether they were told something, or may believe something because nobody told them (rule 8).
#[test]
fn to_remove_many_contacts_takes_as_long_for_each_as_to_remove_few() {
    const MANY: u32 = 1 << 15;
    const FEW: u32 = MANY / 16;
    for notices in [OfflineNotices::ToWhoeverSaw, OfflineNotices::Never] {
        let mut best = [Duration::MAX; 2];
        for _ in 0..3 {
            for (best, count) in best.iter_mut().zip([FEW, MANY]) {
                let mut engine = engine(|options| {
                    (options.max_audience, options.max_direct) = (MANY, MANY);
                    (options.max_told, options.offline_notices) = (MANY, notices);
                });
                (1..=count).for_each(|user| _ = connect(&mut engine, user, []));
                let star = connect(&mut engine, 0, 1..=count);
                receivers(&mut engine, star);
                if notices == OfflineNotices::Never {
                    drain(engine.invisible(at(0), star).expect("it is attached"));
                } else {
                    let all: Vec<u32> = (1..=count).collect();
                    let decisions = engine.direct(at(0), star, &all, 1).expect("not too many");
                    decisions.for_each(|_| {});
                }
                let mut told = 0;
                let taken = time(|| {
                    let decisions = engine.audience_replace(at(0), &0, []).expect("it is short");
                    decisions.for_each(|decision| {
                        if let Decision::Deliver { to, .. } = decision {
                            told += to.len();
                        }
                    });
                });
                assert_eq!((told, engine.verify()), (count as usize, Ok(())));
                *best = (taken / count).min(*best);
            }
        }
        must_be_alike("to remove", best[0], best[1]);
    }
}

/// Directed presence to one after the other, and what is over of it (rules 3 and 26).
#[test]
fn to_tell_one_takes_as_long_however_many_were_told() {
    const MANY: u32 = 1 << 14;
    const FEW: u32 = MANY / 16;
    let mut best = [[Duration::MAX; 2]; 2];
    for _ in 0..3 {
        for (count, at_) in [(FEW, 0), (MANY, 1)] {
            let mut engine = engine(|options| {
                options.max_told = MANY;
                options.direct_to = DirectTo::Anyone;
            });
            (1..=count).for_each(|user| _ = connect(&mut engine, user, []));
            let sender = connect(&mut engine, 0, []);
            let mut direct = |user: u32| {
                let decisions = engine.direct_for(at(0), sender, &[user], 1, 1_000);
                decisions.expect("there is room").for_each(|_| {});
            };
            let directed = time(|| (1..=count).rev().for_each(&mut direct));
            let mut over = 0;
            let ended = time(|| engine.advance(at(1_000)).for_each(|_| over += 1));
            assert_eq!((over, engine.counts().told, engine.verify()), (count, 0, Ok(())));
            for (best, taken) in best.iter_mut().zip([directed, ended]) {
                best[at_] = (taken / count).min(best[at_]);
            }
        }
    }
    must_be_alike("to direct", best[0][0], best[0][1]);
    must_be_alike("what is over", best[1][0], best[1][1]);
}

/// What a slow reader with very many contacts misses of them (rule 14).
#[test]
fn to_note_what_was_missed_takes_as_long_however_much_was() {
    const MANY: u32 = if SHRUNK { 1 << 15 } else { 1 << 17 };
    const SOME: u32 = MANY / 16;
    let mut engine = engine(|options| options.max_audience = MANY);
    let reader = connect(&mut engine, MANY, 0..MANY);
    let keys: Vec<_> = (0..MANY).map(|user| connect(&mut engine, user, [MANY])).collect();
    drain(engine.congested(at(0), reader).expect("it is attached"));
    // Backwards, so that each finds its place before all that were noted.
    let mut publish = |some: &[SessionKey]| {
        time(|| {
            for key in some.iter().rev() {
                engine.publish(at(0), *key, 1).expect("it is attached").for_each(|_| {});
            }
        })
    };
    let parts: Vec<_> = keys.rchunks(SOME as usize).map(&mut publish).collect();
    // What other work there is on the machine is not counted.
    let (few, many) = (parts[..8].iter().min(), parts[8..].iter().min());
    must_be_alike("to note", *few.expect("there are eight"), *many.expect("and eight more"));
    assert_eq!((engine.counts().missed, engine.verify()), (MANY as usize, Ok(())));
    let decisions = engine.writable(at(0), reader).expect("it is attached");
    let mut told = 0;
    decisions.for_each(|_| told += 1);
    assert_eq!(told, MANY, "each once");
}

/// A loss that nobody hears of leaves nothing that grows: attachments that are over are forgotten.
#[test]
fn where_endings_are_not_told_memory_does_not_grow_with_them() {
    let mut engine = engine(|options| {
        options.offline_notices = OfflineNotices::Never;
        options.settle_ms = 0;
    });
    connect(&mut engine, 0, [1]);
    let mut a_day = || {
        let reader = connect(&mut engine, 1, [0]);
        let device = connect(&mut engine, 0, [1]);
        drain(engine.publish(at(0), device, 1).expect("it is attached"));
        let lost = engine.lost_with_grace(at(0), device, LostCause::GoingAway, 0);
        drain(lost.expect("it is attached"));
        drain(engine.disconnect(at(0), reader).expect("it is there"));
    };
    (0..50).for_each(|_| a_day());
    let memory = measure(|| (0..2_000).for_each(|_| a_day()));
    // With the shrunk constants a place that was used four times is given up for good.
    let most = if cfg!(feature = "shrunk") { 1_000 * 128 } else { 4_096 };
    assert!(memory.bytes_current < most, "{memory:?}");
    assert_eq!(engine.verify(), Ok(()));
}

/// Who speaks for a user is chosen among all its sessions, held or not (rules 6 and U3).
#[test]
fn to_choose_among_many_that_are_held_takes_as_long_for_each_as_among_few() {
    const MANY: u16 = 512;
    const FEW: u16 = MANY / 16;
    let mut best = [Duration::MAX; 2];
    for (best, count) in best.iter_mut().zip([FEW, MANY]) {
        let config: Config = config(|options| options.max_sessions = 2 * MANY);
        let mut engine = Engine::<u32, u32, _>::with_representative(config, Counting, |_| 0);
        let held: Vec<_> = (0..count).map(|_| connect(&mut engine, 0, [1])).collect();
        for key in &held {
            drain(engine.publish(at(0), *key, 1).expect("it is attached"));
        }
        let mut silent: Vec<_> = (0..count).map(|_| connect(&mut engine, 0, [1])).collect();
        for key in held {
            drain(engine.disconnect(at(0), key).expect("it is there"));
        }
        assert!(engine.representative(&0).is_some(), "all of those that show something are held");
        let mut one = silent.pop().expect("there are some");
        for _ in 0..20 {
            let taken = time(|| {
                drain(engine.lost(at(0), one, LostCause::Timeout).expect("it is attached"));
                let (key, decisions) = engine.resume(at(0), one).expect("it is in grace");
                decisions.for_each(|_| {});
                one = key;
            });
            *best = (taken / u32::from(count)).min(*best);
        }
    }
    must_be_alike("to choose", best[0], best[1]);
}

/// What another node says of a user's sessions, which take the place of others in topics (rule T1).
#[test]
fn to_take_what_a_node_says_of_many_takes_as_long_for_each_as_of_few() {
    const MANY: u64 = 512;
    const FEW: u64 = MANY / 16;
    let mut best = [Duration::MAX; 2];
    for (best, count) in best.iter_mut().zip([FEW, MANY]) {
        for _ in 0..3 {
            let mut engine = engine(|options| options.max_sessions = 2 * MANY as u16);
            let said = |ids: std::ops::Range<u64>| {
                let topics = (0..10).map(|topic| RemoteMember {
                    topic,
                    observes: false,
                    number: 1,
                    presence: None,
                });
                let topics: Vec<_> = topics.collect();
                let sessions = ids.map(|id| RemoteSession {
                    id: SessionId::from_bits(1 << 32 | id).expect("it is not zero"),
                    kind: DeviceKind(0),
                    age_ms: 0,
                    lost: None,
                    number: 0,
                    shown: None,
                    idle_ms: None,
                    topics: topics.clone(),
                });
                RemoteState { lists: None, sessions: sessions.collect(), ended: Vec::new() }
            };
            let mut say = |said| {
                drain(engine.remote_state(at(0), Origin(1), 0, said).expect("there is room"));
            };
            say(said(0..count));
            let others = said(count..2 * count);
            *best = (time(|| say(others)) / count as u32).min(*best);
        }
    }
    must_be_alike("to take what is said", best[0], best[1]);
}
