//! The subjects of a cluster, which say who speaks and to whom.
//!
//! | subject | who writes | who reads |
//! | --- | --- | --- |
//! | `adsum.<cluster>.s.<node>` | the node | all |
//! | `adsum.<cluster>.n.<node>.<from>` | the node `from` | the node `node` |

use adsum_cluster::{NodeId, To};

/// The subjects of a node.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    stream: String,
    inbox: String,
    me: NodeId,
}

impl Subjects {
    pub(super) fn new(cluster: &str, me: NodeId) -> Self {
        Self { stream: format!("adsum.{cluster}.s."), inbox: format!("adsum.{cluster}.n."), me }
    }

    /// Returns what a node listens to: all streams, and what is said to it alone.
    pub(super) fn heard(&self) -> [String; 2] {
        [format!("{}*", self.stream), format!("{}{}.*", self.inbox, self.me)]
    }

    /// Returns where this node says something.
    pub(super) fn to(&self, to: To) -> String {
        match to {
            To::Everyone => format!("{}{}", self.stream, self.me),
            To::Node(node) => format!("{}{node}.{}", self.inbox, self.me),
        }
    }

    /// Returns who has written to a subject.
    pub(super) fn sender(&self, subject: &str) -> Option<NodeId> {
        let of_stream = subject.strip_prefix(&self.stream);
        let of_inbox = || subject.strip_prefix(&self.inbox)?.split_once('.').map(|(_, from)| from);
        NodeId::new(of_stream.or_else(of_inbox)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_says_who_speaks() {
        let [a, b] = ["a", "b"].map(|name| NodeId::new(name).unwrap());
        let (of_a, of_b) = (Subjects::new("x", a), Subjects::new("x", b));
        assert_eq!(of_a.heard(), ["adsum.x.s.*", "adsum.x.n.a.*"]);
        assert_eq!(of_b.sender(&of_a.to(To::Everyone)), Some(a));
        assert_eq!(of_a.to(To::Node(b)), "adsum.x.n.b.a");
        assert_eq!(of_b.sender(&of_a.to(To::Node(b))), Some(a));
        for other in ["adsum.y.s.a", "adsum.x.n.b", "adsum.x.s.a.b", "adsum.x.s.", "adsum.x.n.b."] {
            assert_eq!(of_b.sender(other), None, "{other}");
        }
    }
}
