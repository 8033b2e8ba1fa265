//! From the options to the things that they are for.

use std::fs;
use std::sync::Arc;

use adsum_tim::Limits;

use super::settings::{Accounts, Config, DirectTo, OfflineNotices, OverLimit, Presence, StoreKind};
use crate::store::{Cost, Jwt, JwtKey, JwtOptions, Sqlite, SqliteOptions, Store, StoreError};

/// The longest that clients are expected to wait between two signs of life, where the ping
/// timeout leaves room for it.
const HEARTBEAT_MS: u64 = 30_000;

impl Config {
    /// The engine's options.
    #[must_use]
    pub fn engine_options(&self) -> adsum::Options {
        let Presence { device_limit, devicetype_limit, .. } = self.presence;
        let presence = &self.presence;
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
                node_loss_ms: 0,
            },
            lease: Some(adsum::Lease {
                lease_ms: self.network.ping_timeout_ms,
                heartbeat_ms: HEARTBEAT_MS.min(self.network.ping_timeout_ms / 2),
            }),
            max_sessions: device_limit,
            // A limit of a kind above that of all never comes to bear.
            max_sessions_per_kind: devicetype_limit.min(device_limit),
            over_limit: match presence.over_limit {
                OverLimit::Evict => {
                    adsum::OverLimit::EvictOldest { min_age_ms: presence.auth_min_ms }
                }
                OverLimit::Refuse => adsum::OverLimit::Refuse,
            },
            max_audience: presence.max_audience,
            max_blocked: self.accounts.max_relations,
            max_direct: presence.max_direct,
            max_told: presence.max_told,
            publish_rate: (presence.publish_burst > 0).then_some(adsum::Rate {
                burst: presence.publish_burst,
                interval_ms: presence.publish_interval_ms,
            }),
        }
    }

    /// What one frame may hold. A list that the engine would refuse is not even read.
    #[must_use]
    pub fn frame_limits(&self) -> Limits {
        Limits { list: self.presence.max_direct as usize, ..Limits::default() }
    }
}

impl Accounts {
    /// Opens the store.
    ///
    /// # Errors
    /// [`StoreError`]: the file or the key cannot be read, or is none.
    pub fn open_store(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self.store {
            StoreKind::Sqlite => {
                let cost =
                    Cost { memory_kib: self.password_memory_kib, passes: self.password_passes };
                let options = SqliteOptions { cost, max_relations: self.max_relations };
                Arc::new(Sqlite::open(&self.store_path, options)?)
            }
            StoreKind::Jwt => Arc::new(Jwt::new(JwtOptions {
                key: self.jwt_key()?,
                issuer: self.jwt_issuer.clone(),
                audience: self.jwt_audience.clone(),
                leeway: self.jwt_leeway_s,
                max_relations: self.max_relations,
            })?),
        })
    }

    fn jwt_key(&self) -> Result<JwtKey, StoreError> {
        match (&self.jwt_secret, &self.jwt_public_key) {
            (Some(secret), _) => Ok(JwtKey::Secret(secret.0.clone().into_bytes())),
            (None, Some(path)) => fs::read(path)
                .map(JwtKey::PublicPem)
                .map_err(|error| StoreError::failed(format!("{}: {error}", path.display()))),
            (None, None) => Err(StoreError::Invalid("key for tokens")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adsum_tim::Secret;

    #[test]
    fn the_defaults_are_options_that_the_engine_takes() {
        let options = Config::default().engine_options();
        assert!(!options.own_echo && options.snapshot_on_connect);
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
        assert_eq!((options.max_sessions, options.max_sessions_per_kind), (1, 1));
        assert_eq!(options.publish_rate, None);
        adsum::Config::new(options).unwrap();
        let week_ms = 7 * 24 * 60 * 60 * 1_000;
        config.network.ping_timeout_ms = week_ms;
        config.presence.grace_error_ms = week_ms;
        config.presence.grace_timeout_ms = week_ms;
        config.presence.auth_min_ms = week_ms;
        config.presence.device_limit = 1_024;
        config.presence.publish_burst = 1_000_000;
        config.presence.publish_interval_ms = 86_400_000;
        config.presence.max_audience = 1 << 27;
        config.presence.max_direct = 1 << 20;
        config.presence.max_told = 1 << 20;
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

    #[test]
    fn either_store_opens() {
        let folder = tempfile::tempdir().unwrap();
        let mut accounts = Accounts {
            store_path: folder.path().join("a.db"),
            password_memory_kib: 8,
            password_passes: 1,
            ..Accounts::default()
        };
        assert!(!accounts.open_store().unwrap().takes_tokens());
        assert!(accounts.store_path.exists());
        accounts.store = StoreKind::Jwt;
        assert!(matches!(accounts.open_store().err(), Some(StoreError::Invalid(_))));
        accounts.jwt_secret = Some(Secret("x".repeat(32)));
        assert!(accounts.open_store().unwrap().takes_tokens());
        accounts.jwt_secret = None;
        accounts.jwt_public_key = Some(folder.path().join("no such key"));
        let error = accounts.open_store().err().unwrap();
        assert!(error.to_string().contains("no such key"), "{error}");
    }
}
