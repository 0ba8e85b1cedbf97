//! The steps that bring a schema up to date, as `sqlx` runs them.

use sqlx::{
    AssertSqlSafe, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// A step: its number, a word on it, its statements.
pub(crate) type Step = (i64, &'static str, &'static str);

/// What runs them. Not its `run` is to be called, but `run_direct`: through the `Acquire` of the former, a future that opens a store
/// could not be spawned.
pub(crate) fn migrator(steps: &[Step]) -> Migrator {
    let migrations = steps.iter().map(|&(version, description, sql)| {
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            AssertSqlSafe(sql).into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

/// The newest step there is.
pub(crate) fn newest(steps: &[Step]) -> i64 {
    steps
        .iter()
        .map(|(version, ..)| *version)
        .max()
        .unwrap_or_default()
}
