//! `adsum-server check-config`, as somebody runs it.

use std::process::{Command, Output};

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Output, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_adsum-server"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

#[test]
fn it_says_what_is_in_force_and_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.json");
    std::fs::write(&file, r#"{"device.limit": 2, "security": {"maxdata": 65536}}"#).unwrap();
    let (output, out, err) = run(
        &["check-config", "-c", file.to_str().unwrap(), "--ping-timeout", "30"],
        &[("ADSUM_CLIENT_LISTEN", "0.0.0.0:7")],
    );
    assert!(output.status.success() && err.is_empty(), "{err}");
    let line = |key: &str| {
        let found = out.lines().find(|line| line.starts_with(key)).unwrap();
        found.split_once('=').unwrap().1.trim().to_owned()
    };
    assert_eq!(line("ping_timeout"), "30 s  (--ping-timeout)");
    assert_eq!(line("client_listen"), "0.0.0.0:7  (ADSUM_CLIENT_LISTEN in the environment)");
    assert_eq!(line("device_limit"), format!("2  (device.limit in {}, line 1)", file.display()));
    assert!(line("security.maxdata").starts_with("65536 bytes  (security.maxdata in "), "{out}");
    assert_eq!(line("own_echo"), "true  (default)");
    assert!(out.lines().last().unwrap().starts_with("warning: client_listen = 0.0.0.0:7"), "{out}");
}

#[test]
fn it_ends_with_2_and_names_all_that_is_wrong() {
    let wrong = [("ADSUM_OWN_ECHO", "maybe"), ("ADSUM_OWN_ECO", "true")];
    let (output, out, err) = run(&["check-config", "--device-limit", "0"], &wrong);
    assert_eq!(output.status.code(), Some(2));
    assert!(out.is_empty(), "{out}");
    assert_eq!(err.lines().count(), 3, "{err}");
    for named in ["own_echo = maybe", "is own_echo meant?", "device_limit = 0 (--device-limit)"] {
        assert!(err.contains(named), "{err}");
    }
    let latin = std::os::unix::ffi::OsStrExt::from_bytes(b"/caf\xe9.db");
    let mut command = Command::new(env!("CARGO_BIN_EXE_adsum-server"));
    let latin: &std::ffi::OsStr = latin;
    let output = command.arg("check-config").env("ADSUM_STORE_PATH", latin).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("ADSUM_STORE_PATH (in the environment) is not UTF-8"), "{err}");
    let (output, _, err) = run(&["check-config", "--device-limt", "1"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("--device-limit"), "{err}");
}

/// What does not go together in a cluster.
#[test]
fn it_says_what_a_cluster_needs() {
    let jwt = ["--store", "jwt"];
    let secret = [("ADSUM_JWT_SECRET", "0123456789abcdef0123456789abcdef")];
    let cluster = ["check-config", "--cluster", "nats://127.0.0.1:4222", "--node", "a"];
    let says = |more: &[&str]| {
        let (output, _, err) = run(&[&cluster, more].concat(), &secret);
        assert_eq!(output.status.success(), err.is_empty(), "{err}");
        err
    };
    assert_eq!(says(&jwt), "");
    assert!(says(&[]).contains("cluster needs store = jwt"));
    let with = |more: &[&'static str]| [&jwt, more].concat();
    let late = says(&with(&["--cluster-beat-ms", "1000", "--cluster-suspect-ms", "1999"]));
    assert!(late.contains("must be two of cluster_beat_ms"), "{late}");
    // Others end the sessions of a node that stops after the grace.
    let long = says(&with(&["--drain-timeout", "61"]));
    assert!(long.contains("drain_timeout = 61 is more than grace_error = 60"), "{long}");
    assert_eq!(says(&with(&["--drain-timeout", "60"])), "");
}
