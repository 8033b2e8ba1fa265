//! Why one user may not see another, and what keeps it so.

use adsum::{Join, TopicBlocks, View};
use adsum_model::topics::Place;
use adsum_model::{Event, Model, User};
use std::collections::BTreeSet;

/// Returns whether blocks hide in all topics.
pub(crate) fn hides_in_topics(model: &Model) -> bool {
    model.options.topics.blocks == TopicBlocks::Hidden
}

/// Returns whether it may depend on a user, in either history, whether a topic is full for another.
fn may_be_filled_by(model: &Model, name: User, user: User) -> bool {
    let limit = model.options.topics.max_members.min(model.options.topics.full_up_to);
    let seats = model.topics.get(&name).map(|topic| topic.seats.keys());
    let others = seats.into_iter().flatten().filter(|other| **other != user).count();
    others + 1 >= limit as usize
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hiding {
    BlocksObserver,
    IsBlocked,
    Stranger,
    Invisible,
}

impl Hiding {
    pub(crate) const ALL: [Self; 4] =
        [Self::BlocksObserver, Self::IsBlocked, Self::Stranger, Self::Invisible];

    /// Returns an input that makes it so, as far as one can.
    pub(crate) fn begin(self, model: &Model, observer: User, hidden: User) -> Option<Event> {
        match self {
            Self::BlocksObserver => Some(Event::Block { user: hidden, other: observer }),
            Self::IsBlocked => Some(Event::Block { user: observer, other: hidden }),
            Self::Stranger => {
                Some(Event::AudienceRemove { user: hidden, contacts: vec![observer] })
            }
            Self::Invisible => {
                let sessions = model.sessions.values();
                let mut own = sessions.filter(|s| s.user == hidden && s.is_attached());
                own.next().map(|session| Event::Invisible { session: session.key })
            }
        }
    }

    /// Returns whether the observer sees nothing of the hidden user, and holds nothing of which it
    /// would be told that it is over.
    pub(crate) fn is_so(self, model: &Model, observer: User, hidden: User) -> bool {
        let own: BTreeSet<_> = model.keys_of(observer).into_iter().collect();
        let of_hidden = model.showing().filter(|(_, session)| session.user == hidden);
        let told: BTreeSet<_> = of_hidden.flat_map(|(_, session)| session.all_told()).collect();
        let account = model.accounts.get(&hidden);
        let unaware = account.is_some_and(|account| !account.unaware.is_disjoint(&own));
        let blocks = |user: User, other: User| {
            model.accounts.get(&user).is_some_and(|account| account.blocked.contains(&other))
        };
        let is_hidden = match self {
            Self::BlocksObserver => blocks(hidden, observer),
            Self::IsBlocked => blocks(observer, hidden),
            Self::Stranger => {
                let watches = |id| model.sessions[&id].watched.contains(&hidden);
                !model.has_in_audience(hidden, observer)
                    && !model.sessions_of(observer).into_iter().any(watches)
            }
            Self::Invisible => model.is_invisible(hidden),
        };
        // Where blocks are ignored, nothing but invisibility hides anybody in a topic; and when
        // there are ticks may depend on whether anybody is told by them (rule T6).
        let places = || {
            let topics = model.topics.values().flat_map(|topic| &topic.places);
            topics.filter(|(id, _)| model.sessions[*id].user == hidden).map(|(_, place)| place)
        };
        let views = |place: &Place| place.view > View::Nothing || !place.named.is_empty();
        let may_be_seen = match self {
            Self::Invisible => places().any(views),
            Self::BlocksObserver | Self::IsBlocked if hides_in_topics(model) => false,
            _ => places().next().is_some(),
        };
        is_hidden && told.is_disjoint(&own) && !unaware && !may_be_seen
    }

    /// Returns who has blocked whom.
    fn pair(self, observer: User, hidden: User) -> (User, User) {
        if self == Self::BlocksObserver { (hidden, observer) } else { (observer, hidden) }
    }

    /// Returns the input as it may be while it is to stay so: `None` if it may not be at all.
    pub(crate) fn keep(
        self,
        mut event: Event,
        speaker: Option<User>,
        model: &Model,
        observer: User,
        hidden: User,
    ) -> Option<Event> {
        let is_hiddens = speaker == Some(hidden);
        let strike = |list: &mut Vec<User>| list.retain(|user| *user != observer);
        let is_observers = speaker == Some(observer);
        let block = |blocked: &mut Vec<User>, other: User| {
            blocked.insert(0, other);
            blocked.truncate(model.options.max_blocked as usize);
        };
        match (self, &mut event) {
            (Self::BlocksObserver | Self::IsBlocked, Event::Unblock { user, other })
                if self.pair(observer, hidden) == (*user, *other) =>
            {
                return None;
            }
            (Self::BlocksObserver, Event::Connect { blocked, .. }) if is_hiddens => {
                block(blocked, observer);
            }
            (Self::IsBlocked, Event::Connect { blocked, .. }) if speaker == Some(observer) => {
                block(blocked, hidden);
            }
            (Self::Stranger, Event::Connect { audience: list, .. })
            | (
                Self::Stranger,
                Event::AudienceAdd { contacts: list, .. }
                | Event::AudienceReplace { contacts: list, .. },
            ) if is_hiddens => strike(list),
            (
                Self::Stranger | Self::Invisible,
                Event::Direct { users, .. } | Event::DirectFor { users, .. },
            ) if is_hiddens => strike(users),
            // A stranger whom it watches it would see.
            (Self::Stranger, Event::Watch { users, .. }) if is_observers => {
                users.retain(|user| *user != hidden);
            }
            // That a third one finds a topic full is no secret, whoever fills it.
            (Self::BlocksObserver | Self::IsBlocked, Event::Join { topic, .. })
                if !is_hiddens && !is_observers && may_be_filled_by(model, *topic, hidden) =>
            {
                return None;
            }
            (Self::BlocksObserver | Self::IsBlocked, Event::Join { .. })
                if hides_in_topics(model) => {}
            (Self::BlocksObserver | Self::IsBlocked | Self::Stranger, Event::Join { .. })
                if is_hiddens =>
            {
                return None;
            }
            (Self::Invisible, Event::Join { join, .. }) if is_hiddens => match join {
                Join::Member { view, .. } | Join::Observer { view } => *view = View::Nothing,
            },
            (
                Self::Invisible,
                Event::Look { .. } | Event::LookAt { .. } | Event::Visible { .. },
            ) if is_hiddens => return None,
            // Once offline it would be visible when it returns.
            (Self::Invisible, _) if is_hiddens && !model.is_invisible(hidden) => return None,
            _ => {}
        }
        Some(event)
    }
}
