//! What keeps a second server from the file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use crate::store::error::StoreError;

/// The locks that go with a file. The process has them until this is dropped, which must not be
/// before SQLite has closed the file: it loses its own locks when anybody in the process closes it.
pub(super) struct Lock {
    /// A file of its own beside the other, by the folder and the name that the path leads to.
    _beside: File,
    /// The file itself, whatever other names it has. To Linux this is no lock of the kind that
    /// SQLite takes; where it is one, SQLite could not open the file.
    #[cfg(target_os = "linux")]
    _itself: File,
}

impl Lock {
    /// Takes the locks of a file that is there.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let mut name = fs::canonicalize(path).map_err(StoreError::failed)?.into_os_string();
        name.push(".lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let beside = options.open(name).map_err(StoreError::failed)?;
        take(&beside)?;
        #[cfg(unix)]
        warn_of_other_names(path)?;
        #[cfg(target_os = "linux")]
        let itself = File::open(path).map_err(StoreError::failed)?;
        #[cfg(target_os = "linux")]
        take(&itself)?;
        Ok(Self {
            _beside: beside,
            #[cfg(target_os = "linux")]
            _itself: itself,
        })
    }
}

fn take(file: &File) -> Result<(), StoreError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::failed(
            "another server has it open, by this name or another one, and each would hold those \
             connected to the other for offline",
        ),
        TryLockError::Error(error) => StoreError::failed(format!(
            "it cannot be locked, as it can on a disk of this machine's own: {error}"
        )),
    })
}

/// Says that there are hard links to the file. SQLite goes by the name: what a server that was
/// killed has left in the log of one name is not seen by who opens the file by another.
#[cfg(unix)]
fn warn_of_other_names(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::metadata(path).map_err(StoreError::failed)?;
    let names = found.nlink();
    if found.is_file() && names > 1 {
        tracing::warn!(
            "{} has {names} names (hard links): use no other one, for SQLite keeps a log for each, \
             and what is in one of them is lost to the others",
            path.display()
        );
    }
    Ok(())
}
