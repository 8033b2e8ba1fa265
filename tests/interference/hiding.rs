//! Why one user may not see another, and what keeps it so.

use adsum_model::{Event, Model, User};
use std::collections::BTreeSet;

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
        is_hidden && told.is_disjoint(&own) && !unaware
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
            (Self::BlocksObserver, Event::Unblock { user, other })
                if (*user, *other) == (hidden, observer) =>
            {
                return None;
            }
            (Self::IsBlocked, Event::Unblock { user, other })
                if (*user, *other) == (observer, hidden) =>
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
            (Self::Invisible, Event::Visible { .. }) if is_hiddens => return None,
            // Once offline it would be visible when it returns.
            (Self::Invisible, _) if is_hiddens && !model.is_invisible(hidden) => return None,
            _ => {}
        }
        Some(event)
    }
}
