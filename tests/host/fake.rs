//! Connections without a network: the client reads what the host sends when the test says so.

use adsum::host::{
    Application, Closing, Connection, ConnectionId, Host, HostCounts, Refused, SessionEnd,
};
use adsum::{
    Config, Connect, DefaultHashBuilder, EndReason, Engine, Notice, Options, PresenceKind, Replica,
    Represent, SessionId, SessionKey, Snapshot, Time,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// A frame, not encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Presence { user: String, session: SessionId, kind: PresenceKind, presence: u32 },
    User { user: String, is_idle: bool, presence: u32 },
    DirectedOver { user: String, session: SessionId },
    Withdrawn { user: String, session: SessionId },
    Visibility { visible: bool },
    Directed { user: String, session: SessionId, presence: u32 },
    SessionEnded { user: String, session: SessionId },
    Offline { user: String },
    System { presence: u32 },
    Snapshot { is_first: bool, is_last: bool, entries: Vec<(String, SessionId, u32)> },
    Own(u32),
}

pub(crate) type Frame = Rc<Said>;

/// What the application was called for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    Online { user: String, connection: ConnectionId, visible: bool },
    Ended { user: String, connection: ConnectionId, reason: EndReason, since: Time, last: bool },
    Skipped { receivers: usize },
}

#[derive(Default)]
pub(crate) struct Journal {
    pub(crate) noted: Vec<Noted>,
    /// Notices that it was asked to say.
    pub(crate) notices: usize,
    /// Whether it has nothing to say.
    pub(crate) is_mute: bool,
    pub(crate) panics_at_ends: bool,
}

impl Application<String, u32> for Journal {
    type Frame = Frame;

    fn notice(&mut self, notice: &Notice<'_, String, u32>) -> Option<Frame> {
        self.notices += 1;
        let said = match *notice {
            Notice::Presence { user, session, kind, presence, .. } => {
                Said::Presence { user: user.clone(), session, kind, presence: *presence }
            }
            Notice::User { user, idle_since, presence, .. } => Said::User {
                user: user.clone(),
                is_idle: idle_since.is_some(),
                presence: *presence,
            },
            Notice::Directed { user, session, presence, .. } => {
                Said::Directed { user: user.clone(), session, presence: *presence }
            }
            Notice::SessionEnded { user, session, .. } => {
                Said::SessionEnded { user: user.clone(), session }
            }
            Notice::DirectedOver { user, session, .. } => {
                Said::DirectedOver { user: user.clone(), session }
            }
            Notice::Withdrawn { user, session, .. } => {
                Said::Withdrawn { user: user.clone(), session }
            }
            Notice::Visibility { visible, .. } => Said::Visibility { visible },
            Notice::UserOffline { user, .. } => Said::Offline { user: user.clone() },
            Notice::System { presence, .. } => Said::System { presence: *presence },
            _ => panic!("an unknown notice: {notice:?}"),
        };
        (!self.is_mute).then(|| Rc::new(said))
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_, String, u32>) -> Option<Frame> {
        let entries = snapshot.entries().map(|e| (e.user.clone(), e.session, *e.presence));
        let said = Said::Snapshot {
            is_first: snapshot.is_first(),
            is_last: snapshot.is_last(),
            entries: entries.collect(),
        };
        (!self.is_mute).then(|| Rc::new(said))
    }

    fn online(&mut self, user: &String, connection: ConnectionId, visible: bool) {
        self.noted.push(Noted::Online { user: user.clone(), connection, visible });
    }

    fn ended(&mut self, ended: &SessionEnd<'_, String>) {
        assert!(!self.panics_at_ends, "as it was asked to");
        let SessionEnd { connection, reason, since, last, .. } = *ended;
        let user = ended.user.clone();
        self.noted.push(Noted::Ended { user, connection, reason, since, last });
    }

    fn skipped(&mut self, _: &Notice<'_, String, u32>, receivers: usize) {
        self.noted.push(Noted::Skipped { receivers });
    }
}

/// Both ends of a connection.
#[derive(Default)]
pub(crate) struct Wire {
    /// How many frames it holds at a time.
    pub(crate) capacity: usize,
    /// Frames on their way to the client.
    pub(crate) frames: VecDeque<Frame>,
    /// Whether it has given a frame back and nobody has said since that there is room.
    pub(crate) is_full: bool,
    /// Whether it is being flushed.
    pub(crate) is_flushed: bool,
    /// Whether what it takes gets nowhere.
    pub(crate) is_broken: bool,
    pub(crate) closed: Option<Closing>,
    /// Whether the host holds it no more.
    pub(crate) is_dropped: bool,
}

/// The host's end of a wire.
pub(crate) struct Fake(Rc<RefCell<Wire>>);

impl Connection<Frame> for Fake {
    fn send(&mut self, frame: Frame) -> Result<(), Frame> {
        let mut wire = self.0.borrow_mut();
        assert!(!wire.is_full || wire.is_flushed, "it is not asked again before it is flushed");
        if wire.is_broken {
            return Ok(());
        }
        if wire.frames.len() >= wire.capacity {
            wire.is_full = true;
            return Err(frame);
        }
        wire.frames.push_back(frame);
        Ok(())
    }

    fn close(self, reason: Closing) {
        self.0.borrow_mut().closed = Some(reason);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.0.borrow_mut().is_dropped = true;
    }
}

/// A client: it believes what arrives.
pub(crate) struct Client {
    pub(crate) id: ConnectionId,
    pub(crate) wire: Rc<RefCell<Wire>>,
    pub(crate) replica: Replica<String, u32>,
    /// The host's own frames that have arrived.
    pub(crate) own: Vec<u32>,
}

impl Client {
    /// Reads at most so many frames, and returns them.
    pub(crate) fn read(&mut self, at_most: usize) -> Vec<Said> {
        let mut wire = self.wire.borrow_mut();
        let count = at_most.min(wire.frames.len());
        let frames: Vec<Said> = wire.frames.drain(..count).map(|frame| (*frame).clone()).collect();
        drop(wire);
        frames.iter().for_each(|said| self.believe(said));
        frames
    }

    fn believe(&mut self, said: &Said) {
        let full = "the replica has room for everyone";
        match said.clone() {
            Said::Presence { user, session, presence, .. } => {
                self.replica.set_presence(user, session, presence).expect(full);
            }
            Said::Directed { user, session, presence } => {
                self.replica.set_directed(user, session, presence).expect(full);
            }
            Said::SessionEnded { user, session } => self.replica.end_session(&user, session),
            Said::DirectedOver { user, session } => self.replica.end_directed(&user, session),
            Said::Withdrawn { user, session } => self.replica.end_published(&user, session),
            Said::Visibility { visible } => self.replica.set_visible(visible),
            Said::Offline { user } => self.replica.end_user(&user),
            // A replica of these tests knows sessions.
            Said::System { .. } | Said::User { .. } => {}
            Said::Snapshot { is_first, is_last, entries } => {
                if is_first {
                    self.replica.begin_snapshot();
                }
                for (user, session, presence) in entries {
                    self.replica.set_presence(user, session, presence).expect(full);
                }
                if is_last {
                    self.replica.end_snapshot().expect("it is large enough");
                }
            }
            Said::Own(number) => self.own.push(number),
        }
    }

    pub(crate) fn closed(&self) -> Option<Closing> {
        self.wire.borrow().closed
    }
}

/// A host and its clock.
pub(crate) struct House {
    pub(crate) host: Host<String, u32, Journal, Fake>,
    pub(crate) now: Time,
}

impl House {
    pub(crate) fn new(options: Options) -> Self {
        let config = Config::new(options).expect("the options are in range");
        Self { host: Host::new(config, Journal::default()), now: Time::from_millis(1_000) }
    }

    /// One whose users' contacts are told one state of each.
    pub(crate) fn with_representative(options: Options, represent: Represent<u32>) -> Self {
        let config = Config::new(options).expect("the options are in range");
        let engine = Engine::with_representative(config, DefaultHashBuilder::default(), represent);
        Self { host: Host::with_engine(engine, Journal::default()), now: Time::from_millis(1_000) }
    }

    pub(crate) fn with_outbox_limit(self, frames: usize) -> Self {
        Self { host: self.host.outbox_limit(frames), ..self }
    }

    /// Lets time pass without telling the host.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.now = self.now.saturating_add(ms);
    }

    pub(crate) fn try_connect(
        &mut self,
        connect: Connect<String, Vec<String>, Vec<String>>,
        capacity: usize,
    ) -> Result<Client, Refused<Fake>> {
        let wire = Rc::new(RefCell::new(Wire { capacity, ..Wire::default() }));
        let id = self.host.connect(self.now, connect, Fake(Rc::clone(&wire)))?;
        Ok(Client { id, wire, replica: Replica::new(100_000), own: Vec::new() })
    }

    /// Connects somebody whose friends are these, with room for so many frames on the way.
    pub(crate) fn connect(&mut self, name: &str, friends: &[&str], capacity: usize) -> Client {
        let friends = friends.iter().map(ToString::to_string).collect();
        let connect = Connect::new(name.to_owned()).audience(friends).blocked(Vec::new());
        self.try_connect(connect, capacity).expect("the session is within the limits")
    }

    /// Has a client come back on another connection.
    pub(crate) fn resume(
        &mut self,
        client: &mut Client,
        capacity: usize,
    ) -> Result<(), Refused<Fake>> {
        let wire = Rc::new(RefCell::new(Wire { capacity, ..Wire::default() }));
        let id = self.host.resume(self.now, client.id, Fake(Rc::clone(&wire)))?;
        (client.id, client.wire) = (id, wire);
        Ok(())
    }

    pub(crate) fn publish(&mut self, client: &Client, presence: u32) {
        let published = self.host.publish(self.now, client.id, presence);
        assert_eq!(published, Ok(None), "it is told at once");
    }

    pub(crate) fn flush(&mut self, client: &Client) {
        (client.wire.borrow_mut().is_full, client.wire.borrow_mut().is_flushed) = (false, true);
        self.host.flush(self.now, client.id);
        client.wire.borrow_mut().is_flushed = false;
    }

    /// Has a client read, and say when there is room, until nothing is on the way to it.
    pub(crate) fn read_all(&mut self, client: &mut Client) -> Vec<Said> {
        let mut frames = Vec::new();
        for _ in 0..10_000 {
            frames.append(&mut client.read(usize::MAX));
            if client.wire.borrow().is_full {
                self.flush(client);
            } else if client.wire.borrow().frames.is_empty() {
                return frames;
            }
        }
        panic!("a client that reads on gets to the end: {:?}", self.counts());
    }

    pub(crate) fn key(&self, client: &Client) -> SessionKey {
        self.host.session_of(client.id).expect("the session is there")
    }

    pub(crate) fn is_congested(&self, client: &Client) -> bool {
        self.host.engine().is_congested(self.key(client))
    }

    pub(crate) fn counts(&self) -> HostCounts {
        self.host.counts()
    }

    /// Takes what was noted since this was called last.
    pub(crate) fn noted(&mut self) -> Vec<Noted> {
        std::mem::take(&mut self.host.application_mut().noted)
    }

    /// Checks that a client which has read everything believes what is true.
    pub(crate) fn check(&self, client: &Client) {
        let (engine, key) = (self.host.engine(), self.key(client));
        let difference = client.replica.differs_from(engine, key);
        assert_eq!(difference, None, "{:?}: {:?}", engine.session(key), client.replica);
    }
}
