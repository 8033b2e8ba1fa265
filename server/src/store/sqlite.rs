//! Accounts and rosters in an SQLite file.

mod connections;
mod lock;
mod relations;
mod schema;
mod used_tokens;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use connections::Connections;
use lock::Lock;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, params};

use super::access::Access;
use super::error::StoreError;
use super::interface::{NewAccount, Store};
use super::login::{Credentials, Login};
use super::password::{Cost, Passwords};
use super::relations::{Asked, Relation, Relations};
use super::{name, node};
use crate::tokens::UsedToken;

/// The longest name or domain in bytes.
const MAX_NAME: usize = 256;
/// The longest text of a request in bytes; the rest is cut off.
const MAX_WORDS: usize = 1_024;

/// How the file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// What a password's hash costs.
    pub cost: Cost,
    /// The most users that one account may be friends with, ask or block together. What others
    /// ask of it does not count. Default: 10,000.
    pub max_relations: u32,
    /// The most requests that one account may have waiting: from others for its answer, and for
    /// the answers of others. Default: 500.
    pub max_requests: u32,
    /// Whether a name is taken that differs from another one only in case, or in what is not seen.
    /// Default: yes.
    pub fold_case: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { cost: Cost::default(), max_relations: 10_000, max_requests: 500, fold_case: true }
    }
}

/// Accounts and rosters in an SQLite file (write-ahead log; it survives the process at any point,
/// and holds no presence). Names and domains are compared byte by byte, but a new name must not
/// look like another one: see [`register`](Store::register).
pub struct Sqlite {
    passwords: Passwords,
    max_relations: u32,
    max_requests: u32,
    fold_case: bool,
    connections: Connections,
    /// Whether something was overwritten that may still be in the write-ahead log.
    to_be_erased: AtomicBool,
}

impl Sqlite {
    /// Opens the file, or makes it, readable by its owner only, in a folder that is there.
    ///
    /// # Errors
    /// [`StoreError::Failed`], which does not name the file, if it cannot be opened, is no file of
    /// this server or was written by a newer one; [`StoreError::Invalid`] if the cost is out of
    /// range.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = &whole(path)?;
        schema::create_private(path)?;
        Self::new(Connections::open(path, None)?, options)
    }

    /// Opens the file as [`open`](Self::open) does, for this process alone until the store is
    /// dropped or the process ends, however it does. Two servers on one file would each hold those
    /// who are connected to the other for offline.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and [`StoreError::Failed`] if another process is alone with it.
    pub fn open_alone(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = &whole(path)?;
        schema::create_private(path)?;
        let lock = Lock::take(path)?;
        Self::new(Connections::open(path, Some(lock))?, options)
    }

    /// Opens a store in memory, which ends with the process.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn in_memory(options: SqliteOptions) -> Result<Self, StoreError> {
        Self::new(Connections::in_memory()?, options)
    }

    fn new(connections: Connections, options: SqliteOptions) -> Result<Self, StoreError> {
        // What a server before this one had no time for.
        connections.empty_log()?;
        Ok(Self {
            passwords: Passwords::new(options.cost)?,
            max_relations: options.max_relations,
            max_requests: options.max_requests,
            fold_case: options.fold_case,
            connections,
            to_be_erased: AtomicBool::new(false),
        })
    }

    /// Returns whether somebody in this domain has the name, or one that looks the same.
    fn is_taken(
        &self,
        connection: &Connection,
        name: &str,
        domain: &str,
    ) -> Result<bool, StoreError> {
        if find_account(connection, name, domain)?.is_some() {
            return Ok(true);
        }
        let mut find = connection
            .prepare_cached("SELECT 1 FROM accounts WHERE folded = ?1 AND domain = ?2 LIMIT 1")?;
        Ok(self.fold_case && find.exists(params![name::fold(name), domain])?)
    }

    /// Changes relations, in one transaction. What was there before, words included, is to be
    /// erased.
    fn edit<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.connections.transact(work)?;
        self.to_be_erased.store(true, Ordering::Release);
        Ok(done)
    }
}

/// Returns the whole path of a file, by which SQLite takes it for a file whatever its name is:
/// `:memory:` is none to it, and of one that begins with `file:` it reads the rest.
fn whole(path: &Path) -> Result<PathBuf, StoreError> {
    std::path::absolute(path).map_err(StoreError::failed)
}

/// An account's row: its number, its id and its password's hash.
type Row = (i64, String, String);

fn find_account(
    connection: &Connection,
    name: &str,
    domain: &str,
) -> Result<Option<Row>, StoreError> {
    let mut find = connection.prepare_cached(
        "SELECT id, node, password FROM accounts WHERE name = ?1 AND domain = ?2",
    )?;
    Ok(find
        .query_row(params![name, domain], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?)
}

/// Returns the part of the text that is kept, with no character cut in two.
fn shortened(words: &str) -> &str {
    let most = words.len().min(MAX_WORDS);
    let end = (0..=most).rev().find(|end| words.is_char_boundary(*end)).unwrap_or(0);
    &words[..end]
}

impl Access for Sqlite {
    fn login(&self, credentials: &Credentials<'_>) -> Result<Login, StoreError> {
        let found = find_account(&self.connections.read(), credentials.name, credentials.domain)?;
        let hash = found.as_ref().map(|(_, _, hash)| hash.as_str());
        let known = self.passwords.verify(credentials.password, hash)?;
        let (_, node, _) = found.filter(|_| known).ok_or(StoreError::Denied)?;
        Ok(Login { node, name: credentials.name.to_owned(), ..Login::default() })
    }

    fn keeps_lists(&self) -> bool {
        true
    }

    fn relations(&self, node: &str) -> Result<Relations, StoreError> {
        let connection = self.connections.read();
        let account = relations::find(&connection, node)?.ok_or(StoreError::NoAccount)?;
        relations::all(&connection, account.id, self.max_requests)
    }
}

impl Store for Sqlite {
    fn prepare(&self, name: &str, password: &str, domain: &str) -> Result<NewAccount, StoreError> {
        if name.is_empty() || name.len() > MAX_NAME || !name::is_plain(name) {
            return Err(StoreError::Invalid("name"));
        }
        if domain.len() > MAX_NAME || !name::is_plain(domain) {
            return Err(StoreError::Invalid("domain"));
        }
        // Before the hash is paid for, and once more when the account is made.
        if self.is_taken(&self.connections.read(), name, domain)? {
            return Err(StoreError::Exists);
        }
        Ok(NewAccount {
            node: node::generate()?,
            name: name.to_owned(),
            domain: domain.to_owned(),
            password_hash: self.passwords.hash(password)?,
        })
    }

    fn add(&self, account: &NewAccount) -> Result<(), StoreError> {
        let NewAccount { node, name, domain, password_hash } = account;
        self.connections.transact(|file| {
            if self.is_taken(file, name, domain)? {
                return Err(StoreError::Exists);
            }
            let mut insert = file.prepare_cached(
                "INSERT INTO accounts (node, name, folded, domain, password)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            match insert.execute(params![node, name, name::fold(name), domain, password_hash]) {
                Ok(_) => Ok(()),
                // The id is taken (a chance of one in 2^55).
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                    Err(StoreError::Exists)
                }
                Err(error) => Err(error.into()),
            }
        })
    }

    fn is_node(&self, node: &str) -> bool {
        node::is_well_formed(node)
    }

    fn exists(&self, node: &str) -> Result<bool, StoreError> {
        Ok(relations::find(&self.connections.read(), node)?.is_some())
    }

    fn resolve(&self, node: &str, typed: &str) -> Result<Option<String>, StoreError> {
        let own = relations::find(&self.connections.read(), node)?;
        own.map_or(Ok(None), |own| self.account(typed, &own.domain))
    }

    fn account(&self, typed: &str, domain: &str) -> Result<Option<String>, StoreError> {
        let connection = self.connections.read();
        if relations::find(&connection, typed)?.is_some() {
            return Ok(Some(typed.to_owned()));
        }
        Ok(find_account(&connection, typed, domain)?.map(|(_, found, _)| found))
    }

    fn names(&self, node: &str, others: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let connection = self.connections.read();
        let Some(own) = relations::find(&connection, node)? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for other in others {
            let Some(account) = relations::find(&connection, other)? else { continue };
            let pair = relations::Pair::of(own.id, account.id);
            if own.id == account.id || pair.read(&connection)?.seen() != Relation::None {
                names.push((other.clone(), relations::name(&connection, account.id)?));
            }
        }
        Ok(names)
    }

    fn relation(&self, node: &str, other: &str) -> Result<Relation, StoreError> {
        let connection = self.connections.read();
        let (Some(one), Some(two)) =
            (relations::find(&connection, node)?, relations::find(&connection, other)?)
        else {
            return Ok(Relation::None);
        };
        Ok(relations::Pair::of(one.id, two.id).read(&connection)?.seen())
    }

    fn ask(&self, node: &str, other: &str, words: &str) -> Result<Asked, StoreError> {
        let words = shortened(words);
        self.edit(|file| {
            let pair = relations::Pair::find(file, node, other)?;
            let before = pair.read(file)?;
            let (sides, asked) = before.ask()?;
            // The same whether the other one has blocked this one, who must not learn of it.
            if matches!(asked, Asked::Waiting | Asked::Unheard) && !before.mine_asks() {
                pair.check_requests(file, self.max_requests)?;
            }
            if before.mine_is_free() {
                pair.check_room(file, self.max_relations)?;
            }
            pair.write(
                file,
                sides,
                matches!(asked, Asked::Waiting | Asked::WaitingStill).then_some(words),
            )?;
            Ok(asked)
        })
    }

    fn remove(&self, node: &str, other: &str) -> Result<Relation, StoreError> {
        self.edit(|file| {
            let pair = relations::Pair::find(file, node, other).map_err(|error| match error {
                StoreError::NoAccount | StoreError::Oneself => StoreError::NoRelation,
                error => error,
            })?;
            let before = pair.read(file)?;
            pair.write(file, before.remove()?, None)?;
            Ok(before.seen())
        })
    }

    fn block(&self, node: &str, other: &str) -> Result<Relation, StoreError> {
        self.edit(|file| {
            let pair = relations::Pair::find(file, node, other)?;
            let before = pair.read(file)?;
            if before.mine_is_free() {
                pair.check_room(file, self.max_relations)?;
            }
            pair.write(file, before.block(), None)?;
            Ok(before.seen())
        })
    }

    fn owner(&self, node: &str) -> Result<Option<(String, String)>, StoreError> {
        let connection = self.connections.read();
        let Some(account) = relations::find(&connection, node)? else { return Ok(None) };
        Ok(Some((relations::name(&connection, account.id)?, account.domain)))
    }

    fn used_tokens(&self, now_ms: u64) -> Result<Vec<UsedToken>, StoreError> {
        self.connections.transact(|file| used_tokens::take_stock(file, now_ms))
    }

    fn save_used_tokens(&self, used: &[UsedToken]) -> Result<(), StoreError> {
        self.connections.transact(|file| used_tokens::save(file, used))
    }

    fn until_writable(&self) -> Result<(), StoreError> {
        self.connections.transact(|_| Ok(()))
    }

    fn erase(&self) -> Result<(), StoreError> {
        if self.to_be_erased.swap(false, Ordering::AcqRel) && !self.connections.empty_log()? {
            // Somebody was in the way: next time.
            self.to_be_erased.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        self.connections.empty_log().map(drop)
    }

    fn health(&self) -> Result<(), StoreError> {
        self.connections.check()
    }
}
