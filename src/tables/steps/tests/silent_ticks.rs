//! Very many ticks of one moment that tell nobody anything, each of which goes over many entries:
//! no call goes over many more than those of one.

use super::silent::MOST_LOOKS;
use super::*;
use crate::decisions::AT_ONCE;

const TOPICS: u64 = if cfg!(feature = "shrunk") { 20 } else { 60 };
const OTHERS: u64 = if cfg!(feature = "shrunk") { 40 } else { 500 };
const VIEWER: u64 = 1_000;
const VISITOR: u64 = 1_001;

/// What a tick has to go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tick {
    /// Who came and left since the last one, for those who view all.
    Visits,
    /// The same for those who are told how many there are.
    CountedVisits,
    /// Those in a sample, with one visit.
    Sample,
    /// The same behind seats that are blank, of as many who have left.
    BlankSeats,
    /// Those who name a member, none of whom can be told.
    Lookers,
}

const START: Time = Time::from_millis(10_000);

fn join(engine: &mut Core, session: SessionKey, topic: u64, view: Option<View>) -> TopicKey {
    let join = match view {
        Some(view) => Join::Observer { view },
        None => Join::Member { presence: None, view: View::Nothing },
    };
    let (topic, decisions) = engine.join(Time::ZERO, session, topic, join).expect("there is room");
    all_of(decisions);
    topic
}

fn connect(engine: &mut Core, user: u64) -> SessionKey {
    let connect = Connect::new(user).audience(Vec::new()).blocked(Vec::new());
    let (session, decisions) = engine.connect(Time::ZERO, connect).expect("there is room");
    all_of(decisions);
    session
}

/// Tells all that is due up to there.
fn drain(engine: &mut Core, until: Time) {
    while engine.deadline().is_some_and(|at| at <= until) {
        all_of(engine.advance(until));
    }
}

/// Returns an engine in which so many ticks come at one moment.
fn engine_of(tick: Tick) -> Core {
    let options = Options {
        max_topics: 1_000,
        lease: None,
        topics: TopicOptions { coalesce_ms: 1_000, full_up_to: 10_000, ..TopicOptions::default() },
        ..Options::default()
    };
    let config = Config::new(options).expect("they are in range");
    let mut engine = Core::with_hasher(config, Counting);
    let viewer = connect(&mut engine, VIEWER);
    let others: Vec<_> = (0..OTHERS).map(|user| connect(&mut engine, user)).collect();
    let visitor = connect(&mut engine, VISITOR);
    let view = match tick {
        Tick::Visits => View::All,
        Tick::CountedVisits => View::Count,
        Tick::Sample | Tick::BlankSeats => View::Sample(OTHERS as u16),
        Tick::Lookers => View::Nothing,
    };
    if tick == Tick::Lookers {
        look(&mut engine, visitor, &others);
        return engine;
    }
    let is_of_visits = matches!(tick, Tick::Visits | Tick::CountedVisits);
    let all: Vec<_> =
        (0..TOPICS).map(|topic| join(&mut engine, viewer, topic, Some(view))).collect();
    for topic in (0..TOPICS).filter(|_| !is_of_visits) {
        let keys: Vec<_> = others
            .iter()
            .map(|session| (*session, join(&mut engine, *session, topic, None)))
            .collect();
        // The first stays, so that none before it is blank; not quite half of them leave.
        let blank = if tick == Tick::BlankSeats { OTHERS as usize / 2 - 2 } else { 0 };
        for (session, key) in &keys[1..=blank] {
            taken(engine.leave(Time::ZERO, *session, *key));
        }
    }
    drain(&mut engine, START);
    let visitors = if is_of_visits { &others[..] } else { core::slice::from_ref(&visitor) };
    for (topic, key) in (0..).zip(all) {
        for session in visitors {
            assert_eq!(join(&mut engine, *session, topic, None), key);
            taken(engine.leave(Time::ZERO, *session, key));
        }
    }
    engine
}

/// Has all of these name a member of each topic who shows something new, and be slow.
fn look(engine: &mut Core, member: SessionKey, all: &[SessionKey]) {
    let topics = (0..TOPICS).map(|topic| join(engine, member, topic, None));
    let topics: Vec<_> = topics.collect();
    for (name, topic) in (0..).zip(&topics) {
        for session in all {
            join(engine, *session, name, Some(View::Nothing));
            taken(engine.look_at(Time::ZERO, *session, *topic, [VISITOR]));
        }
    }
    drain(engine, START);
    topics.iter().for_each(|topic| _ = taken(engine.update(START, member, *topic, 1)));
    all.iter().for_each(|session| _ = taken(engine.congested(START, *session)));
}

fn looked_at(tick: Tick) {
    let mut engine = engine_of(tick);
    let (due, mut calls, mut all) = (Time::from_millis(20_000), 0, 0);
    // A tick goes over it when it is told and when it ends.
    let own = 2 * OTHERS as usize + 4;
    assert!(engine.deadline().is_some());
    while engine.deadline().is_some_and(|at| at <= due) {
        let mut decisions = engine.advance(due);
        let looks = looks(|| {
            assert!(decisions.next().is_none(), "{tick:?}: somebody is told");
        });
        drop(decisions);
        let gone_over = engine.state.plan().gone_over();
        assert!(gone_over <= AT_ONCE + own, "{tick:?}: {gone_over} entries");
        let most = MOST_LOOKS * (AT_ONCE + own);
        assert!(looks <= most, "{tick:?}: {looks} looks of {most}");
        (calls, all) = (calls + 1, all + gone_over);
    }
    let least = (TOPICS * OTHERS) as usize;
    assert!(all >= least, "{tick:?}: {all} entries in all of {least}");
    assert!(calls >= least / (AT_ONCE + own), "{tick:?}: {calls} calls");
    assert_eq!(engine.verify(), Ok(()));
}

#[test]
fn no_call_goes_over_more_than_one_tick_and_a_little() {
    use Tick::{BlankSeats, CountedVisits, Lookers, Sample, Visits};
    [Visits, CountedVisits, Sample, BlankSeats, Lookers].into_iter().for_each(looked_at);
}

/// Samples of several sizes take one walk over the seats, and each seat counts once for all of
/// them: when the tick is told, and when it ends.
#[test]
fn each_seat_counts_once_for_samples_of_several_sizes() {
    const MEMBERS: u64 = 40;
    let topics = TopicOptions { coalesce_ms: 1_000, full_up_to: 10_000, ..TopicOptions::default() };
    let config = Config::new(Options { topics, lease: None, ..Options::default() });
    let mut engine = Core::with_hasher(config.expect("they are in range"), Counting);
    let sizes = [10, 20, 30, MEMBERS as u16];
    for (user, size) in (VIEWER..).zip(sizes) {
        let viewer = connect(&mut engine, user + 10);
        join(&mut engine, viewer, 0, Some(View::Sample(size)));
    }
    for user in 0..MEMBERS {
        let member = connect(&mut engine, user);
        join(&mut engine, member, 0, None);
    }
    drain(&mut engine, START);
    let visitor = connect(&mut engine, VISITOR);
    let key = join(&mut engine, visitor, 0, None);
    taken(engine.leave(Time::ZERO, visitor, key));
    let mut decisions = engine.advance(Time::from_millis(20_000));
    assert!(decisions.next().is_none(), "somebody is told");
    drop(decisions);
    let (gone_over, seats) = (engine.state.plan().gone_over(), 2 * MEMBERS as usize);
    let most = seats + 4 * sizes.len();
    assert!((seats..=most).contains(&gone_over), "{gone_over} entries, and {seats} seats");
}
