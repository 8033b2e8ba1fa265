//! The engine and the reference model in step, on stretches of a trace: after every input, all that
//! comes out, all that can be asked, and what every receiver believes are compared.
//!
//! The model looks at everyone for everything, so a stretch is what a channel with a limit of
//! [`LIMIT`] members would have seen: it begins empty somewhere in the trace, every event from
//! there on counts, and only who does not fit is left out until there is room.

use crate::channel::{self, Channel, Door};
use crate::trace::Record;
use adsum::{Engine, Time};
use adsum_model::{Event, User, World};
use core::fmt;
use core::ops::AddAssign;

/// The most members in a stretch.
pub const LIMIT: usize = 16;

/// How many stretches, and how many events each.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub stretches: usize,
    pub events: usize,
}

/// What was compared, and found to be the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    pub stretches: u64,
    /// Events of the trace, but for those of people who did not fit in.
    pub events: u64,
    /// Inputs that they came to.
    pub inputs: u64,
    /// Notices, entries of snapshots included.
    pub notices: u64,
    pub hidden: u64,
}

impl AddAssign for Compared {
    fn add_assign(&mut self, more: Self) {
        self.stretches += more.stretches;
        self.events += more.events;
        self.inputs += more.inputs;
        self.notices += more.notices;
        self.hidden += more.hidden;
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stretches, events, inputs, notices, hidden } = self;
        write!(
            f,
            "beside the model: {stretches} stretches, {events} events, {inputs} inputs, {notices} \
             notices, {hidden} flaps hidden, 0 differences"
        )
    }
}

impl Door for World {
    fn engine(&self) -> &Engine<User, u32> {
        &self.host.engine
    }

    fn input(&mut self, now: Time, event: Event) -> Result<(), String> {
        Self::input(self, now, &event)?;
        match self.host.engine.stats().refusals {
            0 => Ok(()),
            _ => Err(format!("{event:?} was refused")),
        }
    }
}

/// Compares stretches of a trace with the model.
///
/// # Errors
/// The first difference, with all that led to it.
pub fn compare(records: &[Record], grace_ms: u64, sample: Sample) -> Result<Compared, String> {
    in_stretches(records, sample, |stretch| compare_stretch(stretch, grace_ms))
}

/// Compares stretches that begin at places evenly spaced over the trace, each in this way.
pub(crate) fn in_stretches(
    records: &[Record],
    sample: Sample,
    compare: impl Fn(&[Record]) -> Result<Compared, String>,
) -> Result<Compared, String> {
    let mut compared = Compared::default();
    for nth in 0..sample.stretches {
        let begin = records.len() * nth / sample.stretches;
        let end = records.len().min(begin.saturating_add(sample.events));
        compared += compare(&records[begin..end])
            .map_err(|fault| format!("from event {} on: {fault}", begin + 1))?;
    }
    Ok(compared)
}

fn compare_stretch(records: &[Record], grace_ms: u64) -> Result<Compared, String> {
    let config = channel::config(grace_ms).map_err(|error| error.to_string())?;
    let world = World::new(config.options().clone());
    let mut channel = Channel::new(world, LIMIT);
    for record in records {
        channel.record(*record)?;
    }
    channel.close()?;
    let (tally, stats) = (channel.tally, channel.door.host.engine.stats());
    Ok(Compared {
        stretches: 1,
        events: tally.events - tally.left_out - tally.strays,
        inputs: stats.inputs,
        notices: stats.notices,
        hidden: tally.hidden,
    })
}
