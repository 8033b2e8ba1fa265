//! The host around the real engine: connections, bounded queues, and what a restart leaves.

use super::accounts::Accounts;
use super::network::Network;
use super::scenario::Fault;
use super::tally::Tally;
use super::wire::{Connection, ToClient, ToServer, Token, Told, User, Word};
use adsum::{
    Config, Decision, Decisions, DefaultHashBuilder, DeviceKind, Engine, Error, LostCause, Notice,
    SessionKey, Slot, SlotMap, Time,
};
use std::collections::{BTreeMap, BTreeSet};

/// Frames that wait for a slow client: from here on it is congested.
const CONGESTED: usize = 6;
/// So few that it can take notices again.
const WRITABLE: usize = 1;
/// The most notices that wait. What one drain brings beyond them is dropped, and made good for.
const BOUND: usize = 10;

pub(crate) type Answer = Result<(), String>;
type Drain<'e> = Decisions<'e, User, Word, DefaultHashBuilder>;

struct Link {
    session: SessionKey,
    user: User,
    congested: bool,
    /// Something was dropped.
    gap: bool,
}

/// All of the host but the engine, which is borrowed while decisions are carried out.
pub(crate) struct Desk {
    links: BTreeMap<Connection, Link>,
    by_slot: SlotMap<Connection>,
    /// Parts of snapshots that are not complete.
    parts: BTreeMap<Slot, Vec<(User, SessionKey, Word)>>,
    /// Whose queues may have grown.
    grown: BTreeSet<Connection>,
    fault: Fault,
    pub(crate) tally: Tally,
}

pub(crate) struct Server {
    pub(crate) engine: Engine<User, Word>,
    config: Config,
    pub(crate) desk: Desk,
    boot: u32,
    pub(crate) is_up: bool,
}

impl Server {
    pub(crate) fn new(config: Config, fault: Fault) -> Self {
        let desk = Desk {
            links: BTreeMap::new(),
            by_slot: SlotMap::new(),
            parts: BTreeMap::new(),
            grown: BTreeSet::new(),
            fault,
            tally: Tally::default(),
        };
        Self { engine: Engine::new(config.clone()), config, desk, boot: 0, is_up: true }
    }

    /// Everything is forgotten. The connections that there were break.
    pub(crate) fn stop(&mut self, net: &mut Network, silent: impl FnMut(&Connection) -> bool) {
        self.desk.tally.inputs += self.engine.stats().inputs;
        self.engine = Engine::new(self.config.clone());
        self.boot += 1;
        self.is_up = false;
        let (silent, told): (Vec<_>, Vec<_>) = self.desk.links.keys().copied().partition(silent);
        silent.into_iter().for_each(|connection| net.cut(connection, None, false));
        told.into_iter().for_each(|connection| net.cut(connection, None, true));
        self.desk.links.clear();
        self.desk.by_slot = SlotMap::new();
        self.desk.parts.clear();
        self.desk.grown.clear();
    }

    /// Gives the engine an input and carries out what it decides.
    fn input(
        &mut self,
        net: &mut Network,
        verb: impl for<'e> FnOnce(&'e mut Engine<User, Word>, Time) -> Result<Drain<'e>, Error>,
    ) -> Result<Result<(), Error>, String> {
        match verb(&mut self.engine, Time::from_millis(net.now)) {
            Ok(decisions) => self.desk.carry_out(net, decisions)?,
            Err(error) => return Ok(Err(error)),
        }
        self.tell_of_congestion(net)?;
        Ok(Ok(()))
    }

    /// An edit of an account, of which any host tells as much.
    fn edit(
        &mut self,
        net: &mut Network,
        verb: impl for<'e> FnOnce(&'e mut Engine<User, Word>, Time) -> Result<Drain<'e>, Error>,
    ) -> Answer {
        let before = self.desk.tally.notices;
        let answer = self.allowed(net, verb);
        self.desk.tally.naive += self.desk.tally.notices - before;
        answer
    }

    /// An input that the host knows to be allowed.
    fn allowed(
        &mut self,
        net: &mut Network,
        verb: impl for<'e> FnOnce(&'e mut Engine<User, Word>, Time) -> Result<Drain<'e>, Error>,
    ) -> Answer {
        self.input(net, verb)?.map_err(|error| format!("the engine refuses: {error}"))
    }

    fn tell_of_congestion(&mut self, net: &mut Network) -> Answer {
        while let Some(connection) = self.desk.grown.pop_first() {
            let Some(link) = self.desk.links.get_mut(&connection) else { continue };
            if !link.congested && (link.gap || net.waiting(connection) >= CONGESTED) {
                link.congested = true;
                let session = link.session;
                self.desk.tally.congested += 1;
                self.allowed(net, |engine, now| engine.congested(now, session))?;
            }
        }
        Ok(())
    }

    // ---- time

    pub(crate) fn deadline(&self) -> Option<u64> {
        self.engine.deadline().filter(|_| self.is_up).map(Time::as_millis)
    }

    pub(crate) fn advance(&mut self, net: &mut Network) -> Answer {
        self.allowed(net, |engine, now| Ok(engine.advance(now)))
    }

    // ---- what comes from clients

    pub(crate) fn hear(
        &mut self,
        net: &mut Network,
        accounts: &Accounts,
        from: (Connection, User, DeviceKind),
        message: ToServer,
    ) -> Answer {
        let (connection, ..) = from;
        if !self.is_up {
            net.cut(connection, None, true);
            return Ok(());
        }
        if let ToServer::Hello { token } = message {
            return self.greet(net, accounts, from, token);
        }
        let Some(link) = self.desk.links.get(&connection) else { return Ok(()) };
        let (session, user) = (link.session, link.user);
        match message {
            ToServer::Hello { .. } => {}
            ToServer::Say { word } => {
                self.desk.tally.naive += self.desk.audience_now(accounts, user, connection);
                self.allowed(net, |engine, now| engine.publish(now, session, word))?;
                net.send_down(connection, ToClient::Heard { number: word.number });
            }
            ToServer::Direct { to, word } => {
                // Refused if they are no contacts, or if it is too much. That is the client's loss.
                let before = self.desk.tally.notices;
                _ = self.input(net, |engine, now| engine.direct(now, session, [to], word))?;
                self.desk.tally.naive += self.desk.tally.notices - before;
            }
            ToServer::Heartbeat => {
                self.allowed(net, |engine, now| engine.heartbeat(now, session))?;
                net.send_down(connection, ToClient::Pong);
            }
            ToServer::Goodbye => {
                if self.engine.presence(session).is_some() {
                    self.desk.tally.naive += self.desk.audience_now(accounts, user, connection);
                }
                self.desk.unlink(connection);
                net.cut(connection, None, false);
                self.allowed(net, |engine, now| engine.disconnect(now, session))?;
            }
        }
        Ok(())
    }

    fn greet(
        &mut self,
        net: &mut Network,
        accounts: &Accounts,
        (connection, user, kind): (Connection, User, DeviceKind),
        token: Option<Token>,
    ) -> Answer {
        let trusts = self.desk.fault == Fault::TrustOldKeys;
        let key = token.filter(|token| token.boot == self.boot || trusts).map(|token| token.key);
        if let Some(key) = key {
            let was_detached = !self.engine.is_attached(key);
            if self.resume(net, connection, user, key)? {
                self.desk.tally.hidden += 1;
                if was_detached && self.engine.presence(key).is_some() {
                    self.desk.tally.naive += self.desk.audience_now(accounts, user, connection);
                }
                return self.set_visibility(net, accounts, user, key);
            }
            self.desk.tally.seen += 1;
        }
        let contacts = Accounts::others(&accounts.contacts, user);
        let blocked = Accounts::others(&accounts.blocked, user);
        let now = Time::from_millis(net.now);
        let key = match self.engine.connect(now, user, kind, contacts, blocked) {
            Ok((key, decisions)) => {
                self.desk.link(net, connection, user, Token { boot: self.boot, key }, false);
                self.desk.carry_out(net, decisions)?;
                key
            }
            Err(Error::SessionLimit) => {
                net.cut(connection, None, true);
                return Ok(());
            }
            Err(error) => return Err(format!("a connect is refused: {error}")),
        };
        self.tell_of_congestion(net)?;
        self.set_visibility(net, accounts, user, key)
    }

    /// Gives a client its session back, if it is still there. A connection that the session has
    /// still is closed.
    fn resume(
        &mut self,
        net: &mut Network,
        connection: Connection,
        user: User,
        key: SessionKey,
    ) -> Result<bool, String> {
        let trusts = self.desk.fault == Fault::TrustOldKeys;
        if self.engine.user_of(key) != Some(&user) && !trusts {
            return Ok(false);
        }
        let before = self.desk.by_slot.get(key.slot()).copied();
        let Ok(decisions) = self.engine.resume(Time::from_millis(net.now), key) else {
            return Ok(false);
        };
        if let Some(before) = before {
            self.desk.unlink(before);
            net.cut(before, None, true);
        }
        self.desk.link(net, connection, user, Token { boot: self.boot, key }, true);
        self.desk.carry_out(net, decisions)?;
        self.tell_of_congestion(net)?;
        Ok(true)
    }

    /// An account's visibility outlives the engine's memory of it, so the host says it anew.
    fn set_visibility(
        &mut self,
        net: &mut Network,
        accounts: &Accounts,
        user: User,
        key: SessionKey,
    ) -> Answer {
        match (accounts.invisible.contains(&user), self.engine.is_invisible(&user)) {
            (true, false) => self.edit(net, |engine, now| engine.invisible(now, key)),
            (false, true) => self.edit(net, |engine, now| engine.visible(now, key)),
            _ => Ok(()),
        }
    }

    // ---- what the network and the accounts report

    pub(crate) fn learn_of_loss(
        &mut self,
        net: &mut Network,
        accounts: &Accounts,
        connection: Connection,
        cause: LostCause,
    ) -> Answer {
        let Some((session, user)) = self.desk.unlink(connection) else { return Ok(()) };
        self.desk.tally.lost += 1;
        if self.engine.presence(session).is_some() {
            self.desk.tally.naive += self.desk.audience_now(accounts, user, connection);
        }
        self.allowed(net, |engine, now| engine.lost(now, session, cause))
    }

    /// A frame has been read: there may be room again.
    pub(crate) fn has_room(&mut self, net: &mut Network, connection: Connection) -> Answer {
        let Some(link) = self.desk.links.get_mut(&connection) else { return Ok(()) };
        let forgets = self.desk.fault == Fault::ForgetWritable;
        if !link.congested || net.waiting(connection) > WRITABLE || forgets {
            return Ok(());
        }
        link.congested = false;
        let (session, gap) = (link.session, std::mem::take(&mut link.gap));
        if gap && self.desk.fault != Fault::ForgetGaps {
            self.allowed(net, |engine, now| engine.resume(now, session))
        } else {
            self.allowed(net, |engine, now| engine.writable(now, session))
        }
    }

    pub(crate) fn contacts_changed(
        &mut self,
        net: &mut Network,
        (a, b): (User, User),
        are_contacts: bool,
    ) -> Answer {
        for (user, other) in [(a, b), (b, a)] {
            self.edit(net, |engine, now| match are_contacts {
                true => engine.audience_add(now, &user, [other]),
                false => engine.audience_remove(now, &user, [other]),
            })?;
        }
        Ok(())
    }

    pub(crate) fn block_changed(
        &mut self,
        net: &mut Network,
        (by, other): (User, User),
        is_blocked: bool,
    ) -> Answer {
        self.edit(net, |engine, now| match is_blocked {
            true => engine.block(now, &by, other),
            false => engine.unblock(now, &by, &other),
        })
    }

    /// While all of a user's sessions are detached, it is told when one is resumed.
    pub(crate) fn visibility_changed(
        &mut self,
        net: &mut Network,
        accounts: &Accounts,
        user: User,
    ) -> Answer {
        let attached = self.engine.sessions(&user).find(|key| self.engine.is_attached(*key));
        attached.map_or(Ok(()), |key| self.set_visibility(net, accounts, user, key))
    }
}

impl Desk {
    fn link(
        &mut self,
        net: &mut Network,
        connection: Connection,
        user: User,
        token: Token,
        resumed: bool,
    ) {
        let session = token.key;
        self.by_slot.insert(session.slot(), connection);
        self.links.insert(connection, Link { session, user, congested: false, gap: false });
        net.send_down(connection, ToClient::Welcome { token, resumed });
    }

    fn unlink(&mut self, connection: Connection) -> Option<(SessionKey, User)> {
        let Link { session, user, .. } = self.links.remove(&connection)?;
        self.by_slot.remove(session.slot());
        Some((session, user))
    }

    /// How many connections would hear of what this user does on this one.
    fn audience_now(&self, accounts: &Accounts, user: User, except: Connection) -> u64 {
        let hears = |(connection, link): (&Connection, &Link)| {
            *connection != except && accounts.shows(link.user, user)
        };
        self.links.iter().filter(|link| hears(*link)).count() as u64
    }

    fn carry_out(&mut self, net: &mut Network, mut decisions: Drain<'_>) -> Answer {
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
                    parts.extend(snapshot.entries().map(|e| (*e.user, e.session, *e.presence)));
                    if snapshot.is_last() {
                        let mut entries = std::mem::take(parts);
                        if self.fault == Fault::CutSnapshots {
                            entries.pop();
                        }
                        self.tally.snapshots += 1;
                        self.send(net, snapshot.to(), ToClient::Snapshot { entries })?;
                    }
                }
                Decision::Close { session, .. } => {
                    let Some(connection) = self.by_slot.get(session.slot()).copied() else {
                        continue;
                    };
                    let is_its = self.links.get(&connection).is_some_and(|l| l.session == session);
                    if is_its && self.fault != Fault::IgnoreCloses {
                        self.unlink(connection);
                        net.cut(connection, None, true);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn send(&mut self, net: &mut Network, to: Slot, frame: ToClient) -> Answer {
        let Some(connection) = self.by_slot.get(to).copied() else {
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
        Notice::Directed { user, session, presence, .. } => {
            Told::Directed { user: *user, session, word: *presence }
        }
        Notice::SessionEnded { user, session, .. } => Told::Ended { user: *user, session },
        Notice::UserOffline { user, .. } => Told::Offline { user: *user },
        _ => return None,
    })
}
