//! The engine's clock: whatever the host says.

/// A moment, in milliseconds from an origin that the host chooses.
///
/// Every verb takes one as `now`. The engine reads no clock: only the differences between the
/// moments it is given matter. A `now` earlier than one already given counts as that later one.
/// So the host may leave out the stretches in which it did not run itself (a paused machine, a
/// thread that got no turn): else the leases of all who sent heartbeats meanwhile have lapsed
/// before the first of these is read.
///
/// Sums saturate at [`Time::MAX`], which is therefore a moment like any other and not "never".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Time(u64);

impl Time {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// The last moment there is, some 584 million years from the origin.
    pub const MAX: Self = Self(u64::MAX);

    /// Returns the moment `millis` milliseconds from the origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds from the origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the moment `millis` after this one, at most [`Time::MAX`].
    #[must_use]
    pub const fn saturating_add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Returns the moment `millis` before this one, at least [`Time::ZERO`].
    #[must_use]
    pub const fn saturating_sub(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }

    /// Returns the milliseconds from `earlier` to this moment, zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
