//! The page about webhooks is true: the post on it is one of the server's, its signature and its
//! program are right, and the question is answered as it says.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::support::hook::{Mode, is_signed};
use super::{ask, hooked};

const PAGE: &str = include_str!("../../../docs/server.md");
/// What the post on the page is signed with.
const SECRET: &str = "an example of a secret";

/// What is in the one box of this kind.
fn in_box(kind: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n```{kind}\n")).unwrap();
    assert!(PAGE.contains(SECRET) && !rest.contains(&format!("\n```{kind}\n")));
    rest.split("\n```").next().unwrap()
}

/// The first line, the headers and the body of the post, whose lines go on with each other.
fn post() -> (&'static str, BTreeMap<&'static str, &'static str>, String) {
    let (head, body) = in_box("http").split_once("\n\n").unwrap();
    let (first, headers) = head.split_once('\n').unwrap();
    let headers = headers.lines().map(|line| line.split_once(": ").unwrap());
    (first, headers.collect(), body.replace("\n ", ""))
}

/// The same with names in place of ids, and without moments.
fn tidy(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if ["start", "since"].contains(&key.as_str()) {
                    assert!(value.as_u64().is_some_and(|time| time > 1_764_000_000_000));
                    *value = 0.into();
                }
                tidy(value, names);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| tidy(value, names)),
        Value::String(text) => {
            if let Some(name) = names.get(text) {
                *text = name.clone();
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn the_post_and_the_answer_on_the_page_are_the_servers() {
    let (hook, server) = hooked(&["--grace-error", "0"]).await;
    let [ann, bob] = ["ann", "bob"].map(|name| server.account(name));
    let at_bob = server.login("bob").await;
    hook.edge(1).await;
    hook.set(Mode::Refuses);
    let at_ann = server.login("ann").await;
    at_bob.break_off();
    server.until_metric("adsum_users_online", 1.0).await;
    hook.set(Mode::Takes);
    hook.edge(3).await;
    let names = BTreeMap::from([(ann.clone(), "ANN".to_owned()), (bob.clone(), "BOB".to_owned())]);
    let (first, headers, body) = post();
    assert_eq!(first, "POST /hook HTTP/1.1");
    {
        let state = hook.state();
        for name in headers.keys() {
            assert!(state.headers.contains_key(*name), "no {name}: {:?}", state.headers);
        }
        let ours = state.headers.keys().map(|name| name.as_str());
        let ours: Vec<_> = ours.filter(|name| name.starts_with("adsum-")).collect();
        assert_eq!(ours.len(), 2);
        assert!(ours.iter().all(|name| headers.contains_key(name)), "{ours:?}");
        let told = [body.as_bytes(), &state.body].map(|body| {
            let mut body = serde_json::from_slice(body).unwrap();
            tidy(&mut body, &names);
            body
        });
        assert_eq!(told[0], told[1]);
    }
    let (question, answer) = in_box("query").split_once('\n').unwrap();
    let question = question.replace("ANN", &ann).replace("BOB", &bob);
    let (status, mut said) = ask(&server, &serde_json::from_str(&question).unwrap()).await;
    let mut answer = serde_json::from_str(answer).unwrap();
    tidy(&mut said, &names);
    tidy(&mut answer, &names);
    assert_eq!((status, said), (200, answer));
    drop(at_ann);
}

#[test]
fn the_signature_on_the_page_is_right() {
    let (_, headers, body) = post();
    let (time, signature) = (headers["adsum-time"], headers["adsum-signature"]);
    assert!(is_signed(SECRET, time, body.as_bytes(), signature));
    assert!(!is_signed(SECRET, time, format!("{body} ").as_bytes(), signature));
}

/// What the program on the page is tried on: the post on the page, that it takes no other, and that
/// what is older changes nothing. Its clock is that of the post.
const TRIAL: &str = r#"
import json, sys
secret, head, body, answer = json.load(sys.stdin)
now = int(head["adsum-time"]) / 1000
time.time = lambda: now + 200
assert is_genuine(secret.encode(), head, body.encode())
assert not is_genuine(secret.encode(), head, body.encode() + b" ")
assert not is_genuine(b"another", head, body.encode())
time.time = lambda: now + 400
assert not is_genuine(secret.encode(), head, body.encode())
assert not take(json.loads(body))
states = lambda: {user: state for user, (_, state) in table.items()}
assert states() == {"ANN": "online", "BOB": "offline"}, table
old = {"number": 1, "user": "BOB", "state": "online"}
assert take({"start": json.loads(body)["start"], "missed": True, "edges": [old]})
assert states() == {"ANN": "online", "BOB": "offline"}, table
offline = [{"user": user, "online": False} for user in ("ANN", "BOB")]
assert reconcile({**json.loads(answer), "number": 1, "users": offline}) == ["ANN"]
assert states() == {"ANN": "online", "BOB": "offline"}, table
assert reconcile({**json.loads(answer), "number": 9, "users": offline[:1]}) == []
assert states() == {"ANN": "offline", "BOB": "offline"}, table
take({"start": json.loads(body)["start"] + 1, "missed": True, "edges": [old]})
assert states() == {"ANN": "offline", "BOB": "online"}, table
print("done")
"#;

#[test]
fn the_program_on_the_page_works() {
    let (_, headers, body) = post();
    let (_, answer) = in_box("query").split_once('\n').unwrap();
    let mut python = Command::new("python3")
        .args(["-c", &format!("{}{TRIAL}", in_box("python"))])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3, which the scripts of this repository need too");
    let given = serde_json::to_string(&(SECRET, headers, body, answer)).unwrap();
    python.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"done\n"[..]));
}
