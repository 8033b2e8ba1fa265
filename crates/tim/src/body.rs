//! The body of a frame: one struct, read or written in either form.

use crate::error::DecodeError;
use crate::form::Form;
use crate::kind::Kind;
use crate::limits::Limits;
use crate::wire::Wire;
use crate::{json, thrift_form};

/// Reads a body, all of it or nothing.
pub(crate) fn decode<T: Wire>(form: Form, body: &[u8], limits: &Limits) -> Result<T, DecodeError> {
    match form {
        Form::Json => json::decode(body, limits),
        Form::Thrift => thrift_form::decode(body, limits),
    }
}

/// Writes a frame: its first byte, the id of a sync frame if it is one, and the body.
pub(crate) fn encode<T: Wire>(form: Form, first: u8, id: &[u8], message: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(first);
    bytes.extend_from_slice(id);
    match form {
        Form::Json => {
            serde_json::to_writer(&mut bytes, message).expect("text keys, written to memory");
        }
        Form::Thrift => thrift_form::encode(message, &mut bytes),
    }
    bytes
}

/// Returns the first byte of a client's frame. In this direction the top bit means JSON.
pub(crate) const fn request_byte(form: Form, kind: Kind) -> u8 {
    match form {
        Form::Json => kind.number() | 0x80,
        Form::Thrift => kind.number(),
    }
}
