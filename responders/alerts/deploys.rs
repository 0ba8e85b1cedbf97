//! Which deploy an alert came after: the newest of its service, where its labels name one, that began shortly before.

use std::time::Duration;

use jiff::Timestamp;
use otus::{
    MessageRef, Services,
    store::{Deploy, DeployFilter, DeployState},
};
use otus_monitoring::Labels;
use serde::{Deserialize, Serialize};

use crate::{House, group::Group, settings::signed};

/// So many are looked at, the newest.
const MOST: u32 = 50;
/// How long the chat may take to tell where a card is.
const PATIENCE: Duration = Duration::from_secs(5);

/// A deploy, as a message tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct After {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) version: String,
    pub(crate) began: Timestamp,
    pub(crate) state: DeployState,
    pub(crate) link: Option<String>,
}

/// The services and environments that the labels of a group name, as far as the catalog knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spot {
    services: Vec<String>,
    environments: Vec<String>,
    /// The labels name a service that is none of ours.
    foreign: bool,
}

impl Spot {
    pub(crate) fn of<'a>(
        house: &House,
        services: &Services,
        labels: impl Iterator<Item = &'a Labels>,
    ) -> Self {
        let catalog = services.catalog();
        let mut spot = Self::default();
        let mut named = false;
        for labels in labels {
            let (service, environment) = house.ready.spot(labels);
            named |= service.is_some();
            if let Some(service) = service.and_then(|name| catalog.service(name))
                && !spot.services.contains(&service.name)
            {
                spot.services.push(service.name);
            }
            if let Some(environment) = environment.and_then(|name| catalog.environment(name))
                && !spot.environments.contains(&environment.name)
            {
                spot.environments.push(environment.name);
            }
        }
        spot.foreign = named && spot.services.is_empty();
        spot
    }

    /// Whether a deploy could have to do with it: of one of its services; of any, when it names none at all.
    fn holds(&self, deploy: &Deploy) -> bool {
        let among = |names: &[String], name: &String| names.is_empty() || names.contains(name);
        !self.foreign
            && among(&self.services, &deploy.service)
            && among(&self.environments, &deploy.environment)
    }
}

/// The deploys since some time of what a group is about, oldest first. A memory that cannot be read costs the marks, not the alert.
pub(crate) async fn since(services: &Services, spot: &Spot, since: Timestamp) -> Vec<Deploy> {
    let filter = DeployFilter {
        since: Some(since),
        limit: MOST,
        ..DeployFilter::default()
    };
    let mut deploys = services.store().deploys(&filter).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the deploys before an alert cannot be read");
        Vec::new()
    });
    deploys.retain(|deploy| spot.holds(deploy));
    deploys.reverse();
    deploys
}

/// The deploy that a group began after.
pub(crate) async fn before(house: &House, services: &Services, group: &Group) -> Option<After> {
    let spot = Spot::of(house, services, group.alerts.values().map(|alert| &alert.labels));
    let earliest = group
        .began
        .checked_sub(signed(house.settings().after_deploy))
        .ok()?;
    let deploys = since(services, &spot, earliest).await;
    let last = deploys.into_iter().rfind(|deploy| deploy.began <= group.began)?;
    let link = match &last.card {
        Some(card) => link(services, card).await,
        None => None,
    };
    Some(After {
        version: short(&last.version),
        service: last.service,
        environment: last.environment,
        began: last.began,
        state: last.state,
        link,
    })
}

async fn link(services: &Services, card: &MessageRef) -> Option<String> {
    let asked = tokio::time::timeout(PATIENCE, services.chat().link(card)).await;
    asked.ok()?.ok()?
}

/// A commit by its first digits.
pub(crate) fn short(version: &str) -> String {
    let sha = version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    if sha {
        version.chars().take(7).collect()
    } else {
        version.to_owned()
    }
}
