//! A batch of edges as it is posted, and its signature.

use adsum_tim::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;

use super::edge::Edge;

/// Edges that are told together.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) edges: Vec<Edge>,
    /// Whether the hook has not been told of something that came before.
    pub(super) missed: bool,
    /// How much had been lost when this was made.
    pub(super) lost: u64,
}

#[derive(Serialize)]
struct Body<'a> {
    start: u64,
    missed: bool,
    edges: &'a [Edge],
}

impl Batch {
    /// Returns the JSON of it, from a server that started at this time.
    pub(super) fn body(&self, start_ms: u64) -> Vec<u8> {
        let body = Body { start: start_ms, missed: self.missed, edges: &self.edges };
        // Numbers, texts and booleans under fixed names: nothing that JSON cannot say.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

/// Returns the HMAC-SHA256 of the time, a dot and the body, in hexadecimal.
pub(super) fn signature(secret: &Secret, time: &str, body: &[u8]) -> String {
    // A key may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes()) else {
        return String::new();
    };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::{Value, json};

    use super::super::edge::State;
    use super::*;

    #[test]
    fn a_body_names_what_an_edge_has() {
        let edge = |number, state| Edge {
            number,
            user: "ann".into(),
            state,
            visible: true,
            since_ms: 1_234,
            noted: Instant::now(),
        };
        let edges = vec![edge(7, State::Online), edge(8, State::Offline("timeout"))];
        let batch = Batch { edges, missed: false, lost: 0 };
        let body: Value = serde_json::from_slice(&batch.body(99)).unwrap();
        let wanted = json!({ "start": 99, "missed": false, "edges": [
            { "number": 7, "user": "ann", "state": "online", "visible": true, "since": 1_234 },
            { "number": 8, "user": "ann", "state": "offline", "cause": "timeout",
              "visible": true, "since": 1_234 },
        ] });
        assert_eq!(body, wanted);
    }

    /// As another implementation works it out.
    #[test]
    fn the_signature_is_that_of_time_dot_body() {
        let secret = Secret::from("a secret of the tests");
        let said = signature(&secret, "1700000000000", b"{}");
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"a secret of the tests");
        let tag = aws_lc_rs::hmac::sign(&key, b"1700000000000.{}");
        let wanted: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(said, wanted);
        assert_ne!(signature(&secret, "1700000000001", b"{}"), wanted);
    }
}
