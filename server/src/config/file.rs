//! The configuration file: JSON, nested or not, each key once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The keys and values of a file in its order, nested ones joined by dots.
#[derive(Debug, PartialEq)]
pub(super) struct Entries(pub(super) Vec<(String, Value)>);

/// Reads the text of a file.
///
/// # Errors
/// What is wrong and where. The text quotes a value only if it stands in place of an object.
pub(super) fn parse(text: &str) -> Result<Entries, String> {
    let object: Object = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut entries = Vec::new();
    object.flatten("", &mut entries);
    Ok(Entries(entries))
}

/// An object that keeps keys that are given twice, so that they can be found.
struct Object(Vec<(String, Node)>);

enum Node {
    Value(Value),
    Object(Object),
}

impl Object {
    fn flatten(self, path: &str, into: &mut Vec<(String, Value)>) {
        for (name, node) in self.0 {
            let path = if path.is_empty() { name } else { format!("{path}.{name}") };
            match node {
                Node::Object(object) => object.flatten(&path, into),
                // As in tim, null is the same as leaving the key out.
                Node::Value(Value::Null) => {}
                Node::Value(value) => into.push((path, value)),
            }
        }
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Object, A::Error> {
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

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Value(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Value(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Value(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Value(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Value(value.into()))
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Value(Value::Null))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut from: A,
            ) -> Result<Node, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = from.next_element::<Value>()? {
                    values.push(value);
                }
                Ok(Node::Value(values.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Node, A::Error> {
                let from = serde::de::value::MapAccessDeserializer::new(from);
                Object::deserialize(from).map(Node::Object)
            }
        }

        from.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_keys_are_joined_and_repeated_ones_stay() {
        let read = parse(r#"{"a": 1, "b": {"c": {"d": "x"}, "e": null}, "f.g": [1], "a": true}"#);
        let wanted =
            [("a", json!(1)), ("b.c.d", json!("x")), ("f.g", json!([1])), ("a", json!(true))];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value)).to_vec();
        assert_eq!(read, Ok(Entries(wanted)));
        assert_eq!(parse("{}"), Ok(Entries(Vec::new())));
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_place() {
        for (text, place) in
            [("", "line 1"), ("[]", "line 1"), ("{\n\"a\": }", "line 2"), ("{} x", "column 4")]
        {
            let error = parse(text).unwrap_err();
            assert!(error.contains(place), "{text}: {error}");
        }
    }
}
