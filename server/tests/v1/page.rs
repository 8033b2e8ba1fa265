//! The page about the neutral protocol is true: each frame on it is sent to the server, or comes
//! from it.

use std::collections::HashMap;

use serde_json::Value;

use crate::client::{End, V1, server, token};
use crate::support::Server;

const PAGE: &str = include_str!("../../../docs/protocol.md");

/// Whoever talks to the server on the page.
struct Dialogue {
    server: Server,
    /// The ids of accounts of the server's, and what the page calls them; none where the page has
    /// the ids themselves.
    ids: Option<HashMap<String, String>>,
    /// The last login token.
    login_token: String,
    clients: HashMap<String, V1>,
    secrets: HashMap<String, String>,
}

impl Dialogue {
    fn new() -> Self {
        Self::at(server(|_| {}), None)
    }

    fn at(server: Server, ids: Option<HashMap<String, String>>) -> Self {
        let (clients, secrets) = (HashMap::new(), HashMap::new());
        Self { server, ids, login_token: String::new(), clients, secrets }
    }

    /// Plays a line; returns whether it is a frame from the server.
    async fn play(&mut self, line: &str) -> bool {
        let words: Vec<_> = line.splitn(3, ' ').collect();
        match words[..] {
            [who, ">", written] => {
                let written = self.written(who, written);
                self.client(who).await.send_text(written).await;
            }
            [who, "<", written] => {
                self.hears(who, written, line).await;
                return true;
            }
            [who, "closes"] => self.clients.remove(who).unwrap().close(None).await,
            [who, "closes", code] => {
                let client = self.clients.remove(who).unwrap();
                client.close(Some(code.parse().unwrap())).await;
            }
            _ => panic!("not a line: {line}"),
        }
        false
    }

    async fn client(&mut self, who: &str) -> &mut V1 {
        if !self.clients.contains_key(who) {
            let client = V1::connect(self.server.address()).await;
            self.clients.insert(who.to_owned(), client);
        }
        self.clients.get_mut(who).unwrap()
    }

    /// A line as it is sent.
    fn written(&self, who: &str, written: &str) -> String {
        if let Some(ids) = &self.ids {
            let token = written.replace("TOKEN", &self.login_token);
            return ids.iter().fold(token, |text, (id, called)| text.replace(called, id));
        }
        let token = |who: &str| {
            let contacts: &[&str] = match who {
                "ann" => &["bob"],
                "bob" => &["ann"],
                _ => &[],
            };
            format!("\"{}\"", token(who, contacts))
        };
        let mut written = written.replace("\"TOKEN OF BOB\"", &token("bob"));
        written = written.replace("\"TOKEN\"", &token(who));
        match self.secrets.get(who) {
            Some(secret) => written.replace("SECRET", secret),
            None => written,
        }
    }

    async fn hears(&mut self, who: &str, written: &str, line: &str) {
        let client = self.clients.get_mut(who).unwrap();
        if let Some(code) = written.strip_prefix("closed ") {
            let end = client.next_or_end().await;
            assert_eq!(end, Err(End::Closed(code.parse().unwrap())), "{line}");
            return;
        }
        let mut frame = client.next().await;
        if let Some(secret) = frame["resume"].as_str() {
            self.secrets.insert(who.to_owned(), secret.to_owned());
        }
        if let Some(ids) = &mut self.ids {
            if frame["op"] == "welcome" {
                let called = who.to_uppercase();
                ids.entry(frame["u"].as_str().unwrap().to_owned()).or_insert(called);
            }
            if let Some(token) = frame["token"].as_str() {
                self.login_token = token.to_owned();
                frame["token"] = "TOKEN".into();
            }
            let text = frame.to_string();
            let text = ids.iter().fold(text, |text, (id, called)| text.replace(id, called));
            frame = serde_json::from_str(&text).unwrap();
        }
        generalise(&mut frame);
        assert_eq!(frame, serde_json::from_str::<Value>(written).unwrap(), "{line}");
    }
}

/// Replaces what differs each time.
fn generalise(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "id" | "now" | "until" | "for" => *value = 0.into(),
                    "s" => *value = "S".into(),
                    "resume" => *value = "SECRET".into(),
                    _ => generalise(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(generalise),
        _ => {}
    }
}

/// What is in the boxes of one kind, line by line. A line that begins with a space goes on with the
/// one before.
fn lines(kind: &str) -> Vec<String> {
    let boxes = PAGE.split(kind).skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut lines: Vec<String> = Vec::new();
    for line in boxes.flat_map(str::lines) {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => {
                // Between words; within a frame it says nothing.
                last.push(' ');
                last.push_str(line.trim_start());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

#[tokio::test]
async fn every_frame_on_the_page_is_the_servers() {
    let mut dialogue = Dialogue::new();
    let (mut sent, mut heard) = (0, 0);
    for line in lines("```frames\n") {
        match dialogue.play(&line).await {
            true => heard += 1,
            false => sent += 1,
        }
    }
    assert!(sent >= 30 && heard > 50, "{sent} were sent, {heard} came");
    // Nobody was told anything that the page leaves out.
    for (who, client) in &mut dialogue.clients {
        if ["ann", "eve"].contains(&who.as_str()) {
            assert_eq!(client.until_pong().await, Vec::<Value>::new(), "{who}");
        }
    }
    dialogue.server.host.stop().await;
}

#[tokio::test]
async fn every_frame_about_accounts_is_the_servers() {
    let mut dialogue = Dialogue::at(Server::start(), Some(HashMap::new()));
    let mut heard = 0;
    for line in lines("```accounts\n") {
        heard += usize::from(dialogue.play(&line).await);
    }
    assert!(heard >= 30, "{heard} came");
    for (who, client) in &mut dialogue.clients {
        if ["ann", "bob"].contains(&who.as_str()) {
            assert_eq!(client.until_pong().await, Vec::<Value>::new(), "{who}");
        }
    }
    dialogue.server.host.stop().await;
}

#[tokio::test]
async fn every_refusal_on_the_page_is_the_servers() {
    let mut dialogue = Dialogue::new();
    let (ann, _) = V1::hello(&dialogue.server, &token("ann", &[])).await;
    dialogue.clients.insert("ann".to_owned(), ann);
    let lines = lines("```refused\n");
    assert!(lines.len() > 15);
    for line in lines {
        let (sent, answer) = line.split_once(" -> ").unwrap();
        dialogue.play(&format!("ann > {sent}")).await;
        dialogue.play(&format!("ann < {answer}")).await;
    }
    dialogue.server.host.stop().await;
}

/// The tables name what there is: each code that a refusal may have is on the page, and so is each
/// reason for which a connection is closed.
#[test]
fn every_code_is_on_the_page() {
    let sources =
        [include_str!("../../src/host/v1/code.rs"), include_str!("../../src/host/v1/bye.rs")];
    let mut codes = 0;
    for line in sources.iter().flat_map(|source| source.lines()) {
        let Some((_, rest)) = line.trim().split_once(" => ") else { continue };
        let Some(code) = rest.split('"').nth(1).filter(|_| line.contains("Self::")) else {
            continue;
        };
        assert!(PAGE.contains(&format!("`{code}`")), "{code}");
        codes += 1;
    }
    assert!(codes > 30, "{codes}");
}
