//! Everything that an engine can be asked, held against the model (rule 16).

mod seen;
mod topics;

pub use seen::equal;

use crate::choice::State;
use crate::state::{Expiry, Session};
use crate::{Attachment, Model, Payload, User};
use adsum::{Counts, Engine, SessionId, SessionKey};
use seen::Seen;
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// Users who are asked for whether or not anybody knows them: some are in nobody's list.
const ASKED: User = 10;

/// Holds sessions, lists, who sees whom, and counts against the model: whatever can be asked one by
/// one or all at once.
///
/// # Errors
/// The first answer that is not as the model says.
pub fn check_state<P: Payload, S: BuildHasher>(
    engine: &Engine<User, P, S>,
    model: &Model,
) -> Result<(), String> {
    for user in (0..ASKED).chain(model.accounts.range(ASKED..).map(|(user, _)| *user)) {
        check_user(engine, model, user).map_err(|fault| format!("of {user}, {fault}"))?;
    }
    check_online(engine, model)?;
    let mut all = BTreeSet::new();
    for session in engine.all_sessions() {
        let seen = Seen::of(&session);
        if !all.insert(seen.id) {
            return Err(format!("{:?} stands twice among all sessions", seen.id));
        }
        equal("a session among all", Some(seen), Seen::expected(model, session.id))?;
    }
    equal("the number of sessions", all.len(), model.sessions.len())?;
    for (id, session) in &model.sessions {
        check_session(engine, model, *id, session.key)?;
    }
    for stale in &model.stale {
        check_stale(engine, stale.key)?;
        let still_there = Seen::expected(model, stale.session);
        equal("a session by its id", by_id(engine, stale.session), still_there)?;
    }
    topics::check(engine, model)?;
    check_stale(engine, Attachment::NONE.key)?;
    equal("nobody by id", by_id(engine, Attachment::NONE.session), None)?;
    equal("counts", exact_counts(engine.counts(), model), model.counts())
}

fn check_user<P: Payload, S: BuildHasher>(
    engine: &Engine<User, P, S>,
    model: &Model,
    user: User,
) -> Result<(), String> {
    equal("is_online", engine.is_online(&user), model.is_online(user))?;
    equal("is_invisible", engine.is_invisible(&user), model.is_invisible(user))?;
    let keys = engine.sessions(&user);
    equal("the length of sessions", keys.len(), model.sessions_of(user).len())?;
    equal("sessions", keys.collect::<Vec<_>>(), model.keys_of(user))?;
    let account = model.accounts.get(&user).cloned().unwrap_or_default();
    equal_set("audience", engine.audience(&user), &account.audience)?;
    equal_set("blocked", engine.blocked(&user), &account.blocked)?;
    let speaks = engine.representative(&user);
    let speaks = speaks.map(|(of, since)| {
        let (session, presence) = (of.id, of.presence.map_or(0, Payload::said));
        State { session, presence, idle_since: since.map(adsum::Time::as_millis) }
    });
    equal("representative", speaks, model.state_of(user))?;
    equal("watchers", engine.watchers(&user), model.watchers(user))?;
    for viewer in (0..ASKED).filter(|viewer| *viewer != user) {
        equal("sees", engine.sees(&viewer, &user), model.sees(viewer, user))
            .map_err(|fault| format!("{viewer} {fault}"))?;
    }
    Ok(())
}

/// Holds a list in no particular order against what it has to have, each once.
fn equal_set<'e>(
    what: &str,
    engine: impl ExactSizeIterator<Item = &'e User>,
    model: &BTreeSet<User>,
) -> Result<(), String> {
    let len = engine.len();
    let mut list: Vec<User> = engine.copied().collect();
    equal(&format!("the length of {what}"), len, list.len())?;
    list.sort_unstable();
    equal(what, list, model.iter().copied().collect())
}

fn check_online<P: Payload, S: BuildHasher>(
    engine: &Engine<User, P, S>,
    model: &Model,
) -> Result<(), String> {
    let mut online: Vec<User> = engine.users_online().copied().collect();
    online.sort_unstable();
    equal("users_online", online, model.accounts.keys().copied().collect())?;
    // In the order given, and as often.
    let asked: Vec<User> = (0..ASKED).rev().chain([0, 1, 0]).collect();
    let online: Vec<User> = engine.online_of(&asked).copied().collect();
    let expected = asked.iter().copied().filter(|user| model.is_online(*user)).collect();
    equal("online_of", online, expected)
}

fn check_session<P: Payload, S: BuildHasher>(
    engine: &Engine<User, P, S>,
    model: &Model,
    id: SessionId,
    key: SessionKey,
) -> Result<(), String> {
    let expected = Seen::expected(model, id);
    let by_key = engine.session(key);
    equal("a session by its key", by_key.as_ref().map(Seen::of), expected)?;
    equal("a session by its id", by_id(engine, id), expected)?;
    let Session { presence, expiry, user, lost, ref missed, ref watched, .. } = model.sessions[&id];
    equal("presence", engine.presence(key).map(Payload::said), presence)?;
    let end = engine.presence_end(key);
    let end = end.map(|(until, then)| (until.as_millis(), then.map(Payload::said)));
    equal("presence_end", end, expiry.map(|Expiry { timer: (until, _), then }| (until, then)))?;
    equal("user_of", engine.user_of(key).copied(), Some(user))?;
    equal("id_of", engine.id_of(key), Some(id))?;
    equal("is_attached", engine.is_attached(key), lost.is_none())?;
    equal("is_attached of a session", by_key.map(|s| s.is_attached()), Some(lost.is_none()))?;
    equal("is_congested", engine.is_congested(key), missed.is_some())?;
    equal_set("watched", engine.watched(key), watched)?;
    for user in 0..ASKED {
        equal("session_sees", engine.session_sees(key, &user), model.session_sees(id, user))
            .map_err(|fault| format!("{user} {fault}"))?;
    }
    Ok(())
}

/// Checks that nothing is known of a stale key, whether its session has ended or goes on.
fn check_stale<P: Payload, S: BuildHasher>(
    engine: &Engine<User, P, S>,
    key: SessionKey,
) -> Result<(), String> {
    let by_key = engine.session(key);
    equal("a session by a stale key", by_key.as_ref().map(Seen::of), None)?;
    equal("presence", engine.presence(key).map(Payload::said), None)?;
    equal("user_of", engine.user_of(key).copied(), None)?;
    equal("id_of", engine.id_of(key), None)?;
    equal("is_attached", engine.is_attached(key), false)?;
    equal("is_congested", engine.is_congested(key), false)
}

fn by_id<P: Payload, S: BuildHasher>(engine: &Engine<User, P, S>, id: SessionId) -> Option<Seen> {
    engine.session_by_id(id).as_ref().map(Seen::of)
}

/// Returns the engine's counts, but for those who were told by directed presence, some of whom may
/// be gone, within the limit of each sender (where there is nobody, none may be counted), and for
/// users who are known only because they have left a topic.
fn exact_counts(mut counts: Counts, model: &Model) -> Counts {
    let told = model.counts().told;
    // Of each name, all sessions.
    let of_sender = model.options.max_told as usize * usize::from(model.options.max_sessions);
    let most = model.showing().count() * of_sender;
    if (told..=most).contains(&counts.told) {
        counts.told = told;
    }
    // A tick that is to come may keep the names of those who have left a topic.
    let ticks = model.topics.values().flat_map(|topic| topic.fast.iter().chain(&topic.slow));
    let left: BTreeSet<&User> = ticks.flat_map(|tick| &tick.gone).collect();
    let known = model.counts().users_known;
    if (known..=known + left.len()).contains(&counts.users_known) {
        counts.users_known = known;
    }
    counts
}
