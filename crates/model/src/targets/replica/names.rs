//! Whom and what a server speaks of.

use adsum::View;

/// Who speaks for whom. A hostile server may give one session to several users.
pub(super) const USERS: u8 = 8;
pub(super) const OWN_SESSIONS: u8 = 4;
/// The names of topics are below this.
pub(super) const TOPICS: u8 = 2;

pub(super) const fn view(nth: u8) -> View {
    match nth % 4 {
        0 => View::Count,
        1 => View::Sample(2),
        2 => View::Nothing,
        _ => View::All,
    }
}
