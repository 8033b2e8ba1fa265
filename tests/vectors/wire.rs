//! Decisions as the frames that a session is sent.

use adsum::{
    Changes, Notice, NoticeId, PresenceKind, Scope, SessionId, Snapshot, TopicChange, TopicCounts,
    TopicSnapshot, View,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Everything that a case may have in it, as [`label`] puts it.
pub(crate) const ALL_LABELS: &[&str] = &[
    "welcome",
    "snapshot",
    "snapshot of users",
    "snapshot in parts",
    "presence",
    "user",
    "user, idle",
    "directed",
    "over",
    "withdrawn",
    "ended",
    "offline",
    "visibility",
    "system",
    "topic",
    "topic in parts",
    "changes",
    "changes, an end",
    "changes, one has left",
    "joined",
    "member",
    "member_ended",
    "left",
    "closed",
    "said",
    "said_over",
    "ok",
    "do forget_topic",
    "several at once",
    "late",
    "cut",
];

/// What few sessions are told.
pub(crate) const RARE_LABELS: &[&str] = &[
    "over",
    "withdrawn",
    "member_ended",
    "said",
    "said_over",
    "changes, an end",
    "closed",
    "do forget_topic",
    "ok",
    "snapshot of users",
];

/// Says what sort of frame this is.
pub(crate) fn label(frame: &Value) -> String {
    let sort = frame["op"].as_str().unwrap_or_default();
    let is_part = frame["first"] == false || frame["last"] == false;
    match sort {
        "" => format!("do {}", frame["do"].as_str().unwrap_or_default()),
        "changes" if has_change(frame, "ended") => "changes, an end".into(),
        "changes" if has_change(frame, "left") => "changes, one has left".into(),
        "snapshot" | "topic" if is_part => format!("{sort} in parts"),
        "snapshot" if frame.get("users").is_some() => "snapshot of users".into(),
        "user" if frame.get("idle_since").is_some() => "user, idle".into(),
        other => other.into(),
    }
}

fn has_change(frame: &Value, field: &str) -> bool {
    let changes = frame["changes"].as_array();
    changes.is_some_and(|changes| changes.iter().any(|change| change.get(field).is_some()))
}

/// Numbers the sessions of one run in the order in which they are first told of.
#[derive(Default)]
pub(crate) struct Sessions(BTreeMap<SessionId, usize>);

impl Sessions {
    fn name(&mut self, session: SessionId) -> String {
        let next = self.0.len() + 1;
        format!("s{}", self.0.entry(session).or_insert(next))
    }

    /// Returns the frame of a notice.
    pub(crate) fn notice(&mut self, notice: &Notice<'_, u32, u32>) -> Value {
        let mut frame = Frame::new(sort_of(notice), notice.id());
        match *notice {
            Notice::Presence { user, session, kind, presence, .. } => frame
                .user(*user)
                .session(self.name(session))
                .with("kind", self::kind(kind))
                .presence(Some(presence)),
            Notice::User { user, kind, idle_since, presence, .. } => frame
                .user(*user)
                .with("kind", self::kind(kind))
                .idle_since(idle_since)
                .presence(Some(presence)),
            Notice::Directed { user, session, presence, .. } => {
                frame.user(*user).session(self.name(session)).presence(Some(presence))
            }
            Notice::DirectedOver { user, session, .. }
            | Notice::Withdrawn { user, session, .. }
            | Notice::SessionEnded { user, session, .. } => {
                frame.user(*user).session(self.name(session))
            }
            Notice::Visibility { visible, .. } => frame.with("visible", visible),
            Notice::UserOffline { user, .. } => frame.user(*user),
            Notice::Joined { topic, user, session, presence, .. } => {
                frame.topic(*topic).user(*user).session(self.name(session)).presence(presence)
            }
            Notice::Member { topic, user, session, kind, presence, .. } => frame
                .topic(*topic)
                .user(*user)
                .session(self.name(session))
                .with("kind", self::kind(kind))
                .presence(presence),
            Notice::Said { topic, user, session, presence, .. } => {
                frame.topic(*topic).user(*user).session(self.name(session)).presence(Some(presence))
            }
            Notice::MemberSessionEnded { topic, user, session, .. }
            | Notice::SaidOver { topic, user, session, .. } => {
                frame.topic(*topic).user(*user).session(self.name(session))
            }
            Notice::Left { topic, user, .. } => {
                frame.topic(*topic).user(*user).with("reason", "left")
            }
            Notice::TopicClosed { topic, .. } => frame.topic(*topic).with("reason", "closed"),
            Notice::System { presence, .. } => frame.presence(Some(presence)),
            _ => unreachable!("the engine tells nothing else"),
        };
        frame.done()
    }

    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot<'_, u32, u32>) -> Value {
        let mut frame = Frame::new("snapshot", snapshot.id());
        frame
            .with("first", snapshot.is_first())
            .with("last", snapshot.is_last())
            .with("visible", snapshot.is_visible());
        if snapshot.scope() == Scope::Users {
            let named: Vec<Value> = snapshot.named().map(|user| name(*user).into()).collect();
            frame.with("users", named);
        }
        let entries = snapshot.entries().map(|entry| {
            let mut of = Frame::default();
            of.user(*entry.user).idle_since(entry.idle_since).presence(Some(entry.presence));
            if !entry.is_user {
                of.session(self.name(entry.session));
            }
            of.done()
        });
        let entries: Vec<Value> = entries.collect();
        frame.with("entries", entries);
        frame.done()
    }

    pub(crate) fn topic(&mut self, snapshot: &TopicSnapshot<'_, u32, u32>) -> Value {
        let mut frame = Frame::new("topic", snapshot.id());
        let entries = snapshot.entries().map(|entry| {
            let mut of = Frame::default();
            of.user(*entry.user).session(self.name(entry.session)).presence(entry.presence);
            of.done()
        });
        let entries: Vec<Value> = entries.collect();
        frame
            .topic(*snapshot.topic())
            .with("first", snapshot.is_first())
            .with("last", snapshot.is_last())
            .with("view", view(snapshot.view()))
            .with("counts", counts(snapshot.counts()))
            .with("entries", entries);
        frame.done()
    }

    pub(crate) fn changes(&mut self, changes: &Changes<'_, u32, u32>) -> Value {
        let mut frame = Frame::new("changes", changes.id());
        let entries = changes.iter().map(|change| {
            let mut of = Frame::default();
            match change {
                TopicChange::Member { user, session, presence } => {
                    of.user(*user).session(self.name(session)).presence(presence)
                }
                TopicChange::SessionEnded { user, session } => {
                    of.user(*user).session(self.name(session)).with("ended", true)
                }
                TopicChange::Left { user, .. } => of.user(*user).with("left", "left"),
                _ => unreachable!("nothing else changes"),
            };
            of.done()
        });
        let entries: Vec<Value> = entries.collect();
        frame
            .topic(*changes.topic())
            .with("view", view(changes.view()))
            .with("counts", counts(changes.counts()))
            .with("first", changes.is_first())
            .with("last", changes.is_last())
            .with("changes", entries);
        frame.done()
    }
}

const fn sort_of(notice: &Notice<'_, u32, u32>) -> &'static str {
    match notice {
        Notice::Presence { .. } => "presence",
        Notice::User { .. } => "user",
        Notice::Directed { .. } => "directed",
        Notice::DirectedOver { .. } => "over",
        Notice::Withdrawn { .. } => "withdrawn",
        Notice::Visibility { .. } => "visibility",
        Notice::SessionEnded { .. } => "ended",
        Notice::UserOffline { .. } => "offline",
        Notice::Joined { .. } => "joined",
        Notice::Member { .. } => "member",
        Notice::MemberSessionEnded { .. } => "member_ended",
        Notice::Left { .. } => "left",
        Notice::TopicClosed { .. } => "closed",
        Notice::Said { .. } => "said",
        Notice::SaidOver { .. } => "said_over",
        Notice::System { .. } => "system",
        _ => unreachable!(),
    }
}

/// A frame, field by field.
#[derive(Default)]
struct Frame(Map<String, Value>);

impl Frame {
    fn new(sort: &str, id: NoticeId) -> Self {
        Self(Map::from_iter([("op".into(), sort.into()), ("id".into(), id.get().into())]))
    }

    fn with(&mut self, field: &str, value: impl Into<Value>) -> &mut Self {
        self.0.insert(field.into(), value.into());
        self
    }

    fn user(&mut self, user: u32) -> &mut Self {
        self.with("u", name(user))
    }

    fn session(&mut self, session: String) -> &mut Self {
        self.with("s", session)
    }

    fn topic(&mut self, topic: u32) -> &mut Self {
        self.with("topic", topic_name(topic))
    }

    fn idle_since(&mut self, since: Option<adsum::Time>) -> &mut Self {
        if let Some(since) = since {
            self.with("idle_since", since.as_millis());
        }
        self
    }

    /// Presences are numbers in the cases, but for some that a client may take for nothing.
    fn presence(&mut self, presence: Option<&u32>) -> &mut Self {
        match presence {
            None => self,
            Some(presence) => self.with("p", self::presence(*presence)),
        }
    }

    fn done(&mut self) -> Value {
        Value::Object(std::mem::take(&mut self.0))
    }
}

pub(crate) fn presence(presence: u32) -> Value {
    match presence % 16 {
        3 => json!(""),
        7 => json!(false),
        11 => json!({ "n": presence }),
        _ => json!(presence),
    }
}

pub(crate) fn name(user: u32) -> String {
    format!("u{user}")
}

pub(crate) fn topic_name(topic: u32) -> String {
    format!("t{topic}")
}

fn kind(kind: PresenceKind) -> &'static str {
    match kind {
        PresenceKind::First => "first",
        PresenceKind::Update => "update",
    }
}

pub(crate) fn view(view: View) -> Value {
    match view {
        View::Nothing => "nothing".into(),
        View::Count => "count".into(),
        View::Sample(users) => users.into(),
        View::All => "all".into(),
        _ => unreachable!("there are no other views"),
    }
}

pub(crate) fn counts(counts: TopicCounts) -> Value {
    let TopicCounts { users, sessions, observers } = counts;
    json!({ "users": users, "sessions": sessions, "observers": observers })
}
