//! The SQLite file: what marks it as this server's, and its tables.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use crate::store::error::StoreError;
use crate::store::name;

/// Marks a file as this server's: "adsm".
const APPLICATION_ID: i32 = 0x6164_736d;

/// Each entry makes the next version of the file out of the one before; none is ever changed once
/// it was released.
///
/// A pair of accounts has one row, the lower number first, so that what there is between them is
/// the same from both sides. A side is 0: wants nothing, 1: wants to be friends, 2: has blocked
/// the other. They are friends while both sides are 1. The words are those of a request that
/// waits.
const VERSIONS: [&str; 4] = [
    "
    CREATE TABLE accounts (
        id INTEGER PRIMARY KEY,
        node TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        domain TEXT NOT NULL,
        password TEXT NOT NULL,
        created INTEGER NOT NULL DEFAULT (unixepoch()),
        UNIQUE (name, domain)
    ) STRICT;
    CREATE TABLE relations (
        low INTEGER NOT NULL REFERENCES accounts,
        high INTEGER NOT NULL REFERENCES accounts,
        low_side INTEGER NOT NULL CHECK (low_side IN (0, 1, 2)),
        high_side INTEGER NOT NULL CHECK (high_side IN (0, 1, 2)),
        words TEXT,
        changed INTEGER NOT NULL DEFAULT (unixepoch()),
        PRIMARY KEY (low, high),
        CHECK (low < high),
        CHECK (low_side + high_side > 0)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX relations_high ON relations (high);
",
    // What names that differ only in case have in common; not unique, since it was not always.
    "
    ALTER TABLE accounts ADD COLUMN folded TEXT;
    CREATE INDEX accounts_folded ON accounts (folded, domain);
",
    // Login tokens that were used, so that none works again after a restart.
    "
    CREATE TABLE used_tokens (
        id BLOB PRIMARY KEY,
        expires_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX used_tokens_expires ON used_tokens (expires_ms);
",
    // Names have more in common than they had: it is filled in anew.
    "
    UPDATE accounts SET folded = NULL;
",
];

/// Makes the file, if it is not there: it holds hashes of passwords, so it is for its owner only.
/// (SQLite gives its other files the same rights.)
pub(super) fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // A folder is not made: most likely it is a slip, or a disk that is not there.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::failed("there is no such folder"))
        }
        Err(error) => Err(StoreError::failed(error)),
    }
}

/// Writes the version that the file has.
pub(super) fn rewrite_version(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(transaction.pragma_update(None, "user_version", version)?)
}

/// Sets the connection up, and brings the file to the newest version.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    check_ours(connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // What was committed survives the process; only a power cut may cost the last moments.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    erase_what_is_deleted(connection)?;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let done: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for sql in VERSIONS.get(done as usize..).unwrap_or_default() {
        transaction.execute_batch(sql)?;
    }
    fold_names(&transaction)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSIONS.len() as u32)?;
    Ok(transaction.commit()?)
}

/// Has what is deleted overwritten, not just forgotten: the words of an answered request.
pub(super) fn erase_what_is_deleted(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?)
}

/// Fills in what is not kept yet for accounts of an older version.
fn fold_names(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut find = transaction.prepare("SELECT id, name FROM accounts WHERE folded IS NULL")?;
    let mut fold = transaction.prepare("UPDATE accounts SET folded = ?2 WHERE id = ?1")?;
    let names: Vec<(i64, String)> =
        find.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (id, name) in names {
        fold.execute(params![id, name::fold(&name)])?;
    }
    Ok(())
}

/// Refuses a file that something else has written, before anything in it is touched.
fn check_ours(connection: &Connection) -> Result<(), StoreError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && number("application_id")? != i64::from(APPLICATION_ID) {
        return Err(StoreError::failed("the file is a database of something else"));
    }
    let version = number("user_version")?;
    if version > VERSIONS.len() as i64 {
        return Err(StoreError::failed(format!(
            "the file has version {version}, this server knows up to {}",
            VERSIONS.len()
        )));
    }
    Ok(())
}
