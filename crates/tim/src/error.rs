//! Why a frame could not be read.

use std::fmt;

use crate::code::Code;
use crate::kind::Kind;

/// A frame that was not understood: nothing of it was taken.
///
/// It says what is wrong and in which field, never what was in the field: it may be logged even if
/// the frame holds a password or a presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    fault: Fault,
    field: Option<&'static str>,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// There is not one byte.
    Empty,
    /// It ends before its end: an open brace, a missing stop byte, a string longer than the rest.
    Truncated,
    /// Bytes after its end, if they are not zeros after a Thrift struct.
    Trailing,
    /// Neither JSON nor Thrift, as the frame claims to be.
    Syntax,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A value of another type than the field's.
    WrongType,
    /// A number that the field's type cannot hold.
    OutOfRange,
    /// A required field is not there.
    Missing,
    /// A field is there twice.
    Duplicate,
    /// A list or map with more entries than allowed.
    TooMany,
    /// Nested deeper than allowed.
    TooDeep,
}

impl DecodeError {
    pub(crate) const fn new(fault: Fault) -> Self {
        Self { fault, field: None }
    }

    /// Names the field, unless an inner one is named already.
    pub(crate) fn within(self, field: &'static str) -> Self {
        Self { field: self.field.or(Some(field)), ..self }
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// Returns the field that it is wrong in, if it is in one.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// Returns the code that tim answers an unreadable frame of this kind with: 4113 for a
    /// presence, 4104 for all else.
    #[must_use]
    pub fn code(&self, kind: Kind) -> Code {
        match kind {
            Kind::PRESENCE | Kind::BROAD_PRESENCE => Code::Format,
            _ => Code::Parameter,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(match self.fault {
            Fault::Empty => "an empty frame",
            Fault::Truncated => "ends too early",
            Fault::Trailing => "bytes after the end",
            Fault::Syntax => "broken encoding",
            Fault::NotUtf8 => "text that is not UTF-8",
            Fault::WrongType => "a value of the wrong type",
            Fault::OutOfRange => "a number out of range",
            Fault::Missing => "required but not there",
            Fault::Duplicate => "given twice",
            Fault::TooMany => "too many entries",
            Fault::TooDeep => "nested too deep",
        })
    }
}

impl std::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_field_is_the_one_named() {
        let error = DecodeError::new(Fault::Missing).within("node").within("toTid");
        assert_eq!(error.to_string(), "node: required but not there");
        assert_eq!((error.fault(), error.field()), (Fault::Missing, Some("node")));
    }

    #[test]
    fn presences_are_answered_4113_and_all_else_4104() {
        let error = DecodeError::new(Fault::Syntax);
        assert_eq!(error.code(Kind::PRESENCE), Code::Format);
        assert_eq!(error.code(Kind::BROAD_PRESENCE), Code::Format);
        assert_eq!(error.code(Kind::AUTH), Code::Parameter);
        assert_eq!(error.code(Kind::BUSINESS), Code::Parameter);
    }
}
