//! What our own rules are, for people; squawk's are at <https://squawkhq.com/docs/rules>.

/// A rule that squawk does not have, in a sentence.
#[must_use]
pub fn explain(rule: &str) -> Option<&'static str> {
    let found = OWN.iter().find(|(name, _)| *name == rule);
    found.map(|(_, sentence)| *sentence)
}

pub(super) const OWN: &[(&str, &str)] = &[
    (
        "adding-field-with-check",
        "A column is added together with a CHECK that reads the whole table.",
    ),
    (
        "additive-and-destructive",
        "A file adds something and takes something away; each is a step of its own.",
    ),
    (
        "attaching-partition",
        "A partition is attached, for which its rows are read.",
    ),
    ("ban-drop-attribute", "An attribute of a type is dropped."),
    ("cascade", "CASCADE drops what nobody listed."),
    ("change-in-with", "Rows are changed inside of a WITH."),
    (
        "changing-domain",
        "A domain changes under the tables that use it.",
    ),
    ("changing-function", "A function changes under those who call it."),
    (
        "changing-inheritance",
        "A table is put under another, or taken from it.",
    ),
    (
        "changing-replication",
        "Publications and subscriptions concern other servers.",
    ),
    ("changing-rights", "Who may do what changes."),
    ("changing-rules", "A rule rewrites queries."),
    ("changing-server", "It concerns the whole server."),
    ("changing-type", "A type changes under the tables that use it."),
    ("changing-view", "A view changes under those who read it."),
    ("copy-file", "COPY reads or writes a file on the server."),
    ("copy-program", "COPY runs a program on the server."),
    (
        "create-partition-of",
        "A partition is made in place, which locks the whole table.",
    ),
    ("detaching-partition", "A partition's rows are missing at once."),
    (
        "dropping-object",
        "A statistics object, a collation or a dictionary goes.",
    ),
    (
        "dynamic-sql",
        "DO, CALL, EXECUTE and EXPLAIN ANALYZE run what is not written in the file.",
    ),
    ("empty-file", "There is no statement in the file."),
    (
        "exclusion-constraint",
        "An exclusion constraint builds its index under the strongest lock.",
    ),
    (
        "function-call",
        "A function is called whose effects are not known.",
    ),
    (
        "ignored-comment",
        "A comment asks to leave a rule out; it has no effect.",
    ),
    ("insert-select", "As many rows are written as a query finds."),
    (
        "large-change",
        "Rows are changed in one transaction, as many as the condition finds.",
    ),
    (
        "lock-table",
        "LOCK TABLE holds a table for the rest of the transaction.",
    ),
    (
        "locks-several-tables",
        "One transaction holds several tables until its end.",
    ),
    (
        "must-run-alone",
        "PostgreSQL refuses the statement in a transaction, and the file is one.",
    ),
    ("new-trigger", "Every write runs the trigger from then on."),
    ("not-sql", "The file cannot be cut into statements."),
    (
        "one-statement-per-file",
        "The tool whose format it is would send the file as one transaction, which fails.",
    ),
    ("prefer-jsonb", "json has no equality."),
    (
        "primary-key-reads",
        "A primary key by an index still makes its columns NOT NULL.",
    ),
    (
        "refresh-blocks-reads",
        "A materialized view cannot be read while it is refreshed.",
    ),
    (
        "renaming-constraint",
        "A constraint has another name from then on.",
    ),
    (
        "replacing-function",
        "What was released before meets the new function, too.",
    ),
    (
        "rewriting-table",
        "The whole table is written anew under the strongest lock.",
    ),
    ("row-security", "Who sees which rows changes."),
    (
        "session-settings",
        "The file changes settings that keep it from stalling others.",
    ),
    (
        "syntax",
        "The parser of the linter does not understand the file, so that its rules see nothing.",
    ),
    ("transaction-control", "BEGIN and COMMIT are the runner's."),
    ("truncate", "All rows go at once."),
    ("unbounded-delete", "Every row is deleted in one transaction."),
    (
        "unbounded-merge",
        "MERGE changes as many rows as it finds, in one transaction.",
    ),
    ("unbounded-update", "Every row is changed in one transaction."),
    (
        "undeclared-backfill",
        "A backfill is declared where it cannot be done in batches.",
    ),
    (
        "unknown-statement",
        "The statement is not known; nothing is run on a guess.",
    ),
    (
        "unnamed-index",
        "An index without a name cannot be found again after a crash.",
    ),
    ("wide-index", "An index has more than three columns."),
    (
        "work-under-lock",
        "Rows are read or changed while a lock of an earlier statement keeps others waiting.",
    ),
];
