//! What is for operators.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use adsum_tim::{Form, Kind, Secret, TimAuth, rtype};

use crate::support::program::{Program, run_to_end};
use crate::support::{self, Client, Server, TOKEN, auth};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\n";
const METRICS: &str = "GET /metrics HTTP/1.1\r\n";

fn with_token(head: &str, token: &str) -> String {
    format!("{head}Authorization: Bearer {token}\r\n")
}

/// Where clients come, metrics and health are for whoever shows the token; where there is no token
/// they are not there. At an address of their own they are for whoever comes there.
#[tokio::test]
async fn a6_metrics_and_health_are_for_operators() {
    let status = async |to, head: &str| support::request_bytes(to, head, b"").await.0;
    let program = Program::start(&["--admin-token", TOKEN]);
    for head in [HEALTH, METRICS] {
        assert_eq!(status(program.address, head).await, 401, "{head}");
        assert_eq!(status(program.address, &with_token(head, "another")).await, 401, "{head}");
        assert_eq!(status(program.address, &with_token(head, TOKEN)).await, 200, "{head}");
    }
    let program = Program::start(&["--admin-listen", "127.0.0.1:0"]);
    for head in [HEALTH, METRICS] {
        assert_eq!(status(program.address, head).await, 404, "{head}");
        assert_eq!(status(program.admin_address.unwrap(), head).await, 200, "{head}");
    }
    let help = run_to_end(&["--help"], &[]).out;
    assert!(help.contains("at admin_listen, or for whoever shows admin_token"), "{help}");
}

/// A store that cannot write is not well, even though it can be read.
#[tokio::test]
async fn a6_health_says_no_when_the_store_cannot_write() {
    let program = Program::start(&["--admin-token", TOKEN]);
    let health = || support::request(program.address, HEALTH_WITH_TOKEN, b"");
    assert_eq!(health().await, (200, "ok\n".to_owned()));
    let sql = program.sql();
    sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    let accounts = "SELECT count(*) FROM accounts";
    let reading = program.sql().query_row(accounts, [], |row| row.get::<_, u32>(0));
    assert_eq!(reading.unwrap(), 0);
    assert_eq!(health().await, (503, "the store fails\n".to_owned()));
    sql.execute_batch("ROLLBACK").unwrap();
    assert_eq!(health().await, (200, "ok\n".to_owned()));
}

/// All who ask while the store hangs are answered by the same look at it, and not one after the
/// other.
#[tokio::test]
async fn a6_all_who_ask_how_the_store_is_are_answered_together() {
    const MANY: usize = 12;
    let program = Program::start(&["--admin-token", TOKEN]);
    let sql = program.sql();
    sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let ask = |_| support::request(program.address, HEALTH_WITH_TOKEN, b"");
    let answers = futures_util::future::join_all((0..MANY).map(ask)).await;
    // A look takes a second, and there are two: one for the first, one for all who came meanwhile.
    let took = started.elapsed();
    assert!(took < Duration::from_millis(4_500), "{took:?}");
    for answer in answers {
        assert_eq!(answer, (503, "the store fails\n".to_owned()));
    }
}

const HEALTH_WITH_TOKEN: &str =
    "GET /healthz HTTP/1.1\r\nAuthorization: Bearer a token of an administrator\r\n";

/// What is wrong with a text in Prometheus's format, as `promtool check metrics` would say.
fn complaints(text: &str) -> Vec<String> {
    let (mut help, mut kinds) = (BTreeSet::new(), BTreeMap::new());
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').unwrap_or((rest, ""));
            if words.is_empty() || !help.insert(name) {
                wrong.push(format!("help: {line}"));
            }
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            if kinds.insert(name, kind).is_some() || (kind == "counter") != name.ends_with("_total")
            {
                wrong.push(format!("type: {line}"));
            }
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap_or((line, ""));
            let name = sample.split('{').next().unwrap();
            let parts = ["_bucket", "_sum", "_count"];
            let base = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
            let family = if kinds.get(base) == Some(&"histogram") { base } else { name };
            let is_known = help.contains(family) && kinds.contains_key(family);
            if value.parse::<f64>().is_err() || !is_known || !seen.insert(sample) {
                wrong.push(format!("sample: {line}"));
            }
        }
    }
    wrong
}

/// The metrics have nothing wrong in them, whichever of them there are.
#[tokio::test]
async fn promtool_has_nothing_to_say_about_the_metrics() {
    let server = Server::run(&["--security-reqhzsecond", "5", "--request-burst", "6"]);
    let [_, bob] = server.friends(["ann", "bob"]);
    // Something of each kind happens.
    let mut at_ann = server.login("ann").await;
    let mut at_bob = server.login_as("bob", Form::Thrift, auth("bob")).await;
    at_ann.say("here").await;
    assert_eq!(at_bob.heard().await.1, "here");
    at_ann.ask(rtype::REMOVE_ROSTER, Some(&bob)).await;
    at_ann.ask(rtype::REMOVE_ROSTER, Some(&bob)).await;
    at_ann.direct(&["nobody"; 2_000], "too many").await;
    at_ann.until_pong().await;
    let wrong = TimAuth { pwd: Some(Secret::from("wrong")), ..auth("ann") };
    assert!(!Client::connect(server.address(), Form::Json).await.authenticate(&wrong).await.ok);
    let taken = auth("ann").to_request(Form::Json, Kind::REGISTER);
    support::request_bytes(server.address(), "POST /tim2 HTTP/1.1\r\n", &taken).await;
    at_bob.close().await;
    let (status, text) = server.get("/metrics").await;
    assert_eq!(status, 200);
    for family in [
        "registrations_refused_total{",
        "logins_refused_total{",
        "sessions_ended_total{",
        "deliveries_total{",
    ] {
        assert!(text.contains(family), "{family} is not in {text}");
    }
    assert_eq!(complaints(&text), [""; 0]);
    let Some(mut tool) = promtool() else { return };
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = tool.wait_with_output().unwrap();
    let said = (said.status.code(), [said.stdout, said.stderr].concat());
    assert_eq!(said, (Some(0), Vec::new()), "{}", String::from_utf8_lossy(&said.1));
}

/// The tool itself, which is to read metrics: the one that `ADSUM_PROMTOOL` names, as
/// `scripts/test` sees to, or else the system's. Where there is none it is said aloud.
fn promtool() -> Option<Child> {
    let named = std::env::var_os("ADSUM_PROMTOOL").filter(|name| !name.is_empty());
    let tool = Command::new(named.as_deref().unwrap_or_else(|| "promtool".as_ref()))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let error = match tool {
        Ok(tool) => return Some(tool),
        Err(error) => error,
    };
    let loud = format!("SKIPPED: WHAT PROMTOOL SAYS: it does not start: {error}");
    let is_wanted = named.is_some() || std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!is_wanted, "{loud}");
    // Past what collects the output of tests that pass.
    _ = writeln!(std::io::stderr(), "{loud}");
    None
}

/// Whoever asks for OpenMetrics is given that.
#[tokio::test]
async fn metrics_come_in_the_format_that_is_asked_for() {
    let program = Program::start(&["--admin-token", TOKEN]);
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let head = with_token(METRICS, TOKEN) + accept;
    let (status, text) = support::request(program.address, &head, b"").await;
    assert!(status == 200 && text.ends_with("# EOF\n"), "{text}");
    assert!(text.contains("# TYPE adsum_events counter\n"), "{text}");
    assert!(!complaints(&text).is_empty(), "it is another format");
    let (_, text) = support::request(program.address, &with_token(METRICS, TOKEN), b"").await;
    assert!(text.contains("# TYPE adsum_events_total counter\n"), "{text}");
}
