//! The handle: one call at a time, no panic beyond it, and decisions before the next input.

use crate::bytes::put;
use crate::decision::adsum_decision;
use crate::failure::Failure;
use crate::held::{Core, Drain, Held};
use crate::lists::Lists;
use crate::options::adsum_options;
use crate::outside::{drop_panic, outside};
use crate::represent::{Choice, Choosing, adsum_represent, represent};
use crate::status::{adsum_error, adsum_status};
use adsum::{Config, Represent};
use std::cell::{Cell, UnsafeCell};
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An engine: an opaque thing made by `adsum_engine_new` and freed by `adsum_engine_free`. One
/// thread at a time may call it; it need not always be the same.
pub struct adsum_engine {
    phase: Cell<Phase>,
    inner: UnsafeCell<Inner>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// A call is being carried out.
    Busy,
    /// A call has panicked.
    Broken,
}

/// What lies behind a handle.
pub(crate) struct Inner {
    pub(crate) held: Held,
    pub(crate) lists: Lists,
    /// A decision that was found when somebody asked whether any are left.
    pending: adsum_decision,
    is_pending: bool,
    /// Why a call was refused last.
    failure: Failure,
    choice: Option<Choice>,
}

impl Inner {
    /// Writes the next decision to `out`; returns whether there was one. What it lends holds until
    /// the next call on the engine.
    ///
    /// # Safety
    /// `out` points to room for it.
    #[inline]
    unsafe fn next(&mut self, out: *mut adsum_decision) -> bool {
        if self.is_pending {
            self.is_pending = false;
            // SAFETY: the caller's promise.
            unsafe { out.write(self.pending) };
            return true;
        }
        // Looked at where it lies: to move it costs as much as all of the rest.
        let next = self.held.next();
        let Some(decision) = &next else {
            self.held.end_drain();
            return false;
        };
        // SAFETY: the caller's promise; and it has been written to before there is a reference.
        let out = unsafe {
            out.write(adsum_decision::EMPTY);
            &mut *out
        };
        out.lend(decision, &mut self.lists);
        true
    }

    /// Makes sure that no decision about the last input is left.
    #[inline]
    fn settle(&mut self) -> Result<(), Failure> {
        if self.held.has_drain() { self.look_for_more() } else { Ok(()) }
    }

    /// Looks whether a decision is left, and if one is, keeps it for whoever asks for it.
    #[inline(never)]
    fn look_for_more(&mut self) -> Result<(), Failure> {
        let mut decision = adsum_decision::EMPTY;
        // SAFETY: there is room.
        self.is_pending = unsafe { self.next(&mut decision) };
        if self.is_pending {
            self.pending = decision;
            return Err(Failure::NotDrained);
        }
        Ok(())
    }
}

impl adsum_engine {
    /// Carries out a call on what is behind the handle.
    #[inline]
    fn run(&self, work: impl FnOnce(&mut Inner) -> Result<(), Failure>) -> adsum_status {
        match self.phase.get() {
            Phase::Idle => {}
            Phase::Busy => return adsum_status::ADSUM_E_BUSY,
            Phase::Broken => return adsum_status::ADSUM_E_BUG,
        }
        self.phase.set(Phase::Busy);
        let result = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: references to what is inside are made while the phase says that a call is
            // being carried out, and then only by that call; it was not so before.
            let inner = unsafe { &mut *self.inner.get() };
            let done = match inner.choice {
                None => work(inner),
                Some(choice) => choosing(choice, inner, work),
            };
            match done {
                Ok(()) => adsum_status::ADSUM_OK,
                Err(failure) => inner.refuse(failure),
            }
        }));
        match result {
            Ok(status) => {
                self.phase.set(Phase::Idle);
                status
            }
            Err(panic) => {
                self.phase.set(Phase::Broken);
                drop_panic(panic);
                adsum_status::ADSUM_E_BUG
            }
        }
    }

    /// Ends what is left of the drain, so that all may be dropped; returns false if a call is being
    /// carried out, whose function would lose the engine under its feet.
    fn ends(&self) -> bool {
        if self.phase.get() == Phase::Busy {
            return false;
        }
        // It stays so: the function may be asked now, and must find the engine at work.
        self.phase.set(Phase::Busy);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: as in `run`.
            let inner = unsafe { &mut *self.inner.get() };
            let _choosing = inner.choice.map(Choosing::by);
            // Where it lies: a drain that is moved into a call borrows its engine until that call
            // returns, and the engine would be freed in it.
            inner.held.end_drain();
        }));
        if let Err(panic) = ended {
            drop_panic(panic);
        }
        true
    }
}

impl Inner {
    #[cold]
    fn refuse(&mut self, failure: Failure) -> adsum_status {
        let status = failure.status();
        if failure != Failure::Nothing {
            self.failure = failure;
        }
        status
    }
}

/// Carries out a call on an engine that asks its host who speaks for a user. Apart, so that the
/// others do not pay for it.
#[inline(never)]
fn choosing(
    choice: Choice,
    inner: &mut Inner,
    work: impl FnOnce(&mut Inner) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let _choosing = Choosing::by(choice);
    work(inner)
}

/// Carries out a call on an engine.
///
/// # Safety
/// `engine` is NULL or an engine that has not been freed, and no other thread calls it.
#[inline]
pub(crate) unsafe fn call(
    engine: *const adsum_engine,
    work: impl FnOnce(&mut Inner) -> Result<(), Failure>,
) -> adsum_status {
    // SAFETY: the caller's promise.
    match unsafe { engine.as_ref() } {
        Some(engine) => engine.run(work),
        None => adsum_status::ADSUM_E_NULL,
    }
}

/// Gives an engine an input.
///
/// # Safety
/// That of [`call`].
#[inline]
pub(crate) unsafe fn input(
    engine: *mut adsum_engine,
    verb: impl for<'e> FnOnce(&'e mut Core) -> Result<Drain<'e>, Failure>,
) -> adsum_status {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |inner| {
            inner.settle()?;
            inner.held.input(|core| Ok(((), verb(core)?)))
        })
    }
}

/// Gives an engine an input that gives something out, which is written to `out`.
///
/// # Safety
/// That of [`call`]; and `out` is NULL or points to room for it.
pub(crate) unsafe fn input_with<T>(
    engine: *mut adsum_engine,
    out: *mut T,
    verb: impl for<'e> FnOnce(&'e mut Core) -> Result<(T, Drain<'e>), Failure>,
) -> adsum_status {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |inner| {
            if out.is_null() {
                // Before anything has happened.
                return Err(Failure::Null { argument: "out", place: None });
            }
            inner.settle()?;
            put(out, inner.held.input(verb)?)
        })
    }
}

/// Asks an engine something.
///
/// # Safety
/// That of [`call`].
pub(crate) unsafe fn ask(
    engine: *const adsum_engine,
    question: impl FnOnce(&Core, &mut Lists) -> Result<(), Failure>,
) -> adsum_status {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |inner| {
            inner.settle()?;
            question(inner.held.engine()?, &mut inner.lists)
        })
    }
}

/// Takes something out of an engine that is given once, and writes it to `out`.
///
/// # Safety
/// That of [`call`]; and `out` is NULL or points to room for it.
pub(crate) unsafe fn take<T>(
    engine: *mut adsum_engine,
    out: *mut T,
    taking: impl FnOnce(&mut Core, &mut Lists) -> Result<T, Failure>,
) -> adsum_status {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |inner| {
            if out.is_null() {
                // Before anything is taken.
                return Err(Failure::Null { argument: "out", place: None });
            }
            inner.settle()?;
            put(out, taking(inner.held.engine_mut()?, &mut inner.lists)?)
        })
    }
}

/// Does something to an engine that is no input.
///
/// # Safety
/// That of [`call`].
pub(crate) unsafe fn tend(
    engine: *mut adsum_engine,
    work: impl FnOnce(&mut Core) -> Result<(), Failure>,
) -> adsum_status {
    // SAFETY: the caller's promise.
    unsafe {
        call(engine, |inner| {
            inner.settle()?;
            work(inner.held.engine_mut()?)
        })
    }
}

/// Makes an empty engine and writes it to `out`. `options` may be NULL for the default. With
/// `choose`, contacts are told one state of each user, that of the session which it chooses;
/// `context` is what it is called with. Where that is NULL they are told one of each session.
///
/// `error` may be NULL; otherwise it says why the options were refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_engine_new(
    options: *const adsum_options,
    choose: adsum_represent,
    context: *mut c_void,
    out: *mut *mut adsum_engine,
    error: *mut adsum_error,
) -> adsum_status {
    outside(|| {
        // SAFETY: `options` is NULL or points to options, which the caller sees to.
        let config = match unsafe { options.as_ref() } {
            Some(options) => options.read(),
            None => Ok(Config::default()),
        };
        let made = config.and_then(|config| {
            let choice = choose.map(|choose| Choice { choose, context });
            let represent = choice.map(|_| represent as Represent<Box<[u8]>>);
            let inner = Inner {
                held: Held::new(config, represent),
                lists: Lists::default(),
                pending: adsum_decision::EMPTY,
                is_pending: false,
                failure: Failure::Nothing,
                choice,
            };
            let inner = UnsafeCell::new(inner);
            let engine = Box::new(adsum_engine { phase: Cell::new(Phase::Idle), inner });
            // SAFETY: `out` is NULL or points to room for a pointer, which the caller sees to; and
            // it is checked before the engine is given up to it.
            unsafe {
                put(out, std::ptr::null_mut())?;
                put(out, Box::into_raw(engine))
            }
        });
        if let (Err(failure), false) = (&made, error.is_null()) {
            // SAFETY: the pointer is not NULL, and points to room for it, which the caller sees to.
            unsafe { error.write(adsum_error::of(failure)) };
        }
        made
    })
}

/// Frees an engine with all that it holds and has lent. NULL is passed over, and so is an engine
/// that is at work: the function that chooses who speaks for a user cannot free it.
///
/// Decisions that are left are dropped, as by `adsum_discard`, and for that the function may be
/// called once more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_engine_free(engine: *mut adsum_engine) {
    let _ = outside(|| {
        // SAFETY: it is NULL or an engine that has not been freed, which the caller sees to.
        let is_freed = unsafe { engine.as_ref() }.is_some_and(adsum_engine::ends);
        if is_freed {
            // SAFETY: the pointer was made of a box, and nobody uses it any more, which the caller
            // sees to.
            drop(unsafe { Box::from_raw(engine) });
        }
        Ok(())
    });
}

/// Writes the next decision about the last input to `out` and returns true; returns false when none
/// is left, and then the next input may be given. What it lends holds until the next call on this
/// engine.
///
/// It returns false too where the engine is faulty or `out` is NULL, as `adsum_last_error` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_next(engine: *mut adsum_engine, out: *mut adsum_decision) -> bool {
    let mut is_there = false;
    // SAFETY: the caller's duties, as the crate's page lists them.
    let status = unsafe {
        call(engine, |inner| {
            if out.is_null() {
                return Err(Failure::Null { argument: "out", place: None });
            }
            is_there = inner.next(out);
            Ok(())
        })
    };
    status == adsum_status::ADSUM_OK && is_there
}

/// Drops the decisions about the last input that are left: notices that nobody gets. State is not
/// lost by it, but deadlines that `adsum_advance` had not come to stay due.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_discard(engine: *mut adsum_engine) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        call(engine, |inner| {
            inner.is_pending = false;
            inner.held.end_drain();
            Ok(())
        })
    }
}

/// Writes to `out` when that goes out which was the last input, in milliseconds, if it has to wait
/// for a token: a publish (rule 13), or an update in a topic (rule T12). `ADSUM_NOTHING` if it does
/// not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_waits_until(
    engine: *const adsum_engine,
    out: *mut u64,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        call(engine, |inner| {
            put(out, inner.held.waits_until().ok_or(Failure::Nothing)?.as_millis())
        })
    }
}

/// Writes to `out` why a call on this engine was refused last; `ADSUM_NOTHING` if none was. It may
/// be called between any two others, and what is lent goes on holding.
///
/// `ADSUM_E_BUSY` is not kept, since the engine is at work then: this call, too, is refused with it
/// from the function that chooses. Nor is a refusal of this call itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_last_error(
    engine: *const adsum_engine,
    out: *mut adsum_error,
) -> adsum_status {
    outside(|| {
        // SAFETY: it is NULL or an engine that has not been freed, which the caller sees to.
        let Some(engine) = (unsafe { engine.as_ref() }) else {
            return Err(Failure::Null { argument: "engine", place: None });
        };
        let error = match engine.phase.get() {
            Phase::Busy => return Err(Failure::Busy),
            Phase::Broken => adsum_error::of(&Failure::Bug),
            Phase::Idle => {
                // SAFETY: no call is being carried out, so nobody has a reference to the inside.
                let inner = unsafe { &*engine.inner.get() };
                if inner.failure == Failure::Nothing {
                    return Err(Failure::Nothing);
                }
                adsum_error::of(&inner.failure)
            }
        };
        // SAFETY: `out` is NULL or points to room for it, which the caller sees to.
        unsafe { put(out, error) }
    })
}

/// Returns the version of the library, as `ADSUM_VERSION` is that of the header: a text that is
/// there for ever. Structures may differ between versions, so a host that loads the library at run
/// time compares the two.
#[unsafe(no_mangle)]
pub extern "C" fn adsum_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    fn engine() -> *mut adsum_engine {
        let mut engine = ptr::null_mut();
        // SAFETY: both pointers that are not NULL are good.
        let status = unsafe {
            adsum_engine_new(ptr::null(), None, ptr::null_mut(), &mut engine, ptr::null_mut())
        };
        assert_eq!(status, adsum_status::ADSUM_OK);
        engine
    }

    #[test]
    fn a_panic_does_not_cross_and_the_engine_says_so_from_then_on() {
        let engine = engine();
        // SAFETY: the engine is there until it is freed, and so is what is written to.
        unsafe {
            let status = call(engine, |_| panic!("a fault, for the test's sake"));
            assert_eq!(status, adsum_status::ADSUM_E_BUG);
            let mut now = 7;
            let status = crate::queries::whole::adsum_now(engine, &mut now);
            assert_eq!((status, now), (adsum_status::ADSUM_E_BUG, 7));
            let mut error = std::mem::zeroed::<adsum_error>();
            assert_eq!(adsum_last_error(engine, &mut error), adsum_status::ADSUM_OK);
            assert_eq!(error.status, adsum_status::ADSUM_E_BUG);
            let status = crate::verbs::time::adsum_advance(engine, 1);
            assert_eq!(status, adsum_status::ADSUM_E_BUG);
            assert_eq!(adsum_discard(engine), adsum_status::ADSUM_E_BUG);
            let mut decision = std::mem::zeroed::<adsum_decision>();
            assert!(!adsum_next(engine, &mut decision));
            adsum_engine_free(engine);
        }
    }

    #[test]
    fn a_call_within_a_call_is_refused() {
        let engine = engine();
        // SAFETY: the engine is there until it is freed.
        unsafe {
            let outer = call(engine, |_| {
                let status = crate::verbs::time::adsum_advance(engine, 1);
                assert_eq!(status, adsum_status::ADSUM_E_BUSY);
                adsum_engine_free(engine);
                Ok(())
            });
            assert_eq!(outer, adsum_status::ADSUM_OK, "it was not freed under its own feet");
            adsum_engine_free(engine);
        }
    }
}
