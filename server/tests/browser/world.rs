//! A server of its own and real browsers for one test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

use crate::page::Page;
use crate::process::Process;

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
const ADVICE: &str = "The tests of the web page need Debian's packages chromium and \
                      chromium-driver (scripts/test installs them)";

/// One test at a time: several browsers at once are so slow that nothing shows within a second.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) struct World {
    server: Mutex<Option<Process>>,
    server_port: u16,
    flags: &'static [&'static str],
    _driver: Process,
    driver_port: u16,
    sessions: Mutex<Vec<String>>,
    // After all of them, so that nobody writes there any more when it goes.
    directory: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_flags(&[])
    }

    /// With a server that was started with some more flags.
    pub(crate) fn with_flags(flags: &'static [&'static str]) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        for program in [CHROMIUM, CHROMEDRIVER] {
            assert!(Path::new(program).exists(), "{program} is missing. {ADVICE}");
        }
        let mut driver = Process::start(
            Command::new(CHROMEDRIVER).args(["--port=0", "--log-level=WARNING"]),
            ADVICE,
        );
        let driver_port = driver.number_after("successfully on port ");
        let directory = TempDir::new().unwrap();
        let (server, server_port) = start_server(directory.path(), 0, flags);
        Self {
            server: Mutex::new(Some(server)),
            server_port,
            flags,
            _driver: driver,
            driver_port,
            sessions: Mutex::default(),
            directory,
            _turn: turn,
        }
    }

    /// A browser of its own with the page in it.
    pub(crate) async fn page(&self) -> Page {
        let profile =
            self.directory.path().join(format!("profile-{}", self.sessions.lock().unwrap().len()));
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "binary": CHROMIUM,
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                    "--no-first-run", "--disable-background-networking",
                    "--disable-component-update", "--disable-sync",
                    "--disable-dev-shm-usage", "--no-proxy-server", "--window-size=1280,900",
                    format!("--user-data-dir={}", profile.display()),
                ],
            },
        });
        let serde_json::Value::Object(capabilities) = capabilities else { unreachable!() };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.driver_port))
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}. {ADVICE}"));
        let session = client.session_id().await.unwrap().unwrap();
        self.sessions.lock().unwrap().push(session);
        let page = Page::new(client, format!("http://127.0.0.1:{}/", self.server_port));
        page.open().await;
        page
    }

    pub(crate) fn stop_server(&self) {
        self.server.lock().unwrap().take().unwrap().stop();
    }

    /// The same server again: the same port, the same files.
    pub(crate) fn start_server(&self) {
        let (server, _) = start_server(self.directory.path(), self.server_port, self.flags);
        *self.server.lock().unwrap() = Some(server);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A driver that is killed leaves its browsers behind, so each is closed first, even when
        // the test has failed.
        for session in self.sessions.lock().unwrap().drain(..) {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.driver_port)) else {
                return;
            };
            let request = format!(
                "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = stream.write_all(request.as_bytes());
            // The driver answers when the browser is gone, and may leave the connection open.
            let _ = stream.read(&mut [0; 64]);
        }
    }
}

fn start_server(directory: &Path, port: u16, flags: &[&str]) -> (Process, u16) {
    let mut server = Process::start(
        Command::new(env!("CARGO_BIN_EXE_adsum-server"))
            .args(["--client-listen", &format!("127.0.0.1:{port}")])
            // Passwords that protect nothing: an unoptimised build hashes slowly.
            .args(["--password-memory-kib", "64", "--password-passes", "1"])
            .arg("--store-path")
            .arg(directory.join("accounts.sqlite"))
            .args(flags)
            .current_dir(directory),
        "It is built by this very test",
    );
    let port = server.number_after("http://127.0.0.1:");
    (server, port)
}
