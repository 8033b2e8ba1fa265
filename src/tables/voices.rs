//! What contacts are told of users who are told as one (rules U1 to U7), and when a person last did
//! something on each session.
//!
//! Only an engine that was given a function to choose by has any of this.

use crate::tables::ids::{Place, SessionIndex};
use crate::tables::timers::Timed;
use crate::tables::timers::sparse::Sparse;
use crate::time::Time;

/// When something was done on a session, but for a sign that is the last that was heard of it: the
/// session's record has that one, and so most signs touch nothing here.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
pub(crate) struct Signs {
    /// When a person last did something on it, and which input that was.
    pub(crate) active: Time,
    pub(crate) order: u64,
    /// Since when it shows what it shows.
    pub(crate) published: Time,
    /// Whether nobody has done anything on it for so long that it is idle.
    pub(crate) is_idle: bool,
}

/// The one state of a user that contacts were told last, or would have been if they saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Voice {
    /// The session that speaks for the user. `None` if it has ended, and another is about to be
    /// chosen.
    pub(crate) session: Option<SessionIndex>,
    /// If the user is idle, since when.
    pub(crate) idle_since: Option<Time>,
}

impl Timed for Place {
    fn of(number: u32) -> Self {
        Self(number)
    }

    fn number(self) -> u32 {
        self.0
    }
}

impl Signs {
    const NONE: Self = Self {
        active: Time::from_millis(0),
        order: 0,
        published: Time::from_millis(0),
        is_idle: false,
    };
}

pub(crate) struct Voices {
    /// Whether contacts are told one state of each user.
    pub(crate) is_on: bool,
    /// By session and by place, as far as there was anything: the first who is told as one may come
    /// after a crowd that showed nothing.
    signs: Sparse<Signs>,
    voices: Sparse<Option<Voice>>,
}

impl Voices {
    pub(crate) const fn new() -> Self {
        Self { is_on: false, signs: Sparse::new(), voices: Sparse::new() }
    }

    #[inline]
    pub(crate) fn signs(&self, session: SessionIndex) -> Signs {
        self.signs.get(session.0 as usize).copied().unwrap_or_default()
    }

    #[inline]
    pub(crate) fn signs_mut(&mut self, session: SessionIndex) -> &mut Signs {
        self.signs.entry(session.0 as usize, &Signs::NONE)
    }

    /// Returns what contacts are told of the user at this place.
    #[inline]
    pub(crate) fn voice(&self, place: Place) -> Option<Voice> {
        self.voices.get(place.0 as usize).copied().flatten()
    }

    /// Returns the same, part by part.
    #[inline]
    pub(crate) fn said(&self, place: Place) -> Option<(Option<SessionIndex>, Option<Time>)> {
        let voice = self.voices.get(place.0 as usize)?.as_ref()?;
        Some((voice.session, voice.idle_since))
    }

    pub(crate) fn set_voice(&mut self, place: Place, voice: Option<Voice>) {
        *self.voices.entry(place.0 as usize, &None) = voice;
    }

    /// Notes what contacts are told of the user at this place. Returns whether it was nothing.
    #[inline]
    pub(crate) fn let_speak(&mut self, place: Place, voice: Voice) -> bool {
        let said = self.voices.entry(place.0 as usize, &None);
        let is_first = said.is_none();
        *said = Some(voice);
        is_first
    }

    /// Has a session that shows nothing any more speak for nobody.
    pub(crate) fn silence(&mut self, place: Place, session: SessionIndex) {
        if let Some(voice) = self.voice(place).filter(|voice| voice.session == Some(session)) {
            self.set_voice(place, Some(Voice { session: None, ..voice }));
        }
    }

    /// Forgets what was kept of the user at this place.
    pub(crate) fn clear(&mut self, place: Place) {
        if self.voice(place).is_some() {
            self.set_voice(place, None);
        }
    }

    /// Notes that a user has another place.
    pub(crate) fn move_to(&mut self, from: Place, to: Place) {
        let voice = self.voice(from);
        if voice.is_some() {
            self.set_voice(to, voice);
            self.set_voice(from, None);
        }
    }

    /// Gives back what only a past peak needed: there are so many places and sessions.
    pub(crate) fn shrink_to(&mut self, places: usize, sessions: usize) {
        self.voices.shrink_to(|place, voice| place < places && voice.is_some());
        self.signs.shrink_to(|session, _| session < sessions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::steps;

    #[test]
    fn what_only_a_crowd_needed_is_given_back() {
        let mut voices = Voices::new();
        let voice = Voice { session: Some(SessionIndex(1)), idle_since: None };
        for at in 0..5_000 {
            voices.set_voice(Place(at), Some(voice));
            voices.signs_mut(SessionIndex(at)).is_idle = true;
        }
        voices.shrink_to(2, 3);
        assert!(voices.voice(Place(1)) == Some(voice) && voices.signs(SessionIndex(2)).is_idle);
        assert!(voices.voice(Place(4_000)).is_none() && !voices.signs(SessionIndex(4_000)).is_idle);
        voices.shrink_to(0, 0);
        assert!(voices.voice(Place(1)).is_none() && !voices.signs(SessionIndex(2)).is_idle);
    }

    /// Whoever comes after a crowd that is told nothing of does not make room for all of them.
    #[test]
    fn the_first_after_a_crowd_takes_a_few_steps() {
        let mut voices = Voices::new();
        let steps = steps::tests::of(|| {
            voices.signs_mut(SessionIndex(1_000_000)).is_idle = true;
            voices.set_voice(Place(1_000_000), None);
        });
        assert!(steps <= 1_000, "{steps}");
    }
}
