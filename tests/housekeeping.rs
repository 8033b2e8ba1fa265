//! What a host uses beside the verbs: memory given back, texts for logs, the configuration.

use adsum::{
    Config, ConfigError, Connect, Counts, Decision, DeviceKind, DirectTo, Engine, Error, Event,
    Grace, Join, Lease, LostCause, OfflineNotices, Options, OverLimit, Rate, Replica, Scope,
    SessionId, SessionKey, Slot, SlotMap, Time, TopicOptions, View,
};
use adsum_model::{World, strategy};
use allocation_counter::measure;
use std::collections::HashSet;
use std::hash::RandomState;
use std::ops::Range;

/// Whenever memory is given back, nobody misses it.
#[test]
fn memory_given_back_is_not_missed() {
    strategy::check(300, 80, |case| {
        let mut world = World::with_hasher(case.setup, RandomState::new());
        for op in &case.ops {
            world.op(*op)?;
            world.shrink_to_fit();
        }
        world.everyone_leaves(case.ops.len().is_multiple_of(2))?;
        world.shrink_to_fit();
        Ok(world.host.engine.verify()?)
    });
}

/// Everything there is to keep, for each of many users: two near sessions and a far one, lists,
/// blocks, what was told, what was missed, what waits, and deadlines.
fn busy_day(engine: &mut Engine<u32, u32>, users: u32) -> Vec<(SessionKey, u32)> {
    let now = Time::from_millis(1);
    let mut all = Vec::new();
    for user in 0..users {
        for _ in 0..3 {
            let contacts = (0..20).map(|at| (user + at) % users);
            let connect = Connect::new(user).audience(contacts).blocked([user + users]);
            all.push((engine.connect(now, connect).expect("there is room").0, user));
        }
    }
    for (session, _) in all.iter().step_by(4) {
        drop(engine.congested(now, *session).expect("it is attached"));
    }
    for (session, user) in &all {
        for said in 0..3 {
            drop(engine.publish(now, *session, said).expect("it is attached"));
        }
        _ = engine.direct(now, *session, &[(user + 1) % users], 9);
    }
    let counts = engine.counts();
    // With the shrunk constants one mark takes the place of what was missed.
    let missed = counts.missed > 0 || cfg!(feature = "shrunk");
    assert!(missed && counts.conflated > 0 && counts.timers > 0, "{counts:?}");
    for (session, _) in &all {
        drop(engine.disconnect(now, *session).expect("it is there"));
    }
    assert_eq!(engine.counts(), Counts::default());
    all
}

#[test]
fn after_a_peak_memory_can_be_given_back() {
    let options = Options {
        publish_rate: Some(Rate { burst: 1, interval_ms: 1_000 }),
        max_sessions: 3,
        ..Options::default()
    };
    let config = Config::new(options).expect("the options go together");
    let (mut engine, mut past) = (Engine::new(config), Vec::with_capacity(900));
    let held = measure(|| past.extend(busy_day(&mut engine, 300))).bytes_current;
    let given_back = -measure(|| engine.shrink_to_fit()).bytes_current;
    let left = held - given_back;
    assert!(held > 300_000, "the day took only {held} bytes");
    assert!(left * 20 < held, "{left} bytes of {held} are left");
    // And it is as good as new, but for the keys of the past, which are not given out again.
    let present = busy_day(&mut engine, 300);
    assert_eq!(engine.verify(), Ok(()));
    for (key, _) in past {
        assert!(present.iter().all(|(other, _)| *other != key), "{key:?} came back");
        let refused = engine.heartbeat(Time::from_millis(2), key).expect_err("it has ended");
        assert_eq!(refused, Error::UnknownSession);
    }
}

/// A crowd in one room, and each of it in one of its own.
#[test]
fn after_a_peak_of_topics_memory_can_be_given_back() {
    let topics = TopicOptions { full_up_to: 5, coalesce_ms: 50, ..TopicOptions::default() };
    let config = Config::new(Options { topics, ..Options::default() }).expect("in range");
    let mut engine = Engine::<u32, u32>::new(config);
    let at = Time::from_millis;
    let held = measure(|| {
        for user in 0..400 {
            let (session, _) = engine.connect(at(1), Connect::new(user)).expect("there is room");
            for topic in [1_000, user] {
                let view = if user % 2 == 0 { View::All } else { View::Count };
                let join = Join::Member { presence: Some(7), view };
                let (topic, _) = engine.join(at(1), session, topic, join).expect("there is room");
                drop(engine.look_at(at(1), session, topic, [user]).expect("it is there"));
                drop(engine.update(at(2), session, topic, 8).expect("it is a member"));
            }
        }
        drop(engine.advance(at(1_000)));
        for user in 0..400 {
            drop(engine.expel(at(1_001), &user));
        }
        drop(engine.advance(at(2_000)));
    })
    .bytes_current;
    assert_eq!(engine.counts(), Counts::default());
    let left = held - -measure(|| engine.shrink_to_fit()).bytes_current;
    assert!(held > 200_000, "that took only {held} bytes");
    assert!(left * 4 < held, "{left} bytes of {held} are left");
    assert_eq!(engine.verify(), Ok(()));
}

/// A crowd of whom every eighth has three sessions, and every sixteenth has something to say that
/// waits.
fn crowd(engine: &mut Engine<u32, u32>, users: Range<u32>) -> Vec<(SessionKey, u32)> {
    let now = Time::from_millis(1);
    let mut all = Vec::new();
    for user in users.clone() {
        for _ in 0..if user % 8 == 0 { 3 } else { 1 } {
            let contacts = (user..users.end).chain(users.clone()).take(20);
            let connect = Connect::new(user).audience(contacts);
            all.push((engine.connect(now, connect).expect("there is room").0, user));
        }
    }
    for (session, user) in &all {
        for said in 0..if user % 16 == 0 { 2 } else { 1 } {
            drop(engine.publish(now, *session, user + said).expect("it is attached"));
        }
    }
    all
}

/// Returns what is known of sessions.
fn known(engine: &Engine<u32, u32>, sessions: &[(SessionKey, u32)]) -> Vec<String> {
    let all = sessions.iter().map(|(key, _)| engine.session(*key).expect("it has not ended"));
    all.map(|session| format!("{session:?}")).collect()
}

/// What only a crowd needed is given back whoever of it stays, wherever they are in the tables.
#[test]
fn a_few_who_stay_do_not_keep_the_memory_of_a_crowd() {
    const USERS: u32 = 40_000;
    let publish_rate = Some(Rate { burst: 1, interval_ms: 1_000 });
    let options = Options { publish_rate, max_sessions: 3, ..Options::default() };
    let config = Config::new(options).expect("the options go together");
    let (mut engine, mut memory, now) = (Engine::new(config), 0, Time::from_millis(1));
    let is_staying = |user: u32| {
        let nth = user % USERS;
        nth % (USERS / 4) == 816 || nth >= USERS - 4
    };
    let (mut present, mut past, mut ids) = (Vec::new(), Vec::new(), HashSet::new());
    // The second crowd comes to where the first was, around those who have stayed of it.
    for users in [0..USERS, USERS..2 * USERS] {
        let mut all = Vec::with_capacity(2 * USERS as usize);
        memory += measure(|| all.extend(crowd(&mut engine, users))).bytes_current;
        let (held, counts) = (memory, engine.counts());
        assert!(counts.conflated > 1_000 && counts.timers > 1_000, "{counts:?}");
        let key_came_back = past.iter().any(|(key, _)| engine.session(*key).is_some());
        let all_new = all.iter().all(|(key, _)| ids.insert(engine.id_of(*key)));
        assert!(all_new && !key_came_back, "a name of the past came back");
        let (stay, leave): (Vec<_>, Vec<_>) = all.iter().partition(|(_, user)| is_staying(*user));
        present.extend(stay);
        let before = known(&engine, &present);
        memory += measure(|| {
            for (session, _) in &leave {
                drop(engine.disconnect(now, *session).expect("it is there"));
            }
            engine.shrink_to_fit();
        })
        .bytes_current;
        past.extend(&leave);
        // With the shrunk constants the records of the second crowd are used too often to go.
        let part = if cfg!(feature = "shrunk") && past.len() == 2 * leave.len() { 5 } else { 10 };
        assert!(memory * part < held, "{memory} bytes of {held} are left");
        assert_eq!(engine.verify(), Ok(()));
        assert!(present.len() >= 8 && known(&engine, &present) == before);
        for (key, _) in &past {
            assert_eq!(engine.heartbeat(now, *key).err(), Some(Error::UnknownSession));
        }
    }
    // Those who stay are told what others among them say, and what waited is said when it is time.
    let (key, _) = present[present.len() - 4];
    let mut told = Vec::new();
    engine.publish(Time::from_millis(1_500), key, 1).expect("it is attached").for_each(
        |decision| {
            let Decision::Deliver { to, .. } = decision else { return };
            told.extend_from_slice(to);
        },
    );
    let last = present[present.len() - 3..].iter().map(|(key, _)| key.slot());
    assert!(told.into_iter().eq(last), "the last four are each other's contacts");
    assert_eq!(engine.counts().conflated, 24);
    engine.advance(Time::from_millis(2_500)).for_each(|_| {});
    assert_eq!((engine.counts().conflated, engine.verify()), (0, Ok(())));
}

#[test]
fn every_error_says_what_is_wrong() {
    for (error, words) in [
        (Error::UnknownSession, "session"),
        (Error::Detached, "detached"),
        (Error::SessionLimit { limit: 17, kind: None }, "17 sessions"),
        (Error::SessionLimit { limit: 18, kind: Some(DeviceKind(4)) }, "18 sessions of kind 4"),
        (Error::AudienceLimit { limit: 21 }, "longer than an audience may be (21)"),
        (Error::BlockedLimit { limit: 22 }, "22"),
        (Error::DirectLimit { limit: 23 }, "more than 23 users"),
        (Error::GraceLimit { limit_ms: 20 }, "20 ms"),
        (Error::ExpiryLimit { limit_ms: 26 }, "26 ms"),
        (Error::RateLimited { retry_at: Time::from_millis(25) }, "25 ms"),
        (Error::Full, "no more"),
    ] {
        let text = error.to_string();
        assert!(text.contains(words), "{error:?}: {text}");
        assert!(text.starts_with(char::is_lowercase) && !text.ends_with('.'), "{text}");
    }
    let full = Replica::<u8, u8, u8>::new(0).set_presence(1, 1, 1).expect_err("it holds none");
    assert!(full.to_string().contains("as many sessions"), "{full}");
}

/// What tim does, as observed, and not what suits a messenger.
#[test]
fn the_preset_of_tim_is_what_tim_does() {
    let tim = Options::tim();
    assert_eq!(Config::tim().options(), &tim);
    assert_eq!((tim.max_sessions, tim.max_sessions_per_kind), (1, None));
    assert_eq!(tim.over_limit, OverLimit::EvictOldest { min_age_ms: 10_000 });
    assert_eq!(tim.lease, Some(Lease { lease_ms: 600_000, heartbeat_ms: 15_000 }));
    assert_eq!((tim.own_echo, tim.snapshot_on_connect, tim.grace), (false, false, Grace::NONE));
    assert_eq!(tim.offline_notices, OfflineNotices::ToAllContacts);
    assert_eq!((tim.direct_to, tim.publish_rate), (DirectTo::Anyone, None));
    assert_eq!((tim.direct_rate, tim.topic_rate), (None, None));
}

#[test]
fn every_config_error_names_its_option() {
    let error = |options| Config::new(options).expect_err("it is refused").to_string();
    let text = error(Options { max_sessions: 0, ..Options::default() });
    assert!(text.contains("max_sessions is 0"), "{text}");
    let lease = Some(Lease { lease_ms: 10, heartbeat_ms: 10 });
    let text = error(Options { lease, ..Options::default() });
    assert!(text.contains("10"), "{text}");
    let offline_notices = OfflineNotices::ToWhoeverSaw;
    let options = Options { snapshot_on_connect: false, offline_notices, ..Options::default() };
    let text = error(options.clone());
    assert!(text.contains("offline_notices") && text.contains("snapshot_on_connect"), "{text}");
    let source: Box<dyn std::error::Error> = Box::new(Config::new(options).expect_err("refused"));
    assert!(source.downcast_ref::<ConfigError>().is_some());
}

#[test]
fn what_is_shown_for_debugging_names_what_it_is() {
    let config = Config::new(Options { max_direct: 7, max_told: 77, ..Options::default() })
        .expect("in range");
    let mut engine = Engine::<&str, &str>::new(config);
    assert_eq!((engine.config().options(), engine.options().max_told), (engine.options(), 77));
    let now = Time::from_millis(5);
    let connect = |user, contact| Connect::new(user).audience([contact]);
    let (bob, _) = engine.connect(now, connect("bob", "ann")).expect("there is room");
    let (ann, _) = engine.connect(now, connect("ann", "bob")).expect("there is room");
    assert_eq!(format!("{:?}", bob.slot()), "near 0");
    assert!(
        format!("{bob:?}").starts_with("attachment ") && format!("{bob:?}").ends_with("near 0")
    );
    let text = format!("{engine:?}");
    assert!(text.contains("Engine") && text.contains("users_online: 2"), "{text}");
    let mut decisions = engine.publish(now, ann, "hello").expect("it is attached");
    assert!(format!("{decisions:?}").contains(&format!("{ann:?}")));
    let told = decisions.next().expect("bob is told");
    let Decision::Deliver { notice, .. } = &told else { panic!("{told:?}") };
    assert!(notice.id().to_string().parse::<u64>().is_ok(), "{}", notice.id());
    let told = format!("{told:?}");
    assert!(told.contains("hello") && told.contains(&format!("{:?}", bob.slot())), "{told}");
    drop(decisions);
    let (_, mut decisions) = engine.connect(now, connect("bob", "ann")).expect("there is room");
    let mut texts = Vec::new();
    while let Some(decision) = decisions.next() {
        texts.push(format!("{decision:?}"));
    }
    drop(decisions);
    let is_snapshot = |text: &String| text.contains("is_last: true") && text.contains("hello");
    assert!(texts.iter().any(is_snapshot), "{texts:?}");
    let said = format!("{:?}", engine.session(ann).expect("she is online"));
    assert!(said.contains("\"ann\"") && said.contains("hello"), "{said}");
    let said = format!("{:?}", Connect::new("ann").kind(DeviceKind(7)).audience(["bob"]));
    assert!(said.contains("ann") && said.contains("7") && said.contains("bob"), "{said}");
    let mut sockets = SlotMap::default();
    sockets.insert(bob, "bob's socket");
    assert_eq!(format!("{sockets:?}"), format!("{{{bob:?}: \"bob's socket\"}}"));
    let event = Event::<&str, &str>::Heartbeat { session: ann };
    assert_eq!(format!("{:?}", event.clone()), format!("{event:?}"));
}

#[test]
fn what_is_told_of_a_topic_is_shown_for_debugging_as_what_it_is() {
    let topics = TopicOptions { coalesce_ms: 100, ..TopicOptions::default() };
    let config = Config::new(Options { topics, ..Options::default() }).expect("in range");
    let mut engine = Engine::<&str, &str>::new(config);
    let at = Time::from_millis;
    let (ann, _) = engine.connect(at(1), Connect::new("ann")).expect("there is room");
    let member = Join::Member { presence: Some("hello"), view: View::All };
    let (room, _) = engine.join(at(1), ann, "room", member).expect("there is room");
    assert!(format!("{room:?}").starts_with("topic 0."), "{room:?}");
    let mut texts = Vec::new();
    engine.advance(at(101)).for_each(|decision| texts.push(format!("{decision:?}")));
    drop(engine.update(at(102), ann, room, "bye").expect("she is a member"));
    engine.advance(at(202)).for_each(|decision| texts.push(format!("{decision:?}")));
    let slot = format!("{:?}", ann.slot());
    let [snapshot, changes] = &texts[..] else { panic!("{texts:?}") };
    for (text, name, presence) in
        [(snapshot, "TopicSnapshot", "hello"), (changes, "Changes", "bye")]
    {
        let words = [name, "\"room\"", "\"ann\"", presence, "users: 1", &slot];
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}

// ---- names

/// Keys and ids travel as numbers. None of them is zero, so an option of one costs nothing.
#[test]
fn names_travel_as_numbers() {
    let mut engine = Engine::<u8, u8>::new(Config::default());
    let (first, _) = engine.connect(Time::ZERO, Connect::new(1)).expect("there is room");
    let (second, _) = engine.resume(Time::ZERO, first).expect("it can be resumed");
    let id = engine.id_of(second).expect("it is current");
    for key in [first, second] {
        let (name, slot) = key.to_bits();
        assert_ne!(name, 0);
        assert_eq!(SessionKey::from_bits((name, slot)), Some(key));
        assert_eq!(Slot::from_bits(slot), key.slot());
    }
    assert_ne!(first.to_bits(), second.to_bits());
    assert_eq!(SessionId::from_bits(id.to_bits()), Some(id));
    assert_eq!((SessionKey::from_bits((0, 0)), SessionId::from_bits(0)), (None, None));
    assert_eq!(size_of::<Option<SessionKey>>(), size_of::<SessionKey>());
    assert_eq!(size_of::<Option<SessionId>>(), 8);
    assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (4, 4));
}

/// A table of connections checks the keys that it is asked by, so the late end of an old connection
/// takes nothing from the new one.
#[test]
fn a_table_of_connections_knows_attachments_apart() {
    let mut engine = Engine::<u8, u8>::new(Config::default());
    let mut sockets = SlotMap::new();
    let mut far = None;
    for at in 0..3 {
        let (key, _) = engine.connect(Time::ZERO, Connect::new(1)).expect("there is room");
        assert_eq!(sockets.insert(key, at), None);
        far = Some(key);
    }
    let old = far.expect("three have connected");
    assert!(!old.slot().is_near() && sockets.len() == 3);
    let (new, _) = engine.resume(Time::ZERO, old).expect("it can be resumed");
    assert_eq!((sockets.get(new), sockets.get(old)), (None, Some(&2)), "nothing is told it yet");
    assert_eq!(sockets.insert(new, 9), Some((old, 2)));
    assert_eq!((sockets.get(old), sockets.at(old.slot())), (None, Some((new, &9))));
    assert_eq!(sockets.get_mut(old), None);
    assert_eq!(sockets.remove(old), None);
    *sockets.get_mut(new).expect("it is there") += 1;
    assert_eq!(sockets.at(old.slot()), Some((new, &10)));
    *sockets.at_mut(old.slot()).expect("it is there").1 += 1;
    let all: Vec<_> = sockets.iter().map(|(key, value)| (key.slot(), *value)).collect();
    assert_eq!(all.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [0, 1, 11]);
    assert_eq!(all[2].0, new.slot());
    assert_eq!(sockets.remove(new), Some(11));
    assert_eq!((sockets.len(), sockets.is_empty(), sockets.at(new.slot())), (2, false, None));
}

/// Users are asked for, and named in lists, by any borrowed form of their ids (rule 16).
#[test]
fn ids_are_looked_up_in_any_borrowed_form() {
    let mut engine = Engine::<String, u8>::new(Config::default());
    let now = Time::ZERO;
    let connect = |user: &str, contacts: &[&str]| {
        let contacts: Vec<String> = contacts.iter().copied().map(String::from).collect();
        Connect::new(user.to_owned()).audience(contacts)
    };
    let (ann, _) = engine.connect(now, connect("ann", &["bob", "cyd"])).expect("there is room");
    let (bob, _) = engine.connect(now, connect("bob", &["ann"])).expect("there is room");
    assert!(engine.is_online("ann") && engine.is_online(&"bob".to_owned()));
    assert!(engine.sees("bob", "ann") && !engine.sees("cyd", "bob"));
    assert!(engine.online_of(["cyd", "bob", "ann"]).eq(["bob", "ann"]));
    assert!(engine.online_of(&["cyd".to_owned()]).next().is_none());
    assert_eq!(engine.sessions("ann").collect::<Vec<_>>(), [ann]);
    let told = |decisions: adsum::Decisions<'_, String, u8>| {
        let mut told = Vec::new();
        decisions.for_each(|decision| match decision {
            Decision::Deliver { to, .. } => told.extend_from_slice(to),
            other => panic!("nobody has reason to decide {other:?}"),
        });
        told
    };
    assert_eq!(told(engine.direct(now, ann, ["bob"], 1).expect("a contact")), [bob.slot()]);
    let names = vec!["bob".to_owned(), "dan".to_owned()];
    assert_eq!(told(engine.system(now, &names, 2).expect("few names")), [bob.slot()]);
    assert_eq!(told(engine.audience_remove(now, "ann", ["bob"]).expect("never")), [bob.slot()]);
    drop(engine.audience_add(now, "ann", ["dan".to_owned()]).expect("there is room"));
    let mut audience: Vec<&String> = engine.audience("ann").collect();
    audience.sort();
    assert_eq!(audience, ["cyd", "dan"]);
    drop(engine.block(now, "ann", "bob".to_owned()).expect("there is room"));
    assert!(engine.blocked("ann").eq(["bob"]));
    drop(engine.unblock(now, "ann", "bob").expect("never"));
    assert_eq!(engine.blocked("ann").len(), 0);
    engine.expel(now, "ann").for_each(|_| {});
    assert!(!engine.is_online("ann") && engine.users_online().eq(["bob"]));
}

/// Who is told what, and what the host is told besides, of one connection that is lost and comes
/// back, and at last goes for good (rules 5 and 6).
#[test]
fn a_host_is_told_of_every_edge_and_of_every_connection_to_close() {
    let mut engine = Engine::<&str, u8>::new(Config::default());
    let at = Time::from_millis;
    let (first, decisions) = engine.connect(at(1), Connect::new("ann")).expect("there is room");
    let mut lines = Vec::new();
    decisions.for_each(|decision| lines.push(line(&decision)));
    assert_eq!(lines.split_off(0), ["online ann", "snapshot"]);
    drop(engine.lost(at(2), first, LostCause::GoingAway).expect("it is there"));
    let (second, decisions) = engine.resume(at(3), first).expect("in time");
    decisions.for_each(|decision| lines.push(line(&decision)));
    assert_eq!(lines.split_off(0), ["snapshot"], "there is no connection to close");
    let (third, decisions) = engine.resume(at(4), second).expect("it is attached");
    decisions.for_each(|decision| lines.push(line(&decision)));
    assert_eq!(lines.split_off(0), ["close Replaced", "snapshot"]);
    drop(engine.lost_with_grace(at(5), third, LostCause::GoingAway, 95).expect("it is there"));
    assert_eq!(engine.lost(at(6), second, LostCause::Timeout).err(), Some(Error::UnknownSession));
    assert!(engine.deadline().is_some_and(|due| due <= at(100)));
    engine.advance(at(200)).for_each(|decision| lines.push(line(&decision)));
    assert_eq!(lines, ["ended ann: Lost(GoingAway), since 5, last"]);
}

fn line(decision: &Decision<'_, &str, u8>) -> String {
    match decision {
        Decision::Snapshot(_) => "snapshot".into(),
        Decision::Close { reason, .. } => format!("close {reason:?}"),
        Decision::Online { user, .. } => format!("online {user}"),
        Decision::Ended { user, reason, since, last, .. } => {
            let last = if *last { ", last" } else { "" };
            format!("ended {user}: {reason:?}, since {}{last}", since.as_millis())
        }
        other => panic!("nobody has reason to decide {other:?}"),
    }
}

/// A host's table by slot is dense because of it.
#[test]
fn a_users_first_two_sessions_have_near_slots() {
    let options = Options { max_sessions: 4, ..Options::default() };
    let mut engine = Engine::<u8, u8>::new(Config::new(options).expect("in range"));
    let mut connect = |user| {
        let connected = engine.connect(Time::ZERO, Connect::new(user));
        connected.expect("there is room").0.slot()
    };
    let slots = [7, 7, 7, 9, 7, 9].map(&mut connect);
    assert_eq!(slots.map(|slot| slot.is_near()), [true, true, false, true, false, true]);
    assert_eq!(slots.map(|slot| slot.index()), [0, 1, 0, 2, 1, 3]);
}

#[test]
fn a_snapshot_says_how_long_it_is() {
    let mut engine = Engine::<&str, &str>::new(Config::default());
    let now = Time::ZERO;
    let ann = Connect::new("ann").audience(["bob"]);
    let (ann, decisions) = engine.connect(now, ann).expect("there is room");
    drop(decisions);
    drop(engine.publish(now, ann, "hello").expect("it is attached"));
    for (name, contacts, entries) in [("bob", vec!["ann"], 1), ("cyd", vec![], 0)] {
        let connected = engine.connect(now, Connect::new(name).audience(contacts));
        let (session, mut decisions) = connected.expect("there is room");
        assert!(matches!(decisions.next(), Some(Decision::Online { .. })));
        let Some(Decision::Snapshot(snapshot)) = decisions.next() else { panic!("no snapshot") };
        assert_eq!((snapshot.len(), snapshot.is_empty()), (entries, entries == 0));
        assert_eq!((snapshot.entries().len(), snapshot.to()), (entries, session.slot()));
        assert_eq!((snapshot.receiver(), snapshot.scope()), (session, Scope::Everything));
        assert!(snapshot.is_first() && snapshot.is_last());
    }
}
