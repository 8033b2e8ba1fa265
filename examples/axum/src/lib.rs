//! adsum over WebSockets: one task owns the host and takes inputs from a queue, and each socket
//! has a task of its own. Frames are JSON, as `chat.rs` makes them and `Said` takes them.
//!
//! There are no accounts here: whoever says a name is believed. A real host knows from its login
//! who somebody is, and from its roster who may see whom.

mod chat;

use adsum::host::{Connection, ConnectionId, Host, Refused};
use adsum::{Config, Connect, Error, LostCause, Time};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use axum::routing::any;
use chat::{Chat, Outbound, message};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, interval, sleep, timeout};

/// The most frames on their way to one client.
const QUEUE: usize = 64;
/// The most inputs that wait for the host. With more, those who read sockets wait.
const INPUTS: usize = 1_024;
/// The longest message that a client may send, in bytes.
const LONGEST: usize = 64 * 1_024;
/// How long a client may take to say who it is, and to answer when it is told goodbye.
const PATIENCE: Duration = Duration::from_secs(5);

type Presence = Host<String, Value, Chat, Outbound>;
type Input = Box<dyn FnOnce(&mut Presence, Time) + Send>;

/// What a client says: first who it is or which session it resumes, then what it shows.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// The friends may see the user. Those who name each other see each other.
    Hello {
        name: String,
        friends: Vec<String>,
    },
    Resume {
        token: String,
    },
    Publish {
        presence: Value,
    },
}

/// What the task of a socket knows.
#[derive(Clone)]
struct House {
    inputs: mpsc::Sender<Input>,
    /// How often each client is pinged: what it answers keeps its session alive.
    heartbeat: Duration,
    /// Never used: when all of them are gone, so are all sockets.
    _open: mpsc::Sender<()>,
}

/// Serves clients until it is told to shut down, and then closes every connection.
///
/// # Errors
/// Those of the listener.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let (inputs, mut queue) = mpsc::channel::<Input>(INPUTS);
    let heartbeat_ms = config.options().lease.map_or(30_000, |lease| lease.heartbeat_ms);
    let (_open, mut all_closed) = mpsc::channel(1);
    let house = House { inputs, heartbeat: Duration::from_millis(heartbeat_ms), _open };
    let (stop, stopped) = oneshot::channel::<()>();
    let app = Router::new().route("/", any(upgrade)).with_state(house);
    let server = axum::serve(listener, app);
    let server = server.with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());

    let mut host = Presence::new(config, Chat::default());
    let started = Instant::now();
    let now = || Time::from_millis(started.elapsed().as_millis() as u64);
    let mut shutdown = pin!(shutdown);
    loop {
        let wait_ms = host.deadline().map_or(60_000, |at| at.since(now()));
        tokio::select! {
            Some(input) = queue.recv() => input(&mut host, now()),
            () = sleep(Duration::from_millis(wait_ms)) => host.advance(now()),
            () = &mut shutdown => break,
        }
    }
    drop(stop);
    host.shut_down();
    drop(queue); // Which every socket that waits for its first message notices.
    let closed = timeout(PATIENCE, async {
        let _ = all_closed.recv().await;
        server.await
    });
    closed.await.map_or(Ok(()), |served| served.unwrap_or(Ok(())))
}

async fn upgrade(State(house): State<House>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(LONGEST).on_upgrade(|socket| house.run(socket))
}

impl House {
    async fn tell<T>(&self, input: impl FnOnce(&mut Presence, Time) -> T + Send + 'static) {
        let _ = self.inputs.send(Box::new(|host, now| drop(input(host, now)))).await;
    }

    /// Runs a socket from its first message to its end.
    async fn run(self, socket: WebSocket) {
        let (to_client, mut from_client) = socket.split();
        let (to_writer, messages) = mpsc::channel(QUEUE);
        let id = self.greet(&mut from_client, Outbound(to_writer)).await;
        let mut writing = pin!(self.write(to_client, messages, id));
        let Some(id) = id else { return drop(timeout(PATIENCE, writing).await) };
        tokio::select! {
            end = self.read(&mut from_client, id) => {
                self.tell(move |host, now| match end {
                    None => host.disconnect(now, id),
                    Some(cause) => host.lost(now, id, cause),
                })
                .await;
                let _ = timeout(PATIENCE, writing).await;
            }
            // The host has let go of the connection, or it is broken.
            () = &mut writing => {
                let goodbye = async { while let Some(Ok(_)) = from_client.next().await {} };
                let _ = timeout(PATIENCE, goodbye).await;
                self.tell(move |host, now| host.lost(now, id, LostCause::ConnectionError)).await;
            }
        }
    }

    /// Takes the first message. Returns the connection, unless it is refused.
    async fn greet(
        &self,
        from_client: &mut SplitStream<WebSocket>,
        outbound: Outbound,
    ) -> Option<ConnectionId> {
        let first = tokio::select! {
            first = timeout(PATIENCE, from_client.next()) => first.ok()??.ok()?,
            // The host has shut down.
            () = self.inputs.closed() => return None,
        };
        let said = serde_json::from_str(first.to_text().ok()?).ok()?;
        let (reply, connected) = oneshot::channel();
        self.tell(move |host, now| {
            let connected = match said {
                Said::Hello { name, friends } => {
                    host.connect(now, Connect::new(name).audience(friends), outbound)
                }
                Said::Resume { token } => match host.application_mut().take_token(&token) {
                    Some(earlier) => host.resume(now, earlier, outbound),
                    None => Err(Refused { error: Error::UnknownSession, connection: outbound }),
                },
                Said::Publish { .. } => return,
            };
            match connected {
                Ok(id) => {
                    let token = host.application_mut().new_token(id);
                    let welcome = message(&json!({ "welcome": { "token": token } }));
                    let _ = (host.send(now, id, welcome), reply.send(id));
                }
                Err(Refused { error, mut connection }) => {
                    let _ = connection.send(message(&json!({ "refused": error.to_string() })));
                }
            }
        })
        .await;
        connected.await.ok()
    }

    /// Hands on what a client says until the connection ends. Returns how it was lost, or `None`
    /// if the client has logged out.
    async fn read(
        &self,
        from_client: &mut SplitStream<WebSocket>,
        id: ConnectionId,
    ) -> Option<LostCause> {
        while let Some(Ok(message)) = from_client.next().await {
            match message {
                Message::Close(Some(CloseFrame { code: close_code::AWAY, .. })) => {
                    return Some(LostCause::GoingAway);
                }
                Message::Close(_) => return None,
                Message::Text(text) => match serde_json::from_str(&text) {
                    Ok(Said::Publish { presence }) => {
                        self.tell(move |host, now| host.publish(now, id, presence)).await;
                    }
                    _ => return None,
                },
                // A ping, or the answer to one.
                _ => self.tell(move |host, now| host.heartbeat(now, id)).await,
            }
        }
        Some(LostCause::ConnectionError)
    }

    /// Sends what the host has for a client, until the host lets go of the connection or the
    /// client takes nothing for too long.
    async fn write(
        &self,
        mut to_client: SplitSink<WebSocket, Message>,
        mut messages: mpsc::Receiver<Message>,
        id: Option<ConnectionId>,
    ) {
        let (mut pings, mut in_a_row) = (interval(self.heartbeat), 0);
        loop {
            let message = tokio::select! {
                biased;
                _ = pings.tick() => Some(Message::Ping(Bytes::new())),
                message = messages.recv() => message,
            };
            let Some(message) = message else { return drop(to_client.close().await) };
            let Ok(Ok(())) = timeout(3 * self.heartbeat, to_client.send(message)).await else {
                return;
            };
            // A queue that was full gives this many in a row before it is empty.
            in_a_row += 1;
            if messages.is_empty() {
                if let Some(id) = id.filter(|_| in_a_row >= QUEUE) {
                    self.tell(move |host, now| host.flush(now, id)).await;
                }
                in_a_row = 0;
            }
        }
    }
}
