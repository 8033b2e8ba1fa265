//! Passwords, kept as argon2id hashes.
//!
//! Hashing is slow on purpose: tens of milliseconds and megabytes each. It touches no store, so
//! that it can run on a pool of its own, as many at once as the host allows.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

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

/// Makes and checks hashes.
pub struct Passwords {
    argon2: Argon2<'static>,
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
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "nobody's password")?;
        Ok(Self { argon2, decoy })
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
        hash(&self.argon2, password)
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
        match self.argon2.verify_password(password.as_bytes(), &known) {
            Ok(()) => Ok(hash.is_some()),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, StoreError> {
    let hash = argon2.hash_password(password.as_bytes()).map_err(failed)?;
    Ok(hash.to_string())
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
