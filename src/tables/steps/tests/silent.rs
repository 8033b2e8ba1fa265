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
    /// They are congested before anything is said, so they have not heard of it.
    Unaware,
    There,
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
    /// The same three where blocks hide who speaks from all others in a topic, and a publish that
    /// is shown there.
    HiddenSaid,
    HiddenUpdated,
    HiddenPublish,
    /// What is held of a session that is gone, of one whom the others watch, where it is remembered
    /// who believes in it.
    UnawareWatched,
}

impl Silent {
    /// The others watch, and do not list.
    fn is_watched(self) -> bool {
        matches!(self, Self::Watched | Self::UnawareWatched)
    }

    fn is_hidden(self) -> bool {
        matches!(self, Self::HiddenSaid | Self::HiddenUpdated | Self::HiddenPublish)
    }
}

fn options(silent: Silent) -> Options {
    let rate = Some(Rate { burst: 1, interval_ms: 1_000 });
    let offline_notices = match silent {
        Silent::Unaware | Silent::UnawareWatched => OfflineNotices::Never,
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
        topics: TopicOptions {
            coalesce_ms: 0,
            blocks: if silent.is_hidden() { TopicBlocks::Hidden } else { TopicBlocks::Ignored },
            ..TopicOptions::default()
        },
        ..Options::default()
    }
}

fn connected(engine: &mut Core, connect: Connect<u64, Vec<u64>, Vec<u64>>) -> SessionKey {
    let (session, decisions) = engine.connect(Time::ZERO, connect).expect("there is room");
    all_of(decisions);
    session
}

/// One says something, of which nobody is told when its moment comes.
fn speak(engine: &mut Core, user: u64, silent: Silent, (listed, blocked): (&[u64], &[u64])) {
    let now = Time::ZERO;
    let connect = || Connect::new(user).audience(listed.to_vec()).blocked(blocked.to_vec());
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
        Silent::Held | Silent::Unaware | Silent::UnawareWatched => {
            taken(engine.publish(now, session, 1));
            if silent == Silent::Unaware {
                taken(engine.direct(now, session, &(0..OTHERS / 20).collect::<Vec<_>>(), 1));
            }
            connected(engine, connect());
            taken(engine.disconnect(now, session));
        }
        Silent::Said
        | Silent::Updated
        | Silent::HiddenSaid
        | Silent::HiddenUpdated
        | Silent::HiddenPublish => {
            let join = Join::Member { presence: None, view: View::Nothing };
            let (topic, decisions) = engine.join(now, session, TOPIC, join).expect("room");
            all_of(decisions);
            match silent {
                Silent::Said | Silent::HiddenSaid => {
                    taken(engine.say(now, session, topic, 1, Some(1_000)));
                }
                Silent::HiddenPublish => {
                    taken(engine.publish(now, session, 1));
                    taken(engine.publish(now, session, 2));
                }
                _ => {
                    taken(engine.update(now, session, topic, 1));
                    taken(engine.update(now, session, topic, 2));
                }
            }
        }
    }
}

/// Returns an engine in which so many deadlines come at one moment.
fn engine_of(silent: Silent, others: Others) -> Core {
    let config = Config::new(options(silent)).expect("they are in range");
    let mut engine = Core::with_hasher(config, Counting);
    let is_watched = silent.is_watched();
    let names = || SPEAKERS..SPEAKERS + DEADLINES;
    let mut sessions = Vec::new();
    if others != Others::Offline {
        for user in 0..OTHERS {
            let is_listed = !is_watched && !silent.is_hidden();
            let listed = if is_listed { names().collect() } else { Vec::new() };
            let connect = Connect::new(user).audience(listed).blocked(Vec::new());
            let session = connected(&mut engine, connect.clone());
            if silent == Silent::Unaware && user < 3 {
                sessions.push(connected(&mut engine, connect));
            }
            if is_watched {
                taken(engine.watch(Time::ZERO, session, names()));
            }
            let join = Join::Observer { view: View::All };
            all_of(engine.join(Time::ZERO, session, TOPIC, join).expect("room").1);
            if others == Others::Unaware {
                taken(engine.congested(Time::ZERO, session));
            }
            sessions.push(session);
        }
    }
    let all: Vec<u64> = (0..OTHERS).collect();
    let lists = match silent {
        _ if is_watched => (&[][..], &[][..]),
        _ if silent.is_hidden() => (&[][..], &all[..]),
        _ => (&all[..], &[][..]),
    };
    names().for_each(|user| speak(&mut engine, user, silent, lists));
    for session in sessions {
        match others {
            Others::Offline | Others::Unaware | Others::There => {}
            Others::Congested => _ = taken(engine.congested(Time::from_millis(1), session)),
            Others::Anew => {
                let resumed = engine.resume(Time::from_millis(1), session).expect("it is there");
                all_of(resumed.1);
            }
        }
    }
    engine
}

/// For each entry that a call may go over it looks at so much of what is kept, which is counted
/// where that is read: so a list that is gone over and not counted is seen.
pub(super) const MOST_LOOKS: usize = 8;

/// Looks at each call until nothing is due: none goes over, looks at, or moves more than it may.
/// Returns at how much they look.
fn looked_at(silent: Silent, others: Others) -> usize {
    let mut engine = engine_of(silent, others);
    let (due, mut calls, mut all, mut seen) = (Time::from_millis(1_000), 0, 0, 0);
    // A session and its user's other one.
    let own = OTHERS as usize + 2;
    while engine.deadline().is_some_and(|at| at <= due) {
        let mut decisions = engine.advance(due);
        let mut moved = 0;
        let looks = looks(|| {
            moved = super::moved(|| {
                assert!(decisions.next().is_none(), "{silent:?}, {others:?}: somebody is told");
            });
        });
        drop(decisions);
        let gone_over = engine.state.plan().gone_over();
        assert!(gone_over <= AT_ONCE + 4 * own, "{silent:?}, {others:?}: {gone_over} entries");
        let most = MOST_LOOKS * (AT_ONCE + 4 * own);
        assert!(looks <= most, "{silent:?}, {others:?}: {looks} looks of {most}");
        assert!(moved <= 4 * MOST * (own + SPARE), "{silent:?}, {others:?}: {moved} moved");
        (calls, all, seen) = (calls + 1, all + gone_over, seen + looks);
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
    seen
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
        (Silent::HiddenSaid, Others::There),
        (Silent::HiddenSaid, Others::Congested),
        (Silent::HiddenUpdated, Others::There),
        (Silent::HiddenUpdated, Others::Congested),
        (Silent::HiddenPublish, Others::There),
        (Silent::Unaware, Others::Unaware),
        (Silent::UnawareWatched, Others::Unaware),
        (Silent::UnawareWatched, Others::Anew),
    ] {
        let seen = looked_at(silent, others);
        let at_memberships = matches!(silent, Silent::HiddenSaid | Silent::UnawareWatched);
        assert!(!at_memberships || seen > 0, "{silent:?}, {others:?}: no look is counted");
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

/// Returns how many entries the only deadline goes over, of which nobody is told anything.
fn gone_over_by_one(engine: &mut Core) -> usize {
    let mut decisions = engine.advance(Time::from_millis(1_000));
    assert!(decisions.next().is_none(), "somebody is told");
    drop(decisions);
    engine.state.plan().gone_over()
}

/// Where nobody is told that it is over, contacts, their sessions and those to whom it directed are
/// gone over to find out who may believe in it: each counts once.
#[test]
fn each_of_whom_it_is_remembered_what_they_believe_counts_once() {
    let config = Config::new(options(Silent::Unaware)).expect("they are in range");
    let mut engine = Core::with_hasher(config, Counting);
    let connect = |user| Connect::new(user).audience(Vec::new()).blocked(Vec::new());
    let (contacts, strangers): (Vec<_>, Vec<_>) = ((0..10).collect(), (20..27).collect());
    // Some of them are offline, some have several sessions.
    let sessions = contacts.iter().flat_map(|user| (0..user % 3).map(|_| *user));
    let sessions: Vec<u64> = sessions.chain(strangers.iter().copied()).collect();
    sessions.iter().for_each(|user| _ = connected(&mut engine, connect(*user)));
    let speaker = || connect(SPEAKERS).audience(contacts.clone());
    let session = connected(&mut engine, speaker());
    taken(engine.publish(Time::ZERO, session, 1));
    taken(engine.direct(Time::ZERO, session, &strangers, 1));
    connected(&mut engine, speaker());
    taken(engine.disconnect(Time::ZERO, session));
    let (least, gone_over) = (contacts.len() + sessions.len(), gone_over_by_one(&mut engine));
    assert!((least..least + 4).contains(&gone_over), "{gone_over} entries, not {least}");
}

/// What a session shows in a topic goes over its user's sessions, and over the views that there are
/// of the topic.
#[test]
fn the_sessions_of_who_shows_something_in_a_topic_count() {
    let mut of_many = options(Silent::Updated);
    of_many.max_sessions = 40;
    let config = Config::new(of_many).expect("they are in range");
    let mut engine = Core::with_hasher(config, Counting);
    let connect = |user| Connect::new(user).audience(Vec::new()).blocked(Vec::new());
    for (user, view) in [(1, View::Nothing), (2, View::Count), (3, View::Sample(9))] {
        let session = connected(&mut engine, connect(user));
        let join = Join::Observer { view };
        all_of(engine.join(Time::ZERO, session, TOPIC, join).expect("room").1);
    }
    (1..30).for_each(|_| _ = connected(&mut engine, connect(SPEAKERS)));
    speak(&mut engine, SPEAKERS, Silent::Updated, (&[], &[]));
    // Whoever views little is told everything before.
    all_of(engine.advance(Time::from_millis(999)));
    let gone_over = gone_over_by_one(&mut engine);
    assert!((33..40).contains(&gone_over), "{gone_over} entries, not 33");
}
