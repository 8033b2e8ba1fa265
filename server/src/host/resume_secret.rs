//! What a client shows to go on with its session on a new connection.

use std::fmt;

const BYTES: usize = 16;

/// A secret that a login is answered with, and that names the session: whoever shows it within the
/// session's grace goes on with it, without a password. Each answer has a new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ResumeSecret([u8; BYTES]);

impl ResumeSecret {
    /// Returns a new one; an error if the system gives no random numbers.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Returns the one that a client shows, if it can be one.
    pub(crate) fn shown(text: &str) -> Option<Self> {
        let mut bytes = [0; BYTES];
        let length = bs58::decode(text).onto(&mut bytes).ok()?;
        (length == BYTES).then_some(Self(bytes))
    }

    /// Returns it as clients are given it.
    pub(crate) fn text(self) -> String {
        bs58::encode(self.0).into_string()
    }
}

/// It is never in a log.
impl fmt::Debug for ResumeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeSecret(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_what_is_shown() {
        let secret = ResumeSecret::random().unwrap();
        assert!(ResumeSecret::shown(&secret.text()) == Some(secret));
        assert!(ResumeSecret::random().unwrap() != secret);
        let long = bs58::encode([7; BYTES + 1]).into_string();
        let short = bs58::encode([7; BYTES - 1]).into_string();
        for text in ["", "0OIl", "é", &long, &short, &format!("{}1", secret.text())] {
            assert!(ResumeSecret::shown(text).is_none(), "{text}");
        }
        assert!(!format!("{secret:?}").contains(&secret.text()));
    }
}
