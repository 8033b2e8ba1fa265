//! Three nodes. Those that may do the same are interchangeable, so their states count as one.

use super::{NOTHING, Scope, all_is_right_within, search};
use crate::tests::breaks::{BROKEN, Break};

const THREE: Scope = Scope { changes: &[0, 0, 0], beats: &[0, 0, 0], ..NOTHING };

const A_CHANGE_OF_EACH: Scope = Scope { changes: &[1, 1, 1], ..THREE };
const A_CHANGE_AND_A_BEAT: Scope = Scope { changes: &[0, 1, 0], beats: &[0, 1, 0], ..THREE };
const TWO_CHANGES: Scope = Scope { changes: &[0, 2, 0], ..THREE };
const A_BEAT: Scope = Scope { beats: &[0, 1, 0], ..TWO_CHANGES };
const BEATS_OF_TWO: Scope = Scope { changes: &[0, 1, 1], beats: &[0, 1, 1], ..THREE };
const A_RESTART: Scope = Scope { changes: &[0, 1, 0], restarts: 1, ..THREE };
const RESTART_AND_A_BEAT: Scope = Scope { beats: &[0, 1, 0], ..A_RESTART };
const A_SUSPICION: Scope = Scope { changes: &[0, 2, 0], suspicions: 1, ..THREE };
const CUT_OFF: Scope = Scope { changes: &[0, 1, 1], suspicions: 1, is_cut_off: true, ..THREE };
const A_SHARED_USER: Scope = Scope { changes: &[0, 1, 1], is_shared: true, ..THREE };
const A_USER_AT_ALL: Scope = Scope { changes: &[1, 1, 1], is_shared: true, ..THREE };
const SHARED_AND_A_BEAT: Scope = Scope { beats: &[0, 1, 0], ..A_SHARED_USER };

/// How many steps each search takes at most that is not wholly done in every run.
const STEPS: usize = 1_000;

#[test]
fn a_change_of_each() {
    all_is_right_within(A_CHANGE_OF_EACH, None);
}

#[test]
fn a_change_and_a_beat() {
    all_is_right_within(A_CHANGE_AND_A_BEAT, None);
}

#[test]
fn two_changes() {
    all_is_right_within(TWO_CHANGES, None);
}

#[test]
fn two_changes_and_a_beat() {
    all_is_right_within(A_BEAT, Some(STEPS));
}

#[test]
fn changes_and_beats_of_two() {
    all_is_right_within(BEATS_OF_TWO, Some(STEPS));
}

#[test]
fn a_restart() {
    all_is_right_within(A_RESTART, None);
}

#[test]
fn a_restart_and_a_beat() {
    all_is_right_within(RESTART_AND_A_BEAT, Some(STEPS));
}

#[test]
fn one_suspects_another() {
    all_is_right_within(A_SUSPICION, Some(STEPS));
}

#[test]
fn one_suspects_both_others() {
    all_is_right_within(CUT_OFF, None);
}

#[test]
fn one_user_at_two_nodes() {
    all_is_right_within(A_SHARED_USER, Some(STEPS));
}

#[test]
fn one_user_at_three_nodes() {
    all_is_right_within(A_USER_AT_ALL, Some(STEPS));
}

#[test]
fn one_user_at_two_nodes_and_a_beat() {
    all_is_right_within(SHARED_AND_A_BEAT, Some(STEPS));
}

/// The search can fail: with three nodes it finds what is broken, as it does with two.
#[test]
fn whatever_is_broken_is_found() {
    for (broken, scope) in [
        (Break::MergeOverGap, TWO_CHANGES),
        (Break::UncheckedSync, A_BEAT),
        (Break::SyncWithoutGone, A_BEAT),
        (Break::OldIncarnation, A_RESTART),
        (Break::KeepNumber, A_SUSPICION),
        (Break::ForgetNumber, A_SUSPICION),
    ] {
        BROKEN.set(Some(broken));
        let found = search(scope, 20_000);
        BROKEN.set(None);
        println!("{broken:?}: {found:?}");
        assert!(found.wrong.is_some(), "{broken:?} is not found: {found:?}");
    }
}
