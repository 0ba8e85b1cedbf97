//! The list of releases.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use otus::store::{Deploy, DeployFilter};
use otus::{Context, Environment, Result, Service, UserError};

use crate::people::{Around, zone};
use crate::place::{self, AT_ONCE};
use crate::{texts, when};

/// So many are listed when nobody says, so many when somebody says since when, and so many at most.
const PAGE: u32 = 10;
const SINCE: u32 = 25;
const MOST: u32 = 50;

/// What was asked.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    pub(crate) service: Option<Service>,
    pub(crate) environment: Option<Environment>,
    pub(crate) last: Option<u32>,
    pub(crate) since: Option<String>,
    pub(crate) before: Option<String>,
}

/// Lists releases.
pub(crate) async fn releases(cx: &Context, ask: Ask) -> Result {
    let services = cx.services();
    let whole = ask.service.is_none() && ask.last.is_none() && ask.since.is_none() && ask.before.is_none();
    if whole {
        return newest(cx, ask.environment).await;
    }
    let (now, zone) = (services.store().now().await?, zone(cx).await);
    let read = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => when::past(text, now, &zone)
            .map(Some)
            .ok_or_else(|| UserError::new(texts::no_moment(text))),
    };
    let usual = if ask.since.is_some() { SINCE } else { PAGE };
    let page = ask.last.unwrap_or(usual).clamp(1, MOST);
    let filter = DeployFilter {
        service: ask.service.as_ref().map(|service| service.name.clone()),
        environment: ask
            .environment
            .as_ref()
            .map(|environment| environment.name.clone()),
        since: read(&ask.since)?,
        before: read(&ask.before)?,
        limit: page + 1,
        ..DeployFilter::default()
    };
    let mut found = services.store().deploys(&filter).await?;
    let more = found.len() > page as usize;
    found.truncate(page as usize);
    let older = found
        .last()
        .filter(|_| more)
        .map(|last| older(&filter, page, last));
    let around = Around::of(cx, &found).await;
    cx.reply(texts::releases(&filter, &found, &around, older)).await
}

/// The command that goes on behind a release.
fn older(filter: &DeployFilter, page: u32, last: &Deploy) -> String {
    let part =
        |word: &str, value: Option<String>| value.map(|value| format!(" {word}{value}")).unwrap_or_default();
    let moment = |at: Timestamp| at.to_string();
    format!(
        "releases{}{} last {page}{}{}",
        part("", filter.service.clone()),
        part("in ", filter.environment.clone()),
        part("since ", filter.since.map(moment)),
        part("before ", Some(moment(last.began)))
    )
}

/// The last release of every service in every environment, or in one.
async fn newest(cx: &Context, environment: Option<Environment>) -> Result {
    let services = cx.services();
    let mut spots = place::spots(services, None);
    if let Some(only) = &environment {
        spots.retain(|spot| spot.environment.name == only.name);
    }
    if spots.is_empty() {
        return cx.reply(texts::nothing_configured()).await;
    }
    let rows: Vec<(String, String, Option<Deploy>)> = stream::iter(spots)
        .map(|spot| async move {
            let filter = DeployFilter {
                service: Some(spot.service.name.clone()),
                environment: Some(spot.environment.name.clone()),
                limit: 1,
                ..DeployFilter::default()
            };
            let last = services.store().deploys(&filter).await?.into_iter().next();
            anyhow::Ok((spot.service.name.clone(), spot.environment.name.clone(), last))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let deploys: Vec<Deploy> = rows.iter().filter_map(|(_, _, last)| last.clone()).collect();
    let around = Around::of(cx, &deploys).await;
    cx.reply(texts::newest(&rows, &around)).await
}
