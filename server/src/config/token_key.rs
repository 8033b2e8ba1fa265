//! The key that login tokens are signed with: given, or kept in a file.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use adsum_tim::Secret;

use super::open_store::OpenStoreError;
use super::secret_file;
use super::settings::{Accounts, StoreKind};

/// The least length of a key.
const LEAST: usize = 32;

impl Accounts {
    /// Returns the key that login tokens are signed with: the one that is given, or the one in its
    /// file, which is made on first use, readable by its owner only. `None` where another service
    /// issues tokens. Whoever calls this is alone with the store.
    ///
    /// # Errors
    /// [`OpenStoreError::File`].
    pub fn load_token_key(&self) -> Result<Option<Secret>, OpenStoreError> {
        if self.store != StoreKind::Sqlite {
            return Ok(None);
        }
        if let Some(key) = &self.token_key {
            return Ok(Some(key.clone()));
        }
        let path = self.token_key_path();
        let key = match secret_file::read(&path, LEAST, "log in as anybody") {
            Ok(None) => make(&path).map_err(Into::into),
            Ok(Some(key)) => Ok(key),
            Err(error) => Err(error),
        };
        key.map(Some).map_err(|error| OpenStoreError::file("token_key_file", &path, error))
    }

    fn token_key_path(&self) -> PathBuf {
        self.token_key_file.clone().unwrap_or_else(|| {
            let mut path = OsString::from(&self.store_path);
            path.push(".token-key");
            path.into()
        })
    }
}

/// Makes a key, and its file as a whole: a process that is killed meanwhile leaves no half of it.
fn make(path: &Path) -> io::Result<Secret> {
    let mut random = [0; LEAST];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let key: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut partial = OsString::from(path);
    partial.push(".new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    Ok(key.as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(folder: &Path) -> Accounts {
        Accounts { store_path: folder.join("a.db"), ..Accounts::default() }
    }

    #[test]
    fn a_key_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut accounts = accounts(folder.path());
        let first = accounts.load_token_key().unwrap().unwrap();
        assert!(first.0.len() >= LEAST);
        assert_eq!(accounts.load_token_key().unwrap(), Some(first.clone()));
        let names = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["a.db.token-key"]);
        accounts.token_key_file = Some(folder.path().join("elsewhere"));
        assert_ne!(accounts.load_token_key().unwrap(), Some(first));
        assert!(folder.path().join("elsewhere").exists());
        accounts.token_key = Some("given".into());
        assert_eq!(accounts.load_token_key().unwrap(), Some("given".into()));
        accounts.store = StoreKind::Jwt;
        assert_eq!(accounts.load_token_key().unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let accounts = accounts(folder.path());
        accounts.load_token_key().unwrap();
        let path = folder.path().join("a.db.token-key");
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = || accounts.load_token_key().unwrap_err().to_string();
        mode(0o640);
        let start = format!("token_key_file = {}: others", path.display());
        assert!(error().starts_with(&start), "{}", error());
        mode(0o600);
        fs::write(&path, "short\n").unwrap();
        assert!(error().contains("it holds no key"), "{}", error());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(error().starts_with("token_key_file = "), "{}", error());
    }
}
