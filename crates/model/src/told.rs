//! What came of inputs, in words in which two engines can be compared that gave out other keys.

use crate::{Attachment, Decision, Event, Notice, Outcome, User, session_of};
use adsum::{SessionId, SessionKey};
use std::collections::{BTreeMap, BTreeSet};

/// Returns every user that an input names.
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
        Event::Watch { users, .. }
        | Event::Unwatch { users, .. }
        | Event::Direct { users, .. }
        | Event::DirectFor { users, .. }
        | Event::System { users, .. } => (None, None, Some(users), None),
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
            Notice::Presence { user, presence, .. }
            | Notice::User { user, presence, .. }
            | Notice::Directed { user, presence, .. } => change(user, presence),
            Notice::SessionEnded { user, .. }
            | Notice::UserOffline { user }
            | Notice::DirectedOver { user, .. }
            | Notice::Withdrawn { user, .. }
            | Notice::Visibility { user, .. } => change(user, nothing),
            Notice::System { presence } => change(nobody, presence),
        },
        Decision::Snapshot { named, entries, users, .. } => {
            let renamed = |mut user| {
                change(&mut user, nothing);
                user
            };
            *named = named.take().map(|users| users.into_iter().map(renamed).collect());
            entries.values_mut().for_each(|(user, presence)| change(user, presence));
            let changed = std::mem::take(users).into_iter().map(|(mut user, mut state)| {
                change(&mut user, &mut state.presence);
                (user, state)
            });
            *users = changed.collect();
        }
        Decision::Online { user, .. } | Decision::Ended { user, .. } => change(user, nothing),
        Decision::Close { .. } => {}
    }
}

/// Returns a decision as so many, each with one receiver.
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

/// An attachment by the order in which sessions connected, and in which each was resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ordinal {
    pub session: usize,
    pub attachment: usize,
}

/// All names that an engine has given out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The sessions in the order in which they connected, each with its keys.
    sessions: Vec<(SessionId, Vec<SessionKey>)>,
}

impl Names {
    /// Returns the number of sessions that have connected.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Returns whether nobody has connected.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Takes in what an input gave out.
    pub fn add(&mut self, begun: Attachment) {
        match self.sessions.iter_mut().find(|(id, _)| *id == begun.session) {
            Some((_, keys)) => keys.push(begun.key),
            None => self.sessions.push((begun.session, vec![begun.key])),
        }
    }

    /// Forgets the attachment of a session before its present one, as if that had been no resume.
    pub fn forget_one_before(&mut self, session: usize) {
        let keys = &mut self.sessions[session].1;
        keys.remove(keys.len() - 2);
    }

    /// Returns the key of an attachment.
    pub fn key(&self, at: Ordinal) -> Option<SessionKey> {
        self.sessions.get(at.session)?.1.get(at.attachment).copied()
    }

    /// Returns the last key of a session.
    pub fn last_key(&self, session: usize) -> Option<SessionKey> {
        self.sessions.get(session)?.1.last().copied()
    }

    /// Returns the attachment that has this key or had it.
    pub fn find(&self, key: SessionKey) -> Option<Ordinal> {
        self.sessions.iter().enumerate().find_map(|(session, (_, keys))| {
            let attachment = keys.iter().position(|other| *other == key)?;
            Some(Ordinal { session, attachment })
        })
    }

    /// Returns the place of a session.
    pub fn place(&self, id: SessionId) -> Option<usize> {
        self.sessions.iter().position(|(other, _)| *other == id)
    }

    /// Puts the key that these names have in place of the one that others had for an input.
    ///
    /// # Errors
    /// If there is none.
    pub fn rename(&self, event: &mut Event, by: Option<Ordinal>) -> Result<(), String> {
        if let (Some(session), Some(by)) = (session_of(event), by) {
            *session = self.key(by).ok_or_else(|| format!("there is no {by:?}"))?;
        }
        Ok(())
    }
}

/// Writes down what came of an input, sessions by the order in which they connected.
pub fn hear(names: &mut Names, told: &mut Vec<String>, event: &Event, outcome: &Outcome) {
    let answer = match outcome {
        Err(error) => return told.push(format!("{error:?}")),
        Ok(answer) => answer,
    };
    answer.begun.into_iter().for_each(|begun| names.add(begun));
    let mut lines: Vec<String> = answer.decisions.iter().map(|said| line(names, said)).collect();
    // In these the order of users is the engine's own affair.
    if let Event::Connect { .. } | Event::Writable { .. } = event {
        lines.sort();
    }
    lines.extend(answer.waits_until.map(|until| format!("waits until {until}")));
    told.extend(lines);
}

/// Puts a decision into words. Moments are the last of them.
///
/// # Panics
/// If a session has no name.
pub fn line(names: &Names, decision: &Decision) -> String {
    let id = |id: &SessionId| names.place(*id).expect("the session connected");
    let key = |key: &SessionKey| names.find(*key).expect("the session connected").session;
    let notice = |notice: &Notice| match notice {
        Notice::Presence { user, session, first, presence } => {
            format!("presence of {user}, {}: {presence}, {first}", id(session))
        }
        Notice::User { user, first, idle_since, presence } => {
            format!("state of {user}: {presence}, {first}, idle since {idle_since:?}")
        }
        Notice::Directed { user, session, presence } => {
            format!("directed by {user}, {}: {presence}", id(session))
        }
        Notice::DirectedOver { user, session } => {
            format!("end of what was directed by {user}, {}", id(session))
        }
        Notice::Withdrawn { user, session } => format!("nothing of {user}, {}", id(session)),
        Notice::Visibility { user, visible } => format!("{user} is visible: {visible}"),
        Notice::SessionEnded { user, session } => format!("end of {user}, {}", id(session)),
        Notice::UserOffline { user } => format!("end of {user}"),
        Notice::System { presence } => format!("system: {presence}"),
    };
    let all = |to: &BTreeSet<SessionKey>| to.iter().map(key).collect::<BTreeSet<usize>>();
    match decision {
        Decision::Deliver { notice: said, to } => format!("{} to {:?}", notice(said), all(to)),
        Decision::Skipped { notice: said, to } => format!("{} not to {:?}", notice(said), all(to)),
        Decision::Snapshot { to, visible, named, entries, users } => {
            let entries: BTreeMap<usize, &(User, u32)> =
                entries.iter().map(|(session, entry)| (id(session), entry)).collect();
            let of = named.as_ref().map_or_else(String::new, |users| format!(" of {users:?}"));
            let users: Vec<_> = users
                .iter()
                .map(|(user, of)| (user, id(&of.session), of.presence, of.idle_since))
                .collect();
            let users = if users.is_empty() { String::new() } else { format!(", {users:?}") };
            format!("snapshot{of} for {}: {visible}, {entries:?}{users}", key(to))
        }
        Decision::Close { session, reason, resumable } => {
            format!("close {}: {reason:?} {resumable}", key(session))
        }
        Decision::Online { user, session, visible } => {
            format!("online {user}, {}: {visible}", key(session))
        }
        Decision::Ended { user, session, id: ended, reason, since, last, visible } => {
            let named = (id(ended), key(session));
            format!("ended {user}, {named:?}: {reason:?} {last} {visible} since {since}")
        }
    }
}
