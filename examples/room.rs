//! A chat room over TCP that says who is in it. Lines of text, and threads of the standard library.
//! `cargo run --example room -- 127.0.0.1:4000`, and in other terminals `nc 127.0.0.1 4000`: the
//! first line is your name, `/reading` says what you are doing, and all else is said to everybody.
//! Who reads too slowly misses what is said, and is told later who is there.

use adsum::host::{Application, Host};
use adsum::{Config, Connect, Join, Notice, Options, OverLimit, Snapshot, TopicSnapshot, View};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, mpsc::SyncSender, mpsc::sync_channel};
use std::{env, io, iter, thread, time::Duration, time::Instant};

type Line = Arc<str>;
type Room = Mutex<Host<String, String, Lines, SyncSender<Line>>>;
const QUEUE: usize = 256; // The most lines on their way to one client.
struct Lines;
impl Application<String, String> for Lines {
    type Frame = Line;
    fn notice(&mut self, notice: &Notice<'_, String, String>) -> Option<Line> {
        Some(match notice {
            Notice::Joined { user, .. } => format!("{user} has come\n").into(),
            Notice::Member { user, presence, .. } => format!("{user} is {}\n", (*presence)?).into(),
            Notice::Left { user, .. } => format!("{user} has left\n").into(),
            Notice::Said { user, presence, .. } => format!("{user}: {presence}\n").into(),
            _ => return None,
        })
    }
    fn snapshot(&mut self, _: &Snapshot<'_, String, String>) -> Option<Line> {
        None // Nobody has contacts here.
    }
    fn topic(&mut self, room: &TopicSnapshot<'_, String, String>) -> Option<Line> {
        let all = room.entries().filter_map(|m| Some(format!("{} is {}\n", m.user, m.presence?)));
        Some(format!("{} in the room\n{}", room.counts().users, all.collect::<String>()).into())
    }
}

/// Called by whoever holds the lock, so that it never goes back.
#[allow(clippy::disallowed_methods, reason = "a host has a clock")]
fn now() -> adsum::Time {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    adsum::Time::from_millis(START.elapsed().as_millis() as u64)
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(env::args().nth(1).as_deref().unwrap_or("127.0.0.1:0"))?;
    println!("listening on {}", listener.local_addr()?);
    // TCP says sooner or later who is gone, who comes by the same name takes over, all are shown.
    let mut options = Options { lease: None, ..Options::tim() };
    options.over_limit = OverLimit::EvictOldest { min_age_ms: 0 };
    options.topics.max_members = options.topics.full_up_to;
    let room = &Room::new(Host::new(Config::new(options).expect("they are in range"), Lines));
    let tick = || thread::sleep(Duration::from_millis(50)); // And while no handle is left.
    thread::scope(|threads| {
        threads.spawn(|| {
            loop {
                // Whoever shares the host with nobody waits until `deadline` instead.
                tick();
                room.lock().unwrap().advance(now());
            }
        });
        loop {
            let Ok((socket, _)) = listener.accept().inspect_err(|_| tick()) else { continue };
            threads.spawn(move || serve(&socket, room));
        }
    })
}

fn serve(mut socket: &TcpStream, room: &Room) {
    let mut said = BufReader::new(socket.take(1 << 20)).lines().map_while(Result::ok);
    let is_plain = |it: &String| (1..33).contains(&it.len()) && !it.contains(char::is_control);
    let Some(name) = said.next().filter(is_plain) else { return };
    let (to, lines) = sync_channel(QUEUE);
    let _ = socket.set_write_timeout(Some(Duration::from_secs(60))); // As good as gone.
    let Ok(id) = room.lock().unwrap().connect(now(), Connect::new(name), to) else { return };
    let member = Join::Member { presence: Some("here".to_owned()), view: View::All };
    let topic = room.lock().unwrap().join(now(), id, "room".to_owned(), member);
    thread::scope(|threads| {
        threads.spawn(move || {
            let mut send = |n, line: Line| socket.write_all(line.as_bytes()).map(|()| n + 1);
            for first in &lines {
                let mut burst = iter::once(first).chain(lines.try_iter());
                let Ok(sent) = burst.try_fold(0, &mut send) else { break };
                // A queue that was full gives this many lines before it is empty.
                if sent >= QUEUE {
                    room.lock().unwrap().flush(now(), id);
                }
            }
            let _ = socket.shutdown(Shutdown::Both); // The room has let go of the client.
        });
        for (topic, text) in iter::repeat(topic).map_while(Result::ok).zip(said) {
            let _ = match text.strip_prefix('/').map(str::to_owned) {
                Some(doing) => room.lock().unwrap().update(now(), id, topic, doing).map(drop),
                None => room.lock().unwrap().say(now(), id, topic, text, None),
            };
        }
        // Nobody can resume here. This may come late: it is refused if the id is stale.
        let _ = room.lock().unwrap().disconnect(now(), id);
    });
}
