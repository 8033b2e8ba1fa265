//! What is broken on purpose, one thing at a time: each must be found.

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
    /// A beat that comes late, or again, is a sign of life.
    LateBeat,
    /// A node that is heard of again stays lost.
    NoWayBack,
    /// Who is not named in an answer with everything stays.
    KeepUnnamed,
    /// What a node says of a user is taken though something later is known.
    GoBack,
    /// Lists are taken though newer ones are known.
    OldLists,
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
