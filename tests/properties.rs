//! Whatever comes, the engine does what the model does.

use adsum::{
    Counts, DefaultHashBuilder, DeviceKind, DirectTo, Grace, Lease, LostCause, OfflineNotices,
    Options, OverLimit, Rate, SessionKey, Time,
};
use adsum_model::host::Outcome;
use adsum_model::world::{check_state, compare, equal, exact_counts, no_session};
use adsum_model::{Case, Decision, Event, Host, Model, Notice, Op, Setup, User, World, strategy};
use std::collections::BTreeSet;

#[test]
fn engine_and_model_agree() {
    strategy::check(2_500, 60, |case| World::run(&case, DefaultHashBuilder::default()));
}

/// The host takes some of the decisions and drops the drain. Whoever was to be told the rest is
/// not, but what the engine holds, and all that it says later, is as if they had been.
#[test]
fn a_drain_dropped_half_way_loses_notices_but_no_state() {
    strategy::check(2_500, 60, |case| {
        let mut log = Vec::new();
        half_drained(&case, &mut log).map_err(|fault| format!("{}\n{fault}", log.join("\n")))
    });
}

fn half_drained(case: &Case, log: &mut Vec<String>) -> Result<(), String> {
    let config = case.setup.config();
    let mut host = Host::<u32>::new(config.clone(), DefaultHashBuilder::default());
    let mut model = Model::new(&config);
    for (at, op) in case.ops.iter().enumerate() {
        let (now, event) = op.decode(&model, at as u32);
        let take = if op.0[4] % 2 == 0 { usize::from(op.0[4] / 2 % 4) } else { usize::MAX };
        log.push(format!("{:>6} {event:?}, taking {take}", now.as_millis()));
        let outcome = host.handle(now, &event, take, &mut |_, _| {})?;
        let key = outcome.as_ref().ok().and_then(|(key, _)| *key);
        let expected = model.apply(now.as_millis(), &event, key.unwrap_or_else(no_session));
        if take == usize::MAX {
            compare(&expected, &outcome)?;
        } else {
            equal("the refusal", outcome.as_ref().err(), expected.as_ref().err())?;
            host.engine.verify()?;
            look_again(&mut host, &model);
            finish_advance(&mut host, &model, now, &event)?;
            look_again(&mut host, &model);
        }
        host.engine.verify()?;
        check_state(&host.engine, &model)?;
        equal("counts", exact_counts(host.engine.counts(), &model), model.counts())?;
    }
    for session in model.sessions.keys() {
        let now = Time::from_millis(model.now);
        host.handle(now, &Event::Disconnect { session: *session }, 0, &mut |_, _| {})?
            .map_err(|error| format!("{session:?} cannot leave: {error}"))?;
    }
    equal("counts", host.engine.counts(), Counts::default())
}

fn look_again(host: &mut Host<u32>, model: &Model) {
    // The model may be ahead: it has fired what the engine still has due.
    host.look_again(model.sessions.keys().chain(&model.ended).copied());
}

/// Deadlines that a dropped `advance` had not come to are still due, and the next one fires them.
fn finish_advance(
    host: &mut Host<u32>,
    model: &Model,
    now: Time,
    event: &Event,
) -> Result<(), String> {
    if *event != Event::Advance {
        return Ok(());
    }
    host.handle(now, event, usize::MAX, &mut |_, _| {})?
        .map_err(|error| format!("advance was refused: {error}"))?;
    let next = model.deadlines().first().copied();
    match host.engine.deadline() {
        Some(at) if next.is_none_or(|next| at.as_millis() > next) => {
            Err(format!("the deadline is {at:?}, and the next thing is at {next:?}"))
        }
        _ => Ok(()),
    }
}

// ---- meetings that chance seldom arranges

/// A world to which inputs are given by hand. The model and every check come along.
struct Scene {
    world: World,
    now: u64,
}

impl Scene {
    fn new(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options { lease: None, publish_rate: None, ..Options::default() };
        change(&mut options);
        Self { world: World::new(options), now: 0 }
    }

    fn input(&mut self, event: Event) {
        if let Err(fault) = self.world.input(Time::from_millis(self.now), &event) {
            panic!("{fault}");
        }
    }

    fn connect(&mut self, user: User, audience: &[User], blocked: &[User]) -> SessionKey {
        let (audience, blocked) = (audience.to_vec(), blocked.to_vec());
        self.input(Event::Connect { user, kind: DeviceKind(0), audience, blocked });
        *self.world.model.sessions_of(user).last().expect("there is room for the session")
    }

    fn publish(&mut self, session: SessionKey) {
        let presence = self.world.model.moments as u32;
        self.input(Event::Publish { session, presence });
    }

    fn direct(&mut self, session: SessionKey, users: &[User]) {
        let presence = self.world.model.moments as u32;
        self.input(Event::Direct { session, users: users.to_vec(), presence });
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
    scene.input(Event::Lost { session: receiver, cause: LostCause::ConnectionError });
    scene.input(Event::Invisible { session });
    scene.input(Event::Resume { session: receiver });
    scene.end();
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
        options.max_sessions_per_kind = 1;
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

// ---- the generator

/// A generator that has stopped reaching something would make every other test here weaker and
/// none of them fail.
#[test]
fn the_generator_reaches_all_that_can_happen() {
    let mut missing: BTreeSet<&str> = ALL_THAT_CAN_HAPPEN.split_terminator(['\n', ';']).collect();
    let mut unheard_of = BTreeSet::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..3_000 {
        let mut byte = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 32) as u8
        };
        let bytes: Vec<u8> = (0..Setup::LEN + 60 * Op::LEN).map(|_| byte()).collect();
        for label in what_happens(&Case::from_bytes(&bytes)) {
            missing.remove(&*label);
            if !ALL_THAT_CAN_HAPPEN.split(['\n', ';']).any(|known| known == label) {
                unheard_of.insert(label);
            }
        }
    }
    assert_eq!((missing, unheard_of), (BTreeSet::new(), BTreeSet::new()));
}

/// By the model alone: the keys are made up.
fn what_happens(case: &Case) -> BTreeSet<String> {
    let mut model = Model::new(&case.setup.config());
    let mut labels = BTreeSet::new();
    for (at, op) in case.ops.iter().enumerate() {
        let (now, event) = op.decode(&model, at as u32);
        let key = SessionKey::from_bits(at as u128);
        let outcome = model.apply(now.as_millis(), &event, key);
        labels.extend(self::labels(&event, &outcome.map(|output| (None, output.decisions))));
    }
    labels
}

const ALL_THAT_CAN_HAPPEN: &str = "\
Advance First;Advance Update;Advance SessionEnded;Advance UserOffline;Advance GraceOver
Advance LeaseLapsed;Advance LeaseLapsed resumable
AudienceAdd First;AudienceAdd refused AudienceLimit
AudienceRemove UserOffline
AudienceReplace First;AudienceReplace UserOffline;AudienceReplace refused AudienceLimit
Block UserOffline;Block refused BlockedLimit
Congested refused Detached;Congested refused UnknownSession
Connect Evicted;Connect First;Connect SessionEnded;Connect UserOffline
Connect Snapshot;Connect empty Snapshot
Connect refused AudienceLimit;Connect refused BlockedLimit;Connect refused SessionLimit
Direct Directed;Direct skips Directed;Direct refused Detached;Direct refused DirectLimit
Direct refused NotPermitted;Direct refused RateLimited;Direct refused ToldLimit
Direct refused UnknownSession
Disconnect SessionEnded;Disconnect UserOffline;Disconnect refused UnknownSession
Expel Expelled;Expel UserOffline
Heartbeat refused Detached;Heartbeat refused UnknownSession
Invisible UserOffline;Invisible refused Detached;Invisible refused UnknownSession
Lost SessionEnded;Lost UserOffline;Lost refused UnknownSession
Publish First;Publish Update;Publish refused Detached;Publish refused UnknownSession
Resume Snapshot;Resume empty Snapshot;Resume refused UnknownSession
System System;System skips System
Unblock First
Visible First;Visible refused Detached;Visible refused UnknownSession
Writable First;Writable Update;Writable SessionEnded;Writable UserOffline
Writable refused Detached;Writable refused UnknownSession";

/// What an input came to, in words.
fn labels(event: &Event, outcome: &Outcome) -> Vec<String> {
    let verb = first_word(event);
    let decisions = match outcome {
        Ok((_, decisions)) => decisions,
        Err(error) => return vec![format!("{verb} refused {}", first_word(error))],
    };
    let label = |decision: &Decision| match decision {
        Decision::Deliver { notice: Notice::Presence { first, .. }, .. } => {
            format!("{verb} {}", if *first { "First" } else { "Update" })
        }
        Decision::Deliver { notice, .. } => format!("{verb} {}", first_word(notice)),
        Decision::Skipped { notice, .. } => format!("{verb} skips {}", first_word(notice)),
        Decision::Snapshot { entries, .. } if entries.is_empty() => {
            format!("{verb} empty Snapshot")
        }
        Decision::Snapshot { .. } => format!("{verb} Snapshot"),
        Decision::Close { reason, resumable, .. } => {
            format!("{verb} {reason:?}{}", if *resumable { " resumable" } else { "" })
        }
    };
    decisions.iter().map(label).collect()
}

fn first_word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().into()
}
