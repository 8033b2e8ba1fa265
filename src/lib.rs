//! An embeddable presence engine.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod backlog;
mod blocks;
mod config;
mod decision;
mod drain;
mod engine;
mod error;
mod event;
mod key;
mod lifecycle;
mod list;
mod missed;
mod notice;
mod online;
mod rate;
mod reach;
mod receivers;
mod replica;
mod sessions;
mod sight;
mod slot_map;
mod snapshot;
mod speech;
mod state;
mod stats;
mod time;
mod timers;
mod users;
mod verify;
mod work;

pub use config::{
    Config, ConfigError, DirectTo, Grace, Lease, OfflineNotices, Options, OverLimit, Rate,
};
pub use decision::{CloseReason, Decision};
pub use drain::Decisions;
pub use engine::{DefaultHashBuilder, Engine, Verb};
pub use error::Error;
pub use event::{Event, LostCause};
pub use key::{DeviceKind, SessionKey, Slot};
pub use notice::{Notice, NoticeId, PresenceKind};
pub use replica::{Replica, ReplicaFull};
pub use slot_map::SlotMap;
pub use snapshot::{Entry, Snapshot};
pub use stats::{Counts, Stats};
pub use time::Time;
