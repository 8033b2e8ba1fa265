//! The proxies whose word is taken for where a client is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::forwarded::{ForwardedHeader, FromLast};

/// How many bits all addresses of IPv4 have in common in the form that IPv6 has for them.
const MAPPED_BITS: u8 = 96;

/// Networks of proxies, each an address and how many of its first bits count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<(IpAddr, u8)>);

impl Proxies {
    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether this is the address of one.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(network, bits)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same(network.to_bits().into(), address.to_bits().into(), 32 - bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                same(network.to_bits(), address.to_bits(), 128 - bits)
            }
            _ => false,
        })
    }

    /// Returns where a client is that comes from this address: if a proxy is there, the last
    /// address that it, or a proxy before it, has added to the header that is no proxy's itself.
    /// What a client has written there itself stands before that.
    pub(crate) fn client<'a>(
        &self,
        from: IpAddr,
        header: ForwardedHeader,
        forwarded: &'a str,
    ) -> Told<'a> {
        let mut client = from;
        let mut elements = FromLast::elements(forwarded);
        while self.contain(client)
            && let Some(element) = elements.next()
        {
            match header.address(element) {
                Some(address) => client = address,
                None => return Told { client, unreadable: Some(element.trim()) },
            }
        }
        Told { client, unreadable: None }
    }
}

/// What proxies say about whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told<'a> {
    /// Where the client is, or the last proxy that is known to be one.
    pub(crate) client: IpAddr,
    /// What that proxy says in place of an address.
    pub(crate) unreadable: Option<&'a str>,
}

const fn same(one: u128, other: u128, ignored: u8) -> bool {
    match one.checked_shr(ignored as u32) {
        Some(one) => one == other >> ignored,
        None => true,
    }
}

impl FromStr for Proxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |text: &str| {
            let (address, bits) = match text.trim().split_once('/') {
                Some((address, bits)) => (address, Some(bits)),
                None => (text.trim(), None),
            };
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
            if bits > most {
                return None;
            }
            // One of IPv4 in the form that IPv6 has for it is of IPv4, as addresses are.
            match address {
                IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
                    Some((address.to_canonical(), u8::checked_sub(bits, MAPPED_BITS)?))
                }
                _ => Some((address, bits)),
            }
        };
        let must = || {
            format!(
                "must be addresses or networks, like 127.0.0.1, ::1, 10.0.0.0/8; one that begins \
                 with ::ffff: has {MAPPED_BITS} bits at least"
            )
        };
        text.split(',').map(network).collect::<Option<_>>().map(Self).ok_or_else(must)
    }
}

impl fmt::Display for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (address, bits)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{address}/{bits}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(text: &str) -> Proxies {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_read_and_written() {
        assert_eq!(
            proxies("127.0.0.1, ::1 ,10.0.0.0/8").to_string(),
            "127.0.0.1/32,::1/128,10.0.0.0/8"
        );
        for wrong in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "1.2.3.4,"] {
            assert!(wrong.parse::<Proxies>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_network_of_the_old_kind_in_the_new_form_is_of_the_old_kind() {
        for (text, meant) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:a00:0/104", "10.0.0.0/8"),
            ("::ffff:10.0.0.7", "10.0.0.7/32"),
            ("::ffff:10.0.0.7/128", "10.0.0.7/32"),
            ("::ffff:10.0.0.6/127", "10.0.0.6/31"),
            ("::ffff:0:0/97", "0.0.0.0/1"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            // These are of the new kind, whatever they look like.
            ("::10.0.0.0/104", "::a00:0/104"),
            ("64:ff9b::10.0.0.0/104", "64:ff9b::a00:0/104"),
            ("::fffe:10.0.0.0/104", "::fffe:a00:0/104"),
        ] {
            assert_eq!(proxies(text).to_string(), meant, "{text}");
            assert_eq!(proxies(meant), proxies(text), "{text}");
        }
        // Others than those of the old kind would be in it.
        for wrong in ["::ffff:10.0.0.0/95", "::ffff:0:0/8", "::ffff:0:0/0", "::ffff:1.2.3.4/129"] {
            let must = wrong.parse::<Proxies>().unwrap_err();
            assert!(must.ends_with("one that begins with ::ffff: has 96 bits at least"), "{must}");
        }
    }

    #[test]
    fn an_address_is_in_a_network() {
        let within = |text, address: &str| proxies(text).contain(address.parse().unwrap());
        assert!(within("10.0.0.0/8", "10.255.0.1") && !within("10.0.0.0/8", "11.0.0.1"));
        assert!(within("10.0.0.0/8", "::ffff:10.0.0.1"));
        for address in ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"] {
            assert!(within("::ffff:10.0.0.0/104", address), "{address}");
        }
        for address in ["9.255.255.255", "11.0.0.0", "::ffff:11.0.0.0", "::a00:0", "::1"] {
            assert!(!within("::ffff:10.0.0.0/104", address), "{address}");
        }
        assert!(within("::ffff:0:0/96", "255.255.255.255") && !within("::ffff:0:0/96", "::1"));
        assert!(within("0.0.0.0/0", "1.2.3.4") && !within("0.0.0.0/0", "::1"));
        assert!(within("::/0", "::1") && within("fd00::/8", "fd12::1"));
        assert!(within("::1", "::1") && !within("::1", "::2"));
    }

    #[test]
    fn only_what_a_proxy_says_is_taken() {
        let trusted = proxies("127.0.0.1,10.0.0.0/8");
        let told = |from: &str, forwarded: &'static str| {
            let told =
                trusted.client(from.parse().unwrap(), ForwardedHeader::XForwardedFor, forwarded);
            (told.client.to_string(), told.unreadable)
        };
        let client = |from, forwarded| {
            let (client, unreadable) = told(from, forwarded);
            assert_eq!(unreadable, None);
            client
        };
        assert_eq!(client("127.0.0.1", "1.1.1.1"), "1.1.1.1");
        // Whatever a client has written itself.
        assert_eq!(client("127.0.0.1", "9.9.9.9, 1.1.1.1"), "1.1.1.1");
        assert_eq!(client("127.0.0.1", "nonsense\", 1.1.1.1:80"), "1.1.1.1");
        assert_eq!(client("127.0.0.1", "9.9.9.9, 1.1.1.1, 10.0.0.7:80"), "1.1.1.1");
        assert_eq!(client("1.1.1.1", "9.9.9.9"), "1.1.1.1");
        assert_eq!(client("127.0.0.1", "10.0.0.1, 10.0.0.2"), "10.0.0.1");
        assert_eq!(told("127.0.0.1", "9.9.9.9, x "), ("127.0.0.1".to_owned(), Some("x")));
        assert_eq!(told("127.0.0.1", "x, 10.0.0.2"), ("10.0.0.2".to_owned(), Some("x")));
        let nobody = Proxies::default();
        let told = nobody.client([127, 0, 0, 1].into(), ForwardedHeader::XForwardedFor, "1.1.1.1");
        assert_eq!(told.client, IpAddr::from([127, 0, 0, 1]));
    }

    #[test]
    fn the_header_of_the_rfc_is_read_too() {
        let trusted = proxies("127.0.0.1,2001:db8::/32");
        let forwarded = "for=9.9.9.9;x=\", for=1.1.1.1;proto=https, for=\"[2001:db8::7]:80\"";
        let told = trusted.client([127, 0, 0, 1].into(), ForwardedHeader::Forwarded, forwarded);
        assert_eq!(told, Told { client: [1, 1, 1, 1].into(), unreadable: None });
    }
}
