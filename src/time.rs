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
///
/// A clock that leaves those stretches out:
///
/// ```
/// use adsum::Time;
///
/// struct Clock {
///     left_out_ms: u64,
/// }
///
/// impl Clock {
///     /// Returns the moment, where the system's monotonic clock has come to `elapsed_ms` and the
///     /// engine's deadline is `due`. What comes more than a second late did not count.
///     fn now(&mut self, elapsed_ms: u64, due: Option<Time>) -> Time {
///         let now = Time::from_millis(elapsed_ms - self.left_out_ms);
///         let late_ms = due.map_or(0, |due| now.since(due)).saturating_sub(1_000);
///         self.left_out_ms += late_ms;
///         now.saturating_sub(late_ms)
///     }
/// }
///
/// let mut clock = Clock { left_out_ms: 0 };
/// let due = Time::from_millis(5_000);
/// assert_eq!(clock.now(5_400, Some(due)), Time::from_millis(5_400));
/// assert_eq!(clock.now(65_000, Some(due)), Time::from_millis(6_000));
/// assert_eq!(clock.now(65_100, None), Time::from_millis(6_100));
/// ```
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
