//! Tests of the protocol as a whole.

mod golden_json;
mod golden_thrift;
mod splice;
mod strict;

use super::*;
use std::collections::BTreeMap;

fn hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// A client's frame, read with the usual bounds.
fn inbound(bytes: &[u8]) -> Result<Inbound, DecodeError> {
    Frame::split(bytes)?.decode(&Limits::default())
}

/// A client's JSON frame.
fn json(kind: Kind, body: &str) -> Vec<u8> {
    let mut bytes = vec![kind.number() | 0x80];
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

/// A client's Thrift frame.
fn thrift(kind: Kind, body: &str) -> Vec<u8> {
    let mut bytes = vec![kind.number()];
    bytes.extend(hex(body));
    bytes
}

fn map<T>(entries: impl IntoIterator<Item = (&'static str, T)>) -> Option<BTreeMap<String, T>> {
    Some(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A presence with every field set.
fn full_presence() -> TimPresence {
    TimPresence {
        id: Some(-5),
        offline: Some(true),
        sub_status: Some(-1),
        from_tid: Some(Tid::of("a")),
        to_tid: Some(Tid::of("b")),
        to_list: Some(vec!["x".to_owned(), "y".to_owned()]),
        show: Some(-300),
        status: text("hi"),
        extend: map([("k", "v".to_owned())]),
        extra: map([("b", Bytes(vec![1, 2]))]),
    }
}
