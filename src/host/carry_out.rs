//! Decisions become frames, and calls of the application.

use crate::decision::Decision;
use crate::decisions::Decisions;
use crate::host::connection::{Application, Closing, Connection, SessionEnd};
use crate::host::connections::Connections;
use crate::key::Slot;
use crate::snapshot::Scope;
use core::hash::{BuildHasher, Hash};

/// Carries out the decisions about one input. `catches_up` is who takes notices again by it.
pub(super) fn carry_out<K, P, A, C, S>(
    decisions: Decisions<'_, K, P, S>,
    catches_up: Option<Slot>,
    connections: &mut Connections<A::Frame, C>,
    application: &mut A,
) where
    K: Eq + Hash,
    A: Application<K, P>,
    C: Connection<A::Frame>,
    S: BuildHasher,
{
    // Whom a snapshot of its topics is not dropped for, though there are more than fit: what makes
    // good for one that is dropped would have as many.
    let mut anew = catches_up;
    decisions.for_each(|decision| match decision {
        Decision::Deliver { notice, to } => {
            let Some(frame) = application.notice(&notice) else { return };
            to.iter().for_each(|slot| connections.send_notice(*slot, frame.clone()));
        }
        Decision::Snapshot(snapshot) => {
            if snapshot.scope() == Scope::Everything {
                anew = Some(snapshot.to());
            }
            let Some(frame) = application.snapshot(&snapshot) else { return };
            match snapshot.scope() {
                Scope::Everything => connections.send_snapshot(snapshot.to(), frame),
                // Where it finds no room, a snapshot of everything makes good for it.
                Scope::Users => connections.send_notice(snapshot.to(), frame),
            }
        }
        Decision::Skipped { notice, to } => application.skipped(&notice, to.len()),
        Decision::Topic(snapshot) => {
            let Some(frame) = application.topic(&snapshot) else { return };
            for slot in snapshot.to() {
                match anew == Some(*slot) {
                    true => connections.send_snapshot(*slot, frame.clone()),
                    false => connections.send_notice(*slot, frame.clone()),
                }
            }
        }
        Decision::Changes(changes) => {
            let Some(frame) = application.topic_changes(&changes) else { return };
            changes.to().iter().for_each(|slot| connections.send_notice(*slot, frame.clone()));
        }
        Decision::TopicOccupied { topic, key } => application.topic_occupied(topic, key),
        Decision::TopicVacated { topic, key } => application.topic_vacated(topic, key),
        // Of a session that was resumed, the host has closed the old connection already.
        Decision::Close { session, reason, resumable } => {
            connections.close(session, Closing::Engine { reason, resumable });
        }
        Decision::Online { user, session, visible } => {
            let Some(connection) = connections.id(session) else { return };
            application.online(user, connection, visible);
        }
        Decision::Ended { user, session, reason, since, last, visible, .. } => {
            let connection = connections.id(session);
            connections.remove(session, Closing::Caller);
            let Some(connection) = connection else { return };
            let ended = SessionEnd { user, connection, session, reason, since, last, visible };
            application.ended(&ended);
        }
    });
}
