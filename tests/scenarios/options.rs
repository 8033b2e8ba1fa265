//! Options as scenarios write them: `tim grace.timeout_ms=5000 publish_rate=2/1s`.

use crate::counted::Presence;
use crate::rooms;
use adsum::{Config, DirectTo, Lease, OfflineNotices, Options, OverLimit, Rate, Represent};

/// Chooses which of a user's sessions speaks for it.
pub(crate) type Speaks = Represent<Presence>;

/// How an engine is set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setting {
    pub(crate) config: Config,
    /// How it is chosen who speaks for a user, if contacts are told one state of each.
    pub(crate) speaks: Option<Speaks>,
}

/// A preset, `default` or `tim`, and changes to it; and perhaps who speaks for each user.
pub(crate) fn parse(text: &str) -> Result<Setting, String> {
    let mut speaks = None;
    let mut rest = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_prefix("speaks=") {
            Some(name) => speaks = Some(function(name)?),
            None => rest.push(word),
        }
    }
    Ok(Setting { config: options(&rest)?, speaks })
}

/// Finds a function by its name.
fn function(name: &str) -> Result<Speaks, String> {
    Ok(match name {
        "first" => |_| 0,
        "last" => |all| all.len() - 1,
        "highest" => |all| {
            let rank = |at: &usize| (rank(all[*at].presence.text()), all[*at].published);
            (0..all.len()).max_by_key(rank).unwrap_or(0)
        },
        "attached" => |all| all.iter().position(|of| !of.detached).unwrap_or(0),
        "awake" => |all| all.iter().position(|of| of.idle_since.is_none()).unwrap_or(0),
        "nobody" => |all| all.len(),
        _ => return Err(format!("nothing chooses `{name}`")),
    })
}

/// Ranks what Matrix knows.
fn rank(text: &str) -> u8 {
    match text {
        "busy" => 3,
        "online" => 2,
        "unavailable" => 1,
        _ => 0,
    }
}

fn options(words: &[&str]) -> Result<Config, String> {
    let mut words = words.iter().copied().peekable();
    let preset = words.next_if(|word| !word.contains('='));
    let mut options = match preset {
        None | Some("default") => Options::default(),
        Some("tim") => Options::tim(),
        Some(other) => return Err(format!("there is no preset `{other}`")),
    };
    for word in words {
        let (name, value) =
            word.split_once('=').ok_or_else(|| format!("`{word}` gives no value"))?;
        set(&mut options, name, value).map_err(|error| format!("{name}: {error}"))?;
    }
    Config::new(options).map_err(|error| error.to_string())
}

fn set(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    match name {
        "own_echo" => options.own_echo = yes_or_no(value)?,
        "snapshot_on_connect" => options.snapshot_on_connect = yes_or_no(value)?,
        "offline_notices" => {
            options.offline_notices = match value {
                "to_whoever_saw" => OfflineNotices::ToWhoeverSaw,
                "to_all_contacts" => OfflineNotices::ToAllContacts,
                "never" => OfflineNotices::Never,
                _ => return Err(format!("to_whoever_saw, to_all_contacts or never, not {value}")),
            }
        }
        "direct_to" => {
            options.direct_to = match value {
                "contacts" => DirectTo::Contacts,
                "anyone" => DirectTo::Anyone,
                _ => return Err(format!("contacts or anyone, not {value}")),
            }
        }
        "grace" => {
            let millis = number(value)?;
            options.grace.connection_error_ms = millis;
            options.grace.timeout_ms = millis;
            options.grace.node_loss_ms = millis;
            options.grace.going_away_ms = millis;
        }
        "grace.connection_error_ms" => options.grace.connection_error_ms = number(value)?,
        "grace.timeout_ms" => options.grace.timeout_ms = number(value)?,
        "grace.node_loss_ms" => options.grace.node_loss_ms = number(value)?,
        "grace.going_away_ms" => options.grace.going_away_ms = number(value)?,
        "lease" => {
            options.lease =
                pair(value)?.map(|(lease_ms, heartbeat_ms)| Lease { lease_ms, heartbeat_ms })
        }
        "max_sessions" => options.max_sessions = number(value)? as u16,
        "max_sessions_per_kind" => options.max_sessions_per_kind = Some(number(value)? as u16),
        "over_limit" => {
            options.over_limit = match value {
                "refuse" => OverLimit::Refuse,
                _ => OverLimit::EvictOldest { min_age_ms: number(value)? },
            }
        }
        "max_audience" => options.max_audience = number(value)? as u32,
        "max_blocked" => options.max_blocked = number(value)? as u32,
        "max_direct" => options.max_direct = number(value)? as u32,
        "max_told" => options.max_told = number(value)? as u32,
        "max_watched" => options.max_watched = number(value)? as u32,
        "publish_rate" => options.publish_rate = rate(value)?,
        "direct_rate" => options.direct_rate = rate(value)?,
        "max_expiry_ms" => options.max_expiry_ms = number(value)?,
        "topic_rate" => options.topic_rate = rate(value)?,
        "max_topic_named" => options.max_topic_named = number(value)? as u32,
        "max_topics" => options.max_topics = number(value)? as u32,
        "full_up_to" | "sample" | "coalesce_ms" | "max_members" | "blocks" => {
            rooms::set(&mut options.topics, name, value)?;
        }
        "idle_after_ms" => options.idle_after_ms = Some(number(value)?),
        "settle_ms" => options.settle_ms = number(value)?,
        _ => return Err("no such option".to_owned()),
    }
    Ok(())
}

fn yes_or_no(value: &str) -> Result<bool, String> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("yes or no, not {value}")),
    }
}

fn number(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("`{value}` is no number"))
}

fn rate(value: &str) -> Result<Option<Rate>, String> {
    let rate = |(burst, ms)| Rate { burst: burst as u32, interval_ms: ms as u32 };
    Ok(pair(value)?.map(rate))
}

/// `none`, or two numbers: `10/1000`
fn pair(value: &str) -> Result<Option<(u64, u64)>, String> {
    if value == "none" {
        return Ok(None);
    }
    let (first, second) = value.split_once('/').ok_or("two numbers: 10/1000, or none")?;
    Ok(Some((number(first)?, number(second)?)))
}
