//! What to say about an unknown key.

use super::key::{Key, fold};
use super::table;

/// What to do instead of some of tim's keys that have no meaning here, by how they begin.
const FOREIGN: [(&str, &str); 10] = [
    ("ssl_certificate", "TLS is not spoken here: put a proxy in front and set tls_in_front"),
    ("webadmin", "the administrator's API is HTTP here: see admin_token and admin_listen"),
    ("web_admin", "the administrator's API is HTTP here: see admin_token and admin_listen"),
    ("server_api_listen", "the administrator's API is HTTP here: see admin_token and admin_listen"),
    ("tcp_admin_listen", "the administrator's API is HTTP here: see admin_token and admin_listen"),
    ("admin_account_init", "an administrator shows admin_token here"),
    ("nodb", "accounts are kept in a file or elsewhere: see store"),
    ("inlinedb", "accounts are kept in an SQLite file: see store_path"),
    ("externaldb", "accounts kept elsewhere come by token: see store"),
    ("maxmessagesize", "the size of a frame is security.maxdata"),
];

/// The rest of tim's keys that have no meaning here, by how they begin.
const FOREIGN_OTHERS: [&str; 20] = [
    "bind",
    "cache_",
    "cassandra",
    "cluster",
    "etcd",
    "external_account",
    "ks_dir",
    "maskseed",
    "maxbackup",
    "memlimit",
    "message_noauth",
    "mongodb",
    "node_maxlength",
    "public_node",
    "raftx",
    "redis",
    "salt",
    "tldb",
    "ttl",
    "zookeeper",
];

/// Returns why a key is not known: it is tim's but has no meaning here, or close to one that is
/// known.
pub(super) fn why_unknown(name: &str) -> String {
    let folded = fold(name);
    if let Some((_, why)) = FOREIGN.iter().find(|(start, _)| folded.starts_with(start)) {
        return format!("tim's, not this server's: {why}");
    }
    if FOREIGN_OTHERS.iter().any(|start| folded.starts_with(start)) {
        return "tim's, without meaning here: leave it out".to_owned();
    }
    let distance = |name: &str| strsim::damerau_levenshtein(&fold(name), &folded);
    let nearest = table::all().flat_map(Key::names).min_by_key(|name| distance(name));
    match nearest.filter(|name| distance(name) <= 1 + folded.len() / 4) {
        Some(nearest) => format!("unknown; is {nearest} meant?"),
        None => "unknown; --help names all keys".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unknown_is_explained() {
        assert_eq!(why_unknown("device_limt"), "unknown; is device_limit meant?");
        assert_eq!(
            why_unknown("presence.ofline.block"),
            "unknown; is presence_offline_block meant?"
        );
        assert_eq!(why_unknown("colour"), "unknown; --help names all keys");
        assert!(why_unknown("ssl_certificate").contains("proxy"));
        assert!(why_unknown("redis.endpoints").contains("tim's"));
    }
}
