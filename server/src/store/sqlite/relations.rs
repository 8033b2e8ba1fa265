//! The relation between two accounts: its rules, and the rows that it is kept in.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::error::StoreError;
use crate::store::relations::{Asked, Relation, Relations, Request};

/// What one side wants.
const NOTHING: i64 = 0;
const FRIENDS: i64 = 1;
const BLOCK: i64 = 2;

/// An account's row, as far as relations need it.
pub(super) struct Account {
    pub(super) id: i64,
    pub(super) domain: String,
}

/// Returns the account with this id, if there is one.
pub(super) fn find(connection: &Connection, node: &str) -> Result<Option<Account>, StoreError> {
    let mut find = connection.prepare_cached("SELECT id, domain FROM accounts WHERE node = ?1")?;
    let row = |row: &rusqlite::Row<'_>| Ok(Account { id: row.get(0)?, domain: row.get(1)? });
    Ok(find.query_row(params![node], row).optional()?)
}

/// Returns an account's name.
pub(super) fn name(connection: &Connection, account: i64) -> Result<String, StoreError> {
    let mut find = connection.prepare_cached("SELECT name FROM accounts WHERE id = ?1")?;
    Ok(find.query_row(params![account], |row| row.get(0))?)
}

/// What either side wants, the one who acts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sides {
    mine: i64,
    other: i64,
}

impl Sides {
    pub(super) const fn seen(self) -> Relation {
        match (self.mine, self.other) {
            (BLOCK, _) => Relation::Blocked,
            (FRIENDS, FRIENDS) => Relation::Friends,
            (FRIENDS, _) => Relation::Asked,
            (_, FRIENDS) => Relation::AskedByOther,
            _ => Relation::None,
        }
    }

    pub(super) const fn mine_is_free(self) -> bool {
        self.mine == NOTHING
    }

    pub(super) const fn mine_asks(self) -> bool {
        self.mine == FRIENDS
    }

    /// Returns what is left when the one who acts no longer wants the same: of the other side only
    /// a block. A wish that was met once does not stand for ever: both must say so anew.
    const fn without_mine(self, mine: i64) -> Self {
        Self { mine, other: if self.other == BLOCK { BLOCK } else { NOTHING } }
    }

    /// Returns what there is after asking. Only the other side's own wish makes friends: asking
    /// twice is asking once.
    pub(super) fn ask(self) -> Result<(Self, Asked), StoreError> {
        let asked = match (self.mine, self.other) {
            (FRIENDS, FRIENDS) => return Err(StoreError::AlreadyFriends),
            (_, FRIENDS) => Asked::Friends,
            // The same to the one who asks, whom nothing tells of the block.
            (_, BLOCK) => Asked::Unheard,
            (FRIENDS, _) => Asked::WaitingStill,
            _ => Asked::Waiting,
        };
        Ok((Self { mine: FRIENDS, ..self }, asked))
    }

    pub(super) fn remove(self) -> Result<Self, StoreError> {
        match self.seen() {
            Relation::None => Err(StoreError::NoRelation),
            _ => Ok(self.without_mine(NOTHING)),
        }
    }

    pub(super) const fn block(self) -> Self {
        self.without_mine(BLOCK)
    }
}

/// Two accounts, in the order in which their row has them.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    mine: i64,
    other: i64,
}

impl Pair {
    pub(super) const fn of(mine: i64, other: i64) -> Self {
        Self { mine, other }
    }

    /// Returns the two accounts if both exist, are not the same and are in one domain.
    pub(super) fn find(
        connection: &Connection,
        mine: &str,
        other: &str,
    ) -> Result<Self, StoreError> {
        if mine == other {
            return Err(StoreError::Oneself);
        }
        let mine = find(connection, mine)?.ok_or(StoreError::NoAccount)?;
        let other = find(connection, other)?
            .filter(|other| other.domain == mine.domain)
            .ok_or(StoreError::NoAccount)?;
        Ok(Self::of(mine.id, other.id))
    }

    const fn low_and_high(self) -> (i64, i64) {
        if self.mine < self.other { (self.mine, self.other) } else { (self.other, self.mine) }
    }

    pub(super) fn read(self, connection: &Connection) -> Result<Sides, StoreError> {
        let (low, high) = self.low_and_high();
        let mut find = connection.prepare_cached(
            "SELECT low_side, high_side FROM relations WHERE low = ?1 AND high = ?2",
        )?;
        let found =
            find.query_row(params![low, high], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (low_side, high_side) = found.unwrap_or((NOTHING, NOTHING));
        Ok(if low == self.mine {
            Sides { mine: low_side, other: high_side }
        } else {
            Sides { mine: high_side, other: low_side }
        })
    }

    pub(super) fn write(
        self,
        connection: &Connection,
        sides: Sides,
        words: Option<&str>,
    ) -> Result<(), StoreError> {
        let (low, high) = self.low_and_high();
        if sides == (Sides { mine: NOTHING, other: NOTHING }) {
            connection
                .prepare_cached("DELETE FROM relations WHERE low = ?1 AND high = ?2")?
                .execute(params![low, high])?;
            return Ok(());
        }
        let (low_side, high_side) =
            if low == self.mine { (sides.mine, sides.other) } else { (sides.other, sides.mine) };
        connection
            .prepare_cached(
                "INSERT INTO relations (low, high, low_side, high_side, words)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET low_side = ?3, high_side = ?4, words = ?5,
                     changed = unixepoch()",
            )?
            .execute(params![low, high, low_side, high_side, words])?;
        Ok(())
    }

    /// Checks that the one who acts may have a relation to one more account. What others want of it
    /// does not count, so nobody can fill somebody else's list.
    pub(super) fn check_room(self, connection: &Connection, most: u32) -> Result<(), StoreError> {
        let mut count = connection.prepare_cached(
            "SELECT (SELECT count(*) FROM relations WHERE low = ?1 AND low_side > 0)
                  + (SELECT count(*) FROM relations WHERE high = ?1 AND high_side > 0)",
        )?;
        let wanted: u32 = count.query_row(params![self.mine], |row| row.get(0))?;
        if wanted < most { Ok(()) } else { Err(StoreError::Full) }
    }

    /// Checks that one more request may wait: for the one who acts, and at the other one.
    pub(super) fn check_requests(
        self,
        connection: &Connection,
        most: u32,
    ) -> Result<(), StoreError> {
        let mut sent = connection.prepare_cached(
            "SELECT (SELECT count(*) FROM relations
                     WHERE low = ?1 AND low_side = 1 AND high_side <> 1)
                  + (SELECT count(*) FROM relations
                     WHERE high = ?1 AND high_side = 1 AND low_side <> 1)",
        )?;
        let mut received = connection.prepare_cached(
            "SELECT (SELECT count(*) FROM relations
                     WHERE low = ?1 AND low_side = 0 AND high_side = 1)
                  + (SELECT count(*) FROM relations
                     WHERE high = ?1 AND high_side = 0 AND low_side = 1)",
        )?;
        let sent: u32 = sent.query_row(params![self.mine], |row| row.get(0))?;
        let received: u32 = received.query_row(params![self.other], |row| row.get(0))?;
        if sent < most && received < most { Ok(()) } else { Err(StoreError::Full) }
    }
}

/// Returns all relations of one account, and so many requests for its answer at most.
pub(super) fn all(
    connection: &Connection,
    account: i64,
    max_requests: u32,
) -> Result<Relations, StoreError> {
    let mut find = connection.prepare_cached(
        "SELECT node, mine, other, words, changed FROM (
             SELECT high AS who, low_side AS mine, high_side AS other, words, changed
             FROM relations WHERE low = ?1
             UNION ALL
             SELECT low, high_side, low_side, words, changed
             FROM relations WHERE high = ?1
         ) JOIN accounts ON accounts.id = who ORDER BY node",
    )?;
    let mut relations = Relations::default();
    let mut rows = find.query(params![account])?;
    while let Some(row) = rows.next()? {
        let node = row.get(0)?;
        match (Sides { mine: row.get(1)?, other: row.get(2)? }).seen() {
            Relation::Friends => relations.friends.push(node),
            Relation::Blocked => relations.blocked.push(node),
            Relation::Asked => relations.waiting.push(node),
            // More are from before there was a limit; they come when others are answered.
            Relation::AskedByOther if relations.requests.len() >= max_requests as usize => {}
            Relation::AskedByOther => {
                let words = row.get::<_, Option<String>>(3)?.unwrap_or_default();
                relations.requests.push(Request { node, words, asked_at: row.get(4)? });
            }
            Relation::None => {}
        }
    }
    Ok(relations)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state that the rules can reach, each from both sides.
    fn reachable() -> Vec<Sides> {
        let mut found = vec![Sides { mine: NOTHING, other: NOTHING }];
        let mut next = 0;
        while next < found.len() {
            let sides = found[next];
            next += 1;
            let flip = |sides: Sides| Sides { mine: sides.other, other: sides.mine };
            let after = [sides, flip(sides)].into_iter().flat_map(|sides| {
                [sides.ask().ok().map(|(after, _)| after), sides.remove().ok(), Some(sides.block())]
            });
            for after in after.flatten().flat_map(|after| [after, flip(after)]) {
                if !found.contains(&after) {
                    found.push(after);
                }
            }
        }
        found
    }

    #[test]
    fn nobody_is_made_a_friend_or_freed_of_a_block_by_the_other_side() {
        let states = reachable();
        assert_eq!(states.len(), 9, "{states:?}");
        for before in states {
            // Whatever I do, the other side never comes to want more than it wanted.
            for after in [
                before.ask().ok().map(|(after, _)| after),
                before.remove().ok(),
                Some(before.block()),
            ]
            .into_iter()
            .flatten()
            {
                assert!(after.other == before.other || after.other == NOTHING);
                assert_eq!(after.other == BLOCK, before.other == BLOCK, "{before:?}");
            }
        }
    }

    #[test]
    fn a_block_is_not_seen_by_the_one_blocked() {
        let sides = Sides { mine: NOTHING, other: BLOCK };
        assert_eq!(sides.seen(), Relation::None);
        assert!(matches!(sides.remove(), Err(StoreError::NoRelation)));
        // Nor by asking: it looks as if the other one had not answered yet.
        let (after, asked) = sides.ask().unwrap();
        assert_eq!((after.seen(), asked), (Relation::Asked, Asked::Unheard));
        let blocker = Sides { mine: after.other, other: after.mine };
        assert_eq!(blocker.seen(), Relation::Blocked);
        // When the block is lifted nothing is left of it.
        assert_eq!(blocker.remove().unwrap(), Sides { mine: NOTHING, other: NOTHING });
    }
}
