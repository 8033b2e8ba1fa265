//! The engine's options, and the bounds on a frame, as the settings say.

use adsum_tim::Limits;

use super::settings::{
    Config, DirectTo, OfflineNotices, OneState, OverLimit, Presence, TopicBlocks, Watch,
};

/// How often clients are expected to say that they are there, if the ping timeout allows it.
const HEARTBEAT_MS: u64 = 30_000;

impl Config {
    /// Returns the engine's options.
    #[must_use]
    pub fn engine_options(&self) -> adsum::Options {
        let Presence { device_limit, devicetype_limit, .. } = self.presence;
        let presence = &self.presence;
        let rate = (presence.publish_burst > 0).then_some(adsum::Rate {
            burst: presence.publish_burst,
            interval_ms: presence.publish_interval_ms,
        });
        adsum::Options {
            own_echo: presence.own_echo,
            snapshot_on_connect: presence.snapshot_at_login,
            offline_notices: match presence.offline_notices {
                _ if presence.offline_block => adsum::OfflineNotices::Never,
                OfflineNotices::WhoeverSaw => adsum::OfflineNotices::ToWhoeverSaw,
                OfflineNotices::AllContacts => adsum::OfflineNotices::ToAllContacts,
            },
            direct_to: match presence.direct_to {
                DirectTo::Contacts => adsum::DirectTo::Contacts,
                DirectTo::Anyone => adsum::DirectTo::Anyone,
            },
            grace: adsum::Grace {
                connection_error_ms: presence.grace_error_ms,
                timeout_ms: presence.grace_timeout_ms,
                node_loss_ms: presence.grace_error_ms,
                going_away_ms: presence.grace_going_away_ms,
            },
            lease: Some(adsum::Lease {
                lease_ms: self.network.ping_timeout_ms,
                heartbeat_ms: HEARTBEAT_MS.min(self.network.ping_timeout_ms / 2),
            }),
            max_sessions: device_limit,
            // A limit for one kind that is not below the limit for all never matters.
            max_sessions_per_kind: (devicetype_limit < device_limit).then_some(devicetype_limit),
            over_limit: match presence.over_limit {
                OverLimit::Evict => {
                    adsum::OverLimit::EvictOldest { min_age_ms: presence.auth_min_ms }
                }
                OverLimit::Refuse => adsum::OverLimit::Refuse,
            },
            max_audience: presence.max_audience,
            max_blocked: self.accounts.max_relations,
            max_direct: presence.max_direct,
            max_told: presence.max_told.max(presence.max_direct),
            publish_rate: rate,
            // A bucket of its own, as large.
            direct_rate: rate,
            max_watched: presence.max_watched,
            idle_after_ms: (presence.idle_after_ms > 0).then_some(presence.idle_after_ms),
            settle_ms: self.settle_ms(),
            topics: adsum::TopicOptions {
                full_up_to: presence.topic_full_up_to,
                sample: presence.topic_sample,
                coalesce_ms: presence.topic_coalesce_ms,
                max_members: presence.topic_max_members,
                blocks: self.topic_blocks(),
            },
            max_topics: presence.max_topics,
            // What ends by itself does so within the engine's own bound.
            ..adsum::Options::default()
        }
    }

    const fn topic_blocks(&self) -> adsum::TopicBlocks {
        match self.presence.topic_blocks {
            TopicBlocks::Ignored => adsum::TopicBlocks::Ignored,
            TopicBlocks::Hidden => adsum::TopicBlocks::Hidden,
        }
    }

    /// Returns how long the engine holds what an ended session showed. tim shows one presence a
    /// user, so where each device is told of, this host itself holds back that one has ended, until
    /// it knows which other one to show. Where one state is told, the engine knows.
    fn settle_ms(&self) -> u64 {
        match self.presence.one_state {
            OneState::Off => 0,
            OneState::Newest | OneState::Show => adsum::Options::default().settle_ms,
        }
    }

    /// Returns what one frame may hold. A list that the engine would refuse is not even read.
    #[must_use]
    pub fn frame_limits(&self) -> Limits {
        let Presence { max_direct, max_watched, .. } = self.presence;
        let list = match self.presence.watch {
            Watch::Nobody => max_direct,
            Watch::Anyone => max_direct.max(max_watched),
        };
        Limits { list: list as usize, ..Limits::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_options_that_the_engine_takes() {
        let options = Config::default().engine_options();
        assert!(options.own_echo && options.snapshot_on_connect);
        let grace = options.grace;
        assert_eq!((grace.connection_error_ms, grace.timeout_ms), (60_000, 15_000));
        assert_eq!(grace.node_loss_ms, 60_000);
        assert_eq!(options.lease, Some(adsum::Lease { lease_ms: 90_000, heartbeat_ms: 30_000 }));
        adsum::Config::new(options).unwrap();
    }

    #[test]
    fn so_are_the_extremes_of_every_range() {
        let mut config = Config::default();
        config.network.ping_timeout_ms = 1_000;
        config.presence.device_limit = 1;
        config.presence.devicetype_limit = 1_024;
        config.presence.publish_burst = 0;
        let options = config.engine_options();
        assert_eq!((options.max_sessions, options.max_sessions_per_kind), (1, None));
        assert_eq!(options.publish_rate, None);
        adsum::Config::new(options).unwrap();
        let week_ms = 7 * 24 * 60 * 60 * 1_000;
        config.network.ping_timeout_ms = week_ms;
        config.presence.grace_error_ms = week_ms;
        config.presence.grace_going_away_ms = week_ms;
        config.presence.grace_timeout_ms = week_ms;
        config.presence.auth_min_ms = week_ms;
        config.presence.device_limit = 1_024;
        config.presence.publish_burst = 1_000_000;
        config.presence.publish_interval_ms = 86_400_000;
        config.presence.max_audience = 1 << 27;
        config.presence.max_direct = 1 << 20;
        config.presence.max_told = 1 << 20;
        config.presence.max_watched = 1 << 20;
        config.presence.idle_after_ms = week_ms;
        config.accounts.max_relations = 1_000_000;
        adsum::Config::new(config.engine_options()).unwrap();
    }

    #[test]
    fn tims_block_goes_before_who_is_told() {
        let mut config = Config::default();
        for (notices, wanted) in [
            (OfflineNotices::WhoeverSaw, adsum::OfflineNotices::ToWhoeverSaw),
            (OfflineNotices::AllContacts, adsum::OfflineNotices::ToAllContacts),
        ] {
            config.presence.offline_notices = notices;
            config.presence.offline_block = false;
            assert_eq!(config.engine_options().offline_notices, wanted);
            config.presence.offline_block = true;
            assert_eq!(config.engine_options().offline_notices, adsum::OfflineNotices::Never);
        }
    }

    fn topics(
        full_up_to: u32,
        sample: u16,
        coalesce_ms: u32,
        max_members: u32,
    ) -> adsum::TopicOptions {
        let blocks = adsum::TopicBlocks::Ignored;
        adsum::TopicOptions { full_up_to, sample, coalesce_ms, max_members, blocks }
    }

    #[test]
    fn blocks_hide_in_topics_where_the_operator_says_so() {
        let mut config = Config::default();
        assert_eq!(config.engine_options().topics.blocks, adsum::TopicBlocks::Ignored);
        config.presence.topic_blocks = TopicBlocks::Hidden;
        assert_eq!(config.engine_options().topics.blocks, adsum::TopicBlocks::Hidden);
    }

    fn grace(
        connection_error_ms: u64,
        timeout_ms: u64,
        node_loss_ms: u64,
        going_away_ms: u64,
    ) -> adsum::Grace {
        adsum::Grace { connection_error_ms, timeout_ms, node_loss_ms, going_away_ms }
    }

    /// No option takes another setting's value: each setting has a value of its own here.
    #[test]
    fn each_option_is_the_setting_of_its_name() {
        let mut config = Config::default();
        config.network.ping_timeout_ms = 20_000;
        config.accounts.max_relations = 21;
        config.presence = Presence {
            snapshot_at_login: false,
            own_echo: false,
            offline_notices: OfflineNotices::AllContacts,
            direct_to: DirectTo::Anyone,
            grace_error_ms: 22,
            grace_timeout_ms: 23,
            grace_going_away_ms: 32,
            device_limit: 25,
            devicetype_limit: 24,
            auth_min_ms: 26,
            publish_burst: 27,
            publish_interval_ms: 28,
            max_audience: 29,
            max_direct: 30,
            max_told: 31,
            max_watched: 33,
            idle_after_ms: 34,
            max_topics: 35,
            topic_full_up_to: 36,
            topic_sample: 37,
            topic_coalesce_ms: 38,
            topic_max_members: 39,
            ..Presence::default()
        };
        let expected = adsum::Options {
            own_echo: false,
            snapshot_on_connect: false,
            offline_notices: adsum::OfflineNotices::ToAllContacts,
            direct_to: adsum::DirectTo::Anyone,
            grace: grace(22, 23, 22, 32),
            lease: Some(adsum::Lease { lease_ms: 20_000, heartbeat_ms: 10_000 }),
            max_sessions: 25,
            max_sessions_per_kind: Some(24),
            over_limit: adsum::OverLimit::EvictOldest { min_age_ms: 26 },
            max_audience: 29,
            max_blocked: 21,
            max_direct: 30,
            max_told: 31,
            publish_rate: Some(adsum::Rate { burst: 27, interval_ms: 28 }),
            direct_rate: Some(adsum::Rate { burst: 27, interval_ms: 28 }),
            max_watched: 33,
            idle_after_ms: Some(34),
            settle_ms: 0,
            topics: topics(36, 37, 38, 39),
            max_topics: 35,
            ..adsum::Options::default()
        };
        assert_eq!(config.engine_options(), expected);
        config.presence.over_limit = OverLimit::Refuse;
        assert_eq!(config.engine_options().over_limit, adsum::OverLimit::Refuse);
        assert_eq!(config.frame_limits(), Limits { list: 30, ..Limits::default() });
        config.presence.watch = Watch::Anyone;
        assert_eq!(config.frame_limits(), Limits { list: 33, ..Limits::default() });
        // The engine itself keeps a user who changes devices from blinking, where it tells one
        // state of each.
        for one_state in [OneState::Newest, OneState::Show] {
            config.presence.one_state = one_state;
            assert_eq!(config.engine_options().settle_ms, adsum::Options::default().settle_ms);
        }
    }
}
