//! tim's keys that this server does not have, of all its versions: those without meaning here, and
//! those whose absence would be dangerous.

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
const REQUESTS: Verdict = Dangerous(
    "requests are switched off by name here, so these could be made; see deactivate_api, and leave \
     it out",
);
const REQUESTS_BY_NAME: Verdict = Dangerous(
    "requests are switched off one by one, so all of them could be made; say \
     {\"deactivate_api\": {\"TIMREGISTER\": true}}, with the name of each, or leave it out",
);
const LIMITS_BY_NAME: Verdict = Dangerous(
    "limits are set one by one, so this sets none; say {\"security\": {\"maxdata\": 65536}}, or \
     reqhzsecond there, or leave it out",
);
const CALLED: Verdict = Dangerous(
    "nobody is called there, so whoever waits for it would not know who comes and goes; see \
     webhook_url, and leave it out",
);
const ADMIN_TLS: Verdict = Dangerous(
    "TLS is not spoken here, so an administrator's token would go over the wire as it is; put a \
     proxy in front, set tls_in_front, and leave it out",
);
const ADMIN: Verdict =
    WithoutMeaning("the administrator's API is HTTP here, see admin_token and admin_listen");
const ADMIN_ACCOUNT: Verdict = WithoutMeaning("an administrator shows admin_token here");
const FRAMES: Verdict = WithoutMeaning("the size of a frame is security.maxdata");
const OFF: Verdict = WithoutMeaning("that is not offered here in any case");
const NO_ACCOUNTS: Verdict = WithoutMeaning("whoever logs in needs an account here");
const NOTHING: Verdict = WithoutMeaning("nothing here depends on it");

/// Keys that have others in them and no value of their own: whoever gives them one wants something
/// that no key in them says.
const OBJECTS: [(&str, Verdict); 2] =
    [("deactivate_api", REQUESTS_BY_NAME), ("security", LIMITS_BY_NAME)];

/// The keys, each with all that are in it: `ssl_certificate_key`, `redis.endpoints`. Where tim has
/// had several spellings of a word, each is here.
const GROUPS: [(&str, Verdict); 62] = [
    ("ssl_certificate", TLS),
    ("admin_tls", ADMIN_TLS),
    ("security.connectauth_url", CONNECT),
    ("security.forbid.ifaces", REQUESTS),
    ("blockapi", REQUESTS),
    ("notice", CALLED),
    ("external_account", ACCOUNTS),
    ("externaldb", ACCOUNTS),
    ("inlinedb", ACCOUNTS),
    ("nodbauth", ACCOUNTS),
    ("sql.property", ACCOUNTS),
    ("tldb", ACCOUNTS),
    ("mongodb", ACCOUNTS),
    ("cassandra", ACCOUNTS),
    ("cluster", ALONE),
    ("cluser", ALONE),
    ("raftx", ALONE),
    ("rax", ALONE),
    ("etcd", ALONE),
    ("redis", ALONE),
    ("zookeeper", ALONE),
    ("webadmin", ADMIN),
    ("server_api_listen", ADMIN),
    ("tcp_admin_listen", ADMIN),
    ("adm.listen", ADMIN),
    ("admin_account_init", ADMIN_ACCOUNT),
    ("timAdminAuth", ADMIN_ACCOUNT),
    ("nodb", NO_ACCOUNTS),
    ("maxmessagesize", FRAMES),
    ("deactivate_api.TIMAUTH", LOGINS),
    ("deactivate_api.TIMOFFLINEMSG", OFF),
    ("deactivate_api.TIMOFFLINEMSGEND", OFF),
    ("deactivate_api.TIMLOGOUT", OFF),
    ("deactivate_api.TIMPULLMESSAGE", OFF),
    ("deactivate_api.TIMVROOM", OFF),
    ("deactivate_api.TIMMESSAGE", OFF),
    ("deactivate_api.TIMREVOKEMESSAGE", OFF),
    ("deactivate_api.TIMBURNMESSAGE", OFF),
    ("deactivate_api.TIMSTREAM", OFF),
    ("deactivate_api.TIMBIGSTRING", OFF),
    ("deactivate_api.TIMBIGBINARY", OFF),
    ("deactivate_api.TIMBIGBINARYSTREAM", OFF),
    ("message_noauth", OFF),
    ("memlimit", NOTHING),
    ("tasklimit", NOTHING),
    ("cache_authexpire", NOTHING),
    ("cache.expiretime", NOTHING),
    ("ttl", NOTHING),
    ("salt", NOTHING),
    ("maskseed", NOTHING),
    ("seed", NOTHING),
    ("uuid_bits", NOTHING),
    ("node_maxlength", NOTHING),
    ("public_node", NOTHING),
    ("bind", NOTHING),
    ("keystore", NOTHING),
    ("ks_dir", NOTHING),
    ("maxbackup", NOTHING),
    ("init", NOTHING),
    ("noinit", NOTHING),
    ("pprof_addr", NOTHING),
    ("use_tim_domain", NOTHING),
];

/// Returns what to do about a key, if it is one of tim's: in whatever spelling, with dots or
/// without.
pub(super) fn verdict(name: &str) -> Option<Verdict> {
    let name = fold(name);
    let object = OBJECTS.iter().find(|(object, _)| *object == name);
    let is_in_it = |(group, _): &&(&str, Verdict)| is_in(&name, &fold(group).replace('_', ""));
    let found = object.or_else(|| GROUPS.iter().find(is_in_it));
    found.map(|(_, verdict)| *verdict)
}

/// Returns whether the first words of a folded name make this group's name.
fn is_in(name: &str, group: &str) -> bool {
    let mut rest = group;
    for word in name.split('_') {
        match rest.strip_prefix(word) {
            Some("") => return true,
            Some(more) => rest = more,
            None => return false,
        }
    }
    false
}
