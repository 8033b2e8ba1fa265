//! The connections to an SQLite file: one that writes, some that only read and wait for no writer,
//! and one that looks after the file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::lock::Lock;
use super::schema;
use crate::store::error::StoreError;

/// How long a call waits for another process that has locked the file, and how long one that only
/// looks after it.
const PATIENCE: Duration = Duration::from_secs(5);
const SHORT_PATIENCE: Duration = Duration::from_secs(1);
/// How many calls may read at once.
const READERS: usize = 4;

/// Connections to one file, or to a database in memory, where one does everything.
pub(super) struct Connections {
    /// Held for single statements and short transactions, never while a password is hashed.
    writer: Mutex<Connection>,
    /// What they read is what was last committed: with a write-ahead log nobody who writes, here
    /// or in another process, keeps them waiting.
    readers: Vec<Mutex<Connection>>,
    /// The reader that the next call begins with.
    next: AtomicUsize,
    /// Of its own, so that it says how the file is whoever waits for the writer.
    caretaker: Option<Mutex<Connection>>,
    /// The last field, so that its lock goes after the connections.
    file: Option<Opened>,
}

/// A file as it was when it was opened.
struct Opened {
    path: PathBuf,
    #[cfg(unix)]
    identity: (u64, u64),
    /// Keeps other processes out, where this one is to be alone.
    _lock: Option<Lock>,
}

impl Connections {
    pub(super) fn open(path: &Path, lock: Option<Lock>) -> Result<Self, StoreError> {
        let writer = prepared(Connection::open(path)?)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = || {
            let reader = Connection::open_with_flags(path, flags)?;
            reader.busy_timeout(PATIENCE)?;
            Ok(Mutex::new(reader))
        };
        let readers = (0..READERS).map(|_| reader()).collect::<Result<_, StoreError>>()?;
        let caretaker = Connection::open(path)?;
        caretaker.busy_timeout(SHORT_PATIENCE)?;
        schema::erase_what_is_deleted(&caretaker)?;
        let file = Opened {
            path: path.to_owned(),
            #[cfg(unix)]
            identity: identity(path)?,
            _lock: lock,
        };
        Ok(Self {
            writer: Mutex::new(writer),
            readers,
            next: AtomicUsize::new(0),
            caretaker: Some(Mutex::new(caretaker)),
            file: Some(file),
        })
    }

    pub(super) fn in_memory() -> Result<Self, StoreError> {
        Ok(Self {
            writer: Mutex::new(prepared(Connection::open_in_memory()?)?),
            readers: Vec::new(),
            next: AtomicUsize::new(0),
            caretaker: None,
            file: None,
        })
    }

    /// Returns a connection to read with.
    pub(super) fn read(&self) -> MutexGuard<'_, Connection> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut in_turn =
            (0..self.readers.len()).map(|at| &self.readers[(first + at) % self.readers.len()]);
        let free = in_turn.find_map(|reader| match reader.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.unwrap_or_else(|| match self.readers.len() {
            0 => locked(&self.writer),
            readers => locked(&self.readers[first % readers]),
        })
    }

    /// Does all of this in one transaction or, where there is an error, nothing.
    pub(super) fn transact<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        transact_on(&mut locked(&self.writer), work)
    }

    /// Brings what the write-ahead log has into the file and empties the log, so that neither has
    /// what was overwritten or deleted. Returns whether it could: whoever reads or writes just now
    /// may be in the way.
    pub(super) fn empty_log(&self) -> Result<bool, StoreError> {
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: i64 = self.caretaker().query_row(checkpoint, [], |row| row.get(0))?;
        Ok(busy == 0)
    }

    /// Writes what is there already: a file that can only be read, or is there no longer, is no
    /// good.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            file.check_identity()?;
        }
        transact_on(&mut self.caretaker(), schema::rewrite_version)
    }

    #[cfg(test)]
    pub(super) fn writer(&self) -> MutexGuard<'_, Connection> {
        locked(&self.writer)
    }

    fn caretaker(&self) -> MutexGuard<'_, Connection> {
        locked(self.caretaker.as_ref().unwrap_or(&self.writer))
    }
}

impl Opened {
    #[cfg(unix)]
    fn check_identity(&self) -> Result<(), StoreError> {
        if identity(&self.path)? == self.identity {
            return Ok(());
        }
        Err(StoreError::failed("another file is where the one that is open was"))
    }

    #[cfg(not(unix))]
    fn check_identity(&self) -> Result<(), StoreError> {
        std::fs::metadata(&self.path).map(drop).map_err(StoreError::failed)
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Result<(u64, u64), StoreError> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(path).map_err(StoreError::failed)?;
    Ok((found.dev(), found.ino()))
}

fn prepared(mut connection: Connection) -> Result<Connection, StoreError> {
    connection.busy_timeout(PATIENCE)?;
    schema::prepare(&mut connection)?;
    Ok(connection)
}

fn transact_on<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    // Takes the lock for writing now, so that no other process comes in between.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A transaction that was cut short has rolled back when its guard went.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}
