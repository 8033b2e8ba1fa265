//! The host's own books, kept from what the engine tells it: which connection is which attachment,
//! which sessions there are, and who is online.

use super::accounts::Accounts;
use super::network::Network;
use super::scenario::Fault;
use super::server::Answer;
use super::tally::Tally;
use super::wire::{Connection, Entry, ToClient, Token, Told, User, Word};
use adsum::{Decision, Decisions, LostCause, Notice, Scope, SessionKey, Slot, SlotMap};
use std::collections::{BTreeMap, BTreeSet};

/// The most notices that wait. What one drain brings beyond them is dropped, and made good for.
const BOUND: usize = 10;

pub(crate) struct Link {
    pub(crate) session: SessionKey,
    pub(crate) user: User,
    /// That of the session's token.
    number: u32,
    pub(crate) congested: bool,
    /// Something was dropped.
    pub(crate) gap: bool,
    /// Whom its client watches, as far as it may.
    pub(crate) watched: BTreeSet<User>,
}

/// All of the host but the engine, which is borrowed while decisions are carried out.
pub(crate) struct Desk {
    links: BTreeMap<Connection, Link>,
    by_slot: SlotMap<Connection>,
    /// Connections that were closed and have not said yet that they have ended.
    ending: BTreeMap<Connection, (u32, SessionKey)>,
    /// By the number in its token: whose each session is, and its newest key.
    sessions: BTreeMap<u32, (User, SessionKey)>,
    /// The last sign of a person on each session.
    signs: BTreeMap<u32, u64>,
    tokens: u32,
    online: BTreeSet<User>,
    /// Parts of snapshots that are not complete.
    parts: BTreeMap<Slot, Vec<Entry>>,
    /// Whose queues may have grown.
    grown: BTreeSet<Connection>,
    pub(crate) fault: Fault,
    pub(crate) tally: Tally,
}

impl Desk {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            links: BTreeMap::new(),
            by_slot: SlotMap::new(),
            ending: BTreeMap::new(),
            sessions: BTreeMap::new(),
            signs: BTreeMap::new(),
            tokens: 0,
            online: BTreeSet::new(),
            parts: BTreeMap::new(),
            grown: BTreeSet::new(),
            fault,
            tally: Tally::default(),
        }
    }

    /// Forgets everything but what was counted, and says which connections there were.
    pub(crate) fn forget(&mut self) -> Vec<Connection> {
        let fresh = Self::new(self.fault);
        let before = std::mem::replace(self, fresh);
        self.tally = before.tally;
        before.links.into_keys().collect()
    }

    // ---- connections

    /// A new session has this connection.
    pub(crate) fn admit(
        &mut self,
        net: &mut Network,
        connection: Connection,
        (user, session): (User, SessionKey),
        boot: u32,
    ) {
        let token = Token { boot, number: self.tokens };
        self.tokens += 1;
        self.sessions.insert(token.number, (user, session));
        self.signs.insert(token.number, net.now);
        self.link(net, connection, token, (user, session), false);
    }

    /// A session that was there before has this connection.
    pub(crate) fn admit_again(
        &mut self,
        net: &mut Network,
        connection: Connection,
        (token, session): (Token, SessionKey),
    ) -> Answer {
        let user = self.rename_session(token.number, session)?;
        self.link(net, connection, token, (user, session), true);
        Ok(())
    }

    fn link(
        &mut self,
        net: &mut Network,
        connection: Connection,
        token: Token,
        (user, session): (User, SessionKey),
        resumed: bool,
    ) {
        self.by_slot.insert(session, connection);
        let (number, watched) = (token.number, BTreeSet::new());
        let link = Link { session, user, number, congested: false, gap: false, watched };
        self.links.insert(connection, link);
        net.send_down(connection, ToClient::Welcome { token, resumed });
    }

    /// A connection is another attachment of its session from now on.
    pub(crate) fn rename(&mut self, connection: Connection, session: SessionKey) -> Answer {
        let Some(link) = self.links.get_mut(&connection) else {
            return Err(format!("{session:?} is to have connection {connection}, which is closed"));
        };
        link.session = session;
        let number = link.number;
        self.by_slot.insert(session, connection);
        self.rename_session(number, session).map(|_| ())
    }

    fn rename_session(&mut self, number: u32, session: SessionKey) -> Result<User, String> {
        match self.sessions.get_mut(&number) {
            Some((user, key)) => {
                *key = session;
                Ok(*user)
            }
            None => Err(format!("{session:?} is no session that the host knows")),
        }
    }

    pub(crate) fn unlink(&mut self, connection: Connection) -> Option<(SessionKey, User)> {
        let Link { session, user, .. } = self.links.remove(&connection)?;
        self.by_slot.remove(session);
        Some((session, user))
    }

    /// Closes a connection, which will say later that it has ended.
    fn close(&mut self, net: &mut Network, connection: Connection) {
        let Some(link) = self.links.remove(&connection) else { return };
        self.by_slot.remove(link.session);
        self.ending.insert(connection, (link.number, link.session));
        net.cut(connection, Some(LostCause::ConnectionError), true);
    }

    /// A connection that was closed has ended at last. Says which attachment it was.
    pub(crate) fn late_end_of(&mut self, connection: Connection) -> Option<SessionKey> {
        let (number, session) = self.ending.remove(&connection)?;
        if self.fault == Fault::EndByNewestKey {
            return self.sessions.get(&number).map(|(_, newest)| *newest);
        }
        Some(session)
    }

    pub(crate) fn attachment(&self, connection: Connection) -> Option<(SessionKey, User)> {
        self.links.get(&connection).map(|link| (link.session, link.user))
    }

    pub(crate) fn link_mut(&mut self, connection: Connection) -> Option<&mut Link> {
        self.links.get_mut(&connection)
    }

    /// The next connection whose queue may have grown.
    pub(crate) fn next_that_has_grown(&mut self) -> Option<(Connection, &mut Link)> {
        loop {
            let connection = self.grown.pop_first()?;
            if self.links.contains_key(&connection) {
                return Some(connection).zip(self.links.get_mut(&connection));
            }
        }
    }

    /// How many connections would hear of what this user does on this one.
    pub(crate) fn audience_now(&self, accounts: &Accounts, user: User, except: Connection) -> u64 {
        let hears = |(connection, link): (&Connection, &Link)| {
            let watches = link.watched.contains(&user) && accounts.shows_watcher(link.user, user);
            *connection != except && (watches || accounts.shows(link.user, user))
        };
        self.links.iter().filter(|link| hears(*link)).count() as u64
    }

    /// The connections of this user.
    pub(crate) fn connections_of(&self, user: User) -> Vec<Connection> {
        let of_user = self.links.iter().filter(|(_, link)| link.user == user);
        of_user.map(|(connection, _)| *connection).collect()
    }

    // ---- sessions

    /// A person has done something on a connection.
    pub(crate) fn note_sign(&mut self, now: u64, connection: Connection) {
        if let Some(link) = self.links.get(&connection) {
            self.signs.insert(link.number, now);
        }
    }

    /// When a person did something last on any of a user's sessions.
    pub(crate) fn last_sign(&self, user: User) -> Option<u64> {
        let of_user = self.sessions.iter().filter(|(_, (of, _))| *of == user);
        of_user.filter_map(|(number, _)| self.signs.get(number).copied()).max()
    }

    /// The newest key of the session with this token, if it is this user's.
    pub(crate) fn session_of(&self, token: Token, user: User) -> Option<SessionKey> {
        let (owner, key) = self.sessions.get(&token.number)?;
        (*owner == user || self.fault == Fault::TrustOldTokens).then_some(*key)
    }

    /// Checks that these are the sessions and the users that the host knows of.
    pub(crate) fn check_books(
        &self,
        sessions: BTreeMap<SessionKey, User>,
        online: BTreeSet<User>,
    ) -> Answer {
        let known: BTreeMap<_, _> =
            self.sessions.values().map(|(user, key)| (*key, *user)).collect();
        if known != sessions {
            return Err(format!(
                "the host knows the sessions {known:?}, but there are {sessions:?}"
            ));
        }
        if self.online != online {
            return Err(format!("{:?} are online to the host, but {online:?} are", self.online));
        }
        Ok(())
    }

    fn comes_online(&mut self, user: User) -> Answer {
        match self.online.insert(user) {
            true => Ok(()),
            false => Err(format!("{user} comes online twice")),
        }
    }

    fn has_ended(&mut self, session: SessionKey, user: User, last: bool) -> Answer {
        let ended = self.sessions.iter().find(|(_, known)| **known == (user, session));
        let Some(number) = ended.map(|(number, _)| *number) else {
            return Err(format!("{session:?} of {user} ends, of which the host does not know"));
        };
        if self.fault != Fault::IgnoreEnds {
            self.sessions.remove(&number);
            self.signs.remove(&number);
        }
        if last && !self.online.remove(&user) {
            return Err(format!("{user} goes offline twice"));
        }
        Ok(())
    }

    // ---- decisions

    pub(crate) fn carry_out(
        &mut self,
        net: &mut Network,
        mut decisions: Decisions<'_, User, Word>,
    ) -> Answer {
        while let Some(decision) = decisions.next() {
            match decision {
                Decision::Deliver { notice, to } => {
                    let Some(told) = on_the_wire(&notice) else { continue };
                    let skips = self.fault == Fault::SkipLastReceiver && to.len() > 1;
                    for slot in &to[..to.len() - usize::from(skips)] {
                        self.send(net, *slot, ToClient::Notice(told))?;
                        self.tally.notices += 1;
                    }
                }
                Decision::Snapshot(snapshot) => {
                    let parts = self.parts.entry(snapshot.to()).or_default();
                    parts.extend(snapshot.entries().map(|entry| Entry {
                        user: *entry.user,
                        session: (!entry.is_user).then_some(entry.session),
                        word: *entry.presence,
                        idle_since: entry.idle_since,
                    }));
                    if snapshot.is_last() {
                        let mut entries = std::mem::take(parts);
                        if self.fault == Fault::CutSnapshots {
                            entries.pop();
                        }
                        self.tally.snapshots += 1;
                        let is_whole = snapshot.scope() == Scope::Everything;
                        let named = (!is_whole).then(|| snapshot.named().copied().collect());
                        self.send(net, snapshot.to(), ToClient::Snapshot { named, entries })?;
                    }
                }
                Decision::Close { session, .. } => {
                    let mut links = self.links.iter();
                    let found = links.find(|(_, link)| link.session == session);
                    let connection = found.map(|(connection, _)| *connection);
                    if let Some(connection) =
                        connection.filter(|_| self.fault != Fault::IgnoreCloses)
                    {
                        self.close(net, connection);
                    }
                }
                Decision::Online { user, .. } => self.comes_online(*user)?,
                Decision::Ended { user, session, last, .. } => {
                    self.has_ended(session, *user, last)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn send(&mut self, net: &mut Network, to: Slot, frame: ToClient) -> Answer {
        let Some(connection) = self.by_slot.at(to).map(|(_, connection)| *connection) else {
            return Err(format!("{frame:?} is for {to:?}, where nobody is attached"));
        };
        let Some(link) = self.links.get_mut(&connection) else {
            return Err(format!("{frame:?} is for {to:?}, which has no connection"));
        };
        self.grown.insert(connection);
        if link.gap || net.waiting(connection) >= BOUND {
            self.tally.overflows += u64::from(!link.gap);
            link.gap = true;
        } else {
            net.send_down(connection, frame);
        }
        Ok(())
    }
}

fn on_the_wire(notice: &Notice<'_, User, Word>) -> Option<Told> {
    Some(match *notice {
        Notice::Presence { user, session, presence, .. } => {
            Told::Presence { user: *user, session, word: *presence }
        }
        Notice::User { user, presence, idle_since, .. } => {
            Told::User { user: *user, word: *presence, idle_since }
        }
        Notice::DirectedOver { user, session, .. } => Told::DirectedOver { user: *user, session },
        Notice::Directed { user, session, presence, .. } => {
            Told::Directed { user: *user, session, word: *presence }
        }
        Notice::SessionEnded { user, session, .. } => Told::Ended { user: *user, session },
        Notice::UserOffline { user, .. } => Told::Offline { user: *user },
        _ => return None,
    })
}
