//! One WebSocket connection: its task reads frames, and hands them to who understands them.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use adsum::LostCause;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::client::{Client, ClientProtocol, Closure, GOING_AWAY};
use super::command::Command;
use super::lobby::Seat;
use super::metrics::QUEUED_BYTES;
use super::peer::Peer;
use super::shared::Shared;
use super::transport::send_queue::Limits;
use super::transport::socket::Socket;
use super::transport::stream::{SocketStream, TOO_MUCH};
use super::transport::ws_frame::Opcode;

/// How many bytes the library reads at once. Most frames are a few hundred bytes, and every
/// connection has such a buffer for itself.
const READ_BUFFER: usize = 1_024;

/// How many bytes a connection may send until somebody has logged in: some tries, or some pings
/// before. tim's clients need a few hundred.
pub(super) const BEFORE_LOGIN: usize = 8 * 1_024;

/// Codes from here on are sent by the engine's thread, which knows what becomes of the session.
const FROM_ENGINE: u16 = 4_000;

/// How a connection ended.
enum End {
    /// The client closed it and ended its session so.
    LoggedOut,
    /// The client closed it as a browser does when a page is left or reloaded.
    GoingAway,
    /// It broke.
    Broken,
    /// It took nothing for too long.
    Stuck,
    /// This side sent a close frame.
    Closed,
}

struct Connection<S> {
    client: Client,
    protocol: S,
    /// How long it goes on when the server stops.
    goes_on: Duration,
}

/// Serves a connection to its end. `early` came together with the handshake.
pub(crate) async fn serve<S: ClientProtocol>(
    shared: Arc<Shared>,
    peer: Peer,
    seat: Arc<Seat>,
    stream: TcpStream,
    early: Vec<u8>,
    opcode: Opcode,
    protocol: S,
) {
    let network = &shared.config.network;
    let limits = Limits { frames: network.queue_frames, bytes: network.queue_bytes };
    let total: &'static AtomicU64 = &QUEUED_BYTES;
    let socket = Arc::new(Socket::new(stream, limits, opcode, total));
    socket.limit_reading(BEFORE_LOGIN.saturating_sub(early.len()));
    // A token of another service's may be as long as a frame.
    let long_login = shared.directory.takes_tokens().then(|| Arc::downgrade(&seat));
    let longest = S::longest(&shared);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest));
    let stream = SocketStream::new(socket.clone(), long_login);
    let mut ws =
        WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await;
    let login_by = Instant::now() + Duration::from_millis(network.login_timeout_ms);
    let goes_on = shared.time_to_leave();
    let client = Client::new(shared.clone(), peer, seat, socket, login_by);
    let mut connection = Connection { client, protocol, goes_on };
    let end = connection.run(&mut ws).await;
    connection.finish(&end).await;
    if matches!(end, End::LoggedOut | End::GoingAway) {
        // The library has the answer to the peer's close frame ready.
        let _ = ws.flush().await;
        connection.client.socket.flush();
    }
    // Whoever had to make way leaves nothing in memory, not even for the goodbye.
    let has_seat = connection.client.seat.is_some();
    let had_to_leave = !has_seat && connection.protocol.session().is_none();
    let ws = Some(ws).filter(|_| !had_to_leave);
    // Nobody new is let in while the server ends.
    if has_seat || shared.stop.is_cancelled() {
        connection.linger(ws).await;
    } else if let Some(_place) = shared.lobby.goodbye() {
        connection.linger(ws).await;
    }
}

impl<S: ClientProtocol> Connection<S> {
    async fn run(&mut self, ws: &mut WebSocketStream<SocketStream>) -> End {
        let shared = self.client.shared.clone();
        loop {
            if self.client.socket.closing().is_some() {
                return End::Closed;
            }
            let stuck = self.client.socket.stuck_since();
            let deadline = self.deadline(stuck);
            let due_at = self.protocol.due_at(&self.client);
            let may_read = !self.client.socket.wait_if_full();
            tokio::select! {
                incoming = ws.next(), if may_read => {
                    match incoming {
                        Some(Ok(message)) => {
                            if let Some(end) = self.message(ws, message).await {
                                return end;
                            }
                        }
                        Some(Err(error)) => return self.failed(&error),
                        None => return End::Broken,
                    }
                    self.flush();
                }
                () = self.client.socket.wake.notified() => {}
                () = asked_to_leave(self.client.seat.as_deref()) => {
                    shared.metrics.closed_for("pending_limit");
                    self.client.seat = None;
                    self.protocol.close(&self.client, Closure::TooManyPending);
                }
                ready = self.client.socket.stream.writable(), if stuck.is_some() => {
                    if ready.is_err() {
                        return End::Broken;
                    }
                    shared.queues.report(self.client.socket.unstick());
                }
                () = sleep_until(deadline), if deadline.is_some() => {
                    if stuck.is_some() {
                        // It may be the server that stood still, and not the peer.
                        shared.queues.report(self.client.socket.unstick());
                        if self.client.socket.stuck_since() != stuck {
                            continue;
                        }
                        shared.metrics.closed_for("write_deadline");
                        return End::Stuck;
                    }
                    shared.metrics.closed_for("login_deadline");
                    self.protocol.close(&self.client, Closure::NoLogin);
                }
                () = sleep_until(due_at), if due_at.is_some() => {
                    self.protocol.do_due(&mut self.client).await;
                    self.flush();
                }
                () = shared.until_stop(self.goes_on) => {
                    self.protocol.close(&self.client, Closure::ShuttingDown);
                }
            }
        }
    }

    /// Takes what the library has read; returns how the connection ends, if it does.
    async fn message(
        &mut self,
        ws: &mut WebSocketStream<SocketStream>,
        message: Message,
    ) -> Option<End> {
        match message {
            // On the heap while it lasts: most connections ask for nothing at most times, and would
            // keep room for it.
            Message::Binary(bytes) => {
                Box::pin(self.protocol.take(&mut self.client, bytes, false)).await;
            }
            Message::Text(text) => {
                Box::pin(self.protocol.take(&mut self.client, text.into(), true)).await;
            }
            Message::Close(frame) => {
                let is_logout = S::is_logout(frame.map(|frame| frame.code.into()));
                return Some(if is_logout { End::LoggedOut } else { End::GoingAway });
            }
            Message::Ping(_) => {
                // The library has the pong ready, and would put it into the queue only when asked
                // for the next frame.
                drop(ws.flush().await);
                self.keepalive();
            }
            Message::Pong(_) => self.keepalive(),
            // The library hands out no frames unless it is asked to.
            Message::Frame(_) => {}
        }
        None
    }

    /// Takes a frame that asks for nothing but shows that the client is there.
    fn keepalive(&mut self) {
        if !self.client.takes_keepalive() {
            self.protocol.refuse_keepalive(&mut self.client);
        }
    }

    fn deadline(&self, stuck: Option<Instant>) -> Option<Instant> {
        match stuck {
            Some(since) => Some(since + self.client.shared.tuning.write_deadline),
            None if self.protocol.session().is_none() => Some(self.client.login_by),
            None => None,
        }
    }

    fn flush(&self) {
        self.client.shared.queues.report(self.client.socket.flush());
    }

    /// Returns how the connection ends when the library cannot read on.
    fn failed(&self, error: &WsError) -> End {
        let (closure, label) = match error {
            WsError::Capacity(CapacityError::MessageTooLong { .. }) => (Closure::TooBig, "too_big"),
            WsError::Io(error) if error.kind() == ErrorKind::QuotaExceeded => {
                debug_assert_eq!(error.to_string(), TOO_MUCH);
                (Closure::TooMuch, "too_much_before_login")
            }
            WsError::Utf8(_) => (Closure::NotUtf8, "not_utf8"),
            WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return End::Broken,
            WsError::Protocol(_) | WsError::Capacity(_) => (Closure::Protocol, "protocol"),
            WsError::ConnectionClosed | WsError::AlreadyClosed => return End::GoingAway,
            _ => return End::Broken,
        };
        self.client.shared.metrics.closed_for(label);
        self.protocol.close(&self.client, closure);
        End::Closed
    }

    /// Tells the engine's thread what became of the session.
    async fn finish(&self, end: &End) {
        let Some(session) = self.protocol.session() else { return };
        let command = match end {
            End::LoggedOut => Command::Disconnect(session),
            End::GoingAway => Command::Lost(session, LostCause::GoingAway),
            End::Broken => Command::Lost(session, LostCause::ConnectionError),
            End::Stuck => Command::Lost(session, LostCause::Timeout),
            End::Closed => match self.client.socket.closing().map(|closing| closing.code) {
                // The session has ended already.
                Some(FROM_ENGINE..) => return,
                Some(GOING_AWAY) => Command::LetGo(session),
                // What the client has sent is not to be understood. Nobody has said goodbye.
                _ => Command::Lost(session, LostCause::ConnectionError),
            },
        };
        self.client.shared.command(command).await;
    }

    /// Gives the peer time to take the close frame and answer it, which is noticed if there is what
    /// reads frames.
    async fn linger(&self, mut ws: Option<WebSocketStream<SocketStream>>) {
        if self.client.socket.closing().is_none() {
            return;
        }
        let until = tokio::time::Instant::now() + self.client.shared.tuning.linger;
        let goodbye = async {
            // Once the library reads no more, what comes is thrown away. Were it left unread, the
            // system would tell the peer that the connection broke, and overtake the close frame.
            loop {
                let stuck = self.client.socket.stuck_since().is_some();
                tokio::select! {
                    ready = self.client.socket.stream.writable(), if stuck => {
                        if ready.is_err() {
                            return;
                        }
                        self.client.socket.unstick();
                    }
                    // Another thread was writing, and could not write all of it.
                    () = self.client.socket.wake.notified() => {}
                    incoming = next(ws.as_mut()), if ws.is_some() => match incoming {
                        Some(Ok(Message::Close(_))) => return,
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => ws = None,
                    },
                    ready = self.client.socket.stream.readable(), if ws.is_none() => {
                        if ready.is_err() {
                            return;
                        }
                        // A buffer that is not kept while it waits: many may linger.
                        match self.client.socket.stream.try_read(&mut [0; READ_BUFFER]) {
                            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                            Ok(0) | Err(_) => return,
                            Ok(_) => {}
                        }
                    }
                }
            }
        };
        // A peer that has not answered by then has had its chance.
        let _ = tokio::time::timeout_at(until, goodbye).await;
    }
}

async fn asked_to_leave(seat: Option<&Seat>) {
    match seat {
        Some(seat) => seat.asked_to_leave().await,
        None => std::future::pending().await,
    }
}

async fn next(ws: Option<&mut WebSocketStream<SocketStream>>) -> Option<Result<Message, WsError>> {
    ws?.next().await
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
