//! Purpose: values for keys, in spaces: a responder's own, locks, schedules, options.
//!
//! Revisions come from one counter, so that a value that was forgotten and is back has a new one. It is taken first: whoever
//! changes several rows takes them in one order, and nobody waits in a circle.

use super::{Arg, Failure, Row, Select, Session};
use otus_core::{StoreError, store::Value};
use serde_json::Value as Json;

async fn next_revision(session: &mut dyn Session) -> Result<i64, Failure> {
    let next = Select::new(
        "UPDATE counters SET value = value + 1 WHERE name = 'revisions' RETURNING value",
        [],
    );
    let row = session.rows(&next).await?.into_iter().next();
    let mut row = row.ok_or_else(|| StoreError::Unreadable("the counter of revisions is missing".into()))?;
    Ok(row.int()?)
}

/// Writes a value, whatever is there.
pub(crate) async fn put(
    session: &mut dyn Session,
    space: &str,
    key: &str,
    value: Option<&Json>,
) -> Result<(), Failure> {
    let statement = match value {
        Some(value) => {
            let revision = next_revision(session).await?;
            Select::new(
                "INSERT INTO memories (space, key, value, revision) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, revision = excluded.revision",
                [
                    Arg::from(space),
                    key.into(),
                    value.to_string().into(),
                    revision.into(),
                ],
            )
        }
        None => Select::new(
            "DELETE FROM memories WHERE space = $1 AND key = $2",
            [Arg::from(space), key.into()],
        ),
    };
    session.run(&statement).await?;
    Ok(())
}

/// Writes a value if it is still the one that was read; says whether.
pub(crate) async fn swap(
    session: &mut dyn Session,
    space: &str,
    key: &str,
    revision: u64,
    value: Option<&Json>,
) -> Result<bool, Failure> {
    // No revision is that high.
    let Ok(revision) = i64::try_from(revision) else {
        return Ok(false);
    };
    let place = || vec![Arg::from(space), key.into()];
    let changed = match (revision, value) {
        (0, None) => {
            let there = Select::new(
                "SELECT revision FROM memories WHERE space = $1 AND key = $2",
                place(),
            );
            return Ok(session.rows(&there).await?.is_empty());
        }
        (0, Some(value)) => {
            let mut args = place();
            args.push(value.to_string().into());
            args.push(next_revision(session).await?.into());
            Select::new(
                "INSERT INTO memories (space, key, value, revision) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                args,
            )
        }
        (revision, None) => {
            let mut args = place();
            args.push(revision.into());
            Select::new(
                "DELETE FROM memories WHERE space = $1 AND key = $2 AND revision = $3",
                args,
            )
        }
        (revision, Some(value)) => {
            let mut args = place();
            args.push(revision.into());
            args.push(value.to_string().into());
            args.push(next_revision(session).await?.into());
            Select::new(
                "UPDATE memories SET value = $4, revision = $5 WHERE space = $1 AND key = $2 AND revision = $3",
                args,
            )
        }
    };
    Ok(session.run(&changed).await? == 1)
}

pub(crate) fn one(space: &str, key: &str) -> Select {
    Select::new(
        "SELECT value FROM memories WHERE space = $1 AND key = $2",
        [Arg::from(space), key.into()],
    )
}

pub(crate) fn read_one(mut row: Row) -> Result<Json, StoreError> {
    row.json("a value")
}

/// By key.
pub(crate) fn all(space: &str) -> Select {
    Select::new(
        "SELECT key, value, revision FROM memories WHERE space = $1 ORDER BY key",
        [space.into()],
    )
}

pub(crate) fn read(mut row: Row) -> Result<Value, StoreError> {
    let key = row.text()?;
    Ok(Value {
        value: row.json(&format!("the value of `{key}`"))?,
        key,
        revision: row.count()?,
    })
}
