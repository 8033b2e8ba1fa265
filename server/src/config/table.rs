//! The table of all keys: names, help, range, and the value that each sets. The file, the flags,
//! the environment, `--help` and `check-config` are all made from it.

use adsum_tim::Secret;

use super::forwarded::ForwardedHeader;
use super::key::Key;
use super::settings::{Level, StoreKind};
use super::value::{
    WEEK, address, boolean, choice, http_address, list, name_of, number, seconds, text,
};

const STORES: [(&str, StoreKind); 2] = [("sqlite", StoreKind::Sqlite), ("jwt", StoreKind::Jwt)];
const LEVELS: [(&str, Level); 4] = [
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
];

const FORWARDED_HEADERS: [(&str, ForwardedHeader); 2] = [
    (ForwardedHeader::XForwardedFor.name(), ForwardedHeader::XForwardedFor),
    (ForwardedHeader::Forwarded.name(), ForwardedHeader::Forwarded),
];

const DAY: u64 = 24 * 60 * 60;
const MONTH: u64 = 30 * DAY;
const MIB: u64 = 1024 * 1024;

/// Makes a key of one kind of value, which it keeps in one place of the settings.
macro_rules! key {
    (
        $name:literal $($alias:literal)*: $about:literal,
        number $unit:literal $min:literal..=$max:expr, $($at:ident).+
    ) => {
        key!(@ $name [$($alias)*] $about $unit false,
            |config, given| { config.$($at).+ = number(given, $min, $max)?; Ok(()) },
            |config| Some(config.$($at).+.to_string()))
    };
    (
        $name:literal $($alias:literal)*: $about:literal,
        seconds $min:literal..=$max:expr, $($at:ident).+
    ) => {
        key!(@ $name [$($alias)*] $about "SECONDS" false,
            |config, given| { config.$($at).+ = seconds(given, $min, $max)?; Ok(()) },
            |config| Some((config.$($at).+ / 1_000).to_string()))
    };
    (
        $name:literal $($alias:literal)*: $about:literal,
        boolean, $($at:ident).+
    ) => {
        key!(@ $name [$($alias)*] $about "" false,
            |config, given| { config.$($at).+ = boolean(given)?; Ok(()) },
            |config| Some(config.$($at).+.to_string()))
    };
    (
        $name:literal $($alias:literal)*: $about:literal,
        choice $names:literal $all:ident, $($at:ident).+
    ) => {
        key!(@ $name [$($alias)*] $about $names false,
            |config, given| { config.$($at).+ = choice(given, &$all)?; Ok(()) },
            |config| Some(name_of(config.$($at).+, &$all)))
    };
    (
        $name:literal $($alias:literal)*: $about:literal,
        text $unit:literal, $($at:ident).+
    ) => {
        key!(@ $name [$($alias)*] $about $unit false,
            |config, given| { config.$($at).+ = Some(text(given)?); Ok(()) },
            |config| config.$($at).+.clone())
    };
    (
        $name:literal $($alias:literal)*: $about:literal,
        path, $($at:ident).+
    ) => {
        key!(@ $name [$($alias)*] $about "FILE" false,
            |config, given| { config.$($at).+ = Some(text(given)?.into()); Ok(()) },
            |config| config.$($at).+.as_ref().map(|path| path.display().to_string()))
    };
    (
        $name:literal $($alias:literal)*: $about:literal,
        secret $least:literal, $($at:ident).+
    ) => {
        key!(@ $name [$($alias)*] $about "SECRET" true,
            |config, given| {
                let secret = text(given)?;
                if secret.len() < $least {
                    return Err(format!("must have at least {} bytes", $least));
                }
                config.$($at).+ = Some(Secret(secret));
                Ok(())
            },
            |config| config.$($at).+.as_ref().map(|_| "********".to_owned()))
    };
    (
        @ $name:literal [$($alias:literal)*] $about:literal $unit:literal $secret:literal,
        $set:expr, $show:expr
    ) => {
        Key {
            name: $name,
            aliases: &[$($alias),*],
            about: $about,
            unit: $unit,
            secret: $secret,
            set: $set,
            show: $show,
        }
    };
}

mod cluster;
mod presence;
mod webhooks;

/// The keys, by heading, in the order in which people are shown them.
pub(super) const SECTIONS: [(&str, &[Key]); 6] = [
    ("Network", &NETWORK),
    ("Presence", &presence::PRESENCE),
    ("Accounts and rosters", &ACCOUNTS),
    ("Services", &SERVICES),
    ("Webhooks", &webhooks::WEBHOOKS),
    ("Cluster", &cluster::CLUSTER),
];

/// Returns all keys.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|(_, keys)| keys.iter())
}

static NETWORK: [Key; 22] = [
    Key {
        name: "client_listen",
        aliases: &["listen", "im.listen"],
        about: "Where clients connect. A port alone is on loopback, :PORT on every address",
        unit: "ADDRESS",
        secret: false,
        set: |config, given| {
            config.network.client_listen = address(given)?;
            Ok(())
        },
        show: |config| Some(config.network.client_listen.to_string()),
    },
    Key {
        name: "admin_listen",
        aliases: &[],
        about: "Where metrics, health and the administrator's API are, if not there too",
        unit: "ADDRESS",
        secret: false,
        set: |config, given| {
            config.network.admin_listen = Some(address(given)?);
            Ok(())
        },
        show: |config| config.network.admin_listen.map(|at| at.to_string()),
    },
    key!(
        "origin":
        "The only Origin header that is let in, where a client sends one; without it any",
        text "ORIGIN", network.origin
    ),
    key!(
        "tls_in_front":
        "Something in front of this server speaks TLS: no warning is due",
        boolean, network.tls_in_front
    ),
    Key {
        name: "trusted_proxies",
        aliases: &[],
        about: "The proxies whose word is taken for where a client is: limits by address are for \
                that address then, and not for the proxy's",
        unit: "ADDRESSES",
        secret: false,
        set: |config, given| {
            config.network.trusted_proxies = list(given)?.parse()?;
            Ok(())
        },
        show: |config| {
            let proxies = &config.network.trusted_proxies;
            (!proxies.is_empty()).then(|| proxies.to_string())
        },
    },
    key!(
        "forwarded_header":
        "The header that they write it into; the other one is not read, since a client may have \
         written that",
        choice "x-forwarded-for|forwarded" FORWARDED_HEADERS, network.forwarded_header
    ),
    key!(
        "connect_limit":
        "The most sessions at once, those included whose connection is lost and may come back",
        number "COUNT" 1..=1_000_000, network.connect_limit
    ),
    key!(
        "seats_per_address":
        "The most of them from one address (of IPv6, one /64); with 0 it has one more as long as \
         more are free than it has, so at most half",
        number "COUNT" 0..=1_000_000, network.seats_per_address
    ),
    key!(
        "pending_limit":
        "The most connections that nobody has logged in on; the oldest makes way for another one",
        number "COUNT" 1..=1_000_000, network.pending_limit
    ),
    key!(
        "pending_per_address":
        "The most of them from one address (of IPv6, one /64)",
        number "COUNT" 1..=1_000_000, network.pending_per_address
    ),
    key!(
        "login_timeout":
        "How long a connection may take to log in",
        seconds 1..=3_600, network.login_timeout_ms
    ),
    key!(
        "http_timeout":
        "How long a connection may be used for HTTP requests, and as long again for the last \
         answer",
        seconds 1..=3_600, network.http_timeout_ms
    ),
    key!(
        "ping_timeout":
        "How long a session may say nothing until it counts as lost; clients ping every 10 to 60 s",
        seconds 1..=WEEK, network.ping_timeout_ms
    ),
    key!(
        "security.maxdata":
        "The most bytes of one frame",
        number "BYTES" 64..=32 * MIB, network.max_data
    ),
    key!(
        "security.reqhzsecond":
        "How many frames a connection may send a second, 0 for as many as it likes",
        number "COUNT" 0..=1_000_000, network.requests_per_second
    ),
    key!(
        "request_burst":
        "How many of them it may send at once",
        number "COUNT" 1..=1_000_000, network.request_burst
    ),
    key!(
        "request_rate" "limitRate":
        "How many directed presences the server takes a second from all, 0 for as many as come",
        number "COUNT" 0..=100_000_000, network.request_rate
    ),
    key!(
        "queue_frames":
        "The most frames that wait for a connection before it counts as congested",
        number "COUNT" 2..=1_000_000, network.queue_frames
    ),
    key!(
        "queue_bytes":
        "The most bytes that wait for a connection before it counts as congested",
        number "BYTES" 1_024..=1_024 * MIB, network.queue_bytes
    ),
    key!(
        "max_p":
        "The most bytes of what a client of adsum.v1 shows (p)",
        number "BYTES" 16..=32_768, network.max_p
    ),
    key!(
        "write_rest_ms":
        "How long a connection is left alone after a write, so that what comes meanwhile goes out \
         together: a half to a fifth of the processor time at many presences a second, for so much \
         latency. 0: each goes out at once",
        number "MILLISECONDS" 0..=1_000, network.write_rest_ms
    ),
    key!(
        "drain_timeout":
        "How long connections have to take what is due when the server stops; in a cluster at most \
         `grace_error`",
        seconds 0..=300, network.drain_timeout_ms
    ),
];

static ACCOUNTS: [Key; 22] = [
    key!(
        "store":
        "Who keeps accounts and rosters: a file here, or another service's signed tokens",
        choice "sqlite|jwt" STORES, accounts.store
    ),
    Key {
        name: "store_path",
        aliases: &["inlinedb.sqlite.dbname"],
        about: "The SQLite file, made on first use",
        unit: "FILE",
        secret: false,
        set: |config, given| {
            config.accounts.store_path = text(given)?.into();
            Ok(())
        },
        show: |config| Some(config.accounts.store_path.display().to_string()),
    },
    key!(
        "names_fold_case":
        "Take no new name that differs from another one only in case, spaces, the width of its \
         letters or how they are put together",
        boolean, accounts.names_fold_case
    ),
    key!(
        "max_relations":
        "The most users that one account may be friends with, ask or block",
        number "COUNT" 1..=1_000_000, accounts.max_relations
    ),
    key!(
        "max_requests":
        "The most requests that one account may have waiting, from others and to others",
        number "COUNT" 1..=100_000, accounts.max_requests
    ),
    key!(
        "register_burst":
        "How many accounts one address may ask for at once, and then one in ten seconds; 0 for as \
         many as it likes",
        number "COUNT" 0..=1_000_000, accounts.register_burst
    ),
    key!(
        "password_memory_kib":
        "The memory of one password hash (argon2id)",
        number "KIB" 8..=1_048_576, accounts.password_memory_kib
    ),
    key!(
        "password_passes":
        "The passes of one password hash",
        number "COUNT" 1..=100, accounts.password_passes
    ),
    key!(
        "password_workers":
        "How many passwords are hashed at once",
        number "COUNT" 1..=256, accounts.password_workers
    ),
    key!(
        "token_timeout":
        "How long a login token is good, which works once",
        seconds 1..=MONTH, accounts.token_timeout_ms
    ),
    key!(
        "token_limit":
        "How many login tokens may be used in that time",
        number "COUNT" 1..=10_000_000, accounts.token_limit
    ),
    key!(
        "token_key_file":
        "The file with the key that login tokens are signed with, made on first use; without it \
         the name of store_path with .token-key",
        path, accounts.token_key_file
    ),
    key!(
        "token_key":
        "That key itself, in place of a file",
        secret 32, accounts.token_key
    ),
    key!(
        "jwt_secret":
        "The secret that tokens are signed with (HS256)",
        secret 32, accounts.jwt_secret
    ),
    key!(
        "jwt_public_key":
        "The PEM file with the public key of whoever signs tokens (RS256; ES256 if it is on P-256)",
        path, accounts.jwt_public_key
    ),
    key!(
        "jwt_keys":
        "The file with the keys of whoever signs tokens, as a JWK Set (RS256, ES256, HS256); it is \
         read again when it has changed",
        path, accounts.jwt_keys
    ),
    key!(
        "jwt_issuer":
        "Who must have issued tokens (iss)",
        text "ISSUER", accounts.jwt_issuer
    ),
    key!(
        "jwt_audience":
        "Whom tokens must be for (aud)",
        text "AUDIENCE", accounts.jwt_audience
    ),
    key!(
        "jwt_leeway":
        "How many seconds the issuer's clock may be off",
        number "SECONDS" 0..=3_600, accounts.jwt_leeway_s
    ),
    Key {
        name: "roster_url",
        aliases: &[],
        about: "Where your backend is asked for a user's contacts and blocks, with ?user=ID, \
                instead of its tokens or the accounts here",
        unit: "URL",
        secret: false,
        set: |config, given| {
            config.accounts.roster_url = Some(http_address(given)?);
            Ok(())
        },
        show: |config| config.accounts.roster_url.clone(),
    },
    key!(
        "roster_key":
        "What is shown there: Authorization: Bearer",
        secret 16, accounts.roster_key
    ),
    key!(
        "roster_timeout_ms":
        "How long an answer may take; after that the last one counts, if there is one",
        number "MILLISECONDS" 10..=60_000, accounts.roster_timeout_ms
    ),
];

static SERVICES: [Key; 11] = [
    key!(
        "web_page":
        "Serve the web page at /",
        boolean, services.web_page
    ),
    key!(
        "demo":
        "A demonstration: some hundred simulated people and their rooms, in a store of its own \
         that is gone when the server ends",
        boolean, services.demo
    ),
    key!(
        "metrics":
        "Serve metrics at /metrics: at admin_listen, or for whoever shows admin_token",
        boolean, services.metrics
    ),
    key!(
        "admin_token":
        "What an administrator must show; without it there is no administrator's API, and health \
         and metrics are at admin_listen only",
        secret 16, services.admin_token
    ),
    key!(
        "deactivate_api.TIMREGISTER" "security.forbid_register" "security.forbidregister":
        "Take no new accounts",
        boolean, services.no_register
    ),
    key!(
        "deactivate_api.TIMTOKEN" "security.forbid_token" "security.forbidtoken":
        "Give no login tokens",
        boolean, services.no_token
    ),
    key!(
        "deactivate_api.TIMBROADPRESENCE":
        "Take no presence to the roster",
        boolean, services.no_broad_presence
    ),
    key!(
        "deactivate_api.TIMPRESENCE":
        "Take no directed presence",
        boolean, services.no_presence
    ),
    key!(
        "deactivate_api.TIMBUSINESS":
        "Take no roster requests",
        boolean, services.no_business
    ),
    key!(
        "deactivate_api.TIMNODES":
        "Answer no questions about names, and let nobody watch",
        boolean, services.no_nodes
    ),
    key!(
        "log":
        "How much is logged",
        choice "error|warn|info|debug" LEVELS, services.log
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::key::fold;
    use super::super::settings::Config;
    use super::super::value::Given;
    use super::*;

    #[test]
    fn no_name_means_two_keys() {
        let mut owners = BTreeMap::new();
        for key in all() {
            for name in key.names() {
                let other = owners.insert(fold(name), key.name);
                assert!(other.is_none_or(|other| other == key.name), "{name} is {other:?} too");
            }
        }
        assert_eq!(all().count(), 22 + 28 + 22 + 11 + 9 + 7);
    }

    #[test]
    fn setting_what_is_shown_changes_nothing() {
        let config = Config::default();
        for key in all() {
            let Some(shown) = (key.show)(&config) else { continue };
            let mut set = config.clone();
            (key.set)(&mut set, Given::Text(&shown))
                .unwrap_or_else(|must| panic!("{} {must}", key.name));
            assert_eq!(set, config, "{}", key.name);
        }
    }

    /// No key sets another's value, and none has lost its own.
    #[test]
    fn each_key_sets_what_it_shows() {
        let other_values = [
            "true",
            "false",
            "3",
            "77",
            "1500",
            "other:1",
            ":1",
            "jwt",
            "anyone",
            "all_contacts",
            "refuse",
            "debug",
            "newest",
            "hidden",
            "forwarded",
            "10.0.0.0/8",
            "https://example.org/hook",
            "nats://127.0.0.1:4222",
            "a text of more than thirty-two bytes",
        ];
        for key in all() {
            let before = Config::default();
            let changed = other_values.iter().any(|value| {
                let mut config = before.clone();
                if (key.set)(&mut config, Given::Text(value)).is_err() {
                    return false;
                }
                let others_stand = all()
                    .filter(|other| other.name != key.name)
                    .all(|other| (other.show)(&config) == (other.show)(&before));
                assert!(others_stand, "{} changes another key's value", key.name);
                (key.show)(&config) != (key.show)(&before)
            });
            assert!(changed, "{} changes nothing", key.name);
        }
    }
}
