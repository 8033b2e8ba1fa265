//! The keys of a cluster.

use super::super::key::Key;
use super::super::value::{nats_address, node_name, number, text};

pub(super) static CLUSTER: [Key; 7] = [
    Key {
        name: "cluster",
        aliases: &[],
        about: "The NATS server over which several servers are one; without it this one is by \
                itself",
        unit: "URL",
        secret: false,
        set: |config, given| {
            config.cluster.url = Some(nats_address(given)?);
            Ok(())
        },
        show: |config| config.cluster.url.clone(),
    },
    Key {
        name: "node",
        aliases: &[],
        about: "The name of this server among them, which no other may have; without it that of \
                the machine",
        unit: "NAME",
        secret: false,
        set: |config, given| {
            config.cluster.node = Some(node_name(given)?);
            Ok(())
        },
        show: |config| config.cluster.node.clone(),
    },
    Key {
        name: "cluster_name",
        aliases: &[],
        about: "What all servers of a cluster have in their subjects, and those of another one do \
                not",
        unit: "NAME",
        secret: false,
        set: |config, given| {
            config.cluster.name = node_name(given)?;
            Ok(())
        },
        show: |config| Some(config.cluster.name.clone()),
    },
    key!(
        "cluster_credentials":
        "The file with the user and the password that NATS wants, a line each",
        path, cluster.credentials
    ),
    key!(
        "cluster_beat_ms":
        "How often a server says to the others that it is there",
        number "MILLISECONDS" 10..=60_000, cluster.beat_ms
    ),
    key!(
        "cluster_suspect_ms":
        "After how long without a word of it a server is taken for lost: two beats at least",
        number "MILLISECONDS" 20..=3_600_000, cluster.suspect_ms
    ),
    key!(
        "cluster_join_ms":
        "How long a server that starts waits to know what the others know, at most; then it lets \
         clients in",
        number "MILLISECONDS" 0..=3_600_000, cluster.join_ms
    ),
];
