//! One state a user: which device speaks for its user, and what counts as a sign of a person.

use std::cmp::Reverse;

use adsum::{Candidate, Config, DefaultHashBuilder, Engine, Error, Event, SessionKey, Time};

use super::core::Core;
use crate::config::OneState;
use crate::host::command::{Node, Presence};

/// `subStatus` of a presence that answers one that asks: a client's own doing, and no sign of a
/// person.
const ANSWERS: i8 = 2;

/// What `show` says of a person on this server's page, from what is to be seen first to what is to
/// be seen last: not to be disturbed, chatting, available, away, away for longer. Whatever else an
/// application means by a number ranks as available, which is also what no number says.
const RANKS: [i16; 5] = [4, 1, AVAILABLE, 2, 3];
const AVAILABLE: i16 = 0;

/// Returns an engine that tells contacts what the settings say.
pub(crate) fn engine(rules: Config, one_state: OneState) -> Engine<Node, Presence> {
    let hasher = DefaultHashBuilder::default();
    match one_state {
        OneState::Off => Engine::with_hasher(rules, hasher),
        OneState::Newest => Engine::with_representative(rules, hasher, newest),
        OneState::Show => Engine::with_representative(rules, hasher, highest_show),
    }
}

/// Chooses the device that spoke last; of several at the same moment, the one that connected last.
fn newest(candidates: &[Candidate<'_, Presence>]) -> usize {
    let spoke = |at: &usize| candidates[*at].published;
    (0..candidates.len()).max_by_key(spoke).unwrap_or(0)
}

/// Chooses the device whose `show` ranks highest; of several, the one that spoke last.
fn highest_show(candidates: &[Candidate<'_, Presence>]) -> usize {
    let rank = |at: &usize| {
        let candidate = candidates[*at];
        (Reverse(rank_of(candidate.presence.show)), candidate.published)
    };
    (0..candidates.len()).max_by_key(rank).unwrap_or(0)
}

/// Returns the place of a `show` among those that are known.
fn rank_of(show: Option<i16>) -> usize {
    let place = |show| RANKS.iter().position(|known| *known == show);
    show.and_then(place).or_else(|| place(AVAILABLE)).unwrap_or(0)
}

impl Core {
    /// Has a frame that a person caused count as a sign of that person.
    pub(super) fn note_person(&mut self, now: Time, session: SessionKey) {
        if self.takes_signs() {
            // Refused where the frame itself is, too, which is counted then.
            let _ = self.active(now, session);
        }
    }

    /// The same of a presence that names its receivers, unless a client sent it by itself.
    pub(super) fn note_sender(&mut self, now: Time, session: SessionKey, presence: &Presence) {
        if presence.sub_status != Some(ANSWERS) {
            self.note_person(now, session);
        }
    }

    /// Says that a person did something on a session.
    pub(super) fn active(&mut self, now: Time, session: SessionKey) -> Result<(), Error> {
        self.dispatch.carry_out(self.engine.apply(now, Event::Active { session })?);
        Ok(())
    }

    fn takes_signs(&self) -> bool {
        self.engine.options().idle_after_ms.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_ranks_as_available() {
        assert!(rank_of(Some(4)) < rank_of(Some(1)) && rank_of(Some(1)) < rank_of(Some(0)));
        assert!(rank_of(Some(0)) < rank_of(Some(2)) && rank_of(Some(2)) < rank_of(Some(3)));
        for other in [None, Some(5), Some(-300)] {
            assert_eq!(rank_of(other), rank_of(Some(0)), "{other:?}");
        }
    }
}
