//! Purpose: deploys, one row each.

use super::{Arg, Failure, Row, Select, Session, nanoseconds, timestamp};
use otus_core::{
    MessageRef, StoreError, UserId,
    store::{Deploy, DeployFilter, DeployState},
};

/// Writes a deploy over what is there of it, unless a higher generation wrote that; says whether.
pub(crate) async fn put(session: &mut dyn Session, deploy: &Deploy) -> Result<bool, Failure> {
    let unkept = |error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("a deploy cannot be written: {error}"))
    };
    let card = deploy.card.as_ref().map(serde_json::to_string).transpose();
    let statement = Select::new(
        "INSERT INTO deploys (id, service, environment, version, image, previous, by, began, ended, state, card, note, \
         details, generation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (id) DO UPDATE SET service = excluded.service, environment = excluded.environment, \
         version = excluded.version, image = excluded.image, previous = excluded.previous, by = excluded.by, \
         began = excluded.began, ended = excluded.ended, state = excluded.state, card = excluded.card, \
         note = excluded.note, details = excluded.details, generation = excluded.generation \
         WHERE deploys.generation <= excluded.generation",
        [
            Arg::from(&deploy.id),
            (&deploy.service).into(),
            (&deploy.environment).into(),
            (&deploy.version).into(),
            (&deploy.image).into(),
            (&deploy.previous).into(),
            deploy.by.as_str().into(),
            nanoseconds(deploy.began)?.into(),
            deploy.ended.map(nanoseconds).transpose()?.into(),
            state_name(deploy.state).into(),
            Arg::Text(card.map_err(|error| unkept(&error))?),
            (&deploy.note).into(),
            deploy.details.to_string().into(),
            i64::try_from(deploy.generation)
                .map_err(|error| unkept(&error))?
                .into(),
        ],
    );
    Ok(session.run(&statement).await? > 0)
}

/// Newest first.
pub(crate) fn find(filter: &DeployFilter) -> Result<Select, StoreError> {
    let mut select = Select::new(
        "SELECT id, service, environment, version, image, previous, by, began, ended, state, card, note, details, \
         generation FROM deploys WHERE 1 = 1",
        [],
    );
    select.and_if("service =", filter.service.as_ref());
    select.and_if("environment =", filter.environment.as_ref());
    select.and_if("state =", filter.state.map(state_name));
    select.and_if("began >=", filter.since.map(nanoseconds).transpose()?);
    select.and_if("began <", filter.before.map(nanoseconds).transpose()?);
    Ok(select.ordered("began DESC, id DESC", filter.limit))
}

pub(crate) fn read(mut row: Row) -> Result<Deploy, StoreError> {
    Ok(Deploy {
        id: row.text()?,
        service: row.text()?,
        environment: row.text()?,
        version: row.text()?,
        image: row.text()?,
        previous: row.maybe_text()?,
        by: UserId::from(row.text()?),
        began: row.time()?,
        ended: row.maybe_int()?.map(timestamp).transpose()?,
        state: {
            let name = row.text()?;
            state_named(&name)
                .ok_or_else(|| StoreError::Unreadable(format!("a deploy is in the state `{name}`")))?
        },
        card: row
            .maybe_text()?
            .map(|card| serde_json::from_str::<MessageRef>(&card))
            .transpose()
            .map_err(|error| StoreError::Unreadable(format!("a deploy's card: {error}")))?,
        note: row.maybe_text()?,
        details: row.json("a deploy's details")?,
        generation: row.count()?,
    })
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
