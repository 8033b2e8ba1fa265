//! The worlds that are simulated, and the faults that a harness can be given on purpose.

use super::wire::Word;
use adsum::{Candidate, Config, Grace, Options, OverLimit, Rate};

/// What somebody does of their own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whim {
    Say,
    /// Says several things in one breath.
    Babble,
    Direct,
    SignOff,
    /// The application is gone, and the system closes its connection, or the device is, and
    /// nobody says so.
    Die,
    /// The application is started anew and remembers nothing.
    Restart,
    /// Its page is loaded anew, after it has said that it goes away.
    Reload,
    /// The connection breaks: both ends learn of it, or one of them, or neither.
    Break,
    /// It reads slowly for a while.
    Slow,
    /// It watches somebody, who may be no contact of its user, or does so no more.
    Watch,
    /// A person does something on it and says nothing.
    Touch,
    /// The user adds, removes, blocks or unblocks somebody, or goes invisible or visible.
    Edit,
    /// The whole server starts anew, without any memory.
    RestartServer,
}

/// Something that goes wrong in the harness and not in the engine, to see whether it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Of all notices that clients read, the one with this number is lost.
    LoseNotice(u64),
    /// The host leaves the last entry of each snapshot out.
    CutSnapshots,
    /// It closes no connection that the engine tells it to close.
    IgnoreCloses,
    /// It sends to all receivers but the last, where there are several.
    SkipLastReceiver,
    /// It says `congested` and then never `writable`.
    ForgetWritable,
    /// It drops frames for which there is no room and does not make good for that.
    ForgetGaps,
    /// It takes a token of before its restart for one of now.
    TrustOldTokens,
    /// It reports the late end of a connection by the newest key of its session.
    EndByNewestKey,
    /// It goes on keeping sessions of which the engine says that they have ended.
    IgnoreEnds,
    /// It does not tell the engine whom its clients watch.
    IgnoreWatches,
    /// It does not tell its clients whom they watch no more, so that they forget nothing.
    KeepUnwatched,
    /// It lets those whom somebody has removed watch on.
    PermitRemoved,
    /// It does not tell the engine what persons do.
    IgnorePersons,
}

/// What a session showed is held for so long while a later one settles.
const SETTLE_MS: u64 = 2_000;
/// Some are idle when it is quiet, and some are not.
const IDLE_AFTER_MS: u64 = 500_000;

/// Chooses who speaks for a user where contacts are told one state.
pub(crate) fn loudest(all: &[Candidate<'_, Word>]) -> usize {
    (0..all.len()).max_by_key(|at| all[*at].presence.loudness()).unwrap_or(0)
}

/// Whoever comes pushes others out, and says more than is told at once.
fn crowded() -> Options {
    Options {
        max_sessions: 3,
        max_sessions_per_kind: Some(2),
        over_limit: OverLimit::EvictOldest { min_age_ms: 5_000 },
        publish_rate: Some(Rate { burst: 2, interval_ms: 2_000 }),
        ..Options::default()
    }
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) options: Options,
    pub(crate) latency_ms: (u64, u64),
    pub(crate) whims: Vec<(u64, Whim)>,
    /// Whether contacts are told one state of each user.
    pub(crate) tells_users: bool,
    /// Of 100 breaks of a connection, how many an end does not learn of.
    pub(crate) silent_per_cent: u64,
    /// Nobody believes something wrong for longer.
    pub(crate) wrong_at_most_ms: u64,
}

impl Scenario {
    pub(crate) fn config(&self) -> Config {
        Config::new(self.options.clone()).expect("the options go together")
    }

    pub(crate) fn all() -> Vec<Self> {
        let plain = Self {
            name: "",
            options: Options { publish_rate: None, settle_ms: SETTLE_MS, ..Options::default() },
            latency_ms: (5, 250),
            whims: vec![(8, Whim::Say), (2, Whim::Direct), (2, Whim::SignOff), (2, Whim::Edit)],
            tells_users: false,
            silent_per_cent: 0,
            wrong_at_most_ms: 0,
        };
        let with = |name, whims: &[(u64, Whim)], wrong_at_most_ms| {
            let whims = [&plain.whims, whims].concat();
            let options = plain.options.clone();
            Self { name, options, whims, wrong_at_most_ms, ..plain }
        };
        // Whoever goes while their connection is broken is believed in until the grace is over.
        let grace_ms = 60_000 + 4_000;
        // Where nobody says anything, for two leases (the host's own `congested` restarts one) and
        // a grace, and until a viewer whose own connection is dead has noticed that.
        let silence_ms = 2 * 90_000 + 15_000 + 100_000;
        let breaks = [(14, Whim::Break)];
        let half_open = [(8, Whim::Break), (2, Whim::Die)];
        let reloads = [(10, Whim::Reload)];
        let restarts = [(5, Whim::Restart), (2, Whim::Die), (1, Whim::RestartServer)];
        let everything =
            [&breaks, &restarts[..], &[(6, Whim::Slow), (6, Whim::Babble), (3, Whim::Edit)]]
                .concat();
        // Four messages of 250 ms: hello, welcome, the first word, and the notice of it. Whoever
        // signs off on one device and says nothing on another is believed in a little longer.
        let latency_only = with("latency only", &[], 1_100 + SETTLE_MS);
        // A client tries to reconnect after 8 s at most.
        let mut no_grace = with("breaks, no grace", &breaks, 30_000);
        no_grace.options.grace = Grace::NONE;
        let mut half_open = with("half-open", &half_open, silence_ms);
        half_open.silent_per_cent = 50;
        // A full queue, 14 frames of 4 s each, the news after it, which may fill the queue again,
        // and the snapshot that makes good for what was dropped then; and the answers to what the
        // reader says itself, in between.
        let slow_ms = 3 * 14 * 4_000 + 72_000;
        let slow = with("slow readers", &[(6, Whim::Slow), (16, Whim::Say)], slow_ms);
        let mut all = with("all at once", &everything, silence_ms);
        all.options = crowded();
        all.silent_per_cent = 30;
        let watching = with("watching", &[breaks[0], (8, Whim::Watch)], grace_ms);
        let mut as_one = with("one state a user", &[breaks[0], (4, Whim::Touch)], grace_ms);
        let more = [&everything[..], &[(6, Whim::Watch), (2, Whim::Touch)]].concat();
        let mut all_as_one = with("all, as one", &more, silence_ms);
        all_as_one.options = crowded();
        all_as_one.silent_per_cent = 30;
        for scenario in [&mut as_one, &mut all_as_one] {
            scenario.tells_users = true;
            scenario.options.idle_after_ms = Some(IDLE_AFTER_MS);
        }
        vec![
            latency_only,
            with("breaks", &breaks, grace_ms),
            no_grace,
            half_open,
            slow,
            with("restarts", &restarts, grace_ms),
            // A page is there again after 6 s, or is loaded once more before it is; its first word
            // comes after four messages.
            with("reloads", &reloads, 2 * 6_000 + 1_100),
            all,
            watching,
            as_one,
            all_as_one,
        ]
    }
}
