//! What the server says about its settings.

use crate::support::program::{Program, run_to_end, run_to_end_in};

/// A ping timeout that tim's clients cannot keep is warned of by name.
#[test]
fn s11_a_ping_timeout_below_the_clients_pings_is_warned_of() {
    let warnings = |seconds| {
        let said = run_to_end(&["check-config", "--ping-timeout", seconds], &[]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        let start = format!("warning: ping_timeout = {seconds}: tim's clients ping every 10 to 15");
        said.out.lines().filter(|line| line.starts_with(&start)).count()
    };
    assert_eq!((warnings("10"), warnings("74"), warnings("75")), (1, 1, 0));
}

/// What no browser sends keeps every page out, and says so at the start.
#[test]
fn an_origin_that_no_browser_sends_is_warned_of() {
    let is_warned_of = |origin: &str| {
        let said = run_to_end(&["check-config", "--origin", origin], &[]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        said.out.contains(&format!("warning: origin = {origin}: browsers send it like"))
    };
    for origin in [
        "https://example.org/",
        "https://Example.org",
        "https://example.org:443",
        "http://example.org:80",
        "example.org",
        "https://",
        "https://a.example, https://b.example",
    ] {
        assert!(is_warned_of(origin), "{origin}");
    }
    for origin in [
        "https://example.org",
        "https://example.org:8443",
        "http://127.0.0.1:20003",
        "http://[::1]:20003",
        "https://xn--bcher-kva.example",
        "tauri://localhost",
        "null",
    ] {
        assert!(!is_warned_of(origin), "{origin}");
    }
}

/// Variables that an orchestrator makes from the names of services are warned of; a slip in one of
/// ours is an error.
#[test]
fn s17_variables_of_others_do_not_keep_it_from_starting() {
    let others = [
        ("ADSUM_SERVER_PORT", "tcp://10.0.0.1:20003"),
        ("ADSUM_SERVER_SERVICE_HOST", "10.0.0.1"),
        ("ADSUM_SERVER_PORT_20003_TCP_ADDR", "10.0.0.1"),
        ("ADSUM_PORT", "tcp://10.0.0.1:80"),
        ("ADSUM_SERVICE_PORT", "80"),
        // Of services whose names are keys of tim's.
        ("ADSUM_REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("ADSUM_REDIS_PORT_6379_TCP_PROTO", "tcp"),
        ("ADSUM_NOTICE_SERVICE_HOST", "10.0.0.1"),
        ("ADSUM_NOTICE_SERVICE_PORT_HTTP", "80"),
        // Of services whose names are like the beginning of our own keys.
        ("ADSUM_ROSTER_PORT", "tcp://10.0.0.5:80"),
        ("ADSUM_WEBHOOK_PORT", "tcp://10.0.0.6:80"),
        ("ADSUM_STORE_SERVICE_PORT", "80"),
    ];
    let said = run_to_end(&["check-config"], &others);
    assert_eq!(said.code, Some(0), "{}", said.err);
    for (name, _) in others {
        let warning = format!("warning: {name} (in the environment) is unknown");
        assert!(said.out.contains(&warning), "{name}: {}", said.out);
    }
    let said = run_to_end(&["check-config"], &[("ADSUM_LISTE", "1"), ("ADSUM_DEVICE_LIMT", "2")]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("ADSUM_LISTE (in the environment) is unknown; is listen meant?"));
    assert!(said.err.contains("is device_limit meant?"), "{}", said.err);
}

/// What tim writes where there is no configuration.
const TIMS_DEFAULT: &str = r#"{
    "client_listen": ":20003", "webadmin_listen": ":20002", "server_api_listen": ":20001",
    "connect_limit": 1000000, "request_rate": 100, "memLimit": 512,
    "inlinedb": {"sqlite": {"dbname": "tim.db"}}
}"#;

#[test]
fn s18_tims_default_configuration_starts_the_server() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tim.json"), TIMS_DEFAULT).unwrap();
    let program = Program::start_in(folder, &["-c", "tim.json"]);
    assert!(program.folder().join("tim.db").exists());
    let log = program.log();
    for key in ["webadmin_listen", "server_api_listen", "memLimit"] {
        let warns = |line: &str| {
            line.contains(&format!("warning: {key} (in tim.json, line "))
                && line.contains(") is tim's, without meaning here")
        };
        assert!(log.lines().any(warns), "{key}: {log}");
    }
}

/// tim's keys are all known by name: those without meaning are warned of, those that somebody
/// relies on are refused with the reason, and all of it is said in one run.
#[test]
fn s18_all_of_tims_keys_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        std::fs::write(folder.path().join("tim.json"), text).unwrap();
        run_to_end_in(folder.path(), &["check-config", "-c", "tim.json"], &[])
    };
    let said = check(
        r#"{"salt": "x", "maskseed": "x", "ttl": 1, "tokenTimeout": 20, "memlimit": 1,
            "maxmessagesize": 32, "cache_authexpire": 9, "node_maxlength": 64, "uuid_bits": 64,
            "webadmin_nouse_tls": true, "noinit": true, "ks_dir": "x", "maxbackup": 3,
            "message_noauth": true, "useTimDomain": true, "public_node": "x", "bind": "x",
            "nodb": true, "admin_account_init": {"username": "a", "password": "b"},
            "external_account": false, "ssl_certificate": "", "redis": {"endpoints": []},
            "security": {"maxdata": 65536, "reqhzsecond": 10, "connectauth_url": null},
            "deactivate_api": {"TIMREGISTER": true, "TIMTOKEN": true, "TIMAUTH": false,
                "TIMOFFLINEMSG": true, "TIMOFFLINEMSGEND": true, "TIMBROADPRESENCE": true,
                "TIMLOGOUT": true, "TIMPULLMESSAGE": true, "TIMVROOM": true, "TIMBUSINESS": true,
                "TIMNODES": true, "TIMMESSAGE": true, "TIMPRESENCE": true,
                "TIMREVOKEMESSAGE": true, "TIMBURNMESSAGE": true, "TIMSTREAM": true,
                "TIMBIGSTRING": true, "TIMBIGBINARY": true, "TIMBIGBINARYSTREAM": true}}"#,
    );
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out.contains("deactivate_api.TIMMESSAGE (in tim.json, line 11) is tim's, without")
    );
    let dangerous = [
        ("ssl_certificate", "put a proxy in front"),
        ("ssl_certificate_key", "put a proxy in front"),
        ("security.connectauth_url", "everybody could"),
        ("externaldb.mysql.host", "names of those kept there"),
        ("inlinedb.mysql.host", "names of those kept there"),
        ("tldb.addr", "names of those kept there"),
        ("mongodb.uri", "names of those kept there"),
        ("cassandra.hosts", "names of those kept there"),
        ("cluster_listen", "would be offline"),
        ("raftx.listen", "would be offline"),
        ("redis.endpoints", "would be offline"),
        ("zookeeper.servers", "would be offline"),
        ("etcd.endpoints", "would be offline"),
        ("deactivate_api.TIMAUTH", "cannot be switched off"),
    ];
    let keys: Vec<_> = dangerous.iter().map(|(key, _)| format!("{key:?}: \"x\"")).collect();
    let said = check(&format!("{{{}, \"colour\": 1, \"store\": \"jwt\"}}", keys.join(", ")));
    assert_eq!(said.code, Some(2));
    for (key, why) in dangerous {
        let place = format!(" {key} (in tim.json, line 1)");
        let line = said.err.lines().find(|line| line.contains(&place));
        assert!(line.is_some_and(|line| line.contains(why)), "{key}: {}", said.err);
    }
    // The rest that is wrong is said in the same run.
    assert!(said.err.contains("colour (in tim.json, line 1) is unknown"), "{}", said.err);
    assert!(said.err.contains("store = jwt needs"), "{}", said.err);
}

/// Where tim has an object, a value in its place is refused with what to say instead: whoever wrote
/// it wants something switched off. So is a key that stands outside its object.
#[test]
fn s18_a_value_in_place_of_one_of_tims_objects_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        std::fs::write(folder.path().join("tim.json"), text).unwrap();
        run_to_end_in(folder.path(), &["check-config", "-c", "tim.json"], &[])
    };
    for (key, value, what_to_do) in [
        ("deactivate_api", "true", r#"say {"deactivate_api": {"TIMREGISTER": true}}"#),
        (
            "deactivate_api",
            r#"["TIMREGISTER"]"#,
            r#"say {"deactivate_api": {"TIMREGISTER": true}}"#,
        ),
        ("deactivateApi", "\"all\"", r#"say {"deactivate_api": {"TIMREGISTER": true}}"#),
        ("security", "true", r#"say {"security": {"maxdata": 65536}}"#),
        ("maxdata", "65536", "is security.maxdata meant?"),
        ("TIMREGISTER", "true", "is deactivate_api.TIMREGISTER meant?"),
    ] {
        let said = check(&format!("{{\n\"{key}\": {value}}}"));
        assert_eq!(said.code, Some(2), "{key}");
        let place = format!("adsum-server: {key} (in tim.json, line 2) is ");
        let line = said.err.lines().find(|line| line.starts_with(&place));
        assert!(line.is_some_and(|line| line.contains(what_to_do)), "{key}: {}", said.err);
    }
    let said = check(r#"{"deactivate_api": false, "security": {}}"#);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let warning = "warning: deactivate_api (in tim.json, line 1) is tim's, and switched off";
    assert!(said.out.contains(warning), "{}", said.out);
    let said = run_to_end(&["check-config"], &[("ADSUM_DEACTIVATE_API", "true")]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("requests are switched off one by one"), "{}", said.err);
}

/// The keys of tim's older versions are known, too, in each of the spellings that they had.
#[test]
fn s18_the_keys_of_tims_older_versions_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        std::fs::write(folder.path().join("tim.json"), text).unwrap();
        run_to_end_in(folder.path(), &["check-config", "-c", "tim.json"], &[])
    };
    let said = check(
        r#"{"seed": 1, "salt": "x", "connectLimit": 9, "memlimit": 1, "maxmessagesize": 32,
            "im.listen": 20003, "admin.listen": ":20002", "adm.listen": ":20001", "init": true,
            "public.node": "x", "cache.expiretime": 9, "cache.authexpire": 9, "keystore": "x",
            "node.maxlength": 64, "maxbackup": 3, "tasklimit": 9, "limitRate": 9,
            "ping.timeout": 600, "device.limit": 1, "devicetype.limit": 1, "bind": "x",
            "message.noauth": true, "presence.offline.block": true, "timAdminAuth": true,
            "pprof_addr": "x", "web.admin.listen": "x", "tcp.admin.listen": "x",
            "admin.tls": false, "blockapi": [], "notice": {"loginstat.url": null},
            "nodbauth": {"url": ""}, "sql.property": {"tim.sql.login": ""},
            "security": {"maxdata": 65536, "reqhzsecond": 10, "forbid_register": true,
                "forbid.token": true, "forbid.ifaces": [], "connectauthurl": ""}}"#,
    );
    assert_eq!(said.code, Some(0), "{}", said.err);
    for known in ["deactivate_api.TIMREGISTER", "deactivate_api.TIMTOKEN"] {
        let line = said.out.lines().find(|line| line.starts_with(known)).unwrap();
        assert!(line.contains(" = true ") && line.contains("(security.forbid"), "{line}");
    }
    let without = said.out.lines().filter(|line| line.contains("is tim's, without meaning here"));
    assert_eq!(without.count(), 19, "{}", said.out);
    let dangerous = [
        ("admin.tls", "administrator's token would go over the wire"),
        ("blockapi", "see deactivate_api"),
        ("security.forbid.ifaces", "see deactivate_api"),
        ("security.connectauthurl", "everybody could"),
        ("security.connectauth.url", "everybody could"),
        ("notice.loginstat.url", "see webhook_url"),
        ("nodbauth.url", "names of those kept there"),
        ("sql.property.tim.mysql.connection", "names of those kept there"),
        ("inlinedb.extent", "names of those kept there"),
        ("tldb.extent", "names of those kept there"),
        ("cluser.listen", "would be offline"),
        ("cluster.csaddr", "would be offline"),
    ];
    let keys: Vec<_> = dangerous.iter().map(|(key, _)| format!("{key:?}: [1]")).collect();
    let said = check(&format!("{{{}}}", keys.join(",\n")));
    assert_eq!(said.code, Some(2));
    for (nth, (key, why)) in dangerous.iter().enumerate() {
        let place = format!(" {key} (in tim.json, line {})", nth + 1);
        let line = said.err.lines().find(|line| line.contains(&place));
        assert!(line.is_some_and(|line| line.contains(why)), "{key}: {}", said.err);
    }
}

/// A value that is refused is said as it is written, with its key, its line and what it must be.
#[test]
fn a_number_that_is_refused_is_quoted_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let must = "must be a whole number in digits, 1 to 604800 seconds";
    for (written, must) in [("1e3", must), ("90.0", must), ("\"90\"", must), ("true", must)]
        .into_iter()
        .chain([("0", "must be 1 to 604800 seconds")])
    {
        let text = format!("{{\n    \"log\": \"info\",\n    \"ping_timeout\": {written}\n}}\n");
        std::fs::write(folder.path().join("a.json"), text).unwrap();
        let said = run_to_end_in(folder.path(), &["check-config", "-c", "a.json"], &[]);
        assert_eq!(said.code, Some(2), "{written}");
        let wanted = format!("ping_timeout = {written} (ping_timeout in a.json, line 3): {must}");
        assert!(said.err.contains(&wanted), "{}", said.err);
    }
    // What is no JSON at all is said to be none.
    std::fs::write(folder.path().join("a.yaml"), "ping_timeout: 1e3\n").unwrap();
    let said = run_to_end_in(folder.path(), &["check-config", "-c", "a.yaml"], &[]);
    let wanted = "config = a.yaml: expected value at line 1 column 1; the file is to be JSON";
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains(wanted), "{}", said.err);
}

/// A pattern that no topic's name can have is refused with where it comes from. Any other is a
/// pattern, in which nothing but a star stands for something else: who takes it for a regular
/// expression is told so.
#[test]
fn patterns_that_no_topic_can_have_are_refused_and_regular_expressions_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let check = |topics: &str| {
        std::fs::write(folder.path().join("a.json"), format!("{{\n\"topics\": {topics}}}"))
            .unwrap();
        run_to_end_in(folder.path(), &["check-config", "-c", "a.json"], &[])
    };
    let long = "x".repeat(129);
    let must = "must be patterns with a comma between them, like room:*,lobby, each of 1 to 128";
    for (written, said) in [
        (format!("\"{long}*\""), check(&format!("\"{long}*\""))),
        (format!("[\"a\",\"{long}\"]"), check(&format!("[\"a\", \"{long}\"]"))),
        ("[\"a\",\"\"]".to_owned(), check("[\"a\", \"\"]")),
        ("\"a,,b\"".to_owned(), check("\"a,,b\"")),
    ] {
        assert_eq!(said.code, Some(2), "{written}");
        let wanted = format!("topics = {written} (topics in a.json, line 2): {must}");
        assert!(said.err.contains(&wanted), "{}", said.err);
    }
    for (said, place) in [
        (run_to_end(&["check-config", "--topics", "room:*,"], &[]), "--topics"),
        (
            run_to_end(&["check-config"], &[("ADSUM_TOPICS", "room:*,")]),
            "ADSUM_TOPICS in the environment",
        ),
        // The server itself says the same.
        (run_to_end(&["--listen", "127.0.0.1:0", "--topics", "room:*,"], &[]), "--topics"),
    ] {
        assert_eq!(said.code, Some(2), "{place}");
        assert!(said.err.contains(&format!("topics = room:*, ({place}): {must}")), "{}", said.err);
    }
    for (topics, first) in [
        ("(", Some('(')),
        ("room:*,room:[0-9]+", Some('[')),
        ("^room:.*$", Some('^')),
        ("room:*,lobby", None),
        ("none", None),
        ("team 7: a.b-c_d/é#!", None),
    ] {
        let said = run_to_end(&["check-config", "--topics", topics], &[]);
        assert_eq!(said.code, Some(0), "{topics}: {}", said.err);
        let warnings = said.out.lines().filter(|line| line.starts_with("warning: topics = "));
        let warnings: Vec<_> = warnings.collect();
        let is_right = match (first, &warnings[..]) {
            (None, []) => true,
            (Some(first), [one]) => one.contains(&format!(": {first} stands for itself")),
            _ => false,
        };
        assert!(is_right, "{topics}: {warnings:?}");
    }
}

/// A network of IPv4 may be written as IPv6 writes it, and is shown as what it is; one that would
/// have others in it is refused.
#[test]
fn a_trusted_network_is_what_it_is_however_it_is_written() {
    let check = |text| run_to_end(&["check-config", "--trusted-proxies", text], &[]);
    let said = check("::ffff:10.0.0.0/104,::1");
    let shown = said.out.lines().find(|line| line.starts_with("trusted_proxies "));
    assert!(shown.is_some_and(|line| line.contains("= 10.0.0.0/8,::1/128 ")), "{}", said.out);
    let said = check("::ffff:10.0.0.0/95");
    assert_eq!(said.code, Some(2));
    let wanted = "trusted_proxies = ::ffff:10.0.0.0/95 (--trusted-proxies): must be addresses or";
    assert!(said.err.contains(wanted) && said.err.contains("96 bits at least"), "{}", said.err);
}

/// Whatever keeps the server from starting is said with the setting and the file or address.
#[test]
fn s20_errors_name_the_setting_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text"), "neither a key nor a database ".repeat(40)).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let free = ["--client-listen", "127.0.0.1:0"];
    let jwt = ["--client-listen", "127.0.0.1:0", "--store", "jwt"];
    let begins = |flags: &[&str], begin: &str| {
        let said = run_to_end_in(folder.path(), flags, &[]);
        assert!(matches!(said.code, Some(1 | 2)), "{flags:?}");
        let line = said.err.lines().last().unwrap_or_default();
        assert!(line.starts_with(&format!("adsum-server: {begin}")), "{flags:?}: {}", said.err);
    };
    let with = |base: &[&'static str], more: &[&'static str]| [base, more].concat();
    begins(&with(&jwt, &["--jwt-public-key", "/nope"]), "jwt_public_key = /nope: No such file");
    begins(&with(&jwt, &["--jwt-public-key", "text"]), "jwt_public_key = text: not a valid public");
    begins(&with(&free, &["--store-path", "text"]), "store_path = text: file is not a database");
    begins(&with(&free, &["--store-path", "text/a"]), "store_path = text/a: ");
    begins(&["-c", "/nope"], "config = /nope: No such file");
    begins(&["-c", "text"], "config = text: expected");
    let listen = format!("client_listen = {taken}: cannot listen there: Address already in use");
    begins(&["--client-listen", &taken], &listen);
    let listen = format!("admin_listen = {taken}: cannot listen there: Address already in use");
    begins(&[&free[..], &["--admin-listen", &taken]].concat(), &listen);
}
