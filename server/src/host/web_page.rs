//! The web page: its files are part of the program.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::shared::Shared;

/// Nothing but this server's own files and its own WebSocket endpoint.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Each file: its path, what it is, and all of it.
const FILES: [(&str, &str, &str); 8] = [
    ("/", "text/html; charset=utf-8", include_str!("../../web/index.html")),
    ("/app.js", SCRIPT, include_str!("../../web/app.js")),
    ("/dom.js", SCRIPT, include_str!("../../web/dom.js")),
    ("/favicon.svg", "image/svg+xml", include_str!("../../web/favicon.svg")),
    ("/people.js", SCRIPT, include_str!("../../web/people.js")),
    ("/tim.js", SCRIPT, include_str!("../../web/tim.js")),
    ("/words.js", SCRIPT, include_str!("../../web/words.js")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../../web/style.css")),
];

pub(crate) fn router() -> Router<Arc<Shared>> {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || file(kind, text)))
    })
}

async fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
