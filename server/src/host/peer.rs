//! Whose connection it is, as far as the network tells: what limits are shared by.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A network address that limits are counted by: of IPv6 the first half, since whoever has one
/// address there has all of the second half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    network: IpAddr,
    is_proxy: bool,
}

impl Peer {
    pub(crate) fn of(address: IpAddr) -> Self {
        let network = match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Ipv6Addr::from_bits(network).into()
            }
            address @ IpAddr::V4(_) => address,
        };
        Self { network, is_proxy: false }
    }

    /// Of a trusted proxy that has not said whose connection it is, and perhaps never does.
    pub(crate) fn of_proxy(address: IpAddr) -> Self {
        Self { is_proxy: true, ..Self::of(address) }
    }

    /// Returns whether it stands for any number of clients, who must not be taken for one.
    pub(crate) const fn is_proxy(self) -> bool {
        self.is_proxy
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.network.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_peer() {
        let peer = |text: &str| Peer::of(text.parse().unwrap());
        assert_eq!(peer("2001:db8:0:1::1"), peer("2001:db8:0:1:ffff::2"));
        assert_ne!(peer("2001:db8:0:1::1"), peer("2001:db8:0:2::1"));
        assert_ne!(peer("127.0.0.1"), peer("127.0.0.2"));
        // An address of the old kind, as a socket of the new kind shows it.
        assert_eq!(peer("::ffff:10.0.0.7"), peer("10.0.0.7"));
        assert_eq!(peer("2001:db8::1").to_string(), "2001:db8::");
        assert_ne!(peer("10.0.0.7"), Peer::of_proxy("10.0.0.7".parse().unwrap()));
    }
}
