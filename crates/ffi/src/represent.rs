//! A function of the host's that chooses which of a user's sessions speaks for it.

use crate::bytes::adsum_bytes;
use adsum::Candidate;
use std::cell::Cell;
use std::ffi::c_void;

/// A session that may speak for its user: it shows something.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_candidate {
    /// What it shows.
    pub presence: adsum_bytes,
    /// Since when it shows that.
    pub published: u64,
    /// When a person last did something on it, if `is_idle`.
    pub idle_since: u64,
    /// What kind of device it is on.
    pub kind: u8,
    /// Whether it is idle.
    pub is_idle: bool,
    /// Whether it has no connection at the moment.
    pub is_detached: bool,
}

/// Chooses which of a user's sessions speaks for it, by its place among the candidates, which are
/// in the order in which they connected. A place behind the end counts as the first.
///
/// It must be pure (the same candidates, the same choice), return by `return` (no longjmp, no
/// exception), and give the engine that calls it no call.
pub type adsum_represent = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        candidates: *const adsum_candidate,
        len: usize,
    ) -> usize,
>;

/// A function of the host's and what it wants to be called with.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) choose: unsafe extern "C" fn(*mut c_void, *const adsum_candidate, usize) -> usize,
    pub(crate) context: *mut c_void,
}

thread_local! {
    /// How the engine chooses that is at work in this thread. The engine takes a plain function,
    /// which knows nothing but its arguments.
    static CHOICE: Cell<Option<Choice>> = const { Cell::new(None) };
}

/// For as long as it lives, the engine that is at work chooses so.
pub(crate) struct Choosing {
    /// That of an engine whose function has called this one.
    before: Option<Choice>,
}

impl Choosing {
    pub(crate) fn by(choice: Choice) -> Self {
        Self { before: CHOICE.replace(Some(choice)) }
    }
}

impl Drop for Choosing {
    fn drop(&mut self) {
        CHOICE.set(self.before);
    }
}

/// Asks the host, as the engine asks.
pub(crate) fn represent(candidates: &[Candidate<'_, Box<[u8]>>]) -> usize {
    let Some(Choice { choose, context }) = CHOICE.get() else { return 0 };
    let shown = candidates.iter().map(|candidate| adsum_candidate {
        presence: adsum_bytes::of(candidate.presence),
        published: candidate.published.as_millis(),
        idle_since: candidate.idle_since.map_or(0, adsum::Time::as_millis),
        kind: candidate.kind.0,
        is_idle: candidate.idle_since.is_some(),
        is_detached: candidate.detached,
    });
    let shown: Vec<adsum_candidate> = shown.collect();
    // SAFETY: whoever made the engine promised that the function may be called so with what it gave
    // for a context; the candidates are there until the function has returned.
    unsafe { choose(context, shown.as_ptr(), shown.len()) }
}
