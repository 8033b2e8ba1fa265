//! Which processor cores are the server's, and which one the readers'.
//!
//! In earnest clients are on other machines. Here the system likes to run whoever is woken on the
//! core of whoever woke them: a reader would not read before the server has written to all, and
//! both would be measured one after the other.

/// Leaves the last core to the readers: what this thread starts from now on runs on the others.
/// Does nothing where there is one core only, or the system has no such choice.
pub fn leave_the_last() {
    choose(|core, last| core < last);
}

/// Runs this thread on the last core from now on.
pub fn take_the_last() {
    choose(|core, last| core == last);
}

#[cfg(target_os = "linux")]
fn choose(is_chosen: impl Fn(usize, usize) -> bool) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    // Those that may be used at all; the main thread may have been given some already.
    let pid = rustix::process::getpid();
    let allowed = *ALLOWED.get_or_init(|| sched_getaffinity(Some(pid)).unwrap_or_default());
    let cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let Some(last) = cores.clone().next_back().filter(|_| allowed.count() > 1) else { return };
    let mut chosen = CpuSet::new();
    cores.filter(|core| is_chosen(*core, last)).for_each(|core| chosen.set(core));
    // Where it is forbidden, all run wherever they like.
    let _ = sched_setaffinity(None, &chosen);
}

#[cfg(target_os = "linux")]
static ALLOWED: std::sync::OnceLock<rustix::thread::CpuSet> = std::sync::OnceLock::new();

#[cfg(not(target_os = "linux"))]
fn choose(_: impl Fn(usize, usize) -> bool) {}
