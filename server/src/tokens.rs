//! Login tokens that work once.
//!
//! An account that has shown its password may ask for a token and hand it to another part of its
//! application, which logs in with it. Tokens are kept in memory only.

use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// The first bytes of a token find it; they are no secret from whoever measures time.
const SELECTOR: usize = 8;
/// The rest, 128 bits, is what must be known; it is compared in constant time.
const VERIFIER: usize = 16;

/// The tokens that were issued and neither used nor expired.
pub struct Tokens {
    lifetime_ms: u64,
    capacity: usize,
    open: HashMap<[u8; SELECTOR], Open>,
    /// Expiries in order, used tokens included: all live equally long.
    expiries: VecDeque<(u64, [u8; SELECTOR])>,
    now: u64,
}

struct Open {
    verifier: [u8; VERIFIER],
    account: Account,
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account's id.
    pub node: String,
    /// The name it logs in with.
    pub name: String,
    /// Its domain; empty if it has none.
    pub domain: String,
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// As many as may be are out. Nothing has changed.
    #[error("too many tokens are out")]
    Full,
    /// The operating system gives no random numbers. Nothing has changed.
    #[error("no random numbers")]
    NoRandom,
}

impl Tokens {
    /// Tokens that live `lifetime_ms`, of which at most `capacity` may be issued in that time.
    #[must_use]
    pub fn new(lifetime_ms: u64, capacity: usize) -> Self {
        Self { lifetime_ms, capacity, open: HashMap::new(), expiries: VecDeque::new(), now: 0 }
    }

    /// A new token for an account, which has shown that it is that account. `now` is in
    /// milliseconds from any origin, the same in every call; going backwards has no effect.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn issue(&mut self, now: u64, account: Account) -> Result<String, TokenError> {
        self.expire(now);
        if self.expiries.len() >= self.capacity {
            return Err(TokenError::Full);
        }
        let mut random = [0; SELECTOR + VERIFIER];
        getrandom::fill(&mut random).map_err(|_| TokenError::NoRandom)?;
        let (selector, verifier) = split(&random);
        self.expiries.push_back((self.now.saturating_add(self.lifetime_ms), selector));
        self.open.insert(selector, Open { verifier, account });
        Ok(URL_SAFE_NO_PAD.encode(random))
    }

    /// Uses a token up: the account it was issued to, if it is that one's and still good.
    ///
    /// Name and domain must be those it was issued for, but a name that is empty stands for
    /// whoever the token says: tim's JavaScript client sends none with a token. A token shown for
    /// another account stays as it was.
    #[must_use]
    pub fn redeem(&mut self, now: u64, name: &str, domain: &str, token: &str) -> Option<Account> {
        self.expire(now);
        // Exactly as issued: the decoder takes no other spelling of the same bytes.
        let mut random = [0; SELECTOR + VERIFIER];
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut random).ok()?;
        if length != random.len() {
            return None;
        }
        let (selector, verifier) = split(&random);
        let open = self.open.get(&selector)?;
        let anyone = name.is_empty() && domain.is_empty();
        let account = &open.account;
        let same = verifier.ct_eq(&open.verifier);
        let whose = account.name.as_bytes().ct_eq(name.as_bytes())
            & account.domain.as_bytes().ct_eq(domain.as_bytes());
        if bool::from(same & (whose | u8::from(anyone).into())) {
            self.open.remove(&selector).map(|open| open.account)
        } else {
            None
        }
    }

    /// How many could still be used, as of the last call.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    fn expire(&mut self, now: u64) {
        self.now = self.now.max(now);
        while let Some((_, selector)) = self.expiries.front().filter(|(at, _)| *at <= self.now) {
            self.open.remove(selector);
            self.expiries.pop_front();
        }
    }
}

fn split(random: &[u8; SELECTOR + VERIFIER]) -> ([u8; SELECTOR], [u8; VERIFIER]) {
    let mut selector = [0; SELECTOR];
    let mut verifier = [0; VERIFIER];
    selector.copy_from_slice(&random[..SELECTOR]);
    verifier.copy_from_slice(&random[SELECTOR..]);
    (selector, verifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> Account {
        Account { node: format!("node of {name}"), name: name.to_owned(), domain: "dom".to_owned() }
    }

    #[test]
    fn a_token_works_once_and_for_its_account_only() {
        let mut tokens = Tokens::new(10_000, 100);
        let token = tokens.issue(0, account("alice")).unwrap();
        assert_eq!(tokens.redeem(1, "bob", "dom", &token), None);
        assert_eq!(tokens.redeem(1, "alice", "other", &token), None);
        assert_eq!(tokens.redeem(1, "alice", "", &token), None);
        assert_eq!(tokens.redeem(1, "", "other", &token), None);
        assert_eq!(tokens.redeem(1, "alice", "dom", &token), Some(account("alice")));
        assert_eq!(tokens.redeem(1, "alice", "dom", &token), None);
    }

    #[test]
    fn without_a_name_it_is_its_own_account() {
        let mut tokens = Tokens::new(10_000, 100);
        let token = tokens.issue(0, account("alice")).unwrap();
        assert_eq!(tokens.redeem(1, "", "", &token), Some(account("alice")));
        assert_eq!(tokens.redeem(1, "", "", &token), None);
    }

    #[test]
    fn it_lives_as_long_as_it_was_said_and_not_a_millisecond_longer() {
        let mut tokens = Tokens::new(10_000, 100);
        let [first, second] = [0, 0].map(|at| tokens.issue(at, account("alice")).unwrap());
        assert!(tokens.redeem(9_999, "alice", "dom", &first).is_some());
        assert_eq!(tokens.redeem(10_000, "alice", "dom", &second), None);
        // A clock that goes back brings nothing back.
        assert_eq!(tokens.redeem(1, "alice", "dom", &second), None);
        assert_eq!(tokens.open(), 0);
        let third = tokens.issue(1, account("alice")).unwrap();
        assert!(tokens.redeem(19_999, "alice", "dom", &third).is_some());
    }

    #[test]
    fn one_wrong_character_anywhere_is_wrong() {
        let mut tokens = Tokens::new(10_000, 100);
        let token = tokens.issue(0, account("alice")).unwrap();
        for at in 0..token.len() {
            let mut wrong = token.clone().into_bytes();
            wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(tokens.redeem(1, "alice", "dom", &wrong), None, "{at}");
        }
        for wrong in
            ["", "A", &token[1..], &format!("{token}A"), &format!("{token}="), "3QuAgjtb7WH"]
        {
            assert_eq!(tokens.redeem(1, "alice", "dom", wrong), None);
        }
        assert!(tokens.redeem(1, "alice", "dom", &token).is_some());
    }

    #[test]
    fn no_more_than_so_many_in_a_lifetime() {
        let mut tokens = Tokens::new(1_000, 3);
        for at in [0, 1, 2] {
            tokens.issue(at, account("alice")).unwrap();
        }
        assert_eq!(tokens.issue(999, account("alice")), Err(TokenError::Full));
        let token = tokens.issue(1_000, account("alice")).unwrap();
        assert_eq!(tokens.open(), 3);
        // A used one counts until it would have expired, so memory is bounded either way.
        assert!(tokens.redeem(1_000, "alice", "dom", &token).is_some());
        assert_eq!(tokens.issue(1_000, account("alice")), Err(TokenError::Full));
        assert!(tokens.issue(1_001, account("alice")).is_ok());
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let mut tokens = Tokens::new(1_000, 1_000);
        let mut all: Vec<_> =
            (0..1_000).map(|_| tokens.issue(0, account("alice")).unwrap()).collect();
        assert!(all.iter().all(|token| token.len() == 32));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 1_000);
    }
}
