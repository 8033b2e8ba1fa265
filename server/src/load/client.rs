//! One client of the load generator.

use std::net::SocketAddr;
use std::time::Duration;

use adsum_tim::{
    Code, Form, Kind, Limits, Secret, ServerFrame, TimAck, TimAuth, TimPresence, bare,
    receipt_frame,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::error::LoadError;
use super::options::Protocol;

pub(super) const PASSWORD: &str = "load";
const BUFFER: usize = 4_096;
/// How long to wait where the server takes no more changes of a roster, and how often.
const CHANGE_PAUSE: Duration = Duration::from_millis(100);
const CHANGE_TRIES: usize = 100;

/// A connection that is logged in.
pub(super) struct Client {
    ws: WebSocketStream<TcpStream>,
    protocol: Protocol,
}

fn auth(name: &str) -> TimAuth {
    let (name, pwd) = (Some(name.to_owned()), Some(Secret::from(PASSWORD)));
    TimAuth { name, pwd, ..TimAuth::default() }
}

impl Client {
    /// Opens a connection, on which nobody logs in yet.
    pub(super) async fn connect(to: SocketAddr, protocol: Protocol) -> Result<Self, LoadError> {
        let failed = |error: &dyn std::fmt::Display| LoadError::new("no connection", error);
        let stream = TcpStream::connect(to).await.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let path = if protocol == Protocol::V1 { "v1" } else { "tim" };
        let mut request =
            format!("ws://{to}/{path}").into_client_request().map_err(|error| failed(&error))?;
        let origin = format!("http://{to}").parse().map_err(|error| failed(&error))?;
        request.headers_mut().insert("origin", origin);
        let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
        let upgraded =
            tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
        let (ws, _) = upgraded.map_err(|error| failed(&error))?;
        Ok(Self { ws, protocol })
    }

    pub(super) async fn login(
        to: SocketAddr,
        protocol: Protocol,
        name: &str,
    ) -> Result<Self, LoadError> {
        let failed = |error: &dyn std::fmt::Display| LoadError::new("a login failed", error);
        let mut client = Self::connect(to, protocol).await?;
        let Protocol::Tim(form) = protocol else { return client.hello(name).await };
        client.send(auth(name).to_request(form, Kind::AUTH)).await?;
        let bytes = client.next().await?;
        let frame = ServerFrame::split(&bytes).map_err(|error| failed(&error))?;
        let ack = TimAck::decode(form, frame.body, &Limits::default());
        match ack {
            Ok(ack) if ack.ok => Ok(client),
            Ok(ack) => Err(LoadError(format!("a login was refused: {:?}", ack.error))),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Logs in with the neutral protocol.
    async fn hello(mut self, name: &str) -> Result<Self, LoadError> {
        self.say(&json!({"op": "hello", "name": name, "password": PASSWORD})).await?;
        let answer = self.next().await?;
        if is_op(&answer, "welcome") {
            return Ok(self);
        }
        Err(LoadError(format!("a login was refused: {}", String::from_utf8_lossy(&answer))))
    }

    async fn say(&mut self, operation: &Value) -> Result<(), LoadError> {
        let sent = self.ws.send(Message::Text(operation.to_string().into())).await;
        sent.map_err(|error| LoadError::new("a frame was not sent", error))
    }

    pub(super) async fn send(&mut self, frame: Vec<u8>) -> Result<(), LoadError> {
        let sent = self.ws.send(Message::Binary(frame.into())).await;
        sent.map_err(|error| LoadError::new("a frame was not sent", error))
    }

    pub(super) async fn publish(&mut self, text: String) -> Result<(), LoadError> {
        let Protocol::Tim(form) = self.protocol else {
            return self.say(&json!({"op": "publish", "p": {"text": text}})).await;
        };
        let presence = TimPresence { status: Some(text), ..TimPresence::default() };
        let frame = presence.to_request(form, Kind::BROAD_PRESENCE);
        self.send(frame).await
    }

    async fn next(&mut self) -> Result<Vec<u8>, LoadError> {
        loop {
            match self.ws.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes.into()),
                Some(Ok(Message::Text(text))) => return Ok(text.as_bytes().to_vec()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(LoadError(format!("the server closed: {frame:?}")));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(LoadError::new("a connection broke", error)),
                None => return Err(LoadError("a connection broke".to_owned())),
            }
        }
    }

    /// Returns the text of the next presence that has one.
    pub(super) async fn next_text(&mut self) -> Result<String, LoadError> {
        loop {
            let bytes = self.next().await?;
            let Protocol::Tim(form) = self.protocol else {
                match text_of(&bytes, "text").filter(|_| is_op(&bytes, "presence")) {
                    Some(text) => return Ok(text),
                    None => continue,
                }
            };
            let Ok(frame) = ServerFrame::split(&bytes) else { continue };
            if let Some(id) = frame.sync {
                self.send(receipt_frame(form, id).to_vec()).await?;
            }
            if frame.kind != Kind::PRESENCE {
                continue;
            }
            if let Some(text) = text(form, frame.body) {
                return Ok(text);
            }
        }
    }

    /// Sends a ping and waits for the answer to it.
    pub(super) async fn ping(&mut self) -> Result<(), LoadError> {
        if self.protocol == Protocol::V1 {
            self.say(&json!({"op": "ping"})).await?;
            while !is_op(&self.next().await?, "ok") {}
            return Ok(());
        }
        self.send(bare(Kind::PING).into()).await?;
        loop {
            let bytes = self.next().await?;
            if ServerFrame::split(&bytes).is_ok_and(|frame| frame.kind == Kind::PING) {
                return Ok(());
            }
        }
    }

    /// Asks somebody to be a friend, or says yes, in tim's protocol; waits until that is done.
    pub(super) async fn befriend(&mut self, node: &str) -> Result<(), LoadError> {
        let form = self.protocol.form();
        for _ in 0..CHANGE_TRIES {
            self.send(ask(form, node)).await?;
            // Frames of one connection are taken in their turn.
            self.send(bare(Kind::PING).into()).await?;
            let Some(refused) = self.refusal_before_pong(form).await? else { return Ok(()) };
            if refused != Code::Frequency.number() {
                return Err(LoadError(format!("a friendship was refused: {refused}")));
            }
            tokio::time::sleep(CHANGE_PAUSE).await;
        }
        Err(LoadError("the server lets nobody make so many friends".to_owned()))
    }

    /// Reads until the answer to a ping; returns the code of a refusal before that.
    async fn refusal_before_pong(&mut self, form: Form) -> Result<Option<i32>, LoadError> {
        let mut refused = None;
        loop {
            let bytes = self.next().await?;
            let Ok(frame) = ServerFrame::split(&bytes) else { continue };
            if let Some(id) = frame.sync {
                self.send(receipt_frame(form, id).to_vec()).await?;
            }
            if frame.kind == Kind::PING {
                return Ok(refused);
            }
            if frame.kind == Kind::ACK
                && let Ok(ack) = TimAck::decode(form, frame.body, &Limits::default())
            {
                refused = ack.error.and_then(|error| error.code).or(refused);
            }
        }
    }

    pub(super) async fn close(mut self) {
        // Whether or not the server answers, it is over.
        let _ = self.ws.close(None).await;
    }
}

/// Returns the text of a presence, if it has one.
fn text(form: Form, body: &[u8]) -> Option<String> {
    if form == Form::Json {
        return text_of(body, "status");
    }
    TimPresence::decode(form, body, &Limits::default()).ok()?.status
}

/// Returns a text in JSON by its name. No more is read than that: on a small machine the readers
/// take turns with the server, and would be what is measured.
fn text_of(json: &[u8], name: &str) -> Option<String> {
    // The run's own texts hold nothing that is escaped.
    let (_, rest) = std::str::from_utf8(json).ok()?.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(text, _)| text.to_owned())
}

/// Returns whether a frame of the neutral protocol is this one.
fn is_op(frame: &[u8], op: &str) -> bool {
    text_of(frame, "op").is_some_and(|found| found == op)
}

/// Makes a new account by POST; returns its node.
pub(super) async fn register(to: SocketAddr, name: &str) -> Result<String, LoadError> {
    let failed = |error: &dyn std::fmt::Display| LoadError::new("an account was not made", error);
    let body = auth(name).to_request(Form::Json, Kind::REGISTER);
    let head = format!(
        "POST /tim2 HTTP/1.1\r\nHost: {to}\r\nOrigin: http://{to}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(to).await.map_err(|error| failed(&error))?;
    let mut answer = Vec::new();
    stream.write_all(&[head.as_bytes(), &body].concat()).await.map_err(|error| failed(&error))?;
    stream.read_to_end(&mut answer).await.map_err(|error| failed(&error))?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = end.and_then(|end| answer.get(end + 5..)).unwrap_or_default();
    let ack = TimAck::decode(Form::Json, body, &Limits::default());
    match ack {
        Ok(TimAck { ok: true, n: Some(node), .. }) => Ok(node),
        Ok(ack)
            if ack.error.as_ref().and_then(|error| error.code)
                == Some(Code::Frequency.number()) =>
        {
            Err(LoadError(
                "one address may make no more accounts: start that server with --register-burst 0"
                    .to_owned(),
            ))
        }
        Ok(ack) => Err(LoadError(format!("an account was refused: {:?}", ack.error))),
        Err(error) => Err(failed(&error)),
    }
}

/// Returns a frame that asks `node` to be a friend, or says yes.
fn ask(form: Form, node: &str) -> Vec<u8> {
    let request = adsum_tim::TimReq {
        rtype: Some(adsum_tim::rtype::ADD_ROSTER),
        node: Some(node.to_owned()),
        req_str: Some(String::new()),
        ..adsum_tim::TimReq::default()
    };
    request.to_request(form, Kind::BUSINESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_was_published() {
        for form in [Form::Json, Form::Thrift] {
            let status = Some("7 1234 ...".to_owned());
            let presence = TimPresence { show: Some(2), status, ..TimPresence::default() };
            let frame = presence.to_frame(form, Kind::PRESENCE);
            assert_eq!(text(form, &frame[1..]).as_deref(), Some("7 1234 ..."), "{form:?}");
            let frame = TimPresence::default().to_frame(form, Kind::PRESENCE);
            assert_eq!(text(form, &frame[1..]), None, "{form:?}");
        }
    }
}
