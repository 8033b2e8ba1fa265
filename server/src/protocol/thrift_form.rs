//! The Thrift form: the compact protocol, one struct without an envelope.
//!
//! The library does the encoding. What it leaves to its generated code stands here: that a field
//! has the type it should have, that numbers fit, and that nothing is reserved on the strength of
//! a declared length alone (it makes room for a string before reading it, so a string may declare
//! no more than the frame has; and it bounds containers by what is set here).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;

use thrift::protocol::{
    TCompactInputProtocol, TCompactOutputProtocol, TFieldIdentifier, TInputProtocol,
    TListIdentifier, TMapIdentifier, TOutputProtocol, TStructIdentifier, TType,
};
use thrift::{ProtocolErrorKind, TConfiguration};

use super::error::{DecodeError, Fault};
use super::limits::{Limits, MAX_DEPTH};
use super::wire::Wire;

/// Reads one struct from bytes that are all there.
pub(super) struct Reader<'a> {
    protocol: TCompactInputProtocol<Source<'a>>,
    limits: Limits,
}

impl Reader<'_> {
    pub(super) fn begin_struct(&mut self) -> Result<(), DecodeError> {
        self.protocol.read_struct_begin().map(drop).map_err(fault)
    }

    pub(super) fn end_struct(&mut self) -> Result<(), DecodeError> {
        self.protocol.read_struct_end().map_err(fault)
    }

    /// The next field's id and type; `None` at the stop byte.
    pub(super) fn field(&mut self) -> Result<Option<(i16, TType)>, DecodeError> {
        let field = self.protocol.read_field_begin().map_err(fault)?;
        Ok(field.id.map(|id| (id, field.field_type)))
    }

    /// The value of a known field, which must have its own type and be there once.
    pub(super) fn value<T: Wire>(
        &mut self,
        found: TType,
        before: Option<&T>,
    ) -> Result<T, DecodeError> {
        if found != T::TYPE {
            return Err(DecodeError::new(Fault::WrongType));
        }
        if before.is_some() {
            return Err(DecodeError::new(Fault::Duplicate));
        }
        T::read(self)
    }

    /// Passes over the value of an unknown field.
    pub(super) fn skip(&mut self, of: TType) -> Result<(), DecodeError> {
        if of == TType::String {
            return self.bytes().map(drop);
        }
        self.protocol.skip_till_depth(of, MAX_DEPTH as i8).map_err(fault)
    }

    pub(super) fn bool(&mut self) -> Result<bool, DecodeError> {
        self.protocol.read_bool().map_err(fault)
    }

    pub(super) fn integer(&mut self, of: TType) -> Result<i64, DecodeError> {
        match of {
            TType::I08 => self.protocol.read_i8().map(i64::from),
            // The three wider ones look the same on the wire.
            _ => self.protocol.read_i64(),
        }
        .map_err(fault)
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, DecodeError> {
        self.protocol.read_bytes().map_err(|error| match kind(&error) {
            // Longer than the whole frame.
            Some(ProtocolErrorKind::SizeLimit) => DecodeError::new(Fault::Truncated),
            _ => fault(error),
        })
    }

    /// The number of entries of a list, which follow.
    pub(super) fn list(&mut self, of: TType) -> Result<usize, DecodeError> {
        let list = self.protocol.read_list_begin().map_err(fault)?;
        // An empty list's type says nothing, and encoders differ in what they write.
        if list.size > 0 && list.element_type != of {
            return Err(DecodeError::new(Fault::WrongType));
        }
        within(list.size, self.limits.list)
    }

    /// The number of entries of a map, which follow.
    pub(super) fn map(&mut self, of_keys: TType, of_values: TType) -> Result<usize, DecodeError> {
        let map = self.protocol.read_map_begin().map_err(fault)?;
        if map.size > 0 && (map.key_type, map.value_type) != (Some(of_keys), Some(of_values)) {
            return Err(DecodeError::new(Fault::WrongType));
        }
        within(map.size, self.limits.map)
    }
}

/// Reads `body`, which must hold one struct and no more, but for zeros: tim's Java client sends
/// the whole buffer that it has encoded into, of which the struct is the beginning.
pub(super) fn decode<T: Wire>(body: &[u8], limits: &Limits) -> Result<T, DecodeError> {
    let config = TConfiguration::builder()
        .max_string_size(Some(body.len()))
        .max_container_size(Some(limits.list.max(limits.map)))
        .max_recursion_depth(Some(MAX_DEPTH.into()))
        .build()
        .map_err(fault)?;
    let left = Cell::new(body.len());
    let source = Source { rest: body, left: &left };
    let protocol = TCompactInputProtocol::with_config(source, config);
    let message = T::read(&mut Reader { protocol, limits: *limits })?;
    let (_, unused) = body.split_at(body.len() - left.get());
    if unused.iter().all(|byte| *byte == 0) {
        Ok(message)
    } else {
        Err(DecodeError::new(Fault::Trailing))
    }
}

fn within(count: i32, limit: usize) -> Result<usize, DecodeError> {
    match usize::try_from(count) {
        Ok(count) if count <= limit => Ok(count),
        _ => Err(DecodeError::new(Fault::TooMany)),
    }
}

fn kind(error: &thrift::Error) -> Option<ProtocolErrorKind> {
    match error {
        thrift::Error::Protocol(error) => Some(error.kind),
        _ => None,
    }
}

/// The library's error without its text, which may quote the frame.
fn fault(error: thrift::Error) -> DecodeError {
    DecodeError::new(match (kind(&error), &error) {
        (Some(ProtocolErrorKind::SizeLimit | ProtocolErrorKind::NegativeSize), _) => Fault::TooMany,
        (Some(ProtocolErrorKind::DepthLimit), _) => Fault::TooDeep,
        // Bytes in memory fail in one way only.
        (_, thrift::Error::Transport(_)) => Fault::Truncated,
        _ => Fault::Syntax,
    })
}

/// Bytes of which one can see how many are left while the protocol has them.
struct Source<'a> {
    rest: &'a [u8],
    left: &'a Cell<usize>,
}

impl io::Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.rest.read(into)?;
        self.left.set(self.rest.len());
        Ok(count)
    }
}

/// A buffer whose length can be read while the protocol has it.
pub(super) struct Sink<'a> {
    buffer: &'a mut Vec<u8>,
    length: &'a Cell<usize>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(buffer: &'a mut Vec<u8>, length: &'a Cell<usize>) -> Self {
        length.set(buffer.len());
        Self { buffer, length }
    }
}

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        self.length.set(self.buffer.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends `message` to `buffer`.
pub(super) fn encode<T: Wire>(message: &T, buffer: &mut Vec<u8>) {
    let length = Cell::new(0);
    let mut out = TCompactOutputProtocol::new(Sink::new(buffer, &length));
    written(message.write(&mut out));
}

/// Memory does not fail, and no frame is nested deeper than the library's own bound.
pub(super) fn written(result: thrift::Result<()>) {
    result.expect("writing to memory");
}

pub(super) fn begin_struct(out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
    // The compact protocol does not write names, and an empty one costs no allocation.
    out.write_struct_begin(&TStructIdentifier::new(String::new()))
}

pub(super) fn end_struct(out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
    out.write_field_stop()?;
    out.write_struct_end()
}

pub(super) fn write_field<T: Wire>(
    out: &mut dyn TOutputProtocol,
    id: i16,
    value: &T,
) -> thrift::Result<()> {
    begin_field(out, id, T::TYPE)?;
    value.write(out)?;
    out.write_field_end()
}

pub(super) fn begin_field(out: &mut dyn TOutputProtocol, id: i16, of: TType) -> thrift::Result<()> {
    out.write_field_begin(&TFieldIdentifier { name: None, field_type: of, id: Some(id) })
}

pub(super) fn write_list<T: Wire>(
    out: &mut dyn TOutputProtocol,
    entries: &[T],
) -> thrift::Result<()> {
    out.write_list_begin(&TListIdentifier::new(T::TYPE, size(entries.len())))?;
    for entry in entries {
        entry.write(out)?;
    }
    out.write_list_end()
}

pub(super) fn write_map<T: Wire>(
    out: &mut dyn TOutputProtocol,
    entries: &BTreeMap<String, T>,
) -> thrift::Result<()> {
    out.write_map_begin(&TMapIdentifier::new(TType::String, T::TYPE, size(entries.len())))?;
    for (key, value) in entries {
        key.write(out)?;
        value.write(out)?;
    }
    out.write_map_end()
}

fn size(entries: usize) -> i32 {
    i32::try_from(entries).expect("as many entries as one frame can hold")
}
