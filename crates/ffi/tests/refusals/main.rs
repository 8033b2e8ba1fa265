//! What is refused, and how the refusal says which argument, which place, which limit; and that
//! nothing has happened then.

mod options;
mod remote;

use adsum_ffi::bytes::{adsum_bytes, adsum_list};
use adsum_ffi::decision::{adsum_decision, adsum_decision_kind};
use adsum_ffi::engine::*;
use adsum_ffi::info::adsum_stats;
use adsum_ffi::names::{adsum_session, adsum_topic, adsum_view};
use adsum_ffi::options::{adsum_options, adsum_options_default};
use adsum_ffi::queries::remote::adsum_origins_of;
use adsum_ffi::queries::sessions::{adsum_presence_end, adsum_session_by_key};
use adsum_ffi::queries::users::{adsum_audience, adsum_is_online, adsum_online_of};
use adsum_ffi::queries::whole::{adsum_now, adsum_options_of, adsum_stats_of};
use adsum_ffi::status::{adsum_error, adsum_status as status};
use adsum_ffi::verbs::{presence::*, sessions::*, time::*, topics::*, visibility::*};
use std::mem::MaybeUninit;
use std::ptr;

const NONE: adsum_bytes = adsum_bytes { data: ptr::null(), len: 0 };
const NOBODY: adsum_list = adsum_list { items: ptr::null(), len: 0 };

fn text(text: &'static str) -> adsum_bytes {
    adsum_bytes { data: text.as_ptr(), len: text.len() }
}

fn list(items: &[adsum_bytes]) -> adsum_list {
    adsum_list { items: items.as_ptr(), len: items.len() }
}

fn written<T>(write: impl FnOnce(*mut T) -> status) -> T {
    let mut out = MaybeUninit::uninit();
    assert_eq!(write(out.as_mut_ptr()), status::ADSUM_OK);
    // SAFETY: where it succeeds it has written.
    unsafe { out.assume_init() }
}

/// An engine that is freed when it goes.
struct Engine(*mut adsum_engine);

impl Engine {
    fn new() -> Self {
        // SAFETY: there is room for the pointer.
        Self(written(|out| unsafe {
            adsum_engine_new(ptr::null(), None, ptr::null_mut(), out, ptr::null_mut())
        }))
    }

    fn connect(&self, user: &'static str, audience: &[adsum_bytes]) -> adsum_session {
        let newcomer =
            adsum_newcomer { user: text(user), audience: list(audience), blocked: NOBODY, kind: 0 };
        // SAFETY: the engine is there, and all that is handed in.
        let session = written(|out| unsafe { adsum_connect(self.0, 0, &newcomer, out) });
        self.drain();
        session
    }

    fn next(&self) -> Option<adsum_decision> {
        let mut out = MaybeUninit::uninit();
        // SAFETY: the engine is there, and where it returns true it has written.
        unsafe { adsum_next(self.0, out.as_mut_ptr()).then(|| out.assume_init()) }
    }

    fn drain(&self) -> usize {
        std::iter::from_fn(|| self.next()).count()
    }

    /// Returns how many inputs the engine has accepted.
    fn inputs(&self) -> u64 {
        // SAFETY: the engine is there.
        written(|out: *mut adsum_stats| unsafe { adsum_stats_of(self.0, out) }).inputs
    }

    fn options(&self) -> adsum_options {
        // SAFETY: the engine is there.
        written(|out| unsafe { adsum_options_of(self.0, out) })
    }

    /// Returns the limit for which a call was refused last.
    fn limit(&self) -> u64 {
        // SAFETY: the engine is there.
        written(|out: *mut adsum_error| unsafe { adsum_last_error(self.0, out) }).limit
    }

    /// Checks what a call was refused with, and returns the argument and the place.
    fn refused(&self, status: status, expected: status) -> (String, usize, u64, String) {
        assert_eq!(status, expected);
        // SAFETY: the engine is there.
        let error: adsum_error = written(|out| unsafe { adsum_last_error(self.0, out) });
        assert_eq!(error.status, expected);
        (argument(&error), error.place, error.value, message(&error))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: the engine is there, and is used no more.
        unsafe { adsum_engine_free(self.0) };
    }
}

fn argument(error: &adsum_error) -> String {
    if error.argument.data.is_null() {
        return String::new();
    }
    // SAFETY: names are there for ever.
    let name = unsafe { std::slice::from_raw_parts(error.argument.data, error.argument.len) };
    String::from_utf8_lossy(name).into_owned()
}

fn message(error: &adsum_error) -> String {
    let end = error.message.iter().position(|byte| *byte == 0).expect("there is a NUL");
    error.message[..end].iter().map(|byte| char::from(*byte as u8)).collect()
}

#[test]
fn pointers_that_are_null_are_refused_before_anything_happens() {
    let engine = Engine::new();
    let ann = engine.connect("ann", &[]);
    let before = engine.inputs();
    let newcomer = adsum_newcomer { user: text("bob"), audience: NOBODY, blocked: NOBODY, kind: 0 };
    // SAFETY: the engine is there, and what is not NULL is there too.
    unsafe {
        let status = adsum_connect(engine.0, 0, &newcomer, ptr::null_mut());
        let (named, place, ..) = engine.refused(status, status::ADSUM_E_NULL);
        assert_eq!((named.as_str(), place), ("out", usize::MAX));
        let mut session = adsum_session::default();
        let status = adsum_connect(engine.0, 0, ptr::null(), &mut session);
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "newcomer");
        assert_eq!(session, adsum_session::default());
        let status = adsum_resume(engine.0, 0, ann, ptr::null_mut());
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "out");
        let status = adsum_publish(engine.0, 0, ann, adsum_bytes { data: ptr::null(), len: 3 });
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "presence");
        let status = adsum_topic_set_options(engine.0, 0, text("room"), ptr::null());
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "options");
        assert!(!adsum_next(engine.0, ptr::null_mut()));
        let status = adsum_now(engine.0, ptr::null_mut());
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "out");
        let status = adsum_online_of(engine.0, list(&[text("ann")]), ptr::null_mut());
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "out");
        assert_eq!(adsum_last_error(engine.0, ptr::null_mut()), status::ADSUM_E_NULL);
        assert_eq!(adsum_heartbeat(ptr::null_mut(), 0, ann), status::ADSUM_E_NULL);
        assert_eq!(adsum_options_default(ptr::null_mut()), status::ADSUM_E_NULL);
        assert!(!adsum_next(ptr::null_mut(), ptr::null_mut()));
        adsum_engine_free(ptr::null_mut());
        let mut bob = true;
        assert_eq!(adsum_is_online(engine.0, text("bob"), &mut bob), status::ADSUM_OK);
        assert!(!bob);
    }
    assert_eq!(engine.inputs(), before);
}

#[test]
fn a_refusal_names_the_place_of_a_list() {
    let engine = Engine::new();
    let ann = engine.connect("ann", &[text("bob")]);
    let before = engine.inputs();
    let far = adsum_bytes { data: b"x".as_ptr(), len: usize::MAX };
    let missing = adsum_bytes { data: ptr::null(), len: 1 };
    let users = [text("bob"), NONE, missing, far];
    // SAFETY: the engine is there, and so is what can be read of all that is handed in.
    unsafe {
        let status = adsum_direct(engine.0, 0, ann, list(&users), text("hi"));
        let (named, place, _, words) = engine.refused(status, status::ADSUM_E_NULL);
        assert_eq!((named.as_str(), place), ("users", 2));
        assert_eq!(words, "place 2 of users is NULL");
        let users = [users[0], users[1], users[3]];
        let status = adsum_watch(engine.0, 0, ann, list(&users));
        let (named, place, value, _) = engine.refused(status, status::ADSUM_E_ARGUMENT);
        assert_eq!((named.as_str(), place, value), ("users", 2, u64::MAX));
        let status = adsum_audience_add(engine.0, 0, text("ann"), list(&[missing]));
        let (named, place, ..) = engine.refused(status, status::ADSUM_E_NULL);
        assert_eq!((named.as_str(), place), ("contacts", 0));
        let nothing = adsum_list { items: ptr::null(), len: 2 };
        let status = adsum_audience_remove(engine.0, 0, text("ann"), nothing);
        let (named, place, ..) = engine.refused(status, status::ADSUM_E_NULL);
        assert_eq!((named.as_str(), place), ("contacts", usize::MAX));
    }
    assert_eq!(engine.inputs(), before);
}

#[test]
fn numbers_that_stand_for_nothing_are_refused() {
    let engine = Engine::new();
    let ann = engine.connect("ann", &[]);
    let mut room = adsum_topic::default();
    // SAFETY: the engine is there, and so is all that is handed in.
    unsafe {
        for cause in [0, 5, u32::MAX] {
            let status = adsum_lost(engine.0, 0, ann, cause);
            let (named, _, value, words) = engine.refused(status, status::ADSUM_E_ARGUMENT);
            assert_eq!((named.as_str(), value), ("cause", cause.into()));
            assert_eq!(words, format!("cause cannot be {cause}"));
        }
        let view = adsum_view { kind: 4, sample: 0 };
        let status = adsum_join(engine.0, 0, ann, text("room"), NONE, view, &mut room);
        assert_eq!(engine.refused(status, status::ADSUM_E_ARGUMENT).0, "view");
        let status = adsum_heartbeat(engine.0, 0, adsum_session::default());
        engine.refused(status, status::ADSUM_E_UNKNOWN_SESSION);
        let status = adsum_leave(engine.0, 0, ann, room);
        engine.refused(status, status::ADSUM_E_UNKNOWN_TOPIC);
    }
}

#[test]
fn a_verb_before_the_drain_is_done_is_refused_and_loses_nothing() {
    let engine = Engine::new();
    engine.connect("bob", &[text("ann")]);
    let ann = engine.connect("ann", &[text("bob")]);
    // SAFETY: the engine is there, and so is all that is handed in.
    unsafe {
        // Nothing is to be done about a heartbeat, so nobody has to ask.
        assert_eq!(adsum_heartbeat(engine.0, 1, ann), status::ADSUM_OK);
        assert_eq!(adsum_heartbeat(engine.0, 2, ann), status::ADSUM_OK);
        assert_eq!(adsum_publish(engine.0, 3, ann, text("here")), status::ADSUM_OK);
        for _ in 0..2 {
            let status = adsum_publish(engine.0, 4, ann, text("lost"));
            engine.refused(status, status::ADSUM_E_NOT_DRAINED);
            let status = adsum_now(engine.0, &mut 0);
            engine.refused(status, status::ADSUM_E_NOT_DRAINED);
        }
        let told = engine.next().expect("bob is told");
        assert_eq!((told.kind, told.to_len), (adsum_decision_kind::ADSUM_DECISION_DELIVER, 1));
        let presence = std::slice::from_raw_parts(told.presence.data, told.presence.len);
        assert_eq!(presence, b"here");
        assert!(engine.next().is_none() && engine.next().is_none());
        assert_eq!(adsum_publish(engine.0, 5, ann, NONE), status::ADSUM_OK);
        assert_eq!(engine.drain(), 1, "a presence may be empty");
        // Who does not want to hear them says so, also after somebody has asked.
        assert_eq!(adsum_publish(engine.0, 6, ann, text("unheard")), status::ADSUM_OK);
        assert_eq!(adsum_heartbeat(engine.0, 6, ann), status::ADSUM_E_NOT_DRAINED);
        assert_eq!(adsum_discard(engine.0), status::ADSUM_OK);
        assert!(engine.next().is_none());
        assert_eq!(adsum_heartbeat(engine.0, 7, ann), status::ADSUM_OK);
        assert_eq!(adsum_waits_until(engine.0, &mut 0), status::ADSUM_NOTHING);
    }
}

#[test]
fn who_asks_for_what_is_not_there_is_not_refused() {
    let engine = Engine::new();
    let mut error = MaybeUninit::<adsum_error>::uninit();
    // SAFETY: the engine is there, and so is what is written to.
    unsafe {
        assert_eq!(adsum_last_error(engine.0, error.as_mut_ptr()), status::ADSUM_NOTHING);
        let mut at = 7;
        assert_eq!(adsum_deadline(engine.0, &mut at), status::ADSUM_NOTHING);
        assert_eq!(at, 7, "nothing is written");
        assert_eq!(adsum_last_error(engine.0, error.as_mut_ptr()), status::ADSUM_NOTHING);
        assert_eq!(adsum_reserve(engine.0, 100, 10), status::ADSUM_OK);
        assert_eq!(adsum_shrink_to_fit(engine.0), status::ADSUM_OK);
    }
}

/// Room for more than the engine can index is not made, and not tried to be.
#[test]
fn room_for_more_than_there_can_be_is_refused() {
    let engine = Engine::new();
    let beyond = [((1 << 30) + 1, 1), (1, (1 << 31) + 1), (usize::MAX, 1), (1, usize::MAX)];
    for (users, sessions) in beyond {
        // SAFETY: the engine is there.
        let status = unsafe { adsum_reserve(engine.0, users, sessions) };
        engine.refused(status, status::ADSUM_E_FULL);
    }
    engine.connect("ann", &[]);
}

/// What there is not, a query lends as NULL, and what is empty and not missing as a byte that is
/// there: no address that only an empty array of Rust's has.
#[test]
fn what_is_lent_empty_is_null_or_a_byte() {
    let engine = Engine::new();
    let ann = engine.connect("ann", &[]);
    // SAFETY: the engine is there, and so is all that is handed in or written to; what is lent is
    // read before the next call.
    unsafe {
        for user in ["ann", "nobody"] {
            let audience: adsum_list = written(|out| adsum_audience(engine.0, text(user), out));
            assert_eq!((audience.items.is_null(), audience.len), (true, 0));
        }
        let (mut origins, mut len) = (ptr::dangling(), 7);
        let status = adsum_origins_of(engine.0, text("ann"), &mut origins, &mut len);
        assert_eq!((status, origins.is_null(), len), (status::ADSUM_OK, true, 0));
        assert_eq!(adsum_watch(engine.0, 0, ann, NOBODY), status::ADSUM_OK);
        let snapshot = engine.next().expect("it is told of whom it watches: nobody");
        assert_eq!((snapshot.named.len, snapshot.entries_len), (0, 0));
        assert!(snapshot.entries.is_null(), "there is no entry");
        assert_eq!((*snapshot.named.items).len, 0, "it is not of everything");
        engine.drain();
        let shown =
            adsum_publish(engine.0, 0, ann, adsum_bytes { data: c"".as_ptr().cast(), len: 0 });
        assert_eq!(shown, status::ADSUM_OK);
        engine.drain();
        let info = written(|out| adsum_session_by_key(engine.0, ann, out));
        assert_eq!((info.presence.len, *info.presence.data), (0, 0));
        let status = adsum_origins_of(engine.0, text("ann"), &mut origins, ptr::null_mut());
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "len");
    }
}

#[test]
fn when_a_presence_ends_is_told_of_one_that_does() {
    let engine = Engine::new();
    let ann = engine.connect("ann", &[]);
    let ends = |until: *mut u64, then: *mut adsum_bytes| {
        // SAFETY: the engine is there, and what is written to is there or NULL.
        unsafe { adsum_presence_end(engine.0, ann, until, then) }
    };
    let (mut until, mut then) = (7, text("unwritten"));
    assert_eq!(ends(&mut until, &mut then), status::ADSUM_NOTHING);
    // SAFETY: the engine is there, and so is all that is handed in; what is lent is read before the
    // next call.
    unsafe {
        let status = adsum_publish_until(engine.0, 0, ann, text("lunch"), 3_000, text("in"));
        assert_eq!(status, status::ADSUM_OK);
        assert_eq!(ends(&mut until, &mut then), status::ADSUM_OK);
        assert_eq!(std::slice::from_raw_parts(then.data, then.len), b"in");
        assert_eq!(until, 3_000);
        let status = adsum_publish_until(engine.0, 1, ann, text("away"), 4_000, NONE);
        assert_eq!(status, status::ADSUM_OK);
        assert_eq!(ends(&mut until, &mut then), status::ADSUM_OK);
        assert_eq!((until, then.data.is_null()), (4_000, true));
        let status = ends(ptr::null_mut(), &mut then);
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "until");
        let status = ends(&mut until, ptr::null_mut());
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "then");
    }
}

/// An engine that is dropped with decisions left, or in the middle of nothing, gives all back:
/// Valgrind is asked in `hosts`, this asks whether it can be done at all.
#[test]
fn an_engine_may_be_freed_before_its_drain_is_done() {
    let engine = Engine::new();
    engine.connect("bob", &[text("ann")]);
    let ann = engine.connect("ann", &[text("bob")]);
    // SAFETY: the engine is there, and so is all that is handed in.
    unsafe {
        assert_eq!(adsum_publish(engine.0, 3, ann, text("here")), status::ADSUM_OK);
        assert_eq!(adsum_advance(engine.0, 4), status::ADSUM_E_NOT_DRAINED);
    }
    drop(engine);
}
