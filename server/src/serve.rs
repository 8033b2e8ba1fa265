//! The server from its start to its end.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use adsum_server::config::{Config, Level, StoreKind};
use adsum_server::host::{Host, Tuning};
use adsum_server::load;
use adsum_server::store::{
    Cost, Jwt, JwtKey, JwtOptions, Sqlite, SqliteOptions, Store, StoreError,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

/// Runs the server until it is told to stop.
pub(crate) fn serve(config: Config) -> ExitCode {
    log_to_stderr(config.services.log);
    let store = match open_store(&config) {
        Ok(store) => store,
        Err(error) => {
            eprintln!("adsum-server: {error}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("adsum-server: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(config, store));
    // A password that is being hashed is nobody's any more.
    runtime.shutdown_background();
    code
}

/// Puts a server under load.
pub(crate) fn load(options: load::Options) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
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
    // Before anything is said to be ready: whoever stops it from then on is heard.
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
    let host = match Host::start(config, store, Tuning::default()) {
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
    ExitCode::SUCCESS
}

/// Says where it is to be found. Whoever reads this may have gone, which is no reason to stop.
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
    // Somebody has set one up already: then theirs it is.
    let _ = log.try_init();
}

fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let accounts = &config.accounts;
    match accounts.store {
        StoreKind::Sqlite => {
            let cost =
                Cost { memory_kib: accounts.password_memory_kib, passes: accounts.password_passes };
            let options = SqliteOptions { cost, max_relations: accounts.max_relations };
            Ok(Arc::new(Sqlite::open(&accounts.store_path, options)?))
        }
        StoreKind::Jwt => {
            let key = match (&accounts.jwt_secret, &accounts.jwt_public_key) {
                (Some(secret), _) => JwtKey::Secret(secret.0.clone().into_bytes()),
                (None, Some(path)) => {
                    let pem = std::fs::read(path);
                    JwtKey::PublicPem(pem.map_err(|error| StoreError::Failed(error.into()))?)
                }
                (None, None) => return Err(StoreError::Invalid("key for tokens: there is none")),
            };
            Ok(Arc::new(Jwt::new(JwtOptions {
                key,
                issuer: accounts.jwt_issuer.clone(),
                audience: accounts.jwt_audience.clone(),
                leeway: accounts.jwt_leeway_s,
                max_relations: accounts.max_relations,
            })?))
        }
    }
}
