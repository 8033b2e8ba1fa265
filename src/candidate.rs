//! One state a user: who chooses which of a user's sessions speaks for it.

use crate::key::DeviceKind;
use crate::time::Time;

/// Chooses which of a user's sessions speaks for it, by its place in the list
/// ([rule U1](crate::rules#rule-u1-one-state-a-user)).
///
/// The candidates are those that show something, in the order in which they connected: at least
/// two of them, since one alone speaks for itself. It must be pure: the same candidates, the same
/// choice. A place behind the end counts as the first. If it panics, what the user's contacts were
/// told stays, and the engine is right and usable.
///
/// ```
/// use adsum::{Candidate, Config, Engine};
///
/// /// The busiest speaks; of those as busy, the one that said so last.
/// fn busiest(candidates: &[Candidate<'_, u8>]) -> usize {
///     let by_rank = |at: &usize| (*candidates[*at].presence, candidates[*at].published);
///     (0..candidates.len()).max_by_key(by_rank).unwrap_or(0)
/// }
/// let hasher = adsum::DefaultHashBuilder::default();
/// let engine = Engine::<String, u8>::with_representative(Config::default(), hasher, busiest);
/// # assert_eq!(engine.users_online().count(), 0);
/// ```
pub type Represent<P> = fn(&[Candidate<'_, P>]) -> usize;

/// A session that may speak for its user: it shows something.
#[derive(Debug)]
#[non_exhaustive]
pub struct Candidate<'a, P> {
    /// What kind of device it is on.
    pub kind: DeviceKind,
    /// What it shows.
    pub presence: &'a P,
    /// Since when it shows that.
    pub published: Time,
    /// If it is idle, when a person last did something on it
    /// ([rule U4](crate::rules#rule-u4-idle)).
    pub idle_since: Option<Time>,
    /// Whether it has no connection at the moment: it is detached, or has ended and what it showed
    /// is held ([rule 6](crate::rules#rule-6-the-end-of-a-session)). A function that reads this
    /// lets contacts see losses that [rule 5](crate::rules#rule-5-loss-and-resume) would have kept
    /// from them.
    pub detached: bool,
}

impl<P> Clone for Candidate<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Candidate<'_, P> {}
