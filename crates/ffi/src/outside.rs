//! Calls that concern no engine.

use crate::failure::Failure;
use crate::status::adsum_status;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Carries out a call that concerns no engine.
pub(crate) fn outside(work: impl FnOnce() -> Result<(), Failure>) -> adsum_status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => adsum_status::ADSUM_OK,
        Ok(Err(failure)) => failure.status(),
        Err(panic) => {
            std::mem::forget(panic);
            adsum_status::ADSUM_E_BUG
        }
    }
}
