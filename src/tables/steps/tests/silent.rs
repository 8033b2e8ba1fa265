//! Very many deadlines of one moment, of which nobody is told anything, and each of which goes over
//! many entries: no call goes over many more than those of one.

use super::*;
use crate::config::{OfflineNotices, Rate};
use crate::decisions::AT_ONCE;

const DEADLINES: u64 = if cfg!(feature = "shrunk") { 20 } else { 200 };
const OTHERS: u64 = if cfg!(feature = "shrunk") { 40 } else { 500 };
/// Who says something has one of the names from here on.
const SPEAKERS: u64 = 1_000;
const TOPIC: u64 = 7;

/// What becomes of the others before the moment comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Offline,
    Congested,
    /// They resume, so they believe nothing of what was before.
    Anew,
}

/// Something that ends, or goes out, without anybody being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silent {
    /// A publish that waits for its token.
    Publish,
    /// The same of one whom the others watch, and do not list.
    Watched,
    /// What somebody shows.
    Shown,
    Directed,
    /// What is held of a session that is gone.
    Held,
    /// The same, where it is remembered who believes in it.
    Unaware,
    /// What somebody said in a topic.
    Said,
    /// What somebody shows there, which waits for its token.
    Updated,
}

fn options(silent: Silent) -> Options {
    let rate = Some(Rate { burst: 1, interval_ms: 1_000 });
    let offline_notices = match silent {
        Silent::Unaware => OfflineNotices::Never,
        _ => OfflineNotices::ToWhoeverSaw,
    };
    Options {
        direct_to: DirectTo::Anyone,
        direct_rate: None,
        publish_rate: rate,
        topic_rate: rate,
        settle_ms: 1_000,
        offline_notices,
        lease: None,
        topics: TopicOptions { coalesce_ms: 0, ..TopicOptions::default() },
        ..Options::default()
    }
}

fn connected(engine: &mut Core, connect: Connect<u64, Vec<u64>, Vec<u64>>) -> SessionKey {
    let (session, decisions) = engine.connect(Time::ZERO, connect).expect("there is room");
    all_of(decisions);
    session
}

/// One says something, of which nobody is told when its moment comes.
fn speak(engine: &mut Core, user: u64, silent: Silent, listed: &[u64]) {
    let now = Time::ZERO;
    let connect = || Connect::new(user).audience(listed.to_vec()).blocked(Vec::new());
    let session = connected(engine, connect());
    match silent {
        Silent::Publish | Silent::Watched => {
            taken(engine.publish(now, session, 1));
            taken(engine.publish(now, session, 2));
        }
        Silent::Shown => {
            let until = Time::from_millis(1_000);
            taken(engine.publish_until(now, session, 1, until, None));
        }
        Silent::Directed => {
            let names: Vec<u64> = (0..OTHERS).collect();
            taken(engine.direct_for(now, session, &names, 1, 1_000));
        }
        Silent::Held | Silent::Unaware => {
            taken(engine.publish(now, session, 1));
            connected(engine, connect());
            taken(engine.disconnect(now, session));
        }
        Silent::Said | Silent::Updated => {
            let join = Join::Member { presence: None, view: View::Nothing };
            let (topic, decisions) = engine.join(now, session, TOPIC, join).expect("room");
            all_of(decisions);
            if silent == Silent::Said {
                taken(engine.say(now, session, topic, 1, Some(1_000)));
            } else {
                taken(engine.update(now, session, topic, 1));
                taken(engine.update(now, session, topic, 2));
            }
        }
    }
}

/// Returns an engine in which so many deadlines come at one moment.
fn engine_of(silent: Silent, others: Others) -> Core {
    let config = Config::new(options(silent)).expect("they are in range");
    let mut engine = Core::with_hasher(config, Counting);
    let is_watched = silent == Silent::Watched;
    let names = || SPEAKERS..SPEAKERS + DEADLINES;
    let mut sessions = Vec::new();
    if others != Others::Offline {
        for user in 0..OTHERS {
            let listed = if is_watched { Vec::new() } else { names().collect() };
            let connect = Connect::new(user).audience(listed).blocked(Vec::new());
            let session = connected(&mut engine, connect);
            if is_watched {
                taken(engine.watch(Time::ZERO, session, names()));
            }
            let join = Join::Observer { view: View::All };
            all_of(engine.join(Time::ZERO, session, TOPIC, join).expect("room").1);
            sessions.push(session);
        }
    }
    let listed: Vec<u64> = if is_watched { Vec::new() } else { (0..OTHERS).collect() };
    names().for_each(|user| speak(&mut engine, user, silent, &listed));
    for session in sessions {
        match others {
            Others::Offline => {}
            Others::Congested => _ = taken(engine.congested(Time::from_millis(1), session)),
            Others::Anew => {
                let resumed = engine.resume(Time::from_millis(1), session).expect("it is there");
                all_of(resumed.1);
            }
        }
    }
    engine
}

/// Looks at each call until nothing is due: none goes over, or moves, more than it may.
fn looked_at(silent: Silent, others: Others) {
    let mut engine = engine_of(silent, others);
    let (due, mut calls, mut all) = (Time::from_millis(1_000), 0, 0);
    // A session and its user's other one.
    let own = OTHERS as usize + 2;
    while engine.deadline().is_some_and(|at| at <= due) {
        let mut decisions = engine.advance(due);
        let moved = moved(|| {
            assert!(decisions.next().is_none(), "{silent:?}, {others:?}: somebody is told");
        });
        drop(decisions);
        let gone_over = engine.state.plan().gone_over();
        assert!(gone_over <= AT_ONCE + 4 * own, "{silent:?}, {others:?}: {gone_over} entries");
        assert!(moved <= 4 * MOST * (own + SPARE), "{silent:?}, {others:?}: {moved} moved");
        (calls, all) = (calls + 1, all + gone_over);
    }
    // So all of it has been seen.
    let (lists, each) = (DEADLINES as usize, OTHERS as usize);
    let in_topic = matches!(silent, Silent::Said | Silent::Updated);
    // In a topic they are marked, and not gone over again.
    let least = if in_topic { each } else { lists * each };
    assert!(!in_topic || all <= each + 8 * lists, "{silent:?}, {others:?}: {all} entries in all");
    assert!(all >= least, "{silent:?}, {others:?}: {all} entries in all of {least}");
    assert!(calls >= least / (AT_ONCE + 4 * own), "{silent:?}, {others:?}: {calls} calls");
    assert_eq!(engine.verify(), Ok(()));
}

#[test]
fn no_call_goes_over_more_than_one_list_and_a_little() {
    for (silent, others) in [
        (Silent::Publish, Others::Offline),
        (Silent::Publish, Others::Congested),
        (Silent::Watched, Others::Congested),
        (Silent::Shown, Others::Offline),
        (Silent::Shown, Others::Congested),
        (Silent::Directed, Others::Congested),
        (Silent::Directed, Others::Anew),
        (Silent::Held, Others::Congested),
        (Silent::Unaware, Others::Congested),
        (Silent::Unaware, Others::Anew),
        (Silent::Said, Others::Congested),
        (Silent::Updated, Others::Congested),
    ] {
        looked_at(silent, others);
    }
}

/// Of those that go over nothing, so many fire in one call.
#[test]
fn each_deadline_counts_though_it_goes_over_nothing() {
    let config = Config::new(options(Silent::Directed)).expect("they are in range");
    let mut engine = Core::with_hasher(config, Counting);
    let connect = Connect::new(0).audience(Vec::new()).blocked(Vec::new());
    let session = connected(&mut engine, connect);
    for left in (0..3).map(|nth| nth * AT_ONCE) {
        for _ in 0..AT_ONCE + left {
            taken(engine.direct_for(Time::ZERO, session, &[1], 1, 1_000));
        }
    }
    let mut left = engine.counts().expiring;
    while left > 0 {
        assert!(engine.deadline().is_some_and(|at| at <= Time::from_millis(1_000)));
        all_of(engine.advance(Time::from_millis(1_000)));
        let fired = left - engine.counts().expiring;
        assert!((1..=AT_ONCE).contains(&fired), "{fired} of {left}");
        left -= fired;
    }
    assert_eq!(engine.deadline(), None);
}
