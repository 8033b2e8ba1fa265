//! The processor time of a process, to the nanosecond where the system tells.

use std::collections::HashMap;
use std::time::Duration;

use crate::usage::Usage;

/// What a process has used so far: the time of each of its threads, which Linux counts in
/// nanoseconds, and the time of the process, which it counts in hundredths of a second.
pub(super) struct CpuTime {
    threads: HashMap<String, u64>,
    process: Duration,
}

impl CpuTime {
    /// Returns what a process has used, if the system tells.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let process = Usage::of(pid)?.cpu;
        Some(Self { threads: threads(pid).unwrap_or_default(), process })
    }

    /// Returns what it has used since then. A thread that has ended meanwhile does not count.
    pub(super) fn since(&self, before: &Self) -> Duration {
        if self.threads.is_empty() {
            return self.process.saturating_sub(before.process);
        }
        let used = self.threads.iter().map(|(thread, now)| {
            now.saturating_sub(before.threads.get(thread).copied().unwrap_or_default())
        });
        Duration::from_nanos(used.sum())
    }
}

/// Returns the threads of a process and how many nanoseconds each of them has run.
fn threads(pid: u32) -> Option<HashMap<String, u64>> {
    let mut threads = HashMap::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let entry = entry.ok()?;
        // It may have ended by now.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("schedstat")) else { continue };
        let ran = stat.split_whitespace().next()?.parse().ok()?;
        threads.insert(entry.file_name().into_string().ok()?, ran);
    }
    Some(threads)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_is_counted_and_idleness_is_not() {
        let before = CpuTime::of(std::process::id()).unwrap();
        let worker = std::thread::spawn(|| {
            let start = Instant::now();
            let mut sum = 0u64;
            while start.elapsed() < Duration::from_millis(200) {
                sum = std::hint::black_box(sum.wrapping_add(1));
            }
            CpuTime::of(std::process::id()).unwrap()
        });
        let used = worker.join().unwrap().since(&before);
        // The machine may be busy with other things, and other tests run in this process too.
        assert!(used >= Duration::from_millis(20), "{used:?}");
        let again = CpuTime::of(std::process::id()).unwrap();
        assert_eq!(again.since(&again), Duration::ZERO);
    }
}
