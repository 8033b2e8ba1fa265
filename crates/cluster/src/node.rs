//! How nodes are named, and their lives.

#[cfg(feature = "serde")]
use alloc::string::String;
use core::fmt;

/// The longest that a node's name may be.
const MAX_LEN: usize = 31;

/// The name of a node: 1 to 31 of the letters `a` to `z` and `A` to `Z`, the digits, `-` and `_`.
///
/// Two nodes that run at the same time have different names; a node that is started anew keeps its
/// name and has another [`Incarnation`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// Filled up with zeros, so that names are ordered as their letters are.
    bytes: [u8; MAX_LEN],
    len: u8,
}

impl NodeId {
    /// Returns the node of this name, or `None` if no node may be called so.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > MAX_LEN || !name.bytes().all(is_plain) {
            return None;
        }
        let mut bytes = [0; MAX_LEN];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Some(Self { bytes, len: name.len() as u8 })
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII is taken in, so this never gives the empty name.
        core::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.as_str())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for NodeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for NodeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::new(&name).ok_or_else(|| serde::de::Error::custom("not the name of a node"))
    }
}

/// One life of a node, from its start to its end. The later one of two is the greater.
///
/// The time of the start is what orders them, so a node that is started anew must not have its
/// clock set back by more than it was away. The random number tells two from each other that were
/// started in the same millisecond, and a name that is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Incarnation {
    /// When the node was started, in milliseconds since 1970.
    pub started_ms: u64,
    /// A number that the host has drawn at random.
    pub random: u64,
}
