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
    let operation = ask::meant(cx, id).await?;
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
