//! Purpose: statements, their arguments and their rows, as every database takes and gives them.

use async_trait::async_trait;
use jiff::Timestamp;
use otus_core::StoreError;
use std::borrow::Cow;

/// What is asked for without a limit.
const USUAL_LIMIT: u32 = 100;

/// What a statement is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Arg {
    fn from(value: bool) -> Self {
        i64::from(value).into()
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<Option<&str>> for Arg {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<&Option<String>> for Arg {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

/// A text as it can be kept: PostgreSQL has no place for the character zero.
pub(crate) fn kept(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// What a column of a row holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
}

/// A row, read column by column in the order they were selected.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Cell>);

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self(cells.into_iter())
    }

    fn unreadable(wanted: &str, found: &Option<Cell>) -> StoreError {
        StoreError::Unreadable(format!("a column should hold {wanted}, and holds {found:?}"))
    }

    pub(crate) fn int(&mut self) -> Result<i64, StoreError> {
        match self.0.next() {
            Some(Cell::Int(value)) => Ok(value),
            other => Err(Self::unreadable("a number", &other)),
        }
    }

    pub(crate) fn maybe_int(&mut self) -> Result<Option<i64>, StoreError> {
        match self.0.next() {
            Some(Cell::Int(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            other => Err(Self::unreadable("a number or nothing", &other)),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        match self.0.next() {
            Some(Cell::Text(value)) => Ok(value),
            other => Err(Self::unreadable("a text", &other)),
        }
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.0.next() {
            Some(Cell::Text(value)) => Ok(Some(value)),
            Some(Cell::Null) => Ok(None),
            other => Err(Self::unreadable("a text or nothing", &other)),
        }
    }

    /// A number that is never below zero.
    pub(crate) fn count(&mut self) -> Result<u64, StoreError> {
        let value = self.int()?;
        u64::try_from(value).map_err(|_| Self::unreadable("a count", &Some(Cell::Int(value))))
    }

    /// A value kept as JSON; `what` says what it is, for the error.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self, what: &str) -> Result<T, StoreError> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|error| StoreError::Unreadable(format!("{what}: {error}")))
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        timestamp(self.int()?)
    }
}

/// A time as it is kept.
pub(crate) fn nanoseconds(at: Timestamp) -> Result<i64, StoreError> {
    // Until the year 2262.
    i64::try_from(at.as_nanosecond())
        .map_err(|_| StoreError::Unavailable(format!("{at} is too far away to be kept")))
}

/// A time as it was kept.
pub(crate) fn timestamp(nanoseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_nanosecond(i128::from(nanoseconds))
        .map_err(|error| StoreError::Unreadable(format!("a time: {error}")))
}

/// A question, put together from the conditions that there are, so that each finds its index.
#[derive(Debug, Clone)]
pub(crate) struct Select {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) args: Vec<Arg>,
}

impl Select {
    /// A whole statement.
    pub(crate) fn new(sql: &'static str, args: impl Into<Vec<Arg>>) -> Self {
        Self {
            sql: sql.into(),
            args: args.into(),
        }
    }

    fn place(&mut self, arg: Arg) -> String {
        self.args.push(arg);
        format!("${}", self.args.len())
    }

    /// Adds a condition without an argument.
    pub(crate) fn only(&mut self, condition: &str) {
        self.sql.to_mut().push_str(" AND ");
        self.sql.to_mut().push_str(condition);
    }

    /// Adds a condition: `column operator argument`.
    pub(crate) fn and(&mut self, comparison: &str, arg: impl Into<Arg>) {
        let place = self.place(arg.into());
        self.only(&format!("{comparison} {place}"));
    }

    /// Adds a condition if there is something to compare with.
    pub(crate) fn and_if(&mut self, comparison: &str, arg: Option<impl Into<Arg>>) {
        if let Some(arg) = arg {
            self.and(comparison, arg);
        }
    }

    /// Adds a condition of several arguments: each `{}` stands for one.
    pub(crate) fn and_all<const N: usize>(&mut self, condition: &str, args: [Arg; N]) {
        let condition = args.into_iter().fold(condition.to_owned(), |condition, arg| {
            condition.replacen("{}", &self.place(arg), 1)
        });
        self.only(&condition);
    }

    /// Adds a condition: the column is one of these. None of them means any.
    pub(crate) fn any_of<'a>(&mut self, column: &str, values: impl IntoIterator<Item = &'a str>) {
        let places: Vec<_> = values.into_iter().map(|value| self.place(value.into())).collect();
        if !places.is_empty() {
            self.only(&format!("{column} IN ({})", places.join(", ")));
        }
    }

    /// Ends it.
    pub(crate) fn ordered(mut self, order: &str, limit: u32) -> Self {
        let limit = if limit == 0 { USUAL_LIMIT } else { limit };
        let place = self.place(i64::from(limit).into());
        self.sql
            .to_mut()
            .push_str(&format!(" ORDER BY {order} LIMIT {place}"));
        self
    }
}

/// A connection that runs statements.
#[async_trait]
pub(crate) trait Session: Send {
    /// Runs a statement, and gives its rows.
    async fn rows(&mut self, statement: &Select) -> Result<Vec<Row>, sqlx::Error>;

    /// Runs a statement, and says how many rows it changed.
    async fn run(&mut self, statement: &Select) -> Result<u64, sqlx::Error>;
}

/// Makes a connection a [`Session`]. The two databases differ in the names of their types alone.
macro_rules! session {
    ($connection:ty, $row:ty, int: $int:pat, text: $text:pat) => {
        #[async_trait::async_trait]
        impl $crate::shared::Session for $connection {
            async fn rows(
                &mut self,
                statement: &$crate::shared::Select,
            ) -> Result<Vec<$crate::shared::Row>, sqlx::Error> {
                let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.sql.clone()));
                for arg in &statement.args {
                    query = match arg {
                        $crate::shared::Arg::Int(value) => query.bind(*value),
                        $crate::shared::Arg::Text(value) => {
                            query.bind(value.as_deref().map($crate::shared::kept))
                        }
                    };
                }
                let rows = query.fetch_all(self).await?;
                rows.iter().map(cells).collect()
            }

            async fn run(&mut self, statement: &$crate::shared::Select) -> Result<u64, sqlx::Error> {
                let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.sql.clone()));
                for arg in &statement.args {
                    query = match arg {
                        $crate::shared::Arg::Int(value) => query.bind(*value),
                        $crate::shared::Arg::Text(value) => {
                            query.bind(value.as_deref().map($crate::shared::kept))
                        }
                    };
                }
                Ok(query.execute(self).await?.rows_affected())
            }
        }

        fn cells(row: &$row) -> Result<$crate::shared::Row, sqlx::Error> {
            use sqlx::{Row as _, TypeInfo as _, ValueRef as _};
            let cells = (0..row.len()).map(|at| {
                let value = row.try_get_raw(at)?;
                if value.is_null() {
                    return Ok($crate::shared::Cell::Null);
                }
                match value.type_info().name() {
                    $int => row.try_get(at).map($crate::shared::Cell::Int),
                    $text => row.try_get(at).map($crate::shared::Cell::Text),
                    other => Err(sqlx::Error::Decode(
                        format!("column {at} is of the type {other}").into(),
                    )),
                }
            });
            cells
                .collect::<Result<Vec<_>, _>>()
                .map($crate::shared::Row::new)
        }
    };
}

pub(crate) use session;
