//! What somebody unseen views or names changes nothing of what a tick tells others (rule T6).

use crate::room::Room;
use adsum::{Join, Options, TopicOptions, View};

const ANN: u32 = 1;
const UNSEEN: u32 = 2;

impl Room {
    /// Has somebody view this, and look at these, where nobody sees it.
    fn unseen(&mut self, view: View, named: &[u32]) {
        let (session, topic) = self.join(UNSEEN, Join::Observer { view: View::Nothing });
        drop(self.engine.invisible(self.at(), session).expect("it is there"));
        drop(self.engine.look(self.at(), session, topic, view).expect("it is there"));
        drop(self.engine.look_at(self.at(), session, topic, named.to_vec()).expect("it is there"));
    }
}

/// Returns a room of two, where all is told at once: with one more it is large.
fn room_of_two() -> Room {
    let topics = TopicOptions { full_up_to: 2, sample: 2, coalesce_ms: 0, ..Default::default() };
    Room::of(Options::default(), topics)
}

/// A topic becomes large, so that those who view all are sent a sample. What has changed before is
/// not told them once more, whoever else waits to be told.
#[test]
fn what_the_snapshot_of_a_large_topic_has_said_is_not_said_again() {
    const OTHERS: [&[u32]; 3] = [&[], &[10], &[10, 11, 12]];
    for view in [View::Count, View::Sample(2)] {
        for named in OTHERS {
            let mut room = room_of_two();
            let ann = room.join(ANN, Join::Observer { view: View::All }).0;
            room.join(3, Join::Observer { view });
            let bob = room.member(10);
            room.unseen(View::Nothing, named);
            room.ticks(ann);
            room.now += 1;
            let eve = room.member(11);
            room.update(bob, 1);
            // By this one it becomes large.
            let carol = room.member(12);
            room.update(eve, 2);
            let told = ["11: Some(2)"];
            assert_eq!(room.ticks(ann), told, "{view:?}, {named:?}");
            // What changes before and after is told.
            room.update(bob, 3);
            room.update(carol, 4);
            assert_eq!(room.ticks(ann), ["10: Some(3)"], "{view:?}, {named:?}");
        }
    }
}

/// The same of one who changes before and after.
#[test]
fn what_changes_once_more_is_told_once_more() {
    for named in [&[][..], &[10]] {
        let mut room = room_of_two();
        let ann = room.join(ANN, Join::Observer { view: View::All }).0;
        room.join(3, Join::Observer { view: View::Sample(2) });
        let (bob, eve) = (room.member(10), room.member(11));
        room.unseen(View::Nothing, named);
        room.ticks(ann);
        for one in [bob, eve] {
            room.update(one, 1);
        }
        room.member(12);
        room.update(bob, 2);
        room.update(bob, 3);
        assert_eq!(room.ticks(ann), ["10: Some(3)"], "{named:?}");
    }
}

/// Much waits for somebody unseen, and most of it is not so any more: those who view little are
/// told theirs in the order in which it changed. With the shrunk constants so many are a crowd, of
/// which a snapshot tells.
#[test]
#[cfg(not(feature = "shrunk"))]
fn what_is_dropped_for_somebody_unseen_leaves_the_order_to_others() {
    let topics = TopicOptions { full_up_to: 1, sample: 1, coalesce_ms: 100, ..Default::default() };
    let told_with = |view| {
        let mut room = Room::of(Options::default(), topics);
        let few: Vec<_> = (10..15).map(|user| room.member(user)).collect();
        let many: Vec<_> = (100..700).map(|user| room.member(user)).collect();
        let ann = room.join(ANN, Join::Observer { view: View::Sample(5) }).0;
        room.unseen(view, &[]);
        room.ticks(ann);
        for (nth, one) in many.iter().enumerate() {
            room.update(*one, 1);
            if nth % 120 == 60 {
                room.update(few[nth / 120], 2);
            }
        }
        for (session, topic) in &many[..500] {
            drop(room.engine.leave(room.at(), *session, *topic).expect("it is there"));
        }
        // Each of these looks at a few that wait.
        for one in &many[500..] {
            room.update(*one, 3);
        }
        room.member(800);
        room.ticks(ann)
    };
    let told = told_with(View::Nothing);
    assert_eq!(told, [10, 11, 12, 13, 14].map(|user| format!("{user}: Some(2)")));
    assert_eq!(told_with(View::Sample(700)), told);
}
