//! What is told in the neutral protocol, and its frames.
//!
//! The engine's thread says what is told, with handles of ids and of what is shown; the writer's
//! thread makes the frames, once for all receivers.

use std::fmt::Write as _;

use adsum::{PresenceKind, TopicCounts, View};

use super::table;
use super::wire_id::WireId;
use crate::host::command::{Node, Presence};

/// A list is cut into parts of about so many bytes.
const PART: usize = 32 * 1_024;

/// What some sessions are told.
#[derive(Debug)]
pub(crate) enum Told {
    Note(Note),
    List(List),
}

/// One thing; fields that it does not have are left out.
#[derive(Debug, Default)]
pub(crate) struct Note {
    pub(crate) op: &'static str,
    pub(crate) id: Option<u64>,
    pub(crate) topic: Option<Node>,
    pub(crate) user: Option<Node>,
    pub(crate) session: Option<WireId>,
    pub(crate) kind: Option<PresenceKind>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) visible: Option<bool>,
    pub(crate) idle_since: Option<u64>,
    pub(crate) shown: Option<Presence>,
}

/// Many things at once: the present state of contacts or of a topic, or what a tick has gathered.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) op: &'static str,
    pub(crate) id: u64,
    pub(crate) topic: Option<InTopic>,
    pub(crate) first: bool,
    pub(crate) last: bool,
    pub(crate) visible: Option<bool>,
    pub(crate) users: Option<Vec<Node>>,
    /// What its entries are called.
    pub(crate) key: &'static str,
    pub(crate) entries: Vec<Entry>,
}

/// Of which topic a list is, and what it shows of that.
#[derive(Debug)]
pub(crate) struct InTopic {
    pub(crate) name: Node,
    pub(crate) view: View,
    pub(crate) counts: TopicCounts,
}

/// One entry of a list.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) user: Option<Node>,
    pub(crate) session: Option<WireId>,
    pub(crate) shown: Option<Presence>,
    pub(crate) idle_since: Option<u64>,
    /// The session is gone from the topic.
    pub(crate) ended: bool,
    /// Why the user has left the topic, if it has.
    pub(crate) left: Option<&'static str>,
}

impl Told {
    /// Returns its frames, at least one.
    pub(crate) fn frames(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Note(note) => vec![note.frame()],
            Self::List(list) => list.frames(),
        }
    }
}

impl Note {
    fn frame(&self) -> Vec<u8> {
        let mut json = Json::new(self.op);
        json.number("id", self.id);
        json.text("topic", self.topic.as_deref());
        json.text("u", self.user.as_deref());
        json.session(self.session);
        json.text("kind", self.kind.map(kind));
        json.text("reason", self.reason);
        json.flag("visible", self.visible);
        json.number("idle_since", self.idle_since);
        json.shown(self.shown.as_ref());
        json.finish()
    }
}

impl List {
    /// Returns it in parts of a bounded length.
    fn frames(&self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut entries = self.entries.iter().peekable();
        loop {
            let mut list = String::new();
            while let Some(entry) = entries.peek() {
                if list.len() > PART {
                    break;
                }
                if !list.is_empty() {
                    list.push(',');
                }
                entry.write(&mut list);
                entries.next();
            }
            let is_last = entries.peek().is_none();
            frames.push(self.part(frames.is_empty(), is_last, &list));
            if is_last {
                return frames;
            }
        }
    }

    fn part(&self, is_first: bool, is_last: bool, entries: &str) -> Vec<u8> {
        let mut json = Json::new(self.op);
        json.number("id", Some(self.id));
        if let Some(InTopic { name, view, counts }) = &self.topic {
            json.text("topic", Some(name));
            match view {
                View::Sample(users) => json.number("view", Some((*users).into())),
                View::All => json.text("view", Some("all")),
                View::Count => json.text("view", Some("count")),
                _ => json.text("view", Some("nothing")),
            }
            let TopicCounts { users, sessions, observers } = counts;
            let counts =
                format!(r#"{{"users":{users},"sessions":{sessions},"observers":{observers}}}"#);
            json.raw("counts", &counts);
        }
        json.flag("first", Some(self.first && is_first));
        json.flag("last", Some(self.last && is_last));
        json.flag("visible", self.visible);
        if let Some(users) = &self.users {
            let mut list = String::from("[");
            for user in users {
                if list.len() > 1 {
                    list.push(',');
                }
                quote(&mut list, user);
            }
            list.push(']');
            json.raw("users", &list);
        }
        json.raw(self.key, &format!("[{entries}]"));
        json.finish()
    }
}

impl Entry {
    fn write(&self, to: &mut String) {
        let mut json = Json { text: std::mem::take(to), is_empty: true };
        json.text.push('{');
        json.text("u", self.user.as_deref());
        json.session(self.session);
        json.text("left", self.left);
        json.flag("ended", self.ended.then_some(true));
        json.number("idle_since", self.idle_since);
        json.shown(self.shown.as_ref());
        json.text.push('}');
        *to = json.text;
    }
}

const fn kind(kind: PresenceKind) -> &'static str {
    match kind {
        PresenceKind::First => "first",
        PresenceKind::Update => "update",
    }
}

/// A JSON object that is being written.
struct Json {
    text: String,
    is_empty: bool,
}

impl Json {
    fn new(op: &str) -> Self {
        let mut json = Self { text: String::with_capacity(192), is_empty: true };
        json.text.push('{');
        json.text("op", Some(op));
        json
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.is_empty) {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.text.push_str(json);
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            quote(&mut self.text, value);
        }
    }

    fn number(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.key(key);
            let _ = write!(self.text, "{value}");
        }
    }

    fn flag(&mut self, key: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.raw(key, if value { "true" } else { "false" });
        }
    }

    fn session(&mut self, session: Option<WireId>) {
        if let Some(session) = session {
            self.key("s");
            let _ = write!(self.text, "\"{session}\"");
        }
    }

    fn shown(&mut self, shown: Option<&Presence>) {
        if let Some(shown) = shown {
            self.raw("p", &table::p_of(shown));
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.text.push('}');
        self.text.into_bytes()
    }
}

/// Writes a string as JSON.
fn quote(to: &mut String, text: &str) {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        to.push('"');
        to.push_str(text);
        to.push('"');
    } else if let Ok(quoted) = serde_json::to_string(text) {
        to.push_str(&quoted);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adsum_tim::TimPresence;
    use serde_json::Value;

    use super::*;
    use crate::host::shown::Shown;

    fn entry(user: &str, p: &str) -> Entry {
        let shown = Some(Arc::new(Shown::with_p(TimPresence::default(), p)));
        Entry { user: Some(user.into()), session: Some(WireId(7)), shown, ..Entry::default() }
    }

    fn list(entries: Vec<Entry>) -> List {
        let (first, last, visible) = (true, true, Some(true));
        let (op, key, topic, users) = ("snapshot", "entries", None, None);
        List { op, id: 9, topic, first, last, visible, users, key, entries }
    }

    #[test]
    fn whatever_an_id_is_it_is_json() {
        let strange = "a\"\\\n\u{1}ü\u{2028}";
        let note = Note { op: "offline", user: Some(strange.into()), ..Note::default() };
        let frame: Value = serde_json::from_slice(&note.frame()).unwrap();
        assert_eq!(frame, serde_json::json!({"op": "offline", "u": strange}));
    }

    #[test]
    fn a_long_list_comes_in_parts_and_nothing_of_it_is_lost() {
        let p = format!("{:?}", "x".repeat(1_000));
        let names: Vec<_> = (0..200).map(|at| format!("u{at}")).collect();
        let frames = list(names.iter().map(|name| entry(name, &p)).collect()).frames();
        assert!(frames.len() > 5 && frames.iter().all(|frame| frame.len() < 2 * PART));
        let frames: Vec<Value> =
            frames.iter().map(|frame| serde_json::from_slice(frame).unwrap()).collect();
        let entries = frames.iter().flat_map(|frame| frame["entries"].as_array().unwrap());
        let told: Vec<_> = entries.map(|entry| entry["u"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told, names);
        for (at, frame) in frames.iter().enumerate() {
            assert_eq!(frame["first"], at == 0, "{at}");
            assert_eq!(frame["last"], at == frames.len() - 1, "{at}");
        }
    }

    #[test]
    fn an_empty_list_is_one_frame() {
        let frames = list(Vec::new()).frames();
        assert_eq!(frames.len(), 1);
        let frame: Value = serde_json::from_slice(&frames[0]).unwrap();
        assert_eq!((&frame["first"], &frame["last"]), (&Value::from(true), &Value::from(true)));
        assert_eq!(frame["entries"], serde_json::json!([]));
    }
}
