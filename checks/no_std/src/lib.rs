//! A library without the standard library that uses the engine and brings a panic handler of its
//! own. If anything links the standard library, there are two handlers, and the compiler refuses
//! (E0152).

#![no_std]

extern crate alloc;

use adsum::{Config, Connect, Decision, Engine, SessionKey, SlotMap, Time};
use adsum_cluster::{Cluster, ClusterConfig, ClusterConfigError, Incarnation, NodeId};
use core::hash::{BuildHasherDefault, Hasher};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Not keyed: a host that lets outsiders choose ids brings a better one.
#[derive(Default)]
pub struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

/// Returns how many receivers a publish between two users has, with a host's table of them.
pub fn deliveries() -> Result<usize, adsum::Error> {
    let hasher = BuildHasherDefault::<Fnv>::default();
    let mut engine = Engine::<u32, &str, _>::with_hasher(Config::default(), hasher);
    let (ann, _) = engine.connect(Time::ZERO, Connect::new(1).audience([2]))?;
    let (ben, _) = engine.connect(Time::ZERO, Connect::new(2).audience([1]))?;
    let (ben, decisions) = engine.resume(Time::ZERO, ben)?;
    drop(decisions);
    let mut table = SlotMap::<SessionKey>::new();
    table.insert(ben, ben);
    let mut receivers = 0;
    engine.publish(Time::ZERO, ann, "here")?.for_each(|decision| {
        if let Decision::Deliver { to, .. } = decision {
            receivers += to.iter().filter(|slot| table.at(**slot).is_some()).count();
        }
    });
    Ok(receivers)
}

/// Returns how many messages a node begins with.
pub fn messages(me: NodeId) -> Result<usize, ClusterConfigError> {
    let hasher = BuildHasherDefault::<Fnv>::default();
    let engine = Engine::<u32, &str, _>::with_hasher(Config::default(), hasher.clone());
    let life = Incarnation { started_ms: 1, random: 1 };
    let mut node = Cluster::new(me, life, ClusterConfig::default(), engine, hasher)?;
    node.advance(Time::ZERO).for_each(|_| {});
    Ok(core::iter::from_fn(|| node.next(Time::ZERO).map(drop)).count())
}
