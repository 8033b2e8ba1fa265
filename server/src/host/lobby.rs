//! Where connections are until somebody has logged in. There is room for a bounded number, of one
//! address too, and for fewer that say a lot; when there is none, whoever is there longest makes
//! way, so that nobody keeps others out by staying.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::peer::Peer;

/// How many connections may have more in memory than a short login takes: at most a frame each.
const LONG_LOGINS: usize = 256;

/// Returns how many connections that have no seat any more may wait for the answer to their close
/// frame, where there is room for so many that nobody has logged in on.
pub fn goodbyes(pending_limit: u32) -> u32 {
    pending_limit.min(256)
}

/// Room for connections that nobody has logged in on.
pub(crate) struct Lobby {
    limit: usize,
    limit_of_peer: usize,
    state: Mutex<State>,
    goodbyes: Semaphore,
}

#[derive(Default)]
struct State {
    entered: u64,
    len: usize,
    peers: HashMap<Peer, BTreeMap<u64, CancellationToken>>,
    /// Those of them whose login is long.
    long: HashMap<Peer, BTreeSet<u64>>,
}

/// A connection's seat, which it has until this is dropped.
pub(crate) struct Seat {
    lobby: Arc<Lobby>,
    whose: Mutex<(Peer, u64)>,
    leave: CancellationToken,
}

impl Lobby {
    pub(crate) fn new(limit: usize, limit_of_peer: usize) -> Arc<Self> {
        let goodbyes = Semaphore::new(goodbyes(u32::try_from(limit).unwrap_or(u32::MAX)) as usize);
        Arc::new(Self { limit, limit_of_peer, state: Mutex::default(), goodbyes })
    }

    /// Returns a place to wait in for the answer to a close frame, if one is free, for a connection
    /// that has no seat any more: its file is open as long as it waits.
    pub(crate) fn goodbye(&self) -> Option<SemaphorePermit<'_>> {
        self.goodbyes.try_acquire().ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.state().len
    }

    /// Lets a connection in. A proxy may have as many as there are: they are its clients'.
    pub(crate) fn enter(self: &Arc<Self>, peer: Peer) -> Seat {
        let leave = CancellationToken::new();
        let mut state = self.state();
        if !peer.is_proxy() {
            state.make_way_for(peer, self.limit_of_peer);
        }
        if state.len >= self.limit {
            state.make_way();
        }
        let number = state.put(peer, leave.clone());
        drop(state);
        Seat { lobby: self.clone(), whose: Mutex::new((peer, number)), leave }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, peer: Peer, leave: CancellationToken) -> u64 {
        self.entered += 1;
        self.len += 1;
        self.peers.entry(peer).or_default().insert(self.entered, leave);
        self.entered
    }

    fn take(&mut self, peer: Peer, number: u64) -> Option<CancellationToken> {
        let places = self.peers.get_mut(&peer)?;
        let taken = places.remove(&number)?;
        self.len -= 1;
        if places.is_empty() {
            self.peers.remove(&peer);
        }
        if let Some(long) = self.long.get_mut(&peer) {
            long.remove(&number);
            if long.is_empty() {
                self.long.remove(&peer);
            }
        }
        Some(taken)
    }

    /// Notes that a login is long. If there are too many, the oldest of the address with the most
    /// of them has to leave.
    fn put_long(&mut self, peer: Peer, number: u64) {
        if !self.peers.get(&peer).is_some_and(|places| places.contains_key(&number)) {
            return;
        }
        self.long.entry(peer).or_default().insert(number);
        if self.long.values().map(BTreeSet::len).sum::<usize>() <= LONG_LOGINS {
            return;
        }
        let most = self.long.iter().max_by_key(|(_, long)| long.len());
        if let Some((peer, oldest)) = most.and_then(|(peer, long)| Some((*peer, *long.first()?))) {
            self.take(peer, oldest).iter().for_each(CancellationToken::cancel);
        }
    }

    /// Has the oldest of an address leave if there would be too many with one more.
    fn make_way_for(&mut self, peer: Peer, limit: usize) {
        let Some(places) = self.peers.get(&peer).filter(|places| places.len() >= limit) else {
            return;
        };
        let oldest = places.first_key_value().map(|(number, _)| *number);
        oldest
            .and_then(|oldest| self.take(peer, oldest))
            .iter()
            .for_each(CancellationToken::cancel);
    }

    /// Has the oldest of the address with the most leave.
    fn make_way(&mut self) {
        let most = self.peers.iter().max_by_key(|(_, places)| places.len());
        if let Some(peer) = most.map(|(peer, _)| *peer) {
            self.make_way_for(peer, 0);
        }
    }
}

impl Seat {
    /// Waits until another one needs the seat.
    pub(crate) async fn asked_to_leave(&self) {
        self.leave.cancelled().await;
    }

    /// Notes that the login is longer than most are.
    pub(crate) fn has_long_login(&self) {
        let (peer, number) = *self.whose.lock().unwrap_or_else(PoisonError::into_inner);
        self.lobby.state().put_long(peer, number);
    }

    /// Notes whose the connection is, when its proxy has said so.
    pub(crate) fn is_of(&self, peer: Peer) {
        let mut whose = self.whose.lock().unwrap_or_else(PoisonError::into_inner);
        if whose.0 == peer {
            return;
        }
        let mut state = self.lobby.state();
        // One that was asked to leave has no seat any more.
        if let Some(leave) = state.take(whose.0, whose.1) {
            state.make_way_for(peer, self.lobby.limit_of_peer);
            *whose = (peer, state.put(peer, leave));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (peer, number) = *self.whose.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.lobby.state().take(peer, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of([127, 0, 0, last].into())
    }

    fn stays(seat: &Seat) -> bool {
        !seat.leave.is_cancelled()
    }

    #[test]
    fn the_oldest_of_an_address_makes_way_for_its_newest() {
        let lobby = Lobby::new(10, 2);
        let [first, second, other] = [1, 1, 2].map(|last| lobby.enter(peer(last)));
        assert!(stays(&first) && stays(&second));
        let third = lobby.enter(peer(1));
        assert!(!stays(&first) && stays(&second) && stays(&third) && stays(&other));
        assert_eq!(lobby.len(), 3);
        // Its seat is given up once.
        drop(first);
        assert_eq!(lobby.len(), 3);
        drop((second, third, other));
        assert_eq!(lobby.len(), 0);
        assert!(lobby.state().peers.is_empty());
    }

    #[test]
    fn so_many_wait_for_a_goodbye() {
        let lobby = Lobby::new(1_000, 1_000);
        let waiting: Vec<_> = (0..1_000).map_while(|_| lobby.goodbye()).collect();
        assert_eq!(waiting.len(), 256);
        assert!(Lobby::new(1, 1).goodbye().is_some());
        drop(waiting);
        assert!(lobby.goodbye().is_some());
    }

    #[test]
    fn when_all_is_full_the_address_with_the_most_makes_way() {
        let lobby = Lobby::new(4, 3);
        let many = [1, 1, 1].map(|last| lobby.enter(peer(last)));
        let one = lobby.enter(peer(2));
        let newcomer = lobby.enter(peer(3));
        assert!(!stays(&many[0]) && stays(&many[1]) && stays(&one) && stays(&newcomer));
        assert_eq!(lobby.len(), 4);
    }

    #[test]
    fn of_long_logins_the_address_with_the_most_makes_way() {
        let lobby = Lobby::new(10 * LONG_LOGINS, 10 * LONG_LOGINS);
        let other = lobby.enter(peer(2));
        other.has_long_login();
        let many: Vec<_> = (1..LONG_LOGINS).map(|_| lobby.enter(peer(1))).collect();
        let short = lobby.enter(peer(1));
        for seat in &many {
            seat.has_long_login();
            seat.has_long_login();
        }
        assert!(stays(&other) && stays(&short) && many.iter().all(stays));
        let newest = lobby.enter(peer(1));
        newest.has_long_login();
        assert!(!stays(&many[0]) && many[1..].iter().all(stays));
        assert!(stays(&other) && stays(&short) && stays(&newest));
        // Whoever has left or logged in counts no more, and who has to leave not again.
        many[0].has_long_login();
        drop((many, other));
        assert_eq!(lobby.state().long.values().map(BTreeSet::len).sum::<usize>(), 1);
        drop((newest, short));
        assert!(lobby.state().long.is_empty() && lobby.state().peers.is_empty());
    }

    #[test]
    fn behind_a_proxy_each_client_is_counted_for_itself() {
        let lobby = Lobby::new(100, 2);
        let proxy = Peer::of_proxy([127, 0, 0, 1].into());
        let places: Vec<_> = (0..5).map(|_| lobby.enter(proxy)).collect();
        assert!(places.iter().all(stays));
        for (seat, of) in places.iter().zip([10, 10, 11, 10, 10]) {
            seat.is_of(peer(of));
        }
        let staying: Vec<_> = places.iter().map(stays).collect();
        assert_eq!(staying, [false, false, true, true, true]);
        // Who has to leave has no seat, whoever it turns out to be.
        places[0].is_of(peer(12));
        assert_eq!(lobby.len(), 3);
        drop(places);
        assert_eq!(lobby.len(), 0);
    }
}
