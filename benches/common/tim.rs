//! How tim routes a broadcast (its version 2.1.0, on one server), transcribed.
//!
//! Only the routing: the roster is read from memory instead of by SQL, nothing is encoded, and a
//! write to a socket is a push to a list; and compiled without a garbage collector. All of that
//! flatters it: tim itself was measured at 1,700 to 2,400 ns a delivery for the same steps.

use super::peers::{Rosters, session_of};
use std::collections::HashMap;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

const STRIPES: usize = 64;
const THIS_SERVER: u64 = 0x7431;

/// A map of which each part has a lock of its own.
struct Striped<V> {
    stripes: Vec<Mutex<HashMap<String, V>>>,
}

impl<V: Clone> Striped<V> {
    fn new() -> Self {
        Self { stripes: (0..STRIPES).map(|_| Mutex::new(HashMap::new())).collect() }
    }

    fn stripe(&self, key: &str) -> &Mutex<HashMap<String, V>> {
        let sum = key.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        &self.stripes[sum % STRIPES]
    }

    fn insert(&self, key: &str, value: V) {
        self.stripe(key).lock().expect("no panic").insert(key.to_owned(), value);
    }

    fn get(&self, key: &str) -> Option<V> {
        self.stripe(key).lock().expect("no panic").get(key).cloned()
    }
}

/// Who somebody is.
#[derive(Clone)]
struct Tid {
    node: String,
    domain: Option<String>,
    resource: Option<String>,
}

/// One struct for everything, sent to all and changed on its way.
struct Presence<'a> {
    from: Arc<Tid>,
    to: Option<Box<Tid>>,
    to_list: Option<Vec<&'a str>>,
    show: i16,
    status: Arc<str>,
}

/// A connection.
struct Socket {
    from: Arc<Tid>,
    last_ping: u64,
}

pub(crate) struct Tim {
    rosters: Rc<Rosters>,
    /// On which servers an account is: asked through a cache.
    accounts: Striped<(u64, u64)>,
    /// An account's sessions.
    sessions: Striped<Vec<u64>>,
    sockets: HashMap<u64, Arc<Socket>>,
    status: Arc<str>,
    now: u64,
    sent: Vec<u64>,
}

impl Tim {
    pub(crate) fn new(rosters: Rc<Rosters>, names: &[&str], online: &[u32]) -> Self {
        let (accounts, sessions) = (Striped::new(), Striped::new());
        let mut sockets = HashMap::new();
        for name in names {
            // Whoever was asked for is in the cache, online or not.
            accounts.insert(name, (THIS_SERVER, u64::MAX));
        }
        for user in online {
            let (name, session) = (names[*user as usize], session_of(*user));
            let from = Tid { node: name.to_owned(), domain: None, resource: None };
            sessions.insert(name, vec![session]);
            sockets.insert(session, Arc::new(Socket { from: Arc::new(from), last_ping: 1 }));
        }
        let (status, sent) = (Arc::from("at my desk"), Vec::new());
        Self { rosters, accounts, sessions, sockets, status, now: 2, sent }
    }

    /// A broadcast: the roster becomes the list of those who are to be told.
    pub(crate) fn publish(&mut self, session: u64) -> usize {
        let from = self.sockets[&session].from.clone();
        let rosters = self.rosters.clone();
        let roster = rosters[&from.node].iter().map(String::as_str).collect();
        let status = self.status.clone();
        let mut presence = Presence { from, to: None, to_list: Some(roster), show: 1, status };
        self.sent.clear();
        self.route(&mut presence);
        black_box(&self.sent).len()
    }

    /// Groups those who are to be told by the server they are on.
    fn route(&mut self, presence: &mut Presence<'_>) {
        let mut groups: HashMap<u64, Vec<&str>> = HashMap::new();
        for node in presence.to_list.take().unwrap_or_default() {
            let account = self.accounts.get(node).filter(|(_, expires)| *expires > self.now);
            let (server, _) = account.unwrap_or((THIS_SERVER, 0));
            groups.entry(server).or_default().push(node);
        }
        for (server, nodes) in groups {
            // There is no other server here.
            if server == THIS_SERVER {
                nodes.iter().for_each(|node| self.send_to_node(node, presence));
            }
        }
    }

    /// To all sessions of an account, one after the other.
    fn send_to_node(&mut self, node: &str, presence: &mut Presence<'_>) {
        let Some(sessions) = self.sessions.get(node) else { return };
        let empty = || Box::new(Tid { node: String::new(), domain: None, resource: None });
        let to = presence.to.get_or_insert_with(empty);
        to.node.clear();
        to.node.push_str(node);
        for session in sessions {
            let socket = self.sockets.get(&session).cloned();
            if let Some(socket) = socket.filter(|socket| socket.last_ping < self.now) {
                black_box((&presence.from, &presence.to, presence.show, &presence.status));
                black_box(&socket.from);
                self.sent.push(session);
            }
        }
    }
}
