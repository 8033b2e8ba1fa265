//! What sessions ask for in the neutral protocol.
//!
//! Each is answered here, after all that it makes its own session be told at once. All answers go
//! through here, those that the connection knew already included, so that they come in order.

use std::collections::HashSet;
use std::sync::Arc;

use adsum::{Error, Event, LostCause, SessionKey, Time, TopicKey};

use super::core::Core;
use super::edge_counter::unix_ms;
use crate::host::command::{Node, Presence};
use crate::host::v1::answers::{self, Done};
use crate::host::v1::code::Fault;
use crate::host::v1::grant::{Grant, Lists};
use crate::host::v1::told::{Note, Told};
use crate::host::v1::verb::{Asked, Lasts, Verb};

impl Core {
    pub(super) fn asked(&mut self, now: Time, asked: Asked) {
        let Asked { session, n, verb } = asked;
        let is_ping = matches!(verb, Verb::Ping);
        let answer = match self.do_asked(now, session, verb) {
            Ok(done) if n.is_some() || is_ping => answers::ok(n, &done),
            Ok(_) => return,
            Err(fault) => {
                self.metrics.frame_refused(fault.code.text());
                answers::err(n, &fault)
            }
        };
        self.dispatch.send_frame(session, &answer);
    }

    fn do_asked(&mut self, now: Time, session: SessionKey, verb: Verb) -> Result<Done, Fault> {
        let nothing = Done::default();
        match verb {
            Verb::Publish { shown, lasts, then } => {
                return self.publish_as_asked(now, session, shown, lasts, then);
            }
            Verb::Unwatch(users) => return self.unwatch_as_asked(now, session, users),
            Verb::Renew { grant, lists } => {
                let until = grant.until_ms;
                self.renew(now, session, grant, Some(lists));
                return Ok(Done { until, ..nothing });
            }
            Verb::Refused(fault) => return Err(fault),
            Verb::Done(done) => return Ok(done),
            Verb::Roster(frames) => self.tell_roster(session, &frames),
            Verb::Invisible => self.hide(now, session),
            Verb::Visible => self.show_again(now, session),
            Verb::Ping => return self.done(now, Event::Heartbeat { session }),
            Verb::Active => return self.done(now, Event::Active { session }),
            Verb::Withdraw => return self.done(now, Event::Withdraw { session }),
            Verb::Direct { to: users, shown: presence, for_ms } => {
                self.note_person(now, session);
                let event = match for_ms {
                    None => Event::Direct { session, users, presence },
                    Some(for_ms) => Event::DirectFor { session, users, presence, for_ms },
                };
                return self.done(now, event);
            }
            Verb::Watch(users) => return self.done(now, Event::Watch { session, users }),
            in_topic => {
                if let Some(event) = self.in_topic(now, session, in_topic)? {
                    return self.done(now, event);
                }
            }
        }
        Ok(nothing)
    }

    /// Returns what a verb about a topic is to the engine; `None` for all others.
    fn in_topic(
        &self,
        now: Time,
        session: SessionKey,
        verb: Verb,
    ) -> Result<Option<Event<Node, Presence>>, Fault> {
        let event = match verb {
            Verb::Join { topic, join } => Event::Join { session, topic, join },
            Verb::Update { topic, shown: presence } => {
                Event::Update { session, topic: self.topic(&topic, now)?, presence }
            }
            Verb::Leave { topic } => Event::Leave { session, topic: self.topic(&topic, now)? },
            Verb::Look { topic, view } => {
                Event::Look { session, topic: self.topic(&topic, now)?, view }
            }
            Verb::LookAt { topic, users } => {
                Event::LookAt { session, topic: self.topic(&topic, now)?, users }
            }
            Verb::Say { topic, shown: presence, for_ms } => {
                Event::Say { session, topic: self.topic(&topic, now)?, presence, for_ms }
            }
            _ => return Ok(None),
        };
        Ok(Some(event))
    }

    fn publish_as_asked(
        &mut self,
        now: Time,
        session: SessionKey,
        shown: Presence,
        lasts: Option<Lasts>,
        then: Option<Presence>,
    ) -> Result<Done, Fault> {
        self.note_person(now, session);
        let for_ms = lasts.map(|lasts| match lasts {
            Lasts::For(for_ms) => for_ms,
            Lasts::Until(until) => until.saturating_sub(unix_ms()),
        });
        let presence = shown;
        let event = match for_ms {
            None => Event::Publish { session, presence },
            Some(for_ms) => {
                let until = now.saturating_add(for_ms);
                Event::PublishUntil { session, presence, until, then }
            }
        };
        done(now, self.publish(now, session, event))
    }

    /// Ends watches, and says of whom the session is told nothing any more.
    fn unwatch_as_asked(
        &mut self,
        now: Time,
        session: SessionKey,
        users: Vec<Node>,
    ) -> Result<Done, Fault> {
        self.done(now, Event::Unwatch { session, users: users.clone() })?;
        let is_unseen = |user: &Node| !self.engine.session_sees(session, user);
        let forget = users.into_iter().filter(is_unseen).collect();
        Ok(Done { forget: Some(forget), ..Done::default() })
    }

    /// Goes on with what another token says, and takes the session out of topics that it may not
    /// be in by that.
    pub(super) fn renew(
        &mut self,
        now: Time,
        session: SessionKey,
        grant: Arc<Grant>,
        lists: Option<Lists>,
    ) {
        let Some(user) = self.engine.user_of(session).cloned() else { return };
        if let Some(Lists { contacts, blocked }) = lists {
            let contacts = contacts.into_iter().map(Node::from).collect();
            self.give(now, Event::AudienceReplace { user: user.clone(), contacts });
            let before: Vec<_> = self.engine.blocked(&user).cloned().collect();
            let blocked: Vec<_> = blocked.into_iter().map(Node::from).collect();
            for other in lacking(&before, &blocked) {
                self.give(now, Event::Unblock { user: user.clone(), other });
            }
            for other in lacking(&blocked, &before) {
                self.give(now, Event::Block { user: user.clone(), other });
            }
            self.review_silent(&user);
        }
        let topics = self.engine.topics_of(session);
        let closed = topics.filter(|topic| !grant.topics.let_in(topic.name()));
        let closed: Vec<_> = closed.map(|topic| (topic.key(), topic.name().clone())).collect();
        for (topic, name) in closed {
            self.give(now, Event::Leave { session, topic });
            let (topic, reason) = (Some(name), Some("removed"));
            let note = Note { op: "closed", topic, reason, ..Note::default() };
            self.dispatch.tell(Told::Note(note), &[session.slot()]);
        }
        if let Some(entry) = self.dispatch.sessions.get_mut(session) {
            entry.grant = Some(grant);
        }
    }

    /// Detaches a session whose connection the server closes, for so long at least.
    pub(super) fn send_away(&mut self, now: Time, session: SessionKey, for_ms: u64) {
        self.say_late_word(session);
        self.dispatch.detach(session);
        let grace = self.engine.options().grace.going_away_ms.max(for_ms);
        let cause = LostCause::GoingAway;
        self.give(now, Event::Lost { session, cause, grace_ms: Some(grace) });
    }

    /// Gives the engine an input, and returns what the answer says of it.
    fn done(&mut self, now: Time, event: Event<Node, Presence>) -> Result<Done, Fault> {
        done(now, self.decide(now, event))
    }

    /// Returns the key of a topic by its name.
    fn topic(&self, name: &Node, now: Time) -> Result<TopicKey, Fault> {
        let topic = self.engine.topic(name).map(|topic| topic.key());
        topic.ok_or_else(|| Fault::of_engine(Error::UnknownTopic, now))
    }
}

/// Returns what the answer says to what the engine has taken, or refused.
fn done(now: Time, taken: Result<Option<Time>, Error>) -> Result<Done, Fault> {
    let waits_until = taken.map_err(|error| Fault::of_engine(error, now))?;
    let waits_ms = waits_until.map(|until| until.since(now));
    Ok(Done { waits_ms, ..Done::default() })
}

/// Returns those of a list that are not in another.
fn lacking(list: &[Node], other: &[Node]) -> Vec<Node> {
    let other: HashSet<_> = other.iter().collect();
    list.iter().filter(|one| !other.contains(one)).cloned().collect()
}
