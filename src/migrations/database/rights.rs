//! Purpose: whether what has to be done to a database may be done, asked before it has to be. Changes nothing.

use crate::postgres::{Fault, Session, fault};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, postgres::PgConnectOptions};

/// How many names are listed.
const SHOWN: usize = 3;

/// What we may do to a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The server's version.
    pub server: String,
    /// As whom.
    pub user: String,
    /// What is missing, each with the statement that mends it.
    pub missing: Vec<String>,
    /// What works less well than it could.
    pub remarks: Vec<String>,
}

/// Finds out what we may do to a database.
///
/// # Errors
/// When it cannot be asked.
pub async fn rights(options: &PgConnectOptions) -> Result<Rights, Fault> {
    let mut session = Session::open(options, "otus: check").await?;
    let found = ask(&mut session).await;
    session.close().await;
    found
}

async fn ask(session: &mut Session) -> Result<Rights, Fault> {
    let wrong = |error: sqlx::Error| fault(&error, false);
    let rows = session
        .rows(
            "SELECT current_setting('server_version')::text, current_user::text, coalesce(current_schema()::text, ''), \
             pg_is_in_recovery(), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), \
             pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), \
             EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')",
            &[],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Err(Fault::Sql("the database does not say who we are".to_owned()));
    };
    let text = |column: usize| row.try_get::<String, _>(column).map_err(wrong);
    let flag = |column: usize| row.try_get::<bool, _>(column).map_err(wrong);
    let (user, schema) = (text(1)?, text(2)?);
    let mut found = Rights {
        server: text(0)?,
        user: user.clone(),
        ..Rights::default()
    };
    let quoted = crate::sql::quoted(&user);
    if flag(3)? {
        found.missing.push(
            "it is a replica, which nothing can be changed on; give the address of the primary".to_owned(),
        );
    }
    if schema.is_empty() {
        found.missing.push(format!(
            "no schema of its search_path is there: ALTER ROLE {quoted} SET search_path = …"
        ));
    } else if !flag(4)? {
        let schema = crate::sql::quoted(&schema);
        found.missing.push(format!(
            "it may not make tables, and so no history: GRANT CREATE ON SCHEMA {schema} TO {quoted}"
        ));
    }
    let rows = session
        .rows(
            "SELECT c.oid::regclass::text, pg_get_userbyid(c.relowner)::text FROM pg_class c WHERE c.relnamespace = to_regnamespace($1) AND \
             c.relkind IN ('r', 'p') AND NOT pg_has_role(current_user, c.relowner, 'USAGE') ORDER BY 1",
            &[&crate::sql::quoted(&schema)],
        )
        .await?;
    if let Some(first) = rows.first() {
        let owner: String = first.try_get(1).map_err(wrong)?;
        let mut names = Vec::new();
        for row in rows.iter().take(SHOWN) {
            names.push(row.try_get::<String, _>(0).map_err(wrong)?);
        }
        let more = match rows.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        found.missing.push(format!(
            "it may not alter {}{more}, which others own: GRANT {} TO {quoted}",
            names.join(", "),
            crate::sql::quoted(&owner)
        ));
    }
    if !flag(5)? {
        found.remarks.push(format!(
            "what others run is not seen when they are in the way: GRANT pg_read_all_stats TO {quoted}"
        ));
    }
    if !flag(6)? {
        found.remarks.push(
            "who still uses a column is not seen: load pg_stat_statements, and CREATE EXTENSION pg_stat_statements"
                .to_owned(),
        );
    }
    Ok(found)
}
