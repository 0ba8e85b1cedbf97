//! Asking the database who uses what is to go.

use otus::{Result, Services};
use otus_migrations::contract::{Copied, Evidence, Object, copied, evidence};
use otus_migrations::database::{Databases, Server};
use otus_migrations::postgres::{Fault, Session};

use super::desk;
use super::record::{Row, found, holding, uncopied};
use crate::settings::Settings;
use crate::texts;

/// A session with the contract's database.
pub(crate) async fn session(services: &Services, database: &str) -> Result<Session, String> {
    let databases = services
        .resource::<Databases>()
        .map_err(|error| error.to_string())?;
    match databases.server(database).map_err(|error| error.to_string())? {
        Server::Postgres(options) => Session::open(&options, "otus: contract")
            .await
            .map_err(|error| error.to_string()),
        Server::Sqlite(_) => Err("only PostgreSQL knows who uses what".into()),
    }
}

/// What the database says.
async fn ask(services: &Services, row: &Row) -> Result<(Evidence, Copied), String> {
    let mut session = session(services, &row.database).await?;
    let asking = async {
        let said = evidence(&mut session, &row.object).await?;
        let copied = match (&row.object, &row.replaced_by) {
            (Object::Column(old), Some(new)) => copied(&mut session, old, new).await?,
            _ => Copied::All,
        };
        Ok::<_, Fault>((said, copied))
    };
    let said = asking.await;
    session.close().await;
    said.map_err(|error| error.to_string())
}

/// Looks, and keeps what was found. What cannot be looked at is kept as that: it opens nothing.
pub(crate) async fn look(services: &Services, settings: &Settings, key: &str) -> Result<Row> {
    let Some((row, _)) = desk::one(services, key).await? else {
        anyhow::bail!("the contract {key} is not there any more");
    };
    let said = ask(services, &row).await;
    let config = desk::config(services, &row)?;
    desk::change(services, settings, key, |row, _, now| {
        if row.is_over() {
            return Ok(Vec::new());
        }
        let before = row.signatures.len();
        match &said {
            Ok((evidence, copied)) => {
                let mut found = found(evidence, (&row.calls, row.reset), &config);
                uncopied(*copied, row, &mut found);
                if let Some(nulls) = evidence.nulls {
                    holding(nulls, &row.object, &mut found);
                }
                row.saw(&found, now);
            }
            Err(why) => {
                row.looked = Some(now);
                row.fault = Some(why.clone());
            }
        }
        // That somebody's word counts no more is recorded like the word.
        let lost = before > row.signatures.len();
        Ok(lost
            .then(|| desk::entry(row, "contract", texts::signatures_lost(row), now))
            .into_iter()
            .collect())
    })
    .await
}
