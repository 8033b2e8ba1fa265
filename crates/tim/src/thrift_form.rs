//! The Thrift form: the compact protocol, one struct without an envelope.

use std::cell::Cell;
use std::collections::BTreeMap;

use thrift::protocol::{
    TCompactOutputProtocol, TListIdentifier, TMapIdentifier, TOutputProtocol, TType,
};

use crate::error::{DecodeError, Fault};
use crate::limits::Limits;
use crate::thrift_reader::Reader;
use crate::thrift_writer::{Sink, begin_field, written};
use crate::wire::Wire;

/// Reads `body`, which must hold one struct and no more, but for zeros: tim's Java client sends
/// the whole buffer that it has encoded into, of which the struct is the beginning.
pub(crate) fn decode<T: Wire>(body: &[u8], limits: &Limits) -> Result<T, DecodeError> {
    let left = Cell::new(body.len());
    let message = T::read(&mut Reader::new(body, &left, limits)?)?;
    let (_, unused) = body.split_at(body.len() - left.get());
    if unused.iter().all(|byte| *byte == 0) {
        Ok(message)
    } else {
        Err(DecodeError::new(Fault::Trailing))
    }
}

/// Reads the value of a known field, which must have its own type and be there once.
pub(crate) fn value<T: Wire>(
    reader: &mut Reader<'_>,
    found: TType,
    before: Option<&T>,
) -> Result<T, DecodeError> {
    if found != T::TYPE {
        return Err(DecodeError::new(Fault::WrongType));
    }
    if before.is_some() {
        return Err(DecodeError::new(Fault::Duplicate));
    }
    T::read(reader)
}

/// Appends `message` to `buffer`.
pub(crate) fn encode<T: Wire>(message: &T, buffer: &mut Vec<u8>) {
    let length = Cell::new(0);
    let mut out = TCompactOutputProtocol::new(Sink::new(buffer, &length));
    written(message.write(&mut out));
}

/// Writes a field: its id, its type and its value.
pub(crate) fn write_field<T: Wire>(
    out: &mut dyn TOutputProtocol,
    id: i16,
    value: &T,
) -> thrift::Result<()> {
    begin_field(out, id, T::TYPE)?;
    value.write(out)?;
    out.write_field_end()
}

/// Writes a list of values of one type.
pub(crate) fn write_list<T: Wire>(
    out: &mut dyn TOutputProtocol,
    entries: &[T],
) -> thrift::Result<()> {
    out.write_list_begin(&TListIdentifier::new(T::TYPE, size(entries.len())))?;
    for entry in entries {
        entry.write(out)?;
    }
    out.write_list_end()
}

/// Writes a map from text to values of one type.
pub(crate) fn write_map<T: Wire>(
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
