//! What nodes say to each other.

use crate::host::{Presence, UserId};

/// What nodes say to each other, of this server's users and what they show.
pub(crate) type Message = adsum_cluster::Message<UserId, Presence>;
