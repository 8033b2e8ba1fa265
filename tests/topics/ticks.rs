//! How much waits for a tick: not much more than a snapshot of everything says (rule T10).

use crate::room::Room;
use adsum::{
    Decision, Decisions, Join, Options, SessionKey, Time, TopicChange, TopicKey, TopicOptions, View,
};

/// So much may wait: twice what a snapshot of one user may be longer.
const MOST: usize = if cfg!(feature = "shrunk") { 6 } else { 130 };

/// Returns a room in which all is told at ticks.
fn room() -> Room {
    let topics = TopicOptions { full_up_to: 1, sample: 1, coalesce_ms: 100, ..Default::default() };
    Room::of(Options { max_sessions: 255, ..Options::default() }, topics)
}

impl Room {
    /// More sessions of the first user, who are told nothing.
    fn join_silent(&mut self, sessions: usize) -> Vec<(SessionKey, TopicKey)> {
        let join = Join::Member { presence: None, view: View::Nothing };
        (0..sessions).map(|_| self.join(1, join)).collect()
    }

    fn update_all(&mut self, sessions: &[(SessionKey, TopicKey)]) {
        sessions.iter().for_each(|one| self.update(*one, 5));
    }

    /// Lets a tick come. Returns what it says.
    fn tick(&mut self) -> Vec<Said> {
        self.now += 1_000;
        said(self.engine.advance(Time::from_millis(self.now)))
    }
}

/// What one session is told, of so many others, in one part or several.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Snapshot(usize),
    Changes(usize),
}

fn said(mut decisions: Decisions<'_, u32, u32>) -> Vec<Said> {
    let (mut said, mut number) = (Vec::new(), None);
    while let Some(decision) = decisions.next() {
        let id = match &decision {
            Decision::Topic(snapshot) => snapshot.id(),
            Decision::Changes(changes) => changes.id(),
            _ => continue,
        };
        let goes_on = number.replace(id) == Some(id);
        let part = match decision {
            Decision::Topic(snapshot) => {
                assert_eq!((snapshot.to().len(), snapshot.is_first()), (1, !goes_on));
                Said::Snapshot(snapshot.len())
            }
            Decision::Changes(changes) => {
                assert_eq!((changes.to().len(), changes.is_first()), (1, !goes_on));
                assert!(changes.iter().all(|one| matches!(one, TopicChange::Member { .. })));
                Said::Changes(changes.len())
            }
            _ => continue,
        };
        match (said.last_mut(), part) {
            (Some(Said::Snapshot(before)), Said::Snapshot(more))
            | (Some(Said::Changes(before)), Said::Changes(more))
                if goes_on =>
            {
                *before += more;
            }
            (_, part) => said.push(part),
        }
    }
    said
}

#[test]
fn a_snapshot_takes_the_place_of_more_than_twice_as_many_changes() {
    let mut room = room();
    let sessions = room.join_silent(MOST + 1);
    room.join(9, Join::Observer { view: View::All });
    room.tick();
    room.update_all(&sessions[1..]);
    assert_eq!(room.tick(), [Said::Changes(MOST)]);
    room.update_all(&sessions);
    assert_eq!(room.tick(), [Said::Snapshot(MOST + 1)]);
    room.update_all(&sessions[..2]);
    assert_eq!(room.tick(), [Said::Changes(2)], "it begins anew");
}

#[test]
fn what_is_not_so_any_more_counts_for_nothing() {
    for (updates, snapshot) in [(MOST - 1, false), (MOST, true)] {
        let gone = if cfg!(feature = "shrunk") { 3 } else { 3 * MOST };
        let mut room = room();
        let sessions = room.join_silent(updates);
        room.join(9, Join::Observer { view: View::All });
        room.tick();
        room.update_all(&sessions);
        for _ in 0..gone {
            let (session, topic) = room.join_silent(1)[0];
            drop(room.engine.leave(room.at(), session, topic).expect("it is there"));
            drop(room.engine.disconnect(room.at(), session).expect("it is there"));
        }
        room.join_silent(1);
        let told = if snapshot { Said::Snapshot(updates + 1) } else { Said::Changes(updates + 1) };
        assert_eq!(room.tick(), [told]);
    }
}

#[test]
fn whoever_names_a_member_is_told_what_has_changed_of_that_one_however_much_has() {
    let mut room = room();
    let sessions = room.join_silent(MOST + 1);
    let other = room.join(4, Join::Member { presence: None, view: View::Nothing });
    for named in [1, 4] {
        let (session, topic) = room.join(named + 10, Join::Observer { view: View::Count });
        drop(room.engine.look_at(room.at(), session, topic, [named]).expect("it is there"));
    }
    room.tick();
    room.update_all(&[other]);
    assert_eq!(room.tick(), [Said::Changes(1)]);
    room.update_all(&sessions);
    room.update_all(&[other]);
    assert_eq!(room.tick(), [Said::Changes(MOST + 1), Said::Changes(1)]);
}

/// A slow one is told of whom it names, though others who view the same are told nothing of that,
/// and of what its view says, though nothing is new of whom it names.
#[test]
fn who_names_members_and_is_slow_misses_what_concerns_them_and_what_its_view_says() {
    let mut room = room();
    let member = Join::Member { presence: None, view: View::Nothing };
    let named = room.join(1, member);
    let (session, topic) = room.join(9, Join::Observer { view: View::Count });
    drop(room.engine.look_at(room.at(), session, topic, [1]).expect("it is there"));
    room.tick();
    let mut missed = |happens: fn(&mut Room, (SessionKey, TopicKey))| {
        drop(room.engine.congested(room.at(), session).expect("it is attached"));
        happens(&mut room, named);
        assert_eq!(room.tick(), []);
        said(room.engine.writable(room.at(), session).expect("it is congested"))
    };
    assert_eq!(missed(|room, named| room.update(named, 5)), [Said::Snapshot(1)]);
    let other = |room: &mut Room, _| {
        room.join(2, Join::Member { presence: None, view: View::Nothing });
    };
    assert_eq!(missed(other), [Said::Snapshot(1)], "how many there are");
    assert_eq!(missed(|_, _| {}), []);
}

/// Somebody invisible views a whole room, or nothing of it: another who views little is told the
/// same.
#[test]
fn how_much_waits_for_somebody_unseen_changes_nothing_for_others() {
    let told_with = |unseen: View| {
        let mut room = room();
        let member = Join::Member { presence: None, view: View::Nothing };
        let all: Vec<_> = (100..101 + MOST as u32).map(|user| room.join(user, member)).collect();
        room.join(9, Join::Observer { view: View::Sample(1) });
        let (session, topic) = room.join(8, Join::Observer { view: View::Nothing });
        drop(room.engine.invisible(room.at(), session).expect("it is there"));
        drop(room.engine.look(room.at(), session, topic, unseen).expect("it is there"));
        room.tick();
        for (session, topic) in &all[1..] {
            drop(room.engine.leave(room.at(), *session, *topic).expect("it is there"));
        }
        room.now += 1_000;
        let mut told = Vec::new();
        room.engine.advance(Time::from_millis(room.now)).for_each(|decision| {
            told.push(match decision {
                Decision::Topic(part) if part.view() == View::Sample(1) => {
                    Said::Snapshot(part.len())
                }
                Decision::Changes(part) if part.view() == View::Sample(1) => {
                    Said::Changes(part.len())
                }
                _ => return,
            });
        });
        told
    };
    let told = told_with(View::Nothing);
    assert_eq!(told, [Said::Changes(0)], "it is counted");
    assert_eq!(told_with(View::Sample(500)), told);
}

/// Rule T11: who has been sent a snapshot within a tick, and is congested again, misses that tick
/// when it comes, and not the other one of the topic.
#[test]
fn rule_t11_who_is_late_has_missed_its_own_tick() {
    let topics = TopicOptions { coalesce_ms: 100, ..TopicOptions::default() };
    let mut room = Room::of(Options::default(), topics);
    let busy = room.member(1);
    room.join(2, Join::Observer { view: View::All });
    room.tick();
    let snapshot = |room: &mut Room, slow: SessionKey| {
        let writable = said(room.engine.writable(room.at(), slow).expect("it is attached"));
        drop(room.engine.congested(room.at(), slow).expect("it is attached"));
        writable == [Said::Snapshot(0)]
    };
    // It hears counts, by the slower tick, and who is there is told by the quicker one.
    room.update(busy, 5);
    room.now += 10;
    let (slow, _) = room.join(3, Join::Observer { view: View::Count });
    drop(room.engine.congested(room.at(), slow).expect("it is attached"));
    assert!(snapshot(&mut room, slow), "it has been told nothing yet");
    room.now += 90;
    assert_eq!(said(room.engine.advance(room.at())), [Said::Changes(1)]);
    assert_eq!(room.engine.verify(), Ok(()));
    assert!(!snapshot(&mut room, slow), "what it was sent holds");
    room.tick();
    assert!(snapshot(&mut room, slow), "it has missed its tick");
    assert_eq!(room.engine.verify(), Ok(()));
}
