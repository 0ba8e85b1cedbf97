//! Whether the databases that services migrate answer, and whether Otus may do there what it will have to.

use super::{Mark, Sheet, bounded};
use crate::config::Settings;
use otus_migrations::database::{Databases, Server, rights};
use std::collections::BTreeMap;

/// Tries every database; which service uses it is said beside it.
pub(super) async fn databases(sheet: &mut Sheet, settings: &Settings) {
    if settings.databases.is_empty() {
        return;
    }
    let mut used: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (service, entry) in &settings.services {
        let named = entry
            .migrations
            .as_ref()
            .and_then(|section| section.get("databases"));
        for (environment, database) in named.and_then(|named| named.as_object()).into_iter().flatten() {
            if let Some(database) = database.as_str() {
                let place = format!("{service} in {environment}");
                used.entry(database).or_default().push(place);
            }
        }
    }
    let databases = Databases::new(settings.databases.clone());
    for name in databases.names() {
        let what = format!("database {name}");
        let Some(by) = used.get(name) else {
            sheet.note(Mark::Untried, &what, "no service uses it");
            continue;
        };
        let tried = bounded(async {
            match databases.server(name).map_err(|error| error.to_string())? {
                Server::Postgres(options) => {
                    let found = rights(&options).await.map_err(|error| error.to_string())?;
                    if !found.missing.is_empty() {
                        return Err(found.missing.join("\n"));
                    }
                    let remarks: String = found.remarks.iter().map(|remark| format!("\n{remark}")).collect();
                    Ok(format!(
                        "PostgreSQL {}, as {}, for {}{remarks}",
                        found.server,
                        found.user,
                        by.join(", ")
                    ))
                }
                Server::Sqlite(options) => {
                    otus_migrations::sqlite::read_history(&options).await?;
                    Ok(format!("SQLite, for {}", by.join(", ")))
                }
            }
        });
        sheet.take(&what, tried.await);
    }
}
