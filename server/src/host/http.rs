//! HTTP: accepts connections, upgrades those that ask for a WebSocket, and serves the rest.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use adsum_tim::{Code, Frame, Inbound, Kind, TimAck};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::client::ClientProtocol;
use super::command::{Command, Figures};
use super::exposition::{CLASSIC_TYPE, OPEN_METRICS, OPEN_METRICS_TYPE, classic};
use super::lobby::{Lobby, Seat};
use super::peer::Peer;
use super::requests::login;
use super::shared::Shared;
use super::tim_protocol::TimProtocol;
use super::transport::ws_frame::Opcode;
use super::v1::protocol::V1Protocol;
use super::{admin, api, connection, demo, web_page};

/// How long a client may take to send the head of a request, and the body of one that anybody may
/// send.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Room for the head of a request: hyper's least.
const HEAD_BYTES: usize = 8_192;
/// The name of the neutral protocol, for who asks for it.
const SUBPROTOCOL: &str = "adsum.v1";
/// How long to wait after the system failed to accept (for want of descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Which services an address offers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Services {
    pub(crate) clients: bool,
    pub(crate) operators: bool,
}

/// A connection's seat among those that nobody has logged in on, and among those that a stop waits
/// for.
#[derive(Clone)]
struct Visit {
    seat: Arc<Seat>,
    tasks: TaskTracker,
}

/// Accepts connections until the server stops, then waits for the last of them to end.
pub(crate) async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    lobby: Arc<Lobby>,
    services: Services,
) {
    let router = router(shared.clone(), services);
    let tasks = TaskTracker::new();
    if services.clients {
        tokio::select! {
            () = shared.until_ready() => {}
            () = shared.stop.cancelled() => {}
        }
    }
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stop.cancelled() => break,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Without it the system holds small writes back until the last is acknowledged.
        let _ = stream.set_nodelay(true);
        let from = from.ip();
        let is_proxy = shared.config.network.trusted_proxies.contain(from);
        let peer = if is_proxy { Peer::of_proxy(from) } else { Peer::of(from) };
        let seat = Arc::new(lobby.enter(peer));
        let visit = Visit { seat, tasks: tasks.clone() };
        tasks.spawn(serve(stream, from, visit, router.clone(), shared.clone()));
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn serve(stream: TcpStream, from: IpAddr, visit: Visit, router: Router, shared: Arc<Shared>) {
    if has_spoken(&stream, &visit.seat, &shared).await {
        // On the heap, so that whoever says nothing does not hold room for it.
        Box::pin(serve_http(stream, from, visit, router, shared)).await;
    }
}

/// Waits until something comes. Until then a connection has neither buffers nor what a request
/// needs: thousands that are opened at once have them one after the other, and not all together.
/// Returns whether it came before the connection has to end.
async fn has_spoken(stream: &TcpStream, seat: &Seat, shared: &Shared) -> bool {
    let lifetime = Duration::from_millis(shared.config.network.http_timeout_ms);
    let mut first = [0];
    tokio::select! {
        // A new connection counts as readable until it is looked at.
        peeked = stream.peek(&mut first) => peeked.is_ok(),
        () = seat.asked_to_leave() => {
            shared.metrics.closed_for("pending_limit");
            false
        }
        () = tokio::time::sleep(lifetime.min(HEAD_TIMEOUT)) => false,
        () = shared.stop.cancelled() => false,
    }
}

async fn serve_http(
    stream: TcpStream,
    from: IpAddr,
    visit: Visit,
    router: Router,
    shared: Arc<Shared>,
) {
    let seat = visit.seat.clone();
    let lifetime = Duration::from_millis(shared.config.network.http_timeout_ms);
    let service = {
        let shared = shared.clone();
        hyper::service::service_fn(move |mut request: hyper::Request<_>| {
            let network = &shared.config.network;
            let peer = shared.forwarding.client(network, from, request.headers());
            visit.seat.is_of(peer);
            request.extensions_mut().insert(visit.clone());
            request.extensions_mut().insert(peer);
            let router = router.clone();
            async move { Ok::<_, Infallible>(answer(router, request.map(Body::new)).await) }
        })
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // If a client breaks off, nobody needs to know.
        _ = &mut connection => return,
        () = seat.asked_to_leave() => {
            shared.metrics.closed_for("pending_limit");
            return;
        }
        () = tokio::time::sleep(lifetime) => {}
        () = shared.stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    // Whoever reads no answers keeps nothing for longer.
    if tokio::time::timeout(lifetime, connection).await.is_err() {
        shared.metrics.closed_for("http_write_timeout");
    }
}

async fn answer(router: Router, request: Request) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn router(shared: Arc<Shared>, services: Services) -> Router {
    let config = &shared.config;
    let mut router = Router::new();
    if services.clients {
        router = router
            .route("/tim", get(upgrade))
            .route("/v1", get(upgrade_v1))
            .route("/tim2", post(one_frame))
            .layer(DefaultBodyLimit::max(connection::BEFORE_LOGIN));
        if config.services.web_page {
            router = router.merge(web_page::router(config.services.demo));
        }
        if config.services.demo {
            router = router.merge(demo::router());
        }
    }
    if services.operators {
        router = router.merge(operators(&shared, services.clients));
    }
    let is_admins = services.operators && config.services.admin_token.is_some();
    if config.services.web_page && is_admins {
        router = router.merge(web_page::admin());
    }
    if config.services.web_page && (services.clients || is_admins) {
        router = router.merge(web_page::shared());
    }
    router.with_state(shared)
}

/// Returns what is for operators. Where clients come too it is for those who show the token, and
/// without a token for nobody: each answer costs the engine's thread and the store something.
fn operators(shared: &Arc<Shared>, clients_come: bool) -> Router<Arc<Shared>> {
    let services = &shared.config.services;
    let has_token = services.admin_token.is_some();
    let mut router = Router::new();
    if has_token || !clients_come {
        router = router.route("/healthz", get(health));
        if services.metrics {
            router = router.route("/metrics", get(metrics));
        }
        router = router.method_not_allowed_fallback(admin::wrong_method);
    }
    if has_token && clients_come {
        router = admin::for_who_shows_the_token(router, shared);
    }
    if has_token {
        router = router.merge(admin::router(shared)).merge(api::router(shared));
    }
    router
}

/// Returns whether clients may come from this Origin. It keeps other sites' pages out, and every
/// browser sends it; whoever sends none is no browser, and could send any.
fn is_let_in(shared: &Shared, request: &Request) -> bool {
    match (&shared.config.network.origin, request.headers().get(header::ORIGIN)) {
        (Some(only), Some(origin)) => origin.as_bytes() == only.as_bytes(),
        _ => true,
    }
}

async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(visit): Extension<Visit>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let Ok((response, upgrade)) = handshake(&shared, request) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let Some(upgrade) = upgrade else { return response };
    let tasks = visit.tasks.clone();
    let protocol = TimProtocol::default();
    tasks.spawn(upgraded(shared, peer, visit.seat, upgrade, Opcode::Binary, protocol));
    response
}

/// The same for the neutral protocol, which has a name that may be asked for.
async fn upgrade_v1(
    State(shared): State<Arc<Shared>>,
    Extension(visit): Extension<Visit>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let asked = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut asked = asked.iter().filter_map(|value| value.to_str().ok());
    let is_named = asked.any(|names| names.split(',').any(|name| name.trim() == SUBPROTOCOL));
    let Ok((mut response, upgrade)) = handshake(&shared, request) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let Some(upgrade) = upgrade else { return response };
    if is_named {
        let name = HeaderValue::from_static(SUBPROTOCOL);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    let tasks = visit.tasks.clone();
    tasks.spawn(upgraded(shared, peer, visit.seat, upgrade, Opcode::Text, V1Protocol::default()));
    response
}

/// Another site's page asks for a connection.
struct KeptOut;

/// Returns the answer to a WebSocket handshake, and what comes of it if it is one.
fn handshake(
    shared: &Shared,
    mut request: Request,
) -> Result<(Response, Option<OnUpgrade>), KeptOut> {
    if !is_let_in(shared, &request) {
        return Err(KeptOut);
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let Ok(response) = create_response(&request.map(drop)) else {
        let wanted = (StatusCode::BAD_REQUEST, "a WebSocket handshake is expected here\n");
        return Ok((wanted.into_response(), None));
    };
    Ok((response.map(|()| Body::empty()), Some(upgrade)))
}

async fn upgraded<S: ClientProtocol>(
    shared: Arc<Shared>,
    peer: Peer,
    seat: Arc<Seat>,
    upgrade: OnUpgrade,
    opcode: Opcode,
    protocol: S,
) {
    let Some((stream, early)) = upgrade.await.ok().and_then(plain) else { return };
    shared.metrics.connected();
    let metrics = shared.metrics.clone();
    // On the heap, so that the task that waited for the handshake does not hold room for it.
    Box::pin(connection::serve(shared, peer, seat, stream, early, opcode, protocol)).await;
    metrics.disconnected();
}

/// Returns the socket under an upgraded connection, and what was read from it too early.
fn plain(upgraded: Upgraded) -> Option<(TcpStream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf.to_vec()))
}

/// Answers a frame that came by POST: only register and token come so. Nobody has logged in for it,
/// so it is as short as what comes before a login.
async fn one_frame(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    if !is_let_in(&shared, &request) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let longest = shared.config.network.max_data.min(connection::BEFORE_LOGIN);
    let body = axum::body::to_bytes(request.into_body(), longest);
    let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => {
            shared.metrics.closed_for("body_timeout");
            return StatusCode::REQUEST_TIMEOUT.into_response();
        }
    };
    match answer_frame(&shared, peer, &body).await {
        Some(frame) => {
            ([(header::CONTENT_TYPE, "application/octet-stream")], frame).into_response()
        }
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn answer_frame(shared: &Shared, peer: Peer, body: &Bytes) -> Option<Vec<u8>> {
    let frame = Frame::split(body).ok()?;
    let (form, kind) = (frame.form, frame.kind);
    let ack = match (kind, frame.decode(&shared.limits)) {
        (_, Err(error)) => TimAck::refused(kind, error.code(kind)),
        (_, Ok(Inbound::Register(auth))) => login::register(shared, peer, auth).await,
        (_, Ok(Inbound::Token(auth))) => login::token(shared, peer, auth).await,
        (_, Ok(Inbound::Other(_))) => TimAck::refused(kind, Code::Interface),
        (_, Ok(_)) => TimAck::refused(kind, Code::Parameter),
    };
    Some(ack.to_frame(form, Kind::ACK))
}

async fn figures(shared: &Shared) -> Option<Figures> {
    let (reply, answer) = oneshot::channel();
    shared.command(Command::Figures(reply)).await;
    tokio::time::timeout(Duration::from_secs(5), answer).await.ok()?.ok()
}

async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let Some(figures) = figures(&shared).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let passwords = shared.directory.password_counts();
    let text = shared.metrics.text(figures, passwords, shared.lobby.len());
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains(OPEN_METRICS)) {
        return ([(header::CONTENT_TYPE, OPEN_METRICS_TYPE)], text).into_response();
    }
    ([(header::CONTENT_TYPE, CLASSIC_TYPE)], classic(&text)).into_response()
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    if !shared.directory.is_well().await {
        return (StatusCode::SERVICE_UNAVAILABLE, "the store fails\n").into_response();
    }
    match figures(&shared).await {
        Some(_) => "ok\n".into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the engine is stuck\n").into_response(),
    }
}
