//! What people may be called.

use std::net::SocketAddr;

use adsum_tim::{Form, Kind, TimAuth};

use crate::support::program::Program;
use crate::support::{self, auth};

/// Asks for an account by HTTP; its id, or the code of the refusal.
async fn register(to: SocketAddr, name: &str, domain: Option<&str>) -> Result<String, i64> {
    let auth = TimAuth { domain: domain.map(str::to_owned), ..auth(name) };
    let body = auth.to_request(Form::Json, Kind::REGISTER);
    let (status, answer) = support::request(to, "POST /tim2 HTTP/1.1\r\n", &body).await;
    assert_eq!(status, 200);
    let ack: serde_json::Value = serde_json::from_str(&answer[1..]).unwrap();
    match ack["error"]["code"].as_i64() {
        Some(code) => Err(code),
        None => Ok(ack["n"].as_str().expect("an id").to_owned()),
    }
}

const TAKEN: i64 = 4101;
const PARAMETER: i64 = 4104;

/// Nobody gets a name that looks like another's, or reorders the line that it stands in.
#[tokio::test]
async fn s13_a_name_shows_all_that_it_is_made_of() {
    let program = Program::start(&[]);
    let to = program.address;
    register(to, "alice", None).await.unwrap();
    for name in [
        "alice ",
        " alice",
        "alice\u{a0}",
        "al\u{200b}ice",
        "al\u{200d}ice",
        "al\nice",
        "al\0ice",
        "al\u{1b}[2Kice",
        "\u{202e}ecila",
        "al\u{2067}ice",
        "\u{feff}alice",
        "alice\u{2800}",
        "alice\u{ffff}",
    ] {
        assert_eq!(register(to, name, None).await, Err(PARAMETER), "{name:?}");
        assert_eq!(register(to, "alice", Some(name)).await, Err(PARAMETER), "{name:?}");
    }
    for name in ["Zoë van 't Hoff", "李小龙", "محمد", "😄"] {
        register(to, name, None).await.unwrap();
    }
}

/// A name that differs only in case is taken, unless a setting says otherwise; so it is after a
/// restart with the setting changed.
#[tokio::test]
async fn s13_a_name_differs_in_more_than_case() {
    let program = Program::start(&[]);
    register(program.address, "Straße", None).await.unwrap();
    for name in ["straße", "STRASSE", "Strasse"] {
        assert_eq!(register(program.address, name, None).await, Err(TAKEN), "{name}");
    }
    register(program.address, "straße", Some("elsewhere")).await.unwrap();
    let program = Program::start_in(program.kill(), &["--names-fold-case=false"]);
    register(program.address, "STRASSE", None).await.unwrap();
    assert_eq!(register(program.address, "STRASSE", None).await, Err(TAKEN));
    let program = Program::start_in(program.kill(), &[]);
    assert_eq!(register(program.address, "strasse", None).await, Err(TAKEN));
}

/// A name that looks the same though it is written otherwise is taken, too: an accent by itself,
/// letters of another width, more than one space.
#[tokio::test]
async fn s13_a_name_differs_in_what_is_seen() {
    let program = Program::start(&[]);
    for name in ["Ren\u{e9} Roy", "\u{d55c}\u{ad6d}"] {
        register(program.address, name, None).await.unwrap();
    }
    for name in [
        "Rene\u{301} Roy",
        "RENE\u{301} ROY",
        "Ren\u{e9}  Roy",
        "Ren\u{e9}\u{2003}Roy",
        "\u{ff32}en\u{e9} Roy",
        "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}",
    ] {
        assert_eq!(register(program.address, name, None).await, Err(TAKEN), "{name:?}");
    }
    register(program.address, "Rene Roy", None).await.unwrap();
    // So it is in a file of a version that knew of case only.
    let before = "UPDATE accounts SET folded = name; PRAGMA user_version = 3";
    program.sql().execute_batch(before).unwrap();
    let program = Program::start_in(program.kill(), &[]);
    assert_eq!(register(program.address, "REN\u{c9} ROY", None).await, Err(TAKEN));
}

/// A file of before is brought up to date: who is in it is known by whatever case.
#[tokio::test]
async fn s13_accounts_of_before_count_too() {
    let program = Program::start(&[]);
    register(program.address, "Alice", None).await.unwrap();
    let before = "DROP INDEX accounts_folded; ALTER TABLE accounts DROP COLUMN folded; \
                  DROP TABLE used_tokens; PRAGMA user_version = 1";
    program.sql().execute_batch(before).unwrap();
    let program = Program::start_in(program.kill(), &[]);
    assert_eq!(register(program.address, "ALICE", None).await, Err(TAKEN));
    let mut alice = support::Client::connect(program.address, Form::Json).await;
    assert!(alice.authenticate(&auth("Alice")).await.ok);
}
