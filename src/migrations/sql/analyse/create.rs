//! Purpose: CREATE.

use super::{Analysis, Build, Cursor, Probe, Work};
use crate::{
    lint::Level,
    sql::{LockLevel, Name},
};

/// After CREATE.
pub(super) fn object(what: &mut Analysis, at: &mut Cursor<'_>, text: &str) {
    let replaces = at.eat("or replace");
    for word in [
        "global",
        "local",
        "temp",
        "temporary",
        "unlogged",
        "recursive",
        "trusted",
        "procedural",
        "constraint",
    ] {
        at.eat(word);
    }
    what.additive = true;
    match at.peek(0).as_str() {
        "table" => table(what, at),
        "foreign" if at.sees("foreign table") => {}
        "unique" | "index" => index(what, at, text),
        "view" => {
            at.skip();
            if replaces && let Some(view) = at.name() {
                what.lock(&view, LockLevel::AccessExclusive, Work::Moment);
            }
        }
        "materialized" | "sequence" | "type" | "schema" | "collation" | "aggregate" | "operator" | "text"
        | "statistics" | "extension" => {}
        "domain" => {
            // A table with a column of the domain is made later; changing the constraint then is what hurts.
            if at.has("check") || at.has("not null") {
                what.hazard(
                    "ban-create-domain-with-constraint",
                    Level::Advice,
                    "A domain's constraint can hardly be changed once tables use it; a CHECK of the table can.",
                );
            }
        }
        "function" | "procedure" => {
            if replaces {
                what.hazard(
                    "replacing-function",
                    Level::Advice,
                    "What calls the function meets the new one at once, also what was released before.",
                );
            }
        }
        "trigger" => trigger(what, at),
        "rule" => {
            if at.seek("to")
                && at.eat("to")
                && let Some(table) = at.name()
            {
                what.lock(&table, LockLevel::AccessExclusive, Work::Moment);
            }
            what.hazard(
                "changing-rules",
                Level::Warning,
                "What a query of the table does changes at once.",
            );
        }
        "role" | "user" | "group" | "policy" => what.person("changing-rights", "It changes who may do what."),
        "database" | "tablespace" => {
            what.never(Probe::Unknown);
            what.person("changing-server", "It concerns the whole server.");
        }
        "subscription" => {
            what.never(Probe::Unknown);
            what.person(
                "changing-replication",
                "It begins to replicate from another server.",
            );
        }
        "publication" => what.person(
            "changing-replication",
            "It lets other servers replicate from this one.",
        ),
        _ => what.person(
            "unknown-statement",
            "What it makes is not known here, or concerns more than this application.",
        ),
    }
}

fn table(what: &mut Analysis, at: &mut Cursor<'_>) {
    at.skip();
    at.eat("if not exists");
    let Some(table) = at.name() else {
        what.person("unknown-statement", "Which table it makes cannot be read.");
        return;
    };
    if at.eat("partition of") {
        if let Some(parent) = at.name() {
            what.lock(&parent, LockLevel::AccessExclusive, Work::Moment);
            what.hazard(
                "create-partition-of",
                Level::Warning,
                format!(
                    "Nobody can read or write {parent} until it is made, and every row of a default partition is read. Attaching a \
                     table takes a weaker lock."
                ),
            )
            .safe(format!(
                "CREATE TABLE {t} (LIKE {p} INCLUDING ALL);\nALTER TABLE {p} ATTACH PARTITION {t} {rest};",
                t = table.sql(),
                p = parent.sql(),
                rest = at.text(),
            ))
            .scales(&parent);
        }
    } else {
        let mut seek = at.clone();
        while seek.has("references") {
            while !seek.eat("references") {
                seek.skip();
            }
            if let Some(referenced) = seek.name()
                && referenced != table
            {
                what.lock(&referenced, LockLevel::ShareRowExclusive, Work::Moment);
            }
        }
    }
    // Types in it that one regrets.
    if let Some(mut columns) = at.parens() {
        while !columns.is_done() {
            let mut column = columns.part();
            column.ident();
            if column.peek(0) == "json" {
                what.hazard(
                    "prefer-jsonb",
                    Level::Advice,
                    format!("json has no equality, so that SELECT DISTINCT and GROUP BY on {table} fail; jsonb has."),
                );
            }
        }
    }
    what.creates.push(table);
}

fn index(what: &mut Analysis, at: &mut Cursor<'_>, text: &str) {
    at.eat("unique");
    at.eat("index");
    let after_index = at.offset();
    let concurrently = at.eat("concurrently");
    let lenient = at.eat("if not exists");
    let index = if at.sees("on") { None } else { at.name() };
    at.eat("on");
    let Some(table) = at.relation() else {
        what.person(
            "unknown-statement",
            "On which table the index is built cannot be read.",
        );
        return;
    };
    if at.eat("using") {
        at.ident();
    }
    let columns = at.parens().map_or(0, |mut inside| {
        let mut count = 0;
        while !inside.is_done() {
            inside.part();
            count += 1;
        }
        count
    });
    what.build = Some(Build {
        index: index.clone(),
        table: table.clone(),
        concurrently,
    });
    if concurrently {
        what.lock(&table, LockLevel::ShareUpdateExclusive, Work::Build);
        // An index lies in the schema of its table.
        let placed = index.map(|index| Name {
            schema: table.schema.clone(),
            ..index
        });
        match placed {
            Some(index) => what.never(Probe::Index(index)),
            None => {
                what.never(Probe::Unknown);
                what.hazard(
                    "unnamed-index",
                    Level::Warning,
                    "Without a name nobody can tell after a crash whether it was built; an invalid one is left behind for good.",
                )
                .safe("CREATE INDEX CONCURRENTLY a_name ON …");
            }
        }
        if lenient {
            what.overrules.push("prefer-robust-stmts");
        }
    } else {
        what.lock(&table, LockLevel::Share, Work::Build);
        let rewritten = format!(
            "{}CONCURRENTLY {}",
            text.get(..after_index).unwrap_or_default(),
            text.get(after_index..).unwrap_or_default()
        );
        what.hazard(
            "require-concurrent-index-creation",
            Level::Refused,
            format!("Nobody can write {table} while the index is built."),
        )
        .safe(format!(
            "-- in a file of its own, without a transaction:\n{rewritten};"
        ))
        .scales(&table);
    }
    if columns > 3 {
        what.hazard(
            "wide-index",
            Level::Advice,
            format!("An index of {columns} columns is large and seldom used beyond the first three; is each of them needed?"),
        );
    }
}

fn trigger(what: &mut Analysis, at: &mut Cursor<'_>) {
    at.skip();
    at.name();
    if at.seek("on") {
        at.eat("on");
        if let Some(table) = at.name() {
            what.lock(&table, LockLevel::ShareRowExclusive, Work::Moment);
            what.hazard(
                "new-trigger",
                Level::Advice,
                format!("Every write of {table} runs it from then on, in the same transaction; what it costs, each of them pays."),
            );
        }
    }
}

/// `SELECT … INTO table`, which makes a table.
pub(super) fn select_into(what: &mut Analysis, name: Name) {
    what.additive = true;
    what.creates.push(name);
}
