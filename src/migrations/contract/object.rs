//! Purpose: what a contract can take away.

use crate::sql::Name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Column {
    /// Its table.
    pub table: Name,
    /// Its name.
    pub column: String,
}

impl Column {
    /// Reads `table.column` or `schema.table.column`, as one says it.
    #[must_use]
    pub fn read(said: &str) -> Option<Self> {
        let parts: Vec<&str> = said.split('.').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let (schema, table, column) = match parts.as_slice() {
            [table, column] => (None, table, column),
            [schema, table, column] => (Some((*schema).to_owned()), table, column),
            _ => return None,
        };
        Some(Self {
            table: Name {
                schema,
                name: (*table).to_owned(),
            },
            column: (*column).to_owned(),
        })
    }

    /// The statement that drops it. Never with CASCADE: what stands on it is to be seen first.
    #[must_use]
    pub fn drop_statement(&self) -> String {
        format!(
            "ALTER TABLE {} DROP COLUMN {}",
            self.table.sql(),
            crate::sql::quoted(&self.column)
        )
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

/// What is to go: a column, a table, or that a column may be NULL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// `users.legacy`.
    Column(Column),
    /// `table users_old`.
    Table(Name),
    /// `NULL in users.email`.
    Nulls(Column),
}

impl Object {
    /// Reads it as one says it: a column as `users.legacy`, a table as `table users_old`, NULL as `NULL in users.email`; each with a
    /// schema before it, or not.
    #[must_use]
    pub fn read(said: &str) -> Option<Self> {
        if let Some((null, column)) = said.split_once(" in ")
            && null.eq_ignore_ascii_case("null")
        {
            return Column::read(column.trim())
                .filter(|column| !column.to_string().contains(char::is_whitespace))
                .map(Self::Nulls);
        }
        let Some(table) = said.strip_prefix("table ") else {
            return Column::read(said).map(Self::Column);
        };
        let parts: Vec<&str> = table.trim().split('.').collect();
        if parts
            .iter()
            .any(|part| part.is_empty() || part.contains(char::is_whitespace))
        {
            return None;
        }
        let (schema, name) = match parts.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some((*schema).to_owned()), *name),
            _ => return None,
        };
        let name = name.to_owned();
        Some(Self::Table(Name { schema, name }))
    }

    /// The table it is, or is in.
    #[must_use]
    pub fn table(&self) -> &Name {
        match self {
            Self::Column(column) | Self::Nulls(column) => &column.table,
            Self::Table(table) => table,
        }
    }

    /// The column that is to be NOT NULL, where that is what it is about.
    #[must_use]
    pub fn tightens(&self) -> Option<&Column> {
        match self {
            Self::Nulls(column) => Some(column),
            Self::Column(_) | Self::Table(_) => None,
        }
    }

    /// The statement that does away with it. Never with CASCADE: what stands on it is to be seen first.
    #[must_use]
    pub fn statement(&self) -> String {
        match self {
            Self::Column(column) => column.drop_statement(),
            Self::Table(table) => format!("DROP TABLE {}", table.sql()),
            Self::Nulls(column) => format!(
                "ALTER TABLE {} ALTER COLUMN {} SET NOT NULL",
                column.table.sql(),
                crate::sql::quoted(&column.column)
            ),
        }
    }

    /// What it is called where a statement's analysis says what is destroyed. NULL is in no such analysis: no file takes it away.
    #[must_use]
    pub fn destroyed(&self) -> String {
        match self {
            Self::Column(column) => format!("column {column}"),
            Self::Table(table) => format!("table {table}"),
            Self::Nulls(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(column) => column.fmt(f),
            Self::Table(table) => write!(f, "table {table}"),
            Self::Nulls(column) => write!(f, "NULL in {column}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{analyse, split};

    #[test]
    fn what_people_say_is_what_statements_destroy() {
        for said in [
            "users.legacy",
            "shop.users.legacy",
            "table users_old",
            "table shop.users_old",
            "table Users",
        ] {
            let object = Object::read(said).unwrap();
            assert_eq!(object.to_string(), said);
            let statements = split(&object.statement()).unwrap();
            assert_eq!(analyse(&statements[0]).destroys, [object.destroyed()], "{said}");
        }
        for said in [
            "users",
            "table",
            "table ",
            "table a.b.c",
            "a..b",
            "table a b",
            "a.b.c.d",
        ] {
            assert_eq!(Object::read(said), None, "{said}");
        }
    }

    #[test]
    fn null_is_something_that_can_go() {
        let object = Object::read("null in shop.users.email").unwrap();
        assert_eq!(object.to_string(), "NULL in shop.users.email");
        assert_eq!(Object::read(&object.to_string()), Some(object.clone()));
        assert_eq!(
            object.statement(),
            "ALTER TABLE shop.users ALTER COLUMN email SET NOT NULL"
        );
        for said in ["NULL in users", "NULL in ", "NULL in a.b c", "one in users.email"] {
            assert!(!matches!(Object::read(said), Some(Object::Nulls(_))), "{said}");
        }
        // What was kept before there was such a thing is read as it was.
        let kept = r#"{"column":{"table":{"schema":null,"name":"users"},"column":"legacy"}}"#;
        let read: Object = serde_json::from_str(kept).unwrap();
        assert_eq!(read.to_string(), "users.legacy");
    }
}
