//! Reading JSON as Go reads it, where a client can tell: what does not depend on a field's type.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::error::{DecodeError, Fault};
use crate::limits::{Limits, MAX_DEPTH};

/// What accompanies one decoding: the bounds on the way in, and what was wrong on the way out,
/// since serde's own errors are text that quotes the frame.
pub(crate) struct Context<'a> {
    limits: &'a Limits,
    fault: Cell<Option<Fault>>,
    field: Cell<Option<&'static str>>,
    depth: Cell<u8>,
}

impl<'a> Context<'a> {
    pub(crate) const fn new(limits: &'a Limits) -> Self {
        Self { limits, fault: Cell::new(None), field: Cell::new(None), depth: Cell::new(0) }
    }
}

impl Context<'_> {
    pub(crate) const fn limits(&self) -> &Limits {
        self.limits
    }

    /// Notes what is wrong, and returns the error that ends the decoding.
    pub(crate) fn fail<E: serde::de::Error>(&self, fault: Fault) -> E {
        self.fault.set(Some(fault));
        E::custom("")
    }

    /// Notes in which field, unless an inner one is noted already.
    pub(crate) fn blame(&self, field: &'static str) {
        if self.field.get().is_none() {
            self.field.set(Some(field));
        }
    }

    /// Turns serde's error into what was noted, or else into a fault of the error's kind.
    pub(crate) fn error(&self, error: &serde_json::Error) -> DecodeError {
        let fault = self.fault.get().unwrap_or_else(|| match error.classify() {
            Category::Eof => Fault::Truncated,
            Category::Data => Fault::WrongType,
            Category::Syntax | Category::Io => Fault::Syntax,
        });
        let found = DecodeError::new(fault);
        self.field.get().map_or(found, |field| found.within(field))
    }
}

/// Finds a field by its name, in whatever case.
pub(crate) struct FieldName(pub(crate) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|field| field.eq_ignore_ascii_case(name)).copied())
    }
}

/// Reads a whole number.
pub(crate) fn integer<'de, D: Deserializer<'de>>(
    from: D,
    context: &Context<'_>,
) -> Result<i64, D::Error> {
    struct Integer<'a>(&'a Context<'a>);

    impl Visitor<'_> for Integer<'_> {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_i64<E>(self, value: i64) -> Result<i64, E> {
            Ok(value)
        }

        fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<i64, E> {
            i64::try_from(value).map_err(|_| self.0.fail(Fault::OutOfRange))
        }
    }

    from.deserialize_i64(Integer(context))
}

/// Passes over the value of an unknown field.
pub(crate) struct Skip<'a>(pub(crate) &'a Context<'a>);

impl Skip<'_> {
    fn deeper<T, E: serde::de::Error>(&self, inner: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let depth = self.0.depth.get();
        if depth == MAX_DEPTH {
            return Err(self.0.fail(Fault::TooDeep));
        }
        self.0.depth.set(depth + 1);
        let result = inner();
        self.0.depth.set(depth);
        result
    }
}

impl<'de> DeserializeSeed<'de> for Skip<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<(), A::Error> {
        self.deeper(|| {
            while from.next_element_seed(Skip(self.0))?.is_some() {}
            Ok(())
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<(), A::Error> {
        self.deeper(|| {
            while from.next_key_seed(FieldName(&[]))?.is_some() {
                from.next_value_seed(Skip(self.0))?;
            }
            Ok(())
        })
    }
}
