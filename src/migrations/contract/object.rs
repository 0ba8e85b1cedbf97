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

/// What is to go: a column or a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// `users.legacy`.
    Column(Column),
    /// `table users_old`.
    Table(Name),
}

impl Object {
    /// Reads it as one says it: a column as `users.legacy`, a table as `table users_old`; each with a schema before it, or not.
    #[must_use]
    pub fn read(said: &str) -> Option<Self> {
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
            Self::Column(column) => &column.table,
            Self::Table(table) => table,
        }
    }

    /// The statement that drops it. Never with CASCADE: what stands on it is to be seen first.
    #[must_use]
    pub fn drop_statement(&self) -> String {
        match self {
            Self::Column(column) => column.drop_statement(),
            Self::Table(table) => format!("DROP TABLE {}", table.sql()),
        }
    }

    /// What it is called where a statement's analysis says what is destroyed.
    #[must_use]
    pub fn destroyed(&self) -> String {
        match self {
            Self::Column(column) => format!("column {column}"),
            Self::Table(table) => format!("table {table}"),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(column) => column.fmt(f),
            Self::Table(table) => write!(f, "table {table}"),
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
            let statements = split(&object.drop_statement()).unwrap();
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
}
