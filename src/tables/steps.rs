//! Counts, for tests alone, how far the tables go to grow: the longest call must stay short.
//!
//! A step is an entry that is copied, moved or made. What a call does with its own lists does not
//! count, nor what is exempt: giving memory back, and making room for those who are announced.

/// Counts so many steps.
#[inline]
pub(crate) fn count(steps: usize) {
    #[cfg(test)]
    tests::add(steps);
    #[cfg(not(test))]
    let _ = steps;
}

#[cfg(test)]
pub(crate) mod tests {
    use core::cell::Cell;

    std::thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn add(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// Returns how many steps something takes.
    pub(crate) fn of(call: impl FnOnce()) -> usize {
        let before = STEPS.get();
        call();
        STEPS.get() - before
    }
}
