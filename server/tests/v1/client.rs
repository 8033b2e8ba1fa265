#![allow(unreachable_pub, reason = "it is used by the modules beside it")]

//! A client of the neutral protocol, and a server that takes tokens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use adsum_server::config::Config;
use adsum_server::store::{Jwt, JwtKey, JwtOptions};
use futures_util::{SinkExt as _, StreamExt as _};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::support::{PATIENCE, Server, brisk};

pub const SECRET: &[u8; 32] = b"a secret of the tests, long as..";

/// How long tokens are good unless a test says otherwise.
const LONG_S: u64 = 3_600;

/// What a close frame without a code is said to have.
const NO_CODE: u16 = 1_005;

pub fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

pub fn jwt() -> Jwt {
    let key = JwtKey::Secret(SECRET.to_vec());
    let (issuer, audience) = (None, None);
    Jwt::new(JwtOptions { key, issuer, audience, leeway: 0, max_relations: 10_000 }).unwrap()
}

/// A server that takes tokens, and lets everybody watch.
pub fn server(change: impl FnOnce(&mut Config)) -> Server {
    let change = |config: &mut Config| {
        config.presence.watch = adsum_server::config::Watch::Anyone;
        config.accounts.jwt_leeway_s = 0;
        change(config);
    };
    Server::over(Arc::new(jwt()), change, brisk())
}

/// A token with these claims beside the usual ones.
pub fn token_with(user: &str, contacts: &[&str], claims: Value) -> String {
    let mut all = json!({
        "sub": user, "exp": unix_ms() / 1_000 + LONG_S, "adsum.contacts": contacts,
    });
    let claims = claims.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(claims);
    encode(&Header::default(), &all, &EncodingKey::from_secret(SECRET)).unwrap()
}

pub fn token(user: &str, contacts: &[&str]) -> String {
    token_with(user, contacts, json!({}))
}

/// What came instead of a further frame.
#[derive(Debug, PartialEq)]
pub enum End {
    Closed(u16),
    Broken,
}

pub struct V1 {
    pub ws: WebSocketStream<TcpStream>,
    next_n: u64,
    /// The answer to its hello.
    pub welcome: Value,
}

impl V1 {
    pub async fn connect(to: SocketAddr) -> Self {
        Self::over(TcpStream::connect(to).await.unwrap(), to).await
    }

    pub async fn over(stream: TcpStream, to: SocketAddr) -> Self {
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://{to}/v1").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "adsum.v1".parse().unwrap());
        let (ws, response) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "adsum.v1");
        Self { ws, next_n: 1_000_000, welcome: Value::Null }
    }

    /// A session that has said hello with this token, and its snapshot.
    pub async fn hello(server: &Server, token: &str) -> (Self, Value) {
        Self::hello_with(server, json!({"op": "hello", "token": token})).await
    }

    pub async fn hello_with(server: &Server, hello: Value) -> (Self, Value) {
        Self::hello_at(server.address(), hello).await
    }

    pub async fn hello_at(to: SocketAddr, hello: Value) -> (Self, Value) {
        let mut client = Self::connect(to).await;
        client.send(hello).await;
        client.welcome = client.next().await;
        assert_eq!(client.welcome["op"], "welcome", "{}", client.welcome);
        let snapshot = client.next().await;
        assert_eq!((&snapshot["op"], &snapshot["last"]), (&json!("snapshot"), &json!(true)));
        (client, snapshot)
    }

    pub async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    pub async fn send_text(&mut self, text: String) {
        self.ws.send(Message::Text(text.into())).await.unwrap();
    }

    /// The next frame, or how the connection ended.
    pub async fn next_or_end(&mut self) -> Result<Value, End> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.ws.next()).await;
            match next.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(End::Closed(frame.code.into()));
                }
                Some(Ok(Message::Close(None))) => return Err(End::Closed(NO_CODE)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?}"),
                None | Some(Err(_)) => return Err(End::Broken),
            }
        }
    }

    pub async fn next(&mut self) -> Value {
        self.next_or_end().await.expect("an open connection")
    }

    /// Sends an operation; returns its answer, and what was told before that.
    pub async fn told(&mut self, mut operation: Value) -> (Value, Vec<Value>) {
        self.next_n += 1;
        let n = self.next_n;
        operation["n"] = n.into();
        self.send(operation).await;
        let mut told = Vec::new();
        loop {
            let frame = self.next().await;
            if frame["n"] == n {
                return (frame, told);
            }
            told.push(frame);
        }
    }

    /// Sends an operation, and returns its answer.
    pub async fn ask(&mut self, operation: Value) -> Value {
        let (mut answer, told) = self.told(operation).await;
        assert!(told.is_empty(), "{told:?} before {answer}");
        answer.as_object_mut().unwrap().remove("n");
        answer
    }

    /// Sends an operation that is carried out, and returns what it makes the session be told.
    pub async fn does(&mut self, operation: Value) -> Vec<Value> {
        let (answer, told) = self.told(operation).await;
        assert_eq!(answer["op"], "ok", "{answer}");
        told
    }

    /// What this session has been told until now.
    pub async fn until_pong(&mut self) -> Vec<Value> {
        self.does(json!({"op": "ping"})).await
    }

    /// The `bye` that comes, after anything else; nothing comes after it but a close frame, whose
    /// code this returns.
    pub async fn bye(&mut self) -> (Value, u16) {
        loop {
            let frame = self.next().await;
            if frame["op"] == "bye" {
                match self.next_or_end().await {
                    Err(End::Closed(code)) => return (frame, code),
                    other => panic!("{other:?} after {frame}"),
                }
            }
        }
    }

    pub async fn close(mut self, code: Option<u16>) {
        let frame = code.map(|code| CloseFrame { code: code.into(), reason: "".into() });
        self.ws.close(frame).await.unwrap();
        while self.next_or_end().await.is_ok() {}
    }
}

/// The parts of a frame that do not differ each time.
pub fn plain(mut frame: Value) -> Value {
    let fields = frame.as_object_mut().unwrap();
    fields.remove("id");
    fields.remove("s");
    frame
}
