//! Held against a sorted set, and its steps counted.

use super::wheel::{LEVELS, QUANTUM};
use super::*;
use crate::tables::segments::per_segment;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cell::Cell;
use proptest::prelude::*;

const fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

/// Numbers in an order that looks random, each below `count` once.
fn shuffled(count: u32) -> impl Iterator<Item = u32> {
    // A prime that divides no count.
    (0..count).map(move |nth| (u64::from(nth) * 2_654_435_761 % u64::from(count)) as u32)
}

// ---- against a sorted set

#[derive(Clone, Debug)]
enum Step {
    Arm {
        session: u32,
        after: u64,
    },
    /// Something is heard of a session: its deadline moves, and its timer does not know.
    Hear {
        session: u32,
        by: u64,
    },
    Disarm {
        session: u32,
    },
    /// Many are armed, out of order: so far apart at the most.
    Crowd {
        after: u64,
        apart: u64,
    },
    /// Something is heard of every second one of them.
    HearCrowd {
        by: u64,
    },
    /// The host did not look for so long.
    Jump {
        by: u64,
    },
    /// The host looks whenever it should, so many times.
    Look {
        times: u32,
    },
    /// The host does not take everything that is due.
    Take {
        by: u64,
        at_most: usize,
    },
}

const FEW: u32 = 8;
const CROWD: u32 = 5 * QUANTUM / 2;

/// Distances of every magnitude, so that every level is used.
fn distance() -> impl Strategy<Value = u64> {
    (0_u32..64, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
}

/// Distances over few levels, so that time comes to all of them.
fn short() -> impl Strategy<Value = u64> {
    (44_u32..64, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let by = || prop_oneof![3 => short(), 1 => 0_u64..3];
    let step = prop_oneof![
        4 => (0..FEW, distance()).prop_map(|(session, after)| Step::Arm { session, after }),
        4 => (0..FEW, by()).prop_map(|(session, after)| Step::Arm { session, after }),
        4 => (0..FEW, by()).prop_map(|(session, by)| Step::Hear { session, by }),
        1 => (0..FEW).prop_map(|session| Step::Disarm { session }),
        1 => (short(), by()).prop_map(|(after, apart)| Step::Crowd { after, apart }),
        1 => by().prop_map(|by| Step::HearCrowd { by }),
        1 => distance().prop_map(|by| Step::Jump { by }),
        1 => short().prop_map(|by| Step::Jump { by }),
        3 => (0_u32..20).prop_map(|times| Step::Look { times }),
        2 => (by(), 0_usize..4).prop_map(|(by, at_most)| Step::Take { by, at_most }),
    ];
    proptest::collection::vec(step, 0..60)
}

/// Where a session's deadline really lies.
#[derive(Clone, Copy)]
struct Real {
    at: Time,
    order: u64,
    /// It has moved since it was armed.
    has_moved: bool,
}

/// The timers, and what they should know.
struct Pair {
    timers: Timers,
    set: BTreeSet<(Time, u64, u32)>,
    real: BTreeMap<u32, Real>,
    now: Time,
    order: u64,
}

impl Pair {
    fn new() -> Self {
        let (set, real) = (BTreeSet::new(), BTreeMap::new());
        Self { timers: Timers::new(), set, real, now: Time::ZERO, order: 0 }
    }

    fn set(&mut self, session: u32, at: Time, has_moved: bool) {
        self.order += 1;
        self.unset(session);
        self.real.insert(session, Real { at, order: self.order, has_moved });
        self.set.insert((at, self.order, session));
    }

    fn unset(&mut self, session: u32) {
        if let Some(Real { at, order, .. }) = self.real.remove(&session) {
            self.set.remove(&(at, order, session));
        }
    }

    fn arm(&mut self, session: u32, after: u64) {
        let at = self.now.saturating_add(after);
        self.set(session, at, false);
        self.timers.arm(SessionIndex(session), at, self.order);
        assert_eq!(self.timers.deadline(SessionIndex(session)), Some(at));
    }

    fn hear(&mut self, session: u32, by: u64) {
        if let Some(Real { at, .. }) = self.real.get(&session) {
            self.set(session, at.saturating_add(by), true);
        }
    }

    /// Looks, until so many have fired. Says whether nothing more is due.
    fn look(&mut self, until: Time, at_most: usize) -> bool {
        self.now = self.now.max(until);
        self.timers.look_again();
        for _ in 0..at_most {
            let real = &self.real;
            let moved = |session| moved(real, session);
            let Some(due) = self.timers.first_due(self.now, moved) else {
                assert!(self.set.first().is_none_or(|first| first.0 > self.now));
                return true;
            };
            let fired = (due.at, due.order, due.of.0);
            assert_eq!(self.set.first(), Some(&fired));
            assert_eq!(self.timers.armed(), self.set.len());
            self.unset(due.of.0);
            self.timers.disarm(due.of);
        }
        false
    }

    fn next_look(&self) -> Option<Time> {
        self.timers.next_look(|session| moved(&self.real, session))
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Arm { session, after } => self.arm(session, after),
            Step::Hear { session, by } => self.hear(session, by),
            Step::Disarm { session } => {
                self.unset(session);
                self.timers.disarm(SessionIndex(session));
                assert_eq!(self.timers.deadline(SessionIndex(session)), None);
            }
            Step::Crowd { after, apart } => {
                for nth in shuffled(CROWD) {
                    let later = u64::from(nth) * apart / u64::from(CROWD);
                    self.arm(FEW + nth, after.saturating_add(later));
                }
            }
            Step::HearCrowd { by } => {
                shuffled(CROWD).step_by(2).for_each(|nth| self.hear(FEW + nth, by));
            }
            Step::Jump { by } => assert!(self.look(self.now.saturating_add(by), usize::MAX)),
            Step::Look { times } => {
                for _ in 0..times {
                    let Some(look) = self.next_look() else { break };
                    assert!(self.look(look, usize::MAX));
                }
            }
            Step::Take { by, at_most } => {
                self.look(self.now.saturating_add(by), at_most);
            }
        }
        assert_eq!(self.timers.armed(), self.set.len());
        let look = self.next_look();
        assert_eq!(look.is_none(), self.set.is_empty());
        assert!(self.set.first().is_none_or(|first| look.is_some_and(|look| look <= first.0)));
        assert!(look.is_none_or(|look| look.as_millis() >= self.timers.now));
        let known = |session| self.timers.deadline(SessionIndex(session));
        assert!(self.set.iter().all(|(at, _, session)| known(*session) <= Some(*at)));
    }
}

/// Returns what the timers are told of a deadline. Of what has not moved, they may be told so or
/// not.
fn moved(real: &BTreeMap<u32, Real>, session: SessionIndex) -> Option<(Time, u64)> {
    let real = real.get(&session.0).expect("whoever is asked about is armed");
    (real.has_moved || real.order.is_multiple_of(2)).then_some((real.at, real.order))
}

proptest! {
    #[test]
    fn fires_what_a_sorted_set_would(steps in steps()) {
        let mut pair = Pair::new();
        steps.iter().for_each(|step| pair.step(step));
        pair.timers.shrink_to_fit();
        prop_assert!(pair.look(Time::MAX, usize::MAX));
        prop_assert_eq!(pair.next_look(), None);
    }

    /// Deadlines armed out of their order, as leases are, still fire in it.
    #[test]
    fn equal_deadlines_fire_by_order(orders in proptest::collection::vec(0..1_u64 << 60, 0..50)) {
        let mut timers = Timers::new();
        for (session, order) in (0..).map(SessionIndex).zip(&orders) {
            timers.arm(session, at(70), *order);
        }
        let mut fired = Vec::new();
        while let Some(due) = timers.first_due(Time::MAX, |_| None) {
            fired.push(due.order);
            timers.disarm(due.of);
        }
        prop_assert!(fired.is_sorted());
        prop_assert_eq!(fired.len(), orders.len());
    }
}

/// What has moved on fires where it lies now, and among equals where its order puts it now.
#[test]
fn deadlines_that_moved_fire_where_they_lie() {
    for deadline in [70, 70_000] {
        let mut timers = Timers::new();
        for session in 0..4 {
            timers.arm(SessionIndex(session), at(deadline), session.into());
        }
        let moved = |session: SessionIndex| match session.0 {
            0 => Some((at(deadline), 9)),
            1 => Some((at(deadline + 5_000), 1)),
            _ => None,
        };
        let mut fired = Vec::new();
        while let Some(due) = timers.first_due(at(100_000), moved) {
            fired.push((due.of.0, due.at.as_millis() - deadline));
            timers.disarm(due.of);
        }
        assert_eq!(fired, [(2, 0), (3, 0), (0, 0), (1, 5_000)]);
    }
}

// ---- steps, as a host that looks when it should has them

/// Looks until there is nothing more to look at, and counts.
#[derive(Debug, Default)]
struct Looks {
    count: u32,
    /// The most nodes that were visited by one call of `first_due`.
    most_visits: u32,
    /// The most steps that one took: nodes that were moved down, and their rises in the heap.
    most_steps: usize,
    fired: u32,
}

impl Looks {
    fn at(timers: &mut Timers, moved: impl Fn(SessionIndex) -> Option<(Time, u64)>) -> Self {
        let mut looks = Self::default();
        while let Some(look) = timers.next_look(&moved) {
            looks.count += 1;
            timers.look_again();
            loop {
                let (visits, mut due) = (Cell::new(0), None);
                let steps = steps::tests::of(|| {
                    due = timers.first_due(look, |session| {
                        visits.set(visits.get() + 1);
                        moved(session)
                    });
                });
                looks.most_steps = looks.most_steps.max(steps);
                looks.most_visits = looks.most_visits.max(visits.get());
                let Some(due) = due else { break };
                looks.fired += 1;
                timers.disarm(due.of);
            }
        }
        looks
    }
}

const MANY: u32 = 100_000;

/// What one call may visit: the last quantum of the bucket that begins at the moment, what is moved
/// ahead of time, and the node that fires, after each quantum perhaps in vain.
const MOST_VISITS: u32 = (1 + QUANTA_A_MS) * (QUANTUM + 1);

/// A node that is visited leaves one place and goes to another. In the heap, three others make way
/// for one that comes in any order, more or less; or a segment is added, and the table of segments
/// has to grow.
const MOST_STEPS: usize = 5 * MOST_VISITS as usize + 256 + MANY as usize / 4 / per_segment(256);

#[test]
fn a_crowd_in_one_millisecond_is_fired_in_short_steps() {
    for deadline in [1, 3_000, 90_000, 604_800_000, 1 << 50, u64::MAX] {
        let mut timers = Timers::new();
        for session in 0..MANY {
            timers.arm(SessionIndex(session), at(deadline), session.into());
        }
        // What is heard of them meanwhile changes their order, and no deadline.
        let orders: Vec<u32> = shuffled(MANY).collect();
        let moved = |session: SessionIndex| {
            let order = orders[session.0 as usize] + MANY;
            Some((at(deadline), order.into()))
        };
        let looks = Looks::at(&mut timers, moved);
        assert_eq!(looks.fired, MANY);
        // What fires within a block is in the queue already, where it is asked for at the end.
        if deadline > 2_048 {
            assert!(looks.most_visits <= MOST_VISITS, "at {deadline}: {looks:?}");
            assert!(looks.most_steps <= MOST_STEPS, "at {deadline}: {looks:?}");
        }
    }
}

/// Leases that are kept alive, and never lapse until the end.
#[test]
fn leases_that_move_on_are_visited_in_short_steps() {
    const LEASE_MS: u64 = 90_000;
    const BEAT_MS: u64 = 30_000;
    for first_within in [1, BEAT_MS] {
        let mut timers = Timers::new();
        let connected = |nth: u32| u64::from(nth) * first_within / u64::from(MANY);
        for nth in 0..MANY {
            timers.arm(SessionIndex(nth), at(connected(nth) + LEASE_MS), nth.into());
        }
        let end = 600_000;
        let visits = Cell::new(0);
        let (mut calls, mut most) = (0, 0);
        // Where the lease of a session lies at a moment.
        let lease = |session: SessionIndex, now: u64| {
            let since = now - connected(session.0).min(now);
            let beats = since / BEAT_MS;
            let heard = connected(session.0) + beats * BEAT_MS;
            let order = beats * u64::from(MANY) + u64::from(session.0);
            Some((at(heard + LEASE_MS), order))
        };
        let mut now = 0;
        while let Some(look) =
            timers.next_look(|session| lease(session, now)).filter(|look| look.as_millis() < end)
        {
            now = look.as_millis();
            timers.look_again();
            let before = visits.get();
            let due = timers.first_due(look, |session| {
                visits.set(visits.get() + 1);
                lease(session, now)
            });
            assert_eq!(due, None);
            calls += 1;
            most = most.max(visits.get() - before);
        }
        assert!(most <= MOST_VISITS, "{most} nodes in one call");
        // Each is looked at once in half a lease at the most, in quanta.
        let all = u64::from(MANY) * end * 2 / LEASE_MS;
        assert!(u64::from(visits.get()) <= all, "{} visits", visits.get());
        let others = u64::from(LEVELS) + 2 * end / 1_024;
        let quanta = u64::from(visits.get().div_ceil(QUANTUM));
        assert!(calls <= quanta + others, "{calls} calls for {} visits", visits.get());
    }
}

/// A host that looks once a millisecond, and not when it should.
#[test]
fn a_crowd_in_one_millisecond_is_no_trouble_once_a_millisecond() {
    // So many that one quantum a millisecond is not enough.
    let (crowd, block_ms) = if cfg!(feature = "shrunk") { (1_000, 16) } else { (400_000, 1_024) };
    let lease_ms = 90_000;
    // What is heard of near its end is armed anew, or not if there is time left.
    for (heard_at, is_armed) in [
        (0, false),
        (lease_ms - 2 * block_ms, false),
        (lease_ms - block_ms / 2, false),
        (lease_ms - block_ms / 2, true),
        (lease_ms - 1, true),
        (lease_ms, true),
    ] {
        let mut timers = Timers::new();
        for (order, session) in (0..).zip(shuffled(crowd)) {
            timers.arm(SessionIndex(session), at(lease_ms), order);
        }
        let (visits, mut most, mut last) = (Cell::new(0), 0, None);
        for now in 40_000..=lease_ms {
            // Heard of all of them in one millisecond, they lapse that much later.
            let heard = |session: SessionIndex| (at(lease_ms + heard_at), session.0.into());
            if now == heard_at && is_armed {
                for session in shuffled(crowd).map(SessionIndex) {
                    let (at, order) = heard(session);
                    timers.arm(session, at, order);
                }
            }
            timers.look_again();
            visits.set(0);
            last = timers.first_due(at(now), |session| {
                visits.set(visits.get() + 1);
                (now >= heard_at).then(|| heard(session))
            });
            assert!(last.is_none() || now == lease_ms);
            most = most.max(visits.get());
        }
        assert_eq!(last.is_some(), heard_at == 0);
        assert!(most <= MOST_VISITS, "heard at {heard_at}: {most} in one call");
    }
}

/// What is not in the queue fires later than that: it need not be armed anew when it moves.
#[test]
fn what_is_near_fires_soon() {
    const NEAR_MS: u64 = Timers::<SessionIndex>::NEAR_MS;
    for now in [0, 1, 1_000, 1_023, 1_024, 5_555] {
        let mut timers = Timers::new();
        assert_eq!(timers.first_due(at(now), |_| None), None);
        timers.skip_to(at(now));
        for (session, after) in (0..).map(SessionIndex).zip([0, 1, NEAR_MS / 2, NEAR_MS - 1]) {
            timers.arm(session, at(now + after), 1);
            assert!(after > NEAR_MS / 2 || timers.is_near(session), "{now}: {after}");
        }
        timers.arm(SessionIndex(9), at(now + NEAR_MS), 1);
        assert!(!timers.is_near(SessionIndex(9)) && !timers.is_near(SessionIndex(10)), "{now}");
    }
}

#[test]
fn looking_again_and_again_comes_to_an_end() {
    for deadline in [0, 5_000, 90_000, u64::MAX / 2, u64::MAX] {
        // As many as one look can move down, which are no more trouble than one.
        for count in [1, QUANTUM] {
            let mut timers = Timers::new();
            for session in 0..count {
                timers.arm(SessionIndex(session), at(deadline), session.into());
            }
            let looks = Looks::at(&mut timers, |_| None);
            assert!(looks.count <= LEVELS + 1, "{count} at {deadline}: {looks:?}");
            assert_eq!(looks.fired, count);
        }
    }
}

/// Whoever has left is no more trouble.
#[test]
fn what_was_disarmed_is_not_looked_at() {
    let mut timers = Timers::new();
    for session in 0..MANY {
        timers.arm(SessionIndex(session), at(90_000), session.into());
    }
    let before = timers.next_look(|_| None);
    for session in 1..MANY {
        timers.disarm(SessionIndex(session));
    }
    assert!(timers.next_look(|_| None) > before);
    let looks = Looks::at(&mut timers, |_| None);
    assert!(looks.count <= LEVELS + 1 && looks.fired == 1, "{looks:?}");
}

#[test]
fn one_series_looks_ahead_once() {
    let mut timers = Timers::new();
    for session in 0..MANY {
        timers.arm(SessionIndex(session), at(90_000), session.into());
    }
    let visits = Cell::new(0);
    let mut look = |look_again: bool| {
        if look_again {
            timers.look_again();
        }
        let until = timers.next_look(|_| None).expect("something is armed");
        visits.set(0);
        // Later than it should, so that another quantum is overdue.
        let late = until.saturating_add(100);
        let due = timers.first_due(late, |_| {
            visits.set(visits.get() + 1);
            None
        });
        assert_eq!((due, timers.next_look(|_| None)), (None, Some(late)));
        visits.get()
    };
    // Time passes each time.
    assert_eq!(
        [true, false, true, true, false].map(&mut look),
        [1, 0, 1, 1, 0].map(|n| n * QUANTA_A_MS * QUANTUM)
    );
}

/// Buckets of every level begin at this moment, and a quantum is in each of them.
#[test]
fn where_many_buckets_begin_only_one_has_something_left() {
    let mut timers = Timers::new();
    let begin = 1 << 50;
    let mut sessions = (0..).map(SessionIndex);
    for distance in (5..50).rev().map(|shift| 1 << shift) {
        assert_eq!(timers.first_due(at(begin - 2 * distance), |_| None), None);
        for (session, order) in sessions.by_ref().zip(0..).take(QUANTUM as usize) {
            timers.arm(session, at(begin + distance / 4), order);
        }
    }
    let looks = Looks::at(&mut timers, |_| None);
    assert_eq!(looks.fired, 45 * QUANTUM);
    assert!(looks.most_visits <= MOST_VISITS, "{looks:?}");
}

#[test]
fn a_moment_that_has_passed_is_due_at_once() {
    let mut timers = Timers::new();
    timers.arm(SessionIndex(0), at(5_000), 1);
    assert_eq!(timers.first_due(at(4_000), |_| None), None);
    timers.arm(SessionIndex(1), at(3_000), 2);
    assert_eq!(timers.next_look(|_| None), Some(at(4_000)));
    let due = Due { at: at(4_000), order: 2, of: SessionIndex(1) };
    assert_eq!(timers.first_due(at(4_000), |_| None), Some(due));
}

/// A host that was away for long has missed all its looks.
#[test]
fn a_jump_over_everything_fires_everything_in_order() {
    let mut timers = Timers::new();
    for session in shuffled(MANY) {
        let deadline = u64::from(session) * 17;
        timers.arm(SessionIndex(session), at(deadline), session.into());
    }
    for session in 0..MANY {
        let due = timers.first_due(Time::MAX, |_| None).map(|due| due.of);
        assert_eq!(due, Some(SessionIndex(session)));
        timers.disarm(SessionIndex(session));
    }
    assert_eq!(timers.first_due(Time::MAX, |_| None), None);
}

/// Whoever announces a crowd has the room made at once.
#[test]
fn there_is_room_for_what_is_reserved() {
    let mut timers = Timers::new();
    timers.reserve(MANY as usize);
    for session in 0..MANY {
        let taken = steps::tests::of(|| timers.arm(SessionIndex(session), at(5), session.into()));
        assert_eq!(taken, 0, "{session}");
    }
}
