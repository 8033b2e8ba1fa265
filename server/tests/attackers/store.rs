//! What can be done to the store, and what is left in it.

use std::path::Path;
use std::time::{Duration, Instant};

use adsum_tim::{Form, Kind, rtype};

use crate::support::program::{Program, run_to_end_in};
use crate::support::{self, Client, Server, TOKEN, Told, auth};

/// While another process has locked the file, for far longer than anybody here waits, all that only
/// reads goes on: logins, rosters, names, and whoever asks by name.
#[tokio::test]
async fn a7_readers_do_not_wait_for_writers() {
    let server = Server::run(&[]);
    let [ann, bob, cyd] = server.friends(["ann", "bob", "cyd"]);
    let mut at_ann = server.login("ann").await;
    let sql = server.program().sql();
    sql.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let started = Instant::now();
    // More than there are connections to read with want to write, and wait.
    let mut writers = Vec::new();
    for _ in 0..8 {
        let mut writer = server.login("bob").await;
        writer.ask(rtype::REMOVE_ROSTER, Some(&cyd)).await;
        writers.push(writer);
    }
    let new = auth("dan").to_request(Form::Json, Kind::REGISTER);
    let registering = tokio::spawn({
        let to = server.address();
        async move { support::request(to, "POST /tim2 HTTP/1.1\r\n", &new).await }
    });
    at_ann.ask(rtype::ROSTER, None).await;
    let Told::Nodes(told) = at_ann.next().await else { panic!("no roster") };
    assert_eq!(told.nodelist.unwrap().len(), 2);
    let mut client = Client::connect(server.address(), Form::Json).await;
    assert!(client.authenticate(&auth("ann")).await.ok);
    at_ann.say("here").await;
    at_ann.until_pong().await;
    assert_eq!(server.store.relations(&ann).unwrap().friends.len(), 2);
    // One who waits to write does so for five seconds, and nothing above took part in it.
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(!registering.is_finished());
    sql.execute_batch("ROLLBACK").unwrap();
    assert!(registering.await.unwrap().1.contains(r#""ok":true"#));
    for writer in &mut writers {
        writer.until_pong().await;
    }
    assert_eq!(server.store.relations(&bob).unwrap().friends, [ann]);
}

/// Health says no, and soon, when the file cannot be written or is there no longer.
#[tokio::test]
async fn a7_health_tells_the_truth_about_the_store() {
    let program = Program::start(&["--admin-token", TOKEN]);
    let head = format!("GET /healthz HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    let health = async || {
        let started = Instant::now();
        let (status, _) = support::request(program.address, &head, b"").await;
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        status
    };
    assert_eq!(health().await, 200);
    let sql = program.sql();
    sql.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Even while others wait to write.
    let new = auth("dan").to_request(Form::Json, Kind::REGISTER);
    let to = program.address;
    let registering =
        tokio::spawn(async move { support::request(to, "POST /tim2 HTTP/1.1\r\n", &new).await });
    assert_eq!(health().await, 503);
    sql.execute_batch("ROLLBACK").unwrap();
    registering.await.unwrap();
    assert_eq!(health().await, 200);
    drop(sql);
    let aside = program.folder().join("aside");
    std::fs::rename(program.file(), &aside).unwrap();
    assert_eq!(health().await, 503, "the file is gone");
    std::fs::copy(&aside, program.file()).unwrap();
    assert_eq!(health().await, 503, "another file is there");
    std::fs::rename(&aside, program.file()).unwrap();
    assert_eq!(health().await, 200);
}

const WORDS: &str = "MARKER of what was said with a request";

/// Returns whether the words are in any file of the store.
fn words_are_written(folder: &Path) -> bool {
    let marker = &WORDS.as_bytes()[..6];
    std::fs::read_dir(folder).unwrap().any(|file| {
        let path = file.unwrap().path();
        path.to_str().unwrap().contains("adsum-server.db")
            && std::fs::read(path).unwrap().windows(6).any(|part| part == marker)
    })
}

async fn until_erased(folder: &Path) {
    let started = Instant::now();
    while words_are_written(folder) {
        assert!(started.elapsed() < support::PATIENCE, "the words stay");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The words of a request are in no file soon after it was answered, in whatever way, while the
/// server runs on.
#[tokio::test]
async fn a8_the_words_of_an_answered_request_are_erased_at_once() {
    let server = Server::run(&[]);
    let [bob, cyd] = ["bob", "cyd"].map(|name| server.account(name));
    let mut at_bob = server.login("bob").await;
    let folder = server.program().folder().to_owned();
    for answer in [rtype::ADD_ROSTER, rtype::REMOVE_ROSTER, rtype::BLOCK_ROSTER] {
        let ann = server.account(&format!("ann{answer}"));
        server.store.ask(&ann, &bob, &WORDS.repeat(20)).unwrap();
        assert!(words_are_written(&folder), "they are there as long as the request waits");
        at_bob.ask(answer, Some(&ann)).await;
        until_erased(&folder).await;
    }
    // Or withdrawn.
    server.store.ask(&bob, &cyd, WORDS).unwrap();
    assert!(words_are_written(&folder));
    at_bob.ask(rtype::REMOVE_ROSTER, Some(&cyd)).await;
    until_erased(&folder).await;
}

/// A server that was killed before it could erase them leaves them to the next one.
#[tokio::test]
async fn a8_the_next_start_erases_what_a_killed_server_left() {
    let server = Server::run(&[]);
    let [ann, bob] = ["ann", "bob"].map(|name| server.account(name));
    server.store.ask(&ann, &bob, WORDS).unwrap();
    // A reader, in another process, is in the way of erasing them.
    let reader = server.program().sql();
    reader.execute_batch("BEGIN; SELECT count(*) FROM relations").unwrap();
    let mut at_bob = server.login("bob").await;
    at_bob.ask(rtype::ADD_ROSTER, Some(&ann)).await;
    at_bob.until_pong().await;
    let folder = server.into_program().kill();
    assert!(words_are_written(folder.path()));
    drop(reader);
    let program = Program::start_in(folder, &[]);
    assert!(!words_are_written(program.folder()));
}

/// A folder that is not there is not made: it is a slip, or a disk that was not mounted.
#[test]
fn a_missing_folder_is_an_error_and_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let said = run_to_end_in(folder.path(), &["--store-path", "no-such-folder/x.db"], &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("no-such-folder/x.db"), "{}", said.err);
    assert!(said.err.contains("there is no such folder"), "{}", said.err);
    assert!(!folder.path().join("no-such-folder").exists());
}
