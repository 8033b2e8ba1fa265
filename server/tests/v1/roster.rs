//! Contacts that your backend is asked for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use adsum_server::config::Config;
use adsum_tim::{Form, Secret, TimAuth};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{V1, server, token};
use crate::support::{PASSWORD, Server};

const KEY: &str = "a key of the backend's";

/// What a backend answers for each user, and what it was asked.
#[derive(Default)]
struct Backend {
    answers: Mutex<HashMap<String, (u16, String)>>,
    asked: Mutex<Vec<String>>,
}

impl Backend {
    async fn start() -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let backend = Arc::new(Self::default());
        let serving = backend.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        (backend, address)
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let is_right = head.to_ascii_lowercase().contains(&format!("authorization: bearer {KEY}"));
        let user = path.rsplit_once("user=").unwrap().1.to_owned();
        self.asked.lock().unwrap().push(path);
        let answer = self.answers.lock().unwrap().get(&user).cloned();
        let (status, body) = match answer {
            Some(answer) if is_right => answer,
            Some(_) => (401, String::new()),
            None => (404, String::new()),
        };
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close");
        let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
    }

    fn knows(&self, user: &str, contacts: &[&str]) {
        self.answers_with(user, 200, &json!({ "contacts": contacts }).to_string());
    }

    fn answers_with(&self, user: &str, status: u16, body: &str) {
        let answer = (status, body.to_owned());
        self.answers.lock().unwrap().insert(user.to_owned(), answer);
    }
}

fn asks(address: SocketAddr) -> impl FnOnce(&mut Config) {
    move |config| {
        config.accounts.roster_url = Some(format!("http://{address}/contacts?app=1"));
        config.accounts.roster_key = Some(KEY.into());
        config.accounts.max_relations = 100;
    }
}

/// Once a session begins, for either protocol, and instead of what a token says.
#[tokio::test]
async fn the_backend_says_whom_one_sees() {
    let (backend, address) = Backend::start().await;
    backend.knows("ann", &["bob", "cyd"]);
    backend.knows("bob", &["ann"]);
    backend.answers_with("cyd", 200, r#"{"contacts":["ann"],"blocked":["bob"]}"#);
    let server = server(asks(address));
    let (mut ann, _) = V1::hello(&server, &token("ann", &["eve"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &[])).await;
    let (mut eve, _) = V1::hello(&server, &token("eve", &["ann"])).await;
    let auth = TimAuth { token: Some(Secret(token("cyd", &[]))), ..TimAuth::default() };
    let mut cyd = server.login_as("cyd", Form::Json, auth).await;
    ann.does(json!({"op": "publish", "p": {"text": "x"}})).await;
    assert_eq!(bob.next().await["p"]["text"], "x");
    assert_eq!(cyd.heard().await.1, "x");
    assert_eq!(eve.until_pong().await, Vec::<Value>::new(), "404: nobody");
    let asked = backend.asked.lock().unwrap().clone();
    let wanted = ["ann", "bob", "eve", "cyd"].map(|user| format!("/contacts?app=1&user={user}"));
    assert_eq!(asked, wanted);
    // Another token asks again.
    backend.knows("ann", &["bob", "eve"]);
    ann.does(json!({"op": "token", "token": token("ann", &[])})).await;
    assert_eq!(eve.next().await["p"]["text"], "x");
    assert_eq!(cyd.heard().await.1, "offline");
    server.host.stop().await;
}

/// A backend that fails keeps out whom it has said nothing of, and nobody else.
#[tokio::test]
async fn a_backend_that_fails_keeps_out_strangers_only() {
    let (backend, address) = Backend::start().await;
    backend.knows("ann", &["bob"]);
    backend.knows("bob", &["ann"]);
    let server = server(asks(address));
    let (mut bob, _) = V1::hello(&server, &token("bob", &[])).await;
    let (ann, _) = V1::hello(&server, &token("ann", &[])).await;
    ann.close(None).await;
    let many: Vec<_> = (0..101).map(|at| at.to_string()).collect();
    let long = json!({ "contacts": ["x".repeat(3_000_000)] }).to_string();
    let wrongs = [
        (500, String::new()),
        (200, "no JSON".to_owned()),
        (200, json!({ "contacts": many }).to_string()),
        (200, long),
        (302, String::new()),
    ];
    for (status, body) in wrongs {
        for user in ["ann", "new"] {
            backend.answers_with(user, status, &body);
        }
        let (mut ann, _) = V1::hello(&server, &token("ann", &[])).await;
        ann.does(json!({"op": "publish", "p": status})).await;
        assert_eq!(bob.next().await["p"], status, "the last answer counts");
        ann.close(None).await;
        assert_eq!(bob.next().await["op"], "offline");
        let mut new = V1::connect(server.address()).await;
        new.send(json!({"op": "hello", "n": 1, "token": token("new", &["bob"])})).await;
        let answer = new.next().await;
        assert_eq!(answer, json!({"op": "err", "n": 1, "code": "unavailable"}), "{status}");
        let (bye, _) = new.bye().await;
        assert_eq!((&bye["code"], &bye["reconnect"]), (&json!("busy"), &json!(true)));
    }
    assert!(server.metric("adsum_store_errors_total").await >= 10.0);
    server.host.stop().await;
}

/// The accounts here say who somebody is, and the backend whom they know.
#[tokio::test]
async fn the_backend_may_know_accounts_too() {
    let (backend, address) = Backend::start().await;
    let server = Server::with(asks(address));
    let [ann, bob, cyd] = server.friends(["ann", "bob", "cyd"]);
    backend.knows(&ann, &[&bob]);
    backend.knows(&bob, &[&ann]);
    let hello = |name: &str| json!({"op": "hello", "name": name, "password": PASSWORD});
    let (mut bob, _) = V1::hello_with(&server, hello("bob")).await;
    let (mut ann, _) = V1::hello_with(&server, hello("ann")).await;
    let (mut other, _) = V1::hello_with(&server, hello("cyd")).await;
    assert_eq!(other.welcome["u"], cyd.as_str());
    ann.does(json!({"op": "publish", "p": 1})).await;
    assert_eq!(bob.next().await["p"], 1);
    assert_eq!(other.until_pong().await, Vec::<Value>::new(), "friends here do not count");
    server.host.stop().await;
}
