//! A NATS server of the tests' own, on a port of loopback.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::support::PATIENCE;

/// Where Debian's package has it.
const PLACES: [&str; 3] = ["nats-server", "/usr/sbin/nats-server", "/usr/bin/nats-server"];

/// It runs until this is dropped.
pub(crate) struct Nats {
    process: Option<Child>,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Nats {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// The same with more in its configuration.
    pub(crate) async fn start_with(more: &str) -> Self {
        // Free a moment ago, and the same after a restart.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        // As much as a message of the tests that is too large has.
        let config = format!("listen: \"{port}\"\nmax_payload: 16777216\n{more}\n");
        std::fs::write(folder.path().join("nats.conf"), config).unwrap();
        let mut nats = Self { process: None, address: port, folder };
        nats.resume().await;
        nats
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts it where it was, and waits until it answers.
    pub(crate) async fn resume(&mut self) {
        let config = self.folder.path().join("nats.conf");
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let given = std::env::var("ADSUM_NATS_SERVER").ok();
        let places = given.as_deref().into_iter().chain(PLACES);
        let started = places.filter_map(|place| {
            let mut command = Command::new(place);
            command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(log.try_clone().unwrap());
            command.spawn().ok()
        });
        let process = { started }.next();
        self.process = Some(process.expect("nats-server, which scripts/test installs"));
        let answers = async {
            loop {
                if let Ok(mut stream) = TcpStream::connect(self.address).await {
                    let mut first = [0; 4];
                    if stream.read_exact(&mut first).await.is_ok() && &first == b"INFO" {
                        return;
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.expect("nats-server answers");
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
