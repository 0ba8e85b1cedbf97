//! Purpose: DROP and TRUNCATE.

use super::{Analysis, Cursor, Probe, Work, alter_table::cascade};
use crate::{lint::Level, sql::LockLevel};

/// After DROP.
pub(super) fn object(what: &mut Analysis, at: &mut Cursor<'_>) {
    let cascades = at.has("cascade");
    match at.peek(0).as_str() {
        "index" => {
            at.skip();
            let concurrently = at.eat("concurrently");
            let names = at.relations();
            let list: Vec<String> = names.iter().map(ToString::to_string).collect();
            if concurrently {
                for name in &names {
                    what.lock(name, LockLevel::ShareUpdateExclusive, Work::Moment);
                }
                what.never(Probe::NoIndex(names.clone()));
            } else {
                for name in &names {
                    what.lock(name, LockLevel::AccessExclusive, Work::Moment);
                }
                what.hazard(
                    "require-concurrent-index-deletion",
                    Level::Refused,
                    "Nobody can read or write the index' table until every query on it is done.",
                )
                .safe(format!(
                    "-- in a file of its own, without a transaction:\nDROP INDEX CONCURRENTLY {};",
                    list.join(", ")
                ));
            }
            what.hazard(
                "ban-drop-index",
                Level::Warning,
                "Queries that used the index read the whole table from then on. pg_stat_user_indexes says whether any does; a \
                 unique one also kept doubles out.",
            );
        }
        "table" | "foreign" => {
            at.eat("foreign");
            at.skip();
            for name in at.relations() {
                what.lock(&name, LockLevel::AccessExclusive, Work::Moment);
                what.destroys(format!("table {name}"));
            }
            gone(what, "ban-drop-table", "the table", true);
        }
        "view" | "materialized" => {
            at.eat("materialized");
            at.skip();
            for name in at.relations() {
                what.lock(&name, LockLevel::AccessExclusive, Work::Moment);
                what.destroys(format!("view {name}"));
            }
            gone(what, "ban-drop-view", "the view", false);
        }
        "sequence" => listed(what, at, "ban-drop-sequence", "sequence"),
        "type" => listed(what, at, "ban-drop-type", "type"),
        "domain" => listed(what, at, "ban-drop-domain", "domain"),
        "schema" => listed(what, at, "ban-drop-schema", "schema"),
        "extension" => listed(what, at, "ban-drop-extension", "extension"),
        "function" | "procedure" | "routine" | "aggregate" => {
            listed(what, at, "ban-drop-function", "function")
        }
        "trigger" | "rule" => {
            let rule = at.peek(0) == "rule";
            at.skip();
            at.eat("if exists");
            let name = at.ident().unwrap_or_default();
            at.eat("on");
            if let Some(table) = at.name() {
                what.lock(&table, LockLevel::AccessExclusive, Work::Moment);
            }
            what.destroys(format!("{} {name}", if rule { "rule" } else { "trigger" }));
            gone(what, "ban-drop-trigger", "it", false);
        }
        "policy" | "role" | "user" | "group" | "owned" => {
            what.person("changing-rights", "It changes who may do what.")
        }
        "statistics" | "collation" | "text" => {
            what.hazard(
                "dropping-object",
                Level::Warning,
                "What uses it is slower, or fails.",
            );
        }
        "database" | "tablespace" => {
            what.never(Probe::Unknown);
            what.destroys("a whole database".to_owned());
            what.hazard(
                "ban-drop-database",
                Level::Refused,
                "It concerns more than a migration may.",
            );
        }
        "subscription" | "publication" => {
            what.person(
                "changing-replication",
                "It ends replication to or from other servers.",
            );
        }
        _ => what.person("unknown-statement", "What it drops is not known here."),
    }
    if cascades {
        cascade(what);
    }
}

fn listed(what: &mut Analysis, at: &mut Cursor<'_>, rule: &'static str, kind: &str) {
    at.skip();
    for name in at.relations() {
        what.destroys(format!("{kind} {name}"));
    }
    if what.destroys.is_empty() {
        what.destroys(format!("a {kind}"));
    }
    gone(what, rule, &format!("the {kind}"), false);
}

fn gone(what: &mut Analysis, rule: &'static str, it: &str, rows: bool) {
    let rows = if rows { ", and its rows are gone" } else { "" };
    what.hazard(
        rule,
        Level::Refused,
        format!("What still uses {it} fails at once{rows}."),
    )
    .safe(
        "-- 1. Release code that does not use it.\n-- 2. See that nobody else does.\n-- 3. Drop it alone in a file, by a contract that \
         is ready.",
    );
}

/// After TRUNCATE.
pub(super) fn truncate(what: &mut Analysis, at: &mut Cursor<'_>) {
    at.eat("table");
    let cascades = at.has("cascade");
    for table in at.relations() {
        what.lock(&table, LockLevel::AccessExclusive, Work::Moment);
        what.destroys(format!("the rows of {table}"));
    }
    what.hazard(
        "truncate",
        Level::Refused,
        "All rows are gone at once, while nobody can read or write the table.",
    )
    .safe("-- If they are to go: DELETE, declared as a backfill, in batches.");
    if cascades {
        what.destroys("the rows of tables that refer to it".to_owned());
        what.hazard(
            "ban-truncate-cascade",
            Level::Refused,
            "CASCADE also empties every table that refers to it, which are not written here.",
        );
    }
}
