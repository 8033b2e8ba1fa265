//! A host's function that chooses who speaks for a user may use other engines, but not its own.

use adsum_ffi::bytes::{adsum_bytes, adsum_list};
use adsum_ffi::decision::adsum_decision;
use adsum_ffi::engine::{
    adsum_engine, adsum_engine_free, adsum_engine_new, adsum_last_error, adsum_next,
};
use adsum_ffi::names::adsum_session;
use adsum_ffi::notice::adsum_notice;
use adsum_ffi::options::{adsum_options, adsum_options_default};
use adsum_ffi::represent::adsum_candidate;
use adsum_ffi::status::adsum_status as status;
use adsum_ffi::verbs::presence::{adsum_publish, adsum_publish_until};
use adsum_ffi::verbs::sessions::{adsum_active, adsum_connect, adsum_newcomer};
use adsum_ffi::verbs::time::adsum_advance;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::rc::Rc;

/// An engine, what its function is called with, and what that does besides.
#[derive(Default)]
struct World {
    engine: Cell<*mut adsum_engine>,
    asked: Cell<u32>,
    said: Cell<Option<status>>,
    /// The candidates that it was shown last: what each shows, since when, and since when it is
    /// idle, if it is.
    shown: RefCell<Vec<(String, u64, Option<u64>)>>,
    meanwhile: RefCell<Option<Box<dyn Fn()>>>,
}

fn text(text: &str) -> adsum_bytes {
    adsum_bytes { data: text.as_ptr(), len: text.len() }
}

/// Chooses the one that connected last.
unsafe extern "C" fn last(
    context: *mut c_void,
    candidates: *const adsum_candidate,
    len: usize,
) -> usize {
    assert!(len >= 2 && !candidates.is_null());
    // SAFETY: the context is the world that the engine was made with.
    let world = unsafe { &*context.cast::<World>() };
    world.asked.set(world.asked.get() + 1);
    // SAFETY: there are so many candidates, and what they lend is there until this returns.
    let shown = unsafe { std::slice::from_raw_parts(candidates, len) }.iter().map(|one| {
        // SAFETY: as above.
        let bytes = unsafe { std::slice::from_raw_parts(one.presence.data, one.presence.len) };
        let idle_since = one.is_idle.then_some(one.idle_since);
        (String::from_utf8_lossy(bytes).into_owned(), one.published, idle_since)
    });
    *world.shown.borrow_mut() = shown.collect();
    // SAFETY: the engine is there, though it is at work.
    world.said.set(Some(unsafe { adsum_advance(world.engine.get(), 0) }));
    if let Some(meanwhile) = &*world.meanwhile.borrow() {
        meanwhile();
    }
    len - 1
}

impl World {
    fn new() -> Rc<Self> {
        let world = Rc::<Self>::default();
        let (mut engine, context) = (ptr::null_mut(), ptr::from_ref(&*world).cast_mut().cast());
        let mut options = MaybeUninit::uninit();
        // SAFETY: all that is pointed to is there, the world for as long as the engine.
        let made = unsafe {
            assert_eq!(adsum_options_default(options.as_mut_ptr()), status::ADSUM_OK);
            // So that nothing is told where who speaks is the same.
            let options =
                adsum_options { own_echo: false, idle_after_ms: 5_000, ..options.assume_init() };
            adsum_engine_new(&options, Some(last), context, &mut engine, ptr::null_mut())
        };
        assert_eq!(made, status::ADSUM_OK);
        world.engine.set(engine);
        world
    }

    fn connect(&self, user: &str) -> adsum_session {
        let contact = [text("bob")];
        let newcomer = adsum_newcomer {
            user: text(user),
            audience: adsum_list { items: contact.as_ptr(), len: 1 },
            blocked: adsum_list { items: ptr::null(), len: 0 },
            kind: 0,
        };
        let mut session = adsum_session::default();
        // SAFETY: the engine is there, and all that is handed in.
        let status = unsafe { adsum_connect(self.engine.get(), 0, &newcomer, &mut session) };
        self.done(status);
        session
    }

    /// Three devices, of which the first two show something, for ever or for a second.
    fn three_devices(&self, user: &str) -> adsum_session {
        let [first, second, third] = [(); 3].map(|()| self.connect(user));
        // SAFETY: the engine is there, and all that is handed in.
        unsafe {
            self.done(adsum_publish(self.engine.get(), 0, first, text("first")));
            let none = adsum_bytes { data: ptr::null(), len: 0 };
            let (engine, shown) = (self.engine.get(), text("second"));
            self.done(adsum_publish_until(engine, 0, second, shown, 1_000, none));
        }
        third
    }

    /// Takes the decisions; returns what bob was told.
    fn done(&self, status: status) -> Vec<String> {
        assert_eq!(status, status::ADSUM_OK);
        let mut told = Vec::new();
        loop {
            let mut out = MaybeUninit::<adsum_decision>::uninit();
            // SAFETY: the engine is there; where it returns true it has written, and what is lent
            // is read before the next call.
            unsafe {
                if !adsum_next(self.engine.get(), out.as_mut_ptr()) {
                    return told;
                }
                let decision = out.assume_init();
                if decision.notice == adsum_notice::ADSUM_NOTICE_USER {
                    let (data, len) = (decision.presence.data, decision.presence.len);
                    let presence = std::slice::from_raw_parts(data, len);
                    told.push(String::from_utf8_lossy(presence).into_owned());
                }
            }
        }
    }

    /// Frees the engine, if it is there.
    fn free(&self) {
        // SAFETY: it is there or NULL, and is used no more but by its own function.
        unsafe { adsum_engine_free(self.engine.get()) };
        self.engine.set(ptr::null_mut());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.free();
    }
}

#[test]
fn a_function_that_uses_another_engine_goes_on_choosing_for_its_own() {
    let (world, other) = (World::new(), World::new());
    world.connect("bob");
    let [ann, cyd] = ["ann", "cyd"].map(|user| world.three_devices(user));
    for third in [ann, cyd] {
        // SAFETY: the engine is there, and all that is handed in.
        let status = unsafe { adsum_publish(world.engine.get(), 0, third, text("third")) };
        assert_eq!(world.done(status), ["third"]);
    }
    let asked = world.asked.get();
    assert!(asked > 0);
    assert_eq!(world.said.get(), Some(status::ADSUM_E_BUSY), "its own engine is at work");
    other.connect("bob");
    let _ = other.three_devices("ann");
    let of_other = other.asked.get();
    assert!(of_other > 0);
    // Both seconds are over at one moment, and what speaks is the same: nothing is told, so both
    // are asked about in one call, and between them the other engine asks its own host.
    let third = other.connect("dan");
    let fourth = other.connect("dan");
    let engine = other.engine.get();
    *world.meanwhile.borrow_mut() = Some(Box::new(move || {
        for session in [third, fourth] {
            let mut out = MaybeUninit::<adsum_decision>::uninit();
            // SAFETY: the engine is there, and all that is handed in or written to.
            unsafe {
                let status = adsum_publish(engine, 0, session, text("meanwhile"));
                assert_eq!(status, status::ADSUM_OK);
                while adsum_next(engine, out.as_mut_ptr()) {}
            }
        }
    }));
    // SAFETY: the engine is there.
    let status = unsafe { adsum_advance(world.engine.get(), 1_000) };
    assert!(world.done(status).is_empty());
    assert_eq!(world.asked.get(), asked + 2, "about ann and about cyd");
    assert!(other.asked.get() > of_other, "the other engine has asked its own host");
    *world.meanwhile.borrow_mut() = None;
}

#[test]
fn a_function_is_shown_what_the_engine_knows_of_each_candidate() {
    let world = World::new();
    world.connect("bob");
    let [first, second] = [(); 2].map(|()| world.connect("ann"));
    let engine = world.engine.get();
    // SAFETY: the engine is there, and all that is handed in.
    unsafe {
        world.done(adsum_publish(engine, 0, first, text("first")));
        world.done(adsum_publish(engine, 10, second, text("second")));
        let shown = [("first".into(), 0, None), ("second".into(), 10, None)];
        assert_eq!(*world.shown.borrow(), shown);
        // A person goes on at the second device alone.
        world.done(adsum_active(engine, 4_000, second));
        world.done(adsum_advance(engine, 6_000));
        world.done(adsum_publish(engine, 6_000, second, text("back")));
        let shown = [("first".into(), 0, Some(0)), ("back".into(), 6_000, None)];
        assert_eq!(*world.shown.borrow(), shown);
    }
}

/// What is left of a drain may ask the function, also when the engine is freed: that is at work
/// then, and neither takes an input nor is freed twice.
#[test]
fn a_function_that_is_asked_as_its_engine_is_freed_finds_it_at_work() {
    let world = World::new();
    world.connect("bob");
    let third = world.three_devices("ann");
    let engine = world.engine.get();
    // SAFETY: the engine is there, and all that is handed in.
    let status = unsafe { adsum_publish(engine, 0, third, text("third")) };
    assert_eq!(status, status::ADSUM_OK);
    let asked = world.asked.get();
    world.said.set(None);
    *world.meanwhile.borrow_mut() = Some(Box::new(move || {
        let mut out = MaybeUninit::uninit();
        let mut error = MaybeUninit::uninit();
        // SAFETY: the engine is there until the call that frees it returns, which is not yet.
        unsafe {
            adsum_engine_free(engine);
            assert!(!adsum_next(engine, out.as_mut_ptr()));
            assert_eq!(adsum_last_error(engine, error.as_mut_ptr()), status::ADSUM_E_BUSY);
        }
    }));
    world.free();
    assert_eq!(world.asked.get(), asked + 1, "about ann, as the drain ends");
    assert_eq!(world.said.get(), Some(status::ADSUM_E_BUSY));
    *world.meanwhile.borrow_mut() = None;
}
