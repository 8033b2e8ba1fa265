//! A connection's socket, and the frames that wait to be written to it.

pub(crate) mod send_queue;
pub(crate) mod socket;
pub(crate) mod stream;
pub(crate) mod wire;
pub(crate) mod ws_frame;
