//! What a store knows of a user's relations to others.

/// What there is between a user and another one, as the user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Nothing (or the other one has blocked this one, who is not told).
    None,
    /// This one has asked, the other has not answered.
    Asked,
    /// The other one has asked, this one has not answered.
    AskedByOther,
    /// Both want it.
    Friends,
    /// This one has blocked the other.
    Blocked,
}

/// A user's relations to all others, each list in the order of the ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relations {
    /// Friends: both have said so.
    pub friends: Vec<String>,
    /// Whom this user has blocked.
    pub blocked: Vec<String>,
    /// Who waits for this user's answer.
    pub requests: Vec<Request>,
    /// Whose answer this user waits for.
    pub waiting: Vec<String>,
}

impl Relations {
    /// Returns them as a store gives them: in order, nobody twice, not this user, and no friend who
    /// is blocked.
    pub(super) fn tidied(mut self, own: &str) -> Self {
        let tidy = |nodes: &mut Vec<String>| {
            nodes.retain(|node| node != own);
            nodes.sort_unstable();
            nodes.dedup();
        };
        tidy(&mut self.blocked);
        tidy(&mut self.friends);
        self.friends.retain(|node| self.blocked.binary_search(node).is_err());
        self
    }
}

/// Somebody asks to be a friend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub node: String,
    /// The words that go with it.
    pub words: String,
    /// When, in seconds since 1970.
    pub asked_at: i64,
}

/// What came of asking somebody to be a friend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// The other one must say yes too.
    Waiting,
    /// The same, and it was so before: asking again is not saying yes for the other one.
    WaitingStill,
    /// The other one has blocked this one, and hears nothing. To the one who asks it must be the
    /// same as waiting.
    Unheard,
    /// The other one had asked before: they are friends now.
    Friends,
}
