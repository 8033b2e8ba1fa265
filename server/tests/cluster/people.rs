//! People who go on: whoever loses their server logs in at another one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adsum_tim::{Form, Kind, Limits, ServerFrame, TimAck, TimPresence};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::nodes::{Node, auth};
use crate::support::{Client, PATIENCE, says};

/// Where the nodes are at the moment, as a balancer in front of them knows it.
#[derive(Clone, Default)]
pub(crate) struct Balancer(Arc<Mutex<Vec<SocketAddr>>>);

impl Balancer {
    pub(crate) fn of(nodes: &[Node]) -> Self {
        let balancer = Self::default();
        nodes.iter().for_each(|node| balancer.add(node));
        balancer
    }

    pub(crate) fn add(&self, node: &Node) {
        self.0.lock().unwrap().push(node.program().address);
    }

    pub(crate) fn remove(&self, node: &Node) {
        let gone = node.program().address;
        self.0.lock().unwrap().retain(|address| *address != gone);
    }

    /// The one for this number of a try.
    fn pick(&self, number: usize) -> SocketAddr {
        let all = self.0.lock().unwrap();
        all[number % all.len()]
    }
}

/// What people have seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Who has heard of whom that they are offline.
    pub(crate) offline: Vec<(String, String)>,
    /// How many words have been heard.
    pub(crate) words: usize,
    /// How often somebody had to log in again.
    pub(crate) moves: usize,
}

/// People who talk all the time until they are told to stop.
pub(crate) struct Crowd {
    tasks: JoinSet<()>,
    seen: Arc<Mutex<Seen>>,
    quiet: watch::Sender<bool>,
}

impl Crowd {
    /// So many groups of one on each node, who are friends of each other.
    pub(crate) async fn gather(groups: usize, nodes: usize, balancer: &Balancer) -> Self {
        let mut crowd =
            Self { tasks: JoinSet::new(), seen: Arc::default(), quiet: watch::channel(false).0 };
        let (there, mut are_there) = watch::channel(0);
        for group in 0..groups {
            let names: Vec<_> = (0..nodes).map(|at| format!("p{group}-{at}")).collect();
            for at in 0..nodes {
                let person = Person {
                    name: names[at].clone(),
                    friends: names.iter().filter(|name| **name != names[at]).cloned().collect(),
                    balancer: balancer.clone(),
                    tries: at,
                    seen: crowd.seen.clone(),
                };
                crowd.tasks.spawn(person.live(there.clone(), crowd.quiet.subscribe()));
            }
        }
        let all = are_there.wait_for(|there| *there == groups * nodes);
        tokio::time::timeout(PATIENCE, all).await.expect("all are there").unwrap();
        crowd
    }

    /// Waits until so many more words have been heard: whoever is there hears of the others.
    pub(crate) async fn talks_on(&self, more: usize) {
        let from = self.seen.lock().unwrap().words;
        let heard = async {
            while self.seen.lock().unwrap().words < from + more {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("they hear each other");
    }

    /// Waits until so many have moved.
    pub(crate) async fn moves(&self, count: usize) {
        let moved = async {
            while self.seen.lock().unwrap().moves < count {
                tokio::task::yield_now().await;
            }
        };
        let moved = tokio::time::timeout(PATIENCE, moved).await;
        assert!(moved.is_ok(), "{} have moved, not {count}", self.seen.lock().unwrap().moves);
    }

    /// Has everybody stop, and returns what they have seen.
    pub(crate) async fn disperse(mut self) -> Seen {
        self.quiet.send_replace(true);
        let all = async { while self.tasks.join_next().await.transpose().unwrap().is_some() {} };
        tokio::time::timeout(PATIENCE, all).await.expect("all are done");
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

struct Person {
    name: String,
    friends: Vec<String>,
    balancer: Balancer,
    tries: usize,
    seen: Arc<Mutex<Seen>>,
}

impl Person {
    async fn live(mut self, there: watch::Sender<usize>, quiet: watch::Receiver<bool>) {
        let mut is_first = true;
        while !*quiet.borrow() {
            let at = self.balancer.pick(self.tries);
            self.tries += 1;
            let Some(mut client) = enter(at, &self.name, &self.friends).await else {
                // As clients do it.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            match std::mem::take(&mut is_first) {
                true => there.send_modify(|there| *there += 1),
                false => self.seen.lock().unwrap().moves += 1,
            }
            let mut number = 0;
            while !*quiet.borrow() && self.says(&mut client, number).await.is_some() {
                number += 1;
            }
            if *quiet.borrow() {
                // Nobody is to hear of the end of the test.
                client.break_off();
            }
        }
    }

    /// Says something, and hears everything until the server has taken it. `None` if the connection
    /// is gone.
    async fn says(&self, client: &mut Client, number: usize) -> Option<()> {
        let words = says(&number.to_string()).to_request(Form::Json, Kind::BROAD_PRESENCE);
        client.ws.send(Message::Binary(words.into())).await.ok()?;
        client.ws.send(Message::Binary(vec![Kind::PING.number()].into())).await.ok()?;
        loop {
            let bytes = next(client).await?;
            let frame = ServerFrame::split(&bytes).unwrap();
            match frame.kind {
                Kind::PRESENCE => {
                    let told = TimPresence::decode(Form::Json, frame.body, &Limits::default());
                    let told = told.unwrap();
                    let mut seen = self.seen.lock().unwrap();
                    seen.words += 1;
                    if told.offline == Some(true) {
                        let of = told.from_tid.unwrap().node;
                        seen.offline.push((self.name.clone(), of));
                    }
                }
                Kind::PING => return Some(()),
                _ => {}
            }
        }
    }
}

async fn next(client: &mut Client) -> Option<Vec<u8>> {
    match tokio::time::timeout(PATIENCE, client.ws.next()).await.expect("a frame in time")? {
        Ok(Message::Binary(bytes)) => Some(bytes.to_vec()),
        Ok(_) | Err(_) => None,
    }
}

/// Logs in, unless nobody is there, or not any more.
pub(crate) async fn enter(to: SocketAddr, user: &str, friends: &[String]) -> Option<Client> {
    let stream = TcpStream::connect(to).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let mut request = format!("ws://{to}/tim").into_client_request().unwrap();
    request.headers_mut().insert("origin", format!("http://{to}").parse().unwrap());
    let (ws, _) = tokio_tungstenite::client_async(request, stream).await.ok()?;
    let mut client = Client { ws, form: Form::Json, node: user.to_owned() };
    let friends: Vec<_> = friends.iter().map(String::as_str).collect();
    let auth = auth(user, "", &friends).to_request(Form::Json, Kind::AUTH);
    client.ws.send(Message::Binary(auth.into())).await.ok()?;
    let bytes = next(&mut client).await?;
    let frame = ServerFrame::split(&bytes).unwrap();
    let ack = TimAck::decode(Form::Json, frame.body, &Limits::default()).unwrap();
    assert!(ack.ok, "{user}: {ack:?}");
    Some(client)
}
