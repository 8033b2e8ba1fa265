//! Checks that no single range can make: options that do not go together, and options that are
//! most likely a mistake.

use std::net::IpAddr;

use super::settings::{
    Accounts, Cluster, Config, Network, OfflineNotices, OneState, Presence, StoreKind, TopicBlocks,
    Webhooks,
};
use crate::store::{Cost, Patterns};

/// Browsers let a page in the background send once a minute; the rest is for a slow network.
const SAFE_PING_TIMEOUT_MS: u64 = 75_000;

/// Returns what is wrong, a sentence each.
pub(super) fn problems(config: &Config) -> Vec<String> {
    let Config { presence, accounts, network, webhooks, .. } = config;
    let mut problems = Vec::new();
    if accounts.max_relations > presence.max_audience {
        problems.push(format!(
            "max_relations = {} is more than max_audience = {}: a user with that many friends \
             could not log in",
            accounts.max_relations, presence.max_audience
        ));
    }
    if needs_snapshot(presence) && !presence.snapshot_at_login {
        problems.push(
            "snapshot_at_login = false does not go with offline_notices = whoever_saw: set \
             offline_notices = all_contacts, or presence_offline_block = true"
                .to_owned(),
        );
    }
    if presence.topic_blocks == TopicBlocks::Hidden && presence.topic_coalesce_ms > 0 {
        problems.push(format!(
            "topic_coalesce_ms = {} does not go with topic_blocks = hidden: what is gathered is \
             told to all alike",
            presence.topic_coalesce_ms
        ));
    }
    if network.admin_listen == Some(network.client_listen) && network.client_listen.port() != 0 {
        problems.push(format!(
            "admin_listen = client_listen = {}: leave admin_listen out for one address",
            network.client_listen
        ));
    }
    if accounts.store == StoreKind::Jwt {
        problems.extend(jwt_problem(accounts));
    }
    if config.services.demo && accounts.store != StoreKind::Sqlite {
        problems.push(
            "demo needs store = sqlite: its people have accounts, of which nothing is kept"
                .to_owned(),
        );
    }
    problems.extend(webhook_problem(webhooks));
    problems.extend(cluster_problem(config));
    problems
}

fn cluster_problem(config: &Config) -> Option<String> {
    let Config { cluster, accounts, network, presence, .. } = config;
    cluster.url.as_ref()?;
    if accounts.store != StoreKind::Jwt {
        return Some(
            "cluster needs store = jwt: an SQLite file with accounts is one server's, and the \
             others would know nobody"
                .to_owned(),
        );
    }
    if cluster.suspect_ms < 2 * cluster.beat_ms {
        return Some(format!(
            "cluster_suspect_ms = {} must be two of cluster_beat_ms = {} at least",
            cluster.suspect_ms, cluster.beat_ms
        ));
    }
    if network.drain_timeout_ms > presence.grace_error_ms {
        return Some(format!(
            "drain_timeout = {} is more than grace_error = {}: the other servers would say that \
             whoever is still connected to one that stops is offline",
            network.drain_timeout_ms / 1_000,
            presence.grace_error_ms / 1_000
        ));
    }
    let name = cluster.node_name();
    let is_named = name.is_some_and(|name| adsum_cluster::NodeId::new(&name).is_some());
    (!is_named).then(|| "cluster needs node: the machine has no name that would do".to_owned())
}

/// Returns what is most likely a mistake of a cluster, if there is such.
fn cluster_warning(cluster: &Cluster) -> Option<String> {
    if cluster.url.is_none() {
        let is_set = cluster.node.is_some() || cluster.credentials.is_some();
        return is_set
            .then(|| "node and cluster_credentials have no effect without cluster".into());
    }
    None
}

const fn needs_snapshot(presence: &Presence) -> bool {
    !presence.offline_block && matches!(presence.offline_notices, OfflineNotices::WhoeverSaw)
}

fn jwt_problem(accounts: &Accounts) -> Option<String> {
    let problem = match jwt_keys(accounts) {
        0 => "store = jwt needs jwt_secret, jwt_public_key or jwt_keys",
        1 => return None,
        _ => "jwt_secret, jwt_public_key and jwt_keys: only one of them can be meant",
    };
    Some(problem.to_owned())
}

/// Returns how many of the keys for tokens are given.
fn jwt_keys(accounts: &Accounts) -> usize {
    let Accounts { jwt_secret, jwt_public_key, jwt_keys, .. } = accounts;
    let given = [jwt_secret.is_some(), jwt_public_key.is_some(), jwt_keys.is_some()];
    given.into_iter().filter(|given| *given).count()
}

fn webhook_problem(webhooks: &Webhooks) -> Option<String> {
    let problem = match (&webhooks.url, &webhooks.secret, &webhooks.secret_file) {
        (Some(_), None, None) => "webhook_url needs webhook_secret_file or webhook_secret",
        (_, Some(_), Some(_)) => {
            "webhook_secret_file and webhook_secret: only one of them can be meant"
        }
        _ => return None,
    };
    Some(problem.to_owned())
}

/// Returns what is most likely a mistake of webhooks, if there is such.
fn webhook_warning(webhooks: &Webhooks) -> Option<String> {
    let Some(url) = &webhooks.url else {
        let has_secret = webhooks.secret.is_some() || webhooks.secret_file.is_some();
        return has_secret.then(|| {
            "webhook_secret and webhook_secret_file have no effect without webhook_url".to_owned()
        });
    };
    let url: reqwest::Url = url.parse().ok()?;
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    (url.scheme() == "http" && !is_here).then(|| {
        "webhook_url is not https: whoever is on the way can read who comes and goes".to_owned()
    })
}

/// Returns whether a browser may send this as `Origin`: scheme, host and port of a page, in small
/// letters and without what goes without saying.
fn may_be_sent(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return origin == "null" };
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "/",
    };
    let is_plain = |one: char| !one.is_whitespace() && !one.is_ascii_uppercase() && one != '/';
    !scheme.is_empty()
        && !host.is_empty()
        && origin.is_ascii()
        && !host.ends_with(default)
        && scheme.chars().chain(host.chars()).all(is_plain)
}

/// Returns what is most likely a mistake of the origin, if there is such.
fn origin_warning(origin: Option<&str>) -> Option<String> {
    let origin = origin.filter(|origin| !may_be_sent(origin))?;
    Some(format!(
        "origin = {origin}: browsers send it like https://example.org, with a port only if that \
         is another one, so no page is let in"
    ))
}

/// Returns what is most likely a mistake of the names of topics: that somebody takes patterns for
/// regular expressions.
fn topics_warning(topics: &Patterns) -> Option<String> {
    let special = ['(', ')', '[', ']', '{', '}', '^', '$', '|', '?', '+', '\\'];
    let pattern = topics.iter().find(|pattern| pattern.contains(special))?;
    let first = pattern.chars().find(|one| special.contains(one))?;
    Some(format!(
        "topics = {pattern}: {first} stands for itself in a pattern, and only * for anything else"
    ))
}

/// Returns what is most likely a mistake where no proxy is trusted.
fn proxy_warning(network: &Network) -> Option<String> {
    let is_default = network.forwarded_header == Network::default().forwarded_header;
    if !network.trusted_proxies.is_empty() || (is_default && !network.tls_in_front) {
        return None;
    }
    Some(if network.tls_in_front {
        "tls_in_front = true without trusted_proxies: all clients count as one address, the \
         proxy's, for limits by address"
            .to_owned()
    } else {
        let header = network.forwarded_header.name();
        format!("forwarded_header = {header} without trusted_proxies: nobody's word is taken")
    })
}

/// Returns what is allowed but most likely a mistake, a sentence each.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let Config { presence, accounts, network, services, webhooks, cluster } = config;
    let mut warnings = Vec::new();
    if network.ping_timeout_ms < SAFE_PING_TIMEOUT_MS {
        warnings.push(format!(
            "ping_timeout = {}: tim's clients ping every 10 to 15 s, and a page in the background \
             once a minute, so some of them count as lost while they are there: {} is safe",
            network.ping_timeout_ms / 1_000,
            SAFE_PING_TIMEOUT_MS / 1_000
        ));
    }
    warnings.extend(origin_warning(network.origin.as_deref()));
    let listens =
        [("client_listen", Some(network.client_listen)), ("admin_listen", network.admin_listen)];
    for (key, address) in listens {
        let open = address.filter(|address| !address.ip().is_loopback());
        if let Some(address) = open.filter(|_| !network.tls_in_front) {
            warnings.push(format!(
                "{key} = {address} can be reached from elsewhere, and what goes over the wire, \
                 passwords included, is not encrypted: put a proxy with TLS in front and set \
                 tls_in_front"
            ));
        }
    }
    warnings.extend(proxy_warning(network));
    let least = Cost::default();
    let work = |memory: u32, passes: u32| u64::from(memory) * u64::from(passes);
    if accounts.store == StoreKind::Sqlite
        && work(accounts.password_memory_kib, accounts.password_passes)
            < work(least.memory_kib, least.passes)
    {
        warnings.push(format!(
            "password_memory_kib = {} and password_passes = {}: hashes cheaper than {} and {} are \
             for tests",
            accounts.password_memory_kib, accounts.password_passes, least.memory_kib, least.passes
        ));
    }
    if presence.offline_block {
        warnings.push(
            "presence_offline_block = true: nobody is told that somebody has gone, and friends go \
             on showing them"
                .to_owned(),
        );
    }
    if presence.idle_after_ms > 0 && presence.one_state == OneState::Off {
        warnings.push("idle_after has no effect without one_state".to_owned());
    }
    if jwt_keys(accounts) > 0 && accounts.store == StoreKind::Sqlite {
        warnings.push(
            "jwt_secret, jwt_public_key and jwt_keys have no effect without store = jwt".to_owned(),
        );
    }
    if network.admin_listen.is_some() && !services.metrics && services.admin_token.is_none() {
        warnings
            .push("admin_listen serves health only: metrics and admin_token are off".to_owned());
    }
    warnings.extend(topics_warning(&presence.topics));
    warnings.extend(webhook_warning(webhooks));
    if webhooks.url.is_some() && services.admin_token.is_none() {
        warnings.push(
            "webhook_url without admin_token: after a start every hook is to ask /v1/online, which \
             answers 404 without that token"
                .to_owned(),
        );
    }
    warnings.extend(cluster_warning(cluster));
    warnings
}
