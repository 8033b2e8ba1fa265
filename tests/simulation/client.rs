//! A client: what its user wants, and what it believes of others.

use super::random::Random;
use super::small::Small;
use super::wire::{Connection, Device, Entry, Token, Told, User, Word};
use adsum::{Replica, SessionId, Time};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) struct Client {
    pub(crate) device: Device,
    pub(crate) user: User,
    pub(crate) random: Random,
    /// Whether its user wants to be online.
    pub(crate) is_on: bool,
    /// What it has said last, since it was switched on.
    pub(crate) said: Option<Word>,
    /// The last of its words that the server is known to have.
    pub(crate) heard: u32,
    numbers: u32,
    pub(crate) connection: Option<Connection>,
    /// Whether this connection has brought a welcome, so that the server listens.
    pub(crate) is_welcome: bool,
    /// Whether it has brought a snapshot.
    pub(crate) is_ready: bool,
    pub(crate) token: Option<Token>,
    /// When the server was last heard of.
    pub(crate) alive_at: u64,
    /// Attempts to connect since the last welcome.
    pub(crate) attempts: u32,
    pub(crate) reading_ms: u64,
    /// Of whom it wants to be told beside its user's contacts.
    pub(crate) watched: BTreeSet<User>,
    replica: Replica<User, Word>,
    /// Is told the same, and has too little room for it.
    small: Small,
}

impl Client {
    pub(crate) fn new(device: Device, user: User, seed: u64) -> Self {
        Self {
            device,
            user,
            random: Random::new(seed, device as u64),
            is_on: false,
            said: None,
            heard: 0,
            numbers: 0,
            connection: None,
            is_welcome: false,
            is_ready: false,
            token: None,
            alive_at: 0,
            attempts: 0,
            reading_ms: 0,
            watched: BTreeSet::new(),
            replica: Replica::new(1_000),
            small: Small::new(seed, device),
        }
    }

    pub(crate) const fn next_word(&mut self) -> Word {
        self.numbers += 1;
        Word { device: self.device, number: self.numbers }
    }

    /// The application is started: nothing is left of what it knew.
    pub(crate) fn switch_on(&mut self) {
        self.is_on = true;
        self.token = None;
        self.attempts = 0;
        self.watched.clear();
        self.replica = Replica::new(1_000);
        self.small.begin_anew();
    }

    pub(crate) const fn switch_off(&mut self) {
        self.is_on = false;
        self.said = None;
        self.hang_up();
    }

    pub(crate) const fn hang_up(&mut self) {
        self.connection = None;
        self.is_welcome = false;
        self.is_ready = false;
    }

    /// The page is loaded anew: it knows its token, what it said and whom it watches, and nobody
    /// else's word.
    pub(crate) fn reload(&mut self) {
        self.replica = Replica::new(1_000);
        self.small.begin_anew();
        self.hang_up();
    }

    // ---- what it is told

    pub(crate) fn take_snapshot(&mut self, named: Option<&[User]>, entries: &[Entry]) {
        match named {
            None => self.replica.begin_snapshot(),
            Some(users) => self.replica.begin_snapshot_of(users),
        }
        for Entry { user, session, word, idle_since } in entries.iter().copied() {
            match session {
                Some(session) => self.replica.set_presence(user, session, word),
                None => self.replica.set_user(user, word, idle_since),
            }
            .expect("it is large enough");
        }
        match named {
            None => self.replica.end_snapshot(),
            Some(users) => self.replica.end_snapshot_of(users),
        }
        .expect("it is large enough");
        self.small.take_snapshot(named, entries);
        self.is_ready |= named.is_none();
    }

    /// The server tells no more of a user whom it watched.
    pub(crate) fn forget(&mut self, user: User) {
        self.replica.forget(&user);
        self.small.replica.forget(&user);
    }

    /// Takes in a notice; returns whether it said something that the client did not know.
    pub(crate) fn take(&mut self, told: Told) -> bool {
        self.small.take(told);
        let replica = &mut self.replica;
        let large_enough = "it is large enough";
        match told {
            Told::Presence { user, session, word } => {
                let mut held = replica.sessions_of(&user);
                let knew = held.any(|(of, said, _)| of == session && said == Some(&word));
                drop(held);
                replica.set_presence(user, session, word).expect(large_enough);
                !knew
            }
            Told::User { user, word, idle_since } => {
                let knew = replica.user(&user) == Some((&word, idle_since));
                replica.set_user(user, word, idle_since).expect(large_enough);
                !knew
            }
            Told::DirectedOver { user, session } => {
                let mut held = replica.sessions_of(&user);
                let knew = held.any(|(of, _, directed)| of == session && directed.is_some());
                drop(held);
                replica.end_directed(&user, session);
                knew
            }
            Told::Directed { user, session, word } => {
                replica.set_directed(user, session, word).expect(large_enough);
                true
            }
            Told::Ended { user, session } => {
                let knew = replica.sessions_of(&user).any(|(of, ..)| of == session);
                replica.end_session(&user, session);
                knew
            }
            Told::Offline { user } => {
                let knew = replica.is_present(&user);
                replica.end_user(&user);
                knew
            }
        }
    }

    // ---- what it believes

    /// The words that it believes a user's sessions say, or the user as one.
    pub(crate) fn believed_of(&self, user: User) -> BTreeSet<Word> {
        let sessions = self.replica.sessions_of(&user).filter_map(|(_, said, _)| said.copied());
        sessions.chain(self.replica.user(&user).map(|(word, _)| *word)).collect()
    }

    /// What it believes of users as one: what each says, and since when it is idle if it is.
    pub(crate) fn believed_as_one(&self) -> BTreeMap<User, (Word, Option<Time>)> {
        let of = |user: &User| {
            let (word, idle_since) = self.replica.user(user)?;
            Some((*user, (*word, idle_since)))
        };
        self.replica.users().filter_map(of).collect()
    }

    /// Everything it believes, by session.
    pub(crate) fn believed(&self) -> BTreeMap<(User, SessionId), Word> {
        said(&self.replica, |published, _| published.copied())
    }

    /// The sessions of which it holds directed presence.
    pub(crate) fn directed(&self) -> BTreeSet<(User, SessionId)> {
        said(&self.replica, |_, directed| directed.copied()).into_keys().collect()
    }

    /// Checks that with little room it believes nothing else, and all of it unless it has said that
    /// something is missing.
    pub(crate) fn check_small(&self) -> Result<(), String> {
        let Self { replica, small, .. } = self;
        small.check(replica).map_err(|fault| {
            format!(
                "device {} of user {} believes, with little room, {fault}",
                self.device, self.user
            )
        })
    }
}

/// Of what a session published and what it directed, one.
pub(crate) type Which = fn(Option<&Word>, Option<&Word>) -> Option<Word>;

/// What a replica holds of each session: of what that published, and what it directed, `which`.
pub(crate) fn said(
    replica: &Replica<User, Word>,
    which: Which,
) -> BTreeMap<(User, SessionId), Word> {
    let of = |user: &User| {
        let user = *user;
        let sessions = replica.sessions_of(&user);
        let said = sessions.filter_map(move |(key, published, directed)| {
            Some(((user, key), which(published, directed)?))
        });
        said.collect::<Vec<_>>()
    };
    replica.users().flat_map(of).collect()
}
