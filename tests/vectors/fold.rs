//! Applies frames, as a client gets them off the wire, to a replica.

use crate::belief;
use adsum::{Replica, ReplicaFull, Time, TopicCounts, View};
use serde_json::{Map, Value};

/// What one client holds: a replica, and how far it has heard.
pub(crate) struct Client {
    replica: Replica<String, Value, u64>,
    /// The number of the last frame that was taken in.
    last: u64,
    /// How many frames came too late to be taken in.
    pub(crate) late: u32,
    /// How many said more than there was room for.
    pub(crate) cut: u32,
}

type Taken = Result<(), ReplicaFull>;

impl Client {
    pub(crate) fn new(limit: usize) -> Self {
        Self { replica: Replica::new(limit), last: 0, late: 0, cut: 0 }
    }

    pub(crate) fn belief(&self) -> Value {
        belief::of(&self.replica, self.cut)
    }

    /// Takes in one frame, or several that came at once, in their order.
    pub(crate) fn take(&mut self, step: &Value) {
        if let Value::Array(frames) = step {
            return frames.iter().for_each(|frame| self.take(frame));
        }
        let frame = step.as_object().expect("a frame is an object");
        if self.is_late(frame) {
            self.late += 1;
        } else if self.apply(frame).is_err() {
            self.cut += 1;
        }
    }

    /// Frames are numbered within one attachment, and a snapshot of everything starts anew.
    fn is_late(&mut self, frame: &Map<String, Value>) -> bool {
        let is_new = match text(frame, "op") {
            "welcome" => true,
            "snapshot" => is(frame, "first") && !frame.contains_key("users"),
            _ => false,
        };
        if is_new {
            self.last = 0;
        }
        let Some(id) = frame.get("id").and_then(Value::as_u64) else { return false };
        let is_late = id < self.last;
        self.last = self.last.max(id);
        is_late
    }

    fn apply(&mut self, frame: &Map<String, Value>) -> Taken {
        let replica = &mut self.replica;
        let user = || text(frame, "u").to_owned();
        let session = || session(frame);
        let presence = || frame.get("p").cloned().expect("it says something");
        match text(frame, "op") {
            "snapshot" => return self.snapshot(frame),
            "presence" => return replica.set_presence(user(), session(), presence()),
            "user" => return replica.set_user(user(), presence(), idle_since(frame)),
            "directed" => return replica.set_directed(user(), session(), presence()),
            "over" => replica.end_directed(&user(), session()),
            "withdrawn" => replica.end_published(&user(), session()),
            "ended" => replica.end_session(&user(), session()),
            "offline" => replica.end_user(&user()),
            "visibility" => replica.set_visible(is(frame, "visible")),
            // The answer to `unwatch`.
            "ok" => names(frame, "forget").iter().for_each(|user| replica.forget(user)),
            // What the client does by itself when it has left a topic.
            "" if text(frame, "do") == "forget_topic" => {
                replica.forget_topic(text(frame, "topic"));
            }
            _ => return self.apply_in_topic(frame),
        }
        Ok(())
    }

    fn snapshot(&mut self, frame: &Map<String, Value>) -> Taken {
        let replica = &mut self.replica;
        let named = frame.contains_key("users").then(|| names(frame, "users"));
        match &named {
            None if is(frame, "first") => replica.begin_snapshot(),
            Some(users) if is(frame, "first") => replica.begin_snapshot_of(users),
            _ => {}
        }
        replica.set_visible(is(frame, "visible"));
        for entry in objects(frame, "entries") {
            let (user, presence) = (text(entry, "u").to_owned(), entry["p"].clone());
            // What finds no room is reported at the end.
            let _ = match entry.contains_key("s") {
                true => replica.set_presence(user, session(entry), presence),
                false => replica.set_user(user, presence, idle_since(entry)),
            };
        }
        match named {
            _ if !is(frame, "last") => Ok(()),
            None => replica.end_snapshot(),
            Some(users) => replica.end_snapshot_of(&users),
        }
    }

    fn apply_in_topic(&mut self, frame: &Map<String, Value>) -> Taken {
        let replica = &mut self.replica;
        let topic = text(frame, "topic");
        let user = || text(frame, "u").to_owned();
        match text(frame, "op") {
            "topic" => return self.topic(frame, topic),
            "changes" => return self.changes(frame, topic),
            "joined" | "member" => {
                return replica.set_member(topic, user(), session(frame), frame.get("p").cloned());
            }
            "said" => return replica.set_said(topic, user(), session(frame), frame["p"].clone()),
            "said_over" => replica.end_said(topic, text(frame, "u"), session(frame)),
            "member_ended" => replica.end_member_session(topic, text(frame, "u"), session(frame)),
            "left" => replica.end_member(topic, text(frame, "u")),
            "closed" => replica.forget_topic(topic),
            // Welcomes, and what an application says: neither is about anybody.
            _ => {}
        }
        Ok(())
    }

    fn topic(&mut self, frame: &Map<String, Value>, topic: &str) -> Taken {
        let replica = &mut self.replica;
        if is(frame, "first") {
            _ = replica.begin_topic_snapshot(topic.to_owned(), view(&frame["view"]));
        }
        replica.set_topic_counts(topic, counts(frame));
        for entry in objects(frame, "entries") {
            let user = text(entry, "u").to_owned();
            // What finds no room is reported at the end.
            _ = replica.set_member(topic, user, session(entry), entry.get("p").cloned());
        }
        if is(frame, "last") { replica.end_topic_snapshot(topic) } else { Ok(()) }
    }

    fn changes(&mut self, frame: &Map<String, Value>, topic: &str) -> Taken {
        self.replica.set_topic_counts(topic, counts(frame));
        // What finds no room is tried again when those have been taken out who are gone.
        self.each_change(frame, topic).or_else(|ReplicaFull| self.each_change(frame, topic))
    }

    fn each_change(&mut self, frame: &Map<String, Value>, topic: &str) -> Taken {
        let replica = &mut self.replica;
        let mut taken = Ok(());
        for change in objects(frame, "changes") {
            let user = text(change, "u");
            if change.contains_key("left") {
                replica.end_member(topic, user);
            } else if is(change, "ended") {
                replica.end_member_session(topic, user, session(change));
            } else {
                let presence = change.get("p").cloned();
                let set = replica.set_member(topic, user.into(), session(change), presence);
                taken = taken.and(set);
            }
        }
        taken
    }
}

fn text<'f>(frame: &'f Map<String, Value>, field: &str) -> &'f str {
    frame.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn is(frame: &Map<String, Value>, field: &str) -> bool {
    frame.get(field).and_then(Value::as_bool).unwrap_or(false)
}

/// Sessions are texts on the wire; in the cases they are numbered.
fn session(frame: &Map<String, Value>) -> u64 {
    let number = text(frame, "s").strip_prefix('s').and_then(|number| number.parse().ok());
    number.expect("the writer of the cases has numbered it")
}

fn idle_since(frame: &Map<String, Value>) -> Option<Time> {
    frame.get("idle_since").and_then(Value::as_u64).map(Time::from_millis)
}

fn names(frame: &Map<String, Value>, field: &str) -> Vec<String> {
    let names = frame[field].as_array().expect("a list of names");
    names.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

fn objects<'f>(
    frame: &'f Map<String, Value>,
    field: &str,
) -> impl Iterator<Item = &'f Map<String, Value>> {
    let all = frame[field].as_array().expect("a list of entries or changes");
    all.iter().map(|one| one.as_object().expect("an entry is an object"))
}

fn counts(frame: &Map<String, Value>) -> TopicCounts {
    let count = |field: &str| frame["counts"][field].as_u64().expect("a count") as u32;
    TopicCounts {
        users: count("users"),
        sessions: count("sessions"),
        observers: count("observers"),
    }
}

/// A view is a word, or the number of users in a sample.
fn view(view: &Value) -> View {
    match view.as_str() {
        Some("nothing") => View::Nothing,
        Some("count") => View::Count,
        Some("all") => View::All,
        _ => View::Sample(view.as_u64().expect("the number of a sample") as u16),
    }
}
