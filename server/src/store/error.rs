//! Why the store did not do what was asked.

use adsum_tim::Code;

/// A refusal or a failure. Whatever it is, nothing was changed. Its text holds no password and no
/// token, and may be logged.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The name is taken in this domain.
    #[error("the name is taken")]
    Exists,
    /// No such account, or not its password: it is not said which.
    #[error("unknown account or wrong password")]
    Denied,
    /// The token that was to prove who this is does not.
    #[error("token refused: {0}")]
    Token(String),
    /// There is no such account, or it is in another domain.
    #[error("no such account")]
    NoAccount,
    /// Nobody can be their own friend or block themselves.
    #[error("this is about oneself")]
    Oneself,
    /// They are friends already.
    #[error("friends already")]
    AlreadyFriends,
    /// There is no relation between the two that could be ended.
    #[error("nothing between the two")]
    NoRelation,
    /// This account has as many relations as it may have.
    #[error("as many relations as allowed")]
    Full,
    /// A value that cannot be: a name, domain or password that no account has, or a setting.
    #[error("not a valid {0}")]
    Invalid(&'static str),
    /// Accounts and rosters are kept elsewhere and cannot be changed here.
    #[error("accounts and rosters are kept elsewhere")]
    Elsewhere,
    /// It did not work.
    #[error("the store failed: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Returns the code that tells the client.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Exists => Code::Exists,
            Self::Denied | Self::Oneself => Code::Permission,
            Self::Token(_) => Code::Token,
            Self::NoAccount => Code::Account,
            Self::AlreadyFriends => Code::Repetitive,
            Self::NoRelation | Self::Invalid(_) => Code::Parameter,
            Self::Full => Code::OverEntry,
            Self::Elsewhere => Code::Interface,
            Self::Failed(_) => Code::Database,
        }
    }

    /// Returns whether this is the store's fault, rather than a refusal. If so, the last known
    /// roster stands, and the operator should hear of it.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    pub(crate) fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::failed(error)
    }
}
