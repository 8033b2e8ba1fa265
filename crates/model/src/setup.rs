//! Options from a few bytes: small limits and short times, so that every bound is met.

use crate::Choice;
use adsum::{
    Config, DirectTo, Grace, Lease, OfflineNotices, Options, OverLimit, Rate, TopicBlocks,
    TopicOptions,
};

/// Bytes that decide on the options. All zero are plain ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setup(pub [u8; Self::LEN]);

fn pick<T: Copy>(from: &[T], byte: u8) -> T {
    from[usize::from(byte) % from.len()]
}

impl Setup {
    /// How many bytes it takes.
    pub const LEN: usize = 8;

    pub fn options(self) -> Options {
        let [flags, grace, lease, sessions, over, lists, direct, rate] = self.0;
        let offline = [
            OfflineNotices::ToWhoeverSaw,
            OfflineNotices::ToAllContacts,
            OfflineNotices::Never,
            OfflineNotices::ToWhoeverSaw,
        ];
        let offline_notices = pick(&offline, flags >> 3);
        let graces = [10, 0, 25, 4];
        let leases = [
            None,
            Some(Lease { lease_ms: 30, heartbeat_ms: 10 }),
            Some(Lease { lease_ms: 8, heartbeat_ms: 4 }),
        ];
        let policies = [5, 0, 40].map(|min_age_ms| OverLimit::EvictOldest { min_age_ms });
        let rates = [
            None,
            Some(Rate { burst: 2, interval_ms: 6 }),
            Some(Rate { burst: 1, interval_ms: 8 }),
            Some(Rate { burst: 3, interval_ms: 1 }),
        ];
        let direct_rates = [
            None,
            Some(Rate { burst: 2, interval_ms: 5 }),
            Some(Rate { burst: 1, interval_ms: 9 }),
            Some(Rate { burst: 4, interval_ms: 1 }),
        ];
        let max_direct = pick(&[6, 4, 2], direct);
        let max_sessions = u16::from(3 - sessions % 3);
        Options {
            own_echo: flags & 1 == 0,
            // Without snapshots nobody knows who saw what, and that combination is refused.
            snapshot_on_connect: flags & 6 != 6 || offline_notices == OfflineNotices::ToWhoeverSaw,
            offline_notices,
            direct_to: if flags & 32 == 0 { DirectTo::Contacts } else { DirectTo::Anyone },
            grace: Grace {
                connection_error_ms: pick(&graces, grace),
                timeout_ms: pick(&graces, grace >> 2),
                node_loss_ms: pick(&graces, grace >> 4),
                going_away_ms: pick(&graces, grace >> 6),
            },
            lease: pick(&leases, lease),
            max_sessions,
            max_sessions_per_kind: (sessions / 9 % 4 != 3)
                .then(|| max_sessions.min(u16::from(3 - sessions / 3 % 3))),
            over_limit: if over % 4 == 3 { OverLimit::Refuse } else { pick(&policies, over) },
            max_audience: pick(&[7, 6, 4, 3], lists),
            max_blocked: pick(&[3, 2, 1], lists >> 2),
            max_direct,
            max_watched: pick(&[500, 7, 3, 1], direct >> 6),
            idle_after_ms: pick(&[Some(7), None, Some(20), Some(2)], lease / 3),
            topics: self.topic_options(),
            max_topics: pick(&[100, 2, 1], self.mixed(0)),
            max_topic_named: pick(&[500, 2, 1], self.mixed(1)),
            topic_rate: pick(&rates, self.mixed(2)),
            // As few as there may be, and a few more.
            max_told: max_direct + pick(&[0, 1, 5], direct >> 3),
            publish_rate: pick(&rates, rate),
            direct_rate: pick(&direct_rates, rate >> 2),
            max_expiry_ms: pick(&[60, 20, 7 * 24 * 60 * 60 * 1_000], lists >> 4),
            settle_ms: pick(&[12, 5, 0, 60_000], over >> 4),
            skew_ms: 500,
        }
    }

    /// Returns a byte that any of the others may change: of topics, which came later, so that what
    /// the others mean stays as it was.
    fn mixed(self, nth: u32) -> u8 {
        let word = u64::from_le_bytes(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (word ^ word >> 29).rotate_left(8 * nth) as u8
    }

    fn topic_options(self) -> TopicOptions {
        let coalesce_ms = pick(&[0, 5, 0, 300, 12, 0], self.mixed(5));
        // With ticks blocks cannot hide, so this is every third of all.
        let hides = coalesce_ms == 0 && self.mixed(7) & 1 == 1;
        TopicOptions {
            full_up_to: pick(&[200, 3, 2, 1, 4], self.mixed(3)),
            sample: pick(&[1, 2, 20], self.mixed(4)),
            coalesce_ms,
            max_members: pick(&[1_000_000, 3, 2, 5], self.mixed(6)),
            blocks: if hides { TopicBlocks::Hidden } else { TopicBlocks::Ignored },
        }
    }

    /// Returns how a session is chosen that speaks for each user, if contacts are told one state.
    pub fn choice(self) -> Option<Choice> {
        let rate = usize::from(self.0[7] >> 4);
        rate.checked_sub(9).map(|choice| Choice::ALL[choice])
    }

    pub fn config(self) -> Config {
        Config::new(self.options()).expect("the options go together")
    }

    /// Returns whether the host calls `advance` before each input that comes after a deadline, as
    /// it should.
    pub const fn is_punctual(self) -> bool {
        self.0[0] & 64 == 0
    }
}
