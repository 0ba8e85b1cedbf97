//! Purpose: deploys, one row each. Every change is on the disk before it is acknowledged.

use super::unavailable;
use jiff::Timestamp;
use otus_core::{
    MessageRef, StoreError, UserId,
    store::{Begun, Deploy, DeployFilter, DeployState},
};
use sqlx::{
    Connection as _, QueryBuilder, Row as _, Sqlite, SqliteConnection, SqlitePool, sqlite::SqliteRow,
};

const COLUMNS: &str =
    "id, service, environment, version, image, previous, by, began, ended, state, card, note, details";

/// What is asked for without a limit.
const USUAL_LIMIT: u32 = 100;

pub(super) async fn begin(connection: &mut SqliteConnection, deploy: &Deploy) -> Result<Begun, StoreError> {
    let row = Row::new(deploy)?;
    // Immediate, so that nobody writes between the look and the act.
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(unavailable)?;
    let mut running = QueryBuilder::<Sqlite>::new("SELECT ");
    running
        .push(COLUMNS)
        .push(" FROM deploys WHERE state = 'running' AND service = ");
    running
        .push_bind(&deploy.service)
        .push(" AND environment = ")
        .push_bind(&deploy.environment);
    let running = running
        .build()
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?;
    if let Some(running) = running {
        return Ok(Begun::Busy(Box::new(read(&running)?)));
    }
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO deploys (");
    insert.push(COLUMNS).push(") VALUES (");
    let mut values = insert.separated(", ");
    values
        .push_bind(&deploy.id)
        .push_bind(&deploy.service)
        .push_bind(&deploy.environment);
    values
        .push_bind(&deploy.version)
        .push_bind(&deploy.image)
        .push_bind(&deploy.previous);
    values
        .push_bind(deploy.by.as_str())
        .push_bind(row.began)
        .push_bind(row.ended)
        .push_bind(row.state);
    values
        .push_bind(&row.card)
        .push_bind(&deploy.note)
        .push_bind(&row.details);
    insert
        .push(")")
        .build()
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(Begun::Yes)
}

/// Changes a running deploy, which stays running.
pub(super) async fn save(connection: &mut SqliteConnection, deploy: &Deploy) -> Result<(), StoreError> {
    let running = Row {
        state: "running",
        ended: None,
        ..Row::new(deploy)?
    };
    update(connection, deploy, &running).await.map(drop)
}

/// Ends a running deploy; says whether it was running.
pub(super) async fn end(connection: &mut SqliteConnection, deploy: &Deploy) -> Result<bool, StoreError> {
    let row = Row::new(deploy)?;
    update(connection, deploy, &row).await
}

async fn update(connection: &mut SqliteConnection, deploy: &Deploy, row: &Row) -> Result<bool, StoreError> {
    let result = sqlx::query(
        "UPDATE deploys SET version = ?, image = ?, previous = ?, by = ?, began = ?, ended = ?, state = ?, card = ?, \
         note = ?, details = ? WHERE id = ? AND state = 'running'",
    )
    .bind(&deploy.version)
    .bind(&deploy.image)
    .bind(&deploy.previous)
    .bind(deploy.by.as_str())
    .bind(row.began)
    .bind(row.ended)
    .bind(row.state)
    .bind(&row.card)
    .bind(&deploy.note)
    .bind(&row.details)
    .bind(&deploy.id)
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(result.rows_affected() > 0)
}

/// Newest first. Only the conditions that are there are in the query, so that each finds its index.
pub(super) async fn find(readers: &SqlitePool, filter: &DeployFilter) -> Result<Vec<Deploy>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(COLUMNS).push(" FROM deploys WHERE true");
    if let Some(service) = &filter.service {
        query.push(" AND service = ").push_bind(service);
    }
    if let Some(environment) = &filter.environment {
        query.push(" AND environment = ").push_bind(environment);
    }
    if let Some(state) = filter.state {
        query.push(" AND state = ").push_bind(state_name(state));
    }
    if let Some(since) = filter.since {
        query.push(" AND began >= ").push_bind(nanoseconds(since)?);
    }
    let limit = if filter.limit == 0 {
        USUAL_LIMIT
    } else {
        filter.limit
    };
    query
        .push(" ORDER BY began DESC, id DESC LIMIT ")
        .push_bind(i64::from(limit));
    let rows = query.build().fetch_all(readers).await.map_err(unavailable)?;
    rows.iter().map(read).collect()
}

/// The columns that are written otherwise than they are held.
struct Row {
    began: i64,
    ended: Option<i64>,
    state: &'static str,
    card: Option<String>,
    details: String,
}

impl Row {
    fn new(deploy: &Deploy) -> Result<Self, StoreError> {
        let card = deploy.card.as_ref().map(serde_json::to_string).transpose();
        Ok(Self {
            began: nanoseconds(deploy.began)?,
            ended: deploy.ended.map(nanoseconds).transpose()?,
            state: state_name(deploy.state),
            card: card.map_err(|error| StoreError::Unavailable(error.to_string()))?,
            details: deploy.details.to_string(),
        })
    }
}

fn nanoseconds(at: Timestamp) -> Result<i64, StoreError> {
    // Until the year 2262.
    i64::try_from(at.as_nanosecond())
        .map_err(|_| StoreError::Unavailable(format!("{at} is too far away to be kept")))
}

fn state_name(state: DeployState) -> &'static str {
    match state {
        DeployState::Running => "running",
        DeployState::Succeeded => "succeeded",
        DeployState::Failed => "failed",
        DeployState::Superseded => "superseded",
        DeployState::Stopped => "stopped",
    }
}

fn state_named(name: &str) -> Option<DeployState> {
    use DeployState::{Failed, Running, Stopped, Succeeded, Superseded};
    [Running, Succeeded, Failed, Superseded, Stopped]
        .into_iter()
        .find(|state| state_name(*state) == name)
}

fn read(row: &SqliteRow) -> Result<Deploy, StoreError> {
    let unreadable = |why: String| StoreError::Unreadable(format!("a deploy: {why}"));
    let time =
        |ns: i64| Timestamp::from_nanosecond(i128::from(ns)).map_err(|error| unreadable(error.to_string()));
    let text = |column: &str| {
        row.try_get::<String, _>(column)
            .map_err(|error| unreadable(error.to_string()))
    };
    let maybe = |column: &str| {
        row.try_get::<Option<String>, _>(column)
            .map_err(|error| unreadable(error.to_string()))
    };
    let began = row
        .try_get::<i64, _>("began")
        .map_err(|error| unreadable(error.to_string()))?;
    let ended = row
        .try_get::<Option<i64>, _>("ended")
        .map_err(|error| unreadable(error.to_string()))?;
    let card = maybe("card")?
        .map(|card| serde_json::from_str::<MessageRef>(&card))
        .transpose();
    let state = text("state")?;
    Ok(Deploy {
        id: text("id")?,
        service: text("service")?,
        environment: text("environment")?,
        version: text("version")?,
        image: text("image")?,
        previous: maybe("previous")?,
        by: UserId::from(text("by")?),
        began: time(began)?,
        ended: ended.map(time).transpose()?,
        state: state_named(&state).ok_or_else(|| unreadable(format!("state `{state}`")))?,
        card: card.map_err(|error| unreadable(error.to_string()))?,
        note: maybe("note")?,
        details: serde_json::from_str(&text("details")?).map_err(|error| unreadable(error.to_string()))?,
    })
}
