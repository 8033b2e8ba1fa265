//! What a replica believes, in the form in which the cases have it.

use adsum::Replica;
use serde_json::{Map, Value, json};

/// Returns everything that can be asked of a replica. What it does not have is left out. The
/// sessions of a user come in the order in which they were first heard of.
pub(crate) fn of(replica: &Replica<String, Value, u64>, cut: u32) -> Value {
    let mut belief = Map::new();
    if let Some(visible) = replica.is_visible() {
        belief.insert("visible".into(), visible.into());
    }
    if cut > 0 {
        belief.insert("cut".into(), cut.into());
    }
    let users = replica.users().map(|name| (name.clone(), user(replica, name)));
    belief.insert("users".into(), Value::Object(users.collect()));
    let topics = replica.topics().map(|name| (name.clone(), topic(replica, name)));
    belief.insert("topics".into(), Value::Object(topics.collect()));
    Value::Object(belief)
}

/// The one state of a user, if it is told as one, and its sessions.
fn user(replica: &Replica<String, Value, u64>, name: &str) -> Value {
    let mut user = Map::new();
    if let Some((presence, idle_since)) = replica.user(name) {
        user.insert("p".into(), presence.clone());
        if let Some(since) = idle_since {
            user.insert("idle_since".into(), since.as_millis().into());
        }
    }
    let sessions = replica.sessions_of(name).map(|(session, published, directed)| {
        let mut of = Map::from_iter([("s".into(), format!("s{session}").into())]);
        of.extend(published.map(|presence| ("p".into(), presence.clone())));
        of.extend(directed.map(|presence| ("directed".into(), presence.clone())));
        Value::Object(of)
    });
    let sessions: Vec<Value> = sessions.collect();
    if !sessions.is_empty() {
        user.insert("sessions".into(), sessions.into());
    }
    Value::Object(user)
}

/// What is believed of a topic. Members and what was said are in the order of their names.
fn topic(replica: &Replica<String, Value, u64>, name: &str) -> Value {
    let (counts, view) = replica.topic_counts(name).expect("it is a topic that is known");
    let row = |(user, session, presence): (&String, u64, Option<&Value>)| {
        let mut of = Map::from_iter([
            ("u".into(), user.as_str().into()),
            ("s".into(), format!("s{session}").into()),
        ]);
        of.extend(presence.map(|presence| ("p".into(), presence.clone())));
        ((user.clone(), session), Value::Object(of))
    };
    let mut members: Vec<_> = replica.members(name).map(row).collect();
    let said = replica.said(name).map(|(user, session, said)| row((user, session, Some(said))));
    let mut said: Vec<_> = said.collect();
    for rows in [&mut members, &mut said] {
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    let values = |rows: Vec<(_, Value)>| rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>();
    json!({
        "view": crate::wire::view(view),
        "counts": crate::wire::counts(counts),
        "members": values(members),
        "said": values(said),
    })
}
