//! Functions that choose which of a user's sessions speaks for it (rule U3), as tests have them.

use crate::{Model, Payload, User};
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

impl Model {
    /// Returns those of a user's sessions that show something, in the order in which they
    /// connected.
    pub fn candidates(&self, user: User) -> Vec<SessionId> {
        let mut showing: Vec<_> = self
            .showing()
            .filter(|(_, session)| session.user == user && session.presence.is_some())
            .collect();
        showing.sort_by_key(|(_, session)| session.order);
        showing.into_iter().map(|(id, _)| id).collect()
    }

    /// Returns the session that speaks for a user, if contacts are told one state and there is
    /// one.
    pub fn chosen(&self, user: User) -> Option<SessionId> {
        let choice = self.choice?;
        let candidates = self.candidates(user);
        let shown: Vec<Candidate> = candidates.iter().map(|id| self.candidate(*id)).collect();
        let place = if shown.len() > 1 { choice.choose(&shown) } else { 0 };
        candidates.get(place).or_else(|| candidates.first()).copied()
    }

    fn candidate(&self, id: SessionId) -> Candidate {
        let session = self.shown(id).expect("it shows something");
        Candidate {
            kind: session.kind,
            presence: session.presence.expect("it shows something"),
            published: session.published,
            idle_since: session.is_idle.then_some(session.active),
            detached: !session.is_attached() || self.held.contains_key(&id),
        }
    }

    /// Returns since when a user is idle, if it is: all of its sessions are.
    pub fn idle_since(&self, user: User) -> Option<u64> {
        let of_user = || self.sessions.values().filter(|session| session.user == user);
        let last = of_user().map(|session| session.active).max();
        last.filter(|_| of_user().all(|session| session.is_idle))
    }

    /// Returns the state of a user as things stand, whoever may see it.
    pub fn state_of(&self, user: User) -> Option<State> {
        let session = self.chosen(user)?;
        let presence = self.shown(session)?.presence?;
        Some(State { session, presence, idle_since: self.idle_since(user) })
    }

    /// Returns what a session should know of others where it is told one state of each.
    pub fn states_for(&self, receiver: SessionId) -> std::collections::BTreeMap<User, State> {
        let users = self.accounts.keys().filter(|user| self.session_sees(receiver, **user));
        users.filter_map(|user| Some((*user, self.state_of(*user)?))).collect()
    }

    /// Returns when a session becomes idle, and its place in line.
    pub fn idle_timer(&self, id: SessionId) -> Option<(u64, u64)> {
        let after_ms = self.choice.and(self.options.idle_after_ms)?;
        let session = self.sessions.get(&id).filter(|session| !session.is_idle)?;
        Some((session.active.saturating_add(after_ms), session.signed))
    }
}
