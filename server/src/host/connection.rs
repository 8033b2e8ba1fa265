//! One WebSocket connection: its task reads frames, and answers those that concern nobody else.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use adsum::LostCause;
use adsum_tim::{Code, Form, Frame, Inbound, Kind, TimAck, bare};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::bucket::Bucket;
use super::command::Command;
use super::late_frames::{LateFrame, LateFrames};
use super::lobby::Place;
use super::metrics::QUEUED_BYTES;
use super::peer::Peer;
use super::requests::login::{self, User};
use super::requests::{nodes, presence, roster};
use super::shared::Shared;
use super::transport::send_queue::Limits;
use super::transport::socket::Socket;
use super::transport::stream::{SocketStream, TOO_MUCH};

/// How many bytes the library reads at once. Most frames are a few hundred bytes, and every
/// connection has such a buffer for itself.
const READ_BUFFER: usize = 1_024;

/// How many bytes a connection may send until somebody has logged in: some tries, or some pings
/// before. tim's clients need a few hundred.
const BEFORE_LOGIN: usize = 8 * 1_024;

const GOING_AWAY: u16 = 1_001;
const PROTOCOL: u16 = 1_002;
const NOT_UTF8: u16 = 1_007;
const POLICY: u16 = 1_008;
const TOO_BIG: u16 = 1_009;
/// Codes from here on are sent by the engine's thread, which knows what becomes of the session.
const FROM_ENGINE: u16 = 4_000;

/// How a connection ended.
enum End {
    /// The client closed it and gave no code, as tim's clients do when they log out.
    LoggedOut,
    /// The client closed it and gave a code, as a browser does when a page is left or reloaded.
    GoingAway,
    /// It broke.
    Broken,
    /// It took nothing for too long.
    Stuck,
    /// This side sent a close frame.
    Closed,
}

struct Connection {
    shared: Arc<Shared>,
    peer: Peer,
    /// Its place until somebody has logged in.
    place: Option<Arc<Place>>,
    socket: Arc<Socket>,
    user: Option<User>,
    /// Bounds the client's requests.
    requests: Option<Bucket>,
    /// Bounds what asks for nothing: the WebSocket's own pings and pongs, and empty frames. These
    /// have a bound of their own, as wide as that of requests, and take nothing from it.
    keepalives: Option<Bucket>,
    /// What came over that bound, and waits for it.
    late: LateFrames,
    /// When somebody must have logged in.
    login_by: Instant,
    /// How long it goes on when the server stops.
    goes_on: Duration,
}

/// Serves a connection to its end. `early` came together with the handshake.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    peer: Peer,
    place: Arc<Place>,
    stream: TcpStream,
    early: Vec<u8>,
) {
    let network = &shared.config.network;
    let limits = Limits { frames: network.queue_frames, bytes: network.queue_bytes };
    let total: &'static AtomicU64 = &QUEUED_BYTES;
    let socket = Arc::new(Socket::new(stream, limits, total));
    // A token of another service's may be as long as a frame.
    if !shared.directory.takes_tokens() {
        socket.limit_reading(BEFORE_LOGIN.saturating_sub(early.len()));
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(network.max_data))
        .max_frame_size(Some(network.max_data));
    let stream = SocketStream(socket.clone());
    let mut ws =
        WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await;
    let now = Instant::now();
    let bucket = Bucket::new(network.request_burst, network.requests_per_second, now);
    let mut connection = Connection {
        keepalives: bucket.clone(),
        requests: bucket,
        late: LateFrames::default(),
        login_by: now + Duration::from_millis(network.login_timeout_ms),
        goes_on: shared.time_to_leave(),
        shared,
        peer,
        place: Some(place),
        socket,
        user: None,
    };
    let end = connection.run(&mut ws).await;
    connection.finish(&end).await;
    if matches!(end, End::LoggedOut | End::GoingAway) {
        // The library has the answer to the peer's close frame ready.
        let _ = ws.flush().await;
        connection.socket.flush();
    }
    connection.linger(&mut ws).await;
}

impl Connection {
    async fn run(&mut self, ws: &mut WebSocketStream<SocketStream>) -> End {
        let shared = self.shared.clone();
        loop {
            if self.socket.closing().is_some() {
                return End::Closed;
            }
            let stuck = self.socket.stuck_since();
            let deadline = self.deadline(stuck);
            let late_at = self.late_at();
            let may_read = !self.socket.wait_if_full();
            tokio::select! {
                incoming = ws.next(), if may_read => {
                    match incoming {
                        Some(Ok(Message::Binary(bytes))) => self.frame(&bytes).await,
                        // tim takes text as bytes.
                        Some(Ok(Message::Text(text))) => self.frame(text.as_bytes()).await,
                        Some(Ok(Message::Close(None))) => return End::LoggedOut,
                        Some(Ok(Message::Close(Some(_)))) => return End::GoingAway,
                        Some(Ok(Message::Ping(_))) => {
                            // The library has the pong ready, and would put it into the queue only
                            // when asked for the next frame.
                            drop(ws.flush().await);
                            self.keepalive();
                        }
                        Some(Ok(Message::Pong(_))) => self.keepalive(),
                        // The library hands out no frames unless it is asked to.
                        Some(Ok(Message::Frame(_))) => {}
                        Some(Err(error)) => return self.failed(&error),
                        None => return End::Broken,
                    }
                    self.flush();
                }
                () = self.socket.wake.notified() => {}
                () = asked_to_leave(self.place.as_deref()) => {
                    shared.metrics.closed_for("pending_limit");
                    self.place = None;
                    self.socket.close(POLICY, "too many have not logged in");
                }
                ready = self.socket.stream.writable(), if stuck.is_some() => {
                    if ready.is_err() {
                        return End::Broken;
                    }
                    shared.queues.report(self.socket.unstick());
                }
                () = at(deadline), if deadline.is_some() => {
                    if stuck.is_some() {
                        // It may be the server that stood still, and not the peer.
                        shared.queues.report(self.socket.unstick());
                        if self.socket.stuck_since() != stuck {
                            continue;
                        }
                        shared.metrics.closed_for("write_deadline");
                        return End::Stuck;
                    }
                    shared.metrics.closed_for("login_deadline");
                    self.socket.close(POLICY, "nobody has logged in");
                }
                () = at(late_at), if late_at.is_some() => {
                    self.take_late().await;
                    self.flush();
                }
                () = shared.until_stop(self.goes_on) => {
                    self.socket.close(GOING_AWAY, "the server is shutting down");
                }
            }
        }
    }

    fn deadline(&self, stuck: Option<Instant>) -> Option<Instant> {
        match stuck {
            Some(since) => Some(since + self.shared.tuning.write_deadline),
            None if self.user.is_none() => Some(self.login_by),
            None => None,
        }
    }

    fn flush(&self) {
        self.shared.queues.report(self.socket.flush());
    }

    /// Returns how the connection ends when the library cannot read on.
    fn failed(&self, error: &WsError) -> End {
        let (code, reason, label) = match error {
            WsError::Capacity(CapacityError::MessageTooLong { .. }) => {
                (TOO_BIG, "a frame over security.maxdata", "too_big")
            }
            WsError::Io(error) if error.kind() == ErrorKind::QuotaExceeded => {
                (TOO_BIG, TOO_MUCH, "too_much_before_login")
            }
            WsError::Utf8(_) => (NOT_UTF8, "text that is not UTF-8", "not_utf8"),
            WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return End::Broken,
            WsError::Protocol(_) | WsError::Capacity(_) => {
                (PROTOCOL, "not the WebSocket protocol", "protocol")
            }
            WsError::ConnectionClosed | WsError::AlreadyClosed => return End::GoingAway,
            _ => return End::Broken,
        };
        self.shared.metrics.closed_for(label);
        self.socket.close(code, reason);
        End::Closed
    }

    /// Takes one frame from the client.
    async fn frame(&mut self, bytes: &[u8]) {
        // tim ignores an empty one.
        let Ok(frame) = Frame::split(bytes) else { return self.keepalive() };
        let kind = frame.kind;
        let before_login = self.user.is_none() && kind != Kind::AUTH && kind != Kind::PING;
        if before_login {
            self.shared.metrics.closed_for("before_login");
            self.socket.close(POLICY, "log in first");
            return;
        }
        let over = kind != Kind::ACK && !self.may_take();
        let form = self.user.as_ref().map_or(frame.form, |user| user.form);
        let can_wait = kind == Kind::PING || kind == Kind::BROAD_PRESENCE;
        if over && !(can_wait && self.user.is_some()) {
            return self.refuse(form, kind, Code::Overload);
        }
        match frame.decode(&self.shared.limits) {
            Ok(inbound) if over => self.keep(form, kind, inbound),
            Ok(inbound) => self.inbound(form, kind, inbound).await,
            Err(error) => {
                tracing::debug!(kind = kind.number(), %error, "a frame was refused");
                self.refuse(form, kind, error.code(kind));
            }
        }
    }

    /// Returns whether a frame that comes now is within the rate. It is not while earlier ones wait
    /// for their turn, and so it never overtakes them.
    fn may_take(&mut self) -> bool {
        self.late.is_empty()
            && self.requests.as_mut().is_none_or(|bucket| bucket.take(Instant::now()))
    }

    /// Keeps what came over the rate and can wait.
    fn keep(&mut self, form: Form, kind: Kind, inbound: Inbound) {
        match inbound {
            Inbound::Ping => self.late.keep_ping(self.shared.config.network.request_burst),
            Inbound::BroadPresence(sent) if !presence::names_receivers(&sent) => {
                self.late.keep_presence(sent);
            }
            _ => self.refuse(form, kind, Code::Overload),
        }
    }

    /// Returns when the next of what was kept has its turn.
    fn late_at(&self) -> Option<Instant> {
        self.requests.as_ref().filter(|_| !self.late.is_empty()).map(Bucket::ready_at)
    }

    /// Takes the next of what was kept, if it has its turn.
    async fn take_late(&mut self) {
        let Some(form) = self.user.as_ref().map(|user| user.form) else { return };
        if self.requests.as_mut().is_some_and(|bucket| !bucket.take(Instant::now())) {
            return;
        }
        match self.late.next() {
            Some(LateFrame::Presence(sent)) => {
                self.inbound(form, Kind::BROAD_PRESENCE, Inbound::BroadPresence(sent)).await;
            }
            Some(LateFrame::Ping) => self.inbound(form, Kind::PING, Inbound::Ping).await,
            None => {}
        }
    }

    /// Takes a frame that asks for nothing but shows that the client is there.
    fn keepalive(&mut self) {
        if self.keepalives.as_mut().is_some_and(|bucket| !bucket.take(Instant::now())) {
            let form = self.user.as_ref().map_or(Form::Json, |user| user.form);
            self.refuse(form, Kind::PING, Code::Overload);
        }
    }

    async fn inbound(&mut self, form: Form, kind: Kind, inbound: Inbound) {
        match (inbound, &self.user) {
            (Inbound::Auth(_), Some(_)) => {
                self.send(&TimAck::done(Kind::AUTH).to_frame(form, Kind::ACK));
            }
            (Inbound::Auth(auth), None) => {
                // On the heap, as are other requests: a connection has no room for what it seldom
                // does.
                let login = login::login(&self.shared, self.peer, &self.socket, form, auth);
                match Box::pin(login).await {
                    Ok(user) => {
                        self.user = Some(user);
                        self.place = None;
                        self.socket.limit_reading(usize::MAX);
                    }
                    Err(code) => {
                        self.shared.metrics.login_refused(code.info());
                        self.send(&TimAck::refused(kind, code).to_frame(form, Kind::ACK));
                    }
                }
            }
            (Inbound::Ping, Some(user)) => {
                self.shared.command(Command::Heartbeat(user.session)).await;
            }
            // tim reads it and answers nothing.
            (_, None) => {}
            // A receipt for a message about the roster. Nothing is sent again: what matters of it
            // is in the store, and comes at the next login.
            (Inbound::Ack(_), Some(_)) => {}
            (Inbound::OfflineMessages, Some(_)) => self.send(&bare(Kind::OFFLINE_MESSAGES_END)),
            (Inbound::BroadPresence(sent), Some(user)) => {
                if let Err(code) = presence::publish(&self.shared, user, *sent).await {
                    self.refuse(form, kind, code);
                }
            }
            (Inbound::Presence(sent), Some(user)) => {
                if let Err(code) = Box::pin(presence::direct(&self.shared, user, *sent)).await {
                    self.refuse(form, kind, code);
                }
            }
            (Inbound::Business(request), Some(user)) => {
                if self.shared.config.services.no_business {
                    return self.refuse(form, kind, Code::Interface);
                }
                if let Some(answer) = Box::pin(roster::answer(&self.shared, user, request)).await {
                    self.send(&answer);
                }
            }
            (Inbound::Nodes(asked), Some(user)) => {
                if self.shared.config.services.no_nodes {
                    return self.refuse(form, kind, Code::Interface);
                }
                if let Some(answer) = Box::pin(nodes::answer(&self.shared, user, asked)).await {
                    self.send(&answer);
                }
            }
            (Inbound::Token(_), Some(user)) => {
                self.send(&login::own_token(&self.shared, user).await.to_frame(form, Kind::ACK));
            }
            // For HTTP only.
            (Inbound::Register(_), Some(_)) => {
                self.refuse(form, kind, Code::Parameter);
            }
            // Another service of tim, or none.
            (Inbound::Other(_), Some(_)) => self.refuse(form, kind, Code::Interface),
        }
    }

    fn send(&self, frame: &[u8]) {
        // Its own answers never make a session congested by themselves: from a client that does
        // not read them nothing more is read.
        self.socket.append_answer(frame);
    }

    fn refuse(&self, form: Form, kind: Kind, code: Code) {
        self.shared.metrics.frame_refused(code.info());
        self.send(&TimAck::refused(kind, code).to_frame(form, Kind::ACK));
    }

    /// Tells the engine's thread what became of the session.
    async fn finish(&mut self, end: &End) {
        let Some(user) = &self.user else { return };
        let session = user.session;
        if let Some(LateFrame::Presence(sent)) = self.late.next() {
            // Its last word, which outlives the connection if the session does.
            let _ = presence::publish(&self.shared, user, *sent).await;
        }
        let command = match end {
            End::LoggedOut => Command::Disconnect(session),
            End::GoingAway => Command::Lost(session, LostCause::GoingAway),
            End::Broken => Command::Lost(session, LostCause::ConnectionError),
            End::Stuck => Command::Lost(session, LostCause::Timeout),
            End::Closed => match self.socket.closing().map(|closing| closing.code) {
                // The session has ended already, or the whole server is about to.
                Some(FROM_ENGINE.. | GOING_AWAY) => return,
                _ => Command::Disconnect(session),
            },
        };
        self.shared.command(command).await;
    }

    /// Gives the peer time to take the close frame and answer it.
    async fn linger(&self, ws: &mut WebSocketStream<SocketStream>) {
        if self.socket.closing().is_none() {
            return;
        }
        let until = tokio::time::Instant::now() + self.shared.tuning.linger;
        let goodbye = async {
            // Once the library reads no more, what comes is thrown away. Were it left unread, the
            // system would tell the peer that the connection broke, and overtake the close frame.
            let mut over = false;
            loop {
                let stuck = self.socket.stuck_since().is_some();
                tokio::select! {
                    ready = self.socket.stream.writable(), if stuck => {
                        if ready.is_err() {
                            return;
                        }
                        self.socket.unstick();
                    }
                    // Another thread was writing, and could not write all of it.
                    () = self.socket.wake.notified() => {}
                    incoming = ws.next(), if !over => match incoming {
                        Some(Ok(Message::Close(_))) => return,
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => over = true,
                    },
                    ready = self.socket.stream.readable(), if over => {
                        if ready.is_err() {
                            return;
                        }
                        // A buffer that is not kept while it waits: many may linger.
                        match self.socket.stream.try_read(&mut [0; READ_BUFFER]) {
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

async fn asked_to_leave(place: Option<&Place>) {
    match place {
        Some(place) => place.asked_to_leave().await,
        None => std::future::pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
