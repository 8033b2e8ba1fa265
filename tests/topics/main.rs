//! Topics, by inputs at random: whoever applies all that it is told believes what is so, as soon as
//! every tick has come (rule T3 and promise 4), and the engine's own invariants hold.

mod driver;
mod figures;
mod memory;
mod named;
mod room;
mod ticks;
mod unseen;

pub(crate) use adsum_model::beliefs;

use adsum::{Error, Join, Options, Rate, TopicBlocks, TopicOptions, View};
use driver::Driver;
use room::Room;

/// Each way to run, with what topics are like then.
fn ways() -> Vec<Options> {
    let topics = |full_up_to, sample, coalesce_ms| {
        let topics = TopicOptions { full_up_to, sample, coalesce_ms, ..TopicOptions::default() };
        Options { topics, topic_rate: None, direct_rate: None, ..Options::default() }
    };
    let mut hasty = topics(3, 2, 300);
    hasty.topic_rate = Some(Rate { burst: 1, interval_ms: 250 });
    hasty.topics.max_members = 5;
    hasty.max_topics = 2;
    let mut alone = topics(3, 2, 0);
    alone.own_echo = false;
    // Where contacts are told one state of each user.
    let [live, ticking] = [0, 50].map(|coalesce_ms| Options {
        idle_after_ms: Some(200),
        settle_ms: 100,
        ..topics(4, 2, coalesce_ms)
    });
    let apart = [topics(200, 20, 0), topics(200, 20, 100), topics(3, 2, 0), topics(3, 2, 50)];
    // Where blocks hide, whether or not there is a rate and one's own sessions are shown.
    let mut hiding = topics(5, 2, 0);
    hiding.topics.blocks = TopicBlocks::Hidden;
    let mut hiding_alone = Options { topics: hiding.topics, ..alone };
    hiding_alone.topic_rate = Some(Rate { burst: 1, interval_ms: 250 });
    let all = [hasty, alone, live, ticking, hiding, hiding_alone];
    apart.into_iter().chain(all).collect()
}

#[test]
fn beliefs_are_true_after_every_input_and_tick() {
    for (way, options) in ways().into_iter().enumerate() {
        // Where all are contacts of each other more is told, and looked at, in each of them.
        let seeds = if options.idle_after_ms.is_some() { 20 } else { 60 };
        for seed in 0..seeds {
            let mut driver = Driver::new(options.clone(), seed * 16 + way as u64);
            for _ in 0..250 {
                driver.step();
            }
            driver.end();
        }
    }
}

/// Whoever takes only some decisions loses notices, and no state (rule T13: nothing is left).
#[test]
fn a_drain_that_is_dropped_leaves_everything_right() {
    for (way, options) in ways().into_iter().enumerate() {
        for seed in 0..12 {
            let mut driver = Driver::new(options.clone(), 7_000 + seed * 16 + way as u64);
            driver.drops = true;
            for _ in 0..250 {
                driver.step();
            }
            driver.end();
        }
    }
}

/// Rule T1, though nobody is told.
#[test]
fn all_are_out_of_a_topic_that_is_closed_by_a_drain_that_is_dropped() {
    let mut room = Room::of(Options::default(), TopicOptions::default());
    let join = Join::Member { presence: Some(1), view: View::All };
    let all = [1, 2, 3].map(|user| room.join(user, join));
    drop(room.engine.close(room.at(), &7));
    for (session, topic) in all {
        let left = room.engine.leave(room.at(), session, topic).map(drop);
        assert_eq!(left, Err(Error::UnknownTopic));
    }
    let counts = room.engine.counts();
    assert_eq!((counts.topics, counts.memberships), (0, 0));
    assert_eq!(room.engine.verify(), Ok(()));
}

/// Rule T15: engines with other keys for their hashers decide the same.
#[test]
fn the_same_inputs_are_told_the_same() {
    for (way, options) in ways().into_iter().enumerate() {
        let run = || {
            let mut driver = Driver::new(options.clone(), 9_000 + way as u64);
            (0..250).for_each(|_| driver.step());
            driver.log
        };
        let (one, other) = (run(), run());
        assert!(one.len() > 400 && one == other);
    }
}

/// A belief that is wrong is seen: else the test above could not fail.
#[test]
fn a_notice_that_is_lost_is_seen() {
    let lost = |way: usize| {
        let mut driver = Driver::new(ways()[way].clone(), 5);
        driver.loses_every = 7;
        let steps = 0..400;
        steps.into_iter().any(|_| driver.try_step().is_err())
    };
    assert!((0..ways().len()).all(lost));
}

/// The same in short, with what the engine counts: a test that takes no time.
#[test]
fn for_a_while_beliefs_and_figures_are_right() {
    for (seed, options) in (1..).zip(ways()) {
        let mut driver = Driver::new(options, seed);
        for _ in 0..60 {
            driver.step();
        }
        driver.end();
    }
}
