//! Whose request it is, where proxies pass requests on.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;

use super::peer::Peer;
use crate::config::Network;

/// The most characters of a header that are logged.
const LOGGED: usize = 100;

/// Says once that a proxy does not tell where clients are: each of its requests is like the others.
#[derive(Default)]
pub(crate) struct Forwarding(AtomicBool);

impl Forwarding {
    /// Returns whose request it is: the address that it comes from, or the one that a proxy there
    /// says.
    pub(crate) fn client(&self, network: &Network, from: IpAddr, headers: &HeaderMap) -> Peer {
        let (proxies, header) = (&network.trusted_proxies, network.forwarded_header);
        if !proxies.contain(from) {
            return Peer::of(from);
        }
        let values = headers.get_all(header.name()).iter();
        let values: Vec<_> = values.map(|value| value.to_str().unwrap_or("not ASCII")).collect();
        if values.is_empty() {
            let other = header.other().name();
            if headers.contains_key(other) {
                self.warn(from, &format!("{other} and no {}: see forwarded_header", header.name()));
            }
            return Peer::of_proxy(from);
        }
        let forwarded = values.join(",");
        let told = proxies.client(from, header, &forwarded);
        if let Some(unreadable) = told.unreadable {
            let start: String = unreadable.chars().take(LOGGED).collect();
            self.warn(told.client, &format!("{start:?} in {}, no address", header.name()));
        }
        if proxies.contain(told.client) {
            return Peer::of_proxy(told.client);
        }
        Peer::of(told.client)
    }

    fn warn(&self, proxy: IpAddr, what: &str) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the trusted proxy {proxy} sends {what}; clients of whom it says no more share its \
                 own address's limits (this is said once)"
            );
        }
    }
}
