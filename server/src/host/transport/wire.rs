//! What is spoken on a connection.

use adsum_tim::Form;

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// tim's protocol, in one of its forms.
    Tim(Form),
    /// The neutral protocol, adsum.v1.
    V1,
}

impl Wire {
    /// Returns the form of tim's, if it is tim's.
    pub(crate) const fn form(self) -> Option<Form> {
        match self {
            Self::Tim(form) => Some(form),
            Self::V1 => None,
        }
    }
}
