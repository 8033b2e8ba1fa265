//! The worlds that are simulated, and the faults that a harness can be given on purpose.

use adsum::{Config, Grace, Options, OverLimit, Rate};

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
}

/// What a session showed is held for so long while a later one settles.
const SETTLE_MS: u64 = 2_000;

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) options: Options,
    pub(crate) latency_ms: (u64, u64),
    pub(crate) whims: Vec<(u64, Whim)>,
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
        all.options = Options {
            max_sessions: 3,
            max_sessions_per_kind: Some(2),
            over_limit: OverLimit::EvictOldest { min_age_ms: 5_000 },
            publish_rate: Some(Rate { burst: 2, interval_ms: 2_000 }),
            ..Options::default()
        };
        all.silent_per_cent = 30;
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
        ]
    }
}
