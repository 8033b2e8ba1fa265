//! Whatever clients do and however slow they are: once everything has arrived, each believes what
//! is true, and once everyone has gone, nothing is held.

use crate::fake::{Client, Frame, House, Noted, Said};
use adsum::host::{Closing, HostCounts};
use adsum::{
    Connect, Counts, DeviceKind, Error, Grace, Lease, LostCause, OfflineNotices, Options,
    OverLimit, Rate,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::rc::Rc;

const USERS: usize = 5;

/// What happens next. A client is the nth of those who are there, however many that are.
#[derive(Clone, Copy, Debug)]
enum Step {
    Connect {
        user: usize,
        kind: u8,
        capacity: usize,
    },
    Publish {
        client: usize,
        presence: u32,
    },
    Direct {
        client: usize,
        users: u8,
        presence: u32,
    },
    System {
        users: u8,
    },
    Heartbeat {
        client: usize,
    },
    Show {
        client: usize,
        visible: bool,
    },
    LogOut {
        client: usize,
    },
    /// The network takes the connection away, and the host learns of it at once or late.
    Break {
        client: usize,
        cause: LostCause,
        grace_ms: Option<u64>,
        late: bool,
    },
    /// A client comes back, perhaps while the host thinks that it never left.
    Resume {
        client: usize,
        capacity: usize,
    },
    /// A reader reports the end of a connection, long after it was replaced or closed.
    LateEnd {
        nth: usize,
        as_logout: bool,
    },
    Read {
        client: usize,
        frames: usize,
    },
    Flush {
        client: usize,
    },
    SendOwn {
        client: usize,
    },
    Befriend {
        users: (usize, usize),
        yes: bool,
    },
    Block {
        users: (usize, usize),
        yes: bool,
    },
    Expel {
        user: usize,
    },
    Wait {
        ms: u64,
    },
    WaitForDeadline,
    /// Everyone who has a connection reads to the end, and is then asked what it believes.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    let (user, client, capacity) = (0..USERS, 0..16_usize, 1..5_usize);
    let users = (0..USERS, 0..USERS);
    let cause = prop_oneof![Just(LostCause::ConnectionError), Just(LostCause::GoingAway)];
    let grace_ms = proptest::option::of(prop_oneof![Just(0), 1..5_000_u64]);
    prop_oneof![
        4 => (user.clone(), 0..2_u8, capacity.clone())
            .prop_map(|(user, kind, capacity)| Connect { user, kind, capacity }),
        8 => (client.clone(), any::<u32>())
            .prop_map(|(client, presence)| Publish { client, presence }),
        2 => (client.clone(), any::<u8>(), any::<u32>())
            .prop_map(|(client, users, presence)| Direct { client, users, presence }),
        1 => any::<u8>().prop_map(|users| System { users }),
        2 => client.clone().prop_map(|client| Heartbeat { client }),
        1 => (client.clone(), any::<bool>())
            .prop_map(|(client, visible)| Show { client, visible }),
        1 => client.clone().prop_map(|client| LogOut { client }),
        2 => (client.clone(), cause, grace_ms, any::<bool>())
            .prop_map(|(client, cause, grace_ms, late)| Break { client, cause, grace_ms, late }),
        2 => (client.clone(), capacity).prop_map(|(client, capacity)| Resume { client, capacity }),
        2 => (0..16_usize, any::<bool>())
            .prop_map(|(nth, as_logout)| LateEnd { nth, as_logout }),
        3 => (client.clone(), 1..4_usize).prop_map(|(client, frames)| Read { client, frames }),
        2 => client.clone().prop_map(|client| Flush { client }),
        1 => client.prop_map(|client| SendOwn { client }),
        2 => (users.clone(), any::<bool>()).prop_map(|(users, yes)| Befriend { users, yes }),
        1 => (users, any::<bool>()).prop_map(|(users, yes)| Block { users, yes }),
        1 => user.prop_map(|user| Expel { user }),
        2 => prop_oneof![0..50_u64, 0..5_000_u64, 0..100_000_u64].prop_map(|ms| Wait { ms }),
        1 => Just(WaitForDeadline),
        1 => Just(Settle),
    ]
}

/// Options under which different things are frequent.
fn options() -> impl Strategy<Value = Options> {
    let few = Options { max_sessions: 3, ..Options::default() };
    let one = Options {
        max_sessions: 1,
        over_limit: OverLimit::EvictOldest { min_age_ms: 0 },
        ..Options::default()
    };
    let strict = Options {
        max_sessions: 2,
        over_limit: OverLimit::Refuse,
        own_echo: false,
        offline_notices: OfflineNotices::ToAllContacts,
        ..Options::default()
    };
    let hasty = Options {
        max_sessions: 4,
        max_sessions_per_kind: Some(2),
        over_limit: OverLimit::EvictOldest { min_age_ms: 20 },
        publish_rate: Some(Rate { burst: 1, interval_ms: 100 }),
        lease: Some(Lease { lease_ms: 1_000, heartbeat_ms: 300 }),
        grace: Grace { connection_error_ms: 500, timeout_ms: 500, ..Grace::NONE },
        ..Options::default()
    };
    prop_oneof![Just(few), Just(one), Just(strict), Just(hasty)]
}

/// A client and what the test knows of it.
struct Device {
    client: Client,
    /// Whether it has a connection that works.
    is_up: bool,
    /// The host's own frames that are on their way or have arrived.
    own: Vec<u32>,
}

struct World {
    house: House,
    outbox: usize,
    devices: Vec<Device>,
    friends: [[bool; USERS]; USERS],
    blocked: [[bool; USERS]; USERS],
    /// Wires that were replaced or closed, with the ids that their readers know.
    former: Vec<Client>,
    online: BTreeSet<String>,
    last_own: u32,
}

fn name(user: usize) -> String {
    format!("user {user}")
}

fn names(of: impl Fn(usize) -> bool) -> Vec<String> {
    (0..USERS).filter(|user| of(*user)).map(name).collect()
}

impl World {
    fn new(options: Options, outbox: usize) -> Self {
        Self {
            house: House::new(options).with_outbox_limit(outbox),
            outbox,
            devices: Vec::new(),
            friends: [[true; USERS]; USERS],
            blocked: [[false; USERS]; USERS],
            former: Vec::new(),
            online: BTreeSet::new(),
            last_own: 0,
        }
    }

    fn take(&mut self, step: Step) {
        let now = self.house.now;
        match step {
            Step::Connect { user, kind, capacity } => self.connect(user, kind, capacity),
            Step::System { users } => {
                let named = names(|user| users & 1 << user != 0);
                self.house.host.system(now, &named, 0).expect("few are named");
            }
            Step::LateEnd { nth, as_logout } => self.late_end(nth, as_logout),
            Step::Befriend { users: (a, b), yes } => self.befriend(a, b, yes),
            Step::Block { users: (a, b), yes } => {
                self.blocked[a][b] = yes && a != b;
                let (a, b) = (name(a), name(b));
                let done = match yes {
                    true => self.house.host.block(now, &a, b),
                    false => self.house.host.unblock(now, &a, &b),
                };
                done.expect("the list has room");
            }
            Step::Expel { user } => self.house.host.expel(now, &name(user)),
            Step::Wait { ms } => self.house.wait(ms),
            Step::WaitForDeadline => {
                if let Some(at) = self.house.host.deadline() {
                    self.house.now = now.max(at);
                    self.house.host.advance(self.house.now);
                }
            }
            Step::Settle => self.settle(),
            Step::Publish { client, .. }
            | Step::Direct { client, .. }
            | Step::Heartbeat { client }
            | Step::Show { client, .. }
            | Step::LogOut { client }
            | Step::Break { client, .. }
            | Step::Resume { client, .. }
            | Step::Read { client, .. }
            | Step::Flush { client }
            | Step::SendOwn { client } => {
                if !self.devices.is_empty() {
                    self.device_step(client % self.devices.len(), step);
                }
            }
        }
        self.follow();
        self.check();
    }

    fn connect(&mut self, user: usize, kind: u8, capacity: usize) {
        let connect = Connect::new(name(user))
            .kind(DeviceKind(kind))
            .audience(names(|other| self.friends[user][other]))
            .blocked(names(|other| self.blocked[user][other]));
        match self.house.try_connect(connect, capacity) {
            Ok(client) => self.devices.push(Device { client, is_up: true, own: Vec::new() }),
            Err(refused) => assert!(matches!(refused.error, Error::SessionLimit { .. })),
        }
    }

    /// The host keeps lists mutual; those of users who are not online are handed in as they come.
    fn befriend(&mut self, a: usize, b: usize, yes: bool) {
        for (user, other) in [(a, b), (b, a)] {
            self.friends[user][other] = yes;
            let (now, user, other) = (self.house.now, name(user), name(other));
            let done = match yes {
                true => self.house.host.audience_add(now, &user, [other]),
                false => self.house.host.audience_remove(now, &user, [&other]),
            };
            done.expect("the list has room");
        }
    }

    fn device_step(&mut self, nth: usize, step: Step) {
        let (now, house, device) = (self.house.now, &mut self.house, &mut self.devices[nth]);
        let id = device.client.id;
        // A client without a connection can say nothing; what it might have said is tried anyway.
        let said = match step {
            Step::Publish { presence, .. } => house.host.publish(now, id, presence).map(drop),
            Step::Direct { users, presence, .. } => {
                house.host.direct(now, id, &names(|user| users & 1 << user != 0), presence)
            }
            Step::Heartbeat { .. } => house.host.heartbeat(now, id),
            Step::Show { visible: true, .. } => house.host.visible(now, id),
            Step::Show { visible: false, .. } => house.host.invisible(now, id),
            Step::LogOut { .. } => house.host.disconnect(now, id),
            Step::Break { cause, grace_ms, late, .. } => {
                device.is_up = false;
                device.client.wire.borrow_mut().is_broken = true;
                match (late, grace_ms) {
                    (true, _) => Ok(()),
                    (false, Some(ms)) => house.host.lost_with_grace(now, id, cause, ms),
                    (false, None) => house.host.lost(now, id, cause),
                }
            }
            Step::Read { frames, .. } => {
                device.client.read(frames);
                Ok(())
            }
            Step::Flush { .. } => {
                house.flush(&device.client);
                Ok(())
            }
            Step::SendOwn { .. } => {
                self.last_own += 1;
                let sent = house.host.send(now, id, Frame::new(Said::Own(self.last_own)));
                if sent.is_ok() {
                    device.own.push(self.last_own);
                }
                Ok(())
            }
            Step::Resume { capacity, .. } => return self.resume(nth, capacity),
            _ => unreachable!("no step of a client: {step:?}"),
        };
        let refused = said.err().is_none_or(|error| {
            matches!(error, Error::Detached | Error::UnknownSession | Error::RateLimited { .. })
        });
        assert!(refused, "{step:?}: {said:?}");
    }

    fn resume(&mut self, nth: usize, capacity: usize) {
        let (house, device) = (&mut self.house, &mut self.devices[nth]);
        let (id, wire) = (device.client.id, Rc::clone(&device.client.wire));
        match house.resume(&mut device.client, capacity) {
            Ok(()) => {
                // What was on its way on the old connection does not arrive.
                (device.is_up, device.own) = (true, device.client.own.clone());
                let replaced = wire.borrow().closed.is_some() && wire.borrow().is_dropped;
                assert!(replaced, "the old connection is closed");
                assert_eq!(house.host.session_of(id), None);
                let replica = adsum::Replica::new(0);
                self.former.push(Client { id, wire, replica, own: Vec::new() });
            }
            Err(refused) => assert_eq!(refused.error, Error::UnknownSession),
        }
    }

    /// The end of a connection that was closed or replaced changes nothing at all.
    fn late_end(&mut self, nth: usize, as_logout: bool) {
        let Some(nth) = nth.checked_rem(self.former.len()) else { return };
        let (now, host) = (self.house.now, &mut self.house.host);
        host.advance(now);
        let id = self.former[nth].id;
        let wires = |devices: &[Device]| -> Vec<usize> {
            devices.iter().map(|device| device.client.wire.borrow().frames.len()).collect()
        };
        let before = (host.counts(), host.engine().counts(), host.application().noted.clone());
        let on_the_way = wires(&self.devices);
        let ended = match as_logout {
            true => host.disconnect(now, id),
            false => host.lost(now, id, LostCause::ConnectionError),
        };
        assert_eq!(ended, Err(Error::UnknownSession));
        let after = (host.counts(), host.engine().counts(), host.application().noted.clone());
        assert_eq!((after, wires(&self.devices)), (before, on_the_way));
    }

    /// Takes note of what the host has said and closed.
    fn follow(&mut self) {
        for noted in self.house.noted() {
            match noted {
                Noted::Online { user, .. } => {
                    assert!(self.online.insert(user), "nobody comes online twice");
                }
                Noted::Ended { user, connection, last, .. } => {
                    let nth = self.devices.iter().position(|d| d.client.id == connection);
                    let nth = nth.expect("a session ends once, by the connection that it had last");
                    self.former.push(self.devices.remove(nth).client);
                    let was_last = last && self.online.remove(&user);
                    assert!(was_last == last, "nobody goes offline twice");
                }
                Noted::Skipped { receivers } => assert!(receivers > 0),
            }
        }
        for device in &mut self.devices {
            // Whoever is closed can still come back if its lease has lapsed.
            if let Some(reason) = device.client.closed() {
                device.is_up = false;
                let may_come_back =
                    matches!(reason, Closing::Caller | Closing::Engine { resumable: true, .. });
                assert!(may_come_back, "{reason:?} of a session that has not ended");
            }
        }
    }

    fn check(&self) {
        let (host, engine) = (&self.house.host, self.house.host.engine());
        engine.verify().expect("the engine is whole");
        let (counts, of_engine) = (host.counts(), engine.counts());
        assert_eq!(counts.sessions, of_engine.sessions);
        assert_eq!(counts.sessions, self.devices.len());
        assert_eq!(counts.connections, of_engine.sessions - of_engine.detached);
        assert_eq!(counts.frames_waiting == 0, of_engine.congested == 0);
        // Beside what the limit allows, a snapshot may wait, in parts of four when shrunk.
        let most = of_engine.congested * (self.outbox + 8);
        assert!(counts.frames_waiting <= most, "{counts:?}");
        for device in &self.devices {
            let key = host.session_of(device.client.id).expect("it has not ended");
            let wire = device.client.wire.borrow();
            assert_eq!(wire.is_dropped, !engine.is_attached(key));
            assert!(wire.is_full || !engine.is_congested(key), "only a full one is congested");
        }
        let online: BTreeSet<String> = engine.users_online().cloned().collect();
        assert_eq!(online, self.online);
        assert!(self.former.iter().all(|client| client.wire.borrow().is_dropped));
    }

    fn settle(&mut self) {
        self.house.host.advance(self.house.now);
        self.follow();
        for device in self.devices.iter_mut().filter(|device| device.is_up) {
            self.house.read_all(&mut device.client);
            assert_eq!(device.client.own, device.own, "own frames arrive, in their order");
        }
        for device in self.devices.iter().filter(|device| device.is_up) {
            self.house.check(&device.client);
        }
    }

    /// Everyone leaves, one way or another.
    fn close_down(mut self) {
        for (nth, id) in self.devices.iter().map(|device| device.client.id).enumerate() {
            let (now, host) = (self.house.now, &mut self.house.host);
            let left = match nth % 2 {
                0 => host.disconnect(now, id),
                _ => host.lost(now, id, LostCause::NodeLoss),
            };
            assert!(matches!(left, Ok(()) | Err(Error::UnknownSession)), "{left:?}");
        }
        while let Some(at) = self.house.host.deadline() {
            self.house.now = self.house.now.max(at);
            self.house.host.advance(self.house.now);
        }
        self.follow();
        self.check();
        let mut counts = self.house.counts();
        counts.overflows = 0;
        assert_eq!(counts, HostCounts::default());
        assert_eq!(self.house.host.engine().counts(), Counts::default());
        assert!(self.devices.is_empty() && self.online.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_client_believes_what_is_true(
        options in options(),
        outbox in prop_oneof![1..4_usize, Just(1_024)],
        steps in vec(step(), 0..150),
    ) {
        let mut world = World::new(options, outbox);
        steps.into_iter().for_each(|step| world.take(step));
        world.settle();
        world.close_down();
    }
}
