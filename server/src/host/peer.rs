//! Whose connection it is, as far as the network tells: what limits are shared by.

use std::net::{IpAddr, Ipv6Addr};

/// A network address that limits are counted by: of IPv6 the first half, since whoever has one
/// address there has all of the second half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self(Ipv6Addr::from_bits(network).into())
            }
            address @ IpAddr::V4(_) => Self(address),
        }
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
    }
}
