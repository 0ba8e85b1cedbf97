//! Purpose: withholding what is to go from a role for a while, by rights alone: no data changes, and one statement gives it back.
//!
//! A right on a whole table covers all of its columns and cannot be taken away for one, so it is replaced by rights on all the
//! others. `SELECT *` and whatever names the column fail then with SQLSTATE 42501, everything else works. A table is withheld by
//! taking away whatever the role may do with it.

use crate::{
    contract::{Column, Object},
    postgres::{Fault, Session, fault},
    sql::{Name, quoted},
};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, postgres::PgRow};

/// Something that is, or is to be, withheld from a role.
///
/// It is to be written down before [`Withheld::take`] is run: then whoever finds it can give it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// What.
    pub object: Object,
    /// From whom.
    pub role: String,
    rights: Rights,
}

/// What a role has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rights {
    /// It reads the whole table, which has these columns besides.
    Columns(Vec<String>),
    /// It may do this with the table; whether it may give the right to others.
    Table(Vec<(String, bool)>),
}

/// Why it cannot be withheld from a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WithheldError {
    /// The database does not answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It would not be kept from it.
    #[error("{role} cannot be kept from {object}: {why}")]
    Cannot {
        /// From whom.
        role: String,
        /// What.
        object: String,
        /// Why.
        why: String,
    },
}

fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T, Fault>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|error| fault(&error, false))
}

impl Withheld {
    /// Looks whether a role can be kept from it, and what it takes. Changes nothing.
    ///
    /// # Errors
    /// When it has another right than one of its own on the whole table: as owner, as superuser, by a group.
    pub async fn plan(session: &mut Session, object: &Object, role: &str) -> Result<Self, WithheldError> {
        let found = match object {
            Object::Column(column) => columns(session, column, role).await?,
            Object::Table(table) => table_rights(session, table, role).await?,
        };
        match found {
            Ok(rights) => Ok(Self {
                object: object.clone(),
                role: role.to_owned(),
                rights,
            }),
            Err(why) => Err(WithheldError::Cannot {
                role: role.to_owned(),
                object: object.to_string(),
                why: why.to_owned(),
            }),
        }
    }

    /// What it may do, and what it may do while it is withheld, for people.
    #[must_use]
    pub fn words(&self) -> (String, String) {
        match (&self.object, &self.rights) {
            (Object::Column(column), _) => ("all columns".to_owned(), format!("all but {}", column.column)),
            (_, Rights::Table(rights)) => {
                let names: Vec<&str> = rights.iter().map(|(right, _)| right.as_str()).collect();
                (names.join(", "), "nothing".to_owned())
            }
            (Object::Table(_), Rights::Columns(_)) => ("all columns".to_owned(), "nothing".to_owned()),
        }
    }

    /// The statements that withhold it, for one transaction. Reading goes on meanwhile.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        let (table, role) = (self.object.table().sql(), quoted(&self.role));
        match &self.rights {
            Rights::Columns(others) => {
                let others = listed(others);
                vec![
                    format!("GRANT SELECT ({others}) ON {table} TO {role}"),
                    format!("REVOKE SELECT ON {table} FROM {role}"),
                    // Revoking a right on a table also revokes those on its columns.
                    format!("GRANT SELECT ({others}) ON {table} TO {role}"),
                ]
            }
            Rights::Table(rights) => {
                let names: Vec<&str> = rights.iter().map(|(right, _)| right.as_str()).collect();
                vec![format!("REVOKE {} ON {table} FROM {role}", names.join(", "))]
            }
        }
    }

    /// The statements that give it back, for one transaction; running them twice is running them once.
    #[must_use]
    pub fn give_back(&self) -> Vec<String> {
        let (table, role) = (self.object.table().sql(), quoted(&self.role));
        match &self.rights {
            Rights::Columns(others) => vec![
                format!("REVOKE SELECT ({}) ON {table} FROM {role}", listed(others)),
                format!("GRANT SELECT ON {table} TO {role}"),
            ],
            Rights::Table(rights) => [(false, ""), (true, " WITH GRANT OPTION")]
                .into_iter()
                .filter_map(|(further, option)| {
                    let names: Vec<&str> = rights
                        .iter()
                        .filter(|(_, grantable)| *grantable == further)
                        .map(|(right, _)| right.as_str())
                        .collect();
                    (!names.is_empty())
                        .then(|| format!("GRANT {} ON {table} TO {role}{option}", names.join(", ")))
                })
                .collect(),
        }
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

fn listed(columns: &[String]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    columns.join(", ")
}

/// What keeps a role from being kept from anything of a table: whether it is there at all, and has these rights by other ways than its own.
async fn beyond(
    session: &mut Session,
    table: &str,
    role: &str,
    rights: &str,
) -> Result<Option<&'static str>, Fault> {
    let rows = session
        .rows(
            "SELECT r.rolsuper, pg_has_role(r.oid, c.relowner, 'USAGE'), \
             EXISTS (SELECT FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a WHERE a.grantee <> r.oid AND \
             a.privilege_type = ANY(string_to_array($3, ' ')) AND (a.grantee = 0 OR pg_has_role(r.oid, a.grantee, 'USAGE'))) \
             FROM pg_class c CROSS JOIN pg_roles r WHERE c.oid = to_regclass($1) AND r.rolname = $2",
            &[table, role, rights],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(Some("there is no such role, or no such table"));
    };
    if get(row, 0)? {
        return Ok(Some("it is a superuser"));
    }
    if get(row, 1)? {
        return Ok(Some("it owns the table"));
    }
    Ok(get::<bool>(row, 2)?.then_some(
        "it also has rights by a group, or by PUBLIC; give each consumer a right of its own first",
    ))
}

/// The other columns of a table that a role reads as a whole; or why it cannot be kept from one.
async fn columns(
    session: &mut Session,
    column: &Column,
    role: &str,
) -> Result<Result<Rights, &'static str>, Fault> {
    let table = column.table.sql();
    if let Some(why) = beyond(session, &table, role, "SELECT").await? {
        return Ok(Err(why));
    }
    let rights = rights_of(session, &table, role).await?;
    match rights.iter().find(|(right, _)| right == "SELECT") {
        None => {
            return Ok(Err(
                "it has no right to read the whole table, so there is nothing to take away",
            ));
        }
        // Rights on columns cannot stand in for it, and whom it let in would be thrown out for good.
        Some((_, true)) => {
            return Ok(Err(
                "it may let others read the table; take GRANT OPTION FOR SELECT from it first",
            ));
        }
        Some((_, false)) => {}
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
        others.push(get::<String>(&row, 0)?);
    }
    if !others.contains(&column.column) {
        return Ok(Err("there is no such column"));
    }
    others.retain(|other| *other != column.column);
    if others.is_empty() {
        return Ok(Err("it is the only column"));
    }
    Ok(Ok(Rights::Columns(others)))
}

/// What a role may do with a table; or why it cannot be kept from it.
async fn table_rights(
    session: &mut Session,
    table: &Name,
    role: &str,
) -> Result<Result<Rights, &'static str>, Fault> {
    let table = table.sql();
    let all = "SELECT INSERT UPDATE DELETE TRUNCATE REFERENCES TRIGGER MAINTAIN";
    if let Some(why) = beyond(session, &table, role, all).await? {
        return Ok(Err(why));
    }
    let rows = session
        .rows(
            "SELECT FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) a JOIN pg_roles r ON r.oid = a.grantee WHERE t.attrelid = \
             to_regclass($1) AND r.rolname = $2 LIMIT 1",
            &[&table, role],
        )
        .await?;
    if !rows.is_empty() {
        // They would be revoked with the rest, and are not written down.
        return Ok(Err("it has rights on single columns"));
    }
    let rights = rights_of(session, &table, role).await?;
    Ok(match rights.is_empty() {
        true => Err("it has no right to it, so there is nothing to take away"),
        false => Ok(Rights::Table(rights)),
    })
}

/// The rights on a table that a role was given itself, and whether it may pass them on.
async fn rights_of(session: &mut Session, table: &str, role: &str) -> Result<Vec<(String, bool)>, Fault> {
    let rows = session
        .rows(
            "SELECT a.privilege_type::text, bool_or(a.is_grantable) FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles r \
             ON r.oid = a.grantee WHERE c.oid = to_regclass($1) AND r.rolname = $2 GROUP BY 1 ORDER BY 1",
            &[table, role],
        )
        .await?;
    rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect()
}
