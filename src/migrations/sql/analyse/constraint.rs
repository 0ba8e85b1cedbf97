//! Purpose: a constraint that is added to a table.

use super::{Analysis, Cursor, Work};
use crate::{
    lint::Level,
    sql::{LockLevel, Name, quoted},
};

/// `[CONSTRAINT name] CHECK … | UNIQUE … | PRIMARY KEY … | FOREIGN KEY … | EXCLUDE … | NOT NULL …`, after ADD.
pub(super) fn add(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    what.additive = true;
    let name = if at.eat("constraint") { at.ident() } else { None };
    let not_valid = at.has("not valid");
    let t = table.sql();
    let named = |usual: &str| quoted(&name.clone().unwrap_or_else(|| format!("{}_{usual}", table.name)));
    if at.eat("check") {
        let inside = at.parens();
        let body = inside.as_ref().map(Cursor::text).unwrap_or_default();
        if let (Some(mut inside), Some(name)) = (inside, &name) {
            // `column IS NOT NULL`, which SET NOT NULL can use later.
            while inside.eat("(") {}
            if let Some(column) = inside.ident()
                && inside.eat("is not null")
                && (inside.is_done() || inside.peek(0) == ")")
            {
                what.not_null_checks.push((table.clone(), name.clone(), column));
            }
        }
        let work = if not_valid { Work::Moment } else { Work::Scan };
        what.lock(table, LockLevel::AccessExclusive, work);
        if !not_valid {
            let n = named("check");
            what.hazard(
                "constraint-missing-not-valid",
                Level::Refused,
                format!(
                    "Every row of {table} is read to check it, while nobody can read or write the table."
                ),
            )
            .safe(format!(
                "ALTER TABLE {t} ADD CONSTRAINT {n} CHECK ({body}) NOT VALID;\n-- in a file of its own:\n\
                 ALTER TABLE {t} VALIDATE CONSTRAINT {n};"
            ))
            .scales(table);
        }
    } else if at.sees("foreign key") {
        let written = at.text();
        at.eat("foreign key");
        let columns = at.parens().map(|inside| inside.text()).unwrap_or_default();
        let work = if not_valid { Work::Moment } else { Work::Scan };
        what.lock(table, LockLevel::ShareRowExclusive, work);
        if at.eat("references")
            && let Some(referenced) = at.name()
        {
            what.lock(&referenced, LockLevel::ShareRowExclusive, work);
        }
        if !not_valid {
            let n = named(&format!(
                "{}_fkey",
                columns.replace(", ", "_").replace(['"', ' '], "")
            ));
            what.hazard(
                "adding-foreign-key-constraint",
                Level::Refused,
                format!("Every row of {table} is looked up, while nobody can write either table."),
            )
            .safe(format!(
                "ALTER TABLE {t} ADD CONSTRAINT {n} {written} NOT VALID;\n-- in a file of its own:\n\
                 ALTER TABLE {t} VALIDATE CONSTRAINT {n};"
            ))
            .scales(table);
        }
    } else if at.sees("unique") || at.sees("primary key") {
        let primary = at.eat("primary key");
        if !primary {
            at.skip();
        }
        let noun = if primary { "PRIMARY KEY" } else { "UNIQUE" };
        if at.has("using index") {
            // A primary key also makes its columns NOT NULL, for which the table is read unless they are already.
            let work = if primary { Work::Scan } else { Work::Moment };
            what.lock(table, LockLevel::AccessExclusive, work);
            if primary {
                what.hazard(
                    "primary-key-reads",
                    Level::Warning,
                    format!("Where a column of it may be null, every row of {table} is read, while nobody can read or write it."),
                )
                .safe(format!("-- before it:\nALTER TABLE {t} ALTER COLUMN … SET NOT NULL; -- by a validated CHECK"))
                .scales(table);
            }
            return;
        }
        let nulls = if at.eat("nulls not distinct") {
            " NULLS NOT DISTINCT"
        } else {
            ""
        };
        let columns = at.parens().map(|inside| inside.text()).unwrap_or_default();
        what.lock(table, LockLevel::AccessExclusive, Work::Build);
        let n = named(if primary { "pkey" } else { "key" });
        let rule = if primary {
            "adding-serial-primary-key-field"
        } else {
            "disallowed-unique-constraint"
        };
        what.hazard(
            rule,
            Level::Refused,
            format!("Its index is built while nobody can read or write {table}."),
        )
        .safe(format!(
            "-- in a file of its own, without a transaction:\nCREATE UNIQUE INDEX CONCURRENTLY {n} ON {t} ({columns}){nulls};\n\
             -- then:\nALTER TABLE {t} ADD CONSTRAINT {n} {noun} USING INDEX {n};"
        ))
        .scales(table);
    } else if at.eat("exclude") {
        what.lock(table, LockLevel::AccessExclusive, Work::Build);
        what.hazard(
            "exclusion-constraint",
            Level::Refused,
            format!(
                "Its index is built while nobody can read or write {table}, and PostgreSQL knows no other way. Make a new table \
                 with it, or take a maintenance window."
            ),
        )
        .scales(table);
    } else if at.eat("not null") {
        let column = at.ident().unwrap_or_default();
        let work = if not_valid { Work::Moment } else { Work::Scan };
        what.lock(table, LockLevel::AccessExclusive, work);
        if !not_valid {
            what.sets_not_null.push((table.clone(), column.clone()));
            not_null(what, table, &column);
        }
    } else {
        what.person(
            "unknown-statement",
            "What kind of constraint it adds is not known.",
        );
    }
}

/// A column is made NOT NULL.
pub(super) fn not_null(what: &mut Analysis, table: &Name, column: &str) {
    let (t, c) = (table.sql(), quoted(column));
    let check = quoted(&format!("{}_{column}_not_null", table.name));
    what.hazard(
        "adding-not-nullable-field",
        Level::Refused,
        format!("Every row of {table} is read to see that {column} has a value, while nobody can read or write the table."),
    )
    .safe(format!(
        "ALTER TABLE {t} ADD CONSTRAINT {check} CHECK ({c} IS NOT NULL) NOT VALID;\n-- in a file of its own:\n\
         ALTER TABLE {t} VALIDATE CONSTRAINT {check};\n-- in another, which uses the check and reads nothing:\n\
         ALTER TABLE {t} ALTER COLUMN {c} SET NOT NULL;\nALTER TABLE {t} DROP CONSTRAINT {check};"
    ))
    .scales(table);
}
