//! Which deploys and changes of flags are worth a mark on a graph: those of what the graph shows.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use otus::{
    Catalog, Services,
    store::{Deploy, DeployFilter},
};
use otus_flags::{Change, ChangeKind, Flags};
use otus_monitoring::Series;

/// So many are marked at most, the newest.
const MOST: u32 = 24;

/// So many changes of flags at most, the newest of each environment.
const MOST_FLAGS: u32 = 12;

/// The changes of flags since some time in the environments that the series show, oldest first. What cannot be read costs the marks.
pub(crate) async fn flags(
    services: &Services,
    since: Timestamp,
    query: &str,
    series: &[Series],
) -> Vec<Change> {
    let Some(flags) = services.resources().get::<Arc<Flags>>() else {
        return Vec::new();
    };
    let about = About::of(services.catalog(), query, series);
    let mut all = Vec::new();
    for set in flags.names() {
        if !about.environments.is_empty() && !about.environments.contains(&set) {
            continue;
        }
        match flags.history(&set, None, MOST_FLAGS).await {
            Ok(changes) => all.extend(
                changes
                    .into_iter()
                    .filter(|change| change.at >= since && change.kind != ChangeKind::Rule),
            ),
            Err(error) => tracing::warn!(%error, set, "the graph has no marks of flags: they cannot be read"),
        }
    }
    all.sort_by_key(|change| change.at);
    all
}

/// The deploys since some time of what the series show, oldest first. A memory that cannot be read costs the marks, not
/// the graph.
pub(crate) async fn shown(
    services: &Services,
    since: Timestamp,
    service: Option<&str>,
    query: &str,
    series: &[Series],
) -> Vec<Deploy> {
    let filter = DeployFilter {
        service: service.map(str::to_owned),
        since: Some(since),
        limit: MOST,
        ..DeployFilter::default()
    };
    let mut deploys = services.store().deploys(&filter).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the graph has no marks: the deploys cannot be read");
        Vec::new()
    });
    let about = About::of(services.catalog(), query, series);
    deploys.retain(|deploy| about.holds(deploy));
    deploys.reverse();
    deploys
}

/// What a graph is about: the services and environments that its labels or its query name; all, if they name none.
struct About {
    services: BTreeSet<String>,
    environments: BTreeSet<String>,
}

impl About {
    fn of(catalog: &Catalog, query: &str, series: &[Series]) -> Self {
        let named = |known: Vec<&String>| {
            known
                .into_iter()
                .filter(|name| {
                    series
                        .iter()
                        .any(|s| s.labels.values().any(|value| value == *name))
                        || ['"', '\'']
                            .iter()
                            .any(|quote| query.contains(&format!("{quote}{name}{quote}")))
                })
                .cloned()
                .collect()
        };
        Self {
            services: named(catalog.services.keys().collect()),
            environments: named(catalog.environments.keys().collect()),
        }
    }

    fn holds(&self, deploy: &Deploy) -> bool {
        let among = |names: &BTreeSet<String>, name: &str| names.is_empty() || names.contains(name);
        among(&self.services, &deploy.service) && among(&self.environments, &deploy.environment)
    }
}
