//! Who is online.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::asking::{LIMIT, MAX_PAGE, PAGE};
use super::problem::Problem;
use super::reading::Body;
use crate::host::command::{Command, Node, OnlineNow, UserOnline, WhoIsOnline};
use crate::host::shared::Shared;

/// A question who is online: these users, by their ids; or all, from the one after this.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    #[serde(default, deserialize_with = "given")]
    users: Option<Vec<Node>>,
    after: Option<Node>,
    limit: Option<usize>,
}

/// Reads a list that is given: null is none, and would be taken for a question after all.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Node>>, D::Error> {
    Vec::deserialize(from).map(Some)
}

impl Question {
    fn read(self) -> Result<WhoIsOnline, &'static str> {
        match self {
            Self { users: Some(users), after: None, limit: None } if users.len() <= MAX_PAGE => {
                Ok(WhoIsOnline::These(users))
            }
            Self { users: Some(_), after: None, limit: None } => Err("at most 1000 users"),
            Self { users: Some(_), .. } => Err("users goes with neither after nor limit"),
            Self { users: None, after, limit } => {
                let limit = limit.unwrap_or(PAGE);
                let is_good = (1..=MAX_PAGE).contains(&limit);
                is_good.then_some(WhoIsOnline::After(after, limit)).ok_or(LIMIT)
            }
        }
    }
}

pub(super) async fn who_is_online(
    State(shared): State<Arc<Shared>>,
    Body(question): Body<Question>,
) -> Result<Json<Value>, Problem> {
    let who = question.read().map_err(Problem::invalid)?;
    let (reply, answer) = oneshot::channel();
    shared.command(Command::WhoIsOnline(who, reply)).await;
    let answer = answer.await.map_err(|_| Problem::unavailable())?;
    let OnlineNow { start_ms, number, users, more } = answer;
    let next = users.last().filter(|_| more).map(|(user, _)| user.clone());
    let user = |(user, online): &(Node, _)| match online {
        None => json!({ "user": user.as_ref(), "online": false }),
        Some(UserOnline { since_ms, visible, sessions }) => json!({
            "user": user.as_ref(), "online": true, "visible": visible, "since": since_ms,
            "sessions": sessions,
        }),
    };
    let users: Vec<_> = users.iter().map(user).collect();
    let next = next.as_deref();
    Ok(Json(json!({ "start": start_ms, "number": number, "users": users, "next": next })))
}
