//! Purpose: one webhook's way in: verified, kept, and acknowledged, in that order; all else comes later.

use crate::state::State;
use jiff::Timestamp;
use otus::{
    Result, Services,
    store::Delivery,
    web::{Answer, Request, Route},
};
use otus_ci::hooks::{self, Headers, Hook, Refusal};
use std::sync::Arc;

/// A larger body is read where it holds up nothing else, because that takes a while.
const LARGE: usize = 256 * 1024;

/// The route of a hook.
pub(crate) fn route(hook: &Hook, state: &Arc<State>) -> Route {
    let (hook, state) = (Arc::new(hook.clone()), Arc::clone(state));
    Route::new(
        "POST",
        crate::settings::path(hook.name()),
        move |services, request| take(Arc::clone(&hook), Arc::clone(&state), services, request),
    )
}

async fn take(hook: Arc<Hook>, state: Arc<State>, services: Services, request: Request) -> Result<Answer> {
    let name = hook.name().to_owned();
    let read = if request.body.len() > LARGE {
        tokio::task::spawn_blocking(move || read(&hook, &request)).await?
    } else {
        read(&hook, &request)
    };
    let delivery = match read {
        Ok(delivery) => delivery,
        Err(refusal) => return Ok(refused(&name, &state, &refusal)),
    };
    let kept = Delivery {
        id: delivery.id,
        source: delivery.source,
        received: services.store().now().await?,
        body: serde_json::to_value(&delivery.events)?,
    };
    // Only what is kept is acknowledged.
    let fresh = services.store().deliver(&kept).await?;
    if fresh {
        state.ring();
    }
    let text = if fresh { "taken" } else { "taken before" };
    Ok(Answer::new(202, format!("{text}\n")))
}

fn read(hook: &Hook, request: &Request) -> std::result::Result<hooks::Delivery, Refusal> {
    let pairs = request.headers.iter();
    let headers: Headers<'_> = pairs
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    hook.read(&hooks::Request {
        headers: &headers,
        body: &request.body,
        // Not the store's clock: nobody unknown makes the store work.
        now: Timestamp::now(),
    })
}

fn refused(hook: &str, state: &State, refusal: &Refusal) -> Answer {
    if refusal.is_ignorable() {
        tracing::debug!(hook, %refusal, "a webhook is of no use");
    } else {
        tracing::warn!(hook, %refusal, "a webhook was refused");
        state.refused(hook, refusal.to_string());
    }
    Answer::new(refusal.status(), format!("{refusal}\n"))
}
