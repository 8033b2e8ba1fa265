//! What becomes of sessions whose queues are full: the engine must hold a session congested for as
//! long as its queue is, or else nothing bounds that queue, or the session hears nothing more.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use adsum::{Config, Engine, Options, SessionKey};
use adsum_tim::{Form, Kind, Tid, TimAck, TimPresence};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use super::core::Core;
use super::edge_counter::EdgeCounter;
use super::engines::Engines;
use super::pending_replacements::PendingReplacement;
use crate::host::changed_queues::ChangedQueues;
use crate::host::command::{Answer, Command, Connect, LoggedIn};
use crate::host::metrics::Metrics;
use crate::host::offline_users::OfflineUsers;
use crate::host::peer::Peer;
use crate::host::resume_secret::ResumeSecret;
use crate::host::seats::Seats;
use crate::host::transport::send_queue::Limits;
use crate::host::transport::socket::Socket;
use crate::host::transport::wire::Wire;
use crate::host::transport::ws_frame::Opcode;
use crate::host::writer::Writer;
use crate::host::writing::Writing;

const FRAMES: usize = 4;

/// The engine's side without its thread and without a writer: the test decides what is written,
/// and when.
struct Scene {
    core: Core,
    writing: Writing,
    queues: Arc<ChangedQueues>,
    _commands: mpsc::Receiver<Command>,
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
        let queues = Arc::new(ChangedQueues::new(to_core));
        let (writer, writing) = Writer::new(Duration::ZERO, queues.clone(), metrics.clone());
        let offline_users = Arc::new(OfflineUsers::default());
        let rules = Config::new(Options::default()).unwrap();
        let edges = EdgeCounter::new(0, None);
        let core = Core::new(
            Engines::alone(Engine::new(rules)),
            writer,
            edges,
            queues.clone(),
            metrics,
            offline_users,
        );
        Self { core, writing, queues, _commands: commands }
    }

    async fn login(&mut self, node: &str, friend: &str) -> Client {
        static TOTAL: AtomicU64 = AtomicU64::new(0);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let near = listener.accept().await.unwrap().0;
        let limits = Limits { frames: FRAMES, bytes: 1 << 20 };
        let socket = Arc::new(Socket::new(near, limits, Opcode::Binary, &TOTAL));
        let (reply, mut answer) = oneshot::channel();
        let login = LoggedIn {
            socket: socket.clone(),
            wire: Wire::Tim(Form::Json),
            tid: Arc::new(Tid::of(node)),
            secret: ResumeSecret::random().unwrap(),
            seat: Seats::new(1, 0).take(Peer::of([127, 0, 0, 1].into())).unwrap(),
        };
        let connect = Connect {
            node: node.into(),
            audience: vec![friend.to_owned()],
            blocked: Vec::new(),
            login,
            invisible: false,
            answer: Answer::Tim(TimAck::done(Kind::AUTH)),
            kind: 0,
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
        self.writing.take_all();
    }

    /// Looks at the queues that have changed, and does what comes of it.
    fn review_queues(&mut self) {
        self.core.review_queues();
        self.writing.take_all();
    }

    fn publish(&mut self, from: &Client, words: &str) {
        let presence = TimPresence { status: Some(words.to_owned()), ..TimPresence::default() };
        self.take(Command::Publish(from.session, Arc::new(presence.into())));
    }

    /// Publishes until the other's queue is full, of which the system takes nothing.
    fn fill(&mut self, from: &Client, to: &Client) {
        to.socket.pretend_stuck();
        for _ in 0..=FRAMES {
            self.publish(from, "more");
        }
        self.review_queues();
        assert!(to.socket.look() && self.core.engine.is_congested(to.session));
    }

    /// Writes all that is queued for a client, of which the system takes nothing more after that.
    fn write(&self, to: &Client) {
        self.queues.report(to.socket.unstick());
        assert!(!to.socket.look() && to.socket.stuck_since().is_none());
        to.socket.pretend_stuck();
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
async fn a_session_that_is_full_again_is_not_writable() {
    let mut scene = Scene::new();
    let (ann, mut bob) = (scene.login("ann", "bob").await, scene.login("bob", "ann").await);
    scene.fill(&ann, &bob);
    // It goes out and is reported; but before the engine's thread looks, answers have filled the
    // queue anew.
    scene.write(&bob);
    for _ in 0..=FRAMES {
        scene.take(Command::Heartbeat(bob.session));
    }
    assert!(bob.socket.look());
    scene.review_queues();
    assert!(scene.core.engine.is_congested(bob.session), "nothing bounds its queue");
    scene.publish(&ann, "the newest");
    // When that has gone too it is told what it missed.
    scene.write(&bob);
    scene.review_queues();
    assert!(!scene.core.engine.is_congested(bob.session));
    scene.write(&bob);
    bob.hears("the newest").await;
}

/// The answer that is owed may fill the queue, and the engine learns that too.
#[tokio::test]
async fn what_is_owed_may_fill_the_queue() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.login("ann", "bob").await, scene.login("bob", "ann").await);
    scene.fill(&ann, &bob);
    scene.publish(&ann, "what it misses");
    scene.take(Command::Invisible(bob.session));
    scene.write(&bob);
    // There is room, but only for what it missed.
    for _ in 0..FRAMES - 1 {
        scene.take(Command::Heartbeat(bob.session));
    }
    scene.review_queues();
    // What it missed and what it is owed have filled the queue, which is reported in turn.
    scene.review_queues();
    assert!(bob.socket.look() && scene.core.dispatch.deferred.is_empty());
    assert!(scene.core.engine.is_congested(bob.session));
    scene.write(&bob);
    scene.review_queues();
    assert!(!scene.core.engine.is_congested(bob.session));
}

/// The same for a notice that waited for a newcomer's presence.
#[tokio::test]
async fn what_waited_may_fill_the_queue() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.login("ann", "bob").await, scene.login("bob", "ann").await);
    scene.write(&bob);
    for _ in 0..FRAMES {
        scene.publish(&ann, "more");
    }
    let pending = PendingReplacement {
        due: Instant::now(),
        id: 1_000,
        user: "ann".into(),
        ended: Arc::new(Tid::of("ann")),
        to: vec![bob.session],
    };
    scene.core.pending.insert(pending);
    assert!(!bob.socket.look());
    scene.core.advance();
    scene.writing.take_all();
    scene.review_queues();
    assert!(bob.socket.look() && scene.core.dispatch.deferred.is_empty());
    assert!(scene.core.engine.is_congested(bob.session));
}
