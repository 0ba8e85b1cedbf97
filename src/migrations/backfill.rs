//! Backfills: a change of many rows, declared in its file, done in batches.
//!
//! ```sql
//! -- no-transaction
//! -- otus: backfill key=id batch=5000
//! UPDATE users SET full_name = first_name || ' ' || last_name WHERE full_name IS NULL;
//! ```
//!
//! The statement stays what any tool can run. Here it is run again and again with a range of the key added to its condition, each
//! in a transaction of its own together with the mark of how far it came, so that no batch is done twice and none is left out.

mod pace;

pub use pace::Pace;

use crate::sql::{Name, TokenKind, quoted};
use serde::{Deserialize, Serialize};

/// Rows of the first batch, when nobody says.
pub const FIRST_BATCH: u64 = 1_000;

/// What a comment says of the statement after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// The column whose ranges are the batches: unique, never null, with an index. The primary key when nobody says.
    pub key: Option<String>,
    /// Rows of the first batch; later ones are as many as take the time that is aimed at.
    pub batch: u64,
}

/// A statement cut so that a range can be put into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batches {
    /// Whose rows it changes.
    pub table: Name,
    /// What the table is called in the statement, as it is written there.
    pub alias: String,
    /// What comes before its condition.
    before: String,
    /// Its condition.
    condition: Option<String>,
}

impl Declaration {
    /// The declaration among the comments before a statement; what is wrong with it, if something is.
    #[must_use]
    pub fn of(comments: &[String]) -> Option<Result<Self, String>> {
        let words = comments.iter().find_map(|comment| {
            let text = comment.strip_prefix("--")?.trim();
            let rest = text.strip_prefix("otus:")?.trim();
            let rest = rest.strip_prefix("backfill")?;
            (rest.is_empty() || rest.starts_with(' ')).then_some(rest)
        })?;
        Some(Self::read(words))
    }

    fn read(words: &str) -> Result<Self, String> {
        let mut declaration = Self {
            key: None,
            batch: FIRST_BATCH,
        };
        for word in words.split_whitespace() {
            match word.split_once('=') {
                Some(("key", column)) if !column.is_empty() => declaration.key = Some(column.to_owned()),
                Some(("batch", number)) => match number.parse() {
                    Ok(number @ 1..=1_000_000) => declaration.batch = number,
                    _ => return Err(format!("`batch={number}` is no number between 1 and 1000000")),
                },
                _ => {
                    return Err(format!(
                        "`{word}` is not understood; write `key=<column>` and `batch=<rows>`"
                    ));
                }
            }
        }
        Ok(declaration)
    }

    /// The statement, cut so that a range can be put into it.
    ///
    /// # Errors
    /// When it cannot be done in batches, with the reason.
    pub fn batches(&self, sql: &str) -> Result<Batches, String> {
        let mut at = crate::sql::Cursor::new(sql);
        let deletes = if at.eat("update") {
            false
        } else if at.eat("delete from") {
            true
        } else {
            return Err("Only UPDATE and DELETE are done in batches".to_owned());
        };
        if at.peek(0) == "only" {
            return Err("A backfill of ONLY a table is not done in batches".to_owned());
        }
        let table = at.name().ok_or("The table cannot be read")?;
        at.eat("*");
        at.eat("as");
        let next = at.peek(0);
        let alias = if matches!(next.as_str(), "set" | "where" | "using" | "returning") || at.is_done() {
            table.sql()
        } else {
            quoted(&at.ident().ok_or("The table's alias cannot be read")?)
        };
        if !deletes && !at.sees("set") {
            return Err("SET is missing".to_owned());
        }
        if at.has("returning") {
            return Err("RETURNING has nobody to return to".to_owned());
        }
        let mut last = at.clone();
        let (mut before, mut condition) = (sql.trim_end().to_owned(), None);
        if last.seek("where") {
            before = sql[..last.offset()].trim_end().to_owned();
            last.skip();
            if last.sees("current of") {
                return Err("WHERE CURRENT OF names a cursor, which a migration has not".to_owned());
            }
            condition = Some(sql[last.offset()..].trim_end().to_owned());
        }
        // A comment at its end would swallow what is put behind it.
        if last.kind(0) == Some(TokenKind::Comment)
            || before.lines().last().is_some_and(|line| line.contains("--"))
        {
            before.push('\n');
        }
        Ok(Batches {
            table,
            alias,
            before,
            condition,
        })
    }
}

impl Batches {
    /// The statement for the keys beyond `from` up to and with `upto`, which are SQL literals.
    #[must_use]
    pub fn sql(&self, key: &str, from: Option<&str>, upto: &str) -> String {
        let key = format!("{}.{}", self.alias, quoted(key));
        let mut range = format!("{key} <= {upto}");
        if let Some(from) = from {
            range = format!("{key} > {from} AND {range}");
        }
        match &self.condition {
            // The line break ends a comment that the condition may end with.
            Some(condition) => format!("{} WHERE ({condition}\n) AND {range}", self.before),
            None => format!("{} WHERE {range}", self.before),
        }
    }
}

#[cfg(test)]
mod tests;
