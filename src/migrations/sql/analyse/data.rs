//! Purpose: statements that read and change rows.

use super::{Analysis, Cursor, Work, create::select_into};
use crate::{
    lint::Level,
    sql::{LockLevel, Name},
};

/// Functions that SELECT may call without doing anything to the world, beyond those that only compute.
const HARMLESS: &[&str] = &[
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "now",
    "coalesce",
    "nullif",
    "lower",
    "upper",
    "length",
    "exists",
    "in",
    "any",
    "all",
    "current_database",
    "current_schema",
    "current_setting",
    "version",
    "to_regclass",
    "format",
    "row_number",
    "over",
    "values",
    "string_agg",
    "array_agg",
    "jsonb_build_object",
    "pg_table_size",
    "pg_total_relation_size",
    "pg_size_pretty",
    "and",
    "or",
    "not",
    "as",
    "on",
    "from",
    "where",
    "select",
    "using",
    "varchar",
    "numeric",
    "cast",
    "extract",
    "row",
    "generate_series",
    "unnest",
    "md5",
    "date_trunc",
    "random",
    "gen_random_uuid",
    "concat",
    "concat_ws",
    "greatest",
    "least",
    "array",
    "into",
    "interval",
    "substring",
    "trim",
    "replace",
    "round",
    "abs",
    "filter",
    "partition",
    "by",
    "case",
    "when",
    "then",
    "else",
    "set",
    "do",
    "conflict",
    "returning",
    "distinct",
    "having",
    "union",
    "except",
    "intersect",
    "join",
    "lateral",
    "default",
    "to_jsonb",
    "to_json",
    "json_build_object",
    "split_part",
    "left",
    "right",
    "position",
    "overlay",
    "to_char",
    "to_date",
    "to_timestamp",
    "jsonb_set",
    "jsonb_strip_nulls",
    "row_to_json",
    "rank",
    "dense_rank",
    "lag",
    "lead",
    "regexp_replace",
    "regexp_match",
    "initcap",
    "lpad",
    "rpad",
    "floor",
    "ceil",
    "mod",
    "char_length",
    "btrim",
    "ltrim",
    "rtrim",
    "bool_or",
    "bool_and",
    "clock_timestamp",
    "encode",
    "decode",
    "digest",
    "crypt",
    "between",
    "like",
    "is",
    "with",
    "materialized",
];

/// A statement that begins with UPDATE, DELETE, INSERT, MERGE, COPY, SELECT, WITH, VALUES or TABLE.
pub(super) fn rows(what: &mut Analysis, at: &mut Cursor<'_>, text: &str) {
    if let Some(call) = unknown_call(at) {
        what.person(
            "function-call",
            &format!("It calls {call}(), and what that does is not written here."),
        );
    }
    match at.peek(0).as_str() {
        "update" => {
            at.skip();
            let Some(table) = at.relation() else { return };
            let bounded = at.seek("where");
            changed(what, &table, "UPDATE", bounded, text);
        }
        "delete" => {
            at.eat("delete from");
            let Some(table) = at.relation() else { return };
            let bounded = at.seek("where");
            what.destroys(format!("rows of {table}"));
            changed(what, &table, "DELETE", bounded, text);
        }
        "insert" => {
            at.eat("insert into");
            let Some(table) = at.name() else { return };
            what.additive = true;
            let queried = at.seek("select");
            // A few rows that are written out are a moment.
            let work = if queried { Work::Rows } else { Work::Moment };
            what.lock(&table, LockLevel::RowExclusive, work);
            if queried {
                what.rows = Some(table.clone());
                what.hazard(
                    "insert-select",
                    Level::Warning,
                    format!(
                        "As many rows as the query finds are written into {table} in one transaction; a large one holds back VACUUM and \
                         replicas."
                    ),
                )
                .scales(&table);
            }
        }
        "merge" => {
            at.eat("merge into");
            let Some(table) = at.relation() else { return };
            changed(what, &table, "MERGE", false, text);
        }
        "copy" => {
            at.skip();
            let table = at.name();
            if at.has("program") {
                what.hazard(
                    "copy-program",
                    Level::Refused,
                    "It runs a program on the database's server.",
                );
                what.person
                    .get_or_insert_with(|| "It runs a program on the database's server.".to_owned());
            } else {
                what.person("copy-file", "It reads or writes a file on the database's server.");
            }
            if let Some(table) = table {
                what.lock(&table, LockLevel::RowExclusive, Work::Rows);
            }
        }
        _ => query(what, at),
    }
}

/// SELECT, WITH, VALUES, TABLE.
fn query(what: &mut Analysis, at: &mut Cursor<'_>) {
    if at.has("insert into") || at.has("delete from") || at.has("merge into") || changes_in_with(at) {
        what.person(
            "change-in-with",
            "It changes rows inside of a WITH, where it cannot be seen which and how many.",
        );
        return;
    }
    if at.seek("into") {
        at.eat("into");
        at.eat("temporary");
        at.eat("temp");
        at.eat("unlogged");
        at.eat("table");
        if let Some(name) = at.name() {
            select_into(what, name);
        }
    }
}

/// `( UPDATE …` inside a query.
fn changes_in_with(at: &Cursor<'_>) -> bool {
    at.has("( update") || at.has(") update")
}

fn unknown_call(at: &Cursor<'_>) -> Option<Name> {
    // `INSERT INTO t (a, b)` and `COPY t (a)` look like calls.
    let mut at = at.clone();
    if at.eat("insert into") || at.eat("copy") || at.eat("merge into") {
        at.name();
    }
    // Names that WITH gives, `WITH one (a) AS (…)`, do, too.
    let with = at.sees("with");
    at.calls().into_iter().find(|name| {
        let known = name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog")
            && HARMLESS.contains(&name.name.as_str());
        let aliased = with
            && name.schema.is_none()
            && (at.has(&format!("{} as (", name.name)) || at.has(&format!("with {} (", name.name)));
        !known && !aliased
    })
}

fn changed(what: &mut Analysis, table: &Name, verb: &str, bounded: bool, text: &str) {
    what.rows = Some(table.clone());
    what.lock(table, LockLevel::RowExclusive, Work::Rows);
    let how = format!(
        "-- no-transaction\n-- otus: backfill {}\n{text};",
        if verb == "DELETE" {
            "(rows go for good)"
        } else {
            ""
        }
    )
    .replace("backfill \n", "backfill\n");
    if bounded {
        what.hazard(
            "large-change",
            Level::Warning,
            format!(
                "Every row it finds is locked until all are changed, in one transaction, which holds back VACUUM and replicas; \
                 {verb} in batches does not."
            ),
        )
        .safe(how)
        .scales(table);
    } else {
        let rule = match verb {
            "DELETE" => "unbounded-delete",
            "MERGE" => "unbounded-merge",
            _ => "unbounded-update",
        };
        what.hazard(
            rule,
            Level::Refused,
            format!("Every row of {table} is locked until all are changed, in one transaction."),
        )
        .safe(how)
        .scales(table);
    }
}
