//! What is shown goes to others as it came. So it is such that whoever reads JSON can read it: one
//! value that their library refuses would cost them the whole frame, and all others in it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How deep arrays and objects may be in each other. Some libraries read 64 of them, of which
/// frames have some themselves.
pub(crate) const MOST_NESTED: usize = 32;

/// Returns whether every reader can read this JSON: it is not nested too deeply, its texts are
/// Unicode (no half of a pair of surrogates), and its numbers are numbers of 64 bits.
pub(crate) fn is_sound(json: &str) -> bool {
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = Value { left: MOST_NESTED };
    serde::de::DeserializeSeed::deserialize(value, &mut reader).is_ok() && reader.end().is_ok()
}

/// A value that may have so many levels, which is read and forgotten.
#[derive(Clone, Copy)]
struct Value {
    left: usize,
}

impl Value {
    fn within<E: Error>(self) -> Result<Self, E> {
        let left = self.left.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { left })
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Value {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let element = self.within()?;
        while elements.next_element_seed(element)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let member = self.within()?;
        while members.next_key::<Name>()?.is_some() {
            members.next_value_seed(member)?;
        }
        Ok(())
    }
}

/// The name of a member, which is read and forgotten.
struct Name;

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Value { left: 0 }).map(|()| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(open: &str, close: &str, levels: usize) -> String {
        open.repeat(levels) + "1" + &close.repeat(levels)
    }

    #[test]
    fn what_everybody_can_read_is_sound() {
        for json in [
            "1",
            "-0.5e-7",
            "18446744073709551615",
            "123456789012345678901234567890",
            "true",
            "null",
            r#""\ud83d\ude04 \u0000 \u2028""#,
            r#"{"a":[1,{"b":[]}],"a":2}"#,
            &nested("[", "]", MOST_NESTED),
            &nested(r#"{"a":"#, "}", MOST_NESTED),
        ] {
            assert!(is_sound(json), "{json}");
        }
    }

    #[test]
    fn what_some_cannot_read_is_not() {
        for json in [
            "1e400",
            "[-1e999]",
            r#""\ud83d""#,
            r#"{"\ude04":1}"#,
            r#"{"a":["\ud83dx"]}"#,
            &nested("[", "]", MOST_NESTED + 1),
            &nested(r#"{"a":"#, "}", MOST_NESTED + 1),
            &nested(r#"[{"a":"#, "}]", MOST_NESTED / 2 + 1),
            &nested("[", "]", 2_000),
            "",
            "1 2",
        ] {
            assert!(!is_sound(json), "{json}");
        }
    }
}
