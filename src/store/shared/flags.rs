//! Purpose: flag sets and the record of their changes, and the [`FlagStore`] on whatever database.

use super::{Arg, Database, Engine, Failure, Row, Select, Session, Write, Written};
use async_trait::async_trait;
use otus_core::StoreError;
use otus_flags::{Change, FlagStore, FlagStoreError, Kept};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// A set and the record of how it became so, as they are written.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub(crate) set: String,
    revision: i64,
    flag: Option<String>,
    body: String,
    record: String,
}

impl Changed {
    fn of(kept: &Kept, change: &Change) -> Result<Self, FlagStoreError> {
        let unwritable =
            |why: String| FlagStoreError::Unreadable(format!("a change of `{}`: {why}", kept.name));
        Ok(Self {
            set: kept.name.clone(),
            revision: i64::try_from(kept.revision).map_err(|error| unwritable(error.to_string()))?,
            flag: change.flag.clone(),
            body: kept.body().to_string(),
            record: serde_json::to_string(change).map_err(|error| unwritable(error.to_string()))?,
        })
    }
}

/// Writes it, if the set is still of the revision before; says whether.
pub(crate) async fn put(session: &mut dyn Session, changed: &Changed) -> Result<bool, Failure> {
    let args = [
        Arg::from(&changed.set),
        changed.revision.into(),
        Arg::from(&changed.body),
    ];
    let set = if changed.revision == 1 {
        Select::new(
            "INSERT INTO flag_sets (name, revision, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            args,
        )
    } else {
        Select::new(
            "UPDATE flag_sets SET revision = $2, body = $3 WHERE name = $1 AND revision = $2 - 1",
            args,
        )
    };
    if session.run(&set).await? != 1 {
        return Ok(false);
    }
    let record = Select::new(
        "INSERT INTO flag_changes (name, revision, flag, body) VALUES ($1, $2, $3, $4)",
        [
            Arg::from(&changed.set),
            changed.revision.into(),
            Arg::from(&changed.flag),
            Arg::from(&changed.record),
        ],
    );
    session.run(&record).await?;
    Ok(true)
}

fn revisions() -> Select {
    Select::new("SELECT name, revision FROM flag_sets", [])
}

fn one(set: &str) -> Select {
    Select::new(
        "SELECT revision, body FROM flag_sets WHERE name = $1",
        [set.into()],
    )
}

fn history(set: &str, flag: Option<&str>, limit: u32) -> Select {
    let limit = i64::from(limit).into();
    match flag {
        None => Select::new(
            "SELECT body FROM flag_changes WHERE name = $1 ORDER BY revision DESC LIMIT $2",
            [set.into(), limit],
        ),
        Some(flag) => Select::new(
            "SELECT body FROM flag_changes WHERE name = $1 AND (flag = $2 OR flag IS NULL) ORDER BY revision DESC LIMIT $3",
            [set.into(), flag.into(), limit],
        ),
    }
}

fn read_revision(mut row: Row) -> Result<(String, u64), StoreError> {
    Ok((row.text()?, row.count()?))
}

fn read_set(mut row: Row) -> Result<(u64, Value), StoreError> {
    Ok((row.count()?, row.json("a flag set")?))
}

fn read_change(mut row: Row) -> Result<Change, StoreError> {
    row.json("a change of a flag")
}

fn told(error: StoreError) -> FlagStoreError {
    match error {
        StoreError::Unavailable(why) => FlagStoreError::Unavailable(why),
        StoreError::Unreadable(why) => FlagStoreError::Unreadable(why),
        other @ StoreError::Taken => FlagStoreError::Unavailable(other.to_string()),
    }
}

#[async_trait]
impl<E: Engine> FlagStore for Database<E> {
    async fn revisions(&self) -> Result<BTreeMap<String, u64>, FlagStoreError> {
        let rows = self.0.select(&revisions()).await.map_err(told)?;
        rows.into_iter()
            .map(|row| read_revision(row).map_err(told))
            .collect()
    }

    async fn load(&self, set: &str) -> Result<Option<Kept>, FlagStoreError> {
        let row = self.0.select(&one(set)).await.map_err(told)?.into_iter().next();
        let Some((revision, body)) = row.map(read_set).transpose().map_err(told)? else {
            return Ok(None);
        };
        Kept::of_body(set, revision, &body).map(Some)
    }

    async fn save(&self, kept: &Kept, change: &Change) -> Result<bool, FlagStoreError> {
        let changed = Changed::of(kept, change)?;
        let written = self.0.write(&Write::Flags(&changed)).await.map_err(told)?;
        Ok(written == Written::Yes)
    }

    async fn history(
        &self,
        set: &str,
        flag: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Change>, FlagStoreError> {
        let rows = self.0.select(&history(set, flag, limit)).await.map_err(told)?;
        rows.into_iter()
            .map(|row| read_change(row).map_err(told))
            .collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.flag_changes()
    }
}
