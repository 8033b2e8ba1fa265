//! The store, opened as the settings say.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::settings::{Accounts, Config, StoreKind};
use crate::store::{Cost, Jwt, JwtKey, JwtOptions, Sqlite, SqliteOptions, Store, StoreError};

/// Why the store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// A file cannot be read, or does not hold what it should.
    #[error("{key} = {}: {error}", path.display())]
    File {
        /// The setting that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A setting has a value that the store does not take.
    #[error("the store cannot be opened: {0}")]
    Setting(#[from] StoreError),
}

impl OpenStoreError {
    /// Returns the key of the setting that it is about, if it is about one.
    #[must_use]
    pub const fn key(&self) -> Option<&'static str> {
        match self {
            Self::File { key, .. } => Some(key),
            Self::Setting(_) => None,
        }
    }

    pub(super) fn file(
        key: &'static str,
        path: &Path,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::File { key, path: path.to_owned(), error: error.into() }
    }
}

impl Config {
    /// Opens the store: of a demonstration one in memory, where accounts cost next to nothing.
    ///
    /// # Errors
    /// See [`OpenStoreError`].
    pub fn open_store(&self) -> Result<Arc<dyn Store>, OpenStoreError> {
        if !self.services.demo {
            return self.accounts.open_store();
        }
        let cost = Cost { memory_kib: 8, passes: 1 };
        let options = SqliteOptions { cost, ..SqliteOptions::default() };
        Ok(Arc::new(Sqlite::in_memory(options)?))
    }
}

impl Accounts {
    /// Opens the store.
    ///
    /// # Errors
    /// See [`OpenStoreError`].
    pub fn open_store(&self) -> Result<Arc<dyn Store>, OpenStoreError> {
        Ok(match self.store {
            StoreKind::Sqlite => Arc::new(self.open_sqlite()?),
            StoreKind::Jwt => Arc::new(self.open_jwt()?),
        })
    }

    fn open_sqlite(&self) -> Result<Sqlite, OpenStoreError> {
        let cost = Cost { memory_kib: self.password_memory_kib, passes: self.password_passes };
        let options = SqliteOptions {
            cost,
            max_relations: self.max_relations,
            max_requests: self.max_requests,
            fold_case: self.names_fold_case,
        };
        Sqlite::open_alone(&self.store_path, options).map_err(|error| match error {
            StoreError::Failed(why) => OpenStoreError::file("store_path", &self.store_path, why),
            error => error.into(),
        })
    }

    fn open_jwt(&self) -> Result<Jwt, OpenStoreError> {
        let options = |key| JwtOptions {
            key,
            issuer: self.jwt_issuer.clone(),
            audience: self.jwt_audience.clone(),
            leeway: self.jwt_leeway_s,
            max_relations: self.max_relations,
        };
        let of_file = |name, path: &Path, key| {
            Jwt::new(options(key)).map_err(|error| match error {
                StoreError::Failed(why) => OpenStoreError::file(name, path, why),
                error => OpenStoreError::file(name, path, error),
            })
        };
        match (&self.jwt_secret, &self.jwt_public_key, &self.jwt_keys) {
            (Some(secret), ..) => {
                let key = JwtKey::Secret(secret.0.clone().into_bytes());
                Ok(Jwt::new(options(key))?)
            }
            (None, Some(path), _) => {
                let name = "jwt_public_key";
                let pem =
                    fs::read(path).map_err(|error| OpenStoreError::file(name, path, error))?;
                of_file(name, path, JwtKey::PublicPem(pem))
            }
            (None, None, Some(path)) => of_file("jwt_keys", path, JwtKey::SetFile(path.clone())),
            (None, None, None) => Err(StoreError::Invalid("key for tokens: there is none").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use adsum_tim::Secret;

    use super::*;

    fn accounts(folder: &Path) -> Accounts {
        Accounts {
            store_path: folder.join("a.db"),
            password_memory_kib: 8,
            password_passes: 1,
            ..Accounts::default()
        }
    }

    fn error_of(accounts: &Accounts) -> String {
        accounts.open_store().err().expect("it is not opened").to_string()
    }

    #[test]
    fn either_store_opens() {
        let folder = tempfile::tempdir().unwrap();
        let mut accounts = accounts(folder.path());
        assert!(!accounts.open_store().unwrap().takes_tokens());
        assert!(accounts.store_path.exists());
        accounts.store = StoreKind::Jwt;
        assert!(error_of(&accounts).contains("key for tokens"));
        accounts.jwt_secret = Some(Secret("x".repeat(32)));
        assert!(accounts.open_store().unwrap().takes_tokens());
    }

    #[test]
    fn errors_name_the_setting_and_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut accounts = accounts(folder.path());
        let file = |name: &str| folder.path().join(name);
        let named = |key: &str, name: &str| format!("{key} = {}: ", file(name).display());

        fs::write(file("text"), "no database, and longer than the head of one would be").unwrap();
        accounts.store_path = file("text");
        let error = error_of(&accounts);
        assert!(error.starts_with(&named("store_path", "text")), "{error}");
        accounts.store_path = file("text").join("below a file");
        let error = error_of(&accounts);
        assert!(error.starts_with(&named("store_path", "text/below a file")), "{error}");
        // Once: the store itself does not name the file again.
        assert_eq!(error.matches("below a file").count(), 1, "{error}");

        accounts.store = StoreKind::Jwt;
        accounts.jwt_public_key = Some(file("no such key"));
        let error = error_of(&accounts);
        assert!(error.starts_with(&named("jwt_public_key", "no such key")), "{error}");
        accounts.jwt_public_key = Some(file("text"));
        let error = error_of(&accounts);
        assert_eq!(error, named("jwt_public_key", "text") + "not a valid public key in PEM");
        accounts.jwt_public_key = None;
        for (name, what) in [("text", "not a valid JWK Set"), ("no such keys", "No such file")] {
            accounts.jwt_keys = Some(file(name));
            let error = error_of(&accounts);
            assert!(error.starts_with(&(named("jwt_keys", name) + what)), "{error}");
        }
    }
}
