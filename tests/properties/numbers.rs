//! Where numbers are as great as can be, decisions are compared by what everyone hears.

use adsum::{SessionKey, TopicCounts, View};
use adsum_model::{Decision, Gathered, Notice, Output};

fn key(nth: u32) -> SessionKey {
    SessionKey::from_bits((1 << 32 | u64::from(nth), nth)).expect("it has a generation")
}

/// Says to these receivers that a user is offline.
fn offline(user: u32, to: &[u32]) -> Decision {
    let to = to.iter().map(|nth| key(*nth)).collect();
    Decision::Deliver { notice: Notice::UserOffline { user }, to }
}

fn close(nth: u32) -> Decision {
    let reason = adsum::CloseReason::Evicted;
    Decision::Close { session: key(nth), reason, resumable: false }
}

fn output(decisions: &[Decision], unordered: &[std::ops::Range<usize>]) -> Output {
    let (decisions, unordered) = (decisions.to_vec(), unordered.to_vec());
    Output { decisions, unordered, ..Output::default() }
}

/// Two notices that are alike cannot be told from one, nor which of the two somebody heard.
#[test]
fn notices_that_are_alike_count_as_one() {
    let model = output(&[offline(1, &[2, 3]), offline(1, &[2, 4]), close(2)], &[]);
    for engine in [
        [offline(1, &[2, 3]), offline(1, &[2, 4]), close(2)],
        [offline(1, &[2, 3, 4]), offline(1, &[2]), close(2)],
        [offline(1, &[2, 4]), offline(1, &[2, 3]), close(2)],
    ] {
        assert!(model.agrees_without_numbers(&engine), "{engine:?}");
    }
    for engine in [
        vec![offline(1, &[2, 3, 4]), close(2)],
        vec![offline(1, &[2, 3, 4]), offline(1, &[3]), close(2)],
        vec![offline(1, &[2, 3, 4]), offline(1, &[2]), close(3)],
        vec![offline(1, &[2, 3, 4]), close(2), offline(1, &[2])],
        vec![offline(1, &[2, 3]), offline(5, &[2, 4]), close(2)],
    ] {
        assert!(!model.agrees_without_numbers(&engine), "{engine:?}");
    }
    // What is not alike keeps its order.
    let model = output(&[offline(1, &[2]), offline(5, &[2]), offline(1, &[3])], &[]);
    assert!(!model.agrees_without_numbers(&[offline(5, &[2]), offline(1, &[2]), offline(1, &[3])]));
    assert!(!model.agrees_without_numbers(&[offline(1, &[2]), offline(1, &[3]), offline(5, &[2])]));
}

/// Says in a topic how many observers there are, to these.
fn counted(observers: u32, to: &[u32]) -> Decision {
    let to = to.iter().map(|nth| key(*nth)).collect();
    let counts = TopicCounts { observers, ..TopicCounts::default() };
    Decision::Changes { topic: 1, view: View::Count, counts, changes: Gathered::default(), to }
}

/// Two ticks of a topic may say the same, each to others.
#[test]
fn changes_that_are_alike_count_as_one() {
    let model = output(&[counted(1, &[3]), counted(1, &[2]), counted(2, &[2])], &[]);
    for engine in [
        &[counted(1, &[2, 3]), counted(2, &[2])][..],
        &[counted(1, &[2]), counted(1, &[3]), counted(2, &[2])],
    ] {
        assert!(model.agrees_without_numbers(engine), "{engine:?}");
    }
    for engine in [
        &[counted(1, &[2, 4]), counted(2, &[2])][..],
        &[counted(1, &[3]), counted(2, &[2]), counted(1, &[2])],
    ] {
        assert!(!model.agrees_without_numbers(engine), "{engine:?}");
    }
}

/// One that begins before a part without order, or goes on behind it, may go on in it, whichever of
/// its receivers are meant there.
#[test]
fn notices_that_are_alike_may_cross_the_edge_of_a_part_without_order() {
    let all = [
        offline(1, &[3]),
        offline(1, &[2]),
        offline(5, &[2]),
        offline(6, &[2]),
        offline(6, &[1]),
        close(2),
    ];
    let model = output(&all, &[1..4, 4..5]);
    for engine in [
        &all[..],
        &[offline(1, &[2, 3]), offline(5, &[2]), offline(6, &[1, 2]), close(2)],
        &[
            offline(1, &[3]),
            offline(6, &[2]),
            offline(1, &[2]),
            offline(5, &[2]),
            all[4].clone(),
            close(2),
        ],
        &[offline(1, &[2, 3]), offline(6, &[2]), offline(5, &[2]), offline(6, &[1]), close(2)],
    ] {
        assert!(model.agrees_without_numbers(engine), "{engine:?}");
    }
    for engine in [
        // Too soon, too late, or to others.
        &[offline(5, &[2]), offline(1, &[2, 3]), offline(6, &[1, 2]), close(2)][..],
        &[offline(1, &[2, 3]), offline(6, &[1, 2]), offline(5, &[2]), close(2)],
        &[offline(1, &[2]), offline(5, &[2]), offline(1, &[3]), offline(6, &[1, 2]), close(2)],
        &[offline(1, &[2, 3]), offline(5, &[1]), offline(6, &[1, 2]), close(2)],
    ] {
        assert!(!model.agrees_without_numbers(engine), "{engine:?}");
    }
}
