//! Presence is never persisted: no state of the engine can be serialised, and this file would not
//! compile if any could. Inputs can: what was said to the engine belongs to whoever records it.

#![cfg(feature = "serde")]

use adsum::host::{Application, Host};
use adsum::{
    Config, Counts, Decision, Decisions, DefaultHashBuilder, DeviceKind, Engine, Entry, Event,
    LostCause, Notice, Options, Replica, Session, SessionId, SessionKey, Slot, SlotMap, Snapshot,
    Stats, Time,
};

/// Fails to compile if the type implements the trait: then there are two ways to infer `_`.
macro_rules! assert_not_implemented {
    ($type:ty: $trait:path) => {
        const _: fn() = || {
            struct Implemented;
            trait Ambiguous<Which> {
                fn item() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $trait> Ambiguous<Implemented> for T {}
            let _ = <$type as Ambiguous<_>>::item;
        };
    };
}

macro_rules! assert_never_serialised {
    ($($type:ty),* $(,)?) => {
        $(
            assert_not_implemented!($type: serde::Serialize);
            assert_not_implemented!($type: serde::de::DeserializeOwned);
        )*
    };
}

// With users and presences that can be serialised themselves: nothing else stands in the way.
type K = u64;
type P = String;

/// The least that a host needs.
struct Text;

impl Application<K, P> for Text {
    type Frame = String;

    fn notice(&mut self, notice: &Notice<'_, K, P>) -> Option<String> {
        Some(format!("{notice:?}"))
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_, K, P>) -> Option<String> {
        Some(format!("{snapshot:?}"))
    }
}

assert_never_serialised!(
    Engine<K, P>,
    Host<K, P, Text, u8>,
    Replica<K, P>,
    Session<'static, K, P>,
    Decisions<'static, K, P, DefaultHashBuilder>,
    Decision<'static, K, P>,
    Notice<'static, K, P>,
    Snapshot<'static, K, P>,
    Entry<'static, K, P>,
    SlotMap<P>,
    Config,
    Options,
    Counts,
    Stats,
);

fn is_input<T: serde::Serialize + serde::de::DeserializeOwned>() {}

/// The other way round, so that the check above is known to see what is there.
#[test]
fn inputs_are_serialisable() {
    is_input::<Event<K, P>>();
    is_input::<SessionKey>();
    is_input::<SessionId>();
    is_input::<Slot>();
    is_input::<Time>();
    is_input::<DeviceKind>();
    is_input::<LostCause>();
}

/// And the macro tells the two apart: the same trick, as a value instead of an error.
#[test]
fn the_check_tells_types_that_can_be_serialised_from_those_that_cannot() {
    struct Probe<T>(core::marker::PhantomData<T>);
    trait Otherwise {
        const SERIALISABLE: bool = false;
    }
    impl<T> Otherwise for Probe<T> {}
    impl<T: serde::Serialize> Probe<T> {
        const SERIALISABLE: bool = true;
    }
    let serialisable = [
        Probe::<Event<K, P>>::SERIALISABLE,
        Probe::<Engine<K, P>>::SERIALISABLE,
        Probe::<Replica<K, P>>::SERIALISABLE,
        Probe::<Host<K, P, Text, u8>>::SERIALISABLE,
    ];
    assert_eq!(serialisable, [true, false, false, false]);
}
