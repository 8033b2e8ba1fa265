//! An engine together with the decisions of its last input: the drain, which the compiler ties to
//! the engine elsewhere, made something that can be kept.

use crate::failure::Failure;
use adsum::{Config, Decision, Decisions, Engine, Represent, Time};
use std::hash::RandomState;
use std::ptr::NonNull;

/// Ids and presences are bytes.
pub(crate) type Core = Engine<Box<[u8]>, Box<[u8]>>;
pub(crate) type Drain<'e> = Decisions<'e, Box<[u8]>, Box<[u8]>>;
pub(crate) type Lent<'e> = Decision<'e, Box<[u8]>, Box<[u8]>>;

/// An engine, and the decisions of its last input until all are taken.
pub(crate) struct Held {
    /// Borrows the engine for as long as it is here. Its lifetime is a fiction, which nobody
    /// outside this file gets to see.
    drain: Option<Drain<'static>>,
    /// Owned: it comes of a `Box`. While there is a drain nothing else reads or writes through it.
    engine: NonNull<Core>,
    waits_until: Option<Time>,
}

impl Held {
    pub(crate) fn new(config: Config, represent: Option<Represent<Box<[u8]>>>) -> Self {
        let hasher = RandomState::new();
        let engine = match represent {
            Some(represent) => Engine::with_representative(config, hasher, represent),
            None => Engine::with_hasher(config, hasher),
        };
        let engine = NonNull::from(Box::leak(Box::new(engine)));
        Self { drain: None, engine, waits_until: None }
    }

    /// Gives an input, unless decisions about the last one are left. What the verb returns beside
    /// the drain is handed on.
    #[inline]
    pub(crate) fn input<T>(
        &mut self,
        verb: impl for<'e> FnOnce(&'e mut Core) -> Result<(T, Drain<'e>), Failure>,
    ) -> Result<T, Failure> {
        if self.drain.is_some() {
            return Err(Failure::NotDrained);
        }
        // SAFETY: the pointer comes of a `Box` that is freed when `self` is dropped. There is no
        // drain, and every other reference made of the pointer ends with the borrow of `self`, so
        // this one is alone. It may be called 'static because the drain that borrows it stays in
        // `self`: it is dropped before the engine is, and before the pointer is used again.
        let engine: &'static mut Core = unsafe { self.engine.as_mut() };
        let (result, drain) = verb(engine)?;
        self.waits_until = drain.waits_until();
        self.drain = Some(drain);
        Ok(result)
    }

    /// Returns whether there may be decisions to be taken.
    #[inline]
    pub(crate) const fn has_drain(&self) -> bool {
        self.drain.is_some()
    }

    /// Returns the next decision about the last input. What it lends holds until `self` is borrowed
    /// again.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Lent<'_>> {
        self.drain.as_mut()?.next()
    }

    /// Ends the drain. Decisions that are left are notices that nobody gets.
    #[inline]
    pub(crate) fn end_drain(&mut self) {
        self.drain = None;
    }

    /// Returns the engine to be asked something, unless decisions are left.
    pub(crate) fn engine(&self) -> Result<&Core, Failure> {
        if self.drain.is_some() {
            return Err(Failure::NotDrained);
        }
        // SAFETY: as in `input`; this reference is shared, and lives no longer than the borrow of
        // `self`, during which no drain comes to be.
        Ok(unsafe { self.engine.as_ref() })
    }

    /// Returns the engine for what is no input, unless decisions are left.
    pub(crate) fn engine_mut(&mut self) -> Result<&mut Core, Failure> {
        if self.drain.is_some() {
            return Err(Failure::NotDrained);
        }
        // SAFETY: as in `input`; this reference lives no longer than the borrow of `self`.
        Ok(unsafe { self.engine.as_mut() })
    }

    /// Returns when the publish goes out that was the last input, if it has to wait.
    pub(crate) const fn waits_until(&self) -> Option<Time> {
        self.waits_until
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The drain first: it borrows the engine.
        self.drain = None;
        // SAFETY: the pointer comes of a `Box`, nothing borrows what it points to any more, and
        // `self` is used no more.
        drop(unsafe { Box::from_raw(self.engine.as_ptr()) });
    }
}
