//! Names of sessions and moments as the scenarios write them.

use std::fmt;

/// `A.1`: a user's first session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name {
    pub(crate) user: String,
    pub(crate) number: u32,
}

impl Name {
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let parts = word.rsplit_once('.').filter(|(user, _)| !user.is_empty());
        let number = parts.and_then(|(_, number)| number.parse().ok());
        match parts.zip(number) {
            Some(((user, _), number)) => Ok(Self { user: user.to_owned(), number }),
            None => Err(format!("`{word}` names no session; write A.1 for A's first")),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.user, self.number)
    }
}

/// When an input comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// At the moment of the input before it.
    Same,
    /// At this moment.
    At(u64),
    /// So long after the input before it.
    After(u64),
}

impl When {
    /// `@59s`, `@+30s`, `@1500`, `@max`, `@max-1h`
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let text = word.strip_prefix('@').ok_or_else(|| format!("`{word}` is no moment"))?;
        if let Some(rest) = text.strip_prefix('+') {
            return duration(rest).map(Self::After);
        }
        moment(text).map(Self::At)
    }

    pub(crate) fn from(self, last: u64) -> u64 {
        match self {
            Self::Same => last,
            Self::At(at) => at,
            Self::After(millis) => last.saturating_add(millis),
        }
    }
}

/// `59s`, `1500` (milliseconds), `max`, `max-1h`
pub(crate) fn moment(text: &str) -> Result<u64, String> {
    match text.strip_prefix("max") {
        Some("") => Ok(u64::MAX),
        Some(rest) => {
            let rest = rest.strip_prefix('-').ok_or_else(|| format!("`{text}` is no moment"))?;
            duration(rest).map(|millis| u64::MAX - millis)
        }
        None => duration(text),
    }
}

/// `59s`, `1500` (milliseconds), `7d`
pub(crate) fn duration(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("`{text}` is no time; write 1500, 59s, 2min, 1h or 365d")),
    };
    let number: u64 = text[..digits].parse().map_err(|_| format!("`{text}` is no time"))?;
    Ok(number * unit)
}

/// A moment as [`moment`] reads it.
pub(crate) fn show_moment(millis: u64) -> String {
    match (millis, u64::MAX - millis) {
        (_, 0) => "max".to_owned(),
        (_, to_max) if to_max < 1 << 40 => format!("max-{}", show_moment(to_max)),
        (millis, _) if millis > 0 && millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        (millis, _) => millis.to_string(),
    }
}
