//! What the model holds of topics: who is in them, what each views, and what the next tick tells
//! (rules T1 to T15).

mod standing;

pub use standing::Standing;

use crate::User;
use crate::decision::Why;
use crate::timer::Timer;
use adsum::{SessionId, TopicBlocks, TopicKey, TopicOptions, View};
use std::collections::{BTreeMap, BTreeSet};

/// Counts and samples are told no more often.
const SLOWEST_MS: u32 = 200;

/// How a session is in a topic.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which of the topics of its session it was that it joined first, and so on.
    pub joined: u64,
    pub is_member: bool,
    /// What it shows here, once that is not what it publishes.
    pub presence: Option<u32>,
    pub view: View,
    /// Whom it looks at by name.
    pub named: BTreeSet<User>,
    /// What there was to be seen when it was sent another view than before, since the last tick.
    pub before: Option<Known>,
    /// Whether it is sent a snapshot at the next tick.
    pub is_new: bool,
    /// Whether it has been sent one since the last tick, too.
    pub is_told: bool,
    /// Whether it has got congested since, and the tick has not come.
    pub is_late: bool,
    /// Whether it was to be told something while it was congested.
    pub is_dirty: bool,
    /// Whether it may have been told something then that it knew.
    pub may_be_dirty: bool,
    /// Whether something that it said holds, and until when if it has an end.
    pub said: Option<Option<Timer>>,
    /// The rate of its updates: the moment up to which tokens are spent.
    pub tat: u64,
    /// The update that waits for its token, and the moment at which that is there.
    pub waiting: Option<(u32, Timer)>,
}

/// What is known of a topic by a snapshot that came while a tick gathered.
#[derive(Clone, Debug)]
pub struct Known {
    pub standing: Standing,
    /// How many of the tick's changes it told.
    pub changes: usize,
    /// Sessions that have gone since.
    pub gone: BTreeSet<SessionId>,
}

impl Known {
    /// What is known by a snapshot, before the tick gathers anything.
    pub const fn of(standing: Standing) -> Self {
        Self { standing, changes: 0, gone: BTreeSet::new() }
    }

    /// Returns whether this session is known to be there.
    pub fn has(&self, id: SessionId) -> bool {
        let members = self.standing.members.iter().flat_map(|(_, sessions)| sessions);
        !self.gone.contains(&id) && members.into_iter().any(|other| *other == id)
    }
}

/// How often a session is told what has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Never.
    Never,
    /// At once.
    Live,
    /// By the tick of those who are shown everybody.
    Fast,
    /// By the tick of all others.
    Slow,
}

/// What has been gathered since the first change after the last tick.
#[derive(Clone, Debug)]
pub struct Tick {
    pub timer: Timer,
    /// Who was there before that change.
    pub before: Standing,
    /// Sessions that have come since, or show something else, one after the other.
    pub changed: Vec<SessionId>,
    /// Those who have come since: nobody is told why they go again.
    pub new: BTreeSet<SessionId>,
    /// Those of them of whom a snapshot has told those who view all, and nobody else.
    pub new_to_others: BTreeSet<SessionId>,
    /// Who has gone since, as those know who view all.
    pub of_all: Departed,
    /// The same as the others know.
    pub of_part: Departed,
    /// Everybody of whom a session has gone since, whether or not that is told.
    pub gone: BTreeSet<User>,
}

/// Who has gone while a tick gathered, of whom those may know whom it tells.
#[derive(Clone, Debug, Default)]
pub struct Departed {
    /// Whose sessions.
    pub ended: BTreeMap<SessionId, User>,
    /// Why users have left.
    pub reasons: BTreeMap<User, Why>,
}

impl Departed {
    /// A session of this user has gone.
    pub fn note(&mut self, id: SessionId, user: User, why: Why) {
        self.ended.insert(id, user);
        self.reasons.insert(user, why);
    }
}

/// What is different in a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A member's session has come.
    Came(SessionId),
    /// It shows something else.
    Update(SessionId),
    /// It has gone.
    Gone(SessionId, Why),
    /// An observer has come or gone.
    Counts,
}

#[derive(Clone, Debug)]
pub struct Topic {
    pub key: TopicKey,
    pub options: TopicOptions,
    pub places: BTreeMap<SessionId, Place>,
    /// Users who are members and visible, and when each became one.
    pub seats: BTreeMap<User, u64>,
    pub is_large: bool,
    pub fast: Option<Tick>,
    pub slow: Option<Tick>,
}

impl Topic {
    pub const fn new(key: TopicKey, options: TopicOptions) -> Self {
        Self {
            key,
            options,
            places: BTreeMap::new(),
            seats: BTreeMap::new(),
            is_large: false,
            fast: None,
            slow: None,
        }
    }

    /// Returns the users who are members, in the order in which they became so.
    pub fn users(&self) -> Vec<User> {
        let mut users: Vec<User> = self.seats.keys().copied().collect();
        users.sort_by_key(|user| self.seats[user]);
        users
    }

    /// Returns whether blocks hide users from each other in it.
    pub fn hides(&self) -> bool {
        self.options.blocks == TopicBlocks::Hidden
    }

    /// Returns whether one with this place is told anything of the members.
    pub fn is_told(&self, place: &Place) -> bool {
        place.view != View::Nothing || !place.named.is_empty()
    }

    /// Returns what one with this place is shown of the members beside those it names.
    pub fn served(&self, place: &Place) -> View {
        match place.view {
            _ if self.hides() && self.is_told(place) => View::All,
            View::All if self.is_large => View::Sample(self.options.sample),
            view => view,
        }
    }

    pub fn service(&self, place: &Place) -> Service {
        match place.view {
            _ if self.hides() && self.is_told(place) => Service::Live,
            _ if !place.named.is_empty() => Service::Slow,
            View::Nothing => Service::Never,
            View::All if self.is_large => Service::Slow,
            View::All if self.options.coalesce_ms > 0 => Service::Fast,
            View::All => Service::Live,
            _ => Service::Slow,
        }
    }

    /// Returns whether those who view all are told each change at once.
    pub const fn is_live(&self) -> bool {
        !self.is_large && self.options.coalesce_ms == 0
    }

    /// Returns those who are told so.
    pub fn served_by(&self, service: Service) -> BTreeSet<SessionId> {
        let of =
            |(id, place): (&SessionId, &Place)| (self.service(place) == service).then_some(*id);
        self.places.iter().filter_map(of).collect()
    }

    pub fn tick(&self, service: Service) -> Option<&Tick> {
        match service {
            Service::Fast => self.fast.as_ref(),
            Service::Slow => self.slow.as_ref(),
            _ => None,
        }
    }

    /// Returns that one with this place knows the topic as it stands now.
    pub fn known(&self, place: &Place, standing: Standing) -> Known {
        let tick = self.tick(self.service(place));
        Known { changes: tick.map_or(0, |tick| tick.changed.len()), ..Known::of(standing) }
    }

    pub const fn tick_mut(&mut self, service: Service) -> &mut Option<Tick> {
        match service {
            Service::Fast => &mut self.fast,
            _ => &mut self.slow,
        }
    }

    /// Returns for how long changes are gathered.
    pub fn tick_ms(&self, service: Service) -> u64 {
        let coalesce_ms = self.options.coalesce_ms;
        u64::from(if service == Service::Slow { coalesce_ms.max(SLOWEST_MS) } else { coalesce_ms })
    }

    /// Returns whether a session was there when those who view all were sent another view, and has
    /// been since.
    pub fn has_told_of(&self, id: SessionId) -> bool {
        let mut told = self.places.values().filter(|place| place.view == View::All);
        told.any(|place| place.before.as_ref().is_some_and(|known| known.has(id)))
    }

    /// Returns those who view all and name nobody.
    pub fn viewers_of_all(&self) -> BTreeSet<SessionId> {
        let all = self.places.iter();
        let all = all.filter(|(_, place)| place.view == View::All && place.named.is_empty());
        all.map(|(id, _)| *id).collect()
    }

    /// Returns whether it has so many users that those who view all are served a sample.
    pub fn should_be_large(&self) -> bool {
        let (users, most) = (self.seats.len() as u64, u64::from(self.options.full_up_to));
        let is_so = if self.is_large { users * 5 >= most * 4 } else { users > most };
        is_so && !self.hides()
    }
}

impl Place {
    /// Returns everything that it has set and that comes by itself.
    pub fn timers(&self) -> impl Iterator<Item = Timer> {
        let token = self.waiting.map(|(_, timer)| timer);
        token.into_iter().chain(self.said.flatten())
    }
}
