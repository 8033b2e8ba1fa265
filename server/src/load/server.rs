//! The server under load, and the accounts on it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use indicatif::ProgressBar;

use super::client::{self, PASSWORD};
use super::cores;
use super::error::LoadError;
use super::options::{Options, Protocol};
use crate::store::{Cost, Sqlite, SqliteOptions, Store as _};

/// The server under load.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) pid: Option<u32>,
    /// The names of the accounts: the publisher, the friends, the others.
    pub(super) names: Vec<String>,
    own: Option<OwnServer>,
}

/// A server of this run's own, which ends and leaves nothing behind when this is dropped.
struct OwnServer {
    process: Child,
    folder: PathBuf,
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    pub(super) async fn prepare(
        options: &Options,
        progress: &ProgressBar,
    ) -> Result<Self, LoadError> {
        progress.set_message("accounts");
        progress.set_length(options.sessions as u64);
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(|error| LoadError::new("no random numbers", error))?;
        let run = bs58::encode(random).into_string();
        let names: Vec<_> = (0..options.sessions).map(|at| format!("load-{run}-{at}")).collect();
        if let Some(address) = options.server {
            register(options, address, &names, progress).await?;
            return Ok(Self { address, pid: options.pid, names, own: None });
        }
        let folder = std::env::temp_dir().join(format!("adsum-load-{run}"));
        std::fs::create_dir_all(&folder)
            .map_err(|error| LoadError::new("no folder for the store", error))?;
        let file = folder.join("store.db");
        seed(options, &file, &names, progress)?;
        cores::leave_the_last();
        let (process, address) = start(&file, options.write_rest_ms)?;
        cores::take_the_last();
        let pid = Some(process.id());
        Ok(Self { address, pid, names, own: Some(OwnServer { process, folder }) })
    }

    /// Ends the server, if it is this run's own.
    pub(super) fn end(&mut self) {
        self.own = None;
    }
}

/// Puts accounts into a file that no server has open yet, at the lowest cost of a password.
fn seed(
    options: &Options,
    file: &Path,
    names: &[String],
    progress: &ProgressBar,
) -> Result<(), LoadError> {
    let failed = |error| LoadError::new("the store was not filled", error);
    let cost = Cost { memory_kib: 8, passes: 1 };
    let store = Sqlite::open(
        file,
        SqliteOptions { cost, max_relations: 1_000_000, ..SqliteOptions::default() },
    );
    let store = store.map_err(failed)?;
    let mut publisher = None;
    for (at, name) in names.iter().enumerate() {
        let node = store.register(name, PASSWORD, "").map_err(failed)?;
        let first: &String = publisher.get_or_insert_with(|| node.clone());
        if (1..=options.friends).contains(&at) {
            store.ask(first, &node, "").map_err(failed)?;
            store.ask(&node, first, "").map_err(failed)?;
        }
        progress.inc(1);
    }
    Ok(())
}

/// Makes accounts and friendships on a running server, as clients do.
async fn register(
    options: &Options,
    to: SocketAddr,
    names: &[String],
    progress: &ProgressBar,
) -> Result<(), LoadError> {
    let mut nodes = Vec::with_capacity(names.len());
    for name in names {
        nodes.push(client::register(to, name).await?);
        progress.inc(1);
    }
    let protocol = Protocol::Tim(options.form.form());
    let mut publisher = client::Client::login(to, protocol, &names[0]).await?;
    for at in 1..=options.friends {
        // The friend asks: one may say yes to more people than one may ask.
        let mut friend = client::Client::login(to, protocol, &names[at]).await?;
        friend.befriend(&nodes[0]).await?;
        publisher.befriend(&nodes[at]).await?;
        friend.close().await;
    }
    publisher.close().await;
    Ok(())
}

/// Starts this very program as a server on a free port.
fn start(file: &Path, write_rest_ms: u32) -> Result<(Child, SocketAddr), LoadError> {
    let failed = |error: &dyn std::fmt::Display| LoadError::new("no server was started", error);
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut process = Command::new(program)
        .args(["--client-listen", "127.0.0.1:0", "--log", "warn", "--connect-limit", "200000"])
        .args(["--seats-per-address", "200000"])
        // Nobody has to leave for those who log in: the connection would be closed meanwhile.
        .args(["--pending-limit", "200000", "--pending-per-address", "200000"])
        .args(["--publish-burst", "0", "--security-reqhzsecond", "0"])
        .args(["--queue-frames", "5000", "--queue-bytes", "4194304", "--ping-timeout", "3600"])
        .args(["--login-timeout", "3600"])
        .args(["--password-memory-kib", "8", "--password-passes", "1"])
        .args(["--write-rest-ms", &write_rest_ms.to_string()])
        .arg("--store-path")
        .arg(file)
        .stdout(Stdio::piped())
        // It warns of the cheap passwords, which are intended here.
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&error))?;
    let lines = process.stdout.take().map(|out| BufReader::new(out).lines());
    let address = lines
        .into_iter()
        .flatten()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("ws://")?.1.strip_suffix("/tim")?.parse().ok());
    match address {
        Some(address) => Ok((process, address)),
        None => {
            let _ = process.kill();
            let _ = process.wait();
            Err(failed(&"it did not say where it is"))
        }
    }
}
