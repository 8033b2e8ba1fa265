//! Counts, for tests alone, how far the tables go to grow: the longest call must stay short.
//!
//! A step is an entry that is copied, moved or made. What a call does with its own lists is counted
//! apart. What is exempt does not count: giving memory back, and making room for those who are
//! announced.

/// Counts so many steps.
#[inline]
pub(crate) fn count(steps: usize) {
    #[cfg(test)]
    tests::add(steps);
    #[cfg(not(test))]
    let _ = steps;
}

/// Counts so many entries of a user's own list that are moved in it, or passed over.
#[inline]
pub(crate) fn count_moved(entries: usize) {
    #[cfg(test)]
    tests::add_moved(entries);
    #[cfg(not(test))]
    let _ = entries;
}

/// Counts so many looks at an entry of a list of others, or at what is kept of one of them.
#[inline]
pub(crate) fn count_looks(looks: usize) {
    #[cfg(test)]
    tests::add_looks(looks);
    #[cfg(not(test))]
    let _ = looks;
}

#[cfg(test)]
pub(crate) mod tests;
