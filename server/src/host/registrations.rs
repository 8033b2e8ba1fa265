//! How many accounts an address may make: each stays in the database for good.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::buckets::Buckets;
use super::peer::Peer;

/// How long it takes until an address that has made as many as it may at once may make one more.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// Counts the requests for accounts of each address, those too that are refused later.
pub(crate) struct Registrations(Option<Mutex<Buckets<Peer>>>);

impl Registrations {
    /// Returns a bound of so many at once, or with 0 none.
    pub(crate) fn new(burst: u32) -> Self {
        Self((burst > 0).then(|| Mutex::new(Buckets::new(burst, INTERVAL))))
    }

    /// Returns whether the address may ask for an account now, which is counted then. A proxy may
    /// ask for any number: they are for its clients.
    pub(crate) fn may_have_one_more(&self, peer: Peer) -> bool {
        let Some(buckets) = self.0.as_ref().filter(|_| !peer.is_proxy()) else { return true };
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let may = buckets.has_one(&peer, now);
        if may {
            buckets.take(peer, now);
        }
        may
    }
}
