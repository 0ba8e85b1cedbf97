//! What a deploy would change: the world as it is, against what is wanted. Changes nothing.

use otus::operations::{Change, Plan, Target};
use otus::store::{DeployFilter, DeployState};
use otus::{Environment, Result, Service, Services, UserError};
use otus_kubernetes::{Cluster, Clusters, DEFAULT_CLUSTER, Image, Kind, Running, Version, Workload};
use otus_monitoring::gate::Gates;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::before::{self, Before, Prepared};
use crate::canary::{self, Canary};
use crate::choose;
use crate::commits::{self, Commit, Picked};
use crate::gates::{self, Checked};
use crate::settings::Settings;
use crate::texts;

/// What is asked of the engine: everything a person left open is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// What to deploy.
    pub(crate) service: String,
    /// Where to.
    pub(crate) environment: String,
    /// Which version.
    pub(crate) version: String,
    /// The image whose repository it has, where the catalog names none; unset: the one that runs.
    pub(crate) like: Option<String>,
    /// Whether to take the image over from whoever set it since.
    pub(crate) force: bool,
    /// The commit, of a service with a repository.
    #[serde(default)]
    pub(crate) picked: Option<Picked>,
}

/// What applying needs, and what must not have moved until then: [`Plan::details`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Planned {
    /// What is changed.
    pub(crate) workload: Workload,
    /// The object's identity: another one of its name is another one.
    pub(crate) uid: String,
    /// The version, as people say it.
    pub(crate) version: String,
    /// The image to run.
    pub(crate) image: String,
    /// The image that runs.
    pub(crate) previous: String,
    /// Whether a rollout goes on that the robot had paused.
    pub(crate) goes_on: bool,
    /// Whether to take the image over from whoever set it since.
    pub(crate) force: bool,
    /// What to run before the change.
    #[serde(default)]
    pub(crate) before: Option<Before>,
    /// What others do before the change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) prepared: Vec<Prepared>,
    /// The pods that get it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) canary: Option<Canary>,
    /// The metrics it must stay within.
    #[serde(default)]
    pub(crate) gates: Gates,
    /// The commit, of a service with a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<Commit>,
}

/// Plans a deploy.
pub(crate) async fn plan(settings: &Settings, services: &Services, ask: &Value) -> Result<Plan> {
    let wanted: Wanted = serde_json::from_value(ask.clone())?;
    let catalog = services.catalog();
    let service = catalog.service(&wanted.service);
    let environment = catalog.environment(&wanted.environment);
    let (Some(service), Some(environment)) = (service, environment) else {
        return Err(UserError::new(texts::not_configured(&wanted.service, &wanted.environment)).into());
    };
    let (cluster, workload) = locate(services, &service, &environment).await?;
    let running = read(&cluster, &workload, &environment).await?;
    let image = match &wanted.picked {
        Some(picked) => picked.image(&service.name)?,
        None => {
            let version: Version = wanted
                .version
                .parse()
                .map_err(|error| UserError::new(texts::bad_version(&wanted.version, &format!("{error}"))))?;
            choose::image(
                &service,
                wanted.like.as_deref().unwrap_or(&running.image),
                &version,
            )?
        }
    };
    let settled = running.image == image.to_string() && running.settled;
    let goes_on = running.is_paused_by(cluster.manager());
    let target = Target::new(&service.name, &environment.name);
    let failed = failed_before(services, &target, &image.to_string()).await?;
    let found = match &wanted.picked {
        Some(picked) => {
            Some(commits::check(services, &service, &environment, &running, &wanted, picked).await?)
        }
        None => None,
    };
    let (commit, more) = found.unzip();
    let more = more.unwrap_or_default();
    let checked = match settled && !running.paused {
        true => Checked::default(),
        false => {
            let bad = failed_before(services, &target, &running.image).await?;
            let version = running.version.clone().unwrap_or_else(|| running.image.clone());
            gates::check(
                settings,
                services,
                (&service, &environment),
                &version,
                bad.is_some(),
            )
            .await?
        }
    };
    let named = match &commit {
        Some(commit) => commit.version.name().to_owned(),
        None => image
            .version()
            .map_or_else(|| "latest".to_owned(), |version| version.to_string()),
    };
    let sha = commit.as_ref().map(|commit| commit.version.sha.as_str());
    let parts = before::parts(
        services,
        (&service, &environment),
        (&named, sha),
        &running,
        &image,
    )
    .await?;
    let planned = Planned {
        uid: running.uid.clone(),
        version: named,
        image: image.to_string(),
        previous: running.image.clone(),
        goes_on,
        force: wanted.force,
        before: before::wanted(&service, &running, &image)?,
        prepared: parts.prepared,
        canary: canary::wanted(&service, &environment, &workload, &running, &image)?,
        gates: checked.gates,
        commit,
        workload,
    };
    let mut warnings = texts::warnings(&running, &planned, failed);
    warnings.extend(more.warnings);
    warnings.extend(parts.warnings);
    let mut notes = more.notes;
    notes.extend(texts::notes(&running, &planned));
    notes.extend(checked.notes);
    notes.extend(parts.notes);
    notes.extend(canary::notes(&cluster, &planned).await);
    Ok(Plan {
        needs: parts.needs,
        title: texts::deploy(&service.name, &planned.version, &environment.name),
        changes: before::first(
            &planned,
            parts.changes,
            canary::first(&planned, changes(&running, &image, &planned)),
        ),
        warnings,
        notes,
        nothing_to_do: settled && !running.paused,
        details: serde_json::to_value(&planned)?,
        exclusive: true,
        target,
    })
}

fn changes(running: &Running, image: &Image, planned: &Planned) -> Vec<Change> {
    let mut changes = Vec::new();
    if running.image != image.to_string() {
        let (what, (from, to)) = match &planned.commit {
            Some(commit) => ("version", texts::versions(&commit.from, commit.version.name())),
            None => ("image", texts::from_to(&running.image, &image.to_string())),
        };
        changes.push(Change {
            what: what.into(),
            from: Some(from),
            to: Some(to),
        });
    }
    if planned.goes_on {
        changes.push(Change {
            what: "rollout".into(),
            from: Some("paused by me".into()),
            to: Some("goes on".into()),
        });
    }
    changes
}

/// When this image failed here, if that is the last that is known of it.
pub(crate) async fn failed_before(
    services: &Services,
    target: &Target,
    image: &str,
) -> Result<Option<jiff::Timestamp>> {
    let filter = DeployFilter {
        service: target.service.clone(),
        environment: target.environment.clone(),
        ..DeployFilter::default()
    };
    let known = services.store().deploys(&filter).await?;
    let last = known.iter().find(|deploy| {
        deploy.image == image && matches!(deploy.state, DeployState::Succeeded | DeployState::Failed)
    });
    Ok(last
        .filter(|deploy| deploy.state == DeployState::Failed)
        .map(|deploy| deploy.ended.unwrap_or(deploy.began)))
}

/// What runs, or a refusal.
pub(crate) async fn read(
    cluster: &Cluster,
    workload: &Workload,
    environment: &Environment,
) -> Result<Running> {
    let running = workload.read(cluster).await.map_err(|error| {
        let error = error.to_string();
        UserError::new(texts::cannot_look(&workload.service, &environment.name, &error))
    })?;
    Ok(running)
}

/// Where a service runs, and the way there.
pub(crate) async fn locate(
    services: &Services,
    service: &Service,
    environment: &Environment,
) -> Result<(Cluster, Workload)> {
    let workload = workload(services, service, environment);
    let cluster = services
        .resource::<Clusters>()?
        .get(&workload.cluster)
        .await
        .map_err(|error| {
            UserError::new(texts::cannot_look(
                &service.name,
                &environment.name,
                &error.to_string(),
            ))
        })?;
    Ok((cluster, workload))
}

/// The workload of a service in an environment.
pub(crate) fn workload(services: &Services, service: &Service, environment: &Environment) -> Workload {
    let placement = services.catalog().placement(service, environment);
    // A kind that does not exist is found when the configuration is read; without that, it names a Deployment that does not exist.
    let (kind, name) = Kind::split(&placement.workload).unwrap_or((Kind::Deployment, &placement.workload));
    Workload {
        cluster: placement.cluster.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned()),
        namespace: placement.namespace,
        kind,
        name: name.to_owned(),
        container: placement.container,
        service: service.name.clone(),
    }
}
