//! A chat room over TCP that says who is in it. Lines of text, and threads of the standard library:
//! one owns the host, and each client has one that reads and one that writes.
//!
//! `cargo run --example room -- 127.0.0.1:4000`, and in other terminals `nc 127.0.0.1 4000`: the
//! first line is your name, `/reading` says what you are doing, and all else is said to everybody.
//! Who reads too slowly misses what is said, and is told later who is there.

use adsum::host::{Application, ConnectionId, Host};
use adsum::{Config, Connect, Join, Notice, Options, OverLimit, Snapshot, Time};
use adsum::{TopicKey, TopicSnapshot, View};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{env, io, iter, sync::Arc, thread};

/// The most lines on their way to one client, and the most inputs on their way to the room.
const QUEUE: usize = 16;
type Line = Arc<str>;
type Room = Host<String, String, Lines, SyncSender<Line>>;
type Inputs = SyncSender<Box<dyn FnOnce(&mut Room, Time) + Send>>;

struct Lines;
impl Application<String, String> for Lines {
    type Frame = Line;
    fn notice(&mut self, notice: &Notice<'_, String, String>) -> Option<Line> {
        Some(match notice {
            Notice::Joined { user, .. } => format!("{user} has come\n").into(),
            Notice::Member { user, presence, .. } => member(user, *presence).into(),
            Notice::Left { user, .. } => format!("{user} has left\n").into(),
            Notice::Said { user, presence, .. } => format!("{user}: {presence}\n").into(),
            _ => return None,
        })
    }
    fn snapshot(&mut self, _: &Snapshot<'_, String, String>) -> Option<Line> {
        None // Nobody has contacts here.
    }
    fn topic(&mut self, room: &TopicSnapshot<'_, String, String>) -> Option<Line> {
        let others = room.entries().map(|entry| member(entry.user, entry.presence));
        Some(format!("{} in the room\n{}", room.counts().users, others.collect::<String>()).into())
    }
}

fn member(user: &str, doing: Option<&String>) -> String {
    doing.map_or_else(|| format!("{user} is here\n"), |doing| format!("{user} is {doing}\n"))
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(env::args().nth(1).as_deref().unwrap_or("127.0.0.1:0"))?;
    println!("listening on {}", listener.local_addr()?);
    let (inputs, queue): (Inputs, _) = sync_channel(QUEUE);
    thread::spawn(move || {
        for (socket, inputs) in listener.incoming().flatten().zip(iter::repeat(inputs)) {
            thread::spawn(move || read(socket, &inputs));
        }
    });
    // TCP says when somebody is gone, and whoever comes by the same name takes over.
    let mut options =
        Options { lease: None, max_sessions: 1, own_echo: false, ..Options::default() };
    options.over_limit = OverLimit::EvictOldest { min_age_ms: 0 };
    // In a larger room not everybody is shown, and changes come together.
    options.topics.max_members = options.topics.full_up_to;
    let mut room = Host::new(Config::new(options).expect("they are in range"), Lines);
    #[allow(clippy::disallowed_methods, reason = "a host has a clock")]
    let started = Instant::now();
    let now = || Time::from_millis(started.elapsed().as_millis() as u64);
    loop {
        let wait_ms = room.deadline().map_or(60_000, |at| at.since(now()));
        match queue.recv_timeout(Duration::from_millis(wait_ms)) {
            Ok(input) => input(&mut room, now()),
            Err(_) => room.advance(now()),
        }
    }
}

fn tell<T>(inputs: &Inputs, input: impl FnOnce(&mut Room, Time) -> T + Send + 'static) {
    let _ = inputs.send(Box::new(|room, now| drop(input(room, now))));
}

type Place = (ConnectionId, TopicKey);

fn join(room: &mut Room, now: Time, name: String, to: SyncSender<Line>) -> Option<Place> {
    let id = room.connect(now, Connect::new(name), to).ok()?;
    let member = Join::Member { presence: None, view: View::All };
    Some((id, room.join(now, id, "room".to_owned(), member).ok()?))
}

fn read(mut socket: TcpStream, inputs: &Inputs) -> io::Result<()> {
    let (writer, to_room) = (socket.try_clone()?, inputs.clone());
    let mut said = BufReader::new((&socket).take(1 << 20)).lines(); // A megabyte is enough.
    let Some(name) = said.next().transpose()? else { return Ok(()) };
    let ((to, lines), (reply, joined)) = (sync_channel(QUEUE), sync_channel(1));
    tell(inputs, move |room, now| reply.send(join(room, now, name, to)));
    let Ok(Some((id, topic))) = joined.recv() else {
        return writeln!(socket, "you cannot join now");
    };
    thread::spawn(move || write(writer, &lines, id, &to_room));
    for text in said.map_while(Result::ok) {
        match text.strip_prefix('/').map(str::to_owned) {
            Some(doing) => tell(inputs, move |room, now| room.update(now, id, topic, doing)),
            None => tell(inputs, move |room, now| room.say(now, id, topic, text, None)),
        }
    }
    // Nobody can resume here. This may come late: it is refused if the id is stale.
    tell(inputs, move |room, now| room.disconnect(now, id));
    Ok(())
}

fn write(mut socket: TcpStream, lines: &Receiver<Line>, id: ConnectionId, inputs: &Inputs) {
    while let Ok(first) = lines.recv() {
        let burst = iter::once(first).chain(lines.try_iter());
        // A queue that was full gives this many lines before it is empty.
        if burst.filter(|line| socket.write_all(line.as_bytes()).is_ok()).count() >= QUEUE {
            tell(inputs, move |room, now| room.flush(now, id));
        }
    }
    let _ = socket.shutdown(Shutdown::Both); // The room has let go of the client.
}
