//! What the host sends, and through what: JSON, and a bounded queue for each socket.

use adsum::host::{Application, Closing, Connection, ConnectionId, SessionEnd};
use adsum::{Entry, Notice, SessionId, Snapshot};
use axum::extract::ws::{CloseFrame, Message, close_code};
use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::sync::mpsc;

/// The queue of the task that writes to a socket.
pub(crate) struct Outbound(pub(crate) mpsc::Sender<Message>);

impl Connection<Message> for Outbound {
    fn send(&mut self, message: Message) -> Result<(), Message> {
        match self.0.try_send(message) {
            Err(mpsc::error::TrySendError::Full(message)) => Err(message),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }

    fn close(self, reason: Closing) {
        let code = if reason == Closing::ShutDown { close_code::AWAY } else { close_code::POLICY };
        let reason = format!("{reason:?}").into();
        // With a full queue the client is told no reason.
        let _ = self.0.try_send(Message::Close(Some(CloseFrame { code, reason })));
    }
}

/// Makes messages, and keeps the tokens to resume sessions with. They are random, because what
/// the engine gives out can be guessed.
#[derive(Default)]
pub(crate) struct Chat {
    connections: HashMap<String, ConnectionId>,
    tokens: HashMap<ConnectionId, String>,
}

impl Chat {
    pub(crate) fn new_token(&mut self, connection: ConnectionId) -> String {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system has random bytes");
        let token = format!("{:032x}", u128::from_le_bytes(bytes));
        self.connections.insert(token.clone(), connection);
        self.tokens.insert(connection, token.clone());
        token
    }

    /// Returns the connection of a token, which is used up by that.
    pub(crate) fn take_token(&mut self, token: &str) -> Option<ConnectionId> {
        let connection = self.connections.remove(token)?;
        self.tokens.remove(&connection);
        Some(connection)
    }
}

pub(crate) fn message(said: &Value) -> Message {
    Message::Text(said.to_string().into())
}

/// Returns a session's name for clients: a text, since JavaScript has no numbers of 64 bits.
fn name(session: SessionId) -> String {
    format!("{:x}", session.to_bits())
}

fn shown(user: &str, session: SessionId, presence: &Value) -> Value {
    json!({ "user": user, "session": name(session), "presence": presence })
}

impl Application<String, Value> for Chat {
    type Frame = Message;

    fn notice(&mut self, notice: &Notice<'_, String, Value>) -> Option<Message> {
        Some(message(&match *notice {
            Notice::Presence { user, session, presence, .. } => {
                json!({ "presence": shown(user, session, presence) })
            }
            Notice::SessionEnded { user, session, .. }
            | Notice::Withdrawn { user, session, .. } => {
                json!({ "ended": { "user": user, "session": name(session) } })
            }
            Notice::UserOffline { user, .. } => json!({ "offline": { "user": user } }),
            _ => return None,
        }))
    }

    /// Makes a frame of a part of a snapshot. Users who are not in the parts from the first to the
    /// last are gone.
    fn snapshot(&mut self, snapshot: &Snapshot<'_, String, Value>) -> Option<Message> {
        let all = snapshot.entries();
        let all = all.map(|Entry { user, session, presence, .. }| shown(user, session, presence));
        let (first, last) = (snapshot.is_first(), snapshot.is_last());
        let told = json!({ "first": first, "last": last, "shown": all.collect::<Vec<_>>() });
        Some(message(&json!({ "snapshot": told })))
    }

    fn ended(&mut self, ended: &SessionEnd<'_, String>) {
        if let Some(token) = self.tokens.remove(&ended.connection) {
            self.connections.remove(&token);
        }
    }
}
