//! What came of inputs, in words in which two engines can be compared that gave out other keys.

use crate::host::Outcome;
use crate::{Decision, Event, Notice, User};
use adsum::SessionKey;
use std::collections::{BTreeMap, BTreeSet};

/// Every user that an input names.
pub fn users_of(event: &mut Event) -> impl Iterator<Item = &mut User> {
    let (one, other, list, more) = match event {
        Event::Connect { user, audience, blocked, .. } => {
            (Some(user), None, Some(audience), Some(blocked))
        }
        Event::AudienceAdd { user, contacts }
        | Event::AudienceRemove { user, contacts }
        | Event::AudienceReplace { user, contacts } => (Some(user), None, Some(contacts), None),
        Event::Block { user, other } | Event::Unblock { user, other } => {
            (Some(user), Some(other), None, None)
        }
        Event::Direct { users, .. } | Event::System { users, .. } => {
            (None, None, Some(users), None)
        }
        Event::Expel { user } => (Some(user), None, None, None),
        _ => (None, None, None, None),
    };
    one.into_iter().chain(other).chain(list.into_iter().chain(more).flatten())
}

/// Changes the users and presences in a decision.
pub fn change(decision: &mut Decision, change: fn(&mut User, &mut u32)) {
    let nobody = &mut User::default();
    let nothing = &mut u32::default();
    match decision {
        Decision::Deliver { notice, .. } | Decision::Skipped { notice, .. } => match notice {
            Notice::Presence { user, presence, .. } | Notice::Directed { user, presence, .. } => {
                change(user, presence);
            }
            Notice::SessionEnded { user, .. } | Notice::UserOffline { user } => {
                change(user, nothing);
            }
            Notice::System { presence } => change(nobody, presence),
        },
        Decision::Snapshot { entries, .. } => {
            entries.values_mut().for_each(|(user, presence)| change(user, presence));
        }
        Decision::Close { .. } => {}
    }
}

/// A decision as so many, each with one receiver.
pub fn apiece(decision: Decision) -> Vec<Decision> {
    let one = |key| BTreeSet::from([key]);
    match decision {
        Decision::Deliver { notice, to } => to
            .into_iter()
            .map(|key| Decision::Deliver { notice: notice.clone(), to: one(key) })
            .collect(),
        Decision::Skipped { notice, to } => to
            .into_iter()
            .map(|key| Decision::Skipped { notice: notice.clone(), to: one(key) })
            .collect(),
        other => vec![other],
    }
}

/// Writes down what came of an input, sessions by the order in which they connected.
pub fn hear(keys: &mut Vec<SessionKey>, told: &mut Vec<String>, event: &Event, outcome: &Outcome) {
    let decisions = match outcome {
        Err(error) => return told.push(format!("{error:?}")),
        Ok((key, decisions)) => {
            if let (Event::Connect { .. }, Some(key)) = (event, key) {
                keys.push(*key);
            }
            decisions
        }
    };
    let mut lines: Vec<String> = decisions.iter().map(|said| line(keys, said)).collect();
    // In these the order of users is the engine's own affair.
    if let Event::Connect { .. } | Event::Writable { .. } = event {
        lines.sort();
    }
    told.extend(lines);
}

/// A decision in words.
pub fn line(keys: &[SessionKey], decision: &Decision) -> String {
    let names: BTreeMap<SessionKey, usize> =
        keys.iter().enumerate().map(|(at, key)| (*key, at)).collect();
    let notice = |notice: &Notice| match *notice {
        Notice::Presence { user, session, first, presence } => {
            format!("presence of {user}, {}: {presence}, {first}", names[&session])
        }
        Notice::Directed { user, session, presence } => {
            format!("directed by {user}, {}: {presence}", names[&session])
        }
        Notice::SessionEnded { user, session } => format!("end of {user}, {}", names[&session]),
        Notice::UserOffline { user } => format!("end of {user}"),
        Notice::System { presence } => format!("system: {presence}"),
    };
    let all = |to: &BTreeSet<SessionKey>| {
        let mut all: Vec<usize> = to.iter().map(|key| names[key]).collect();
        all.sort_unstable();
        all
    };
    match decision {
        Decision::Deliver { notice: said, to } => format!("{} to {:?}", notice(said), all(to)),
        Decision::Skipped { notice: said, to } => format!("{} not to {:?}", notice(said), all(to)),
        Decision::Snapshot { to, entries } => {
            let entries: BTreeMap<usize, &(User, u32)> =
                entries.iter().map(|(key, entry)| (names[key], entry)).collect();
            format!("snapshot for {}: {entries:?}", names[to])
        }
        Decision::Close { session, reason, resumable } => {
            format!("close {}: {reason:?} {resumable}", names[session])
        }
    }
}
