//! How long calls took: every one of them, so that the same call of another run can be compared.

use cpu_time::ThreadTime;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// From so long on the processor time is asked for: shorter work is seldom interrupted, and then
/// it is longer than this.
const LONG: Duration = Duration::from_micros(20);

/// Returns what a call returns, and how long it took: in processor time of this thread if it was
/// long.
#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub(crate) fn timed<T>(call: impl FnOnce() -> T) -> (u32, T) {
    let start_of_work = ThreadTime::now();
    let start = Instant::now();
    let done = call();
    let mut time = start.elapsed();
    if time >= LONG {
        time = time.min(start_of_work.elapsed());
    }
    (u32::try_from(time.as_nanos()).unwrap_or(u32::MAX), done)
}

/// The calls of one verb, in their order.
#[derive(Clone, Default)]
pub(crate) struct Series {
    pub(crate) nanos: Vec<u32>,
    /// Where each bucket of the population starts in them.
    starts: Vec<u32>,
}

impl Series {
    pub(crate) fn begin_bucket(&mut self) {
        self.starts.push(self.nanos.len() as u32);
    }

    /// The calls of each bucket.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = &[u32]> {
        let ends = self.starts.iter().skip(1).copied().chain([self.nanos.len() as u32]);
        self.starts.iter().zip(ends).map(|(start, end)| &self.nanos[*start as usize..end as usize])
    }

    /// The number of the bucket in which a call is.
    pub(crate) fn bucket_of(&self, call: usize) -> usize {
        self.starts.partition_point(|start| *start as usize <= call).saturating_sub(1)
    }

    /// Lets the least time of each call count. Another run has done the same calls.
    pub(crate) fn take_least(&mut self, other: &Self) {
        assert_eq!(self.starts, other.starts, "both runs do the same");
        assert_eq!(self.nanos.len(), other.nanos.len(), "both runs do the same");
        for (least, nanos) in self.nanos.iter_mut().zip(&other.nanos) {
            *least = (*least).min(*nanos);
        }
    }

    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        for list in [&self.starts, &self.nanos] {
            to.write_all(&(list.len() as u32).to_le_bytes())?;
            for number in list {
                to.write_all(&number.to_le_bytes())?;
            }
        }
        Ok(())
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut number = || {
            let mut bytes = [0; 4];
            from.read_exact(&mut bytes).map(|()| u32::from_le_bytes(bytes))
        };
        let mut list = || {
            let count = number()?;
            (0..count).map(|_| number()).collect::<io::Result<Vec<u32>>>()
        };
        let starts = list()?;
        Ok(Self { nanos: list()?, starts })
    }
}

/// The time that so many of a thousand calls, or of ten thousand, do not exceed.
pub(crate) fn quantile(sorted: &[u32], share: f64) -> u32 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}
