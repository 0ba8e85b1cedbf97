//! Who does not want to be told that their change is live.

use otus::{Result, Services, UserId};

const RESPONDER: &str = "pulls";

fn key(user: &UserId) -> String {
    format!("muted {user}")
}

/// Whether somebody does not want it.
pub(crate) async fn is_muted(services: &Services, user: &UserId) -> Result<bool> {
    Ok(services.store().recall(RESPONDER, &key(user)).await?.is_some())
}

/// From now on somebody does not want it, or does.
pub(crate) async fn mute(services: &Services, user: &UserId, muted: bool) -> Result {
    let value = muted.then(|| true.into());
    services.store().remember(RESPONDER, &key(user), value).await?;
    Ok(())
}
