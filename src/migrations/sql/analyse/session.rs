//! Purpose: what neither makes, changes nor drops: maintenance, settings, transactions, code.

use super::{Analysis, Cursor, Probe, Work};
use crate::{lint::Level, sql::LockLevel};

/// Every statement that begins with none of the words that are treated elsewhere.
pub(super) fn other(what: &mut Analysis, at: &mut Cursor<'_>) {
    match at.peek(0).as_str() {
        "vacuum" => vacuum(what, at),
        "analyze" | "analyse" => {
            at.skip();
            at.parens();
            at.eat("verbose");
            for table in at.relations() {
                what.lock(&table, LockLevel::ShareUpdateExclusive, Work::Scan);
            }
        }
        "reindex" => reindex(what, at),
        "cluster" | "repack" => {
            at.skip();
            at.parens();
            at.eat("verbose");
            if let Some(table) = at.name() {
                what.lock(&table, LockLevel::AccessExclusive, Work::Rewrite);
                rewrites(what, "CLUSTER").scales(&table);
            } else {
                what.never(Probe::Repeat);
                rewrites(what, "CLUSTER");
            }
        }
        "refresh" => {
            at.eat("refresh materialized view");
            let concurrently = at.eat("concurrently");
            let Some(view) = at.name() else { return };
            if concurrently {
                what.lock(&view, LockLevel::Exclusive, Work::Rows);
            } else {
                what.lock(&view, LockLevel::AccessExclusive, Work::Rewrite);
                what.hazard(
                    "refresh-blocks-reads",
                    Level::Refused,
                    format!("Nobody can read {view} until its query is done."),
                )
                .safe(format!(
                    "-- it needs a unique index on all rows\nREFRESH MATERIALIZED VIEW CONCURRENTLY {};",
                    view.sql()
                ))
                .scales(&view);
            }
        }
        "lock" => {
            at.skip();
            at.eat("table");
            for table in at.relations() {
                what.lock(&table, LockLevel::AccessExclusive, Work::Moment);
            }
            what.hazard(
                "lock-table",
                Level::Refused,
                "It holds the table until the end of the transaction, whatever that does.",
            )
            .safe("-- Leave it out: each statement takes the lock it needs, when it needs it.");
        }
        "set" => set(what, at),
        "reset" | "discard" => {
            what.hazard(
                "session-settings",
                Level::Refused,
                "It takes back the timeouts that keep the migration from stalling others.",
            )
            .safe("-- Leave it out: settings of a file end with it.");
        }
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => {
            what.transaction = super::Transaction::Control;
        }
        "prepare" if at.sees("prepare transaction") => what.transaction = super::Transaction::Control,
        "comment" => what.additive = true,
        "grant" => {
            what.additive = true;
            what.overrules.push("ban-revoke");
        }
        "revoke" => what.person("changing-rights", "Who uses the right fails at once."),
        "do" | "call" | "execute" | "prepare" => {
            what.person(
                "dynamic-sql",
                "It runs code, and what that does is not written here.",
            );
        }
        "explain" if at.has("analyze") => {
            what.person("dynamic-sql", "EXPLAIN ANALYZE carries the statement out.")
        }
        "explain" | "show" | "notify" | "checkpoint" => {}
        _ => what.person("unknown-statement", "This statement is not known here."),
    }
}

fn rewrites<'a>(what: &'a mut Analysis, verb: &str) -> &'a mut super::Hazard {
    what.hazard(
        "rewriting-table",
        Level::Refused,
        format!("{verb} writes the table anew with all its indexes, while nobody can read or write it."),
    )
    .safe("-- Outside of migrations: pg_repack, or pg_squeeze, which leave the table usable.")
}

fn vacuum(what: &mut Analysis, at: &mut Cursor<'_>) {
    at.skip();
    what.never(Probe::Repeat);
    let mut full = false;
    if let Some(options) = at.parens() {
        full = options.has("full") && !options.has("full false") && !options.has("full off");
    }
    loop {
        if at.eat("full") {
            full = true;
        } else if !(at.eat("freeze") || at.eat("verbose") || at.eat("analyze") || at.eat("analyse")) {
            break;
        }
    }
    let tables = at.relations();
    let (level, work) = if full {
        (LockLevel::AccessExclusive, Work::Rewrite)
    } else {
        (LockLevel::ShareUpdateExclusive, Work::Scan)
    };
    for table in &tables {
        what.lock(table, level, work);
    }
    if full {
        let hazard = rewrites(what, "VACUUM FULL");
        if let Some(table) = tables.first() {
            hazard.scales(table);
        }
    }
}

fn reindex(what: &mut Analysis, at: &mut Cursor<'_>) {
    at.skip();
    let options = at.parens();
    let kind = at.peek(0);
    at.skip();
    let concurrently = at.eat("concurrently") || options.is_some_and(|options| options.has("concurrently"));
    let name = at.name();
    if matches!(kind.as_str(), "schema" | "database" | "system") || concurrently {
        what.never(Probe::Repeat);
    }
    let level = match (concurrently, kind.as_str()) {
        (true, _) => LockLevel::ShareUpdateExclusive,
        (false, "index") => LockLevel::AccessExclusive,
        (false, _) => LockLevel::Share,
    };
    if let Some(name) = &name {
        what.lock(name, level, Work::Build);
    }
    if !concurrently {
        let hazard = what.hazard(
            "require-concurrent-reindex",
            Level::Refused,
            "Nobody can write the table, or read by the index, while it is built anew.",
        );
        if let Some(name) = &name {
            hazard.scales(name).safe(format!(
                "-- in a file of its own, without a transaction:\nREINDEX {} CONCURRENTLY {};",
                kind.to_uppercase(),
                name.sql()
            ));
        }
    }
}

fn set(what: &mut Analysis, at: &mut Cursor<'_>) {
    at.skip();
    if at.eat("constraints") || at.sees("transaction") {
        return;
    }
    let local = at.eat("local");
    at.eat("session");
    let name = at.peek(0);
    match name.as_str() {
        "role" | "authorization" => what.person("changing-rights", "What follows is done as somebody else."),
        "lock_timeout" | "statement_timeout" | "idle_in_transaction_session_timeout" => {
            what.hazard(
                "session-settings",
                Level::Warning,
                format!("{name} is set for every statement when it runs; what the file says is passed over."),
            )
            .safe("-- Leave it out.");
        }
        "search_path" if !local => {
            what.hazard(
                "session-settings",
                Level::Warning,
                "Names without a schema mean something else from here on; write the schema instead.",
            );
        }
        "session_replication_role" => {
            what.person(
                "changing-rights",
                "Triggers and foreign keys are not kept any more.",
            );
        }
        _ => {}
    }
}
