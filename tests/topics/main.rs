//! Topics, by inputs at random: whoever applies all that it is told believes what is so, as soon as
//! every tick has come (rule T3 and promise 4), and the engine's own invariants hold.

mod beliefs;
mod driver;

use adsum::{Options, Rate, TopicOptions};
use driver::Driver;

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
    vec![topics(200, 20, 0), topics(200, 20, 100), topics(3, 2, 0), topics(3, 2, 50), hasty, alone]
}

#[test]
fn beliefs_are_true_after_every_input_and_tick() {
    for (way, options) in ways().into_iter().enumerate() {
        for seed in 0..60 {
            let mut driver = Driver::new(options.clone(), seed * 8 + way as u64);
            for _ in 0..250 {
                driver.step();
            }
            driver.end();
        }
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
