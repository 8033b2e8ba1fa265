//! Has simulated people do what their trace says, over and over.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::person::Person;
use super::trace::{Act, PERIOD_MS, Trace};
use super::words::{ROOMS, SAYINGS, STATES};
use crate::host::shared::Shared;
use crate::tokens::Account;

/// How long it takes until all are there who are there at the beginning.
const ENTRANCE: Duration = Duration::from_millis(1_500);
/// How long what is said in a room is shown.
const SAID_MS: u64 = 20_000;

/// What a person does or shows, as far as it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    is_there: bool,
    state: Option<usize>,
    rooms: BTreeSet<usize>,
}

impl Part {
    /// Notes what the person does.
    fn take(&mut self, act: Act) {
        match act {
            Act::Come => *self = Self { is_there: true, ..Self::default() },
            Act::Go => *self = Self::default(),
            _ if !self.is_there => {}
            Act::Show(state) => self.state = Some(state),
            Act::Join(room) => drop(self.rooms.insert(room)),
            Act::Leave(room) => drop(self.rooms.remove(&room)),
            Act::Say(..) => {}
        }
    }
}

/// Returns how things stand at the end of a period, and so at its beginning.
fn at_the_beginning(trace: &Trace) -> Vec<Part> {
    let comes = |person: usize| {
        trace.events.iter().any(|event| event.person == person && event.act == Act::Come)
    };
    let part = |person| Part { is_there: !comes(person), ..Part::default() };
    let mut parts: Vec<_> = (0..trace.names.len()).map(part).collect();
    for event in &trace.events {
        parts[event.person].take(event.act);
    }
    parts
}

/// Everybody, and what they are doing.
struct Stage<'a> {
    shared: &'a Arc<Shared>,
    to: SocketAddr,
    accounts: &'a [Account],
    parts: Vec<Part>,
    people: Vec<Option<Person>>,
}

/// Plays a trace until the server stops.
pub(super) async fn play(
    shared: &Arc<Shared>,
    to: SocketAddr,
    accounts: &[Account],
    trace: &Trace,
) {
    let people = accounts.iter().map(|_| None).collect();
    let parts = at_the_beginning(trace);
    let mut stage = Stage { shared, to, accounts, parts, people };
    let all = async {
        stage.open().await;
        let mut start = Instant::now();
        loop {
            for event in &trace.events {
                sleep_until(start + Duration::from_millis(event.at_ms)).await;
                stage.act(event.person, event.act);
            }
            start += Duration::from_millis(PERIOD_MS);
        }
    };
    tokio::select! {
        () = all => {}
        () = shared.stop.cancelled() => {}
    }
}

impl Stage<'_> {
    /// Has those come who are there at the beginning, one after the other.
    async fn open(&mut self) {
        let pause = ENTRANCE / u32::try_from(self.parts.len()).unwrap_or(1).max(1);
        for person in 0..self.parts.len() {
            if self.parts[person].is_there {
                self.come(person);
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Has a person come, and do what lasts.
    fn come(&mut self, at: usize) {
        let person = Person::come(self.shared, self.to, &self.accounts[at]);
        let part = &self.parts[at];
        person.say(shows(part.state.unwrap_or_default()));
        for room in &part.rooms {
            person.say(joins(*room, &self.accounts[at].name));
        }
        self.people[at] = Some(person);
    }

    fn act(&mut self, at: usize, act: Act) {
        self.parts[at].take(act);
        if !self.parts[at].is_there {
            self.people[at] = None;
            return;
        }
        // Who was sent away comes back with the next thing that they do.
        let Some(person) = self.people[at].as_ref().filter(|person| person.is_there()) else {
            return self.come(at);
        };
        match act {
            Act::Come | Act::Go => {}
            Act::Show(state) => person.say(shows(state)),
            Act::Join(room) => person.say(joins(room, &self.accounts[at].name)),
            Act::Leave(room) => person.say(json!({"op": "leave", "topic": topic(room)})),
            Act::Say(room, _) if !self.parts[at].rooms.contains(&room) => {}
            Act::Say(room, what) => {
                let p = json!({"text": SAYINGS[what]});
                person.say(json!({"op": "say", "topic": topic(room), "p": p, "for": SAID_MS}));
            }
        }
    }
}

fn topic(room: usize) -> String {
    format!("room:{}", ROOMS[room].0)
}

fn joins(room: usize, name: &str) -> Value {
    json!({"op": "join", "topic": topic(room), "view": "count", "p": {"name": name}})
}

fn shows(state: usize) -> Value {
    let (show, text, emoji) = STATES[state];
    json!({"op": "publish", "p": {"show": show, "text": text, "emoji": emoji}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_as_it_begins() {
        let trace = Trace::new(3, 200);
        let before = at_the_beginning(&trace);
        let mut after = before.clone();
        for event in &trace.events {
            after[event.person].take(event.act);
        }
        for (person, (before, after)) in before.iter().zip(&after).enumerate() {
            assert_eq!(before.is_there, after.is_there, "{person}");
        }
        let there = before.iter().filter(|part| part.is_there).count();
        assert!((80..170).contains(&there), "{there} of 200 are there");
        let shows = before.iter().filter(|part| part.is_there && part.state.is_some()).count();
        assert!(shows * 10 > there * 9, "{shows} of {there} show something");
        let in_rooms = before.iter().filter(|part| !part.rooms.is_empty()).count();
        assert!(in_rooms > 50, "{in_rooms} are in rooms");
    }
}
