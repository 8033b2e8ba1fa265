//! The world: clients with wishes of their own, a network between, and one server.

use super::accounts::Accounts;
use super::client::Client;
use super::network::{Happening, Network};
use super::random::Random;
use super::scenario::{Fault, Scenario, Whim};
use super::server::{Answer, Server};
use super::tally::Tally;
use super::watch::Watch;
use super::wire::{Connection, Device, ToClient, ToServer, Told, User, Word};
use adsum::{Counts, DeviceKind, LostCause, SessionId, Time};
use std::collections::{BTreeMap, BTreeSet};

const USERS: User = 9;
/// Three rounds of unrest, each followed by quiet in which everything can settle: the longest
/// lease, restarted once by the host's own word, the longest grace, and all attempts to reconnect.
const ROUNDS: u32 = 3;
const UNREST_MS: u64 = 240_000;
const QUIET_MS: u64 = 420_000;
/// Between two whims of one client.
const WHIM_MS: (u64, u64) = (500, 12_000);
const HEARTBEAT_MS: u64 = 30_000;
/// After so long without a word from the server a client gives its connection up.
const SILENCE_MS: u64 = 70_000;
/// How long a page takes to be there again: most are, within the grace of those who go away.
const RELOAD_MS: (u64, u64) = (300, 6_000);
const READING_MS: (u64, u64) = (0, 5);
const SLOW_MS: (u64, u64) = (300, 4_000);

pub(crate) struct World<'s> {
    scenario: &'s Scenario,
    net: Network,
    server: Server<'s>,
    accounts: Accounts,
    clients: Vec<Client>,
    random: Random,
    watch: Watch,
    fault: Fault,
    events: u64,
    read: u64,
    idle: u64,
    last_telling: u64,
    /// Until when clients have whims.
    unrest_until: u64,
    trace: bool,
}

impl<'s> World<'s> {
    pub(crate) fn new(scenario: &'s Scenario, seed: u64, fault: Fault, trace: bool) -> Self {
        let mut random = Random::new(seed, u64::MAX);
        let accounts = Accounts::new(&mut random, USERS);
        let mut clients = Vec::new();
        for user in 0..USERS {
            for _ in 0..random.within((1, 3)) {
                clients.push(Client::new(clients.len(), user, seed));
            }
        }
        Self {
            scenario,
            net: Network::new(seed, scenario.latency_ms),
            server: Server::new(scenario, fault),
            accounts,
            clients,
            random,
            watch: Watch::default(),
            fault,
            events: 0,
            read: 0,
            idle: 0,
            last_telling: 0,
            unrest_until: 0,
            trace,
        }
    }

    /// Lives through all rounds. What somebody believes wrongly in a moment of quiet is a fault.
    pub(crate) fn run(mut self) -> Result<Tally, String> {
        for _ in 0..ROUNDS {
            self.live_a_round()?;
        }
        for device in 0..self.clients.len() {
            self.sign_off(device);
        }
        self.live_until(self.net.now + QUIET_MS)?;
        self.check_empty().map_err(|fault| self.at(&fault))?;
        Ok(self.tally())
    }

    /// Lives through one round, and says which of all notices read was the last that told its
    /// reader something: nothing that came after it can make good for it.
    pub(crate) fn last_of_a_round(mut self) -> Result<u64, String> {
        self.live_a_round()?;
        Ok(self.last_telling)
    }

    fn live_a_round(&mut self) -> Answer {
        self.unrest_until = self.net.now + UNREST_MS;
        for device in 0..self.clients.len() {
            self.put_whim(device);
        }
        self.live_until(self.unrest_until)?;
        for device in 0..self.clients.len() {
            self.set_reading(device, READING_MS);
        }
        self.live_until(self.net.now + QUIET_MS)?;
        self.check_beliefs().map_err(|fault| self.at(&fault))
    }

    fn at(&self, fault: &str) -> String {
        format!("{}: at {} ms {fault}", self.scenario.name, self.net.now)
    }

    fn tally(self) -> Tally {
        Tally {
            runs: 1,
            clients: self.clients.len() as u64,
            events: self.events,
            inputs: self.server.desk.tally.inputs + self.server.engine.stats().inputs,
            idle: self.idle,
            longest_wrong_ms: self.watch.longest_ms,
            ..self.server.desk.tally
        }
    }

    // ---- time

    fn live_until(&mut self, end: u64) -> Answer {
        loop {
            let next = self.net.next_at().filter(|at| *at <= end);
            // Of an input and a deadline at the same moment, the input comes first.
            match self.server.deadline().filter(|at| next.is_none_or(|next| *at < next)) {
                Some(deadline) if deadline <= end => {
                    self.net.now = self.net.now.max(deadline);
                    self.server.advance(&mut self.net)
                }
                _ if next.is_some() => match self.net.take_next() {
                    Some(what) => self.take(what),
                    None => Ok(()),
                },
                _ => {
                    self.net.now = end;
                    return Ok(());
                }
            }
            .map_err(|fault| self.at(&fault))?;
        }
    }

    fn take(&mut self, what: Happening) -> Answer {
        self.events += 1;
        if self.trace {
            eprintln!("{:>9} {}", self.net.now, self.describe(&what));
        }
        match what {
            Happening::Up(connection, message) => self.server_hears(connection, message)?,
            Happening::Down(connection, frame) => self.client_reads(connection, frame)?,
            Happening::ServerLearns(connection, cause) => {
                let (net, accounts) = (&mut self.net, &self.accounts);
                self.server.learn_of_loss(net, accounts, connection, cause)?;
            }
            Happening::ClientLearns(connection) => {
                let device = self.net.device(connection);
                if self.clients[device].connection == Some(connection) {
                    self.lose_connection(device);
                }
            }
            Happening::Beat(device, connection) => self.beat(device, connection),
            Happening::Dial(device) => self.dial(device),
            Happening::Whim(device) if self.net.now < self.unrest_until => {
                self.whim(device)?;
                self.put_whim(device);
            }
            Happening::Whim(_) => {}
            Happening::ServerStarts => self.server.is_up = true,
        }
        Ok(())
    }

    fn describe(&self, what: &Happening) -> String {
        let device = match what {
            Happening::Up(connection, _)
            | Happening::Down(connection, _)
            | Happening::ServerLearns(connection, _)
            | Happening::ClientLearns(connection) => self.net.device(*connection),
            Happening::Beat(device, _) | Happening::Dial(device) | Happening::Whim(device) => {
                *device
            }
            Happening::ServerStarts => return format!("{what:?}"),
        };
        format!("{}: {what:?}", name(&self.clients[device]))
    }

    fn put_whim(&mut self, device: Device) {
        let delay_ms = self.clients[device].random.within(WHIM_MS);
        self.net.after(delay_ms, Happening::Whim(device));
    }

    // ---- connections

    fn server_hears(&mut self, connection: Connection, message: ToServer) -> Answer {
        let client = &self.clients[self.net.device(connection)];
        let kind = DeviceKind((client.device % 2) as u8);
        let from = (connection, client.user, kind);
        self.server.hear(&mut self.net, &self.accounts, from, message)
    }

    fn dial(&mut self, device: Device) {
        let client = &mut self.clients[device];
        if !client.is_on || client.connection.is_some() {
            return;
        }
        let connection = self.net.open(device, client.reading_ms);
        client.connection = Some(connection);
        client.alive_at = self.net.now;
        self.net.send_up(connection, ToServer::Hello { token: client.token });
        self.net.after(HEARTBEAT_MS, Happening::Beat(device, connection));
    }

    fn beat(&mut self, device: Device, connection: Connection) {
        let client = &self.clients[device];
        if client.connection != Some(connection) {
            return;
        }
        if self.net.now - client.alive_at > SILENCE_MS {
            self.net.cut(connection, Some(LostCause::ConnectionError), false);
            self.lose_connection(device);
        } else {
            self.net.send_up(connection, ToServer::Heartbeat);
            self.net.after(HEARTBEAT_MS, Happening::Beat(device, connection));
        }
    }

    /// It tries to get another, after longer and longer times.
    fn lose_connection(&mut self, device: Device) {
        let client = &mut self.clients[device];
        client.hang_up();
        client.attempts += 1;
        let delay_ms = client.random.within((100, 1_000 << client.attempts.min(3)));
        self.watch.forget(device);
        self.net.after(delay_ms, Happening::Dial(device));
    }

    fn set_reading(&mut self, device: Device, reading_ms: (u64, u64)) {
        let client = &mut self.clients[device];
        client.reading_ms = client.random.within(reading_ms);
        if let Some(connection) = client.connection {
            self.net.set_reading(connection, client.reading_ms);
        }
    }

    // ---- what clients are told

    fn client_reads(&mut self, connection: Connection, frame: ToClient) -> Answer {
        self.net.has_read(connection);
        let device = self.net.device(connection);
        let client = &mut self.clients[device];
        if client.connection == Some(connection) {
            client.alive_at = self.net.now;
            match frame {
                ToClient::Welcome { token, resumed } => {
                    client.token = Some(token);
                    client.is_welcome = true;
                    client.attempts = 0;
                    if !resumed {
                        client.heard = 0;
                    }
                    // What it said last may not have reached this session.
                    let said = client.said.filter(|word| word.number > client.heard);
                    if let Some(word) = said {
                        self.net.send_up(connection, ToServer::Say { word });
                    }
                    self.say_whom_it_watches(device);
                }
                ToClient::Heard { number } => client.heard = client.heard.max(number),
                ToClient::Pong => {}
                ToClient::Snapshot { named, entries } => {
                    client.take_snapshot(named.as_deref(), &entries);
                    (0..USERS).for_each(|user| self.look(device, user));
                }
                ToClient::Unwatched { user } => {
                    client.forget(user);
                    self.look(device, user);
                }
                ToClient::Notice(told) => {
                    self.read += 1;
                    if self.fault != Fault::LoseNotice(self.read) {
                        let is_state = !matches!(told, Told::Directed { .. });
                        match client.take(told) {
                            true if is_state => self.last_telling = self.read,
                            true => {}
                            false => self.idle += 1,
                        }
                        self.look(device, told.user());
                    }
                }
            }
        }
        self.server.has_room(&mut self.net, connection)
    }

    // ---- whims

    fn whim(&mut self, device: Device) -> Answer {
        let client = &mut self.clients[device];
        if !client.is_on {
            if client.random.chance(40) {
                self.sign_on(device);
            }
            return Ok(());
        }
        let user = client.user;
        match client.random.pick(&self.scenario.whims) {
            Whim::Say => self.say(device),
            Whim::Babble => (0..5).for_each(|_| self.say(device)),
            Whim::Direct => {
                let to = client.random.below(u64::from(USERS)) as User;
                let word = client.next_word();
                if let Some(connection) = client.connection {
                    self.net.send_up(connection, ToServer::Direct { to, word });
                }
            }
            Whim::Watch => {
                let other = client.random.below(u64::from(USERS)) as User;
                if !client.watched.remove(&other) {
                    client.watched.insert(other);
                }
                self.say_whom_it_watches(device);
                self.look(device, other);
            }
            Whim::Touch => {
                if let Some(connection) = client.connection.filter(|_| client.is_welcome) {
                    self.net.send_up(connection, ToServer::Active);
                }
            }
            Whim::SignOff => self.sign_off(device),
            Whim::Die => self.die(device),
            Whim::Restart => {
                self.die(device);
                self.sign_on(device);
            }
            Whim::Break => {
                if let Some(connection) = client.connection {
                    let silent = self.scenario.silent_per_cent;
                    let cause = match client.random.chance(30) {
                        true => LostCause::Timeout,
                        false => LostCause::ConnectionError,
                    };
                    let server_learns = (!client.random.chance(silent)).then_some(cause);
                    let client_learns = !client.random.chance(silent);
                    self.net.cut(connection, server_learns, client_learns);
                }
            }
            Whim::Reload => self.reload(device),
            Whim::Slow => {
                let slow = if client.reading_ms > READING_MS.1 { READING_MS } else { SLOW_MS };
                self.set_reading(device, slow);
            }
            Whim::Edit => self.edit(user)?,
            Whim::RestartServer => {
                let (random, silent) = (&mut self.random, self.scenario.silent_per_cent);
                self.server.stop(&mut self.net, |_| random.chance(silent));
                let delay_ms = self.random.within((500, 8_000));
                self.net.after(delay_ms, Happening::ServerStarts);
            }
        }
        Ok(())
    }

    fn say(&mut self, device: Device) {
        let client = &mut self.clients[device];
        let word = client.next_word();
        client.said = Some(word);
        if let Some(connection) = client.connection.filter(|_| client.is_welcome) {
            self.net.send_up(connection, ToServer::Say { word });
        }
        self.look_at_user(self.clients[device].user);
    }

    /// Sends it all in one message, so that it can be sent again by whoever does not know whether
    /// it has arrived.
    fn say_whom_it_watches(&mut self, device: Device) {
        let client = &self.clients[device];
        let is_needed = self.scenario.whims.iter().any(|(_, whim)| *whim == Whim::Watch);
        if let Some(connection) = client.connection.filter(|_| client.is_welcome && is_needed) {
            self.net.send_up(connection, ToServer::Watch { users: client.watched.clone() });
        }
    }

    fn sign_on(&mut self, device: Device) {
        self.clients[device].switch_on();
        self.dial(device);
        // Some say something at once, others only when they feel like it.
        if self.clients[device].random.chance(80) {
            self.say(device);
        }
    }

    fn sign_off(&mut self, device: Device) {
        let client = &mut self.clients[device];
        if let Some(connection) = client.connection {
            self.net.send_up(connection, ToServer::Goodbye);
        }
        self.has_gone(device);
    }

    fn reload(&mut self, device: Device) {
        let client = &mut self.clients[device];
        let Some(connection) = client.connection else { return };
        self.net.send_up(connection, ToServer::Away);
        client.reload();
        let delay_ms = client.random.within(RELOAD_MS);
        self.watch.forget(device);
        self.net.after(delay_ms, Happening::Dial(device));
    }

    fn die(&mut self, device: Device) {
        let client = &mut self.clients[device];
        if let Some(connection) = client.connection {
            let silent = client.random.chance(self.scenario.silent_per_cent);
            let server_learns = (!silent).then_some(LostCause::ConnectionError);
            self.net.cut(connection, server_learns, false);
        }
        self.has_gone(device);
    }

    fn has_gone(&mut self, device: Device) {
        self.clients[device].switch_off();
        self.watch.forget(device);
        self.look_at_user(self.clients[device].user);
    }

    /// What a user does to their account reaches the server at once and for certain.
    fn edit(&mut self, user: User) -> Answer {
        if !self.server.is_up {
            return Ok(());
        }
        let (net, accounts) = (&mut self.net, &mut self.accounts);
        let other = self.random.below(u64::from(USERS - 1)) as User;
        let other = other + u16::from(other >= user);
        match self.random.below(4) {
            0 | 1 => {
                let are_contacts = accounts.contacts.insert((user, other));
                if are_contacts {
                    accounts.contacts.insert((other, user));
                } else {
                    accounts.contacts.remove(&(user, other));
                    accounts.contacts.remove(&(other, user));
                    accounts.removed.extend([(user, other), (other, user)]);
                }
                self.server.contacts_changed(net, accounts, (user, other), are_contacts)?;
            }
            2 => {
                let is_blocked = accounts.blocked.insert((user, other));
                if !is_blocked {
                    accounts.blocked.remove(&(user, other));
                }
                self.server.block_changed(net, (user, other), is_blocked)?;
            }
            _ => {
                if !accounts.invisible.insert(user) {
                    accounts.invisible.remove(&user);
                }
                self.server.visibility_changed(net, accounts, user)?;
            }
        }
        self.look_at_user(user);
        self.look_at_user(other);
        Ok(())
    }

    // ---- the truth: what users want, not what the engine holds

    fn truth_for(&self, viewer: Device, user: User) -> BTreeSet<Word> {
        let viewer = &self.clients[viewer];
        if !self.sees(viewer, user) {
            return BTreeSet::new();
        }
        let others = self.clients.iter().filter(|c| c.user == user && c.device != viewer.device);
        let said = others.filter(|client| client.is_on).filter_map(|client| client.said);
        if self.is_one(viewer, user) {
            return said.max_by_key(|word| word.loudness()).into_iter().collect();
        }
        said.collect()
    }

    /// Returns whether a client may see what a user says.
    fn sees(&self, viewer: &Client, user: User) -> bool {
        let watches = viewer.watched.contains(&user);
        self.accounts.shows(viewer.user, user)
            || watches && self.accounts.shows_watcher(viewer.user, user)
    }

    /// Returns whether a client is told one state of a user.
    fn is_one(&self, viewer: &Client, user: User) -> bool {
        self.scenario.tells_users && viewer.user != user
    }

    /// Since when a user is idle, if it is: what the host heard last of a person on any of its
    /// devices is long ago.
    fn idle_since(&self, user: User) -> Option<Time> {
        let after_ms = self.scenario.options.idle_after_ms?;
        let last = self.server.desk.last_sign(user)?;
        (self.net.now - last >= after_ms).then(|| Time::from_millis(last))
    }

    fn look(&mut self, viewer: Device, user: User) {
        let client = &self.clients[viewer];
        if client.is_ready {
            let (believed, truth) = (client.believed_of(user), self.truth_for(viewer, user));
            self.watch.note(self.net.now, viewer, user, &believed, &truth);
        }
    }

    fn look_at_user(&mut self, user: User) {
        (0..self.clients.len()).for_each(|viewer| self.look(viewer, user));
    }

    /// In quiet: everyone who wants to be online is, and each believes what is so, of the very
    /// sessions that there are.
    fn check_beliefs(&self) -> Answer {
        self.server.engine.verify()?;
        self.server.check_books()?;
        let mut sessions: BTreeMap<Device, (User, SessionId)> = BTreeMap::new();
        for client in self.clients.iter().filter(|client| client.is_on) {
            let connected = client.connection.filter(|c| self.net.passes(*c) && client.is_ready);
            let token = client.token.filter(|_| connected.is_some());
            let session = token.and_then(|token| self.server.session_id(token, client.user));
            let Some(session) = session else {
                return Err(format!("{} has not got back", name(client)));
            };
            sessions.insert(client.device, (client.user, session));
        }
        for client in self.clients.iter().filter(|client| client.is_on) {
            let others = self.clients.iter().filter(|other| other.device != client.device);
            let truth: BTreeMap<_, _> = others
                .filter(|other| !self.is_one(client, other.user) && self.sees(client, other.user))
                .filter_map(|other| Some((*sessions.get(&other.device)?, other.said?)))
                .collect();
            let believed = client.believed();
            if believed != truth {
                let who = name(client);
                return Err(format!("{who} believes {believed:?} where {truth:?} is true"));
            }
            self.check_states(client)?;
            client.check_small()?;
            let alive: BTreeSet<_> = sessions.values().copied().collect();
            if let Some(ghost) = client.directed().difference(&alive).next() {
                return Err(format!("{} holds a word of {ghost:?}, a ghost", name(client)));
            }
        }
        Ok(())
    }

    /// Of users who are told as one, everyone believes what the loudest of their devices says, and
    /// since when there has been nobody before any of them.
    fn check_states(&self, client: &Client) -> Answer {
        let users = (0..USERS).filter(|user| self.is_one(client, *user));
        let truth: BTreeMap<_, _> = users
            .filter_map(|user| {
                let word = self.truth_for(client.device, user).first().copied()?;
                Some((user, (word, self.idle_since(user))))
            })
            .collect();
        match client.believed_as_one() {
            believed if believed == truth => Ok(()),
            believed => {
                let who = name(client);
                Err(format!("{who} believes {believed:?} where {truth:?} is true"))
            }
        }
    }

    fn check_empty(&self) -> Answer {
        self.server.engine.verify()?;
        self.server.check_books()?;
        match self.server.engine.counts() {
            counts if counts == Counts::default() => Ok(()),
            counts => Err(format!("everyone has left, and the engine holds {counts:?}")),
        }
    }
}

fn name(client: &Client) -> String {
    format!("device {} of user {}", client.device, client.user)
}
