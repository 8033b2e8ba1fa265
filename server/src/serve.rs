//! Runs the server, or the load generator, from its start to its end.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use adsum_server::config::{Config, Level};
use adsum_server::host::{Host, Tuning};
use adsum_server::load;
use adsum_server::store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

/// How long the store has to end well.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the server until it is told to stop.
pub(crate) fn serve(config: Config) -> ExitCode {
    log_to_stderr(config.services.log);
    let store = match config.accounts.open_store() {
        Ok(store) => store,
        Err(error) => {
            eprintln!("adsum-server: {error}");
            return ExitCode::FAILURE;
        }
    };
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
    let code = runtime.block_on(run(config, store));
    // Nobody waits any more for a password that is still being hashed.
    runtime.shutdown_background();
    code
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

async fn run(config: Config, store: Arc<dyn Store>) -> ExitCode {
    // Before the server says that it is ready: from then on it hears whoever stops it.
    let signals = signal(SignalKind::terminate())
        .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
    let (mut terminate, mut interrupt) = match signals {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("adsum-server: no signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let page = config.services.web_page;
    let host = match Host::start(config, store.clone(), Tuning::default()) {
        Ok(host) => host,
        Err(error) => {
            eprintln!("adsum-server: {error}");
            return ExitCode::FAILURE;
        }
    };
    announce(&host, page);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
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
    ExitCode::SUCCESS
}

/// Prints the server's addresses. Whoever reads them may have gone, which is no reason to stop.
fn announce(host: &Host, page: bool) {
    let mut out = std::io::stdout().lock();
    let address = host.address();
    let _ = writeln!(out, "adsum-server: clients connect to ws://{address}/tim");
    if page {
        let _ = writeln!(out, "adsum-server: the web page is at http://{address}/");
    }
    if let Some(address) = host.admin_address() {
        let _ = writeln!(out, "adsum-server: metrics and administration at http://{address}/");
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
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // If a log has been set up already, that one stays.
    let _ = log.try_init();
}
