//! How many accounts an address may make: each stays in the database for good.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::buckets::Buckets;
use super::peer::Peer;

/// How long it takes until an address that has made as many as it may at once may make one more.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// Counts the requests for accounts of each address, those too that are refused later.
pub(crate) struct Registrations {
    buckets: Option<Mutex<Buckets<Peer>>>,
    is_warned: AtomicBool,
}

impl Registrations {
    /// Returns a bound of so many at once, or with 0 none.
    pub(crate) fn new(burst: u32) -> Self {
        let buckets = (burst > 0).then(|| Mutex::new(Buckets::new(burst, INTERVAL)));
        Self { buckets, is_warned: AtomicBool::new(false) }
    }

    /// Returns whether the address may ask for an account at this moment, which is counted then. A
    /// proxy may ask for any number: they are for its clients.
    pub(crate) fn may_have_one_more(&self, peer: Peer, now: Instant) -> bool {
        let Some(buckets) = self.buckets.as_ref().filter(|_| !peer.is_proxy()) else { return true };
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let may = buckets.has_one(&peer, now);
        if may {
            buckets.take(peer, now);
        } else {
            self.warn(peer);
        }
        may
    }

    fn warn(&self, peer: Peer) {
        if self.is_warned.swap(true, Ordering::Relaxed) {
            tracing::debug!("an account was refused: {peer} asks for too many");
        } else {
            tracing::warn!(
                "an account was refused: {peer} asks for too many; if many people come from there \
                 see register_burst, or trusted_proxies if it is a proxy (this is said once)"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of([127, 0, 0, last].into())
    }

    #[test]
    fn an_address_makes_so_many_at_once_and_then_one_in_each_interval() {
        let (registrations, start) = (Registrations::new(3), Instant::now());
        let just_before = INTERVAL - Duration::from_millis(1);
        let made = |last, at| {
            let tries = 0..10;
            tries.filter(|_| registrations.may_have_one_more(peer(last), start + at)).count()
        };
        assert_eq!((made(1, Duration::ZERO), made(1, just_before)), (3, 0));
        // Of others nothing is taken.
        assert_eq!(made(2, just_before), 3);
        assert_eq!((made(1, INTERVAL), made(1, INTERVAL + just_before)), (1, 0));
        assert_eq!(made(1, INTERVAL * 3), 2);
        // Whoever asks for none for long may make as many as at first, and no more.
        assert_eq!(made(1, INTERVAL * 1_000), 3);
    }

    #[test]
    fn without_a_bound_an_address_makes_any_number_and_so_does_a_proxy() {
        let now = Instant::now();
        let unbounded = Registrations::new(0);
        assert!((0..10_000).all(|_| unbounded.may_have_one_more(peer(1), now)));
        let bounded = Registrations::new(1);
        let proxy = Peer::of_proxy([127, 0, 0, 1].into());
        assert!((0..10_000).all(|_| bounded.may_have_one_more(proxy, now)));
        assert!(bounded.may_have_one_more(peer(1), now));
        assert!(!bounded.may_have_one_more(peer(1), now));
    }
}
