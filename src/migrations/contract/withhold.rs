//! Purpose: withholding what is to go from a role for a while, by rights alone: no data changes, and one statement gives it back.
//!
//! A right on a whole table covers all of its columns and cannot be taken away for one, so it is replaced by rights on all the
//! others. `SELECT *` and whatever names the column fail then with SQLSTATE 42501, everything else works. A table is withheld by
//! taking away whatever the role may do with it. NULL is withheld from all who write, by a check.

use crate::{
    contract::{
        Column, Object,
        refuse::{Held, Refusal},
        standing,
    },
    postgres::{Fault, Session, fault},
    sql::{Name, quoted},
};
use serde::{Deserialize, Serialize};
use sqlx::{Row as _, postgres::PgRow};
use std::time::Duration;

/// Something that is, or is to be, withheld from a role.
///
/// It is to be written down before [`Withheld::take`] is run: then whoever finds it can give it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// What.
    pub object: Object,
    /// From which role; none: from whoever writes.
    #[serde(default)]
    pub role: Option<String>,
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
    /// Everybody writes NULL, and is refused.
    Refused(Refusal),
}

/// Why it cannot be withheld from a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WithheldError {
    /// The database does not answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It would not be kept from it.
    #[error("{} cannot be kept from {object}: {why}", role.as_deref().unwrap_or("whoever writes"))]
    Cannot {
        /// From which role; none: from whoever writes.
        role: Option<String>,
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
            Object::Nulls(_) => Err("it is withheld from all who write, not from one"),
        };
        match found {
            Ok(rights) => Ok(Self {
                object: object.clone(),
                role: Some(role.to_owned()),
                rights,
            }),
            Err(why) => Err(WithheldError::Cannot {
                role: Some(role.to_owned()),
                object: object.to_string(),
                why: why.to_owned(),
            }),
        }
    }

    /// Looks whether NULL can be refused in a column, and what it takes. Changes nothing.
    ///
    /// # Errors
    /// When there is no such column in a table, or it is NOT NULL already.
    pub async fn plan_nulls(session: &mut Session, column: &Column) -> Result<Self, WithheldError> {
        let stands = standing(session, column).await?;
        Ok(Self {
            object: Object::Nulls(column.clone()),
            role: None,
            rights: Rights::Refused(Refusal::plan(column, &stands)?),
        })
    }

    /// Whether it is seen when somebody fails because of it. Who is kept from reading is not: nowhere is a statement counted that failed.
    #[must_use]
    pub fn sees(&self) -> bool {
        matches!(&self.rights, Rights::Refused(refusal) if refusal.sees())
    }

    /// Whether it is still withheld, and whether somebody failed because of it, as far as that is seen. Changes nothing.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn look(&self, session: &mut Session) -> Result<Held, Fault> {
        match (&self.rights, &self.object) {
            (Rights::Refused(refusal), Object::Nulls(column)) => refusal.look(session, column).await,
            _ => Ok(Held::Quiet),
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
            (_, Rights::Refused(_)) => ("anything".to_owned(), "anything but NULL".to_owned()),
            (_, Rights::Columns(_)) => ("all columns".to_owned(), "nothing".to_owned()),
        }
    }

    /// The statements that withhold it, for one transaction. Reading goes on meanwhile.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        let (table, role) = self.places();
        match &self.rights {
            Rights::Refused(refusal) => self
                .object
                .tightens()
                .map_or_else(Vec::new, |column| refusal.take(column)),
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
        let (table, role) = self.places();
        match &self.rights {
            Rights::Refused(refusal) => self
                .object
                .tightens()
                .map_or_else(Vec::new, |column| refusal.give_back(column)),
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

    /// Gives back what is withheld, if it is; running it twice is running it once. Waits for a lock no longer than that.
    ///
    /// # Errors
    /// As [`Withheld::run`] has them.
    pub async fn restore(&self, session: &mut Session, lock: Duration) -> Result<(), Fault> {
        let statements = match (&self.rights, &self.object) {
            (Rights::Refused(refusal), Object::Nulls(column)) => refusal.left(session, column).await?,
            _ => self.give_back(),
        };
        Self::run(session, &statements, lock).await
    }

    /// The table and the role, as SQL has them.
    fn places(&self) -> (String, String) {
        (
            self.object.table().sql(),
            self.role.as_deref().map(quoted).unwrap_or_default(),
        )
    }

    /// Runs such statements, in one transaction, and waits for a lock no longer than that, since everybody waits behind it.
    ///
    /// # Errors
    /// As the database says, [`Fault::Locked`] when it did not get its locks; nothing is changed then.
    pub async fn run(session: &mut Session, statements: &[String], lock: Duration) -> Result<(), Fault> {
        session.run("BEGIN").await?;
        let wait = format!("SET LOCAL lock_timeout = '{}ms'", lock.as_millis().max(1));
        session.run(&wait).await?;
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
