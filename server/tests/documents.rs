//! The pages about the server are true: what they say is what the server has and does.

mod support;

use std::path::{Path, PathBuf};

use adsum_tim::Form;
use support::{Client, Server, TOKEN, auth, request};

fn page(name: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

const START: &str = "<!-- keys -->\n";
const END: &str = "<!-- end of keys -->\n";

/// Every key is on the page as the table has it. `ADSUM_WRITE_DOCS=1` writes it there.
#[test]
fn every_key_is_on_the_page() {
    let (path, text) = page("server.md");
    let (before, rest) = text.split_once(START).unwrap();
    let (keys, after) = rest.split_once(END).unwrap();
    let wanted = format!("\n{}\n", adsum_server::config::reference());
    if std::env::var_os("ADSUM_WRITE_DOCS").is_some() {
        std::fs::write(path, [before, START, &wanted, END, after].concat()).unwrap();
    } else {
        assert_eq!(keys, wanted, "ADSUM_WRITE_DOCS=1 cargo test -p adsum-server --test documents");
    }
}

/// What signs a token on the page is the example that is named there.
#[test]
fn the_token_on_the_page_is_the_examples() {
    let (path, text) = page("server.md");
    let on_page = text.split("```py\n").nth(1).and_then(|after| after.split("```").next());
    let example = path.parent().unwrap().join("../examples/token.py");
    let example = std::fs::read_to_string(example).unwrap();
    // Above it stands how it is called.
    let (_, code) = example.split_once("\"\"\"\nimport ").unwrap();
    assert_eq!(on_page.unwrap().strip_prefix("import ").unwrap(), code);
}

/// The dashboard shows nothing that the server does not have.
#[tokio::test]
async fn every_metric_on_the_dashboard_is_the_servers() {
    let (_, text) = page("grafana.json");
    let board: serde_json::Value = serde_json::from_str(&text).unwrap();
    let server = Server::run(&["--admin-token", TOKEN]);
    // Counters by kind or reason are there from the first of a kind on.
    server.friends(["ann", "bob"]);
    let (mut ann, mut bob) = (server.login("ann").await, server.login("bob").await);
    ann.say("here").await;
    bob.presence().await;
    ann.ask(999, None).await;
    ann.refusal().await;
    let mut nobody = Client::connect(server.address(), Form::Json).await;
    assert!(!nobody.authenticate(&auth("nobody")).await.ok);
    let head = format!("POST /admin/expel HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    assert_eq!(request(server.address(), &head, br#"{"node":"bob"}"#).await.0, 200);
    bob.close_code().await;
    let (_, metrics) = server.get("/metrics").await;
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: Vec<_> = types.map(|line| line.split_once(' ').unwrap()).collect();
    let mut named = 0;
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let is_ours = |word: &&str| word.starts_with("adsum_") || word.starts_with("process_");
            for word in words.filter(is_ours) {
                let part = ["_bucket", "_sum", "_count"];
                let whole = part.iter().find_map(|part| word.strip_suffix(part));
                let is_it = |(name, kind): &(&str, &str)| match whole {
                    Some(whole) => *name == whole && *kind == "histogram",
                    None => *name == word,
                };
                assert!(families.iter().any(is_it), "{word}");
                named += 1;
            }
        }
    }
    assert!(named > 30, "{named}");
}

/// Every metric that there is, is on the page.
#[tokio::test]
async fn every_metric_is_on_the_page() {
    let (_, text) = page("server.md");
    let server = Server::run(&[]);
    server.friends(["ann", "bob"]);
    let mut ann = server.login("ann").await;
    ann.say("here").await;
    ann.until_pong().await;
    let (_, metrics) = server.get("/metrics").await;
    let families: Vec<_> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    assert!(families.len() > 20, "{families:?}");
    for family in families {
        assert!(text.contains(&format!("`{family}`")), "{family}");
    }
}
