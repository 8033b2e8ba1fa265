//! tim's error codes, as far as login, roster and presence use them.

use std::fmt;

/// Why the server refuses something, as tim's clients know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// 4101: the name is taken.
    Exists,
    /// 4102: a request for a token had a wrong password.
    NoPass,
    /// 4104: a request that cannot be read or lacks something.
    Parameter,
    /// 4105: a wrong password, or something that is not permitted.
    Permission,
    /// 4106: no such account.
    Account,
    /// 4107: not offered here: another service of tim's, an unknown type, or accounts and rosters
    /// that are kept elsewhere.
    Interface,
    /// 4110: blocked by the other user.
    Blocked,
    /// 4111: too many devices.
    OverEntry,
    /// 4113: a presence that cannot be read.
    Format,
    /// 4115: an unknown, used or expired token.
    Token,
    /// 4117: done already.
    Repetitive,
    /// 5103: the store failed.
    Database,
    /// 5104: too much at once for the server.
    Overload,
    /// 5105: too much at once from this client.
    Frequency,
}

impl Code {
    /// All codes, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Exists,
        Self::NoPass,
        Self::Parameter,
        Self::Permission,
        Self::Account,
        Self::Interface,
        Self::Blocked,
        Self::OverEntry,
        Self::Format,
        Self::Token,
        Self::Repetitive,
        Self::Database,
        Self::Overload,
        Self::Frequency,
    ];

    /// Returns the number on the wire.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::Exists => 4101,
            Self::NoPass => 4102,
            Self::Parameter => 4104,
            Self::Permission => 4105,
            Self::Account => 4106,
            Self::Interface => 4107,
            Self::Blocked => 4110,
            Self::OverEntry => 4111,
            Self::Format => 4113,
            Self::Token => 4115,
            Self::Repetitive => 4117,
            Self::Database => 5103,
            Self::Overload => 5104,
            Self::Frequency => 5105,
        }
    }

    /// Returns the text that goes with it on the wire, in tim's words.
    #[must_use]
    pub const fn info(self) -> &'static str {
        match self {
            Self::Exists => "has exist",
            Self::NoPass => "no pass",
            Self::Parameter => "parameter incorrect",
            Self::Permission => "permission denied",
            Self::Account => "account incorrect",
            Self::Interface => "interface incorrect",
            Self::Blocked => "blocked object",
            Self::OverEntry => "over entry",
            Self::Format => "format error",
            Self::Token => "error token",
            Self::Repetitive => "error repetitive operation",
            Self::Database => "database error",
            Self::Overload => "heavy server load",
            Self::Frequency => "freq out of limit",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.info())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_none_is_there_twice() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        assert_eq!(Code::Account.to_string(), "4106 account incorrect");
    }
}
