//! How it came to a decision.

use crate::{
    answers, ask,
    people::{self, People},
    texts::{self, Story},
};
use otus::{audit::AuditFilter, prelude::*};

/// More entries than this, the newest, are not looked at for one story.
const ENTRIES: u32 = 200;

/// Tells the story of an operation.
pub(crate) async fn why(cx: &Context, id: Option<&str>) -> Result {
    let operation = match (ask::meant(cx, id).await, id) {
        (Ok(operation), _) => operation,
        (Err(error), Some(id)) if error.is::<UserError>() => return said(cx, id, error).await,
        (Err(error), None) if error.is::<UserError>() => {
            return said(cx, &ask::began_the_thread(cx), error).await;
        }
        (Err(error), _) => return Err(error),
    };
    let store = cx.services().store();
    let steps = store.steps(&operation.id).await?;
    let filter = AuditFilter {
        operation: Some(operation.id.clone()),
        limit: ENTRIES,
        ..AuditFilter::default()
    };
    let mut entries = store.audit(&filter).await?;
    entries.reverse();
    let verdict = &operation.verdict;
    let texts = std::iter::once(&verdict.rule)
        .chain(verdict.trace.iter().map(|line| &line.text))
        .chain(entries.iter().map(|recorded| &recorded.entry.text))
        .chain(operation.ending.as_ref().map(|ending| &ending.note));
    let mut ids: Vec<_> = texts.flat_map(|text| people::mentioned(text)).collect();
    let actors = entries.iter().filter_map(|recorded| recorded.entry.actor.clone());
    let approvers = operation.approvals.iter().map(|approval| approval.by.clone());
    ids.extend(actors.chain(approvers));
    let people = People::of(cx, ids).await;
    let story = Story {
        operation: &operation,
        steps: &steps,
        entries: &entries,
    };
    answers::tell(cx, texts::story(&story, &people)).await
}

/// Tells what became of something that is no operation; otherwise that there is no such operation.
async fn said(cx: &Context, id: &str, unknown: Error) -> Result {
    let entries = ask::said(cx, id).await?;
    if entries.is_empty() {
        return Err(unknown);
    }
    let mut ids: Vec<_> = entries
        .iter()
        .flat_map(|recorded| people::mentioned(&recorded.entry.text))
        .collect();
    ids.extend(entries.iter().filter_map(|recorded| recorded.entry.actor.clone()));
    let people = People::of(cx, ids).await;
    answers::tell(cx, texts::said(&entries, &people)).await
}
