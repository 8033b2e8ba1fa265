//! Whatever comes, the engine does what the model does.

mod generator;
mod numbers;
mod scenes;
mod slow;

use adsum::{Counts, DefaultHashBuilder, Time};
use adsum_model::host::begun;
use adsum_model::queries::{check_state, equal};
use adsum_model::world::compare;
use adsum_model::{Case, Event, Host, Model, World, strategy};

/// So many cases each: fewer with the inner constants shrunk, which are told apart by less.
const CASES: u32 = if cfg!(feature = "shrunk") { 1_000 } else { 2_000 };

#[test]
fn engine_and_model_agree() {
    strategy::check(CASES, 60, |case| World::run(&case, DefaultHashBuilder::default()));
}

/// The host takes some of the decisions and drops the drain. Whoever was to be told the rest is
/// not, but what the engine holds, and all that it says later, is as if they had been.
#[test]
fn a_drain_dropped_half_way_loses_notices_but_no_state() {
    strategy::check(CASES, 60, |case| {
        let mut log = Vec::new();
        half_drained(&case, &mut log).map_err(|fault| format!("{}\n{fault}", log.join("\n")))
    });
}

fn half_drained(case: &Case, log: &mut Vec<String>) -> Result<(), String> {
    let config = case.setup.config();
    let choice = case.setup.choice();
    let mut host = Host::<u32>::with_choice(config.clone(), choice, DefaultHashBuilder::default());
    let mut model = Model::with_choice(&config, choice);
    for (at, op) in case.ops.iter().enumerate() {
        let (now, event) = op.decode(&model, at as u32);
        let take = if op.0[4] % 2 == 0 { usize::from(op.0[4] / 2 % 4) } else { usize::MAX };
        log.push(format!("{:>6} {event:?}, taking {take}", now.as_millis()));
        let outcome = host.handle(now, &event, take, &mut |_, _| {})?;
        let expected = model.apply(now.as_millis(), &event, begun(&outcome));
        if take == usize::MAX {
            compare(&expected, &outcome)?;
        } else {
            equal("the refusal", outcome.as_ref().err(), expected.as_ref().err())?;
            let waits = outcome.as_ref().ok().and_then(|answer| answer.waits_until);
            let must_wait = expected.as_ref().ok().and_then(|output| output.waits_until);
            equal("how long a publish waits", waits, must_wait)?;
            host.engine.verify()?;
            look_again(&mut host, &model);
            finish_advance(&mut host, &model, now, &event)?;
            look_again(&mut host, &model);
        }
        host.engine.verify()?;
        check_state(&host.engine, &model)?;
    }
    for session in model.keys() {
        let now = Time::from_millis(model.now);
        host.handle(now, &Event::Disconnect { session }, 0, &mut |_, _| {})?
            .map_err(|error| format!("{session:?} cannot leave: {error}"))?;
    }
    equal("counts", host.engine.counts(), Counts::default())
}

fn look_again(host: &mut Host<u32>, model: &Model) {
    // The model may be ahead: it has fired what the engine still has due.
    let stale = model.stale.iter().map(|stale| stale.key);
    host.look_again(model.keys().into_iter().chain(stale));
}

/// Deadlines that a dropped `advance` had not come to are still due, and the next one fires them.
fn finish_advance(
    host: &mut Host<u32>,
    model: &Model,
    now: Time,
    event: &Event,
) -> Result<(), String> {
    if *event != Event::Advance {
        return Ok(());
    }
    host.handle(now, event, usize::MAX, &mut |_, _| {})?
        .map_err(|error| format!("advance was refused: {error}"))?;
    let next = model.deadlines().first().copied();
    match host.engine.deadline() {
        Some(at) if next.is_none_or(|next| at.as_millis() > next) => {
            Err(format!("the deadline is {at:?}, and the next thing is at {next:?}"))
        }
        _ => Ok(()),
    }
}
