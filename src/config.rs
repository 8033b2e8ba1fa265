//! Every option of the rules, checked before an engine is built on them.

use crate::event::LostCause;
use crate::topic::TopicOptions;
use core::fmt;

/// The options as plain values, to be checked by [`Config::new`].
///
/// Options will be added. Name those you set and take the rest from a preset, as here, and a new
/// one does not break your build.
///
/// ```
/// use adsum::{Config, Options, Rate};
///
/// let config = Config::new(Options {
///     publish_rate: Some(Rate { burst: 5, interval_ms: 2_000 }),
///     ..Options::default()
/// })?;
/// # Ok::<(), adsum::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether a user's own other sessions are told what one of them publishes, and that it has
    /// ended. Default: yes, so that devices can show each other.
    pub own_echo: bool,
    /// Whether a session is told at connect whom it can see. Default: yes. A resumed session is
    /// always told, since it missed notices. Without it, the engine cannot know who saw what, so
    /// [`OfflineNotices::ToWhoeverSaw`] is refused.
    pub snapshot_on_connect: bool,
    /// Who is told that a session has ended. Default: whoever was told of it.
    pub offline_notices: OfflineNotices,
    /// Who may send directed presence to whom. Default: contacts.
    pub direct_to: DirectTo,
    /// How long a lost session may still be resumed.
    pub grace: Grace,
    /// How long a session may say nothing. Default: 90 s where the host promises a heartbeat
    /// every 30 s. `None`: for ever, so that an unreported disconnect leaves a ghost.
    pub lease: Option<Lease>,
    /// The most sessions one user may have, detached ones included: 1 to 1,024. Default: 16.
    pub max_sessions: u16,
    /// The most sessions of one device kind that one user may have: 1 to `max_sessions`.
    /// Default: `None`, as many as in all.
    pub max_sessions_per_kind: Option<u16>,
    /// What happens to a newcomer over either limit. Default: the oldest session makes way if it
    /// is at least 10 s old.
    pub over_limit: OverLimit,
    /// The most entries of one audience, as the host gives them: 1 to 2^27. Default: 100,000
    /// (400 kB).
    pub max_audience: u32,
    /// The most users one user may block: 1 to 2^27. Default: 10,000.
    pub max_blocked: u32,
    /// The most users one directed presence may name, repeated ones counted: 1 to 2^20.
    /// Default: 1,000.
    pub max_direct: u32,
    /// The most names that one session's directed presences are remembered by, whoever was there:
    /// `max_direct` to 2^20. Whom they reached is kept, some 40 bytes each, to be told when the
    /// sender ends. When the session has named more, what it said longest ago is over. Default:
    /// 4,096.
    pub max_told: u32,
    /// The most users that one session may [watch](crate::Engine::watch): 1 to 2^20. Default: 500.
    pub max_watched: u32,
    /// How often one session may publish. Default: ten at once, then one a second. `None`: as
    /// often as it likes.
    pub publish_rate: Option<Rate>,
    /// How often one session may send directed presence or [say](crate::Engine::say) something in
    /// topics, which is a rate of its own: typing must not hold up what a session shows. Default:
    /// twenty at once, then four a second. `None`: as often as it likes.
    pub direct_rate: Option<Rate>,
    /// How long at the most a presence that [ends by itself](crate::Engine::publish_until), or a
    /// [directed](crate::Engine::direct_for) one, may last, in milliseconds: 1 to a year of 366
    /// days. Default: seven days.
    pub max_expiry_ms: u64,
    /// After how long without a [sign](crate::Engine::active) of a person on any device a user is
    /// idle, in milliseconds: 1 to seven days. `None`, the default: never. It matters only where
    /// contacts are told [one state of each user](crate::Engine::with_representative).
    pub idle_after_ms: Option<u64>,
    /// How long what a session showed is held after its end while a session of the same user that
    /// connected later shows nothing yet, in milliseconds since that one connected: 0 (not at all)
    /// to 60,000. So contacts do not see a user go who changes devices. Default: 10,000.
    pub settle_ms: u64,
    /// How long the last end of a user whose sessions [other nodes](crate::Engine::remote_state)
    /// have is kept back, in milliseconds: 0 to 10,000. What two nodes say has no order, so a
    /// session that takes its place may be heard of a moment later. Default: 500.
    pub skew_ms: u64,
    /// How topics behave that have no [options of their own](crate::Engine::topic_options).
    pub topics: TopicOptions,
    /// The most topics that one session may be in: 1 to 1,000. Default: 100.
    pub max_topics: u32,
    /// The most members of one topic that one session may [look at](crate::Engine::look_at) by
    /// name: 1 to 10,000. Default: 500.
    pub max_topic_named: u32,
    /// How often one session may [update](crate::Engine::update) what it shows in one topic.
    /// Default: twenty times at once, then ten times a second. `None`: as often as it likes.
    pub topic_rate: Option<Rate>,
}

/// Who is told when a session ends, or when a user goes invisible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OfflineNotices {
    /// Whoever was told of the session: contacts if it had published where they could see it, and
    /// those whom its directed presence reached.
    ToWhoeverSaw,
    /// The same, and at the end of a user's last session all contacts who are online, though the
    /// user never published anything. This is what tim does.
    ToAllContacts,
    /// Nobody (tim's `presence.offline.block`). Receivers keep believing in those who have gone,
    /// so promise 4, no ghosts, is off. Removal from an audience and blocks are told all the
    /// same: they say who may see, not who is there.
    Never,
}

/// Who may send directed presence to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DirectTo {
    /// Users of whom one is in the other's audience.
    Contacts,
    /// Anyone to anyone, blocks excepted. This is what tim does.
    Anyone,
}

/// How long a lost session stays detached before it ends, in milliseconds, by the cause of the
/// loss: 0 (it ends at once) to seven days.
///
/// The defaults are 60 s, 15 s, 60 s and 5 s. Of ten years of public chat logs they would hide
/// 32 % of the connection errors, where 15 s hide 2 %; a lapsed lease has already served as a
/// wait. A host that knows more of one loss (a phone goes to sleep, a tab is reloaded) says so by
/// [`Engine::lost_with_grace`](crate::Engine::lost_with_grace). Causes will be added: take those
/// that you do not set from the default, `Grace { timeout_ms: 0, ..Grace::default() }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// After a connection error.
    pub connection_error_ms: u64,
    /// After a timeout, a lapsed lease included.
    pub timeout_ms: u64,
    /// After the loss of the node that had the connection.
    pub node_loss_ms: u64,
    /// After a client said that it is going away.
    pub going_away_ms: u64,
}

impl Grace {
    /// A lost session ends at once, whatever the cause.
    pub const NONE: Self =
        Self { connection_error_ms: 0, timeout_ms: 0, node_loss_ms: 0, going_away_ms: 0 };

    /// The longest that a grace may be, in milliseconds: seven days.
    pub const LIMIT_MS: u64 = WEEK_MS;

    /// Returns the grace for a cause, in milliseconds.
    #[must_use]
    pub const fn after(&self, cause: LostCause) -> u64 {
        match cause {
            LostCause::ConnectionError => self.connection_error_ms,
            LostCause::Timeout => self.timeout_ms,
            LostCause::NodeLoss => self.node_loss_ms,
            LostCause::GoingAway => self.going_away_ms,
        }
    }
}

impl Default for Grace {
    fn default() -> Self {
        Self {
            connection_error_ms: 60_000,
            timeout_ms: 15_000,
            node_loss_ms: 60_000,
            going_away_ms: 5_000,
        }
    }
}

/// How long a session may say nothing before it counts as lost by timeout.
///
/// Both fields have to be set; the lease of [`Options::default`] is of 90 s for a heartbeat every
/// 30 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The lease in milliseconds: at least twice the heartbeat, at most seven days.
    pub lease_ms: u64,
    /// How often, in milliseconds, the host promises to say [`heartbeat`](crate::Engine::heartbeat)
    /// for every live session: at least 1.
    pub heartbeat_ms: u64,
}

/// What happens to a newcomer over a session limit. A detached session never stands in a
/// newcomer's way: under either policy it is the first to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OverLimit {
    /// The newcomer is refused.
    Refuse,
    /// The oldest session (of its kind, where the limit of the kind is reached) is closed if it
    /// connected at least `min_age_ms` ago; otherwise the newcomer is refused.
    EvictOldest {
        /// Milliseconds since it connected: 0 to seven days. tim: 10,000 (`auth_min_unix`).
        min_age_ms: u64,
    },
}

/// A token bucket: each publish takes a token, or each directed presence and whatever is
/// [said](crate::Engine::say) in a topic, or each [update](crate::Engine::update) in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many tokens a full bucket has: 1 to 1,000,000.
    pub burst: u32,
    /// Milliseconds until a token comes back: 1 to one day.
    pub interval_ms: u32,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const WEEK_MS: u64 = 7 * DAY_MS;
const MAX_SESSIONS: u16 = 1_024;
const MAX_LIST: u32 = 1 << 27;
/// The most names in a list that a session hands in.
const MAX_NAMES: u32 = 1 << 20;
const MAX_BURST: u32 = 1_000_000;
const MAX_SETTLE_MS: u64 = 60_000;
const MAX_SKEW_MS: u64 = 10_000;
/// The most topics of a session.
const MAX_TOPICS: u64 = 1_000;
/// The most members that a session looks at in one topic.
const MAX_TOPIC_NAMED: u64 = 10_000;
const MAX_EXPIRY_MS: u64 = 366 * DAY_MS;

impl Default for Options {
    /// Returns what a well-run messenger does.
    fn default() -> Self {
        Self {
            own_echo: true,
            snapshot_on_connect: true,
            offline_notices: OfflineNotices::ToWhoeverSaw,
            direct_to: DirectTo::Contacts,
            grace: Grace::default(),
            lease: Some(Lease { lease_ms: 90_000, heartbeat_ms: 30_000 }),
            max_sessions: 16,
            max_sessions_per_kind: None,
            over_limit: OverLimit::EvictOldest { min_age_ms: 10_000 },
            max_audience: 100_000,
            max_blocked: 10_000,
            max_direct: 1_000,
            max_told: 4_096,
            max_watched: 500,
            publish_rate: Some(Rate { burst: 10, interval_ms: 1_000 }),
            direct_rate: Some(Rate { burst: 20, interval_ms: 250 }),
            max_expiry_ms: WEEK_MS,
            idle_after_ms: None,
            settle_ms: 10_000,
            skew_ms: 500,
            topics: TopicOptions::default(),
            max_topics: 100,
            max_topic_named: 500,
            topic_rate: Some(Rate { burst: 20, interval_ms: 100 }),
        }
    }
}

impl Options {
    /// Returns what tim does: offline notices to all contacts at the end of the last session, no
    /// grace, no snapshot, no echo to own sessions, anyone may direct to anyone, one session per
    /// user, a lease of 600 s, no rate.
    #[must_use]
    pub fn tim() -> Self {
        Self {
            own_echo: false,
            snapshot_on_connect: false,
            offline_notices: OfflineNotices::ToAllContacts,
            direct_to: DirectTo::Anyone,
            grace: Grace::NONE,
            lease: Some(Lease { lease_ms: 600_000, heartbeat_ms: 15_000 }),
            max_sessions: 1,
            max_sessions_per_kind: None,
            over_limit: OverLimit::EvictOldest { min_age_ms: 10_000 },
            publish_rate: None,
            direct_rate: None,
            topic_rate: None,
            ..Self::default()
        }
    }
}

/// Options that make sense together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config(Options);

impl Config {
    /// Checks the options.
    ///
    /// # Errors
    /// The first option that is out of its range, or that does not go with another.
    pub fn new(options: Options) -> Result<Self, ConfigError> {
        let in_range = |option, value: u64, min: u64, max: u64| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(ConfigError::OutOfRange { option, value, min, max })
            }
        };
        let o = &options;
        in_range("grace.connection_error_ms", o.grace.connection_error_ms, 0, WEEK_MS)?;
        in_range("grace.timeout_ms", o.grace.timeout_ms, 0, WEEK_MS)?;
        in_range("grace.node_loss_ms", o.grace.node_loss_ms, 0, WEEK_MS)?;
        in_range("grace.going_away_ms", o.grace.going_away_ms, 0, WEEK_MS)?;
        in_range("max_sessions", o.max_sessions.into(), 1, MAX_SESSIONS.into())?;
        if let Some(per_kind) = o.max_sessions_per_kind {
            in_range("max_sessions_per_kind", per_kind.into(), 1, o.max_sessions.into())?;
        }
        in_range("max_audience", o.max_audience.into(), 1, MAX_LIST.into())?;
        in_range("max_blocked", o.max_blocked.into(), 1, MAX_LIST.into())?;
        in_range("max_direct", o.max_direct.into(), 1, MAX_NAMES.into())?;
        in_range("max_told", o.max_told.into(), o.max_direct.into(), MAX_NAMES.into())?;
        in_range("max_watched", o.max_watched.into(), 1, MAX_NAMES.into())?;
        in_range("max_expiry_ms", o.max_expiry_ms, 1, MAX_EXPIRY_MS)?;
        if let Some(after_ms) = o.idle_after_ms {
            in_range("idle_after_ms", after_ms, 1, WEEK_MS)?;
        }
        in_range("settle_ms", o.settle_ms, 0, MAX_SETTLE_MS)?;
        in_range("skew_ms", o.skew_ms, 0, MAX_SKEW_MS)?;
        in_range("max_topics", o.max_topics.into(), 1, MAX_TOPICS)?;
        in_range("max_topic_named", o.max_topic_named.into(), 1, MAX_TOPIC_NAMED)?;
        if let Some((option, value, min, max)) = o.topics.out_of_range() {
            in_range(option, value.into(), min.into(), max.into())?;
        }
        if let OverLimit::EvictOldest { min_age_ms } = o.over_limit {
            in_range("over_limit.min_age_ms", min_age_ms, 0, WEEK_MS)?;
        }
        let rates = [
            (o.publish_rate, "publish_rate.burst", "publish_rate.interval_ms"),
            (o.direct_rate, "direct_rate.burst", "direct_rate.interval_ms"),
            (o.topic_rate, "topic_rate.burst", "topic_rate.interval_ms"),
        ];
        for (rate, burst, interval) in rates {
            let Some(rate) = rate else { continue };
            in_range(burst, rate.burst.into(), 1, MAX_BURST.into())?;
            in_range(interval, rate.interval_ms.into(), 1, DAY_MS)?;
        }
        if let Some(lease) = o.lease {
            in_range("lease.heartbeat_ms", lease.heartbeat_ms, 1, WEEK_MS / 2)?;
            in_range("lease.lease_ms", lease.lease_ms, 1, WEEK_MS)?;
            if lease.lease_ms < 2 * lease.heartbeat_ms {
                return Err(ConfigError::LeaseTooShort {
                    lease_ms: lease.lease_ms,
                    heartbeat_ms: lease.heartbeat_ms,
                });
            }
        }
        if o.offline_notices == OfflineNotices::ToWhoeverSaw && !o.snapshot_on_connect {
            return Err(ConfigError::WhoSawIsUnknown);
        }
        Ok(Self(options))
    }

    /// Returns [`Options::tim`], which need no check.
    #[must_use]
    pub fn tim() -> Self {
        Self(Options::tim())
    }

    /// Returns the options, all of them checked.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.0
    }
}

/// Why options were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number is out of its range.
    OutOfRange {
        /// The option's name in [`Options`].
        option: &'static str,
        /// What it was.
        value: u64,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
    /// A single late heartbeat would lose a live session.
    LeaseTooShort {
        /// The lease.
        lease_ms: u64,
        /// The heartbeat, more than half of it.
        heartbeat_ms: u64,
    },
    /// Without a snapshot at connect the engine cannot tell
    /// [whoever saw](OfflineNotices::ToWhoeverSaw): it keeps no record per contact.
    WhoSawIsUnknown,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { option, value, min, max } => {
                write!(f, "{option} is {value}, which is not within {min} to {max}")
            }
            Self::LeaseTooShort { lease_ms, heartbeat_ms } => write!(
                f,
                "lease.lease_ms is {lease_ms}, less than twice lease.heartbeat_ms, {heartbeat_ms}"
            ),
            Self::WhoSawIsUnknown => {
                f.write_str("offline_notices is ToWhoeverSaw, which needs snapshot_on_connect")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Options)) -> Option<ConfigError> {
        let mut options = Options::default();
        change(&mut options);
        Config::new(options).err()
    }

    #[test]
    fn both_presets_pass_their_own_check() {
        assert_eq!(Config::new(Options::default()), Ok(Config::default()));
        assert_eq!(Config::new(Options::tim()), Ok(Config::tim()));
    }

    #[test]
    fn tim_has_one_session_a_user_of_whatever_kind_and_no_rates() {
        let Options { max_sessions, max_sessions_per_kind, .. } = Options::tim();
        assert_eq!((max_sessions, max_sessions_per_kind), (1, None));
        let Options { publish_rate, direct_rate, .. } = Options::tim();
        assert_eq!((publish_rate, direct_rate), (None, None));
    }

    #[test]
    fn zero_and_absurd_values_are_refused_by_name() {
        type Change = fn(&mut Options, u64);
        let numbers: [(&str, Change, u64, u64); 18] = [
            ("grace.connection_error_ms", |o, v| o.grace.connection_error_ms = v, 0, WEEK_MS),
            ("grace.timeout_ms", |o, v| o.grace.timeout_ms = v, 0, WEEK_MS),
            ("grace.node_loss_ms", |o, v| o.grace.node_loss_ms = v, 0, WEEK_MS),
            ("grace.going_away_ms", |o, v| o.grace.going_away_ms = v, 0, WEEK_MS),
            ("max_sessions", |o, v| o.max_sessions = v as u16, 1, 1_024),
            ("max_sessions_per_kind", |o, v| o.max_sessions_per_kind = Some(v as u16), 1, 16),
            ("max_audience", |o, v| o.max_audience = v as u32, 1, 1 << 27),
            ("max_blocked", |o, v| o.max_blocked = v as u32, 1, 1 << 27),
            ("max_direct", |o, v| (o.max_direct, o.max_told) = (v as u32, 1 << 20), 1, 1 << 20),
            ("max_told", |o, v| o.max_told = v as u32, 1_000, 1 << 20),
            ("max_expiry_ms", |o, v| o.max_expiry_ms = v, 1, 366 * DAY_MS),
            ("settle_ms", |o, v| o.settle_ms = v, 0, 60_000),
            (
                "direct_rate.burst",
                |o, v| o.direct_rate = Some(Rate { burst: v as u32, interval_ms: 1 }),
                1,
                1_000_000,
            ),
            (
                "direct_rate.interval_ms",
                |o, v| o.direct_rate = Some(Rate { burst: 1, interval_ms: v as u32 }),
                1,
                DAY_MS,
            ),
            (
                "over_limit.min_age_ms",
                |o, v| o.over_limit = OverLimit::EvictOldest { min_age_ms: v },
                0,
                WEEK_MS,
            ),
            (
                "publish_rate.burst",
                |o, v| o.publish_rate = Some(Rate { burst: v as u32, interval_ms: 1 }),
                1,
                1_000_000,
            ),
            (
                "publish_rate.interval_ms",
                |o, v| o.publish_rate = Some(Rate { burst: 1, interval_ms: v as u32 }),
                1,
                DAY_MS,
            ),
            (
                "lease.lease_ms",
                |o, v| o.lease = Some(Lease { lease_ms: v, heartbeat_ms: 1 }),
                2,
                WEEK_MS,
            ),
        ];
        for (name, change, min, max) in numbers {
            let set = |value| refused(|o| change(o, value));
            assert_eq!(set(min), None, "{name} at its least");
            assert_eq!(set(max), None, "{name} at its most");
            for value in [min.wrapping_sub(1), max + 1].into_iter().filter(|v| *v != u64::MAX) {
                match set(value) {
                    Some(ConfigError::OutOfRange { option, value: said, .. }) => {
                        assert_eq!((option, said), (name, value));
                    }
                    Some(ConfigError::LeaseTooShort { lease_ms: 1, heartbeat_ms: 1 }) => {
                        assert_eq!(name, "lease.lease_ms");
                    }
                    other => panic!("{name} = {value}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn options_of_topics_are_in_range() {
        type Change = fn(&mut Options, u64);
        let numbers: [(&str, Change, u64, u64); 6] = [
            ("max_topics", |o, v| o.max_topics = v as u32, 1, 1_000),
            ("max_topic_named", |o, v| o.max_topic_named = v as u32, 1, 10_000),
            ("topics.full_up_to", |o, v| o.topics.full_up_to = v as u32, 1, 100_000),
            ("topics.sample", |o, v| o.topics.sample = v as u16, 1, 10_000),
            ("topics.coalesce_ms", |o, v| o.topics.coalesce_ms = v as u32, 0, 60_000),
            ("topics.max_members", |o, v| o.topics.max_members = v as u32, 1, 1 << 27),
        ];
        for (name, change, min, max) in numbers {
            let set = |value| refused(|o| change(o, value));
            assert_eq!((set(min), set(max)), (None, None), "{name} at its least and most");
            for value in [min.wrapping_sub(1), max + 1].into_iter().filter(|v| *v != u64::MAX) {
                let Some(ConfigError::OutOfRange { option, .. }) = set(value) else {
                    panic!("{name} = {value} is taken");
                };
                assert_eq!(option, name);
            }
        }
    }

    #[test]
    fn a_lease_is_at_least_twice_the_heartbeat() {
        let lease =
            |lease_ms, heartbeat_ms| refused(|o| o.lease = Some(Lease { lease_ms, heartbeat_ms }));
        assert_eq!(lease(20, 10), None);
        assert_eq!(
            lease(19, 10),
            Some(ConfigError::LeaseTooShort { lease_ms: 19, heartbeat_ms: 10 })
        );
        assert!(matches!(lease(10, 0), Some(ConfigError::OutOfRange { .. })));
        assert!(matches!(lease(u64::MAX, u64::MAX), Some(ConfigError::OutOfRange { .. })));
    }

    #[test]
    fn telling_whoever_saw_needs_snapshots() {
        assert_eq!(refused(|o| o.snapshot_on_connect = false), Some(ConfigError::WhoSawIsUnknown));
    }
}
