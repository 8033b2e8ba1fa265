//! What is to be seen of one session, and how answers are compared.

use crate::state::Session;
use crate::{Model, Payload, User};
use adsum::{LostCause, SessionId, SessionKey};

/// What is to be seen of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    key: SessionKey,
    pub(super) id: SessionId,
    user: User,
    kind: u8,
    presence: Option<u32>,
    connected: u64,
    heard: u64,
    lost: Option<(u64, LostCause)>,
    is_congested: bool,
}

impl Seen {
    pub(super) fn of<P: Payload>(session: &adsum::Session<'_, User, P>) -> Self {
        Self {
            key: session.key,
            id: session.id,
            user: *session.user,
            kind: session.kind.0,
            presence: session.presence.map(Payload::said),
            connected: session.connected.as_millis(),
            heard: session.heard.as_millis(),
            lost: session.lost.map(|(at, cause)| (at.as_millis(), cause)),
            is_congested: session.is_congested,
        }
    }

    pub(super) fn expected(model: &Model, id: SessionId) -> Option<Self> {
        let session = model.sessions.get(&id)?;
        let Session { key, user, kind, presence, connected, heard, lost, .. } = *session;
        let is_congested = session.missed.is_some();
        Some(Self { key, id, user, kind, presence, connected, heard, lost, is_congested })
    }
}

/// Compares what the engine says with what the model says.
///
/// # Errors
/// Both, if they differ.
pub fn equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    engine: T,
    model: T,
) -> Result<(), String> {
    if engine == model {
        Ok(())
    } else {
        Err(format!("{what} is {engine:?}, and should be {model:?}"))
    }
}
