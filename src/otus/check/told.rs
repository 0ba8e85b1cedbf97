//! Whether those who are told of deploys can be told.

use super::{Mark, Sheet, bounded};
use crate::config::Settings;
use otus_ci::github::{self, GitHub};
use otus_monitoring::grafana::Grafana;
use otus_responder_markers as markers;
use std::collections::BTreeSet;

/// Tries whether Grafana's dashboards can be read, where there is one.
pub(super) async fn dashboards(sheet: &mut Sheet, settings: &Settings) {
    if settings.grafana.url.is_none() {
        return;
    }
    let tried = bounded(async {
        let grafana = Grafana::new(&settings.grafana).map_err(|error| error.to_string())?;
        let (dashboards, sources) = grafana.check_reading().await.map_err(|error| error.to_string())?;
        let renderer = if sources.renderer {
            "a renderer"
        } else {
            "no renderer"
        };
        let count = |count: usize, one: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {one}s"),
        };
        let (dashboards, sources) = (
            count(dashboards, "dashboard"),
            count(sources.all.len(), "data source"),
        );
        Ok(format!(
            "{dashboards}, {sources} and {renderer} at {}",
            grafana.url()
        ))
    });
    sheet.take("Grafana's dashboards", tried.await);
}

/// Tries GitHub's deployments and Grafana's annotations, as far as they are wanted.
pub(super) async fn told(sheet: &mut Sheet, settings: &Settings) {
    let mut section = settings.responders.get("markers").cloned().unwrap_or_default();
    if let Some(section) = section.as_object_mut() {
        // The robot's own key, in every responder's section.
        section.remove("enabled");
    }
    // A section that cannot be read is a fault of the configuration, told before.
    let wanted: markers::Settings = serde_json::from_value(section).unwrap_or_default();
    if wanted.github_deployments {
        deployments(sheet, settings).await;
    }
    if !wanted.annotations {
        return;
    }
    if settings.grafana.url.is_none() {
        let how = "grafana.url is not set, so deploys are not marked there";
        return sheet.note(Mark::Untried, "Grafana", how);
    }
    let tried = bounded(async {
        let grafana = Grafana::new(&settings.grafana).map_err(|error| error.to_string())?;
        grafana.check().await.map_err(|error| error.to_string())?;
        Ok(format!("{} takes annotations", grafana.url()))
    });
    sheet.take("Grafana", tried.await);
}

async fn deployments(sheet: &mut Sheet, settings: &Settings) {
    // What is wrong with [github] is told by its own check.
    let Ok(github) = GitHub::new(&settings.github) else {
        return;
    };
    let named = settings.services.values();
    let repositories: BTreeSet<String> = named
        .filter_map(|service| service.repository.as_ref())
        .map(|written| written.to_lowercase())
        .collect();
    for written in repositories {
        let tried = bounded(async {
            let repo = written
                .parse::<github::Repository>()
                .map_err(|error| error.to_string())?;
            match github.may_tell_deployments(&repo).await {
                Ok(()) => Ok("they may be written".to_owned()),
                Err(error @ (github::Error::NotAllowed { .. } | github::Error::NotFound { .. })) => {
                    Err(format!(
                        "{error}. Let the token write deployments of {repo} (\"Deployments: read and write\"), or set \
                     github_deployments = false below [responders.markers]"
                    ))
                }
                Err(error) => Err(error.to_string()),
            }
        });
        let what = format!("GitHub deployments of {written}");
        sheet.take(&what, tried.await);
    }
}
