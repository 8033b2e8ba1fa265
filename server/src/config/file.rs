//! The configuration file: JSON, nested or not, each key once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A key and its value; nested keys are joined by dots.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: Value,
    /// The value as it is quoted: a number as it is written.
    pub(super) written: String,
    /// The line on which the value begins, from 1 on.
    pub(super) line: usize,
}

/// Reads the text of a file: its keys and values in their order.
///
/// # Errors
/// What is wrong and where. The text quotes a value only if it stands in place of an object.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let read = || -> Result<_, serde_json::Error> {
        let object: Object<'_> = serde_json::from_str(text)?;
        // Whatever is nested is in order, too, and not too deep.
        let _: Value = serde_json::from_str(text)?;
        let mut entries = Vec::new();
        object.flatten("", text, &mut entries)?;
        Ok(entries)
    };
    read().map_err(|error| error.to_string())
}

/// An object that keeps keys that are given twice, so that they can be found.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Object<'a> {
    fn flatten(
        self,
        path: &str,
        whole: &'a str,
        into: &mut Vec<Entry>,
    ) -> Result<(), serde_json::Error> {
        for (name, raw) in self.0 {
            let name = if path.is_empty() { name } else { format!("{path}.{name}") };
            let raw = raw.get();
            if raw.starts_with('{') {
                serde_json::from_str::<Object<'_>>(raw)?.flatten(&name, whole, into)?;
                continue;
            }
            let value = serde_json::from_str(raw)?;
            let written = match &value {
                // As in tim, null is the same as leaving the key out.
                Value::Null => continue,
                Value::Number(_) => raw.to_owned(),
                Value::String(text) => format!("{text:?}"),
                other => other.to_string(),
            };
            let before = &whole[..raw.as_ptr().addr() - whole.as_ptr().addr()];
            let line = 1 + before.matches('\n').count();
            into.push(Entry { name, value, written, line });
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Object<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = from.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        from.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_keys_are_joined_and_repeated_ones_stay() {
        let text =
            "{\"a\": 1,\n\"b\": {\"c\": {\n\"d\": \"x\"}, \"e\": null}, \"f.g\":\n\n[1, 1.0],
                    \"a\": true, \"h\": 1e3}";
        let entry = |name: &str, value, written: &str, line| {
            let (name, written) = (name.to_owned(), written.to_owned());
            Entry { name, value, written, line }
        };
        let wanted = vec![
            entry("a", json!(1), "1", 1),
            entry("b.c.d", json!("x"), "\"x\"", 3),
            entry("f.g", json!([1, 1.0]), "[1,1.0]", 5),
            entry("a", json!(true), "true", 6),
            entry("h", json!(1_000.0), "1e3", 6),
        ];
        assert_eq!(parse(text), Ok(wanted));
        assert_eq!(parse("{}"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_place() {
        for (text, place) in [
            ("", "line 1"),
            ("[]", "line 1"),
            ("{\n\"a\": }", "line 2"),
            ("{} x", "column 4"),
            ("{\"a\": {\"b\":\n\"\\ud800\"}}", "line 2"),
            ("{\"a\":\n1e999}", "line 2"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(place), "{text}: {error}");
        }
        let deep = r#"{"a":"#.repeat(100_000);
        assert!(parse(&format!("{deep}1{}", "}".repeat(100_000))).unwrap_err().contains("limit"));
    }
}
