//! Meetings that chance seldom arranges: inputs given by hand, held against the model and every
//! check.

use adsum::{
    DeviceKind, DirectTo, Grace, Lease, LostCause, OfflineNotices, Options, OverLimit, Rate,
    SessionKey, Time,
};
use adsum_model::{Event, User, World};

/// A world to which inputs are given by hand. The model and every check come along.
struct Scene {
    world: World,
    now: u64,
    /// Deliveries that were counted.
    told: u64,
}

impl Scene {
    fn new(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options { lease: None, publish_rate: None, ..Options::default() };
        change(&mut options);
        Self { world: World::new(options), now: 0, told: 0 }
    }

    fn input(&mut self, event: Event) {
        if let Err(fault) = self.world.input(Time::from_millis(self.now), &event) {
            panic!("{fault}");
        }
    }

    fn connect(&mut self, user: User, audience: &[User], blocked: &[User]) -> SessionKey {
        let (audience, blocked) = (audience.to_vec(), blocked.to_vec());
        self.input(Event::Connect { user, kind: DeviceKind(0), audience, blocked });
        *self.world.model.keys_of(user).last().expect("there is room for the session")
    }

    fn publish(&mut self, session: SessionKey) {
        let presence = self.world.model.moments as u32;
        self.input(Event::Publish { session, presence });
    }

    fn direct(&mut self, session: SessionKey, users: &[User]) {
        let presence = self.world.model.moments as u32;
        self.input(Event::Direct { session, users: users.to_vec(), presence });
    }

    fn lose(&mut self, session: SessionKey) {
        let cause = LostCause::ConnectionError;
        self.input(Event::Lost { session, cause, grace_ms: None });
    }

    /// Returns the number of notices that were received since this was asked last, each counted
    /// as often as it was received.
    fn told(&mut self) -> u64 {
        let deliveries = self.world.host.deliveries;
        deliveries - std::mem::replace(&mut self.told, deliveries)
    }

    /// Resumes a session and returns its new key.
    fn resume(&mut self, session: SessionKey) -> SessionKey {
        let id = self.world.model.find(session).expect("it can be resumed");
        self.input(Event::Resume { session });
        self.world.model.sessions[&id].key
    }

    fn advance(&mut self, by: u64) {
        self.now += by;
        self.input(Event::Advance);
    }

    fn end(mut self) {
        if let Err(fault) = self.world.everyone_leaves(false) {
            panic!("{fault}");
        }
    }
}

/// Its sessions are told apart by whom they told, and it hears once of all of them.
#[test]
fn a_stranger_told_by_two_sessions_of_one_who_is_expelled() {
    let mut scene = Scene::new(|options| options.direct_to = DirectTo::Anyone);
    let told = [scene.connect(0, &[1], &[]), scene.connect(0, &[1], &[])];
    scene.connect(2, &[], &[]);
    for session in told {
        scene.direct(session, &[2]);
    }
    scene.input(Event::Expel { user: 0 });
    scene.end();
}

/// It is not told now, and holds nothing once it has a snapshot, so it is not told later either.
#[test]
fn a_contact_told_directly_is_detached_when_the_sender_goes_invisible() {
    let mut scene = Scene::new(|_| {});
    let session = scene.connect(0, &[1], &[]);
    let receiver = scene.connect(1, &[0], &[]);
    scene.direct(session, &[1]);
    scene.lose(receiver);
    scene.input(Event::Invisible { session });
    scene.resume(receiver);
    scene.end();
}

/// What was told to the attachment before is forgotten: nothing is told to the one that there is
/// now, whatever becomes of the sender (rule 3).
#[test]
fn a_receiver_that_has_resumed_is_not_told_what_it_held_before() {
    type Over = fn(&mut Scene, SessionKey);
    let ways: [Over; 5] = [
        |scene, session| scene.input(Event::Disconnect { session }),
        |scene, session| scene.input(Event::Invisible { session }),
        |scene, _| scene.input(Event::Expel { user: 0 }),
        |scene, _| scene.input(Event::Block { user: 0, other: 2 }),
        |scene, _| scene.input(Event::AudienceRemove { user: 0, contacts: vec![2] }),
    ];
    for over in ways {
        for is_congested in [false, true] {
            let mut scene = Scene::new(|options| options.direct_to = DirectTo::Anyone);
            let session = scene.connect(0, &[], &[]);
            let mut receiver = scene.connect(2, &[], &[]);
            scene.direct(session, &[2]);
            receiver = scene.resume(receiver);
            if is_congested {
                scene.input(Event::Congested { session: receiver });
            }
            over(&mut scene, session);
            scene.input(Event::Writable { session: receiver });
            assert_eq!(scene.world.host.deliveries, 1, "it is told once, and of nothing else");
            scene.end();
        }
    }
}

/// Attachments that are over leave no place for others' keys, and what was said longest ago is over
/// by the names that were handed in since, whoever is there.
#[test]
fn receivers_that_resume_again_and_again_leave_nothing_behind() {
    let mut scene = Scene::new(|options| {
        options.direct_to = DirectTo::Anyone;
        (options.max_direct, options.max_told, options.direct_rate) = (2, 2, None);
    });
    let session = scene.connect(0, &[], &[]);
    let mut receivers = [scene.connect(1, &[], &[]), scene.connect(2, &[], &[])];
    for _ in 0..9 {
        scene.direct(session, &[1, 2]);
        receivers = receivers.map(|receiver| scene.resume(receiver));
    }
    scene.direct(session, &[1, 2]);
    assert_eq!(scene.told(), 20, "the directed presence alone");
    // Nobody has this name, and it counts.
    scene.direct(session, &[9]);
    assert_eq!(scene.told(), 2, "what was said before is over");
    scene.end();
}

/// In which of several calls a receiver was told last decides.
#[test]
fn a_receiver_in_two_calls_is_told_that_it_is_over_when_both_are() {
    let mut scene = Scene::new(|options| {
        options.direct_to = DirectTo::Anyone;
        (options.max_direct, options.max_told) = (3, 5);
    });
    let session = scene.connect(0, &[], &[]);
    let receivers = [1, 2, 3].map(|user| scene.connect(user, &[], &[]));
    scene.direct(session, &[1, 2]);
    scene.direct(session, &[2, 3]);
    scene.input(Event::Congested { session: receivers[1] });
    scene.told();
    scene.direct(session, &[1, 1, 1]);
    assert_eq!(scene.told(), 1, "of the first call, both have been told again");
    scene.direct(session, &[]);
    scene.direct(session, &[9, 9]);
    assert_eq!(scene.told(), 1, "of the second call, the one that is not congested");
    scene.input(Event::Writable { session: receivers[1] });
    assert_eq!(scene.told(), 1, "and the other as soon as it takes notices");
    scene.input(Event::Disconnect { session });
    assert_eq!(scene.told(), 1, "only the third call was remembered");
    scene.end();
}

/// A device that takes nothing at the end of another hears of it afterwards, though others are
/// still shown what is held (rule 6).
#[test]
fn an_own_device_that_is_congested_at_a_takeover_is_told_of_the_end() {
    let mut scene = Scene::new(|_| {});
    let session = scene.connect(0, &[1], &[]);
    scene.connect(1, &[0], &[]);
    scene.publish(session);
    let newcomer = scene.connect(0, &[1], &[]);
    scene.input(Event::Congested { session: newcomer });
    scene.told();
    scene.input(Event::Disconnect { session });
    assert_eq!(scene.told(), 0, "nobody blinks");
    scene.input(Event::Writable { session: newcomer });
    assert_eq!(scene.told(), 1);
    scene.publish(newcomer);
    assert_eq!(scene.told(), 2, "the new one, and the end of the old one");
    scene.end();
}

/// A session that has ended is held by the last that came before it ended; when that one has gone
/// and another later one is there, it stays.
#[test]
fn what_is_held_outlives_its_newcomer_while_another_is_left() {
    let mut scene = Scene::new(|options| options.settle_ms = 100);
    scene.connect(1, &[0], &[]);
    let session = scene.connect(0, &[1], &[]);
    scene.publish(session);
    scene.now = 10;
    let second = scene.connect(0, &[1], &[]);
    scene.now = 20;
    let third = scene.connect(0, &[1], &[]);
    scene.input(Event::Disconnect { session });
    let third = scene.resume(third);
    scene.lose(second);
    scene.told();
    scene.input(Event::Disconnect { session: third });
    assert_eq!(scene.told(), 0, "the second came later too, though it is detached");
    scene.advance(99);
    assert_eq!(scene.told(), 0);
    scene.advance(1);
    assert_eq!(scene.told(), 1, "the time of the last that had come is over");
    scene.end();
}

/// The oldest goes first, one by one, where more end than a user may have sessions.
#[test]
fn a_user_who_changes_devices_over_and_over_is_held_a_few_times() {
    let mut scene = Scene::new(|options| {
        options.max_sessions = 1;
        options.over_limit = OverLimit::EvictOldest { min_age_ms: 0 };
        options.own_echo = false;
    });
    scene.connect(1, &[0], &[]);
    for _ in 0..4 {
        let session = scene.connect(0, &[1], &[]);
        scene.direct(session, &[1]);
    }
    assert_eq!(scene.world.model.held.len(), 1);
    scene.input(Event::Expel { user: 0 });
    scene.end();
}

/// Under `Never`, a removal and a block are told to whoever may hold something, whatever it was,
/// and to nobody else (rule 7).
#[test]
fn who_was_not_told_of_an_end_is_told_of_the_removal() {
    type Way = fn(&mut Scene, SessionKey);
    let ways: [Way; 4] = [
        |scene, session| {
            scene.publish(session);
            scene.input(Event::Invisible { session });
        },
        |scene, session| {
            scene.publish(session);
            scene.input(Event::Disconnect { session });
        },
        |scene, session| {
            scene.direct(session, &[1]);
            scene.input(Event::Disconnect { session });
        },
        |scene, session| {
            let other = scene.world.model.keys_of(0)[1];
            scene.publish(session);
            scene.input(Event::Disconnect { session });
            scene.input(Event::Invisible { session: other });
            scene.input(Event::Visible { session: other });
        },
    ];
    for end in ways {
        for is_congested in [false, true] {
            for event in [
                Event::AudienceRemove { user: 0, contacts: vec![1] },
                Event::Block { user: 0, other: 1 },
                Event::Block { user: 1, other: 0 },
                Event::AudienceReplace { user: 0, contacts: vec![2] },
            ] {
                let mut scene = Scene::new(|options| {
                    options.offline_notices = OfflineNotices::Never;
                    options.settle_ms = 0;
                });
                let session = scene.connect(0, &[1, 2], &[]);
                scene.connect(0, &[1, 2], &[]);
                let receiver = scene.connect(1, &[0], &[]);
                end(&mut scene, session);
                let late = scene.connect(1, &[0], &[]);
                if is_congested {
                    scene.input(Event::Congested { session: receiver });
                }
                scene.told();
                scene.input(event);
                scene.input(Event::Writable { session: receiver });
                assert_eq!(scene.told(), 1, "the one that holds something");
                scene.input(Event::Disconnect { session: late });
                scene.end();
            }
        }
    }
}

/// Whatever the old connection says of the session that has a new one comes too late (rule 5).
#[test]
fn late_words_of_a_replaced_connection_change_nothing() {
    let mut scene = Scene::new(|_| {});
    let first = scene.connect(0, &[1], &[]);
    scene.connect(1, &[0], &[]);
    scene.publish(first);
    let second = scene.resume(first);
    scene.lose(second);
    let third = scene.resume(second);
    let refusals = scene.world.host.engine.stats().refusals;
    for session in [first, second] {
        scene.lose(session);
        scene.publish(session);
        scene.direct(session, &[1]);
        scene.input(Event::Disconnect { session });
        scene.input(Event::Resume { session });
        scene.input(Event::Heartbeat { session });
        scene.input(Event::Invisible { session });
        scene.input(Event::Visible { session });
        scene.input(Event::Congested { session });
        scene.input(Event::Writable { session });
    }
    let engine = &scene.world.host.engine;
    assert_eq!(engine.stats().refusals, refusals + 20);
    assert!(engine.is_attached(third) && !engine.is_congested(third));
    scene.end();
}

/// A record whose generations have come to the last birth serves no other session; one that is
/// resumed beyond it keeps its id, and the ids of others are never its own.
#[test]
fn a_session_that_is_resumed_very_often_keeps_its_id() {
    let mut scene = Scene::new(|_| {});
    let mut session = scene.connect(0, &[1], &[]);
    scene.connect(1, &[0], &[]);
    let id = scene.world.host.engine.id_of(session);
    scene.publish(session);
    for round in 0..12 {
        session = scene.resume(session);
        if round % 3 == 0 {
            let passing = scene.connect(2, &[], &[]);
            scene.input(Event::Disconnect { session: passing });
        }
    }
    assert_eq!(scene.world.host.engine.id_of(session), id);
    scene.input(Event::Disconnect { session });
    for _ in 0..6 {
        let passing = scene.connect(0, &[], &[]);
        scene.input(Event::Disconnect { session: passing });
    }
    scene.end();
}

/// What is said of a detached session that ends dates from its loss, and there is nothing to close
/// (rule 6).
#[test]
fn a_detached_session_ends_as_of_its_loss_whoever_ends_it() {
    type Way = fn(&mut Scene, SessionKey);
    let ways: [Way; 4] = [
        |scene, session| scene.input(Event::Disconnect { session }),
        |scene, _| scene.input(Event::Expel { user: 0 }),
        |scene, _| _ = scene.connect(0, &[], &[]),
        |scene, _| scene.advance(100_000),
    ];
    for end in ways {
        let mut scene = Scene::new(|options| options.max_sessions = 2);
        let session = scene.connect(0, &[1], &[]);
        scene.connect(0, &[1], &[]);
        scene.publish(session);
        scene.now = 7;
        let cause = LostCause::GoingAway;
        scene.input(Event::Lost { session, cause, grace_ms: Some(50_000) });
        scene.now = 9;
        end(&mut scene, session);
        scene.end();
    }
}

/// The last input decides, not the order in which leases began.
#[test]
fn leases_that_lapse_together_do_so_in_the_order_of_the_last_inputs() {
    let lease = Lease { lease_ms: 30, heartbeat_ms: 10 };
    let mut scene = Scene::new(|options| options.lease = Some(lease));
    let sessions = [0, 1, 2].map(|user| scene.connect(user, &[0, 1, 2], &[]));
    scene.now = 20;
    for at in [1, 2, 0, 2] {
        scene.input(Event::Heartbeat { session: sessions[at] });
    }
    for _ in 0..8 {
        scene.advance(10);
    }
    scene.end();
}

/// The last word is not lost to a lease that one input restarted as it set the publish aside.
#[test]
fn a_waiting_publish_and_the_lease_of_its_session_are_due_together() {
    let mut scene = Scene::new(|options| {
        options.lease = Some(Lease { lease_ms: 8, heartbeat_ms: 4 });
        options.publish_rate = Some(Rate { burst: 1, interval_ms: 8 });
        options.grace = Grace::NONE;
    });
    let session = scene.connect(0, &[1], &[]);
    scene.publish(session);
    scene.publish(session);
    scene.now = 4;
    scene.connect(1, &[0], &[]);
    scene.advance(4);
    scene.end();
}

/// Whoever the lists let in is told of the session that has to go, and then that it went.
#[test]
fn a_connect_adds_a_contact_and_evicts_a_session_that_has_published() {
    let mut scene = Scene::new(|options| {
        options.max_sessions_per_kind = Some(1);
        options.over_limit = OverLimit::EvictOldest { min_age_ms: 0 };
    });
    let evicted = scene.connect(0, &[], &[]);
    scene.publish(evicted);
    scene.connect(1, &[0], &[]);
    scene.connect(0, &[1], &[]);
    scene.end();
}

/// The ids of those who leave the audience to be blocked are still known.
#[test]
fn a_connect_takes_contacts_out_and_blocks_them() {
    let mut scene = Scene::new(|_| {});
    scene.connect(0, &[1, 2, 3], &[]);
    scene.connect(0, &[], &[1, 2, 3]);
    scene.connect(1, &[0], &[]);
    scene.connect(4, &[0], &[]);
    scene.end();
}

/// Nobody else hears that somebody went invisible, so neither does a receiver that catches up.
#[test]
fn a_catch_up_where_endings_are_not_told() {
    let mut scene = Scene::new(|options| options.offline_notices = OfflineNotices::Never);
    let session = scene.connect(0, &[1], &[]);
    let receiver = scene.connect(1, &[0], &[]);
    scene.publish(session);
    scene.input(Event::Congested { session: receiver });
    scene.publish(session);
    scene.input(Event::Invisible { session });
    scene.input(Event::Writable { session: receiver });
    scene.end();
}

/// Everyone is skipped, in however many decisions.
#[test]
fn more_are_congested_than_fit_in_one_decision() {
    let mut scene = Scene::new(|options| options.direct_to = DirectTo::Anyone);
    let everyone = [0, 1, 2, 3, 4, 5];
    let sessions: Vec<_> = [everyone, everyone]
        .concat()
        .into_iter()
        .map(|user| scene.connect(user, &everyone, &[]))
        .collect();
    for (at, session) in sessions.iter().enumerate() {
        scene.publish(*session);
        if at % 6 != 5 {
            scene.input(Event::Congested { session: *session });
        }
    }
    scene.input(Event::System { users: everyone.to_vec(), presence: 0 });
    scene.direct(sessions[0], &everyone);
    for session in sessions {
        scene.input(Event::Writable { session });
    }
    scene.end();
}

/// At the end of time all notices have the greatest number. Where as many receive one as a decision
/// takes (of the shrunk constants, four), the next one may be just like it.
#[test]
fn notices_that_are_alike_at_the_end_of_time() {
    for devices in [3, 4, 5, 8] {
        let mut scene = Scene::new(|options| options.max_sessions = 8);
        let session = scene.connect(0, &[1, 2], &[]);
        for _ in 0..devices {
            scene.connect(1, &[0], &[]);
        }
        scene.connect(2, &[0], &[]);
        scene.publish(session);
        scene.now = u64::MAX;
        scene.told();
        scene.connect(0, &[1, 2], &[1, 2]);
        assert_eq!(scene.told(), devices + 1 + 1, "all are told, and the newcomer of its own user");
        scene.end();
    }
}
