//! Several servers that are one: the program itself, three times, over Debian's nats-server.

mod support;

#[path = "cluster/api.rs"]
mod api;
#[path = "cluster/bad_messages.rs"]
mod bad_messages;
#[allow(dead_code, reason = "the tests of one server use the rest")]
#[path = "v1/client.rs"]
mod client;
#[allow(dead_code, reason = "the tests of one server use the rest")]
#[path = "api/contract.rs"]
mod contract;
#[path = "cluster/devices.rs"]
mod devices;
#[path = "cluster/nats.rs"]
mod nats;
#[path = "cluster/neutral.rs"]
mod neutral;
#[path = "cluster/nodes.rs"]
mod nodes;
#[path = "cluster/page.rs"]
mod page;
#[path = "cluster/people.rs"]
mod people;
#[path = "cluster/proxy.rs"]
mod proxy;
#[path = "cluster/restarts.rs"]
mod restarts;
#[path = "cluster/talk.rs"]
mod talk;
#[path = "cluster/trouble.rs"]
mod trouble;

/// Returns a number that the environment may set: `scripts/proof cluster` asks for more.
fn number(name: &str, otherwise: usize) -> usize {
    let given = std::env::var(name).ok();
    given.map_or(otherwise, |given| given.parse().expect("a number"))
}
