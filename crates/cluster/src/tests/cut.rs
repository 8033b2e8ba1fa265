//! A user of whom so much is to be said that it fits into no message.

use super::{config, name, node, options};
use crate::{Body, Cluster, Message, Next};
use adsum::{DeviceKind, Event, SessionKey, Time};

/// The user whose lists are too long.
const LARGE: u32 = 99;

/// Two nodes that know each other, of which the second has users.
struct Two {
    nodes: [Cluster<u32, u32>; 2],
    now: u64,
}

impl Two {
    fn new() -> Self {
        let nodes = [0, 1].map(|at| node(at, 1, &options(), config()));
        let mut two = Self { nodes, now: 1_000_000 };
        (0..20).for_each(|_| two.wait(50));
        two
    }

    fn at(&self) -> Time {
        Time::from_millis(self.now)
    }

    /// Some time passes, and all is sent.
    fn wait(&mut self, ms: u64) {
        self.now += ms;
        let now = self.at();
        for node in &mut self.nodes {
            drop(node.advance(now));
        }
        while self.send(0) + self.send(1) > 0 {}
    }

    /// Sends what a node has to say. Returns how much that is.
    fn send(&mut self, from: usize) -> usize {
        let (now, mut sent) = (self.at(), Vec::new());
        while let Some(next) = self.nodes[from].next(now) {
            if let Next::Send { message, .. } = next {
                sent.push(cut(message));
            }
        }
        let count = sent.len();
        for message in sent {
            let received = self.nodes[1 - from].receive(now, name(from), message);
            received.expect("it is a message");
        }
        count
    }

    fn does(&mut self, event: Event<u32, u32>) -> Option<SessionKey> {
        let now = self.at();
        let mut done = self.nodes[1].apply(now, event).expect("it may");
        while done.next().is_some() {}
        done.session()
    }

    fn connect(&mut self, user: u32) -> SessionKey {
        let (kind, audience, blocked) = (DeviceKind(0), vec![7], Vec::new());
        self.does(Event::Connect { user, kind, audience, blocked }).expect("there is room")
    }

    /// What the first node shows of a user.
    fn shown(&self, user: u32) -> Option<u32> {
        self.nodes[0].engine().user_sessions(&user).next()?.presence.copied()
    }
}

/// Leaves out what a transport would that is as narrow as that.
fn cut(mut message: Message<u32, u32>) -> Message<u32, u32> {
    let states = match &mut message.body {
        Body::Ops(states) => states,
        Body::Sync(sync) => &mut sync.states,
        _ => return message,
    };
    for state in states {
        if state.user == LARGE && state.state.lists.take_if(|lists| lists.audience == [7]).is_some()
        {
            state.is_cut = true;
            (state.state.sessions, state.state.ended, state.stamps) = Default::default();
        }
    }
    message
}

/// Rule C2: the node's other users are seen at once, and nothing is asked for again and again.
#[test]
fn who_fits_into_no_message_holds_up_nobody_else() {
    let mut two = Two::new();
    let [large, other] = [LARGE, 5].map(|user| two.connect(user));
    two.wait(1);
    let gaps = two.nodes[0].stats().gaps;
    for presence in 0..100 {
        for session in [large, other] {
            two.does(Event::Publish { session, presence });
        }
        two.wait(20);
        assert_eq!((two.shown(5), two.shown(LARGE)), (Some(presence), None));
    }
    assert_eq!(two.nodes[0].stats().gaps, gaps);
    // With other lists, which fit, it is seen again.
    two.does(Event::AudienceReplace { user: LARGE, contacts: vec![8] });
    two.wait(1);
    assert_eq!(two.shown(LARGE), Some(99));
    two.does(Event::Publish { session: large, presence: 100 });
    two.wait(1);
    assert_eq!(two.shown(LARGE), Some(100));
}

/// So it is for a node that comes later, and asks for everything.
#[test]
fn who_fits_into_no_message_fits_into_no_answer() {
    let mut two = Two::new();
    let [large, other] = [LARGE, 5].map(|user| two.connect(user));
    two.does(Event::Publish { session: other, presence: 1 });
    two.nodes[0] = node(0, 2, &options(), config());
    (0..20).for_each(|_| two.wait(50));
    assert_eq!((two.shown(5), two.shown(LARGE)), (Some(1), None));
    for session in [large, other] {
        two.does(Event::Publish { session, presence: 2 });
    }
    two.wait(1);
    assert_eq!((two.shown(5), two.shown(LARGE)), (Some(2), None));
    two.does(Event::Disconnect { session: large });
    two.wait(1);
    let stats = two.nodes[0].stats();
    two.wait(10 * config().beat_ms);
    assert_eq!(two.nodes[0].stats().wrong_digests, stats.wrong_digests, "both count the same");
}
