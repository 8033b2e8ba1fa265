//! What an operation's bytes stand for: a moment, a session, a list. All of it as things stand in
//! the model.

use crate::{Event, Model, User};
use adsum::{DeviceKind, SessionKey};

/// Users that connect.
pub const USERS: User = 6;
/// Users that are named in lists: two more, who never connect.
pub(crate) const NAMED: User = 8;
/// From this byte on, it is not a session that the verb is meant for.
pub(crate) const SELDOM: u8 = 0xd8;

// ---- when

/// Now, a little later, a little earlier, and around the deadlines.
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

// ---- which session

/// One of those that this verb is meant for; seldom another one, one that has ended, or one that
/// never was.
fn choose(model: &Model, who: u8, meant: impl Fn(&SessionKey) -> bool) -> SessionKey {
    let mut live: Vec<SessionKey> = model.sessions.keys().copied().collect();
    live.sort_by_key(|key| model.sessions[key].order);
    let meant: Vec<SessionKey> = live.iter().copied().filter(meant).collect();
    let (from, at) = match who {
        ..SELDOM if !meant.is_empty() => (meant, who),
        ..0xe4 if !live.is_empty() => (live, who),
        0xf2.. => return forged(live.first().copied(), who),
        _ => (model.ended.clone(), who),
    };
    match from.len() {
        0 => forged(None, who),
        // Of those that have ended, the last are the likeliest to be mistaken for live ones.
        len => from[len - 1 - usize::from(at) % len],
    }
}

/// A key that was not given out, close to one that was.
fn forged(near: Option<SessionKey>, who: u8) -> SessionKey {
    let bits = near.map_or(0, SessionKey::to_bits);
    let change = match who % 4 {
        0 => 1,
        1 => 1 << 32,
        2 => 1 << 64,
        _ => u128::MAX >> 32,
    };
    SessionKey::from_bits(bits ^ change)
}

pub(crate) fn any(model: &Model, who: u8) -> SessionKey {
    choose(model, who, |_| true)
}

pub(crate) fn attached(model: &Model, who: u8) -> SessionKey {
    choose(model, who, |key| model.sessions[key].attached)
}

pub(crate) fn detached(model: &Model, who: u8) -> SessionKey {
    choose(model, who, |key| !model.sessions[key].attached)
}

pub(crate) fn congested(model: &Model, who: u8) -> SessionKey {
    choose(model, who, |key| model.sessions[key].missed.is_some())
}

pub(crate) fn invisible(model: &Model, who: u8) -> SessionKey {
    choose(model, who, |key| model.is_invisible(model.sessions[key].user))
}

// ---- whom

/// Who connects: some do so more often, so that they have several devices and a past.
pub(crate) fn newcomer(who: u8) -> User {
    const OFTEN: [User; 12] = [0, 1, 2, 3, 4, 5, 0, 1, 2, 0, 1, 0];
    OFTEN[usize::from(who) % OFTEN.len()]
}

/// Somebody who is online, seldom somebody who may not be.
pub(crate) fn user(model: &Model, who: u8) -> User {
    match model.accounts.len() {
        len if len > 0 && who < SELDOM => {
            let online: Vec<User> = model.accounts.keys().copied().collect();
            online[usize::from(who) % len]
        }
        _ => User::from(who) % USERS,
    }
}

/// Anybody who is ever named.
pub(crate) fn named(x: u8) -> User {
    User::from(x) % NAMED
}

/// Everyone; those who have the user in their lists; some; or too many, some twice, and the user.
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

/// Mostly users who may be told, so that few are enough to be refused.
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

/// Mostly a pair that is blocked.
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
