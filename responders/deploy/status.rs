//! What runs where: every service in every environment, in a table that fits a phone.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use otus::operations::{OperationFilter, State};
use otus::store::{Deploy, DeployFilter, DeployState};
use otus::{Card, Context, Environment, Result, Service, Services, Tone};
use otus_kubernetes::{Error, Image, Running};
use tokio::time::timeout;

use crate::plan::{locate, workload};
use crate::texts;
use crate::words::{age, cut, since};

/// How many clusters are asked at once, and how long the slowest may take: a table that waits for one dead
/// cluster helps nobody.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(4);
/// How far back the last good deploy is looked for.
const HISTORY: u32 = 20;
/// The kind of operation that a change of a flag is.
const FLAG: &str = "flag";
/// So many of them are told at most, of this time.
const MOST_FLAGS: u32 = 5;
const LATELY: SignedDuration = SignedDuration::from_hours(24);
/// The widest a version may be.
const VERSION: usize = 14;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) service: String,
    pub(crate) environment: String,
    pub(crate) found: std::result::Result<Running, String>,
    /// A deploy under way.
    pub(crate) deploying: Option<Deploy>,
    /// The last deploy of the robot's that ended well.
    pub(crate) last: Option<Deploy>,
}

/// Answers with the table.
pub(crate) async fn status(cx: Context, service: Option<Service>) -> Result {
    let services = cx.services();
    let everything = service.is_none();
    let asked = match service {
        Some(service) => vec![service],
        None => services.catalog().services(),
    };
    let pairs: Vec<(Service, Environment)> = asked
        .into_iter()
        .flat_map(|service| {
            let environments = services.catalog().environments_of(&service);
            environments
                .into_iter()
                .map(move |environment| (service.clone(), environment))
        })
        .collect();
    if pairs.is_empty() {
        return cx.reply(texts::nothing_configured()).await;
    }
    let rows: Vec<Row> = stream::iter(pairs)
        .map(|(service, environment)| row(services, service, environment))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut card = card(&rows, Timestamp::now());
    if everything && let Some(flags) = flags(services).await {
        card = card.text(flags);
    }
    cx.reply(card).await
}

/// What of the flags changed lately, which may explain what deploys do not. A memory that cannot be read costs no more than this.
async fn flags(services: &Services) -> Option<String> {
    let filter = OperationFilter {
        kind: Some(FLAG.into()),
        states: vec![State::Succeeded],
        limit: MOST_FLAGS,
        ..OperationFilter::default()
    };
    let now = services.store().now().await.ok()?;
    let mut changed = services.store().operations(&filter).await.ok()?;
    changed.retain(|operation| {
        operation
            .ended
            .is_some_and(|ended| now.duration_since(ended) < LATELY)
    });
    (!changed.is_empty()).then(|| texts::flags_changed(&changed, now))
}

async fn row(services: &Services, service: Service, environment: Environment) -> Row {
    let look = async {
        let (cluster, workload) = locate(services, &service, &environment)
            .await
            .map_err(|error| error.to_string())?;
        workload
            .read(&cluster)
            .await
            .map_err(|error: Error| error.to_string())
    };
    let found = timeout(PATIENCE, look).await.unwrap_or_else(|_| {
        let cluster = workload(services, &service, &environment).cluster;
        Err(Error::TimedOut {
            cluster,
            after: PATIENCE,
        }
        .to_string())
    });
    let filter = DeployFilter {
        service: Some(service.name.clone()),
        environment: Some(environment.name.clone()),
        limit: HISTORY,
        ..DeployFilter::default()
    };
    // Without its own memory the robot still tells what the cluster says.
    let deploys = services.store().deploys(&filter).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the deploys cannot be read");
        Vec::new()
    });
    let of = |state: DeployState| deploys.iter().find(|deploy| deploy.state == state).cloned();
    let deploying = match of(DeployState::Running) {
        Some(deploy) if runs(services, &deploy.id).await => Some(deploy),
        _ => None,
    };
    Row {
        found,
        deploying,
        last: of(DeployState::Succeeded),
        service: service.name,
        environment: environment.name,
    }
}

/// Whether the operation of a deploy is under way: a row may outlive it for a moment.
async fn runs(services: &Services, id: &str) -> bool {
    let operation = services.store().operation(id).await;
    matches!(operation, Ok(Some(operation)) if operation.state.is_active())
}

/// The table, and what needs words.
pub(crate) fn card(rows: &[Row], now: Timestamp) -> Card {
    let notes: Vec<String> = rows.iter().flat_map(|row| notes(row, now)).collect();
    let deploying = rows.iter().filter(|row| row.deploying.is_some()).count();
    let well = rows.iter().all(|row| row.found.as_ref().is_ok_and(is_well)) && notes.len() == deploying;
    let tone = if well { Tone::Good } else { Tone::Warning };
    let card = Card::new(tone, texts::status_title(rows.len())).code(table(rows, now));
    match notes.is_empty() {
        true => card,
        false => card.text(notes.join("\n")),
    }
}

fn is_well(running: &Running) -> bool {
    running.ready >= running.replicas && !running.paused
}

/// The version as the table has it.
fn version(running: &Running) -> String {
    let image = || running.image.parse::<Image>().map(|image| image.short());
    let name = running
        .version
        .as_deref()
        .map(texts::short)
        .or_else(|| image().ok());
    let name = name.as_deref().unwrap_or(&running.image);
    cut(name.trim_start_matches("sha256:"), VERSION)
}

fn table(rows: &[Row], now: Timestamp) -> String {
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            let [version, pods, age] = match &row.found {
                Ok(running) => [
                    version(running),
                    format!(
                        "{}/{}{}",
                        running.ready,
                        running.replicas,
                        if is_well(running) { "" } else { " !" }
                    ),
                    running.since.map(|at| age(since(at, now))).unwrap_or_default(),
                ],
                Err(_) => ["?".to_owned(), String::new(), String::new()],
            };
            [row.environment.clone(), version, age, pods]
        })
        .collect();
    let widths: [usize; 4] = std::array::from_fn(|column| {
        cells
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    let mut lines = Vec::new();
    let mut service = "";
    for (row, cells) in rows.iter().zip(&cells) {
        if row.service != service {
            service = &row.service;
            lines.push(service.to_owned());
        }
        let line: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        lines.push(format!("  {}", line.join("  ")).trim_end().to_owned());
    }
    lines.join("\n")
}

fn notes(row: &Row, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(deploy) = &row.deploying {
        notes.push(texts::being_deployed(deploy, now));
    }
    match &row.found {
        Err(error) => notes.push(texts::cannot_tell(&row.service, &row.environment, error)),
        Ok(running) => {
            if running.paused {
                notes.push(texts::is_paused(&row.service, &row.environment));
            }
            let drifted = row
                .last
                .as_ref()
                .filter(|last| last.image != running.image && row.deploying.is_none());
            if let (Some(last), None) = (drifted, &running.deploy) {
                notes.push(texts::is_drifted(last, &version(running), running.by.as_deref()));
            }
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    use jiff::SignedDuration;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn row(service: &str, environment: &str, found: std::result::Result<Running, String>) -> Row {
        Row {
            service: service.into(),
            environment: environment.into(),
            found,
            deploying: None,
            last: None,
        }
    }

    fn running(image: &str, ready: i32, replicas: i32, seconds: i64) -> Running {
        Running {
            container: "app".into(),
            image: image.into(),
            version: None,
            deploy: None,
            last_deploy: None,
            by: Some("kubectl-set".into()),
            since: Some(now() - SignedDuration::from_secs(seconds)),
            replicas,
            ready,
            updated: replicas,
            settled: true,
            paused: false,
            waits: None,
            aborted: false,
            paused_by: None,
            previous: None,
            revision: None,
            uid: "u1".into(),
            generation: 1,
            selector: String::new(),
            owners: Vec::new(),
        }
    }

    fn deploy(version: &str, state: DeployState) -> Deploy {
        Deploy {
            id: "d1".into(),
            service: "web".into(),
            environment: "staging".into(),
            version: version.into(),
            image: format!("r/web:{version}"),
            previous: None,
            by: "ann".into(),
            began: now() - SignedDuration::from_secs(95),
            ended: None,
            state,
            card: None,
            note: None,
            details: serde_json::Value::Null,
            generation: 1,
        }
    }

    #[test]
    fn a_table_that_fits_a_phone() {
        let mut paused = running("r/web:v1", 2, 2, 40);
        paused.paused = true;
        let rows = [
            row(
                "api",
                "staging",
                Ok(running("r:5000/shop/api:v1.4.2", 3, 3, 7300)),
            ),
            row(
                "api",
                "production",
                Ok(running("r:5000/shop/api:v1.4.1", 4, 5, 900_000)),
            ),
            Row {
                deploying: Some(deploy("v2.1.0", DeployState::Running)),
                ..row("web", "staging", Ok(paused))
            },
            Row {
                last: Some(deploy("v2.0.0", DeployState::Succeeded)),
                ..row(
                    "web",
                    "production",
                    Ok(running("r/web:a-branch-with-a-long-name", 2, 2, 40)),
                )
            },
            row(
                "web",
                "lab",
                Err("the cluster `lab` does not answer: Connection refused".into()),
            ),
        ];
        let card = card(&rows, now());
        insta::assert_snapshot!(card.plain(), @"
        ⚠️ What runs where
        api
          staging     v1.4.2          2h   3/3
          production  v1.4.1          10d  4/5 !
        web
          staging     v1              40s  2/2 !
          production  a-branch-with…  40s  2/2
          lab         ?
        ⏳ `web` is being deployed to *staging*: @ann asked for `v2.1.0` 1 min 35 s ago.
        ⏸️ The rollout of `web` in *staging* is paused.
        ⚠️ `web` in *staging* runs `a-branch-with…`, set by `kubectl-set`; I deployed `v2.0.0` last.
        ⚠️ What `web` runs in *lab* cannot be told: the cluster `lab` does not answer: Connection refused.
        ");
        let table = table(&rows, now());
        assert!(table.lines().all(|line| line.chars().count() <= 42), "{table}");
    }

    #[test]
    fn all_is_well() {
        let rows = [row(
            "api",
            "staging",
            Ok(running(
                "r/api@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                3,
                3,
                60,
            )),
        )];
        insta::assert_snapshot!(card(&rows, now()).plain(), @"
        ✅ What runs there
        api
          staging  9f86d081884c  1m  3/3
        ");
    }
}
