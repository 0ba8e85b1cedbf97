//! Contracts in the store, and their messages: one each, edited in place by whoever changed it last.

use jiff::Timestamp;
use otus::audit::Entry;
use otus::card::{Card, Post};
use otus::operations::Target;
use otus::{MessageRef, Place, Result, Services, Urgency, UserError};
use otus_migrations::contract::Object;
use otus_migrations::database::{DatabaseConfig, Databases};

use super::record::{Row, SPACE, Signer, signers};
use crate::settings::Settings;
use crate::texts;

/// How often a change is tried again when somebody else made one in between.
const TRIES: usize = 8;

/// All contracts, with their revisions.
pub(crate) async fn all(services: &Services) -> Result<Vec<(Row, u64)>> {
    let entries = services.store().entries(SPACE).await?;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        match serde_json::from_value(entry.value) {
            Ok(row) => rows.push((row, entry.revision)),
            Err(error) => tracing::error!(%error, key = entry.key, "a contract cannot be read"),
        }
    }
    Ok(rows)
}

/// The one under a key, if there is one.
pub(crate) async fn one(services: &Services, key: &str) -> Result<Option<(Row, u64)>> {
    let all = all(services).await?;
    Ok(all.into_iter().find(|(row, _)| row.key() == key))
}

/// The one that is open about what somebody named.
pub(crate) async fn meant(services: &Services, what: &str) -> Result<Row> {
    let wanted = what.trim_matches('`');
    let object = Object::read(wanted);
    let open = all(services).await?.into_iter().map(|(row, _)| row);
    let open: Vec<Row> = open.filter(|row| !row.is_over()).collect();
    let those = |meant: &dyn Fn(&Row) -> bool| -> Vec<Row> {
        open.iter().filter(|row| meant(row)).cloned().collect()
    };
    let mut found = those(&|row| Some(&row.object) == object.as_ref() || row.key() == wanted);
    if found.is_empty() {
        // A column alone means its NULL where nothing else of it is to go.
        found = those(&|row| {
            row.object
                .tightens()
                .is_some_and(|column| column.to_string() == wanted)
        });
    }
    match (found.pop(), found.is_empty()) {
        (Some(row), true) => Ok(row),
        (Some(row), false) => {
            found.push(row);
            Err(UserError::new(texts::which_contract(&found)).into())
        }
        (None, _) => Err(UserError::new(texts::no_contract(wanted, object.is_some())).into()),
    }
}

/// What is configured of the contract's database.
pub(crate) fn config(services: &Services, row: &Row) -> Result<DatabaseConfig> {
    let databases = services.resource::<Databases>()?;
    Ok(databases.config(&row.database).cloned().unwrap_or_default())
}

/// Who has to agree, by the configuration as it is.
pub(crate) fn asked(services: &Services, settings: &Settings, row: &Row) -> Result<Vec<Signer>> {
    Ok(signers(&config(services, row)?, settings))
}

/// An entry of the audit trail about a contract.
pub(crate) fn entry(row: &Row, event: &str, text: String, now: Timestamp) -> Entry {
    Entry {
        target: Target::new(&row.service, &row.environment),
        ..Entry::new(now, event, otus::markup::plain(&text))
    }
}

/// Changes one: reads it, lets `change` make the next, writes it if nobody was quicker, else looks again; then shows it. `change` gets
/// the store's time, and answers what is recorded, or why not.
pub(crate) async fn change(
    services: &Services,
    settings: &Settings,
    key: &str,
    change: impl Fn(&mut Row, &[Signer], Timestamp) -> Result<Vec<Entry>> + Send + Sync,
) -> Result<Row> {
    for _ in 0..TRIES {
        let Some((before, revision)) = one(services, key).await? else {
            return Err(UserError::new(texts::no_contract(key, true)).into());
        };
        let now = services.store().now().await?;
        let signers = asked(services, settings, &before)?;
        let mut row = before.clone();
        row.reconcile(&signers);
        let entries = change(&mut row, &signers, now)?;
        if row != before {
            let value = serde_json::to_value(&row)?;
            if !services
                .store()
                .swap(SPACE, key, revision, Some(&value), &entries)
                .await?
            {
                continue;
            }
        }
        show(services, settings, &row).await;
        return Ok(row);
    }
    anyhow::bail!("the contract {key} is changed by others all the time")
}

/// Shows one as it is, in its message; the next look shows it again if this does not succeed.
async fn show(services: &Services, settings: &Settings, row: &Row) {
    if let Err(error) = try_show(services, settings, row).await {
        tracing::warn!(%error, contract = row.key(), "a contract's message cannot be edited yet");
    }
}

async fn try_show(services: &Services, settings: &Settings, row: &Row) -> Result<()> {
    let signers = asked(services, settings, row)?;
    let card = texts::contract(row, &signers, settings);
    let shown = serde_json::to_string(&card)?;
    if row.card.is_some() && row.shown == shown {
        return Ok(());
    }
    let message = post(services, row, card).await?;
    // Who changes it in between shows it, too, so that a swap that comes late is no loss.
    if let Some((mut kept, revision)) = one(services, &row.key()).await? {
        kept.card = Some(message);
        kept.shown = shown;
        let value = serde_json::to_value(&kept)?;
        let store = services.store();
        store.swap(SPACE, &row.key(), revision, Some(&value), &[]).await?;
    }
    Ok(())
}

async fn post(services: &Services, row: &Row, card: Card) -> Result<MessageRef> {
    let (chat, place) = (services.chat(), Place::channel(row.channel.clone()));
    let key = format!("contract:{}:{}", row.key(), row.contract.opened.as_millisecond());
    let known = match &row.card {
        Some(message) => Some(message.clone()),
        // Posted, perhaps, by a process that died before it kept which.
        None => chat.find(&place, &key).await?,
    };
    Ok(match known {
        Some(message) => {
            chat.update(&message, &card.into(), Urgency::Answer).await?;
            message
        }
        None => {
            let post = Post::from(card).keyed(key);
            chat.post(&place, &post, Urgency::Answer).await?
        }
    })
}
