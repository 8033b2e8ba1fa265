//! What simulated people do, and when: made from a seed, so that each demonstration of the same
//! seed is the same.

use super::words::{NAMES, ROOMS, SAYINGS, STATES};

/// After so long all of it begins again.
pub(super) const PERIOD_MS: u64 = 10 * 60 * 1_000;
/// How many friends a person asks among the others.
const FRIENDS: u64 = 7;
/// The most things that one person does in a period.
const MOST_ACTS: u64 = 14;

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Come,
    Go,
    /// Shows one of the [states](STATES).
    Show(usize),
    /// Joins one of the [rooms](ROOMS).
    Join(usize),
    Leave(usize),
    /// Says one of the [sayings](SAYINGS) in the room, if they are there.
    Say(usize, usize),
}

/// Something that happens: after so many milliseconds of the period one person does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at_ms: u64,
    pub(super) person: usize,
    pub(super) act: Act,
}

/// Who there is, and all that they do in a period.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) names: Vec<String>,
    /// Pairs of friends, each once.
    pub(super) friends: Vec<(usize, usize)>,
    /// In the order of time. Who is there at the end of the period is there at its beginning, too.
    pub(super) events: Vec<Event>,
}

/// Numbers that look random, the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    const fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }
}

impl Trace {
    /// Makes one of so many people.
    pub(super) fn new(seed: u64, people: usize) -> Self {
        let mut random = Random(seed);
        let names = names(&mut random, people);
        let friends = friends(&mut random, people);
        let mut events: Vec<_> = (0..people).flat_map(|person| acts(&mut random, person)).collect();
        // Of the same moment in the order in which they were made: nobody leaves before they come.
        events.sort_by_key(|event| event.at_ms);
        Self { names, friends, events }
    }
}

fn names(random: &mut Random, people: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(people);
    while all.len() < people {
        // Most are of the first script.
        let script = match random.below(10) {
            0 => 1,
            1 => 2,
            2 => 3,
            _ => 0,
        };
        let (first, last) = NAMES[script];
        let first = first[random.index(first.len())];
        let name = format!("{first} {}", last[random.index(last.len())]);
        // Of the same name there may be several, who are told apart by a number.
        let same = all.iter().filter(|other| other.starts_with(&name)).count();
        all.push(if same == 0 { name } else { format!("{name} {}", same + 1) });
    }
    all
}

fn friends(random: &mut Random, people: usize) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    for person in 0..people {
        for _ in 0..FRIENDS {
            let other = random.index(people);
            if other != person {
                all.push((person.min(other), person.max(other)));
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Returns what one person does in a period: they are there for a part of it, which may go on over
/// its end.
fn acts(random: &mut Random, person: usize) -> Vec<Event> {
    let mut acts = Vec::new();
    let mut push = |at_ms: u64, act| acts.push(Event { at_ms: at_ms % PERIOD_MS, person, act });
    let is_always_there = random.below(10) < 3;
    let came_ms = random.below(PERIOD_MS);
    let stays_ms =
        if is_always_there { PERIOD_MS } else { PERIOD_MS / 4 + random.below(PERIOD_MS / 2) };
    if !is_always_there {
        push(came_ms, Act::Come);
        push(came_ms + stays_ms, Act::Go);
    }
    // Whoever comes shows something and enters a room or two soon.
    push(came_ms + 1, Act::Show(random.index(STATES.len())));
    let mut rooms = Vec::new();
    for (room, (_, in_hundred)) in ROOMS.iter().enumerate() {
        if random.below(100) < *in_hundred {
            push(came_ms + 2 + random.below(stays_ms / 8), Act::Join(room));
            rooms.push(room);
        }
    }
    for _ in 0..1 + random.below(MOST_ACTS - 6) {
        let at_ms = came_ms + stays_ms / 8 + random.below(stays_ms * 7 / 8);
        let act = match (random.below(10), rooms.is_empty()) {
            (0..4, false) => {
                Act::Say(rooms[random.index(rooms.len())], random.index(SAYINGS.len()))
            }
            (4, false) => Act::Leave(rooms[random.index(rooms.len())]),
            (5, false) => Act::Join(rooms[random.index(rooms.len())]),
            _ => Act::Show(random.index(STATES.len())),
        };
        push(at_ms, act);
    }
    acts
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PEOPLE: usize = 240;

    #[test]
    fn the_same_seed_makes_the_same_trace_and_another_one_another() {
        assert_eq!(Trace::new(1, PEOPLE), Trace::new(1, PEOPLE));
        assert_ne!(Trace::new(1, PEOPLE).events, Trace::new(2, PEOPLE).events);
    }

    #[test]
    fn it_is_bounded_in_order_and_names_nobody_twice() {
        for seed in 0..20 {
            let Trace { names, friends, events } = Trace::new(seed, PEOPLE);
            assert_eq!(names.iter().collect::<HashSet<_>>().len(), PEOPLE);
            assert!(events.is_sorted_by_key(|event| event.at_ms));
            assert!(events.iter().all(|event| event.at_ms < PERIOD_MS && event.person < PEOPLE));
            let most = PEOPLE * (MOST_ACTS as usize + 4 + ROOMS.len());
            assert!((PEOPLE * 4..most).contains(&events.len()), "{}", events.len());
            assert!(friends.iter().all(|(one, other)| one < other && *other < PEOPLE));
            assert!(friends.len() > PEOPLE * 5, "{}", friends.len());
        }
    }

    /// Who goes has come, and comes again in the next period; who does neither is always there.
    #[test]
    fn everybody_comes_as_often_as_they_go() {
        let events = Trace::new(7, PEOPLE).events;
        let count = |person, act| {
            let is_it = |event: &&Event| event.person == person && event.act == act;
            events.iter().filter(is_it).count()
        };
        let mut always = 0;
        for person in 0..PEOPLE {
            let (comes, goes) = (count(person, Act::Come), count(person, Act::Go));
            assert_eq!(comes, goes);
            assert!(comes <= 1);
            always += usize::from(comes == 0);
        }
        assert!((30..120).contains(&always), "{always} are always there");
    }
}
