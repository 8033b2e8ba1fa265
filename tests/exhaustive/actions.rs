//! The inputs that sequences are made of.

use adsum::{DeviceKind, LostCause, SessionKey, Time};
use adsum_model::state::Stale;
use adsum_model::{Event, Model, User};

/// A session by its place among its user's, or the last key that became stale: because its session
/// ended, or because a resume began another attachment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Nth(User, usize),
    Ended,
    Replaced,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Disconnect,
    Lost,
    TimedOut,
    /// With a grace of this one loss.
    Leaves,
    Resume,
    Heartbeat,
    Active,
    Publish,
    /// For five milliseconds, then something else.
    PublishThen,
    /// For five milliseconds, then nothing.
    PublishBriefly,
    Withdraw,
    Direct,
    /// For six milliseconds.
    DirectFor,
    /// The other user.
    Watch,
    Unwatch,
    Invisible,
    Visible,
    Congested,
    Writable,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// With the other user as a contact, or with nobody.
    Connect(User, bool),
    Session(Verb, Who),
    AudienceAdd(User),
    AudienceRemove(User),
    Block(User),
    Unblock(User),
    Expel(User),
    /// To both users.
    System,
    /// To the next deadline.
    Advance,
    /// A millisecond further, without a call of `advance` for what is due then.
    HeartbeatLater(Who),
}

const USERS: [User; 2] = [0, 1];

const fn other(user: User) -> User {
    1 - user
}

impl Action {
    pub(crate) fn all() -> Vec<Self> {
        use Verb::{
            Active, Congested, Direct, DirectFor, Disconnect, Heartbeat, Invisible, Leaves, Lost,
            Publish, PublishBriefly, PublishThen, Resume, TimedOut, Unwatch, Visible, Watch,
            Withdraw, Writable,
        };
        let mut all = vec![Self::Advance, Self::System, Self::HeartbeatLater(Who::Nth(0, 0))];
        for user in USERS {
            all.extend([Self::Connect(user, true), Self::Connect(user, false)]);
            all.extend([Self::AudienceAdd(user), Self::AudienceRemove(user)]);
            all.extend([Self::Block(user), Self::Unblock(user), Self::Expel(user)]);
        }
        let sessions = USERS.into_iter().flat_map(|user| [Who::Nth(user, 0), Who::Nth(user, 1)]);
        for who in sessions.chain([Who::Ended, Who::Replaced]) {
            let verbs = [
                Disconnect,
                Lost,
                TimedOut,
                Leaves,
                Resume,
                Heartbeat,
                Active,
                Publish,
                PublishThen,
                PublishBriefly,
                Withdraw,
                Direct,
                DirectFor,
                Watch,
                Unwatch,
                Invisible,
                Visible,
                Congested,
                Writable,
            ];
            all.extend(verbs.map(|verb| Self::Session(verb, who)));
        }
        all
    }

    /// Returns the input that this is as things stand: `None` where there is no such session, or
    /// no deadline, and for the second user while nobody has come yet, because the two are alike.
    /// Presences are numbers; the `nth` input says its own.
    pub(crate) fn event(self, model: &Model, nth: usize) -> Option<(Time, Event)> {
        let presence = nth as u32;
        let untouched = model.accounts.is_empty() && model.stale.is_empty();
        let mut now = model.now;
        let event = match self {
            Self::Connect(1, _) if untouched => return None,
            Self::Connect(user, mutual) => {
                let audience = if mutual { vec![other(user)] } else { vec![] };
                Event::Connect { user, kind: DeviceKind(0), audience, blocked: vec![] }
            }
            Self::Session(verb, who) => Self::of_session(verb, named(who, model)?, model, presence),
            Self::AudienceAdd(user) => Event::AudienceAdd { user, contacts: vec![other(user)] },
            Self::AudienceRemove(user) => {
                Event::AudienceRemove { user, contacts: vec![other(user)] }
            }
            Self::Block(user) => Event::Block { user, other: other(user) },
            Self::Unblock(user) => Event::Unblock { user, other: other(user) },
            Self::Expel(user) => Event::Expel { user },
            Self::System => Event::System { users: USERS.to_vec(), presence },
            Self::Advance => {
                now = *model.deadlines().first()?;
                Event::Advance
            }
            Self::HeartbeatLater(who) => {
                now = model.deadlines().first()? + 1;
                Event::Heartbeat { session: named(who, model)? }
            }
        };
        Some((Time::from_millis(now), event))
    }

    fn of_session(verb: Verb, session: SessionKey, model: &Model, presence: u32) -> Event {
        let until = Time::from_millis(model.now.saturating_add(5));
        let others = || {
            let own = model.find(session).map_or(0, |id| model.sessions[&id].user);
            vec![other(own)]
        };
        match verb {
            Verb::Disconnect => Event::Disconnect { session },
            Verb::Lost => lost(session, LostCause::ConnectionError, None),
            Verb::TimedOut => lost(session, LostCause::Timeout, None),
            Verb::Leaves => lost(session, LostCause::GoingAway, Some(6)),
            Verb::Resume => Event::Resume { session },
            Verb::Heartbeat => Event::Heartbeat { session },
            Verb::Active => Event::Active { session },
            Verb::Publish => Event::Publish { session, presence },
            Verb::PublishThen => {
                let then = Some(presence | 1 << 31);
                Event::PublishUntil { session, presence, until, then }
            }
            Verb::PublishBriefly => Event::PublishUntil { session, presence, until, then: None },
            Verb::Withdraw => Event::Withdraw { session },
            Verb::Direct => Event::Direct { session, users: others(), presence },
            Verb::DirectFor => Event::DirectFor { session, users: others(), presence, for_ms: 6 },
            Verb::Watch => Event::Watch { session, users: others() },
            Verb::Unwatch => Event::Unwatch { session, users: others() },
            Verb::Invisible => Event::Invisible { session },
            Verb::Visible => Event::Visible { session },
            Verb::Congested => Event::Congested { session },
            Verb::Writable => Event::Writable { session },
        }
    }
}

const fn lost(session: SessionKey, cause: LostCause, grace_ms: Option<u64>) -> Event {
    Event::Lost { session, cause, grace_ms }
}

fn named(who: Who, model: &Model) -> Option<SessionKey> {
    match who {
        Who::Nth(user, nth) => model.keys_of(user).get(nth).copied(),
        Who::Ended => last_stale(model, false).map(|stale| stale.key),
        Who::Replaced => last_stale(model, true).map(|stale| stale.key),
    }
}

/// Returns the last key that a resume has replaced, or the last of a session that has ended.
pub(crate) fn last_stale(model: &Model, replaced: bool) -> Option<&Stale> {
    model.stale.iter().rev().find(|stale| stale.replaced == replaced)
}
