//! The examples do what their texts say.

use std::io::{BufRead, BufReader, Read, Write};
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
    assert_eq!(
        told("bob"),
        [
            "1 in sight",
            "ann is \"on the train\" (First)",
            "ann has one device less",
            "ann is offline"
        ]
    );
    assert_eq!(told("ann's phone"), ["2 in sight", "ann has one device less"]);
    assert!(text.contains("GraceOver"), "{text}");
}

/// Ends the process it holds, whatever becomes of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Client {
    socket: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Client {
    fn join(address: &str, name: &str) -> Self {
        let socket = TcpStream::connect(address).expect("the room is open");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
        let lines = BufReader::new(socket.try_clone().expect("sockets can be cloned"));
        let mut client = Self { socket, lines };
        client.say(name);
        client
    }

    fn say(&mut self, line: &str) {
        writeln!(self.socket, "{line}").expect("the room listens");
    }

    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("the room answers in time");
        line.trim_end().to_owned()
    }
}

#[test]
fn the_room_shows_who_is_in_it() {
    let mut room = example("room");
    let room = room.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn();
    let mut room = Running(room.expect("the example is built with the tests"));
    let stdout = room.0.stdout.take().expect("its output is piped");
    let mut first_line = String::new();
    BufReader::new(stdout).read_line(&mut first_line).expect("it says where it listens");
    let address = first_line.trim_end().strip_prefix("listening on ").expect("an address");

    let mut ann = Client::join(address, "ann");
    ann.say("here");
    let mut bob = Client::join(address, "bob");
    // Whichever of the two the room took first, bob learns of ann once.
    assert_eq!(bob.hears(), "ann: here");
    bob.say("reading");
    assert_eq!(ann.hears(), "bob: reading");
    ann.say("at lunch");
    assert_eq!(bob.hears(), "ann: at lunch");
    // A clean end is told at once.
    bob.socket.shutdown(Shutdown::Write).expect("the socket is open");
    assert_eq!(ann.hears(), "bob has left");
    bob.socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout can be set");
    let mut rest = Vec::new();
    let _ = bob.lines.read_to_end(&mut rest);
    assert!(rest.is_empty(), "who has left is told nothing more");
}
