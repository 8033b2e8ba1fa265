//! Every sequence of inputs up to a length, in a small world: two users, two sessions each, all
//! options that change routing, each both where contacts are told of every session and where they
//! are told one state of each user. The engine is held against the reference model, and every
//! session's replica against the truth, after each input.
//!
//! The inputs are those of [`actions::Action`]: every verb, for each session by its place among its
//! user's, whether or not it has a connection, for one that has ended and for the attachment that a
//! resume replaced last. Two users are enough for every rule about who may see whom,
//! and two sessions for every rule about one session and the others.
//!
//! Sequences that come to the same state are gone on with once. The state is the model's, without
//! what cannot matter later (names, numbers and the absolute time), and with the kind of slot that
//! each session has. So what is said of a sequence here holds of every one that begins alike, as
//! far as the engine keeps nothing that is neither in the model nor in a slot; what it keeps
//! beyond that (free places, memory) is for the properties and the fuzz targets.
//!
//! | variable | what `cargo test --release --test exhaustive -- --nocapture` does with it |
//! | --- | --- |
//! | `ADSUM_EXHAUSTIVE_LENGTH=5` | sequences up to this length, with all options there are |

mod actions;
mod state;
mod topics;

use actions::Action;
use adsum::{Config, DirectTo, Grace, Lease, OfflineNotices, Options, OverLimit, Rate, Time};
use adsum_model::{Choice, Event, Model, World};
use state::State;
use std::collections::HashSet;

/// What has been visited.
#[derive(Clone, Copy, Debug, Default)]
struct Visited {
    options: u64,
    states: u64,
    inputs: u64,
    refusals: u64,
}

/// All ways to set the options that change who is told what.
fn routings() -> impl Iterator<Item = Options> {
    let offline =
        [OfflineNotices::ToWhoeverSaw, OfflineNotices::ToAllContacts, OfflineNotices::Never];
    (0..48).filter_map(move |bits: usize| {
        let options = Options {
            own_echo: bits & 1 == 0,
            snapshot_on_connect: bits & 2 == 0,
            direct_to: if bits & 4 == 0 { DirectTo::Contacts } else { DirectTo::Anyone },
            grace: Grace {
                connection_error_ms: if bits & 8 == 0 { 10 } else { 0 },
                timeout_ms: if bits & 8 == 0 { 4 } else { 0 },
                node_loss_ms: 0,
                going_away_ms: 0,
            },
            offline_notices: offline[bits / 16],
            lease: None,
            publish_rate: None,
            direct_rate: None,
            max_sessions: 2,
            // So few that what is said once more takes the place of what was said.
            max_direct: 1,
            max_told: 1,
            settle_ms: 7,
            idle_after_ms: Some(6),
            // A third session takes the place of the first, so that one is held for another.
            over_limit: OverLimit::EvictOldest { min_age_ms: 0 },
            ..Options::default()
        };
        // Some do not go together.
        Config::new(options.clone()).is_ok().then_some(options)
    })
}

/// Each of them with all ways to set what changes when.
fn all_options() -> impl Iterator<Item = Options> {
    routings().flat_map(|routing| {
        (0..8).map(move |bits| Options {
            lease: (bits & 1 == 1).then_some(Lease { lease_ms: 9, heartbeat_ms: 3 }),
            publish_rate: (bits & 2 == 2).then_some(Rate { burst: 1, interval_ms: 5 }),
            direct_rate: (bits & 2 == 2).then_some(Rate { burst: 1, interval_ms: 3 }),
            settle_ms: if bits & 3 == 3 { 0 } else { 7 },
            over_limit: match bits & 4 {
                0 => OverLimit::EvictOldest { min_age_ms: 0 },
                _ => OverLimit::Refuse,
            },
            ..routing.clone()
        })
    })
}

impl Visited {
    fn add(&mut self, other: &Self) {
        self.options += other.options;
        self.states += other.states;
        self.inputs += other.inputs;
        self.refusals += other.refusals;
    }
}

/// Returns what an action is as things stand, after so many others; `None` if it is nothing.
type EventOf<A> = fn(A, &Model, usize) -> Option<(Time, Event)>;

/// Goes through all sequences up to this length, from a world as it begins, of what these stand for
/// as things are then.
fn explore<A: Copy>(
    begin: &dyn Fn() -> World,
    (alphabet, event_of): (&[A], EventOf<A>),
    length: usize,
    visited: &mut Visited,
) {
    let replayed = |path: &[A]| {
        let mut world = begin();
        for (nth, action) in path.iter().enumerate() {
            let (now, event) =
                event_of(*action, &world.model, nth).expect("it was possible before");
            world.again(now, &event).unwrap_or_else(|fault| panic!("{fault}"));
        }
        world
    };
    let mut seen = HashSet::new();
    let mut frontier = vec![Vec::new()];
    for _ in 0..length {
        for path in std::mem::take(&mut frontier) {
            let mut world = None;
            for action in alphabet {
                let at = world.get_or_insert_with(|| replayed(&path));
                let Some((now, event)) = event_of(*action, &at.model, path.len()) else { continue };
                let refusals = at.host.engine.stats().refusals;
                at.input(now, &event).unwrap_or_else(|fault| panic!("{fault}"));
                visited.inputs += 1;
                if at.host.engine.stats().refusals > refusals {
                    // Nothing has changed, so the next action can be tried in the same world.
                    visited.refusals += 1;
                    continue;
                }
                if seen.insert(State::of(&at.model)) {
                    frontier.push([&path[..], &[*action]].concat());
                }
                world = None;
            }
        }
    }
    visited.options += 1;
    visited.states += seen.len() as u64;
}

fn explore_contacts(
    (options, choice): (&Options, Option<Choice>),
    length: usize,
    visited: &mut Visited,
) {
    let begin = || World::with_choice(options.clone(), choice);
    let alphabet = Action::all();
    explore(&begin, (&alphabet, |action, at, nth| action.event(at, nth)), length, visited);
}

#[test]
fn every_short_sequence_is_as_the_model_says() {
    let full = std::env::var("ADSUM_EXHAUSTIVE_LENGTH").ok();
    let length = full.as_ref().map_or(3, |length| length.parse().expect("it is a number"));
    let all: Vec<Options> =
        if full.is_some() { all_options().collect() } else { routings().collect() };
    // These read nothing of a presence, which is no part of a state.
    let choices = [Choice::Last, Choice::LeastIdle, Choice::Attached];
    let explore_every_second = |first: usize| {
        let mut visited = Visited::default();
        for (nth, options) in all.iter().enumerate().skip(first).step_by(2) {
            explore_contacts((options, None), length, &mut visited);
            // Users who are told as one: with all options where there is time.
            if full.is_some() || nth % 4 < 2 {
                explore_contacts((options, Some(choices[nth % 3])), length, &mut visited);
            }
            if full.is_some() {
                eprintln!("{} of {} options: {visited:?}", nth + 1, all.len());
            }
        }
        visited
    };
    // On two processors.
    let (mut visited, others) = std::thread::scope(|scope| {
        let others = scope.spawn(|| explore_every_second(1));
        (explore_every_second(0), others.join().expect("it is as the model says"))
    });
    visited.add(&others);
    println!("sequences of {length} inputs: {visited:?}");
    assert_eq!(all.len(), if full.is_some() { 320 } else { 40 });
    // Should a change of the alphabet or of what counts as a state shrink the search, it shows.
    assert!(visited.states >= 150 * visited.options, "{visited:?}");
    assert!(visited.inputs >= 700 * visited.options && visited.refusals > 0, "{visited:?}");
}
