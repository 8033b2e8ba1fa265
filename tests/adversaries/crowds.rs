//! A user in a million audiences, and a user with an audience of a million.
//!
//! Costs are counted, in hashes and comparisons of ids and in allocations; where what could grow
//! is a walk over a list, the time is compared with that of the same input elsewhere in the same
//! run, with a wide margin: the walk that is looked for would be over a million.

use crate::common::{at, config};
use adsum::{Connect, Decision, Decisions, Engine, Error, Options, SessionKey};
use allocation_counter::measure;
use std::cell::Cell;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

thread_local! {
    static TOUCHED: Cell<u64> = const { Cell::new(0) };
}

/// An id that counts how often it is hashed or compared.
#[derive(Clone, Copy, Debug)]
struct Id(u32);

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        TOUCHED.set(TOUCHED.get() + 1);
        self.0.hash(state);
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        TOUCHED.set(TOUCHED.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Id {}

type Fixed = BuildHasherDefault<DefaultHasher>;
type Crowd = Engine<Id, u32, Fixed>;

const MILLION: u32 = 1_000_000;
/// With the shrunk constants there is no room for more sessions.
const FANS: u32 = if cfg!(feature = "shrunk") { 60_000 } else { MILLION };
const IDOL: Id = Id(MILLION);
const NOBODY: Id = Id(MILLION + 1);

/// What an input took.
#[derive(Debug)]
struct Cost {
    touched: u64,
    allocations: u64,
    time: Duration,
    receivers: usize,
}

#[allow(clippy::disallowed_methods, reason = "what is measured is time")]
fn cost(input: impl FnOnce() -> usize) -> Cost {
    TOUCHED.set(0);
    let (mut receivers, mut time) = (0, Duration::ZERO);
    let allocations = measure(|| {
        let start = Instant::now();
        receivers = input();
        time = start.elapsed();
    });
    Cost { touched: TOUCHED.get(), allocations: allocations.count_total, time, receivers }
}

/// The fastest of several, which is what nothing else got in the way of.
fn fastest(costs: impl Iterator<Item = Cost>) -> Cost {
    costs.min_by_key(|cost| cost.time).expect("there are some")
}

fn drain(decisions: Result<Decisions<'_, Id, u32, Fixed>, Error>) -> usize {
    let mut decisions = decisions.expect("it is allowed");
    let mut receivers = 0;
    while let Some(decision) = decisions.next() {
        match decision {
            Decision::Deliver { to, .. } => receivers += to.len(),
            Decision::Snapshot(snapshot) => receivers += snapshot.len(),
            _ => {}
        }
    }
    receivers
}

fn connect(engine: &mut Crowd, user: Id, audience: impl IntoIterator<Item = Id>) -> SessionKey {
    let connected = engine.connect(at(0), Connect::new(user).audience(audience));
    let (key, decisions) = connected.expect("there is room");
    drain(Ok(decisions));
    key
}

fn crowd(change: impl FnOnce(&mut Options)) -> Crowd {
    let config = config(|options| {
        (options.publish_rate, options.lease) = (None, None);
        change(options);
    });
    Engine::with_hasher(config, Fixed::default())
}

/// A user comes, speaks twice, has a second session for a while, and goes.
fn visit(engine: &mut Crowd, user: Id) -> usize {
    let key = connect(engine, user, [Id(0), Id(1)]);
    let mut receivers = drain(engine.publish(at(0), key, 1));
    let second = connect(engine, user, [Id(0), Id(1)]);
    receivers += drain(engine.disconnect(at(0), second));
    receivers += drain(engine.publish(at(0), key, 2));
    receivers + drain(engine.disconnect(at(0), key))
}

/// Whoever puts somebody in their audience cannot make it costly for them: what they do costs
/// what it costs somebody whom nobody knows, and so does what each of the million does.
#[test]
fn one_user_in_a_million_audiences() {
    let mut engine = crowd(|_| {});
    for fan in 0..FANS {
        connect(&mut engine, Id(fan), [IDOL]);
    }
    assert_eq!(engine.counts().audience_entries, FANS as usize);
    let idol = fastest((0..9).map(|_| cost(|| visit(&mut engine, IDOL))));
    let nobody = fastest((0..9).map(|_| cost(|| visit(&mut engine, NOBODY))));
    // The first two of the million are in its audience: told twice, and once of its end.
    assert_eq!((idol.receivers, nobody.receivers), (6, 6));
    // An id that nobody knows is new each time, and so is compared less.
    assert!(idol.touched <= nobody.touched + 8, "{idol:?}, {nobody:?}");
    assert!(idol.allocations <= nobody.allocations, "{idol:?}, {nobody:?}");
    assert!(idol.time < nobody.time * 20, "{idol:?}, {nobody:?}");

    // The idol is there: each fan still speaks to one, and comes and goes at the cost of one.
    let session = connect(&mut engine, IDOL, []);
    for fan in [Id(5), Id(FANS / 2), Id(FANS - 1)] {
        let key = engine.sessions(&fan).next().expect("it is there");
        let said = cost(|| drain(engine.publish(at(0), key, 3)));
        assert_eq!((said.receivers, said.touched, said.allocations), (1, 0, 0), "{said:?}");
        let gone = cost(|| drain(engine.disconnect(at(0), key)));
        assert_eq!((gone.receivers, gone.touched, gone.allocations), (1, 0, 0), "{gone:?}");
        let back = fastest((0..5).map(|_| {
            let back = cost(|| usize::from(connect(&mut engine, fan, [IDOL]).slot().is_near()));
            let key = engine.sessions(&fan).next().expect("it is there");
            drain(engine.disconnect(at(0), key));
            back
        }));
        assert!(back.touched <= 8 && back.time < nobody.time * 20, "{back:?}");
    }
    let said = fastest((0..5).map(|_| cost(|| drain(engine.publish(at(0), session, 4)))));
    assert_eq!(
        (said.receivers, said.touched, said.allocations),
        (0, 0, 0),
        "its own list is empty"
    );
    assert!(said.time < nobody.time * 20, "{said:?}, {nobody:?}");
}

/// One contact more or less in a list of a million: one id is looked up, not a million, and
/// nothing like the list is built anew.
#[test]
fn an_audience_of_a_million() {
    let mut engine = crowd(|options| options.max_audience = MILLION + 1);
    let mut idol = None;
    let whole = cost(|| {
        idol = Some(connect(&mut engine, IDOL, (0..MILLION).map(Id)));
        0
    });
    let idol = idol.expect("it has connected");
    drain(engine.publish(at(0), idol, 1));
    assert!(whole.touched >= u64::from(MILLION));
    // The new one's number is greater than all others', and then that of the first of them.
    for contact in [Id(MILLION + 7), Id(0), Id(MILLION / 2)] {
        connect(&mut engine, contact, [IDOL]);
        let edits = (0..9).map(|turn| {
            let removed = cost(|| drain(engine.audience_remove(at(0), &IDOL, &[contact])));
            let added = cost(|| drain(engine.audience_add(at(0), &IDOL, [contact])));
            for edit in [&removed, &added] {
                assert!(edit.touched <= 5, "{edit:?}");
                // The first time there may be no room in the list for one more.
                assert!(edit.allocations <= if turn == 0 { 4 } else { 0 }, "{edit:?}");
            }
            assert_eq!(added.receivers, 1, "the contact is told of the idol");
            Cost { time: removed.time + added.time, ..added }
        });
        let edit = fastest(edits);
        assert!(edit.time * 8 < whole.time, "{edit:?}, {whole:?}");
    }
    let counts = engine.counts();
    assert_eq!(counts.audience_entries, MILLION as usize + 1 + 3, "the last one more, and theirs");
    // Blocking somebody is no walk over the list.
    let block = fastest((0..9).map(|_| {
        let blocked = cost(|| drain(engine.block(at(0), &IDOL, Id(0))));
        drain(engine.unblock(at(0), &IDOL, &Id(0)));
        blocked
    }));
    assert!(block.receivers == 1 && block.touched <= 6, "{block:?}");
    assert!(block.time * 100 < whole.time, "{block:?}, {whole:?}");
    // A fan who comes, one of the last in the list, is sent the idol's presence: found by a search
    // and not by a walk, so that it takes no longer than with somebody who has one contact.
    let last = Id(MILLION - 3);
    let friend = connect(&mut engine, NOBODY, [last]);
    drain(engine.publish(at(0), friend, 1));
    let mut comes = |to| {
        fastest((0..9).map(|_| {
            let came = cost(|| {
                let connected = engine.connect(at(0), Connect::new(last).audience([to]));
                drain(connected.map(|(_, decisions)| decisions))
            });
            drain(Ok(engine.expel(at(0), &last)));
            came
        }))
    };
    let (fan, friend) = (comes(IDOL), comes(NOBODY));
    assert_eq!((fan.receivers, friend.receivers), (1, 1), "each is sent one presence");
    assert!(fan.touched <= 8 && fan.time < friend.time * 20, "{fan:?}, {friend:?}");
}
