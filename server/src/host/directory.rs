//! Calls to the store from the runtime: on threads of their own, a bounded number at once, and in
//! order for each user.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adsum_tim::TimAuth;
use tokio::sync::{
    Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard, Notify, OwnedSemaphorePermit, Semaphore,
};

use super::attempts::{Applicant, Purpose};
use super::command::Node;
use super::hashing::{Hashing, PasswordCounts, Refusal};
use super::metrics::Metrics;
use super::peer::Peer;
use crate::store::{Access, Login, Relations, Store, StoreError};
use crate::tokens::{Account, TokenError, Tokens};

/// How many locks users share. Two users who share one merely wait for each other.
const LOCKS: usize = 1_024;
/// How many calls that only read run at once.
const READING: usize = 4;
/// How long a login waits for the roster before it takes the last known one.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many last known rosters are kept at most.
const KNOWN: usize = 20_000;

/// The store, and what is remembered of its answers.
pub(crate) struct Directory {
    store: Arc<dyn Store>,
    /// Who may, and whom they see: the store, or what asks somebody else.
    access: Arc<dyn Access>,
    /// Held from before something is read from the store until the engine's thread has been told
    /// of it, so that what the engine holds is never older than what it held.
    locks: Box<[AsyncMutex<()>]>,
    hasher: RandomState,
    hashing: Arc<Hashing>,
    reading: Arc<Semaphore>,
    asking: Arc<Semaphore>,
    writing: Arc<Semaphore>,
    caring: Arc<Semaphore>,
    /// When the newest look at the store's health began, and what it found.
    looked: AsyncMutex<Option<(Instant, bool)>>,
    known: Mutex<HashMap<Node, Arc<Relations>>>,
    tokens: Mutex<Tokens>,
    token_used: Notify,
    metrics: Arc<Metrics>,
}

/// The locks of one or two users, held until this is dropped.
pub(crate) struct UserLock<'a> {
    _first: AsyncMutexGuard<'a, ()>,
    _second: Option<AsyncMutexGuard<'a, ()>>,
}

/// The right to write, which one call has at a time.
pub(crate) struct Writing(#[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>);

impl Directory {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        access: Arc<dyn Access>,
        tokens: Tokens,
        password_workers: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        let mut tokens = tokens;
        match store.used_tokens(milliseconds()) {
            Ok(used) => tokens.remember(used),
            Err(error) => tracing::error!(%error, "used tokens may be used once more"),
        }
        Self {
            store,
            asking: Arc::new(Semaphore::new(access.at_once())),
            access,
            locks: (0..LOCKS).map(|_| AsyncMutex::new(())).collect(),
            hasher: RandomState::new(),
            hashing: Hashing::new(password_workers),
            reading: Arc::new(Semaphore::new(READING)),
            writing: Arc::new(Semaphore::new(1)),
            caring: Arc::new(Semaphore::new(1)),
            looked: AsyncMutex::default(),
            known: Mutex::default(),
            tokens: Mutex::new(tokens),
            token_used: Notify::new(),
            metrics,
        }
    }

    pub(crate) fn is_node(&self, node: &str) -> bool {
        self.store.is_node(node)
    }

    pub(crate) fn takes_tokens(&self) -> bool {
        self.access.takes_tokens()
    }

    pub(crate) fn keeps_lists(&self) -> bool {
        self.access.keeps_lists()
    }

    /// Waits until nobody else reads or changes this user's relations.
    pub(crate) async fn lock(&self, user: &str) -> UserLock<'_> {
        UserLock { _first: self.locks[self.lock_of(user)].lock().await, _second: None }
    }

    /// Returns a user's lock unless somebody else reads or changes the relations, or those of a
    /// user who shares the lock.
    pub(crate) fn try_lock(&self, user: &str) -> Option<UserLock<'_>> {
        let first = self.locks[self.lock_of(user)].try_lock().ok()?;
        Some(UserLock { _first: first, _second: None })
    }

    /// Waits until nobody else reads or changes these two users' relations.
    pub(crate) async fn lock_two(&self, one: &str, two: &str) -> UserLock<'_> {
        let (one, two) = (self.lock_of(one), self.lock_of(two));
        // In one order everywhere, so that no two tasks wait for each other for ever.
        let first = self.locks[one.min(two)].lock().await;
        let second = if one == two { None } else { Some(self.locks[one.max(two)].lock().await) };
        UserLock { _first: first, _second: second }
    }

    fn lock_of(&self, user: &str) -> usize {
        self.hasher.hash_one(user) as usize % LOCKS
    }

    /// Returns who wants a password to be hashed.
    pub(crate) fn applicant(
        &self,
        peer: Peer,
        name: &str,
        domain: &str,
        purpose: Purpose,
    ) -> Applicant {
        Applicant { peer, account: self.hashing.account(name, domain), purpose }
    }

    pub(crate) fn password_counts(&self) -> PasswordCounts {
        self.hashing.counts()
    }

    /// Makes a call that hashes a password, when it is this one's turn. A bounded number of them
    /// run, a bounded number wait, and the rest are refused at once.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        applicant: Applicant,
        call: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Result<T, StoreError>, Refusal> {
        let turn = self.hashing.turn(applicant).await?;
        let call = move |store: &dyn Store| {
            // Held until the call is over, even if the caller is gone.
            let turn = turn;
            let done = call(store);
            match &done {
                Ok(_) => turn.right(),
                Err(StoreError::Denied) => turn.wrong(),
                Err(_) => {}
            }
            done
        };
        Ok(self.blocking(call).await)
    }

    /// Makes a call that takes one short look at the store.
    pub(crate) async fn quick<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.call(&self.reading, call).await
    }

    /// Waits for the right to write, and until the store can be written to. To be had before any
    /// [lock](Self::lock): another process may keep a writer waiting for seconds, and no lock is
    /// held as long, which would keep those waiting who only read.
    pub(crate) async fn writing(&self) -> Result<Writing, StoreError> {
        // Whoever waits here answers no ping: not for as long as all before have to wait, each.
        let turn = tokio::time::timeout(PATIENCE, self.writing.clone().acquire_owned()).await;
        let Ok(turn) = turn else {
            self.metrics.store_failed();
            return Err(StoreError::Failed("others wait to write".into()));
        };
        let writing = Writing(turn.ok());
        self.blocking(|store| store.until_writable()).await?;
        Ok(writing)
    }

    /// Makes a call that writes.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        _: &Writing,
        call: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking(call).await
    }

    async fn call<T: Send + 'static>(
        &self,
        permits: &Arc<Semaphore>,
        call: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = permits.clone().acquire_owned().await;
        self.blocking(move |store| {
            // Held until the call is over, even if the caller is gone.
            let _permit = permit;
            call(store)
        })
        .await
    }

    /// Makes a call on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || call(store.as_ref()));
        let result = match done.await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Failed("the store panicked".into())),
        };
        if let Err(error) = &result
            && error.is_failure()
        {
            self.metrics.store_failed();
            tracing::error!(%error, "the store failed");
        }
        result
    }

    /// Returns whose credentials these are. A password is hashed when it is this one's turn; a
    /// token needs no hash.
    pub(crate) async fn login(
        &self,
        applicant: Applicant,
        auth: TimAuth,
    ) -> Result<Result<Login, StoreError>, Refusal> {
        if !self.takes_tokens() {
            let access = self.access.clone();
            return self.hash(applicant, move |_| access.login(&(&auth).into())).await;
        }
        let is_quick = self.access.is_quick(&(&auth).into());
        Ok(self.ask(is_quick, &self.reading, move |access| access.login(&(&auth).into())).await)
    }

    /// Asks who may what: at once, if that takes less time than a thread takes to wake.
    async fn ask<T: Send + 'static>(
        &self,
        is_quick: bool,
        permits: &Arc<Semaphore>,
        question: impl FnOnce(&dyn Access) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if is_quick {
            return question(self.access.as_ref());
        }
        let access = self.access.clone();
        self.call(permits, move |_| question(access.as_ref())).await
    }

    /// Returns a user's relations, or the last known ones if the store fails or is too slow. Needs
    /// the user's [lock](Self::lock).
    pub(crate) async fn relations(&self, user: &Node) -> Result<Arc<Relations>, StoreError> {
        if self.access.has_relations() {
            return self.access.relations(user).map(Arc::new);
        }
        let (node, access) = (user.clone(), self.access.clone());
        let call = self.call(&self.asking, move |_| access.relations(&node));
        let error = match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(relations)) => {
                let relations = Arc::new(relations);
                self.remember(user, relations.clone());
                return Ok(relations);
            }
            // A refusal is an answer too.
            Ok(Err(error)) if !error.is_failure() => return Err(error),
            Ok(Err(error)) => error,
            Err(_) => {
                self.metrics.store_failed();
                tracing::error!("the store takes too long to say who knows whom");
                StoreError::Failed("it takes too long".into())
            }
        };
        match self.known().get(user) {
            Some(known) => {
                tracing::warn!(%error, "the last known roster is used");
                Ok(known.clone())
            }
            None => Err(error),
        }
    }

    /// Keeps what the store said of a user, for when it does not answer.
    pub(crate) fn remember(&self, user: &Node, relations: Arc<Relations>) {
        let mut known = self.known();
        if known.len() >= KNOWN && !known.contains_key(user) {
            // Any will do: it is missed only if the store fails before it answers for it again.
            let other = known.keys().next().cloned();
            other.and_then(|other| known.remove(&other));
        }
        known.insert(user.clone(), relations);
    }

    /// Applies an edit to a user's last known roster too.
    pub(crate) fn edited(&self, user: &Node, change: impl FnOnce(&mut Relations)) {
        if let Some(relations) = self.known().get_mut(user) {
            change(Arc::make_mut(relations));
        }
    }

    /// Lets the store forget a user whose last session has ended.
    pub(crate) async fn release(&self, user: &Node) {
        let (user, is_quick) = (user.clone(), self.access.has_relations());
        let release = move |access: &dyn Access| {
            access.release(&user);
            Ok(())
        };
        // It cannot fail.
        let _ = self.ask(is_quick, &self.reading, release).await;
    }

    /// Returns whether the store can be read and written. All who ask while one looks have the
    /// answer of the next look together: a store that hangs takes each of them as long as one.
    pub(crate) async fn is_well(&self) -> bool {
        let asked = Instant::now();
        let look = async {
            let mut looked = self.looked.lock().await;
            if let Some((began, is_well)) = *looked
                && began >= asked
            {
                return is_well;
            }
            let began = Instant::now();
            let is_well = self.call(&self.caring, |store| store.health()).await.is_ok();
            *looked = Some((began, is_well));
            is_well
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap_or(false)
    }

    /// Erases what was overwritten. Returns at once where there is nothing to do.
    pub(crate) async fn erase(&self) {
        // A failure is logged, and what could not be erased is tried again.
        let _ = self.call(&self.caring, |store| store.erase()).await;
    }

    pub(crate) fn issue_token(&self, account: &Account) -> Result<String, TokenError> {
        self.tokens().issue(milliseconds(), account)
    }

    pub(crate) fn redeem_token(
        &self,
        name: &str,
        domain: &str,
        token: &str,
    ) -> Result<Account, TokenError> {
        let account = self.tokens().redeem(milliseconds(), name, domain, token)?;
        self.token_used.notify_one();
        Ok(account)
    }

    /// Waits until a token was used that is not saved.
    pub(crate) async fn token_used(&self) {
        self.token_used.notified().await;
    }

    /// Saves which tokens were used.
    pub(crate) async fn save_used_tokens(&self) -> Result<(), StoreError> {
        let used = self.tokens().take_unsaved();
        if used.is_empty() {
            return Ok(());
        }
        let saved = async {
            let writing = self.writing().await?;
            let to_save = used.clone();
            self.write(&writing, move |store| store.save_used_tokens(&to_save)).await
        };
        let saved = saved.await;
        if saved.is_err() {
            self.tokens().put_back(used);
            self.token_used.notify_one();
        }
        saved
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Node, Arc<Relations>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn milliseconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use adsum_tim::Secret;
    use futures_util::FutureExt as _;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;
    use crate::store::{Jwt, JwtKey, JwtOptions};

    /// There is no runtime here, so nothing can be asked on another thread.
    #[test]
    fn what_is_in_memory_is_answered_at_once() {
        let secret = [7; 32];
        let options = JwtOptions {
            key: JwtKey::Secret(secret.to_vec()),
            issuer: None,
            audience: None,
            leeway: 0,
            max_relations: 9,
        };
        let jwt = Arc::new(Jwt::new(options).unwrap());
        let (metrics, tokens) = (Arc::new(Metrics::new()), Tokens::new(&secret, 1, 1));
        let directory = Directory::new(jwt.clone(), jwt, tokens, 1, metrics);

        let claims = json!({"sub": "ann", "exp": u32::MAX, "adsum.contacts": ["bob"]});
        let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(&secret));
        let auth = TimAuth { token: token.ok().map(Secret), ..TimAuth::default() };
        let peer = Peer::of(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let applicant = directory.applicant(peer, "", "", Purpose::Login);
        let login = directory.login(applicant, auth).now_or_never().expect("waited for");
        assert_eq!(login.ok().unwrap().unwrap().node, "ann");

        let ann = Node::from("ann");
        let lock = directory.lock(&ann).now_or_never();
        assert!(lock.is_some() && directory.try_lock(&ann).is_none());
        drop(lock);
        assert!(directory.try_lock(&ann).is_some());
        let relations = directory.relations(&ann).now_or_never().expect("waited for");
        assert_eq!(relations.unwrap().friends, ["bob"]);
        directory.release(&ann).now_or_never().expect("waited for");
        let relations = directory.relations(&ann).now_or_never().expect("waited for");
        assert!(matches!(relations, Err(StoreError::NoAccount)));
    }
}
