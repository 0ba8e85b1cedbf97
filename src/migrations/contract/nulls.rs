//! Purpose: how a column stands on its way to NOT NULL, and which of its rows hold NULL. Changes nothing.

use crate::{
    contract::{Column, tighten::Step},
    postgres::{Fault, Session, fault},
};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, postgres::PgRow};
use std::time::Duration;

/// So many rows are counted, no more.
const MOST: u64 = 10_000;
/// The first version that uses a validated check, so that SET NOT NULL reads nothing:
/// <https://www.postgresql.org/docs/12/release-12.html>.
const USES_CHECKS: i32 = 120_000;

/// The rows that hold NULL.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// None does.
    None,
    /// So many do, or [`Nulls::Many`].
    Rows(u64),
    /// More than ten thousand do.
    Many,
    /// The table is too large to be read in that time. What the planner's statistics say, which are a sample: the share of the
    /// rows, from 0 to 1, and how many that would be; none when nobody knows how many rows there are.
    Estimated {
        /// From 0 to 1.
        share: f64,
        /// About so many.
        rows: Option<u64>,
    },
    /// It is too large, and was never analysed.
    Unknown,
    /// It is NOT NULL already.
    Never,
}

/// Why a column cannot be made NOT NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Loose {
    /// There is no such table.
    #[error("there is no such table")]
    NoTable,
    /// There is no such column.
    #[error("there is no such column")]
    NoColumn,
    /// A view, or something else that keeps no rows of its own.
    #[error("it is no table: what a view, a foreign table or the like shows is kept elsewhere")]
    NotATable,
    /// It is in the primary key.
    #[error("it is in the primary key, so it is NOT NULL already")]
    Primary,
    /// It is so already.
    #[error("it is NOT NULL already")]
    Already,
    /// The server would read the table while nobody else can.
    #[error("PostgreSQL before 12 reads the whole table for it while nobody else can")]
    TooOld,
}

/// How a column stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Why it cannot be made NOT NULL, or need not.
    pub loose: Option<Loose>,
    /// Our check on it, and whether it is validated.
    pub check: Option<bool>,
    /// Whether a validated check of somebody else says the same.
    pub proven: bool,
    /// The schema of its table.
    pub(super) schema: String,
    /// Whether we may make something in that schema.
    pub(super) may_create: bool,
    /// Whether who leaves it out writes NULL, for sure: it has no default, and no trigger that could fill it.
    pub(super) no_default: bool,
    /// How many rows its table has, as far as the planner knows.
    rows: Option<u64>,
}

impl Standing {
    /// Whether it is NOT NULL.
    #[must_use]
    pub fn is_not_null(&self) -> bool {
        matches!(self.loose, Some(Loose::Already | Loose::Primary))
    }

    /// What is to be done next to make it NOT NULL; nothing when it is, and nothing of ours is left.
    #[must_use]
    pub fn next(&self) -> Option<Step> {
        match (self.is_not_null(), self.check) {
            (true, check) => check.map(|_| Step::DropCheck),
            (false, None) if self.proven => Some(Step::SetNotNull),
            (false, None) => Some(Step::AddCheck),
            (false, Some(false)) => Some(Step::Validate),
            (false, Some(true)) => Some(Step::SetNotNull),
        }
    }

    /// What is to be done next so that nothing of ours is left; nothing when that is so.
    #[must_use]
    pub fn back(&self) -> Option<Step> {
        self.check.map(|_| Step::DropCheck)
    }
}

fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T, Fault>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|error| fault(&error, false))
}

/// How a column stands, by the catalogue.
///
/// From PostgreSQL 18 on NOT NULL is a constraint that may not be validated: it counts when it is
/// (<https://www.postgresql.org/docs/18/catalog-pg-attribute.html>).
///
/// # Errors
/// When it cannot be asked.
pub async fn standing(session: &mut Session, column: &Column) -> Result<Standing, Fault> {
    let rows = session
        .rows(
            "SELECT c.relkind IN ('r', 'p'), a.attnum IS NOT NULL, \
             coalesce(a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = \
             ARRAY[a.attnum] AND NOT k.convalidated), false), \
             EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)), \
             (SELECT k.convalidated FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conname = $3), \
             EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated AND k.conname <> $3 AND \
             NOT k.connoinherit AND k.conkey = ARRAY[a.attnum] AND pg_get_expr(k.conbin, k.conrelid) = format('(%I IS NOT NULL)', \
             a.attname)), \
             n.nspname::text, has_schema_privilege(n.oid, 'CREATE'), \
             coalesce(NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '', false) AND NOT EXISTS (SELECT FROM pg_trigger t \
             WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 7 = 7), \
             CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END, current_setting('server_version_num')::int4 \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 \
             AND a.attnum > 0 AND NOT a.attisdropped WHERE c.oid = to_regclass($1)",
            &[&column.table.sql(), &column.column, &Step::check(column)],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(Standing {
            loose: Some(Loose::NoTable),
            check: None,
            proven: false,
            schema: String::new(),
            may_create: false,
            no_default: false,
            rows: None,
        });
    };
    let (table, there, not_null, primary): (bool, bool, bool, bool) =
        (get(row, 0)?, get(row, 1)?, get(row, 2)?, get(row, 3)?);
    let loose = match () {
        () if !table => Some(Loose::NotATable),
        () if !there => Some(Loose::NoColumn),
        () if primary => Some(Loose::Primary),
        () if not_null => Some(Loose::Already),
        () if get::<i32>(row, 10)? < USES_CHECKS => Some(Loose::TooOld),
        () => None,
    };
    Ok(Standing {
        loose,
        check: get(row, 4)?,
        proven: get(row, 5)?,
        schema: get(row, 6)?,
        may_create: get(row, 7)?,
        no_default: get(row, 8)?,
        rows: get::<Option<i64>>(row, 9)?.map(i64::unsigned_abs),
    })
}

/// Looks how many rows hold NULL: counts them, for so long at most, else says what the planner's statistics do.
///
/// # Errors
/// When the database cannot be asked.
pub async fn nulls(session: &mut Session, column: &Column, longest: Duration) -> Result<Nulls, Fault> {
    let stands = standing(session, column).await?;
    match stands.loose {
        Some(Loose::Already | Loose::Primary) => return Ok(Nulls::Never),
        Some(why) => return Err(Fault::Sql(why.to_string())),
        None => {}
    }
    let (table, name) = (column.table.sql(), crate::sql::quoted(&column.column));
    let most = longest.as_millis().max(1);
    session
        .run(&format!("SET statement_timeout = '{most}ms'"))
        .await?;
    // Rows that a policy hides would not be counted; with this they are an error instead.
    session.run("SET row_security = off").await?;
    // The comment keeps it from counting as a use of the column.
    let counted = session
        .rows(
            &format!(
                "/* otus: contract */ SELECT count(*)::int8 FROM (SELECT FROM {table} WHERE {name} IS NULL LIMIT {}) lacking",
                MOST + 1
            ),
            &[],
        )
        .await;
    match counted {
        Ok(rows) => {
            let count: i64 = rows.first().map_or(Ok(0), |row| get(row, 0))?;
            Ok(match count.unsigned_abs() {
                0 => Nulls::None,
                many if many > MOST => Nulls::Many,
                some => Nulls::Rows(some),
            })
        }
        // It took too long, or a policy hides rows.
        Err(Fault::Sql(why)) if why.contains("57014") || why.contains("42501") => {
            estimated(session, column, stands.rows).await
        }
        Err(Fault::Stopped) => estimated(session, column, stands.rows).await,
        Err(fault) => Err(fault),
    }
}

/// What the planner's statistics say.
async fn estimated(session: &mut Session, column: &Column, rows: Option<u64>) -> Result<Nulls, Fault> {
    let share = super::evidence::null_share(session, &column.table.sql(), &column.column).await?;
    Ok(share.map_or(Nulls::Unknown, |share| Nulls::of_sample(share, rows)))
}

impl Nulls {
    /// What a sample says of a table with so many rows.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an estimate, and the share is from 0 to 1"
    )]
    fn of_sample(share: f64, rows: Option<u64>) -> Self {
        let share = share.clamp(0.0, 1.0);
        Self::Estimated {
            share,
            rows: rows.map(|rows| (rows as f64 * share) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stands(not_null: bool, check: Option<bool>, proven: bool) -> Standing {
        Standing {
            loose: not_null.then_some(Loose::Already),
            check,
            proven,
            schema: "public".into(),
            may_create: true,
            no_default: true,
            rows: Some(1_000),
        }
    }

    /// What a step does to it.
    fn done(mut stands: Standing, step: Step) -> Standing {
        match step {
            Step::AddCheck => stands.check = Some(false),
            Step::Validate => stands.check = Some(true),
            Step::SetNotNull => {
                // PostgreSQL would read the table under its strongest lock.
                assert!(stands.proven || stands.check == Some(true), "{stands:?}");
                stands.loose = Some(Loose::Already);
            }
            Step::DropCheck => stands.check = None,
        }
        stands
    }

    proptest! {
        /// Wherever it begins, whoever dies in between and whatever is given up: it ends NOT NULL, or as it was, and nothing is left.
        #[test]
        fn it_comes_to_its_end_from_everywhere(
            not_null: bool,
            check in prop::option::of(any::<bool>()),
            proven: bool,
            given_up in prop::option::of(0..4_usize),
        ) {
            let mut now = stands(not_null, check, proven);
            let mut steps = 0;
            while let Some(step) = now.next() {
                if given_up == Some(steps) && !now.is_not_null() {
                    while let Some(step) = now.back() {
                        now = done(now, step);
                    }
                    prop_assert_eq!(now.is_not_null(), not_null);
                    prop_assert_eq!(now.check, None);
                    return Ok(());
                }
                now = done(now, step);
                steps += 1;
                prop_assert!(steps <= 4);
            }
            prop_assert!(now.is_not_null() && now.check.is_none());
        }
    }

    #[test]
    fn a_sample_is_said_as_one() {
        let many = Nulls::of_sample(0.25, Some(1_000_000));
        assert_eq!(
            many,
            Nulls::Estimated {
                share: 0.25,
                rows: Some(250_000)
            }
        );
        let unknown = Nulls::of_sample(2.0, None);
        assert_eq!(
            unknown,
            Nulls::Estimated {
                share: 1.0,
                rows: None
            }
        );
    }
}
