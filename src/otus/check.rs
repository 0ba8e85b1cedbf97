//! `otus check`: tries every connection and permission in the configuration, and says what is wrong and how to mend it.

mod alerts;
mod databases;
mod experiments;
mod flags;
mod told;
mod versions;

use crate::{
    cli::print,
    config::{Loaded, Settings, demands},
    manifest, secrets,
};
use otus_core::catalog::Placement;
use otus_kubernetes::{Cluster, Clusters, DEFAULT_CLUSTER, Error, Kind, Need, Workload};
use otus_monitoring::{Prometheus, step::Rules};
use otus_responder_graphs as graphs;
use otus_store::{OpenError, PostgresStore, SqliteStore, StoreConfig};
use serde::Serialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio::time::timeout;

/// How long one thing may take to try.
const PATIENCE: Duration = Duration::from_secs(15);

/// How something fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mark {
    Good,
    Wrong,
    Untried,
}

/// One thing that was tried.
#[derive(Debug, Serialize)]
struct Entry {
    /// What.
    check: String,
    state: Mark,
    /// What was found; of what is wrong also how to mend it.
    says: String,
    /// What is lacking, one by one, by the names of whoever grants it: scopes, `verb resource`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// What was tried: told line by line, or as one JSON document at the end.
#[derive(Debug, Default)]
struct Sheet {
    json: bool,
    entries: Vec<Entry>,
}

impl Sheet {
    fn note(&mut self, mark: Mark, what: &str, found: &str) {
        self.lacking(mark, what, found, Vec::new());
    }

    fn lacking(&mut self, state: Mark, what: &str, found: &str, missing: Vec<String>) {
        let says = secrets::redact(found.trim_end()).into_owned();
        let sign = match state {
            Mark::Good => "✓",
            Mark::Wrong => "✗",
            Mark::Untried => "–",
        };
        if !self.json {
            print(&format!("{sign} {what}: {}\n", says.replace('\n', "\n    ")));
        }
        self.entries.push(Entry {
            check: what.to_owned(),
            state,
            says,
            missing,
        });
    }

    fn take(&mut self, what: &str, found: Result<String, String>) -> bool {
        match &found {
            Ok(found) => self.note(Mark::Good, what, found),
            Err(wrong) => self.note(Mark::Wrong, what, wrong),
        }
        found.is_ok()
    }

    fn count(&self, state: Mark) -> usize {
        self.entries.iter().filter(|entry| entry.state == state).count()
    }

    /// Says how it came out.
    fn end(&self) -> ExitCode {
        let (good, wrong) = (self.count(Mark::Good), self.count(Mark::Wrong));
        let end = match wrong {
            _ if self.json => {
                let sheet = json!({ "ok": wrong == 0, "good": good, "wrong": wrong, "checks": self.entries });
                format!("{sheet:#}\n")
            }
            0 => format!("\nAll {good} checks are good.\n"),
            1 => "\n1 thing is wrong.\n".to_owned(),
            wrong => format!("\n{wrong} things are wrong.\n"),
        };
        print(&end);
        if wrong == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Tries everything, line by line.
pub(crate) async fn check(loaded: &Loaded, json: bool) -> ExitCode {
    let mut sheet = Sheet {
        json,
        ..Sheet::default()
    };
    let settings = &loaded.settings;
    for fault in &loaded.faults.0 {
        sheet.note(Mark::Wrong, "configuration", &fault.to_string());
    }
    if loaded.faults.0.is_empty() {
        let found = format!(
            "{}, {}",
            counted(settings.services.len(), "service"),
            counted(settings.environments.len(), "environment")
        );
        sheet.note(Mark::Good, "configuration", &found);
        sheet.take("store", bounded(store(&settings.store)).await);
        slack(&mut sheet, loaded).await;
        clusters(&mut sheet, settings).await;
        versions::versions(&mut sheet, settings).await;
        prometheus(&mut sheet, settings).await;
        alerts::alerts(&mut sheet, settings).await;
        databases::databases(&mut sheet, settings).await;
        told::told(&mut sheet, settings).await;
        told::dashboards(&mut sheet, settings).await;
        experiments::experiments(&mut sheet, settings);
        flags::flags(&mut sheet, settings);
        flags::unleash(&mut sheet, settings).await;
    } else {
        sheet.note(
            Mark::Untried,
            "everything else",
            "is tried when the configuration is right",
        );
    }
    sheet.end()
}

fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

async fn bounded<T>(attempt: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(PATIENCE, attempt)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}

/// How far the clocks of this machine and of the database may be apart before somebody should look.
const APART: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// Opens the database, and compares its clock.
async fn database(config: &StoreConfig) -> Result<String, String> {
    let store = PostgresStore::open(config)
        .await
        .map_err(|error| error.to_string())?;
    let tried = async {
        let wrong = |error: otus_core::StoreError| error.to_string();
        otus_core::Store::check(&store).await.map_err(wrong)?;
        let theirs = otus_core::Store::now(&store).await.map_err(wrong)?;
        Ok(jiff::Timestamp::now().duration_since(theirs))
    };
    let tried: Result<jiff::SignedDuration, String> = tried.await;
    // What was tried is said by the check; a fault of closing would only repeat it.
    let _ = store.close().await;
    let apart = tried?;
    if apart.abs() > APART {
        return Err(format!(
            "PostgreSQL can be read and written, but its clock and this machine's are {} s apart. Otus goes by the database's; \
             set the clocks by NTP, or the times people read will be wrong",
            apart.abs().as_secs()
        ));
    }
    Ok("PostgreSQL can be read and written, and its clock is right".to_owned())
}

/// Opens the store, or one beside it when there is none yet: a check leaves nothing behind.
async fn store(config: &StoreConfig) -> Result<String, String> {
    if config.url.is_some() {
        return database(config).await;
    }
    let there = config.path.exists();
    let path = if there {
        config.path.clone()
    } else {
        beside(&config.path)
    };
    let tried = SqliteStore::open(&StoreConfig::at(&path)).await;
    let found = match tried {
        Ok(store) => {
            let checked = otus_core::Store::check(&store)
                .await
                .map_err(|error| error.to_string());
            // What was tried is said by the check; a fault of closing would only repeat it.
            let _ = store.close().await;
            checked.map(|()| {
                let state = if there {
                    "can be read and written"
                } else {
                    "can be made"
                };
                format!("{} {state}", config.path.display())
            })
        }
        Err(OpenError::InUse { owner, .. }) => Ok(format!(
            "{} is in use by a running Otus ({owner})",
            config.path.display()
        )),
        Err(error) => Err(error.to_string()),
    };
    if !there {
        for ending in ["", "-wal", "-shm", "-lock", ".lock"] {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            let _ = std::fs::remove_file(name);
        }
    }
    found
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".check-{}", std::process::id()));
    path.with_file_name(name)
}

async fn slack(sheet: &mut Sheet, loaded: &Loaded) {
    let missing = demands(loaded);
    if !missing.is_empty() {
        for fault in missing {
            sheet.note(Mark::Wrong, "Slack", &fault.to_string());
        }
        return;
    }
    let wants = manifest::wants(&loaded.settings);
    match timeout(PATIENCE * 2, otus_slack::check(&loaded.settings.slack, &wants)).await {
        Ok(checked) => {
            for checked in checked {
                let missing = checked.missing.into_iter().map(str::to_owned).collect();
                match checked.found {
                    Ok(found) => sheet.note(Mark::Good, checked.what, &found),
                    Err(wrong) => sheet.lacking(Mark::Wrong, checked.what, &wrong, missing),
                }
            }
        }
        Err(_) => sheet.note(
            Mark::Wrong,
            "Slack",
            "it does not answer; is slack.api_url right, and the network up?",
        ),
    }
}

/// A service in an environment.
struct Spot {
    service: String,
    environment: String,
    placement: Placement,
    /// Whether something is run before its image is changed.
    before: bool,
    /// Whether a canary goes first.
    canary: bool,
}

async fn clusters(sheet: &mut Sheet, settings: &Settings) {
    let catalog = settings.catalog();
    let mut spots: BTreeMap<String, Vec<Spot>> = BTreeMap::new();
    for service in catalog.services() {
        for environment in catalog.environments_of(&service) {
            let placement = catalog.placement(&service, &environment);
            let cluster = placement
                .cluster
                .clone()
                .unwrap_or_else(|| DEFAULT_CLUSTER.to_owned());
            spots.entry(cluster).or_default().push(Spot {
                service: service.name.clone(),
                before: service.before.is_some(),
                canary: otus_responder_deploy::has_canary(&service, &environment),
                environment: environment.name,
                placement,
            });
        }
    }
    if spots.is_empty() {
        let how = "no service runs anywhere yet: write [environments.…] and [services.…]";
        sheet.note(Mark::Untried, "Kubernetes", how);
        return;
    }
    let clusters = Clusters::new(settings.kubernetes.clone());
    for (name, spots) in spots {
        let what = format!("cluster {name}");
        let cluster =
            match bounded(async { clusters.get(&name).await.map_err(|error| error.to_string()) }).await {
                Ok(cluster) => cluster,
                Err(wrong) => {
                    sheet.note(Mark::Wrong, &what, &wrong);
                    continue;
                }
            };
        if !permissions(sheet, &what, &cluster, &spots).await {
            continue;
        }
        for spot in spots {
            workload(sheet, &cluster, &name, spot).await;
        }
    }
}

/// Whether the cluster answers; what Otus may not do there is said with the Role that mends it.
async fn permissions(sheet: &mut Sheet, what: &str, cluster: &Cluster, spots: &[Spot]) -> bool {
    let mut needs: BTreeMap<String, BTreeSet<Need>> = BTreeMap::new();
    for spot in spots {
        let kind = kind_and_name(&spot.placement).0;
        let namespace = spot.placement.namespace.clone();
        let needs = needs.entry(namespace).or_default();
        needs.insert(Need::Workload(kind));
        if spot.before {
            needs.insert(Need::Jobs);
        }
        if spot.canary {
            needs.insert(Need::Canary);
        }
    }
    let report = bounded(async {
        otus_kubernetes::check(cluster, &needs)
            .await
            .map_err(|error| error.to_string())
    });
    let report = match report.await {
        Ok(report) => report,
        Err(wrong) => {
            sheet.note(Mark::Wrong, what, &wrong);
            return false;
        }
    };
    sheet.note(Mark::Good, what, &format!("Kubernetes {}", report.version));
    for (namespace, needs) in &needs {
        let missing: Vec<String> = report
            .missing
            .iter()
            .filter(|missing| missing.namespace == *namespace)
            .map(|missing| format!("{} {}", missing.verb, missing.resource))
            .collect();
        let what = format!("{what}, namespace {namespace}");
        if missing.is_empty() {
            sheet.note(Mark::Good, &what, "everything Otus needs is allowed");
        } else {
            let role = otus_kubernetes::role(namespace, needs);
            let wrong = format!(
                "not allowed: {}. This Role allows it; bind it to Otus' account with a RoleBinding:\n{role}",
                missing.join(", ")
            );
            sheet.lacking(Mark::Wrong, &what, &wrong, missing);
        }
    }
    true
}

/// What is wrong with a kind is a fault of the configuration, and told there.
fn kind_and_name(placement: &Placement) -> (Kind, &str) {
    Kind::split(&placement.workload).unwrap_or((Kind::Deployment, &placement.workload))
}

async fn workload(sheet: &mut Sheet, cluster: &Cluster, name: &str, spot: Spot) {
    let Spot {
        service,
        environment,
        placement,
        ..
    } = spot;
    let (kind, its_name) = kind_and_name(&placement);
    let workload = Workload {
        cluster: name.to_owned(),
        name: its_name.to_owned(),
        namespace: placement.namespace,
        kind,
        container: placement.container,
        service: service.clone(),
    };
    let read = bounded(async {
        workload.read(cluster).await.map_err(|error| match error {
            Error::NotFound { .. } => format!(
                "{error}. Set workload or environments below [services.{service}], or namespace below [environments.{environment}]"
            ),
            Error::UnknownContainer { .. } | Error::WhichContainer { .. } => {
                format!("{error}. Set container below [services.{service}]")
            }
            error => error.to_string(),
        })
    })
    .await;
    let found = read.map(|running| format!("{} (container {})", running.image, running.container));
    sheet.take(&format!("{service} in {environment}"), found);
}

async fn prometheus(sheet: &mut Sheet, settings: &Settings) {
    let mut section = settings.responders.get("graphs").cloned().unwrap_or_default();
    if let Some(section) = section.as_object_mut() {
        // The robot's own key, in every responder's section.
        section.remove("enabled");
    }
    if settings.prometheus.url.is_none() {
        let how = "prometheus.url is not set, so there are no graphs";
        sheet.note(Mark::Untried, "Prometheus", how);
        return;
    }
    let client = match Prometheus::new(&settings.prometheus) {
        Ok(client) => client,
        Err(error) => {
            sheet.note(Mark::Wrong, "Prometheus", &error.to_string());
            return;
        }
    };
    let found = bounded(async {
        client.ready().await.map_err(|error| error.to_string())?;
        let version = client
            .build()
            .await
            .map_or_else(|_| String::new(), |build| format!(", version {}", build.version));
        Ok(format!("{} is ready{version}", client.url()))
    });
    if !sheet.take("Prometheus", found.await) {
        return;
    }
    // A section that cannot be read is a fault of the configuration, told before.
    let Ok(graphs) = serde_json::from_value::<graphs::Settings>(section) else {
        return;
    };
    let now = jiff::Timestamp::now();
    // Those with panels have no query of their own.
    let own = graphs
        .queries
        .into_iter()
        .filter(|(_, query)| query.panels.is_empty());
    for (name, query) in own {
        let asked = bounded(async {
            let range = Rules::of(&settings.prometheus)
                .plan(now - jiff::SignedDuration::from_mins(10), now)
                .map_err(|error| error.to_string())?;
            // What the variables of the chat stand for makes no difference to whether the query can be read.
            let query = ["${service}", "$service", "${environment}", "$environment"]
                .into_iter()
                .fold(query.query, |query, variable| query.replace(variable, "any"));
            client
                .query_range(&range.fill_in(&query), &range)
                .await
                .map(|_| "Prometheus understands its query".to_owned())
                .map_err(|error| error.to_string())
        });
        sheet.take(&format!("graph {name}"), asked.await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_that_is_not_there_is_tried_beside_it_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::at(folder.path().join("otus.sqlite"));
        let found = store(&config).await.unwrap();
        assert!(found.ends_with("otus.sqlite can be made"), "{found}");
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, Vec::<std::ffi::OsString>::new());
    }

    #[tokio::test]
    async fn a_store_in_use_is_good_and_a_foreign_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::at(folder.path().join("otus.sqlite"));
        let running = SqliteStore::open(&config).await.unwrap();
        assert!(store(&config).await.unwrap().contains("in use by a running Otus"));
        running.close().await.unwrap();
        std::fs::write(folder.path().join("text"), "no database at all, just some text").unwrap();
        let wrong = store(&StoreConfig::at(folder.path().join("text")))
            .await
            .unwrap_err();
        assert!(wrong.contains("no SQLite database"), "{wrong}");
    }
}
