//! Purpose: whether a statement may write NULL into a column, by its words.
//!
//! `pg_stat_statements` keeps statements without their values, and NULL is a value: `SET email = NULL` is kept as `SET email = $1`. So
//! who names the column may write NULL or not, and only who leaves it out, where nothing fills it, does for sure.

use crate::{contract::Column, sql::Cursor};

/// Whether a statement writes NULL into the column: for sure, or perhaps; none when it cannot. `no_default` says that nothing fills the
/// column for who leaves it out.
pub(super) fn writes_null(statement: &str, column: &Column, no_default: bool) -> Option<bool> {
    let mut at = Cursor::new(statement);
    if at.eat("insert into") {
        let table = at.name()?;
        if !column.table.may_be(&table) {
            // It may still write it in another part of it: `INSERT … SELECT` does not, a CTE comes first.
            return None;
        }
        // Another name for it, with or without AS.
        if at.eat("as") || (at.peek(0) != "(" && !begins_values(&at)) {
            at.skip();
        }
        if at.sees("default values") {
            return no_default.then_some(true);
        }
        return left_out(&mut at, column, no_default);
    }
    if at.eat("copy") {
        let table = at.name()?;
        if !column.table.may_be(&table) || !at.has("from") {
            return None;
        }
        return left_out(&mut at, column, no_default);
    }
    if at.eat("update") {
        let table = at.relation()?;
        if !column.table.may_be(&table) || !at.seek("set") {
            return None;
        }
        return names(&at, &column.column).then_some(false);
    }
    // What has several parts is not taken apart: it is enough that it writes, and names both.
    if at.sees("with") || at.sees("merge") {
        let writes = ["insert", "update", "merge"].iter().any(|word| at.has(word));
        return (writes && names(&at, &column.table.name)).then_some(false);
    }
    None
}

fn begins_values(at: &Cursor<'_>) -> bool {
    ["values", "select", "default", "overriding", "with", "table"]
        .iter()
        .any(|word| at.sees(word))
}

/// What a list of columns says: one that has it, or no list at all, may write NULL; one without it does, where nothing fills it.
fn left_out(at: &mut Cursor<'_>, column: &Column, no_default: bool) -> Option<bool> {
    let listed = match at.parens() {
        // `INSERT INTO users (SELECT …)` has no list.
        Some(list) if list.sees("select") || list.sees("values") || list.sees("with") => return Some(false),
        Some(list) => list,
        None => return Some(false),
    };
    if names(&listed, &column.column) {
        return Some(false);
    }
    if no_default {
        return Some(true);
    }
    // Filled when it is left out, and perhaps written after all: ON CONFLICT DO UPDATE SET.
    (at.has("on conflict") && names(at, &column.column)).then_some(false)
}

/// Whether a name comes anywhere from here on.
fn names(at: &Cursor<'_>, name: &str) -> bool {
    let mut at = at.clone();
    while !at.is_done() {
        match at.ident() {
            Some(found) if found == name => return true,
            Some(_) => {}
            None => at.skip(),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_it_out_writes_null_and_who_names_it_may() {
        let email = Column::read("users.email").unwrap();
        let (surely, perhaps) = (Some(true), Some(false));
        for (statement, without_default, with_default) in [
            ("INSERT INTO users (id, name) VALUES ($1, $2)", surely, None),
            ("insert into public.users(id) select id from guests", surely, None),
            ("INSERT INTO users AS u (id) VALUES ($1)", surely, None),
            ("INSERT INTO users DEFAULT VALUES", surely, None),
            ("INSERT INTO users (id, email) VALUES ($1, $2)", perhaps, perhaps),
            (
                r#"INSERT INTO "users" ("id", "email") VALUES ($1, $2)"#,
                perhaps,
                perhaps,
            ),
            ("INSERT INTO users VALUES ($1, $2)", perhaps, perhaps),
            ("INSERT INTO users (SELECT * FROM guests)", perhaps, perhaps),
            (
                "INSERT INTO users (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET email = $2",
                surely,
                perhaps,
            ),
            ("INSERT INTO orders (id) VALUES ($1)", None, None),
            ("INSERT INTO audit.users_log (id) VALUES ($1)", None, None),
            ("COPY users (id, name) FROM STDIN", surely, None),
            ("COPY users FROM STDIN", perhaps, perhaps),
            ("COPY users TO STDOUT", None, None),
            ("COPY (SELECT email FROM users) TO STDOUT", None, None),
            ("UPDATE users SET email = $1 WHERE id = $2", perhaps, perhaps),
            (
                "UPDATE ONLY users u SET (name, email) = ($1, $2)",
                perhaps,
                perhaps,
            ),
            ("UPDATE users SET name = $1 WHERE id = $2", None, None),
            ("UPDATE orders SET email = $1", None, None),
            (
                "MERGE INTO users USING guests ON $1 WHEN NOT MATCHED THEN INSERT (id) VALUES ($2)",
                perhaps,
                perhaps,
            ),
            (
                "WITH gone AS (DELETE FROM guests RETURNING id) INSERT INTO users (id) SELECT id FROM gone",
                perhaps,
                perhaps,
            ),
            ("WITH a AS (SELECT $1) SELECT email FROM users", None, None),
            ("SELECT email FROM users FOR UPDATE", None, None),
            ("DELETE FROM users WHERE email IS NULL", None, None),
        ] {
            assert_eq!(
                writes_null(statement, &email, true),
                without_default,
                "{statement}"
            );
            assert_eq!(writes_null(statement, &email, false), with_default, "{statement}");
        }
    }
}
