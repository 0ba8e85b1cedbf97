//! What is under way or waits, and what ended last.

use crate::{answers, people::People, texts};
use otus::{
    operations::{OperationFilter, State},
    prelude::*,
};

/// So many of those that are not over are listed.
const OPEN: u32 = 20;

/// So many of those that are.
const OVER: u32 = 5;

/// Lists operations.
pub(crate) async fn list(cx: &Context, service: Option<Service>, environment: Option<Environment>) -> Result {
    let service = service.map(|service| service.name);
    let environment = environment.map(|environment| environment.name);
    let about = about(service.as_deref(), environment.as_deref());
    let filter = |over: bool, limit| OperationFilter {
        service: service.clone(),
        environment: environment.clone(),
        states: State::ALL
            .into_iter()
            .filter(|state| state.is_over() == over)
            .collect(),
        limit,
        ..OperationFilter::default()
    };
    let store = cx.services().store();
    let open = store.operations(&filter(false, OPEN)).await?;
    let over = store.operations(&filter(true, OVER)).await?;
    let people = People::of(cx, Vec::new()).await;
    answers::tell(cx, texts::operations(&about, &open, &over, &people)).await
}

/// `api in production`, in words.
pub(crate) fn about(service: Option<&str>, environment: Option<&str>) -> String {
    match (service, environment) {
        (Some(service), Some(environment)) => format!("{service} in {environment}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    }
}
