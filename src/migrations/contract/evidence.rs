//! Purpose: what a database says of who uses a column.

use crate::{
    postgres::{Fault, Session, fault},
    sql::Name,
};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, postgres::PgRow};
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

/// Something in the database that stands on the column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependent {
    /// `view`, `index`, `trigger`, `publication` …, as PostgreSQL describes it.
    pub what: String,
    /// Whether it is known from the catalogue; else its name was only found in a function's text.
    pub certain: bool,
}

/// Statements of a role that use it, or may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Who.
    pub role: String,
    /// The statement, as `pg_stat_statements` keeps it: without values.
    pub statement: String,
    /// How often, since the statistics were reset.
    pub calls: u64,
    /// Whether it names the column; `SELECT *` may use it or not.
    pub certain: bool,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What stands on it.
    pub dependents: Vec<Dependent>,
    /// Who asks for it; nothing when `pg_stat_statements` is not there.
    pub uses: Option<Vec<Use>>,
    /// How many statements were pushed out of the statistics: with any, "nobody" is only "nobody seen".
    pub forgotten: Option<u64>,
    /// For how long the statistics go back, in seconds.
    pub since_s: Option<u64>,
    /// The share of rows in which it is null, as the planner estimates it.
    pub null_share: Option<f64>,
}

/// How much of a statement is kept.
const SHOWN: usize = 300;

fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T, Fault>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|error| fault(&error, false))
}

/// Gathers what a database says of who uses a column. Changes nothing.
///
/// # Errors
/// When it cannot be asked.
pub async fn evidence(session: &mut Session, column: &Column) -> Result<Evidence, Fault> {
    let table = column.table.sql();
    let mut found = Evidence {
        dependents: dependents(session, &table, &column.column).await?,
        ..Evidence::default()
    };
    let rows = session
        .rows(
            "SELECT s.null_frac::float8 FROM pg_stats s JOIN pg_class c ON c.oid = to_regclass($1) JOIN pg_namespace n ON n.oid = \
             c.relnamespace AND n.nspname = s.schemaname WHERE s.tablename = c.relname AND s.attname = $2",
            &[&table, &column.column],
        )
        .await?;
    if let Some(row) = rows.first() {
        found.null_share = Some(get(row, 0)?);
    }
    let rows = session
        .rows("SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = \
               'pg_stat_statements'", &[])
        .await?;
    if let Some(row) = rows.first() {
        let schema: String = get(row, 0)?;
        match statements(session, &schema, column, &mut found).await {
            // The extension is there and the library is not loaded (55000): as if it were not there.
            Err(Fault::Sql(why)) if why.contains("55000") => {}
            other => other?,
        }
    }
    Ok(found)
}

/// `pg_depend` knows views, indexes, triggers, publications, generated columns and SQL-standard bodies; the text of other functions
/// is searched.
async fn dependents(session: &mut Session, table: &str, column: &str) -> Result<Vec<Dependent>, Fault> {
    let rows = session
        .rows(
            "WITH the AS (SELECT a.attrelid, a.attnum FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attname = $2) \
             SELECT DISTINCT CASE WHEN d.classid = 'pg_rewrite'::regclass THEN (SELECT format('%s %s', CASE v.relkind WHEN 'm' THEN \
             'materialized view' ELSE 'view' END, v.oid::regclass) FROM pg_rewrite w JOIN pg_class v ON v.oid = w.ev_class WHERE w.oid = \
             d.objid) ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END \
             FROM pg_depend d JOIN the ON d.refobjid = the.attrelid AND d.refobjsubid = the.attnum \
             WHERE d.refclassid = 'pg_class'::regclass AND d.deptype <> 'i' \
             UNION SELECT format('publication %s (its column list)', p.pubname) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = \
             r.prpubid JOIN the ON r.prrelid = the.attrelid WHERE the.attnum = ANY(r.prattrs::int2[]) ORDER BY 1",
            &[table, column],
        )
        .await?;
    let mut found = Vec::new();
    for row in rows {
        found.push(Dependent {
            what: get(&row, 0)?,
            certain: true,
        });
    }
    let rows = session
        .rows(
            r"SELECT format('function %s', p.oid::regprocedure) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.prosrc ~* ('\m' || regexp_replace($1, '(\W)', '\\\1', 'g') || '\M')
              ORDER BY 1",
            &[column],
        )
        .await?;
    for row in rows {
        found.push(Dependent {
            what: get(&row, 0)?,
            certain: false,
        });
    }
    Ok(found)
}

async fn statements(
    session: &mut Session,
    schema: &str,
    column: &Column,
    found: &mut Evidence,
) -> Result<(), Fault> {
    let schema = crate::sql::quoted(schema);
    let rows = session
        .rows(
            &format!(
                r"SELECT r.rolname::text, s.query, sum(s.calls)::int8, s.query ~* ('\m' || $2 || '\M') FROM {schema}.pg_stat_statements s
                  JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
                  WHERE s.query ~* ('\m' || $1 || '\M') AND (s.query ~* ('\m' || $2 || '\M') OR s.query ~ '(select|SELECT|returning|RETURNING|,)\s+([\w\.]+\.)?\*')
                  GROUP BY 1, 2, 4 ORDER BY 3 DESC LIMIT 200"
            ),
            &[&escaped(&column.table.name), &escaped(&column.column)],
        )
        .await?;
    let mut uses = Vec::new();
    for row in rows {
        let statement: String = get(&row, 1)?;
        let calls: i64 = get(&row, 2)?;
        uses.push(Use {
            role: get(&row, 0)?,
            statement: statement
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .chars()
                .take(SHOWN)
                .collect(),
            calls: calls.unsigned_abs(),
            certain: get(&row, 3)?,
        });
    }
    let rows = session
        .rows(
            &format!(
                "SELECT dealloc::int8, greatest(extract(epoch FROM now() - stats_reset), 0)::int8 FROM {schema}.pg_stat_statements_info"
            ),
            &[],
        )
        .await?;
    if let Some(row) = rows.first() {
        let (forgotten, since): (i64, i64) = (get(row, 0)?, get(row, 1)?);
        found.forgotten = Some(forgotten.unsigned_abs());
        found.since_s = Some(since.unsigned_abs());
    }
    found.uses = Some(uses);
    Ok(())
}

/// A name as a regular expression.
fn escaped(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if !(letter.is_alphanumeric() || letter == '_') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}
