//! A presence for many receivers: encoded once a form, and each receiver's node put in.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde::Serializer as _;
use serde::ser::SerializeMap as _;
use thrift::protocol::{TCompactOutputProtocol, TOutputProtocol, TType};

use crate::form::Form;
use crate::kind::Kind;
use crate::message::{Parts, TimPresence};
use crate::thrift_form;
use crate::thrift_writer::{self, Sink};

/// The field that differs from receiver to receiver: `toTid`.
const TO_TID: i16 = 5;
const NODE: i16 = 1;
const EXTEND: i16 = 5;

/// A presence frame but for the receiver's node.
///
/// It is immutable and can be shared between threads; to give it to one more receiver costs a
/// copy of the frame and the escaping of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    form: Form,
    head: Box<[u8]>,
    tail: Box<[u8]>,
}

/// What the server adds for the receiver, if it is not empty.
type Extend<'a> = Option<&'a BTreeMap<String, String>>;

impl TimPresence {
    /// Encodes the presence up to the receiver, who is left open: `toTid` and `toList` of this
    /// value are not looked at.
    #[must_use]
    pub fn prepare(&self, form: Form) -> Prepared {
        self.prepare_with(form, &BTreeMap::new())
    }

    /// Encodes the same, with what the server adds for every receiver: `extend` of `toTid`.
    #[must_use]
    pub fn prepare_with(&self, form: Form, extend: &BTreeMap<String, String>) -> Prepared {
        let extend = Some(extend).filter(|extend| !extend.is_empty());
        let (head, tail) = match form {
            Form::Json => self.json_halves(extend),
            Form::Thrift => self.thrift_halves(extend),
        };
        Prepared { form, head: head.into(), tail: tail.into() }
    }

    fn json_halves(&self, extend: Extend<'_>) -> (Vec<u8>, Vec<u8>) {
        let part = |from, to| {
            let mut bytes = Vec::with_capacity(128);
            let mut serializer = serde_json::Serializer::new(&mut bytes);
            serializer
                .serialize_map(None)
                .and_then(|mut map| {
                    self.json_fields(&mut map, from, to)?;
                    map.end()
                })
                .expect("text keys, written to memory");
            bytes
        };
        let mut head = vec![Kind::PRESENCE.number()];
        head.extend(part(1, TO_TID - 1));
        // The object goes on: its brace makes way, for a comma if it has fields already.
        head.pop();
        if head.last() != Some(&b'{') {
            head.push(b',');
        }
        head.extend(br#""toTid":{"node":"#);
        let mut tail = Vec::new();
        if let Some(extend) = extend {
            tail.extend(br#","extend":"#);
            serde_json::to_writer(&mut tail, extend).expect("text, written to memory");
        }
        tail.push(b'}');
        let rest = part(TO_TID + 2, i16::MAX);
        if rest != b"{}" {
            tail.push(b',');
        }
        tail.extend(&rest[1..]);
        (head, tail)
    }

    fn thrift_halves(&self, extend: Extend<'_>) -> (Vec<u8>, Vec<u8>) {
        let mut bytes = vec![Kind::PRESENCE.number()];
        let length = Cell::new(0);
        let mut out = TCompactOutputProtocol::new(Sink::new(&mut bytes, &length));
        let mut cut = 0;
        thrift_writer::written(self.write_around_node(&mut out, extend, &length, &mut cut));
        let tail = bytes.split_off(cut);
        (bytes, tail)
    }

    /// Writes all but the receiver's node, and notes where that belongs.
    fn write_around_node(
        &self,
        out: &mut dyn TOutputProtocol,
        extend: Extend<'_>,
        length: &Cell<usize>,
        cut: &mut usize,
    ) -> thrift::Result<()> {
        thrift_writer::begin_struct(out)?;
        self.write_fields(out, 1, TO_TID - 1)?;
        thrift_writer::begin_field(out, TO_TID, TType::Struct)?;
        thrift_writer::begin_struct(out)?;
        thrift_writer::begin_field(out, NODE, TType::String)?;
        *cut = length.get();
        if let Some(extend) = extend {
            thrift_form::write_field(out, EXTEND, extend)?;
        }
        thrift_writer::end_struct(out)?;
        self.write_fields(out, TO_TID + 2, i16::MAX)?;
        thrift_writer::end_struct(out)
    }
}

impl Prepared {
    /// Returns the form that it is in.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Returns the frame for one receiver.
    #[must_use]
    pub fn for_receiver(&self, node: &str) -> Vec<u8> {
        // A length or two quotes; escapes, if there are any, make it grow.
        let mut frame = Vec::with_capacity(self.head.len() + node.len() + 5 + self.tail.len());
        self.write_for(node, &mut frame);
        frame
    }

    /// Appends the frame for one receiver to a buffer.
    pub fn write_for(&self, node: &str, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&self.head);
        match self.form {
            Form::Json => {
                serde_json::to_writer(&mut *buffer, node).expect("text, written to memory");
            }
            Form::Thrift => {
                write_length(node.len(), buffer);
                buffer.extend_from_slice(node.as_bytes());
            }
        }
        buffer.extend_from_slice(&self.tail);
    }
}

/// Writes a length as the compact protocol does: seven bits a byte, the lowest first.
fn write_length(mut length: usize, buffer: &mut Vec<u8>) {
    while length > 0x7f {
        buffer.push(length as u8 | 0x80);
        length >>= 7;
    }
    buffer.push(length as u8);
}
