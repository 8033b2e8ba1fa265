//! The least that has to be done by whoever knows sessions.

use super::floor::scan;

/// The bare loop with what no engine of sessions can leave out: who publishes is named by a key,
/// which may be stale, so a session's record is read, and with it whose it is; that user's list is
/// found by the user's record, since a further session of the user has the same list; and what is
/// published stays in the session's record for whoever comes later.
///
/// So it follows one reference more than the bare loop. Its records are as large as the engine's,
/// and it follows no rule.
pub(crate) struct Keyed {
    sessions: Vec<Session>,
    users: Vec<User>,
    online: Vec<u64>,
    slots: Vec<u32>,
}

/// Names a session: its slot, and which of those that have had the slot it is.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    slot: u32,
    generation: u32,
}

#[repr(C, align(32))]
struct Session {
    generation: u32,
    /// The place of the user's record.
    user: u32,
    presence: u64,
}

#[repr(C, align(64))]
struct User {
    contacts: Vec<u32>,
}

impl Keyed {
    pub(crate) fn new(users: usize) -> Self {
        let online = vec![0; users.div_ceil(64)];
        Self { sessions: Vec::new(), users: Vec::new(), online, slots: vec![0] }
    }

    /// A user comes online and brings a list.
    pub(crate) fn connect(&mut self, user: u32, contacts: &[u32]) -> Key {
        self.online[user as usize / 64] |= 1 << (user % 64);
        self.slots.resize(self.slots.len().max(contacts.len() + 1), 0);
        let slot = self.sessions.len() as u32;
        self.users.push(User { contacts: contacts.to_vec() });
        self.sessions.push(Session { generation: slot ^ 1, user: slot, presence: 0 });
        Key { slot, generation: slot ^ 1 }
    }

    pub(crate) fn publish(&mut self, key: Key, presence: u64) -> usize {
        let session = &mut self.sessions[key.slot as usize];
        if session.generation != key.generation {
            return 0;
        }
        session.presence = presence;
        scan(&self.users[session.user as usize].contacts, &self.online, &mut self.slots)
    }
}
