//! Reading Thrift's compact protocol: what does not depend on a field's type.
//!
//! The library does the decoding. What it leaves to its generated code stands here and in
//! [`thrift_form`](crate::thrift_form): that a field has the type it should have, that numbers
//! fit, and that nothing is reserved on the strength of a declared length alone (it makes room for
//! a string before reading it, so a string may declare no more than the frame has; and it bounds
//! containers by what is set here).

use std::cell::Cell;
use std::io;

use thrift::protocol::{TCompactInputProtocol, TInputProtocol, TType};
use thrift::{ProtocolErrorKind, TConfiguration};

use crate::error::{DecodeError, Fault};
use crate::limits::{Limits, MAX_DEPTH};

/// Reads one struct from bytes that are all there.
pub(crate) struct Reader<'a> {
    protocol: TCompactInputProtocol<Source<'a>>,
    limits: Limits,
}

impl<'a> Reader<'a> {
    /// Reads from `body`; `left` is kept at the number of bytes that are not read yet.
    pub(crate) fn new(
        body: &'a [u8],
        left: &'a Cell<usize>,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        let config = TConfiguration::builder()
            .max_string_size(Some(body.len()))
            .max_container_size(Some(limits.list.max(limits.map)))
            .max_recursion_depth(Some(MAX_DEPTH.into()))
            .build()
            .map_err(fault)?;
        let source = Source { rest: body, left };
        let protocol = TCompactInputProtocol::with_config(source, config);
        Ok(Self { protocol, limits: *limits })
    }
}

impl Reader<'_> {
    pub(crate) fn begin_struct(&mut self) -> Result<(), DecodeError> {
        self.protocol.read_struct_begin().map(drop).map_err(fault)
    }

    pub(crate) fn end_struct(&mut self) -> Result<(), DecodeError> {
        self.protocol.read_struct_end().map_err(fault)
    }

    /// Reads the next field's id and type; `None` at the stop byte.
    pub(crate) fn field(&mut self) -> Result<Option<(i16, TType)>, DecodeError> {
        let field = self.protocol.read_field_begin().map_err(fault)?;
        Ok(field.id.map(|id| (id, field.field_type)))
    }

    /// Passes over the value of an unknown field.
    pub(crate) fn skip(&mut self, of: TType) -> Result<(), DecodeError> {
        if of == TType::String {
            return self.bytes().map(drop);
        }
        self.protocol.skip_till_depth(of, MAX_DEPTH as i8).map_err(fault)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        self.protocol.read_bool().map_err(fault)
    }

    pub(crate) fn integer(&mut self, of: TType) -> Result<i64, DecodeError> {
        match of {
            TType::I08 => self.protocol.read_i8().map(i64::from),
            // The three wider ones look the same on the wire.
            _ => self.protocol.read_i64(),
        }
        .map_err(fault)
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, DecodeError> {
        self.protocol.read_bytes().map_err(|error| match kind(&error) {
            // Longer than the whole frame.
            Some(ProtocolErrorKind::SizeLimit) => DecodeError::new(Fault::Truncated),
            _ => fault(error),
        })
    }

    /// Reads the number of entries of a list, which follow.
    pub(crate) fn list(&mut self, of: TType) -> Result<usize, DecodeError> {
        let list = self.protocol.read_list_begin().map_err(fault)?;
        // An empty list's type says nothing, and encoders differ in what they write.
        if list.size > 0 && list.element_type != of {
            return Err(DecodeError::new(Fault::WrongType));
        }
        within(list.size, self.limits.list)
    }

    /// Reads the number of entries of a map, which follow.
    pub(crate) fn map(&mut self, of_keys: TType, of_values: TType) -> Result<usize, DecodeError> {
        let map = self.protocol.read_map_begin().map_err(fault)?;
        if map.size > 0 && (map.key_type, map.value_type) != (Some(of_keys), Some(of_values)) {
            return Err(DecodeError::new(Fault::WrongType));
        }
        within(map.size, self.limits.map)
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

/// Returns the library's error without its text, which may quote the frame.
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
