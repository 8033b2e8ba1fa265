//! Reads values, or says what they must be.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;

/// A value as it was given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given<'a> {
    /// On the command line or in the environment.
    Text(&'a str),
    /// In the file.
    Json(&'a Value),
}

/// A week in seconds.
pub(super) const WEEK: u64 = 7 * 24 * 60 * 60;

/// What a value that was refused must be: "must be 1 to 5".
pub(super) type Must = String;

pub(super) fn number<T: TryFrom<u64>>(given: Given<'_>, min: u64, max: u64) -> Result<T, Must> {
    let (number, is_whole) = match given {
        Given::Text(text) => (text.trim().parse().ok(), text.trim().parse::<i128>().is_ok()),
        Given::Json(value) => (value.as_u64(), value.is_u64() || value.is_i64()),
    };
    let number: Option<u64> = number.filter(|number| (min..=max).contains(number));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        let digits = if is_whole { "" } else { "a whole number in digits, " };
        format!("must be {digits}{min} to {max}")
    })
}

/// Reads whole seconds, as milliseconds.
pub(super) fn seconds(given: Given<'_>, min: u64, max: u64) -> Result<u64, Must> {
    number::<u64>(given, min, max)
        .map(|seconds| seconds * 1_000)
        .map_err(|must| format!("{must} seconds"))
}

pub(super) fn boolean(given: Given<'_>) -> Result<bool, Must> {
    let known = match given {
        Given::Text("true") | Given::Json(Value::Bool(true)) => Some(true),
        Given::Text("false") | Given::Json(Value::Bool(false)) => Some(false),
        _ => None,
    };
    known.ok_or_else(|| "must be true or false".to_owned())
}

pub(super) fn text(given: Given<'_>) -> Result<String, Must> {
    let text = match given {
        Given::Text(text) => Some(text),
        Given::Json(value) => value.as_str(),
    };
    let text = text.filter(|text| !text.is_empty()).ok_or("must be a text that is not empty")?;
    Ok(text.to_owned())
}

/// Reads a list, whose parts a comma stands between; in the file it may be a list there.
pub(super) fn list(given: Given<'_>) -> Result<String, Must> {
    let Given::Json(Value::Array(parts)) = given else { return text(given) };
    let parts: Option<Vec<_>> = parts.iter().map(Value::as_str).collect();
    let parts = parts.filter(|parts| !parts.is_empty());
    Ok(parts.ok_or("must be a list of texts that is not empty")?.join(","))
}

pub(super) fn choice<T: Copy>(given: Given<'_>, all: &[(&str, T)]) -> Result<T, Must> {
    let said = text(given).ok();
    let found = all.iter().find(|(name, _)| Some(*name) == said.as_deref());
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        format!("must be {}", names.join(" or "))
    })
}

/// Returns the name of a choice.
pub(super) fn name_of<T: PartialEq>(value: T, all: &[(&'static str, T)]) -> String {
    let found = all.iter().find(|(_, of)| *of == value);
    found.map_or_else(String::new, |(name, _)| (*name).to_owned())
}

/// Reads an address as tim writes it. A port alone is on loopback; a colon and a port, as in Go, on
/// every address.
pub(super) fn address(given: Given<'_>) -> Result<SocketAddr, Must> {
    let said = match given {
        Given::Text(text) => text.trim().to_owned(),
        Given::Json(Value::Number(port)) => port.to_string(),
        Given::Json(value) => value.as_str().unwrap_or_default().to_owned(),
    };
    let port = |text: &str| text.parse::<u16>().ok();
    let found = if let Some(port) = port(&said) {
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    } else if let Some(port) = said.strip_prefix(':').and_then(port) {
        Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
    } else if let Some(port) = said.strip_prefix("localhost:").and_then(port) {
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    } else {
        said.parse().ok()
    };
    found.ok_or_else(|| {
        "must be an address like 127.0.0.1:20003, [::1]:20003 or :20003 (every address)".to_owned()
    })
}

/// Reads an address that can be posted to. A name and a password in it would be shown with it.
pub(super) fn http_address(given: Given<'_>) -> Result<String, Must> {
    let said = text(given).unwrap_or_default();
    let is_good = said.parse().is_ok_and(|url: reqwest::Url| {
        ["http", "https"].contains(&url.scheme())
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    });
    let must = "must be an address like https://example.org/hook, without a user and a password";
    is_good.then_some(said).ok_or_else(|| must.to_owned())
}

/// Reads the address of a NATS server. A name and a password in it would be shown with it.
pub(super) fn nats_address(given: Given<'_>) -> Result<String, Must> {
    let said = text(given).unwrap_or_default();
    let is_good = said.parse().is_ok_and(|url: reqwest::Url| {
        ["nats", "tls"].contains(&url.scheme())
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    });
    let must = "must be an address like nats://127.0.0.1:4222, without a user and a password";
    is_good.then_some(said).ok_or_else(|| must.to_owned())
}

/// Reads a name that stands in a subject.
pub(super) fn node_name(given: Given<'_>) -> Result<String, Must> {
    let said = text(given).unwrap_or_default();
    let is_plain = adsum_cluster::NodeId::new(&said).is_some();
    is_plain.then_some(said).ok_or_else(|| "must be 1 to 31 of a-z, A-Z, 0-9, - and _".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_whole_and_within_their_range() {
        fn refused(given: Given<'_>) -> Must {
            number::<u16>(given, 1, 9).unwrap_err()
        }
        let (range, digits) = ("must be 1 to 9", "must be a whole number in digits, 1 to 9");
        assert_eq!(number::<u16>(Given::Text(" 7 "), 1, 9), Ok(7));
        assert_eq!(number::<u16>(Given::Json(&json!(9)), 1, 9), Ok(9));
        for wrong in ["0", "10", "-1", "18446744073709551616"] {
            assert_eq!(refused(Given::Text(wrong)), range, "{wrong}");
        }
        for wrong in ["", "1.0", "0x1", "seven", "1 2", "1e0"] {
            assert_eq!(refused(Given::Text(wrong)), digits, "{wrong}");
        }
        for wrong in [json!(0), json!(10), json!(-1)] {
            assert_eq!(refused(Given::Json(&wrong)), range, "{wrong}");
        }
        for wrong in [json!(1.5), json!(7.0), json!("7"), json!(true), json!([7])] {
            assert_eq!(refused(Given::Json(&wrong)), digits, "{wrong}");
        }
        // The type is a bound too, should a range ever be wider.
        assert!(number::<u8>(Given::Text("256"), 0, 1_000).is_err());
        assert_eq!(seconds(Given::Text("2"), 1, 9), Ok(2_000));
        assert_eq!(seconds(Given::Text("0"), 1, 9), Err("must be 1 to 9 seconds".to_owned()));
    }

    #[test]
    fn truth_is_spelled_out() {
        assert_eq!(boolean(Given::Text("true")), Ok(true));
        assert_eq!(boolean(Given::Json(&json!(false))), Ok(false));
        for wrong in ["", "yes", "1", "True"] {
            assert!(boolean(Given::Text(wrong)).is_err(), "{wrong}");
        }
        assert!(boolean(Given::Json(&json!("true"))).is_err());
        assert!(boolean(Given::Json(&json!(1))).is_err());
    }

    #[test]
    fn lists_are_lists_or_texts_with_commas() {
        assert_eq!(list(Given::Text("a, b")), Ok("a, b".to_owned()));
        assert_eq!(list(Given::Json(&json!(["a", "b"]))), Ok("a,b".to_owned()));
        for wrong in [json!([]), json!([1]), json!(7), json!("")] {
            assert!(list(Given::Json(&wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn choices_are_named_and_name_each_other() {
        let all = [("a", 1), ("b", 2)];
        assert_eq!(choice(Given::Text("b"), &all), Ok(2));
        assert_eq!(choice(Given::Json(&json!("c")), &all), Err("must be a or b".to_owned()));
        assert_eq!(name_of(1, &all), "a");
    }

    #[test]
    fn addresses_to_post_to_are_http_and_name_nobody() {
        for good in ["http://127.0.0.1:7/", "https://example.org/hook?key=1", "http://[::1]/x"] {
            assert_eq!(http_address(Given::Text(good)), Ok(good.to_owned()));
        }
        for wrong in ["", "example.org", "ftp://a/", "http://", "http://ann@a/", "http://:x@a/"] {
            assert!(http_address(Given::Text(wrong)).is_err(), "{wrong}");
        }
        assert!(http_address(Given::Json(&json!(7))).is_err());
    }

    #[test]
    fn nodes_have_plain_names_and_nats_an_address() {
        for good in ["nats://127.0.0.1:4222", "tls://nats.example.org", "nats://[::1]:1"] {
            assert_eq!(nats_address(Given::Text(good)), Ok(good.to_owned()));
        }
        for wrong in ["", "127.0.0.1:4222", "http://a/", "nats://", "nats://ann:x@a"] {
            assert!(nats_address(Given::Text(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(node_name(Given::Text("b-2_x")), Ok("b-2_x".to_owned()));
        for wrong in ["", "a.b", "a b", "ä", "*", &"a".repeat(32)] {
            assert!(node_name(Given::Text(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_as_tim_writes_them() {
        let cases = [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("0.0.0.0:20003", "0.0.0.0:20003"),
            (":20003", "0.0.0.0:20003"),
            ("20003", "127.0.0.1:20003"),
            ("localhost:1", "127.0.0.1:1"),
            ("[::1]:0", "[::1]:0"),
        ];
        for (said, meant) in cases {
            assert_eq!(address(Given::Text(said)).unwrap().to_string(), meant);
        }
        assert_eq!(address(Given::Json(&json!(20003))).unwrap().to_string(), "127.0.0.1:20003");
        for wrong in ["", ":", "127.0.0.1", "65536", ":65536", "example.org:80", "1.2.3.4:x"] {
            assert!(address(Given::Text(wrong)).is_err(), "{wrong}");
        }
    }
}
