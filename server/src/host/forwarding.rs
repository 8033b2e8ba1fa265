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
        // What a client has put in must not hide what the proxy has added.
        let values: Vec<_> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::config::Config;

    /// Whatever a client writes there, what the proxy has added stands behind it.
    #[test]
    fn what_a_client_has_written_does_not_hide_who_it_is() {
        let mut network = Config::default().network;
        network.trusted_proxies = "127.0.0.1".parse().unwrap();
        let proxy = "127.0.0.1".parse().unwrap();
        let client = "203.0.113.9".parse().unwrap();
        for written in [&b""[..], b"\xff, ", b"\xc3\xa9,", b"\"\xff, ", b"198.51.100.1, "] {
            let value = HeaderValue::from_bytes(&[written, b"203.0.113.9"].concat()).unwrap();
            let headers = [("x-forwarded-for".parse().unwrap(), value)].into_iter().collect();
            let peer = Forwarding::default().client(&network, proxy, &headers);
            assert_eq!(peer, Peer::of(client), "{written:?}");
        }
    }
}
