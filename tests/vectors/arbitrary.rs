//! Frames that make no sense together, about few sessions, so that each meets what the others have
//! left: what no server says, and every replica must take alike.

use crate::case::Random;
use crate::recorder::History;
use crate::wire;
use serde_json::{Value, json};

const OF_SESSIONS: [&str; 7] =
    ["presence", "presence", "directed", "withdrawn", "over", "ended", "offline"];
const OF_TOPICS: [&str; 8] =
    ["joined", "member", "member", "said", "said", "said_over", "member_ended", "left"];

/// Returns the frames that one session is told.
pub(crate) fn history(random: &mut Random) -> History {
    let mut frames = Frames {
        id: 0,
        tells_users: random.below(4) == 0,
        has_parts: random.below(3) > 0,
        of_contacts: [4, 9, 14][random.below(3)],
    };
    let mut history = vec![vec![json!({ "op": "welcome" })]];
    for _ in 0..8 + random.below(22) {
        history.push(vec![frames.next(random)]);
    }
    history
}

struct Frames {
    id: u64,
    tells_users: bool,
    /// Whether snapshots come in parts, which need not fit together.
    has_parts: bool,
    /// How many of 20 frames are about contacts.
    of_contacts: usize,
}

impl Frames {
    fn next(&mut self, random: &mut Random) -> Value {
        self.id += 1 + random.below(3) as u64;
        // Now and then one comes late.
        let late = if random.below(10) == 0 { random.below(12) as u64 } else { 0 };
        let id = self.id.saturating_sub(late);
        if random.below(20) < self.of_contacts {
            return match random.below(16) {
                0..5 => self.snapshot(id, random),
                5 => json!({ "op": "visibility", "id": id, "visible": random.below(2) == 0 }),
                6 => json!({ "op": "ok", "n": 1, "forget": [user(random)] }),
                7 if random.below(3) == 0 => json!({ "op": "welcome" }),
                _ => self.of_session(id, random),
            };
        }
        match random.below(18) {
            0..4 => self.topic_snapshot(id, random),
            4..9 => self.changes(id, random),
            9 if random.below(3) == 0 => {
                json!({ "op": "closed", "id": id, "topic": topic(random), "reason": "closed" })
            }
            9 if random.below(2) == 0 => json!({ "do": "forget_topic", "topic": topic(random) }),
            _ => of_topic(id, random),
        }
    }

    fn of_session(&self, id: u64, random: &mut Random) -> Value {
        let op = OF_SESSIONS[random.below(OF_SESSIONS.len())];
        let mut frame = json!({ "op": op, "id": id, "u": user(random) });
        match op {
            "offline" => return frame,
            "presence" if self.tells_users && random.below(2) == 0 => {
                frame["op"] = "user".into();
                if random.below(2) == 0 {
                    frame["idle_since"] = random.below(3).into();
                }
            }
            _ => frame["s"] = session(random),
        }
        if let "presence" | "directed" = op {
            frame["p"] = presence(random);
        }
        frame
    }

    fn snapshot(&self, id: u64, random: &mut Random) -> Value {
        let mut entries = Vec::new();
        for _ in 0..random.below(4) {
            let mut entry = json!({ "u": user(random), "p": presence(random) });
            match self.tells_users && random.below(2) == 0 {
                true if random.below(2) == 0 => entry["idle_since"] = random.below(3).into(),
                true => {}
                false => entry["s"] = session(random),
            }
            entries.push(entry);
        }
        let (first, last) = self.parts(random);
        let visible = random.below(4) > 0;
        let mut frame = json!({ "op": "snapshot", "id": id, "first": first, "last": last });
        frame["visible"] = visible.into();
        frame["entries"] = entries.into();
        if random.below(2) == 0 {
            let users: Vec<Value> = (0..random.below(3)).map(|_| user(random)).collect();
            frame["users"] = users.into();
        }
        frame
    }

    fn topic_snapshot(&self, id: u64, random: &mut Random) -> Value {
        let mut entries = Vec::new();
        for _ in 0..random.below(4) {
            let mut entry = json!({ "u": user(random), "s": session(random) });
            if random.below(3) > 0 {
                entry["p"] = presence(random);
            }
            entries.push(entry);
        }
        let view = [json!("all"), json!("all"), json!("count"), json!("nothing"), json!(2)];
        let (first, last) = self.parts(random);
        json!({
            "op": "topic",
            "id": id,
            "topic": topic(random),
            "view": view[random.below(view.len())],
            "counts": counts(random),
            "first": first,
            "last": last,
            "entries": entries,
        })
    }

    fn changes(&self, id: u64, random: &mut Random) -> Value {
        let mut changes = Vec::new();
        for _ in 0..random.below(6) {
            let mut change = json!({ "u": user(random) });
            match random.below(5) {
                0 => change["left"] = "lost".into(),
                1 => {
                    change["s"] = session(random);
                    change["ended"] = true.into();
                }
                other => {
                    change["s"] = session(random);
                    if other > 2 {
                        change["p"] = presence(random);
                    }
                }
            }
            changes.push(change);
        }
        if random.below(2) == 0 {
            // As an engine tells them: first who is there, then who is gone.
            changes.sort_by_key(|change| change.get("left").is_some() || change["ended"] == true);
        }
        let (first, last) = self.parts(random);
        json!({
            "op": "changes",
            "id": id,
            "topic": topic(random),
            "view": "all",
            "counts": counts(random),
            "first": first,
            "last": last,
            "changes": changes,
        })
    }

    /// Says whether a part of a snapshot is the first and the last.
    fn parts(&self, random: &mut Random) -> (bool, bool) {
        if !self.has_parts {
            return (true, true);
        }
        match random.below(6) {
            0 => (true, false),
            1 => (false, true),
            2 => (false, false),
            _ => (true, true),
        }
    }
}

fn of_topic(id: u64, random: &mut Random) -> Value {
    let op = OF_TOPICS[random.below(OF_TOPICS.len())];
    let mut frame = json!({ "op": op, "id": id, "topic": topic(random), "u": user(random) });
    if op == "left" {
        frame["reason"] = "left".into();
        return frame;
    }
    frame["s"] = session(random);
    if op == "said" || matches!(op, "joined" | "member") && random.below(3) > 0 {
        frame["p"] = presence(random);
    }
    frame
}

fn user(random: &mut Random) -> Value {
    wire::name(random.below(3) as u32).into()
}

fn session(random: &mut Random) -> Value {
    format!("s{}", 1 + random.below(2)).into()
}

fn topic(random: &mut Random) -> Value {
    wire::topic_name(random.below(5) as u32 / 4).into()
}

fn presence(random: &mut Random) -> Value {
    wire::presence(random.below(16) as u32)
}

fn counts(random: &mut Random) -> Value {
    json!({ "users": random.below(4), "sessions": random.below(4), "observers": random.below(2) })
}
