//! A queue that is fair: each network address has its turn, and of one address each account.

use std::collections::{HashMap, VecDeque};

use super::peer::Peer;

/// What stands for an account's name and domain.
pub(crate) type AccountHash = u64;

/// Things that wait, each for an account and from an address.
pub(crate) struct FairQueue<T> {
    /// The addresses for which something waits, the next one first.
    turns: VecDeque<Peer>,
    peers: HashMap<Peer, OfPeer<T>>,
    len: usize,
}

struct OfPeer<T> {
    /// The accounts for which something waits, the next one first.
    turns: VecDeque<AccountHash>,
    accounts: HashMap<AccountHash, VecDeque<T>>,
    len: usize,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { turns: VecDeque::new(), peers: HashMap::new(), len: 0 }
    }
}

impl<T> FairQueue<T> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn len_of(&self, peer: Peer) -> usize {
        self.peers.get(&peer).map_or(0, |of| of.len)
    }

    /// Returns the address for which the most waits, and how much. Looks at every address.
    pub(crate) fn longest(&self) -> Option<(Peer, usize)> {
        self.peers.iter().map(|(peer, of)| (*peer, of.len)).max_by_key(|(_, len)| *len)
    }

    pub(crate) fn push(&mut self, peer: Peer, account: AccountHash, item: T) {
        let of = self.peers.entry(peer).or_insert_with(|| {
            self.turns.push_back(peer);
            OfPeer { turns: VecDeque::new(), accounts: HashMap::new(), len: 0 }
        });
        let waiting = of.accounts.entry(account).or_insert_with(|| {
            of.turns.push_back(account);
            VecDeque::new()
        });
        waiting.push_back(item);
        of.len += 1;
        self.len += 1;
    }

    /// Takes the next one out: the oldest of the account whose turn it is at the address whose turn
    /// it is.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let peer = self.turns.pop_front()?;
        let of = self.peers.get_mut(&peer)?;
        let account = of.turns.pop_front()?;
        let waiting = of.accounts.get_mut(&account)?;
        let item = waiting.pop_front()?;
        if waiting.is_empty() {
            of.accounts.remove(&account);
        } else {
            of.turns.push_back(account);
        }
        of.len -= 1;
        self.len -= 1;
        if of.len == 0 {
            self.peers.remove(&peer);
        } else {
            self.turns.push_back(peer);
        }
        Some(item)
    }

    /// Takes out what came last for the account of this address for which the most waits, and of
    /// those the one whose turn is last.
    pub(crate) fn pop_last_of(&mut self, peer: Peer) -> Option<T> {
        let of = self.peers.get(&peer)?;
        let waiting = |account: &&AccountHash| of.accounts.get(*account).map_or(0, VecDeque::len);
        let account = *of.turns.iter().max_by_key(waiting)?;
        let of = self.peers.get_mut(&peer)?;
        if of.accounts.get(&account)?.len() == 1 {
            return self.take(peer, account).pop_back();
        }
        of.len -= 1;
        self.len -= 1;
        of.accounts.get_mut(&account)?.pop_back()
    }

    /// Takes out all that waits for an account from an address.
    pub(crate) fn take(&mut self, peer: Peer, account: AccountHash) -> VecDeque<T> {
        let Some(of) = self.peers.get_mut(&peer) else { return VecDeque::new() };
        let taken = of.accounts.remove(&account).unwrap_or_default();
        of.turns.retain(|other| *other != account);
        of.len -= taken.len();
        self.len -= taken.len();
        if of.len == 0 {
            self.forget(peer);
        }
        taken
    }

    /// Takes out all that waits from an address.
    pub(crate) fn take_all(&mut self, peer: Peer) -> Vec<T> {
        let Some(of) = self.peers.remove(&peer) else { return Vec::new() };
        self.turns.retain(|other| *other != peer);
        self.len -= of.len;
        of.accounts.into_values().flatten().collect()
    }

    /// Takes out what is not to be kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for of in self.peers.values_mut() {
            for waiting in of.accounts.values_mut() {
                waiting.retain(&mut keep);
            }
            of.accounts.retain(|_, waiting| !waiting.is_empty());
            of.turns.retain(|account| of.accounts.contains_key(account));
            of.len = of.accounts.values().map(VecDeque::len).sum();
        }
        self.peers.retain(|_, of| of.len > 0);
        self.turns.retain(|peer| self.peers.contains_key(peer));
        self.len = self.peers.values().map(|of| of.len).sum();
    }

    fn forget(&mut self, peer: Peer) {
        self.peers.remove(&peer);
        self.turns.retain(|other| *other != peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of([127, 0, 0, last].into())
    }

    fn drained(mut queue: FairQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    /// One address with much to do, and one account with much to do, keep nobody waiting.
    #[test]
    fn addresses_take_turns_and_so_do_their_accounts() {
        let mut queue = FairQueue::default();
        for (from, account, item) in
            [(1, 1, "a1"), (1, 1, "a2"), (1, 1, "a3"), (1, 2, "b1"), (2, 3, "c1"), (2, 3, "c2")]
        {
            queue.push(peer(from), account, item);
        }
        assert_eq!((queue.len(), queue.len_of(peer(1)), queue.len_of(peer(3))), (6, 4, 0));
        assert_eq!(queue.longest(), Some((peer(1), 4)));
        assert_eq!(drained(queue), ["a1", "c1", "b1", "c2", "a2", "a3"]);
    }

    #[test]
    fn what_is_taken_out_is_gone_and_the_rest_has_its_turn() {
        let mut queue = FairQueue::default();
        for (from, account, item) in
            [(1, 1, "a1"), (1, 1, "a2"), (1, 2, "b1"), (2, 1, "c1"), (3, 1, "d1")]
        {
            queue.push(peer(from), account, item);
        }
        assert_eq!(queue.pop_last_of(peer(1)), Some("a2"));
        assert_eq!(queue.take(peer(1), 2), ["b1"]);
        assert_eq!(queue.take(peer(1), 2), [""; 0]);
        assert_eq!(queue.take_all(peer(2)), ["c1"]);
        assert_eq!(queue.len(), 2);
        queue.retain(|item| *item != "d1");
        assert_eq!((queue.len(), queue.len_of(peer(3))), (1, 0));
        assert_eq!(drained(queue), ["a1"]);
    }
}
