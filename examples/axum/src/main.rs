//! `cargo run -p adsum-axum-example -- 127.0.0.1:4000`, and a WebSocket client on
//! `ws://127.0.0.1:4000/`. Interrupt it to see it shut down.

use adsum::Config;
use adsum_axum_example::serve;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, Config::default(), interrupted).await
}
