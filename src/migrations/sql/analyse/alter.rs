//! Purpose: ALTER of anything but a table.

use super::{Analysis, Cursor, Work};
use crate::{lint::Level, sql::LockLevel};

/// After ALTER.
pub(super) fn object(what: &mut Analysis, at: &mut Cursor<'_>) {
    let kind = at.peek(0);
    match kind.as_str() {
        "index" => index(what, at),
        "type" => alter_type(what, at),
        "domain" => domain(what, at),
        "sequence" => {
            at.skip();
            at.eat("if exists");
            let name = at.name();
            if at.has("rename to") || at.has("set schema") {
                renamed(what, "sequence", name.as_ref().map(ToString::to_string));
            } else if at.has("owner to") {
                rights(what);
            } else if !at.sees("owned by") {
                what.hazard(
                    "ban-alter-sequence-values",
                    Level::Warning,
                    "The numbers that new rows get change at once; one given twice fails.",
                );
            }
        }
        "view" | "materialized" | "foreign" => {
            at.skip();
            at.eat("view");
            let Some(name) = at.relation() else {
                what.person("unknown-statement", "Which view it changes cannot be read.");
                return;
            };
            what.lock(&name, LockLevel::AccessExclusive, Work::Moment);
            if at.has("rename") || at.has("set schema") {
                renamed(what, "view", Some(name.to_string()));
            } else if at.has("owner to") {
                rights(what);
            } else {
                what.hazard(
                    "changing-view",
                    Level::Warning,
                    format!("What {name} answers may change at once."),
                );
            }
        }
        "function" | "procedure" | "routine" | "aggregate" => {
            at.skip();
            let name = at.name().map(|name| name.to_string());
            if at.has("rename to") || at.has("set schema") {
                renamed(what, "function", name);
            } else if at.has("owner to") || at.has("security") {
                rights(what);
            } else {
                what.hazard(
                    "changing-function",
                    Level::Warning,
                    "What calls the function meets the change at once.",
                );
            }
        }
        "schema" => {
            at.skip();
            let name = at.name().map(|name| name.to_string());
            if at.sees("rename to") {
                renamed(what, "schema", name);
            } else {
                rights(what);
            }
        }
        "trigger" | "rule" | "statistics" | "collation" | "text" => {
            what.hazard(
                "renaming-object",
                Level::Warning,
                "What names it has to know the change.",
            );
        }
        "default" | "role" | "user" | "group" | "policy" | "large" => rights(what),
        "database" if at.has("set tablespace") => {
            what.never(super::Probe::Unknown);
            what.person("changing-server", "It moves a whole database.");
        }
        "system" => {
            what.never(super::Probe::Repeat);
            what.person("changing-server", "It changes the settings of the whole server.");
        }
        _ => what.person(
            "unknown-statement",
            "This is not known here, or concerns more than this application.",
        ),
    }
}

fn rights(what: &mut Analysis) {
    what.person("changing-rights", "It changes who may do what.");
}

fn renamed(what: &mut Analysis, kind: &str, name: Option<String>) {
    let name = name.unwrap_or_default();
    what.destroys(format!("the name of the {kind} {name}"));
    what.hazard(
        "renaming-object",
        Level::Refused,
        format!("What runs already asks for {name} and fails at once."),
    )
    .safe("-- Make the new one beside it; drop the old one when nobody uses it.");
}

fn index(what: &mut Analysis, at: &mut Cursor<'_>) {
    at.skip();
    at.eat("if exists");
    let Some(name) = at.name() else {
        what.person("unknown-statement", "Which index it changes cannot be read.");
        return;
    };
    if at.sees("set tablespace") {
        what.lock(&name, LockLevel::AccessExclusive, Work::Rewrite);
        what.hazard(
            "rewriting-table",
            Level::Refused,
            format!("{name} is copied, while nobody can read or write its table."),
        )
        .scales(&name);
    } else if at.sees("attach partition") || at.sees("rename to") {
        what.lock(&name, LockLevel::ShareUpdateExclusive, Work::Moment);
        what.additive = at.sees("attach partition");
        what.overrules.push("renaming-object");
    } else {
        what.lock(&name, LockLevel::ShareUpdateExclusive, Work::Moment);
    }
}

fn alter_type(what: &mut Analysis, at: &mut Cursor<'_>) {
    at.skip();
    let name = at.name().map(|name| name.to_string()).unwrap_or_default();
    if at.eat("add value") {
        // Inside a transaction since PostgreSQL 12; the value can be used when that is committed.
        what.additive = true;
    } else if at.has("rename value")
        || at.has("rename to")
        || at.has("rename attribute")
        || at.has("set schema")
    {
        renamed(what, "type", Some(name));
    } else if at.has("owner to") {
        rights(what);
    } else if at.has("drop attribute") {
        what.destroys(format!("an attribute of {name}"));
        what.hazard(
            "ban-drop-attribute",
            Level::Refused,
            format!("What still uses the attribute of {name} fails at once."),
        );
    } else {
        what.person(
            "changing-type",
            "Tables that use the type are written anew, or keep it from being changed.",
        );
    }
}

fn domain(what: &mut Analysis, at: &mut Cursor<'_>) {
    at.skip();
    let name = at.name().map(|name| name.to_string()).unwrap_or_default();
    if at.sees("add") {
        what.additive = true;
        if at.has("not valid") {
            what.overrules.push("ban-alter-domain-with-add-constraint");
        } else {
            what.hazard(
                "ban-alter-domain-with-add-constraint",
                Level::Refused,
                format!("Every table with a column of {name} is read, while nobody can write it."),
            )
            .safe(format!(
                "ALTER DOMAIN {name} ADD CONSTRAINT … CHECK (…) NOT VALID;\n-- in a file of its own:\nALTER DOMAIN {name} VALIDATE \
                 CONSTRAINT …;"
            ));
        }
    } else if at.sees("validate constraint") {
        what.additive = true;
    } else if at.has("rename to") || at.has("set schema") {
        renamed(what, "domain", Some(name));
    } else if at.has("owner to") {
        rights(what);
    } else if at.sees("set not null") {
        what.hazard(
            "ban-alter-domain-with-add-constraint",
            Level::Refused,
            format!("Every table with a column of {name} is read, while nobody can write it."),
        );
    } else {
        what.hazard(
            "changing-domain",
            Level::Warning,
            format!("What may be in columns of {name} changes at once."),
        );
    }
}
