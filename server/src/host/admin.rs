//! The administrator's HTTP API.

use std::borrow::Cow;
use std::sync::Arc;

use adsum_tim::{Form, Limits, Tid, TimPresence};
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use tokio::sync::oneshot;

use super::command::{Command, Node, OnlinePage, SYSTEM_NODE, System};
use super::shared::Shared;

/// The most users on one page, and how many where the request does not say.
const MAX_PAGE: usize = 1_000;
const PAGE: usize = 100;
const SCHEME: &[u8] = b"Bearer ";
const LIMIT: &str = "limit is from 1 to 1000";
/// The most users that one notice may go to.
const MAX_NODES: usize = 100_000;
/// How many of them are looked up before others have their turn.
const LOOK_UPS: usize = 256;
/// How many of those that are not known are named at most.
const MAX_UNKNOWN: usize = 100;

pub(crate) fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    // The page is there, unless it is turned off.
    let page = if shared.config.services.web_page { None } else { Some("/admin") };
    let nowhere = page.into_iter().chain(["/admin/", "/admin/{*path}"]);
    let router = Router::new()
        .route("/admin/presence", post(presence))
        .route("/admin/online", get(online))
        .route("/admin/figures", get(figures))
        .route("/admin/expel", post(expel));
    let router = nowhere.fold(router, |router, path| router.route(path, any(nothing_here)));
    let router = router.method_not_allowed_fallback(wrong_method);
    for_who_shows_the_token(router, shared)
}

/// Returns the same routes, which nobody is let in to without the token.
pub(crate) fn for_who_shows_the_token(
    router: Router<Arc<Shared>>,
    shared: &Arc<Shared>,
) -> Router<Arc<Shared>> {
    router.route_layer(middleware::from_fn_with_state(shared.clone(), check))
}

/// Lets in those who show the token.
async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if shows_the_token(&shared, request.headers()) {
        return next.run(request).await;
    }
    let what = "Authorization: Bearer, with the server's admin_token";
    Refused::new(StatusCode::UNAUTHORIZED, what).into_response()
}

async fn nothing_here() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "there is nothing here")
}

/// Returns the answer to a request whose path there is, but not by this method.
pub(super) async fn wrong_method() -> Response {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Allow names those there are").into_response()
}

/// Returns whether a request shows the token.
pub(super) fn shows_the_token(shared: &Shared, headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.as_bytes().split_at_checked(SCHEME.len()));
    let shown = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME));
    let shown = shown.map(|(_, token)| token);
    let token = shared.config.services.admin_token.as_ref();
    let both = shown.zip(token);
    both.is_some_and(|(shown, token)| bool::from(shown.ct_eq(token.0.as_bytes())))
}

/// Why a request is refused: JSON, as every other answer.
struct Refused {
    status: StatusCode,
    error: Cow<'static, str>,
    /// Of those who were named, some that mean nobody.
    unknown: Vec<String>,
}

impl Refused {
    fn new(status: StatusCode, error: impl Into<Cow<'static, str>>) -> Self {
        Self { status, error: error.into(), unknown: Vec::new() }
    }

    fn wrong(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// Returns the answer when the engine's thread gives none, as the server ends.
    fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { status, error, unknown } = self;
        let mut body = json!({ "error": error });
        if !unknown.is_empty() {
            body["unknown"] = unknown.into();
        }
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Reads the body of a request, which is an object like the one that is expected.
fn read<T: DeserializeOwned>(
    body: Result<Bytes, BytesRejection>,
    expected: &'static str,
) -> Result<T, Refused> {
    let body = body.map_err(|rejection| Refused::new(rejection.status(), rejection.body_text()))?;
    // What is read by its fields would be taken from an array, too.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let read = is_object.then(|| serde_json::from_slice(&body).ok()).flatten();
    read.ok_or_else(|| Refused::wrong(format!("expected {expected}")))
}

/// Returns the accounts that these ids and names mean, in this domain.
///
/// # Errors
/// The answer to the request, with some of those that mean nobody.
async fn accounts(
    shared: &Shared,
    named: Vec<String>,
    domain: Option<String>,
) -> Result<Vec<Node>, Refused> {
    let (mut nodes, mut unknown) = (Vec::with_capacity(named.len()), Vec::new());
    let domain: Arc<str> = domain.unwrap_or_default().into();
    for part in named.chunks(LOOK_UPS) {
        let (part, domain) = (part.to_vec(), domain.clone());
        let found = shared.directory.quick(move |store| {
            part.into_iter()
                .map(|typed| Ok((store.account(&typed, &domain)?, typed)))
                .collect::<Result<Vec<_>, _>>()
        });
        let Ok(found) = found.await else {
            return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "the store fails"));
        };
        for (node, typed) in found {
            match node {
                Some(node) => nodes.push(node.into()),
                None => unknown.push(typed),
            }
        }
    }
    if unknown.is_empty() {
        return Ok(nodes);
    }
    unknown.truncate(MAX_UNKNOWN);
    Err(Refused { unknown, ..Refused::new(StatusCode::NOT_FOUND, "no such account") })
}

/// A request to send a notice to a list of users: ids, or names in this domain; or to all who are
/// online.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broadcast {
    #[serde(default)]
    nodes: Vec<String>,
    #[serde(default)]
    all: bool,
    domain: Option<String>,
    presence: Value,
}

/// Returns the ids of all who are online, so many at most.
async fn all_online(shared: &Shared) -> Option<Vec<Node>> {
    let mut nodes: Vec<Node> = Vec::new();
    loop {
        let (reply, answer) = oneshot::channel();
        let after = nodes.last().cloned();
        shared.command(Command::Online(after, MAX_PAGE, reply)).await;
        let page = answer.await.ok()?;
        nodes.extend(page.users.into_iter().map(|(node, _)| node));
        if !page.more || nodes.len() >= MAX_NODES {
            return Some(nodes);
        }
    }
}

/// Returns whom a notice is for.
///
/// # Errors
/// The answer to the request, if it cannot be said.
async fn receivers(
    shared: &Shared,
    nodes: Vec<String>,
    all: bool,
    domain: Option<String>,
) -> Result<Vec<Node>, Refused> {
    match (all, nodes.is_empty()) {
        (true, false) => Err(Refused::wrong("all goes with no nodes")),
        (true, true) => all_online(shared).await.ok_or_else(Refused::unavailable),
        (false, _) => accounts(shared, nodes, domain).await,
    }
}

/// Returns what happens here, in figures.
pub(super) async fn figures(State(shared): State<Arc<Shared>>) -> Response {
    match shared.pulse.read(&shared.commands).await {
        Some(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        None => Refused::unavailable().into_response(),
    }
}

async fn presence(
    State(shared): State<Arc<Shared>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refused> {
    let Broadcast { nodes, all, domain, presence } =
        read(body, r#"{"nodes": ["..."], "presence": {...}}"#)?;
    if nodes.len() > MAX_NODES {
        return Err(Refused::wrong("too many nodes"));
    }
    let text = presence.to_string();
    let decoded = TimPresence::decode(Form::Json, text.as_bytes(), &Limits::default())
        .map_err(|error| Refused::wrong(format!("presence: {error}")))?;
    let presence = TimPresence {
        id: None,
        offline: None,
        // tim's web client fails on a presence without a sender.
        from_tid: Some(Tid::of(SYSTEM_NODE)),
        to_tid: None,
        to_list: None,
        ..decoded
    };
    let presence = Arc::new(presence.into());
    let nodes = receivers(&shared, nodes, all, domain).await?;
    let (reply, answer) = oneshot::channel();
    shared.command(Command::System(Box::new(System { to: nodes, presence, reply }))).await;
    let outcome = answer.await.map_err(|_| Refused::unavailable())?;
    Ok(Json(json!({ "delivered": outcome.delivered, "skipped": outcome.skipped })))
}

/// A request for a page of the users online.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<Node>,
    limit: Option<usize>,
}

async fn online(
    State(shared): State<Arc<Shared>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Refused> {
    let Query(page) = page.map_err(|rejection| Refused::wrong(rejection.body_text()))?;
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Refused::wrong(LIMIT));
    }
    let (reply, answer) = oneshot::channel();
    shared.command(Command::Online(page.after, limit, reply)).await;
    let page = answer.await.map_err(|_| Refused::unavailable())?;
    let names = names(&shared, &page).await;
    let user = |((node, sessions), name): (&(Node, usize), Option<String>)| {
        let mut user = json!({ "node": node.as_ref(), "sessions": sessions });
        if let Some(name) = name {
            user["name"] = name.into();
        }
        user
    };
    let users: Vec<_> = page.users.iter().zip(names).map(user).collect();
    let next = page.users.last().filter(|_| page.more).map(|(node, _)| node.as_ref());
    Ok(Json(json!({ "users": users, "next": next, "total": page.total })))
}

/// Returns what the users of a page are called, where the store knows it.
async fn names(shared: &Shared, page: &OnlinePage) -> Vec<Option<String>> {
    let nodes: Vec<_> = page.users.iter().map(|(node, _)| node.clone()).collect();
    let count = nodes.len();
    let names = shared.directory.quick(move |store| {
        let name = |node: &Node| Ok(store.owner(node)?.map(|(name, _)| name));
        nodes.iter().map(name).collect::<Result<Vec<_>, _>>()
    });
    // Who is online is known whatever becomes of the store.
    names.await.unwrap_or_else(|_| vec![None; count])
}

/// A request to end all of a user's sessions: an id, or a name in this domain.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expulsion {
    node: String,
    domain: Option<String>,
}

async fn expel(
    State(shared): State<Arc<Shared>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refused> {
    let Expulsion { node, domain } = read(body, r#"{"node": "..."}"#)?;
    let mut nodes = accounts(&shared, vec![node], domain).await?;
    let node = nodes.pop().ok_or_else(|| Refused::wrong("node names nobody"))?;
    let (reply, answer) = oneshot::channel();
    shared.command(Command::Expel(node, reply)).await;
    let sessions = answer.await.map_err(|_| Refused::unavailable())?;
    Ok(Json(json!({ "sessions": sessions })))
}
