//! tim's protocol: frames, the structs in them, and both of their forms.
//!
//! Reading is strict: a frame is understood as a whole or refused as a whole, with a
//! [`DecodeError`] that says why and never quotes it. (tim processes what it understood of a
//! broken frame; that let clients forge the mark of the server's own offline notice.)
//!
//! * From a client: [`Frame::split`], then [`Frame::decode`] gives an [`Inbound`].
//! * To a client: `to_frame` and `to_sync_frame` of the structs; a presence to many is
//!   [prepared](TimPresence::prepare) once a form and completed [for each receiver](Prepared).
//! * A client (the load generator, the tests) has `to_request` and [`ServerFrame::split`].
//!
//! ```
//! use adsum_tim::{Frame, Inbound, Kind, Limits, Tid, TimAck, TimPresence};
//!
//! let bytes = b"\x93{\"offline\":true,\"show\":2,\"status\":\"at lunch\"}";
//! let frame = Frame::split(bytes).unwrap();
//! match frame.decode(&Limits::default()) {
//!     Ok(Inbound::BroadPresence(said)) => {
//!         // What the server says is the server's; the rest goes out as it came.
//!         let told = TimPresence {
//!             id: Some(7),
//!             offline: None,
//!             from_tid: Some(Tid::of("alice")),
//!             to_list: None,
//!             ..*said
//!         };
//!         let prepared = told.prepare(frame.form);
//!         for receiver in ["bob", "carol"] {
//!             let sent = prepared.for_receiver(receiver);
//!             assert!(sent.starts_with(b"\x5b{\"id\":7,\"fromTid\":{\"node\":\"alice\"}"));
//!         }
//!     }
//!     Ok(other) => panic!("{other:?}"),
//!     Err(error) => {
//!         let ack = TimAck::refused(frame.kind, error.code(frame.kind));
//!         let _answer = ack.to_frame(frame.form, Kind::ACK);
//!     }
//! }
//! ```

mod body;
mod code;
mod error;
mod form;
mod frame;
mod json;
mod json_reader;
mod kind;
mod limits;
mod message;
mod prepared;
mod thrift_form;
mod thrift_reader;
mod thrift_writer;
mod values;
mod wire;

#[cfg(test)]
mod tests;

pub use code::Code;
pub use error::{DecodeError, Fault};
pub use form::Form;
pub use frame::{Frame, Inbound, ServerFrame, bare, receipt_frame};
pub use kind::{Kind, ntype, rtype};
pub use limits::Limits;
pub use message::{
    Tid, TimAck, TimAuth, TimError, TimMessage, TimNodes, TimPresence, TimReq, TimUserBean,
};
pub use prepared::Prepared;
pub use values::{Bytes, Secret};

/// The example in the README compiles and holds.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
