//! Functions that choose which of a user's sessions speaks for it (rule U3), as tests have them.

use crate::payload::Payload;
use adsum::{Represent, SessionId};

/// How a session is chosen: by everything that such a function can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The one that connected first.
    First,
    /// The one that connected last.
    Last,
    /// The one with the highest rank; of those as high, the one that said so last.
    Highest,
    /// The one on the lowest kind of device; of those as low, the one that connected first.
    Kind,
    /// One that is not idle, or the one that has been so for the shortest time.
    LeastIdle,
    /// One with a connection. It gives up the silence of rule 5.
    Attached,
    /// A place behind the end.
    OutOfRange,
}

/// What a function is shown of a session that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub kind: u8,
    pub presence: u32,
    pub published: u64,
    pub idle_since: Option<u64>,
    pub detached: bool,
}

impl Choice {
    pub const ALL: [Self; 7] = [
        Self::Highest,
        Self::LeastIdle,
        Self::Attached,
        Self::Last,
        Self::Kind,
        Self::First,
        Self::OutOfRange,
    ];

    /// Returns the place of the one that is chosen, or one behind the end.
    pub fn choose(self, candidates: &[Candidate]) -> usize {
        let places = 0..candidates.len();
        let of = |at: usize| candidates[at];
        let place = match self {
            Self::First => Some(0),
            Self::Last => places.last(),
            // Few ranks, so that there are ties.
            Self::Highest => places.max_by_key(|at| (of(*at).presence % 4, of(*at).published)),
            Self::Kind => places.min_by_key(|at| of(*at).kind),
            Self::LeastIdle => {
                places.max_by_key(|at| of(*at).idle_since.map_or(u64::MAX, |since| since))
            }
            Self::Attached => places.min_by_key(|at| of(*at).detached),
            Self::OutOfRange => Some(candidates.len() + 3),
        };
        place.unwrap_or(0)
    }

    /// Returns it as the engine takes it.
    pub fn represent<P: Payload>(self) -> Represent<P> {
        match self {
            Self::First => by::<P, 5>,
            Self::Last => by::<P, 3>,
            Self::Highest => by::<P, 0>,
            Self::Kind => by::<P, 4>,
            Self::LeastIdle => by::<P, 1>,
            Self::Attached => by::<P, 2>,
            Self::OutOfRange => by::<P, 6>,
        }
    }
}

fn by<P: Payload, const CHOICE: usize>(candidates: &[adsum::Candidate<'_, P>]) -> usize {
    let shown = candidates.iter().map(|of| Candidate {
        kind: of.kind.0,
        presence: of.presence.said(),
        published: of.published.as_millis(),
        idle_since: of.idle_since.map(adsum::Time::as_millis),
        detached: of.detached,
    });
    Choice::ALL[CHOICE].choose(&shown.collect::<Vec<_>>())
}

/// The one state of a user, as contacts are told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    /// The session that speaks for the user.
    pub session: SessionId,
    pub presence: u32,
    pub idle_since: Option<u64>,
}

/// What contacts were told of a user last, or would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    pub session: SessionId,
    /// How often that session had shown something new by then.
    pub version: u64,
    pub idle_since: Option<u64>,
}
