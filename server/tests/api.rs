//! The HTTP API is as `server/openapi.json` describes it, and does what it says.

mod support;

#[path = "api/answers.rs"]
mod answers;
#[allow(dead_code, reason = "the tests of the neutral protocol use the rest")]
#[path = "v1/client.rs"]
mod client;
#[path = "api/contract.rs"]
mod contract;
#[path = "api/effects.rs"]
mod effects;
#[path = "api/page.rs"]
mod page;
#[path = "api/refusals.rs"]
mod refusals;
