//! A replica with little room, which is told what its client is told.

use super::client::{Which, said};
use super::wire::{Device, Entry, Told, User, Word};
use adsum::{Replica, ReplicaFull};

/// None of them has more room than this.
const MOST: usize = 6;

pub(crate) struct Small {
    pub(crate) replica: Replica<User, Word>,
    limit: usize,
    /// Whether something found no room, and no snapshot has made that good.
    is_cut: bool,
}

impl Small {
    pub(crate) fn new(seed: u64, device: Device) -> Self {
        let limit = 1 + (seed as usize + device) % MOST;
        Self { replica: Replica::new(limit), limit, is_cut: false }
    }

    /// Nothing is left of what it knew.
    pub(crate) fn begin_anew(&mut self) {
        (self.replica, self.is_cut) = (Replica::new(self.limit), false);
    }

    pub(crate) fn take_snapshot(&mut self, named: Option<&[User]>, entries: &[Entry]) {
        let replica = &mut self.replica;
        match named {
            None => replica.begin_snapshot(),
            Some(users) => replica.begin_snapshot_of(users),
        }
        for Entry { user, session, word, idle_since } in entries.iter().copied() {
            // What finds no room is said at the end.
            _ = match session {
                Some(session) => replica.set_presence(user, session, word),
                None => replica.set_user(user, word, idle_since),
            };
        }
        if let Some(users) = named {
            self.is_cut |= replica.end_snapshot_of(users).is_err();
            return;
        }
        self.is_cut = replica.end_snapshot().is_err();
        // As many as fit, or one more that was held already.
        let (told, held) = (entries.len(), replica.len());
        assert!((told.min(self.limit)..=told.min(self.limit + 1)).contains(&held));
        assert_eq!(self.is_cut, held < told);
    }

    pub(crate) fn take(&mut self, told: Told) {
        let replica = &mut self.replica;
        let mut set = |result: Result<(), ReplicaFull>| self.is_cut |= result.is_err();
        match told {
            Told::Presence { user, session, word } => {
                set(replica.set_presence(user, session, word));
            }
            Told::User { user, word, idle_since } => set(replica.set_user(user, word, idle_since)),
            Told::Directed { user, session, word } => {
                set(replica.set_directed(user, session, word));
            }
            Told::DirectedOver { user, session } => replica.end_directed(&user, session),
            Told::Ended { user, session } => replica.end_session(&user, session),
            Told::Offline { user } => replica.end_user(&user),
        }
    }

    /// Holds it against one that has room for all.
    pub(crate) fn check(&self, large: &Replica<User, Word>) -> Result<(), String> {
        let small = &self.replica;
        let each: [Which; 2] = [|published, _| published.copied(), |_, directed| directed.copied()];
        for which in each {
            let (held, all) = (said(small, which), said(large, which));
            let is_so = held.iter().all(|(session, word)| all.get(session) == Some(word));
            if !is_so || !self.is_cut && held != all {
                return Err(format!("{held:?} where {all:?} is true"));
            }
        }
        for user in large.users().chain(small.users()) {
            let (held, all) = (small.user(user), large.user(user));
            if held != all && (held.is_some() || !self.is_cut) {
                return Err(format!("{held:?} of user {user} where {all:?} is true"));
            }
        }
        Ok(())
    }
}
