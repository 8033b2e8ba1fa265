//! The seats of those who are logged in: a bounded number, of which no address may take all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::peer::Peer;

/// Room for sessions.
pub(crate) struct Seats {
    limit: usize,
    /// How many of them one address may have; `None` for one more as long as more are free than it
    /// has already.
    limit_of_peer: Option<usize>,
    state: Mutex<State>,
    is_warned: AtomicBool,
}

#[derive(Default)]
struct State {
    taken: usize,
    peers: HashMap<Peer, usize>,
}

/// A session's seat, which it has until this is dropped.
pub(crate) struct SessionSeat {
    seats: Arc<Seats>,
    peer: Peer,
}

/// There is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSeat;

impl Seats {
    /// Returns so many seats, of which an address may have so many, or with 0 a share.
    pub(crate) fn new(limit: u32, limit_of_peer: u32) -> Arc<Self> {
        let limit_of_peer = (limit_of_peer > 0).then_some(limit_of_peer as usize);
        let (state, is_warned) = (Mutex::default(), AtomicBool::new(false));
        Arc::new(Self { limit: limit as usize, limit_of_peer, state, is_warned })
    }

    /// Returns the number of those that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.state().taken
    }

    /// Takes a seat. A proxy may have any number: they are its clients'.
    pub(crate) fn take(self: &Arc<Self>, peer: Peer) -> Result<SessionSeat, NoSeat> {
        let mut state = self.state();
        self.look_in(&state, peer)?;
        state.taken += 1;
        *state.peers.entry(peer).or_default() += 1;
        Ok(SessionSeat { seats: self.clone(), peer })
    }

    /// Looks whether there is one, without taking it.
    pub(crate) fn look(&self, peer: Peer) -> Result<(), NoSeat> {
        self.look_in(&self.state(), peer)
    }

    fn look_in(&self, state: &State, peer: Peer) -> Result<(), NoSeat> {
        let free = self.limit.saturating_sub(state.taken);
        let of_peer = state.peers.get(&peer).copied().unwrap_or(0);
        if free == 0 {
            tracing::debug!("a login was refused: connect_limit is reached");
            return Err(NoSeat);
        }
        // One address has half of them at most, two have three quarters, and so on.
        if !peer.is_proxy() && of_peer >= self.limit_of_peer.unwrap_or(free) {
            self.warn(peer, of_peer);
            return Err(NoSeat);
        }
        Ok(())
    }

    fn warn(&self, peer: Peer, of_peer: usize) {
        if self.is_warned.swap(true, Ordering::Relaxed) {
            tracing::debug!("a login was refused: {peer} has {of_peer} seats");
        } else {
            tracing::warn!(
                "a login was refused: {peer} has {of_peer} seats, and one address may not take \
                 all; if many come from there see seats_per_address, or trusted_proxies if it is a \
                 proxy (this is said once)"
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SessionSeat {
    fn drop(&mut self) {
        let mut state = self.seats.state();
        state.taken -= 1;
        if let Some(of_peer) = state.peers.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                state.peers.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of([127, 0, 0, last].into())
    }

    fn take_all(seats: &Arc<Seats>, peer: Peer) -> Vec<SessionSeat> {
        std::iter::from_fn(|| seats.take(peer).ok()).collect()
    }

    #[test]
    fn one_address_has_half_of_them_and_the_next_half_of_the_rest() {
        let seats = Seats::new(16, 0);
        let all: Vec<_> = (1..=5).map(|last| take_all(&seats, peer(last))).collect();
        let of_each: Vec<_> = all.iter().map(Vec::len).collect();
        assert_eq!(of_each, [8, 4, 2, 1, 1]);
        assert_eq!(seats.taken(), 16);
        assert!(seats.take(peer(6)).is_err());
        drop(all);
        assert_eq!(seats.taken(), 0);
        assert!(seats.state().peers.is_empty());
        // The one seat that there is may be anybody's.
        assert_eq!(take_all(&Seats::new(1, 0), peer(1)).len(), 1);
    }

    #[test]
    fn an_address_has_as_many_as_it_may() {
        let seats = Seats::new(8, 3);
        let first = take_all(&seats, peer(1));
        assert_eq!(first.len(), 3);
        drop(first);
        assert_eq!(take_all(&seats, peer(1)).len(), 3);
        assert_eq!(take_all(&Seats::new(8, 9), peer(1)).len(), 8);
    }

    #[test]
    fn a_proxy_is_not_one_client() {
        let seats = Seats::new(8, 0);
        let proxy = Peer::of_proxy([127, 0, 0, 1].into());
        let of_proxy: Vec<_> = (0..6).map_while(|_| seats.take(proxy).ok()).collect();
        assert_eq!(of_proxy.len(), 6);
        // Its clients' are not those of a client at the same place.
        let of_client = take_all(&seats, peer(1));
        assert_eq!(of_client.len(), 1);
        assert_eq!(take_all(&seats, proxy).len(), 1);
    }
}
