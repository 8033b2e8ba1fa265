//! How long strangers can keep others from logging in.

use std::time::Duration;

use adsum_tim::{Form, Kind, Secret, TimAuth};
use futures_util::future::join_all;

use crate::support::program::Program;
use crate::support::{Client, Server, auth};

const STRANGERS: usize = 300;
const WAITING: &str = "adsum_passwords_waiting";

fn wrong(name: &str) -> TimAuth {
    TimAuth { pwd: Some(Secret::from("wrong")), ..auth(name) }
}

/// A server whose hashes take some ten milliseconds each.
fn dear() -> Server {
    let server = Server::of_program(Program::start_with_cost(8_192, 2));
    for name in ["ann", "bob"] {
        server.account(name);
    }
    server
}

/// That many connections from one address, each of which has sent a wrong password for an account
/// of its own, or all for one.
async fn flood(server: &Server, from: u8, one_account: Option<&str>) -> Vec<Client> {
    let mut strangers =
        join_all((0..STRANGERS).map(|_| Client::connect_from(from, server.address(), Form::Json)))
            .await;
    for (at, stranger) in strangers.iter_mut().enumerate() {
        let name = one_account.map_or_else(|| format!("stranger{at}"), str::to_owned);
        stranger.send(wrong(&name).to_request(Form::Json, Kind::AUTH)).await;
    }
    strangers
}

async fn logs_in_from(server: &Server, from: u8, name: &str) {
    let mut client = Client::connect_from(from, server.address(), Form::Json).await;
    let ack = client.authenticate(&auth(name)).await;
    assert!(ack.ok, "{name} from {from}: {ack:?}");
}

/// Whoever comes from another address has the next turn but one, though hundreds wait.
#[tokio::test]
async fn a2_a_flood_from_one_address_holds_up_no_other() {
    let server = dear();
    let strangers = flood(&server, 2, None).await;
    while server.metric(WAITING).await < 100.0 {
        tokio::task::yield_now().await;
    }
    let before = server.metric(WAITING).await;
    logs_in_from(&server, 3, "ann").await;
    let after = server.metric(WAITING).await;
    assert!(before - after < 40.0 && after > 0.0, "{before} waited, then {after}");
    drop(strangers);
}

/// Nor does it hold up somebody at the same address who has logged in from there before.
#[tokio::test]
async fn a2_a_flood_holds_up_nobody_who_is_known_there() {
    let server = dear();
    logs_in_from(&server, 2, "ann").await;
    let strangers = flood(&server, 2, None).await;
    while server.metric(WAITING).await < 100.0 {
        tokio::task::yield_now().await;
    }
    let before = server.metric(WAITING).await;
    logs_in_from(&server, 2, "ann").await;
    let after = server.metric(WAITING).await;
    assert!(before - after < 40.0 && after > 0.0, "{before} waited, then {after}");
    drop(strangers);
}

/// A flood for one account from one address is cut off, so that neither others at that address nor
/// the account's owner elsewhere wait for it; and whoever asks for tokens keeps no login waiting.
#[tokio::test]
async fn a2_guessing_at_one_account_is_cut_off() {
    let server = dear();
    let mut strangers = flood(&server, 2, Some("ann")).await;
    logs_in_from(&server, 3, "ann").await;
    logs_in_from(&server, 2, "bob").await;
    let answers = join_all(strangers.iter_mut().map(Client::refusal)).await;
    let tried = answers.iter().filter(|(_, code)| *code == 4_105).count();
    let refused = answers.iter().filter(|(_, code)| *code == 5_105).count();
    assert_eq!(tried + refused, STRANGERS, "{answers:?}");
    // Ten, those that were being hashed, and some that the passing of time allows.
    assert!((10..20).contains(&tried), "{tried} were tried");
    // The right one from there has to wait as well, and is told so.
    let mut client = Client::connect_from(2, server.address(), Form::Json).await;
    let mut ack = client.authenticate(&auth("ann")).await;
    assert_eq!(ack.error.as_ref().and_then(|error| error.code), Some(5_105), "{ack:?}");
    while !ack.ok {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ack = client.authenticate(&auth("ann")).await;
    }
}
