//! tim's protocol on a connection: which frame asks for what, and what may come how often.

use std::time::Instant;

use adsum::SessionKey;
use adsum_tim::{Code, Form, Frame, Inbound, Kind, TimAck, bare};
use tokio_tungstenite::tungstenite::Bytes;

use super::bucket::Bucket;
use super::client::{Client, ClientProtocol, Closure, POLICY};
use super::command::Command;
use super::late_frames::{LateFrame, LateFrames};
use super::requests::login::{self, User};
use super::requests::{nodes, presence, roster};
use super::shared::Shared;
use super::transport::stream::TOO_MUCH;

/// What tim's clients say, and who says it.
#[derive(Default)]
pub(crate) struct TimProtocol {
    user: Option<User>,
    /// What came over the rate, and waits for it.
    late: LateFrames,
}

impl ClientProtocol for TimProtocol {
    fn longest(shared: &Shared) -> usize {
        shared.config.network.max_data
    }

    fn session(&self) -> Option<SessionKey> {
        self.user.as_ref().map(|user| user.session)
    }

    /// Takes one frame from the client. tim takes text as bytes.
    async fn take(&mut self, client: &mut Client, bytes: Bytes, _: bool) {
        // tim ignores an empty one.
        let Ok(frame) = Frame::split(&bytes) else {
            if !client.takes_keepalive() {
                self.refuse_keepalive(client);
            }
            return;
        };
        let kind = frame.kind;
        let before_login = self.user.is_none() && kind != Kind::AUTH && kind != Kind::PING;
        if before_login {
            client.shared.metrics.closed_for("before_login");
            client.socket.close(POLICY, "log in first", &[]);
            return;
        }
        let over = kind != Kind::ACK && !self.may_take(client);
        let form = self.user.as_ref().map_or(frame.form, |user| user.form);
        let can_wait = kind == Kind::PING || kind == Kind::BROAD_PRESENCE;
        if over && !(can_wait && self.user.is_some()) {
            return refuse(client, form, kind, Code::Overload);
        }
        match frame.decode(&client.shared.limits) {
            Ok(inbound) if over => self.keep(client, form, kind, inbound),
            Ok(inbound) => self.inbound(client, form, kind, inbound).await,
            Err(error) => {
                tracing::debug!(kind = kind.number(), %error, "a frame was refused");
                refuse(client, form, kind, error.code(kind));
            }
        }
    }

    fn refuse_keepalive(&mut self, client: &mut Client) {
        let form = self.user.as_ref().map_or(Form::Json, |user| user.form);
        refuse(client, form, Kind::PING, Code::Overload);
    }

    /// Returns when the next of what was kept has its turn.
    fn due_at(&self, client: &Client) -> Option<Instant> {
        client.requests.as_ref().filter(|_| !self.late.is_empty()).map(Bucket::ready_at)
    }

    /// Takes the next of what was kept, if it has its turn.
    async fn do_due(&mut self, client: &mut Client) {
        let Some(form) = self.user.as_ref().map(|user| user.form) else { return };
        if client.requests.as_mut().is_some_and(|bucket| !bucket.take(Instant::now())) {
            return;
        }
        match self.late.next() {
            Some(LateFrame::Presence) => {
                let Some(session) = self.session() else { return };
                client.shared.command(Command::LateWord(session)).await;
            }
            Some(LateFrame::Ping) => self.inbound(client, form, Kind::PING, Inbound::Ping).await,
            None => {}
        }
    }

    fn close(&self, client: &Client, closure: Closure) {
        let reason = match closure {
            Closure::TooManyPending => "too many have not logged in",
            Closure::NoLogin => "nobody has logged in",
            Closure::ShuttingDown => "the server is shutting down",
            Closure::TooBig => "a frame over security.maxdata",
            Closure::TooMuch => TOO_MUCH,
            Closure::NotUtf8 => "text that is not UTF-8",
            Closure::Protocol => "not the WebSocket protocol",
        };
        client.socket.close(closure.code(), reason, &[]);
    }

    /// tim's clients give no code when they log out.
    fn is_logout(code: Option<u16>) -> bool {
        code.is_none()
    }
}

impl TimProtocol {
    /// Returns whether a frame that comes now is within the rate. It is not while earlier ones wait
    /// for their turn, and so it never overtakes them.
    fn may_take(&self, client: &mut Client) -> bool {
        self.late.is_empty()
            && client.requests.as_mut().is_none_or(|bucket| bucket.take(Instant::now()))
    }

    /// Keeps what came over the rate and can wait.
    fn keep(&mut self, client: &Client, form: Form, kind: Kind, inbound: Inbound) {
        match inbound {
            Inbound::Ping => self.late.keep_ping(client.shared.config.network.request_burst),
            Inbound::BroadPresence(sent) if !presence::names_receivers(&sent) => {
                let Some(user) = &self.user else { return };
                // One that will be refused takes no other's place.
                match presence::to_roster(&client.shared, user, sent) {
                    Ok(word) => {
                        client.socket.keep_late_word(word);
                        self.late.keep_presence();
                    }
                    Err(code) => refuse(client, form, kind, code),
                }
            }
            _ => refuse(client, form, kind, Code::Overload),
        }
    }

    async fn inbound(&mut self, client: &mut Client, form: Form, kind: Kind, inbound: Inbound) {
        match (inbound, &self.user) {
            (Inbound::Auth(_), Some(_)) => {
                send(client, &TimAck::done(Kind::AUTH).to_frame(form, Kind::ACK));
            }
            (Inbound::Auth(auth), None) => {
                // On the heap, as are other requests: a connection has no room for what it seldom
                // does.
                let login = login::login(&client.shared, client.peer, &client.socket, form, auth);
                match Box::pin(login).await {
                    Ok(user) => {
                        self.user = Some(user);
                        client.has_login();
                    }
                    Err(code) => {
                        client.shared.metrics.login_refused(code.info());
                        send(client, &TimAck::refused(kind, code).to_frame(form, Kind::ACK));
                    }
                }
            }
            (Inbound::Ping, Some(user)) => {
                client.shared.command(Command::Heartbeat(user.session)).await;
            }
            // tim reads it and answers nothing.
            (_, None) => {}
            // A receipt for a message about the roster. Nothing is sent again: what matters of it
            // is in the store, and comes at the next login.
            (Inbound::Ack(_), Some(_)) => {}
            (Inbound::OfflineMessages, Some(_)) => send(client, &bare(Kind::OFFLINE_MESSAGES_END)),
            (Inbound::BroadPresence(sent), Some(user)) => {
                if let Err(code) = presence::publish(&client.shared, user, sent).await {
                    refuse(client, form, kind, code);
                }
            }
            (Inbound::Presence(sent), Some(user)) => {
                if let Err(code) = Box::pin(presence::direct(&client.shared, user, sent)).await {
                    refuse(client, form, kind, code);
                }
            }
            (Inbound::Business(request), Some(user)) => {
                if client.shared.config.services.no_business {
                    return refuse(client, form, kind, Code::Interface);
                }
                let answer = roster::answer(&client.shared, user, request);
                if let Some(answer) = Box::pin(answer).await {
                    send(client, &answer);
                }
            }
            (Inbound::Nodes(asked), Some(user)) => {
                if client.shared.config.services.no_nodes {
                    return refuse(client, form, kind, Code::Interface);
                }
                if let Some(answer) = Box::pin(nodes::answer(&client.shared, user, asked)).await {
                    send(client, &answer);
                }
            }
            (Inbound::Token(_), Some(user)) => {
                let token = login::own_token(&client.shared, user).await;
                send(client, &token.to_frame(form, Kind::ACK));
            }
            // For HTTP only.
            (Inbound::Register(_), Some(_)) => {
                refuse(client, form, kind, Code::Parameter);
            }
            // Another service of tim, or none.
            (Inbound::Other(_), Some(_)) => refuse(client, form, kind, Code::Interface),
        }
    }
}

fn send(client: &Client, frame: &[u8]) {
    // Its own answers never make a session congested by themselves: from a client that does not
    // read them nothing more is read.
    client.socket.append_answer(frame);
}

fn refuse(client: &Client, form: Form, kind: Kind, code: Code) {
    client.shared.metrics.frame_refused(code.info());
    send(client, &TimAck::refused(kind, code).to_frame(form, Kind::ACK));
}
