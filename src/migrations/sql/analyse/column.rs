//! Purpose: a column that is added to a table, with everything written behind it.

use super::{Analysis, Cursor, Work, volatile::volatile_call};
use crate::{
    lint::Level,
    sql::{LockLevel, Name, TokenKind},
};

/// Words that begin a constraint of a column.
fn begins_constraint(at: &Cursor<'_>) -> bool {
    matches!(
        at.peek(0).as_str(),
        "constraint"
            | "not"
            | "null"
            | "default"
            | "check"
            | "unique"
            | "primary"
            | "references"
            | "generated"
            | "collate"
    )
}

/// `name type constraints…`, after ADD COLUMN.
pub(super) fn add(what: &mut Analysis, table: &Name, at: &mut Cursor<'_>) {
    what.additive = true;
    at.eat("if not exists");
    let Some(column) = at.ident() else {
        what.person("unknown-statement", "The column that is added cannot be read.");
        return;
    };
    let kind = at.peek(0);
    let declared = at.clone();
    while !at.is_done() && !begins_constraint(at) {
        at.skip();
    }
    let of_type = written(&declared, at.offset());
    let mut added = Added {
        table,
        column: &column,
        of_type,
        required: false,
        fills: false,
    };
    let mut work = Work::Moment;
    if matches!(
        kind.as_str(),
        "serial" | "bigserial" | "smallserial" | "serial4" | "serial8" | "serial2"
    ) {
        added.fills = true;
        work = Work::Rewrite;
        added.rewrites(what, &format!("{kind} gives each row a number"));
    }
    if kind == "json" {
        what.hazard(
            "prefer-jsonb",
            Level::Advice,
            format!("json has no equality, so that SELECT DISTINCT and GROUP BY on {table} fail; jsonb has."),
        );
    }
    while !at.is_done() {
        if at.eat("constraint") {
            at.ident();
        } else if at.eat("not null") {
            added.required = true;
        } else if at.eat("default") {
            let mut expression = at.clone();
            let from = at.offset();
            while !at.is_done() && (!begins_constraint(at) || at.offset() == from) {
                let inside = at.peek(0) == "(";
                if inside {
                    at.parens();
                } else {
                    at.skip();
                }
            }
            expression.until(at);
            added.fills |= expression.peek(0) != "null";
            if let Some(call) = volatile_call(&expression) {
                work = Work::Rewrite;
                added.rewrites(
                    what,
                    &format!("{call}() is, or may be, another value for each row"),
                );
            }
        } else if at.eat("generated") {
            added.fills = true;
            at.eat("always");
            at.eat("by default");
            at.eat("as");
            if at.eat("identity") {
                at.parens();
                work = Work::Rewrite;
                added.rewrites(what, "an identity gives each row a number");
            } else {
                at.parens();
                if at.eat("stored") {
                    work = Work::Rewrite;
                    added.rewrites(what, "a stored generated column is computed for each row");
                }
            }
        } else if at.eat("check") {
            at.parens();
            work = work.max(Work::Scan);
            let name = format!("{}_{column}_check", table.name);
            what.hazard(
                "adding-field-with-check",
                Level::Refused,
                format!("Every row of {table} is read to check it, while nobody can read or write the table."),
            )
            .safe(format!(
                "ALTER TABLE {t} ADD COLUMN {c} {of};\nALTER TABLE {t} ADD CONSTRAINT {name} CHECK (…) NOT VALID;\n\
                 -- in a file of its own:\nALTER TABLE {t} VALIDATE CONSTRAINT {name};",
                t = table.sql(),
                c = crate::sql::quoted(&column),
                of = added.of_type,
                name = crate::sql::quoted(&name),
            ))
            .scales(table);
        } else if at.sees("unique") || at.sees("primary key") {
            let primary = at.sees("primary");
            at.skip();
            at.eat("key");
            work = work.max(Work::Build);
            added.indexed(what, primary);
        } else if at.eat("references") {
            if let Some(referenced) = at.name() {
                what.lock(&referenced, LockLevel::ShareRowExclusive, Work::Moment);
                // A new column that is null everywhere is not checked (transformAlterTableStmt, `skipValidation`).
                if added.fills {
                    work = work.max(Work::Scan);
                } else {
                    what.overrules
                        .extend(["adding-foreign-key-constraint", "constraint-missing-not-valid"]);
                }
            }
        } else if at.kind(0) == Some(TokenKind::Sign) && at.peek(0) == "(" {
            at.parens();
        } else {
            at.skip();
        }
    }
    if added.required && !added.fills {
        added.required(what);
    }
    what.lock(table, LockLevel::AccessExclusive, work);
}

/// The words of a cursor up to a byte.
fn written(from: &Cursor<'_>, upto: usize) -> String {
    let mut from = from.clone();
    let mut words = String::new();
    let mut end = None;
    while !from.is_done() && from.offset() < upto {
        let raw = from.raw(0);
        if end.is_some_and(|end| end < from.offset()) {
            words.push(' ');
        }
        words.push_str(raw);
        end = Some(from.offset() + raw.len());
        from.skip();
    }
    words
}

struct Added<'a> {
    table: &'a Name,
    column: &'a str,
    of_type: String,
    required: bool,
    /// Whether rows that are there get a value.
    fills: bool,
}

impl Added<'_> {
    fn rewrites(&self, what: &mut Analysis, why: &str) {
        let (t, c) = (self.table.sql(), crate::sql::quoted(self.column));
        what.hazard(
            "adding-field-with-default",
            Level::Refused,
            format!(
                "{} is written anew with all its indexes, because {why}; nobody can read or write it meanwhile.",
                self.table
            ),
        )
        .safe(format!(
            "ALTER TABLE {t} ADD COLUMN {c} {of};\nALTER TABLE {t} ALTER COLUMN {c} SET DEFAULT …;\n\
             -- in a file of its own, declared as a backfill:\nUPDATE {t} SET {c} = … WHERE {c} IS NULL;",
            of = if self.of_type.contains("serial") { "bigint" } else { &self.of_type },
        ))
        .scales(self.table);
    }

    fn required(&self, what: &mut Analysis) {
        let (t, c) = (self.table.sql(), crate::sql::quoted(self.column));
        let check = crate::sql::quoted(&format!("{}_{}_not_null", self.table.name, self.column));
        what.hazard(
            "adding-required-field",
            Level::Refused,
            format!(
                "{}.{} must not be null and has no default: this fails if the table has rows, and what runs already cannot \
                 insert any more.",
                self.table, self.column
            ),
        )
        .safe(format!(
            "ALTER TABLE {t} ADD COLUMN {c} {of};\n-- when every row has a value:\n\
             ALTER TABLE {t} ADD CONSTRAINT {check} CHECK ({c} IS NOT NULL) NOT VALID;\n-- in a file of its own:\n\
             ALTER TABLE {t} VALIDATE CONSTRAINT {check};\nALTER TABLE {t} ALTER COLUMN {c} SET NOT NULL;",
            of = self.of_type,
        ));
    }

    fn indexed(&self, what: &mut Analysis, primary: bool) {
        let (t, c) = (self.table.sql(), crate::sql::quoted(self.column));
        let (rule, noun) = if primary {
            ("adding-serial-primary-key-field", "PRIMARY KEY")
        } else {
            ("disallowed-unique-constraint", "UNIQUE")
        };
        let index = crate::sql::quoted(&format!("{}_{}_key", self.table.name, self.column));
        what.hazard(
            rule,
            Level::Refused,
            format!(
                "Its index is built while nobody can read or write {}.",
                self.table
            ),
        )
        .safe(format!(
            "ALTER TABLE {t} ADD COLUMN {c} {of};\n-- in a file of its own, without a transaction:\n\
             CREATE UNIQUE INDEX CONCURRENTLY {index} ON {t} ({c});\n-- then:\n\
             ALTER TABLE {t} ADD CONSTRAINT {index} {noun} USING INDEX {index};",
            of = self.of_type,
        ))
        .scales(self.table);
    }
}
