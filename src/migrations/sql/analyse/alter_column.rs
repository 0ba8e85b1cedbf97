//! Purpose: a column that is there, changed.

use super::{Analysis, Cursor, Work, alter_table::moment, constraint};
use crate::{
    lint::Level,
    sql::{LockLevel, Name, quoted},
};

const FULL: LockLevel = LockLevel::AccessExclusive;

/// `name action`, after ALTER COLUMN.
pub(super) fn alter(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    let column = at.ident().unwrap_or_default();
    let (t, c) = (table.sql(), quoted(&column));
    if at.eat("set data type") || at.eat("type") {
        let to = at.peek(0);
        what.destroys(format!("the type of {table}.{column}"));
        what.lock(table, FULL, Work::Rewrite);
        let hazard = what.hazard(
            "changing-column-type",
            Level::Refused,
            format!(
                "Unless the old values are good as they are (varchar to text, a longer varchar), {table} is written anew while \
                 nobody can read or write it; and what runs already meets another type."
            ),
        );
        hazard.scales(table).safe(format!(
            "-- 1. Add: ALTER TABLE {t} ADD COLUMN {n} {to};\n-- 2. Write both: a trigger, or the application.\n\
             -- 3. Copy, declared as a backfill: UPDATE {t} SET {n} = {c}::{to} WHERE {n} IS NULL;\n\
             -- 4. Release code that reads the new one.\n-- 5. Drop the old one by a contract.",
            n = quoted(&format!("{column}_new")),
        ));
    } else if at.eat("set not null") {
        what.lock(table, FULL, Work::Scan);
        what.sets_not_null.push((table.clone(), column.clone()));
        constraint::not_null(what, table, &column);
    } else if at.eat("drop not null") {
        moment(what, table);
        what.hazard(
            "ban-drop-not-null",
            Level::Warning,
            format!("What reads {table}.{column} may not be ready for null."),
        );
    } else if at.eat("drop default") {
        moment(what, table);
        what.hazard(
            "ban-drop-default",
            Level::Warning,
            format!("What inserts into {table} without {column} gets null, or fails."),
        );
    } else if at.eat("set default") {
        moment(what, table);
        what.additive = true;
    } else if at.sees("set statistics") || at.sees("set (") || at.sees("reset (") {
        what.lock(table, LockLevel::ShareUpdateExclusive, Work::Moment);
    } else if at.sees("set storage") || at.sees("set compression") {
        moment(what, table);
    } else if at.sees("add generated") {
        moment(what, table);
        what.additive = true;
    } else if at.sees("set expression") {
        what.destroys(format!("the values of {table}.{column}"));
        what.lock(table, FULL, Work::Rewrite);
        what.hazard(
            "ban-alter-generated-expression",
            Level::Refused,
            format!("{table} is written anew while nobody can read or write it."),
        )
        .scales(table);
    } else if at.sees("set generated")
        || at.sees("restart")
        || at.sees("drop identity")
        || at.sees("drop expression")
        || at.sees("set increment")
        || at.sees("set start")
        || at.sees("set minvalue")
        || at.sees("set maxvalue")
    {
        moment(what, table);
        what.hazard(
            "ban-alter-identity",
            Level::Warning,
            format!("The values that new rows of {table} get change at once; what inserts may not be ready for it."),
        );
    } else {
        moment(what, table);
        what.person(
            "unknown-statement",
            "This way of changing a column is not known here.",
        );
    }
}
