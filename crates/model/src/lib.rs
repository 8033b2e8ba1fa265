//! The reference model: what the engine's rules say, written down a second time, as plainly and as
//! slowly as possible, so that a difference between the two means something.
//!
//! | module | what it has |
//! | --- | --- |
//! | `event` | users and inputs as the tests have them |
//! | [`state`], [`missed`] | the [`Model`]: its state, what can be asked of it, who may see whom |
//! | [`choice`] | functions that choose who speaks for a user, and what they choose from |
//! | [`topics`], `members` | who is in which topic, and what the next tick tells |
//! | [`telling`] | how receivers are told, and what is noted for those that are congested |
//! | `rules` | the verbs, one file a subject, named as the engine's own |
//! | [`decision`] | decisions in the form in which they are compared |
//! | [`setup`], [`ops`], `draw` | options and operations from a few bytes, as things stand |
//! | [`host`], `drain` | an engine with the table of connections that a host would keep |
//! | [`hasher`] | a hasher with which everything collides |
//! | [`queries`] | everything that the engine can be asked, held against the model |
//! | [`spelling`] | a second engine, whose ids have several spellings |
//! | [`told`] | what came of inputs in words, sessions by the order in which they connected |
//! | [`receivers`] | a replica for each session, held against the truth |
//! | [`beliefs`] | the same without the model, held against what an engine can be asked |
//! | [`world`] | all of it in step, with every check |
//! | [`targets`] | what the fuzz targets run, and the tests on what these have found |
//! | `strategy` | cases as proptest draws them, with the feature `proptest` |
//!
//! The engine's tests, the fuzz targets and the replay use it. It is no part of the engine, and is
//! not published.
//!
//! | feature | what it does |
//! | --- | --- |
//! | `proptest` | brings `strategy`, which fuzz targets and replays do not need |
//! | `serde` | the engine's: inputs can be serialised |
//! | `shrunk` | the engine's: the model expects its inner constants shrunk |
#![allow(missing_docs, reason = "the verbs and fields have the engine's names, and mean the same")]

pub mod beliefs;
pub mod choice;
mod chosen;
pub mod decision;
pub mod drain;
mod draw;
mod draw_topics;
mod event;
pub mod hasher;
pub mod host;
mod members;
pub mod missed;
pub mod ops;
mod payload;
pub mod queries;
pub mod receivers;
mod rules;
pub mod setup;
pub mod spelling;
pub mod state;
#[cfg(feature = "proptest")]
pub mod strategy;
pub mod targets;
pub mod telling;
pub mod timer;
pub mod told;
pub mod topics;
pub mod world;

pub use choice::Choice;
pub use decision::{Decision, Gathered, Notice, Output};
pub use event::{Event, User, session_of, topic_of};
pub use host::{Answer, Host, Outcome};
pub use ops::{Case, Op};
pub use payload::Payload;
pub use setup::Setup;
pub use state::{Attachment, Model};
pub use world::World;
