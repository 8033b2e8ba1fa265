//! What to say about an unknown key.

use super::key::{Key, fold};
use super::table;
use super::tims_keys::{Verdict, verdict};

/// A key that is not this server's.
pub(super) enum Unknown {
    /// It looks like one that is: most likely a slip.
    Near(String),
    /// It is tim's, and whoever set it relies on something that does not happen here.
    Dangerous(String),
    /// It is tim's, and nothing depends on it.
    WithoutMeaning(String),
    /// It is nobody's.
    Nobodys(String),
}

/// Returns what there is to say about a key that is not in the table. `is_set` says whether its
/// value asks for something: nobody relies on what is switched off.
pub(super) fn explain(name: &str, is_set: bool) -> Unknown {
    match verdict(name) {
        Some(Verdict::Dangerous(why)) if is_set => Unknown::Dangerous(format!("tim's: {why}")),
        Some(Verdict::Dangerous(_)) => {
            Unknown::WithoutMeaning("tim's, and switched off: it has no effect here".to_owned())
        }
        Some(Verdict::WithoutMeaning(why)) => {
            Unknown::WithoutMeaning(format!("tim's, without meaning here: {why}"))
        }
        None => nearest(name),
    }
}

fn nearest(name: &str) -> Unknown {
    let folded = fold(name);
    // A key of an object's that stands outside it.
    let is_at_the_end = |name: &&str| {
        let inner = name.split_once('.').map(|(_, inner)| fold(inner));
        inner.is_some_and(|inner| inner == folded)
    };
    if let Some(whole) = table::all().flat_map(Key::names).find(is_at_the_end) {
        return Unknown::Near(format!("unknown; is {whole} meant?"));
    }
    let distance = |name: &str| strsim::damerau_levenshtein(&fold(name), &folded);
    let nearest = table::all().flat_map(Key::names).min_by_key(|name| distance(name));
    match nearest.filter(|name| distance(name) <= 1 + folded.len() / 5) {
        Some(nearest) => Unknown::Near(format!("unknown; is {nearest} meant?")),
        None => Unknown::Nobodys("unknown; --help names all keys".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_explained_by_what_is_near() {
        for (name, meant) in [
            ("device_limt", "device_limit"),
            ("presence.ofline.block", "presence_offline_block"),
            ("deactivate_api.TIMREGISTR", "deactivate_api.TIMREGISTER"),
            ("TIMNODES", "deactivate_api.TIMNODES"),
            ("maxdata", "security.maxdata"),
            ("forbidRegister", "security.forbid_register"),
        ] {
            let Unknown::Near(why) = explain(name, true) else { panic!("{name}") };
            assert_eq!(why, format!("unknown; is {meant} meant?"));
        }
        for name in ["colour", "server_port", "server_service_host", "port_20003_tcp", "home"] {
            assert!(matches!(explain(name, true), Unknown::Nobodys(_)), "{name}");
        }
    }

    #[test]
    fn tims_are_known_in_every_spelling_and_harmless_when_off() {
        for name in ["ssl_certificate", "sslCertificate", "redis.endpoints", "raftx.listen"] {
            assert!(matches!(explain(name, true), Unknown::Dangerous(_)), "{name}");
            assert!(matches!(explain(name, false), Unknown::WithoutMeaning(_)), "{name}");
        }
        for name in
            ["externalDB.mysql", "external_db_mysql", "noDBAuth.url", "security.connectauth.url"]
        {
            assert!(matches!(explain(name, true), Unknown::Dangerous(_)), "{name}");
        }
        for name in ["memLimit", "memlimit", "deactivate_api.TIMMESSAGE", "useTimDomain", "noDB"] {
            assert!(matches!(explain(name, true), Unknown::WithoutMeaning(_)), "{name}");
        }
        // Where something stands in place of an object.
        for name in ["deactivate_api", "deactivateApi", "deactivate.api", "security"] {
            assert!(matches!(explain(name, true), Unknown::Dangerous(_)), "{name}");
            assert!(matches!(explain(name, false), Unknown::WithoutMeaning(_)), "{name}");
        }
        for name in ["security.colour", "deactivate_api.colour"] {
            assert!(!matches!(explain(name, true), Unknown::Dangerous(_)), "{name}");
        }
        // What only begins with the same letters is something else.
        for name in ["initial_state", "bindings", "seeds", "redistribution", "notices"] {
            assert!(matches!(explain(name, true), Unknown::Nobodys(_)), "{name}");
        }
    }
}
