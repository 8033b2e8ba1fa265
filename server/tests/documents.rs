//! The pages about the server are true: what they say is what the server has and does.

mod support;

use std::path::{Path, PathBuf};

use support::Server;

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
