//! One user: what there is to know, and the end of all sessions; what is said to users.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::asking::{ask, p};
use super::problem::Problem;
use super::reading::{Body, User, shown, users};
use crate::host::command::{Command, Node, SYSTEM_NODE, System};
use crate::host::question::{DirectAs, NotDirected, Question, SessionNow, UserNow};
use crate::host::shared::Shared;

pub(super) async fn user(
    State(shared): State<Arc<Shared>>,
    User(user): User,
) -> Result<Json<Value>, Problem> {
    let found = ask(&shared, |reply| Question::User(user.clone(), reply)).await?;
    let Some(UserNow { since_ms, visible, sessions }) = found else {
        return Ok(Json(json!({ "user": user.as_ref(), "online": false })));
    };
    let session = |session: &SessionNow| {
        let SessionNow { id, kind, attached, shown } = session;
        let shown = p(shown.as_ref());
        json!({ "s": id.to_string(), "kind": kind, "attached": attached, "p": shown })
    };
    let sessions: Vec<_> = sessions.iter().map(session).collect();
    Ok(Json(json!({
        "user": user.as_ref(), "online": true, "visible": visible, "since": since_ms,
        "sessions": sessions,
    })))
}

/// Ends all sessions of a user, who can come back.
pub(super) async fn end(
    State(shared): State<Arc<Shared>>,
    User(user): User,
) -> Result<Json<Value>, Problem> {
    let sessions = ask(&shared, |reply| Question::End(user, reply)).await?;
    Ok(Json(json!({ "sessions": sessions })))
}

/// What is shown to some users in the name of another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Direct {
    to: Vec<String>,
    p: Box<RawValue>,
    #[serde(rename = "for")]
    for_ms: Option<u64>,
}

pub(super) async fn direct(
    State(shared): State<Arc<Shared>>,
    User(user): User,
    Body(asked): Body<Direct>,
) -> Result<StatusCode, Problem> {
    let Direct { to, p, for_ms } = asked;
    let to = receivers(&shared, to)?;
    let presence = shown(&shared, &user, &p)?;
    let said = ask(&shared, |reply| {
        Question::Direct(Box::new(DirectAs { user, to, presence, for_ms, reply }))
    });
    match said.await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(NotDirected::Offline) => {
            Err(Problem::conflict("no_session", "this user is not connected"))
        }
        Err(NotDirected::Elsewhere) => {
            Err(Problem::conflict("elsewhere", "this user is connected to other nodes only"))
        }
        Err(NotDirected::Refused(fault)) => Err(Problem::of_fault(&fault)),
    }
}

/// A notice of the server's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notice {
    to: Vec<String>,
    p: Box<RawValue>,
}

pub(super) async fn system(
    State(shared): State<Arc<Shared>>,
    Body(Notice { to, p }): Body<Notice>,
) -> Result<Json<Value>, Problem> {
    let to = receivers(&shared, to)?;
    let presence = shown(&shared, SYSTEM_NODE, &p)?;
    let (reply, answer) = oneshot::channel();
    shared.command(Command::System(Box::new(System { to, presence, reply }))).await;
    let outcome = answer.await.map_err(|_| Problem::unavailable())?;
    Ok(Json(json!({ "delivered": outcome.delivered, "skipped": outcome.skipped })))
}

fn receivers(shared: &Shared, to: Vec<String>) -> Result<Vec<Node>, Problem> {
    if to.is_empty() {
        return Err(Problem::invalid("to names nobody"));
    }
    users(shared, to)
}
