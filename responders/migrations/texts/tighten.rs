//! What is said of a column that is to be NOT NULL.

use otus::markup::{bold, code};
use otus_migrations::contract::{At, Column, Loose, Step, Withheld};

use super::LONGEST;
use crate::settings::Settings;
use crate::words::{count, cut, duration};

/// Why is missing.
pub(crate) fn why_tighten(column: &str) -> String {
    format!(
        "Say why, so that those who have to agree know: {}.",
        code(&format!(
            "contract tighten {column} because every row has had one since 2024"
        ))
    )
}

/// Not a column.
pub(crate) fn not_a_column(said: &str) -> String {
    format!("{} is no column: write {}.", code(said), code("<table>.<column>"))
}

/// It cannot be, or is already.
pub(crate) fn cannot_tighten(column: &Column, why: Loose) -> String {
    format!("{} cannot be tightened: {why}.", code(&column.to_string()))
}

/// A file is not needed.
pub(crate) fn needs_no_file() -> String {
    "NOT NULL is set in steps that are always the same, and by no file, so it has no version.".into()
}

/// From whom NULL is withheld.
pub(crate) fn whoever_writes() -> String {
    "whoever writes".into()
}

/// What changes while it is withheld: of a role, or for all who write.
pub(crate) fn rights_of(withheld: &Withheld) -> String {
    use otus_migrations::contract::Object;
    let role = withheld.role.as_deref().unwrap_or_default();
    match &withheld.object {
        Object::Column(column) => format!("what {role} may read of {}", column.table),
        Object::Table(table) => format!("what {role} may do with {table}"),
        Object::Nulls(column) => format!("what may be written into {column}"),
    }
}

/// The table is in use.
pub(crate) fn in_use(tries: u32) -> String {
    format!(
        "The table was in use {} in a row. I step back each time, so that nobody waits behind me.",
        count(usize::try_from(tries).unwrap_or(usize::MAX), "time")
    )
}

/// It was cancelled before it was withheld.
pub(crate) fn was_cancelled() -> String {
    "it was cancelled".into()
}

/// Somebody was refused.
pub(crate) fn was_refused(role: Option<&str>, consumer: Option<&str>) -> String {
    match (role, consumer) {
        (Some(role), Some(consumer)) => format!("{consumer} (as {role}) tried to write NULL, and failed"),
        (Some(role), None) => {
            format!("{role}, whom no consumer is configured for, tried to write NULL, and failed")
        }
        (None, _) => "somebody tried to write NULL, and failed".into(),
    }
}

/// Somebody meddled.
pub(crate) fn taken_away() -> String {
    "somebody took the check away before its time, so nobody knows who would have failed".into()
}

/// The heading of making it so.
pub(crate) fn tighten(column: &Column, environment: &str) -> String {
    format!(
        "Make {} NOT NULL in {}",
        bold(&column.to_string()),
        bold(environment)
    )
}

/// How it is now.
pub(crate) fn may_be_null(already: bool) -> String {
    match already {
        true => "NOT NULL".into(),
        false => "may be NULL".into(),
    }
}

/// What it means.
pub(crate) fn null_fails_for_good(column: &Column) -> String {
    format!(
        "Whoever writes NULL into {} fails from the first step on.",
        code(&column.to_string())
    )
}

/// The rule that asks for an approval.
pub(crate) fn refuses_for_good(column: &Column) -> String {
    format!("it refuses NULL in {} for good", code(&column.to_string()))
}

/// How it is done.
pub(crate) fn tighten_steps(column: &Column, settings: &Settings) -> String {
    let steps = [Step::AddCheck, Step::Validate, Step::SetNotNull, Step::DropCheck];
    let steps: Vec<String> = steps
        .into_iter()
        .map(|step| format!("{} ({})", code(&step.sql(column)), what_it_costs(step)))
        .collect();
    format!(
        "In steps: {}. Each waits {} for the table at most, steps back and tries again. A row that holds NULL ends it, and nothing is left of \
         it then.",
        steps.join("; "),
        duration(settings.lock_timeout)
    )
}

fn what_it_costs(step: Step) -> &'static str {
    match step {
        Step::AddCheck => "a moment; no row is read",
        Step::Validate => "reads every row; blocks neither reads nor writes",
        Step::SetNotNull => "a moment; the check is believed",
        Step::DropCheck => "a moment",
    }
}

/// Where it is.
pub(crate) fn tightening(column: &Column, at: &At) -> String {
    let what = match (at.step, at.back) {
        (Step::AddCheck, _) => "NULL is being refused from now on",
        (Step::Validate, _) => "Every row is read, whether it holds NULL; reads and writes go on",
        (Step::SetNotNull, _) => "NOT NULL is being set",
        (Step::DropCheck, false) => "It is NOT NULL; the check that is needed no more goes",
        (Step::DropCheck, true) => "It is taken back: the check goes",
    };
    let mut text = format!("{what}: {}.", code(&at.step.sql(column)));
    if at.tries > 0 {
        text = format!("{text} {}", in_use(at.tries));
    }
    match &at.trouble {
        Some(trouble) => format!(
            "{text} It does not work yet, and I keep trying: {}.",
            cut(trouble, LONGEST).trim_end_matches('.')
        ),
        None => text,
    }
}

/// It is so.
pub(crate) fn tightened(column: &Column, environment: &str) -> String {
    format!(
        "{} is NOT NULL in {}",
        bold(&column.to_string()),
        bold(environment)
    )
}

/// New databases should have it, too.
pub(crate) fn write_it_down(column: &Column) -> String {
    format!(
        "Write {} into a migration, so that a new database has it, too; here it changes nothing any more.",
        code(&Step::SetNotNull.sql(column))
    )
}

/// It is not so.
pub(crate) fn not_tightened(column: &Column, environment: &str) -> String {
    format!(
        "{} may still be NULL in {}",
        bold(&column.to_string()),
        bold(environment)
    )
}

/// A row holds NULL.
pub(crate) fn null_was_found(column: &Column) -> String {
    format!(
        "A row holds NULL in {}, so nothing was changed, and the check is gone again. Fill it by a backfill, and look again.",
        code(&column.to_string())
    )
}

/// It did not work.
pub(crate) fn tightening_failed(why: &str) -> String {
    format!(
        "Nothing was changed: {}.",
        cut(why, LONGEST).trim_end_matches('.')
    )
}

/// It was stopped.
pub(crate) fn tightening_stopped() -> String {
    "It was cancelled, and nothing is left of it.".into()
}

/// Another database.
pub(crate) fn only_postgres() -> String {
    "it is SQLite, which cannot change a column; make a new table, and copy it".into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn email() -> Column {
        Column::read("users.email").unwrap()
    }

    #[test]
    fn what_is_done_is_said_before() {
        let settings = Settings {
            lock_timeout: Duration::from_millis(500),
            ..Settings::default()
        };
        insta::assert_snapshot!(tighten_steps(&email(), &settings), @"In steps: `ALTER TABLE users ADD CONSTRAINT otus_not_null_email CHECK (email IS NOT NULL) NOT VALID` (a moment; no row is read); `ALTER TABLE users VALIDATE CONSTRAINT otus_not_null_email` (reads every row; blocks neither reads nor writes); `ALTER TABLE users ALTER COLUMN email SET NOT NULL` (a moment; the check is believed); `ALTER TABLE users DROP CONSTRAINT otus_not_null_email` (a moment). Each waits 500 ms for the table at most, steps back and tries again. A row that holds NULL ends it, and nothing is left of it then.");
    }

    #[test]
    fn where_it_is_is_said() {
        let at = |step, tries, back, trouble: Option<&str>| {
            let trouble = trouble.map(str::to_owned);
            tightening(
                &email(),
                &At {
                    step,
                    tries,
                    back,
                    trouble,
                },
            )
        };
        let all = [
            at(Step::AddCheck, 0, false, None),
            at(Step::Validate, 0, false, None),
            at(Step::SetNotNull, 1, false, None),
            at(Step::DropCheck, 0, false, None),
            at(
                Step::DropCheck,
                3,
                true,
                Some("the database cannot be reached: no answer."),
            ),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        NULL is being refused from now on: `ALTER TABLE users ADD CONSTRAINT otus_not_null_email CHECK (email IS NOT NULL) NOT VALID`.
        Every row is read, whether it holds NULL; reads and writes go on: `ALTER TABLE users VALIDATE CONSTRAINT otus_not_null_email`.
        NOT NULL is being set: `ALTER TABLE users ALTER COLUMN email SET NOT NULL`. The table was in use 1 time in a row. I step back each time, so that nobody waits behind me.
        It is NOT NULL; the check that is needed no more goes: `ALTER TABLE users DROP CONSTRAINT otus_not_null_email`.
        It is taken back: the check goes: `ALTER TABLE users DROP CONSTRAINT otus_not_null_email`. The table was in use 3 times in a row. I step back each time, so that nobody waits behind me. It does not work yet, and I keep trying: the database cannot be reached: no answer.
        ");
    }

    #[test]
    fn how_it_ends_is_said() {
        let all = [
            why_tighten("users.email"),
            not_a_column("users"),
            cannot_tighten(&email(), Loose::Primary),
            cannot_tighten(&email(), Loose::NotATable),
            was_refused(Some("app"), Some("shop")),
            was_refused(Some("app"), None),
            was_refused(None, None),
            null_was_found(&email()),
            tightening_failed("the table was in use 300 times in a row."),
            write_it_down(&email()),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        Say why, so that those who have to agree know: `contract tighten users.email because every row has had one since 2024`.
        `users` is no column: write `<table>.<column>`.
        `users.email` cannot be tightened: it is in the primary key, so it is NOT NULL already.
        `users.email` cannot be tightened: it is no table: what a view, a foreign table or the like shows is kept elsewhere.
        shop (as app) tried to write NULL, and failed
        app, whom no consumer is configured for, tried to write NULL, and failed
        somebody tried to write NULL, and failed
        A row holds NULL in `users.email`, so nothing was changed, and the check is gone again. Fill it by a backfill, and look again.
        Nothing was changed: the table was in use 300 times in a row.
        Write `ALTER TABLE users ALTER COLUMN email SET NOT NULL` into a migration, so that a new database has it, too; here it changes nothing any more.
        ");
    }
}
