//! Purpose: what a database says of who uses what is to go.

use crate::{
    contract::{Column, Nulls, Object, nulls, standing, writers::writes_null},
    postgres::{Fault, Session, fault},
    sql::Name,
};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, postgres::PgRow};
use std::time::Duration;

/// Something in the database that stands on it.
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
    /// Whether it is sure to use it: `SELECT *` may need a column or not, a table's name may stand for something else, and what is written
    /// may be NULL or not.
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
    /// When the statistics were reset last, in microseconds since 1970: with another moment than before, all calls came since.
    #[serde(default)]
    pub reset: Option<i64>,
    /// The share of rows in which a column is null, as the planner estimates it.
    pub null_share: Option<f64>,
    /// Which rows hold NULL, where that is what is to go.
    pub nulls: Option<Nulls>,
}

/// How long rows are counted: longer than a look may take, shorter than what anybody would notice of a plain read.
const LONGEST: Duration = Duration::from_secs(30);
/// How much of a statement is kept.
const SHOWN: usize = 300;

fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T, Fault>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|error| fault(&error, false))
}

/// Gathers what a database says of who uses it. Changes nothing.
///
/// # Errors
/// When it cannot be asked.
pub async fn evidence(session: &mut Session, object: &Object) -> Result<Evidence, Fault> {
    let mut found = Evidence::default();
    match object {
        Object::Column(column) => {
            let table = column.table.sql();
            found.dependents = dependents(session, &table, &column.column).await?;
            found.null_share = null_share(session, &table, &column.column).await?;
        }
        Object::Table(table) => found.dependents = dependents_of_table(session, table).await?,
        Object::Nulls(column) => {
            found.nulls = Some(nulls(session, column, LONGEST).await?);
            found.dependents = subscriptions(session, column).await?;
        }
    }
    let rows = session
        .rows("SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = \
               'pg_stat_statements'", &[])
        .await?;
    if let Some(row) = rows.first() {
        let schema: String = get(row, 0)?;
        match statements(session, &schema, object, &mut found).await {
            // The extension is there and the library is not loaded (55000): as if it were not there.
            Err(Fault::Sql(why)) if why.contains("55000") => {}
            other => other?,
        }
    }
    Ok(found)
}

/// The share of rows in which a column is null, from 0 to 1: of the table with its children, where that is known.
pub(super) async fn null_share(
    session: &mut Session,
    table: &str,
    column: &str,
) -> Result<Option<f64>, Fault> {
    let rows = session
        .rows(
            "SELECT s.null_frac::float8 FROM pg_stats s JOIN pg_class c ON c.oid = to_regclass($1) JOIN pg_namespace n ON n.oid = \
             c.relnamespace AND n.nspname = s.schemaname WHERE s.tablename = c.relname AND s.attname = $2 ORDER BY s.inherited DESC",
            &[table, column],
        )
        .await?;
    rows.first().map(|row| get(row, 0)).transpose()
}

/// What writes a table without a statement: replication from elsewhere, which stops where it is refused.
async fn subscriptions(session: &mut Session, column: &Column) -> Result<Vec<Dependent>, Fault> {
    let rows = session
        .rows(
            "SELECT format('subscription %s', s.subname) FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid WHERE r.srrelid \
             = to_regclass($1) ORDER BY 1",
            &[&column.table.sql()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Dependent {
                what: get(row, 0)?,
                certain: false,
            })
        })
        .collect()
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
    named_in_functions(session, column, &mut found).await?;
    Ok(found)
}

/// What refers to a table as a whole, or to any of its columns: views, functions with standard bodies or with its row as a type, foreign
/// keys and children of other tables, publications. Its own indexes, constraints, triggers and policies go with it, and are left out.
async fn dependents_of_table(session: &mut Session, table: &Name) -> Result<Vec<Dependent>, Fault> {
    let rows = session
        .rows(
            "WITH the AS (SELECT c.oid, c.reltype FROM pg_class c WHERE c.oid = to_regclass($1)) \
             SELECT DISTINCT CASE \
             WHEN d.classid = 'pg_rewrite'::regclass THEN (SELECT format('%s %s', CASE v.relkind WHEN 'm' THEN 'materialized view' ELSE \
             'view' END, v.oid::regclass) FROM pg_rewrite w JOIN pg_class v ON v.oid = w.ev_class WHERE w.oid = d.objid AND v.oid <> the.oid) \
             WHEN d.classid = 'pg_constraint'::regclass THEN (SELECT format('foreign key %s of %s', k.conname, k.conrelid::regclass) FROM \
             pg_constraint k WHERE k.oid = d.objid AND k.conrelid <> the.oid) \
             WHEN d.classid = 'pg_policy'::regclass THEN (SELECT format('policy %s of %s', l.polname, l.polrelid::regclass) FROM pg_policy l \
             WHERE l.oid = d.objid AND l.polrelid <> the.oid) \
             WHEN d.classid IN ('pg_trigger'::regclass, 'pg_publication_rel'::regclass) THEN NULL \
             WHEN d.classid = 'pg_class'::regclass THEN (SELECT format('table %s', h.inhrelid::regclass) FROM pg_inherits h WHERE h.inhparent \
             = the.oid AND h.inhrelid = d.objid) \
             ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END \
             FROM pg_depend d JOIN the ON (d.refclassid = 'pg_class'::regclass AND d.refobjid = the.oid) OR (d.refclassid = \
             'pg_type'::regclass AND d.refobjid = the.reltype) \
             WHERE d.deptype = 'n' OR (d.deptype = 'a' AND d.classid = 'pg_class'::regclass) \
             UNION SELECT format('publication %s', p.pubname) FROM pg_publication_tables p JOIN the ON to_regclass(format('%I.%I', \
             p.schemaname, p.tablename)) = the.oid ORDER BY 1",
            &[&table.sql()],
        )
        .await?;
    let mut found = Vec::new();
    for row in rows {
        let what: Option<String> = get(&row, 0)?;
        found.extend(what.map(|what| Dependent { what, certain: true }));
    }
    named_in_functions(session, &table.name, &mut found).await?;
    Ok(found)
}

/// Functions whose text has the name in it.
async fn named_in_functions(
    session: &mut Session,
    name: &str,
    found: &mut Vec<Dependent>,
) -> Result<(), Fault> {
    let rows = session
        .rows(
            r"SELECT format('function %s', p.oid::regprocedure) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.prosrc ~* ('\m' || regexp_replace($1, '(\W)', '\\\1', 'g') || '\M')
              ORDER BY 1",
            &[name],
        )
        .await?;
    for row in rows {
        found.push(Dependent {
            what: get(&row, 0)?,
            certain: false,
        });
    }
    Ok(())
}

async fn statements(
    session: &mut Session,
    schema: &str,
    object: &Object,
    found: &mut Evidence,
) -> Result<(), Fault> {
    let schema = crate::sql::quoted(schema);
    let rows = match object {
        Object::Column(Column { table, column }) => {
            session
                .rows(
                    &format!(
                        r"SELECT r.rolname::text, s.query, sum(s.calls)::int8, s.query ~* ('\m' || $2 || '\M') FROM {schema}.pg_stat_statements s
                          JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
                          WHERE s.query ~* ('\m' || $1 || '\M') AND (s.query ~* ('\m' || $2 || '\M') OR s.query ~ '(select|SELECT|returning|RETURNING|,)\s+([\w\.]+\.)?\*')
                          GROUP BY 1, 2, 4 ORDER BY 3 DESC LIMIT 200"
                    ),
                    &[&escaped(&table.name), &escaped(column)],
                )
                .await?
        }
        // Where a table can stand; anywhere else the name may be a column's or an alias.
        Object::Table(table) => {
            session
                .rows(
                    &format!(
                        r#"SELECT r.rolname::text, s.query, sum(s.calls)::int8,
                           s.query ~* ('(\m(from|join|into|update|table|only|using|copy)|,)\s+(\w+\.|"[^"]+"\.)?"?' || $1 || '\M') FROM {schema}.pg_stat_statements s
                           JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
                           WHERE s.query ~* ('\m' || $1 || '\M') GROUP BY 1, 2, 4 ORDER BY 3 DESC LIMIT 200"#
                    ),
                    &[&escaped(&table.name)],
                )
                .await?
        }
        Object::Nulls(Column { table, .. }) => {
            session
                .rows(
                    &format!(
                        r"SELECT r.rolname::text, s.query, sum(s.calls)::int8, false FROM {schema}.pg_stat_statements s
                          JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
                          WHERE s.query ~* ('\m' || $1 || '\M') AND s.query ~* '\m(insert|update|merge|copy)\M'
                          GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 200"
                    ),
                    &[&escaped(&table.name)],
                )
                .await?
        }
    };
    let written = match object.tightens() {
        Some(column) => Some((column, standing(session, column).await?.no_default)),
        None => None,
    };
    let mut uses = Vec::new();
    for row in rows {
        let statement: String = get(&row, 1)?;
        let calls: i64 = get(&row, 2)?;
        let certain = match written {
            None => get(&row, 3)?,
            Some((column, no_default)) => match writes_null(&statement, column, no_default) {
                Some(certain) => certain,
                None => continue,
            },
        };
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
            certain,
        });
    }
    let rows = session
        .rows(
            &format!(
                "SELECT dealloc::int8, greatest(extract(epoch FROM now() - stats_reset), 0)::int8, \
                 (extract(epoch FROM stats_reset) * 1000000)::int8 FROM {schema}.pg_stat_statements_info"
            ),
            &[],
        )
        .await?;
    if let Some(row) = rows.first() {
        let (forgotten, since): (i64, i64) = (get(row, 0)?, get(row, 1)?);
        found.forgotten = Some(forgotten.unsigned_abs());
        found.since_s = Some(since.unsigned_abs());
        found.reset = get(row, 2)?;
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
