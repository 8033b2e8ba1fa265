//! A trace as a topic, whole and beside the model, under several settings.

use crate::beside::{Compared, LIMIT, Sample, in_stretches};
use crate::channel::{self, Door};
use crate::report::Report;
use crate::room::{Room, Tally};
use crate::trace::{self, Record};
use crate::viewers::{Told, Viewers};
use crate::{lines, viewer};
use adsum::{Config, Options, Time, TopicOptions, View};
use adsum_model::World;
use std::io::Write;
use std::path::Path;

/// Nobody is too many.
const ANY: u32 = 100_000;

/// How a topic is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub grace_ms: u64,
    pub coalesce_ms: u32,
    /// With more users, those who view all are shown a sample.
    pub full_up_to: u32,
}

/// The settings that are compared.
pub const SETTINGS: [Setting; 7] = [
    Setting { grace_ms: 0, coalesce_ms: 0, full_up_to: ANY },
    Setting { grace_ms: 0, coalesce_ms: 1_000, full_up_to: ANY },
    Setting { grace_ms: 60_000, coalesce_ms: 0, full_up_to: ANY },
    Setting { grace_ms: 60_000, coalesce_ms: 1_000, full_up_to: ANY },
    Setting { grace_ms: 60_000, coalesce_ms: 60_000, full_up_to: ANY },
    Setting { grace_ms: 0, coalesce_ms: 0, full_up_to: 100 },
    Setting { grace_ms: 60_000, coalesce_ms: 1_000, full_up_to: 100 },
];

/// The views of the observers, in a topic of any size and in one of a few members.
const VIEWS: [View; 3] = [View::All, View::Sample(20), View::Count];
const FEW_VIEWS: [View; 3] = [View::All, View::Sample(5), View::Count];
/// What counts as large where there are [`LIMIT`] members at most.
const FEW: TopicOptions = TopicOptions {
    full_up_to: 8,
    sample: 3,
    coalesce_ms: 0,
    max_members: 1_000,
    blocks: adsum::TopicBlocks::Ignored,
};

impl Setting {
    /// Returns the options of an engine with topics of any size, or of a few members.
    ///
    /// # Errors
    /// A grace or a tick that no engine allows.
    pub fn config(self, is_few: bool) -> Result<Config, String> {
        let config = channel::config(self.grace_ms).map_err(|error| error.to_string())?;
        let coalesce_ms = self.coalesce_ms;
        let topics = match is_few && self.full_up_to < ANY {
            true => TopicOptions { coalesce_ms, ..FEW },
            false => {
                TopicOptions { full_up_to: self.full_up_to, coalesce_ms, ..Default::default() }
            }
        };
        let options = Options { topics, ..config.options().clone() };
        Config::new(options).map_err(|error| error.to_string())
    }
}

/// What the engine did with a whole trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    pub tally: Tally,
    pub told: Told,
    pub inputs: u64,
    /// How often somebody became a member, and how often one was none any more.
    pub joined: u64,
    pub left: u64,
    pub views: [(View, viewer::Tally); 3],
}

/// Takes the whole trace through an engine by itself, with an observer of each view.
///
/// # Errors
/// The first difference, with the event that led to it.
pub fn whole(records: &[Record], setting: Setting) -> Result<Whole, String> {
    let mut room = Room::new(Viewers::new(setting.config(false)?, VIEWS), usize::MAX, VIEWS);
    room.open(records.first().map_or(Time::ZERO, |first| first.at))?;
    for (nth, record) in (1_u64..).zip(records) {
        room.record(*record).map_err(|fault| format!("at event {nth}: {fault}"))?;
    }
    room.close_members()?;
    room.door.finish()?;
    room.close()?;
    let Room { door, tally, .. } = &room;
    door.vacated()?;
    Ok(Whole {
        tally: *tally,
        told: door.told,
        inputs: door.engine().stats().inputs,
        joined: door.members.joined,
        left: door.members.left,
        views: door.viewers.each_ref().map(|viewer| (viewer.wished, viewer.tally)),
    })
}

/// Compares stretches of a trace with the model, which also has a receiver for each session.
///
/// # Errors
/// The first difference, with all that led to it.
pub fn compare(records: &[Record], setting: Setting, sample: Sample) -> Result<Compared, String> {
    in_stretches(records, sample, |stretch| compare_stretch(stretch, setting))
}

fn compare_stretch(records: &[Record], setting: Setting) -> Result<Compared, String> {
    let world = World::new(setting.config(true)?.options().clone());
    let mut room = Room::new(world, LIMIT, FEW_VIEWS);
    room.open(records.first().map_or(Time::ZERO, |first| first.at))?;
    for record in records {
        room.record(*record)?;
    }
    room.close_members()?;
    room.close()?;
    let (tally, stats) = (room.tally, room.door.host.engine.stats());
    Ok(Compared {
        stretches: 1,
        events: tally.events - tally.left_out - tally.strays,
        inputs: stats.inputs,
        notices: stats.notices,
        hidden: tally.hidden,
    })
}

impl<W: Write> Report<W> {
    /// Replays a trace as a topic under each setting.
    ///
    /// # Errors
    /// A line that is not of the form, or the first difference.
    pub fn topics(&mut self, path: &Path, sample: Sample) -> Result<(), String> {
        let records = trace::read(&mut *lines::open(path)?)
            .map_err(|fault| format!("{}: {fault}", path.display()))?;
        self.line(format_args!("{} events, in a channel that is a topic", records.len()))?;
        let mut compared = Compared::default();
        for setting in SETTINGS {
            let with = |fault| format!("with {setting:?}, {fault}");
            self.whole_topic(setting, &whole(&records, setting).map_err(with)?)?;
            compared += compare(&records, setting, sample).map_err(with)?;
        }
        self.line(format_args!("{compared}"))
    }

    fn whole_topic(&mut self, setting: Setting, whole: &Whole) -> Result<(), String> {
        let Setting { grace_ms, coalesce_ms, full_up_to } = setting;
        let Whole { tally, told, inputs, joined, left, views } = whole;
        self.line(format_args!(
            "grace {} s, ticks of {coalesce_ms} ms, all are shown up to {full_up_to}",
            grace_ms / 1_000
        ))?;
        self.line(format_args!(
            "  {inputs} inputs: {joined} joined, {left} left, {} taken over, {} strays; {} frames \
             to {} receivers; at most {} users",
            tally.takeovers, tally.strays, told.frames, told.receivers, tally.peak_users
        ))?;
        self.line(format_args!(
            "  {} connections lost, {} of them back in time; {} netsplits, the largest of {}",
            tally.lost, tally.hidden, tally.netsplits, tally.largest_netsplit
        ))?;
        self.line(format_args!(
            "  {:<10} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9} {:>7} {:>9} {:>8}",
            "view",
            "ticks",
            "notices",
            "snapshots",
            "switches",
            "shown",
            "gone",
            "unseen",
            "most gone",
            "of split"
        ))?;
        for (view, of) in views {
            self.line(format_args!(
                "  {:<10} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9} {:>7} {:>9} {:>8}",
                format!("{view:?}"),
                of.ticks,
                of.notices,
                of.snapshots,
                of.switches,
                of.shown,
                of.gone,
                of.unseen,
                of.largest_tick,
                of.largest_netsplit
            ))?;
        }
        Ok(())
    }
}
