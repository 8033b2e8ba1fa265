//! The host's function that chooses who speaks for a user panics (rule U3).

use crate::{Bomb, FUSE, tick};
use adsum::{
    Candidate, Config, Connect, Counts, Decision, Decisions, DefaultHashBuilder, Engine, Error,
    Notice, Options, Rate, Replica, SessionKey, Time,
};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

type Voices = Engine<u32, &'static str>;
type Drain<'e> = Decisions<'e, u32, &'static str>;

const NOW: Time = Time::ZERO;

/// Chooses the session that connected last.
fn last(all: &[Candidate<'_, &'static str>]) -> usize {
    tick(Bomb::Represent);
    all.len() - 1
}

/// Where the function panics that chooses who speaks for a user, the input has happened, contacts
/// keep what they know, and the next choice makes it right (rule U3).
#[test]
fn a_choice_that_panics_leaves_the_engine_right() {
    let options = Options { publish_rate: None, ..Options::default() };
    let config = Config::new(options).expect("the options are in range");
    let hasher = DefaultHashBuilder::default();
    let mut engine = Engine::<u32, &'static str>::with_representative(config, hasher, last);
    let [contact, first, second] = [1, 0, 0].map(|user| {
        let connect = Connect::new(user).audience([1 - user]);
        engine.connect(Time::ZERO, connect).expect("there is room").0
    });
    let states = |decisions: Drain<'_>| {
        let mut told = Vec::new();
        decisions.for_each(|decision| {
            if let Decision::Deliver { notice: Notice::User { presence, .. }, .. } = decision {
                told.push(*presence);
            }
        });
        told
    };
    let told = states(engine.publish(Time::ZERO, first, "one").expect("it is attached"));
    assert_eq!(told, ["one"]);
    for drops in [false, true] {
        FUSE.set(Some((Bomb::Represent, 0)));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut decisions = engine.publish(Time::ZERO, second, "two").expect("attached");
            while !drops && decisions.next().is_some() {}
        }));
        assert!(panicked.is_err() && FUSE.get().is_none(), "it is asked");
        assert_eq!(engine.verify(), Ok(()));
        assert_eq!(engine.presence(second), Some(&"two"), "the input has happened");
        let speaks = engine.representative(&0).and_then(|(of, _)| of.presence.copied());
        assert_eq!(speaks, Some("one"), "contacts keep what they know");
        // The next choice makes it right, whichever input brings it.
        let told = states(engine.publish(Time::ZERO, first, "one").expect("it is attached"));
        assert_eq!(told, ["two"]);
        assert_eq!(states(engine.withdraw(Time::ZERO, second).expect("attached")), ["one"]);
    }
    for session in [contact, first, second] {
        drop(engine.disconnect(Time::ZERO, session).expect("it is there"));
    }
    assert_eq!(engine.counts(), Counts::default());
}

/// User 0 with three devices, of which the one that spoke has ended as the function panicked. Of
/// the others, each has one session, and a replica. Only 1 is a contact.
struct Interrupted {
    engine: Voices,
    devices: Vec<SessionKey>,
    others: BTreeMap<u32, (SessionKey, Replica<u32, &'static str>)>,
}

impl Interrupted {
    fn new(others: u32) -> Self {
        let mut world = Self::begin(Options { publish_rate: None, ..Options::default() });
        let devices = [(); 3].map(|()| world.connect(0, &[1]).0);
        for user in 1..=others {
            world.connect(user, &[0]);
        }
        for (device, presence) in devices.into_iter().zip(["one", "two", "three"]) {
            world.give(|engine| engine.publish(NOW, device, presence));
        }
        FUSE.set(Some((Bomb::Represent, 0)));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            world.give(|engine| engine.disconnect(NOW, devices[2]));
        }));
        assert!(panicked.is_err() && FUSE.get().is_none(), "it is asked who speaks now");
        assert_eq!(world.engine.verify(), Ok(()));
        assert_eq!(world.engine.presence(devices[2]), None, "the input has happened");
        assert_eq!(world.believes(1), Some("three"), "contacts keep what they know");
        world
    }

    fn begin(options: Options) -> Self {
        let config = Config::new(options).expect("the options are in range");
        let engine = Engine::with_representative(config, DefaultHashBuilder::default(), last);
        Self { engine, devices: Vec::new(), others: BTreeMap::new() }
    }

    /// Returns the key of a new session, and who is told something.
    fn connect(&mut self, user: u32, audience: &[u32]) -> (SessionKey, BTreeSet<u32>) {
        let connect = Connect::new(user).audience(audience.iter().copied());
        let told =
            self.take(user, |engine| engine.connect(NOW, connect).map(|(_, decisions)| decisions));
        let key = self.engine.sessions(&user).last().expect("it is there");
        if user == 0 {
            self.devices.push(key);
        }
        (key, told)
    }

    fn key(&self, user: u32) -> SessionKey {
        self.others[&user].0
    }

    /// Gives an input, and returns who of the others is told something.
    fn give(
        &mut self,
        verb: impl for<'e> FnOnce(&'e mut Voices) -> Result<Drain<'e>, Error>,
    ) -> BTreeSet<u32> {
        self.take(0, verb)
    }

    /// Gives an input by which a session of this user may come, or be back.
    fn take(
        &mut self,
        comes: u32,
        verb: impl for<'e> FnOnce(&'e mut Voices) -> Result<Drain<'e>, Error>,
    ) -> BTreeSet<u32> {
        let Self { engine, others, .. } = self;
        let mut told = BTreeSet::new();
        let mut decisions = verb(engine).expect("it is accepted");
        if let Some(key) = decisions.session().filter(|_| comes > 0) {
            others.insert(comes, (key, Replica::new(10)));
        }
        while let Some(decision) = decisions.next() {
            for (user, (key, replica)) in others.iter_mut() {
                match &decision {
                    Decision::Deliver { notice, to } if to.contains(&key.slot()) => {
                        replica.apply(notice).expect("there is room");
                        told.insert(*user);
                    }
                    Decision::Snapshot(snapshot) if snapshot.to() == key.slot() => {
                        replica.apply_snapshot(snapshot).expect("there is room");
                        told.extend((!snapshot.is_empty()).then_some(*user));
                    }
                    _ => {}
                }
            }
        }
        drop(decisions);
        assert_eq!(engine.verify(), Ok(()));
        told
    }

    fn believes(&self, user: u32) -> Option<&'static str> {
        self.others[&user].1.user(&0).map(|(presence, _)| *presence)
    }

    fn all_believe(&self, presence: Option<&'static str>) {
        for user in self.others.keys() {
            assert_eq!(self.believes(*user), presence, "{user}");
        }
    }
}

/// Until the next choice the first candidate speaks to whoever comes into sight, by whichever way;
/// the next choice is told to all, and so is the end.
#[test]
fn the_first_candidate_speaks_to_whoever_is_new_until_the_next_choice() {
    let mut world = Interrupted::new(5);
    let [contact, watcher, slow] = [1, 3, 4].map(|user| world.key(user));
    let only = |user| BTreeSet::from([user]);
    assert_eq!(world.give(|engine| engine.audience_add(NOW, &0, [2])), only(2));
    assert_eq!(world.give(|engine| engine.watch(NOW, watcher, [0])), only(3));
    world.give(|engine| engine.congested(NOW, slow));
    assert_eq!(world.give(|engine| engine.watch(NOW, slow, [0])), BTreeSet::new());
    assert_eq!(world.give(|engine| engine.writable(NOW, slow)), only(4));
    world.give(|engine| engine.audience_add(NOW, &0, [5, 6]));
    assert_eq!(world.connect(6, &[0]).1, only(6));
    assert_eq!(world.give(|engine| engine.block(NOW, &5, 0)), only(5));
    assert_eq!(world.believes(5), None);
    assert_eq!(world.give(|engine| engine.unblock(NOW, &5, &0)), only(5));
    let resumed =
        world.take(1, |engine| engine.resume(NOW, contact).map(|(_, decisions)| decisions));
    assert_eq!(resumed, only(1));
    world.all_believe(Some("one"));

    let [first, second] = [world.devices[0], world.devices[1]];
    let told = world.give(|engine| engine.publish(NOW, first, "again"));
    assert_eq!(told, (1..=6).collect());
    world.all_believe(Some("two"));
    world.give(|engine| engine.disconnect(NOW, second));
    world.all_believe(Some("again"));
    world.give(|engine| engine.disconnect(NOW, first));
    world.all_believe(None);
}

/// What contacts know of a user about whom the function has panicked ends as anything else does:
/// when the user goes out of sight, and when nothing of it is shown any more.
#[test]
fn what_was_known_before_the_choice_that_panicked_ends() {
    for way in 0..4 {
        let mut world = Interrupted::new(1);
        let [first, second] = [world.devices[0], world.devices[1]];
        match way {
            0 => drop(world.give(|engine| engine.invisible(NOW, first))),
            1 => drop(world.give(|engine| engine.audience_remove(NOW, &0, &[1]))),
            2 => drop(world.give(|engine| Ok(engine.expel(NOW, &0)))),
            // The other one speaks, and then nobody is left.
            _ => {
                world.give(|engine| engine.withdraw(NOW, first));
                world.all_believe(Some("two"));
                world.give(|engine| engine.disconnect(NOW, second));
            }
        }
        world.all_believe(None);
        if way == 0 {
            world.give(|engine| engine.visible(NOW, first));
            world.all_believe(Some("one"));
        }
    }
}

/// One whose host goes on with a drain in which the function has panicked: of other users it is
/// asked as ever, and whoever comes into their sight afterwards is told what they show.
#[test]
fn a_choice_that_panics_is_the_affair_of_its_user_alone() {
    let publish_rate = Some(Rate { burst: 1, interval_ms: 10 });
    let mut world = Interrupted::begin(Options { publish_rate, ..Options::default() });
    let connect = |world: &mut Interrupted, user, audience| world.connect(user, audience).0;
    let noisy = [(); 2].map(|()| connect(&mut world, 7, &[]));
    let devices = [(); 2].map(|()| connect(&mut world, 0, &[1]));
    connect(&mut world, 1, &[0]);
    connect(&mut world, 2, &[0]);
    // At 10 one of the first user's devices says something new, and then one of the other's says
    // its first word, which waits as it was taken back before.
    world.give(|engine| engine.publish(NOW, noisy[0], "a"));
    world.give(|engine| engine.publish(NOW, noisy[1], "b"));
    world.give(|engine| engine.publish(NOW, noisy[0], "c"));
    world.give(|engine| engine.publish(NOW, devices[0], "x"));
    world.give(|engine| engine.withdraw(NOW, devices[0]));
    world.give(|engine| engine.publish(NOW, devices[0], "one"));
    world.all_believe(None);

    FUSE.set(Some((Bomb::Represent, 0)));
    let Interrupted { engine, others, .. } = &mut world;
    let mut decisions = engine.advance(Time::from_millis(10));
    let mut panics = 0;
    loop {
        let next = AssertUnwindSafe(|| {
            let Some(decision) = decisions.next() else { return false };
            let (key, replica) = others.get_mut(&1).expect("it is there");
            if let Decision::Deliver { notice, to } = &decision
                && to.contains(&key.slot())
            {
                replica.apply(notice).expect("there is room");
            }
            true
        });
        match catch_unwind(next) {
            Ok(false) => break,
            Ok(true) => {}
            Err(_) => panics += 1,
        }
    }
    drop(decisions);
    assert_eq!((panics, world.engine.verify()), (1, Ok(())));
    assert_eq!(world.believes(1), Some("one"));
    let told = world.give(|engine| engine.audience_add(NOW, &0, [2]));
    assert_eq!((told, world.believes(2)), (BTreeSet::from([2]), Some("one")));
}
