//! Decisions as the lines that scenarios expect.

use crate::counted::{Id, Presence};
use crate::names::{Name, show_moment};
use crate::rooms;
use adsum::{EndReason, Error, LostCause, Notice};
use std::collections::BTreeSet;
use std::fmt;

/// Lists that are longer than this are shown as their length.
const LONG: usize = 20;

/// What an entry of a snapshot shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shown {
    Session(Name),
    /// The one state of a user, and since when it is idle, if it is.
    User(String, Option<u64>),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(name) => name.fmt(f),
            Self::User(user, None) => f.write_str(user),
            Self::User(user, Some(since)) => write!(f, "{user} idle {}", show_moment(*since)),
        }
    }
}

/// One decision, or several that are parts of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// `kind` is the first word of the line, `about` the rest up to the receivers.
    Notice {
        skipped: bool,
        kind: &'static str,
        about: String,
        to: Vec<Name>,
        parts: usize,
    },
    Snapshot {
        /// Whom it is about, if not everyone.
        of: Option<BTreeSet<String>>,
        to: Name,
        /// Whether the receiver's own user is.
        visible: bool,
        presences: Vec<(Shown, String)>,
        parts: usize,
    },
    Close {
        session: Name,
        why: String,
    },
    Online {
        session: Name,
    },
    Ended {
        session: Name,
        why: &'static str,
        /// Since when it had had no connection, if it was lost.
        since: Option<String>,
        last: bool,
        visible: bool,
    },
    /// A publish was accepted and goes out then.
    Waits {
        until: String,
    },
    Refused(String),
    /// What a topic is like, or what has changed there.
    Room {
        head: String,
        entries: Vec<String>,
        to: Vec<Name>,
    },
    /// A topic has somebody in it, or nobody any more.
    RoomEdge(String),
}

impl Told {
    pub(crate) fn refused(error: Error, origin: u64) -> Self {
        Self::Refused(match error {
            Error::SessionLimit { limit, kind: None } => format!("SessionLimit {limit}"),
            Error::SessionLimit { limit, kind: Some(kind) } => {
                format!("SessionLimit {limit} of kind {}", kind.0)
            }
            Error::AudienceLimit { limit } => format!("AudienceLimit {limit}"),
            Error::BlockedLimit { limit } => format!("BlockedLimit {limit}"),
            Error::WatchLimit { limit } => format!("WatchLimit {limit}"),
            Error::DirectLimit { limit } => format!("DirectLimit {limit}"),
            Error::GraceLimit { limit_ms } => format!("GraceLimit {}", show_moment(limit_ms)),
            Error::ExpiryLimit { limit_ms } => format!("ExpiryLimit {}", show_moment(limit_ms)),
            Error::RateLimited { retry_at } => {
                format!("RateLimited until {}", show_moment(retry_at.as_millis() - origin))
            }
            other => rooms::refused(other).unwrap_or_else(|| format!("{other:?}")),
        })
    }

    /// The line. That it came in several parts is said if `with_parts` is set.
    pub(crate) fn line(&self, with_parts: bool) -> String {
        let in_parts = |parts: usize| match parts {
            parts if with_parts && parts > 1 => " in parts".to_owned(),
            _ => String::new(),
        };
        match self {
            Self::Notice { skipped, kind, about, to, parts, .. } => {
                let skipped = if *skipped { "skipped " } else { "" };
                let mut to = to.clone();
                to.sort();
                let names: Vec<_> = to.iter().map(Name::to_string).collect();
                let to = match names.len() {
                    long if long > LONG => format!("{long} sessions"),
                    _ => names.join(" "),
                };
                format!("{skipped}{kind} {about} -> {to}{}", in_parts(*parts))
            }
            Self::Snapshot { of, to, visible, presences, parts } => {
                let mut presences = presences.clone();
                presences.sort();
                let entries: Vec<_> =
                    presences.iter().map(|(name, text)| format!("{name} \"{text}\"")).collect();
                let entries = match entries.len() {
                    0 => "nobody".to_owned(),
                    long if long > LONG => format!("{long} presences"),
                    _ => entries.join("; "),
                };
                let invisible = if *visible { "" } else { " invisible" };
                let of = match of {
                    None => String::new(),
                    Some(of) if of.is_empty() => "of nobody -> ".to_owned(),
                    Some(of) if of.len() > LONG => format!("of {} users -> ", of.len()),
                    Some(of) => {
                        let of: Vec<_> = of.iter().map(String::as_str).collect();
                        format!("of {} -> ", of.join(" "))
                    }
                };
                format!("snapshot {of}{to}{invisible}: {entries}{}", in_parts(*parts))
            }
            Self::Close { session, why } => format!("close {session} {why}"),
            Self::Online { session } => format!("online {session}"),
            Self::Ended { session, why, since, last, visible } => {
                let since = since.as_ref().map_or(String::new(), |since| format!(" since {since}"));
                format!("ended {session} {why}{since}{}", remarks(*last, *visible))
            }
            Self::Waits { until } => format!("waits until {until}"),
            Self::Refused(why) => format!("refused: {why}"),
            Self::Room { head, entries, to } => {
                let mut to: Vec<_> = to.iter().map(Name::to_string).collect();
                to.sort();
                let to =
                    if to.len() > LONG { format!("{} sessions", to.len()) } else { to.join(" ") };
                let entries = match entries.len() {
                    0 => "nobody".to_owned(),
                    long if long > LONG => format!("{long} entries"),
                    _ => entries.join("; "),
                };
                format!("{head}: {entries} -> {to}")
            }
            Self::RoomEdge(line) => line.clone(),
        }
    }

    /// What sort it is, and how many receivers or presences it has, where it has any.
    fn sort(&self) -> (String, Option<usize>) {
        match self {
            Self::Notice { skipped: false, kind, to, .. } => ((*kind).to_owned(), Some(to.len())),
            Self::Notice { kind, to, .. } => (format!("skipped {kind}"), Some(to.len())),
            Self::Snapshot { presences, .. } => ("snapshot".to_owned(), Some(presences.len())),
            Self::Close { why, .. } => (format!("close {why}"), None),
            Self::Online { .. } => ("online".to_owned(), None),
            Self::Ended { why, last, visible, .. } => {
                (format!("ended {why}{}", remarks(*last, *visible)), None)
            }
            Self::Waits { .. } => ("waiting".to_owned(), None),
            Self::Refused(why) => (format!("refused: {why}"), None),
            Self::Room { head, to, .. } => (head.clone(), Some(to.len())),
            Self::RoomEdge(line) => (line.clone(), None),
        }
    }
}

/// What is said of an end besides its cause.
fn remarks(last: bool, visible: bool) -> String {
    let last = if last { ", last" } else { "" };
    format!("{last}{}", if visible { "" } else { ", invisible" })
}

/// Why a session ended, in the words of the inputs.
pub(crate) fn end_reason(reason: EndReason) -> Result<&'static str, String> {
    Ok(match reason {
        EndReason::Disconnected => "disconnected",
        EndReason::Lost(LostCause::ConnectionError) => "lost error",
        EndReason::Lost(LostCause::Timeout) => "lost timeout",
        EndReason::Lost(LostCause::NodeLoss) => "lost node",
        EndReason::Lost(LostCause::GoingAway) => "lost going away",
        EndReason::Evicted => "evicted",
        EndReason::Expelled => "expelled",
        other => return Err(format!("no session ends for {other:?}")),
    })
}

/// Returns whether a notice says something that holds from then on, and so is never skipped.
pub(crate) const fn is_state(notice: &Notice<'_, Id, Presence>) -> bool {
    !matches!(notice, Notice::Directed { .. } | Notice::System { .. } | Notice::Said { .. })
}

/// How many there are of each sort: `3 update to 12 sessions`, `2 snapshot of 7 presences`.
pub(crate) fn count(told: &[Told]) -> Vec<String> {
    let mut sorts: Vec<(String, usize, Option<usize>)> = Vec::new();
    for told in told {
        let (sort, size) = told.sort();
        match sorts.iter_mut().find(|(known, ..)| *known == sort) {
            Some((_, times, sum)) => {
                *times += 1;
                *sum = sum.zip(size).map(|(sum, size)| sum + size);
            }
            None => sorts.push((sort, 1, size)),
        }
    }
    let line = |(sort, times, sum): (String, usize, Option<usize>)| match sum {
        None => format!("{times} {sort}"),
        Some(sum) if sort == "snapshot" => format!("{times} snapshot of {sum} presences"),
        Some(sum) => format!("{times} {sort} to {sum} sessions"),
    };
    sorts.into_iter().map(line).collect()
}
