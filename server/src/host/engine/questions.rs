//! Answers what an application asks for over HTTP.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use adsum::{Event, Session, SessionKey, Time};

use super::core::Core;
use crate::host::command::{Node, Presence};
use crate::host::question::{
    DirectAs, ListsNow, MemberNow, MembersAfter, MembersPage, NotDirected, Question, SessionNow,
    TopicNow, UserNow,
};
use crate::host::v1::code::Fault;

impl Core {
    pub(super) fn answer_question(&mut self, now: Time, question: Question) {
        // Whoever asked may have gone meanwhile.
        match question {
            Question::User(user, reply) => {
                let _ = reply.send(self.user_now(&user));
            }
            Question::Lists(user, reply) => {
                let _ = reply.send(self.lists_now(&user));
            }
            Question::End(user, reply) => {
                // Those at other servers are ended there, later than this.
                let sessions = self.engine.sessions(&user).len();
                self.give(now, Event::Expel { user });
                let _ = reply.send(sessions);
            }
            Question::Direct(direct) => {
                let DirectAs { user, to, presence, for_ms, reply } = *direct;
                let event = self.session_for(&user).map(|session| match for_ms {
                    None => Event::Direct { session, users: to, presence },
                    Some(for_ms) => Event::DirectFor { session, users: to, presence, for_ms },
                });
                let _ = reply.send(event.and_then(|event| {
                    let refused = |error| NotDirected::Refused(Fault::of_engine(error, now));
                    self.decide(now, event).map(drop).map_err(refused)
                }));
            }
            Question::Topic(topic, reply) => {
                let counts = self.engine.topic(&topic).map(|topic| topic.counts());
                let _ = reply.send(counts.unwrap_or_default());
            }
            Question::Topics(limit, reply) => {
                let _ = reply.send(self.largest_topics(limit));
            }
            Question::Members(asked) => {
                let MembersAfter { topic, cursor, limit, reply } = *asked;
                let _ = reply.send(self.members_after(&topic, cursor, limit));
            }
        }
    }

    fn user_now(&self, user: &Node) -> Option<UserNow> {
        let since_ms = self.dispatch.online.get(user)?.since_ms;
        let session = |session: Session<'_, Node, Presence>| SessionNow {
            id: self.dispatch.v1_notices.id(session.id),
            kind: session.kind.0,
            attached: session.is_attached(),
            shown: session.presence.cloned(),
        };
        let sessions = self.engine.user_sessions(user).map(session).collect();
        Some(UserNow { since_ms, visible: !self.engine.is_invisible(user), sessions })
    }

    fn lists_now(&self, user: &Node) -> Option<ListsNow> {
        self.engine.is_online(user).then(|| ListsNow {
            contacts: self.engine.audience(user).cloned().collect(),
            blocked: self.engine.blocked(user).cloned().collect(),
        })
    }

    /// Returns the session here in whose name something is said for a user: the newest.
    fn session_for(&self, user: &Node) -> Result<SessionKey, NotDirected> {
        let attached = self.engine.user_sessions(user).filter(Session::is_attached);
        let attached: Vec<_> = attached.map(|session| session.key).collect();
        let here = attached.iter().rev().find(|key| self.dispatch.sessions.get(**key).is_some());
        match here {
            Some(session) => Ok(*session),
            None if attached.is_empty() => Err(NotDirected::Offline),
            None => Err(NotDirected::Elsewhere),
        }
    }

    /// Returns the topics with the most users, the largest first.
    fn largest_topics(&self, limit: usize) -> Vec<TopicNow> {
        let mut largest = BinaryHeap::with_capacity(limit + 1);
        for topic in self.engine.topics() {
            let (users, name) = (topic.counts().users, topic.name().clone());
            largest.push(Reverse(TopicNow { users, name }));
            if largest.len() > limit {
                largest.pop();
            }
        }
        largest.into_sorted_vec().into_iter().map(|Reverse(topic)| topic).collect()
    }

    fn members_after(&self, topic: &Node, cursor: u64, limit: usize) -> MembersPage {
        let Some(topic) = self.engine.topic(topic) else { return MembersPage::default() };
        let (mut members, mut last) = (Vec::<MemberNow>::new(), cursor);
        for member in topic.members_after(cursor) {
            let session = (self.dispatch.v1_notices.id(member.session), member.presence.cloned());
            // The sessions of one user have one cursor, and come one after the other.
            if let Some(same) = members.last_mut().filter(|_| member.cursor == last) {
                same.sessions.push(session);
                continue;
            }
            if members.len() == limit {
                return MembersPage { members, next: Some(last) };
            }
            last = member.cursor;
            members.push(MemberNow { user: member.user.clone(), sessions: vec![session] });
        }
        MembersPage { members, next: None }
    }
}
