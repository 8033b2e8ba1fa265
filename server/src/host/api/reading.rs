//! Reads what a request says: its body, and whom or what its path names.

use std::collections::BTreeSet;
use std::sync::Arc;

use adsum_tim::Tid;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::problem::Problem;
use crate::host::command::{Node, Presence};
use crate::host::shared::Shared;
use crate::host::v1::sound::is_sound;
use crate::host::v1::table;
use crate::store::LONGEST_TOPIC;

/// The longest body, in bytes.
const LONGEST_BODY: usize = 1_024 * 1_024;
/// The most users that a request may name, where it does not ask about them.
const MOST_USERS: usize = 10_000;

/// The body of a request: JSON, whatever its type is said to be.
pub(super) struct Body<T>(pub(super) T);

/// A user whom the path names by its id.
pub(super) struct User(pub(super) Node);

/// A topic that the path names.
pub(super) struct Topic(pub(super) Node);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Shared>) -> Result<Self, Problem> {
        let body = axum::body::to_bytes(request.into_body(), LONGEST_BODY).await;
        let body = body.map_err(|_| too_big("a body has at most 1 MiB"))?;
        // What is read by its fields would be taken from an array, too.
        if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte != b'{') {
            return Err(Problem::invalid("a body is an object"));
        }
        let read = serde_json::from_slice(&body);
        read.map(Self).map_err(|error| Problem::invalid(error.to_string()))
    }
}

impl FromRequestParts<Arc<Shared>> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let named = named(parts, shared).await?;
        if !shared.directory.is_node(&named) {
            return Err(Problem::invalid("this is no user's id"));
        }
        Ok(Self(named))
    }
}

impl FromRequestParts<Arc<Shared>> for Topic {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let named = named(parts, shared).await?;
        if named.len() > LONGEST_TOPIC {
            return Err(Problem::invalid("a topic's name has at most 128 bytes"));
        }
        Ok(Self(named))
    }
}

async fn named(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Node, Problem> {
    let path = Path::<String>::from_request_parts(parts, shared).await;
    let Path(named) = path.map_err(|_| Problem::invalid("the path is not UTF-8"))?;
    Ok(named.into())
}

/// Returns the users of a list, each once.
pub(super) fn users(shared: &Shared, named: Vec<String>) -> Result<Vec<Node>, Problem> {
    if named.len() > MOST_USERS {
        return Err(Problem::invalid("at most 10000 users"));
    }
    if !named.iter().all(|user| shared.directory.is_node(user)) {
        return Err(Problem::invalid("one of them is no user's id"));
    }
    let each_once: BTreeSet<_> = named.into_iter().map(Node::from).collect();
    Ok(each_once.into_iter().collect())
}

/// Returns what is shown in the name of a user or of the server.
pub(super) fn shown(shared: &Shared, from: &str, p: &RawValue) -> Result<Presence, Problem> {
    if p.get() == "null" {
        return Err(Problem::invalid("p is null, which shows nothing"));
    }
    if p.get().len() > shared.config.network.max_p {
        return Err(too_big("p is longer than max_p"));
    }
    if !is_sound(p.get()) {
        return Err(Problem::invalid("p is not for every reader of JSON"));
    }
    Ok(Arc::new(table::shown(&Tid::of(from), p.get())))
}

fn too_big(detail: &'static str) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_big", detail)
}
