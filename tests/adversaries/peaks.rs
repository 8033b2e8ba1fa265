//! What users, sessions and members who stay needed only once: `Engine::shrink_to_fit` gives back
//! what their lists have room for.

use crate::common::{at, config};
use adsum::{
    Connect, Decisions, DirectTo, Engine, Error, Join, OfflineNotices, Options, SessionKey,
    TopicKey, View,
};
use allocation_counter::measure;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::ops::Range;

type People = Engine<u32, u32, BuildHasherDefault<DefaultHasher>>;

/// Those who stay.
const STAY: Range<u32> = 0..20;
/// Whom their lists name. All of them are known, whoever names them.
const NAMES: Range<u32> = 1_000..1_400;
/// The one contact that each has, and the one whom it blocks.
const FIRST: Range<u32> = NAMES.start..NAMES.start + 1;
const LAST: u32 = NAMES.end - 1;
const TOPIC: u32 = 9_000;

fn done(decided: Result<Decisions<'_, u32, u32, impl std::hash::BuildHasher>, Error>) {
    decided.expect("it is allowed").for_each(|_| {});
}

fn connect(
    engine: &mut People,
    user: u32,
    audience: Range<u32>,
    blocked: Option<u32>,
) -> SessionKey {
    let connect = Connect::new(user).audience(audience).blocked(blocked);
    let (key, decisions) = engine.connect(engine.now(), connect).expect("there is room");
    decisions.for_each(|_| {});
    key
}

fn join(engine: &mut People, session: SessionKey, topic: u32) -> TopicKey {
    let join = Join::Member { presence: None, view: View::All };
    let (key, decisions) = engine.join(engine.now(), session, topic, join).expect("there is room");
    decisions.for_each(|_| {});
    key
}

fn advance(engine: &mut People, by_ms: u64) {
    let now = engine.now().saturating_add(by_ms);
    engine.advance(now).for_each(|_| {});
    while engine.deadline().is_some_and(|at| at <= now) {
        engine.advance(now).for_each(|_| {});
    }
}

/// Those who stay, each with one contact and one whom it blocks, among many who are known.
fn people(change: impl FnOnce(&mut Options)) -> (People, Vec<SessionKey>) {
    people_who_block(Some(LAST), change)
}

fn people_who_block(
    blocked: Option<u32>,
    change: impl FnOnce(&mut Options),
) -> (People, Vec<SessionKey>) {
    let config = config(|options| {
        (options.publish_rate, options.direct_rate, options.topic_rate) = (None, None, None);
        (options.direct_to, options.lease) = (DirectTo::Anyone, None);
        change(options);
    });
    let mut engine = People::with_hasher(config, BuildHasherDefault::default());
    connect(&mut engine, 10_000, NAMES, None);
    let connect = |user| connect(&mut engine, user, FIRST, blocked);
    let keys = STAY.map(connect).collect();
    (engine, keys)
}

/// Everything is as it was before the peak, and so is the memory.
fn assert_given_back(
    what: &str,
    engine: &mut People,
    peak: impl FnOnce(&mut People),
    and_back: impl FnOnce(&mut People),
) {
    assert_little_left(what, 300, engine, peak, and_back);
}

/// The same, but for so many bytes.
fn assert_little_left(
    what: &str,
    most: i64,
    engine: &mut People,
    peak: impl FnOnce(&mut People),
    and_back: impl FnOnce(&mut People),
) {
    engine.shrink_to_fit();
    let counts = engine.counts();
    let grown = measure(|| peak(engine)).bytes_current;
    let left = grown
        + measure(|| {
            and_back(engine);
            engine.shrink_to_fit();
        })
        .bytes_current;
    assert!(grown > 10_000, "{what}: the peak took only {grown} bytes");
    // With the shrunk constants what is kept lies in more and smaller pieces.
    let most = if cfg!(feature = "shrunk") { most + grown / 50 } else { most };
    assert!(left <= most, "{what}: {left} bytes of {grown} are left");
    assert_eq!((engine.counts(), engine.verify()), (counts, Ok(())), "{what}");
}

#[test]
fn users_who_stay_do_not_keep_the_room_of_their_lists() {
    let (mut engine, _) = people(|_| {});
    let replace = |engine: &mut People, names: Range<u32>| {
        STAY.for_each(|user| done(engine.audience_replace(at(0), &user, names.clone())));
    };
    assert_given_back(
        "audiences",
        &mut engine,
        |engine| replace(engine, NAMES),
        |engine| replace(engine, FIRST),
    );
    let but_one = NAMES.start..LAST;
    let block = |engine: &mut People| {
        for user in STAY {
            but_one.clone().for_each(|other| done(engine.block(at(0), &user, other)));
        }
    };
    let unblock = |engine: &mut People| {
        for user in STAY {
            but_one.clone().for_each(|other| done(engine.unblock(at(0), &user, &other)));
        }
    };
    assert_given_back("blocked", &mut engine, block, unblock);
    // Whom a block hides from an audience: all of this one, and then the one that stays blocked.
    replace(&mut engine, NAMES);
    assert_given_back("hidden", &mut engine, block, unblock);
    let (mut engine, _) = people_who_block(None, |_| {});
    assert_given_back("blocked, none left", &mut engine, block, unblock);
}

#[test]
fn users_who_stay_do_not_keep_the_room_of_sessions_that_have_ended() {
    let (mut engine, _) = people(|options| options.max_sessions = 200);
    // What they show is held, as a newcomer may take over, and ends with that.
    let last_goes = |engine: &mut People, user: u32| {
        let last = engine.sessions(&user).last().expect("it is there");
        done(engine.disconnect(at(0), last));
    };
    assert_given_back(
        "sessions",
        &mut engine,
        |engine| {
            for user in STAY {
                let others = [(); 150].map(|()| {
                    let other = connect(engine, user, FIRST, Some(LAST));
                    done(engine.publish(at(0), other, 1));
                    other
                });
                connect(engine, user, FIRST, Some(LAST));
                others.iter().for_each(|other| done(engine.disconnect(at(0), *other)));
            }
            assert_eq!(engine.counts().presences, 150 * STAY.len());
        },
        |engine| STAY.for_each(|user| last_goes(engine, user)),
    );
}

#[test]
fn users_who_stay_do_not_keep_who_was_told_nothing() {
    let (mut engine, keys) = people(|options| {
        (options.offline_notices, options.settle_ms) = (OfflineNotices::Never, 0);
    });
    for (user, key) in STAY.zip(&keys) {
        done(engine.audience_replace(at(0), &user, NAMES));
        done(engine.publish(at(0), *key, 1));
        done(engine.invisible(at(0), *key));
    }
    assert_given_back(
        "unaware",
        &mut engine,
        |engine| {
            let others: Vec<_> = NAMES.map(|user| connect(engine, user, 0..0, None)).collect();
            for key in &keys {
                done(engine.visible(at(0), *key));
                done(engine.invisible(at(0), *key));
            }
            others.into_iter().for_each(|other| done(engine.disconnect(at(0), other)));
        },
        |_| {},
    );
}

#[test]
fn sessions_that_stay_do_not_keep_the_room_of_what_they_watched() {
    let (mut engine, keys) = people(|_| {});
    let some = [NAMES.start, LAST];
    let watched: Vec<u32> = (NAMES.start + 1..LAST).collect();
    let watch = |engine: &mut People| {
        keys.iter().for_each(|key| done(engine.watch(at(0), *key, watched.iter().copied())));
    };
    let unwatch = |engine: &mut People| {
        keys.iter().for_each(|key| done(engine.unwatch(at(0), *key, &watched)));
    };
    // With nothing left, and with something left.
    assert_given_back("watched by none", &mut engine, watch, unwatch);
    keys.iter().for_each(|key| done(engine.watch(at(0), *key, some)));
    assert_given_back("watched", &mut engine, watch, unwatch);
    // Those whom they watch remove them, and they themselves forget that they asked.
    let known = NAMES.start..NAMES.end;
    let others: Vec<_> = known.map(|user| connect(&mut engine, user, STAY, None)).collect();
    let strike = |engine: &mut People, users: &[u32]| {
        users.iter().for_each(|user| done(engine.audience_remove(at(0), user, &keys_of())));
    };
    strike(&mut engine, &some);
    assert_given_back(
        "struck",
        &mut engine,
        |engine| {
            watch(engine);
            strike(engine, &watched);
        },
        |engine| {
            unwatch(engine);
            for user in &watched {
                done(engine.audience_add(at(0), user, STAY));
            }
        },
    );
    assert_eq!(others.len(), NAMES.len());
}

fn keys_of() -> Vec<u32> {
    STAY.collect()
}

#[test]
fn sessions_that_stay_do_not_keep_the_room_of_directed_presence() {
    let (mut engine, keys) = people(|options| options.max_told = 10_000);
    let names: Vec<u32> = NAMES.collect();
    names.iter().for_each(|user| _ = connect(&mut engine, *user, 0..0, None));
    let direct = |engine: &mut People| {
        for key in &keys {
            for _ in 0..3 {
                let now = engine.now();
                done(engine.direct_for(now, *key, &names[2..], 1, 500));
            }
        }
    };
    assert_given_back("directed, none left", &mut engine, direct, |engine| advance(engine, 500));
    for key in &keys {
        let now = engine.now();
        done(engine.direct(now, *key, &names[..2], 1));
    }
    assert_given_back("directed", &mut engine, direct, |engine| advance(engine, 500));
}

#[test]
fn sessions_that_stay_do_not_keep_the_room_of_what_they_missed() {
    let (mut engine, keys) = people(|_| {});
    for (user, key) in STAY.zip(&keys) {
        done(engine.audience_replace(at(0), &user, NAMES));
        done(engine.congested(at(0), *key));
    }
    let known = NAMES.start..LAST;
    let others: Vec<_> = known.map(|user| connect(&mut engine, user, STAY, None)).collect();
    done(engine.publish(at(0), others[0], 1));
    assert_given_back(
        "missed",
        &mut engine,
        |engine| others[1..].iter().for_each(|other| done(engine.publish(at(0), *other, 1))),
        |engine| {
            for key in &keys {
                done(engine.writable(at(0), *key));
                done(engine.congested(at(0), *key));
            }
            others[1..].iter().for_each(|other| done(engine.withdraw(at(0), *other)));
            for key in &keys {
                done(engine.writable(at(0), *key));
                done(engine.congested(at(0), *key));
            }
            done(engine.publish(at(0), others[0], 1));
        },
    );
}

#[test]
fn members_who_stay_do_not_keep_the_room_of_whom_they_named() {
    let (mut engine, keys) = people(|_| {});
    let members: Vec<_> = keys.iter().map(|key| (*key, join(&mut engine, *key, TOPIC))).collect();
    let look_at = |engine: &mut People, names: Range<u32>| {
        for (key, topic) in &members {
            done(engine.look_at(at(0), *key, *topic, names.clone()));
        }
    };
    look_at(&mut engine, FIRST);
    assert_given_back(
        "named",
        &mut engine,
        |engine| look_at(engine, NAMES),
        |engine| look_at(engine, FIRST),
    );
}

/// Each has a little to tell all the time, and does not keep the room of much.
#[test]
fn topics_that_stay_do_not_keep_the_room_of_what_waited() {
    // All members of a topic are shown to all, or a few of them: then the slow tick tells that.
    topics_where_much_waited(100);
    // With the shrunk constants the places of those who come and go are more than what waits.
    if !cfg!(feature = "shrunk") {
        topics_where_much_waited(10);
    }
}

fn topics_where_much_waited(full_up_to: u32) {
    let (mut engine, keys) = people(|options| {
        (options.topics.coalesce_ms, options.topics.full_up_to) = (100, full_up_to);
    });
    let mut members = Vec::new();
    for topic in TOPIC..TOPIC + 90 {
        members.extend(keys.iter().map(|key| (*key, join(&mut engine, *key, topic))));
    }
    let update = |engine: &mut People, one_in: usize, presence| {
        for (key, topic) in members.iter().step_by(one_in) {
            done(engine.update(engine.now(), *key, *topic, presence));
        }
    };
    let leave_and_join = |engine: &mut People| {
        for (nth, (key, topic)) in members.iter().enumerate().filter(|(nth, _)| nth % 20 > 0) {
            done(engine.leave(engine.now(), *key, *topic));
            join(engine, *key, TOPIC + nth as u32 / 20);
        }
    };
    update(&mut engine, 1, 1);
    advance(&mut engine, 20_000);
    update(&mut engine, 20, 2);
    // A topic has a few seats of members who have left, and where a session's later topics are
    // looked up there are pieces that are half full.
    assert_little_left(
        "what waits",
        8_000,
        &mut engine,
        |engine| {
            // Places of those who have left are others' when a tick has told of that: twice, so
            // that everybody is back.
            for round in 0..2 {
                advance(engine, 20_000);
                update(engine, 1, 3 + round);
                leave_and_join(engine);
            }
        },
        |engine| {
            update(engine, 1, 5);
            advance(engine, 20_000);
            update(engine, 20, 6);
        },
    );
}
