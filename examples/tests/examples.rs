//! The examples do what their texts say.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

/// Ten thousand are to take a second and four megabytes on a machine that has time. The program
/// itself fails if a player does not come to know what is so.
#[test]
fn in_the_lobby_everybody_knows_everybody_soon_and_in_little_memory() {
    let output = example("lobby").arg("500").output().expect("the example is built with the tests");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    let number = |before: &str, after: &str| -> Option<u64> {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(before)?.strip_suffix(after)?.parse().ok())
    };
    let joined = number("500 players know each other after ", " ms").expect("it says so");
    // Built for tests, and beside others.
    assert!(joined < 10_000, "{text}");
    if let Some(taken) = number("and takes ", " KiB") {
        assert!(taken <= 4 * 1_024, "{text}");
    }
    let told = "all know that one has changed and one has left after ";
    assert!(number(told, " ms").is_some(), "{text}");
}

/// The room in a process of its own, which ends with it.
struct Room {
    process: Child,
    address: String,
}

impl Room {
    fn open() -> Self {
        Self::of(&mut example("room"))
    }

    fn of(program: &mut Command) -> Self {
        let process = program.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn();
        let mut process = process.expect("the example is built with the tests");
        let stdout = process.stdout.take().expect("its output is piped");
        let mut room = Self { process, address: String::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let address = line.trim_end().strip_prefix("listening on ").expect("an address");
        room.address = address.to_owned();
        room
    }

    fn connect(&self) -> Client {
        let socket = TcpStream::connect(&self.address).expect("the room is open");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        let lines = BufReader::new(socket.try_clone().expect("sockets can be cloned"));
        Client { socket, lines }
    }

    /// Has somebody join, who is told what the others are doing.
    fn join(&self, name: &str, others: &[&str]) -> Client {
        let mut client = self.connect();
        client.say(name);
        assert_eq!(client.hears(), format!("{} in the room", others.len() + 1));
        for line in others {
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
fn the_room_says_who_is_in_it_and_what_they_say() {
    let room = Room::open();
    let mut ann = room.join("ann", &[]);
    let mut bob = room.join("bob", &["ann is here"]);
    assert_eq!(ann.hears(), "bob has come");
    ann.say("/at lunch");
    assert_eq!(bob.hears(), "ann is at lunch");
    bob.say("enjoy");
    assert_eq!(ann.hears(), "bob: enjoy");
    let mut cyd = room.join("cyd", &["ann is at lunch", "bob is here"]);
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.hears(), "cyd has come");
    }
    cyd.say("hello");
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.hears(), "cyd: hello");
    }
    bob.socket.shutdown(Shutdown::Write).expect("the socket is open");
    for client in [&mut ann, &mut cyd] {
        assert_eq!(client.hears(), "bob has left");
    }
    assert_eq!(bob.hears(), "", "who has left is told nothing more");
}

/// Who pastes a page is heard to its end by everybody who reads.
#[test]
fn nothing_that_is_said_at_once_is_lost_to_those_who_read() {
    let room = Room::open();
    let mut ann = room.join("ann", &[]);
    let mut bob = room.join("bob", &["ann is here"]);
    assert_eq!(ann.hears(), "bob has come");
    let page: Vec<String> = (0..200).map(|line| format!("line {line}")).collect();
    bob.say(&page.join("\n"));
    for line in page {
        assert_eq!(ann.hears(), format!("bob: {line}"));
    }
}

/// A name is shown to others: it has letters, not too many, and nothing that moves their cursor.
#[test]
fn whoever_has_no_plain_name_does_not_come_in() {
    let room = Room::open();
    for name in ["", "\u{1b}[2J", &"x".repeat(33)] {
        let mut client = room.connect();
        client.say(name);
        assert_eq!(client.hears(), "", "{name:?}");
    }
    room.join(&"x".repeat(32), &[]);
}

/// Sixteen people change what they are doing, in sixteen megabytes of words: more than lies between
/// the room and somebody who reads none of it. Ann hears each line in time, and the slow reader,
/// later, the last of each.
#[test]
fn nobody_waits_for_a_slow_reader_who_hears_the_newest_later() {
    const SPEAKERS: usize = 16;
    // More in all than the room keeps for one client.
    const LINES: usize = 32;
    let room = Room::open();
    let mut slow = room.join("slow", &[]);
    let mut ann = room.join("ann", &["slow is here"]);
    let mut speakers: Vec<Client> = Vec::new();
    let mut here = vec!["slow is here".to_owned(), "ann is here".to_owned()];
    for speaker in 0..SPEAKERS {
        let others: Vec<&str> = here.iter().map(String::as_str).collect();
        let client = room.join(&format!("speaker {speaker}"), &others);
        assert_eq!(ann.hears(), format!("speaker {speaker} has come"));
        here.push(format!("speaker {speaker} is here"));
        // Or they would be slow readers as well.
        let mut hears = client.socket.try_clone().expect("sockets can be cloned");
        std::thread::spawn(move || std::io::copy(&mut hears, &mut std::io::sink()));
        speakers.push(client);
    }
    let text = "x".repeat(30_000);
    for number in 1..=LINES {
        for (speaker, client) in speakers.iter_mut().enumerate() {
            client.say(&format!("/{number} {text}"));
            assert_eq!(ann.hears(), format!("speaker {speaker} is {number} {text}"));
        }
    }
    let (mut lines, mut last) = (0, [0; SPEAKERS]);
    while last.iter().any(|last| *last < LINES) {
        let line = slow.hears();
        let Some((speaker, doing)) =
            line.strip_prefix("speaker ").and_then(|is| is.split_once(" is "))
        else {
            continue;
        };
        let Some((number, words)) = doing.split_once(' ') else { continue };
        assert_eq!(words, text, "no line is cut");
        let (speaker, number): (usize, usize) =
            (speaker.parse().expect("a number"), number.parse().expect("a number"));
        // What it is told anew may be the same.
        assert!(number >= last[speaker], "{number} after {}", last[speaker]);
        lines += usize::from(number > last[speaker]);
        last[speaker] = number;
    }
    assert!(lines < SPEAKERS * LINES, "the newest and not the history");
    // And so it goes on.
    ann.say("back");
    while slow.hears() != "ann: back" {}
}

#[test]
fn an_evicted_connection_that_hangs_up_late_takes_nobody_along() {
    let room = Room::open();
    let mut bob = room.join("bob", &[]);
    let mut first = room.join("ann", &["bob is here"]);
    assert_eq!(bob.hears(), "ann has come");
    let mut second = room.join("ann", &["bob is here"]);
    assert_eq!([bob.hears(), bob.hears()], ["ann has left", "ann has come"]);
    assert_eq!(first.hears(), "", "the room has hung up");
    drop(first);
    for round in 0..9 {
        let line = format!("round {round}");
        bob.say(&line);
        assert_eq!(second.hears(), format!("bob: {line}"));
        second.say(&line);
        assert_eq!(bob.hears(), format!("ann: {line}"));
    }
}

#[cfg(target_os = "linux")]
impl Room {
    /// Opens one that may have so many files open.
    fn with_files(files: usize) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]);
        Self::of(shell.arg(example("room").get_program()))
    }

    fn open_files(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.process.id()));
        files.expect("it runs").count()
    }

    /// How many hundredths of a second of processor time it has taken.
    fn processor_time(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()));
        let stat = stat.expect("it runs");
        let (_, fields) = stat.rsplit_once(") ").expect("its name is in brackets");
        let both = fields.split(' ').skip(11).take(2);
        both.map(|field| field.parse::<u64>().expect("a number")).sum()
    }
}

/// Where no file may be opened any more the room waits, without taking a processor for it, and lets
/// in who is next when somebody has gone.
#[cfg(target_os = "linux")]
#[test]
#[allow(clippy::disallowed_methods, reason = "it is measured by the clock")]
fn without_a_file_handle_left_the_room_waits_until_somebody_goes() {
    const FILES: usize = 16;
    let room = Room::with_files(FILES);
    let mut clients: Vec<_> = (0..2 * FILES).map(|_| room.connect()).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        client.say(&format!("n{at}"));
    }
    let started = Instant::now();
    while room.open_files() < FILES {
        assert!(started.elapsed() < Duration::from_secs(20), "{} files", room.open_files());
        std::thread::yield_now();
    }
    let (before, since) = (room.processor_time(), Instant::now());
    std::thread::sleep(Duration::from_millis(500));
    let (taken, window) = (room.processor_time() - before, since.elapsed());
    assert!(u128::from(taken) * 10 * 4 < window.as_millis(), "{taken}0 ms of {window:?}");
    // One who has not come in yet, for want of handles.
    let mut next = clients.remove(FILES);
    drop(clients);
    assert!(next.hears().ends_with(" in the room"));
}
