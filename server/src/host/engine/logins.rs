//! The beginnings of sessions and of their attachments: logins, and resumes.

use adsum::{DeviceKind, Error, Event, SessionKey, Time};
use adsum_tim::{Form, Kind, TimAck, TimPresence};

use super::core::Core;
use super::engines::{Answer, Taken};
use super::sessions::Entry;
use crate::host::command::{Connect, LoggedIn, Resume, Resumed};
use crate::host::roster_messages::{INVISIBLE, VISIBLE};
use crate::host::transport::socket::{Receiver, Socket};

/// Close code of this server's own: the session goes on, on another connection.
const RESUMED: u16 = 4_004;

impl Core {
    pub(super) fn connect(&mut self, now: Time, mut connect: Connect) {
        let requests = std::mem::take(&mut connect.requests);
        let (reply, login) = (connect.reply, connect.login);
        let Connect { node, audience, blocked, invisible, ack, .. } = connect;
        let was_invisible = self.engine.is_invisible(&node);
        let kind = DeviceKind(login.tid.termtyp.unwrap_or_default() as u8 as _);
        let connect = Event::Connect {
            user: node.clone(),
            kind,
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
        let LoggedIn { socket, form, tid, secret } = login;
        socket.belongs_to(session, Receiver { node: node.clone(), form });
        answer(&socket, form, ack, was_invisible || invisible);
        let socket = Some(socket);
        let entry = Entry { node, form, tid, socket, secret, sync: 0, owed_visibility: false };
        self.dispatch.attach(session, entry);
        self.dispatch.carry_out(decisions);
        if invisible && !was_invisible {
            self.hide(now, session);
        } else if was_invisible {
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
        let Resume { shown, socket, form, secret, ack, requests, reply } = resume;
        let Some(before) = self.dispatch.sessions.named_by(shown) else {
            let _ = reply.send(None);
            return;
        };
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
        self.dispatch.close(before, RESUMED, "the session goes on, on another connection");
        let Some(entry) = self.dispatch.sessions.remove(before) else { return };
        let (node, tid) = (entry.node.clone(), entry.tid.clone());
        socket.belongs_to(session, Receiver { node, form });
        answer(&socket, form, ack, invisible);
        let socket = Some(socket);
        let entry = Entry { socket, form, secret, owed_visibility: false, ..*entry };
        self.dispatch.attach(session, entry);
        self.dispatch.carry_out(decisions);
        self.send_own_presence(session);
        if invisible {
            self.send_visibility(session, true);
        }
        for request in requests {
            self.send_message(session, &request);
        }
        let _ = reply.send(Some(Resumed { session, tid }));
    }

    /// Tells a session what it shows itself: its client may have forgotten.
    fn send_own_presence(&self, session: SessionKey) {
        let Some(presence) = self.engine.presence(session).cloned() else { return };
        self.dispatch.send(TimPresence::clone(&presence), &[session.slot()]);
    }
}

/// Returns the new key too, if a connect or a resume was taken.
fn new_attachment(answer: Answer<'_>) -> Result<(SessionKey, Taken<'_>), Error> {
    let taken = answer?;
    // It always has one.
    let session = taken.session().ok_or(Error::UnknownSession)?;
    Ok((session, taken))
}

/// Answers a login, and says whether its user is visible: tim has no word for that, and leaves the
/// second number of this ack free. It goes into the queue here and now, before all that the
/// writer's thread and the connection's own task will put there.
fn answer(socket: &Socket, form: Form, ack: TimAck, invisible: bool) {
    let t2 = Some(if invisible { INVISIBLE } else { VISIBLE }.into());
    socket.append_answer(&TimAck { t2, ..ack }.to_frame(form, Kind::ACK));
}
