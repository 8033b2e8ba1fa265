//! What proxies write into the head of a request about where it comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The header that proxies write it into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses, as most proxies write them.
    XForwardedFor,
    /// `Forwarded`, of RFC 7239.
    Forwarded,
}

impl ForwardedHeader {
    /// Returns the header's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    /// Returns the other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::XForwardedFor => Self::Forwarded,
            Self::Forwarded => Self::XForwardedFor,
        }
    }

    /// Returns the address in one element of the header; `None` if there is none, or if it cannot
    /// be read.
    pub(super) fn address(self, element: &str) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => address(element),
            Self::Forwarded => address(node(element)?),
        }
    }
}

/// The parts of a text between separators, the last one first. A separator between quotes is none.
/// From the end, because what a client has written itself stands at the beginning: a quote there
/// that nothing closes does not reach what a proxy has added.
pub(super) struct FromLast<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> FromLast<'a> {
    /// The elements of a header.
    pub(super) const fn elements(header: &'a str) -> Self {
        Self { rest: Some(header), separator: b',' }
    }
}

impl<'a> Iterator for FromLast<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        let mut is_quoted = false;
        for (at, byte) in rest.bytes().enumerate().rev() {
            if byte == b'"' && !is_escaped(&rest.as_bytes()[..at]) {
                is_quoted = !is_quoted;
            } else if byte == self.separator && !is_quoted {
                self.rest = Some(&rest[..at]);
                return Some(&rest[at + 1..]);
            }
        }
        Some(rest)
    }
}

/// Returns whether what follows these bytes is escaped: they end with an odd number of backslashes.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Returns the value of `for` in an element of `Forwarded`, which has it once.
fn node(element: &str) -> Option<&str> {
    let mut node = None;
    for pair in (FromLast { rest: Some(element), separator: b';' }) {
        if pair.trim().is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=')?;
        let is_node = name.trim().eq_ignore_ascii_case("for");
        if is_node && node.replace(value).is_some() {
            return None;
        }
    }
    node
}

/// Reads an address, with a port or without, in quotes or not; one of IPv6 may be in brackets and,
/// with a port, is.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?.trim(),
        None => text,
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let has_good_end = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return has_good_end.then(|| v6(address)).flatten();
    }
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => {
            is_port(port).then(|| address.parse::<Ipv4Addr>().ok().map(IpAddr::from)).flatten()
        }
        Some(_) => v6(text),
        None => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
    }
}

/// Reads an address of IPv6, which may name its zone.
fn v6(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().ok().map(IpAddr::from)
}

/// Returns whether this is a port: its number, or, for RFC 7239, a word in place of that.
fn is_port(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match text.strip_prefix('_') {
        Some(word) => !word.is_empty() && word.bytes().all(is_word),
        None => !text.starts_with('+') && text.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_port_quotes_and_brackets() {
        for (text, wanted) in [
            ("203.0.113.7", "203.0.113.7"),
            (" 203.0.113.7:4711 ", "203.0.113.7"),
            ("\"203.0.113.7:4711\"", "203.0.113.7"),
            ("203.0.113.7:_a.B-1", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%eth0]:4711", "fe80::1"),
            ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
        ] {
            assert_eq!(address(text), Some(wanted.parse().unwrap()), "{text}");
        }
        for wrong in [
            "",
            "\"",
            "\"\"",
            "[",
            "[]",
            "]",
            ":",
            ":80",
            "unknown",
            "_hidden",
            "203.0.113",
            "203.0.113.7:",
            "203.0.113.7:x",
            "203.0.113.7:+1",
            "203.0.113.7:65536",
            "203.0.113.7:_",
            "203.0.113.7 203.0.113.8",
            "203.0.113.7\"",
            "\"203.0.113.7",
            "[203.0.113.7]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]4711",
            "[2001:db8::1]:",
            "[[2001:db8::1]]",
            "2001:db8::1::",
            "for=203.0.113.7",
            "%",
            "é",
        ] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_element_of_forwarded_has_one_node() {
        let read = |element| ForwardedHeader::Forwarded.address(element).map(|ip| ip.to_string());
        for element in [
            "for=192.0.2.43",
            " For = \"192.0.2.43:47011\" ",
            "for=192.0.2.43; proto=http;by=203.0.113.43",
            "proto=https;host=\"a;for=6.6.6.6,\\\"b\";FOR=192.0.2.43;",
            ";;for=192.0.2.43",
        ] {
            assert_eq!(read(element).as_deref(), Some("192.0.2.43"), "{element}");
        }
        assert_eq!(read("for=\"[2001:db8:cafe::17]:4711\"").as_deref(), Some("2001:db8:cafe::17"));
        for wrong in [
            "",
            "for",
            "for=",
            "192.0.2.43",
            "by=192.0.2.43",
            "for=unknown",
            "for=\"_gazonk\"",
            "for=192.0.2.43;for=192.0.2.44",
            "for=192.0.2.43;x",
            "for=\"192.0.2.43",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn elements_come_from_the_last_on_and_quotes_keep_commas() {
        let elements = |header| FromLast::elements(header).collect::<Vec<_>>();
        assert_eq!(elements("a, b,c"), ["c", " b", "a"]);
        assert_eq!(elements(""), [""]);
        assert_eq!(elements("a=\"x,y\",b"), ["b", "a=\"x,y\""]);
        assert_eq!(elements(r#"a="x\",y",b"#), ["b", r#"a="x\",y""#]);
        assert_eq!(elements(r#"a="x\\",b"#), ["b", r#"a="x\\""#]);
        // What a client has left open, before what its proxy has added.
        assert_eq!(elements("for=6.6.6.6;x=\", for=\"[::1]:1\"")[0], " for=\"[::1]:1\"");
        assert_eq!(elements("é\",ß"), ["ß", "é\""]);
    }
}
