//! The lobby of a game over UDP: everybody knows everybody, on one thread, and is told every 50
//! milliseconds what has changed.
//!
//! `cargo run --release --example lobby` has ten thousand players join on loopback, who are played
//! here as well, and says what that takes; `-- 300` has three hundred. Players have numbers. A
//! datagram from one is its number, big-endian, and what it does: `j`, it joins; `u` and a byte, it
//! shows that; `l`, it leaves; `h`, it is still there; `a`, it has missed something. One to a
//! player is its number; `t` for what the lobby is like, or `c` for what has changed; whether that
//! begins here (1), and ends here (2); how many there are, in two bytes; and three bytes for each,
//! whom and what it shows, 255 if it is gone. A real lobby hands each player a secret as well, or
//! anybody could speak for others.

use adsum::{Config, Connect, Decision, Decisions, Engine, Error, Grace, Join, Lease, Options};
use adsum::{Slot, SlotMap, Time, TopicChange, TopicKey, TopicOptions, View};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};
use std::{env, fs, io};

/// Milliseconds between ticks, and until somebody who says nothing is gone.
const TICK_MS: u32 = 50;
const SILENCE: Lease = Lease { lease_ms: 10_000, heartbeat_ms: 3_000 };
/// What is sent before the players have a turn, in bytes: less than a socket holds, where each
/// datagram counts for this much more than its length.
const BURST: usize = 1 << 16;
const OVERHEAD: usize = 1 << 10;
/// So long the players wait to be told.
const PATIENCE: Duration = Duration::from_secs(30);
const GONE: u8 = u8::MAX;
/// The one topic.
const LOBBY: u16 = 0;
/// Before the entries of a datagram to a player.
const HEAD: usize = 6;

type Game = Engine<u16, u8>;

struct Lobby {
    engine: Game,
    topic: Option<TopicKey>,
    wire: Wire,
    started: Instant,
}

/// Where datagrams go: the socket, whose address and number a slot is, and the datagram that is
/// being made.
struct Wire {
    socket: UdpSocket,
    players: SlotMap<(SocketAddrV4, u16)>,
    datagram: Vec<u8>,
    sent: usize,
}

impl Lobby {
    fn open() -> io::Result<Self> {
        let (full_up_to, coalesce_ms) = (100_000, TICK_MS);
        let options = Options {
            topics: TopicOptions { full_up_to, coalesce_ms, ..TopicOptions::default() },
            lease: Some(SILENCE),
            grace: Grace::NONE,
            max_sessions: 1,
            ..Options::default()
        };
        let engine = Engine::new(Config::new(options).expect("they are in range"));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let wire = Wire { socket, players: SlotMap::new(), datagram: Vec::new(), sent: 0 };
        Ok(Self { engine, topic: None, wire, started: now() })
    }

    /// Takes what has come and does what is due. While much is sent, others have their turns.
    fn turn(&mut self, others: &mut impl FnMut()) {
        let mut datagram = [0; 4];
        let is_due = |lobby: &Self| lobby.engine.deadline().is_some_and(|at| at <= lobby.time());
        while !is_due(self) {
            match self.wire.socket.recv_from(&mut datagram) {
                Ok((len, SocketAddr::V4(from))) => {
                    // Whatever is refused changes nothing.
                    let _ = self.take(from, &datagram[..len], others);
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
        while is_due(self) {
            let now = self.time();
            self.wire.carry_out(self.engine.advance(now), others);
        }
    }

    fn time(&self) -> Time {
        Time::from_millis(self.started.elapsed().as_millis() as u64)
    }

    /// Takes one datagram.
    fn take(
        &mut self,
        from: SocketAddrV4,
        datagram: &[u8],
        others: &mut impl FnMut(),
    ) -> Result<(), Error> {
        let [high, low, does @ ..] = datagram else { return Ok(()) };
        let (player, now) = (u16::from_be_bytes([*high, *low]), self.time());
        let (engine, topic) = (&mut self.engine, self.topic.ok_or(Error::UnknownTopic));
        let session = engine.sessions(&player).next().ok_or(Error::UnknownSession);
        let decisions = match (does, session) {
            (b"j", Err(_)) => return self.let_in(now, player, from, others),
            ([b'u', shows], session) => engine.update(now, session?, topic?, *shows)?,
            (b"l", session) => engine.disconnect(now, session?)?,
            (b"j" | b"a", session) => engine.look(now, session?, topic?, View::All)?,
            (_, session) => engine.heartbeat(now, session?)?,
        };
        self.wire.carry_out(decisions, others);
        Ok(())
    }

    fn let_in(
        &mut self,
        now: Time,
        player: u16,
        from: SocketAddrV4,
        others: &mut impl FnMut(),
    ) -> Result<(), Error> {
        let (session, decisions) = self.engine.connect(now, Connect::new(player))?;
        self.wire.players.insert(session, (from, player));
        self.wire.carry_out(decisions, others);
        let member = Join::Member { presence: Some(0), view: View::All };
        let (topic, decisions) = self.engine.join(now, session, LOBBY, member)?;
        self.topic = Some(topic);
        self.wire.carry_out(decisions, others);
        Ok(())
    }
}

impl Wire {
    fn carry_out(&mut self, decisions: Decisions<'_, u16, u8>, others: &mut impl FnMut()) {
        decisions.for_each(|decision| match decision {
            Decision::Topic(lobby) => {
                let ends = [lobby.is_first(), lobby.is_last()];
                let entries = lobby.entries().map(|of| (*of.user, of.presence.copied()));
                self.begin(b't', ends, lobby.counts().users, entries);
                self.send_to_all(lobby.to(), others);
            }
            Decision::Changes(changes) => {
                let ends = [changes.is_first(), changes.is_last()];
                let entries = changes.iter().filter_map(|change| match change {
                    TopicChange::Member { user, presence, .. } => Some((*user, presence.copied())),
                    TopicChange::Left { user, .. } => Some((*user, Some(GONE))),
                    _ => None,
                });
                self.begin(b'c', ends, changes.counts().users, entries);
                self.send_to_all(changes.to(), others);
            }
            Decision::Ended { session, .. } => _ = self.players.remove(session),
            _ => {}
        });
    }

    /// Makes a datagram, once for all who are sent it.
    fn begin(
        &mut self,
        kind: u8,
        [is_first, is_last]: [bool; 2],
        users: u32,
        entries: impl Iterator<Item = (u16, Option<u8>)>,
    ) {
        let ends = u8::from(is_first) | u8::from(is_last) << 1;
        let users = (users as u16).to_be_bytes();
        self.datagram.clear();
        self.datagram.extend([0, 0, kind, ends]);
        self.datagram.extend(users);
        for (player, shows) in entries {
            self.datagram.extend(player.to_be_bytes());
            self.datagram.push(shows.unwrap_or(0));
        }
    }

    fn send_to_all(&mut self, to: &[Slot], others: &mut impl FnMut()) {
        for (_, (address, player)) in to.iter().filter_map(|slot| self.players.at(*slot)) {
            self.datagram[..2].copy_from_slice(&player.to_be_bytes());
            // What is lost the player asks for.
            let _ = self.socket.send_to(&self.datagram, address);
            self.sent += self.datagram.len() + OVERHEAD;
            if self.sent >= BURST {
                self.sent = 0;
                others();
            }
        }
    }
}

/// The players, who speak by one socket: what each believes of each, and of how many.
struct Crowd {
    socket: UdpSocket,
    lobby: SocketAddr,
    believes: Vec<Vec<u8>>,
    knows: Vec<usize>,
    /// How long the players have worked, and how often one has missed something.
    worked: Duration,
    asked: usize,
}

impl Crowd {
    fn new(players: usize, lobby: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let (believes, knows) = (vec![vec![GONE; players]; players], vec![0; players]);
        Ok(Self { socket, lobby, believes, knows, worked: Duration::ZERO, asked: 0 })
    }

    fn say(&self, player: usize, does: &[u8]) {
        let datagram = [&(player as u16).to_be_bytes(), does].concat();
        let _ = self.socket.send_to(&datagram, self.lobby);
    }

    /// Hears all that has come.
    fn listen(&mut self) {
        let begun = now();
        let mut datagram = vec![0; 1 << 16];
        while let Ok(len) = self.socket.recv(&mut datagram) {
            self.hear(&datagram[..len]);
        }
        self.worked += begun.elapsed();
    }

    fn hear(&mut self, datagram: &[u8]) {
        let (head, entries) = datagram.split_at(HEAD);
        let two = |at: usize| usize::from(u16::from_be_bytes([head[at], head[at + 1]]));
        let (player, kind, ends, users) = (two(0), head[2], head[3], two(4));
        let (believes, knows) = (&mut self.believes[player], &mut self.knows[player]);
        if kind == b't' && ends & 1 != 0 {
            believes.fill(GONE);
            *knows = 0;
        }
        for entry in entries.chunks_exact(3) {
            let before = &mut believes[usize::from(u16::from_be_bytes([entry[0], entry[1]]))];
            *knows += usize::from(*before == GONE && entry[2] != GONE);
            *knows -= usize::from(*before != GONE && entry[2] == GONE);
            *before = entry[2];
        }
        if ends & 2 != 0 && *knows != users {
            self.asked += 1;
            self.say(player, b"a");
        }
    }
}

fn main() -> io::Result<()> {
    let players = env::args().nth(1).and_then(|players| players.parse().ok()).unwrap_or(10_000);
    let mut lobby = Lobby::open()?;
    let mut crowd = Crowd::new(players, lobby.wire.socket.local_addr()?)?;
    let (before, begun) = (resident(), now());
    for player in 0..players {
        crowd.say(player, b"j");
        if player % 32 == 31 {
            lobby.turn(&mut || crowd.listen());
        }
    }
    until(&mut lobby, &mut crowd, |crowd| crowd.knows.iter().all(|knows| *knows == players))?;
    let (took, worked) = (begun.elapsed(), begun.elapsed().saturating_sub(crowd.worked));
    println!("{players} players know each other after {} ms", took.as_millis());
    println!("the lobby has worked for {} ms of that", worked.as_millis());
    match before.zip(resident()) {
        Some((before, after)) => println!("and takes {} KiB", after.saturating_sub(before)),
        None => println!("what it takes is not known here"),
    }
    // One shows something else, and one leaves.
    let begun = now();
    crowd.say(0, &[b'u', 7]);
    crowd.say(1, b"l");
    let has_heard = |believes: &Vec<u8>| believes[0] == 7 && believes[1] == GONE;
    until(&mut lobby, &mut crowd, |crowd| {
        let mut stay = crowd.believes.iter().enumerate().filter(|(player, _)| *player != 1);
        stay.all(|(_, believes)| has_heard(believes))
    })?;
    println!(
        "all know that one has changed and one has left after {} ms",
        begun.elapsed().as_millis()
    );
    println!("{} have missed a datagram", crowd.asked);
    Ok(())
}

/// Lets the lobby and the players have their turns until something is so.
fn until(lobby: &mut Lobby, crowd: &mut Crowd, is_so: impl Fn(&Crowd) -> bool) -> io::Result<()> {
    let begun = now();
    while !is_so(crowd) {
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::other("some players do not know what has happened"));
        }
        lobby.turn(&mut || crowd.listen());
        crowd.listen();
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "a host has a clock")]
fn now() -> Instant {
    Instant::now()
}

/// Returns how much memory this process has, in kibibytes, where the system tells so.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
