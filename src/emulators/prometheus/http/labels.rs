//! Which labels, values and series there are, of those that `match[]` selects. The times of a request are of no interest here:
//! what is remembered at all is told.

use super::{Answer, Failure, Fields, metric, success};
use crate::prometheus::{
    promql::{self, Error, Expr, Matcher},
    story::Story,
    tsdb::Labels,
};
use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::StatusCode,
};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

impl Fields {
    /// The matchers of each selector.
    fn selectors(&self) -> Result<Vec<Vec<Matcher>>, Failure> {
        let one = |text: &String| match promql::parse(text) {
            Ok(Expr::Selector(selector)) if selector.range_ms.is_none() => Ok(selector.matchers),
            Ok(_) => Err(Failure::parameter("match[]", "only a selector is one")),
            Err(Error::Parse { at, message }) => Err(Failure::parameter(
                "match[]",
                promql::describe(text, at, &message),
            )),
            Err(Error::Execution(why)) => Err(Failure::parameter("match[]", why)),
        };
        self.1.iter().map(one).collect()
    }
}

/// The series that one of the selectors fits; without any, all.
fn selected(story: &Story, selectors: &[Vec<Matcher>]) -> BTreeSet<Labels> {
    story.read(Timestamp::now(), |data| {
        let all = [Vec::new()];
        let selectors = if selectors.is_empty() { &all[..] } else { selectors };
        let found = selectors
            .iter()
            .flat_map(|matchers| data.select(matchers).map(|(labels, _)| labels.clone()));
        found.collect()
    })
}

pub(super) async fn names(State(story): State<Story>, RawQuery(query): RawQuery, body: Bytes) -> Answer {
    let selectors = Fields::new(query, &body).selectors()?;
    let names: BTreeSet<String> = selected(&story, &selectors)
        .into_iter()
        .flat_map(Labels::into_keys)
        .collect();
    Ok(success(&json!(names)))
}

pub(super) async fn values(
    State(story): State<Story>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let selectors = Fields::new(query, &Bytes::new()).selectors()?;
    let found = selected(&story, &selectors);
    let values: BTreeSet<&String> = found.iter().filter_map(|labels| labels.get(&name)).collect();
    Ok(success(&json!(values)))
}

pub(super) async fn series(State(story): State<Story>, RawQuery(query): RawQuery, body: Bytes) -> Answer {
    let selectors = Fields::new(query, &body).selectors()?;
    if selectors.is_empty() {
        let why = "no match[] parameter provided".to_owned();
        return Err(Failure(StatusCode::BAD_REQUEST, "bad_data", why));
    }
    let found: Vec<_> = selected(&story, &selectors).iter().map(metric).collect();
    Ok(success(&json!(found)))
}
