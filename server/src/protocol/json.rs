//! The JSON form, read as Go reads it where a client can tell: field names in either case, `null`
//! for anything, unknown fields passed over. Where Go would take half of a broken frame, the
//! whole is refused.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::error::{DecodeError, Fault};
use super::limits::{Limits, MAX_DEPTH};
use super::wire::Wire;

/// What goes along through one decoding: the bounds on the way in, and on the way out what was
/// wrong, since serde's own errors are text that quotes the frame.
pub(super) struct Context<'a> {
    limits: &'a Limits,
    fault: Cell<Option<Fault>>,
    field: Cell<Option<&'static str>>,
    depth: Cell<u8>,
}

impl Context<'_> {
    /// Notes what is wrong, and gives the error that ends the decoding.
    pub(super) fn fail<E: serde::de::Error>(&self, fault: Fault) -> E {
        self.fault.set(Some(fault));
        E::custom("")
    }

    /// Notes in which field, unless an inner one is noted already.
    pub(super) fn blame(&self, field: &'static str) {
        if self.field.get().is_none() {
            self.field.set(Some(field));
        }
    }

    fn error(&self, error: &serde_json::Error) -> DecodeError {
        let fault = self.fault.get().unwrap_or_else(|| match error.classify() {
            Category::Eof => Fault::Truncated,
            Category::Data => Fault::WrongType,
            Category::Syntax | Category::Io => Fault::Syntax,
        });
        let found = DecodeError::new(fault);
        self.field.get().map_or(found, |field| found.within(field))
    }
}

/// Reads `body`, which must hold one object and no more.
pub(super) fn decode<T: Wire>(body: &[u8], limits: &Limits) -> Result<T, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::new(Fault::NotUtf8))?;
    let context =
        Context { limits, fault: Cell::new(None), field: Cell::new(None), depth: Cell::new(0) };
    let mut from = serde_json::Deserializer::from_str(text);
    let message = T::from_json(&mut from, &context).map_err(|error| context.error(&error))?;
    from.end().map_err(|_| DecodeError::new(Fault::Trailing))?;
    Ok(message)
}

/// Finds a field by its name, in whatever case.
pub(super) struct FieldName(pub(super) &'static [&'static str]);

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

/// Reads the value of a known field, which must be there once; `null` is as if it were not.
pub(super) fn value<'de, T: Wire, M: MapAccess<'de>>(
    from: &mut M,
    context: &Context<'_>,
    field: &'static str,
    into: &mut Option<T>,
) -> Result<(), M::Error> {
    let value = from.next_value_seed(Nullable::<T>(context, PhantomData));
    let value = match value {
        Ok(_) if into.is_some() => Err(context.fail(Fault::Duplicate)),
        other => other,
    };
    *into = value.inspect_err(|_| context.blame(field))?;
    Ok(())
}

/// A required field that may be missing.
pub(super) fn required<T, E: serde::de::Error>(
    value: Option<T>,
    context: &Context<'_>,
    field: &'static str,
) -> Result<T, E> {
    value.ok_or_else(|| {
        context.blame(field);
        context.fail(Fault::Missing)
    })
}

/// A value, or `null`.
struct Nullable<'a, T>(&'a Context<'a>, PhantomData<T>);

impl<'de, T: Wire> DeserializeSeed<'de> for Nullable<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_option(self)
    }
}

impl<'de, T: Wire> Visitor<'de> for Nullable<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        T::from_json(from, self.0).map(Some)
    }
}

/// A whole number.
pub(super) fn integer<'de, D: Deserializer<'de>>(
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

/// A list; `null` in it stands for an empty entry.
pub(super) fn list<'de, T: Wire + Default, D: Deserializer<'de>>(
    from: D,
    context: &Context<'_>,
) -> Result<Vec<T>, D::Error> {
    struct List<'a, T>(&'a Context<'a>, PhantomData<T>);

    impl<'de, T: Wire + Default> Visitor<'de> for List<'_, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = from.next_element_seed(Nullable::<T>(self.0, PhantomData))? {
                if entries.len() == self.0.limits.list {
                    return Err(self.0.fail(Fault::TooMany));
                }
                entries.push(entry.unwrap_or_default());
            }
            Ok(entries)
        }
    }

    from.deserialize_seq(List(context, PhantomData))
}

/// A map; `null` in it stands for an empty entry.
pub(super) fn map<'de, T: Wire + Default, D: Deserializer<'de>>(
    from: D,
    context: &Context<'_>,
) -> Result<BTreeMap<String, T>, D::Error> {
    struct Map<'a, T>(&'a Context<'a>, PhantomData<T>);

    impl<'de, T: Wire + Default> Visitor<'de> for Map<'_, T> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some(key) = from.next_key::<String>()? {
                let entry = from.next_value_seed(Nullable::<T>(self.0, PhantomData))?;
                if entries.len() == self.0.limits.map {
                    return Err(self.0.fail(Fault::TooMany));
                }
                entries.insert(key, entry.unwrap_or_default());
            }
            Ok(entries)
        }
    }

    from.deserialize_map(Map(context, PhantomData))
}

/// Passes over the value of an unknown field.
pub(super) struct Skip<'a>(pub(super) &'a Context<'a>);

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
