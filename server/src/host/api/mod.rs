//! The HTTP API for applications. `server/openapi.json` describes it, and a test holds it to that.

mod asking;
mod lists;
mod online;
mod problem;
mod reading;
mod topics;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};

use super::admin::shows_the_token;
use super::shared::Shared;
use problem::Problem;

const DESCRIPTION: &str = include_str!("../../../openapi.json");

pub(crate) fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/online", post(online::who_is_online))
        .route("/v1/users/{user}", get(users::user))
        .route("/v1/users/{user}/sessions", delete(users::end))
        .route("/v1/users/{user}/contacts", post(lists::contacts))
        .route("/v1/users/{user}/blocked", post(lists::blocked))
        .route("/v1/users/{user}/direct", post(users::direct))
        .route("/v1/system", post(users::system))
        .route("/v1/topics/{topic}", get(topics::topic))
        .route("/v1/topics/{topic}/members", get(topics::members))
        .route("/v1/openapi.json", get(description))
        .route("/v1/", any(nothing_here))
        .route("/v1/{*path}", any(nothing_here))
        .method_not_allowed_fallback(wrong_method)
        .route_layer(middleware::from_fn_with_state(shared.clone(), check))
}

/// Lets in those who show the token.
async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if shows_the_token(&shared, request.headers()) {
        return next.run(request).await;
    }
    let detail = "Authorization: Bearer, with the server's admin_token";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response()
}

async fn description() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()
}

async fn nothing_here() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "Allow names those there are")
}
