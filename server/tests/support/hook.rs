//! A webhook that checks what it is sent, keeps a table of who is online, and can be made to fail.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::PATIENCE;

/// What posts are signed with.
pub const SECRET: &str = "a secret of the hook in the tests";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Takes,
    /// Answers with 500.
    Refuses,
    /// Closes connections without a word.
    Down,
    /// Answers nothing until it is in another mode.
    Hangs,
}

/// What an application's server knows of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which of two pieces of news is newer: the server's start and the edge's number.
    pub version: (u64, u64),
    /// `None` if the user is offline.
    pub online: Option<Online>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Online {
    pub visible: bool,
    pub since: u64,
}

#[derive(Debug)]
pub struct State {
    pub mode: Mode,
    /// How many posts have come, taken or not.
    pub posts: usize,
    /// How many of them get no answer at this moment.
    pub hanging: usize,
    /// Those that were taken.
    pub batches: Vec<Value>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Who is online, as far as edges say.
    pub table: BTreeMap<String, Known>,
    /// What was wrong with posts.
    pub wrong: Vec<String>,
}

impl State {
    /// All edges that were taken, as they came.
    pub fn edges(&self) -> Vec<&Value> {
        self.batches.iter().flat_map(|batch| batch["edges"].as_array().unwrap()).collect()
    }

    /// How many of the batches said that something was missed.
    pub fn missed(&self) -> usize {
        self.batches.iter().filter(|batch| batch["missed"] == true).count()
    }

    pub fn online(&self) -> BTreeMap<&str, Online> {
        self.table.iter().filter_map(|(user, known)| Some((user.as_str(), known.online?))).collect()
    }

    /// Does as docs/server.md says: what is not newer than what is known is nothing new. Returns
    /// whether it says something else.
    fn learn(&mut self, user: &Value, version: (u64, u64), online: Option<Online>) -> bool {
        let user = user.as_str().unwrap();
        if self.table.get(user).is_none_or(|known| known.version < version) {
            self.table.insert(user.to_owned(), Known { version, online });
        }
        self.table[user].online.is_some() != online.is_some()
    }

    fn take(&mut self, batch: Value) {
        let start = batch["start"].as_u64().unwrap();
        for edge in batch["edges"].as_array().unwrap() {
            let is_online = edge["state"] == "online";
            assert!(is_online || edge["state"] == "offline", "{edge}");
            assert_eq!(edge["cause"].is_null(), is_online, "{edge}");
            let version = (start, edge["number"].as_u64().unwrap());
            self.learn(&edge["user"], version, is_online.then(|| online(edge)));
        }
        self.batches.push(batch);
    }

    /// Takes the answer to a query; returns whether there is somebody to ask about again.
    pub fn reconcile(&mut self, answer: &Value) -> bool {
        let version = ["start", "number"].map(|key| answer[key].as_u64().unwrap());
        let mut asks_again = false;
        for user in answer["users"].as_array().unwrap() {
            let known = (user["online"] == true).then(|| online(user));
            asks_again |= self.learn(&user["user"], version.into(), known);
        }
        asks_again
    }
}

/// Returns what an edge, or an answer, says of one who is online.
pub fn online(of: &Value) -> Online {
    let (visible, since) = (of["visible"].as_bool().unwrap(), of["since"].as_u64().unwrap());
    Online { visible, since }
}

/// The hook, on a port of loopback until it is dropped.
pub struct Hook {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Hook {
    pub async fn start(mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            mode,
            posts: 0,
            hanging: 0,
            batches: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            table: BTreeMap::new(),
            wrong: Vec::new(),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?of=tests", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    pub fn set(&self, mode: Mode) {
        self.state().mode = mode;
        self.shared.changed.notify_waiters();
    }

    /// Waits until the state is so; everything that was sent must have been right.
    pub async fn until(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let reached = tokio::time::timeout(PATIENCE, self.shared.until(&is_so)).await;
        let state = self.state();
        assert_eq!(state.wrong, [""; 0]);
        assert!(reached.is_ok(), "not {what}: {state:#?}");
    }

    /// Waits until so many edges have come since the hook began; returns the last of them.
    pub async fn edge(&self, count: usize) -> Value {
        self.until(&format!("{count} edges"), |state| state.edges().len() >= count).await;
        let state = self.state();
        assert_eq!(state.edges().len(), count, "{state:#?}");
        state.edges()[count - 1].clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    async fn until(&self, is_so: impl Fn(&State) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if is_so(&self.state.lock().unwrap()) {
                return;
            }
            changed.await;
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap());
        self.changed.notify_waiters();
        result
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        if shared.change(|state| state.mode) != Mode::Down {
            connections.spawn(serve(stream, shared.clone()));
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| answer(request, shared.clone()));
    let connection = hyper::server::conn::http1::Builder::new();
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, &'static str> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), 1 << 20).await.unwrap();
    let mode = shared.change(|state| {
        state.posts += 1;
        state.mode
    });
    if mode == Mode::Hangs {
        shared.change(|state| state.hanging += 1);
        shared.until(|state| state.mode != Mode::Hangs).await;
        shared.change(|state| state.hanging -= 1);
        return Err("it has hung for long enough");
    }
    if mode == Mode::Down {
        return Err("it is down");
    }
    let status = shared.change(|state| {
        if let Err(error) = check(&head, &body) {
            state.wrong.push(error);
        } else if mode == Mode::Takes {
            state.take(serde_json::from_slice(&body).unwrap());
            (state.headers, state.body) = (head.headers, body);
            return StatusCode::OK;
        }
        StatusCode::INTERNAL_SERVER_ERROR
    });
    // Longer than nothing, so that the connection is used again only if it is read.
    let answer = Response::builder().status(status).body("done".into()).unwrap();
    Ok::<_, Infallible>(answer).map_err(|never| match never {})
}

/// Says what is wrong with a post, as docs/server.md tells an application to.
fn check(head: &http::request::Parts, body: &[u8]) -> Result<(), String> {
    let header = |name: &str| {
        let value = head.headers.get(name).ok_or_else(|| format!("no {name}"))?;
        value.to_str().map_err(|error| error.to_string())
    };
    let (time, shown) = (header("adsum-time")?, header("adsum-signature")?);
    if !is_signed(SECRET, time, body, shown) {
        return Err(format!("{shown} is not the signature of {time} and {body:?}"));
    }
    let sent = Duration::from_millis(time.parse().map_err(|_| "no time".to_owned())?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    if now.abs_diff(sent) > Duration::from_secs(60) {
        return Err(format!("sent at {sent:?}, and now it is {now:?}"));
    }
    if (head.method.as_str(), head.uri.path()) != ("POST", "/hook") {
        return Err(format!("{} {}", head.method, head.uri));
    }
    (header("content-type")? == "application/json")
        .then_some(())
        .ok_or_else(|| "no JSON".to_owned())
}

/// Returns whether this is the HMAC-SHA256 of time, dot and body.
pub fn is_signed(secret: &str, time: &str, body: &[u8], shown: &str) -> bool {
    use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};
    let digits: Vec<_> = shown.chars().map_while(|digit| digit.to_digit(16)).collect();
    let tag: Vec<_> = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
    let signed = [time.as_bytes(), b".", body].concat();
    shown.len() == 64 && verify(&Key::new(HMAC_SHA256, secret.as_bytes()), &signed, &tag).is_ok()
}
