//! Options: a JSON file with tim's names where tim has one, the environment, and flags.
//!
//! [`arguments`] gives a `clap::Command` its flags, [`load`] finds out what is in force. All of it
//! comes from one table, so that no way of setting something is ever forgotten. From what is in
//! force come [the engine's options](Config::engine_options) and [the store](Accounts::open_store).

mod check;
mod engine_options;
mod file;
mod forwarded;
mod key;
mod load;
mod open_store;
mod proxies;
mod reference;
mod secret_file;
mod settings;
mod table;
mod tims_keys;
mod token_key;
mod unknown;
mod value;
mod webhook_secret;

#[cfg(test)]
mod tests;

pub use forwarded::ForwardedHeader;
pub use load::{ConfigError, Loaded, Source, arguments, load};
pub use open_store::OpenStoreError;
pub use proxies::Proxies;
pub use reference::reference;
pub use settings::{
    Accounts, Cluster, Config, DirectTo, Level, Network, OfflineNotices, OneState, OverLimit,
    Presence, Services, StoreKind, TopicBlocks, Watch, Webhooks,
};
