//! What is refused at the door of a cluster.

use super::{Engine, NOBODY, NONE, list, text, written};
use adsum_ffi::bytes::adsum_bytes;
use adsum_ffi::engine::adsum_next;
use adsum_ffi::names::adsum_session;
use adsum_ffi::queries::remote::*;
use adsum_ffi::queries::sessions::adsum_sessions_of;
use adsum_ffi::remote::*;
use adsum_ffi::status::adsum_status as status;
use adsum_ffi::verbs::{presence::*, remote::*, sessions::*};
use std::mem::MaybeUninit;
use std::ptr;

const ELSEWHERE: u32 = 7;

const SESSION: adsum_remote_session = adsum_remote_session {
    id: 1 << 32,
    age_ms: 0,
    number: 1,
    presence: adsum_bytes { data: b"here".as_ptr(), len: 4 },
    shown_ms: 0,
    ends_ms: 0,
    then: NONE,
    lost_ms: 0,
    grace_ms: 0,
    idle_ms: 0,
    topics: ptr::null(),
    topics_len: 0,
    cause: 0,
    kind: 0,
    is_ending: false,
    is_idle: false,
};

/// What is said of cyd, whose contact is ann.
fn state(sessions: &[adsum_remote_session]) -> adsum_user_state {
    adsum_user_state {
        user: text("cyd"),
        audience: NOBODY,
        blocked: NOBODY,
        sessions: sessions.as_ptr(),
        sessions_len: sessions.len(),
        ended: ptr::null(),
        ended_len: 0,
        has_lists: false,
        is_visible: false,
    }
}

impl Engine {
    fn say(&self, state: &adsum_user_state) -> status {
        // SAFETY: the engine is there, and so is what can be read of all that is handed in.
        unsafe { adsum_remote_state(self.0, 0, ELSEWHERE, state) }
    }

    /// Checks that something is refused, and returns the argument, the place and the words.
    fn says(&self, state: &adsum_user_state, expected: status) -> (String, usize, String) {
        let (named, place, _, words) = self.refused(self.say(state), expected);
        (named, place, words)
    }
}

#[test]
fn pointers_of_what_a_node_says_that_are_null_are_refused() {
    let engine = Engine::new();
    engine.connect("ann", &[text("cyd")]);
    let before = engine.inputs();
    let missing = adsum_bytes { data: ptr::null(), len: 3 };
    let refused = |state: &adsum_user_state| {
        let (named, place, _) = engine.says(state, status::ADSUM_E_NULL);
        (named, place)
    };
    let none = usize::MAX;
    // SAFETY: the engine is there.
    let unsaid = unsafe { adsum_remote_state(engine.0, 0, ELSEWHERE, ptr::null()) };
    assert_eq!(engine.refused(unsaid, status::ADSUM_E_NULL).0, "state");
    let said = adsum_user_state { user: missing, ..state(&[SESSION]) };
    assert_eq!(refused(&said), ("user".into(), none));
    let said = adsum_user_state { sessions: ptr::null(), ..state(&[SESSION]) };
    assert_eq!(refused(&said), ("sessions".into(), none));
    let said = adsum_user_state { ended_len: 2, ..state(&[SESSION]) };
    assert_eq!(refused(&said), ("ended".into(), none));
    let audience = [text("ann"), missing];
    let said = adsum_user_state { audience: list(&audience), ..state(&[SESSION]) };
    let said = adsum_user_state { has_lists: true, ..said };
    assert_eq!(refused(&said), ("audience".into(), 1));
    let shows = adsum_remote_session { presence: missing, ..SESSION };
    assert_eq!(refused(&state(&[SESSION, shows])), ("sessions.presence".into(), 1));
    let shows = adsum_remote_session { then: missing, ..SESSION };
    assert_eq!(refused(&state(&[shows])), ("sessions.then".into(), 0));
    let is_in = adsum_remote_session { topics_len: 1, ..SESSION };
    assert_eq!(refused(&state(&[SESSION, is_in])), ("sessions.topics".into(), 1));
    let room = [adsum_remote_member { topic: missing, number: 0, presence: NONE, observes: false }];
    let is_in = adsum_remote_session { topics: room.as_ptr(), topics_len: 1, ..SESSION };
    assert_eq!(refused(&state(&[is_in])), ("sessions.topics.topic".into(), 0));
    assert_eq!(engine.inputs(), before);
    // It is not the rest that was wrong.
    assert_eq!(engine.say(&state(&[SESSION])), status::ADSUM_OK);
}

#[test]
fn numbers_in_what_a_node_says_that_stand_for_nothing_are_refused() {
    let engine = Engine::new();
    let before = engine.inputs();
    let refused = |said: &adsum_user_state| engine.says(said, status::ADSUM_E_ARGUMENT);
    let nobody = adsum_remote_session { id: 0, ..SESSION };
    let words = "place 1 of sessions.id cannot be 0".to_owned();
    assert_eq!(refused(&state(&[SESSION, nobody])), ("sessions.id".into(), 1, words));
    let lost = adsum_remote_session { cause: 5, ..SESSION };
    let words = "place 0 of sessions.cause cannot be 5".to_owned();
    assert_eq!(refused(&state(&[lost])), ("sessions.cause".into(), 0, words));
    for (id, reason, cause, named) in
        [(0, 1, 0, "ended.id"), (1, 0, 0, "ended.reason"), (1, 5, 0, "ended.reason")]
            .into_iter()
            .chain([(1, 2, 0, "ended.cause"), (1, 2, 9, "ended.cause")])
    {
        let ended = [
            adsum_remote_end { id: 9, reason: 2, cause: 4 },
            adsum_remote_end { id, reason, cause },
        ];
        let said = adsum_user_state { ended: ended.as_ptr(), ended_len: 2, ..state(&[SESSION]) };
        let (argument, place, _) = refused(&said);
        assert_eq!((argument.as_str(), place), (named, 1));
    }
    let said = adsum_user_state { sessions_len: usize::MAX, ..state(&[SESSION]) };
    let words = format!("sessions cannot be {} long", usize::MAX);
    assert_eq!(refused(&said), ("sessions".into(), usize::MAX, words));
    let far = adsum_bytes { data: b"x".as_ptr(), len: usize::MAX };
    let shows = adsum_remote_session { presence: far, ..SESSION };
    let words = format!("place 0 of sessions.presence cannot be {} long", usize::MAX);
    assert_eq!(refused(&state(&[shows])), ("sessions.presence".into(), 0, words));
    assert_eq!(engine.inputs(), before);
}

#[test]
fn what_a_node_says_beyond_the_limits_is_refused() {
    let engine = Engine::new();
    engine.connect("ann", &[text("cyd")]);
    let before = engine.inputs();
    let limit = |status: status, expected: status| {
        engine.refused(status, expected);
        engine.limit()
    };
    let many: Vec<_> = (1..=1_025).map(|id| adsum_remote_session { id, ..SESSION }).collect();
    let told = engine.say(&state(&many));
    assert_eq!(limit(told, status::ADSUM_E_SESSION_LIMIT), 1_024);
    let rooms =
        vec![
            adsum_remote_member { topic: text("room"), number: 1, presence: NONE, observes: false };
            1_001
        ];
    let is_in = adsum_remote_session { topics: rooms.as_ptr(), topics_len: rooms.len(), ..SESSION };
    let told = engine.say(&state(&[is_in]));
    assert_eq!(limit(told, status::ADSUM_E_TOPIC_LIMIT), engine.options().max_topics.into());
    let most = engine.options().max_blocked;
    let blocked = vec![text("bob"); most as usize + 1];
    let said = adsum_user_state { blocked: list(&blocked), has_lists: true, ..state(&[SESSION]) };
    let told = engine.say(&said);
    assert_eq!(limit(told, status::ADSUM_E_BLOCKED_LIMIT), most.into());
    assert_eq!(engine.inputs(), before);
}

#[test]
fn a_sender_whom_nobody_knows_is_refused() {
    let engine = Engine::new();
    engine.connect("ann", &[text("cyd")]);
    assert_eq!(engine.say(&state(&[SESSION])), status::ADSUM_OK);
    engine.drain();
    let before = engine.inputs();
    let from = adsum_remote_sender { user: text("cyd"), session: SESSION.id, origin: ELSEWHERE };
    let unknown = [
        adsum_remote_sender { session: 0, ..from },
        adsum_remote_sender { session: SESSION.id + 1, ..from },
        adsum_remote_sender { origin: ELSEWHERE + 1, ..from },
        adsum_remote_sender { user: text("ann"), ..from },
    ];
    // SAFETY: the engine is there, and so is what can be read of all that is handed in.
    unsafe {
        let (ann, hi) = ([text("ann")], text("hi"));
        let users = list(&ann);
        for from in &unknown {
            for status in [
                adsum_remote_direct(engine.0, 0, from, users, hi),
                adsum_remote_direct_for(engine.0, 0, from, users, hi, 9),
                adsum_remote_say(engine.0, 0, from, text("room"), hi),
                adsum_remote_say_for(engine.0, 0, from, text("room"), hi, 9),
            ] {
                engine.refused(status, status::ADSUM_E_UNKNOWN_SESSION);
            }
        }
        let status = adsum_remote_direct(engine.0, 0, ptr::null(), users, hi);
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "from");
        let missing = adsum_bytes { data: ptr::null(), len: 1 };
        let nameless = adsum_remote_sender { user: missing, ..from };
        let status = adsum_remote_say(engine.0, 0, &nameless, text("room"), hi);
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "from.user");
        let status = adsum_remote_say(engine.0, 0, &from, text("room"), hi);
        engine.refused(status, status::ADSUM_E_UNKNOWN_TOPIC);
        let status = adsum_remote_direct_for(engine.0, 0, &from, users, hi, u64::MAX);
        engine.refused(status, status::ADSUM_E_EXPIRY_LIMIT);
        assert_eq!(engine.inputs(), before);
        assert_eq!(adsum_remote_direct(engine.0, 0, &from, users, hi), status::ADSUM_OK);
    }
}

#[test]
fn no_verb_takes_the_key_of_another_nodes_session() {
    let engine = Engine::new();
    assert_eq!(engine.say(&state(&[SESSION])), status::ADSUM_OK);
    engine.drain();
    let before = engine.inputs();
    let mut len = 0;
    // SAFETY: the engine is there, and so is what is written to.
    unsafe {
        let keys: *const adsum_session =
            written(|out| adsum_sessions_of(engine.0, text("cyd"), out, &mut len));
        assert_eq!(len, 1);
        let key = *keys;
        assert_eq!(key.slot, u32::MAX, "by this the header tells it from others");
        for status in [
            adsum_publish(engine.0, 0, key, text("hi")),
            adsum_heartbeat(engine.0, 0, key),
            adsum_disconnect(engine.0, 0, key),
            adsum_evict(engine.0, 0, key),
            adsum_expel_session(engine.0, 0, key),
            adsum_evict(engine.0, 0, adsum_session::default()),
        ] {
            engine.refused(status, status::ADSUM_E_UNKNOWN_SESSION);
        }
    }
    assert_eq!(engine.inputs(), before);
}

/// What changes is lent once, so whoever cannot take it yet must not have lost it.
#[test]
fn a_change_that_cannot_be_taken_yet_is_not_lost() {
    let engine = Engine::new();
    let mut out = MaybeUninit::<adsum_user_state>::uninit();
    // SAFETY: the engine is there, and so is what is written to.
    unsafe {
        assert_eq!(adsum_note_changes(engine.0), status::ADSUM_OK);
        let ann = engine.connect("ann", &[text("bob")]);
        assert_eq!(adsum_publish(engine.0, 0, ann, text("here")), status::ADSUM_OK);
        engine.drain();
        let status = adsum_next_changed(engine.0, 0, true, ptr::null_mut());
        assert_eq!(engine.refused(status, status::ADSUM_E_NULL).0, "out");
        // Before the drain is done nobody is lent anything, and no node is heard.
        engine.connect("bob", &[text("ann")]);
        assert_eq!(adsum_publish(engine.0, 0, ann, text("away")), status::ADSUM_OK);
        for status in [
            adsum_next_changed(engine.0, 0, true, out.as_mut_ptr()),
            adsum_local_user(engine.0, 0, text("ann"), true, out.as_mut_ptr()),
            adsum_origin_of(engine.0, 1, &mut 0),
            engine.say(&state(&[SESSION])),
            adsum_origin_lost(engine.0, 0, ELSEWHERE),
            adsum_origin_gone(engine.0, 0, ELSEWHERE),
            adsum_note_changes(engine.0),
        ] {
            engine.refused(status, status::ADSUM_E_NOT_DRAINED);
        }
        assert!(adsum_next(engine.0, MaybeUninit::uninit().as_mut_ptr()), "bob is to be told");
        engine.drain();
        let changed: adsum_user_state = written(|out| adsum_next_changed(engine.0, 0, true, out));
        assert_eq!(std::slice::from_raw_parts(changed.user.data, changed.user.len), b"ann");
        let shown = (*changed.sessions).presence;
        assert_eq!(std::slice::from_raw_parts(shown.data, shown.len), b"away");
        let bob: adsum_user_state = written(|out| adsum_next_changed(engine.0, 0, true, out));
        assert_eq!(std::slice::from_raw_parts(bob.user.data, bob.user.len), b"bob");
        // Where nothing is to be done about an input, nobody has to ask first.
        assert_eq!(adsum_heartbeat(engine.0, 0, ann), status::ADSUM_OK);
        let status = adsum_next_changed(engine.0, 0, true, out.as_mut_ptr());
        assert_eq!(status, status::ADSUM_NOTHING);
    }
}

#[test]
fn who_asks_for_what_no_node_has_is_not_refused() {
    let engine = Engine::new();
    let ann = engine.connect("ann", &[]);
    let mut out = MaybeUninit::<adsum_user_state>::uninit();
    let (mut origin, mut len, mut origins) = (3, 3, ptr::null());
    // SAFETY: the engine is there, and so is what is written to.
    unsafe {
        let status = adsum_local_user(engine.0, 0, text("bob"), true, out.as_mut_ptr());
        assert_eq!(status, status::ADSUM_NOTHING);
        let status = adsum_next_changed(engine.0, 0, true, out.as_mut_ptr());
        assert_eq!(status, status::ADSUM_NOTHING, "nobody has asked to have changes noted");
        for id in [0, ann.name, u64::MAX] {
            assert_eq!(adsum_origin_of(engine.0, id, &mut origin), status::ADSUM_NOTHING);
        }
        assert_eq!(origin, 3, "nothing is written");
        let status = adsum_origins_of(engine.0, text("ann"), &mut origins, &mut len);
        assert_eq!((status, len), (status::ADSUM_OK, 0));
        // A node of which nothing is known may come and go.
        assert_eq!(adsum_origin_back(engine.0, 0, 9), status::ADSUM_OK);
        assert_eq!(adsum_origin_gone(engine.0, 0, 9), status::ADSUM_OK);
        assert_eq!(engine.drain(), 0);
    }
}
