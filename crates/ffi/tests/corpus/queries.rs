//! Everything that an engine can be asked, in Rust and in C.

use crate::pair::Pair;
use crate::read::{array, ids, lent};
use crate::record::Record;
use crate::{Id, Shown};
use adsum::{Session, SessionId, SessionKey, Time};
use adsum_ffi::bytes::{adsum_bytes, adsum_list};
use adsum_ffi::engine::adsum_engine;
use adsum_ffi::info::adsum_session_info;
use adsum_ffi::names::adsum_session;
use adsum_ffi::queries::{remote::*, sessions::*, users::*, whole::*};
use adsum_ffi::status::adsum_status as status;
use adsum_ffi::verbs::time::{adsum_deadline, adsum_prefetch};
use std::collections::BTreeSet;
use std::mem::MaybeUninit;

pub(crate) fn of(id: &[u8]) -> adsum_bytes {
    adsum_bytes { data: id.as_ptr(), len: id.len() }
}

pub(crate) fn key(key: SessionKey) -> adsum_session {
    let (name, slot) = key.to_bits();
    adsum_session { name, slot }
}

/// Asks for something; `None` if there is no such thing.
pub(crate) fn ask<T>(question: impl FnOnce(*mut T) -> status) -> Option<T> {
    let mut out = MaybeUninit::uninit();
    match question(out.as_mut_ptr()) {
        // SAFETY: where it succeeds it has written.
        status::ADSUM_OK => Some(unsafe { out.assume_init() }),
        status::ADSUM_NOTHING => None,
        other => panic!("nobody has reason to refuse: {other:?}"),
    }
}

fn set<'i>(ids: impl Iterator<Item = &'i Id>) -> BTreeSet<Vec<u8>> {
    ids.map(|id| id.to_vec()).collect()
}

/// Asks for a list in no particular order.
pub(crate) fn listed(question: impl FnOnce(*mut adsum_list) -> status) -> BTreeSet<Vec<u8>> {
    ids(&ask(question).expect("there is a list")).into_iter().collect()
}

pub(crate) fn session(of: &Session<'_, Id, Shown>) -> Vec<u8> {
    let record = Record::default().pair(of.key.to_bits()).number(of.id.to_bits()).bytes(of.user);
    let record = record.maybe(of.presence.map(|shown| &**shown)).number(of.kind.0.into());
    let record = record.number(of.connected.as_millis()).number(of.heard.as_millis());
    let record = record.is(of.is_attached()).is(of.is_congested);
    match of.lost {
        Some((at, cause)) => record.number(at.as_millis()).cause(cause).0,
        None => record.0,
    }
}

pub(crate) fn session_in_c(of: &adsum_session_info) -> Vec<u8> {
    let record = Record::default().pair((of.key.name, of.key.slot)).number(of.id);
    let record = record.bytes(lent(&of.user).expect("it is somebody's"));
    let record = record.maybe(lent(&of.presence)).number(of.kind.into());
    let record = record.number(of.connected).number(of.heard);
    let record = record.is(of.is_attached).is(of.is_congested);
    match of.is_attached {
        false => record.number(of.lost_at).cause_of(of.lost_cause).0,
        true => record.0,
    }
}

/// Asks both engines everything.
pub(crate) fn equal_queries(pair: &Pair) {
    let (rust, c) = (&pair.rust, pair.c);
    // SAFETY: the engine is there, and so is what is handed in or written to.
    unsafe {
        assert_eq!(ask(|out| adsum_now(c, out)), Some(rust.now().as_millis()));
        assert_eq!(ask(|out| adsum_deadline(c, out)), rust.deadline().map(Time::as_millis));
        assert_eq!(ask(|out| adsum_verify(c, out)), Some(true));
        let options = ask(|out| adsum_options_of(c, out));
        assert_eq!(options, Some(rust.options().into()));
        let counts = ask(|out| adsum_count(c, out)).expect("there are counts");
        let expected = rust.counts();
        let said = (counts.users_known, counts.presences, counts.missed, counts.timers);
        let known = (expected.users_known, expected.presences, expected.missed, expected.timers);
        assert_eq!((said, counts.sessions), (known, expected.sessions));
        assert_eq!(counts.remote, expected.remote);
        let stats = ask(|out| adsum_stats_of(c, out)).expect("there are stats");
        assert_eq!(stats, rust.stats().into());
        let online = listed(|out| adsum_users_online(c, out));
        assert_eq!(online, set(rust.users_online()));
        let mut all = Vec::new();
        let mut sessions: Vec<Vec<u8>> =
            many(|out, len| adsum_all_sessions(c, out, len)).iter().map(session_in_c).collect();
        for one in rust.all_sessions() {
            all.push(session(&one));
            equal_of_session(pair, one.key, one.id);
        }
        all.sort();
        sessions.sort();
        assert_eq!(sessions, all);
        let stale = adsum_session { name: u64::MAX << 32, slot: 0 };
        assert!(ask(|out| adsum_session_by_key(c, stale, out)).is_none());
        assert!(ask(|out| adsum_session_by_id(c, 0, out)).is_none());
        assert!(ask(|out| adsum_origin_of(c, 0, out)).is_none());
        let fetched = [stale, adsum_session::default()];
        assert_eq!(adsum_prefetch(c, fetched.as_ptr(), 2), status::ADSUM_OK);
    }
    for user in rust.users_online() {
        equal_of_user(pair, user);
    }
    equal_of_user(pair, &Box::from(*b"nobody"));
    crate::topics::equal_topics(pair);
}

/// Asks for an array.
pub(crate) fn many<'l, T>(question: impl FnOnce(*mut *const T, *mut usize) -> status) -> &'l [T] {
    let mut len = 0;
    let items = ask(|out| question(out, &mut len)).expect("there is an array");
    array(items, len)
}

fn equal_of_session(pair: &Pair, of: SessionKey, id: SessionId) {
    let (rust, c) = (&pair.rust, pair.c);
    // SAFETY: the engine is there, and so is what is handed in or written to.
    unsafe {
        let expected = rust.session(of).map(|one| session(&one));
        let by_key = ask(|out| adsum_session_by_key(c, key(of), out));
        assert_eq!(by_key.map(|one| session_in_c(&one)), expected);
        // That of another node is no attachment here, and is known by its id alone.
        assert_eq!(by_key.is_none(), of.is_remote());
        let expected = rust.session_by_id(id).map(|one| session(&one));
        let by_id = ask(|out| adsum_session_by_id(c, id.to_bits(), out));
        assert_eq!(by_id.map(|one| session_in_c(&one)), expected);
        assert_eq!(listed(|out| adsum_watched(c, key(of), out)), set(rust.watched(of)));
        let mut then = MaybeUninit::uninit();
        let until = ask(|out| adsum_presence_end(c, key(of), out, then.as_mut_ptr()));
        let end = until.map(|until| (until, lent(then.assume_init_ref())));
        let expected = rust.presence_end(of);
        let expected = expected.map(|(until, then)| (until.as_millis(), then.map(|then| &**then)));
        assert_eq!(end, expected);
        let origin = ask(|out| adsum_origin_of(c, id.to_bits(), out));
        assert_eq!(origin, rust.origin_of(id).map(|origin| origin.0));
        for user in rust.users_online() {
            let sees = ask(|out| adsum_session_sees(c, key(of), crate::queries::of(user), out));
            assert_eq!(sees, Some(rust.session_sees::<Id>(of, user)));
        }
    }
}

fn equal_of_user(pair: &Pair, user: &Id) {
    let (rust, c) = (&pair.rust, pair.c);
    let keys = |c: *mut adsum_engine| {
        // SAFETY: the engine is there, and so is what is handed in or written to.
        many(|out, len| unsafe { adsum_sessions_of(c, of(user), out, len) })
    };
    let expected: Vec<adsum_session> = rust.sessions::<Id>(user).map(key).collect();
    assert_eq!(keys(c), expected);
    // SAFETY: the engine is there, and so is what is handed in or written to.
    let all = many(|out, len| unsafe { adsum_user_sessions(c, of(user), out, len) });
    let all: Vec<Vec<u8>> = all.iter().map(session_in_c).collect();
    assert_eq!(all, rust.user_sessions::<Id>(user).map(|one| session(&one)).collect::<Vec<_>>());
    // SAFETY: the engine is there, and so is what is handed in or written to.
    let origins = many(|out, len| unsafe { adsum_origins_of(c, of(user), out, len) });
    assert!(rust.origins_of::<Id>(user).map(|origin| origin.0).eq(origins.iter().copied()));
    for with_lists in [false, true] {
        crate::states::equal_local_user(pair, user, with_lists);
    }
    // SAFETY: the engine is there, and so is what is handed in or written to.
    unsafe {
        let is_online = ask(|out| adsum_is_online(c, of(user), out));
        assert_eq!(is_online, Some(rust.is_online::<Id>(user)));
        let mut online = [false; 2];
        let list = [of(b"nobody"), of(user)];
        let list = adsum_list { items: list.as_ptr(), len: 2 };
        assert_eq!(adsum_online_of(c, list, online.as_mut_ptr()), status::ADSUM_OK);
        assert_eq!(online, [false, rust.is_online::<Id>(user)]);
        let is_invisible = ask(|out| adsum_is_invisible(c, of(user), out));
        assert_eq!(is_invisible, Some(rust.is_invisible::<Id>(user)));
        assert_eq!(listed(|out| adsum_audience(c, of(user), out)), set(rust.audience::<Id>(user)));
        assert_eq!(listed(|out| adsum_blocked(c, of(user), out)), set(rust.blocked::<Id>(user)));
        let watchers = ask(|out| adsum_watchers(c, of(user), out));
        assert_eq!(watchers, Some(rust.watchers::<Id>(user)));
        for viewer in rust.users_online() {
            let sees = ask(|out| adsum_sees(c, of(viewer), of(user), out));
            assert_eq!(sees, Some(rust.sees::<Id, Id>(viewer, user)));
        }
        let speaks = ask(|out| adsum_speaks_for(c, of(user), out));
        let speaks = speaks
            .map(|of| (session_in_c_or_held(&of.session), of.is_idle.then_some(of.idle_since)));
        let expected = rust.representative::<Id>(user);
        let expected = expected
            .map(|(one, idle_since)| (session_or_held(&one), idle_since.map(Time::as_millis)));
        assert_eq!(speaks, expected);
    }
}

/// What speaks may have ended, and then it has neither a connection nor a loss.
fn session_or_held(of: &Session<'_, Id, Shown>) -> (u64, Option<Vec<u8>>, bool) {
    (of.id.to_bits(), of.presence.map(|shown| shown.to_vec()), of.is_attached())
}

fn session_in_c_or_held(of: &adsum_session_info) -> (u64, Option<Vec<u8>>, bool) {
    (of.id, lent(&of.presence).map(<[u8]>::to_vec), of.is_attached)
}
