//! Who this server is among several.

use adsum_cluster::{ClusterConfig, Incarnation, NodeId};

use crate::config::Cluster;

/// Who this server is among several, in this life of it.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) me: NodeId,
    pub(crate) incarnation: Incarnation,
    pub(crate) protocol: ClusterConfig,
}

impl Identity {
    /// Returns who a server is that starts now, or `None` if its name or the random numbers fail.
    pub(crate) fn new(cluster: &Cluster, started_ms: u64) -> Option<Self> {
        let me = NodeId::new(&cluster.node_name()?)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).ok()?;
        let incarnation = Incarnation { started_ms, random: u64::from_le_bytes(random) };
        let protocol = ClusterConfig {
            cluster: number_of(&cluster.name),
            beat_ms: cluster.beat_ms,
            suspect_ms: cluster.suspect_ms,
            join_ms: cluster.join_ms,
            ..ClusterConfig::default()
        };
        Some(Self { me, incarnation, protocol })
    }
}

/// Returns the number of a cluster of this name: subjects keep clusters apart already, and this is
/// for messages that come on the wrong one.
fn number_of(name: &str) -> u64 {
    // FNV-1a: the same in every build.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}
