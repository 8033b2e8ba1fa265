//! Of what comes due in one millisecond, what was set first comes first (what holds of every input,
//! and rule 27): of sixty, so that no table has them in that order by chance.

use adsum::{
    Candidate, Config, Connect, Decision, Engine, Grace, Join, Lease, LostCause, Notice, Options,
    Rate, SessionKey, Time, TopicOptions, View,
};

/// All users, in an order that is no table's.
fn users() -> impl Iterator<Item = u32> {
    (0..60).map(|nth| (nth * 37 + 11) % 60)
}

/// Who watches all of them.
const VIEWER: u32 = 1_000;
const MINUTE: u64 = 60_000;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn options() -> Options {
    let grace = Grace { timeout_ms: 0, ..Grace::default() };
    Options { lease: None, settle_ms: 0, grace, ..Options::default() }
}

type Verb = fn(&mut Engine<u32, u32>, Time, SessionKey);

struct House {
    engine: Engine<u32, u32>,
    keys: Vec<SessionKey>,
}

impl House {
    /// Has everybody come, in the order of their numbers.
    fn new(options: Options, one_state: bool) -> Self {
        let config = Config::new(options).expect("the options are in range");
        let hasher = std::hash::RandomState::new();
        let mut engine = match one_state {
            true => Engine::with_representative(config, hasher, |_: &[Candidate<'_, u32>]| 0),
            false => Engine::with_hasher(config, hasher),
        };
        let mut keys = Vec::new();
        for user in 0..60 {
            let (key, decisions) =
                engine.connect(Time::ZERO, Connect::new(user).audience([VIEWER])).unwrap();
            decisions.for_each(|_| {});
            keys.push(key);
        }
        let connect = Connect::new(VIEWER).audience(0..60);
        engine.connect(Time::ZERO, connect).unwrap().1.for_each(|_| {});
        Self { engine, keys }
    }

    fn each(&mut self, mut does: impl FnMut(&mut Engine<u32, u32>, SessionKey, u32)) {
        for user in users() {
            does(&mut self.engine, self.keys[user as usize], user);
        }
    }

    /// Returns of whom there is something to tell by then, in this order.
    fn told_by(
        &mut self,
        moment: Time,
        what: impl Fn(&Decision<'_, u32, u32>) -> Option<u32>,
    ) -> Vec<u32> {
        let mut told = Vec::new();
        while self.engine.deadline().is_some_and(|at| at <= moment) {
            self.engine.advance(moment).for_each(|decision| told.extend(what(&decision)));
        }
        told
    }
}

fn ended(decision: &Decision<'_, u32, u32>) -> Option<u32> {
    match decision {
        Decision::Ended { user, .. } => Some(**user),
        _ => None,
    }
}

fn in_order() -> Vec<u32> {
    users().collect()
}

#[test]
fn graces_are_over_in_the_order_of_the_losses() {
    let mut house = House::new(options(), false);
    house.each(|engine, key, _| {
        engine
            .lost_with_grace(at(5), key, LostCause::ConnectionError, 100)
            .unwrap()
            .for_each(|_| {});
    });
    assert_eq!(house.told_by(at(MINUTE), ended), in_order());
}

/// Heard of in the middle of a lease, or so near its end that the deadline is put off at once.
#[test]
fn leases_lapse_in_the_order_in_which_sessions_were_heard_of_last() {
    let lease = Lease { lease_ms: MINUTE, heartbeat_ms: MINUTE / 2 };
    for heard in [MINUTE / 2, MINUTE - 1] {
        let verbs: [Verb; 5] = [
            |engine, now, key| engine.heartbeat(now, key).unwrap().for_each(|_| {}),
            |engine, now, key| engine.active(now, key).unwrap().for_each(|_| {}),
            |engine, now, key| engine.publish(now, key, 1).unwrap().for_each(|_| {}),
            |engine, now, key| engine.direct(now, key, &[VIEWER], 1).unwrap().for_each(|_| {}),
            |engine, now, key| engine.withdraw(now, key).unwrap().for_each(|_| {}),
        ];
        for (nth, verb) in verbs.into_iter().enumerate() {
            for idle_after_ms in [None, Some(10 * MINUTE)] {
                let options = Options { lease: Some(lease), idle_after_ms, ..options() };
                let mut house = House::new(options, true);
                house.each(|engine, key, _| verb(engine, at(heard), key));
                let lapsed = |decision: &Decision<'_, u32, u32>| match decision {
                    Decision::Ended { user, .. } if **user != VIEWER => Some(**user),
                    _ => None,
                };
                let told = house.told_by(at(20 * MINUTE), lapsed);
                assert_eq!(told, in_order(), "verb {nth}, {heard} ms, {idle_after_ms:?}");
            }
        }
    }
}

#[test]
fn presences_are_over_in_the_order_in_which_they_were_set() {
    let mut house = House::new(options(), false);
    house.each(|engine, key, user| {
        let shown = engine.publish_until(at(5), key, user, at(100), None);
        shown.unwrap().for_each(|_| {});
    });
    let told = house.told_by(at(MINUTE), |decision| match decision {
        Decision::Deliver { notice: Notice::Withdrawn { user, .. }, .. } => Some(**user),
        _ => None,
    });
    assert_eq!(told, in_order());
}

/// Of the first sign of a person, and of one right after another.
#[test]
fn users_are_idle_in_the_order_of_the_last_signs() {
    for signs in 1..=3 {
        let options = Options { idle_after_ms: Some(MINUTE), ..options() };
        let mut house = House::new(options, true);
        house.each(|engine, key, user| {
            engine.publish(at(1), key, user).unwrap().for_each(|_| {});
        });
        for sign in 0..signs {
            let now = at(5 + u64::from(sign == signs - 1));
            house.each(|engine, key, _| engine.active(now, key).unwrap().for_each(|_| {}));
        }
        let told = house.told_by(at(10 * MINUTE), |decision| match decision {
            Decision::Deliver {
                notice: Notice::User { user, idle_since: Some(_), .. }, ..
            } => Some(**user),
            _ => None,
        });
        assert_eq!(told, in_order(), "{signs}");
    }
}

#[test]
fn topics_tick_in_the_order_in_which_something_changed_in_them() {
    let topics = TopicOptions { coalesce_ms: 100, ..TopicOptions::default() };
    let mut house = House::new(Options { topics, max_topics: 100, ..options() }, false);
    let viewer = house.engine.sessions(&VIEWER).next().unwrap();
    let mut join = |engine: &mut Engine<u32, u32>, key, topic| {
        let join = Join::Member { presence: None, view: View::All };
        engine.join(engine.now(), key, topic, join).unwrap().1.for_each(|_| {});
    };
    for topic in 0..60 {
        join(&mut house.engine, viewer, topic);
    }
    house.told_by(at(1_000), |_| None);
    house.each(&mut join);
    let told = house.told_by(at(MINUTE), |decision| match decision {
        Decision::Changes(changes) => Some(*changes.topic()),
        _ => None,
    });
    assert_eq!(told, in_order());
}

/// What an input has wait for a token comes before the lease that the same input renewed is over.
#[test]
fn what_waits_for_a_token_and_leases_keep_the_order_of_the_inputs() {
    for heard in [MINUTE / 2, MINUTE - 1] {
        let options = Options {
            lease: Some(Lease { lease_ms: MINUTE, heartbeat_ms: MINUTE / 2 }),
            publish_rate: Some(Rate { burst: 1, interval_ms: MINUTE as u32 }),
            ..options()
        };
        let mut house = House::new(options, false);
        house.each(|engine, key, user| match user % 2 {
            0 => engine.heartbeat(at(heard), key).unwrap().for_each(|_| {}),
            _ => {
                engine.publish(at(heard), key, user).unwrap().for_each(|_| {});
                engine.publish(at(heard), key, user + 100).unwrap().for_each(|_| {});
            }
        });
        // Whoever would be told is there still.
        let viewer = house.engine.sessions(&VIEWER).next().unwrap();
        house.engine.heartbeat(at(heard), viewer).unwrap().for_each(|_| {});
        let told = house.told_by(at(20 * MINUTE), |decision| match decision {
            Decision::Deliver { notice: Notice::Presence { presence, .. }, .. } => Some(**presence),
            _ => ended(decision).filter(|user| *user != VIEWER),
        });
        let due = users().flat_map(|user| match user % 2 {
            0 => vec![user],
            _ => vec![user + 100, user],
        });
        assert_eq!(told, due.collect::<Vec<_>>(), "{heard}");
    }
}
