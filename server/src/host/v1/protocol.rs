//! The neutral protocol on a connection.

use std::time::{Duration, Instant};

use adsum::SessionKey;
use tokio_tungstenite::tungstenite::Bytes;

use super::bye::{Bye, soon_ms};
use super::code::{Code, Fault};
use super::fields::{Fields, NotOperations, needed, read};
use super::hello::{self, Said, User};
use super::operations::Reading;
use super::verb::{Asked, Verb};
use super::{answers, grant::Grant, roster};
use crate::host::client::{Client, ClientProtocol, Closure};
use crate::host::command::Command;
use crate::host::engine::edge_counter::unix_ms;
use crate::host::relating::Editor;
use crate::host::shared::Shared;

/// The most bytes of one message.
const LONGEST: usize = 64 * 1_024;
/// The close code for a message that is not text.
const NOT_TEXT: u16 = 1_003;
/// How long a connection rests after an operation over its rate: what is refused costs something,
/// too, and whoever floods is not to have others wait.
const REST: Duration = Duration::from_millis(1);
/// How much longer a session that is sent away may take to come back than it was told to wait.
const MARGIN_MS: u64 = 5_000;

/// What clients of the neutral protocol say, and who says it.
#[derive(Default)]
pub(crate) struct V1Protocol {
    user: Option<User>,
    strict: bool,
    /// When the connection is closed unless another token comes before.
    until: Option<Instant>,
}

impl ClientProtocol for V1Protocol {
    fn longest(_: &Shared) -> usize {
        LONGEST
    }

    fn session(&self) -> Option<SessionKey> {
        self.user.as_ref().map(|user| user.session)
    }

    async fn take(&mut self, client: &mut Client, message: Bytes, is_text: bool) {
        if !is_text {
            return close(client, Bye::Protocol, NOT_TEXT, 0);
        }
        match read(&message) {
            Ok(operations) => {
                for fields in operations {
                    if client.socket.closing().is_some() {
                        return;
                    }
                    self.operation(client, fields).await;
                }
            }
            Err(NotOperations::TooMany) => bye(client, Bye::TooBig),
            Err(NotOperations::Malformed) => match over_rate(client) {
                None => self.refuse(client, None, Code::Malformed.into()).await,
                Some(retry_ms) => self.refuse_for_now(client, None, retry_ms).await,
            },
        }
    }

    /// Pings and pongs are the WebSocket's own, and have no answer in this protocol: a client that
    /// sends too many of them is closed to.
    fn refuse_keepalive(&mut self, client: &mut Client) {
        bye(client, Bye::Protocol);
    }

    fn due_at(&self, _: &Client) -> Option<Instant> {
        self.until
    }

    /// Closes the connection of somebody whose token is no longer good. The session may come back
    /// with another one, and until then nobody is told anything.
    async fn do_due(&mut self, client: &mut Client) {
        self.until = None;
        let Some(user) = &self.user else { return };
        let after_ms = client.shared.herd.after_ms(Instant::now(), 0);
        client.shared.command(Command::SentAway(user.session, after_ms + MARGIN_MS)).await;
        client.shared.metrics.closed_for("expired");
        let (_, code, _) = Bye::Expired.parts();
        close(client, Bye::Expired, code, after_ms);
    }

    fn close(&self, client: &Client, closure: Closure) {
        let said = match closure {
            Closure::TooManyPending => Bye::Busy,
            Closure::NoLogin => Bye::Late,
            Closure::ShuttingDown => Bye::Shutdown,
            Closure::TooBig | Closure::TooMuch => Bye::TooBig,
            Closure::NotUtf8 | Closure::Protocol => {
                return close(client, Bye::Protocol, closure.code(), 0);
            }
        };
        bye(client, said);
    }

    fn is_logout(code: Option<u16>) -> bool {
        code.is_none_or(|code| code == 1_000)
    }
}

impl V1Protocol {
    async fn operation(&mut self, client: &mut Client, mut fields: Fields<'_>) {
        let retry_ms = over_rate(client);
        let n = fields.number();
        if let Some(retry_ms) = retry_ms {
            return self.refuse_for_now(client, n.unwrap_or_default(), retry_ms).await;
        }
        let n = match n {
            Ok(n) => n,
            Err(fault) => return self.refuse(client, None, fault).await,
        };
        let op = fields.text("op").and_then(|op| needed("op", op));
        let op = match op {
            Ok(op) => op,
            Err(fault) => return self.refuse(client, n, fault).await,
        };
        if self.user.is_none() {
            // On the heap: a connection has no room for what it seldom does.
            return Box::pin(self.first(client, n, &op, fields)).await;
        }
        let verb = match op.as_str() {
            "hello" => Err(Code::HelloTwice.into()),
            "token" => Box::pin(self.renew(client, n, fields)).await,
            "roster" | "befriend" | "unfriend" | "block" | "login_token" => {
                Box::pin(self.of_account(client, n, &op, fields)).await
            }
            _ => self.verb(client, &op, fields),
        };
        match verb {
            Ok(Some(verb)) => self.ask(client, n, verb).await,
            Ok(None) => {}
            Err(fault) => self.refuse(client, n, fault).await,
        }
    }

    /// Takes the first operation, which says who somebody is.
    async fn first(&mut self, client: &mut Client, n: Option<u64>, op: &str, fields: Fields<'_>) {
        if op != "hello" {
            client.shared.metrics.closed_for("before_login");
            return bye(client, Bye::NoHello);
        }
        let said = match Said::read(n, fields) {
            Ok(said) => said,
            Err(fault) => return self.refuse(client, n, fault).await,
        };
        self.strict = said.strict;
        match hello::hello(client, said).await {
            Ok(user) => {
                self.expires_with(&user.grant);
                self.user = Some(user);
                client.has_login();
            }
            Err(fault) => {
                client.shared.metrics.login_refused(fault.code.text());
                self.refuse(client, n, fault).await;
            }
        }
    }

    /// Takes another token. The answer comes in its turn, and this has sent for it.
    async fn renew(
        &mut self,
        client: &Client,
        n: Option<u64>,
        mut fields: Fields<'_>,
    ) -> Result<Option<Verb>, Fault> {
        let Some(user) = &mut self.user else { return Ok(None) };
        let auth = needed("token", hello::credentials(&mut fields)?)?;
        fields.finish(self.strict)?;
        let login = hello::who(client, auth).await?;
        if *login.node != *user.node {
            return Err(Code::OtherUser.into());
        }
        let grant = hello::grant(&client.shared, &login);
        let session = user.session;
        let lock = client.shared.directory.lock(&login.node).await;
        let relations = client.shared.directory.relations(&user.node).await;
        let relations = relations.map_err(|_| Fault::from(Code::Unavailable))?;
        user.grant = grant.clone();
        let verb = Verb::Renew { grant: grant.clone(), lists: hello::lists(&relations) };
        client.shared.command(Command::Asked(Box::new(Asked { session, n, verb }))).await;
        drop(lock);
        self.expires_with(&grant);
        Ok(None)
    }

    /// Takes what only users of this server's own accounts ask for.
    async fn of_account(
        &self,
        client: &Client,
        n: Option<u64>,
        op: &str,
        fields: Fields<'_>,
    ) -> Result<Option<Verb>, Fault> {
        let Some(user) = &self.user else { return Ok(None) };
        let editor = Editor { node: &user.node, tid: &user.tid, session: user.session };
        let shared = &client.shared;
        match op {
            "roster" => {
                fields.finish(self.strict)?;
                roster::list(shared, &editor, n).await.map(|()| None)
            }
            "login_token" => {
                fields.finish(self.strict)?;
                roster::login_token(shared, &user.node).await.map(Some)
            }
            _ => roster::change(shared, &editor, op, fields, self.strict).await.map(Some),
        }
    }

    fn verb(&self, client: &Client, op: &str, fields: Fields<'_>) -> Result<Option<Verb>, Fault> {
        let Some(user) = &self.user else { return Ok(None) };
        let reading = Reading {
            config: &client.shared.config,
            directory: &client.shared.directory,
            from: &user.tid,
            grant: &user.grant,
            strict: self.strict,
        };
        let verb = reading.verb(op, fields)?;
        if matches!(verb, Verb::Direct { .. }) && !client.shared.may_direct() {
            return Err(Code::Rate.into());
        }
        Ok(Some(verb))
    }

    fn expires_with(&mut self, grant: &Grant) {
        let left = |until: u64| Duration::from_millis(until.saturating_sub(unix_ms()));
        // A moment that no clock has is never.
        self.until = grant.until_ms.and_then(|until| Instant::now().checked_add(left(until)));
    }

    async fn ask(&self, client: &Client, n: Option<u64>, verb: Verb) {
        let Some(session) = self.session() else { return };
        client.shared.command(Command::Asked(Box::new(Asked { session, n, verb }))).await;
    }

    /// Refuses an operation that comes too early, whatever it is.
    async fn refuse_for_now(&self, client: &Client, n: Option<u64>, retry_ms: u64) {
        tokio::time::sleep(REST).await;
        self.refuse(client, n, Fault::later(Code::Rate, retry_ms)).await;
    }

    /// Refuses an operation: in its turn, or, if nobody has said hello, once and for all.
    async fn refuse(&self, client: &Client, n: Option<u64>, fault: Fault) {
        if self.user.is_some() {
            return self.ask(client, n, Verb::Refused(fault)).await;
        }
        client.socket.append_answer(&answers::err(n, &fault));
        let said = match fault.code {
            Code::Unauthorized | Code::SessionLimit | Code::Taken => Bye::Unauthorized,
            Code::Overload | Code::Unavailable | Code::Rate => Bye::Busy,
            _ => Bye::NoHello,
        };
        bye_after(client, said, fault.retry_ms.unwrap_or(0));
    }
}

/// Returns after how long an operation may come that may not come now.
fn over_rate(client: &mut Client) -> Option<u64> {
    let (bucket, now) = (client.requests.as_mut()?, Instant::now());
    if bucket.take(now) {
        return None;
    }
    let wait = bucket.ready_at().saturating_duration_since(now);
    Some((wait.as_millis() as u64).max(1))
}

/// Says a last word, and closes the connection.
fn bye(client: &Client, said: Bye) {
    bye_after(client, said, 0);
}

/// The same to one who is to come back in so long at the soonest, if at all.
fn bye_after(client: &Client, said: Bye, least_ms: u64) {
    let (_, code, comes_back) = said.parts();
    let shared = &client.shared;
    let after_ms = match said {
        _ if !comes_back => 0,
        Bye::Shutdown if shared.is_one_of_several() => soon_ms(),
        Bye::Shutdown => shared.herd.after_ms(Instant::now(), shared.seats.taken()),
        _ => shared.herd.after_ms(Instant::now(), 0).max(least_ms),
    };
    close(client, said, code, after_ms);
}

fn close(client: &Client, said: Bye, code: u16, after_ms: u64) {
    let (word, ..) = said.parts();
    client.socket.close(code, word, &said.frame(after_ms));
}
