//! What tim's fields are in `p`, and `p` in tim's fields: `docs/tim.md` has the same as a table.

use std::borrow::Cow;
use std::collections::BTreeMap;

use adsum_tim::{Bytes, Tid, TimPresence};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::host::presence_frames::IDLE;
use crate::host::shown::Shown;

/// `show` by tim's numbers.
const SHOWS: [&str; 5] = ["available", "chat", "away", "xa", "busy"];
const SHOW: &str = "show";
const TEXT: &str = "text";
const SUB: &str = "sub";
const EXTEND: &str = "extend";
const EXTRA: &str = "extra";
/// What tim has no field for, as JSON, in `extend`.
const REST: &str = "adsum.p";
/// How deep what is shown may be nested: many readers of JSON take 128 levels, a frame's included.
const MOST_LEVELS: usize = 100;

/// Returns what a client of the neutral protocol shows; nothing if it is JSON that not everybody
/// can read: nested too deep, a number too large, half of a surrogate pair. A frame may have
/// what several users show, and whoever cannot read it loses all of that.
pub(crate) fn shown(from: &Tid, p: &str) -> Option<Shown> {
    let read = serde_json::from_str(p).ok()?;
    if levels(p) > MOST_LEVELS {
        return None;
    }
    let tim = TimPresence { from_tid: Some(from.clone()), ..tim_of(p, read) };
    Some(Shown::with_p(tim, p))
}

/// Returns how deep what is JSON is nested, or less if it has few arrays and objects in all.
fn levels(json: &str) -> usize {
    let begins = |byte: &u8| matches!(byte, b'[' | b'{');
    if json.bytes().filter(begins).count() <= MOST_LEVELS {
        return 0;
    }
    let (mut level, mut most, mut in_text, mut is_escaped) = (0, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => level += 1,
            b']' | b'}' if !in_text => level -= 1,
            _ => {}
        }
        most = most.max(level);
    }
    most
}

/// Returns `p`, which has been read, in tim's fields.
fn tim_of(p: &str, read: Value) -> TimPresence {
    let mut tim = TimPresence::default();
    let rest = match read {
        Value::Object(mut fields) => {
            take(&mut fields, SHOW, |value| {
                number_of_show(value).map(|show| tim.show = Some(show))
            });
            take(&mut fields, TEXT, |value| {
                tim.status = Some(value.as_str()?.to_owned());
                Some(())
            });
            take(&mut fields, SUB, |value| {
                tim.sub_status = Some(value.as_i64()?.try_into().ok()?);
                Some(())
            });
            take(&mut fields, EXTEND, |value| texts(value).map(|texts| tim.extend = Some(texts)));
            take(&mut fields, EXTRA, |value| bytes(value).map(|bytes| tim.extra = Some(bytes)));
            if fields.is_empty() { None } else { Some(Value::Object(fields).to_string()) }
        }
        _ => Some(p.to_owned()),
    };
    if let Some(rest) = rest {
        tim.extend.get_or_insert_default().insert(REST.to_owned(), rest);
    }
    tim
}

/// Takes a member out, if it can be put where it belongs.
fn take(fields: &mut Map<String, Value>, name: &str, put: impl FnOnce(&Value) -> Option<()>) {
    if fields.get(name).and_then(put).is_some() {
        fields.remove(name);
    }
}

fn number_of_show(value: &Value) -> Option<i16> {
    match value {
        Value::String(word) => SHOWS.iter().position(|show| show == word)?.try_into().ok(),
        _ => value.as_i64()?.try_into().ok(),
    }
}

/// Returns a map of texts, if it is one and has no name in it that is this server's own.
fn texts(value: &Value) -> Option<BTreeMap<String, String>> {
    let fields = value.as_object().filter(|fields| !fields.is_empty())?;
    if fields.contains_key(REST) || fields.contains_key(IDLE) {
        return None;
    }
    fields.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn bytes(value: &Value) -> Option<BTreeMap<String, Bytes>> {
    let fields = value.as_object().filter(|fields| !fields.is_empty())?;
    let bytes = |(key, value): (&String, &Value)| {
        let decoded = STANDARD.decode(value.as_str()?).ok()?;
        Some((key.clone(), Bytes(decoded)))
    };
    fields.iter().map(bytes).collect()
}

/// Returns what a session shows as `p`.
pub(crate) fn p_of(shown: &Shown) -> Cow<'_, str> {
    match shown.p() {
        Some(p) => p.into(),
        None => p_of_tim(shown).into(),
    }
}

fn p_of_tim(tim: &TimPresence) -> String {
    let mut fields = Map::new();
    if let Some(show) = tim.show {
        let word = usize::try_from(show).ok().and_then(|at| SHOWS.get(at));
        fields.insert(SHOW.to_owned(), word.map_or_else(|| show.into(), |word| (*word).into()));
    }
    if let Some(status) = &tim.status {
        fields.insert(TEXT.to_owned(), status.as_str().into());
    }
    if let Some(sub_status) = tim.sub_status {
        fields.insert(SUB.to_owned(), sub_status.into());
    }
    let mut rest = None;
    if let Some(extend) = &tim.extend {
        rest = extend.get(REST).and_then(|rest| serde_json::from_str::<Value>(rest).ok());
        let is_own = |key: &str| key == IDLE || key == REST && rest.is_some();
        let texts = extend.iter().filter(|(key, _)| !is_own(key));
        let texts: Map<_, _> =
            texts.map(|(key, text)| (key.clone(), text.as_str().into())).collect();
        if !texts.is_empty() {
            fields.insert(EXTEND.to_owned(), texts.into());
        }
    }
    if let Some(extra) = tim.extra.as_ref().filter(|extra| !extra.is_empty()) {
        let bytes =
            extra.iter().map(|(key, bytes)| (key.clone(), STANDARD.encode(&bytes.0).into()));
        fields.insert(EXTRA.to_owned(), bytes.collect::<Map<_, _>>().into());
    }
    match rest {
        Some(Value::Object(rest)) => {
            for (key, value) in rest {
                fields.entry(key).or_insert(value);
            }
        }
        Some(rest) if fields.is_empty() => return rest.to_string(),
        _ => {}
    }
    Value::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(p: &str) -> TimPresence {
        tim_of(p, serde_json::from_str(p).unwrap())
    }

    fn there_and_back(p: &Value) -> Value {
        serde_json::from_str(&p_of_tim(&read(&p.to_string()))).unwrap()
    }

    #[test]
    fn p_is_the_same_after_tims_fields() {
        for p in [
            json!({"show": "busy", "text": "in a call"}),
            json!({"show": "available", "sub": -3, "extend": {"mood": "good"}}),
            json!({"show": 17, "extra": {"b": "AQI="}, "cursor": {"x": 1, "y": [2, null]}}),
            json!({"show": "brb", "text": 5, "sub": 1000, "extend": {"n": 1}, "extra": {"b": "!"}}),
            json!({"extend": {}, "extra": {}, "text": null}),
            json!({"extend": {"adsum.p": "{}"}, "text": "x"}),
            json!({"extend": {"adsum.idle": "5", "a": "b"}}),
            json!({}),
            json!("at lunch"),
            json!([1, 2]),
            json!(3.5),
            json!(false),
        ] {
            assert_eq!(there_and_back(&p), p);
        }
    }

    #[test]
    fn tims_fields_are_the_same_after_p() {
        let extend = |key: &str| Some(BTreeMap::from([(key.to_owned(), "value".to_owned())]));
        let extra = Some(BTreeMap::from([("b".to_owned(), Bytes(vec![1, 255]))]));
        let mut all: Vec<_> =
            [None, Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), Some(-9)]
                .map(|show| TimPresence { show, ..TimPresence::default() })
                .into();
        all.push(TimPresence {
            status: Some(String::new()),
            sub_status: Some(1),
            extend: extend("mood"),
            extra,
            ..TimPresence::default()
        });
        for tim in all {
            assert_eq!(read(&p_of_tim(&tim)), tim);
        }
    }

    #[test]
    fn tims_clients_see_what_tim_has_a_word_for() {
        let tim = read(r#"{"show":"busy","text":"in a call","extend":{"mood":"good"},"x":1}"#);
        assert_eq!((tim.show, tim.status.as_deref()), (Some(4), Some("in a call")));
        let extend = tim.extend.unwrap();
        assert_eq!(extend["mood"], "good");
        assert_eq!(extend[REST], r#"{"x":1}"#);
        // Nobody says of themselves that nobody is there.
        assert!(!read(r#"{"extend":{"adsum.idle":"5"}}"#).extend.unwrap().contains_key(IDLE));
        let idle = Some(BTreeMap::from([(IDLE.to_owned(), "5".to_owned())]));
        assert_eq!(p_of_tim(&TimPresence { extend: idle, ..TimPresence::default() }), "{}");
    }

    #[test]
    fn p_goes_on_as_it_came() {
        let p = r#"{ "big": 12345678901234567890123, "a":1,"a":2 }"#;
        assert_eq!(p_of(&shown(&Tid::of("ann"), p).unwrap()), p);
        assert_eq!(p_of(&Shown::from(read(r#"{"text":"x"}"#))), r#"{"text":"x"}"#);
    }
}
