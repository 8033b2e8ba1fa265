//! Whatever happens, a client that does what the page says (*What a client believes*) believes what
//! is true: held against what the server tells it anew when it resumes.

use std::collections::{BTreeMap, BTreeSet};

use adsum::{Replica, TopicCounts, View};
use serde_json::{Value, json};

use crate::client::{V1, server, token};
use crate::support::Server;

const USERS: [&str; 4] = ["ann", "bob", "cyd", "dan"];
/// Whom nobody has as a contact.
const STAR: &str = "star";
const ROOMS: [&str; 2] = ["room:1", "room:2"];

/// A client, and what it believes.
struct Believer {
    user: &'static str,
    client: V1,
    belief: Replica<String, Value, u64>,
}

/// What can be compared: each session and what it shows; and each room that it views
/// all of, and who is in it.
type Picture = (BTreeSet<(String, u64, String)>, BTreeMap<String, BTreeSet<(String, u64, String)>>);

fn session(value: &Value) -> u64 {
    u64::from_str_radix(value["s"].as_str().unwrap(), 16).unwrap()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap().to_owned()
}

fn shown(value: &Value) -> Option<Value> {
    value.get("p").cloned()
}

fn view(frame: &Value) -> View {
    match &frame["view"] {
        Value::Number(users) => View::Sample(users.as_u64().unwrap() as u16),
        Value::String(view) if view == "all" => View::All,
        Value::String(view) if view == "count" => View::Count,
        other => panic!("{other}"),
    }
}

fn fold(belief: &mut Replica<String, Value, u64>, frame: &Value) {
    let user = || text(frame, "u");
    match frame["op"].as_str().unwrap() {
        "presence" => belief.set_presence(user(), session(frame), frame["p"].clone()).unwrap(),
        "directed" => belief.set_directed(user(), session(frame), frame["p"].clone()).unwrap(),
        "withdrawn" => belief.end_published(&user(), session(frame)),
        "over" => belief.end_directed(&user(), session(frame)),
        "ended" => belief.end_session(&user(), session(frame)),
        "offline" => belief.end_user(&user()),
        "visibility" => belief.set_visible(frame["visible"].as_bool().unwrap()),
        "snapshot" => fold_snapshot(belief, frame),
        "ok" | "welcome" => {}
        _ => fold_in_topic(belief, frame),
    }
}

fn fold_snapshot(belief: &mut Replica<String, Value, u64>, frame: &Value) {
    let users = frame.get("users").map(|users| {
        let users = users.as_array().unwrap().iter();
        users.map(|user| user.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    });
    match (frame["first"] == true, &users) {
        (true, None) => belief.begin_snapshot(),
        (true, Some(users)) => belief.begin_snapshot_of(users),
        (false, _) => {}
    }
    belief.set_visible(frame["visible"].as_bool().unwrap());
    for entry in frame["entries"].as_array().unwrap() {
        belief.set_presence(text(entry, "u"), session(entry), entry["p"].clone()).unwrap();
    }
    match (frame["last"] == true, &users) {
        (true, None) => belief.end_snapshot().unwrap(),
        (true, Some(users)) => belief.end_snapshot_of(users).unwrap(),
        (false, _) => {}
    }
}

fn fold_in_topic(belief: &mut Replica<String, Value, u64>, frame: &Value) {
    let topic = text(frame, "topic");
    let user = || text(frame, "u");
    match frame["op"].as_str().unwrap() {
        "joined" | "member" => {
            belief.set_member(&topic, user(), session(frame), shown(frame)).unwrap();
        }
        "member_ended" => belief.end_member_session(&topic, &user(), session(frame)),
        "left" => belief.end_member(&topic, &user()),
        "said" => belief.set_said(&topic, user(), session(frame), frame["p"].clone()).unwrap(),
        "said_over" => belief.end_said(&topic, &user(), session(frame)),
        "closed" => belief.forget_topic(&topic),
        kind @ ("topic" | "changes") => {
            if kind == "topic" && frame["first"] == true {
                belief.begin_topic_snapshot(topic.clone(), view(frame)).unwrap();
            }
            let count = |of: &str| frame["counts"][of].as_u64().unwrap() as u32;
            let (users, sessions) = (count("users"), count("sessions"));
            let counts = TopicCounts { users, sessions, observers: count("observers") };
            belief.set_topic_counts(&topic, counts);
            let key = if kind == "topic" { "entries" } else { "changes" };
            for entry in frame[key].as_array().unwrap() {
                let user = text(entry, "u");
                if entry.get("left").is_some() {
                    belief.end_member(&topic, &user);
                } else if entry.get("ended").is_some() {
                    belief.end_member_session(&topic, &user, session(entry));
                } else {
                    belief.set_member(&topic, user, session(entry), shown(entry)).unwrap();
                }
            }
            if kind == "topic" && frame["last"] == true {
                belief.end_topic_snapshot(&topic).unwrap();
            }
        }
        other => panic!("{other}"),
    }
}

fn picture(belief: &Replica<String, Value, u64>) -> Picture {
    let mut people = BTreeSet::new();
    for user in belief.users() {
        for (session, published, _) in belief.sessions_of(user) {
            if let Some(published) = published {
                people.insert((user.clone(), session, published.to_string()));
            }
        }
    }
    // The other views are told by ticks, and what they show may still be due.
    let is_live = |topic: &&String| belief.topic_counts(*topic).unwrap().1 == View::All;
    let rooms = belief.topics().filter(is_live).map(|topic| {
        let members = belief.members(topic);
        let members = members.map(|(user, session, p)| (user.clone(), session, format!("{p:?}")));
        (topic.clone(), members.collect())
    });
    (people, rooms.collect())
}

impl Believer {
    async fn new(server: &Server, user: &'static str) -> Self {
        let mut client = V1::connect(server.address()).await;
        client.send(json!({"op": "hello", "token": Self::token(user)})).await;
        let mut belief = Replica::new(10_000);
        client.welcome = client.next().await;
        fold(&mut belief, &client.next().await);
        Self { user, client, belief }
    }

    fn token(user: &str) -> String {
        let contacts: Vec<_> = USERS.into_iter().filter(|other| *other != user).collect();
        token(user, if user == STAR { &[] } else { &contacts })
    }

    async fn does(&mut self, operation: Value) {
        let (answer, told) = self.client.told(operation.clone()).await;
        told.iter().for_each(|frame| fold(&mut self.belief, frame));
        if answer["op"] != "ok" {
            return;
        }
        match operation["op"].as_str().unwrap() {
            "leave" => self.belief.forget_topic(&text(&operation, "topic")),
            "look" if operation["view"] == "nothing" => {
                self.belief.forget_topic(&text(&operation, "topic"));
            }
            "unwatch" => {
                for user in answer["forget"].as_array().unwrap() {
                    self.belief.forget(user.as_str().unwrap());
                }
            }
            _ => {}
        }
    }

    /// Goes on with the session on another connection; returns what it is told there.
    async fn resume(&mut self, server: &Server) -> Picture {
        let resume = self.client.welcome["resume"].clone();
        let hello = json!({"op": "hello", "token": Self::token(self.user), "resume": resume});
        let mut client = V1::connect(server.address()).await;
        client.send(hello).await;
        client.welcome = client.next().await;
        assert_eq!(client.welcome["resumed"], true);
        self.client = client;
        let mut fresh = Replica::new(10_000);
        for frame in self.client.until_pong().await {
            fold(&mut fresh, &frame);
        }
        let told = picture(&fresh);
        self.belief = fresh;
        told
    }
}

/// A small generator of numbers, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn operation(&mut self, step: usize) -> Value {
        let room = ROOMS[self.below(2)];
        let view = [json!("all"), json!("all"), json!("nothing"), json!(1)][self.below(4)].clone();
        let seen = ["invisible", "visible", "visible"][self.below(3)];
        match self.below(16) {
            0..=3 => json!({"op": "publish", "p": step}),
            4 => json!({"op": "publish", "p": step, "for": 5, "then": [step]}),
            5 => json!({"op": "withdraw"}),
            6 => json!({"op": "direct", "to": (USERS[self.below(4)]), "p": step}),
            7 | 8 => json!({"op": "join", "topic": room, "view": view}),
            9 => json!({"op": "update", "topic": room, "p": step}),
            10 => json!({"op": "leave", "topic": room}),
            11 => json!({"op": "look", "topic": room, "view": view}),
            12 => json!({"op": "say", "topic": room, "p": step}),
            13 => json!({ "op": seen }),
            14 => json!({"op": "watch", "users": [STAR]}),
            _ => json!({"op": "unwatch", "users": [STAR]}),
        }
    }
}

async fn walk(seed: u64) -> usize {
    let server = server(|config| {
        config.presence.publish_burst = 0;
        config.network.requests_per_second = 0;
    });
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut all = Vec::new();
    for user in USERS.into_iter().chain([STAR, "ann"]) {
        all.push(Believer::new(&server, user).await);
    }
    let mut seen = 0;
    for step in 0..120 {
        let at = random.below(all.len());
        match random.below(12) {
            0 => {
                let gone = all.swap_remove(at);
                let (user, code) = (gone.user, [None, Some(1_001)][random.below(2)]);
                gone.client.close(code).await;
                all.push(Believer::new(&server, user).await);
            }
            _ => all[at].does(random.operation(step)).await,
        }
        if step % 40 == 39 {
            // What ends by itself has ended.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            for believer in &mut all {
                believer.does(json!({"op": "ping"})).await;
                let believed = picture(&believer.belief);
                let told = believer.resume(&server).await;
                assert_eq!(believed, told, "{} at {step} of seed {seed}", believer.user);
                seen += told.0.len() + told.1.values().map(BTreeSet::len).sum::<usize>();
            }
        }
    }
    server.host.stop().await;
    seen
}

#[tokio::test]
async fn whoever_does_what_the_page_says_believes_what_is_true() {
    let mut seen = 0;
    for seed in 1..=8 {
        seen += walk(seed).await;
    }
    assert!(seen > 300, "{seen} things were believed");
}
