//! What the server is deployed with is true: the Dockerfile and the systemd unit name files, flags
//! and settings that there are, and the container's health check says how the server is.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::program::{Program, run_to_end, run_to_end_in};

/// Some of what it is built of: of each kind one.
const NEEDED: [&str; 8] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "src/lib.rs",
    "crates/tim/Cargo.toml",
    "server/src/main.rs",
    "server/openapi.json",
    "server/web/index.html",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The instructions of the Dockerfile, each with what it says, on one line.
struct Dockerfile(Vec<(String, String)>);

impl Dockerfile {
    fn read() -> Self {
        let text = text("server/deploy/Dockerfile");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
        let split = |line: &str| {
            let (name, rest) = line.split_once(' ').unwrap();
            let words: Vec<_> = rest.split_whitespace().collect();
            (name.to_owned(), words.join(" "))
        };
        Self(joined.lines().filter(|line| !line.is_empty()).map(split).collect())
    }

    fn all(&self, name: &str) -> Vec<&str> {
        let of_name = self.0.iter().filter(|(found, _)| found == name);
        of_name.map(|(_, said)| said.as_str()).collect()
    }

    /// The last one of a name, which is the one that counts at the end.
    fn last(&self, name: &str) -> &str {
        self.all(name).last().unwrap()
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        let pairs = self.all("ENV").into_iter().flat_map(|said| said.split(' '));
        pairs.map(|pair| pair.split_once('=').unwrap()).collect()
    }
}

/// The name of the program that Cargo builds.
fn program_name() -> &'static str {
    let path = Path::new(env!("CARGO_BIN_EXE_adsum-server"));
    path.file_name().unwrap().to_str().unwrap()
}

/// It is built by the repository's own Rust, of files that are there, and runs on the Debian that
/// it was built on.
#[test]
fn the_container_is_built_from_what_there_is() {
    let file = Dockerfile::read();
    let toolchain = text("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap();
    let builder = format!("rust:{}-bookworm AS build", channel.trim_matches('"'));
    assert_eq!(file.all("FROM"), [&builder, "debian:bookworm-slim"]);
    let build = format!("cargo build --release --locked -p {}", env!("CARGO_PKG_NAME"));
    assert!(file.all("RUN").contains(&build.as_str()), "{:?}", file.all("RUN"));
    let (name, workdirs) = (program_name(), file.all("WORKDIR"));
    let built = format!("{}/target/release/{name}", workdirs[0]);
    let copy = format!("--from=build {built} /usr/local/bin/{name}");
    assert_eq!(file.all("COPY"), [". .", &copy]);
    assert_eq!(file.last("ENTRYPOINT"), format!("[{name:?}]"));
    // What is left out is not what is built.
    let ignored = text(".dockerignore");
    for path in NEEDED {
        assert!(root().join(path).exists(), "{path}");
        for pattern in ignored.lines().filter(|line| !line.starts_with('#')) {
            let name = pattern.trim_start_matches("**/").trim_end_matches('*');
            assert!(!path.split('/').any(|part| part.starts_with(name)), "{pattern}: {path}");
        }
    }
}

/// Where it listens is what is published, and what it keeps is in the volume.
#[test]
fn the_containers_settings_are_the_servers() {
    let file = Dockerfile::read();
    let said = run_to_end(&["check-config"], &file.environment());
    assert_eq!(said.code, Some(0), "{}", said.err);
    let port = file.last("EXPOSE");
    for (key, value, name) in [
        ("client_listen", format!("0.0.0.0:{port}"), "ADSUM_CLIENT_LISTEN"),
        ("admin_listen", "127.0.0.1:20004".to_owned(), "ADSUM_ADMIN_LISTEN"),
        ("store_path", "adsum-server.db".to_owned(), "default"),
    ] {
        let line = said.out.lines().find(|line| line.split(' ').next() == Some(key));
        let line = line.unwrap_or_else(|| panic!("no {key}: {}", said.out));
        assert!(line.contains(&value) && line.contains(name), "{line}");
    }
    let (folder, user) = (file.last("VOLUME"), file.last("USER"));
    assert_eq!(file.last("WORKDIR"), folder);
    let made = format!(
        "useradd --system --user-group {user} && install -d -o {user} -g {user} -m 0700 {folder}"
    );
    assert!(file.all("RUN").contains(&made.as_str()), "{:?}", file.all("RUN"));
    // And so it is said at the top.
    let run = format!("docker run -p 127.0.0.1:{port}:{port} -v adsum:{folder} adsum-server");
    assert!(text("server/deploy/Dockerfile").contains(&run), "{run}");
}

/// The container's own check is passed while the server is well, and not where its store cannot be
/// written or nobody listens.
#[test]
fn the_containers_health_check_tells_the_truth() {
    let file = Dockerfile::read();
    let (_, command) = file.last("HEALTHCHECK").split_once(" CMD ").unwrap();
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    let in_container = "127.0.0.1/20004";
    assert!(command[2].contains(in_container), "{command:?}");
    let mut program = Program::start(&["--admin-listen", "127.0.0.1:0"]);
    let here = format!("127.0.0.1/{}", program.admin_address.unwrap().port());
    let command: Vec<_> = command.iter().map(|word| word.replace(in_container, &here)).collect();
    let is_well = || {
        let done = Command::new(&command[0]).args(&command[1..]).output().unwrap();
        (done.status.success(), String::from_utf8(done.stderr).unwrap())
    };
    assert_eq!(is_well(), (true, String::new()));
    let sql = program.sql();
    sql.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(is_well(), (false, String::new()));
    sql.execute_batch("ROLLBACK").unwrap();
    assert_eq!(is_well(), (true, String::new()));
    program.signal("-TERM");
    assert_eq!(program.end(), Some(0));
    assert!(!is_well().0);
}

/// The unit's flags are the server's, its folders go together, and the settings on the page for
/// operators are such as it takes.
#[test]
fn the_unit_starts_the_server() {
    let unit = text("server/deploy/adsum-server.service");
    let value = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key}"))
    };
    let mut words = value("ExecStart").split(' ');
    assert_eq!(words.next(), Some(format!("/usr/local/bin/{}", program_name()).as_str()));
    let flags: Vec<_> = words.collect();
    assert_eq!(flags, ["--config", "/etc/adsum-server.json"]);
    let folder = tempfile::tempdir().unwrap();
    let page = text("docs/server.md");
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (settings, _) = rest.split_once("```").unwrap();
    std::fs::write(folder.path().join("settings"), settings).unwrap();
    let said = run_to_end_in(folder.path(), &["check-config", flags[0], "settings"], &[]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    let state = value("StateDirectory");
    assert_eq!(value("WorkingDirectory"), format!("/var/lib/{state}"));
    assert!(page.contains(&format!("`/var/lib/{state}`")));
    // It may take its time to stop.
    let seconds: u64 = value("TimeoutStopSec").parse().unwrap();
    let most = adsum_server::config::Network::default().drain_timeout_ms / 1_000;
    assert!(seconds > most + 5, "{seconds} s");
    assert_eq!(value("Restart"), "on-failure");
}
