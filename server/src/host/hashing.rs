//! Whose password is hashed next. A bounded number are hashed at once, a bounded number wait; who
//! waits is served fairly by address and by account, those first who are known, and whoever is
//! wrong too often has to stand back.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::attempts::{Applicant, Attempts, Purpose};
use super::fair_queue::{AccountHash, FairQueue};

/// How many may wait or be served, for each that is served at once.
const WAITING: usize = 512;
/// How many may wait for a suspect address.
const WAITING_OF_SUSPECT: usize = 32;

/// The queues: logins of those who are known where they are, other logins, and the rest.
const KNOWN: usize = 0;
const LOGINS: usize = 1;
const REST: usize = 2;
/// Which of them is served first, in turn.
const CYCLE: [usize; 8] = [KNOWN, LOGINS, KNOWN, REST, KNOWN, LOGINS, KNOWN, LOGINS];

/// Why a password is not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many wait.
    Busy,
    /// This address has been wrong about this account too often.
    TooOften,
}

/// How many passwords there are to be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PasswordCounts {
    pub(crate) hashing: usize,
    pub(crate) waiting: usize,
}

/// All that hashes passwords.
pub(crate) struct Hashing {
    workers: usize,
    hasher: RandomState,
    state: Mutex<State>,
}

type Waiting = oneshot::Sender<Result<Turn, Refusal>>;

#[derive(Default)]
struct State {
    running: usize,
    served: usize,
    queues: [FairQueue<Waiting>; 3],
    attempts: Attempts,
}

/// The right to hash one password. When it goes, the next one has it.
pub(crate) struct Turn {
    hashing: Option<Arc<Hashing>>,
    applicant: Option<Applicant>,
}

impl Hashing {
    pub(crate) fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self { workers, hasher: RandomState::new(), state: Mutex::default() })
    }

    pub(crate) fn account(&self, name: &str, domain: &str) -> AccountHash {
        self.hasher.hash_one((name, domain))
    }

    pub(crate) fn counts(&self) -> PasswordCounts {
        let state = self.state();
        PasswordCounts { hashing: state.running, waiting: state.waiting() }
    }

    /// Waits until it is this one's turn.
    pub(crate) async fn turn(self: &Arc<Self>, applicant: Applicant) -> Result<Turn, Refusal> {
        let Some(waiting) = self.enter(applicant)? else {
            return Ok(Turn { hashing: Some(self.clone()), applicant: Some(applicant) });
        };
        let mut turn = waiting.await.unwrap_or(Err(Refusal::Busy))?;
        turn.applicant = Some(applicant);
        Ok(turn)
    }

    /// Takes a place in the queue; none if nobody has to be waited for.
    fn enter(
        &self,
        applicant: Applicant,
    ) -> Result<Option<oneshot::Receiver<Result<Turn, Refusal>>>, Refusal> {
        let now = Instant::now();
        let mut state = self.state();
        if !state.attempts.may_try(applicant, now) {
            return Err(Refusal::TooOften);
        }
        if state.running < self.workers {
            state.running += 1;
            return Ok(None);
        }
        let queue = match applicant.purpose {
            Purpose::Login if state.attempts.is_known(applicant) => KNOWN,
            Purpose::Login => LOGINS,
            Purpose::Other => REST,
        };
        let of_peer = state.queues[queue].len_of(applicant.peer);
        if queue != KNOWN
            && of_peer >= WAITING_OF_SUSPECT
            && state.attempts.is_suspect(applicant, now)
        {
            return Err(Refusal::Busy);
        }
        let displaced = if state.waiting() + state.running < self.workers * WAITING {
            None
        } else {
            state.make_room(queue, of_peer)?
        };
        let (sender, receiver) = oneshot::channel();
        state.queues[queue].push(applicant.peer, applicant.account, sender);
        drop(state);
        refuse(displaced, Refusal::Busy);
        Ok(Some(receiver))
    }

    /// Passes a turn on to the next one who is still there.
    fn pass_on(self: Arc<Self>) {
        loop {
            let mut state = self.state();
            let Some(next) = state.next() else {
                state.running -= 1;
                return;
            };
            drop(state);
            let turn = Turn { hashing: Some(self.clone()), applicant: None };
            match next.send(Ok(turn)) {
                // Nobody waits there any more.
                Err(Ok(mut turn)) => turn.hashing = None,
                _ => return,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse(waiting: impl IntoIterator<Item = Waiting>, why: Refusal) {
    for one in waiting {
        // Whoever is gone need not know.
        drop(one.send(Err(why)));
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.queues.iter().map(FairQueue::len).sum()
    }

    fn next(&mut self) -> Option<Waiting> {
        let first = CYCLE[self.served % CYCLE.len()];
        self.served = self.served.wrapping_add(1);
        [first, KNOWN, LOGINS, REST].into_iter().find_map(|queue| self.queues[queue].pop())
    }

    /// Makes room for one from an address with so many in this queue; returns who makes way.
    fn make_room(&mut self, queue: usize, of_peer: usize) -> Result<Option<Waiting>, Refusal> {
        let before = self.waiting();
        for queue in &mut self.queues {
            queue.retain(|waiting| !waiting.is_closed());
        }
        if self.waiting() < before {
            return Ok(None);
        }
        // What is less urgent makes way first, then the address with the most.
        for other in (queue + 1..=REST).rev() {
            if let Some((peer, _)) = self.queues[other].longest() {
                return Ok(self.queues[other].pop_last_of(peer));
            }
        }
        match self.queues[queue].longest() {
            Some((peer, most)) if most > of_peer + 1 => Ok(self.queues[queue].pop_last_of(peer)),
            _ => Err(Refusal::Busy),
        }
    }
}

impl Turn {
    /// Says that the password was right.
    pub(crate) fn right(&self) {
        if let (Some(hashing), Some(applicant)) = (&self.hashing, self.applicant) {
            hashing.state().attempts.right(applicant);
        }
    }

    /// Says that the password was wrong. Whoever waits for the same is refused when there were too
    /// many.
    pub(crate) fn wrong(&self) {
        let (Some(hashing), Some(applicant)) = (&self.hashing, self.applicant) else { return };
        let Applicant { peer, account, purpose } = applicant;
        let mut state = hashing.state();
        let used_up = state.attempts.wrong(applicant, Instant::now());
        let queues = if purpose == Purpose::Login { KNOWN..=LOGINS } else { REST..=REST };
        let (mut too_often, mut too_many) = (Vec::new(), Vec::new());
        if used_up.pair {
            for queue in queues.clone() {
                too_often.extend(state.queues[queue].take(peer, account));
            }
        }
        if used_up.peer && state.queues[*queues.end()].len_of(peer) > WAITING_OF_SUSPECT {
            too_many = state.queues[*queues.end()].take_all(peer);
        }
        drop(state);
        refuse(too_often, Refusal::TooOften);
        refuse(too_many, Refusal::Busy);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(hashing) = self.hashing.take() {
            hashing.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::peer::Peer;
    use super::*;

    fn applicant(last: u8, account: AccountHash, purpose: Purpose) -> Applicant {
        Applicant { peer: Peer::of([127, 0, 0, last].into()), account, purpose }
    }

    fn login(last: u8, account: AccountHash) -> Applicant {
        applicant(last, account, Purpose::Login)
    }

    #[tokio::test]
    async fn whoever_breaks_off_leaves_no_place_taken() {
        let hashing = Hashing::new(1);
        let running = hashing.turn(login(1, 0)).await.ok().unwrap();
        for account in 0..2 * WAITING as u64 {
            let waiting = hashing.turn(login(1, account));
            assert!(waiting.now_or_never().is_none(), "there is room to wait");
        }
        // The turn is passed over all of them to the one who is still there.
        let next = tokio::spawn({
            let hashing = hashing.clone();
            async move { hashing.turn(login(1, 1)).await.is_ok() }
        });
        tokio::task::yield_now().await;
        drop(running);
        assert!(next.await.unwrap());
        assert_eq!(hashing.state().running, 0);
    }

    /// When all places are taken, the address that has the most gives one up; who has as many as
    /// that is refused.
    #[tokio::test]
    async fn a_crowd_makes_way_for_one() {
        let hashing = Hashing::new(1);
        let running = hashing.turn(login(1, 0)).await.ok().unwrap();
        let mut crowd: Vec<_> =
            (1..WAITING as u64).map(|account| Box::pin(hashing.turn(login(1, account)))).collect();
        for one in &mut crowd {
            assert!(one.as_mut().now_or_never().is_none());
        }
        let refused = hashing.turn(login(1, 9)).now_or_never();
        assert!(matches!(refused, Some(Err(Refusal::Busy))));
        let mut stranger = Box::pin(hashing.turn(login(2, 9)));
        assert!(stranger.as_mut().now_or_never().is_none());
        let refused = crowd.iter_mut().filter_map(|one| one.as_mut().now_or_never());
        let refused: Vec<_> = refused.map(|turn| turn.err().unwrap()).collect();
        assert_eq!(refused, [Refusal::Busy]);
        // And the stranger's turn is the second.
        drop(running);
        let first = crowd[0].as_mut().now_or_never().unwrap().ok().unwrap();
        assert!(stranger.as_mut().now_or_never().is_none());
        drop(first);
        assert!(stranger.now_or_never().unwrap().is_ok());
    }

    /// Whoever is known has the next turn but one at most, however many others wait; tokens and new
    /// accounts wait for logins.
    #[tokio::test]
    async fn whoever_is_known_goes_first_and_tokens_last() {
        let hashing = Hashing::new(1);
        let running = hashing.turn(login(1, 0)).await.ok().unwrap();
        running.right();
        let mut others: Vec<_> = (1..60)
            .flat_map(|n| [login(1, n), applicant(1, n, Purpose::Other)])
            .map(|one| Box::pin(hashing.turn(one)))
            .collect();
        for one in &mut others {
            assert!(one.as_mut().now_or_never().is_none());
        }
        let mut known = Box::pin(hashing.turn(login(1, 0)));
        assert!(known.as_mut().now_or_never().is_none());
        drop(running);
        assert!(known.as_mut().now_or_never().is_some());
        // Of the others, logins have most of the turns.
        let mut order = Vec::new();
        while order.len() < 40 {
            for (at, other) in others.iter_mut().enumerate() {
                if order.contains(&at) {
                    continue;
                }
                if let Some(turn) = other.as_mut().now_or_never() {
                    order.push(at);
                    drop(turn);
                }
            }
        }
        let logins = order.iter().filter(|at| **at % 2 == 0).count();
        assert!((30..40).contains(&logins), "{logins} of 40");
    }

    /// When an address has been wrong too often, all that it still has in the queue is refused.
    #[tokio::test]
    async fn who_is_wrong_too_often_stands_back() {
        let hashing = Hashing::new(1);
        for _ in 1..10 {
            hashing.turn(login(1, 7)).await.ok().unwrap().wrong();
        }
        let last = hashing.turn(login(1, 7)).await.ok().unwrap();
        let mut waiting = [login(1, 7), login(1, 7), login(1, 8), login(2, 7)]
            .map(|one| Box::pin(hashing.turn(one)));
        assert!(waiting.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
        last.wrong();
        for one in &mut waiting[..2] {
            let refused = one.as_mut().now_or_never();
            assert!(matches!(refused, Some(Err(Refusal::TooOften))));
        }
        drop(last);
        // Neither another account nor another address is held to it.
        assert!(waiting[2].as_mut().now_or_never().unwrap().is_ok());
        assert!(waiting[3].as_mut().now_or_never().unwrap().is_ok());
        assert!(matches!(hashing.turn(login(1, 7)).await, Err(Refusal::TooOften)));
    }
}
