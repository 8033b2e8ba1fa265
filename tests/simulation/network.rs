//! Connections in virtual time: latency with jitter, order within a connection, and the ways in
//! which one breaks.

use super::random::Random;
use super::wire::{Connection, Device, ToClient, ToServer};
use adsum::LostCause;
use std::collections::{BTreeMap, VecDeque};

/// What happens at some moment.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// A message arrives at the server.
    Up(Connection, ToServer),
    /// A frame has been read by the client.
    Down(Connection, ToClient),
    /// The server's end of a connection reports that it is gone.
    ServerLearns(Connection, LostCause),
    /// The client's end does.
    ClientLearns(Connection),
    /// A client's timers: the heartbeat of a connection, and the next attempt to get one.
    Beat(Device, Connection),
    Dial(Device),
    /// Somebody does something of their own accord.
    Whim(Device),
    /// The server is there again.
    ServerStarts,
}

impl Happening {
    /// What happens in the same millisecond happens in this order, and not in that in which it
    /// was put down: that of the receivers of a notice is nobody's business.
    const fn rank(&self) -> (u8, usize) {
        match self {
            Self::ServerStarts => (0, 0),
            Self::Up(connection, _) => (1, *connection),
            Self::Down(connection, _) => (2, *connection),
            Self::ServerLearns(connection, _) => (3, *connection),
            Self::ClientLearns(connection) => (4, *connection),
            Self::Beat(device, _) => (5, *device),
            Self::Dial(device) => (6, *device),
            Self::Whim(device) => (7, *device),
        }
    }
}

/// Frames on their way to a client that has not read them yet.
const WINDOW: usize = 4;

struct Wire {
    device: Device,
    random: Random,
    /// Whether packets pass. Where not, neither end need know.
    passes: bool,
    up_at: u64,
    down_at: u64,
    under_way: usize,
    /// What the server's end holds back because the client does not read.
    waiting: VecDeque<ToClient>,
    /// How long the client takes to read a frame.
    reading_ms: u64,
}

pub(crate) struct Network {
    pub(crate) now: u64,
    seed: u64,
    latency_ms: (u64, u64),
    wires: Vec<Wire>,
    coming: BTreeMap<(u64, (u8, usize), u64), Happening>,
    put_down: u64,
}

impl Network {
    pub(crate) fn new(seed: u64, latency_ms: (u64, u64)) -> Self {
        let (wires, coming) = (Vec::new(), BTreeMap::new());
        Self { now: 0, seed, latency_ms, wires, coming, put_down: 0 }
    }

    // ---- time

    pub(crate) fn after(&mut self, delay_ms: u64, what: Happening) {
        self.at(self.now + delay_ms, what);
    }

    fn at(&mut self, at: u64, what: Happening) {
        self.put_down += 1;
        self.coming.insert((at, what.rank(), self.put_down), what);
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.coming.first_key_value().map(|((at, ..), _)| *at)
    }

    /// What comes next, unless it was lost on the way.
    pub(crate) fn take_next(&mut self) -> Option<Happening> {
        let ((at, ..), what) = self.coming.pop_first()?;
        self.now = at;
        match &what {
            Happening::Up(connection, _) | Happening::Down(connection, _)
                if !self.wires[*connection].passes =>
            {
                None
            }
            _ => Some(what),
        }
    }

    // ---- connections

    pub(crate) fn open(&mut self, device: Device, reading_ms: u64) -> Connection {
        let connection = self.wires.len();
        self.wires.push(Wire {
            device,
            random: Random::new(self.seed, 1_000 + connection as u64),
            passes: true,
            up_at: 0,
            down_at: 0,
            under_way: 0,
            waiting: VecDeque::new(),
            reading_ms,
        });
        connection
    }

    pub(crate) fn device(&self, connection: Connection) -> Device {
        self.wires[connection].device
    }

    /// How long a client takes for each frame from now on.
    pub(crate) fn set_reading(&mut self, connection: Connection, reading_ms: u64) {
        self.wires[connection].reading_ms = reading_ms;
    }

    /// From now on nothing passes; each end learns of it after a while, or not at all.
    pub(crate) fn cut(
        &mut self,
        connection: Connection,
        server_learns: Option<LostCause>,
        client_learns: bool,
    ) {
        let wire = &mut self.wires[connection];
        if !std::mem::replace(&mut wire.passes, false) {
            return;
        }
        wire.waiting.clear();
        let delays = [(); 2].map(|()| wire.random.within((1, 2_000)));
        if let Some(cause) = server_learns {
            self.after(delays[0], Happening::ServerLearns(connection, cause));
        }
        if client_learns {
            self.after(delays[1], Happening::ClientLearns(connection));
        }
    }

    pub(crate) fn passes(&self, connection: Connection) -> bool {
        self.wires[connection].passes
    }

    // ---- messages

    pub(crate) fn send_up(&mut self, connection: Connection, message: ToServer) {
        let latency_ms = self.latency_ms;
        let wire = &mut self.wires[connection];
        wire.up_at = wire.up_at.max(self.now + wire.random.within(latency_ms));
        let at = wire.up_at;
        self.at(at, Happening::Up(connection, message));
    }

    pub(crate) fn send_down(&mut self, connection: Connection, frame: ToClient) {
        let wire = &mut self.wires[connection];
        if wire.under_way < WINDOW {
            self.put_under_way(connection, frame);
        } else {
            wire.waiting.push_back(frame);
        }
    }

    fn put_under_way(&mut self, connection: Connection, frame: ToClient) {
        let latency_ms = self.latency_ms;
        let wire = &mut self.wires[connection];
        wire.under_way += 1;
        let arrives = self.now + wire.random.within(latency_ms);
        wire.down_at = arrives.max(wire.down_at + wire.reading_ms);
        let at = wire.down_at;
        self.at(at, Happening::Down(connection, frame));
    }

    /// A client has read a frame: the next can go on its way.
    pub(crate) fn has_read(&mut self, connection: Connection) {
        let wire = &mut self.wires[connection];
        wire.under_way -= 1;
        if let Some(frame) = wire.waiting.pop_front() {
            self.put_under_way(connection, frame);
        }
    }

    /// How many frames the server's end holds back.
    pub(crate) fn waiting(&self, connection: Connection) -> usize {
        self.wires[connection].waiting.len()
    }
}
