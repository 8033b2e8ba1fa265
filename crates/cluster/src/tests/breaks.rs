//! What is broken on purpose, one thing at a time: each must be found.

use super::world::wishes;
use super::{late, limits, moves, posts, recovery, search};
use std::cell::Cell;
use std::panic::catch_unwind;

thread_local! {
    /// What is broken in the nodes that this thread makes.
    pub(super) static BROKEN: Cell<Option<Break>> = const { Cell::new(None) };
}

/// One thing that is done wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// A change after a gap is taken.
    MergeOverGap,
    /// When a node's sessions have ended, its stream goes on from the number before.
    KeepNumber,
    /// When a node's sessions have ended, its stream begins anew.
    ForgetNumber,
    /// Messages of an earlier life of a node are taken.
    OldIncarnation,
    /// An answer is taken whatever is known already.
    UncheckedSync,
    /// Whoever sees an edge posts it.
    PostTwice,
    /// Nobody puts right that a node has posted an end which was none.
    NeverPostAgain,
    /// A beat that comes late, or again, is a sign of life.
    LateBeat,
    /// A node that is heard of again stays lost.
    NoWayBack,
    /// Who is not named in an answer with everything stays.
    KeepUnnamed,
    /// A change after a gap is passed over, and that is all.
    NeverAsk,
    /// When a node's sessions have ended, its next change is taken.
    TakeUpAnywhere,
    /// Lists are taken though newer ones are known.
    OldLists,
    /// Newer lists bring along whether the user is to be seen.
    WishOfLists,
    /// Lists that were heard and are not taken yet come over those that are given meanwhile.
    ForgetWaiting,
    /// Changes are taken while an answer comes in parts.
    OvertakeParts,
    /// Whoever was taken out of a topic by an order is not asked for.
    BelieveOrder,
    /// An order that comes again is carried out again.
    RepeatOrder,
    /// A node that has left goes on telling what happens to its sessions.
    TalkOn,
    /// An answer does not name those who have gone.
    SyncWithoutGone,
    /// An answer counts on lists that whoever asks may not have.
    SyncWithoutLists,
    /// Each node has its own sessions go before those of others.
    OwnFirst,
    /// An order to expel somebody is for sessions that came later too.
    ExpelNewer,
}

/// What is broken, and the test that finds it.
const LIST: [(Break, fn()); 23] = [
    (Break::MergeOverGap, search::two_changes_and_a_beat),
    (Break::KeepNumber, search::a_suspicion),
    (Break::ForgetNumber, search::a_suspicion),
    (Break::OldIncarnation, search::a_restart),
    (Break::UncheckedSync, search::two_changes_and_a_beat),
    (Break::PostTwice, posts::rule_c17_each_edge_is_posted_once),
    (Break::NeverPostAgain, posts::rule_c17_an_end_and_a_return_at_once_are_both_posted),
    (Break::LateBeat, recovery::rule_c5_a_late_beat_is_no_sign_of_life),
    (Break::NoWayBack, recovery::rule_c8_a_short_cut_is_not_noticed),
    (Break::KeepUnnamed, recovery::rule_c4_a_wrong_digest_heals_itself),
    (Break::NeverAsk, recovery::rule_c2_a_gap_changes_nothing_and_is_asked_for),
    (Break::TakeUpAnywhere, recovery::rule_c5_after_the_grace_everything_is_asked_for),
    (Break::OldLists, moves::rule_c13_the_greatest_version_holds),
    (Break::WishOfLists, wishes::rule_c13_newer_lists_show_nobody_who_hides),
    (Break::ForgetWaiting, wishes::rule_c13_what_was_heard_and_is_not_done_yet_is_what_changes),
    (Break::OvertakeParts, late::rule_c4_a_wrong_digest_heals_while_much_happens),
    (Break::BelieveOrder, late::rule_c1_who_joins_again_before_a_late_close_stays),
    (Break::RepeatOrder, moves::a_system_notice_reaches_each_node_once),
    (Break::TalkOn, recovery::rule_c7_who_has_left_says_nothing),
    (Break::SyncWithoutGone, search::two_changes_and_a_beat),
    (Break::SyncWithoutLists, moves::rule_c13_lists_come_with_an_answer),
    (Break::OwnFirst, limits::rule_c11_just_as_many_stay_as_may),
    (Break::ExpelNewer, moves::an_order_that_comes_late_spares_who_came_later),
];

#[test]
fn whatever_is_broken_is_found() {
    for (broken, test) in LIST {
        BROKEN.set(Some(broken));
        let found = catch_unwind(test).is_err();
        BROKEN.set(None);
        assert!(found, "{broken:?} is not found");
    }
}
