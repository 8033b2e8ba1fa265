//! The program itself: how it starts, how it ends, and what it leaves behind.

mod support;

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use adsum_tim::{Form, Kind, TimAuth, TimPresence, rtype};
use support::program::{Program, end_of, run_to_end_in, send, spawn_in};
use support::{Client, PATIENCE, auth};

const ADMIN: &str = "the administrator's token";
const SECRET: &str = "a secret of the tests";
const PASSWORD: &str = "PASSWORD-MARKER";

fn start() -> Program {
    Program::start(&["--admin-token", ADMIN])
}

/// A new account, and a session that is logged in.
async fn newcomer(to: SocketAddr, name: &str) -> Client {
    let mut auth = TimAuth { pwd: Some(PASSWORD.into()), ..auth(name) };
    let body = auth.to_request(Form::Json, Kind::REGISTER);
    let (status, answer) = support::request(to, "POST /tim2 HTTP/1.1\r\n", &body).await;
    assert!(status == 200 && answer.contains("\"ok\":true"), "{answer}");
    auth.resource = Some("MARKER-resource".to_owned());
    auth.extend = Some([("k".to_owned(), "MARKER-login-extend".to_owned())].into());
    let mut client = Client::connect(to, Form::Json).await;
    let ack = client.authenticate(&auth).await;
    client.node = ack.n.expect("a login");
    client
}

fn marked(path: &str) -> TimPresence {
    TimPresence {
        extend: Some([("k".to_owned(), format!("MARKER-extend-{path}"))].into()),
        ..support::says(&format!("MARKER-status-{path}"))
    }
}

/// Presence by every way that there is: to the roster, directed both ways, unseen, by the
/// administrator, refused, over a broken connection, and to somebody who is not there.
async fn say_everything(to: SocketAddr) -> [Client; 2] {
    let (mut ann, mut bob) = (newcomer(to, "ann").await, newcomer(to, "bob").await);
    ann.ask(rtype::ADD_ROSTER, Some(&bob.node)).await;
    // A ping is answered when what came before it on its own connection is done.
    ann.until_pong().await;
    bob.ask(rtype::ADD_ROSTER, Some(&ann.node)).await;
    bob.until_pong().await;
    ann.publish(&marked("roster")).await;
    bob.publish(&marked("other")).await;
    let directed = TimPresence { to_tid: Some(bob.tid()), ..marked("directed") };
    ann.send(directed.to_request(Form::Json, Kind::PRESENCE)).await;
    let list = TimPresence { to_list: Some(vec![bob.node.clone()]), ..marked("list") };
    ann.send(list.to_request(Form::Thrift, Kind::BROAD_PRESENCE)).await;
    let nobody = TimPresence { to_tid: Some(ann.tid()), ..marked("self") };
    bob.send(nobody.to_request(Form::Json, Kind::PRESENCE)).await;
    ann.send([&[0x93][..], br#"{"status":"MARKER-broken","show":"x"}"#].concat()).await;
    ann.send([&[0xda][..], br#"{"dataString":"MARKER-message"}"#].concat()).await;
    ann.ask(1_001, None).await;
    ann.publish(&marked("unseen")).await;
    ann.ask(1_002, None).await;
    let head = format!("POST /admin/presence HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\n");
    let body = format!(r#"{{"nodes":["{}"],"presence":{{"status":"MARKER-system"}}}}"#, bob.node);
    assert_eq!(support::request(to, &head, body.as_bytes()).await.0, 200);
    let mut third = newcomer(to, "cyd").await;
    third.publish(&marked("lost")).await;
    third.until_pong().await;
    third.break_off();
    ann.until_pong().await;
    let heard = format!("{:?}", bob.until_pong().await);
    for path in ["roster", "directed", "list", "unseen"] {
        assert!(heard.contains(&format!("MARKER-status-{path}")), "{path}: {heard}");
    }
    assert!(heard.contains("MARKER-system") && heard.contains("MARKER-login-extend"));
    [ann, bob]
}

/// Every byte of every file in the folder.
fn written(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let mut bytes = Vec::new();
            File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
            (path.display().to_string(), bytes)
        })
        .collect()
}

fn assert_unwritten(folder: &Path) {
    let files = written(folder);
    assert!(
        files.iter().any(|(name, bytes)| name.ends_with("adsum-server.db") && !bytes.is_empty())
    );
    let contains =
        |bytes: &[u8], what: &str| bytes.windows(what.len()).any(|part| part == what.as_bytes());
    // The search finds what is there.
    assert!(files.iter().any(|(_, bytes)| contains(bytes, "ann")));
    for (name, bytes) in &files {
        for what in ["MARKER", ADMIN] {
            assert!(!contains(bytes, what), "{what} in {name}");
        }
    }
}

#[tokio::test]
async fn presence_is_in_no_file_after_a_stop() {
    let mut program = start();
    let [mut ann, bob] = say_everything(program.address).await;
    drop(bob);
    let started = Instant::now();
    program.signal("-TERM");
    assert_eq!(ann.close_code().await, 1_001);
    assert_eq!(program.end(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_unwritten(program.folder());
}

#[tokio::test]
async fn presence_is_in_no_file_after_a_kill() {
    let program = start();
    let clients = say_everything(program.address).await;
    let folder = program.kill();
    drop(clients);
    assert_unwritten(folder.path());
}

/// A client that reads nothing does not keep the server from ending.
#[tokio::test]
async fn it_ends_in_bounded_time_whatever_clients_do() {
    let mut program = start();
    let deaf = newcomer(program.address, "deaf").await;
    let half_open = tokio::net::TcpStream::connect(program.address).await.unwrap();
    program.signal("-INT");
    assert_eq!(program.end(), Some(0));
    drop((deaf, half_open));
}

/// Whoever stops it before it has started is heard as well: while it waits for its settings, and
/// while another process has its store.
#[test]
fn it_can_be_stopped_while_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("settings");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for signal in ["-TERM", "-INT"] {
        let process = spawn_in(folder.path(), &["--config", "settings"], &[]);
        // This is open when both sides are, so the server is about to read.
        let (sender, opened) = std::sync::mpsc::channel();
        let path = pipe.clone();
        std::thread::spawn(move || sender.send(File::options().write(true).open(path)));
        let writer = opened.recv_timeout(PATIENCE).expect("it reads its settings").unwrap();
        send(signal, &process);
        is_stopped(process);
        drop(writer);
    }
    let sql = rusqlite::Connection::open(folder.path().join("adsum-server.db")).unwrap();
    sql.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut process = spawn_in(folder.path(), &["--listen", "127.0.0.1:0"], &[]);
    let started = Instant::now();
    // It makes this just before it opens the store.
    while !folder.path().join("adsum-server.db.lock").exists() {
        assert!(process.try_wait().unwrap().is_none() && started.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    send("-TERM", &process);
    is_stopped(process);
    // It would wait five seconds for the store.
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

fn is_stopped(process: Child) {
    let said = end_of(process);
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{}", said.err);
    assert!(said.err.ends_with("adsum-server: stopped before it had started\n"), "{}", said.err);
}

/// It says what it is, where it is, on which file, and how it ends; every page that it names is
/// there; and whatever it logs to a file has no colours in it.
#[tokio::test]
async fn it_says_what_an_operator_needs_to_know() {
    let mut program = Program::start(&["--admin-listen", "127.0.0.1:0", "--admin-token", ADMIN]);
    let (address, admin) = (program.address, program.admin_address.unwrap());
    for (at, path) in [(address, "/"), (admin, "/healthz"), (admin, "/metrics"), (admin, "/admin")]
    {
        let head = format!("GET {path} HTTP/1.1\r\n");
        assert_eq!(support::request_bytes(at, &head, b"").await.0, 200, "{path}");
    }
    program.signal("-TERM");
    assert_eq!(program.end(), Some(0));
    let file = program.folder().canonicalize().unwrap().join("adsum-server.db");
    let said = program.said();
    let wanted = [
        format!(" {}: clients connect to ws://{address}/tim", env!("CARGO_PKG_VERSION")),
        format!(": clients of adsum.v1 connect to ws://{address}/v1"),
        format!(": the web page is at http://{address}/"),
        format!(": health is at http://{admin}/healthz"),
        format!(": metrics are at http://{admin}/metrics"),
        format!(": the administrator's page is at http://{admin}/admin"),
        format!(": accounts and rosters are in {}", file.display()),
        ": Ctrl-C or SIGTERM stops it".to_owned(),
    ];
    let wanted = wanted.map(|line| format!("adsum-server{line}"));
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
    let log = program.log();
    assert!(log.contains("stopping") && !log.contains('\u{1b}'), "{log}");
}

/// Nor does it name a page that is not there.
#[test]
fn it_names_no_page_that_is_switched_off() {
    let flags = ["--admin-listen", "127.0.0.1:0", "--metrics=false"];
    let mut program = Program::start(&flags);
    program.signal("-TERM");
    assert_eq!(program.end(), Some(0));
    let said = program.said();
    assert!(said.contains("/healthz\n") && !said.contains("/metrics"), "{said}");
    assert!(!said.contains("/admin\n"), "{said}");
}

/// Whatever keeps it from starting is said with the setting and where that comes from.
#[test]
fn an_error_names_its_setting_and_where_it_comes_from() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let run = |flags: &[&str], variables: &[(&str, &str)]| {
        let said = run_to_end_in(folder.path(), flags, variables);
        assert_eq!(said.code, Some(1), "{}", said.err);
        said.err.lines().last().unwrap().to_owned()
    };
    let said = run(&["--listen", &address], &[]);
    let wanted = format!("adsum-server: client_listen = {address}: cannot listen there");
    assert!(said.starts_with(&wanted) && said.ends_with("(--client-listen)"), "{said}");
    let said = run(&[], &[("ADSUM_LISTEN", &address)]);
    assert!(said.starts_with(&wanted), "{said}");
    assert!(said.ends_with("(ADSUM_LISTEN in the environment)"), "{said}");
    let said = run(&["--listen", "0", "--store-path", "no/x.db"], &[]);
    assert_eq!(said, "adsum-server: store_path = no/x.db: there is no such folder (--store-path)");
    std::fs::write(folder.path().join("adsum-server.db.token-key"), "too short").unwrap();
    let said = run(&["--listen", "0"], &[]);
    let start = "adsum-server: token_key_file = adsum-server.db.token-key: ";
    assert!(said.starts_with(start), "{said}");
    assert!(said.ends_with("(the default; --token-key-file sets another)"), "{said}");
    let both = [("ADSUM_LISTEN", "1"), ("ADSUM_CLIENT_LISTEN", "2")];
    let said = run_to_end_in(folder.path(), &[], &both);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("client_listen is given twice in the environment"), "{}", said.err);
}

/// Settings that cannot be read are named by what names them; and where no certificate can be, the
/// error says so, and not only that something went wrong.
#[test]
fn what_cannot_be_read_at_start_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let no_file = [("ADSUM_CONFIG", "no such file")];
    let said = run_to_end_in(folder.path(), &[], &no_file);
    assert_eq!(said.code, Some(2));
    let start = "adsum-server: config = no such file: ";
    let end = "(ADSUM_CONFIG in the environment)\n";
    assert!(said.err.starts_with(start) && said.err.ends_with(end), "{}", said.err);
    // As in a small container.
    let none = [("SSL_CERT_FILE", "no such file"), ("SSL_CERT_DIR", "no such folder")];
    let flags = ["--listen", "0", "--webhook-url", "https://a/", "--webhook-secret", SECRET];
    let said = run_to_end_in(folder.path(), &flags, &none);
    let line = said.err.lines().last().unwrap();
    assert_eq!(said.code, Some(1), "{line}");
    assert!(line.starts_with("adsum-server: webhook_url: "), "{line}");
    assert!(line.contains("ertificate") && line.ends_with("(--webhook-url)"), "{line}");
}

/// Whatever the file is called, it is a file: also where SQLite has a meaning of its own for it.
#[tokio::test]
async fn a_store_with_an_odd_name_is_a_file() {
    for name in [":memory:", "file:odd.db?mode=memory", "file:odd.db"] {
        let program = Program::start(&["--store-path", name]);
        let client = newcomer(program.address, "ann").await;
        client.close().await;
        let folder = program.kill();
        assert!(std::fs::metadata(folder.path().join(name)).unwrap().len() > 0, "{name}");
        assert!(!folder.path().join("odd.db").exists(), "{name}");
        let program = Program::start_in(folder, &["--store-path", name]);
        let login = TimAuth { pwd: Some(PASSWORD.into()), ..auth("ann") };
        let mut client = Client::connect(program.address, Form::Json).await;
        assert!(client.authenticate(&login).await.ok, "{name}");
    }
}
