//! The processor time and memory that a process has used, where the system tells.

use std::time::Duration;

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Processor time in the program and in the system.
    pub(crate) cpu: Duration,
    pub(crate) resident_kib: u64,
}

impl Usage {
    /// Returns what this process has used.
    pub(crate) fn own() -> Option<Self> {
        Self::read("self")
    }

    /// Returns what another process has used.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::read(&pid.to_string())
    }

    #[cfg(target_os = "linux")]
    fn read(process: &str) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        Self::parse(&stat, &status, rustix::param::clock_ticks_per_second())
    }

    #[cfg(not(target_os = "linux"))]
    fn read(_: &str) -> Option<Self> {
        None
    }

    /// Reads what Linux tells of a process: see proc_pid_stat(5) and proc_pid_status(5).
    #[cfg(target_os = "linux")]
    fn parse(stat: &str, status: &str, ticks_per_second: u64) -> Option<Self> {
        // Behind the name, which may hold anything, the twelfth and thirteenth field are ticks in
        // the program and in the system.
        let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        let ticks = ticks()? + ticks()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let resident_kib = resident.trim().strip_suffix("kB")?.trim().parse().ok()?;
        let cpu = Duration::from_secs_f64(ticks as f64 / ticks_per_second as f64);
        Some(Self { cpu, resident_kib })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_fields_are_the_right_ones() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 8 7 6 300 50 5 4 20 0 3 0 100 99 88";
        let status = "Name:\ta) b\nVmHWM:\t  900 kB\nVmRSS:\t  640 kB\nThreads:\t3\n";
        let usage = Usage::parse(stat, status, 100).unwrap();
        assert_eq!((usage.cpu, usage.resident_kib), (Duration::from_millis(3_500), 640));
        // Another kernel counts in finer ticks.
        assert_eq!(Usage::parse(stat, status, 1_000).unwrap().cpu, Duration::from_millis(350));
        assert!(Usage::parse(stat, "Name:\tkthread\n", 100).is_none());
    }

    #[test]
    fn memory_is_counted() {
        let before = Usage::own().unwrap();
        let held = std::hint::black_box(vec![1u8; 64 * 1024 * 1024]);
        let after = Usage::own().unwrap();
        assert_eq!(std::hint::black_box(held).last(), Some(&1));
        // Other tests in this process take and give back memory too, though not so much.
        let grown = after.resident_kib.saturating_sub(before.resident_kib);
        assert!(grown > 24 * 1024, "{grown} KiB");
    }

    #[test]
    fn work_is_counted() {
        let before = Usage::own().unwrap();
        let start = Instant::now();
        let mut sum = 0u64;
        while start.elapsed() < Duration::from_millis(200) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let used = Usage::of(std::process::id()).unwrap().cpu - before.cpu;
        // The machine may be busy with other things.
        assert!(used >= Duration::from_millis(20), "{used:?}");
    }
}
