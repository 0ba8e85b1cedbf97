//! What was asked: which operation, how far back, about what.

use crate::texts;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use otus::{
    EventKey,
    audit::{AuditFilter, Recorded},
    operations::Operation,
    prelude::*,
};
use std::str::FromStr;

/// The operation somebody means: by its id, or that of the thread.
pub(crate) async fn meant(cx: &Context, id: Option<&str>) -> Result<Operation> {
    let id = id.map(|id| id.trim_matches('`'));
    cx.services().operations().meant(cx, id).await
}

/// The operation of the thread, where there is one. That there is none is no error here.
pub(crate) async fn of_the_thread(cx: &Context) -> Result<Option<Operation>> {
    match meant(cx, None).await {
        Ok(operation) => Ok(Some(operation)),
        Err(error) if error.is::<UserError>() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The id of what was said at the head of the thread; of nothing, outside of threads.
pub(crate) fn began_the_thread(cx: &Context) -> String {
    let message = cx.message();
    let head = message.thread.as_ref();
    head.map_or_else(String::new, |head| {
        EventKey::said("", &message.channel, head).short()
    })
}

/// So many of the newest entries are looked through for what is no operation.
const NEWEST: u32 = 2_000;

/// What the audit trail has of something that was said and is no operation, by the id that its answer or the log shows, oldest
/// first: a refusal, or a command that acts at once.
pub(crate) async fn said(cx: &Context, id: &str) -> Result<Vec<Recorded>> {
    let id = id.trim_matches('`');
    if !may_be_id(id) {
        return Ok(Vec::new());
    }
    let filter = AuditFilter {
        limit: NEWEST,
        ..AuditFilter::default()
    };
    let mut found = cx.services().store().audit(&filter).await?;
    found.retain(|recorded| {
        let entry = &recorded.entry;
        entry.operation.is_none()
            && entry
                .request
                .as_ref()
                .is_some_and(|request| request.starts_with(id))
    });
    found.reverse();
    Ok(found)
}

/// Whether somebody may have meant an operation's id by a word.
pub(crate) fn may_be_id(word: &str) -> bool {
    let word = word.trim_matches('`');
    word.len() >= 4 && word.chars().all(|c| c.is_ascii_hexdigit())
}

/// How far back, as one says it: `24h`, `7d`, `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Last(pub(crate) SignedDuration);

impl FromStr for Last {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let span: Span = text.parse().map_err(|_| texts::NOT_A_DURATION)?;
        let duration = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| texts::NOT_A_DURATION)?;
        if duration > SignedDuration::ZERO {
            Ok(Self(duration))
        } else {
            Err(texts::NOT_A_DURATION)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_say_them() {
        assert_eq!("7d".parse(), Ok(Last(SignedDuration::from_hours(168))));
        assert_eq!("2w".parse(), Ok(Last(SignedDuration::from_hours(336))));
        assert_eq!("1h30m".parse(), Ok(Last(SignedDuration::from_mins(90))));
        for wrong in ["7", "0h", "7x", "1y"] {
            assert_eq!(wrong.parse::<Last>(), Err(texts::NOT_A_DURATION), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_told_from_a_name() {
        assert!(may_be_id("3f9c2ab01d") && may_be_id("`3f9c`"));
        assert!(!may_be_id("api") && !may_be_id("checkout") && !may_be_id("3f9"));
    }
}
