//! The program itself, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adsum_server::host::Host;
use adsum_server::store::{Cost, Passwords, Sqlite, SqliteOptions};
use adsum_tim::rtype;
use futures_util::future::join_all;
use tempfile::TempDir;

use super::{Client, PATIENCE, Server, TOKEN};

/// The program, in a folder that goes when this does.
pub struct Program {
    process: Child,
    pub address: SocketAddr,
    /// What an administrator shows, if there is one.
    pub token: Option<String>,
    /// Where metrics and administration are, if not there too.
    pub admin_address: Option<SocketAddr>,
    folder: Option<TempDir>,
    said: Option<std::thread::JoinHandle<String>>,
}

impl Program {
    /// Starts it with these flags, and with passwords that cost next to nothing.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), flags)
    }

    /// Starts it with passwords that cost this much, and for which one may wait for long.
    pub fn start_with_cost(memory_kib: u32, passes: u32) -> Self {
        let flags = ["--login-timeout", "600"];
        Self::start_at_cost(tempfile::tempdir().unwrap(), &flags, memory_kib, passes)
    }

    /// The same where it, or another, was before.
    pub fn start_in(folder: TempDir, flags: &[&str]) -> Self {
        Self::start_at_cost(folder, flags, 8, 1)
    }

    /// Starts it where so many files may be open.
    pub fn start_with_files(files: u32, flags: &[&str]) -> Self {
        let limit = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &limit, env!("CARGO_BIN_EXE_adsum-server")]);
        Self::start_as(command, tempfile::tempdir().unwrap(), flags, 8, 1)
    }

    fn start_at_cost(folder: TempDir, flags: &[&str], memory_kib: u32, passes: u32) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_adsum-server"));
        Self::start_as(command, folder, flags, memory_kib, passes)
    }

    fn start_as(
        mut command: Command,
        folder: TempDir,
        flags: &[&str],
        memory_kib: u32,
        passes: u32,
    ) -> Self {
        // Metrics are for who shows a token, where clients come too.
        let given = flags.iter().position(|flag| *flag == "--admin-token").map(|at| flags[at + 1]);
        let default = given.is_none() && !flags.contains(&"--admin-listen");
        let added = default.then_some(["--admin-token", TOKEN]);
        let log = folder.path().join("log");
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let mut process = command
            .current_dir(folder.path())
            .args(["--client-listen", "127.0.0.1:0", "--log", "debug"])
            .args(["--password-memory-kib", &memory_kib.to_string()])
            .args(["--password-passes", &passes.to_string()])
            .args(flags)
            .args(added.iter().flatten())
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let mut address_after = |what: &str| {
            loop {
                let Some(Ok(line)) = lines.next() else {
                    let log = std::fs::read_to_string(folder.path().join("log"));
                    panic!("it does not say where it is: {}", log.unwrap());
                };
                said.push_str(&line);
                said.push('\n');
                if let Some((_, rest)) = line.split_once(what) {
                    return rest.split('/').next().unwrap().parse().unwrap();
                }
            }
        };
        let address = address_after("ws://");
        let admin = flags.contains(&"--admin-listen");
        let admin_address = admin.then(|| address_after("health is at http://"));
        // Whatever else it says is kept, too.
        let out = folder.path().join("out");
        let said = std::thread::spawn(move || {
            let rest: Vec<_> = lines.map_while(Result::ok).collect();
            let said = said + &rest.join("\n");
            let _ = std::fs::write(out, &said);
            said
        });
        let token = given.or_else(|| default.then_some(TOKEN)).map(str::to_owned);
        let (folder, said) = (Some(folder), Some(said));
        Self { process, address, token, admin_address, folder, said }
    }

    pub fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    pub fn file(&self) -> PathBuf {
        self.folder().join("adsum-server.db")
    }

    /// The accounts and rosters, opened a second time.
    pub fn store(&self) -> Sqlite {
        let cost = Cost { memory_kib: 8, passes: 1 };
        Sqlite::open(&self.file(), SqliteOptions { cost, ..SqliteOptions::default() }).unwrap()
    }

    /// Another connection to the store's file: to hold it up, or to spoil it.
    pub fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file()).unwrap()
    }

    /// All that it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap()
    }

    /// All that it has said, after it has ended.
    pub fn said(&mut self) -> String {
        self.said.take().unwrap().join().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn signal(&self, signal: &str) {
        send(signal, &self.process);
    }

    /// Waits for the end; the exit code, if it was not killed.
    pub fn end(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns its folder, after it has ended.
    pub fn into_folder(mut self) -> TempDir {
        self.end();
        self.folder.take().unwrap()
    }

    /// Ends it as a power cut would, and leaves the folder.
    pub fn kill(mut self) -> TempDir {
        self.signal("-KILL");
        assert_eq!(self.end(), None);
        self.folder.take().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a signal to a process.
pub fn send(signal: &str, process: &Child) {
    let pid = process.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

/// What a program that ends by itself has said.
pub struct Said {
    /// `None` if it did not end, and was killed.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs the program in a folder of its own to its end, which must come soon.
pub fn run_to_end(arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    run_to_end_in(folder.path(), arguments, variables)
}

/// The same in this folder.
pub fn run_to_end_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    end_of(spawn_in(folder, arguments, variables))
}

/// Starts the program in this folder, whatever becomes of it.
pub fn spawn_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_adsum-server"))
        .current_dir(folder)
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until it has ended, which must be soon.
pub fn end_of(mut process: Child) -> Said {
    let start = Instant::now();
    // What it says fits into the pipes.
    while process.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            process.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = process.wait_with_output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    Said { code: output.status.code(), out, err }
}

/// A server, here or in a process of its own.
pub enum Running {
    Here(Host),
    Program(Program),
}

impl Running {
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Here(host) => host.address(),
            Self::Program(program) => program.address,
        }
    }

    pub async fn stop(self) {
        match self {
            Self::Here(host) => host.stop().await,
            Self::Program(mut program) => {
                program.signal("-TERM");
                let ended = tokio::task::spawn_blocking(move || program.end()).await;
                assert_eq!(ended.unwrap(), Some(0));
            }
        }
    }
}

impl Server {
    /// The program itself, with these flags, on an SQLite file that the test has open as well. It
    /// ends without waiting for clients, which are the test's and still there.
    pub fn run(flags: &[&str]) -> Self {
        Self::of_program(Program::start(&[&["--drain-timeout", "0"], flags].concat()))
    }

    pub fn of_program(program: Program) -> Self {
        let store = Arc::new(program.store());
        Self { host: Running::Program(program), store }
    }

    pub fn program(&self) -> &Program {
        match &self.host {
            Running::Program(program) => program,
            Running::Here(_) => panic!("this one runs in the test's own process"),
        }
    }

    pub fn into_program(self) -> Program {
        match self.host {
            Running::Program(program) => program,
            Running::Here(_) => panic!("this one runs in the test's own process"),
        }
    }

    /// Makes every account a friend of every other.
    pub fn make_all_friends(&self) {
        let all = "INSERT OR REPLACE INTO relations (low, high, low_side, high_side) \
                   SELECT a.id, b.id, 1, 1 FROM accounts a JOIN accounts b ON a.id < b.id";
        self.program().sql().execute_batch(all).unwrap();
    }
}

/// A store that nobody can write to, for forty seconds at most.
pub struct HeldUp {
    sql: rusqlite::Connection,
    busy: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Holds up whoever writes to the store: some users who are nobody's friends want to, each of
    /// whom waits five seconds for a lock that the test has.
    pub async fn hold_up(&self) -> HeldUp {
        let names = [0, 1, 2, 3, 4, 5, 6, 7].map(|number| format!("busy{number}"));
        let nodes = names.each_ref().map(|name| self.account(name));
        let mut busy = join_all(names.iter().map(|name| self.login(name))).await;
        let sql = self.program().sql();
        sql.execute_batch("BEGIN EXCLUSIVE").unwrap();
        for (at, client) in busy.iter_mut().enumerate() {
            client.ask(rtype::ADD_ROSTER, Some(&nodes[(at + 1) % nodes.len()])).await;
        }
        let all_done = async move {
            join_all(busy.iter_mut().map(Client::until_pong)).await;
            join_all(busy.into_iter().map(Client::close)).await;
        };
        HeldUp { sql, busy: tokio::spawn(all_done) }
    }

    /// Makes an account of whose password nobody knows anything but that it takes this long to
    /// say that another one is wrong.
    pub fn slow_account(&self, name: &str, takes: Duration) {
        let hash = |passes: u32| {
            format!("$argon2id$v=19$m=8,t={passes},p=1$c2FsdHNhbHRzYWx0$MTIzNDU2Nzg5MDEyMzQ1Ng")
        };
        let passwords = Passwords::new(Cost { memory_kib: 8, passes: 1 }).unwrap();
        let (tried, started) = (2_000, Instant::now());
        assert!(!passwords.verify("wrong", Some(&hash(tried))).unwrap());
        let passes = takes.as_secs_f64() / started.elapsed().as_secs_f64() * f64::from(tried);
        let node = self.account(name);
        let sql = self.program().sql();
        let update = "UPDATE accounts SET password = ?2 WHERE node = ?1";
        assert_eq!(sql.execute(update, (&node, hash(passes as u32))).unwrap(), 1);
    }
}

impl HeldUp {
    /// Lets it go on, which it must not have done before.
    pub async fn let_go(self) {
        assert!(!self.busy.is_finished(), "the store has answered meanwhile");
        self.sql.execute_batch("ROLLBACK").unwrap();
        self.busy.await.unwrap();
    }
}
