//! The calls of all verbs, by what was going on meanwhile.

use super::series::{Series, timed};
use std::io::{self, Read, Write};

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Connect,
    Disconnect,
    Expel,
    Lost,
    Resume,
    Heartbeat,
    Publish,
    Direct,
    System,
    AudienceAdd,
    AudienceRemove,
    AudienceReplace,
    Block,
    Unblock,
    Invisible,
    Visible,
    Congested,
    Writable,
    Advance,
    NextOfAdvance,
    Deadline,
    Counts,
    /// Nothing at all: what a measurement takes itself.
    Nothing,
}

pub(crate) const VERBS: [(Verb, &str); 23] = [
    (Verb::Connect, "connect"),
    (Verb::Disconnect, "disconnect"),
    (Verb::Expel, "expel"),
    (Verb::Lost, "lost"),
    (Verb::Resume, "resume"),
    (Verb::Heartbeat, "heartbeat"),
    (Verb::Publish, "publish"),
    (Verb::Direct, "direct"),
    (Verb::System, "system"),
    (Verb::AudienceAdd, "audience_add"),
    (Verb::AudienceRemove, "audience_remove"),
    (Verb::AudienceReplace, "audience_replace"),
    (Verb::Block, "block"),
    (Verb::Unblock, "unblock"),
    (Verb::Invisible, "invisible"),
    (Verb::Visible, "visible"),
    (Verb::Congested, "congested"),
    (Verb::Writable, "writable"),
    (Verb::Advance, "advance, to the first decision"),
    (Verb::NextOfAdvance, "advance, a further decision"),
    (Verb::Deadline, "deadline"),
    (Verb::Counts, "counts"),
    (Verb::Nothing, "(no call)"),
];

/// The calls of each verb in one phase.
#[derive(Clone)]
pub(crate) struct Log {
    series: Vec<Series>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { series: vec![Series::default(); VERBS.len()] }
    }

    /// Does a call and notes how long it took.
    pub(crate) fn time<T>(&mut self, verb: Verb, call: impl FnOnce() -> T) -> T {
        let (nanos, done) = timed(call);
        self.series[verb as usize].nanos.push(nanos);
        done
    }

    /// What is called from now on belongs to the next bucket of the population.
    pub(crate) fn begin_bucket(&mut self) {
        self.series.iter_mut().for_each(Series::begin_bucket);
    }

    pub(crate) fn of(&self, verb: Verb) -> &Series {
        &self.series[verb as usize]
    }

    pub(crate) fn take_least(&mut self, other: &Self) {
        for (least, series) in self.series.iter_mut().zip(&other.series) {
            least.take_least(series);
        }
    }

    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        self.series.iter().try_for_each(|series| series.write(to))
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let series = VERBS.iter().map(|_| Series::read(from)).collect::<io::Result<_>>()?;
        Ok(Self { series })
    }
}
