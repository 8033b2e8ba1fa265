//! User ids chosen by somebody who knows the hasher.
//!
//! What it costs is counted in comparisons of ids, not in time: they are what grows.

use crate::common::{at, config};
use adsum::{Connect, Engine};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

thread_local! {
    static COMPARED: Cell<u64> = const { Cell::new(0) };
    static HASHED: Cell<u64> = const { Cell::new(0) };
}

/// A name whose comparisons are counted.
#[derive(Clone, Debug)]
struct Name(String);

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        COMPARED.set(COMPARED.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        HASHED.set(HASHED.get() + 1);
        state.write(self.0.as_bytes());
    }
}

/// Thirty-one times what was, plus the next byte: the best known of the weak hashers. `Aa` and
/// `BB` have the same hash in it, and so has whatever is put together of them in equal number.
#[derive(Default)]
struct ThirtyOne(u64);

impl Hasher for ThirtyOne {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(31).wrapping_add((*byte).into());
        }
    }
}

type Weak = BuildHasherDefault<ThirtyOne>;

const PAIRS: u32 = 10;
const NAMES: u64 = 1 << PAIRS;

fn colliding() -> Vec<Name> {
    let halves =
        |number: u64| (0..PAIRS).map(move |bit| ["Aa", "BB"][(number >> bit & 1) as usize]);
    (0..NAMES).map(|number| Name(halves(number).collect())).collect()
}

fn ordinary() -> Vec<Name> {
    (0..NAMES).map(|number| Name(format!("user {number:015}"))).collect()
}

/// What these ids cost, in comparisons and hashes: they are added to an audience, half of them
/// are blocked, all of them are named, they come and they go.
fn costs<S: BuildHasher>(hasher: S, names: &[Name]) -> (u64, u64) {
    let config = config(|options| {
        (options.max_direct, options.publish_rate) = (2_000, None);
    });
    let mut engine = Engine::<Name, u32, S>::with_hasher(config, hasher);
    let hub = Name("hub".into());
    COMPARED.set(0);
    HASHED.set(0);
    let connected = engine.connect(at(0), Connect::new(hub.clone()).audience(names.to_vec()));
    let session = connected.expect("there is room").0;
    for name in names.iter().step_by(2) {
        drop(engine.block(at(0), &hub, name.clone()).expect("there is room"));
        drop(engine.unblock(at(0), &hub, name).expect("it is blocked"));
    }
    for name in names {
        let connected = engine.connect(at(0), Connect::new(name.clone()).audience([hub.clone()]));
        drop(connected.expect("there is room"));
    }
    let mut receivers = 0;
    let mut decisions = engine.direct(at(0), session, names, 1).expect("they are contacts");
    while let Some(decision) = decisions.next() {
        if let adsum::Decision::Deliver { to, .. } = decision {
            receivers += to.len();
        }
    }
    drop(decisions);
    assert_eq!(receivers, names.len());
    for name in names {
        drop(engine.expel(at(0), name));
    }
    drop(engine.audience_remove(at(0), &hub, names).expect("it cannot be refused"));
    let costs = (COMPARED.get(), HASHED.get());
    assert_eq!((engine.verify(), engine.counts().users_known), (Ok(()), 1));
    costs
}

#[test]
fn ids_that_collide_under_a_known_hasher_do_not_under_the_default_one() {
    let (colliding, ordinary) = (colliding(), ordinary());
    let weak = Weak::default();
    let hashes: BTreeSet<u64> = colliding.iter().map(|name| weak.hash_one(name)).collect();
    assert_eq!(hashes.len(), 1, "they are chosen to collide");
    assert_eq!(colliding.iter().map(|name| &name.0).collect::<BTreeSet<_>>().len() as u64, NAMES);

    let (attacked, _) = costs(weak, &colliding);
    // So the attack is one: each look-up compares the id with many others.
    assert!(attacked > NAMES * NAMES, "{attacked} comparisons under the weak hasher");
    let (usual, usual_hashes) = costs(adsum::DefaultHashBuilder::default(), &ordinary);
    let (compared, hashes) = costs(adsum::DefaultHashBuilder::default(), &colliding);
    assert_eq!(hashes, usual_hashes, "as often as any others");
    // A look-up compares an id with itself, and seldom with one whose hash has a few bits in
    // common with its own.
    assert!(compared <= hashes + hashes / 8, "{compared} comparisons for {hashes} look-ups");
    assert!(compared * 10 <= usual * 11 && usual * 10 <= compared * 11, "{compared}, {usual}");
    assert!(attacked > 50 * compared, "{attacked}, {compared}");
}

/// No two engines have the same hasher, so nobody can find out in one what collides in another.
#[test]
fn every_default_hasher_has_a_key_of_its_own() {
    let hash = || adsum::DefaultHashBuilder::default().hash_one("ann");
    let hashes: BTreeSet<u64> = (0..32).map(|_| hash()).collect();
    assert_eq!(hashes.len(), 32);
}
