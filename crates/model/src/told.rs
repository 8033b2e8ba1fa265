//! What came of inputs, in words in which two engines can be compared that gave out other keys.

use crate::{Attachment, Decision, Event, Notice, Outcome, User, session_of, topic_of};
use adsum::{Error, SessionId, SessionKey, TopicKey};
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
        Event::Join { topic, .. } | Event::Close { topic } | Event::TopicOptions { topic, .. } => {
            (Some(topic), None, None, None)
        }
        Event::LookAt { users, .. } => (None, None, Some(users), None),
        Event::Remove { topic, user } => (Some(user), Some(topic), None, None),
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
            Notice::Joined { topic, user, presence, .. }
            | Notice::Member { topic, user, presence, .. } => {
                change(topic, &mut u32::default());
                change(user, presence.as_mut().unwrap_or(nothing));
            }
            Notice::Said { topic, user, presence, .. } => {
                change(topic, nothing);
                change(user, presence);
            }
            Notice::MemberSessionEnded { topic, user, .. }
            | Notice::Left { topic, user, .. }
            | Notice::SaidOver { topic, user, .. } => {
                change(topic, nothing);
                change(user, nothing);
            }
            Notice::TopicClosed { topic, .. } => change(topic, nothing),
        },
        Decision::Topic { topic, entries, .. } => {
            change(topic, nothing);
            for (user, _, presence) in entries {
                change(user, presence.as_mut().unwrap_or(nothing));
            }
        }
        Decision::Changes { topic, changes, .. } => {
            change(topic, nothing);
            for (user, presence) in changes.shown.values_mut() {
                change(user, presence.as_mut().unwrap_or(nothing));
            }
            changes.ended.values_mut().for_each(|user| change(user, nothing));
            let left = std::mem::take(&mut changes.left).into_iter().map(|(mut user, why)| {
                change(&mut user, &mut u32::default());
                (user, why)
            });
            changes.left = left.collect();
        }
        Decision::TopicOccupied { topic, .. } | Decision::TopicVacated { topic, .. } => {
            change(topic, nothing);
        }
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
        Decision::Topic { topic, view, counts, entries, to } => to
            .into_iter()
            .map(|key| {
                let (entries, to) = (entries.clone(), one(key));
                Decision::Topic { topic, view, counts, entries, to }
            })
            .collect(),
        Decision::Changes { topic, view, counts, changes, to } => to
            .into_iter()
            .map(|key| {
                let (changes, to) = (changes.clone(), one(key));
                Decision::Changes { topic, view, counts, changes, to }
            })
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
    /// Topics in the order in which they were opened.
    topics: Vec<TopicKey>,
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

    /// Returns the position of a session.
    pub fn position_of(&self, id: SessionId) -> Option<usize> {
        self.sessions.iter().position(|(other, _)| *other == id)
    }

    /// Takes in all that an input gave out.
    pub fn add_all(&mut self, outcome: &Outcome) {
        let Ok(answer) = outcome else { return };
        answer.begun.into_iter().for_each(|begun| self.add(begun));
        self.add_topic(outcome);
    }

    /// Takes in the key of the topic that an input joined, if it did.
    pub fn add_topic(&mut self, outcome: &Outcome) {
        let Ok(answer) = outcome else { return };
        self.topics.extend(answer.topic.filter(|topic| !self.topics.contains(topic)));
    }

    /// Returns the key of a topic, counted round and round.
    pub fn topic(&self, nth: usize) -> Option<TopicKey> {
        self.topics.get(nth % self.topics.len().max(1)).copied()
    }

    /// Returns the place of a topic whose key an input names, if it names one.
    ///
    /// # Errors
    /// If that was never given out.
    pub fn place_of_topic(&self, event: &Event) -> Result<Option<usize>, String> {
        let Some(key) = topic_of(&mut event.clone()).copied() else { return Ok(None) };
        let place = self.topics.iter().position(|topic| *topic == key);
        place.map(Some).ok_or_else(|| format!("there is no {key:?}"))
    }

    /// Puts the keys that these names have in place of those that others had for an input.
    ///
    /// # Errors
    /// If there is none.
    pub fn rename(
        &self,
        event: &mut Event,
        by: Option<Ordinal>,
        topic: Option<usize>,
    ) -> Result<(), String> {
        if let (Some(session), Some(by)) = (session_of(event), by) {
            *session = self.key(by).ok_or_else(|| format!("there is no {by:?}"))?;
        }
        if let (Some(key), Some(nth)) = (topic_of(event), topic) {
            *key = *self.topics.get(nth).ok_or_else(|| format!("there is no topic {nth}"))?;
        }
        Ok(())
    }
}

/// Writes down what came of an input, sessions by the order in which they connected.
pub fn hear(names: &mut Names, told: &mut Vec<String>, event: &Event, outcome: &Outcome) {
    let answer = match outcome {
        // The key is another engine's own affair.
        Err(Error::AlreadyJoined { .. }) => return told.push("it is in the topic".into()),
        Err(error) => return told.push(format!("{error:?}")),
        Ok(answer) => answer,
    };
    names.add_all(outcome);
    let mut lines: Vec<String> = answer.decisions.iter().map(|said| line(names, said)).collect();
    // In these the order of users is the engine's own affair.
    if let Event::Connect { .. } | Event::Writable { .. } = event {
        lines.sort();
    }
    lines.extend(answer.waits_until.map(|until| format!("waits until {until}")));
    told.extend(lines);
}

/// Puts a notice into words.
fn said(names: &Names, notice: &Notice) -> String {
    let id = |id: &SessionId| names.position_of(*id).expect("the session connected");
    match notice {
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
        Notice::Joined { topic, user, session, presence } => {
            format!("in {topic}: {user} comes with {}: {presence:?}", id(session))
        }
        Notice::Member { topic, user, session, first, presence } => {
            format!("in {topic}: {user}, {}: {presence:?}, {first}", id(session))
        }
        Notice::MemberSessionEnded { topic, user, session } => {
            format!("in {topic}: {user} has gone with {}", id(session))
        }
        Notice::Left { topic, user, why } => format!("in {topic}: {user} has left, {why:?}"),
        Notice::TopicClosed { topic, removed } => format!("{topic} is closed, {removed}"),
        Notice::Said { topic, user, session, presence } => {
            format!("in {topic}: {user}, {} says {presence}", id(session))
        }
        Notice::SaidOver { topic, user, session } => {
            format!("in {topic}: {user}, {} says nothing more", id(session))
        }
    }
}

/// Puts a decision into words. Moments are the last of them.
///
/// # Panics
/// If a session has no name.
pub fn line(names: &Names, decision: &Decision) -> String {
    let id = |id: &SessionId| names.position_of(*id).expect("the session connected");
    let key = |key: &SessionKey| names.find(*key).expect("the session connected").session;
    let notice = |notice: &Notice| said(names, notice);
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
        Decision::Topic { topic, view, counts, entries, to } => {
            let entries: Vec<_> =
                entries.iter().map(|(user, of, presence)| (user, id(of), presence)).collect();
            format!("topic {topic}, {view:?}, {counts:?}: {entries:?} to {:?}", all(to))
        }
        Decision::Changes { topic, view, counts, changes, to } => {
            let shown: BTreeMap<usize, &(User, Option<u32>)> =
                changes.shown.iter().map(|(of, shown)| (id(of), shown)).collect();
            let ended: BTreeMap<usize, &User> =
                changes.ended.iter().map(|(of, user)| (id(of), user)).collect();
            let left = &changes.left;
            let changes = format!("{shown:?}, {ended:?}, {left:?}");
            format!("changes of {topic}, {view:?}, {counts:?}: {changes} to {:?}", all(to))
        }
        Decision::TopicOccupied { topic, .. } => format!("somebody is in {topic}"),
        Decision::TopicVacated { topic, .. } => format!("nobody is in {topic}"),
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
