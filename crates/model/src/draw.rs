//! What an operation's bytes stand for: a moment, a session, a list. All of it as things stand in
//! the model.

use crate::state::Session;
use crate::{Attachment, Event, Model, User};
use adsum::{DeviceKind, Grace, LostCause, SessionKey};

/// Users that connect.
pub const USERS: User = 6;
/// Users that are named in lists: two more, who never connect.
pub(crate) const NAMED: User = 8;
/// From this byte on, it is not a session that the verb is meant for.
pub(crate) const SELDOM: u8 = 0xd8;

// ---- when

/// Draws now, a little later, a little earlier, and around the deadlines.
pub(crate) fn moment(model: &Model, time: u8, far: u8) -> u64 {
    let deadlines = model.deadlines();
    let next = deadlines.first().copied().unwrap_or(model.now);
    let last = deadlines.last().copied().unwrap_or(model.now);
    let n = u64::from(time / 32);
    let some = match deadlines.len() {
        0 => model.now,
        len => deadlines[n as usize % len],
    };
    match time % 32 {
        16 => model.now.saturating_add(1),
        17 | 18 => model.now.saturating_add(1 + n),
        19 => model.now.saturating_sub(1 + n),
        20 | 21 => next,
        22 => next.saturating_sub(1),
        23 => next.saturating_add(1),
        24 => some,
        25 => some.saturating_sub(1),
        26 => some.saturating_add(1),
        27 if n >= 6 => last.saturating_add(n - 6),
        28 if n >= 6 => model.now.saturating_add(40),
        29 if n == 7 => model.now.saturating_add(365 * 24 * 60 * 60 * 1_000),
        30 if n == 7 && far >= 0xe0 => u64::MAX - u64::from(far - 0xe0),
        _ => model.now,
    }
}

/// Draws for how long something holds: mostly a little, seldom as long as it may, or longer.
pub(crate) fn lasting(model: &Model, x: u8) -> u64 {
    let limit_ms = model.options.max_expiry_ms;
    match x % 16 {
        0 => 0,
        13 => limit_ms,
        14 => [limit_ms + 1, u64::MAX][usize::from(x / 16 % 2)],
        _ => limit_ms.min(u64::from(x % 16) + u64::from(x / 64)),
    }
}

// ---- which session

/// Draws one of those that this verb is meant for; seldom another one, a key that is stale, or one
/// that never was.
fn choose(model: &Model, who: u8, is_meant: impl Fn(&Session) -> bool) -> SessionKey {
    let mut live: Vec<&Session> = model.sessions.values().collect();
    live.sort_by_key(|session| session.order);
    let keys = |sessions: &[&Session]| sessions.iter().map(|session| session.key).collect();
    let meant: Vec<&Session> = live.iter().copied().filter(|session| is_meant(session)).collect();
    let (from, at): (Vec<SessionKey>, u8) = match who {
        ..SELDOM if !meant.is_empty() => (keys(&meant), who),
        ..0xe4 if !live.is_empty() => (keys(&live), who),
        0xf2.. => return forged(live.first().map(|session| session.key), who),
        _ => (stale(model, !who.is_multiple_of(4)), who / 2),
    };
    match from.len() {
        0 => forged(None, who),
        // Of those that are stale, the last are the likeliest to be mistaken for live ones.
        len => from[len - 1 - usize::from(at) % len],
    }
}

/// Lists the stale keys of one sort: of attachments that were replaced, or of sessions that ended.
/// Where there is none of one sort, the other stands in. The former are drawn more often, since
/// there are fewer of them: in the end both are as likely.
fn stale(model: &Model, replaced: bool) -> Vec<SessionKey> {
    let of = |replaced| {
        let of_sort = model.stale.iter().filter(move |stale| stale.replaced == replaced);
        of_sort.map(|stale| stale.key).collect::<Vec<_>>()
    };
    let keys = of(replaced);
    if keys.is_empty() { of(!replaced) } else { keys }
}

/// Returns a key that was not given out, close to one that was.
fn forged(near: Option<SessionKey>, who: u8) -> SessionKey {
    let (name, slot) = near.map_or((1 << 32, 0), SessionKey::to_bits);
    let changed = match who % 4 {
        0 => (name ^ 1, slot),
        // What the next resume would give out.
        1 => (name.wrapping_add(1 << 32), slot),
        2 => (name, slot ^ 1),
        _ => (name ^ u64::from(u32::MAX), slot ^ u32::MAX),
    };
    SessionKey::from_bits(changed).unwrap_or(Attachment::NONE.key)
}

pub(crate) fn any(model: &Model, who: u8) -> SessionKey {
    choose(model, who, |_| true)
}

pub(crate) fn attached(model: &Model, who: u8) -> SessionKey {
    choose(model, who, Session::is_attached)
}

/// Draws a session to be resumed: mostly a detached one, by every fourth `how` any.
pub(crate) fn resumed(model: &Model, who: u8, how: u8) -> SessionKey {
    choose(model, who, |session| how % 4 == 3 || !session.is_attached())
}

pub(crate) fn congested(model: &Model, who: u8) -> SessionKey {
    choose(model, who, |session| session.missed.is_some())
}

pub(crate) fn watching(model: &Model, who: u8) -> SessionKey {
    choose(model, who, |session| session.is_attached() && !session.watched.is_empty())
}

pub(crate) fn invisible(model: &Model, who: u8) -> SessionKey {
    choose(model, who, |session| model.is_invisible(session.user))
}

/// Draws why a connection was lost, and now and then a grace for this one loss.
pub(crate) fn loss(x: u8, y: u8, z: u8) -> (LostCause, Option<u64>) {
    let causes = [LostCause::ConnectionError, LostCause::Timeout, LostCause::NodeLoss];
    let cause = if y % 4 == 3 { LostCause::GoingAway } else { causes[usize::from(x) % 3] };
    let graces = [0, 1, 7, 25, Grace::LIMIT_MS, Grace::LIMIT_MS + 1, u64::MAX];
    (cause, (z % 4 == 3).then(|| graces[usize::from(z / 4) % graces.len()]))
}

// ---- whom

/// Draws who connects: some do so more often, so that they have several devices and a past.
pub(crate) fn newcomer(who: u8) -> User {
    const OFTEN: [User; 12] = [0, 1, 2, 3, 4, 5, 0, 1, 2, 0, 1, 0];
    OFTEN[usize::from(who) % OFTEN.len()]
}

/// Draws somebody who is online, seldom somebody who may not be.
pub(crate) fn user(model: &Model, who: u8) -> User {
    match model.accounts.len() {
        len if len > 0 && who < SELDOM => {
            let online: Vec<User> = model.accounts.keys().copied().collect();
            online[usize::from(who) % len]
        }
        _ => User::from(who) % USERS,
    }
}

/// Draws anybody who is ever named.
pub(crate) fn named(x: u8) -> User {
    User::from(x) % NAMED
}

/// Draws everyone; those who have the user in their lists; some; or too many, some twice, and the
/// user.
pub(crate) fn list(model: &Model, user: User, x: u8, y: u8) -> Vec<User> {
    let some = |mask: u8| (0..NAMED).filter(move |named| mask & (1 << named) != 0);
    match y % 4 {
        0 => {
            let most = (model.options.max_audience as usize).min(3 + usize::from(x % 4));
            (0..USERS).filter(|other| *other != user).take(most).collect()
        }
        1 => (0..USERS).filter(|other| model.has_in_audience(*other, user)).collect(),
        2 => some(x).collect(),
        _ => {
            let twice = some(x.rotate_left(3)).take(usize::from(y / 4 % 4));
            some(x).chain([user]).chain(twice).collect()
        }
    }
}

/// Draws mostly users who may be told, so that few are enough to be refused.
pub(crate) fn direct_list(model: &Model, user: User, x: u8, y: u8) -> Vec<User> {
    match y % 8 {
        0 => vec![named(x)],
        1 => vec![User::from(x) % USERS, User::from(x) / USERS % USERS],
        2 => vec![user],
        3..=5 => {
            let mut contacts = list(model, user, x, 2);
            contacts.retain(|other| {
                model.has_in_audience(user, *other) && !model.is_blocked(user, *other)
            });
            contacts
        }
        _ => list(model, user, x, y),
    }
}

/// Draws one user or a few; now and then nobody, everyone, or some twice and the session's own.
pub(crate) fn watch_list(model: &Model, session: SessionKey, x: u8, y: u8) -> Vec<User> {
    match y % 8 {
        0..=3 => vec![named(x)],
        4 => vec![User::from(x) % USERS, User::from(x) / USERS % USERS],
        5 if x < 0x40 => vec![],
        _ => {
            let own = model.find(session).map_or(0, |id| model.sessions[&id].user);
            list(model, own, x, y / 8)
        }
    }
}

/// Draws mostly some of those whom the session watches.
pub(crate) fn unwatch_list(model: &Model, session: SessionKey, x: u8, y: u8) -> Vec<User> {
    let watched = model.find(session).map(|id| model.sessions[&id].watched.clone());
    let watched: Vec<User> = watched.unwrap_or_default().into_iter().collect();
    match y % 4 {
        0..=1 if !watched.is_empty() => vec![watched[usize::from(x) % watched.len()]],
        2 => watched,
        _ => watch_list(model, session, x, y / 4),
    }
}

/// Draws mostly a pair that is blocked.
pub(crate) fn blocked(model: &Model, user: User, x: u8) -> (User, User) {
    let mut pairs = Vec::new();
    for (by, account) in &model.accounts {
        pairs.extend(account.blocked.iter().map(|other| (*by, *other)));
    }
    match pairs.len() {
        len if len > 0 && x % 8 != 7 => pairs[usize::from(x) % len],
        _ => (user, named(x)),
    }
}

pub(crate) fn connect(model: &Model, user: User, x: u8, y: u8, z: u8) -> Event {
    let kind = DeviceKind(z % 3);
    let account = model.accounts.get(&user);
    match account {
        // A second device of the same account seldom brings other lists.
        Some(account) if z < 0xa0 => Event::Connect {
            user,
            kind,
            audience: account.audience.iter().copied().collect(),
            blocked: account.blocked.iter().copied().collect(),
        },
        _ => {
            let blocked =
                if z / 8 % 4 == 3 { list(model, user, x & y, 2 + z / 64) } else { vec![] };
            Event::Connect { user, kind, audience: list(model, user, x, y), blocked }
        }
    }
}
