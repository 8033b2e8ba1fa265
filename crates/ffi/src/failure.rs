//! Why a call is not carried out, before it is put in numbers.

use adsum::{ConfigError, Error};

/// Why a call is not carried out, or what it has not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no such thing.
    Nothing,
    Null {
        argument: &'static str,
        place: Option<usize>,
    },
    Argument {
        argument: &'static str,
        place: Option<usize>,
        value: u64,
    },
    /// Decisions are left.
    NotDrained,
    /// Another call is being carried out.
    Busy,
    /// A call has panicked.
    Bug,
    Config(ConfigError),
    Refused(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}
