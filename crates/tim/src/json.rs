//! The JSON form, read as Go reads it where a client can tell: field names in either case, `null`
//! for anything, unknown fields passed over. Where Go would take half of a broken frame, the
//! whole is refused.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{DecodeError, Fault};
use crate::json_reader::Context;
use crate::limits::Limits;
use crate::wire::Wire;

/// Reads `body`, which must hold one object and no more.
pub(crate) fn decode<T: Wire>(body: &[u8], limits: &Limits) -> Result<T, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::new(Fault::NotUtf8))?;
    let context = Context::new(limits);
    let mut from = serde_json::Deserializer::from_str(text);
    let message = T::from_json(&mut from, &context).map_err(|error| context.error(&error))?;
    from.end().map_err(|_| DecodeError::new(Fault::Trailing))?;
    Ok(message)
}

/// Reads the value of a known field, which must be there once; `null` is as if it were not.
pub(crate) fn value<'de, T: Wire, M: MapAccess<'de>>(
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

/// Returns a required field's value, or the error that it is missing.
pub(crate) fn required<T, E: serde::de::Error>(
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

/// Reads a list; `null` in it stands for an empty entry.
pub(crate) fn list<'de, T: Wire + Default, D: Deserializer<'de>>(
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
                if entries.len() == self.0.limits().list {
                    return Err(self.0.fail(Fault::TooMany));
                }
                entries.push(entry.unwrap_or_default());
            }
            Ok(entries)
        }
    }

    from.deserialize_seq(List(context, PhantomData))
}

/// Reads a map; `null` in it stands for an empty entry.
pub(crate) fn map<'de, T: Wire + Default, D: Deserializer<'de>>(
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
                if entries.len() == self.0.limits().map {
                    return Err(self.0.fail(Fault::TooMany));
                }
                entries.insert(key, entry.unwrap_or_default());
            }
            Ok(entries)
        }
    }

    from.deserialize_map(Map(context, PhantomData))
}
