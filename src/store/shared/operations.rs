//! Purpose: operations and their journals. A row is the whole operation as JSON, with columns beside it for what is searched.

use super::{Arg, Failure, Row, Select, Session, nanoseconds};
use otus_core::{
    StoreError,
    operations::{Operation, OperationFilter, State, Step, Target},
};

/// What becomes of a row that is to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is written.
    Written,
    /// The row is not as it was read.
    Stale,
    /// Somebody else has the target.
    Busy,
}

fn unkept(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("an operation cannot be written as JSON: {error}"))
}

/// What an operation holds while it is under way: its target, if its plan is exclusive.
///
/// A text of its own, so that no target and an empty one are two, and an index can keep it unique.
fn holds(operation: &Operation) -> Option<String> {
    (operation.state.is_active() && operation.plan.exclusive).then(|| held(&operation.plan.target))
}

fn held(target: &Target) -> String {
    serde_json::json!([target.service, target.environment]).to_string()
}

/// Writes an operation with its next revision.
pub(crate) async fn put(session: &mut dyn Session, operation: &Operation) -> Result<Put, Failure> {
    let revision = operation.revision + 1;
    let saved = Operation {
        revision,
        ..operation.clone()
    };
    let body = serde_json::to_string(&saved).map_err(unkept)?;
    let number = |value: u64| i64::try_from(value).map_err(unkept);
    let target = &operation.plan.target;
    let (origin, card) = (&operation.origin, operation.card.as_ref());
    let args = vec![
        Arg::from(&operation.id),
        number(revision)?.into(),
        operation.state.name().into(),
        Arg::Text(holds(operation)),
        (&operation.kind).into(),
        (&target.service).into(),
        (&target.environment).into(),
        operation.by.as_str().into(),
        origin.channel.as_str().into(),
        origin.thread.as_ref().map(|id| id.as_str()).into(),
        origin.message.as_ref().map(|id| id.as_str()).into(),
        card.map(|card| card.channel.as_str()).into(),
        card.map(|card| card.id.as_str()).into(),
        nanoseconds(operation.asked)?.into(),
        operation.expires.map(nanoseconds).transpose()?.into(),
        (&operation.lease.owner).into(),
        number(operation.lease.generation)?.into(),
        operation.lease.until.map(nanoseconds).transpose()?.into(),
        operation.told.into(),
        body.into(),
    ];
    if operation.revision == 0 {
        let insert = Select::new(
            "INSERT INTO operations (id, revision, state, holds, kind, service, environment, asked_by, channel, thread, \
             message, card_channel, card, asked, expires, owner, generation, lease_until, told, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
             ON CONFLICT DO NOTHING",
            args,
        );
        if session.run(&insert).await? == 1 {
            return Ok(Put::Written);
        }
        let there = Select::new(
            "SELECT revision FROM operations WHERE id = $1",
            [Arg::from(&operation.id)],
        );
        let there = !session.rows(&there).await?.is_empty();
        return Ok(if there { Put::Stale } else { Put::Busy });
    }
    let update = Select::new(
        "UPDATE operations SET revision = $2, state = $3, holds = $4, kind = $5, service = $6, environment = $7, \
         asked_by = $8, channel = $9, thread = $10, message = $11, card_channel = $12, card = $13, asked = $14, \
         expires = $15, owner = $16, generation = $17, lease_until = $18, told = $19, body = $20 \
         WHERE id = $1 AND revision = $2 - 1",
        args,
    );
    match session.run(&update).await {
        Ok(1) => Ok(Put::Written),
        Ok(_) => Ok(Put::Stale),
        Err(error)
            if error
                .as_database_error()
                .is_some_and(|error| error.is_unique_violation()) =>
        {
            Ok(Put::Busy)
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a step, over what is there of it.
pub(crate) async fn put_step(session: &mut dyn Session, step: &Step) -> Result<(), Failure> {
    let body = serde_json::to_string(step).map_err(unkept)?;
    let statement = Select::new(
        "INSERT INTO steps (operation, number, body) VALUES ($1, $2, $3) \
         ON CONFLICT (operation, number) DO UPDATE SET body = excluded.body",
        [
            Arg::from(&step.operation),
            i64::from(step.number).into(),
            body.into(),
        ],
    );
    session.run(&statement).await?;
    Ok(())
}

/// The operation that has the target to itself.
pub(crate) fn holder(target: &Target) -> Select {
    Select::new(
        "SELECT body FROM operations WHERE holds = $1",
        [Arg::from(held(target))],
    )
}

pub(crate) fn one(id: &str) -> Select {
    Select::new("SELECT body FROM operations WHERE id = $1", [id.into()])
}

/// Newest first.
pub(crate) fn find(filter: &OperationFilter) -> Select {
    let mut select = Select::new("SELECT body FROM operations WHERE 1 = 1", []);
    select.and_if("service =", filter.service.as_ref());
    select.and_if("environment =", filter.environment.as_ref());
    select.and_if("kind =", filter.kind.as_ref());
    select.any_of("state", filter.states.iter().copied().map(State::name));
    select.and_if("asked_by =", filter.by.as_ref().map(|by| by.as_str()));
    if let Some(thread) = &filter.thread {
        let (channel, id) = (thread.channel.as_str(), thread.id.as_str());
        select.and_all(
            "((channel = {} AND thread = {}) OR (channel = {} AND message = {}) OR (card_channel = {} AND card = {}))",
            [
                channel.into(),
                id.into(),
                channel.into(),
                id.into(),
                channel.into(),
                id.into(),
            ],
        );
    }
    if filter.untold {
        // Written out, so that the index of the few untold ones is found.
        select.only("told = 0");
    }
    if let Some(prefix) = &filter.id_prefix {
        // A range, so that the key's index is found. No id goes on with the last character there is.
        select.and("id >=", prefix);
        select.and("id <", format!("{prefix}\u{10ffff}"));
    }
    select.ordered("asked DESC, id DESC", filter.limit)
}

pub(crate) fn read(mut row: Row) -> Result<Operation, StoreError> {
    row.json("an operation")
}

/// In order.
pub(crate) fn steps(operation: &str) -> Select {
    Select::new(
        "SELECT body FROM steps WHERE operation = $1 ORDER BY number",
        [operation.into()],
    )
}

pub(crate) fn read_step(mut row: Row) -> Result<Step, StoreError> {
    row.json("a step of an operation")
}
