//! The fields of an operation, each taken out once; what is left is unknown.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::code::{Code, Fault};

/// The most operations of one message.
const MOST_OPERATIONS: usize = 1_000;
/// Numbers up to here JavaScript can tell from each other.
const MOST: u64 = (1 << 53) - 1;
/// The longest name of an unknown field that is repeated to who sent it.
const LONGEST_NAME: usize = 64;

/// The fields of one operation.
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

/// Why a message is not operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOperations {
    /// It is none.
    Malformed,
    /// There are too many.
    TooMany,
}

/// Reads the operations of a message.
pub(super) fn read(message: &[u8]) -> Result<Vec<Fields<'_>>, NotOperations> {
    let malformed = |_| NotOperations::Malformed;
    let is_array = message.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if !is_array {
        return Ok(vec![Fields(serde_json::from_slice(message).map_err(malformed)?)]);
    }
    let all: Vec<&RawValue> = serde_json::from_slice(message).map_err(malformed)?;
    if all.len() > MOST_OPERATIONS {
        return Err(NotOperations::TooMany);
    }
    let fields = |raw| serde_json::from_str(RawValue::get(raw)).map(Fields).map_err(malformed);
    all.into_iter().map(fields).collect()
}

impl<'a> Fields<'a> {
    /// Takes a field out; `null` is the same as none.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.0.remove(name).filter(|raw| raw.get() != "null")
    }

    /// Takes a field that is read as this type.
    pub(super) fn typed<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Fault> {
        let read = |raw: &RawValue| {
            serde_json::from_str(raw.get()).map_err(|_| Fault::of(Code::Invalid, name))
        };
        self.take(name).map(read).transpose()
    }

    /// Takes `n`, by which the answer is known.
    pub(super) fn number(&mut self) -> Result<Option<u64>, Fault> {
        let n = self.typed("n").map_err(|_| Fault::from(Code::Malformed))?;
        if n > Some(MOST) { Err(Code::Malformed.into()) } else { Ok(n) }
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        Ok(self.typed(name)?.unwrap_or_default())
    }

    /// Takes a number that is at most so large.
    pub(super) fn at_most(&mut self, name: &str, most: u64) -> Result<Option<u64>, Fault> {
        let number = self.typed(name)?;
        if number > Some(most) { Err(Fault::of(Code::Invalid, name)) } else { Ok(number) }
    }

    /// Takes a duration, or a moment.
    pub(super) fn milliseconds(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        self.at_most(name, MOST)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        self.typed(name)
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Option<Vec<String>>, Fault> {
        self.typed(name)
    }

    /// Takes what is shown, as it came.
    pub(super) fn shown(&mut self, name: &str, most: usize) -> Result<Option<&'a str>, Fault> {
        match self.take(name) {
            Some(raw) if raw.get().len() > most => Err(Fault::of(Code::TooBig, name)),
            raw => Ok(raw.map(RawValue::get)),
        }
    }

    /// Refuses what is left, if it is to be.
    pub(super) fn finish(self, strict: bool) -> Result<(), Fault> {
        match self.0.into_iter().next() {
            Some((mut name, _)) if strict => {
                let mut end = name.len().min(LONGEST_NAME);
                while !name.is_char_boundary(end) {
                    end -= 1;
                }
                name.truncate(end);
                Err(Fault::of(Code::UnknownField, &name))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the value of a field that must be there.
pub(super) fn needed<T>(name: &str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::of(Code::Missing, name))
}
