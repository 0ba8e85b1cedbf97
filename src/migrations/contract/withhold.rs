//! Purpose: withholding a column from a role for a while, by rights alone: no data changes, and one statement gives it back.
//!
//! A right on a whole table covers all of its columns and cannot be taken away for one, so it is replaced by rights on all the
//! others. `SELECT *` and whatever names the column fail then with SQLSTATE 42501, everything else works.

use crate::{
    contract::Column,
    postgres::{Fault, Session, fault},
    sql::quoted,
};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

/// A column that is, or is to be, withheld from a role.
///
/// It is to be written down before [`Withheld::take`] is run: then whoever finds it can give it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// Which.
    pub column: Column,
    /// From whom.
    pub role: String,
    /// The other columns.
    others: Vec<String>,
}

/// Why a column cannot be withheld from a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WithheldError {
    /// The database does not answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It would not be kept from it.
    #[error("{role} cannot be kept from reading {column}: {why}")]
    Cannot {
        /// From whom.
        role: String,
        /// What.
        column: String,
        /// Why.
        why: String,
    },
}

impl Withheld {
    /// Looks whether a role can be kept from a column, and what it takes. Changes nothing.
    ///
    /// # Errors
    /// When it reads by another right than one on the whole table of its own: as owner, as superuser, by a group.
    pub async fn plan(session: &mut Session, column: &Column, role: &str) -> Result<Self, WithheldError> {
        let cannot = |why: &str| WithheldError::Cannot {
            role: role.to_owned(),
            column: column.to_string(),
            why: why.to_owned(),
        };
        let table = column.table.sql();
        let wrong = |error: sqlx::Error| WithheldError::Fault(fault(&error, false));
        let rows = session
            .rows(
                "SELECT r.rolsuper, pg_has_role(r.oid, c.relowner, 'USAGE'), \
                 EXISTS (SELECT FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a WHERE a.grantee = r.oid AND \
                 a.privilege_type = 'SELECT'), \
                 EXISTS (SELECT FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a WHERE a.grantee <> r.oid AND \
                 a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(r.oid, a.grantee, 'USAGE'))) \
                 FROM pg_class c CROSS JOIN pg_roles r WHERE c.oid = to_regclass($1) AND r.rolname = $2",
                &[&table, role],
            )
            .await?;
        let Some(row) = rows.first() else {
            return Err(cannot("there is no such role, or no such table"));
        };
        if row.try_get::<bool, _>(0).map_err(wrong)? {
            return Err(cannot("it is a superuser"));
        }
        if row.try_get::<bool, _>(1).map_err(wrong)? {
            return Err(cannot("it owns the table"));
        }
        if row.try_get::<bool, _>(3).map_err(wrong)? {
            return Err(cannot(
                "it also reads by a group, or by PUBLIC; give each consumer a right of its own first",
            ));
        }
        if !row.try_get::<bool, _>(2).map_err(wrong)? {
            return Err(cannot(
                "it has no right to read the whole table, so there is nothing to take away",
            ));
        }
        let rows = session
            .rows(
                "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY \
                 attnum",
                &[&table],
            )
            .await?;
        let mut others = Vec::new();
        for row in rows {
            others.push(row.try_get::<String, _>(0).map_err(wrong)?);
        }
        if !others.contains(&column.column) {
            return Err(cannot("there is no such column"));
        }
        others.retain(|other| *other != column.column);
        if others.is_empty() {
            return Err(cannot("it is the only column"));
        }
        Ok(Self {
            column: column.clone(),
            role: role.to_owned(),
            others,
        })
    }

    fn columns(&self) -> String {
        let others: Vec<String> = self.others.iter().map(|other| quoted(other)).collect();
        others.join(", ")
    }

    /// The statements that withhold it, for one transaction. Reading goes on meanwhile.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        let (table, role) = (self.column.table.sql(), quoted(&self.role));
        vec![
            format!("GRANT SELECT ({}) ON {table} TO {role}", self.columns()),
            format!("REVOKE SELECT ON {table} FROM {role}"),
            // Revoking a right on a table also revokes those on its columns.
            format!("GRANT SELECT ({}) ON {table} TO {role}", self.columns()),
        ]
    }

    /// The statements that give it back, for one transaction; running them twice is running them once.
    #[must_use]
    pub fn give_back(&self) -> Vec<String> {
        let (table, role) = (self.column.table.sql(), quoted(&self.role));
        vec![
            format!("REVOKE SELECT ({}) ON {table} FROM {role}", self.columns()),
            format!("GRANT SELECT ON {table} TO {role}"),
        ]
    }

    /// Runs such statements, in one transaction.
    ///
    /// # Errors
    /// As the database says; nothing is changed then.
    pub async fn run(session: &mut Session, statements: &[String]) -> Result<(), Fault> {
        session.run("BEGIN").await?;
        for statement in statements {
            if let Err(fault) = session.run(statement).await {
                session.run("ROLLBACK").await?;
                return Err(fault);
            }
        }
        session.run("COMMIT").await?;
        Ok(())
    }
}
