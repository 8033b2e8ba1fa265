//! Starting and stopping the server.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use adsum::{DefaultHashBuilder, Engine};
use adsum_cluster::Cluster;
use adsum_tim::Secret;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bucket::Bucket;
use super::changed_queues::ChangedQueues;
use super::command::{Command, Node as UserId, Presence};
use super::demo::{self, cast::Cast};
use super::directory::Directory;
use super::edits::Edits;
use super::engine::core::Core;
use super::engine::edge_counter::{EdgeCounter, unix_ms};
use super::engine::engines::{Engines, OneOfSeveral};
use super::engine::one_state;
use super::forwarding::Forwarding;
use super::housekeeping;
use super::http::{self, Services};
use super::lobby::Lobby;
use super::metrics::{Metrics, QUEUED_BYTES};
use super::offline_users::OfflineUsers;
use super::pulse::Pulse;
use super::registrations::Registrations;
use super::seats::Seats;
use super::shared::{Shared, Tuning};
use super::v1::bye::Herd;
use super::writer::Writer;
use crate::cluster::{Ends, Handle, Identity, Transport};
use crate::config::Config;
use crate::store::{Access, RosterHook, RosterHookOptions, Store, StoreError};
use crate::tokens::Tokens;
use crate::webhooks::Sender;

/// How many commands may wait for the engine's thread before connections are not read on.
const COMMANDS: usize = 4_096;
const BACKLOG: u32 = 4_096;
/// The most connections at once to the address of operators, if that is another one.
const OPERATORS: usize = 64;
/// How long there is to tell the other servers that this one leaves.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long there is to save used tokens when the server stops.
const SAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// A running server.
pub struct Host {
    shared: Arc<Shared>,
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    listeners: JoinSet<()>,
    threads: Vec<JoinHandle<()>>,
    /// Of one of several servers: why it cannot go on, if it cannot.
    failed: Option<watch::Receiver<Option<String>>>,
    /// Cancelled when nothing more is to be said to the others.
    silence: CancellationToken,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("{key} = {address}: cannot listen there: {error}")]
    Listen {
        /// The setting that names it.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The engine's options do not go together.
    #[error("the presence rules do not go together: {0}")]
    Rules(#[from] adsum::ConfigError),
    /// Nobody can be asked for contacts.
    #[error("roster_url: {0}")]
    Roster(StoreError),
    /// Nothing can be posted to the webhook.
    #[error("webhook_url: {0}")]
    Webhook(String),
    /// This server cannot be one of several.
    #[error("cluster: {0}")]
    Cluster(String),
    /// The system gave no thread.
    #[error("no thread: {0}")]
    Thread(#[from] io::Error),
}

impl StartError {
    /// Returns the key of the setting that it is about, if it is about one.
    #[must_use]
    pub const fn key(&self) -> Option<&'static str> {
        match self {
            Self::Listen { key, .. } => Some(key),
            Self::Webhook(_) => Some("webhook_url"),
            Self::Cluster(_) => Some("cluster"),
            Self::Roster(_) => Some("roster_url"),
            Self::Rules(_) | Self::Thread(_) => None,
        }
    }
}

/// Listens at an address; accepted connections inherit the size of the send buffer.
fn listen(
    key: &'static str,
    address: SocketAddr,
    tuning: &Tuning,
) -> Result<TcpListener, StartError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(tuning.send_buffer_bytes)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|error| StartError::Listen { key, address, error })
}

impl Host {
    /// Starts a server on the runtime that this is called in.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(
        config: Config,
        store: Arc<dyn Store>,
        tuning: Tuning,
    ) -> Result<Self, StartError> {
        let rules = adsum::Config::new(config.engine_options())?;
        let listener = listen("client_listen", config.network.client_listen, &tuning)?;
        let address = listener.local_addr()?;
        let admin = match config.network.admin_listen {
            Some(at) => Some(listen("admin_listen", at, &tuning)?),
            None => None,
        };
        let admin_address = admin.as_ref().map(TcpListener::local_addr).transpose()?;
        let access = access(&config, &store).map_err(StartError::Roster)?;
        let metrics = Arc::new(Metrics::new());
        let (commands, incoming) = mpsc::channel(COMMANDS);
        let queues = Arc::new(ChangedQueues::new(commands.clone()));
        let rest = Duration::from_millis(config.network.write_rest_ms.into());
        let (writer, writing) = Writer::start(rest, queues.clone(), metrics.clone())?;
        let start_ms = unix_ms();
        let cluster = Several::new(&config, start_ms, &metrics)?;
        // Edges of several servers are numbered as one.
        let start_ms = if cluster.is_some() { 0 } else { start_ms };
        let sender = Sender::new(&config.webhooks, start_ms, metrics.webhook.clone());
        let sender = sender.map_err(|error| StartError::Webhook(error.to_string()))?;
        let edges = EdgeCounter::new(start_ms, sender.as_ref().map(Sender::waiting));
        let offline_users = Arc::new(OfflineUsers::default());
        let engine = one_state::engine(rules, config.presence.one_state);
        let silence = CancellationToken::new();
        let (engine, ready, failed) = match cluster {
            None => (Engines::alone(engine), None, None),
            Some(several) => {
                let (engine, ready, failed) =
                    several.start(&config, engine, commands.clone(), &metrics, &silence)?;
                (engine, Some(ready), Some(failed))
            }
        };
        let (told, offline) = (metrics.clone(), offline_users.clone());
        let core = Core::new(engine, writer, edges, queues.clone(), told, offline);
        let engine = std::thread::Builder::new()
            .name("adsum-engine".to_owned())
            .spawn(move || run_engine(core, incoming))?;
        let who = (store, access);
        let shared = share(config, tuning, who, commands, queues, metrics, ready);
        housekeeping::start(&shared, offline_users);
        if let Some(sender) = sender {
            tokio::spawn(sender.run(shared.stop.clone()));
        }
        let mut listeners = JoinSet::new();
        let all = Services { clients: true, operators: admin.is_none() };
        listeners.spawn(http::accept(listener, shared.clone(), shared.lobby.clone(), all));
        if let Some(admin) = admin {
            let operators = Services { clients: false, operators: true };
            // Of their own: whatever clients do, operators are answered.
            let lobby = Lobby::new(OPERATORS, OPERATORS);
            listeners.spawn(http::accept(admin, shared.clone(), lobby, operators));
        }
        if shared.cast.is_some() {
            demo::start(&shared, address);
        }
        let threads = vec![engine, writing];
        Ok(Self { shared, address, admin_address, listeners, threads, failed, silence })
    }

    /// Returns the address where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of metrics and the administrator's API, if it is another one.
    #[must_use]
    pub const fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Waits until this server cannot go on, and returns why: another one has its name.
    pub async fn failed(&self) -> String {
        let mut failed = match &self.failed {
            Some(failed) => failed.clone(),
            None => return std::future::pending().await,
        };
        match failed.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Stops: accepts no more connections, tells every client, gives them time to take what is due,
    /// and returns when the last connection has ended or the time is over. One of several servers
    /// tells the others first, so that nobody hears of it.
    pub async fn stop(mut self) {
        if self.failed.is_some() {
            let (done, told) = oneshot::channel();
            self.shared.command(Command::Leave(done)).await;
            let _ = tokio::time::timeout(LEAVE_TIMEOUT, told).await;
        }
        let drain = Duration::from_millis(self.shared.config.network.drain_timeout_ms);
        let over_at = tokio::time::Instant::now() + drain;
        self.shared.stop.cancel();
        // A listener ends when its last connection has.
        let drained = async { while self.listeners.join_next().await.is_some() {} };
        if tokio::time::timeout_at(over_at, drained).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        self.listeners.abort_all();
        // Whoever has logged in with one until now must not be able to once more.
        let saved = self.shared.directory.save_used_tokens();
        if !matches!(tokio::time::timeout(SAVE_TIMEOUT, saved).await, Ok(Ok(()))) {
            tracing::warn!("used tokens could not be saved, and may be used once more");
        }
        self.silence.cancel();
        let stopped = self.shared.commands.send(Command::Stop);
        if tokio::time::timeout(drain.max(Duration::from_secs(1)), stopped).await.is_ok() {
            let threads = std::mem::take(&mut self.threads);
            // They end as soon as they are told; the engine's takes the writer's with it.
            let _ = tokio::task::spawn_blocking(move || {
                threads.into_iter().for_each(|thread| drop(thread.join()));
            })
            .await;
        }
        tracing::debug!(left = QUEUED_BYTES.load(Ordering::Relaxed), "stopped");
    }
}

/// A host that is dropped without being stopped gives nobody time, but leaves nothing behind: its
/// threads hold the channels to each other, and would not end by themselves.
impl Drop for Host {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.silence.cancel();
        // Refused if they have ended; or if too much waits, and then they run on.
        let _ = self.shared.commands.try_send(Command::Stop);
    }
}

/// A server that is to be one of several.
struct Several {
    identity: Identity,
    handle: Handle,
    ends: Ends,
}

impl Several {
    /// Returns what is needed for that, if the settings want it.
    fn new(config: &Config, start_ms: u64, metrics: &Metrics) -> Result<Option<Self>, StartError> {
        if config.cluster.url.is_none() {
            return Ok(None);
        }
        let identity = Identity::new(&config.cluster, start_ms)
            .ok_or_else(|| StartError::Cluster("no name, or no random numbers".to_owned()))?;
        let (handle, ends) = Handle::new(metrics.cluster.clone());
        Ok(Some(Self { identity, handle, ends }))
    }

    /// Puts the engine among others, and starts what carries their messages.
    fn start(
        self,
        config: &Config,
        engine: Engine<UserId, Presence>,
        commands: mpsc::Sender<Command>,
        metrics: &Metrics,
        silence: &CancellationToken,
    ) -> Result<(Engines, IsReady, HasFailed), StartError> {
        let Self { identity, handle, ends } = self;
        let Identity { me, incarnation, protocol } = identity.clone();
        let hasher = DefaultHashBuilder::default();
        let cluster = Cluster::new(me, incarnation, protocol, engine, hasher)
            .map_err(|error| StartError::Cluster(error.to_string()))?;
        let Ends { outgoing, ready, failed, fail } = ends;
        let transport = Transport {
            cluster: config.cluster.clone(),
            identity,
            commands,
            outgoing,
            fail,
            metrics: metrics.cluster.clone(),
            stop: silence.clone(),
        };
        tokio::spawn(transport.run());
        let node = OneOfSeveral { cluster, incarnation, handle, has_begun: false };
        Ok((Engines::OneOfSeveral(Box::new(node)), ready, failed))
    }
}

type IsReady = watch::Receiver<bool>;
type HasFailed = watch::Receiver<Option<String>>;

fn run_engine(core: Core, incoming: mpsc::Receiver<Command>) {
    match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime.block_on(core.run(incoming)),
        Err(error) => tracing::error!(%error, "the engine's thread has no runtime"),
    }
}

fn share(
    config: Config,
    tuning: Tuning,
    (store, access): (Arc<dyn Store>, Arc<dyn Access>),
    commands: mpsc::Sender<Command>,
    queues: Arc<ChangedQueues>,
    metrics: Arc<Metrics>,
    ready: Option<IsReady>,
) -> Arc<Shared> {
    let accounts = &config.accounts;
    let key = token_key(config.accounts.token_key.as_ref());
    let tokens = Tokens::new(&key, accounts.token_timeout_ms, accounts.token_limit as usize);
    let workers = accounts.password_workers as usize;
    let directory = Directory::new(store, access, tokens, workers, metrics.clone());
    let mut number = [0; 4];
    // tim's is a hash of the server's id; clients do nothing with it.
    let _ = getrandom::fill(&mut number);
    let rate = config.network.request_rate;
    Arc::new(Shared {
        tuning,
        limits: config.frame_limits(),
        commands,
        queues,
        metrics,
        directory,
        seats: Seats::new(config.network.connect_limit, config.network.seats_per_address),
        registrations: Registrations::new(config.accounts.register_burst),
        lobby: Lobby::new(
            config.network.pending_limit as usize,
            config.network.pending_per_address as usize,
        ),
        forwarding: Forwarding::default(),
        stop: CancellationToken::new(),
        stopped: OnceLock::new(),
        edits: Edits::default(),
        herd: Herd::default(),
        directed: Bucket::new(rate, rate, Instant::now()).map(Mutex::new),
        ready,
        pulse: Pulse::default(),
        cast: config.services.demo.then(Cast::default),
        server_number: i32::from_le_bytes(number).into(),
        config,
    })
}

/// Returns who says who may: the store, or whoever is asked for contacts instead.
fn access(config: &Config, store: &Arc<dyn Store>) -> Result<Arc<dyn Access>, StoreError> {
    let accounts = &config.accounts;
    let Some(url) = accounts.roster_url.clone() else { return Ok(store.clone()) };
    let options = RosterHookOptions {
        url,
        key: accounts.roster_key.clone(),
        timeout: Duration::from_millis(accounts.roster_timeout_ms.into()),
        max_relations: accounts.max_relations,
    };
    Ok(Arc::new(RosterHook::new(store.clone(), options)?))
}

/// Returns the key for tokens: the one that is given, or one that goes with the process.
fn token_key(given: Option<&Secret>) -> Vec<u8> {
    given.map_or_else(
        || {
            let mut key = vec![0; 32];
            // Without random numbers no token is issued either.
            let _ = getrandom::fill(&mut key);
            key
        },
        |given| given.0.clone().into_bytes(),
    )
}
