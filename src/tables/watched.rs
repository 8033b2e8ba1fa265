//! The channels of those who are watched, found by the user.

use crate::tables::channels::Channels;
use crate::tables::ids::{ChannelIndex, User};
use crate::tables::index::{Index, ShortHash};
use crate::tables::segments::{Segments, per_segment};

/// The channels of those who are watched.
pub(super) struct Watched {
    pub(super) channels: Channels,
    by_user: Index<ChannelIndex>,
    /// Whose channel each is, or was.
    users: Segments<User, { per_segment(2_048) }>,
}

impl Watched {
    pub(super) const fn new() -> Self {
        Self { channels: Channels::new(), by_user: Index::new(), users: Segments::new() }
    }

    /// Returns whether nobody watches anybody.
    pub(super) const fn is_empty(&self) -> bool {
        self.by_user.len() == 0
    }

    pub(super) fn find(&self, user: User) -> Option<ChannelIndex> {
        if self.is_empty() {
            return None;
        }
        let is_so = |channel: ChannelIndex| self.users[channel.0 as usize] == user;
        self.by_user.find(ShortHash::of_user(user), is_so)
    }

    pub(super) fn open(&mut self, user: User) -> ChannelIndex {
        let channel = self.channels.open();
        while self.users.len() <= channel.0 as usize {
            self.users.push(user);
        }
        self.users[channel.0 as usize] = user;
        self.by_user.insert(ShortHash::of_user(user), channel);
        channel
    }

    pub(super) fn close(&mut self, user: User, channel: ChannelIndex) {
        self.by_user.remove(ShortHash::of_user(user), channel);
        self.channels.close(channel);
    }

    /// Returns the number of users who are watched.
    pub(super) const fn len(&self) -> usize {
        self.by_user.len()
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.channels.shrink_to_fit();
        self.by_user.shrink_to_fit();
        self.users.truncate(self.channels.span());
        self.users.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn those_who_are_watched_are_found_after_a_crowd_has_gone() {
        let mut watched = Watched::new();
        let channels: Vec<_> = (0..3_000).map(|user| watched.open(User(user))).collect();
        for (user, channel) in (0..).map(User).zip(&channels).skip(2) {
            watched.close(user, *channel);
        }
        watched.shrink_to_fit();
        assert_eq!((watched.len(), watched.users.len(), watched.channels.span()), (2, 2, 2));
        for (user, channel) in (0..).map(User).zip(&channels[..2]) {
            assert_eq!(watched.find(user), Some(*channel));
            watched.close(user, *channel);
            assert_eq!(watched.find(user), None);
        }
        watched.shrink_to_fit();
        assert!(watched.is_empty() && watched.users.capacity() == 0);
    }
}
