//! What was heard and is not done yet, while the host gives inputs.

use super::few::Few;
use super::{config, options};
use adsum::{DeviceKind, Event};

/// Rule C13: an older connect has the lists that are known, and those that were heard last are.
#[test]
fn rule_c13_an_older_connect_has_lists_that_have_just_been_heard() {
    let mut few = Few::new(2);
    few.log_in(0, 7, 1, 70);
    few.meet();
    let connect = |audience| {
        let (kind, blocked) = (DeviceKind(0), vec![8]);
        Event::Connect { user: 1, kind, audience, blocked }
    };
    let session = few.gives(1, Some(5), connect(vec![7])).0.expect("there is room");
    few.gives(1, None, Event::Publish { session, presence: 10 });
    let sent = few.work(1);
    few.hear(0, 1, &sent);
    let told = few.gives(0, Some(4), connect(vec![6])).1;
    assert!(told.iter().any(|one| one.contains("70")), "it sees its contact: {told:?}");
    few.meet();
    let engine = few.nodes[0].engine();
    assert_eq!(engine.audience(&1).collect::<Vec<_>>(), [&7]);
    assert_eq!(engine.blocked(&1).collect::<Vec<_>>(), [&8]);
}

/// Rule C10: who is at another node is not offline, however much that was heard is yet to be done.
#[test]
fn rule_c10_an_end_comes_after_all_that_was_heard() {
    let mut few = Few::new(3);
    few.log_in(0, 7, 1, 70);
    let here = few.log_in(0, 1, 7, 10);
    let there = few.log_in(2, 1, 7, 11);
    few.meet();
    // It goes at the third node, and comes at the second.
    few.gives(2, None, Event::Disconnect { session: there });
    few.log_in(1, 1, 7, 12);
    for from in [2, 1] {
        let sent = few.work(from);
        few.hear(0, from, &sent);
    }
    // The first of what was heard is done, and then it goes here.
    let now = few.at();
    drop(few.nodes[0].next(now).expect("there is something to do"));
    let told = few.gives(0, None, Event::Disconnect { session: here }).1;
    assert_eq!(told, [""; 0], "it waits");
    few.meet();
    assert_eq!(few.shown(0, 1), Some(12));
    assert_eq!(few.nodes[0].engine().user_sessions(&1).count(), 1);
}

/// Rule C16: what was heard too late leaves nothing behind.
#[test]
fn rule_c16_what_is_over_before_it_is_done_leaves_nothing() {
    let mut few = Few::new(2);
    few.now += config().suspect_ms + 10;
    few.advance(0);
    few.work(0);
    few.log_in(1, 5, 7, 50);
    let sent = few.work(1);
    few.hear(0, 1, &sent);
    // Nothing is done until the grace is over.
    few.now += options().grace.node_loss_ms + 10;
    for _ in 0..50 {
        few.advance(0);
        few.work(0);
        few.now += config().beat_ms;
    }
    assert!(few.nodes[0].desk.people.get(&5).is_none());
}
