//! Runs the server, or the load generator, from its start to its end.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use adsum_server::config::{Config, Level, Loaded, StoreKind};
use adsum_server::host::{Host, Tuning};
use adsum_server::load;
use adsum_server::store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::level_filters::LevelFilter;

/// How long the store has to end well.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the server, with what is read there, until it is told to stop.
pub(crate) fn serve(read: impl FnOnce() -> Option<Loaded> + Send + 'static) -> ExitCode {
    // The engine and the writer have threads of their own; and each more to be woken costs time.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.div_ceil(2))
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("adsum-server: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(start_and_run(read));
    // Nobody waits any more for a password that is still being hashed.
    runtime.shutdown_background();
    code
}

async fn start_and_run(read: impl FnOnce() -> Option<Loaded> + Send + 'static) -> ExitCode {
    // First of all: whoever stops it is heard from here on, however long it takes to start.
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("adsum-server: no signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let prepared = tokio::task::spawn_blocking(|| prepare(read));
    tokio::select! {
        prepared = prepared => match prepared {
            Ok(Ok(prepared)) => run(prepared, signals).await,
            Ok(Err(code)) => code,
            // It has said so itself.
            Err(_) => ExitCode::FAILURE,
        },
        // Nothing is left half done: the store is as it would be after a power cut.
        () = signals.stop() => {
            eprintln!("adsum-server: stopped before it had started");
            ExitCode::SUCCESS
        }
    }
}

/// What stops the server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What the server starts with.
struct Prepared {
    config: Config,
    store: Arc<dyn Store>,
    loaded: Loaded,
}

/// Reads the settings, and opens the files that they name. This may take its time.
fn prepare(read: impl FnOnce() -> Option<Loaded>) -> Result<Prepared, ExitCode> {
    let loaded = read().ok_or_else(|| ExitCode::from(2))?;
    for warning in &loaded.warnings {
        eprintln!("adsum-server: warning: {warning}");
    }
    let mut config = loaded.config.clone();
    log_to_stderr(config.services.log);
    if let Some(told) = crate::open_files::make_room(&mut config.network) {
        tracing::info!("{told}");
    }
    // The key after the store, which keeps other servers out.
    let opened = config.open_store();
    let opened = opened.and_then(|store| {
        // What a demonstration signs is good for as long as that lasts.
        let token_key =
            if config.services.demo { None } else { config.accounts.load_token_key()? };
        Ok((store, token_key, config.webhooks.load_secret()?))
    });
    let (store, token_key, webhook_secret) =
        opened.map_err(|error| failed(&error, error.key(), &loaded))?;
    config.accounts.token_key = token_key;
    config.webhooks.secret = webhook_secret;
    Ok(Prepared { config, store, loaded })
}

/// Says why the server does not start and, if it is for a setting, where that comes from.
fn failed(error: &dyn std::fmt::Display, key: Option<&str>, loaded: &Loaded) -> ExitCode {
    match key.and_then(|key| loaded.origin(key)) {
        Some(origin) => eprintln!("adsum-server: {error} ({origin})"),
        None => eprintln!("adsum-server: {error}"),
    }
    ExitCode::FAILURE
}

/// Puts a server under load.
pub(crate) fn load(options: load::Options) -> ExitCode {
    // One thread reads for all, so that the others are the server's.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("adsum-server: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(load::run(options));
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("adsum-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(prepared: Prepared, mut signals: Signals) -> ExitCode {
    let Prepared { config, store, loaded } = prepared;
    let host = match Host::start(config, store.clone(), Tuning::default()) {
        Ok(host) => host,
        Err(error) => return failed(&error, error.key(), &loaded),
    };
    announce(&host, &loaded.config);
    let mut code = ExitCode::SUCCESS;
    tokio::select! {
        () = signals.stop() => {}
        why = host.failed() => {
            eprintln!("adsum-server: {why}");
            code = ExitCode::FAILURE;
        }
    }
    tracing::info!("stopping");
    host.stop().await;
    // Here, because nobody waits for those who may still hold the store.
    let closed = tokio::task::spawn_blocking(move || store.close());
    match tokio::time::timeout(CLOSE_TIMEOUT, closed).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "the store was not closed well"),
        Ok(Err(_)) | Err(_) => tracing::warn!("the store was not closed in time"),
    }
    code
}

/// Prints what runs here, where, on which file, and how it ends. Whoever reads it may have gone,
/// which is no reason to stop.
fn announce(host: &Host, config: &Config) {
    let (address, version) = (host.address(), env!("CARGO_PKG_VERSION"));
    let mut lines = vec![format!(" {version}: clients connect to ws://{address}/tim")];
    lines.push(format!(": clients of adsum.v1 connect to ws://{address}/v1"));
    if config.services.web_page {
        lines.push(format!(": the web page is at http://{address}/"));
    }
    let services = &config.services;
    if let Some(address) = host.admin_address() {
        lines.push(format!(": health is at http://{address}/healthz"));
        if services.metrics {
            lines.push(format!(": metrics are at http://{address}/metrics"));
        }
    }
    if services.web_page && services.admin_token.is_some() {
        let address = host.admin_address().unwrap_or(address);
        lines.push(format!(": the administrator's page is at http://{address}/admin"));
    }
    lines.push(match config.accounts.store {
        _ if config.services.demo => {
            ": a demonstration, of which nothing is kept; come in at the web page".to_owned()
        }
        StoreKind::Sqlite => {
            let path = &config.accounts.store_path;
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            format!(": accounts and rosters are in {}", path.display())
        }
        StoreKind::Jwt => ": accounts and rosters are another service's, by its tokens".to_owned(),
    });
    lines.push(": Ctrl-C or SIGTERM stops it".to_owned());
    let mut out = std::io::stdout().lock();
    for line in lines {
        let _ = writeln!(out, "adsum-server{line}");
    }
    let _ = out.flush();
}

fn log_to_stderr(level: Level) {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    // Colours only for somebody who sees them, and does not mind (see no-color.org).
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt()
        .with_ansi(colours)
        .with_max_level(level)
        .with_writer(std::io::stderr);
    // If a log has been set up already, that one stays.
    let _ = log.try_init();
}
