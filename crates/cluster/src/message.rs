//! What nodes say to each other.

use crate::node::{Incarnation, NodeId};
use adsum::{Event, RemoteState, SessionId};
use alloc::vec::Vec;

/// The version of the protocol. Nodes that speak another are refused.
pub const PROTOCOL: u32 = 1;

/// A message of one node, to all others or to one.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Message<K, P> {
    /// The sender's [`PROTOCOL`].
    pub protocol: u32,
    /// The sender's [cluster](crate::ClusterConfig::cluster).
    pub cluster: u64,
    /// The sender.
    pub from: NodeId,
    /// Which life of the sender it is.
    pub incarnation: Incarnation,
    /// The sender's logical clock: greater than everything that it has heard of.
    pub clock: u64,
    /// What it says.
    pub body: Body<K, P>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Body<K, P> {
    /// To all: users who have changed at the sender, by ascending numbers without a gap.
    Ops(Vec<UserState<K, P>>),
    /// To all, once each [beat](crate::ClusterConfig::beat_ms): the sender is there. The first is
    /// answered with one.
    Beat(Beat),
    /// To one: asks for what it has said since.
    Need(Need),
    /// To one: what it needs.
    Sync(Sync<K, P>),
    /// To one: asks it to say of these users again what it has.
    Repeat(Repeat<K>),
    /// To one: something said to named users who have sessions there.
    Direct(Direct<K, P>),
    /// To all: something said in a topic.
    Say(Say<K, P>),
    /// To one: inputs of the host's that concern all nodes.
    Orders(Orders<K, P>),
    /// To one: its orders up to this one have been carried out.
    Done {
        /// The node that gave the orders.
        to: NodeId,
        /// Which life of it.
        life: Incarnation,
        /// The number of the last order.
        id: u64,
    },
    /// To all: the sender stops, and its clients connect elsewhere.
    Leaving,
    /// To all, from a node that leaves: one of its users says whether it is to be seen.
    Wish {
        /// Who.
        user: K,
        /// As in the user's [version](Version::wish).
        wish: u64,
    },
}

/// What a node says of one of its users.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UserState<K, P> {
    /// The user.
    pub user: K,
    /// The number of the change in the node's stream.
    pub number: u64,
    /// Whether the node has nothing to say of the user any more.
    pub is_gone: bool,
    /// If with this change the node has posted that the user is online or offline: the number of
    /// that edge ([rule C17](adsum::rules#rule-c17-who-posts)).
    pub posted: Option<u64>,
    /// Of when the user's lists are, as the sender knows them.
    pub version: Version,
    /// Whether there are sessions and lists that are not here, because they fit into no message.
    /// Who sends messages of bounded length says so, and leaves out both: what is said of the user
    /// later, without lists, is not taken either, and holds up nothing of other users.
    pub is_cut: bool,
    /// When each of the sessions connected, by the node's logical clock.
    pub stamps: Vec<u64>,
    /// The sessions, and the lists where the receiver may not have them.
    pub state: RemoteState<K, P>,
}

/// Of when a user's lists are, and of when its wish to be seen is: of each the greatest counts. No
/// two lists have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Version {
    /// The host's version of the lists, if it has given one.
    pub number: u64,
    /// The logical clock of the node that was told the lists. Zero: nothing is known.
    pub clock: u64,
    /// Which node was told: a number that follows from its name.
    pub by: u64,
    /// Twice the logical clock of the node where the user said last whether it is to be seen, and
    /// one more if it is not. Zero: it has said nothing, and is seen.
    pub wish: u64,
}

impl Version {
    /// Returns of when the lists are: the greatest counts.
    pub(crate) const fn lists(self) -> (u64, u64, u64) {
        (self.number, self.clock, self.by)
    }

    /// Returns whether this user is to be seen.
    pub(crate) const fn is_visible(self) -> bool {
        self.wish & 1 == 0
    }

    /// Returns whether neither the lists nor the wish of the other one are newer.
    pub(crate) fn covers(self, other: Self) -> bool {
        self.lists() >= other.lists() && self.wish >= other.wish
    }

    /// Returns the newer lists and the newer wish.
    pub(crate) fn with(self, other: Self) -> Self {
        let lists = if self.lists() >= other.lists() { self } else { other };
        Self { wish: self.wish.max(other.wish), ..lists }
    }
}

/// A sign of life, and what a node would have said to whoever has heard everything.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Beat {
    /// How many beats there have been: a late one is no sign of life.
    pub round: u64,
    /// The number of the last change.
    pub seq: u64,
    /// A checksum over all users of the node and the numbers of their last changes.
    pub digest: u64,
    /// The number of users.
    pub users: u64,
    /// A checksum over the topics that have options of their own, and of when these are.
    pub topics: u64,
    /// Whether the sender has just started and wants to know who is there.
    pub is_joining: bool,
}

/// Asks for what was missed.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Need {
    /// Who is asked.
    pub to: NodeId,
    /// Everything up to this number is known.
    pub since: u64,
    /// Whether everything is asked for, so that who is not named is gone.
    pub is_full: bool,
    /// Where everything is asked for and a part of it has come: the [`Sync::start`] of that.
    pub start: Option<u64>,
}

/// The present states of users whose last changes have numbers above `since` and up to `seq`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sync<K, P> {
    /// Who has asked.
    pub to: NodeId,
    /// Where it begins.
    pub since: u64,
    /// Where it ends.
    pub seq: u64,
    /// If it is a part of everything: the last number when the first part was sent.
    pub start: Option<u64>,
    /// The number of the sender's last change: if it is greater than `seq`, there is more.
    pub last: u64,
    /// The users, by ascending numbers.
    pub states: Vec<UserState<K, P>>,
}

/// Asks for the present states of single users, of which the sender does not know whether they are
/// what it has. They come as changes, to all.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Repeat<K> {
    /// Who is asked.
    pub to: NodeId,
    /// Users of whom it has said something.
    pub users: Vec<K>,
}

/// Something that a session says to named users.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Direct<K, P> {
    /// The node that has sessions of these users.
    pub to: NodeId,
    /// Whose session says it.
    pub user: K,
    /// The session's id at the sender.
    pub session: SessionId,
    /// To whom.
    pub users: Vec<K>,
    /// What.
    pub presence: P,
    /// For how long, in milliseconds, if it ends by itself.
    pub for_ms: Option<u64>,
}

/// Something that a session says in a topic.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Say<K, P> {
    /// Whose session says it.
    pub user: K,
    /// The session's id at the sender.
    pub session: SessionId,
    /// The topic's name.
    pub topic: K,
    /// What.
    pub presence: P,
    /// For how long, in milliseconds, if it ends by itself.
    pub for_ms: Option<u64>,
}

/// Inputs that concern sessions of all nodes. They are sent until they are answered.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Orders<K, P> {
    /// Who is to carry them out.
    pub to: NodeId,
    /// The number of the first: all before are done or given up.
    pub first: u64,
    /// The orders, in their order.
    pub orders: Vec<Order<K, P>>,
    /// Whether the sender has said that it leaves: who has started since has not heard it.
    pub is_leaving: bool,
}

/// An input that concerns sessions of all nodes.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Order<K, P> {
    /// When the host gave it; of lists, their version.
    pub version: Version,
    /// The input.
    pub event: Event<K, P>,
}

/// Who a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// All other nodes.
    Everyone,
    /// This one.
    Node(NodeId),
}
