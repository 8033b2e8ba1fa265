//! What the fuzz targets share: they count what they have done.

use std::sync::atomic::{AtomicU64, Ordering};

static OPERATIONS: AtomicU64 = AtomicU64::new(0);
static EXECUTIONS: AtomicU64 = AtomicU64::new(0);

/// A line is printed whenever so many operations more have been done.
const EVERY: u64 = 100_000;

/// Counts one execution without a fault, so many operations long.
///
/// The totals are printed now and then, and at the process's end.
pub fn count(operations: u64) {
    EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    let before = OPERATIONS.fetch_add(operations, Ordering::Relaxed);
    if before == 0 {
        AT_EXIT.with(|_| {});
    }
    if before / EVERY != (before + operations) / EVERY {
        print_totals();
    }
}

fn print_totals() {
    let (operations, executions) =
        (OPERATIONS.load(Ordering::Relaxed), EXECUTIONS.load(Ordering::Relaxed));
    eprintln!("{operations} operations in {executions} executions, no fault");
}

/// libFuzzer ends the process by `exit`, which returns from nowhere but does drop what belongs to
/// the main thread. After a fault it does not come to that.
struct AtExit;

impl Drop for AtExit {
    fn drop(&mut self) {
        print_totals();
    }
}

thread_local! {
    static AT_EXIT: AtExit = const { AtExit };
}
