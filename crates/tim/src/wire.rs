//! What every type that a field can have is able to do: be read and written in either form.

use serde::{Deserializer, Serialize};
use thrift::protocol::{TOutputProtocol, TType};

use crate::error::DecodeError;
use crate::json_reader::Context;
use crate::thrift_reader::Reader;

/// A type that fields can have.
pub(crate) trait Wire: Sized + Serialize {
    /// Thrift's name for it.
    const TYPE: TType;

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    fn write(&self, out: &mut dyn TOutputProtocol) -> thrift::Result<()>;

    fn from_json<'de, D: Deserializer<'de>>(
        from: D,
        context: &Context<'_>,
    ) -> Result<Self, D::Error>;

    /// Returns whether JSON leaves this out: Go leaves empty lists and maps out of its JSON, though
    /// not out of its Thrift.
    fn left_out_of_json(&self) -> bool {
        false
    }
}
