//! Passwords, kept as argon2id hashes.
//!
//! Hashing is slow on purpose: tens of milliseconds and megabytes each. It touches no store, so
//! that it can run on a pool of its own, as many at once as the host allows.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq as _;

use super::error::StoreError;

/// The longest password in bytes: argon2 takes more, but a frame may hold megabytes.
const MAX_PASSWORD: usize = 1_024;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB: 8 to 1,048,576. Default: 19,456, the least that is recommended today.
    pub memory_kib: u32,
    /// Passes over that memory: 1 to 100. Default: 2.
    pub passes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2 }
    }
}

/// The length of a salt and of a hash, in bytes.
const SALT: usize = 16;
const HASH: usize = 32;

/// Makes and checks hashes.
pub struct Passwords {
    params: Params,
    /// Memory to hash in: as many buffers as were ever in use at once. It is kept, because the
    /// system's allocator gives each thread's part back late or never, and there are many threads.
    buffers: Mutex<Vec<Vec<Block>>>,
    /// The hash of no account's password.
    decoy: String,
}

impl Passwords {
    /// Returns what hashes at this cost. Hashes made at another cost can be checked all the same:
    /// each states its own.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the cost is out of range, [`StoreError::Failed`] without random
    /// numbers.
    pub fn new(cost: Cost) -> Result<Self, StoreError> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None)
            .map_err(|_| StoreError::Invalid("cost of a password hash"))?;
        let mut this = Self { params, buffers: Mutex::default(), decoy: String::new() };
        this.decoy = this.hash("nobody's password")?;
        Ok(this)
    }

    /// Returns the hash of a password, with a salt of its own. Slow.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if it is empty or longer than 1,024 bytes, [`StoreError::Failed`]
    /// without random numbers or memory.
    pub fn hash(&self, password: &str) -> Result<String, StoreError> {
        if password.is_empty() || password.len() > MAX_PASSWORD {
            return Err(StoreError::Invalid("password"));
        }
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(StoreError::failed)?;
        let (version, mut output) = (Version::V0x13, [0; HASH]);
        let argon2 = Argon2::new(Algorithm::Argon2id, version, self.params.clone());
        self.hash_into(&argon2, password, &salt, &mut output)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&self.params).map_err(failed)?,
            salt: Some(Salt::new(&salt).map_err(failed)?),
            hash: Some(Output::new(&output).map_err(failed)?),
        };
        Ok(hash.to_string())
    }

    /// Returns whether this is the password of that hash. Without a hash (no such account) the
    /// answer is no, and takes as long. Slow, and compares in constant time.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the hash is none, or without memory.
    pub fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, StoreError> {
        if password.len() > MAX_PASSWORD {
            return Ok(false);
        }
        let known = PasswordHash::new(hash.unwrap_or(&self.decoy)).map_err(failed)?;
        let (Some(salt), Some(output)) = (known.salt, known.hash) else {
            return Err(StoreError::failed("a hash without salt or value"));
        };
        let algorithm = Algorithm::try_from(known.algorithm.as_str()).map_err(failed)?;
        let version = known.version.map_or(Ok(Version::V0x13), Version::try_from);
        let params = Params::try_from(&known).map_err(failed)?;
        let argon2 = Argon2::new(algorithm, version.map_err(failed)?, params);
        let mut given = vec![0; output.len()];
        self.hash_into(&argon2, password, &salt, &mut given)?;
        let is_it = bool::from(given.ct_eq(output.as_bytes()));
        Ok(is_it && hash.is_some())
    }

    fn hash_into(
        &self,
        argon2: &Argon2<'_>,
        password: &str,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), StoreError> {
        let blocks = argon2.params().block_count();
        let mut buffer = self.buffers().pop().unwrap_or_default();
        // One of another cost, of before a change of the settings, may need more.
        buffer.resize(blocks.max(buffer.len()), Block::new());
        let password = password.as_bytes();
        let done =
            argon2.hash_password_into_with_memory(password, salt, output, &mut buffer[..blocks]);
        self.buffers().push(buffer);
        done.map_err(failed)
    }

    fn buffers(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let passwords = Passwords::new(CHEAP).unwrap();
        let hash = passwords.hash("correct horse 😄").unwrap();
        assert!(passwords.verify("correct horse 😄", Some(&hash)).unwrap());
        for wrong in ["", "correct horse", "Correct horse 😄", "correct horse 😄 "] {
            assert!(!passwords.verify(wrong, Some(&hash)).unwrap(), "{wrong}");
        }
    }

    #[test]
    fn two_hashes_of_one_password_differ_and_none_holds_it() {
        let passwords = Passwords::new(CHEAP).unwrap();
        let [one, two] = [(); 2].map(|()| passwords.hash("secret").unwrap());
        assert_ne!(one, two);
        assert!(one.starts_with("$argon2id$v=19$m=8,t=1,p=1$") && !one.contains("secret"), "{one}");
    }

    #[test]
    fn without_an_account_the_answer_is_no_even_to_the_decoy() {
        let passwords = Passwords::new(CHEAP).unwrap();
        assert!(!passwords.verify("nobody's password", None).unwrap());
        assert!(!passwords.verify("", None).unwrap());
    }

    #[test]
    fn hashes_of_another_cost_stay_good() {
        let before = Passwords::new(CHEAP).unwrap().hash("secret").unwrap();
        let after = Passwords::new(Cost { memory_kib: 16, passes: 2 }).unwrap();
        assert!(after.verify("secret", Some(&before)).unwrap());
        assert!(!after.verify("other", Some(&before)).unwrap());
    }

    /// A hash that the library itself made is known, and it knows those made here.
    #[test]
    fn hashes_are_the_librarys() {
        use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
        let passwords = Passwords::new(CHEAP).unwrap();
        let library = Argon2::default();
        let theirs = library.hash_password(b"secret").unwrap().to_string();
        assert!(passwords.verify("secret", Some(&theirs)).unwrap());
        assert!(!passwords.verify("other", Some(&theirs)).unwrap());
        let ours = passwords.hash("secret").unwrap();
        let ours = PasswordHash::new(&ours).unwrap();
        library.verify_password(b"secret", &ours).unwrap();
        library.verify_password(b"other", &ours).unwrap_err();
    }

    #[test]
    fn what_is_no_password_is_refused() {
        let passwords = Passwords::new(CHEAP).unwrap();
        for wrong in [String::new(), "x".repeat(MAX_PASSWORD + 1)] {
            assert!(matches!(passwords.hash(&wrong), Err(StoreError::Invalid("password"))));
            assert!(!passwords.verify(&wrong, None).unwrap());
        }
        assert!(passwords.hash(&"x".repeat(MAX_PASSWORD)).is_ok());
        assert!(passwords.verify("x", Some("no hash")).unwrap_err().is_failure());
        assert!(Passwords::new(Cost { memory_kib: 0, passes: 1 }).is_err());
    }
}
