//! How sessions are connected, to this node or to another.

/// How a session is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// The record has no session.
    Vacant,
    Attached,
    /// Attached, but not to be sent anything at the moment.
    Congested,
    /// Lost and not yet given up.
    Detached,
    /// Connected at another node. It has no slot, and no verb finds it by its key.
    Remote,
    /// Lost at another node, or ended there a moment ago.
    RemoteLost,
    /// Ended, but what it showed is held for others until a later session of its user shows
    /// something.
    Held,
}

impl Link {
    /// The number of ways.
    pub(super) const COUNT: usize = Self::Held as usize + 1;

    /// Returns whether the session has not ended.
    pub(crate) const fn is_there(self) -> bool {
        !matches!(self, Self::Vacant | Self::Held)
    }

    /// Returns whether the session has a connection here.
    pub(crate) const fn is_up(self) -> bool {
        matches!(self, Self::Attached | Self::Congested)
    }

    /// Returns whether the session is this engine's own: it has a key, and a slot.
    pub(crate) const fn is_local(self) -> bool {
        matches!(self, Self::Attached | Self::Congested | Self::Detached)
    }

    /// Returns whether the session is another node's.
    pub(crate) const fn is_remote(self) -> bool {
        matches!(self, Self::Remote | Self::RemoteLost)
    }
}
