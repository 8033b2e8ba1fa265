//! Options that are refused, each by the name of its field; and which are none.

use super::{Engine, argument, message, text, written};
use adsum_ffi::engine::{adsum_engine, adsum_engine_free, adsum_engine_new};
use adsum_ffi::options::{
    adsum_options, adsum_options_default, adsum_rate, adsum_topic_blocks, adsum_topic_options,
};
use adsum_ffi::status::{adsum_error, adsum_status as status};
use adsum_ffi::verbs::topics::adsum_topic_set_options;
use std::mem::MaybeUninit;
use std::ptr;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const WEEK_MS: u64 = 7 * DAY_MS;

fn default() -> adsum_options {
    // SAFETY: there is room.
    written(|out| unsafe { adsum_options_default(out) })
}

/// Returns why there is no engine with these options, if there is none.
fn refused(options: &adsum_options) -> Option<adsum_error> {
    let mut engine: *mut adsum_engine = ptr::dangling_mut();
    let mut error = MaybeUninit::<adsum_error>::uninit();
    // SAFETY: all that is pointed to is there, and where it is refused it says why.
    unsafe {
        let made =
            adsum_engine_new(options, None, ptr::null_mut(), &mut engine, error.as_mut_ptr());
        if made == status::ADSUM_OK {
            adsum_engine_free(engine);
            return None;
        }
        assert_eq!(error.assume_init_ref().status, made);
        Some(error.assume_init())
    }
}

/// A field, how it is set, the least and the most that it may be, and the header's word for the
/// most.
type Range = (&'static str, fn(&mut adsum_options, u64), u64, u64, &'static str);

const TIMES: [Range; 11] = [
    ("evict_min_age_ms", |o, v| o.evict_min_age_ms = v, 0, WEEK_MS, "seven days"),
    ("grace_connection_error_ms", |o, v| o.grace_connection_error_ms = v, 0, WEEK_MS, "seven days"),
    ("grace_timeout_ms", |o, v| o.grace_timeout_ms = v, 0, WEEK_MS, "seven days"),
    ("grace_node_loss_ms", |o, v| o.grace_node_loss_ms = v, 0, WEEK_MS, "seven days"),
    ("grace_going_away_ms", |o, v| o.grace_going_away_ms = v, 0, WEEK_MS, "seven days"),
    ("lease_ms", |o, v| o.lease_ms = v, 60_000, WEEK_MS, "seven days"),
    (
        "heartbeat_ms",
        |o, v| (o.heartbeat_ms, o.lease_ms) = (v, WEEK_MS),
        1,
        WEEK_MS / 2,
        "three and a half days",
    ),
    ("max_expiry_ms", |o, v| o.max_expiry_ms = v, 1, 366 * DAY_MS, "366 days"),
    ("idle_after_ms", |o, v| o.idle_after_ms = v, 0, WEEK_MS, "seven days"),
    ("settle_ms", |o, v| o.settle_ms = v, 0, 60_000, "60,000"),
    ("skew_ms", |o, v| o.skew_ms = v, 0, 10_000, "10,000"),
];

const MOST: [Range; 9] = [
    ("max_audience", |o, v| o.max_audience = v as u32, 1, 1 << 27, "2^27"),
    ("max_blocked", |o, v| o.max_blocked = v as u32, 1, 1 << 27, "2^27"),
    ("max_direct", |o, v| (o.max_direct, o.max_told) = (v as u32, 1 << 20), 1, 1 << 20, "2^20"),
    ("max_told", |o, v| o.max_told = v as u32, 1_000, 1 << 20, "2^20"),
    ("max_watched", |o, v| o.max_watched = v as u32, 1, 1 << 20, "2^20"),
    ("max_topics", |o, v| o.max_topics = v as u32, 1, 1_000, "1,000"),
    ("max_topic_named", |o, v| o.max_topic_named = v as u32, 1, 10_000, "10,000"),
    ("max_sessions", |o, v| o.max_sessions = v as u16, 1, 1_024, "1,024"),
    ("max_sessions_per_kind", |o, v| o.max_sessions_per_kind = v as u16, 0, 16, "`max_sessions`"),
];

/// Rates and topics, whose fields are those of structures of their own.
const WITHIN: [Range; 10] = [
    ("publish_rate.burst", |o, v| o.publish_rate.burst = v as u32, 0, 1_000_000, "1,000,000"),
    (
        "publish_rate.interval_ms",
        |o, v| o.publish_rate.interval_ms = v as u32,
        1,
        DAY_MS,
        "one day",
    ),
    ("direct_rate.burst", |o, v| o.direct_rate.burst = v as u32, 0, 1_000_000, "1,000,000"),
    ("direct_rate.interval_ms", |o, v| o.direct_rate.interval_ms = v as u32, 1, DAY_MS, "one day"),
    ("topic_rate.burst", |o, v| o.topic_rate.burst = v as u32, 0, 1_000_000, "1,000,000"),
    ("topic_rate.interval_ms", |o, v| o.topic_rate.interval_ms = v as u32, 1, DAY_MS, "one day"),
    ("topics.full_up_to", |o, v| o.topics.full_up_to = v as u32, 1, 100_000, "100,000"),
    ("topics.sample", |o, v| o.topics.sample = v as u16, 1, 10_000, "10,000"),
    ("topics.coalesce_ms", |o, v| o.topics.coalesce_ms = v as u32, 0, 60_000, "60,000"),
    ("topics.max_members", |o, v| o.topics.max_members = v as u32, 1, 1 << 27, "2^27"),
];

/// Values of `adsum_…` enumerations, which are refused as arguments.
type Words = (&'static str, fn(&mut adsum_options, u32), u32);
const WORDS: [Words; 4] = [
    ("offline_notices", |o, v| o.offline_notices = v, 2),
    ("direct_to", |o, v| o.direct_to = v, 1),
    ("over_limit", |o, v| o.over_limit = v, 1),
    ("topics.blocks", |o, v| o.topics.blocks = v, 1),
];

/// Returns the header's words on a field of a structure, in one line.
fn words_on(structure: &str, field: &str) -> String {
    let header = include_str!("../../include/adsum.h");
    let head = format!("typedef struct {structure} {{");
    let (_, body) = header.split_once(&head).unwrap_or_else(|| panic!("there is no {structure}"));
    let (body, _) = body.split_once(&format!("}} {structure};")).expect("it has an end");
    let (before, _) = body
        .split_once(&format!(" {field};"))
        .unwrap_or_else(|| panic!("{structure} has no {field}"));
    let (_, words) = before.rsplit_once("/**").expect("it is described");
    words.replace('*', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the structure and the field that a name in a refusal stands for.
fn place(name: &'static str) -> (&'static str, &'static str) {
    match name.split_once('.') {
        None => ("adsum_options", name),
        Some(("topics", field)) => ("adsum_topic_options", field),
        Some((_, field)) => ("adsum_rate", field),
    }
}

#[test]
fn each_option_has_its_range_and_the_name_of_its_field() {
    for (name, set, min, max, word) in TIMES.into_iter().chain(MOST).chain(WITHIN) {
        let with = |value: u64| {
            let mut options = default();
            set(&mut options, value);
            refused(&options)
        };
        assert!(with(min).is_none() && with(max).is_none(), "{name} at its ends");
        for value in [min.checked_sub(1), Some(max + 1)].into_iter().flatten() {
            let error = with(value).unwrap_or_else(|| panic!("{name} is {value}"));
            assert_eq!((argument(&error).as_str(), error.value), (name, value));
            if error.status == status::ADSUM_E_LEASE_TOO_SHORT {
                assert_eq!((name, error.min), ("lease_ms", min));
                assert!(
                    message(&error).starts_with("lease_ms is 59999, less than twice heartbeat")
                );
                continue;
            }
            assert_eq!((error.status, error.max), (status::ADSUM_E_OPTION, max), "{name}");
            // Where 0 stands for something else, the least is 1.
            assert!(error.min == min || min == 0 && error.min == 1 || name == "lease_ms");
            let expected = format!("{name} is {value}, which is not within {} to {max}", error.min);
            assert_eq!(message(&error), expected);
        }
        let (structure, field) = place(name);
        let words = words_on(structure, field);
        assert!(words.contains(word), "{name}, at most {word}: {words}");
    }
    for (name, set, max) in WORDS {
        let mut options = default();
        set(&mut options, max + 1);
        let error = refused(&options).expect("it stands for nothing");
        assert_eq!((error.status, error.value), (status::ADSUM_E_ARGUMENT, u64::from(max) + 1));
        assert_eq!(argument(&error), name);
        let (structure, field) = place(name);
        words_on(structure, field);
    }
}

/// That no field is left out above is seen by taking the options apart.
#[test]
fn all_options_are_looked_at() {
    let names = |fields: &[&str]| {
        let of = |name: &&str| fields.contains(name);
        let numbers = TIMES.iter().chain(&MOST).chain(&WITHIN).map(|range| range.0);
        numbers.chain(WORDS.map(|words| words.0)).filter(|name| of(name)).count()
    };
    macro_rules! all {
        ($type:ident, $before:literal, $($field:ident)*; $($other:ident)*) => {{
            #[allow(unused)]
            fn $type(of: &$type) {
                let $type { $($field: _,)* $($other: _),* } = *of;
            }
            let fields = [$(concat!($before, stringify!($field))),*];
            assert_eq!(names(&fields), fields.len(), "{fields:?}");
        }};
    }
    all!(adsum_options, "", offline_notices direct_to over_limit evict_min_age_ms
        grace_connection_error_ms grace_timeout_ms grace_node_loss_ms grace_going_away_ms lease_ms
        heartbeat_ms max_expiry_ms idle_after_ms settle_ms skew_ms max_audience max_blocked
        max_direct max_told max_watched max_topics max_topic_named max_sessions
        max_sessions_per_kind;
        own_echo snapshot_on_connect publish_rate direct_rate topic_rate topics);
    all!(adsum_topic_options, "topics.", full_up_to coalesce_ms max_members sample blocks;);
    all!(adsum_rate, "publish_rate.", burst interval_ms;);
}

/// The options of one topic are named by the fields of what is handed in.
#[test]
fn options_of_a_topic_have_the_names_of_its_fields() {
    let engine = Engine::new();
    let set = |change: fn(&mut adsum_topic_options)| {
        let mut options = engine.options().topics;
        change(&mut options);
        // SAFETY: the engine is there, and so is what is handed in.
        unsafe { adsum_topic_set_options(engine.0, 0, text("room"), &options) }
    };
    type Change = fn(&mut adsum_topic_options);
    let changes: [(&str, Change); 4] = [
        ("full_up_to", |o| o.full_up_to = 0),
        ("sample", |o| o.sample = 0),
        ("coalesce_ms", |o| {
            (o.coalesce_ms, o.blocks) = (1, adsum_topic_blocks::ADSUM_TOPIC_BLOCKS_HIDDEN as u32);
        }),
        ("max_members", |o| o.max_members = 0),
    ];
    for (name, change) in changes {
        let (named, _, _, words) = engine.refused(set(change), status::ADSUM_E_TOPIC_OPTIONS);
        assert_eq!(named, name);
        assert!(words.starts_with(&format!("{name} is ")), "{words}");
    }
    let status = set(|o| o.blocks = 2);
    assert_eq!(engine.refused(status, status::ADSUM_E_ARGUMENT).0, "blocks");
}

/// A burst of 0 is no limit, whatever stands beside it; an interval of 0 is none.
#[test]
fn a_rate_without_a_burst_is_no_limit() {
    let mut options = default();
    options.publish_rate.burst = 0;
    assert_ne!(options.publish_rate.interval_ms, 0);
    options.topic_rate = adsum_rate { burst: 0, interval_ms: u32::MAX };
    options.direct_rate = adsum_rate::default();
    assert!(refused(&options).is_none());
    options.publish_rate = adsum_rate { burst: 1, interval_ms: 0 };
    let error = refused(&options).expect("no token would ever be missing");
    assert_eq!(argument(&error), "publish_rate.interval_ms");
}

#[test]
fn options_that_are_refused_leave_no_engine() {
    let options = adsum_options { snapshot_on_connect: false, ..default() };
    let error = refused(&options).expect("nobody knows who saw whom");
    assert_eq!(error.status, status::ADSUM_E_WHO_SAW_IS_UNKNOWN);
    assert!(message(&error).starts_with("offline_notices is ADSUM_OFFLINE_TO_WHOEVER_SAW"));
    let mut engine: *mut adsum_engine = ptr::dangling_mut();
    // SAFETY: all that is pointed to is there.
    let made =
        unsafe { adsum_engine_new(&options, None, ptr::null_mut(), &mut engine, ptr::null_mut()) };
    assert_eq!((made, engine), (error.status, ptr::dangling_mut()));
}
