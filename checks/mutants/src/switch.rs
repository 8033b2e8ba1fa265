//! What the source of the copy gets: which mutant is switched on, and how each is reached.
//!
//! `ADSUM_MUTANT` names the one mutant of this process. Without it, and with a file that
//! `ADSUM_MUTANTS_REACHED` names, the file is told each mutant that the process comes to. Neither
//! allocates, but for the first time, since some tests count allocations.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::fs::File;
use std::io::Write as _;
use std::sync::OnceLock;

/// Nobody has asked yet.
const UNKNOWN: u32 = u32::MAX;
/// No mutant is on, and those that are reached are written down.
const RECORDING: u32 = u32::MAX - 1;

static MUTANT: AtomicU32 = AtomicU32::new(UNKNOWN);
static LOG: OnceLock<Option<File>> = OnceLock::new();
static REACHED: [AtomicU32; 1 << 10] = [const { AtomicU32::new(0) }; 1 << 10];

/// Returns whether a mutant is switched on: never while the compiler evaluates a constant.
#[inline(always)]
pub const fn is_on(mutant: u32) -> bool {
    core::intrinsics::const_eval_select((mutant,), never, at_run_time)
}

const fn never(_mutant: u32) -> bool {
    false
}

#[inline(always)]
fn at_run_time(mutant: u32) -> bool {
    let on = MUTANT.load(Relaxed);
    on == mutant || (on >= RECORDING && look(mutant, on))
}

#[cold]
#[inline(never)]
fn look(mutant: u32, mut on: u32) -> bool {
    if on == UNKNOWN {
        let named = std::env::var("ADSUM_MUTANT").ok().and_then(|name| name.parse().ok());
        let log = LOG.get_or_init(|| {
            let path = std::env::var_os("ADSUM_MUTANTS_REACHED")?;
            File::options().append(true).create(true).open(path).ok()
        });
        on = named.unwrap_or(if log.is_some() { RECORDING } else { 0 });
        MUTANT.store(on, Relaxed);
    }
    if on == RECORDING {
        let bit = 1 << (mutant % 32);
        let word = &REACHED[mutant as usize / 32];
        if word.load(Relaxed) & bit == 0 && word.fetch_or(bit, Relaxed) & bit == 0 {
            let mut line = [b'\n'; 8];
            let _ = write!(&mut line[..7], "{mutant}");
            let mut log = LOG.get().and_then(Option::as_ref).expect("it is recording");
            log.write_all(&line).expect("the mutants reached are written down");
        }
    }
    on == mutant
}

/// One of two iterators: what a function that returns an `impl Iterator` gives, with a mutant.
#[derive(Clone)]
pub enum Either<A, B> {
    Mutant(A),
    Usual(B),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Either<A, B> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Self::Mutant(iterator) => iterator.next(),
            Self::Usual(iterator) => iterator.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Mutant(iterator) => iterator.size_hint(),
            Self::Usual(iterator) => iterator.size_hint(),
        }
    }
}

impl<T, A, B> ExactSizeIterator for Either<A, B>
where
    A: ExactSizeIterator<Item = T>,
    B: ExactSizeIterator<Item = T>,
{
}

impl<T, A, B> DoubleEndedIterator for Either<A, B>
where
    A: DoubleEndedIterator<Item = T>,
    B: DoubleEndedIterator<Item = T>,
{
    fn next_back(&mut self) -> Option<T> {
        match self {
            Self::Mutant(iterator) => iterator.next_back(),
            Self::Usual(iterator) => iterator.next_back(),
        }
    }
}
