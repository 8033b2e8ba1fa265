//! What a client sends over its rate and is taken nevertheless, later.

use adsum_tim::TimPresence;

/// The newest presence to the roster that came over the rate, and how many pings did.
///
/// A presence is state: the newest one matters, so it is kept and the ones before it are not. A
/// ping asks whether the server is there, and a client that gets no answer gives the connection up.
/// Everything else over the rate is refused, and its sender knows it.
#[derive(Default)]
pub(crate) struct LateFrames {
    presence: Option<Box<TimPresence>>,
    pings: u32,
}

/// One of them, whose turn has come.
#[derive(Debug, PartialEq)]
pub(crate) enum LateFrame {
    Presence(Box<TimPresence>),
    Ping,
}

impl LateFrames {
    pub(crate) const fn is_empty(&self) -> bool {
        self.presence.is_none() && self.pings == 0
    }

    /// Keeps a presence, in place of an older one.
    pub(crate) fn keep_presence(&mut self, presence: Box<TimPresence>) {
        self.presence = Some(presence);
    }

    /// Keeps a ping, of this many at most.
    pub(crate) fn keep_ping(&mut self, most: u32) {
        self.pings = self.pings.saturating_add(1).min(most);
    }

    /// Takes the next one: what others wait for first.
    pub(crate) fn next(&mut self) -> Option<LateFrame> {
        if let Some(presence) = self.presence.take() {
            return Some(LateFrame::Presence(presence));
        }
        self.pings = self.pings.checked_sub(1)?;
        Some(LateFrame::Ping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_presence_then_the_pings() {
        let says = |show| Box::new(TimPresence { show: Some(show), ..TimPresence::default() });
        let mut late = LateFrames::default();
        assert!(late.is_empty());
        late.keep_presence(says(1));
        for _ in 0..5 {
            late.keep_ping(2);
        }
        late.keep_presence(says(2));
        assert_eq!(late.next(), Some(LateFrame::Presence(says(2))));
        assert_eq!([late.next(), late.next()], [Some(LateFrame::Ping), Some(LateFrame::Ping)]);
        assert!(late.next().is_none() && late.is_empty());
    }
}
