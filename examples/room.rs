//! A room over TCP: whoever is in it sees who else is. Lines of text, threads of the standard
//! library, and the engine on one of them: all that a transport needs to know of presence.
//!
//! `cargo run --example room -- 127.0.0.1:4000`, and in other terminals `nc 127.0.0.1 4000`: the
//! first line is your name, every further one what you are up to.

use adsum::{Config, Decision, Decisions, DeviceKind, Engine, LostCause, Notice, Options};
use adsum::{SessionKey, SlotMap, Time};
use std::collections::HashMap;
use std::hash::RandomState;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

enum Input {
    Join { connection: u64, name: String, socket: TcpStream },
    Say { connection: u64, text: String },
    Leave { connection: u64, cleanly: bool },
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    let (inputs, queue) = channel();
    // Nobody sends heartbeats here: TCP says when somebody is gone.
    let options = Options { lease: None, ..Options::default() };
    let engine = Engine::new(Config::new(options).expect("the rest is the defaults"));
    #[allow(clippy::disallowed_methods, reason = "a host has a clock")]
    let (sockets, sessions, started) = (Sockets::new(), HashMap::new(), Instant::now());
    thread::spawn(move || Room { engine, sockets, sessions, started }.run(&queue));
    for (connection, socket) in (0..).zip(listener.incoming()) {
        let (socket, inputs) = (socket?, inputs.clone());
        thread::spawn(move || {
            let cleanly = listen(connection, socket, &inputs).is_ok();
            inputs.send(Input::Leave { connection, cleanly })
        });
    }
    Ok(())
}

fn now(started: Instant) -> Time {
    Time::from_millis(started.elapsed().as_millis() as u64)
}

fn listen(connection: u64, socket: TcpStream, inputs: &Sender<Input>) -> std::io::Result<()> {
    let mut lines = BufReader::new(socket.try_clone()?);
    let (mut socket, mut line) = (Some(socket), String::new());
    // A line longer than this is taken as several.
    while lines.by_ref().take(1_000).read_line(&mut line)? > 0 {
        let text = line.trim().to_owned();
        line.clear();
        let _ = inputs.send(match socket.take() {
            Some(socket) => Input::Join { connection, name: text, socket },
            None => Input::Say { connection, text },
        });
    }
    Ok(())
}

type Sockets = SlotMap<TcpStream>;
struct Room {
    engine: Engine<String, String>,
    sockets: Sockets,
    sessions: HashMap<u64, SessionKey>,
    started: Instant,
}

impl Room {
    fn run(&mut self, queue: &Receiver<Input>) {
        loop {
            let due_ms = self.engine.deadline().map_or(60_000, |at| at.since(now(self.started)));
            if let Ok(input) = queue.recv_timeout(Duration::from_millis(due_ms)) {
                self.take(input);
            }
            let now = now(self.started);
            carry_out(self.engine.advance(now), &mut self.sockets);
        }
    }

    fn take(&mut self, input: Input) {
        let now = now(self.started);
        match input {
            Input::Join { connection, name, socket } => self.join(now, connection, name, socket),
            Input::Say { connection, text } => {
                let Some(session) = self.sessions.get(&connection) else { return };
                let Ok(decisions) = self.engine.publish(now, *session, text) else { return };
                carry_out(decisions, &mut self.sockets);
            }
            Input::Leave { connection, cleanly } => {
                let Some(session) = self.sessions.remove(&connection) else { return };
                self.sockets.remove(session.slot());
                let decisions = match cleanly {
                    true => self.engine.disconnect(now, session),
                    false => self.engine.lost(now, session, LostCause::ConnectionError),
                };
                decisions.into_iter().for_each(|d| carry_out(d, &mut self.sockets));
            }
        }
    }

    /// Everyone in the room is everyone's contact.
    fn join(&mut self, now: Time, connection: u64, name: String, socket: TcpStream) {
        let present = self.sessions.values().filter_map(|key| self.engine.user_of(*key));
        let present: Vec<String> = present.cloned().collect();
        for user in &present {
            if let Ok(decisions) = self.engine.audience_add(now, user, [name.clone()]) {
                carry_out(decisions, &mut self.sockets);
            }
        }
        match self.engine.connect(now, name, DeviceKind(0), present, []) {
            Ok((session, decisions)) => {
                self.sessions.insert(connection, session);
                self.sockets.insert(session.slot(), socket);
                carry_out(decisions, &mut self.sockets);
            }
            Err(error) => drop(writeln!(&socket, "you cannot join: {error}")),
        }
    }
}

fn carry_out(mut decisions: Decisions<'_, String, String, RandomState>, sockets: &mut Sockets) {
    while let Some(decision) = decisions.next() {
        match decision {
            Decision::Deliver { notice, to } => {
                let line = match notice {
                    Notice::Presence { user, presence, .. } => format!("{user}: {presence}\n"),
                    Notice::UserOffline { user, .. } => format!("{user} has left\n"),
                    _ => continue,
                };
                for mut socket in to.iter().filter_map(|slot| sockets.get(*slot)) {
                    // If this fails, the thread that reads the socket says so.
                    let _ = socket.write_all(line.as_bytes());
                }
            }
            Decision::Snapshot(snapshot) => {
                let Some(mut socket) = sockets.get(snapshot.to()) else { continue };
                for entry in snapshot.entries() {
                    let line = format!("{}: {}\n", entry.user, entry.presence);
                    let _ = socket.write_all(line.as_bytes());
                }
            }
            Decision::Close { session, .. } => drop(sockets.remove(session.slot())),
            _ => {}
        }
    }
}
