//! `migrations pending`, `migrations lint`: looking, without changing anything; and `migration retry`, which has one that runs try at once.

use otus::audit::Entry;
use otus::prelude::*;

use crate::KIND;
use crate::apply::retry_place;
use crate::files::{Origin, Trust};
use crate::place::Spot;
use crate::plan::see;
use crate::texts;

/// Says what waits to be run, and what stands in its way.
pub(crate) async fn pending(
    cx: &Context,
    service: Service,
    environment: Option<Environment>,
    said: Option<&str>,
) -> Result {
    let services = cx.services();
    let spot = Spot::find(services, service, environment)?;
    let origin = Origin::find(services, &spot, said, Trust::Any).await?;
    let seen = see(services, &spot, &origin, Vec::new()).await?;
    let files: Vec<String> = seen
        .plan
        .what
        .files
        .iter()
        .map(|file| file.file.clone())
        .collect();
    let authors = origin.authors(services, &files).await;
    cx.reply(texts::pending(&seen, &authors)).await
}

/// Says what is to be said against what waits to be run, with the safe way.
pub(crate) async fn lint(
    cx: &Context,
    service: Service,
    environment: Option<Environment>,
    said: Option<&str>,
) -> Result {
    let services = cx.services();
    let spot = Spot::find(services, service, environment)?;
    let origin = Origin::find(services, &spot, said, Trust::Any).await?;
    let seen = see(services, &spot, &origin, Vec::new()).await?;
    let (first, rest) = texts::lint(&seen);
    cx.reply(first).await?;
    for card in rest {
        cx.reply_in_thread(card).await?;
    }
    Ok(())
}

/// Has a migration that waits for others try at once, and as often as at its beginning.
pub(crate) async fn retry(cx: &Context, id: Option<&str>) -> Result {
    let operations = cx.services().operations();
    let id = id.map(|id| id.trim_matches('`'));
    let id = operations.meant(cx, id).await?.id;
    // Who may not say this operation's command may not steer it either.
    let operation = operations.steered(cx, &id).await?;
    let store = cx.services().store();
    let now = store.now().await?;
    let entry = Entry::of(&operation, now, "retry", "Somebody wants it to try again.").by(cx.author());
    cx.services().record(&[entry]).await;
    store
        .remember(KIND, &retry_place(&operation.id), Some(true.into()))
        .await?;
    cx.react("ok_hand").await
}
