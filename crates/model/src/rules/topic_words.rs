//! What is said in topics (rule T11a).

use crate::{Decision, Model, Notice, Output, User};
use adsum::{Error, SessionId, SessionKey, TopicKey};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn say(
        &mut self,
        now: u64,
        key: SessionKey,
        topic: TopicKey,
        presence: u32,
        for_ms: Option<u64>,
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        let name = self.find_member(id, topic)?;
        let now = self.clamp(now);
        for_ms.map_or(Ok(()), |for_ms| self.must_not_last_longer(for_ms))?;
        self.take_direct_token(id, now)?;
        self.accept_from(now, id);
        let order = self.moments;
        let end = for_ms.map(|for_ms| (now.saturating_add(for_ms), order));
        let before = self.place_mut(name, id).said.replace(end);
        let user = self.sessions[&id].user;
        let hearers = self.hearers(name, id);
        let (skipped, told): (BTreeSet<_>, BTreeSet<_>) =
            hearers.into_iter().partition(|id| self.sessions[id].missed.is_some());
        let notice = Notice::Said { topic: name, user, session: id, presence };
        let mut out = Output::default();
        self.deliver(&mut out, notice.clone(), &told);
        if !skipped.is_empty() {
            if before.is_some() {
                // They hold what was said before, which nothing ends any more.
                self.told_or_marked(name, &skipped);
            }
            let to = self.attachments(&skipped);
            out.decisions.push(Decision::Skipped { notice, to });
        }
        Ok(out)
    }

    /// What a session said in a topic is over by itself.
    pub(super) fn end_said(&mut self, out: &mut Output, name: User, id: SessionId) {
        self.place_mut(name, id).said = None;
        let user = self.sessions[&id].user;
        let hearers = self.hearers(name, id);
        self.tell_said_over(out, name, (user, id), &hearers);
    }

    pub(super) fn tell_said_over(
        &mut self,
        out: &mut Output,
        name: User,
        (user, session): (User, SessionId),
        hearers: &BTreeSet<SessionId>,
    ) {
        let told = self.told_or_marked(name, hearers);
        self.deliver(out, Notice::SaidOver { topic: name, user, session }, &told);
    }
}
