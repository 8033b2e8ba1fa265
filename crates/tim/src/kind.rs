//! The types of tim's frames and requests, by number.

/// The type of a frame: its first byte without the top bit.
///
/// A number without a name here is another service of tim (messages, rooms, streams), or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(u8);

impl Kind {
    /// An answer of the server, or the client's receipt for a sync frame.
    pub const ACK: Self = Self(12);
    /// A heartbeat, and its answer: no body.
    pub const PING: Self = Self(13);
    /// A new account; over HTTP only.
    pub const REGISTER: Self = Self(14);
    /// A request for a one-use login token; over HTTP only.
    pub const TOKEN: Self = Self(15);
    /// A login.
    pub const AUTH: Self = Self(16);
    /// A request for messages that were kept while the user was away.
    pub const OFFLINE_MESSAGES: Self = Self(17);
    /// There are no more such messages: the single byte `12`.
    pub const OFFLINE_MESSAGES_END: Self = Self(18);
    /// A presence to the whole roster (or to those it names); from a client only.
    pub const BROAD_PRESENCE: Self = Self(19);
    /// A request about the roster.
    pub const BUSINESS: Self = Self(41);
    /// A list of nodes, such as the roster; from a client a question about some.
    pub const NODES: Self = Self(42);
    /// A message; here only the notices that go with a change of the roster.
    pub const MESSAGE: Self = Self(90);
    /// A presence.
    pub const PRESENCE: Self = Self(91);

    /// Returns the type that a frame's first byte states.
    #[must_use]
    pub const fn from_byte(first: u8) -> Self {
        Self(first & 0x7f)
    }

    /// Returns the number, 0 to 127.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Returns the number as `timType` of an ack has it.
    #[must_use]
    pub const fn tim_type(self) -> i8 {
        // At most 127, so it fits.
        self.0 as i8
    }
}

/// What a [`TimReq`](crate::TimReq) asks for: its `rtype`.
pub mod rtype {
    /// The roster.
    pub const ROSTER: i32 = 1;
    /// Ask somebody to be a friend, or say yes to somebody who has asked.
    pub const ADD_ROSTER: i32 = 4;
    /// The two are friends now; from the server only, as `bnType` of a message.
    pub const FRIEND: i32 = 5;
    /// End a friendship, withdraw or turn down a request, or lift one's own block.
    pub const REMOVE_ROSTER: i32 = 6;
    /// Block somebody.
    pub const BLOCK_ROSTER: i32 = 7;
    /// Whom one has blocked.
    pub const BLOCK_ROSTER_LIST: i32 = 18;
}

/// What a [`TimNodes`](crate::TimNodes) lists: its `ntype`.
pub mod ntype {
    /// The roster.
    pub const ROSTER: i32 = 1;
    /// What is known of a room. Not offered here.
    pub const ROOM_INFO: i32 = 5;
    /// What is known of users: their names.
    pub const USER_INFO: i32 = 4;
    /// A change of one's own profile. Not offered here.
    pub const MODIFY_USER: i32 = 6;
    /// A change of a room's profile. Not offered here.
    pub const MODIFY_ROOM: i32 = 7;
    /// Whom one has blocked.
    pub const BLOCK_ROSTER_LIST: i32 = 8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_bit_is_no_part_of_the_type() {
        assert_eq!(Kind::from_byte(0x90), Kind::AUTH);
        assert_eq!(Kind::from_byte(0x10), Kind::AUTH);
        assert_eq!(Kind::from_byte(0xff).tim_type(), 127);
        assert_eq!(Kind::from_byte(0x80).number(), 0);
    }
}
