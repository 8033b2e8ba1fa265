//! The administrator's HTTP API.

use std::sync::Arc;

use adsum_tim::{Form, Limits, Tid, TimPresence};
use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use tokio::sync::oneshot;

use super::command::{Command, Node, SYSTEM_NODE, System};
use super::shared::Shared;

/// The most users on one page, and how many where the request does not say.
const MAX_PAGE: usize = 1_000;
const PAGE: usize = 100;
/// The most users that one notice may go to.
const MAX_NODES: usize = 100_000;

pub(crate) fn router(shared: Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/admin/presence", post(presence))
        .route("/admin/online", get(online))
        .route("/admin/expel", post(expel))
        .route_layer(middleware::from_fn_with_state(shared, check))
}

/// Lets in those who show the token.
async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let token = shared.config.services.admin_token.as_ref();
    match (shown, token) {
        (Some(shown), Some(token)) if bool::from(shown.ct_eq(token.0.as_bytes())) => {
            next.run(request).await
        }
        _ => {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, challenge).into_response()
        }
    }
}

fn wrong(what: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": what }))).into_response()
}

/// A request to send a notice to a list of users.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broadcast {
    nodes: Vec<Node>,
    presence: Value,
}

async fn presence(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let Ok(Broadcast { nodes, presence }) = serde_json::from_slice(&body) else {
        return wrong("expected {\"nodes\": [\"...\"], \"presence\": {...}}");
    };
    if nodes.len() > MAX_NODES {
        return wrong("too many nodes");
    }
    let text = presence.to_string();
    let decoded = match TimPresence::decode(Form::Json, text.as_bytes(), &Limits::default()) {
        Ok(decoded) => decoded,
        Err(error) => return wrong(&format!("presence: {error}")),
    };
    let presence = Arc::new(TimPresence {
        id: None,
        offline: None,
        // tim's web client fails on a presence without a sender.
        from_tid: Some(Tid::of(SYSTEM_NODE)),
        to_tid: None,
        to_list: None,
        ..decoded
    });
    let (reply, answer) = oneshot::channel();
    shared.command(Command::System(Box::new(System { to: nodes, presence, reply }))).await;
    match answer.await {
        Ok(outcome) => Json(json!({ "delivered": outcome.delivered, "skipped": outcome.skipped }))
            .into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// A request for a page of the users online.
#[derive(Deserialize)]
struct Page {
    after: Option<Node>,
    limit: Option<usize>,
}

async fn online(State(shared): State<Arc<Shared>>, Query(page): Query<Page>) -> Response {
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return wrong("limit is from 1 to 1000");
    }
    let (reply, answer) = oneshot::channel();
    shared.command(Command::Online(page.after, limit, reply)).await;
    let Ok(page) = answer.await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let users: Vec<_> = page
        .users
        .iter()
        .map(|(node, sessions)| json!({ "node": node.as_ref(), "sessions": sessions }))
        .collect();
    let next = page.users.last().filter(|_| page.more).map(|(node, _)| node.as_ref());
    Json(json!({ "users": users, "next": next, "total": page.total })).into_response()
}

/// A request to end all of a user's sessions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expulsion {
    node: Node,
}

async fn expel(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let Ok(Expulsion { node }) = serde_json::from_slice(&body) else {
        return wrong("expected {\"node\": \"...\"}");
    };
    let (reply, answer) = oneshot::channel();
    shared.command(Command::Expel(node, reply)).await;
    match answer.await {
        Ok(sessions) => Json(json!({ "sessions": sessions })).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
