//! tim's keys that this server does not have: those without meaning here, and those whose absence
//! would be dangerous.

use super::key::fold;

/// What to do about one of tim's keys.
#[derive(Clone, Copy)]
pub(super) enum Verdict {
    /// It has no meaning here.
    WithoutMeaning(&'static str),
    /// Whoever set it relies on something that does not happen here.
    Dangerous(&'static str),
}

use Verdict::{Dangerous, WithoutMeaning};

const TLS: Verdict = Dangerous(
    "TLS is not spoken here, so passwords would go over the wire as they are; put a proxy in \
     front, set tls_in_front, and leave it out",
);
const CONNECT: Verdict = Dangerous(
    "nobody is asked here who may connect, so everybody could; see store = jwt, and leave it out",
);
const ACCOUNTS: Verdict = Dangerous(
    "accounts are kept in store_path here, where anybody could take the names of those kept \
     there; see store = jwt and deactivate_api.TIMREGISTER, and leave it out",
);
const ALONE: Verdict = Dangerous(
    "this server does not find others by it, so whoever is connected to another one would be \
     offline here; see cluster, and leave it out",
);
const LOGINS: Verdict =
    Dangerous("logins cannot be switched off here; stop the server, or leave it out");
const ADMIN: Verdict =
    WithoutMeaning("the administrator's API is HTTP here, see admin_token and admin_listen");
const ADMIN_ACCOUNT: Verdict = WithoutMeaning("an administrator shows admin_token here");
const FRAMES: Verdict = WithoutMeaning("the size of a frame is security.maxdata");
const OFF: Verdict = WithoutMeaning("that is not offered here in any case");
const NO_ACCOUNTS: Verdict = WithoutMeaning("whoever logs in needs an account here");
const NOTHING: Verdict = WithoutMeaning("nothing here depends on it");

/// The keys, each with all that begin with it.
const GROUPS: [(&str, Verdict); 46] = [
    ("ssl_certificate", TLS),
    ("security.connectauth_url", CONNECT),
    ("external_account", ACCOUNTS),
    ("externaldb", ACCOUNTS),
    ("inlinedb", ACCOUNTS),
    ("tldb", ACCOUNTS),
    ("mongodb", ACCOUNTS),
    ("cassandra", ACCOUNTS),
    ("cluster", ALONE),
    ("raftx", ALONE),
    ("rax", ALONE),
    ("etcd", ALONE),
    ("redis", ALONE),
    ("zookeeper", ALONE),
    ("webadmin", ADMIN),
    ("web_admin", ADMIN),
    ("server_api_listen", ADMIN),
    ("tcp_admin_listen", ADMIN),
    ("admin_account_init", ADMIN_ACCOUNT),
    ("nodb", NO_ACCOUNTS),
    ("maxmessagesize", FRAMES),
    ("deactivate_api.TIMAUTH", LOGINS),
    ("deactivate_api.TIMOFFLINEMSG", OFF),
    ("deactivate_api.TIMLOGOUT", OFF),
    ("deactivate_api.TIMPULLMESSAGE", OFF),
    ("deactivate_api.TIMVROOM", OFF),
    ("deactivate_api.TIMMESSAGE", OFF),
    ("deactivate_api.TIMREVOKEMESSAGE", OFF),
    ("deactivate_api.TIMBURNMESSAGE", OFF),
    ("deactivate_api.TIMSTREAM", OFF),
    ("deactivate_api.TIMBIGSTRING", OFF),
    ("deactivate_api.TIMBIGBINARY", OFF),
    ("message_noauth", OFF),
    ("memlimit", NOTHING),
    ("cache_authexpire", NOTHING),
    ("ttl", NOTHING),
    ("salt", NOTHING),
    ("maskseed", NOTHING),
    ("uuid_bits", NOTHING),
    ("node_maxlength", NOTHING),
    ("public_node", NOTHING),
    ("bind", NOTHING),
    ("ks_dir", NOTHING),
    ("maxbackup", NOTHING),
    ("noinit", NOTHING),
    ("use_tim_domain", NOTHING),
];

/// Returns what to do about a key, if it is one of tim's: in whatever spelling, with dots or
/// without.
pub(super) fn verdict(name: &str) -> Option<Verdict> {
    let plain = |name: &str| fold(name).replace('_', "");
    let name = plain(name);
    let found = GROUPS.iter().find(|(start, _)| name.starts_with(&plain(start)));
    found.map(|(_, verdict)| *verdict)
}
