//! A program under the test's eye: its lines are read as they come, and it ends with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take to say that it is ready, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Process {
    /// # Panics
    /// With `advice`, if the program cannot be started.
    pub(crate) fn start(command: &mut Command, advice: &str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}. {advice}"));
        let (sender, lines) = channel();
        read_lines(child.stdout.take().unwrap(), sender.clone());
        read_lines(child.stderr.take().unwrap(), sender);
        Self { child, lines, heard: Vec::new() }
    }

    /// The number that follows `before` in a line that the program says.
    ///
    /// # Panics
    /// If it does not say so in time.
    pub(crate) fn number_after(&mut self, before: &str) -> u16 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with {before:?} and a number; it said: {:#?}", self.heard);
            };
            let number = line
                .split_once(before)
                .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
            self.heard.push(line);
            if let Some(number) = number.and_then(|digits| digits.parse().ok()) {
                return number;
            }
        }
    }

    /// Asks the program to end, and waits until it has.
    ///
    /// # Panics
    /// If it does not end well, or not in time.
    pub(crate) fn stop(mut self) {
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(asked.unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Both readers are gone when the program has closed what it says things on.
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.heard.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", self.heard),
            }
        }
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {:#?}", self.heard);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error here means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(from: impl Read + Send + 'static, to: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                break;
            }
        }
    });
}
