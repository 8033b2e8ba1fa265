//! A few nodes side by side, and what they say to each other when a test lets them.

use super::{config, name, node, options};
use crate::{Cluster, Message, Next, To};
use adsum::{DeviceKind, Event, SessionKey, Time};

pub(super) type Sent = Vec<(To, Message<u32, u32>)>;

pub(super) struct Few {
    pub(super) nodes: Vec<Cluster<u32, u32>>,
    pub(super) now: u64,
    /// What becomes of a message on its way.
    pub(super) on_its_way: fn(Message<u32, u32>) -> Message<u32, u32>,
}

impl Few {
    /// Nodes that know each other.
    pub(super) fn new(count: usize) -> Self {
        let nodes = (0..count).map(|at| node(at, 1, &options(), config())).collect();
        let mut few = Self { nodes, now: 1_000_000, on_its_way: |message| message };
        (0..20).for_each(|_| few.wait(50));
        few
    }

    pub(super) fn at(&self) -> Time {
        Time::from_millis(self.now)
    }

    /// Some time passes at one node.
    pub(super) fn advance(&mut self, at: usize) {
        let now = self.at();
        drop(self.nodes[at].advance(now));
    }

    /// Some time passes, and all is sent and done.
    pub(super) fn wait(&mut self, ms: u64) {
        self.now += ms;
        (0..self.nodes.len()).for_each(|at| self.advance(at));
        self.meet();
    }

    /// All is sent and done.
    pub(super) fn meet(&mut self) {
        let mut is_said = true;
        while is_said {
            is_said = false;
            for from in 0..self.nodes.len() {
                let sent = self.work(from);
                is_said |= !sent.is_empty();
                for to in (0..self.nodes.len()).filter(|to| *to != from) {
                    self.hear(to, from, &sent);
                }
            }
        }
    }

    /// A node does all that there is to do. Returns what it says.
    pub(super) fn work(&mut self, at: usize) -> Sent {
        let (now, mut sent) = (self.at(), Sent::new());
        while let Some(next) = self.nodes[at].next(now) {
            if let Next::Send { to, message } = next {
                sent.push((to, (self.on_its_way)(message)));
            }
        }
        sent
    }

    /// A node hears what another has said, and does nothing about it yet.
    pub(super) fn hear(&mut self, at: usize, from: usize, sent: &Sent) {
        let now = self.at();
        for (to, message) in sent {
            if matches!(to, To::Everyone) || matches!(to, To::Node(id) if *id == name(at)) {
                let heard = self.nodes[at].receive(now, name(from), message.clone());
                heard.expect("it is a message");
            }
        }
    }

    /// A host gives a node an input. Returns the session that it is about, and what it brings.
    pub(super) fn gives(
        &mut self,
        at: usize,
        version: Option<u64>,
        event: Event<u32, u32>,
    ) -> (Option<SessionKey>, Vec<String>) {
        let now = self.at();
        let node = &mut self.nodes[at];
        let mut done = match version {
            Some(version) => node.apply_version(now, version, event),
            None => node.apply(now, event),
        }
        .expect("it may");
        let mut said = Vec::new();
        while let Some(output) = done.next() {
            said.push(format!("{:?}", output.decision));
        }
        (done.session(), said)
    }

    /// A user connects who has one contact, and shows something.
    pub(super) fn log_in(
        &mut self,
        at: usize,
        user: u32,
        contact: u32,
        presence: u32,
    ) -> SessionKey {
        let (kind, audience, blocked) = (DeviceKind(0), vec![contact], Vec::new());
        let connect = Event::Connect { user, kind, audience, blocked };
        let session = self.gives(at, None, connect).0.expect("there is room");
        self.gives(at, None, Event::Publish { session, presence });
        session
    }

    /// What a node shows of a user: of the first session that it knows.
    pub(super) fn shown(&self, at: usize, user: u32) -> Option<u32> {
        self.nodes[at].engine().user_sessions(&user).next()?.presence.copied()
    }
}
