//! What a database says of its tables, and how long work on them is to be expected.

use crate::sql::{Name, Work};
use serde::{Deserialize, Serialize};

/// Of one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Rows, as the planner estimates them (`pg_class.reltuples`).
    pub rows: u64,
    /// Its heap and TOAST, in bytes.
    pub bytes: u64,
    /// Its indexes, in bytes.
    pub index_bytes: u64,
    /// Reads a second, since the statistics were reset.
    pub reads_per_s: f64,
    /// Rows written a second, since the statistics were reset.
    pub writes_per_s: f64,
    /// Columns that a validated CHECK, or NOT NULL, keeps from being null.
    pub never_null: Vec<String>,
}

/// How large a table is, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Anything on it is done before somebody notices.
    Small,
    /// Neither.
    Medium,
    /// Large, or busy: what blocks it is an outage.
    Large,
}

/// Fewer rows and bytes than these are done in well under 100 ms, rewritten with indexes.
const SMALL_ROWS: u64 = 10_000;
const SMALL_BYTES: u64 = 8 << 20;
/// More than this, and reading it takes seconds.
const LARGE_ROWS: u64 = 1_000_000;
const LARGE_BYTES: u64 = 1 << 30;
/// A lock of a second on a table used this often is felt by hundreds.
const BUSY_PER_S: f64 = 200.0;

impl Facts {
    /// How large it is, as far as it matters. A busy table is large at any size.
    #[must_use]
    pub fn size(&self) -> Size {
        let bytes = self.bytes + self.index_bytes;
        if self.rows > LARGE_ROWS || bytes > LARGE_BYTES {
            Size::Large
        } else if self.rows <= SMALL_ROWS && bytes <= SMALL_BYTES {
            Size::Small
        } else if self.reads_per_s + self.writes_per_s > BUSY_PER_S {
            Size::Large
        } else {
            Size::Medium
        }
    }
}

/// How long work on a table is to be expected, in milliseconds.
///
/// Rates of a small server with its data in memory (3,000,000 rows and 265 MB: validated in 0.8 s, 30,000 rows a second
/// updated); a cold or loaded one takes several times as long. It tells milliseconds from minutes, no more.
#[must_use]
pub fn expected(work: Work, facts: &Facts) -> u64 {
    const MB: u64 = 1 << 20;
    let ms = |amount: u64, per_s: u64| amount.saturating_mul(1000) / per_s;
    match work {
        Work::Moment => 5,
        Work::Scan => 5 + ms(facts.bytes, 300 * MB),
        Work::Build => 5 + ms(facts.bytes, 150 * MB) + ms(facts.rows, 1_000_000),
        Work::Rows => 5 + ms(facts.rows, 25_000),
        Work::Rewrite => 5 + ms(facts.bytes.saturating_add(facts.index_bytes), 60 * MB),
    }
}

/// What a database says of its tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// The tables, each with its schema.
    pub tables: Vec<(Name, Facts)>,
    /// The schemas that a name without one is looked for in, in this order.
    pub search_path: Vec<String>,
}

impl Catalog {
    /// What is known about a table; nothing when there is none of that name.
    #[must_use]
    pub fn facts(&self, table: &Name) -> Option<&Facts> {
        let exact = |schema: &str| {
            let found = self
                .tables
                .iter()
                .find(|(name, _)| name.name == table.name && name.schema.as_deref() == Some(schema));
            found.map(|(_, facts)| facts)
        };
        match &table.schema {
            Some(schema) => exact(schema),
            None => self.search_path.iter().find_map(|schema| exact(schema)),
        }
    }
}
