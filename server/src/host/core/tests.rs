//! What becomes of sessions whose queues are full: the engine must hold a session congested for as
//! long as its queue is, or else nothing bounds that queue, or the session hears nothing more.

use std::sync::atomic::AtomicU64;

use adsum::Options;
use adsum_tim::{Form, TimPresence};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use super::super::command::LoggedIn;
use super::super::outbox::{Limits, Socket};
use super::*;

const FRAMES: usize = 4;

/// The engine's side without its thread and without a writer: what is written, and when, is the
/// test's to say.
struct Scene {
    core: Core,
    writable: Arc<Writable>,
    _commands: Receiver<Command>,
}

/// A session, and the client's end of its connection.
struct Client {
    session: SessionKey,
    socket: Arc<Socket>,
    far: TcpStream,
}

impl Scene {
    fn new() -> Self {
        let metrics = Arc::new(Metrics::new());
        let (to_core, commands) = mpsc::channel(1);
        let writable = Arc::new(Writable::new(to_core));
        let (writer, _) = Writer::start(Duration::ZERO, Duration::ZERO, writable.clone()).unwrap();
        let gone = Arc::new(Leavers::default());
        let rules = Config::new(Options::default()).unwrap();
        let core = Core::new(rules, writer, writable.clone(), metrics, gone);
        Self { core, writable, _commands: commands }
    }

    async fn login(&mut self, node: &str, friend: &str) -> Client {
        static TOTAL: AtomicU64 = AtomicU64::new(0);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let near = listener.accept().await.unwrap().0;
        let limits = Limits { frames: FRAMES, bytes: 1 << 20 };
        let socket = Arc::new(Socket::new(near, limits, &TOTAL));
        let (reply, mut answer) = oneshot::channel();
        let login =
            LoggedIn { socket: socket.clone(), form: Form::Json, tid: Arc::new(Tid::of(node)) };
        let connect = Connect {
            node: node.into(),
            audience: vec![friend.to_owned()],
            blocked: Vec::new(),
            login,
            ack: vec![0],
            requests: Vec::new(),
            reply,
        };
        self.take(Command::Connect(Box::new(connect)));
        let session = answer.try_recv().unwrap().unwrap();
        Client { session, socket, far }
    }

    fn take(&mut self, command: Command) {
        self.core.take(command);
        self.core.settle();
    }

    fn say(&mut self, from: &Client, words: &str) {
        let saying = TimPresence { status: Some(words.to_owned()), ..TimPresence::default() };
        self.take(Command::Publish(from.session, Arc::new(saying)));
    }

    /// Says something until the other's queue is full.
    fn fill(&mut self, from: &Client, to: &Client) {
        for _ in 0..=FRAMES {
            self.say(from, "more");
        }
        assert!(to.socket.is_congested() && self.core.engine.is_congested(to.session));
    }

    /// All that is queued for a client goes out.
    fn write(&self, to: &Client) {
        self.writable.report(to.socket.flush());
        assert!(!to.socket.is_congested() && to.socket.stuck_since().is_none());
    }
}

impl Client {
    /// Waits until this has come.
    async fn hears(&mut self, words: &str) {
        let mut bytes = Vec::new();
        let comes = async {
            while !String::from_utf8_lossy(&bytes).contains(words) {
                assert_ne!(self.far.read_buf(&mut bytes).await.unwrap(), 0);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), comes).await.expect("the words");
    }
}

#[tokio::test]
async fn who_is_full_again_is_not_writable() {
    let mut scene = Scene::new();
    let (ann, mut bob) = (scene.login("ann", "bob").await, scene.login("bob", "ann").await);
    scene.fill(&ann, &bob);
    // It goes out and is reported; but before the engine's thread looks, answers have filled the
    // queue anew.
    scene.write(&bob);
    for _ in 0..=FRAMES {
        scene.take(Command::Heartbeat(bob.session));
    }
    assert!(bob.socket.is_congested());
    scene.core.writable_again();
    assert!(scene.core.engine.is_congested(bob.session), "nothing bounds its queue");
    scene.say(&ann, "the newest");
    // When that has gone too it is told what it missed.
    scene.write(&bob);
    scene.core.writable_again();
    assert!(!scene.core.engine.is_congested(bob.session));
    scene.write(&bob);
    bob.hears("the newest").await;
}

/// As soon as the answer that it is owed fills the queue, the engine knows, and not only at the
/// next command, by when it may have been written and reported.
#[tokio::test]
async fn what_is_owed_may_fill_the_queue() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.login("ann", "bob").await, scene.login("bob", "ann").await);
    scene.fill(&ann, &bob);
    scene.take(Command::Invisible(bob.session));
    scene.write(&bob);
    // There is room, but only for what it missed.
    for _ in 0..FRAMES - 1 {
        scene.take(Command::Heartbeat(bob.session));
    }
    scene.core.writable_again();
    assert!(bob.socket.is_congested() && scene.core.courier.after.is_empty());
    assert!(scene.core.engine.is_congested(bob.session));
    scene.write(&bob);
    scene.core.writable_again();
    assert!(!scene.core.engine.is_congested(bob.session));
}

/// The same for what was held back for a newcomer's sake.
#[tokio::test]
async fn what_was_held_may_fill_the_queue() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.login("ann", "bob").await, scene.login("bob", "ann").await);
    scene.write(&bob);
    for _ in 0..FRAMES {
        scene.say(&ann, "more");
    }
    let held = Held {
        due: Instant::now(),
        id: 1_000,
        user: "ann".into(),
        gone: Arc::new(Tid::of("ann")),
        to: vec![bob.session],
    };
    scene.core.held.push_back(held);
    assert!(!bob.socket.is_congested());
    scene.core.advance();
    assert!(bob.socket.is_congested() && scene.core.courier.after.is_empty());
    assert!(scene.core.engine.is_congested(bob.session));
}
