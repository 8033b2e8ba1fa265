//! A client's connection as its protocol sees it, and what a protocol must be able to do.

use std::sync::Arc;
use std::time::Instant;

use adsum::SessionKey;
use tokio_tungstenite::tungstenite::Bytes;

use super::bucket::Bucket;
use super::lobby::Seat;
use super::peer::Peer;
use super::shared::Shared;
use super::transport::socket::Socket;

/// A client's connection, as far as it is the same in every protocol.
pub(crate) struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: Peer,
    /// Its seat until somebody has logged in.
    pub(crate) seat: Option<Arc<Seat>>,
    pub(crate) socket: Arc<Socket>,
    /// Bounds the client's requests.
    pub(crate) requests: Option<Bucket>,
    /// Bounds what asks for nothing: the WebSocket's own pings and pongs, and empty frames. These
    /// have a bound of their own, as wide as that of requests, and take nothing from it.
    keepalives: Option<Bucket>,
    /// When somebody must have logged in.
    pub(crate) login_by: Instant,
}

impl Client {
    pub(crate) fn new(
        shared: Arc<Shared>,
        peer: Peer,
        seat: Arc<Seat>,
        socket: Arc<Socket>,
        login_by: Instant,
    ) -> Self {
        let network = &shared.config.network;
        let now = Instant::now();
        let bucket = Bucket::new(network.request_burst, network.requests_per_second, now);
        let (requests, keepalives) = (bucket.clone(), bucket);
        Self { requests, keepalives, shared, peer, seat: Some(seat), socket, login_by }
    }

    /// Takes what asks for nothing but shows that the client is there; returns whether it may come.
    pub(crate) fn takes_keepalive(&mut self) -> bool {
        self.keepalives.as_mut().is_none_or(|bucket| bucket.take(Instant::now()))
    }

    /// Notes that somebody has logged in.
    pub(crate) fn has_login(&mut self) {
        self.seat = None;
        self.socket.limit_reading(usize::MAX);
    }
}

/// Why this side closes a connection by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closure {
    /// Too many connections wait for a login, and this is the oldest.
    TooManyPending,
    /// Nobody has logged in for too long.
    NoLogin,
    /// The server ends.
    ShuttingDown,
    /// A frame is too long.
    TooBig,
    /// Too much was sent before a login.
    TooMuch,
    /// Text that is not UTF-8.
    NotUtf8,
    /// Not the WebSocket protocol.
    Protocol,
}

impl Closure {
    /// Returns the code of the close frame.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::ShuttingDown => GOING_AWAY,
            Self::Protocol => 1_002,
            Self::NotUtf8 => 1_007,
            Self::TooManyPending | Self::NoLogin => POLICY,
            Self::TooBig | Self::TooMuch => 1_009,
        }
    }
}

pub(crate) const GOING_AWAY: u16 = 1_001;
pub(crate) const POLICY: u16 = 1_008;

/// Understands what a client sends on a connection.
pub(crate) trait ClientProtocol {
    /// Returns the most bytes of one frame.
    fn longest(shared: &Shared) -> usize;

    /// Returns the session that is on the connection, once somebody has logged in.
    fn session(&self) -> Option<SessionKey>;

    /// Takes a frame.
    async fn take(&mut self, client: &mut Client, frame: Bytes, is_text: bool);

    /// Refuses what asks for nothing and comes too often.
    fn refuse_keepalive(&mut self, client: &mut Client);

    /// Returns when there is something to be done by itself.
    fn due_at(&self, client: &Client) -> Option<Instant>;

    /// Does what was due at [`due_at`](Self::due_at).
    async fn do_due(&mut self, client: &mut Client);

    /// Closes the connection.
    fn close(&self, client: &Client, closure: Closure);

    /// Returns whether the client ends its session with this close code, rather than goes away.
    fn is_logout(code: Option<u16>) -> bool;
}
