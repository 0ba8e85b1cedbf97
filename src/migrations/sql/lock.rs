//! PostgreSQL's table locks: <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES>.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A table lock, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LockLevel {
    /// SELECT takes it.
    AccessShare,
    /// SELECT FOR UPDATE takes it.
    RowShare,
    /// INSERT, UPDATE, DELETE take it.
    RowExclusive,
    /// VACUUM, ANALYZE, CREATE INDEX CONCURRENTLY, VALIDATE CONSTRAINT take it.
    ShareUpdateExclusive,
    /// CREATE INDEX takes it.
    Share,
    /// CREATE TRIGGER, foreign keys take it.
    ShareRowExclusive,
    /// REFRESH MATERIALIZED VIEW CONCURRENTLY takes it.
    Exclusive,
    /// Most of ALTER TABLE, DROP, TRUNCATE, VACUUM FULL take it.
    AccessExclusive,
}

impl LockLevel {
    /// All, from the weakest to the strongest.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// Whether two of them on one table wait for each other.
    #[must_use]
    pub fn conflicts(self, other: Self) -> bool {
        use LockLevel as L;
        let from = |weakest: Self| other >= weakest;
        match self {
            L::AccessShare => from(L::AccessExclusive),
            L::RowShare => from(L::Exclusive),
            L::RowExclusive => from(L::Share),
            L::ShareUpdateExclusive => from(L::ShareUpdateExclusive),
            L::Share => from(L::RowExclusive) && other != L::Share,
            L::ShareRowExclusive => from(L::RowExclusive),
            L::Exclusive => from(L::RowShare),
            L::AccessExclusive => true,
        }
    }

    /// Whether it keeps SELECT waiting.
    #[must_use]
    pub fn blocks_reads(self) -> bool {
        self.conflicts(Self::AccessShare)
    }

    /// Whether it keeps INSERT, UPDATE and DELETE waiting.
    #[must_use]
    pub fn blocks_writes(self) -> bool {
        self.conflicts(Self::RowExclusive)
    }

    /// What it keeps waiting, as people say it.
    #[must_use]
    pub fn blocks(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => "changes of the schema",
            Self::ShareUpdateExclusive => "changes of the schema and VACUUM",
            Self::Share | Self::ShareRowExclusive => "writes and changes of the schema",
            Self::Exclusive => "writes, SELECT FOR UPDATE and changes of the schema",
            Self::AccessExclusive => "reads, writes and changes of the schema",
        }
    }

    /// As `pg_locks.mode` writes it.
    #[must_use]
    pub fn of_mode(mode: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.mode() == mode)
    }

    /// As `pg_locks.mode` writes it.
    #[must_use]
    pub fn mode(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }
}

impl fmt::Display for LockLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::LockLevel as L;

    /// The table of the manual, row by row.
    #[test]
    fn the_conflicts_are_those_of_the_manual() {
        let table = [
            (L::AccessShare, "00000001"),
            (L::RowShare, "00000011"),
            (L::RowExclusive, "00001111"),
            (L::ShareUpdateExclusive, "00011111"),
            (L::Share, "00110111"),
            (L::ShareRowExclusive, "00111111"),
            (L::Exclusive, "01111111"),
            (L::AccessExclusive, "11111111"),
        ];
        for (level, expected) in table {
            let row = L::ALL.map(|other| if level.conflicts(other) { '1' } else { '0' });
            assert_eq!(row.iter().collect::<String>(), expected, "{level}");
            for other in L::ALL {
                assert_eq!(level.conflicts(other), other.conflicts(level), "{level} {other}");
            }
            assert_eq!(L::of_mode(level.mode()), Some(level));
        }
    }
}
