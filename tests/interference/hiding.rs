//! Why one user may not see another, and what keeps it so.

use adsum::{Join, SessionId, TopicBlocks, TopicKey, View};
use adsum_model::topics::{Place, Service, Topic};
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

/// Returns whether a place in a topic is told nothing but what another one is that is not this
/// user's, and whenever that is: ticks are then as they would be without it (a Not yet of rule T6).
fn views_as_another(model: &Model, topic: &Topic, place: &Place, user: User) -> bool {
    let is_like = |(id, other): (&SessionId, &Place)| {
        model.sessions[id].user != user && other.view == place.view && other.named.is_empty()
    };
    !topic.is_told(place) || place.named.is_empty() && topic.places.iter().any(is_like)
}

/// Returns whether a user views something in a topic that nobody else does.
pub(crate) fn views_alone(model: &Model, user: User) -> bool {
    let mut places = model.topics.values().flat_map(|topic| {
        topic.places.iter().map(move |(id, place)| (topic, model.sessions[id].user, place))
    });
    places.any(|(topic, of, place)| of == user && !views_as_another(model, topic, place, user))
}

/// Returns whether it makes no difference to others that a user begins to view so: another does,
/// and what is new to that one is being gathered already, so that nothing begins earlier.
fn may_begin_to_view(model: &Model, topic: &Topic, user: User, view: View) -> bool {
    let is_like = |(id, other): &(&SessionId, &Place)| {
        model.sessions[*id].user != user && other.view == view && other.named.is_empty()
    };
    let like = topic.places.iter().find(is_like);
    like.is_some_and(|(_, like)| match topic.service(like) {
        Service::Never | Service::Live => true,
        service => topic.tick(service).is_some(),
    })
}

/// Returns the same of the topic of this key.
fn may_look(model: &Model, key: TopicKey, user: User, view: View) -> bool {
    let mut topics = model.topics.values();
    topics.any(|topic| topic.key == key && may_begin_to_view(model, topic, user, view))
}

/// Leaves of an input of a user who is invisible what makes no difference to others. Returns
/// whether that is anything.
fn keep_unseen(event: &mut Event, model: &Model, user: User) -> bool {
    match event {
        Event::Join { topic, join, .. } => {
            let (Join::Member { view, .. } | Join::Observer { view }) = join;
            let mut topics = model.topics.get(topic).into_iter();
            if !topics.any(|topic| may_begin_to_view(model, topic, user, *view)) {
                *view = View::Nothing;
            }
            true
        }
        Event::Look { topic, view, .. } => {
            *view == View::Nothing || may_look(model, *topic, user, *view)
        }
        Event::LookAt { .. } | Event::Visible { .. } => false,
        _ => true,
    }
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
        let mut members = model.topics.values().flat_map(|topic| topic.places.keys());
        let may_be_seen = match self {
            Self::Invisible => views_alone(model, hidden),
            Self::BlocksObserver | Self::IsBlocked if hides_in_topics(model) => false,
            _ => members.any(|id| model.sessions[id].user == hidden),
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
            // Once offline it would be visible when it returns.
            (Self::Invisible, _) if is_hiddens && !model.is_invisible(hidden) => return None,
            (Self::Invisible, event) if is_hiddens => {
                return keep_unseen(event, model, hidden).then(|| event.clone());
            }
            _ => {}
        }
        Some(event)
    }
}
