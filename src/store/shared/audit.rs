//! Purpose: the audit trail. Its columns and its body hold nothing twice, so whatever of a row is changed, the entry's hash no
//! longer fits.

use super::{Arg, Failure, Row, Select, Session, nanoseconds};
use jiff::Timestamp;
use otus_core::{
    ChannelId, StoreError, UserId,
    audit::{AuditFilter, Entry, Recorded, Tip},
    operations::{PlanHash, Target},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What of an entry has no column.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    request: Option<String>,
    command: Option<String>,
    channel: Option<ChannelId>,
    plan: Option<PlanHash>,
    rule: Option<String>,
    text: String,
    data: Value,
}

/// Adds entries. The row of the tip is locked by the first statement until the transaction ends, so that of several
/// who add, on however many replicas, each follows the one before.
pub(crate) async fn append(session: &mut dyn Session, entries: &[Entry]) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(entries.len())
        .map_err(|_| StoreError::Unavailable("too many entries at once".into()))?;
    let lock = Select::new(
        "UPDATE audit_tip SET number = number + $1 WHERE id = 1 RETURNING number - $1, hash",
        [count.into()],
    );
    let mut tip = session
        .rows(&lock)
        .await?
        .into_iter()
        .next()
        .ok_or_else(|| StoreError::Unreadable("the end of the audit trail is not marked".into()))?;
    let (mut number, mut hash) = (tip.count()?, tip.text()?);
    for entry in entries {
        number += 1;
        let recorded = Recorded::after(&hash, number, entry.clone());
        session.run(&insert(&recorded)?).await?;
        hash = recorded.hash;
    }
    let move_on = Select::new("UPDATE audit_tip SET hash = $1 WHERE id = 1", [hash.into()]);
    session.run(&move_on).await?;
    Ok(())
}

fn insert(recorded: &Recorded) -> Result<Select, StoreError> {
    let entry = &recorded.entry;
    let unkept = |error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("an audit entry cannot be written: {error}"))
    };
    let body = Body {
        request: entry.request.clone(),
        command: entry.command.clone(),
        channel: entry.channel.clone(),
        plan: entry.plan.clone(),
        rule: entry.rule.clone(),
        text: entry.text.clone(),
        data: entry.data.clone(),
    };
    let body = serde_json::to_string(&body).map_err(|error| unkept(&error))?;
    let number = i64::try_from(recorded.number).map_err(|error| unkept(&error))?;
    Ok(Select::new(
        "INSERT INTO audit (number, previous, hash, at, event, actor, operation, service, environment, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        [
            Arg::from(number),
            (&recorded.previous).into(),
            (&recorded.hash).into(),
            nanoseconds(entry.at)?.into(),
            (&entry.event).into(),
            entry.actor.as_ref().map(UserId::as_str).into(),
            (&entry.operation).into(),
            (&entry.target.service).into(),
            (&entry.target.environment).into(),
            body.into(),
        ],
    ))
}

/// What counts as few.
const FEW: u32 = 1_000;

/// Asks whether there are few entries since then: [`are_few`] reads the answer.
pub(crate) fn few_since(since: Timestamp) -> Result<Select, StoreError> {
    let mut select = Select::new("SELECT at FROM audit WHERE 1 = 1", []);
    select.and("at >=", nanoseconds(since)?);
    Ok(select.ordered("at", FEW))
}

pub(crate) fn are_few(rows: &[Row]) -> bool {
    rows.len() < FEW as usize
}

/// The question for entries. Where few are that young, they are found by their time and then ordered; otherwise enough are soon
/// found in their order. SQLite cannot know by itself which it is.
pub(crate) fn find(filter: &AuditFilter, few: bool) -> Result<Select, StoreError> {
    let mut select = Select::new(
        "SELECT number, previous, hash, at, event, actor, operation, service, environment, body \
         FROM audit WHERE 1 = 1",
        [],
    );
    select.and_if("service =", filter.service.as_ref());
    select.and_if("environment =", filter.environment.as_ref());
    select.and_if("actor =", filter.actor.as_ref().map(UserId::as_str));
    select.and_if("operation =", filter.operation.as_ref());
    select.and_if("at >=", filter.since.map(nanoseconds).transpose()?);
    select.any_of("event", filter.events.iter().map(String::as_str));
    // There are no more than that.
    select.and_if(
        "number >",
        filter.after.map(|after| i64::try_from(after).unwrap_or(i64::MAX)),
    );
    let order = match (filter.oldest_first, few) {
        (true, false) => "number",
        (false, false) => "number DESC",
        // The sign keeps it from going through all in their order.
        (true, true) => "+number",
        (false, true) => "+number DESC",
    };
    Ok(select.ordered(order, filter.limit))
}

pub(crate) fn read(mut row: Row) -> Result<Recorded, StoreError> {
    let (number, previous, hash) = (row.count()?, row.text()?, row.text()?);
    let (at, event) = (row.time()?, row.text()?);
    let actor = row.maybe_text()?.map(UserId::from);
    let operation = row.maybe_text()?;
    let target = Target {
        service: row.maybe_text()?,
        environment: row.maybe_text()?,
    };
    let body: Body = row.json(&format!("entry {number} of the audit trail"))?;
    Ok(Recorded {
        number,
        previous,
        hash,
        entry: Entry {
            at,
            event,
            actor,
            request: body.request,
            operation,
            command: body.command,
            target,
            channel: body.channel,
            plan: body.plan,
            rule: body.rule,
            text: body.text,
            data: body.data,
        },
    })
}

pub(crate) fn tip() -> Select {
    Select::new("SELECT number, hash FROM audit_tip WHERE id = 1", [])
}

pub(crate) fn read_tip(mut row: Row) -> Result<Tip, StoreError> {
    Ok(Tip {
        number: row.count()?,
        hash: row.text()?,
    })
}
