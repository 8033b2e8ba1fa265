//! The options of an engine, and those of a topic, as C has them.

use crate::bytes::put;
use crate::failure::Failure;
use crate::outside::outside;
use crate::status::adsum_status;
use adsum::{
    Config, DirectTo, Grace, Lease, OfflineNotices, Options, OverLimit, Rate, TopicBlocks,
    TopicOptions,
};

/// Who is told when a session ends, or when a user goes invisible.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_offline_notices {
    /// Whoever was told of the session.
    ADSUM_OFFLINE_TO_WHOEVER_SAW = 0,
    /// The same, and at the end of a user's last session all contacts who are online.
    ADSUM_OFFLINE_TO_ALL_CONTACTS = 1,
    /// Nobody: receivers keep believing in those who have gone.
    ADSUM_OFFLINE_NEVER = 2,
}

/// Who may send directed presence to whom.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_direct_to {
    /// Users of whom one is in the other's audience.
    ADSUM_DIRECT_TO_CONTACTS = 0,
    /// Anyone to anyone, blocks excepted.
    ADSUM_DIRECT_TO_ANYONE = 1,
}

/// What happens to a newcomer over a session limit.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_over_limit {
    /// The newcomer is refused.
    ADSUM_OVER_LIMIT_REFUSE = 0,
    /// The oldest session goes if it connected at least `evict_min_age_ms` ago; otherwise the
    /// newcomer is refused.
    ADSUM_OVER_LIMIT_EVICT_OLDEST = 1,
}

/// A token bucket. A `burst` of 0 is no limit, whatever the interval.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct adsum_rate {
    /// How many tokens a full bucket has: 1 to 1,000,000; 0 for no limit.
    pub burst: u32,
    /// Milliseconds until a token comes back: 1 to one day, unless `burst` is 0.
    pub interval_ms: u32,
}

/// How a topic behaves.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct adsum_topic_options {
    /// The most users who are all shown to those who view all: 1 to 100,000. Default: 200.
    pub full_up_to: u32,
    /// How long changes are gathered before they are told, in milliseconds: 0 (each is told at
    /// once) to 60,000. Default: 0.
    pub coalesce_ms: u32,
    /// The most users who may be members: 1 to 2^27. Default: 1,000,000.
    pub max_members: u32,
    /// How many users the sample of a large topic has: 1 to 10,000. Default: 20.
    pub sample: u16,
    /// Whether blocks hide users from each other in it: a value of `adsum_topic_blocks`. Where they
    /// do, `full_up_to` is the most users who may be members and `coalesce_ms` must be 0. Default:
    /// `ADSUM_TOPIC_BLOCKS_IGNORED`.
    pub blocks: u32,
}

/// Whether a block hides its two users from each other in a topic.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_topic_blocks {
    /// Whoever views a topic sees all who are in it.
    ADSUM_TOPIC_BLOCKS_IGNORED = 0,
    /// Neither of the two is there for the other.
    ADSUM_TOPIC_BLOCKS_HIDDEN = 1,
}

/// The options of an engine. Have `adsum_options_default` fill them in and change what you will:
/// options will be added. `adsum::Options` says more of each.
///
/// What is out of its range is refused with `ADSUM_E_OPTION`, and what is none of its values with
/// `ADSUM_E_ARGUMENT`; `argument` is the field's name, as `publish_rate.burst`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct adsum_options {
    /// Whether a user's own other sessions are told what one of them publishes. Default: yes.
    pub own_echo: bool,
    /// Whether a session is told at connect whom it can see. Default: yes. Must be so where
    /// `offline_notices` is whoever saw (`ADSUM_E_WHO_SAW_IS_UNKNOWN`).
    pub snapshot_on_connect: bool,
    /// Who is told that a session has ended: one of `adsum_offline_notices`. Default: whoever saw.
    pub offline_notices: u32,
    /// Who may direct to whom: one of `adsum_direct_to`. Default: contacts.
    pub direct_to: u32,
    /// What happens to a newcomer over a limit: one of `adsum_over_limit`. Default: evict.
    pub over_limit: u32,
    /// For how long the oldest session is safe, in milliseconds, if it would be evicted: 0 to seven
    /// days. Default: 10,000.
    pub evict_min_age_ms: u64,
    /// How long a session may be resumed after a connection error, in milliseconds: 0 (it ends at
    /// once) to seven days. Default: 60,000.
    pub grace_connection_error_ms: u64,
    /// The same after a timeout, a lapsed lease included: 0 to seven days. Default: 15,000.
    pub grace_timeout_ms: u64,
    /// The same after the loss of a node: 0 to seven days. Default: 60,000.
    pub grace_node_loss_ms: u64,
    /// The same after a client said that it is going away: 0 to seven days. Default: 5,000.
    pub grace_going_away_ms: u64,
    /// How long a session may say nothing, in milliseconds: 1 to seven days, and at least twice the
    /// heartbeat (`ADSUM_E_LEASE_TOO_SHORT`); 0 for ever. Default: 90,000.
    pub lease_ms: u64,
    /// How often the host promises a heartbeat for every live session, in milliseconds: 1 to three
    /// and a half days. Not read if the lease is 0. Default: 30,000.
    pub heartbeat_ms: u64,
    /// How long a presence that ends by itself may last at the most, in milliseconds: 1 to 366
    /// days. Default: seven days.
    pub max_expiry_ms: u64,
    /// After how many milliseconds without a sign of a person a user is idle: 1 to seven days; 0
    /// for never. Default: 0.
    pub idle_after_ms: u64,
    /// How long what a session showed is held for a later one of the same user, in milliseconds: 0
    /// to 60,000. Default: 10,000.
    pub settle_ms: u64,
    /// How long the last end of a user at another node is kept back, in milliseconds: 0 to 10,000
    /// (rule C10). Default: 500.
    pub skew_ms: u64,
    /// The most entries of one audience: 1 to 2^27. Default: 100,000.
    pub max_audience: u32,
    /// The most users one user may block: 1 to 2^27. Default: 10,000.
    pub max_blocked: u32,
    /// The most users one directed presence may name: 1 to 2^20. Default: 1,000.
    pub max_direct: u32,
    /// The most names that a session's directed presences are remembered by: `max_direct` to 2^20.
    /// Default: 4,096.
    pub max_told: u32,
    /// The most users that one session may watch: 1 to 2^20. Default: 500.
    pub max_watched: u32,
    /// The most topics that one session may be in: 1 to 1,000. Default: 100.
    pub max_topics: u32,
    /// The most members that a session may look at by name: 1 to 10,000. Default: 500.
    pub max_topic_named: u32,
    /// The most sessions one user may have: 1 to 1,024. Default: 16.
    pub max_sessions: u16,
    /// The most sessions of one device kind: 1 to `max_sessions`; 0 for as many as in all.
    /// Default: 0.
    pub max_sessions_per_kind: u16,
    /// How often one session may publish. Default: ten at once, then one a second.
    pub publish_rate: adsum_rate,
    /// How often one session may direct. Default: twenty at once, then four a second.
    pub direct_rate: adsum_rate,
    /// How often one session may update what it shows in one topic. Default: twenty at once, then
    /// ten a second.
    pub topic_rate: adsum_rate,
    /// How topics behave that have no options of their own. What is refused is named with this
    /// field: `topics.sample`, say.
    pub topics: adsum_topic_options,
}

impl From<Option<Rate>> for adsum_rate {
    fn from(rate: Option<Rate>) -> Self {
        rate.map_or_else(Self::default, |rate| Self {
            burst: rate.burst,
            interval_ms: rate.interval_ms,
        })
    }
}

impl adsum_rate {
    fn read(self) -> Option<Rate> {
        let Self { burst, interval_ms } = self;
        (burst > 0).then_some(Rate { burst, interval_ms })
    }
}

impl From<TopicOptions> for adsum_topic_options {
    fn from(options: TopicOptions) -> Self {
        let TopicOptions { full_up_to, sample, coalesce_ms, max_members, blocks } = options;
        let blocks = match blocks {
            TopicBlocks::Hidden => adsum_topic_blocks::ADSUM_TOPIC_BLOCKS_HIDDEN,
            _ => adsum_topic_blocks::ADSUM_TOPIC_BLOCKS_IGNORED,
        };
        Self { full_up_to, coalesce_ms, max_members, sample, blocks: blocks as u32 }
    }
}

impl adsum_topic_options {
    /// Returns what these numbers stand for, of which `blocks` is called so.
    pub(crate) fn read(self, called: &'static str) -> Result<TopicOptions, Failure> {
        let Self { full_up_to, coalesce_ms, max_members, sample, blocks } = self;
        let blocks = match blocks {
            0 => TopicBlocks::Ignored,
            1 => TopicBlocks::Hidden,
            other => {
                let (argument, value) = (called, other.into());
                return Err(Failure::Argument { argument, place: None, value });
            }
        };
        Ok(TopicOptions { full_up_to, sample, coalesce_ms, max_members, blocks })
    }
}

impl From<&Options> for adsum_options {
    fn from(options: &Options) -> Self {
        let offline_notices = match options.offline_notices {
            OfflineNotices::ToAllContacts => adsum_offline_notices::ADSUM_OFFLINE_TO_ALL_CONTACTS,
            OfflineNotices::Never => adsum_offline_notices::ADSUM_OFFLINE_NEVER,
            _ => adsum_offline_notices::ADSUM_OFFLINE_TO_WHOEVER_SAW,
        };
        let direct_to = match options.direct_to {
            DirectTo::Anyone => adsum_direct_to::ADSUM_DIRECT_TO_ANYONE,
            _ => adsum_direct_to::ADSUM_DIRECT_TO_CONTACTS,
        };
        let (over_limit, evict_min_age_ms) = match options.over_limit {
            OverLimit::EvictOldest { min_age_ms } => {
                (adsum_over_limit::ADSUM_OVER_LIMIT_EVICT_OLDEST, min_age_ms)
            }
            _ => (adsum_over_limit::ADSUM_OVER_LIMIT_REFUSE, 0),
        };
        let lease = options.lease.unwrap_or(Lease { lease_ms: 0, heartbeat_ms: 0 });
        Self {
            own_echo: options.own_echo,
            snapshot_on_connect: options.snapshot_on_connect,
            offline_notices: offline_notices as u32,
            direct_to: direct_to as u32,
            over_limit: over_limit as u32,
            evict_min_age_ms,
            grace_connection_error_ms: options.grace.connection_error_ms,
            grace_timeout_ms: options.grace.timeout_ms,
            grace_node_loss_ms: options.grace.node_loss_ms,
            grace_going_away_ms: options.grace.going_away_ms,
            lease_ms: lease.lease_ms,
            heartbeat_ms: lease.heartbeat_ms,
            max_expiry_ms: options.max_expiry_ms,
            idle_after_ms: options.idle_after_ms.unwrap_or(0),
            settle_ms: options.settle_ms,
            skew_ms: options.skew_ms,
            max_audience: options.max_audience,
            max_blocked: options.max_blocked,
            max_direct: options.max_direct,
            max_told: options.max_told,
            max_watched: options.max_watched,
            max_topics: options.max_topics,
            max_topic_named: options.max_topic_named,
            max_sessions: options.max_sessions,
            max_sessions_per_kind: options.max_sessions_per_kind.unwrap_or(0),
            publish_rate: options.publish_rate.into(),
            direct_rate: options.direct_rate.into(),
            topic_rate: options.topic_rate.into(),
            topics: options.topics.into(),
        }
    }
}

impl adsum_options {
    /// Returns what these numbers stand for, once it has been checked.
    pub(crate) fn read(&self) -> Result<Config, Failure> {
        let refused = |argument, value: u32| {
            Err(Failure::Argument { argument, place: None, value: value.into() })
        };
        let offline_notices = match self.offline_notices {
            0 => OfflineNotices::ToWhoeverSaw,
            1 => OfflineNotices::ToAllContacts,
            2 => OfflineNotices::Never,
            other => return refused("offline_notices", other),
        };
        let direct_to = match self.direct_to {
            0 => DirectTo::Contacts,
            1 => DirectTo::Anyone,
            other => return refused("direct_to", other),
        };
        let over_limit = match self.over_limit {
            0 => OverLimit::Refuse,
            1 => OverLimit::EvictOldest { min_age_ms: self.evict_min_age_ms },
            other => return refused("over_limit", other),
        };
        let lease = Lease { lease_ms: self.lease_ms, heartbeat_ms: self.heartbeat_ms };
        let options = Options {
            own_echo: self.own_echo,
            snapshot_on_connect: self.snapshot_on_connect,
            offline_notices,
            direct_to,
            grace: Grace {
                connection_error_ms: self.grace_connection_error_ms,
                timeout_ms: self.grace_timeout_ms,
                node_loss_ms: self.grace_node_loss_ms,
                going_away_ms: self.grace_going_away_ms,
            },
            lease: (self.lease_ms > 0).then_some(lease),
            max_sessions: self.max_sessions,
            max_sessions_per_kind: some(self.max_sessions_per_kind),
            over_limit,
            max_audience: self.max_audience,
            max_blocked: self.max_blocked,
            max_direct: self.max_direct,
            max_told: self.max_told,
            max_watched: self.max_watched,
            publish_rate: self.publish_rate.read(),
            direct_rate: self.direct_rate.read(),
            max_expiry_ms: self.max_expiry_ms,
            idle_after_ms: some(self.idle_after_ms),
            settle_ms: self.settle_ms,
            skew_ms: self.skew_ms,
            topics: self.topics.read("topics.blocks")?,
            max_topics: self.max_topics,
            max_topic_named: self.max_topic_named,
            topic_rate: self.topic_rate.read(),
        };
        Config::new(options).map_err(Failure::Config)
    }
}

/// Returns a number that is not zero.
fn some<N: Default + PartialEq>(number: N) -> Option<N> {
    (number != N::default()).then_some(number)
}

/// Fills in what a well-run messenger does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_options_default(out: *mut adsum_options) -> adsum_status {
    // SAFETY: the caller's duty for `out`.
    outside(|| unsafe { put(out, (&Options::default()).into()) })
}

/// Fills in what tim does: offline notices to all contacts at the end of the last session, no
/// grace, no snapshot, no echo to own sessions, one session per user, a lease of 600 s, no rate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_options_tim(out: *mut adsum_options) -> adsum_status {
    // SAFETY: the caller's duty for `out`.
    outside(|| unsafe { put(out, (&Options::tim()).into()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options of which no two numbers are the same, so that none can be taken for another.
    fn all_different() -> Options {
        Options {
            own_echo: false,
            snapshot_on_connect: true,
            offline_notices: OfflineNotices::ToAllContacts,
            direct_to: DirectTo::Anyone,
            grace: Grace {
                connection_error_ms: 101,
                timeout_ms: 102,
                node_loss_ms: 103,
                going_away_ms: 104,
            },
            lease: Some(Lease { lease_ms: 305, heartbeat_ms: 106 }),
            max_sessions: 107,
            max_sessions_per_kind: Some(7),
            over_limit: OverLimit::EvictOldest { min_age_ms: 108 },
            max_audience: 109,
            max_blocked: 110,
            max_direct: 111,
            max_told: 112,
            max_watched: 113,
            publish_rate: Some(Rate { burst: 114, interval_ms: 115 }),
            direct_rate: Some(Rate { burst: 116, interval_ms: 117 }),
            max_expiry_ms: 118,
            idle_after_ms: Some(119),
            settle_ms: 120,
            skew_ms: 129,
            topics: TopicOptions {
                full_up_to: 121,
                sample: 122,
                coalesce_ms: 123,
                max_members: 124,
                blocks: TopicBlocks::Ignored,
            },
            max_topics: 125,
            max_topic_named: 126,
            topic_rate: Some(Rate { burst: 127, interval_ms: 128 }),
        }
    }

    #[test]
    fn options_are_the_same_on_either_side() {
        let nothing = Options {
            lease: None,
            max_sessions_per_kind: None,
            over_limit: OverLimit::Refuse,
            idle_after_ms: None,
            publish_rate: None,
            direct_rate: None,
            topic_rate: None,
            offline_notices: OfflineNotices::Never,
            ..all_different()
        };
        let mut hiding = all_different();
        (hiding.topics.coalesce_ms, hiding.topics.blocks) = (0, TopicBlocks::Hidden);
        let all = [Options::default(), Options::tim(), all_different(), nothing, hiding];
        for options in all {
            let read = adsum_options::from(&options).read();
            assert_eq!(read, Ok(Config::new(options).expect("they are in range")));
        }
    }

    /// By its field's name, what is written from C is what Rust has: here one of each size.
    #[test]
    fn fields_have_the_names_of_their_options() {
        let options = adsum_options::from(&all_different());
        let rates = (options.publish_rate.burst, options.direct_rate.burst, options.topic_rate);
        assert_eq!(rates, (114, 116, adsum_rate { burst: 127, interval_ms: 128 }));
        assert_eq!((options.lease_ms, options.heartbeat_ms), (305, 106));
        assert_eq!((options.max_audience, options.max_blocked), (109, 110));
        assert_eq!((options.max_direct, options.max_told, options.max_watched), (111, 112, 113));
        assert_eq!((options.grace_connection_error_ms, options.grace_timeout_ms), (101, 102));
        assert_eq!((options.grace_node_loss_ms, options.grace_going_away_ms), (103, 104));
        assert_eq!((options.max_topics, options.max_topic_named), (125, 126));
        assert_eq!((options.topics.full_up_to, options.topics.sample), (121, 122));
        assert_eq!((options.topics.coalesce_ms, options.topics.max_members), (123, 124));
        assert_eq!(
            (options.max_expiry_ms, options.idle_after_ms, options.settle_ms),
            (118, 119, 120)
        );
        assert_eq!(options.skew_ms, 129);
    }

    #[test]
    fn what_is_refused_is_named() {
        let refused = |change: fn(&mut adsum_options)| {
            let mut options = adsum_options::from(&Options::default());
            change(&mut options);
            options.read().expect_err("it is refused")
        };
        let named = |argument, value| Failure::Argument { argument, place: None, value };
        assert_eq!(refused(|o| o.offline_notices = 3), named("offline_notices", 3));
        assert_eq!(refused(|o| o.direct_to = 2), named("direct_to", 2));
        assert_eq!(refused(|o| o.over_limit = 9), named("over_limit", 9));
        assert_eq!(refused(|o| o.topics.blocks = 2), named("topics.blocks", 2));
        let out_of_range = refused(|o| o.max_sessions = 0);
        assert!(matches!(out_of_range, Failure::Config(_)), "{out_of_range:?}");
    }
}
