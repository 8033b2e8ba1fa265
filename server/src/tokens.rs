//! Login tokens that work once.
//!
//! An account that has shown who it is may ask for a token and log in with it later, without its
//! password; or hand it to another part of its application. A token says whose it is and until
//! when, and is signed with a key that only this server has, so that nothing needs to be kept of it
//! until it is used, and it outlives a restart. The ids of used ones are remembered until they
//! would have expired; the host keeps them over a restart too.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// What the form of a token is known by.
const VERSION: u8 = 1;
const ID: usize = 12;
const SIGNATURE: usize = 32;
/// The longest token in bytes that is looked at: an id, a name and a domain at their longest.
const MAX_TOKEN: usize = 1_024;
/// How many tokens of one account may be used in a lifetime.
const MAX_PER_ACCOUNT: u32 = 1_000;

/// Issues tokens, and knows which were used.
pub struct Tokens {
    key: hmac::Key,
    lifetime_ms: u64,
    capacity: usize,
    /// The used ones in the order in which they expire, each with its account.
    used: BTreeMap<(u64, TokenId), OwnerHash>,
    of_account: HashMap<OwnerHash, u32>,
    unsaved: Vec<UsedToken>,
    hasher: RandomState,
    now: u64,
}

type TokenId = [u8; ID];
type OwnerHash = u64;

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

/// A token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedToken {
    /// Its id.
    pub id: [u8; ID],
    /// When it would have expired, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// Why there is no token, or why one is not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// As many as may be were used in a lifetime, by this account or by all.
    #[error("too many tokens were used")]
    Full,
    /// It was not issued here, or to somebody else, or has expired or been used.
    #[error("not a good token")]
    NotGood,
    /// The operating system gives no random numbers.
    #[error("no random numbers")]
    NoRandom,
}

impl Tokens {
    /// Returns what issues tokens that live `lifetime_ms`, of which at most `capacity` may be used
    /// in that time, signed with this key: whoever has it can log in as anybody.
    #[must_use]
    pub fn new(key: &[u8], lifetime_ms: u64, capacity: usize) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            lifetime_ms,
            capacity,
            used: BTreeMap::new(),
            of_account: HashMap::new(),
            unsaved: Vec::new(),
            hasher: RandomState::new(),
            now: 0,
        }
    }

    /// Returns a new token for an account, which has shown that it is that account. `now` is in
    /// milliseconds since 1970; going backwards has no effect.
    ///
    /// # Errors
    /// [`TokenError::NoRandom`].
    pub fn issue(&mut self, now: u64, account: &Account) -> Result<String, TokenError> {
        self.expire(now);
        let mut id = [0; ID];
        getrandom::fill(&mut id).map_err(|_| TokenError::NoRandom)?;
        let expires = self.now.saturating_add(self.lifetime_ms);
        let mut token = vec![VERSION];
        token.extend(id);
        token.extend(expires.to_be_bytes());
        for part in [&account.node, &account.name, &account.domain] {
            token.extend((part.len() as u16).to_be_bytes());
            token.extend(part.as_bytes());
        }
        let signature = hmac::sign(&self.key, &token);
        token.extend(signature.as_ref());
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// Uses a token up, and returns the account that it was issued to.
    ///
    /// Name and domain must be those it was issued for, but where both are empty they stand for
    /// whoever the token says: tim's JavaScript client sends none with a token. A token shown for
    /// another account stays as it was.
    ///
    /// # Errors
    /// [`TokenError::NotGood`], [`TokenError::Full`].
    pub fn redeem(
        &mut self,
        now: u64,
        name: &str,
        domain: &str,
        token: &str,
    ) -> Result<Account, TokenError> {
        self.expire(now);
        let (used, account) = self.read(token).ok_or(TokenError::NotGood)?;
        let anyone = name.is_empty() && domain.is_empty();
        let whose = account.name.as_bytes().ct_eq(name.as_bytes())
            & account.domain.as_bytes().ct_eq(domain.as_bytes());
        let place = (used.expires_ms, used.id);
        let is_good = bool::from(whose | u8::from(anyone).into()) && used.expires_ms > self.now;
        if !is_good || self.used.contains_key(&place) {
            return Err(TokenError::NotGood);
        }
        let owner = self.hasher.hash_one(&account.node);
        let count = self.of_account.get(&owner).copied().unwrap_or(0);
        if self.used.len() >= self.capacity || count >= MAX_PER_ACCOUNT {
            return Err(TokenError::Full);
        }
        self.of_account.insert(owner, count + 1);
        self.used.insert(place, owner);
        self.unsaved.push(used);
        Ok(account)
    }

    /// Returns the tokens that were used since the last call, for the host to save.
    pub fn take_unsaved(&mut self) -> Vec<UsedToken> {
        std::mem::take(&mut self.unsaved)
    }

    /// Takes back what could not be saved.
    pub fn put_back(&mut self, mut unsaved: Vec<UsedToken>) {
        unsaved.append(&mut self.unsaved);
        self.unsaved = unsaved;
    }

    /// Notes tokens that were used before a restart. They count for no account.
    pub fn remember(&mut self, used: impl IntoIterator<Item = UsedToken>) {
        let nobody = self.hasher.hash_one("");
        self.used.extend(used.into_iter().map(|used| ((used.expires_ms, used.id), nobody)));
    }

    /// Returns what a token says, if it was signed here.
    fn read(&self, token: &str) -> Option<(UsedToken, Account)> {
        // Exactly as issued: the decoder takes no other spelling of the same bytes.
        let bytes = (token.len() <= MAX_TOKEN).then(|| URL_SAFE_NO_PAD.decode(token).ok())??;
        let (said, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        hmac::verify(&self.key, said, signature).ok()?;
        let (version, rest) = said.split_first()?;
        let (id, rest) = rest.split_first_chunk::<ID>()?;
        let (expires, mut rest) = rest.split_first_chunk::<8>()?;
        let mut part = || {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (text, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            rest = after;
            String::from_utf8(text.to_vec()).ok()
        };
        let account = Account { node: part()?, name: part()?, domain: part()? };
        let used = UsedToken { id: *id, expires_ms: u64::from_be_bytes(*expires) };
        (*version == VERSION).then_some((used, account))
    }

    fn expire(&mut self, now: u64) {
        self.now = self.now.max(now);
        while let Some(first) = self.used.first_entry().filter(|first| first.key().0 <= self.now) {
            let owner = first.remove();
            if let Some(count) = self.of_account.get_mut(&owner) {
                *count -= 1;
                if *count == 0 {
                    self.of_account.remove(&owner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key of the tests, of which there is one";
    const NOT_GOOD: Result<Account, TokenError> = Err(TokenError::NotGood);

    fn tokens(lifetime_ms: u64) -> Tokens {
        Tokens::new(KEY, lifetime_ms, 100)
    }

    fn account(name: &str) -> Account {
        Account { node: format!("node of {name}"), name: name.to_owned(), domain: "dom".to_owned() }
    }

    #[test]
    fn a_token_works_once_and_for_its_account_only() {
        let mut tokens = tokens(10_000);
        let token = tokens.issue(0, &account("alice")).unwrap();
        for (name, domain) in [("bob", "dom"), ("alice", "other"), ("alice", ""), ("", "other")] {
            assert_eq!(tokens.redeem(1, name, domain, &token), NOT_GOOD, "{name} in {domain}");
        }
        assert_eq!(tokens.redeem(1, "alice", "dom", &token), Ok(account("alice")));
        assert_eq!(tokens.redeem(1, "alice", "dom", &token), NOT_GOOD);
    }

    #[test]
    fn without_a_name_it_is_its_own_account() {
        let mut tokens = tokens(10_000);
        let token = tokens.issue(0, &account("alice")).unwrap();
        assert_eq!(tokens.redeem(1, "", "", &token), Ok(account("alice")));
        assert_eq!(tokens.redeem(1, "", "", &token), NOT_GOOD);
    }

    #[test]
    fn it_lives_as_long_as_it_was_said_and_not_a_millisecond_longer() {
        let mut tokens = tokens(10_000);
        let [first, second] = [0, 0].map(|at| tokens.issue(at, &account("alice")).unwrap());
        assert!(tokens.redeem(9_999, "alice", "dom", &first).is_ok());
        assert_eq!(tokens.redeem(10_000, "alice", "dom", &second), NOT_GOOD);
        // A clock that goes back brings nothing back.
        assert_eq!(tokens.redeem(1, "alice", "dom", &second), NOT_GOOD);
        assert!(tokens.used.is_empty() && tokens.of_account.is_empty());
        let third = tokens.issue(1, &account("alice")).unwrap();
        assert!(tokens.redeem(19_999, "alice", "dom", &third).is_ok());
    }

    #[test]
    fn one_wrong_character_anywhere_is_wrong() {
        let mut tokens = tokens(10_000);
        let token = tokens.issue(0, &account("alice")).unwrap();
        for at in 0..token.len() {
            let mut wrong = token.clone().into_bytes();
            wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(tokens.redeem(1, "alice", "dom", &wrong), NOT_GOOD, "{at}");
        }
        let long = "A".repeat(MAX_TOKEN + 4);
        for wrong in
            ["", "A", &token[1..], &format!("{token}A"), &format!("{token}="), "3QuAgjtb7WH", &long]
        {
            assert_eq!(tokens.redeem(1, "alice", "dom", wrong), NOT_GOOD);
        }
        assert!(tokens.redeem(1, "alice", "dom", &token).is_ok());
    }

    /// It is good where it was not issued, if the key is the same; and what was used there is used.
    #[test]
    fn it_outlives_who_issued_it() {
        let mut before = tokens(10_000);
        let [used, unused] = [0, 0].map(|at| before.issue(at, &account("alice")).unwrap());
        before.redeem(1, "alice", "dom", &used).unwrap();
        let unsaved = before.take_unsaved();
        assert_eq!((unsaved.len(), before.take_unsaved().len()), (1, 0));
        let mut after = tokens(10_000);
        after.remember(unsaved);
        assert_eq!(after.redeem(2, "alice", "dom", &used), NOT_GOOD);
        assert_eq!(after.redeem(2, "alice", "dom", &unused), Ok(account("alice")));
        let mut another = Tokens::new(b"another key of the tests than theirs", 10_000, 100);
        assert_eq!(another.redeem(2, "alice", "dom", &unused), NOT_GOOD);
    }

    #[test]
    fn what_could_not_be_saved_is_not_forgotten() {
        let mut tokens = tokens(10_000);
        let mut used = || {
            let token = tokens.issue(0, &account("alice")).unwrap();
            tokens.redeem(0, "alice", "dom", &token).unwrap();
            tokens.take_unsaved()
        };
        let (first, second) = (used(), used());
        tokens.put_back(second.clone());
        tokens.put_back(first.clone());
        assert_eq!(tokens.take_unsaved(), [first, second].concat());
    }

    #[test]
    fn no_more_than_so_many_are_used_in_a_lifetime() {
        let mut tokens = Tokens::new(KEY, 1_000, 3);
        let mut use_one = |at, name| {
            let token = tokens.issue(at, &account(name)).unwrap();
            tokens.redeem(at, name, "dom", &token).map(|account| account.name)
        };
        for at in [0, 1, 2] {
            use_one(at, "alice").unwrap();
        }
        assert_eq!(use_one(999, "bob"), Err(TokenError::Full));
        use_one(1_000, "bob").unwrap();
        assert_eq!(use_one(1_000, "bob"), Err(TokenError::Full));
        // Nobody uses them all up for others.
        let mut tokens = Tokens::new(KEY, 1_000, usize::MAX);
        let mut use_one = |name| {
            let token = tokens.issue(0, &account(name)).unwrap();
            tokens.redeem(0, name, "dom", &token).map(drop)
        };
        for _ in 0..MAX_PER_ACCOUNT {
            use_one("alice").unwrap();
        }
        assert_eq!(use_one("alice"), Err(TokenError::Full));
        assert_eq!(use_one("bob"), Ok(()));
    }

    #[test]
    fn the_longest_names_have_room_and_no_two_tokens_are_the_same() {
        let mut tokens = tokens(1_000);
        let [node, name, domain] = [64, 256, 256].map(|length| "n".repeat(length));
        let longest = Account { node, name, domain };
        let token = tokens.issue(0, &longest).unwrap();
        assert!(token.len() <= MAX_TOKEN, "{}", token.len());
        assert_eq!(tokens.redeem(0, "", "", &token), Ok(longest));
        let mut all: Vec<_> =
            (0..1_000).map(|_| tokens.issue(0, &account("alice")).unwrap()).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 1_000);
    }
}
