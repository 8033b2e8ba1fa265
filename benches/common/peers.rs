//! What others do for the same question, as honestly as it can be written: each holds the contact
//! lists of those who are online, and finds the sessions to which a publish goes.
//!
//! Two of them return a new list, as one writes it.

use super::graphs::Graph;
use foldhash::fast::RandomState as FastState;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hint::black_box;
use std::rc::Rc;

/// Who has whom on their list, by name.
pub(crate) type Rosters = HashMap<String, Vec<String>>;

pub(crate) fn rosters(graph: &Graph, names: &[&str], online: &[u32]) -> Rc<Rosters> {
    let name = |user: &u32| names[*user as usize].to_owned();
    let rosters =
        online.iter().map(|user| (name(user), graph.of(*user).iter().map(name).collect()));
    Rc::new(rosters.collect())
}

/// What one writes in an hour.
pub(crate) struct Hour {
    sessions: HashMap<String, HashSet<u64>>,
    contacts: Rc<Rosters>,
}

impl Hour {
    pub(crate) fn new(contacts: Rc<Rosters>, names: &[&str], online: &[u32]) -> Self {
        let session = |user: &u32| (names[*user as usize].to_owned(), [session_of(*user)].into());
        Self { sessions: online.iter().map(session).collect(), contacts }
    }

    pub(crate) fn publish(&self, user: &str) -> Vec<u64> {
        let mut to = Vec::new();
        for contact in &self.contacts[user] {
            if let Some(sessions) = self.sessions.get(contact) {
                to.extend(sessions);
            }
        }
        to
    }
}

/// The same with interned ids and a fast hash.
pub(crate) struct Interned {
    sessions: HashMap<u32, HashSet<u64, FastState>, FastState>,
    contacts: HashMap<u32, Vec<u32>, FastState>,
}

impl Interned {
    pub(crate) fn new(graph: &Graph, online: &[u32]) -> Self {
        let session = |user: &u32| (*user, [session_of(*user)].into_iter().collect());
        let contacts = |user: &u32| (*user, graph.of(*user).to_vec());
        Self {
            sessions: online.iter().map(session).collect(),
            contacts: online.iter().map(contacts).collect(),
        }
    }

    pub(crate) fn publish(&self, user: u32) -> Vec<u64> {
        let mut to = Vec::new();
        for contact in &self.contacts[&user] {
            if let Some(sessions) = self.sessions.get(contact) {
                to.extend(sessions);
            }
        }
        to
    }
}

/// A queue of owned items for each receiver. The walk itself is as good as it gets: dense numbers,
/// a list each, and whoever is offline has no queue. What was queued is taken out again at once,
/// while it is in the cache, which flatters it as well.
pub(crate) struct Queues {
    contacts: Vec<Vec<u32>>,
    queues: Vec<Option<VecDeque<Item>>>,
    /// Whose queues have something in them.
    waiting: Vec<u32>,
}

/// What a receiver is told.
#[derive(Clone)]
struct Item {
    user: u32,
    session: u64,
    id: u64,
    presence: u64,
}

impl Queues {
    pub(crate) fn new(graph: &Graph, online: &[u32]) -> Self {
        let mut contacts = vec![Vec::new(); graph.users()];
        let mut queues = vec![None; graph.users()];
        for user in online {
            contacts[*user as usize] = graph.of(*user).to_vec();
            queues[*user as usize] = Some(VecDeque::new());
        }
        Self { contacts, queues, waiting: Vec::new() }
    }

    pub(crate) fn publish(&mut self, user: u32, id: u64) -> usize {
        let item = Item { user, session: session_of(user), id, presence: id };
        for contact in &self.contacts[user as usize] {
            if let Some(queue) = &mut self.queues[*contact as usize] {
                queue.push_back(item.clone());
                self.waiting.push(*contact);
            }
        }
        let told = self.waiting.len();
        for receiver in self.waiting.drain(..) {
            let queue = self.queues[receiver as usize].as_mut();
            let item = queue.and_then(VecDeque::pop_front).expect("it was just put there");
            black_box((item.user, item.session, item.id, item.presence));
        }
        told
    }
}

/// Sessions are numbered in some way.
pub(crate) fn session_of(user: u32) -> u64 {
    u64::from(user) << 20 | 0x5_0000
}
