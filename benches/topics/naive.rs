//! What one writes in an hour: who is in which room, by name, and the other way round.

use std::collections::{HashMap, HashSet};

#[derive(Default)]
pub(crate) struct Naive {
    rooms: HashMap<String, HashSet<u64>>,
    sessions: HashMap<u64, HashSet<String>>,
}

impl Naive {
    pub(crate) fn join(&mut self, session: u64, room: &str) {
        self.rooms.entry(room.to_owned()).or_default().insert(session);
        self.sessions.entry(session).or_default().insert(room.to_owned());
    }

    pub(crate) fn leave(&mut self, session: u64, room: &str) {
        if let Some(members) = self.rooms.get_mut(room) {
            members.remove(&session);
            if members.is_empty() {
                self.rooms.remove(room);
            }
        }
        if let Some(rooms) = self.sessions.get_mut(&session) {
            rooms.remove(room);
        }
    }

    /// The rooms of a session.
    pub(crate) fn rooms(&self, session: u64) -> Vec<String> {
        self.sessions[&session].iter().cloned().collect()
    }

    /// Those who are to be told of something that a member does.
    pub(crate) fn publish(&self, session: u64, room: &str) -> Vec<u64> {
        self.rooms[room].iter().filter(|other| **other != session).copied().collect()
    }
}
