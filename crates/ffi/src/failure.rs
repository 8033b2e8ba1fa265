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
    /// A number is none that may stand there.
    Argument {
        argument: &'static str,
        place: Option<usize>,
        value: u64,
    },
    /// Something is said to be longer than anything can be.
    Length {
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

impl Failure {
    /// Says which entry of a list it is about.
    pub(crate) const fn at(mut self, nth: usize) -> Self {
        if let Self::Null { place, .. }
        | Self::Argument { place, .. }
        | Self::Length { place, .. } = &mut self
        {
            *place = Some(nth);
        }
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}
