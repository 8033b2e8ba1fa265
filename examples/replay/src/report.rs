//! Runs what there is to run on a file, and says what came of it.

use crate::alone::{Alone, Told};
use crate::beside::{self, Compared, Sample};
use crate::channel::{self, Channel, Door, Tally};
use crate::trace::{self, Record};
use crate::{edges, friends, lines};
use std::io::Write;
use std::path::Path;

/// The graces that are compared, in milliseconds.
pub const GRACES_MS: [u64; 4] = [0, 15_000, 60_000, 120_000];

/// What the engine did with a whole trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    pub tally: Tally,
    pub told: Told,
    pub edges: edges::Tally,
    pub inputs: u64,
    pub refusals: u64,
    pub peak_bytes: i64,
    /// When everyone had left.
    pub left_bytes: i64,
}

pub struct Report<W> {
    out: W,
}

impl<W: Write> Report<W> {
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    /// Replays a trace with each grace.
    ///
    /// # Errors
    /// A line that is not of the form, or the first difference.
    pub fn trace(&mut self, path: &Path, sample: Sample) -> Result<(), String> {
        let records = trace::read(&mut *lines::open(path)?)
            .map_err(|fault| format!("{}: {fault}", path.display()))?;
        self.line(format_args!(
            "{} events, in a channel where everyone sees everyone",
            records.len()
        ))?;
        let mut compared = Compared::default();
        for grace_ms in GRACES_MS {
            let with_grace = |fault| format!("with a grace of {grace_ms} ms, {fault}");
            let whole = whole(&records, grace_ms).map_err(with_grace)?;
            self.whole(grace_ms, &whole)?;
            compared += beside::compare(&records, grace_ms, sample).map_err(with_grace)?;
        }
        self.line(format_args!("{compared}"))
    }

    /// Has everyone in a graph log in, and half of them lost, twice.
    ///
    /// # Errors
    /// As [`trace`](Self::trace).
    pub fn graph(&mut self, path: &Path) -> Result<(), String> {
        let named = |fault| format!("{}: {fault}", path.display());
        let graph = friends::read(&mut *lines::open(path)?).map_err(named)?;
        let counted = friends::lose_half(&graph).map_err(named)?;
        self.line(format_args!(
            "{} people, {} friendships: everyone logs in and publishes",
            counted.people, counted.friendships
        ))?;
        self.line(format_args!(
            "  {} lost at once and back within the grace: {} notices",
            counted.returned, counted.told_of_return
        ))?;
        self.line(format_args!(
            "  {} lost at once and never back: {} friends are told, each once; 0 differences",
            counted.gone, counted.told_of_gone
        ))?;
        let edges = counted.edges;
        self.line(format_args!(
            "  {} edges, {} online and {} offline in turn, none within a grace; {} hidden by it",
            edges.online + edges.offline(),
            edges.online,
            edges.offline(),
            2 * edges.hidden
        ))
    }

    fn whole(&mut self, grace_ms: u64, whole: &Whole) -> Result<(), String> {
        let Whole { tally, told, edges, inputs, refusals, peak_bytes, left_bytes } = whole;
        self.line(format_args!("grace {} s", grace_ms / 1_000))?;
        self.line(format_args!(
            "  {inputs} inputs, {refusals} refused; {} joins taken over, {} strays",
            tally.takeovers, tally.strays
        ))?;
        let percent = 100.0 * tally.hidden as f64 / tally.lost.max(1) as f64;
        self.line(format_args!(
            "  {} connections lost, {} of them back in time: flaps hidden, {percent:.1} %",
            tally.lost, tally.hidden
        ))?;
        self.line(format_args!(
            "  {} notices ({} presences, {} offline) to {} receivers; {} snapshots of {} entries",
            told.presences + told.offline,
            told.presences,
            told.offline,
            told.receivers,
            told.snapshots,
            told.entries
        ))?;
        self.line(format_args!(
            "  {} edges, {} online and {} offline in turn: {} said outright, {} as the grace was \
             over, none within it; {} hidden by it",
            edges.online + edges.offline(),
            edges.online,
            edges.offline(),
            edges.outright,
            edges.over,
            2 * edges.hidden
        ))?;
        self.line(format_args!(
            "  at most {} users, {} audience entries, {peak_bytes} bytes; {left_bytes} bytes when \
             all had left; 0 differences",
            tally.peak_users, tally.peak_entries
        ))
    }

    pub(crate) fn line(&mut self, text: std::fmt::Arguments<'_>) -> Result<(), String> {
        writeln!(self.out, "{text}").map_err(|error| format!("nobody reads the report: {error}"))
    }
}

/// Takes the whole trace through an engine by itself.
///
/// # Errors
/// The first difference, with the event that led to it.
pub fn whole(records: &[Record], grace_ms: u64) -> Result<Whole, String> {
    let config = channel::config(grace_ms).map_err(|error| error.to_string())?;
    let mut channel = Channel::new(Alone::new(config), usize::MAX);
    for (nth, record) in (1_u64..).zip(records) {
        channel.record(*record).map_err(|fault| format!("at event {nth}: {fault}"))?;
    }
    channel.close()?;
    let Channel { door, tally, .. } = &channel;
    door.engine().verify()?;
    door.edges.finish()?;
    let stats = door.engine().stats();
    Ok(Whole {
        tally: *tally,
        told: door.told,
        edges: door.edges.tally,
        inputs: stats.inputs,
        refusals: stats.refusals,
        peak_bytes: door.peak_bytes,
        left_bytes: door.bytes,
    })
}
