//! What the adversaries share: every verb in one form, and a picture of an engine to compare.

use adsum::{
    Config, Connect, Counts, Decisions, Engine, Error, LostCause, Options, SessionId, SessionKey,
    Stats, Time,
};
use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};

pub(crate) const fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

pub(crate) fn config(change: impl FnOnce(&mut Options)) -> Config {
    let mut options = Options::default();
    change(&mut options);
    Config::new(options).expect("the options go together")
}

/// Takes all decisions, and says what they were.
pub(crate) fn drain<K, P, S>(mut decisions: Decisions<'_, K, P, S>) -> Vec<String>
where
    K: Eq + Hash + Debug,
    P: Debug,
    S: BuildHasher,
{
    let mut said = Vec::new();
    while let Some(decision) = decisions.next() {
        said.push(format!("{decision:?}"));
    }
    said
}

/// A verb that names a session, with whatever else it takes.
pub(crate) type Verb = for<'e> fn(
    &'e mut Engine<u32, u32>,
    Time,
    SessionKey,
) -> Result<Decisions<'e, u32, u32>, Error>;

/// Returns whether the verb refuses a detached session.
pub(crate) const SESSION_VERBS: [(&str, bool, Verb); 21] = [
    ("disconnect", false, |e, now, key| e.disconnect(now, key)),
    ("lost by error", false, |e, now, key| e.lost(now, key, LostCause::ConnectionError)),
    ("lost by timeout", false, |e, now, key| e.lost(now, key, LostCause::Timeout)),
    ("lost with its node", false, |e, now, key| e.lost(now, key, LostCause::NodeLoss)),
    ("lost by going away", false, |e, now, key| e.lost(now, key, LostCause::GoingAway)),
    ("lost for good", false, |e, now, key| {
        e.lost_with_grace(now, key, LostCause::ConnectionError, 0)
    }),
    ("lost for a while", false, |e, now, key| {
        e.lost_with_grace(now, key, LostCause::NodeLoss, 99_000)
    }),
    ("resume", false, |e, now, key| e.resume(now, key).map(|(_, decisions)| decisions)),
    ("heartbeat", true, |e, now, key| e.heartbeat(now, key)),
    ("publish", true, |e, now, key| e.publish(now, key, 77)),
    ("direct", true, |e, now, key| e.direct(now, key, &[1, 2, 3], 78)),
    ("publish until", true, |e, now, key| {
        let until = e.now().max(now).saturating_add(900);
        e.publish_until(now, key, 80, until, Some(81))
    }),
    ("publish until past", true, |e, now, key| e.publish_until(now, key, 82, at(0), None)),
    ("withdraw", true, |e, now, key| e.withdraw(now, key)),
    ("direct for", true, |e, now, key| e.direct_for(now, key, &[1, 2, 3], 83, 900)),
    ("watch", true, |e, now, key| e.watch(now, key, [1, 2, 3, 9])),
    ("unwatch", true, |e, now, key| e.unwatch(now, key, &[2, 9])),
    ("invisible", true, |e, now, key| e.invisible(now, key)),
    ("visible", true, |e, now, key| e.visible(now, key)),
    ("congested", true, |e, now, key| e.congested(now, key)),
    ("writable", true, |e, now, key| e.writable(now, key)),
];

/// Those that name none.
pub(crate) const OTHER_VERBS: [(&str, Verb); 9] = [
    ("connect", |e, now, _| {
        let connect = Connect::new(4).audience(0..4).blocked([9]);
        e.connect(now, connect).map(|(_, decisions)| decisions)
    }),
    ("connect again", |e, now, _| {
        let connect = Connect::new(1).audience(0..6).blocked([9]);
        e.connect(now, connect).map(|(_, decisions)| decisions)
    }),
    ("audience_add", |e, now, _| e.audience_add(now, &1, [7, 8])),
    ("audience_remove", |e, now, _| e.audience_remove(now, &1, &[2, 3])),
    ("audience_replace", |e, now, _| e.audience_replace(now, &1, [3, 4])),
    ("block", |e, now, _| e.block(now, &1, 2)),
    ("unblock", |e, now, _| e.unblock(now, &1, &9)),
    ("system", |e, now, _| e.system(now, &[1, 2], 79)),
    ("expel", |e, now, _| Ok(e.expel(now, &2))),
];

/// An engine in which everything is going on: users 1, 2 and 3, who all see each other and have
/// published, the first with two sessions; one of the third's is detached, the second's is
/// congested and has missed something, and the first session has directed to the third's.
pub(crate) fn busy(now: Time) -> (Engine<u32, u32>, [SessionKey; 5]) {
    let mut engine = Engine::new(config(|options| options.max_sessions_per_kind = Some(4)));
    let keys = [1, 1, 2, 3, 3].map(|user| {
        let connected = engine.connect(now, Connect::new(user).audience(0..5).blocked([9]));
        let (key, decisions) = connected.expect("there is room");
        drain(decisions);
        key
    });
    for key in keys {
        drain(engine.publish(now, key, 5).expect("it is attached"));
    }
    drain(engine.direct(now, keys[0], &[3], 6).expect("they are contacts"));
    drain(engine.lost(now, keys[4], LostCause::NodeLoss).expect("it is there"));
    drain(engine.congested(now, keys[2]).expect("it is attached"));
    drain(engine.publish(now, keys[1], 7).expect("it is attached"));
    assert_eq!(engine.verify(), Ok(()));
    (engine, keys)
}

/// A session: its names, what it shows, its loss, when it came and was heard, and if it is slow.
type Seen = (SessionKey, SessionId, Option<u32>, Option<(Time, LostCause)>, [Time; 2], bool);

/// All that can be asked of an engine.
#[derive(Debug, PartialEq)]
pub(crate) struct Picture {
    now: Time,
    deadline: Option<Time>,
    counts: Counts,
    stats: Stats,
    sessions: Vec<Seen>,
    users: Vec<(bool, bool, Vec<bool>)>,
}

impl Picture {
    /// Of the users 0 to 9. Refusals are counted apart: they are all that a refusal changes.
    pub(crate) fn of(engine: &Engine<u32, u32>) -> (Self, u64) {
        assert_eq!(engine.verify(), Ok(()));
        let sessions = (0..10).flat_map(|user| engine.sessions(&user)).map(|key| {
            let it = engine.session(key).expect("it is there");
            let times = [it.connected, it.heard];
            (key, it.id, it.presence.copied(), it.lost, times, it.is_congested)
        });
        let sees = |viewer| (0..10).map(|user| engine.sees(&viewer, &user)).collect();
        let users =
            (0..10).map(|user| (engine.is_online(&user), engine.is_invisible(&user), sees(user)));
        let (mut stats, sessions, users) = (engine.stats(), sessions.collect(), users.collect());
        let refusals = std::mem::take(&mut stats.refusals);
        let (now, deadline, counts) = (engine.now(), engine.deadline(), engine.counts());
        (Self { now, deadline, counts, stats, sessions, users }, refusals)
    }
}

/// The input is refused for this reason, and nothing but the count of refusals changes.
pub(crate) fn refused(
    what: &str,
    engine: &mut Engine<u32, u32>,
    error: Error,
    input: impl FnOnce(&mut Engine<u32, u32>) -> Option<Error>,
) {
    let (before, refusals) = Picture::of(engine);
    assert_eq!(input(engine), Some(error), "{what}");
    assert_eq!(Picture::of(engine), (before, refusals + 1), "{what}");
}
