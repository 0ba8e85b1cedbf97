//! What runs that was not deployed here.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use otus::store::Deploy;
use otus::{Context, Result, Service};
use otus_kubernetes::Running;

use crate::place::{self, AT_ONCE, Seen};
use crate::texts;

/// How what runs lies to what was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Drift {
    /// What was deployed runs.
    None,
    /// Nothing was ever deployed or adopted there.
    Never,
    /// Something else runs.
    Set {
        /// The image.
        image: String,
        /// The field manager that set it, where it is told.
        manager: Option<String>,
        /// When.
        at: Option<Timestamp>,
        /// The version of the last good release.
        last: Option<String>,
    },
    /// Nobody can tell, and why.
    Unknown(String),
}

/// How what runs lies to what was released.
pub(crate) fn judge(seen: &Seen) -> Drift {
    match &seen.running {
        Err(why) => Drift::Unknown(why.clone()),
        Ok(running) => of(running, seen.last_good()),
    }
}

fn of(running: &Running, last: Option<&Deploy>) -> Drift {
    let ours = running.deploy.is_some() || last.is_some_and(|last| last.image == running.image);
    if ours {
        return Drift::None;
    }
    if last.is_none() && running.last_deploy.is_none() {
        return Drift::Never;
    }
    let owner = running.owners.first();
    Drift::Set {
        image: running.image.clone(),
        manager: owner.map(|owner| owner.manager.clone()),
        at: owner.and_then(|owner| owner.at),
        last: last.map(|last| last.version.clone()),
    }
}

/// Says where something else runs than what was deployed.
pub(crate) async fn drift(cx: &Context, service: Option<Service>) -> Result {
    let services = cx.services();
    let spots = place::spots(services, service);
    if spots.is_empty() {
        return cx.reply(texts::nothing_configured()).await;
    }
    let found: Vec<(String, String, Drift)> = stream::iter(spots)
        .map(|spot| async move {
            let seen = place::see(services, &spot).await?;
            anyhow::Ok((spot.service.name, spot.environment.name, judge(&seen)))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    cx.reply(texts::drift(&found)).await
}
