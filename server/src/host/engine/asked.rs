//! What sessions ask for in the neutral protocol.
//!
//! Each is answered here, after all that it makes its own session be told at once. All answers go
//! through here, those that the connection knew already included, so that they come in order.

use std::sync::Arc;

use adsum::{Decisions, Engine, Error, LostCause, SessionKey, Time, TopicKey};

use super::core::Core;
use super::edge_counter::unix_ms;
use crate::host::command::{Node, Presence};
use crate::host::v1::answers::{self, Done};
use crate::host::v1::code::Fault;
use crate::host::v1::grant::{Grant, Lists};
use crate::host::v1::told::{Note, Told};
use crate::host::v1::verb::{Asked, Lasts, Verb};

type Decided<'e> = Result<Decisions<'e, Node, Presence>, Error>;

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
            Verb::Invisible => self.hide(now, session),
            Verb::Visible => self.show_again(now, session),
            Verb::Ping => self.decide(now, |engine| engine.heartbeat(now, session))?,
            Verb::Active => self.decide(now, |engine| engine.active(now, session))?,
            Verb::Withdraw => self.decide(now, |engine| engine.withdraw(now, session))?,
            Verb::Direct { to, shown, for_ms } => {
                self.note_person(now, session);
                self.decide(now, |engine| match for_ms {
                    None => engine.direct(now, session, &to, shown),
                    Some(for_ms) => engine.direct_for(now, session, &to, shown, for_ms),
                })?;
            }
            Verb::Watch(users) => self.decide(now, |engine| engine.watch(now, session, users))?,
            in_topic => return self.do_in_topic(now, session, in_topic),
        }
        Ok(nothing)
    }

    fn do_in_topic(&mut self, now: Time, session: SessionKey, verb: Verb) -> Result<Done, Fault> {
        match verb {
            Verb::Join { topic, join } => self.decide(now, |engine| {
                engine.join(now, session, topic, join).map(|(_, decisions)| decisions)
            })?,
            Verb::Update { topic, shown } => {
                let topic = self.topic(&topic, now)?;
                let decisions = self.engine.update(now, session, topic, shown);
                let decisions = decisions.map_err(|error| Fault::of_engine(error, now))?;
                let waits_ms = decisions.waits_until().map(|until| until.since(now));
                self.dispatch.carry_out(decisions);
                return Ok(Done { waits_ms, ..Done::default() });
            }
            Verb::Leave { topic } => {
                let topic = self.topic(&topic, now)?;
                self.decide(now, |engine| engine.leave(now, session, topic))?;
            }
            Verb::Look { topic, view } => {
                let topic = self.topic(&topic, now)?;
                self.decide(now, |engine| engine.look(now, session, topic, view))?;
            }
            Verb::LookAt { topic, users } => {
                let topic = self.topic(&topic, now)?;
                self.decide(now, |engine| engine.look_at(now, session, topic, users))?;
            }
            Verb::Say { topic, shown, for_ms } => {
                let topic = self.topic(&topic, now)?;
                self.decide(now, |engine| engine.say(now, session, topic, shown, for_ms))?;
            }
            // All others are not about topics.
            _ => {}
        }
        Ok(Done::default())
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
        let waits_until = match for_ms {
            None => self.publish(session, |engine| engine.publish(now, session, shown)),
            Some(for_ms) => {
                let until = now.saturating_add(for_ms);
                self.publish(session, |engine| {
                    engine.publish_until(now, session, shown, until, then)
                })
            }
        };
        let waits_until = waits_until.map_err(|error| Fault::of_engine(error, now))?;
        let waits_ms = waits_until.map(|until| until.since(now));
        Ok(Done { waits_ms, ..Done::default() })
    }

    /// Ends watches, and says of whom the session is told nothing any more.
    fn unwatch_as_asked(
        &mut self,
        now: Time,
        session: SessionKey,
        users: Vec<Node>,
    ) -> Result<Done, Fault> {
        let named = users.iter().map(AsRef::<str>::as_ref);
        self.decide(now, |engine| engine.unwatch(now, session, named))?;
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
            let contacts = contacts.into_iter().map(Node::from);
            let result = self.engine.audience_replace(now, &user, contacts);
            self.dispatch.carry_out_if_taken(result);
            let before: Vec<_> = self.engine.blocked(&user).cloned().collect();
            for other in before.iter().filter(|other| !blocked.iter().any(|b| **b == ***other)) {
                let result = self.engine.unblock(now, &user, other);
                self.dispatch.carry_out_if_taken(result);
            }
            for other in blocked.into_iter().map(Node::from) {
                if !before.contains(&other) {
                    let result = self.engine.block(now, &user, other);
                    self.dispatch.carry_out_if_taken(result);
                }
            }
            self.review_silent(&user);
        }
        let topics = self.engine.topics_of(session);
        let closed = topics.filter(|topic| !grant.topics.let_in(topic.name()));
        let closed: Vec<_> = closed.map(|topic| (topic.key(), topic.name().clone())).collect();
        for (key, topic) in closed {
            self.dispatch.carry_out_if_taken(self.engine.leave(now, session, key));
            let (topic, reason) = (Some(topic), Some("removed"));
            let note = Note { op: "closed", topic, reason, ..Note::default() };
            self.dispatch.tell(Told::Note(note), &[session.slot()]);
        }
        if let Some(entry) = self.dispatch.sessions.get_mut(session) {
            entry.grant = Some(grant);
        }
    }

    /// Detaches a session whose connection the server closes, for so long at least.
    pub(super) fn send_away(&mut self, now: Time, session: SessionKey, for_ms: u64) {
        self.dispatch.detach(session);
        let grace = self.engine.options().grace.going_away_ms.max(for_ms);
        let result = self.engine.lost_with_grace(now, session, LostCause::GoingAway, grace);
        self.dispatch.carry_out_if_taken(result);
    }

    /// Carries out what the engine decides on a verb.
    fn decide(
        &mut self,
        now: Time,
        verb: impl FnOnce(&mut Engine<Node, Presence>) -> Decided<'_>,
    ) -> Result<(), Fault> {
        match verb(&mut self.engine) {
            Ok(decisions) => {
                self.dispatch.carry_out(decisions);
                Ok(())
            }
            Err(error) => {
                self.metrics.refused(error);
                Err(Fault::of_engine(error, now))
            }
        }
    }

    /// Returns the key of a topic by its name.
    fn topic(&self, name: &Node, now: Time) -> Result<TopicKey, Fault> {
        let topic = self.engine.topic(name).map(|topic| topic.key());
        topic.ok_or_else(|| Fault::of_engine(Error::UnknownTopic, now))
    }
}
