//! The neutral protocol, adsum.v1: its page is true, and its rules hold.

mod support;

#[path = "v1/access.rs"]
mod access;
#[path = "v1/accounts.rs"]
mod accounts;
#[path = "v1/belief.rs"]
mod belief;
#[path = "v1/bounds.rs"]
mod bounds;
#[path = "v1/client.rs"]
mod client;
#[path = "v1/contacts.rs"]
mod contacts;
#[path = "v1/devices.rs"]
mod devices;
#[path = "v1/endings.rs"]
mod endings;
#[path = "v1/order.rs"]
mod order;
#[path = "v1/page.rs"]
mod page;
#[path = "v1/roster.rs"]
mod roster;
#[path = "v1/topics.rs"]
mod topics;
