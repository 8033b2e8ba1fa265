//! What may be broken on purpose.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    MergeOverGap,
    KeepNumber,
    ForgetNumber,
    OldIncarnation,
    UncheckedSync,
}
