//! Where the host's own code panics, the engine stays right: the input has either happened or not.

mod choice;

use adsum::{
    Config, Connect, Counts, Decision, Engine, Event, Grace, Join, LostCause, Options, Rate,
    SessionKey, Time, View,
};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// What is to panic next, and after how many more times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bomb {
    Hash,
    Eq,
    DropId,
    DropPresence,
    Represent,
}

thread_local! {
    static FUSE: Cell<Option<(Bomb, u32)>> = const { Cell::new(None) };
}

fn tick(bomb: Bomb) {
    if let Some((armed, left)) = FUSE.get().filter(|(armed, _)| *armed == bomb) {
        FUSE.set((left > 0).then(|| (armed, left - 1)));
        assert!(left > 0, "the host's own code fails");
    }
}

#[derive(Debug)]
struct Id(u32);

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        tick(Bomb::Hash);
        // Few hashes, so that ids are compared often.
        (self.0 % 3).hash(state);
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        tick(Bomb::Eq);
        self.0 == other.0
    }
}

impl Eq for Id {}

impl Drop for Id {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            tick(Bomb::DropId);
        }
    }
}

#[derive(Debug)]
struct Presence(#[expect(dead_code, reason = "only counted")] Rc<()>);

impl Drop for Presence {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            tick(Bomb::DropPresence);
        }
    }
}

struct World {
    engine: Engine<Id, Presence>,
    sessions: Vec<SessionKey>,
    alive: Rc<()>,
    now: u64,
}

impl World {
    fn new() -> Self {
        let options = Options {
            publish_rate: Some(Rate { burst: 1, interval_ms: 5 }),
            max_sessions: 2,
            grace: Grace { node_loss_ms: 0, ..Options::default().grace },
            max_direct: 20,
            ..Options::default()
        };
        let config = Config::new(options).expect("the options are in range");
        let mut world =
            Self { engine: Engine::new(config), sessions: Vec::new(), alive: Rc::new(()), now: 0 };
        for user in [1, 2, 1, 3] {
            world.connect(user);
        }
        for at in 0..4 {
            world.publish(at);
        }
        world
    }

    fn connect(&mut self, user: u32) {
        let (now, contacts) = (Time::from_millis(self.now), (0..5).map(Id));
        let result =
            self.engine.connect(now, Connect::new(Id(user)).audience(contacts).blocked([Id(9)]));
        let Ok((session, mut decisions)) = result else { return };
        while decisions.next().is_some() {}
        drop(decisions);
        self.sessions.push(session);
    }

    fn publish(&mut self, at: usize) {
        let (now, presence) = (Time::from_millis(self.now), Presence(self.alive.clone()));
        let Ok(mut decisions) = self.engine.publish(now, self.sessions[at], presence) else {
            return;
        };
        while decisions.next().is_some() {}
    }

    /// The session gives inputs of which the last drops what one before it said.
    fn speak(&mut self, verb: u32) {
        let [first, second] = [0, 1].map(|at| self.sessions[at]);
        let presence = || Presence(self.alive.clone());
        let at = |after| Time::from_millis(self.now + after);
        let engine = &mut self.engine;
        let decisions = match verb {
            // Its presence is replaced.
            13 => engine.publish(at(50), first, presence()),
            // So is what waits for a token, by something that waits as well.
            14 => {
                drop(engine.publish(at(0), first, presence()));
                engine.publish(at(0), first, presence())
            }
            // What waits is overtaken, and so is its presence.
            15 => {
                drop(engine.publish(at(0), first, presence()));
                engine.publish(at(50), first, presence())
            }
            // What waits goes out.
            16 => {
                drop(engine.publish(at(0), first, presence()));
                Ok(engine.advance(at(50)))
            }
            // It ends with the node that had it, with what waits.
            22 => {
                drop(engine.publish(at(0), first, presence()));
                engine.lost(at(0), first, LostCause::NodeLoss)
            }
            // It ends when its grace is over.
            23 => {
                drop(engine.lost(at(50), first, LostCause::Timeout));
                Ok(engine.advance(at(20_000)))
            }
            // Who has missed somebody's end is the last to know their id.
            24 => {
                drop(engine.congested(at(50), second));
                drop(engine.publish(at(50), first, presence()));
                drop(engine.expel(at(50), &Id(2)));
                drop(engine.audience_replace(at(50), &Id(1), []));
                drop(engine.expel(at(50), &Id(3)));
                engine.writable(at(50), second)
            }
            25 => {
                drop(engine.invisible(at(50), first));
                drop(engine.heartbeat(at(50), first));
                drop(engine.visible(at(50), first));
                engine.resume(at(50), first).map(|(_, decisions)| decisions)
            }
            // It goes away for good, with what waits, by the key of its third connection.
            28 => {
                drop(engine.publish(at(0), first, presence()));
                let second = engine.resume(at(0), first).expect("it is there").0;
                drop(engine.lost(at(0), second, LostCause::GoingAway));
                let third = engine.resume(at(0), second).expect("it is there").0;
                engine.lost_with_grace(at(0), third, LostCause::GoingAway, 0)
            }
            29..=34 => return self.speak_for_a_while(verb),
            _ => {
                let users = vec![Id(1), Id(2)];
                engine.apply(at(50), Event::System { users, presence: presence() })
            }
        };
        if let Ok(mut decisions) = decisions {
            while decisions.next().is_some() {}
        }
    }

    /// The same of what ends by itself.
    fn speak_for_a_while(&mut self, verb: u32) {
        let first = self.sessions[0];
        let presence = || Presence(self.alive.clone());
        let at = |after| Time::from_millis(self.now + after);
        let engine = &mut self.engine;
        let decisions = match verb {
            // What was to take its place is overtaken, and then it is itself.
            29 => {
                let then = Some(presence());
                drop(engine.publish_until(at(50), first, presence(), at(90), then));
                engine.publish(at(60), first, presence())
            }
            // It ends by itself, and so does what waited for too long.
            30 => {
                drop(engine.publish_until(at(50), first, presence(), at(52), None));
                drop(engine.publish_until(at(51), first, presence(), at(53), Some(presence())));
                Ok(engine.advance(at(60)))
            }
            // It is taken back, with what waits and with what both were to end in.
            31 => {
                drop(engine.publish_until(at(50), first, presence(), at(90), Some(presence())));
                drop(engine.publish_until(at(50), first, presence(), at(91), Some(presence())));
                engine.withdraw(at(51), first)
            }
            // It is refused: it lasts too long, or is over already.
            32 => {
                let then = Some(presence());
                engine.publish_until(at(50), first, presence(), Time::MAX, then)
            }
            33 => engine.publish_until(at(50), first, presence(), at(50), None),
            // It ends before what it shows and what it directs do.
            _ => {
                drop(engine.publish_until(at(50), first, presence(), at(90), Some(presence())));
                drop(engine.direct_for(at(50), first, &[Id(2)], presence(), 9));
                drop(engine.direct_for(at(50), first, &[Id(3)], presence(), 9_000));
                drop(engine.advance(at(60)));
                engine.disconnect(at(61), first)
            }
        };
        if let Ok(mut decisions) = decisions {
            while decisions.next().is_some() {}
        }
    }

    /// The session gives inputs that are refused: too many are named, too often, by one who is not
    /// there, who is detached, or who never was.
    fn speak_in_vain(&mut self, verb: u32) {
        let first = self.sessions[0];
        let presence = || Presence(self.alive.clone());
        let at = |after| Time::from_millis(self.now + after);
        let engine = &mut self.engine;
        let refused = match verb {
            17 => engine.direct(at(50), first, &(0..21).map(Id).collect::<Vec<_>>(), presence()),
            18 => engine.direct(at(0), first, &[Id(2)], presence()),
            19 => {
                drop(engine.disconnect(at(50), first));
                engine.publish(at(50), first, presence())
            }
            20 => {
                drop(engine.lost(at(50), first, LostCause::Timeout));
                engine.publish(at(50), first, presence())
            }
            _ => {
                let session = SessionKey::from_bits((7 << 32, 7)).expect("it has a generation");
                let users = vec![Id(2)];
                engine.apply(at(50), Event::Direct { session, users, presence: presence() })
            }
        };
        assert!(refused.is_err());
    }

    /// One of every verb that runs the host's code.
    fn act(&mut self, verb: u32) {
        self.now += 3;
        let now = Time::from_millis(self.now);
        let first = self.sessions[0];
        let presence = || Presence(self.alive.clone());
        let mut decisions = match verb {
            0 => return self.connect(7),
            1 => return self.connect(1),
            2 => return self.publish(0),
            // Old enough to be evicted.
            27 => {
                self.now += 10_000;
                self.connect(1);
                // What is held of it is over.
                return self.engine.advance(Time::from_millis(self.now + 10_000)).for_each(|_| {});
            }
            17..=21 => return self.speak_in_vain(verb),
            13.. => return self.speak(verb),
            3 => self.engine.direct(now, first, &[Id(2), Id(3)], presence()),
            4 => self.engine.audience_replace(now, &Id(1), (2..12).map(Id)),
            5 => self.engine.audience_remove(now, &Id(1), &[Id(2), Id(3)]),
            6 => self.engine.block(now, &Id(1), Id(3)),
            7 => self.engine.unblock(now, &Id(1), &Id(3)),
            8 => self.engine.system(now, &[Id(1), Id(2)], presence()),
            9 => Ok(self.engine.expel(now, &Id(2))),
            10 => self.engine.disconnect(now, first),
            11 => self.engine.audience_add(now, &Id(1), (20..22).map(Id)),
            _ => Ok(self.engine.advance(Time::from_millis(self.now + 200_000))),
        };
        if let Ok(decisions) = &mut decisions {
            while let Some(decision) = decisions.next() {
                assert!(!matches!(decision, Decision::Deliver { to: [], .. }));
            }
        }
    }
}

const VERBS: u32 = 35;

#[test]
fn whatever_of_the_hosts_code_panics_the_engine_stays_right() {
    // The panics are wanted: they need not be printed.
    std::panic::set_hook(Box::new(|_| ()));
    let mut exploded = 0;
    let mut dropped = BTreeSet::new();
    for bomb in [Bomb::Hash, Bomb::Eq, Bomb::DropId, Bomb::DropPresence] {
        for verb in 0..VERBS {
            for fuse in 0..40 {
                let mut world = World::new();
                FUSE.set(Some((bomb, fuse)));
                let result = catch_unwind(AssertUnwindSafe(|| world.act(verb)));
                let failed = result.is_err();
                FUSE.set(None);
                exploded += u32::from(failed);
                if failed && bomb == Bomb::DropPresence {
                    dropped.insert(verb);
                }
                // Whatever the next input is, everything is in order after it.
                drop(world.engine.advance(Time::from_millis(world.now)));
                assert_eq!(world.engine.verify(), Ok(()), "{bomb:?} in verb {verb}, fuse {fuse}");
                let counted = world.engine.counts().presences;
                assert_eq!(Rc::strong_count(&world.alive) - 1, counted, "{bomb:?} {verb} {fuse}");
                for user in 0..30 {
                    drop(world.engine.expel(Time::MAX, &Id(user)));
                }
                assert_eq!(world.engine.counts(), Counts::default(), "{bomb:?} {verb} {fuse}");
                if !failed {
                    break;
                }
            }
        }
    }
    drop(std::panic::take_hook());
    assert!(exploded > 100, "only {exploded} of the bombs went off");
    // A presence is dropped by these: the others keep it, or have none.
    let expected = [3, 8, 9, 10, 12].into_iter().chain(13..=24).chain(26..=34);
    assert_eq!(dropped, expected.collect());
}

#[test]
fn an_iterator_that_panics_changes_nothing() {
    std::panic::set_hook(Box::new(|_| ()));
    let mut world = World::new();
    let before = world.engine.counts();
    let failing = || (40..45).map(|id| if id < 44 { Id(id) } else { panic!("no more") });
    let ids: Vec<Id> = (40..45).map(Id).collect();
    let lent = || ids.iter().inspect(|id| assert!(id.0 < 44, "no more"));
    let (now, first) = (Time::from_millis(world.now), world.sessions[0]);
    let results = [
        catch_unwind(AssertUnwindSafe(|| {
            let _ = world.engine.connect(now, Connect::new(Id(8)).audience(failing()));
        })),
        catch_unwind(AssertUnwindSafe(|| {
            let _ = world.engine.audience_replace(now, &Id(1), failing());
        })),
        catch_unwind(AssertUnwindSafe(|| {
            let _ = world.engine.audience_remove(now, &Id(1), lent());
        })),
        catch_unwind(AssertUnwindSafe(|| {
            let _ = world.engine.direct(now, first, lent(), Presence(Rc::new(())));
        })),
        catch_unwind(AssertUnwindSafe(|| {
            drop(world.engine.system(now, lent(), Presence(Rc::new(()))))
        })),
    ];
    drop(std::panic::take_hook());
    assert!(results.iter().all(Result::is_err));
    drop(world.engine.advance(now));
    assert_eq!(world.engine.verify(), Ok(()));
    assert_eq!(world.engine.counts(), before);
}

/// The name with which a topic is joined that is there already is dropped when the input has
/// happened.
#[test]
fn a_name_that_panics_when_dropped_comes_last() {
    std::panic::set_hook(Box::new(|_| ()));
    let mut world = World::new();
    let (now, [first, second]) =
        (Time::from_millis(world.now), [0, 1].map(|at| world.sessions[at]));
    let join = || Join::Member { presence: None, view: View::All };
    let (room, _) = world.engine.join(now, first, Id(50), join()).expect("there is room");
    FUSE.set(Some((Bomb::DropId, 0)));
    let result = catch_unwind(AssertUnwindSafe(|| {
        drop(world.engine.join(now, second, Id(50), join()));
    }));
    FUSE.set(None);
    drop(std::panic::take_hook());
    assert!(result.is_err(), "there is a name already, so that one is dropped");
    assert_eq!(world.engine.topics_of(second).map(|topic| topic.key()).next(), Some(room));
    drop(world.engine.advance(now));
    assert_eq!(world.engine.verify(), Ok(()));
}

/// The clock shows the last input that was accepted, also where dropping what came with a refused
/// one panics.
#[test]
fn a_refused_input_that_panics_has_not_happened() {
    std::panic::set_hook(Box::new(|_| ()));
    let mut world = World::new();
    let gone = world.sessions[0];
    let now = Time::from_millis(world.now);
    drop(world.engine.disconnect(now, gone));
    let (before, stats) = (world.engine.now(), world.engine.stats());
    let later = Time::from_millis(world.now + 500);
    let presence = Presence(Rc::clone(&world.alive));
    FUSE.set(Some((Bomb::DropPresence, 0)));
    let result =
        catch_unwind(AssertUnwindSafe(|| drop(world.engine.publish(later, gone, presence))));
    FUSE.set(None);
    drop(std::panic::take_hook());
    assert!(result.is_err(), "the presence of a refused publish is dropped");
    assert_eq!((world.engine.now(), world.engine.stats()), (before, stats));
    drop(world.engine.advance(before));
    assert_eq!(world.engine.now(), before);
    assert_eq!(world.engine.verify(), Ok(()));
}
