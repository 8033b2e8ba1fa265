//! The beginnings of sessions and of their attachments: logins, and resumes.

use adsum::{DeviceKind, Error, Event, SessionKey, Time};
use adsum_tim::{Kind, TimAck, TimPresence};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::core::Core;
use super::edge_counter::unix_ms;
use super::engines::{self, Taken};
use super::sessions::{Entry, Heard};
use crate::host::command::{Answer, Connect, LoggedIn, Presence, Resume, Resumed};
use crate::host::roster_messages::{INVISIBLE, VISIBLE};
use crate::host::transport::socket::{Receiver, Socket};
use crate::host::transport::wire::Wire;
use crate::host::v1::answers::Welcome;
use crate::host::v1::bye::Bye;
use crate::host::v1::table;

/// How often a client is to say something where nobody waits for it.
const NO_LEASE_MS: u64 = 30_000;

impl Core {
    pub(super) fn connect(&mut self, now: Time, mut connect: Connect) {
        let requests = std::mem::take(&mut connect.requests);
        let (reply, login) = (connect.reply, connect.login);
        let Connect { node, audience, blocked, invisible, answer, kind, .. } = connect;
        let connect = Event::Connect {
            user: node.clone(),
            kind: DeviceKind(kind),
            audience: audience.into_iter().map(Into::into).collect(),
            blocked: blocked.into_iter().map(Into::into).collect(),
        };
        let (session, decisions) = match new_attachment(self.engine.apply(now, connect)) {
            Ok(connected) => connected,
            Err(error) => {
                self.metrics.refused(error);
                let _ = reply.send(Err(error));
                return;
            }
        };
        let LoggedIn { socket, wire, tid, secret, seat } = login;
        socket.belongs_to(session, Receiver { node: SmolStr::new(&node), wire });
        let grant = match &answer {
            Answer::Tim(_) => None,
            Answer::V1(hello) => hello.grant.clone(),
        };
        let entry = Entry {
            node: node.clone(),
            wire,
            tid,
            socket: Some(socket.clone()),
            secret,
            sync: 0,
            owed_visibility: false,
            roster: Heard::No,
            grant,
            _seat: seat,
        };
        self.dispatch.hold_back();
        self.dispatch.attach(session, entry);
        self.dispatch.v1_notices.hides = invisible;
        self.dispatch.carry_out(decisions);
        self.dispatch.v1_notices.hides = false;
        // As it is now: with a session whose grace was over by then the user's invisibility ended.
        let is_invisible = self.engine.is_invisible(&node);
        self.answer_login(session, &socket, answer, !(is_invisible || invisible), false);
        if invisible && !is_invisible {
            self.hide(now, session);
        } else if is_invisible {
            self.send_visibility(session, true);
        }
        for request in requests {
            self.send_message(session, &request);
        }
        let _ = reply.send(Ok(session));
    }

    /// Makes a session's user invisible, and tells all of the user's sessions.
    pub(super) fn hide(&mut self, now: Time, session: SessionKey) {
        self.give(now, Event::Invisible { session });
        if let Some(user) = self.engine.user_of(session).cloned() {
            self.review_silent(&user);
        }
        self.send_visibility_to_all(session);
    }

    pub(super) fn resume(&mut self, now: Time, resume: Resume) {
        let Resume { shown, socket, wire, secret, mut answer, requests, reply } = resume;
        let named = self.dispatch.sessions.named_by(shown);
        let Some(before) = named.filter(|before| self.may_resume(*before, wire, &answer)) else {
            let _ = reply.send(None);
            return;
        };
        self.say_late_word(before);
        let invisible =
            self.engine.user_of(before).is_some_and(|user| self.engine.is_invisible(user));
        let resumed = self.engine.apply(now, Event::Resume { session: before });
        let (session, decisions) = match new_attachment(resumed) {
            Ok(resumed) => resumed,
            Err(error) => {
                self.metrics.refused(error);
                let _ = reply.send(None);
                return;
            }
        };
        self.dispatch.close(before, Bye::Replaced, "the session goes on, on another connection");
        let Some(entry) = self.dispatch.sessions.remove(before) else { return };
        let (node, tid) = (entry.node.clone(), entry.tid.clone());
        let (shown_grant, lists) = match &mut answer {
            Answer::Tim(_) => (None, None),
            Answer::V1(hello) => (hello.grant.take(), hello.lists.take()),
        };
        let grant = shown_grant.clone().or_else(|| entry.grant.clone());
        socket.belongs_to(session, Receiver { node: SmolStr::new(&node), wire });
        let own = Some(socket.clone());
        let entry = Entry {
            socket: own,
            wire,
            secret,
            owed_visibility: false,
            roster: Heard::No,
            grant: grant.clone(),
            ..*entry
        };
        self.dispatch.hold_back();
        self.dispatch.attach(session, entry);
        self.dispatch.carry_out(decisions);
        self.answer_login(session, &socket, answer, !invisible, true);
        if wire.form().is_some() {
            self.send_own_presence(session);
            if invisible {
                self.send_visibility(session, true);
            }
        }
        if let Some(grant) = shown_grant {
            self.renew(now, session, grant, lists);
        }
        for request in requests {
            self.send_message(session, &request);
        }
        let _ = reply.send(Some(Resumed { session, tid, grant }));
    }

    /// Returns whether a session goes on here: in the protocol that it spoke, and with a token that
    /// is still good.
    fn may_resume(&self, before: SessionKey, wire: Wire, answer: &Answer) -> bool {
        let Some(entry) = self.dispatch.sessions.get(before) else { return false };
        let is_good = match answer {
            Answer::Tim(_) => true,
            Answer::V1(hello) => {
                let grant = hello.grant.as_ref().or(entry.grant.as_ref());
                grant.is_some_and(|grant| grant.holds(unix_ms()))
            }
        };
        is_good && (entry.wire == Wire::V1) == (wire == Wire::V1)
    }

    /// Answers a login, before all that the writer was to write and that was held back.
    fn answer_login(
        &mut self,
        session: SessionKey,
        socket: &Socket,
        answer: Answer,
        visible: bool,
        resumed: bool,
    ) {
        if let Some(frame) = self.answer_of(session, answer, visible, resumed) {
            socket.append_answer(&frame);
        }
        self.dispatch.let_go();
    }

    fn answer_of(
        &self,
        session: SessionKey,
        answer: Answer,
        visible: bool,
        resumed: bool,
    ) -> Option<Vec<u8>> {
        let entry = self.dispatch.sessions.get(session)?;
        let hello = match answer {
            // tim has no word for whether one is visible, and leaves the second number of this ack
            // free.
            Answer::Tim(ack) => {
                let t2 = Some(if visible { VISIBLE } else { INVISIBLE }.into());
                return Some(TimAck { t2, ..ack }.to_frame(entry.form()?, Kind::ACK));
            }
            Answer::V1(hello) => hello,
        };
        let id = self.dispatch.v1_notices.id(self.engine.id_of(session)?);
        let options = self.engine.options();
        let json = |shown: &Presence| RawValue::from_string(table::p_of(shown).into_owned()).ok();
        let end = self.engine.presence_end(session);
        let (mut topics, mut observes) = (Vec::new(), Vec::new());
        for topic in self.engine.topics_of(session) {
            topics.push(&**topic.name());
            if !topic.is_member(session) {
                observes.push(&**topic.name());
            }
        }
        let welcome = Welcome {
            op: "welcome",
            n: hello.n,
            u: &entry.node,
            s: &id.to_string(),
            resume: &entry.secret.text(),
            resumed,
            visible,
            now: unix_ms(),
            ping_ms: options.lease.map_or(NO_LEASE_MS, |lease| lease.heartbeat_ms),
            until: entry.grant.as_ref().and_then(|grant| grant.until_ms),
            p: self.engine.presence(session).and_then(json),
            for_ms: end.map(|(until, _)| until.since(self.engine.now())),
            then: end.and_then(|(_, then)| then).and_then(json),
            topics,
            observes,
            seen: !resumed && visible && self.is_seen_without(&entry.node, session),
        };
        Some(welcome.frame())
    }

    /// Returns whether others can see that a user who is visible is there, be it without this
    /// session: another one shows something, or is a member of a topic.
    fn is_seen_without(&self, user: &str, session: SessionKey) -> bool {
        let is_in_topic = |of| self.engine.topics_of(of).any(|topic| topic.presence(of).is_some());
        let mut sessions = self.engine.user_sessions(user);
        sessions.any(|of| of.key != session && (of.presence.is_some() || is_in_topic(of.key)))
    }

    /// Tells a session what it shows itself: its client may have forgotten.
    fn send_own_presence(&mut self, session: SessionKey) {
        let Some(presence) = self.engine.presence(session).cloned() else { return };
        self.dispatch.send(TimPresence::clone(&presence), &[session.slot()]);
    }
}

/// Returns the new key too, if a connect or a resume was taken.
fn new_attachment(answer: engines::Answer<'_>) -> Result<(SessionKey, Taken<'_>), Error> {
    let taken = answer?;
    // It always has one.
    let session = taken.session().ok_or(Error::UnknownSession)?;
    Ok((session, taken))
}
