//! Purpose: refusing NULL for a while, by a check that is not validated: rows that are there are not read, new ones and changed ones are.
//!
//! Who is refused is to be known at once, and nowhere in PostgreSQL is a statement counted that failed. But a sequence is not
//! transactional: what `setval` writes stays when the statement around it fails. So the check writes down, before it refuses, as whom
//! that was: the role's OID, in a sequence that is there for that alone. Both go together.
//! (<https://www.postgresql.org/docs/current/functions-sequence.html>: "changes made by setval are not undone if the transaction rolls
//! back".)

use crate::{
    contract::{Column, Standing, WithheldError},
    lint::statement_checksum,
    postgres::{Fault, Session, fault},
    sql::{Name, quoted},
};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

/// The longest name PostgreSQL keeps, in bytes.
const NAME: usize = 63;

/// A name of ours that PostgreSQL keeps whole: it cuts longer ones off, and then they would not be found again.
pub(super) fn name(of: &str, what: &str) -> String {
    let whole = format!("otus_{of}_{what}");
    if whole.len() <= NAME {
        return whole;
    }
    let mut end = NAME - 9;
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    let sum = statement_checksum(&whole);
    format!("{}_{}", &whole[..end], sum.get(..8).unwrap_or(&sum))
}

/// A check that refuses NULL, and where it writes down who was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    check: String,
    /// None where we may make nothing in the table's schema: then nobody sees who is refused.
    witness: Option<Name>,
}

/// Whether NULL is still refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It is, and nobody was, as far as is seen.
    Quiet,
    /// Somebody was refused: the role, if it is known.
    Refused(Option<String>),
    /// Somebody took the check away, or the table.
    Gone,
}

impl Refusal {
    /// How it would be refused there.
    pub(super) fn plan(column: &Column, stands: &Standing) -> Result<Self, WithheldError> {
        if let Some(why) = stands.loose {
            return Err(WithheldError::Cannot {
                role: None,
                object: format!("NULL in {column}"),
                why: why.to_string(),
            });
        }
        let witness = stands.may_create.then(|| Name {
            schema: Some(stands.schema.clone()),
            name: name("refused", &format!("{}_{}", column.table.name, column.column)),
        });
        Ok(Self {
            check: name("refuse_null", &column.column),
            witness,
        })
    }

    /// Whether who is refused is seen.
    pub(super) fn sees(&self) -> bool {
        self.witness.is_some()
    }

    /// Running it twice is running it once.
    pub(super) fn take(&self, column: &Column) -> Vec<String> {
        let (table, name, check) = (column.table.sql(), quoted(&column.column), quoted(&self.check));
        let mut all = self.give_back(column);
        let holds = match &self.witness {
            None => format!("{name} IS NOT NULL"),
            Some(witness) => {
                let witness = witness.sql();
                all.push(format!("CREATE SEQUENCE {witness}"));
                // Whoever writes the table; it is gone in a while.
                all.push(format!("GRANT UPDATE ON SEQUENCE {witness} TO PUBLIC"));
                let literal = crate::postgres::literal(&witness);
                format!(
                    "{name} IS NOT NULL OR pg_catalog.setval({literal}::pg_catalog.regclass, \
                     pg_catalog.quote_ident(current_user::text)::pg_catalog.regrole::oid::int8) IS NULL"
                )
            }
        };
        all.push(format!(
            "ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({holds}) NOT VALID"
        ));
        all
    }

    /// Running it twice is running it once.
    pub(super) fn give_back(&self, column: &Column) -> Vec<String> {
        let (table, check) = (column.table.sql(), quoted(&self.check));
        let mut all = vec![format!(
            "ALTER TABLE IF EXISTS {table} DROP CONSTRAINT IF EXISTS {check}"
        )];
        all.extend(
            self.witness
                .as_ref()
                .map(|witness| format!("DROP SEQUENCE IF EXISTS {}", witness.sql())),
        );
        all
    }

    /// Whether the check is there.
    async fn stands(&self, session: &mut Session, column: &Column) -> Result<bool, Fault> {
        let rows = session
            .rows(
                "SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2",
                &[&column.table.sql(), &self.check],
            )
            .await?;
        Ok(!rows.is_empty())
    }

    /// What giving it back takes as it is: where the check is not there, nobody has to let go of the table.
    pub(super) async fn left(&self, session: &mut Session, column: &Column) -> Result<Vec<String>, Fault> {
        let mut all = self.give_back(column);
        if !self.stands(session, column).await? {
            all.remove(0);
        }
        Ok(all)
    }

    /// Whether it still stands, and whether anybody was refused.
    pub(super) async fn look(&self, session: &mut Session, column: &Column) -> Result<Held, Fault> {
        if !self.stands(session, column).await? {
            return Ok(Held::Gone);
        }
        let Some(witness) = &self.witness else {
            return Ok(Held::Quiet);
        };
        let rows = session
            .rows(
                &format!(
                    "SELECT r.rolname::text FROM {} s LEFT JOIN pg_roles r ON r.oid::int8 = s.last_value WHERE s.is_called",
                    witness.sql()
                ),
                &[],
            )
            .await;
        match rows {
            Ok(rows) => match rows.first() {
                None => Ok(Held::Quiet),
                Some(row) => Ok(Held::Refused(
                    row.try_get(0).map_err(|error| fault(&error, false))?,
                )),
            },
            // undefined_table: somebody took it away.
            Err(Fault::Sql(why)) if why.contains("42P01") => Ok(Held::Gone),
            Err(fault) => Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_whole_and_differ() {
        assert_eq!(name("not_null", "email"), "otus_not_null_email");
        let (one, other) = (
            name("refused", &format!("{}1", "ä".repeat(40))),
            name("refused", &format!("{}2", "ä".repeat(40))),
        );
        assert!(one.len() <= NAME && other.len() <= NAME, "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn the_check_is_named_and_quoted_as_it_has_to_be() {
        let refusal = Refusal {
            check: name("refuse_null", "E-Mail"),
            witness: Some(Name {
                schema: Some("shop's".into()),
                name: "otus_refused".into(),
            }),
        };
        let column = Column {
            table: Name::plain("Users"),
            column: "E-Mail".into(),
        };
        insta::assert_snapshot!(refusal.take(&column).join(";\n"), @r#"
        ALTER TABLE IF EXISTS "Users" DROP CONSTRAINT IF EXISTS "otus_refuse_null_E-Mail";
        DROP SEQUENCE IF EXISTS "shop's".otus_refused;
        CREATE SEQUENCE "shop's".otus_refused;
        GRANT UPDATE ON SEQUENCE "shop's".otus_refused TO PUBLIC;
        ALTER TABLE "Users" ADD CONSTRAINT "otus_refuse_null_E-Mail" CHECK ("E-Mail" IS NOT NULL OR pg_catalog.setval('"shop''s".otus_refused'::pg_catalog.regclass, pg_catalog.quote_ident(current_user::text)::pg_catalog.regrole::oid::int8) IS NULL) NOT VALID
        "#);
    }
}
