//! The page about the protocol is true: each frame on it is sent to the server, or comes from it.

mod support;

use std::collections::HashMap;

use adsum_tim::{
    Form, Kind, Limits, ServerFrame, TimAck, TimAuth, TimNodes, TimPresence, TimReq, receipt_frame,
};
use serde_json::Value;
use support::{Client, Server};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Whoever talks to the server on the page, and what they were told that differs each time.
struct Dialogue {
    server: Server,
    clients: HashMap<String, Client>,
    /// The ids of accounts, by their names in capitals.
    nodes: HashMap<String, String>,
    secrets: HashMap<String, String>,
    token: String,
    /// The name in the last request over HTTP, and its answer.
    posted: (String, Vec<u8>),
}

impl Dialogue {
    fn with(server: Server) -> Self {
        Self {
            server,
            clients: HashMap::new(),
            nodes: HashMap::new(),
            secrets: HashMap::new(),
            token: String::new(),
            posted: Default::default(),
        }
    }

    /// Plays these lines; returns how many frames were sent, and how many came.
    async fn play(&mut self, lines: &[String]) -> (usize, usize) {
        let (mut sent, mut heard) = (0, 0);
        for line in lines {
            let words: Vec<_> = line.splitn(3, ' ').collect();
            match words[..] {
                [who, ">", written] => {
                    self.send(who, written).await;
                    sent += 1;
                }
                [who, "<", written] => {
                    assert_eq!(self.next(who).await, tidy(written), "{line}");
                    heard += 1;
                }
                [who, "closes"] => self.clients.remove(who).unwrap().close().await,
                [who, "closes", code] => {
                    let mut client = self.clients.remove(who).unwrap();
                    let code = code.parse::<u16>().unwrap().into();
                    let frame = CloseFrame { code, reason: "".into() };
                    client.ws.close(Some(frame)).await.unwrap();
                    while client.next_bytes().await.is_some() {}
                }
                _ => panic!("not a line: {line}"),
            }
        }
        (sent, heard)
    }

    /// Returns the frame that a line writes: a byte in hexadecimal, and JSON.
    fn frame(&self, who: &str, written: &str) -> Vec<u8> {
        let (first, body) = written.split_once(' ').unwrap_or((written, ""));
        let mut body = body.to_owned();
        for (name, node) in &self.nodes {
            body = body.replace(&format!("\"{name}\""), &format!("\"{node}\""));
        }
        if let Some(secret) = self.secrets.get(who) {
            body = body.replace("\"SECRET\"", &format!("\"{secret}\""));
        }
        body = body.replace("\"TOKEN\"", &format!("\"{}\"", self.token));
        let mut frame = vec![u8::from_str_radix(first, 16).unwrap()];
        frame.extend(body.bytes());
        frame
    }

    async fn send(&mut self, who: &str, written: &str) {
        let frame = self.frame(who, written);
        if who == "post" {
            let head = "POST /tim2 HTTP/1.1\r\n";
            let body: Value = serde_json::from_slice(&frame[1..]).unwrap();
            let answer = support::request_bytes(self.server.address(), head, &frame).await.1;
            self.posted = (body["name"].as_str().unwrap().to_uppercase(), answer);
            return;
        }
        if !self.clients.contains_key(who) {
            let client = Client::connect(self.server.address(), Form::Json).await;
            self.clients.insert(who.to_owned(), client);
        }
        self.clients.get_mut(who).unwrap().send(frame).await;
    }

    /// Returns the next frame as the page writes it.
    async fn next(&mut self, who: &str) -> String {
        let bytes = if who == "post" {
            self.posted.1.clone()
        } else {
            let client = self.clients.get_mut(who).unwrap();
            let bytes = client.next_bytes().await.expect("an open connection");
            if let Some(id) = ServerFrame::split(&bytes).unwrap().sync {
                client.send(receipt_frame(Form::Json, id).to_vec()).await;
            }
            bytes
        };
        let frame = ServerFrame::split(&bytes).unwrap();
        let sync = if frame.sync.is_some() { " SYNC" } else { "" };
        if frame.body.is_empty() {
            return format!("{:02x}{sync}", bytes[0]);
        }
        let mut body = serde_json::from_slice(frame.body).unwrap();
        self.note(who, &body);
        self.generalise(&mut body);
        format!("{:02x}{sync} {body}", bytes[0])
    }

    /// Keeps what later lines need.
    fn note(&mut self, who: &str, body: &Value) {
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        match (body["timType"].as_i64(), text("n"), text("n2")) {
            (Some(14), Some(node), _) => {
                self.nodes.insert(self.posted.0.clone(), node);
            }
            (Some(15), Some(token), _) => self.token = token,
            (Some(16), _, Some(secret)) => {
                self.secrets.insert(who.to_owned(), secret);
            }
            _ => {}
        }
    }

    /// Replaces what differs each time.
    fn generalise(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                let is_login = fields.get("timType") == Some(&Value::from(16));
                let fields = std::mem::take(fields).into_iter().map(|(key, mut value)| {
                    match key.as_str() {
                        "id" | "timestamp" => value = Value::from(0),
                        "t" if is_login => value = Value::from(0),
                        "n2" => value = Value::from("SECRET"),
                        "adsum.idle" => value = Value::from("0"),
                        _ => self.generalise(&mut value),
                    }
                    (self.general(key), value)
                });
                *value = Value::Object(fields.collect());
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.generalise(value)),
            Value::String(text) => *text = self.general(std::mem::take(text)),
            _ => {}
        }
    }

    fn general(&self, text: String) -> String {
        if text == self.token && !text.is_empty() {
            return "TOKEN".to_owned();
        }
        let named = self.nodes.iter().find(|(_, node)| **node == text);
        named.map_or(text, |(name, _)| name.clone())
    }
}

/// Returns what is in the boxes of one kind, line by line. A line that begins with a space goes on
/// with the one before.
fn lines(page: &str, kind: &str) -> Vec<String> {
    let boxes = page.split(kind).skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut lines: Vec<String> = Vec::new();
    for line in boxes.flat_map(str::lines) {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => last.push_str(line.trim_start()),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// A line with its JSON as it is compared: the order of its fields says nothing.
fn tidy(written: &str) -> String {
    match written.find('{') {
        Some(at) => {
            let body: Value = serde_json::from_str(&written[at..]).unwrap();
            format!("{}{body}", &written[..at])
        }
        None => written.to_owned(),
    }
}

/// Returns the Thrift of a body in JSON, which is read back as the same.
fn thrift(name: &str, json: &str) -> Vec<u8> {
    macro_rules! both {
        ($($of:ident)*) => {
            match name {
                $(stringify!($of) => {
                    let (json, limits) = (json.as_bytes(), Limits::default());
                    let body = $of::decode(Form::Json, json, &limits).unwrap();
                    let frame = body.to_frame(Form::Thrift, Kind::PRESENCE);
                    let again = $of::decode(Form::Thrift, &frame[1..], &limits).unwrap();
                    assert_eq!(again, body);
                    frame[1..].to_vec()
                })*
                other => panic!("no struct: {other}"),
            }
        };
    }
    both!(TimAuth TimReq TimNodes TimAck TimPresence)
}

#[test]
fn a_body_is_the_same_in_both_forms() {
    let page = include_str!("../../docs/tim.md");
    let lines = lines(page, "```thrift\n");
    assert_eq!(lines.len(), 10);
    for pair in lines.chunks(2) {
        let (name, json) = pair[0].split_once(' ').unwrap();
        let hex: String = thrift(name, json).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, pair[1], "{name}");
    }
}

#[tokio::test]
async fn every_frame_on_the_page_is_the_servers() {
    let page = include_str!("../../docs/tim.md");
    let mut dialogue = Dialogue::with(Server::run(&["--watch", "anyone"]));
    let (sent, heard) = dialogue.play(&lines(page, "```frames\n")).await;
    assert!(sent > 20 && heard > 20, "{sent} frames were sent, {heard} came");
    // Nobody was told anything that the page leaves out.
    for (who, client) in &mut dialogue.clients {
        assert_eq!(client.until_pong().await, [], "{who}");
    }
}

/// The page's frames of a server that tells one state of each user.
#[tokio::test]
async fn every_frame_of_one_state_is_the_servers() {
    let page = include_str!("../../docs/tim.md");
    let server = Server::run(&["--one-state", "newest", "--idle-after", "2"]);
    let [ann, bob] = server.friends(["ann", "bob"]);
    let mut dialogue = Dialogue::with(server);
    dialogue.nodes = HashMap::from([("ANN".to_owned(), ann), ("BOB".to_owned(), bob)]);
    let (sent, heard) = dialogue.play(&lines(page, "```one-state\n")).await;
    assert!(sent > 5 && heard > 9, "{sent} frames were sent, {heard} came");
}
