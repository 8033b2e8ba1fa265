//! What can be asked of the whole engine.

use crate::bytes::put;
use crate::engine::{adsum_engine, ask};
use crate::info::{adsum_counts, adsum_stats};
use crate::options::adsum_options;
use crate::status::adsum_status;

/// Writes to `out` the latest moment that the engine has been told of.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_now(engine: *const adsum_engine, out: *mut u64) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, core.now().as_millis())) }
}

/// Writes the options in force to `out`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_options_of(
    engine: *const adsum_engine,
    out: *mut adsum_options,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, core.options().into())) }
}

/// Writes to `out` how much of everything the engine holds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_count(
    engine: *const adsum_engine,
    out: *mut adsum_counts,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, adsum_counts::of(core))) }
}

/// Writes to `out` what the engine has done so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_stats_of(
    engine: *const adsum_engine,
    out: *mut adsum_stats,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, core.stats().into())) }
}

/// Checks everything that must always hold between the parts of the engine, for tests: writes to
/// `out` whether it does. It walks over everything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_verify(engine: *const adsum_engine, out: *mut bool) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, core.verify().is_ok())) }
}
