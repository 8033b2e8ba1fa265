//! The keys that are in force, which may change while the server runs.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jsonwebtoken::Validation;

use super::keys::{JwtKey, Key};
use crate::store::error::StoreError;

/// How often a file is looked at, at most.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Keys, each with how its tokens are checked.
pub(super) type Checks = Arc<[(Key, Validation)]>;

/// The keys that are in force. Those of a file are read again when it has changed: an issuer puts
/// new keys in long before it signs with them, and takes old ones out when nothing is signed with
/// them any more.
pub(super) struct CurrentKeys {
    from: JwtKey,
    validation: Box<dyn Fn(&Key) -> Validation + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    checks: Checks,
    /// As of which state of the file.
    read: Option<(SystemTime, u64)>,
    looked: Instant,
}

impl CurrentKeys {
    /// Returns the keys that this is now.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a key that is none; [`StoreError::Failed`] for a file that
    /// cannot be read.
    pub(super) fn new(
        from: JwtKey,
        validation: impl Fn(&Key) -> Validation + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let read = state_of(&from);
        let checks = checks(&from, &validation)?;
        let state = Mutex::new(State { checks, read, looked: Instant::now() });
        Ok(Self { from, validation: Box::new(validation), state })
    }

    /// Whether a file is looked at now and then.
    pub(super) const fn may_be_read(&self) -> bool {
        matches!(self.from, JwtKey::SetFile(_))
    }

    pub(super) fn get(&self) -> Checks {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.may_be_read() && state.looked.elapsed() >= LOOK_EVERY {
            state.looked = Instant::now();
            let now = state_of(&self.from);
            if now.is_some() && now != state.read {
                match checks(&self.from, &self.validation) {
                    Ok(checks) => state.checks = checks,
                    Err(error) => tracing::warn!(%error, "the keys of before are used: jwt_keys"),
                }
                state.read = now;
            }
        }
        state.checks.clone()
    }
}

fn checks(from: &JwtKey, validation: impl Fn(&Key) -> Validation) -> Result<Checks, StoreError> {
    let check = |key| {
        let validation = validation(&key);
        (key, validation)
    };
    Ok(from.keys()?.into_iter().map(check).collect())
}

/// Returns when a file was changed last, and its length.
fn state_of(from: &JwtKey) -> Option<(SystemTime, u64)> {
    let JwtKey::SetFile(path) = from else { return None };
    let metadata = fs::metadata::<&Path>(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
