//! The login tokens that were used, until they would have expired.

use rusqlite::{Transaction, params};

use crate::store::error::StoreError;
use crate::tokens::UsedToken;

/// Forgets the expired ones and returns the rest.
pub(super) fn take_stock(
    file: &Transaction<'_>,
    now_ms: u64,
) -> Result<Vec<UsedToken>, StoreError> {
    file.execute("DELETE FROM used_tokens WHERE expires_ms <= ?1", params![now_ms as i64])?;
    let mut find = file.prepare("SELECT id, expires_ms FROM used_tokens")?;
    let rows = find.query_map([], |row| {
        Ok(UsedToken { id: row.get(0)?, expires_ms: row.get::<_, i64>(1)? as u64 })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds some, and forgets those that have expired.
pub(super) fn save(file: &Transaction<'_>, used: &[UsedToken]) -> Result<(), StoreError> {
    let mut insert =
        file.prepare_cached("INSERT OR IGNORE INTO used_tokens (id, expires_ms) VALUES (?1, ?2)")?;
    for token in used {
        insert.execute(params![token.id, token.expires_ms as i64])?;
    }
    let mut forget =
        file.prepare_cached("DELETE FROM used_tokens WHERE expires_ms <= unixepoch() * 1000")?;
    forget.execute([])?;
    Ok(())
}
