//! How it is chosen who speaks for a user: the same functions for Rust and for C.

use crate::{Shown, said};
use adsum::{Represent, Time};
use adsum_ffi::represent::adsum_candidate;
use adsum_model::Choice;
use adsum_model::choice::Candidate;
use std::ffi::c_void;

static ALL: [Choice; 7] = Choice::ALL;

fn place(choice: Choice) -> usize {
    ALL.iter().position(|one| *one == choice).expect("it is one of all")
}

/// Returns what `choose` is called with for a choice.
pub(crate) fn context(choice: Choice) -> *mut c_void {
    std::ptr::from_ref(&ALL[place(choice)]).cast_mut().cast()
}

/// Returns a choice as Rust takes it.
pub(crate) fn represent(choice: Choice) -> Represent<Shown> {
    let all: [Represent<Shown>; 7] =
        [by::<0>, by::<1>, by::<2>, by::<3>, by::<4>, by::<5>, by::<6>];
    all[place(choice)]
}

fn by<const CHOICE: usize>(candidates: &[adsum::Candidate<'_, Shown>]) -> usize {
    let shown = candidates.iter().map(|of| Candidate {
        kind: of.kind.0,
        presence: said(of.presence),
        published: of.published.as_millis(),
        idle_since: of.idle_since.map(Time::as_millis),
        detached: of.detached,
    });
    ALL[CHOICE].choose(&shown.collect::<Vec<_>>())
}

/// Chooses as C is asked to: the context is the choice.
pub(crate) unsafe extern "C" fn choose(
    context: *mut c_void,
    candidates: *const adsum_candidate,
    len: usize,
) -> usize {
    // SAFETY: the context is what the engine was made with, and there are so many candidates.
    let (choice, candidates) =
        unsafe { (&*context.cast::<Choice>(), std::slice::from_raw_parts(candidates, len)) };
    let shown = candidates.iter().map(|of| Candidate {
        kind: of.kind,
        presence: said(crate::read::lent(&of.presence).expect("a candidate shows something")),
        published: of.published,
        idle_since: of.is_idle.then_some(of.idle_since),
        detached: of.is_detached,
    });
    choice.choose(&shown.collect::<Vec<_>>())
}
