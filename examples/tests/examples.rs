//! The examples do what their texts say.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Examples are built beside the tests.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("a test knows where it is");
    let target = test.ancestors().nth(2).map(PathBuf::from).expect("tests lie in target/*/deps");
    Command::new(target.join("examples").join(name))
}

#[test]
fn the_roll_call_prints_who_is_told_what() {
    let output = example("roll_call").output().expect("the example is built with the tests");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("it prints text");
    let told = |who: &str| -> Vec<&str> {
        let prefix = format!("    to {who}: ");
        text.lines().filter_map(|line| line.strip_prefix(&prefix)).collect()
    };
    let bob = [
        "1 in sight",
        "ann is \"on the train\" (First)",
        "ann has one device less",
        "ann is offline",
    ];
    assert_eq!(told("bob"), bob);
    assert_eq!(told("ann's phone"), ["2 in sight", "ann has one device less", "1 in sight"]);
    let edges = text.lines().filter(|line| line.contains("edge: "));
    let edges: Vec<&str> = edges.map(|line| line.trim_matches([' ', '(', ')'])).collect();
    let of = |user: &str| {
        [format!("edge: {user} has come online"), format!("edge: {user} has gone offline")]
    };
    let [ann, bob] = [of("ann"), of("bob")];
    assert_eq!(edges, [&*ann[0], &*bob[0], &*ann[1], &*bob[1]]);
    assert!(text.contains("the session of ann's phone has ended: Lost(ConnectionError)"), "{text}");
}

/// The room in a process of its own, which ends with it.
struct Room {
    process: Child,
    address: String,
}

impl Room {
    fn open() -> Self {
        let process = example("room").arg("127.0.0.1:0").stdout(Stdio::piped()).spawn();
        let mut process = process.expect("the example is built with the tests");
        let stdout = process.stdout.take().expect("its output is piped");
        let mut room = Self { process, address: String::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let address = line.trim_end().strip_prefix("listening on ").expect("an address");
        room.address = address.to_owned();
        room
    }

    /// Has somebody join. Whoever is named is here already, and is all that the newcomer sees.
    fn join(&self, name: &str, here: &[&str]) -> Client {
        let socket = TcpStream::connect(&self.address).expect("the room is open");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        let lines = BufReader::new(socket.try_clone().expect("sockets can be cloned"));
        let mut client = Client { socket, lines };
        client.say(name);
        assert_eq!(client.hears(), "all who are here:");
        for line in here {
            assert_eq!(client.hears(), *line);
        }
        client
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Client {
    socket: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Client {
    fn say(&mut self, line: &str) {
        writeln!(self.socket, "{line}").expect("the room listens");
    }

    /// Returns the next line, or an empty one at the end of the connection.
    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("the room answers in time");
        line.trim_end().to_owned()
    }
}

#[test]
fn the_room_shows_who_is_in_it() {
    let room = Room::open();
    let mut ann = room.join("ann", &[]);
    ann.say("here");
    let mut bob = room.join("bob", &[]);
    // Perhaps the room let bob in before it heard ann; it is told once in either case.
    bob.say("reading");
    assert_eq!(ann.hears(), "bob: reading");
    ann.say("at lunch");
    let heard = [bob.hears(), bob.hears()];
    assert_eq!(heard, ["ann: here", "ann: at lunch"]);
    let mut cyd = room.join("cyd", &["ann: at lunch", "bob: reading"]);
    cyd.say("new here");
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.hears(), "cyd: new here");
    }
    bob.socket.shutdown(Shutdown::Write).expect("the socket is open");
    for client in [&mut ann, &mut cyd] {
        assert_eq!(client.hears(), "bob has left");
    }
    assert_eq!(bob.hears(), "", "who has left is told nothing more");
}

/// Sixteen people say ten megabytes, more than lies between the room and somebody who reads none
/// of it. Ann hears each line in time, and the slow reader, later, the last of each.
#[test]
fn nobody_waits_for_a_slow_reader_who_hears_the_newest_later() {
    const SPEAKERS: usize = 16;
    // Within the rate that the engine allows.
    const LINES: usize = 10;
    let room = Room::open();
    let mut slow = room.join("slow", &[]);
    let mut ann = room.join("ann", &[]);
    let mut speakers: Vec<Client> = Vec::new();
    for speaker in 0..SPEAKERS {
        let client = room.join(&format!("speaker {speaker}"), &[]);
        // Or they would be slow readers as well.
        let mut hears = client.socket.try_clone().expect("sockets can be cloned");
        std::thread::spawn(move || std::io::copy(&mut hears, &mut std::io::sink()));
        speakers.push(client);
    }
    let text = "x".repeat(60_000);
    for number in 1..=LINES {
        for (speaker, client) in speakers.iter_mut().enumerate() {
            client.say(&format!("{number} {text}"));
            assert_eq!(ann.hears(), format!("speaker {speaker}: {number} {text}"));
        }
    }
    let (mut lines, mut last) = (0, [0; SPEAKERS]);
    while last.iter().any(|last| *last < LINES) {
        let line = slow.hears();
        let said = line.strip_prefix("speaker ").and_then(|said| said.split_once(": "));
        let (speaker, said) = said.expect("nobody else says anything");
        let number: usize = said.split_once(' ').expect("a line").0.parse().expect("a number");
        let speaker: usize = speaker.parse().expect("a number");
        assert!(number > last[speaker], "{number} after {}", last[speaker]);
        last[speaker] = number;
        lines += 1;
    }
    assert!(lines < SPEAKERS * LINES, "the newest and not the history");
    // And so it goes on.
    ann.say("back");
    assert_eq!(slow.hears(), "ann: back");
}

#[test]
fn an_evicted_connection_that_hangs_up_late_takes_nobody_along() {
    let room = Room::open();
    let mut bob = room.join("bob", &[]);
    let mut first = room.join("ann", &[]);
    first.say("here");
    assert_eq!(bob.hears(), "ann: here");
    let mut second = room.join("ann", &[]);
    second.say("here again");
    assert_eq!(first.hears(), "", "the room has hung up");
    drop(first);
    for round in 0..9 {
        let line = format!("round {round}");
        bob.say(&line);
        assert_eq!(second.hears(), format!("bob: {line}"));
        if round == 0 {
            assert_eq!(bob.hears(), "ann: here again");
        }
        second.say(&line);
        assert_eq!(bob.hears(), format!("ann: {line}"));
    }
}
