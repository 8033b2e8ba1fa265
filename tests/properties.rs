//! Whatever comes, the engine does what the model does.

use adsum::{
    Counts, DefaultHashBuilder, DeviceKind, DirectTo, Error, Grace, Lease, LostCause,
    OfflineNotices, Options, OverLimit, Rate, SessionKey, Time,
};
use adsum_model::host::begun;
use adsum_model::queries::{check_state, equal};
use adsum_model::world::compare;
use adsum_model::{
    Attachment, Case, Decision, Event, Host, Model, Notice, Op, Output, Setup, User, World,
    session_of, strategy,
};
use std::collections::{BTreeMap, BTreeSet};

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
        let expected = model.apply(now.as_millis(), &event, begun(&outcome));
        if take == usize::MAX {
            compare(&expected, &outcome)?;
        } else {
            equal("the refusal", outcome.as_ref().err(), expected.as_ref().err())?;
            let waits = outcome.as_ref().ok().and_then(|answer| answer.waits_until);
            let must_wait = expected.as_ref().ok().and_then(|output| output.waits_until);
            equal("how long a publish waits", waits, must_wait)?;
            host.engine.verify()?;
            look_again(&mut host, &model);
            finish_advance(&mut host, &model, now, &event)?;
            look_again(&mut host, &model);
        }
        host.engine.verify()?;
        check_state(&host.engine, &model)?;
    }
    for session in model.keys() {
        let now = Time::from_millis(model.now);
        host.handle(now, &Event::Disconnect { session }, 0, &mut |_, _| {})?
            .map_err(|error| format!("{session:?} cannot leave: {error}"))?;
    }
    equal("counts", host.engine.counts(), Counts::default())
}

fn look_again(host: &mut Host<u32>, model: &Model) {
    // The model may be ahead: it has fired what the engine still has due.
    let stale = model.stale.iter().map(|stale| stale.key);
    host.look_again(model.keys().into_iter().chain(stale));
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

/// Attachments that are over do not count to the limit, and leave no place for others' keys.
#[test]
fn receivers_that_resume_again_and_again_do_not_use_up_the_limit() {
    let mut scene = Scene::new(|options| {
        (options.direct_to, options.max_told) = (DirectTo::Anyone, 2);
    });
    let session = scene.connect(0, &[], &[]);
    let mut receivers = [scene.connect(1, &[], &[]), scene.connect(2, &[], &[])];
    for _ in 0..9 {
        scene.direct(session, &[1, 2]);
        receivers = receivers.map(|receiver| scene.resume(receiver));
    }
    assert_eq!(scene.world.host.engine.stats().refusals, 0);
    scene.direct(session, &[1, 2]);
    scene.connect(3, &[], &[]);
    scene.direct(session, &[3]);
    assert_eq!(scene.world.host.engine.stats().refusals, 1, "three would be one too many");
    scene.end();
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

// ---- the generator

/// A generator that has stopped reaching something would make every other test here weaker and
/// none of them fail.
#[test]
fn the_generator_reaches_all_that_can_happen() {
    let all = all_that_can_happen();
    let mut happened = BTreeMap::new();
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
            *happened.entry(label).or_insert(0) += 1;
        }
    }
    let reached: BTreeSet<String> = happened.keys().cloned().collect();
    let missing: BTreeSet<_> = all.difference(&reached).collect();
    let unheard_of: BTreeSet<_> = reached.difference(&all).collect();
    assert_eq!((missing, unheard_of), (BTreeSet::new(), BTreeSet::new()));
    // A late word of an old connection is as likely as one of a session that has ended.
    for verb in VERBS_OF_SESSIONS {
        let count = |sort: &str| happened[&format!("{verb} refused UnknownSession, {sort}")];
        let (replaced, ended) = (count("replaced"), count("ended"));
        let are_alike = 3 * replaced >= 2 * ended && 3 * ended >= 2 * replaced;
        assert!(are_alike, "{verb}: {replaced} late words, {ended} after the end");
    }
}

/// Returns everything that happens in a case, by the model alone: the keys are made up.
fn what_happens(case: &Case) -> Vec<String> {
    let mut model = Model::new(&case.setup.config());
    let mut labels = Vec::new();
    for (at, op) in (0..).zip(&case.ops) {
        let (now, event) = op.decode(&model, at);
        let sort = sort_of_key(&model, &event);
        let outcome = model.apply(now.as_millis(), &event, made_up(&model, at));
        labels.extend(self::labels(&event, &outcome, sort, model.now));
    }
    labels
}

/// Makes up what an engine would give out: a new session for a connect, and for a resume the
/// session that there is under another key.
fn made_up(model: &Model, nth: u32) -> Attachment {
    let made_up = Attachment::of(u64::from(nth + 1) << 32, nth);
    let taken = model.sessions.contains_key(&made_up.session);
    assert!(!taken && model.find(made_up.key).is_err(), "a name is made up once");
    made_up
}

/// Returns what has become of the key in an input.
fn sort_of_key(model: &Model, event: &Event) -> &'static str {
    let Some(key) = session_of(&mut event.clone()).copied() else { return "none" };
    match model.stale.iter().find(|stale| stale.key == key) {
        Some(stale) if stale.replaced => "replaced",
        Some(_) => "ended",
        None if model.find(key).is_ok() => "current",
        None => "forged",
    }
}

const VERBS_OF_SESSIONS: [&str; 10] = [
    "Congested",
    "Direct",
    "Disconnect",
    "Heartbeat",
    "Invisible",
    "Lost",
    "Publish",
    "Resume",
    "Visible",
    "Writable",
];

const ALL_THAT_CAN_HAPPEN: &str = "\
Advance First;Advance Update;Advance SessionEnded;Advance UserOffline
Advance LeaseLapsed;Advance LeaseLapsed resumable
Advance ends Lost(ConnectionError);Advance ends Lost(Timeout);Advance ends Lost(NodeLoss)
Advance ends Lost(GoingAway);Advance ends one of several;Advance ends an invisible one
Advance ends a detached one
AudienceAdd First;AudienceAdd refused AudienceLimit
AudienceRemove UserOffline
AudienceReplace First;AudienceReplace UserOffline;AudienceReplace refused AudienceLimit
Block UserOffline;Block refused BlockedLimit
Congested refused Detached
Connect Evicted;Connect First;Connect Online;Connect SessionEnded;Connect UserOffline
Connect Snapshot;Connect empty Snapshot
Connect ends Evicted;Connect ends one of several;Connect ends an invisible one
Connect ends a detached one
Connect refused AudienceLimit;Connect refused BlockedLimit;Connect refused SessionLimit
Connect refused SessionLimit of a kind
Direct Directed;Direct skips Directed;Direct refused Detached;Direct refused DirectLimit
Direct refused NotPermitted;Direct refused RateLimited;Direct refused ToldLimit
Disconnect SessionEnded;Disconnect UserOffline
Disconnect ends Disconnected;Disconnect ends one of several;Disconnect ends an invisible one
Disconnect ends a detached one
Expel Expelled;Expel UserOffline
Expel ends Expelled;Expel ends one of several;Expel ends an invisible one
Expel ends a detached one
Heartbeat refused Detached
Invisible UserOffline;Invisible refused Detached
Lost SessionEnded;Lost UserOffline;Lost refused GraceLimit
Lost ends Lost(ConnectionError);Lost ends Lost(Timeout);Lost ends Lost(NodeLoss)
Lost ends Lost(GoingAway);Lost ends one of several;Lost ends an invisible one
Publish First;Publish Update;Publish waits;Publish refused Detached
Resume Replaced;Resume Snapshot;Resume empty Snapshot;Resume refused UnknownSession, current
System System;System skips System
Unblock First
Visible First;Visible refused Detached
Writable First;Writable Update;Writable SessionEnded;Writable UserOffline
Writable refused Detached";

fn all_that_can_happen() -> BTreeSet<String> {
    let stale = VERBS_OF_SESSIONS.iter().flat_map(|verb| {
        let sorts = ["ended", "replaced", "forged"];
        sorts.map(|sort| format!("{verb} refused UnknownSession, {sort}"))
    });
    ALL_THAT_CAN_HAPPEN.split_terminator(['\n', ';']).map(String::from).chain(stale).collect()
}

/// Puts what an input came to into words.
fn labels(
    event: &Event,
    outcome: &Result<Output, Error>,
    sort: &str,
    now: u64,
) -> BTreeSet<String> {
    let verb = first_word(event);
    let output = match outcome {
        Ok(output) => output,
        Err(error) => {
            let more = match error {
                Error::UnknownSession => format!(", {sort}"),
                Error::SessionLimit { kind: Some(_), .. } => " of a kind".into(),
                _ => String::new(),
            };
            return BTreeSet::from([format!("{verb} refused {}{more}", first_word(error))]);
        }
    };
    let waits = output.waits_until.map(|_| format!("{verb} waits"));
    let said = output.decisions.iter().flat_map(|decision| label(&verb, decision, now));
    said.chain(waits).collect()
}

fn label(verb: &str, decision: &Decision, now: u64) -> Vec<String> {
    let one = match decision {
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
        Decision::Online { .. } => format!("{verb} Online"),
        Decision::Ended { reason, since, last, visible, .. } => {
            let also = [
                (!last, "one of several"),
                (!visible, "an invisible one"),
                (*since < now, "a detached one"),
            ];
            let also = also.into_iter().filter(|(is_so, _)| *is_so);
            let mut labels = vec![format!("{verb} ends {reason:?}")];
            labels.extend(also.map(|(_, what)| format!("{verb} ends {what}")));
            return labels;
        }
    };
    vec![one]
}

fn first_word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().into()
}
