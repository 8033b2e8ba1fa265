//! Snapshots and changes of topics, put together from their parts.

use crate::decision::Gathered;
use crate::{Decision, Payload, User};
use adsum::{Changes, SessionId, SessionKey, TopicChange, TopicCounts, TopicSnapshot, View};
use std::collections::BTreeSet;

/// The most receivers or entries of one decision.
pub(super) const CHUNK: usize = if cfg!(feature = "shrunk") { 4 } else { 4_096 };

/// What one part says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Entries(Vec<(User, SessionId, Option<u32>)>),
    Changes(Gathered),
}

/// What all parts have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) id: u64,
    topic: User,
    view: View,
    counts: TopicCounts,
    is_snapshot: bool,
}

/// One part, for all who are sent it, in however many decisions.
#[derive(Clone, Debug)]
pub(super) struct Part {
    is_first: bool,
    is_last: bool,
    content: Content,
    to: BTreeSet<SessionKey>,
}

/// What has been read of one snapshot or one `Changes`.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) head: Head,
    parts: Vec<Part>,
}

/// Reads a part of a snapshot.
///
/// # Errors
/// What it may not be.
pub(super) fn snapshot<P: Payload>(
    snapshot: &TopicSnapshot<'_, User, P>,
    to: Vec<SessionKey>,
) -> Result<(Head, Part), String> {
    let entries: Vec<_> = snapshot
        .entries()
        .map(|entry| (*entry.user, entry.session, entry.presence.map(Payload::said)))
        .collect();
    let sessions: BTreeSet<SessionId> = entries.iter().map(|(_, session, _)| *session).collect();
    if snapshot.len() != entries.len() || snapshot.is_empty() != entries.is_empty() {
        return Err(format!("a part with {} entries has {entries:?}", snapshot.len()));
    }
    if sessions.len() != entries.len() {
        return Err(format!("a session stands twice in {entries:?}"));
    }
    let head = Head {
        id: snapshot.id().get(),
        topic: *snapshot.topic(),
        view: snapshot.view(),
        counts: snapshot.counts(),
        is_snapshot: true,
    };
    let (is_first, is_last) = (snapshot.is_first(), snapshot.is_last());
    let content = Content::Entries(entries);
    Ok((head, Part { is_first, is_last, content, to: to.into_iter().collect() }))
}

/// Reads a part of what a tick tells.
///
/// # Errors
/// What it may not be.
pub(super) fn changes<P: Payload>(
    changes: &Changes<'_, User, P>,
    to: Vec<SessionKey>,
) -> Result<(Head, Part), String> {
    let mut gathered = Gathered::default();
    for change in changes.iter() {
        let is_over = !gathered.ended.is_empty() || !gathered.left.is_empty();
        let is_new = match change {
            TopicChange::Member { user, session, presence } => {
                let shown = (*user, presence.map(Payload::said));
                !is_over && gathered.shown.insert(session, shown).is_none()
            }
            TopicChange::SessionEnded { user, session } => {
                gathered.ended.insert(session, *user).is_none()
            }
            TopicChange::Left { user, reason } => {
                gathered.left.insert(*user, reason.into()).is_none()
            }
            _ => return Err("an unknown kind of change".into()),
        };
        if !is_new {
            return Err(format!("a change comes twice, or too late for {gathered:?}"));
        }
    }
    if changes.len() != gathered.len() || changes.is_empty() != gathered.is_empty() {
        return Err(format!("{} changes are {gathered:?}", changes.len()));
    }
    let head = Head {
        id: changes.id().get(),
        topic: *changes.topic(),
        view: changes.view(),
        counts: changes.counts(),
        is_snapshot: false,
    };
    let (is_first, is_last) = (changes.is_first(), changes.is_last());
    let content = Content::Changes(gathered);
    Ok((head, Part { is_first, is_last, content, to: to.into_iter().collect() }))
}

impl Part {
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Entries(entries) => entries.len(),
            Content::Changes(changes) => changes.len(),
        }
    }
}

impl Open {
    pub(super) const fn new(head: Head) -> Self {
        Self { head, parts: Vec::new() }
    }

    /// Returns whether a part may belong to it: those of other snapshots have other numbers, as
    /// long as there are others.
    pub(super) fn goes_on(&self, head: &Head, part: &Part) -> bool {
        let Some(last) = self.parts.last().filter(|_| self.head == *head) else { return false };
        head.id < u64::MAX || !last.is_last || last.is_like(part)
    }

    pub(super) fn add(&mut self, part: Part) {
        match self.parts.last_mut() {
            Some(last) if last.is_like(&part) => last.to.extend(part.to),
            _ => self.parts.push(part),
        }
    }

    /// Puts the parts together.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn close(self) -> Result<Decision, String> {
        let Self { head: Head { topic, view, counts, is_snapshot, .. }, mut parts } = self;
        let last = parts.len() - 1;
        let to = parts[0].to.clone();
        for (nth, part) in parts.iter().enumerate() {
            let is_marked = (part.is_first, part.is_last) == (nth == 0, nth == last);
            let is_empty = part.len() == 0 && last > 0;
            if !is_marked || is_empty || part.len() > CHUNK || part.to != to {
                return Err(format!("part {nth} of {} is {part:?}", last + 1));
            }
        }
        let (mut entries, mut changes) = (Vec::new(), Gathered::default());
        for part in parts.drain(..) {
            match part.content {
                Content::Entries(more) => entries.extend(more),
                Content::Changes(more) => {
                    changes.shown.extend(more.shown);
                    changes.ended.extend(more.ended);
                    changes.left.extend(more.left);
                }
            }
        }
        Ok(match is_snapshot {
            true => Decision::Topic { topic, view, counts, entries, to },
            false => Decision::Changes { topic, view, counts, changes, to },
        })
    }
}

impl Part {
    /// Returns whether this is the same part, for others.
    fn is_like(&self, other: &Self) -> bool {
        let own = (self.is_first, self.is_last, &self.content);
        own == (other.is_first, other.is_last, &other.content) && self.to.is_disjoint(&other.to)
    }
}
