//! What is remembered of attempts to log in: who failed too often, and who is known.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::buckets::{Buckets, MOST};
use super::fair_queue::AccountHash;
use super::peer::Peer;

/// How many wrong passwords one address may show for one account, and how long until it may show
/// one more.
const WRONG: u32 = 10;
const WRONG_INTERVAL: Duration = Duration::from_secs(3);
/// The same for all accounts together. An address beyond that is served on, but may no longer have
/// a long queue.
const WRONG_OF_PEER: u32 = 100;
const WRONG_OF_PEER_INTERVAL: Duration = Duration::from_millis(250);

/// What a password is hashed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// A login, which somebody waits for.
    Login,
    /// A new account, or a token for later.
    Other,
}

/// Who wants a password to be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Applicant {
    pub(crate) peer: Peer,
    pub(crate) account: AccountHash,
    pub(crate) purpose: Purpose,
}

/// What a wrong password has used up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UsedUp {
    /// The address may try this account no more for now.
    pub(crate) pair: bool,
    /// The address has been wrong too often, whichever account.
    pub(crate) peer: bool,
}

/// What is remembered of attempts.
pub(crate) struct Attempts {
    pairs: Buckets<Applicant>,
    peers: Buckets<(Peer, Purpose)>,
    known: HashSet<(Peer, AccountHash)>,
    /// Those who are known, the oldest first.
    order: VecDeque<(Peer, AccountHash)>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            pairs: Buckets::new(WRONG, WRONG_INTERVAL),
            peers: Buckets::new(WRONG_OF_PEER, WRONG_OF_PEER_INTERVAL),
            known: HashSet::new(),
            order: VecDeque::new(),
        }
    }
}

impl Attempts {
    /// Returns whether the address may try this account now.
    pub(crate) fn may_try(&self, applicant: Applicant, now: Instant) -> bool {
        self.pairs.has_one(&applicant, now)
    }

    /// Returns whether the address has been wrong too often of late.
    pub(crate) fn is_suspect(&self, applicant: Applicant, now: Instant) -> bool {
        !self.peers.has_one(&(applicant.peer, applicant.purpose), now)
    }

    /// Returns whether the account has been logged in from this address.
    pub(crate) fn is_known(&self, applicant: Applicant) -> bool {
        applicant.purpose == Purpose::Login
            && self.known.contains(&(applicant.peer, applicant.account))
    }

    /// Notes that the account's owner is at this address.
    pub(crate) fn right(&mut self, applicant: Applicant) {
        self.pairs.fill(&applicant);
        let pair = (applicant.peer, applicant.account);
        if self.known.insert(pair) {
            self.order.push_back(pair);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Notes a wrong password.
    pub(crate) fn wrong(&mut self, applicant: Applicant, now: Instant) -> UsedUp {
        let Applicant { peer, purpose, account } = applicant;
        let pair = !self.pairs.take(applicant, now);
        if pair && self.known.remove(&(peer, account)) {
            self.order.retain(|known| *known != (peer, account));
        }
        UsedUp { pair, peer: !self.peers.take((peer, purpose), now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applicant(last: u8, account: AccountHash) -> Applicant {
        Applicant { peer: Peer::of([127, 0, 0, last].into()), account, purpose: Purpose::Login }
    }

    #[test]
    fn one_address_is_wrong_about_an_account_ten_times_and_then_seldom() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        let ann = applicant(1, 1);
        attempts.right(ann);
        for _ in 1..WRONG {
            assert_eq!(attempts.wrong(ann, start), UsedUp::default());
        }
        assert!(attempts.is_known(ann) && attempts.may_try(ann, start));
        assert_eq!(attempts.wrong(ann, start), UsedUp { pair: true, peer: false });
        assert!(!attempts.is_known(ann) && !attempts.may_try(ann, start));
        // Others are not held to it: neither the account from elsewhere, nor another one.
        assert!(
            attempts.may_try(applicant(2, 1), start) && attempts.may_try(applicant(1, 2), start)
        );
        assert!(attempts.may_try(Applicant { purpose: Purpose::Other, ..ann }, start));
        let later = start + WRONG_INTERVAL;
        assert!(attempts.may_try(ann, later));
        assert!(attempts.wrong(ann, later).pair);
        assert!(!attempts.may_try(ann, later));
        attempts.right(ann);
        assert!(attempts.may_try(ann, later) && attempts.is_known(ann));
    }

    #[test]
    fn an_address_that_is_wrong_about_many_is_suspect() {
        let mut attempts = Attempts::default();
        let start = Instant::now();
        for account in 1..u64::from(WRONG_OF_PEER) {
            assert!(!attempts.wrong(applicant(1, account), start).peer);
            assert!(!attempts.is_suspect(applicant(1, 0), start));
        }
        assert_eq!(attempts.wrong(applicant(1, 0), start), UsedUp { pair: false, peer: true });
        assert!(attempts.is_suspect(applicant(1, 7), start));
        assert!(!attempts.is_suspect(applicant(2, 7), start));
        assert!(!attempts.is_suspect(applicant(1, 7), start + WRONG_OF_PEER_INTERVAL));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut attempts = Attempts::default();
        for account in 0..MOST as u64 + 10 {
            attempts.right(applicant(1, account));
        }
        assert!(attempts.known.len() <= MOST && attempts.order.len() <= MOST);
        assert!(!attempts.is_known(applicant(1, 0)), "the oldest goes first");
        assert!(attempts.is_known(applicant(1, MOST as u64)));
    }
}
