//! What a client sends over its rate and is taken nevertheless, later.

use std::sync::Arc;

use super::shown::Shown;

/// Whether a presence to the roster came over the rate, and how many pings did.
///
/// A presence is state: the newest one matters, so it is kept and the ones before it are not. A
/// ping asks whether the server is there, and a client that gets no answer gives the connection up.
/// Everything else over the rate is refused, and its sender knows it.
///
/// The presence itself lies in the socket, where the engine's thread finds it when the connection
/// ends or another one takes its place.
#[derive(Default)]
pub(crate) struct LateFrames {
    has_presence: bool,
    pings: u32,
}

/// What a client publishes to the roster, ready to be said.
pub(crate) struct Word {
    pub(crate) presence: Arc<Shown>,
    /// For how many milliseconds it holds, if not for ever, and what holds then.
    pub(crate) for_ms: Option<u64>,
    pub(crate) then: Option<Arc<Shown>>,
}

/// One of them, whose turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LateFrame {
    Presence,
    Ping,
}

impl LateFrames {
    pub(crate) const fn is_empty(&self) -> bool {
        !self.has_presence && self.pings == 0
    }

    /// Notes that a presence is kept, in place of an older one.
    pub(crate) const fn keep_presence(&mut self) {
        self.has_presence = true;
    }

    /// Keeps a ping, of this many at most.
    pub(crate) fn keep_ping(&mut self, most: u32) {
        self.pings = self.pings.saturating_add(1).min(most);
    }

    /// Takes the next one: what others wait for first.
    pub(crate) fn next(&mut self) -> Option<LateFrame> {
        if std::mem::take(&mut self.has_presence) {
            return Some(LateFrame::Presence);
        }
        self.pings = self.pings.checked_sub(1)?;
        Some(LateFrame::Ping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presence_then_the_pings() {
        let mut late = LateFrames::default();
        assert!(late.is_empty());
        late.keep_presence();
        for _ in 0..5 {
            late.keep_ping(2);
        }
        late.keep_presence();
        assert_eq!(late.next(), Some(LateFrame::Presence));
        assert_eq!([late.next(), late.next()], [Some(LateFrame::Ping), Some(LateFrame::Ping)]);
        assert!(late.next().is_none() && late.is_empty());
    }
}
