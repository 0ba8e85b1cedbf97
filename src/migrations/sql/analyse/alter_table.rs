//! Purpose: ALTER TABLE, action by action.

use super::{Analysis, Cursor, Probe, Work, alter_column, column, constraint};
use crate::{
    lint::Level,
    sql::{LockLevel, Name, quoted},
};

const FULL: LockLevel = LockLevel::AccessExclusive;

/// `[IF EXISTS] [ONLY] name action, …`, after ALTER TABLE.
pub(super) fn table(what: &mut Analysis, at: &mut Cursor<'_>) {
    if at.sees("all in tablespace") {
        what.person("unknown-statement", "It moves every table of a tablespace.");
        return;
    }
    let Some(table) = at.relation() else {
        what.person("unknown-statement", "Which table it changes cannot be read.");
        return;
    };
    while !at.is_done() {
        let mut part = at.part();
        if part.is_done() {
            break;
        }
        action(what, &table, &mut part);
    }
}

fn action(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    match at.peek(0).as_str() {
        "add" => {
            at.skip();
            let constrains = ["constraint", "check", "foreign", "unique", "primary", "exclude"];
            let names_column = at.eat("column");
            if !names_column && (constrains.contains(&at.peek(0).as_str()) || at.sees("not null")) {
                constraint::add(what, table, at);
            } else {
                column::add(what, table, at);
            }
        }
        "drop" => {
            at.skip();
            drops(what, table, at);
        }
        "alter" => {
            at.skip();
            if at.eat("constraint") {
                moment(what, table);
            } else {
                at.eat("column");
                alter_column::alter(what, table, at);
            }
        }
        "validate" => {
            at.eat("validate constraint");
            let name = at.ident().unwrap_or_default();
            what.additive = true;
            what.validates.push((table.clone(), name));
            what.lock(table, LockLevel::ShareUpdateExclusive, Work::Scan);
        }
        "rename" => {
            at.skip();
            renames(what, table, at);
        }
        "attach" => attaches(what, table, at),
        "detach" => detaches(what, table, at),
        "enable" | "disable" => switches(what, table, at),
        "force" | "no" if at.has("row level security") => {
            moment(what, table);
            what.person("row-security", "It changes who sees which rows.");
        }
        "inherit" | "no" | "of" | "not" => {
            moment(what, table);
            what.hazard(
                "changing-inheritance",
                Level::Warning,
                format!("What queries of {table}, or of its parent, see is another set of rows at once."),
            );
        }
        "set" | "reset" => sets(what, table, at),
        "cluster" => what.lock(table, LockLevel::ShareUpdateExclusive, Work::Moment),
        "owner" => {
            moment(what, table);
            what.person(
                "changing-rights",
                "It changes who owns the table, and so who may do what.",
            );
        }
        "replica" => {
            moment(what, table);
            what.hazard(
                "ban-replica-identity",
                Level::Warning,
                format!("What subscribers of {table} get of updates and deletes changes at once."),
            );
        }
        _ => what.person(
            "unknown-statement",
            "This way of changing a table is not known here.",
        ),
    }
}

pub(super) fn moment(what: &mut Analysis, table: &Name) {
    what.lock(table, FULL, Work::Moment);
}

fn drops(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    moment(what, table);
    let cascades = at.has("cascade");
    if at.eat("constraint") {
        at.eat("if exists");
        let name = at.ident().unwrap_or_default();
        what.hazard(
            "ban-drop-constraint",
            Level::Warning,
            format!("Without {name} nothing keeps wrong rows out of {table} any more. A foreign key's other table is locked, too."),
        );
    } else {
        at.eat("column");
        at.eat("if exists");
        let column = at.ident().unwrap_or_default();
        what.destroys(format!("column {table}.{column}"));
        what.hazard(
            "ban-drop-column",
            Level::Refused,
            format!("What still reads or writes {table}.{column} fails at once, and what was in it is gone."),
        )
        .safe(format!(
            "-- 1. Release code that does not name the column (also not by SELECT *).\n-- 2. See that nobody uses it: application, \
             ETL, reports.\n-- 3. Take the right to read it away for a while, and look.\n-- 4. Alone in a file, by a contract that \
             is ready:\nALTER TABLE {} DROP COLUMN {};",
            table.sql(),
            quoted(&column)
        ));
    }
    if cascades {
        cascade(what);
    }
}

/// CASCADE takes away what nobody listed.
pub(super) fn cascade(what: &mut Analysis) {
    what.destroys("whatever depends on it".to_owned());
    what.hazard(
        "cascade",
        Level::Refused,
        "CASCADE also drops whatever depends on it, which is not written here.",
    )
    .safe("-- Drop what depends on it by name, each for itself, and leave CASCADE out.");
}

fn renames(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    moment(what, table);
    if at.eat("constraint") {
        what.overrules.push("renaming-object");
        what.hazard(
            "renaming-constraint",
            Level::Advice,
            "Code that knows the constraint by its name (ON CONFLICT ON CONSTRAINT, error handling) has to know the new one.",
        );
    } else if at.eat("to") {
        what.destroys(format!("the name {table}"));
        let to = at.ident().unwrap_or_default();
        what.hazard(
            "renaming-table",
            Level::Refused,
            format!("What runs already asks for {table} and fails at once."),
        )
        .safe(format!(
            "-- In one file: the new name, and a view (it can be written to) under the old one for what runs already.\n\
             ALTER TABLE {t} RENAME TO {n};\nCREATE VIEW {t} AS SELECT * FROM {n};\n-- When nothing uses the view: drop it by a \
             contract.",
            t = table.sql(),
            n = quoted(&to),
        ));
    } else {
        at.eat("column");
        let column = at.ident().unwrap_or_default();
        at.eat("to");
        let to = at.ident().unwrap_or_default();
        what.destroys(format!("the name {table}.{column}"));
        what.hazard(
            "renaming-column",
            Level::Refused,
            format!("What runs already asks for {table}.{column} and fails at once."),
        )
        .safe(format!(
            "-- 1. ALTER TABLE {t} ADD COLUMN {n} …;\n-- 2. Write both: a trigger, or the application.\n-- 3. Copy, declared as a \
             backfill: UPDATE {t} SET {n} = {c} WHERE {n} IS NULL;\n-- 4. Release code that uses {n} alone.\n-- 5. Drop {c} by a \
             contract.",
            t = table.sql(),
            n = quoted(&to),
            c = quoted(&column),
        ));
    }
}

fn attaches(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    at.eat("attach partition");
    what.additive = true;
    what.lock(table, LockLevel::ShareUpdateExclusive, Work::Moment);
    if let Some(partition) = at.name() {
        what.lock(&partition, FULL, Work::Scan);
        what.hazard(
            "attaching-partition",
            Level::Warning,
            format!(
                "Every row of {partition} is read unless a validated CHECK says it fits, and every row of a default partition; nobody \
                 can read or write them meanwhile."
            ),
        )
        .safe(format!(
            "ALTER TABLE {p} ADD CONSTRAINT … CHECK (… the bounds …) NOT VALID;\n-- in a file of its own:\nALTER TABLE {p} VALIDATE \
             CONSTRAINT …;\n-- then attach it, and drop the check",
            p = partition.sql(),
        ))
        .scales(&partition);
    }
}

fn detaches(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    at.eat("detach partition");
    let Some(partition) = at.name() else {
        what.person("unknown-statement", "Which partition it detaches cannot be read.");
        return;
    };
    what.destroys(format!("the rows of {partition} in {table}"));
    let concurrently = at.has("concurrently");
    if concurrently || at.has("finalize") {
        what.lock(table, LockLevel::ShareUpdateExclusive, Work::Moment);
        what.lock(&partition, FULL, Work::Moment);
        if concurrently {
            what.never(Probe::Detached {
                parent: table.clone(),
                partition: partition.clone(),
            });
        }
    } else {
        moment(what, table);
        moment(what, &partition);
        what.hazard(
            "require-concurrent-partition-detach",
            Level::Refused,
            format!("Nobody can read or write {table}, or any of its partitions, until every query on it is done."),
        )
        .safe(format!(
            "-- in a file of its own, without a transaction:\nALTER TABLE {} DETACH PARTITION {} CONCURRENTLY;",
            table.sql(),
            partition.sql()
        ));
    }
    what.hazard(
        "detaching-partition",
        Level::Refused,
        format!("The rows of {partition} are missing from {table} at once."),
    );
}

fn switches(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    let off = at.peek(0) == "disable";
    if at.has("row level security") {
        moment(what, table);
        what.person("row-security", "It changes who sees which rows.");
    } else if at.has("trigger") {
        what.lock(table, LockLevel::ShareRowExclusive, Work::Moment);
        if off {
            what.hazard(
                "ban-disable-trigger",
                Level::Warning,
                format!("What the trigger keeps in order on {table} (foreign keys, too, with ALL) is not kept any more."),
            );
        } else {
            what.overrules.push("ban-disable-trigger");
        }
    } else {
        moment(what, table);
        what.hazard(
            "changing-rules",
            Level::Warning,
            format!("What a query of {table} does changes at once."),
        );
    }
}

fn sets(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    let rewrites = [
        "set logged",
        "set unlogged",
        "set tablespace",
        "set access method",
        "set with",
        "set without oids",
    ];
    if at.sees("set schema") {
        moment(what, table);
        what.destroys(format!("the name {table}"));
        what.hazard(
            "ban-set-schema",
            Level::Refused,
            format!("What runs already looks for {table} where it was, and fails at once."),
        )
        .safe("-- Leave a view under the old name, as for renaming a table.");
    } else if at.sees("set without cluster") {
        what.lock(table, LockLevel::ShareUpdateExclusive, Work::Moment);
    } else if let Some(words) = rewrites.iter().find(|words| at.sees(words)) {
        what.lock(table, FULL, Work::Rewrite);
        what.hazard(
            "rewriting-table",
            Level::Refused,
            format!(
                "{} copies {table} whole, while nobody can read or write it.",
                words.to_uppercase()
            ),
        )
        .scales(table);
    } else {
        // Storage parameters; a few of them (`user_catalog_table`) take more, none of them work.
        what.lock(table, LockLevel::ShareUpdateExclusive, Work::Moment);
    }
}
