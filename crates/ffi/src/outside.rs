//! Calls that concern no engine.

use crate::failure::Failure;
use crate::status::adsum_status;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Carries out a call that concerns no engine.
pub(crate) fn outside(work: impl FnOnce() -> Result<(), Failure>) -> adsum_status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => adsum_status::ADSUM_OK,
        Ok(Err(failure)) => failure.status(),
        Err(panic) => {
            drop_panic(panic);
            adsum_status::ADSUM_E_BUG
        }
    }
}

/// Drops what somebody panicked with, which must not panic in turn.
#[cold]
pub(crate) fn drop_panic(panic: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
}
