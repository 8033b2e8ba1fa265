//! Very many deadlines of one moment, each of which passes by a crowd of whom nobody is told: whom
//! blocks hide, who has come and gone, who is in a sample, who believes nothing of it.

use super::*;
use crate::config::OfflineNotices;
use crate::decisions::AT_ONCE;

const DEADLINES: u64 = if cfg!(feature = "shrunk") { 12 } else { 30 };
const CROWD: u64 = if cfg!(feature = "shrunk") { 40 } else { 500 };
/// Whose deadlines they are has one of the names from here on, and so has each one's topic.
const SPEAKERS: u64 = 10_000;
const DUE: Time = Time::from_millis(1_000);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passed {
    /// Viewers of a topic, whom blocks hide from who said something there.
    Hidden,
    /// Members who have come and gone since the last tick, for those who view all of it, or a part.
    Gone(View),
    /// Members in the sample of one who views that.
    Sampled,
    /// Watchers and contacts of one who is held, who have not heard of what it showed.
    Unaware,
}

fn engine_of(passed: Passed) -> Core {
    let blocks = match passed {
        Passed::Hidden => TopicBlocks::Hidden,
        _ => TopicBlocks::Ignored,
    };
    let coalesce_ms = if passed == Passed::Gone(View::All) { 200 } else { 0 };
    let topics = TopicOptions { full_up_to: 10_000, blocks, coalesce_ms, ..Default::default() };
    let options = Options {
        topics,
        topic_rate: None,
        publish_rate: None,
        settle_ms: 1_000,
        max_topics: 1_000,
        offline_notices: OfflineNotices::Never,
        lease: None,
        ..Options::default()
    };
    Core::with_hasher(Config::new(options).expect("they are in range"), Counting)
}

fn connect(engine: &mut Core, user: u64, audience: Vec<u64>, blocked: Vec<u64>) -> SessionKey {
    let connect = Connect::new(user).audience(audience).blocked(blocked);
    let (session, decisions) = engine.connect(Time::ZERO, connect).expect("there is room");
    all_of(decisions);
    session
}

fn join(engine: &mut Core, session: SessionKey, name: u64, join: Join<u32>) -> TopicKey {
    let (topic, decisions) = engine.join(Time::ZERO, session, name, join).expect("there is room");
    all_of(decisions);
    topic
}

const fn member() -> Join<u32> {
    Join::Member { presence: None, view: View::Nothing }
}

/// Has one speak who has that name, or has one view the topic that has it.
fn begin(engine: &mut Core, passed: Passed, name: u64, crowd: &[SessionKey]) {
    let blocked = if passed == Passed::Hidden { (0..CROWD).collect() } else { Vec::new() };
    let session = connect(engine, name, Vec::new(), blocked);
    match passed {
        Passed::Hidden => {
            let topic = join(engine, session, SPEAKERS, member());
            taken(engine.say(Time::ZERO, session, topic, 1, Some(1_000)));
        }
        Passed::Gone(view) => _ = join(engine, session, name, Join::Observer { view }),
        Passed::Sampled => {
            for other in crowd {
                join(engine, *other, name, member());
            }
            join(engine, session, name, Join::Observer { view: View::Sample(CROWD as u16) });
        }
        Passed::Unaware => {
            taken(engine.publish(Time::ZERO, session, 1));
            connect(engine, name, Vec::new(), Vec::new());
            taken(engine.disconnect(Time::ZERO, session));
        }
    }
}

/// Has all of these, or one, come to a topic and go.
fn come_and_go(engine: &mut Core, passed: Passed, name: u64, crowd: &[SessionKey]) {
    let one = [connect(engine, SPEAKERS + name, Vec::new(), Vec::new())];
    let (all, as_what) = match passed {
        Passed::Gone(_) => (crowd, member()),
        _ => (&one[..], Join::Observer { view: View::Nothing }),
    };
    for session in all {
        let (topic, decisions) = engine.join(DUE, *session, name, as_what).expect("room");
        all_of(decisions);
        taken(engine.leave(DUE, *session, topic));
    }
}

/// Returns an engine in which so many deadlines come at one moment.
fn set_all(passed: Passed) -> Core {
    let mut engine = engine_of(passed);
    let names = || SPEAKERS..SPEAKERS + DEADLINES;
    let mut crowd: Vec<SessionKey> = Vec::new();
    for user in 0..CROWD {
        let session = connect(&mut engine, user, Vec::new(), Vec::new());
        crowd.push(session);
        if passed == Passed::Hidden {
            join(&mut engine, session, SPEAKERS, Join::Observer { view: View::All });
        } else if passed == Passed::Unaware {
            taken(engine.watch(Time::ZERO, session, names()));
            taken(engine.congested(Time::ZERO, session));
        }
    }
    names().for_each(|name| begin(&mut engine, passed, name, &crowd));
    if matches!(passed, Passed::Gone(_) | Passed::Sampled) {
        // The viewers get their snapshots first.
        while engine.deadline().is_some_and(|due| due <= DUE) {
            all_of(engine.advance(DUE));
        }
        names().for_each(|name| come_and_go(&mut engine, passed, name, &crowd));
    }
    engine
}

#[test]
fn no_call_passes_by_more_than_one_crowd_and_a_little() {
    let views = [View::All, View::Sample(3), View::Count].map(Passed::Gone);
    for passed in [Passed::Hidden, Passed::Sampled, Passed::Unaware].into_iter().chain(views) {
        let mut engine = set_all(passed);
        let (mut calls, mut all) = (0, 0);
        while let Some(due) = engine.deadline() {
            let mut is_told = false;
            let mut decisions = engine.advance(due);
            while decisions.next().is_some() {
                is_told = true;
            }
            drop(decisions);
            let gone_over = engine.state.plan().gone_over();
            // A tick goes over them twice: to see what is to be told, and to forget it.
            let one = 4 * CROWD as usize + 8;
            assert!(gone_over <= AT_ONCE + one, "{passed:?}: {gone_over} entries");
            assert!(!is_told, "{passed:?}: somebody is told");
            (calls, all) = (calls + 1, all + gone_over);
        }
        let least = (DEADLINES * CROWD) as usize;
        assert!(all >= least, "{passed:?}: {all} entries of at least {least}");
        assert!(calls >= least / (AT_ONCE + 4 * CROWD as usize), "{passed:?}: {calls} calls");
        assert_eq!(engine.verify(), Ok(()));
    }
}
