//! What operations are answered.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::code::Fault;

/// What the first answer says.
#[derive(Serialize)]
pub(crate) struct Welcome<'a> {
    pub(crate) op: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<u64>,
    pub(crate) u: &'a str,
    pub(crate) s: &'a str,
    pub(crate) resume: &'a str,
    pub(crate) resumed: bool,
    pub(crate) visible: bool,
    pub(crate) now: u64,
    pub(crate) ping_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p: Option<Box<RawValue>>,
    /// For how many milliseconds more that is shown.
    #[serde(skip_serializing_if = "Option::is_none", rename = "for")]
    pub(crate) for_ms: Option<u64>,
    /// What is shown then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) then: Option<Box<RawValue>>,
    /// The topics that a session that goes on is in, and those among them that it only observes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) topics: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) observes: Vec<&'a str>,
    /// Whether the user of a new session is seen already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) seen: bool,
}

impl Welcome<'_> {
    pub(crate) fn frame(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// What is said of an operation that was carried out.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Done {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waits_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) forget: Option<Vec<Arc<str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "u")]
    pub(crate) user: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) relation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Token>,
}

/// A login token, which no log shows.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Token(pub(crate) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// Returns the answer to an operation that was carried out.
pub(crate) fn ok(n: Option<u64>, done: &Done) -> Vec<u8> {
    #[derive(Serialize)]
    struct Frame<'a> {
        op: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        n: Option<u64>,
        #[serde(flatten)]
        done: &'a Done,
    }
    serde_json::to_vec(&Frame { op: "ok", n, done }).unwrap_or_default()
}

/// Returns the answer to an operation that is refused.
pub(crate) fn err(n: Option<u64>, fault: &Fault) -> Vec<u8> {
    #[derive(Serialize)]
    struct Frame<'a> {
        op: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        n: Option<u64>,
        code: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_ms: Option<u64>,
    }
    let (field, retry_ms) = (fault.field.as_deref(), fault.retry_ms);
    let frame = Frame { op: "err", n, code: fault.code.text(), field, retry_ms };
    serde_json::to_vec(&frame).unwrap_or_default()
}
