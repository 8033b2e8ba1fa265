//! What docs/cluster.md says is what is there.

use std::path::Path;

use async_nats::ConnectOptions;

use crate::nats::Nats;
use crate::nodes::{Node, all_hear, three};
use crate::talk::{knows, says_to};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cluster.md");
    std::fs::read_to_string(path).unwrap()
}

/// NATS as the page has it lets each node be itself and no other.
#[tokio::test]
async fn permissions_keep_nodes_apart() {
    let page = page();
    let config = page.split_once("```conf\n").unwrap().1.split_once("```").unwrap().0;
    let nats = Nats::start_with(config).await;
    let folder = tempfile::tempdir().unwrap();
    let nodes = ["a", "b"].map(|name| {
        let file = folder.path().join(name);
        std::fs::write(&file, format!("{name}\npassword-of-{name}\n")).unwrap();
        Node::start(name, &nats.url(), &["--cluster-credentials", file.to_str().unwrap()])
    });
    all_hear(&nodes).await;
    let [a, b] = &nodes;
    let mut ann = a.login("ann", &["bob"]).await;
    let mut bob = b.login("bob", &["ann"]).await;
    says_to(&mut ann, "one", &mut bob).await;
    knows(a, "bob").await;
    ann.direct(&["bob"], "to you").await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "to you".to_owned()));
    // Who has b's password can write nonsense as b, but nothing as a.
    let options = ConnectOptions::with_user_and_password("b".into(), "password-of-b".into());
    let writer = options.connect(nats.url()).await.unwrap();
    for subject in ["adsum.adsum.s.a", "adsum.adsum.n.a.a", "adsum.adsum.n.a.b"] {
        writer.publish(subject, "nonsense".into()).await.unwrap();
    }
    writer.flush().await.unwrap();
    let refused = "adsum_cluster_refused_total{reason=\"other_form\"}";
    a.until(refused, |count| count > 0.0).await;
    assert_eq!(a.metric(refused).await, 1.0);
    assert_eq!(b.metric(refused).await, 0.0);
    // And without one, nothing at all.
    let stranger = ConnectOptions::new().connect(nats.url()).await;
    assert!(stranger.is_err());
}

/// Every metric of a cluster that there is, is on the page.
#[tokio::test]
async fn every_metric_is_on_the_page() {
    let page = page();
    let (_nats, [a, b, _]) = three(&[]).await;
    let mut ann = a.login("ann", &["bob"]).await;
    let mut bob = b.login("bob", &["ann"]).await;
    says_to(&mut ann, "one", &mut bob).await;
    let metrics = a.metrics().await;
    let families =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let of_cluster: Vec<_> = families.filter(|name| name.starts_with("adsum_cluster_")).collect();
    assert!(of_cluster.len() > 15, "{of_cluster:?}");
    for family in of_cluster {
        assert!(page.contains(&format!("`{family}`")), "{family}");
    }
}

/// Every key of a cluster is on the page.
#[test]
fn every_key_is_on_the_page() {
    let (page, keys) = (page(), adsum_server::config::reference());
    let keys = keys.split_once("### Cluster").unwrap().1;
    let keys: Vec<_> = keys
        .lines()
        .filter_map(|line| Some(line.strip_prefix("* `")?.split_once('`')?.0))
        .collect();
    assert_eq!(keys.len(), 7, "{keys:?}");
    for key in keys {
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
}

/// Without NATS a node lets clients in all the same, and finds the others when it comes.
#[tokio::test]
async fn a_node_starts_without_nats() {
    let mut nats = Nats::start().await;
    nats.kill();
    let a = Node::start("a", &nats.url(), &[]);
    let mut ann = a.login("ann", &["abe", "bob"]).await;
    let mut abe = a.login("abe", &["ann"]).await;
    says_to(&mut ann, "one", &mut abe).await;
    assert_eq!(a.metric("adsum_cluster_connected").await, 0.0);
    nats.resume().await;
    let b = Node::start("b", &nats.url(), &[]);
    a.hears(1).await;
    let mut bob = b.login("bob", &["ann"]).await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "one".to_owned()));
}
