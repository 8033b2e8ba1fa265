//! Whatever an engine can do in Rust, it can do in C, or it is said here why not; and the header
//! names each refusal that the engine's own pages name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// How C comes to what a method does.
#[derive(Clone, Copy)]
enum InC {
    /// By these functions.
    By(&'static [&'static str]),
    /// By the field of what a function gives.
    Field(&'static str, &'static str),
    /// Not, and why.
    Not(&'static str),
}
use InC::{By, Field, Not};

/// The public methods of an engine, in the order of the letters.
const METHODS: [(&str, InC); 89] = [
    ("active", By(&["adsum_active"])),
    ("advance", By(&["adsum_advance"])),
    ("all_sessions", By(&["adsum_all_sessions"])),
    ("apply", Not("it takes an input as a value, for which C has one function each")),
    ("audience", By(&["adsum_audience"])),
    ("audience_add", By(&["adsum_audience_add"])),
    ("audience_remove", By(&["adsum_audience_remove"])),
    ("audience_replace", By(&["adsum_audience_replace"])),
    ("block", By(&["adsum_block"])),
    ("blocked", By(&["adsum_blocked"])),
    ("close", By(&["adsum_topic_close"])),
    ("config", Not("it is the same as the options, once they are checked")),
    ("congested", By(&["adsum_congested"])),
    ("connect", By(&["adsum_connect"])),
    ("counts", By(&["adsum_count"])),
    ("deadline", By(&["adsum_deadline"])),
    ("direct", By(&["adsum_direct"])),
    ("direct_for", By(&["adsum_direct_for", "adsum_direct"])),
    ("disconnect", By(&["adsum_disconnect"])),
    ("evict", By(&["adsum_evict"])),
    ("expel", By(&["adsum_expel"])),
    ("expel_session", By(&["adsum_expel_session"])),
    ("heartbeat", By(&["adsum_heartbeat"])),
    ("id_of", Field("adsum_session_by_key", "id")),
    ("invisible", By(&["adsum_invisible"])),
    ("is_attached", Field("adsum_session_by_key", "is_attached")),
    ("is_congested", Field("adsum_session_by_key", "is_congested")),
    ("is_invisible", By(&["adsum_is_invisible"])),
    ("is_online", By(&["adsum_is_online"])),
    ("join", By(&["adsum_join", "adsum_observe"])),
    ("leave", By(&["adsum_leave"])),
    ("local_user", By(&["adsum_local_user"])),
    ("look", By(&["adsum_look", "adsum_leave"])),
    ("look_at", By(&["adsum_look_at", "adsum_leave"])),
    ("lost", By(&["adsum_lost"])),
    ("lost_with_grace", By(&["adsum_lost_with_grace", "adsum_lost"])),
    ("new", By(&["adsum_engine_new"])),
    ("next_changed", By(&["adsum_next_changed"])),
    ("note_changes", By(&["adsum_note_changes"])),
    ("now", By(&["adsum_now"])),
    ("online_of", By(&["adsum_online_of"])),
    ("options", By(&["adsum_options_of"])),
    ("origin_back", By(&["adsum_origin_back"])),
    ("origin_gone", By(&["adsum_origin_gone"])),
    ("origin_lost", By(&["adsum_origin_lost"])),
    ("origin_lost_since", By(&["adsum_origin_lost_since"])),
    ("origin_of", By(&["adsum_origin_of"])),
    ("origins_of", By(&["adsum_origins_of"])),
    ("prefetch", By(&["adsum_prefetch"])),
    ("presence", Field("adsum_session_by_key", "presence")),
    ("presence_end", By(&["adsum_presence_end"])),
    ("publish", By(&["adsum_publish"])),
    ("publish_until", By(&["adsum_publish_until"])),
    ("remote_direct", By(&["adsum_remote_direct", "adsum_remote_direct_for"])),
    ("remote_say", By(&["adsum_remote_say", "adsum_remote_say_for"])),
    ("remote_state", By(&["adsum_remote_state"])),
    ("remove", By(&["adsum_topic_remove"])),
    ("representative", By(&["adsum_speaks_for"])),
    ("reserve", By(&["adsum_reserve"])),
    ("resume", By(&["adsum_resume"])),
    ("say", By(&["adsum_say", "adsum_say_for", "adsum_update"])),
    ("sees", By(&["adsum_sees"])),
    ("session", By(&["adsum_session_by_key"])),
    ("session_by_id", By(&["adsum_session_by_id"])),
    ("session_sees", By(&["adsum_session_sees"])),
    ("sessions", By(&["adsum_sessions_of"])),
    ("shrink_to_fit", By(&["adsum_shrink_to_fit"])),
    ("stats", By(&["adsum_stats_of"])),
    ("system", By(&["adsum_system"])),
    ("topic", By(&["adsum_topic_by_name"])),
    ("topic_by_key", By(&["adsum_topic_by_key"])),
    ("topic_options", By(&["adsum_topic_set_options"])),
    ("topics", By(&["adsum_all_topics"])),
    ("topics_of", By(&["adsum_topics_of"])),
    ("unblock", By(&["adsum_unblock"])),
    ("unwatch", By(&["adsum_unwatch"])),
    ("update", By(&["adsum_update"])),
    ("user_of", Field("adsum_session_by_key", "user")),
    ("user_sessions", By(&["adsum_user_sessions"])),
    ("users_online", By(&["adsum_users_online"])),
    // Whether, and not what does not hold: that is for who mends the engine.
    ("verify", By(&["adsum_verify"])),
    ("visible", By(&["adsum_visible"])),
    ("watch", By(&["adsum_watch"])),
    ("watched", By(&["adsum_watched"])),
    ("watchers", By(&["adsum_watchers"])),
    ("with_hasher", Not("ids are hashed with numbers that the process draws")),
    ("with_representative", By(&["adsum_engine_new"])),
    ("withdraw", By(&["adsum_withdraw"])),
    ("writable", By(&["adsum_writable"])),
];

const HEADER: &str = include_str!("../include/adsum.h");

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the header's words on a function, if it has such a one.
fn described(function: &str) -> Option<&'static str> {
    let (before, _) = HEADER.split_once(&format!(" {function}("))?;
    let (_, words) = before.rsplit_once("/**").expect("it is described");
    Some(words.split_once("*/").expect("they have an end").0)
}

/// Returns all `adsum_` names before a parenthesis, but for those that the header defines itself.
fn declared() -> BTreeSet<&'static str> {
    let declarations = HEADER.lines().filter(|line| !line.starts_with([' ', '/', '#']));
    let heads = declarations.filter(|line| !line.starts_with("static inline"));
    let heads = heads.filter_map(|line| line.split_once('(')).map(|(head, _)| head);
    let names = heads.filter_map(|head| head.rsplit([' ', '*']).next());
    names.filter(|name| name.starts_with("adsum_")).collect()
}

#[test]
fn each_method_of_an_engine_has_a_name_in_c_or_a_reason() {
    let listing = read("docs/api/adsum.txt");
    let public: BTreeSet<&str> = listing
        .lines()
        .filter_map(|line| line.split_once("fn adsum::Engine::"))
        .map(|(_, name)| name.split(['<', '(']).next().expect("there is a first part"))
        .collect();
    let named: BTreeSet<&str> = METHODS.iter().map(|(method, _)| *method).collect();
    assert_eq!(named.len(), METHODS.len(), "none twice");
    assert_eq!(named, public);
    let declared = declared();
    for (method, how) in METHODS {
        let functions = match how {
            By(functions) => functions,
            Field(function, field) => {
                assert_eq!(function, "adsum_session_by_key");
                let (_, info) = HEADER.split_once("struct adsum_session_info {").expect("it is");
                let (info, _) = info.split_once('}').expect("it has an end");
                assert!(info.contains(&format!(" {field};")), "{method}: {field}");
                &[function]
            }
            Not(reason) => {
                assert!(reason.len() > 20, "{method}");
                &[][..]
            }
        };
        for function in functions {
            assert!(declared.contains(function), "{method}: there is no {function}");
        }
    }
}

/// Functions of the header that are none of an engine's methods: those of the interface itself, and
/// what in Rust a topic is asked.
const BESIDE: [&str; 16] = [
    "adsum_discard",
    "adsum_engine_free",
    "adsum_last_error",
    "adsum_next",
    "adsum_options_default",
    "adsum_options_tim",
    "adsum_topic_looks_at",
    "adsum_topic_members",
    "adsum_topic_observers",
    "adsum_topic_presence",
    "adsum_topic_sessions",
    "adsum_topic_users",
    "adsum_topic_view",
    "adsum_version",
    "adsum_waits_until",
    "adsum_represent",
];

/// And the contrary: a function that nobody has named above was forgotten there.
#[test]
fn each_function_is_one_of_them() {
    let mut known: BTreeSet<&str> = BESIDE.into_iter().collect();
    for (_, how) in METHODS {
        match how {
            By(functions) => known.extend(functions),
            Field(function, _) => _ = known.insert(function),
            Not(_) => {}
        }
    }
    let unknown: Vec<_> = declared().difference(&known).copied().collect();
    assert_eq!(unknown, Vec::<&str>::new());
}

/// Returns what each method is refused with, by the sources' own words.
fn refusals() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/engine");
    let mut sources = vec!["src/engine.rs".to_owned()];
    for entry in fs::read_dir(folder).expect("it is there") {
        let name = entry.expect("it is there").file_name();
        sources.push(format!("src/engine/{}", name.to_string_lossy()));
    }
    for source in sources.iter().filter(|source| source.ends_with(".rs")) {
        let mut words = String::new();
        let mut is_on_errors = false;
        for line in read(source).lines().map(str::trim) {
            if let Some(said) = line.strip_prefix("///") {
                if said.starts_with(" # ") {
                    is_on_errors = said == " # Errors";
                } else if is_on_errors {
                    words += said;
                }
            } else if let Some((_, name)) = line.split_once("pub fn ") {
                let name = name.split(['<', '(']).next().expect("there is a first part");
                all.insert(name.to_owned(), std::mem::take(&mut words));
                is_on_errors = false;
            } else if !line.starts_with("#[") {
                words.clear();
                is_on_errors = false;
            }
        }
    }
    all
}

/// Returns the statuses that stand for the errors named in some words, those of another method
/// included that they point to.
fn statuses(words: &str, all: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, name) in
        words.match_indices("`Error::").map(|(at, before)| words.split_at(at + before.len()))
    {
        let name = name.split('`').next().expect("there is a first part");
        let mut status = String::from("ADSUM_E");
        for letter in name.chars() {
            if letter.is_uppercase() {
                status.push('_');
            }
            status.extend(letter.to_uppercase());
        }
        found.insert(status);
    }
    for (at, before) in words.match_indices("hose of ") {
        let other = words[at + before.len()..].trim_start_matches(['[', '`']);
        let other = other.split('`').next().expect("there is a first part");
        found.extend(statuses(&all[other], all));
    }
    found
}

#[test]
fn the_header_names_each_refusal_of_a_verb() {
    let all = refusals();
    let mut named = 0;
    for (method, how) in METHODS {
        let (By(functions), Some(words)) = (how, all.get(method)) else { continue };
        let words_in_c: String = functions.iter().filter_map(|name| described(name)).collect();
        for status in statuses(words, &all) {
            assert!(words_in_c.contains(&format!("`{status}`")), "{functions:?}: {status}");
            assert!(HEADER.contains(&format!("    {status} = ")), "{status}");
            named += 1;
        }
    }
    assert!(named > 70, "only {named}");
}
