//! The two tasks that speak to NATS.

use std::sync::Arc;
use std::time::Duration;

use adsum_cluster::To;
use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, Subscriber};
use futures_util::StreamExt as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::handle::{self, Outgoing};
use super::identity::Identity;
use super::metrics::ClusterMetrics;
use super::subjects::Subjects;
use super::wire::Message;
use super::{name, wire};
use crate::config::Cluster;
use crate::host::{Command, Heard};

/// How many messages may wait for the connection. More would only be old when they come.
const PENDING: usize = 256;
/// How often to make sure that NATS is there while nothing else goes over the connection.
const PING: Duration = Duration::from_secs(5);
/// How long to wait between two tries to connect, at most.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// How long a message may wait for its turn. NATS is as good as gone then.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the tasks need.
pub(crate) struct Transport {
    pub(crate) cluster: Cluster,
    pub(crate) identity: Identity,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    pub(crate) fail: watch::Sender<Option<String>>,
    pub(crate) metrics: Arc<ClusterMetrics>,
    pub(crate) stop: CancellationToken,
}

impl Transport {
    /// Connects, sees to it that nobody else has this node's name, and carries messages until the
    /// server stops.
    pub(crate) async fn run(self) {
        let Self { cluster, identity, commands, outgoing, fail, metrics, stop } = self;
        let (connected, is_connected) = watch::channel(false);
        let fail = |why| handle::fail(&fail, why);
        let address = cluster.url.as_deref().unwrap_or_default();
        let client = match options(&cluster, &identity, connected, metrics.clone()) {
            Ok(options) => options.connect(address).await,
            Err(error) => return fail(error),
        };
        let client = match client {
            Ok(client) => client,
            Err(error) => return fail(format!("cluster = {address}: {error}")),
        };
        let subjects = Subjects::new(&cluster.name, identity.me);
        let [streams, inbox] = subjects.heard();
        let (Ok(mut streams), Ok(inbox)) =
            (client.subscribe(streams).await, client.subscribe(inbox).await)
        else {
            return fail("the connection to NATS is closed".to_owned());
        };
        let join = Duration::from_millis(cluster.join_ms);
        let beat = Duration::from_millis(cluster.beat_ms);
        if is_there(is_connected, join).await {
            if name::is_taken(&mut streams, &subjects, identity.me, beat).await {
                return fail(format!(
                    "node = {}: another server of this name is running: each needs its own",
                    identity.me
                ));
            }
        } else {
            tracing::warn!("NATS is not there: this node goes on by itself until it is");
        }
        let _ = commands.send(Command::Begin).await;
        let receiver = Receiver { commands, subjects: subjects.clone(), metrics: metrics.clone() };
        let receiving = tokio::spawn(receiver.run(streams, inbox));
        Sender { client, subjects, metrics }.run(outgoing, &stop).await;
        receiving.abort();
    }
}

fn options(
    cluster: &Cluster,
    identity: &Identity,
    connected: watch::Sender<bool>,
    metrics: Arc<ClusterMetrics>,
) -> Result<ConnectOptions, String> {
    let connected = Arc::new(connected);
    let on_event = move |event: Event| {
        match &event {
            Event::Connected => tracing::info!("NATS is there"),
            Event::Disconnected => {
                tracing::warn!("NATS is gone: this node goes on with what it knows");
            }
            other => tracing::warn!(%other, "NATS"),
        }
        if matches!(event, Event::Connected | Event::Disconnected | Event::Closed) {
            let is_connected = matches!(event, Event::Connected);
            metrics.set_connected(is_connected);
            connected.send_replace(is_connected);
        }
        async {}
    };
    let options = match &cluster.credentials {
        Some(path) => {
            let credentials = std::fs::read_to_string(path)
                .map_err(|error| format!("cluster_credentials = {}: {error}", path.display()))?;
            let [user, password] = [0, 1].map(|at| credentials.lines().nth(at).unwrap_or_default());
            if user.is_empty() {
                return Err(format!(
                    "cluster_credentials = {}: has no user in its first line",
                    path.display()
                ));
            }
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        None => ConnectOptions::new(),
    };
    Ok(options
        .name(format!("adsum-server {}", identity.me))
        .no_echo()
        .retry_on_initial_connect()
        .client_capacity(PENDING)
        .ping_interval(PING)
        .reconnect_delay_callback(|attempts| {
            MAX_PAUSE.min(Duration::from_millis(50).saturating_mul(attempts.min(100) as u32))
        })
        .event_callback(on_event))
}

/// Waits until there is a connection, but not for long.
async fn is_there(mut connected: watch::Receiver<bool>, at_most: Duration) -> bool {
    let there = connected.wait_for(|connected| *connected);
    matches!(tokio::time::timeout(at_most, there).await, Ok(Ok(_)))
}

/// Reads what others say.
struct Receiver {
    commands: mpsc::Sender<Command>,
    subjects: Subjects,
    metrics: Arc<ClusterMetrics>,
}

impl Receiver {
    async fn run(self, mut streams: Subscriber, mut inbox: Subscriber) {
        loop {
            let message = tokio::select! {
                message = streams.next() => message,
                message = inbox.next() => message,
            };
            let Some(message) = message else { return };
            if let Some(heard) = self.read(&message.subject, &message.payload) {
                // While the engine's thread has too much to do, the rest waits here.
                if self.commands.send(Command::Hear(Box::new(heard))).await.is_err() {
                    return;
                }
            }
        }
    }

    fn read(&self, subject: &str, bytes: &[u8]) -> Option<Heard> {
        let Some(sender) = self.subjects.sender(subject) else {
            self.metrics.refused("subject");
            return None;
        };
        match wire::decode(bytes) {
            Ok(message) => {
                self.metrics.received(wire::kind(&message), bytes.len());
                Some(Heard { sender, message })
            }
            Err(bad) => {
                self.metrics.refused(bad.name());
                tracing::debug!(%sender, reason = bad.name(), "no message");
                None
            }
        }
    }
}

/// Sends what this node says.
struct Sender {
    client: Client,
    subjects: Subjects,
    metrics: Arc<ClusterMetrics>,
}

impl Sender {
    async fn run(self, mut outgoing: mpsc::Receiver<Outgoing>, stop: &CancellationToken) {
        loop {
            let next = tokio::select! {
                next = outgoing.recv() => next,
                () = stop.cancelled() => None,
            };
            match next {
                Some(Outgoing::Message(to, message)) => self.send(to, *message).await,
                Some(Outgoing::Flush(done)) => {
                    if self.is_connected() {
                        let _ = tokio::time::timeout(PATIENCE, self.client.flush()).await;
                    }
                    let _ = done.send(());
                }
                None => return,
            }
        }
    }

    async fn send(&self, to: To, message: Message) {
        // What is kept for later is old by then, and asked for anyway.
        if !self.is_connected() {
            return self.metrics.dropped("not_connected");
        }
        let (kind, subject) = (wire::kind(&message), self.subjects.to(to));
        let max = self.client.max_payload().clamp(1, wire::MAX_BYTES);
        let mut lost = 0;
        for bytes in wire::encode_all(message, max, &mut lost) {
            self.metrics.sent(kind, bytes.len());
            let published = self.client.publish(subject.clone(), bytes.into());
            if !matches!(tokio::time::timeout(PATIENCE, published).await, Ok(Ok(()))) {
                self.metrics.dropped("stuck");
            }
        }
        if lost > 0 {
            self.metrics.dropped("too_large");
            tracing::error!(bytes = max, "a user's state is larger than a message may be");
        }
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }
}
