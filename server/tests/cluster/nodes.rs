//! Servers that are one, and people on them.

use std::time::{SystemTime, UNIX_EPOCH};

use adsum_tim::{Form, TimAuth};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tempfile::TempDir;

use crate::nats::Nats;
use crate::support::program::Program;
use crate::support::{Client, PATIENCE, TOKEN, request};

const SECRET: &str = "the secret of whoever keeps the accounts";
/// How long somebody may be away, in seconds.
pub(crate) const GRACE: &str = "4";
/// For nodes that are to suspect others soon. They may then suspect one that is only slow, as it is
/// where the machine has much else to do, and hear it again.
pub(crate) const SUSPECTS: [&str; 2] = ["--cluster-suspect-ms", "600"];
/// Longer than anything takes: whoever is there is not suspected.
const SUSPECTS_NOBODY: [&str; 2] = ["--cluster-suspect-ms", "60000"];

/// A node, and what it is called.
pub(crate) struct Node {
    pub(crate) name: String,
    program: Option<Program>,
    flags: Vec<String>,
}

impl Node {
    /// Starts a node that talks over this address of NATS, with these flags besides.
    pub(crate) fn start(name: &str, url: &str, more: &[&str]) -> Self {
        let grace = ["--grace-error", GRACE, "--grace-going-away", GRACE];
        let grace = if more.contains(&grace[0]) { &[] } else { &grace[..] };
        let suspects = if more.contains(&SUSPECTS[0]) { &[] } else { &SUSPECTS_NOBODY[..] };
        let one = ["--store", "jwt", "--jwt-secret", SECRET, "--cluster", url, "--node", name];
        let rest =
            ["--cluster-beat-ms", "100", "--cluster-join-ms", "2000", "--drain-timeout", "1"];
        let flags: Vec<String> = [&one[..], grace, suspects, &rest, more]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let mut node = Self { name: name.to_owned(), program: None, flags };
        node.start_again();
        node
    }

    pub(crate) fn start_again(&mut self) {
        assert!(self.program.is_none());
        let flags: Vec<_> = self.flags.iter().map(String::as_str).collect();
        self.program = Some(Program::start(&flags));
    }

    pub(crate) fn program(&self) -> &Program {
        self.program.as_ref().expect("it runs")
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) -> TempDir {
        self.program.take().expect("it runs").kill()
    }

    /// Tells it to stop. It says so to the others, and to its clients.
    pub(crate) fn tell_to_stop(&self) {
        self.program().signal("-TERM");
    }

    /// Waits until it has stopped, which it must have done well.
    pub(crate) async fn stopped(&mut self) {
        let mut program = self.program.take().expect("it runs");
        let ended = tokio::task::spawn_blocking(move || program.end()).await;
        assert_eq!(ended.unwrap(), Some(0));
    }

    pub(crate) async fn login(&self, user: &str, friends: &[&str]) -> Client {
        self.device(user, "", friends).await
    }

    /// A session of a device of this name.
    pub(crate) async fn device(&self, user: &str, device: &str, friends: &[&str]) -> Client {
        let mut client = Client::connect(self.program().address, Form::Json).await;
        let ack = client.authenticate(&auth(user, device, friends)).await;
        assert!(ack.ok, "{user}: {ack:?}");
        client.node = user.to_owned();
        client
    }

    /// The value of one line of the metrics.
    pub(crate) async fn metric(&self, line: &str) -> f64 {
        let text = self.metrics().await;
        let found = |line_of: &str| line_of.strip_prefix(line)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(found).unwrap_or_default()
    }

    pub(crate) async fn metrics(&self) -> String {
        let head = format!("GET /metrics HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
        let (status, text) = request(self.program().address, &head, b"").await;
        assert_eq!(status, 200);
        text
    }

    /// Waits until a line of the metrics is so.
    pub(crate) async fn until(&self, line: &str, is_so: impl Fn(f64) -> bool) {
        let reached = async {
            while !is_so(self.metric(line).await) {
                tokio::task::yield_now().await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(reached.is_ok(), "{}: {line} is {}", self.name, self.metric(line).await);
    }

    /// Returns how many other nodes it knows, heard or not.
    pub(crate) async fn others(&self) -> usize {
        let metrics = self.metrics().await;
        let of_state = |line: &str| -> Option<usize> {
            let (_, count) = line.strip_prefix("adsum_cluster_nodes{")?.split_once("} ")?;
            count.parse().ok()
        };
        metrics.lines().filter_map(of_state).sum()
    }

    /// Waits until it hears so many others.
    pub(crate) async fn hears(&self, others: usize) {
        self.until("adsum_cluster_nodes{state=\"alive\"}", |alive| alive == others as f64).await;
    }
}

/// A login from a device of this name.
pub(crate) fn auth(user: &str, device: &str, friends: &[&str]) -> TimAuth {
    TimAuth {
        token: Some(token(user, friends).as_str().into()),
        resource: (!device.is_empty()).then(|| device.to_owned()),
        ..TimAuth::default()
    }
}

/// A token that is good for an hour.
pub(crate) fn token(user: &str, friends: &[&str]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "sub": user, "exp": now + 3_600, "roster": friends });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

/// NATS, and three nodes over it that hear each other.
pub(crate) async fn three(more: &[&str]) -> (Nats, [Node; 3]) {
    let nats = Nats::start().await;
    let url = nats.url();
    let nodes = ["a", "b", "c"].map(|name| Node::start(name, &url, more));
    all_hear(&nodes).await;
    (nats, nodes)
}

/// Waits until all nodes hear each other.
pub(crate) async fn all_hear(nodes: &[Node]) {
    for node in nodes {
        node.hears(nodes.len() - 1).await;
    }
}
