//! A file that holds a secret and nothing else.

use std::path::Path;
use std::{fs, io};

use adsum_tim::Secret;

type ReadError = Box<dyn std::error::Error + Send + Sync>;

/// Reads a secret of at least so many characters; `None` if there is no such file. `harm` says what
/// somebody else could do with it.
pub(super) fn read(path: &Path, least: usize, harm: &str) -> Result<Option<Secret>, ReadError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path)?.permissions()) & 0o077 != 0 {
        return Err(format!("others than its owner may read it, and so {harm}: chmod 600").into());
    }
    let key = text.trim();
    if key.len() < least {
        return Err(format!("it holds no key, which has at least {least} characters").into());
    }
    Ok(Some(key.into()))
}
