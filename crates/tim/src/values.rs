//! The types that fields have: truth values, numbers, text, bytes, lists and maps.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserializer, Serialize, Serializer};
use thrift::protocol::{TOutputProtocol, TType};

use crate::error::{DecodeError, Fault};
use crate::json_reader::{self, Context};
use crate::thrift_reader::Reader;
use crate::wire::Wire;
use crate::{json, thrift_form};

/// Bytes: base64 in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

/// A password or a token: it is written to the wire as it is, and nowhere else.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(empty)" } else { "Secret(***)" })
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl Wire for bool {
    const TYPE: TType = TType::Bool;

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.bool()
    }

    fn write(&self, out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
        out.write_bool(*self)
    }

    fn from_json<'de, D: Deserializer<'de>>(from: D, _: &Context<'_>) -> Result<Self, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

macro_rules! integers {
    ($($int:ty, $thrift:ident, $write:ident;)*) => { $(
        impl Wire for $int {
            const TYPE: TType = TType::$thrift;

            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                // Not by the library's own narrower readers: they cut off what does not fit.
                Self::try_from(reader.integer(Self::TYPE)?)
                    .map_err(|_| DecodeError::new(Fault::OutOfRange))
            }

            fn write(&self, out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
                out.$write(*self)
            }

            fn from_json<'de, D: Deserializer<'de>>(
                from: D,
                context: &Context<'_>,
            ) -> Result<Self, D::Error> {
                Self::try_from(json_reader::integer(from, context)?)
                    .map_err(|_| context.fail(Fault::OutOfRange))
            }
        }
    )* };
}

integers! {
    i8, I08, write_i8;
    i16, I16, write_i16;
    i32, I32, write_i32;
    i64, I64, write_i64;
}

impl Wire for String {
    const TYPE: TType = TType::String;

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_utf8(reader.bytes()?).map_err(|_| DecodeError::new(Fault::NotUtf8))
    }

    fn write(&self, out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
        out.write_string(self)
    }

    fn from_json<'de, D: Deserializer<'de>>(from: D, _: &Context<'_>) -> Result<Self, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

impl Wire for Secret {
    const TYPE: TType = TType::String;

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        String::read(reader).map(Self)
    }

    fn write(&self, out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
        self.0.write(out)
    }

    fn from_json<'de, D: Deserializer<'de>>(
        from: D,
        context: &Context<'_>,
    ) -> Result<Self, D::Error> {
        String::from_json(from, context).map(Self)
    }
}

impl Wire for Bytes {
    const TYPE: TType = TType::String;

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.bytes().map(Self)
    }

    fn write(&self, out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
        out.write_bytes(&self.0)
    }

    fn from_json<'de, D: Deserializer<'de>>(
        from: D,
        context: &Context<'_>,
    ) -> Result<Self, D::Error> {
        let text = String::from_json(from, context)?;
        STANDARD.decode(text).map(Self).map_err(|_| context.fail(Fault::WrongType))
    }

    fn left_out_of_json(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Wire + Default> Wire for Vec<T> {
    const TYPE: TType = TType::List;

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.list(T::TYPE)?;
        // Grown as entries come: a count is only a claim.
        let mut entries = Self::new();
        for _ in 0..count {
            entries.push(T::read(reader)?);
        }
        Ok(entries)
    }

    fn write(&self, out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
        thrift_form::write_list(out, self)
    }

    fn from_json<'de, D: Deserializer<'de>>(
        from: D,
        context: &Context<'_>,
    ) -> Result<Self, D::Error> {
        json::list(from, context)
    }

    fn left_out_of_json(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Wire + Default> Wire for BTreeMap<String, T> {
    const TYPE: TType = TType::Map;

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.map(TType::String, T::TYPE)?;
        let mut entries = Self::new();
        for _ in 0..count {
            let key = String::read(reader)?;
            entries.insert(key, T::read(reader)?);
        }
        Ok(entries)
    }

    fn write(&self, out: &mut dyn TOutputProtocol) -> thrift::Result<()> {
        thrift_form::write_map(out, self)
    }

    fn from_json<'de, D: Deserializer<'de>>(
        from: D,
        context: &Context<'_>,
    ) -> Result<Self, D::Error> {
        json::map(from, context)
    }

    fn left_out_of_json(&self) -> bool {
        self.is_empty()
    }
}
