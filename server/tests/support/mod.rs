//! A server, in this process or as a program of its own, and clients of it.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

pub mod hook;
pub mod program;
pub mod village;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adsum_server::config::Config;
use adsum_server::host::{Host, Tuning};
use adsum_server::store::{Cost, Sqlite, SqliteOptions, Store};
use adsum_tim::{
    Form, Kind, Limits, Secret, ServerFrame, Tid, TimAck, TimAuth, TimMessage, TimNodes,
    TimPresence, TimReq, receipt_frame, rtype,
};
use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use program::Running;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Nothing takes longer than this unless it never happens.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const PASSWORD: &str = "a password of the tests";
/// What an administrator shows.
pub const TOKEN: &str = "a token of an administrator";

/// Cheap enough for a test, and otherwise as in earnest.
pub fn store() -> Arc<Sqlite> {
    let cost = Cost { memory_kib: 8, passes: 1 };
    Arc::new(Sqlite::in_memory(SqliteOptions { cost, ..SqliteOptions::default() }).unwrap())
}

/// As in earnest, but that nobody waits for a peer that is gone.
pub fn brisk() -> Tuning {
    Tuning { linger: Duration::from_millis(100), ..Tuning::default() }
}

pub struct Server {
    pub host: Running,
    pub store: Arc<dyn Store>,
}

impl Server {
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::tuned(change, brisk())
    }

    pub fn tuned(change: impl FnOnce(&mut Config), tuning: Tuning) -> Self {
        Self::over(store(), change, tuning)
    }

    pub fn over(store: Arc<dyn Store>, change: impl FnOnce(&mut Config), tuning: Tuning) -> Self {
        let mut config = Config::default();
        config.network.client_listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.services.admin_token = Some(TOKEN.into());
        change(&mut config);
        let host = Host::start(config, store.clone(), tuning).unwrap();
        Self { host: Running::Here(host), store }
    }

    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// A new account; its node.
    pub fn account(&self, name: &str) -> String {
        self.store.register(name, PASSWORD, "").unwrap()
    }

    /// Accounts that are all friends of each other.
    pub fn friends<const N: usize>(&self, names: [&str; N]) -> [String; N] {
        let nodes = names.map(|name| self.account(name));
        for (at, one) in nodes.iter().enumerate() {
            for other in &nodes[..at] {
                self.befriend(one, other);
            }
        }
        nodes
    }

    pub fn befriend(&self, one: &str, other: &str) {
        self.store.ask(one, other, "").unwrap();
        self.store.ask(other, one, "").unwrap();
    }

    /// A session that is logged in, whose snapshot may still come.
    pub async fn login(&self, name: &str) -> Client {
        self.login_as(name, Form::Json, auth(name)).await
    }

    pub async fn login_as(&self, name: &str, form: Form, auth: TimAuth) -> Client {
        let mut client = Client::connect(self.address(), form).await;
        let ack = client.authenticate(&auth).await;
        assert!(ack.ok, "{name}: {ack:?}");
        client.node = ack.n.unwrap();
        client
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let token = match &self.host {
            Running::Here(_) => Some(TOKEN),
            Running::Program(program) => program.token.as_deref(),
        };
        let shown =
            token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        request(self.address(), &format!("GET {path} HTTP/1.1\r\n{shown}"), b"").await
    }

    /// The value of one line of the metrics.
    pub async fn metric(&self, line: &str) -> f64 {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200);
        text.lines()
            .find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')?.parse().ok())
            .unwrap_or_default()
    }

    /// Waits until a line of the metrics has this value.
    pub async fn until_metric(&self, line: &str, value: f64) {
        let reached = async {
            while (self.metric(line).await - value).abs() > f64::EPSILON {
                tokio::task::yield_now().await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(reached.is_ok(), "{line} is {}, not {value}", self.metric(line).await);
    }
}

pub fn auth(name: &str) -> TimAuth {
    TimAuth { name: Some(name.to_owned()), pwd: Some(Secret::from(PASSWORD)), ..TimAuth::default() }
}

/// A login from a device of this name.
pub fn auth_from(name: &str, resource: &str) -> TimAuth {
    TimAuth { resource: Some(resource.to_owned()), ..auth(name) }
}

/// A login with this server's own additions to it.
pub fn auth_with(name: &str, extend: &[(&str, &str)]) -> TimAuth {
    let extend = extend.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    TimAuth { extend: Some(extend.collect()), ..auth(name) }
}

/// Names of that many people.
pub fn crowd(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("p{at:03}")).collect()
}

pub async fn all_log_in(server: &Server, names: &[String]) -> Vec<Client> {
    join_all(names.iter().map(|name| server.login(name))).await
}

pub fn says(status: &str) -> TimPresence {
    TimPresence { status: Some(status.to_owned()), ..TimPresence::default() }
}

/// A connection from an address of the loopback network that ends with this number.
pub async fn stream_from(last: u8, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    socket.connect(to).await.unwrap()
}

/// One request and its answer: the status and the body.
pub async fn request(to: SocketAddr, head: &str, body: &[u8]) -> (u16, String) {
    let (status, body) = request_bytes(to, head, body).await;
    (status, String::from_utf8(body).unwrap())
}

pub async fn request_bytes(to: SocketAddr, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
    request_on(TcpStream::connect(to).await.unwrap(), to, head, body).await
}

/// One request without a body, and all of its answer, the head included.
pub async fn whole_answer(to: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let rest = format!("Host: {to}\r\nConnection: close\r\n\r\n");
    stream.write_all(&[head.as_bytes(), rest.as_bytes()].concat()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// The same on a connection that is there already.
pub async fn request_on(
    mut stream: TcpStream,
    to: SocketAddr,
    head: &str,
    body: &[u8],
) -> (u16, Vec<u8>) {
    let rest = format!(
        "Host: {to}\r\nOrigin: http://{to}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let all = [head.as_bytes(), rest.as_bytes(), body].concat();
    // A server that refuses early may have closed before it has read everything.
    let _ = stream.write_all(&all).await;
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = answer[end..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    (status, body)
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 2 + length + 2..];
    }
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Presence(Box<TimPresence>),
    Ack(TimAck),
    Nodes(TimNodes),
    Message(Box<TimMessage>),
    Bare(u8),
}

pub struct Client {
    pub ws: WebSocketStream<TcpStream>,
    pub form: Form,
    pub node: String,
}

impl Client {
    pub async fn connect(to: SocketAddr, form: Form) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        Self::over(stream, to, form).await
    }

    /// From an address of the loopback network that ends with this number.
    pub async fn connect_from(last: u8, to: SocketAddr, form: Form) -> Self {
        Self::over(stream_from(last, to).await, to, form).await
    }

    pub async fn over(stream: TcpStream, to: SocketAddr, form: Form) -> Self {
        Self::forwarded(stream, to, form, None).await
    }

    /// The same for whom a proxy says, in a header of its own.
    pub async fn forwarded(
        stream: TcpStream,
        to: SocketAddr,
        form: Form,
        header: Option<(&'static str, &str)>,
    ) -> Self {
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://{to}/tim").into_client_request().unwrap();
        request.headers_mut().insert("origin", format!("http://{to}").parse().unwrap());
        if let Some((name, client)) = header {
            request.headers_mut().insert(name, client.parse().unwrap());
        }
        let (ws, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        Self { ws, form, node: String::new() }
    }

    pub async fn authenticate(&mut self, auth: &TimAuth) -> TimAck {
        self.send(auth.to_request(self.form, Kind::AUTH)).await;
        match self.next().await {
            Told::Ack(ack) if ack.tim_type == Kind::AUTH.tim_type() => ack,
            other => panic!("{other:?} instead of the answer to a login"),
        }
    }

    /// A token for the next login, asked for on a session.
    pub async fn token(&mut self) -> TimAuth {
        self.send(TimAuth::default().to_request(self.form, Kind::TOKEN)).await;
        let told = self.next().await;
        let Told::Ack(TimAck { ok: true, n: Some(token), .. }) = told else { panic!("{told:?}") };
        TimAuth { token: Some(token.as_str().into()), ..TimAuth::default() }
    }

    pub async fn send(&mut self, bytes: Vec<u8>) {
        self.ws.send(Message::Binary(bytes.into())).await.unwrap();
    }

    /// To the whole roster.
    pub async fn publish(&mut self, presence: &TimPresence) {
        self.send(presence.to_request(self.form, Kind::BROAD_PRESENCE)).await;
    }

    pub async fn say(&mut self, status: &str) {
        self.publish(&says(status)).await;
    }

    pub async fn direct(&mut self, to: &[&str], status: &str) {
        let to_list = Some(to.iter().map(|node| (*node).to_owned()).collect());
        let presence = TimPresence { to_list, ..says(status) };
        self.send(presence.to_request(self.form, Kind::PRESENCE)).await;
    }

    pub async fn ask(&mut self, request: i32, node: Option<&str>) {
        let request = TimReq {
            rtype: Some(request),
            node: node.map(str::to_owned),
            req_str: (request == rtype::ADD_ROSTER).then(|| "please".to_owned()),
            ..TimReq::default()
        };
        self.send(request.to_request(self.form, Kind::BUSINESS)).await;
    }

    /// The next frame as it went over the wire; `None` if the server closed.
    pub async fn next_bytes(&mut self) -> Option<Vec<u8>> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.ws.next()).await;
            match next.expect("a frame in time")? {
                Ok(Message::Binary(bytes)) => return Some(bytes.to_vec()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The code that the server closes with; everything before it is passed over.
    pub async fn close_code(&mut self) -> u16 {
        self.close_frame().await.0
    }

    /// The code that the server closes with, and the reason.
    pub async fn close_frame(&mut self) -> (u16, String) {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.ws.next()).await;
            match next.expect("a close frame in time") {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("{other:?} instead of a close frame"),
            }
        }
    }

    pub async fn next(&mut self) -> Told {
        let bytes = self.next_bytes().await.expect("an open connection");
        self.read(&bytes).await
    }

    async fn read(&mut self, bytes: &[u8]) -> Told {
        let frame = ServerFrame::split(bytes).unwrap();
        let (form, limits) = (self.form, Limits { list: 100_000, map: 1_000 });
        if let Some(id) = frame.sync {
            self.send(receipt_frame(form, id).to_vec()).await;
        }
        match frame.kind {
            Kind::PRESENCE => {
                Told::Presence(Box::new(TimPresence::decode(form, frame.body, &limits).unwrap()))
            }
            Kind::ACK => Told::Ack(TimAck::decode(form, frame.body, &limits).unwrap()),
            Kind::NODES => Told::Nodes(TimNodes::decode(form, frame.body, &limits).unwrap()),
            Kind::MESSAGE => {
                Told::Message(Box::new(TimMessage::decode(form, frame.body, &limits).unwrap()))
            }
            other => {
                assert!(frame.body.is_empty(), "{bytes:?}");
                Told::Bare(other.number())
            }
        }
    }

    /// The next frame, which is a presence.
    pub async fn presence(&mut self) -> TimPresence {
        match self.next().await {
            Told::Presence(presence) => *presence,
            other => panic!("{other:?} instead of a presence"),
        }
    }

    /// The next frame, which is a presence: who from, and what it says.
    pub async fn heard(&mut self) -> (String, String) {
        let presence = self.presence().await;
        let from = presence.from_tid.expect("somebody's").node;
        let what = match presence.offline {
            Some(true) => "offline".to_owned(),
            _ => presence.status.unwrap_or_default(),
        };
        (from, what)
    }

    /// The next frame, which is an ack that refuses: for which type, and the code.
    pub async fn refusal(&mut self) -> (i8, i32) {
        match self.next().await {
            Told::Ack(TimAck { ok: false, tim_type, error: Some(error), .. }) => {
                (tim_type, error.code.unwrap())
            }
            other => panic!("{other:?} instead of a refusal"),
        }
    }

    /// Everything that was sent to this session before the server has taken this ping and
    /// answered it.
    pub async fn until_pong(&mut self) -> Vec<Told> {
        self.send(vec![Kind::PING.number()]).await;
        let mut told = Vec::new();
        loop {
            match self.next().await {
                Told::Bare(number) if number == Kind::PING.number() => return told,
                other => told.push(other),
            }
        }
    }

    /// A logout, as tim's clients do it: a close frame without a code.
    pub async fn close(mut self) {
        self.ws.close(None).await.unwrap();
        while self.next_bytes().await.is_some() {}
    }

    /// A page that is left or reloaded, as browsers do it: a close frame with a code.
    pub async fn go_away(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.ws.close(Some(frame)).await.unwrap();
        while self.next_bytes().await.is_some() {}
    }

    /// A cable that is pulled, as the server sees it: the connection is reset.
    pub fn break_off(self) {
        let stream = self.ws.into_inner();
        stream.set_zero_linger().unwrap();
        drop(stream);
    }

    pub fn tid(&self) -> Tid {
        Tid::of(self.node.as_str())
    }
}
