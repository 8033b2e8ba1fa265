use std::io::Write as _;

use adsum_tim::Secret;
use clap::Command;

use super::*;

/// What is in force for these flags, these variables and a file with this text.
fn read(
    flags: &[&str],
    variables: &[(&str, &str)],
    file: Option<&str>,
) -> Result<Loaded, ConfigError> {
    let mut path = tempfile::NamedTempFile::new().unwrap();
    let mut all = vec!["server".to_owned()];
    if let Some(text) = file {
        path.write_all(text.as_bytes()).unwrap();
        all.extend(["-c".to_owned(), path.path().to_str().unwrap().to_owned()]);
    }
    all.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let matches = Command::new("server").args(arguments()).try_get_matches_from(all).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(&matches, variables)
}

fn file(text: &str) -> Config {
    read(&[], &[], Some(text)).unwrap_or_else(|error| panic!("{text}: {error}")).config
}

fn problems(text: &str) -> Vec<String> {
    read(&[], &[], Some(text)).err().unwrap_or_else(|| panic!("{text} is good")).problems
}

#[test]
fn nothing_said_is_loopback_and_no_warning() {
    let loaded = read(&[], &[], None).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.config.network.client_listen.ip().is_loopback());
    assert_eq!(loaded.warnings, [""; 0]);
    assert_eq!(loaded.source("device_limit"), Some(&Source::Default));
    assert_eq!(loaded.source("no such key"), None);
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file_before_the_default() {
    let text = r#"{"device.limit": 3}"#;
    let variables = [("ADSUM_DEVICE_LIMIT", "4"), ("HOME", "/"), ("ADSUM_LOG", "")];
    let limit = |flags: &[&str], variables: &[(&str, &str)], file| {
        let loaded = read(flags, variables, file).unwrap();
        let source = loaded.source("device_limit").unwrap().to_string();
        (loaded.config.presence.device_limit, source)
    };
    let all = limit(&["--device-limit", "5"], &variables, Some(text));
    assert_eq!(all, (5, "--device-limit".to_owned()));
    let some = limit(&[], &variables, Some(text));
    assert_eq!(some, (4, "ADSUM_DEVICE_LIMIT in the environment".to_owned()));
    let (value, source) = limit(&[], &[], Some(text));
    assert_eq!(value, 3);
    assert!(source.starts_with("device.limit in /"), "{source}");
    assert_eq!(limit(&[], &[], None), (16, "default".to_owned()));
}

#[test]
fn tims_own_spellings() {
    for text in [
        r#"{"presence.offline.block": true}"#,
        r#"{"presence_offline_block": true}"#,
        r#"{"presence": {"offline": {"block": true}}}"#,
        r#"{"presence": {"offline.block": true}}"#,
    ] {
        assert!(file(text).presence.offline_block, "{text}");
    }
    for text in [r#"{"connectLimit": 7}"#, r#"{"connect_limit": 7}"#, r#"{"connect.limit": 7}"#] {
        assert_eq!(file(text).network.connect_limit, 7, "{text}");
    }
    // The documented way, as it stands in tim's own articles.
    let config =
        file(r#"{"connectLimit":1000000,"security":{"maxdata":8388608,"reqhzsecond":10}}"#);
    assert_eq!(config.network.connect_limit, 1_000_000);
    assert_eq!(config.network.max_data, 8_388_608);
    assert_eq!(config.network.requests_per_second, 10);
    let config = file(r#"{"security.maxdata": 100, "security_reqhzsecond": 11}"#);
    assert_eq!((config.network.max_data, config.network.requests_per_second), (100, 11));
    let config = file(
        r#"{"device.limit": 4, "devicetype_limit": 2, "ping.timeout": 600, "auth_min_unix": 5,
            "tokenTimeout": 20, "request_rate": 100, "client_listen": ":20003", "log": null,
            "inlinedb": {"sqlite": {"dbname": "tim.db"}},
            "deactivate_api": {"TIMREGISTER": true}}"#,
    );
    assert_eq!((config.presence.device_limit, config.presence.devicetype_limit), (4, 2));
    assert_eq!((config.network.ping_timeout_ms, config.presence.auth_min_ms), (600_000, 5_000));
    assert_eq!((config.accounts.token_timeout_ms, config.network.request_rate), (20_000, 100));
    assert_eq!(config.network.client_listen.to_string(), "0.0.0.0:20003");
    assert_eq!(config.accounts.store_path.to_str(), Some("tim.db"));
    assert!(config.services.no_register && !config.services.no_token);
    assert_eq!(file(r#"{"limitRate": 9, "listen": 1234}"#).network.request_rate, 9);
    for spelling in ["forbid_", "forbid.", "forbid", "FORBID_"] {
        let text = format!(r#"{{"security": {{"{spelling}register": true}}}}"#);
        let services = file(&text).services;
        assert!(services.no_register && !services.no_token, "{text}");
        let services = file(&text.replace("register", "token")).services;
        assert!(services.no_token && !services.no_register, "{text}");
    }
}

#[test]
fn the_unknown_is_named_wherever_it_stands() {
    let [unknown, near, tims] =
        &problems(r#"{"colour": 1, "device.limt": 2, "ssl_certificate": "x"}"#)[..]
    else {
        panic!("three keys, three problems")
    };
    assert!(unknown.starts_with("colour (in /") && unknown.contains("--help"), "{unknown}");
    assert!(near.starts_with("device.limt ") && near.ends_with("is device_limit meant?"), "{near}");
    assert!(tims.contains("put a proxy in front"), "{tims}");
    let error = read(&[], &[("ADSUM_DEVICE_LIMT", "2")], None).unwrap_err();
    assert!(error.to_string().starts_with("ADSUM_DEVICE_LIMT (in the environment)"), "{error}");
    assert!(error.to_string().contains("is device_limit meant?"), "{error}");
    let flags = Command::new("server").args(arguments());
    assert!(flags.try_get_matches_from(["server", "--device-limt", "2"]).is_err());
}

#[test]
fn a_value_out_of_range_is_named_with_its_key_value_and_place() {
    let [problem] = &problems(r#"{"device": {"limit": 0}}"#)[..] else { panic!("one problem") };
    assert!(problem.starts_with("device_limit = 0 (device.limit in /"), "{problem}");
    assert!(problem.ends_with("): must be 1 to 1024"), "{problem}");
    let of_flag = |flag: &str, value: &str| {
        read(&[&format!("{flag}={value}")], &[], None).unwrap_err().to_string()
    };
    assert_eq!(
        of_flag("--ping-timeout", "90s"),
        "ping_timeout = 90s (--ping-timeout): must be a whole number in digits, 1 to 604800 seconds"
    );
    assert_eq!(of_flag("--own-echo", "yes"), "own_echo = yes (--own-echo): must be true or false");
    assert_eq!(of_flag("--store", "mysql"), "store = mysql (--store): must be sqlite or jwt");
    for text in [
        r#"{"device_limit": "3"}"#,
        r#"{"device_limit": 1.5}"#,
        r#"{"device_limit": [1]}"#,
        r#"{"own_echo": 1}"#,
        r#"{"store_path": 1}"#,
        r#"{"store_path": ""}"#,
    ] {
        assert_eq!(problems(text).len(), 1, "{text}");
    }
}

#[test]
fn a_key_given_twice_is_not_guessed_at() {
    for text in [
        r#"{"device.limit": 1, "device_limit": 2}"#,
        r#"{"device_limit": 1, "device_limit": 1}"#,
        r#"{"security": {"maxdata": 100}, "security.maxdata": 100}"#,
    ] {
        let found = problems(text);
        assert!(matches!(&found[..], [one] if one.contains("given twice")), "{text}: {found:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let error = read(&["-c", "/no/such/file"], &[], None).unwrap_err();
    assert!(error.to_string().starts_with("config = /no/such/file: "), "{error}");
    let error = read(&[], &[("ADSUM_CONFIG", "/no/such/file")], None).unwrap_err();
    assert!(error.to_string().starts_with("config = /no/such/file: "), "{error}");
    assert!(problems("{").iter().any(|problem| problem.contains("line 1")));
}

#[test]
fn secrets_are_shown_nowhere() {
    let secret = "marker-of-at-least-thirty-two-bytes";
    let loaded = read(
        &["--store=jwt"],
        &[("ADSUM_ADMIN_TOKEN", secret), ("ADSUM_WEBHOOK_SECRET", secret)],
        Some(&format!(r#"{{"jwt_secret": "{secret}"}}"#)),
    )
    .unwrap();
    assert_eq!(loaded.config.services.admin_token, Some(Secret(secret.to_owned())));
    let said = format!("{} {loaded:?}", loaded.report());
    assert!(!said.contains("marker"), "{said}");
    assert!(loaded.report().contains("= ********  (ADSUM_ADMIN_TOKEN in the environment)"));
    let secrets = ["ADMIN_TOKEN", "JWT_SECRET", "WEBHOOK_SECRET"];
    for (name, short) in secrets.map(|name| (format!("ADSUM_{name}"), "marker-marker")) {
        let error = read(&[], &[(&name, short)], None).unwrap_err().to_string();
        assert!(!error.contains("marker") && error.contains("must have at least"), "{error}");
    }
}

#[test]
fn options_that_do_not_go_together() {
    let refused = [
        (r#"{"snapshot_at_login": false}"#, "offline_notices"),
        (r#"{"max_relations": 11, "max_audience": 10}"#, "max_audience = 10"),
        (r#"{"store": "jwt"}"#, "jwt_secret"),
        (
            concat!(
                r#"{"store": "jwt", "jwt_public_key": "k","#,
                r#" "jwt_secret": "01234567890123456789012345678901"}"#,
            ),
            "only one",
        ),
        (r#"{"client_listen": "[::1]:1", "admin_listen": "[::1]:1"}"#, "admin_listen"),
        (r#"{"webhook_url": "https://example.org/"}"#, "webhook_url needs"),
        (r#"{"webhook": {"secret": "0123456789012345", "secret_file": "k"}}"#, "only one"),
    ];
    for (text, named) in refused {
        let found = problems(text);
        assert!(matches!(&found[..], [one] if one.contains(named)), "{text}: {found:?}");
    }
    file(r#"{"snapshot_at_login": false, "offline_notices": "all_contacts"}"#);
    file(r#"{"snapshot_at_login": false, "presence_offline_block": true}"#);
    file(r#"{"store": "jwt", "jwt_public_key": "k"}"#);
    file(r#"{"webhook": {"url": "https://example.org/", "secret_file": "k"}}"#);
}

#[test]
fn what_is_most_likely_not_meant_is_warned_of() {
    let warnings = |flags: &[&str]| read(flags, &[], None).unwrap().warnings;
    for open in ["--client-listen=:1", "--client-listen=192.0.2.1:1", "--admin-listen=[::]:1"] {
        let found = warnings(&[open]);
        assert!(matches!(&found[..], [one] if one.contains("TLS in front")), "{open}: {found:?}");
        assert_eq!(warnings(&[open, "--tls-in-front", "--trusted-proxies=::1"]), [""; 0]);
        let found = warnings(&[open, "--tls-in-front"]);
        assert!(matches!(&found[..], [one] if one.contains("trusted_proxies")), "{found:?}");
    }
    assert_eq!(warnings(&["--client-listen=[::1]:1", "--admin-listen=2"]), [""; 0]);
    assert_eq!(warnings(&["--password-passes=1"]).len(), 1);
    assert_eq!(warnings(&["--presence-offline-block"]).len(), 1);
    assert_eq!(warnings(&["--jwt-public-key=k"]).len(), 1);
    assert_eq!(warnings(&["--admin-listen=2", "--metrics=false"]).len(), 1);
    assert_eq!(warnings(&["--webhook-secret-file=k"]).len(), 1);
    assert_eq!(warnings(&["--forwarded-header=forwarded"]).len(), 1);
    assert_eq!(warnings(&["--forwarded-header=forwarded", "--trusted-proxies=::1"]), [""; 0]);
    assert_eq!(warnings(&["--idle-after=60"]).len(), 1);
    assert_eq!(warnings(&["--idle-after=60", "--one-state=newest"]), [""; 0]);
    let unasked = ["--webhook-url=https://a.org/", "--webhook-secret-file=k"];
    let found = warnings(&unasked);
    assert!(matches!(&found[..], [one] if one.contains("without admin_token")), "{found:?}");
    let token = format!("--admin-token={}", "t".repeat(32));
    let posts =
        |url: &str| warnings(&[&format!("--webhook-url={url}"), "--webhook-secret-file=k", &token]);
    for here in ["http://127.0.0.1:7/", "http://[::1]/", "http://localhost/", "https://a.org/"] {
        assert_eq!(posts(here), [""; 0], "{here}");
    }
    let found = posts("http://example.org/");
    assert!(matches!(&found[..], [one] if one.contains("not https")), "{found:?}");
    let report = read(&["--client-listen=:1"], &[], None).unwrap().report();
    assert!(report.lines().last().unwrap().starts_with("warning: client_listen"), "{report}");
}

#[test]
fn every_key_is_in_the_help_and_in_the_report() {
    let help = Command::new("server").args(arguments()).render_long_help().to_string();
    let report = read(&[], &[], None).unwrap().report();
    for key in table::all() {
        for said in [format!("--{}", key.flag()), key.variable(), key.name.to_owned()] {
            assert!(help.contains(&said), "{said}");
        }
        assert!(report.lines().any(|line| line.starts_with(key.name)), "{}", key.name);
    }
    assert!(help.contains("ADSUM_CONFIG"));
}
