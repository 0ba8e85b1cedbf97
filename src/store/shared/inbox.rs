//! Purpose: what came in from outside: kept before it is acknowledged, processed once.
//!
//! A taking is a change of `generation`, so that of several who read the same row one gets it, and who slept over the end of
//! its time settles nothing any more.

use super::{Arg, Failure, Row, Select, Session, nanoseconds};
use jiff::Timestamp;
use otus_core::{
    StoreError,
    store::{Delivery, DeliveryFilter, DeliveryState, InboxSource, Kept, Settled},
};

/// At most so many are forgotten in one statement, so that nothing waits long.
const FORGOTTEN_AT_ONCE: i64 = 500;

/// A change of the inbox.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Post<'a> {
    Deliver(&'a Delivery),
    Take {
        id: &'a str,
        generation: u64,
        now: Timestamp,
        until: Timestamp,
    },
    Settle {
        id: &'a str,
        generation: u64,
        settled: &'a Settled,
        now: Timestamp,
    },
    Retry {
        id: &'a str,
        now: Timestamp,
    },
    Forget(Timestamp),
}

fn number(generation: u64) -> Result<i64, StoreError> {
    i64::try_from(generation)
        .map_err(|error| StoreError::Unavailable(format!("the generation of a delivery: {error}")))
}

/// Carries a change out; says whether there was anything to change.
pub(crate) async fn put(session: &mut dyn Session, post: Post<'_>) -> Result<bool, Failure> {
    let statement = match post {
        Post::Deliver(delivery) => Select::new(
            "INSERT INTO deliveries (id, source, received, state, attempts, generation, free, body) \
             VALUES ($1, $2, $3, 'waiting', 0, 0, $3, $4) \
             ON CONFLICT (id) DO UPDATE SET source = excluded.source, received = excluded.received, \
             state = excluded.state, attempts = 0, generation = deliveries.generation + 1, free = excluded.free, ended = NULL, body = excluded.body \
             WHERE deliveries.state = 'failed'",
            [
                Arg::from(&delivery.id),
                (&delivery.source).into(),
                nanoseconds(delivery.received)?.into(),
                delivery.body.to_string().into(),
            ],
        ),
        Post::Take {
            id,
            generation,
            now,
            until,
        } => Select::new(
            "UPDATE deliveries SET generation = generation + 1, attempts = attempts + 1, free = $4 \
             WHERE id = $1 AND generation = $2 AND state = 'waiting' AND free <= $3",
            [
                Arg::from(id),
                number(generation)?.into(),
                nanoseconds(now)?.into(),
                nanoseconds(until)?.into(),
            ],
        ),
        Post::Settle {
            id,
            generation,
            settled,
            now,
        } => {
            let now = nanoseconds(now)?;
            let (state, reason, free, ended) = match settled {
                Settled::Processed => (DeliveryState::Processed, None, now, Some(now)),
                Settled::Again { reason, at } => (
                    DeliveryState::Waiting,
                    Some(reason.as_str()),
                    nanoseconds(*at)?,
                    None,
                ),
                Settled::Failed { reason } => (DeliveryState::Failed, Some(reason.as_str()), now, Some(now)),
            };
            Select::new(
                "UPDATE deliveries SET state = $3, reason = $4, free = $5, ended = $6 \
                 WHERE id = $1 AND generation = $2 AND state = 'waiting'",
                [
                    Arg::from(id),
                    number(generation)?.into(),
                    state_name(state).into(),
                    reason.into(),
                    free.into(),
                    ended.into(),
                ],
            )
        }
        Post::Retry { id, now } => Select::new(
            "UPDATE deliveries SET state = 'waiting', attempts = 0, generation = generation + 1, free = $2, ended = NULL \
             WHERE id = $1 AND state = 'failed'",
            [Arg::from(id), nanoseconds(now)?.into()],
        ),
        Post::Forget(before) => Select::new(
            "DELETE FROM deliveries WHERE id IN \
             (SELECT id FROM deliveries WHERE ended IS NOT NULL AND ended < $1 ORDER BY ended LIMIT $2)",
            [Arg::from(nanoseconds(before)?), FORGOTTEN_AT_ONCE.into()],
        ),
    };
    Ok(session.run(&statement).await? > 0)
}

const KEPT: &str =
    "SELECT id, source, received, body, state, attempts, generation, reason FROM deliveries WHERE 1 = 1";

/// What can be taken, in the order it came.
pub(crate) fn due(now: Timestamp, limit: u32) -> Result<Select, StoreError> {
    let mut select = Select::new(KEPT, []);
    // Word for word as in the index.
    select.only("state = 'waiting'");
    select.and("free <=", nanoseconds(now)?);
    Ok(select.ordered("received, id", limit))
}

/// Newest first.
pub(crate) fn find(filter: &DeliveryFilter) -> Select {
    let mut select = Select::new(KEPT, []);
    select.and_if("source =", filter.source.as_ref());
    select.and_if("state =", filter.state.map(state_name));
    select.ordered("received DESC, id DESC", filter.limit)
}

pub(crate) fn read(mut row: Row) -> Result<Kept, StoreError> {
    let delivery = Delivery {
        id: row.text()?,
        source: row.text()?,
        received: row.time()?,
        body: row.json("a delivery's body")?,
    };
    let name = row.text()?;
    Ok(Kept {
        delivery,
        state: state_named(&name)
            .ok_or_else(|| StoreError::Unreadable(format!("a delivery is in the state `{name}`")))?,
        attempts: u32::try_from(row.count()?).unwrap_or(u32::MAX),
        generation: row.count()?,
        reason: row.maybe_text()?,
    })
}

/// Each source, by name.
pub(crate) fn sources() -> Select {
    Select::new(
        "SELECT source, MAX(received), COUNT(*) FILTER (WHERE state = 'waiting'), \
         COUNT(*) FILTER (WHERE state = 'failed') FROM deliveries GROUP BY source ORDER BY source",
        [],
    )
}

pub(crate) fn read_source(mut row: Row) -> Result<InboxSource, StoreError> {
    Ok(InboxSource {
        source: row.text()?,
        last: row.time()?,
        waiting: row.count()?,
        failed: row.count()?,
    })
}

fn state_name(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Waiting => "waiting",
        DeliveryState::Processed => "processed",
        DeliveryState::Failed => "failed",
    }
}

fn state_named(name: &str) -> Option<DeliveryState> {
    use DeliveryState::{Failed, Processed, Waiting};
    [Waiting, Processed, Failed]
        .into_iter()
        .find(|state| state_name(*state) == name)
}
