//! The host around the real engine: what it makes of what clients, the network and accounts say.

use super::accounts::Accounts;
use super::desk::Desk;
use super::network::Network;
use super::scenario::{Fault, Scenario, loudest};
use super::wire::{Connection, ToClient, ToServer, Token, User, Word};
use adsum::{
    Connect, Decisions, DefaultHashBuilder, DeviceKind, Engine, Error, LostCause, SessionId,
    SessionKey, Time,
};
use std::collections::BTreeSet;

/// Frames that wait for a slow client: from here on it is congested.
const CONGESTED: usize = 6;
/// So few that it can take notices again.
const WRITABLE: usize = 1;

pub(crate) type Answer = Result<(), String>;
type Drain<'e> = Decisions<'e, User, Word>;

pub(crate) struct Server<'s> {
    pub(crate) engine: Engine<User, Word>,
    scenario: &'s Scenario,
    pub(crate) desk: Desk,
    boot: u32,
    pub(crate) is_up: bool,
}

fn engine(scenario: &Scenario) -> Engine<User, Word> {
    match scenario.tells_users {
        false => Engine::new(scenario.config()),
        true => {
            let hasher = DefaultHashBuilder::default();
            Engine::with_representative(scenario.config(), hasher, loudest)
        }
    }
}

impl<'s> Server<'s> {
    pub(crate) fn new(scenario: &'s Scenario, fault: Fault) -> Self {
        let (engine, desk) = (engine(scenario), Desk::new(fault));
        Self { engine, scenario, desk, boot: 0, is_up: true }
    }

    /// Everything is forgotten. The connections that there were break.
    pub(crate) fn stop(&mut self, net: &mut Network, silent: impl FnMut(&Connection) -> bool) {
        self.desk.tally.inputs += self.engine.stats().inputs;
        self.engine = engine(self.scenario);
        self.boot += 1;
        self.is_up = false;
        let (silent, told): (Vec<_>, Vec<_>) = self.desk.forget().into_iter().partition(silent);
        silent.into_iter().for_each(|connection| net.cut(connection, None, false));
        told.into_iter().for_each(|connection| net.cut(connection, None, true));
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
        while let Some((connection, link)) = self.desk.next_that_has_grown() {
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
        while self.deadline().is_some_and(|at| at <= net.now) {
            self.allowed(net, |engine, now| Ok(engine.advance(now)))?;
        }
        Ok(())
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
        let Some((session, user)) = self.desk.attachment(connection) else { return Ok(()) };
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
                _ = self.input(net, |engine, now| engine.direct(now, session, &[to], word))?;
                self.desk.tally.naive += self.desk.tally.notices - before;
            }
            ToServer::Watch { users } => self.watch(net, accounts, connection, &users)?,
            ToServer::Active => {
                self.desk.note_sign(net.now, connection);
                if self.desk.fault != Fault::IgnorePersons {
                    self.allowed(net, |engine, now| engine.active(now, session))?;
                }
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
            ToServer::Away => {
                net.cut(connection, None, false);
                self.learn_of_loss(net, accounts, connection, LostCause::GoingAway)?;
            }
        }
        Ok(())
    }

    /// A client wants to be told of these users, as far as it may, and of no others that it has
    /// watched so far.
    fn watch(
        &mut self,
        net: &mut Network,
        accounts: &Accounts,
        connection: Connection,
        users: &BTreeSet<User>,
    ) -> Answer {
        let fault = self.desk.fault;
        let Some(link) = self.desk.link_mut(connection) else { return Ok(()) };
        let (session, viewer) = (link.session, link.user);
        let may =
            |user: &&User| accounts.may_watch(viewer, **user) || fault == Fault::PermitRemoved;
        link.watched = users.iter().filter(may).copied().collect();
        let watched: BTreeSet<User> = self.engine.watched(session).copied().collect();
        let gone: Vec<User> = watched.difference(&link.watched).copied().collect();
        let new: Vec<User> = link.watched.difference(&watched).copied().collect();
        if !gone.is_empty() {
            self.allowed(net, |engine, now| engine.unwatch(now, session, &gone))?;
        }
        for user in gone {
            if !self.engine.session_sees(session, &user) && fault != Fault::KeepUnwatched {
                net.send_down(connection, ToClient::Unwatched { user });
            }
        }
        if !new.is_empty() && fault != Fault::IgnoreWatches {
            self.edit(net, |engine, now| engine.watch(now, session, new))?;
        }
        Ok(())
    }

    /// Nobody watches on who has been removed meanwhile.
    fn watch_as_permitted(
        &mut self,
        net: &mut Network,
        accounts: &Accounts,
        connection: Connection,
    ) -> Answer {
        let Some((session, _)) = self.desk.attachment(connection) else { return Ok(()) };
        let watched = self.engine.watched(session).copied().collect();
        self.watch(net, accounts, connection, &watched)
    }

    fn greet(
        &mut self,
        net: &mut Network,
        accounts: &Accounts,
        (connection, user, kind): (Connection, User, DeviceKind),
        token: Option<Token>,
    ) -> Answer {
        let trusts = self.desk.fault == Fault::TrustOldTokens;
        if let Some(token) = token.filter(|token| token.boot == self.boot || trusts) {
            let held = self.desk.session_of(token, user);
            let was_detached = held.is_some_and(|key| !self.engine.is_attached(key));
            if let Some(key) = self.resume(net, connection, token, held)? {
                self.desk.tally.hidden += 1;
                if was_detached && self.engine.presence(key).is_some() {
                    self.desk.tally.naive += self.desk.audience_now(accounts, user, connection);
                }
                self.watch_as_permitted(net, accounts, connection)?;
                return self.set_visibility(net, accounts, user, key);
            }
            self.desk.tally.seen += 1;
        }
        let contacts = Accounts::others(&accounts.contacts, user);
        let blocked = Accounts::others(&accounts.blocked, user);
        let connect = Connect::new(user).kind(kind).audience(contacts).blocked(blocked);
        let key = match self.engine.connect(Time::from_millis(net.now), connect) {
            Ok((key, decisions)) => {
                self.desk.admit(net, connection, (user, key), self.boot);
                self.desk.carry_out(net, decisions)?;
                key
            }
            Err(Error::SessionLimit { .. }) => {
                net.cut(connection, None, true);
                return Ok(());
            }
            Err(error) => return Err(format!("a connect is refused: {error}")),
        };
        self.tell_of_congestion(net)?;
        self.set_visibility(net, accounts, user, key)
    }

    /// Gives a client its session back, if it is still there, and says by which key. A connection
    /// that the session has still is closed by the engine's word.
    fn resume(
        &mut self,
        net: &mut Network,
        connection: Connection,
        token: Token,
        held: Option<SessionKey>,
    ) -> Result<Option<SessionKey>, String> {
        let Some(key) = held else { return Ok(None) };
        let Ok((key, decisions)) = self.engine.resume(Time::from_millis(net.now), key) else {
            return Ok(None);
        };
        self.desk.admit_again(net, connection, (token, key))?;
        self.desk.carry_out(net, decisions)?;
        self.tell_of_congestion(net)?;
        Ok(Some(key))
    }

    /// What receivers call the session that the client with this token has.
    pub(crate) fn session_id(&self, token: Token, user: User) -> Option<SessionId> {
        self.engine.id_of(self.desk.session_of(token, user)?)
    }

    /// Checks that the host's books, kept from what it was told, agree with the engine.
    pub(crate) fn check_books(&self) -> Answer {
        let sessions = self.engine.all_sessions().map(|session| (session.key, *session.user));
        let users = self.engine.users_online().copied();
        self.desk.check_books(sessions.collect(), users.collect())
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
        let Some((session, user)) = self.desk.unlink(connection) else {
            return self.learn_late(net, connection, cause);
        };
        self.desk.tally.lost += 1;
        if self.engine.presence(session).is_some() {
            self.desk.tally.naive += self.desk.audience_now(accounts, user, connection);
        }
        self.allowed(net, |engine, now| engine.lost(now, session, cause))
    }

    /// A connection that was closed long ago has ended. The host hands in the key that it had, as
    /// a host does whose reader knows no more than that; nothing comes of it.
    fn learn_late(
        &mut self,
        net: &mut Network,
        connection: Connection,
        cause: LostCause,
    ) -> Answer {
        let Some(session) = self.desk.late_end_of(connection) else { return Ok(()) };
        let before = self.desk.tally.notices;
        match self.input(net, |engine, now| engine.lost(now, session, cause))? {
            Err(Error::UnknownSession) => self.desk.tally.late += 1,
            // Its lease had lapsed, so it was detached already.
            Ok(()) if before == self.desk.tally.notices => {}
            other => return Err(format!("the late end of {session:?} tells: {other:?}")),
        }
        Ok(())
    }

    /// A frame has been read: there may be room again.
    pub(crate) fn has_room(&mut self, net: &mut Network, connection: Connection) -> Answer {
        let forgets = self.desk.fault == Fault::ForgetWritable;
        let Some(link) = self.desk.link_mut(connection) else { return Ok(()) };
        if !link.congested || net.waiting(connection) > WRITABLE || forgets {
            return Ok(());
        }
        link.congested = false;
        let (session, gap) = (link.session, std::mem::take(&mut link.gap));
        if !gap || self.desk.fault == Fault::ForgetGaps {
            return self.allowed(net, |engine, now| engine.writable(now, session));
        }
        // The same connection is another attachment now: what was dropped is in its snapshot.
        let resumed = self.engine.resume(Time::from_millis(net.now), session);
        let (key, decisions) = resumed.map_err(|error| format!("the engine refuses: {error}"))?;
        self.desk.rename(connection, key)?;
        self.desk.carry_out(net, decisions)?;
        self.tell_of_congestion(net)
    }

    pub(crate) fn contacts_changed(
        &mut self,
        net: &mut Network,
        accounts: &Accounts,
        (a, b): (User, User),
        are_contacts: bool,
    ) -> Answer {
        for (user, other) in [(a, b), (b, a)] {
            self.edit(net, |engine, now| match are_contacts {
                true => engine.audience_add(now, &user, [other]),
                false => engine.audience_remove(now, &user, &[other]),
            })?;
        }
        // Of a user who is offline the engine knows nobody who is removed.
        for connection in [a, b].map(|user| self.desk.connections_of(user)).concat() {
            self.watch_as_permitted(net, accounts, connection)?;
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
