//! The engine's time: the machine's, without the stretches in which the server did not run.

use std::time::{Duration, Instant};

use adsum::Time;

/// The most by which the engine's time goes forward from one turn to the next while a deadline
/// stands. A paused machine or a thread that gets no turn is no sign of a client's absence: what
/// clients sent meanwhile is still to be read, and to be judged by when it could first be read.
const STRIDE: Duration = Duration::from_secs(1);

/// The longest that a turn with a deadline ahead waits, so that a longer one betrays a stall.
const WAIT: Duration = Duration::from_millis(500);

/// A clock that goes forward once a turn: all that is done in a turn happens at the same time.
pub(super) struct Clock {
    turn: Instant,
    /// The engine's time at that turn.
    time: Duration,
}

impl Clock {
    /// Returns a clock that shows this time now.
    pub(super) const fn new(now: Instant, time: Duration) -> Self {
        Self { turn: now, time }
    }

    pub(super) fn now(&self) -> Time {
        Time::from_millis(self.time.as_millis() as u64)
    }

    /// Returns until when to wait for the next turn at most, with this deadline ahead.
    pub(super) fn wait_until(&self, deadline: Time) -> Instant {
        // A deadline is a whole number of milliseconds, and the clock must have come to it.
        let left = Duration::from_millis(deadline.as_millis()).saturating_sub(self.time);
        self.turn + left.min(WAIT)
    }

    /// Begins a turn; returns how much of the time since the last one does not count. `bounded`
    /// says whether that one was to end at a moment that [`wait_until`](Self::wait_until) gave.
    pub(super) fn turn(&mut self, now: Instant, bounded: bool) -> Duration {
        let passed = now.saturating_duration_since(self.turn);
        let counts = if bounded { passed.min(STRIDE) } else { passed };
        self.turn = now;
        self.time += counts;
        passed - counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_goes_with_the_machine_by_small_steps() {
        let start = Instant::now();
        let mut clock = Clock::new(start, Duration::ZERO);
        for step in 1..=10 {
            assert_eq!(clock.turn(start + ms(step * 1_000), true), ms(0));
            assert_eq!(clock.now(), Time::from_millis(step * 1_000));
        }
    }

    #[test]
    fn a_stall_counts_for_one_stride() {
        let start = Instant::now();
        let mut clock = Clock::new(start, Duration::ZERO);
        assert_eq!(clock.turn(start + ms(3_600_000), true), ms(3_599_000));
        assert_eq!(clock.now(), Time::from_millis(1_000));
        // From there it goes on as before.
        assert_eq!(clock.turn(start + ms(3_600_250), true), ms(0));
        assert_eq!(clock.now(), Time::from_millis(1_250));
    }

    /// With no deadline ahead nothing can come too early, and ages are right.
    #[test]
    fn a_wait_without_a_deadline_counts_as_a_whole() {
        let start = Instant::now();
        let mut clock = Clock::new(start, Duration::ZERO);
        assert_eq!(clock.turn(start + ms(3_600_000), false), ms(0));
        assert_eq!(clock.now(), Time::from_millis(3_600_000));
    }

    #[test]
    fn it_wakes_for_a_deadline_and_not_before() {
        let start = Instant::now();
        let mut clock = Clock::new(start, Duration::ZERO);
        // Part of a millisecond has passed, so the first deadline is less than 200 ms ahead.
        let turn = start + ms(100) + Duration::from_micros(700);
        clock.turn(turn, true);
        assert_eq!(clock.wait_until(Time::from_millis(300)), start + ms(300));
        assert_eq!(clock.wait_until(Time::from_millis(100)), turn);
        assert_eq!(clock.wait_until(Time::from_millis(u64::MAX)), turn + WAIT);
        clock.turn(start + ms(300), true);
        assert_eq!(clock.now(), Time::from_millis(300));
    }
}
