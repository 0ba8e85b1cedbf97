//! Purpose: what responders remember: a value for a key of their own.

use super::unavailable;
use otus_core::StoreError;
use serde_json::Value;
use sqlx::{SqliteConnection, SqlitePool};

pub(super) async fn recall(
    readers: &SqlitePool,
    responder: &str,
    key: &str,
) -> Result<Option<Value>, StoreError> {
    let text: Option<String> =
        sqlx::query_scalar("SELECT value FROM memories WHERE responder = ? AND key = ?")
            .bind(responder)
            .bind(key)
            .fetch_optional(readers)
            .await
            .map_err(unavailable)?;
    let unreadable = |error| StoreError::Unreadable(format!("`{key}` of `{responder}`: {error}"));
    text.map(|text| serde_json::from_str(&text).map_err(unreadable))
        .transpose()
}

pub(super) async fn remember(
    connection: &mut SqliteConnection,
    responder: &str,
    key: &str,
    value: Option<Value>,
) -> Result<(), StoreError> {
    let query = match value {
        Some(value) => {
            sqlx::query("INSERT OR REPLACE INTO memories (responder, key, value) VALUES (?, ?, ?)")
                .bind(responder)
                .bind(key)
                .bind(value.to_string())
        }
        None => sqlx::query("DELETE FROM memories WHERE responder = ? AND key = ?")
            .bind(responder)
            .bind(key),
    };
    query.execute(connection).await.map_err(unavailable)?;
    Ok(())
}
