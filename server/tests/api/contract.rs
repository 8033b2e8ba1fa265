//! Asks a server over HTTP, and checks each answer against the description of the API.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, TOKEN};

const DESCRIPTION: &str = include_str!("../../openapi.json");

/// An answer of the server's.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    /// `Null` if there is none.
    pub(crate) body: Value,
}

/// A path of the description, a method and a status.
type Case = (String, String, String);

pub(crate) struct Contract {
    pub(crate) api: Value,
    seen: BTreeSet<Case>,
}

impl Contract {
    pub(crate) fn new() -> Self {
        Self { api: serde_json::from_str(DESCRIPTION).unwrap(), seen: BTreeSet::new() }
    }

    /// Asks, with the token; `Null` is no body. The answer is one that the description has.
    pub(crate) async fn ask(&mut self, to: SocketAddr, line: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = send(to, line, Some(TOKEN), &body).await;
        self.check(line, &body, &answer);
        answer
    }

    /// The same without the token, or with one that is wrong.
    pub(crate) async fn ask_as(&mut self, to: SocketAddr, line: &str, token: Option<&str>) {
        let answer = send(to, line, token, "{}").await;
        assert_eq!(answer.status, 401, "{line}");
        self.check(line, "{}", &answer);
    }

    /// Checks an answer, and that the description has the request if it was carried out.
    pub(crate) fn check(&mut self, line: &str, sent: &str, answer: &Answer) {
        let (method, path) = line.split_once(' ').unwrap();
        let (template, operation) = self.operation(method, path);
        let said = format!("{line} {sent:.200}: {answer:?}");
        let status = answer.status.to_string();
        let response = self.resolved(&operation["responses"][&status]);
        assert!(response.is_object(), "no such status: {said}");
        match response["content"].as_object() {
            None => assert!(answer.body.is_null(), "{said}"),
            Some(content) => {
                let media = &answer.headers["content-type"];
                let schema = &content.get(media).unwrap_or_else(|| panic!("{said}"))["schema"];
                let complaints = self.complaints(schema, &answer.body);
                assert_eq!(complaints, [""; 0], "{said}");
            }
        }
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let value = answer.headers.get(&name.to_ascii_lowercase());
            let value = value.unwrap_or_else(|| panic!("no {name}: {said}"));
            assert_eq!(self.complaints(&header["schema"], &json!(value)), [""; 0], "{said}");
        }
        if let Some(schema) = self.schema_of_body(method, path) {
            let is_read = !matches!(answer.status, 401 | 413);
            let is_right = serde_json::from_str(sent)
                .is_ok_and(|sent: Value| self.complaints(&schema, &sent).is_empty());
            assert!(is_right || !is_read || answer.status == 400, "it should be refused: {said}");
        }
        self.seen.insert((template, method.to_ascii_lowercase(), status));
    }

    /// What the body of a request must be, if it has one.
    pub(crate) fn schema_of_body(&self, method: &str, path: &str) -> Option<Value> {
        let (_, operation) = self.operation(method, path);
        operation.pointer("/requestBody/content/application~1json/schema").cloned()
    }

    /// What is wrong with a value by a schema of the description.
    pub(crate) fn complaints(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut whole = schema.clone();
        whole["components"] = self.api["components"].clone();
        let validator = jsonschema::draft202012::new(&whole).unwrap();
        validator.iter_errors(value).map(|error| error.to_string()).collect()
    }

    /// All paths with their methods.
    pub(crate) fn operations(&self) -> Vec<(String, Vec<String>)> {
        let paths = self.api["paths"].as_object().unwrap().iter();
        let methods = |of: &Value| of.as_object().unwrap().keys().cloned().collect();
        paths.map(|(path, of)| (path.clone(), methods(of))).collect()
    }

    /// Checks that everything that the description says may happen has happened.
    pub(crate) fn assert_complete(&self) {
        let mut all = BTreeSet::new();
        for (path, methods) in self.operations() {
            for method in methods {
                let responses = &self.api["paths"][&path][&method]["responses"];
                let named = responses.as_object().unwrap().keys().filter(|of| *of != "default");
                all.extend(named.map(|status| (path.clone(), method.clone(), status.clone())));
            }
        }
        let missed: Vec<_> = all.difference(&self.seen).collect();
        assert!(missed.is_empty(), "never answered: {missed:?}");
    }

    /// The operation that a request is, and its path in the description.
    fn operation(&self, method: &str, path: &str) -> (String, &Value) {
        let path = path.split('?').next().unwrap();
        let parts: Vec<_> = path.split('/').collect();
        let is_it = |template: &&String| {
            let of: Vec<_> = template.split('/').collect();
            let fits = |(of, part): (&&str, &&str)| of == part || of.starts_with('{');
            of.len() == parts.len() && of.iter().zip(&parts).all(fits)
        };
        let paths = self.api["paths"].as_object().unwrap();
        let template = paths.keys().find(is_it).unwrap_or_else(|| panic!("{path} is nowhere"));
        let operation = &paths[template][method.to_ascii_lowercase()];
        assert!(operation.is_object(), "no {method} of {path}");
        (template.clone(), operation)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(to) => self.api.pointer(to.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }
}

/// One request and its answer.
pub(crate) async fn send(to: SocketAddr, line: &str, token: Option<&str>, body: &str) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let shown = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n{body}",
        shown.unwrap_or_default(),
        body.len()
    );
    // A server that refuses early may have closed before it has read everything.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{read:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    };
    let headers = lines.map(header).collect();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
    Answer { status, headers, body }
}
