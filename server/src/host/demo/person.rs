//! One simulated person: a client like any other, which says what it is told to say.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::host::shared::Shared;
use crate::tokens::Account;

/// How many things a person may have to say while the server is slow.
const WAITING: usize = 32;
/// How often a person shows that they are there, and how long they think before they say yes.
const PING_EVERY: Duration = Duration::from_secs(25);
const THINKS_FOR: Duration = Duration::from_millis(1_500);
const BUFFER: usize = 1_024;

/// A person who is there, as who says what they do knows them.
pub(super) struct Person(mpsc::Sender<Value>);

impl Person {
    /// Has a person come: they log in, and say what they are told.
    pub(super) fn come(shared: &Arc<Shared>, to: SocketAddr, account: &Account) -> Self {
        let (says, told) = mpsc::channel(WAITING);
        let (shared, account) = (shared.clone(), account.clone());
        tokio::spawn(async move {
            if let Err(error) = live(&shared, to, &account, told).await {
                tracing::debug!(%error, "a simulated person is gone");
            }
        });
        Self(says)
    }

    /// Has them say something, unless they have too much to say already.
    pub(super) fn say(&self, operation: Value) {
        let _ = self.0.try_send(operation);
    }

    /// Returns whether their connection is there, or about to be.
    pub(super) fn is_there(&self) -> bool {
        !self.0.is_closed()
    }
}

type Stream = WebSocketStream<TcpStream>;

async fn connect(shared: &Shared, to: SocketAddr) -> Result<Stream, Error> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{to}/v1").into_client_request()?;
    if let Some(origin) = &shared.config.network.origin
        && let Ok(origin) = origin.parse()
    {
        request.headers_mut().insert("origin", origin);
    }
    let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
    let (ws, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    Ok(ws)
}

/// Lives until told no more, or until the connection ends.
async fn live(
    shared: &Shared,
    to: SocketAddr,
    account: &Account,
    mut told: mpsc::Receiver<Value>,
) -> Result<(), Error> {
    let Ok(token) = shared.directory.issue_token(account) else { return Ok(()) };
    let mut ws = connect(shared, to).await?;
    let hello = json!({"op": "hello", "name": account.name, "token": token});
    // Of the whole roster only what changes is of interest: who asks.
    say(&mut ws, &json!([hello, {"op": "roster"}])).await?;
    let mut ping = tokio::time::interval(PING_EVERY);
    let (answer_later, mut answers) = mpsc::channel(WAITING);
    loop {
        tokio::select! {
            incoming = ws.next() => match incoming {
                Some(Ok(Message::Text(text))) => {
                    if let Some(asks) = who_asks(&text) {
                        let answer_later = answer_later.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(THINKS_FOR).await;
                            let _ = answer_later.send(asks).await;
                        });
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            operation = told.recv() => match operation {
                Some(operation) => say(&mut ws, &operation).await?,
                None => break,
            },
            Some(user) = answers.recv() => {
                say(&mut ws, &json!({"op": "befriend", "user": user})).await?;
            }
            _ = ping.tick() => say(&mut ws, &json!({"op": "ping"})).await?,
            () = shared.stop.cancelled() => break,
        }
    }
    // A logout: everybody is told at once.
    ws.close(Some(CloseFrame { code: 1_000.into(), reason: "".into() })).await
}

async fn say(ws: &mut Stream, operation: &Value) -> Result<(), Error> {
    ws.send(Message::Text(operation.to_string().into())).await
}

/// Returns who asks this person to be a friend, if the frame says that.
fn who_asks(frame: &str) -> Option<String> {
    // Most frames are about something else.
    if !frame.contains("\"asks\"") {
        return None;
    }
    let frame: Value = serde_json::from_str(frame).ok()?;
    let is_it = frame["op"] == "relation" && frame["relation"] == "asks";
    is_it.then(|| frame["u"].as_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_is_answered() {
        let asks = r#"{"op":"relation","u":"ANN","name":"ann","relation":"asks","text":"hi"}"#;
        assert_eq!(who_asks(asks).as_deref(), Some("ANN"));
        let shows = r#"{"op":"presence","u":"ANN","s":"S","p":{"relation":"asks"}}"#;
        assert_eq!(who_asks(shows), None);
        assert_eq!(who_asks(&asks.replace("asks", "asked")), None);
    }
}
