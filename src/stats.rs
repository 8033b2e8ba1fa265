//! What an engine holds, and what it has done.

/// How much of everything an engine holds at the moment. All zero, as by default, when everyone
/// has left and no deadline is pending: the engine is then as good as new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Users with at least one session.
    pub users_online: usize,
    /// Users whose id the engine keeps: those online, all in their lists, those who are watched,
    /// and those whom a congested session has still to be told of.
    pub users_known: usize,
    /// Sessions, detached ones included.
    pub sessions: usize,
    /// Sessions that are detached.
    pub detached: usize,
    /// Sessions that [another node](crate::Engine::remote_state) has.
    pub remote: usize,
    /// Sessions that are congested.
    pub congested: usize,
    /// Presence values: one for each session that shows something, one for each publish that
    /// waits for its token, and one for each that takes the place of either at a set moment; and of
    /// each session in a topic that shows something else there than it publishes, likewise.
    pub presences: usize,
    /// Publishes that wait for their token.
    pub conflated: usize,
    /// Entries in audiences.
    pub audience_entries: usize,
    /// Pairs of a user and one it has blocked.
    pub blocked_pairs: usize,
    /// Users that sessions [watch](crate::Engine::watch): one for each pair of the two.
    pub watches: usize,
    /// Topics that somebody is in.
    pub topics: usize,
    /// Sessions that are in topics: one for each pair of the two.
    pub memberships: usize,
    /// Receivers of directed presence that are remembered, some of whom may have ended.
    pub told: usize,
    /// Things to be told to congested sessions.
    pub missed: usize,
    /// What ends by itself: presences shown or waiting for a token, directed presences, and what
    /// is said in topics; and updates in topics that wait for a token.
    pub expiring: usize,
    /// Deadlines that are armed.
    pub timers: usize,
}

/// What an engine has done since it was made. The numbers only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Inputs that were accepted.
    pub inputs: u64,
    /// Inputs that were refused with an [`Error`](crate::Error).
    pub refusals: u64,
    /// Notices, entries of snapshots included.
    pub notices: u64,
    /// Receivers of notices, and entries of snapshots.
    pub deliveries: u64,
    /// Publishes, and updates in topics, that had to wait for a token, or replaced one that waited.
    pub conflated: u64,
    /// Receivers who were not sent a directed or system notice, or what was said in a topic,
    /// because they were congested.
    pub skipped: u64,
}
