//! The reference model: what the engine's rules say, written down a second time, as plainly and as
//! slowly as possible, so that a difference between the two means something.
//!
//! | file | what it has |
//! | --- | --- |
//! | `state` | the [`Model`]: its state, what can be asked of it, and who may see whom |
//! | `lifecycle`, `lists`, `speech`, `slow` | the verbs, by what they are about |
//! | `decision` | decisions in the form in which they are compared |
//! | `setup`, `ops`, `draw` | options and operations from a few bytes, decoded relative to the model's state |
//! | `host` | an engine with the table of sockets that a host would keep |
//! | `told` | what came of inputs in words, sessions by the order in which they connected |
//! | `receivers` | a replica for each session, held against the truth |
//! | `world` | all of it in step, with every check |
//!
//! Nothing here needs proptest: fuzz targets and replays include this directory as it is. What
//! proptest draws stands in `strategy`, which is included apart.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test or fuzz target that includes this uses a part of it"
)]

pub mod decision;
mod draw;
pub mod host;
mod lifecycle;
mod lists;
pub mod ops;
pub mod receivers;
pub mod setup;
mod slow;
mod speech;
pub mod state;
pub mod told;
pub mod world;

pub use decision::{Decision, Notice, Output};
pub use host::{Host, Payload};
pub use ops::{Case, Op};
pub use setup::Setup;
pub use state::Model;
pub use world::World;

/// The users' ids. The generator connects [`ops::USERS`] of them; a few more are only ever named.
pub type User = u32;

/// An input; presences are numbers.
pub type Event = adsum::Event<User, u32>;

/// The session whose input this is.
pub fn session_of(event: &mut Event) -> Option<&mut adsum::SessionKey> {
    match event {
        Event::Disconnect { session }
        | Event::Lost { session, .. }
        | Event::Resume { session }
        | Event::Heartbeat { session }
        | Event::Publish { session, .. }
        | Event::Direct { session, .. }
        | Event::Invisible { session }
        | Event::Visible { session }
        | Event::Congested { session }
        | Event::Writable { session } => Some(session),
        _ => None,
    }
}
