//! The web page: its files are part of the program.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::admin::wrong_method;
use super::shared::Shared;

/// Nothing but this server's own files and its own WebSocket endpoint.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";

const STYLE: &str = "text/css; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

const PAGE: &str = include_str!("../../web/index.html");
/// Where the page says what it is, and where one of a demonstration says so.
const ROOT: &str = "<html lang=\"en\">";
const DEMO_ROOT: &str = "<html lang=\"en\" data-demo=\"yes\">";

/// A file: its path, what it is, and all of it.
type File = (&'static str, &'static str, &'static str);

/// Those of the page for users.
const FILES: [File; 11] = [
    // The client, made of clients/js, whose tests compare it.
    ("/adsum-client.js", SCRIPT, include_str!("../../web/adsum-client.js")),
    ("/app.js", SCRIPT, include_str!("../../web/app.js")),
    ("/frames.js", SCRIPT, include_str!("../../web/frames.js")),
    ("/inside.css", STYLE, include_str!("../../web/inside.css")),
    ("/people.js", SCRIPT, include_str!("../../web/people.js")),
    ("/rooms.js", SCRIPT, include_str!("../../web/rooms.js")),
    ("/roster.js", SCRIPT, include_str!("../../web/roster.js")),
    ("/session.js", SCRIPT, include_str!("../../web/session.js")),
    ("/status.js", SCRIPT, include_str!("../../web/status.js")),
    ("/undo.js", SCRIPT, include_str!("../../web/undo.js")),
    ("/words.js", SCRIPT, include_str!("../../web/words.js")),
];

/// Those of the page for administrators.
const ADMIN: [File; 3] = [
    ("/admin", HTML, include_str!("../../web/admin.html")),
    ("/admin.css", STYLE, include_str!("../../web/admin.css")),
    ("/admin.js", SCRIPT, include_str!("../../web/admin.js")),
];

/// Those that both pages have.
const SHARED: [File; 4] = [
    ("/dom.js", SCRIPT, include_str!("../../web/dom.js")),
    ("/favicon.svg", "image/svg+xml", include_str!("../../web/favicon.svg")),
    ("/pulse.js", SCRIPT, include_str!("../../web/pulse.js")),
    ("/style.css", STYLE, include_str!("../../web/style.css")),
];

/// Returns the page for users.
pub(crate) fn router(is_demo: bool) -> Router<Arc<Shared>> {
    let page = if is_demo { PAGE.replacen(ROOT, DEMO_ROOT, 1) } else { PAGE.to_owned() };
    let page = get(move || std::future::ready(file(HTML, page.clone())));
    with(Router::new().route("/", page), &FILES)
}

/// Returns the page for administrators, which shows nothing to who does not have the token.
pub(crate) fn admin() -> Router<Arc<Shared>> {
    with(Router::new(), &ADMIN).method_not_allowed_fallback(wrong_method)
}

/// Returns what both pages have.
pub(crate) fn shared() -> Router<Arc<Shared>> {
    with(Router::new(), &SHARED)
}

fn with(router: Router<Arc<Shared>>, files: &'static [File]) -> Router<Arc<Shared>> {
    files.iter().fold(router, |router, (path, kind, text)| {
        router.route(path, get(move || std::future::ready(file(kind, *text))))
    })
}

fn file(kind: &'static str, text: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
