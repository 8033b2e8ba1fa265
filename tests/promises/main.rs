//! The four promises of the design, one test each, with presences that can tell whether one is
//! broken. The fourth, that nobody believes in ghosts, is in `ghosts`.

mod ghosts;
mod in_topics;
mod receiver;

use adsum::{
    Config, Decision, DefaultHashBuilder, Engine, Event as AnyEvent, Notice, SessionId, SessionKey,
    Time,
};
use adsum_model::drain::Watch;
use adsum_model::host::{begun, given};
use adsum_model::ops::USERS;
use adsum_model::queries::equal;
use adsum_model::{
    Attachment, Case, Choice, Event, Host, Model, Op, Outcome, Payload, User, strategy,
};
use in_topics::{Member, each_gone, each_shown};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// An engine with presences of a test's own, and the model, relative to which operations are
/// decoded.
struct Run<P> {
    host: Host<P>,
    model: Model,
    said: u32,
}

impl<P: Payload> Run<P> {
    fn new(config: &Config, choice: Option<Choice>) -> Self {
        let hasher = DefaultHashBuilder::default();
        let host = Host::with_choice(config.clone(), choice, hasher);
        Self { host, model: Model::with_choice(config, choice), said: 0 }
    }

    /// The operation, with a presence that nothing else says.
    fn decode(&mut self, op: Op) -> (Time, Event) {
        self.said += 1;
        let (now, mut event) = op.decode(&self.model, self.said);
        if let Event::Publish { presence, .. } = &mut event {
            *presence = self.said;
        }
        (now, event)
    }

    fn input(
        &mut self,
        now: Time,
        event: &Event,
        take: usize,
        watch: &mut Watch<'_, P>,
    ) -> Result<Outcome, String> {
        let outcome = self.host.handle(now, event, take, watch)?;
        let expected = self.model.apply(now.as_millis(), event, given(&outcome));
        equal("the refusal", outcome.as_ref().err(), expected.as_ref().err())?;
        Ok(outcome)
    }
}

// ---- 1

thread_local! {
    static ALIVE: Cell<usize> = const { Cell::new(0) };
}

/// A presence that is counted for as long as it exists.
struct Counted(u32);

impl Payload for Counted {
    fn make(said: u32, _: Option<SessionKey>) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self(said)
    }

    fn said(&self) -> u32 {
        self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

/// One for each session that shows something and has not ended or is held, one for each conflated
/// publish, one for what takes the place of either at a set moment (rule 25), and what a directed
/// or system notice says while it is drained. Never more, and none at the end.
#[test]
fn presence_is_never_persisted() {
    strategy::check(1_500, 60, |case| {
        ALIVE.set(0);
        let outcome = count_values(&case);
        outcome.and_then(|()| equal("values of a dropped engine", ALIVE.get(), 0))
    });
}

fn count_values(case: &Case) -> Result<(), String> {
    let mut run = Run::<Counted>::new(&case.setup.config(), case.setup.choice());
    for op in &case.ops {
        let (now, event) = run.decode(*op);
        let bound = most_values(&run.model, now, &event);
        // Dropped half-way or not, a drain holds nothing back.
        let take = match event {
            Event::Advance => usize::MAX,
            _ if op.0[4] % 4 == 0 => usize::from(op.0[4] / 4 % 3),
            _ => usize::MAX,
        };
        let mut most = 0;
        _ = run.input(now, &event, take, &mut |_, _| most = most.max(ALIVE.get()))?;
        if most > bound {
            return Err(format!("{most} values during {event:?}, {bound} would do"));
        }
        let alive = run.model.counts().presences;
        equal("values alive", ALIVE.get(), alive)?;
        equal("values counted", run.host.engine.counts().presences, alive)?;
        run.host.look_again(run.model.keys());
    }
    // Half of the engines are dropped as they are, the others once everyone has left.
    if case.ops.len().is_multiple_of(2) {
        for session in run.model.keys() {
            let now = Time::from_millis(run.model.now);
            _ = run.input(now, &Event::Disconnect { session }, usize::MAX, &mut |_, _| {})?;
        }
        equal("values when everyone has left", ALIVE.get(), 0)?;
    }
    Ok(())
}

/// The most values that may be alive while this input is drained.
fn most_values(model: &Model, now: Time, event: &Event) -> usize {
    let before = model.counts().presences;
    let mut after = model.clone();
    match event {
        // What ends only in the course of these is alive until they come to it.
        Event::Connect { .. } | Event::Advance | Event::Close { .. } => before,
        _ if after.apply(now.as_millis(), event, Attachment::NONE).is_err() => before,
        Event::Direct { .. }
        | Event::DirectFor { .. }
        | Event::System { .. }
        | Event::Say { .. } => before + 1,
        // Whatever ends is dropped before anyone is told.
        _ => after.counts().presences,
    }
}

/// Says whether a type has a trait, by what its name resolves to.
struct Probe<T>(std::marker::PhantomData<T>);

trait Otherwise {
    const IS_CLONE: bool = false;
    #[cfg(feature = "serde")]
    const IS_SERIALIZE: bool = false;
}

impl<T> Otherwise for Probe<T> {}

impl<T: Clone> Probe<T> {
    const IS_CLONE: bool = true;
}

#[cfg(feature = "serde")]
impl<T: serde::Serialize> Probe<T> {
    const IS_SERIALIZE: bool = true;
}

/// Inputs can be kept, to replay them. State cannot, by anybody.
#[test]
fn state_can_be_neither_copied_nor_serialised() {
    const {
        assert!(Probe::<AnyEvent<u8, u32>>::IS_CLONE, "the probe works");
        assert!(!Probe::<Engine<u8, u32>>::IS_CLONE);
        assert!(!Probe::<adsum::Decisions<'_, u8, u32, DefaultHashBuilder>>::IS_CLONE);
        assert!(!Probe::<adsum::Snapshot<'_, u8, u32>>::IS_CLONE);
    }
    #[cfg(feature = "serde")]
    const {
        assert!(Probe::<AnyEvent<u8, u32>>::IS_SERIALIZE, "the probe works");
        assert!(!Probe::<Engine<u8, u32>>::IS_SERIALIZE);
        assert!(!Probe::<Decision<'_, u8, u32>>::IS_SERIALIZE);
        assert!(!Probe::<Notice<'_, u8, u32>>::IS_SERIALIZE);
        assert!(!Probe::<adsum::Snapshot<'_, u8, u32>>::IS_SERIALIZE);
        assert!(!Probe::<adsum::Replica<u8, u32>>::IS_SERIALIZE);
    }
}

// ---- 2

/// Every receiver is attached and takes notices at that moment, which the host checks of each
/// against its own table of sockets. What it is told is the present: the presence that the session
/// has now, or what the input at hand says, and never something from before.
#[test]
fn presence_never_reaches_an_offline_user() {
    strategy::check(1_500, 60, |case| {
        let mut run = Run::<u32>::new(&case.setup.config(), case.setup.choice());
        let mut published = BTreeMap::new();
        for op in &case.ops {
            let (now, event) = run.decode(*op);
            present_only(&mut run, now, &event, &mut published)
                .map_err(|fault| format!("{event:?}: {fault}"))?;
        }
        Ok(())
    });
}

fn present_only(
    run: &mut Run<u32>,
    now: Time,
    event: &Event,
    published: &mut BTreeMap<SessionId, u32>,
) -> Result<(), String> {
    let mut presences = Vec::new();
    let mut words = Vec::new();
    let mut heard: BTreeMap<SessionKey, Vec<bool>> = BTreeMap::new();
    let to_come = to_come(&run.model);
    let (mut shown, mut may_show) = (Vec::new(), may_show(&run.model, event));
    let outcome = run.input(now, event, usize::MAX, &mut |decision, to| {
        each_shown(decision, |member, presence| shown.push((member, presence.copied())));
        for key in to {
            let is_snapshot = matches!(decision, Decision::Snapshot(_) | Decision::Topic(_));
            heard.entry(*key).or_default().push(is_snapshot);
        }
        match decision {
            Decision::Deliver { notice, .. } | Decision::Skipped { notice, .. } => match notice {
                Notice::Presence { session, presence, .. } => {
                    presences.push((*session, **presence))
                }
                Notice::Directed { presence, .. }
                | Notice::System { presence, .. }
                | Notice::Said { presence, .. } => words.push(**presence),
                _ => {}
            },
            Decision::Snapshot(snapshot) => {
                presences.extend(snapshot.entries().map(|entry| (entry.session, *entry.presence)));
            }
            _ => {}
        }
    })?;
    words.retain(|word| Some(*word) != said_with(event));
    equal("what is said from earlier inputs", words, Vec::new())?;
    let engine = &run.host.engine;
    if let (Event::Publish { session, presence }, Ok(_)) = (event, &outcome) {
        let session = engine.id_of(*session).ok_or("a session that publishes is not known")?;
        published.insert(session, *presence);
    }
    for (session, presence) in presences {
        let now = engine.session_by_id(session).and_then(|session| session.presence.copied());
        // Of one that has ended and is held, a publish that waited is dropped.
        let held = run.model.held.get(&session).and_then(|session| session.presence);
        let now = now.or(held);
        // A session may also have ended in the course of the drain, after this was said.
        let last = now.or_else(|| published.get(&session).copied());
        let ended_in_drain = now.is_none() && matches!(event, Event::Connect { .. });
        // Or it has said, in the same drain, one thing after the other.
        let comes_by_itself = *event == Event::Advance
            && to_come.get(&session).is_some_and(|come| come.contains(&Some(presence)));
        if last != Some(presence) && !ended_in_drain && !comes_by_itself {
            return Err(format!("{presence} of {session:?}, which says {last:?}"));
        }
    }
    may_show.extend(shows(&run.model));
    shown.retain(|shown| !may_show.contains(shown));
    equal("what is shown in topics from earlier inputs", shown, Vec::new())?;
    match outcome.map(|answer| answer.about) {
        Ok(Some(key)) => present_first(run, event, &heard.remove(&key).unwrap_or_default()),
        _ => Ok(()),
    }
}

/// Returns what an input says without showing it.
const fn said_with(event: &Event) -> Option<u32> {
    match event {
        Event::Direct { presence, .. }
        | Event::DirectFor { presence, .. }
        | Event::System { presence, .. }
        | Event::Say { presence, .. } => Some(*presence),
        _ => None,
    }
}

/// Returns what each session shows in each topic.
fn shows(model: &Model) -> BTreeSet<(Member, Option<u32>)> {
    let places = model
        .topics
        .iter()
        .flat_map(|(topic, of)| of.places.iter().map(|(session, place)| (*topic, *session, place)));
    let members = places.filter(|(.., place)| place.is_member);
    let shown = members.map(|(topic, session, _)| {
        let user = model.sessions[&session].user;
        (Member { topic, user, session }, model.shown_in(topic, session))
    });
    shown.collect()
}

/// Returns what members may show in the course of an input, beside what they show after it: if
/// several moments pass meanwhile, what they have shown until then and what comes by itself; and
/// what a device has shown that is evicted at the end of it.
fn may_show(model: &Model, event: &Event) -> BTreeSet<(Member, Option<u32>)> {
    if !matches!(event, Event::Advance | Event::Connect { .. }) {
        return BTreeSet::new();
    }
    let to_come = to_come(model);
    let mut shown = shows(model);
    for (member, _) in shown.clone() {
        let place = &model.topics[&member.topic].places[&member.session];
        let waiting = place.waiting.map(|(presence, _)| Some(presence));
        // What it shows wherever nothing else has been said, unless there is something of its own.
        let own = to_come.get(&member.session).filter(|_| place.presence.is_none());
        let come = waiting.into_iter().chain(own.into_iter().flatten().copied());
        shown.extend(come.map(|presence| (member, presence)));
    }
    shown
}

/// Returns what each session has still to say by itself.
fn to_come(model: &Model) -> BTreeMap<SessionId, [Option<u32>; 3]> {
    let come = model.showing().map(|(id, session)| {
        let then = session.expiry.and_then(|expiry| expiry.then);
        let waiting_then = session.waiting_end.and_then(|(_, then)| then);
        (id, [then, session.waiting, waiting_then])
    });
    come.collect()
}

/// Whoever attaches is told the present state, first and last. Each thing it heard was a snapshot
/// or not.
fn present_first(run: &Run<u32>, event: &Event, heard: &[bool]) -> Result<(), String> {
    match event {
        Event::Connect { .. } | Event::Resume { .. } if heard.contains(&false) => {
            Err("somebody who has just attached is told of something that happened".into())
        }
        Event::Connect { .. } if heard.is_empty() == run.model.options.snapshot_on_connect => {
            Err("a snapshot is missing, or there is one too many".into())
        }
        Event::Resume { .. } if heard.is_empty() => Err("a snapshot is missing".into()),
        _ => Ok(()),
    }
}

// ---- 3

/// A presence that knows who said it, and claims to be somebody else who is offline.
struct Signed {
    said: u32,
    by: Option<SessionKey>,
    claims: (User, &'static str),
}

impl Payload for Signed {
    fn make(said: u32, by: Option<SessionKey>) -> Self {
        Self { said, by, claims: (said % USERS, "offline") }
    }

    fn said(&self) -> u32 {
        self.said
    }
}

/// A presence comes from the session that said it and from no other, whatever it claims; and
/// neither a user nor a session is called gone that can still be seen.
#[test]
fn nobody_can_speak_for_somebody_else() {
    strategy::check(1_500, 60, |case| {
        let mut run = Run::<Signed>::new(&case.setup.config(), case.setup.choice());
        let mut known = Known::default();
        for op in &case.ops {
            let (now, event) = run.decode(*op);
            check_senders(&mut run, now, &event, &mut known)
                .map_err(|fault| format!("{event:?}: {fault}"))?;
        }
        Ok(())
    });
}

/// Whose every session is, and whose every attachment, as the host knows from having been told.
#[derive(Default)]
struct Known {
    users: BTreeMap<SessionId, User>,
    attachments: BTreeMap<SessionKey, SessionId>,
}

impl Known {
    fn session(&self, attachment: SessionKey) -> Option<SessionId> {
        self.attachments.get(&attachment).copied()
    }

    fn learn(&mut self, event: &Event, begun: Attachment) {
        if begun == Attachment::NONE {
            return;
        }
        self.attachments.insert(begun.key, begun.session);
        if let Event::Connect { user, .. } = event {
            self.users.insert(begun.session, *user);
        }
    }
}

fn check_senders(
    run: &mut Run<Signed>,
    now: Time,
    event: &Event,
    known: &mut Known,
) -> Result<(), String> {
    let mut endings: Vec<(User, Option<SessionId>, Vec<SessionKey>)> = Vec::new();
    let (mut faults, mut gone) = (Vec::new(), Vec::new());
    let mut signed = |user: User, session: SessionId, presence: &Signed| {
        let by = presence.by.and_then(|by| known.session(by));
        if by != Some(session) || known.users.get(&session) != Some(&user) {
            let (claimed, state) = presence.claims;
            faults.push(format!("{session:?} of {user} for {by:?} ({claimed} {state})"));
        }
    };
    let outcome = run.input(now, event, usize::MAX, &mut |decision, to| {
        each_shown(decision, |member, presence| {
            assert_eq!(known.users.get(&member.session), Some(&member.user), "it is its own");
            presence.into_iter().for_each(|presence| signed(member.user, member.session, presence));
        });
        each_gone(decision, |topic, user, session| gone.push((topic, user, session, to.to_vec())));
        match decision {
            Decision::Deliver { notice, .. } | Decision::Skipped { notice, .. } => match notice {
                Notice::Presence { user, session, presence, .. }
                | Notice::Directed { user, session, presence, .. }
                | Notice::Said { user, session, presence, .. } => {
                    signed(**user, *session, presence)
                }
                Notice::User { user, presence, .. } => {
                    let by = presence.by.and_then(|by| known.session(by));
                    signed(**user, by.expect("somebody says it"), presence);
                }
                Notice::SessionEnded { user, session, .. } => {
                    endings.push((**user, Some(*session), to.to_vec()));
                }
                Notice::UserOffline { user, .. } => endings.push((**user, None, to.to_vec())),
                Notice::DirectedOver { user, session, .. }
                | Notice::SaidOver { user, session, .. }
                | Notice::Withdrawn { user, session, .. } => {
                    assert_eq!(known.users.get(session), Some(*user), "it says so of its own");
                }
                Notice::Visibility { user, .. } => {
                    let users = to.iter().map(|key| known.users[&known.attachments[key]]);
                    assert!(users.into_iter().all(|own| own == **user), "it is told to its own");
                }
                Notice::System { presence, .. } => assert_eq!(presence.by, None, "nobody says it"),
                Notice::Joined { .. }
                | Notice::Member { .. }
                | Notice::MemberSessionEnded { .. }
                | Notice::Left { .. }
                | Notice::TopicClosed { .. } => {}
                _ => unreachable!("an unknown kind of notice"),
            },
            Decision::Snapshot(snapshot) => {
                for entry in snapshot.entries() {
                    signed(*entry.user, entry.session, entry.presence);
                }
            }
            _ => {}
        }
    })?;
    equal("what is said in another's name", faults, Vec::new())?;
    known.learn(event, begun(&outcome));
    check_gone(run, known, gone)?;
    // Who looked offline at one deadline may show something at the next.
    let is_over = run.model.choice.is_none() || *event != Event::Advance;
    endings.retain(|(_, session, _)| is_over || session.is_some());
    check_endings(run, known, endings)
}

/// Whoever is called gone from a topic is not to be seen there by who is told so.
fn check_gone(
    run: &Run<Signed>,
    known: &Known,
    gone: Vec<(User, User, Option<SessionId>, Vec<SessionKey>)>,
) -> Result<(), String> {
    for (name, user, session, to) in gone {
        let topic = run.host.engine.topic(&name);
        let mut members = topic.iter().flat_map(|topic| topic.members());
        let is_it = |id: SessionId| session.is_none_or(|session| session == id);
        if !members.any(|member| *member.user == user && is_it(member.session)) {
            continue;
        }
        let viewers = to.iter().map(|key| known.users[&known.attachments[key]]);
        for viewer in viewers {
            if !run.model.are_hidden_in(name, user, viewer) {
                return Err(format!(
                    "{user}, {session:?} is called gone to {viewer}, and is there"
                ));
            }
        }
    }
    Ok(())
}

/// Whoever is told that something is over is told what is so.
fn check_endings(
    run: &Run<Signed>,
    known: &Known,
    endings: Vec<(User, Option<SessionId>, Vec<SessionKey>)>,
) -> Result<(), String> {
    let engine = &run.host.engine;
    for (user, session, to) in endings {
        for receiver in to {
            let viewer = known.users[&known.attachments[&receiver]];
            let is_seen = user == viewer || engine.session_sees(receiver, &user);
            let is_so = match session {
                // It has ended, or it is out of sight, or all that it said was directed.
                Some(session) => {
                    let shows = engine.session_by_id(session).is_some_and(|s| s.presence.is_some());
                    (!is_seen || !shows) && known.users[&session] == user
                }
                None if run.model.choice.is_some() => {
                    !is_seen || engine.representative(&user).is_none()
                }
                None => !engine.is_online(&user) || !is_seen,
            };
            if !is_so {
                return Err(format!("{receiver:?} is told that {user}, {session:?} is gone"));
            }
        }
    }
    Ok(())
}
