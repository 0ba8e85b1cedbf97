//! How often, how fast and how well things go out.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::{Span, Timestamp};
use otus::store::{Deploy, DeployFilter, DeployState};
use otus::{Catalog, Context, Environment, Result, Service, Services, UserError};

use crate::dora;
use crate::people::zone;
use crate::place;
use crate::source::source;
use crate::words::between;
use crate::{draw, texts, when};

/// So many deploys of an environment are counted at most.
const MOST: u32 = 5_000;
/// The commits of so many deploys, the newest, are asked for.
const COMPARED: usize = 30;
const AT_ONCE: usize = 4;
/// The longest span, in days.
const LONGEST: i64 = 366;

/// How long commits took to be live, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lead {
    /// One for each commit.
    pub(crate) times: Vec<Duration>,
    /// Of so many deploys.
    pub(crate) deploys: usize,
    /// Why it is not known of others.
    pub(crate) why: Option<String>,
}

/// What the answer is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct About {
    pub(crate) service: Option<String>,
    pub(crate) environments: Vec<String>,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) days: i64,
    /// Not all deploys were counted.
    pub(crate) cut: bool,
}

/// The environments that none comes after: production, mostly.
fn last_ones(catalog: &Catalog, service: Option<&Service>) -> Vec<String> {
    let all = service.map_or_else(
        || catalog.environments(),
        |service| catalog.environments_of(service),
    );
    let is_before_another = |environment: &Environment| {
        all.iter()
            .any(|other| other.after.as_deref() == Some(environment.name.as_str()))
    };
    let last = all.iter().filter(|environment| !is_before_another(environment));
    last.map(|environment| environment.name.clone()).collect()
}

/// Answers with a card and a picture.
pub(crate) async fn stats(
    cx: &Context,
    service: Option<Service>,
    environment: Option<Environment>,
    span: Option<&str>,
) -> Result {
    let services = cx.services();
    let (to, zone) = (services.store().now().await?, zone(cx).await);
    let span = span.map_or(Some(Span::new().days(30)), when::days);
    let from = span.and_then(|span| to.to_zoned(zone.clone()).checked_sub(span).ok());
    let Some(from) = from.map(|from| from.timestamp()) else {
        return Err(UserError::new(texts::no_span(LONGEST)).into());
    };
    let days = to.duration_since(from).as_hours().saturating_add(12) / 24;
    if days > LONGEST {
        return Err(UserError::new(texts::no_span(LONGEST)).into());
    }
    let environments = environment.map_or_else(
        || last_ones(services.catalog(), service.as_ref()),
        |environment| vec![environment.name],
    );
    let mut about = About {
        service: service.as_ref().map(|service| service.name.clone()),
        environments,
        from,
        to,
        days: days.max(1),
        cut: false,
    };
    let deploys = deploys(services, &mut about).await?;
    let stats = dora::stats(&deploys);
    let lead = lead(services, &deploys).await;
    cx.reply(texts::stats(&about, &stats, &lead)).await?;
    if stats.live + stats.failed == 0 {
        return Ok(());
    }
    let days = dora::per_day(&deploys, from, to, &zone);
    let (chart, alt) = (draw::chart(&about, &days, zone), texts::picture_title(&about));
    // Drawing keeps a CPU busy for tens of milliseconds.
    let picture = otus::beside::compute(move || chart.render()).await??;
    cx.upload(draw::file(&about, picture, alt)).await
}

/// The deploys that are counted.
async fn deploys(services: &Services, about: &mut About) -> Result<Vec<Deploy>> {
    let mut all = Vec::new();
    for environment in &about.environments {
        let filter = DeployFilter {
            service: about.service.clone(),
            environment: Some(environment.clone()),
            since: Some(about.from),
            limit: MOST,
            ..DeployFilter::default()
        };
        let found = services.store().deploys(&filter).await?;
        about.cut |= found.len() >= MOST as usize;
        all.extend(found);
    }
    all.sort_by_key(|deploy| std::cmp::Reverse(deploy.began));
    Ok(all)
}

/// How long the commits of the newest deploys took.
async fn lead(services: &Services, deploys: &[Deploy]) -> Lead {
    let good = deploys
        .iter()
        .filter(|deploy| deploy.state == DeployState::Succeeded && deploy.details.get("adopted").is_none());
    let asked: Vec<Deploy> = good.take(COMPARED).cloned().collect();
    let answers: Vec<Result<Vec<Duration>, String>> = stream::iter(asked)
        .map(|deploy| async move { times(services, deploys, &deploy).await })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut lead = Lead::default();
    for answer in answers {
        match answer {
            Ok(times) if times.is_empty() => {}
            Ok(times) => {
                lead.deploys += 1;
                lead.times.extend(times);
            }
            Err(why) => {
                lead.why.get_or_insert(why);
            }
        }
    }
    lead
}

/// From each commit of a deploy until it was live.
async fn times(services: &Services, all: &[Deploy], deploy: &Deploy) -> Result<Vec<Duration>, String> {
    let Some(service) = services.catalog().service(&deploy.service) else {
        return Err(texts::no_service(&deploy.service));
    };
    let source = source(services, &service)?;
    let Some(previous) = &deploy.previous else {
        return Ok(Vec::new());
    };
    if *previous == deploy.image {
        return Ok(Vec::new());
    }
    let before = all
        .iter()
        .find(|other| {
            other.image == *previous
                && other.service == deploy.service
                && other.environment == deploy.environment
        })
        .and_then(place::reference)
        .or_else(|| place::reference_of(previous));
    let (Some(base), Some(head)) = (before, place::reference(deploy)) else {
        return Err(texts::no_commit(&deploy.version));
    };
    let comparison = source
        .compare(&base, &head)
        .await
        .map_err(|error| error.to_string())?;
    let live = deploy.ended.unwrap_or(deploy.began);
    let times = comparison.commits.iter().filter_map(|commit| commit.committed_at);
    Ok(times.map(|at| between(at, live)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_environments_are_those_that_none_comes_after() {
        let catalog: Catalog = serde_json::from_value(serde_json::json!({
            "environments": { "test": {}, "staging": { "after": "test" }, "eu": { "after": "staging" }, "us": { "after": "staging" } },
            "services": { "api": { "environments": ["test", "staging"] } },
        }))
        .unwrap();
        assert_eq!(last_ones(&catalog, None), ["eu", "us"]);
        let api = catalog.service("api");
        assert_eq!(last_ones(&catalog, api.as_ref()), ["staging"]);
    }
}
