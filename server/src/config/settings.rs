//! The settings as plain values.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use adsum_tim::Secret;

use super::forwarded::ForwardedHeader;
use super::proxies::Proxies;
use crate::store::Patterns;

/// Everything that can be set, each value within its range. Times are in milliseconds whatever
/// unit their key has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Addresses, connections, and what one of them may ask for.
    pub network: Network,
    /// The engine's rules.
    pub presence: Presence,
    /// Accounts and rosters.
    pub accounts: Accounts,
    /// What is offered beside the protocol.
    pub services: Services,
    /// Who is told of who comes and goes.
    pub webhooks: Webhooks,
    /// The other servers, if there are any.
    pub cluster: Cluster,
}

/// Addresses, connections, and what one of them may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Where clients connect.
    pub client_listen: SocketAddr,
    /// Where metrics and the administrator's API are, if not there too.
    pub admin_listen: Option<SocketAddr>,
    /// The only Origin that is let in, where one is sent; `None` for any.
    pub origin: Option<String>,
    /// Whether something in front of the server speaks TLS, so that no warning is due.
    pub tls_in_front: bool,
    /// Whose word is taken for where a client is.
    pub trusted_proxies: Proxies,
    /// Where they write it.
    pub forwarded_header: ForwardedHeader,
    /// The most sessions at once, those included whose connection is lost.
    pub connect_limit: u32,
    /// The most of them from one address; 0 for one more as long as more are free than it has.
    pub seats_per_address: u32,
    /// The most connections at once that nobody has logged in on.
    pub pending_limit: u32,
    /// The most of them from one address.
    pub pending_per_address: u32,
    /// How long a connection may take to log in.
    pub login_timeout_ms: u64,
    /// How long a connection may be used for HTTP, and as long again for its last answer.
    pub http_timeout_ms: u64,
    /// How long a session may say nothing.
    pub ping_timeout_ms: u64,
    /// The most bytes of one frame.
    pub max_data: usize,
    /// How many frames a connection may send a second; 0 for as many as it likes.
    pub requests_per_second: u32,
    /// How many it may send at once.
    pub request_burst: u32,
    /// How many directed presences the server takes a second from all; 0 for as many as come.
    pub request_rate: u32,
    /// The most frames that wait for one connection.
    pub queue_frames: usize,
    /// The most bytes that wait for one connection.
    pub queue_bytes: usize,
    /// The most bytes of what is shown in the neutral protocol.
    pub max_p: usize,
    /// How long a connection is left alone after it was written to; 0 to write all at once.
    pub write_rest_ms: u32,
    /// How long connections have to take what is due when the server stops.
    pub drain_timeout_ms: u64,
}

/// The engine's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Whether no offline notices are sent at all.
    pub offline_block: bool,
    /// Who is told that somebody has gone, unless nobody is.
    pub offline_notices: OfflineNotices,
    /// Whether a session is told at login who is there.
    pub snapshot_at_login: bool,
    /// Whether a user's other sessions are told what one of them publishes.
    pub own_echo: bool,
    /// Who may send directed presence to whom.
    pub direct_to: DirectTo,
    /// How long a session whose connection broke may be resumed.
    pub grace_error_ms: u64,
    /// How long a session whose client went away without logging out may be resumed.
    pub grace_going_away_ms: u64,
    /// How long a session that fell silent may be resumed.
    pub grace_timeout_ms: u64,
    /// The most sessions of one user.
    pub device_limit: u16,
    /// The most sessions of one user with the same device kind.
    pub devicetype_limit: u16,
    /// What happens to a newcomer over either.
    pub over_limit: OverLimit,
    /// How old a session must be to make way.
    pub auth_min_ms: u64,
    /// How many presences a session may publish at once; 0 for as many as it likes, at any time.
    pub publish_burst: u32,
    /// How long until it may publish one more.
    pub publish_interval_ms: u32,
    /// The most users whom one user's presence goes to.
    pub max_audience: u32,
    /// The most users one directed presence may name.
    pub max_direct: u32,
    /// The most sessions that one session's directed presence may have reached.
    pub max_told: u32,
    /// Who may watch whom.
    pub watch: Watch,
    /// The most accounts that one session may watch.
    pub max_watched: u32,
    /// Whether friends are told one state of each user, and which.
    pub one_state: OneState,
    /// How long nobody has to be at any of a user's devices until friends are told so; 0 for never.
    pub idle_after_ms: u64,
    /// The names of topics that whoever shows no token with names may join.
    pub topics: Patterns,
    /// The most topics of one session.
    pub max_topics: u32,
    /// The most users of a topic who are all shown to those who view all of it.
    pub topic_full_up_to: u32,
    /// How many users are shown of a larger one.
    pub topic_sample: u16,
    /// How long changes in a topic are gathered before they are told; 0 to tell each at once.
    pub topic_coalesce_ms: u32,
    /// The most users of a topic.
    pub topic_max_members: u32,
    /// Whether blocks hide users from each other in topics.
    pub topic_blocks: TopicBlocks,
}

/// Whether blocks hide users from each other in topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicBlocks {
    /// Whoever views a topic sees all who are in it.
    Ignored,
    /// Of two users of whom one has blocked the other, neither is there for the other.
    Hidden,
}

/// Who is told that somebody has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfflineNotices {
    /// Whoever was told of them.
    WhoeverSaw,
    /// All friends, as in tim.
    AllContacts,
}

/// Who may send directed presence to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DirectTo {
    /// Friends.
    Contacts,
    /// Anyone to anyone, blocks excepted, as in tim.
    Anyone,
}

/// Who may ask to be told of whom, beyond their friends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watch {
    /// Nobody of anybody.
    Nobody,
    /// Anyone of anyone, blocks excepted.
    Anyone,
}

/// What friends are told of a user with several devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OneState {
    /// What each device shows, as in tim.
    Off,
    /// What the device shows that spoke last.
    Newest,
    /// What the device shows whose `show` ranks highest.
    Show,
}

/// What happens to a newcomer over a session limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OverLimit {
    /// The oldest session makes way, if it is old enough.
    Evict,
    /// The newcomer is refused.
    Refuse,
}

/// Accounts and rosters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Who keeps them.
    pub store: StoreKind,
    /// The SQLite file.
    pub store_path: PathBuf,
    /// Whether a new name must differ from all others in more than case.
    pub names_fold_case: bool,
    /// The most users that one account may be friends with, ask or block.
    pub max_relations: u32,
    /// The most requests that one account may have waiting, from others and to others.
    pub max_requests: u32,
    /// How many accounts one address may ask for at once, and then one in ten seconds; 0 for as
    /// many as it likes.
    pub register_burst: u32,
    /// The memory of one password hash.
    pub password_memory_kib: u32,
    /// The passes of one password hash.
    pub password_passes: u32,
    /// How many passwords are hashed at once.
    pub password_workers: u32,
    /// How long a login token is valid.
    pub token_timeout_ms: u64,
    /// How many login tokens may be used in that time.
    pub token_limit: u32,
    /// The file with the key that they are signed with, if it is not beside the store's.
    pub token_key_file: Option<PathBuf>,
    /// That key, if it is given.
    pub token_key: Option<Secret>,
    /// The secret that tokens of another account service are signed with.
    pub jwt_secret: Option<Secret>,
    /// The file with the public key of that service.
    pub jwt_public_key: Option<PathBuf>,
    /// The file with the keys of that service, as a JWK Set.
    pub jwt_keys: Option<PathBuf>,
    /// Who must have issued its tokens.
    pub jwt_issuer: Option<String>,
    /// Whom they must be for.
    pub jwt_audience: Option<String>,
    /// How far its clock may be off, in seconds.
    pub jwt_leeway_s: u64,
    /// Where contacts are asked for, if not in tokens or in the store.
    pub roster_url: Option<String>,
    /// What is shown there.
    pub roster_key: Option<Secret>,
    /// How long an answer may take.
    pub roster_timeout_ms: u32,
}

/// Who keeps accounts and rosters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// This server, in a file.
    Sqlite,
    /// Another service, whose tokens say who somebody is and whom they know.
    Jwt,
}

/// What is offered beside the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services {
    /// Whether the web page is served.
    pub web_page: bool,
    /// Whether simulated people are there, and all is forgotten at the end.
    pub demo: bool,
    /// Whether metrics are served.
    pub metrics: bool,
    /// What an administrator must show; `None` if there is no administrator's API.
    pub admin_token: Option<Secret>,
    /// No new accounts (tim's `TIMREGISTER`).
    pub no_register: bool,
    /// No login tokens (`TIMTOKEN`).
    pub no_token: bool,
    /// No presence to the roster (`TIMBROADPRESENCE`).
    pub no_broad_presence: bool,
    /// No directed presence (`TIMPRESENCE`).
    pub no_presence: bool,
    /// No roster requests (`TIMBUSINESS`).
    pub no_business: bool,
    /// No questions about names (`TIMNODES`).
    pub no_nodes: bool,
    /// How much is logged.
    pub log: Level,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Only what went wrong.
    Error,
    /// Also what looks wrong.
    Warn,
    /// Also what happens to the server.
    Info,
    /// Also what happens to each connection.
    Debug,
}

/// Who is told of who comes and goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhooks {
    /// Where it is posted; `None` if nobody is told.
    pub url: Option<String>,
    /// What it is signed with, if that is given.
    pub secret: Option<Secret>,
    /// The file that holds it, if it is not given.
    pub secret_file: Option<PathBuf>,
    /// The most edges of one post.
    pub batch: u32,
    /// How long the first of them waits for others.
    pub wait_ms: u32,
    /// How long one post may take.
    pub timeout_ms: u32,
    /// How long an edge is kept while posts fail.
    pub retry_ms: u32,
    /// How long to wait after the first post that fails.
    pub pause_ms: u32,
    /// The most users of whom an edge waits.
    pub users: u32,
}

/// The other servers, if there are any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The NATS server that carries what nodes say; `None` for a server by itself.
    pub url: Option<String>,
    /// The name of this node, if it is not that of the machine.
    pub node: Option<String>,
    /// What keeps one cluster's subjects apart from another's.
    pub name: String,
    /// The file with the user and the password that NATS wants.
    pub credentials: Option<PathBuf>,
    /// How often a node says that it is there.
    pub beat_ms: u64,
    /// After how long without a word of it a node is suspected.
    pub suspect_ms: u64,
    /// How long a node that starts waits for the others before it lets clients in.
    pub join_ms: u64,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            client_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 20_003)),
            admin_listen: None,
            origin: None,
            tls_in_front: false,
            trusted_proxies: Proxies::default(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            connect_limit: 20_000,
            seats_per_address: 0,
            pending_limit: 4_096,
            pending_per_address: 1_024,
            login_timeout_ms: 10_000,
            http_timeout_ms: 30_000,
            // Browsers let a page in the background send once a minute.
            ping_timeout_ms: 90_000,
            max_data: 128 * 1024,
            requests_per_second: 100,
            request_burst: 500,
            request_rate: 0,
            queue_frames: 256,
            queue_bytes: 256 * 1024,
            max_p: 4_096,
            write_rest_ms: 0,
            drain_timeout_ms: 5_000,
        }
    }
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            offline_block: false,
            offline_notices: OfflineNotices::WhoeverSaw,
            snapshot_at_login: true,
            own_echo: true,
            direct_to: DirectTo::Contacts,
            grace_error_ms: 60_000,
            grace_going_away_ms: 5_000,
            grace_timeout_ms: 15_000,
            device_limit: 16,
            devicetype_limit: 16,
            over_limit: OverLimit::Evict,
            auth_min_ms: 10_000,
            // tim's web client answers each friend's announcement with a presence of its own.
            publish_burst: 300,
            publish_interval_ms: 50,
            max_audience: 100_000,
            max_direct: 1_000,
            max_told: 4_096,
            watch: Watch::Nobody,
            max_watched: 500,
            one_state: OneState::Off,
            idle_after_ms: 0,
            topics: Patterns::new(vec!["room:*".to_owned()]),
            max_topics: 100,
            topic_full_up_to: 200,
            topic_sample: 20,
            topic_coalesce_ms: 0,
            topic_max_members: 1_000_000,
            topic_blocks: TopicBlocks::Ignored,
        }
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            store: StoreKind::Sqlite,
            store_path: PathBuf::from("adsum-server.db"),
            names_fold_case: true,
            max_relations: 10_000,
            max_requests: 500,
            register_burst: 100,
            password_memory_kib: 19_456,
            password_passes: 2,
            password_workers: 2,
            // tim's ten seconds do not outlive a restart.
            token_timeout_ms: 24 * 60 * 60 * 1_000,
            token_limit: 1_000_000,
            token_key_file: None,
            token_key: None,
            jwt_secret: None,
            jwt_public_key: None,
            jwt_keys: None,
            jwt_issuer: None,
            jwt_audience: None,
            jwt_leeway_s: 30,
            roster_url: None,
            roster_key: None,
            roster_timeout_ms: 3_000,
        }
    }
}

impl Default for Services {
    fn default() -> Self {
        Self {
            web_page: true,
            demo: false,
            metrics: true,
            admin_token: None,
            no_register: false,
            no_token: false,
            no_broad_presence: false,
            no_presence: false,
            no_business: false,
            no_nodes: false,
            log: Level::Info,
        }
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            url: None,
            secret: None,
            secret_file: None,
            batch: 100,
            wait_ms: 200,
            timeout_ms: 5_000,
            retry_ms: 60_000,
            pause_ms: 250,
            users: 100_000,
        }
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            url: None,
            node: None,
            name: "adsum".to_owned(),
            credentials: None,
            beat_ms: 1_000,
            suspect_ms: 5_000,
            join_ms: 3_000,
        }
    }
}

impl Cluster {
    /// Returns the name of this node: the one that is given, or that of the machine as far as a
    /// node may be called so.
    #[must_use]
    pub fn node_name(&self) -> Option<String> {
        if self.node.is_some() {
            return self.node.clone();
        }
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = host.trim().chars().map(plain).take(31).collect();
        (!name.is_empty()).then_some(name)
    }
}
