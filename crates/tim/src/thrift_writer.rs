//! Writing Thrift's compact protocol into memory: what does not depend on a field's type.

use std::cell::Cell;
use std::io;

use thrift::protocol::{TFieldIdentifier, TOutputProtocol, TStructIdentifier, TType};

/// A buffer whose length can be read while the protocol has it.
pub(crate) struct Sink<'a> {
    buffer: &'a mut Vec<u8>,
    length: &'a Cell<usize>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(buffer: &'a mut Vec<u8>, length: &'a Cell<usize>) -> Self {
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

/// Takes what writing came to: memory does not fail, and no frame is nested deeper than the
/// library's own bound.
pub(crate) fn written(result: thrift::Result<()>) {
    result.expect("writing to memory");
}

pub(crate) fn begin_struct(out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
    // The compact protocol does not write names, and an empty one costs no allocation.
    out.write_struct_begin(&TStructIdentifier::new(String::new()))
}

pub(crate) fn end_struct(out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
    out.write_field_stop()?;
    out.write_struct_end()
}

pub(crate) fn begin_field(out: &mut dyn TOutputProtocol, id: i16, of: TType) -> thrift::Result<()> {
    out.write_field_begin(&TFieldIdentifier { name: None, field_type: of, id: Some(id) })
}
