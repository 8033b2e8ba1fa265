//! The secret that posts to a webhook are signed with: given, or kept in a file.

use adsum_tim::Secret;

use super::open_store::OpenStoreError;
use super::secret_file;
use super::settings::Webhooks;

/// The least length of a secret.
const LEAST: usize = 16;

impl Webhooks {
    /// Returns the secret that posts are signed with: the one in its file, if anything is posted,
    /// or else the one that is given.
    ///
    /// # Errors
    /// [`OpenStoreError::File`].
    pub fn load_secret(&self) -> Result<Option<Secret>, OpenStoreError> {
        let Some(path) = self.secret_file.as_ref().filter(|_| self.url.is_some()) else {
            return Ok(self.secret.clone());
        };
        let read = secret_file::read(path, LEAST, "pass for this server");
        let missing = || "there is no such file".into();
        let secret = read.and_then(|secret| secret.ok_or_else(missing));
        secret.map(Some).map_err(|error| OpenStoreError::file("webhook_secret_file", path, error))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_secret_is_read_from_a_file_that_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let url = Some("http://127.0.0.1/".to_owned());
        let mut webhooks = Webhooks { url, secret_file: Some(path.clone()), ..Webhooks::default() };
        let error = |webhooks: &Webhooks| webhooks.load_secret().unwrap_err().to_string();
        let start = format!("webhook_secret_file = {}: ", path.display());
        assert!(error(&webhooks).starts_with(&start));
        fs::write(&path, "a secret of the tests\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(error(&webhooks).contains("others than its owner"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(webhooks.load_secret().unwrap(), Some("a secret of the tests".into()));
        fs::write(&path, "too short").unwrap();
        assert!(error(&webhooks).contains("at least 16"));
        // Nobody is told, so nobody needs it.
        webhooks.url = None;
        assert_eq!(webhooks.load_secret().unwrap(), None);
    }
}
