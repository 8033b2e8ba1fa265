//! A demonstration: simulated people who come, go, show something and talk in rooms, in this
//! process and as clients of this very server. Nothing of it outlives the process.
//!
//! `trace` says who does what and when, in the `words` of its people; `cast` makes their accounts,
//! and guests'; `play` has them act, each a `person` with a connection.

pub(crate) mod cast;
mod person;
mod play;
mod trace;
mod words;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::admin::figures;
use super::shared::Shared;
use trace::Trace;

/// How many people there are, and what their trace is made from.
const PEOPLE: usize = 240;
const SEED: u64 = 2_026;

/// Starts it, for a server that listens at this address. It ends with the server.
pub(crate) fn start(shared: &Arc<Shared>, address: SocketAddr) {
    let shared = shared.clone();
    tokio::spawn(async move {
        let trace = Trace::new(SEED, PEOPLE);
        let Some(cast) = &shared.cast else { return };
        match cast.make(&shared.directory, &trace).await {
            Ok(accounts) => play::play(&shared, reachable(address), accounts, &trace).await,
            Err(error) => tracing::error!(%error, "there is no demonstration"),
        }
    });
}

/// Returns where this machine itself reaches a listener.
const fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    match address {
        SocketAddr::V4(at) if at.ip().is_unspecified() => {
            address.set_ip(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        SocketAddr::V6(at) if at.ip().is_unspecified() => {
            address.set_ip(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST));
        }
        _ => {}
    }
    address
}

/// Returns what the page of a demonstration asks for.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/demo/about", get(about))
        .route("/demo/guest", post(guest))
        .route("/demo/pulse", get(figures))
}

async fn about() -> Json<Value> {
    let rooms: Vec<_> = words::ROOMS.iter().map(|(name, _)| *name).collect();
    Json(json!({ "people": PEOPLE, "rooms": rooms }))
}

async fn guest(State(shared): State<Arc<Shared>>) -> Response {
    let Some(cast) = &shared.cast else { return StatusCode::NOT_FOUND.into_response() };
    match cast.guest(&shared.directory, &shared.commands).await {
        Ok((name, token)) => Json(json!({ "name": name, "token": token })).into_response(),
        Err(status) => status.into_response(),
    }
}
