//! From what was asked to a deploy that is recorded and shown: everything that can be refused is refused here, before
//! anything changes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use otus::store::{Begun, Deploy, DeployFilter, DeployState};
use otus::{Catalog, Context, Environment, Live, Result, Service, Services, UserError};
use otus_kubernetes::{Cluster, DEFAULT_CLUSTER, Image, Running, Workload};
use tokio::sync::oneshot;

use crate::card::{Face, command};
use crate::choose::{self, Choice};
use crate::crew::{Crew, clusters};
use crate::job::{Details, Job};
use crate::state::State;
use crate::texts;

/// What a person asked for.
pub(crate) struct Ask {
    pub(crate) service: Service,
    pub(crate) environment: Option<Environment>,
    pub(crate) version: Option<String>,
    pub(crate) force: bool,
}

impl Ask {
    /// Who says `deploy api staging` means the environment, unless a version is called so.
    fn with_environment_for_version(self, catalog: &Catalog) -> Self {
        let named = self
            .version
            .as_deref()
            .filter(|word| !self.service.versions.iter().any(|known| known == word));
        match named.and_then(|word| catalog.environment(word)) {
            Some(environment) if self.environment.is_none() => Ask {
                environment: Some(environment),
                version: None,
                ..self
            },
            _ => self,
        }
    }
}

/// Begins a deploy, and answers once its card is there or it was refused. What follows does not depend on the
/// handler any more.
pub(crate) async fn deploy(crew: &Crew, cx: Context, ask: Ask) -> Result {
    let services = cx.services().clone();
    let ask = ask.with_environment_for_version(services.catalog());
    let environment = choose::environment(services.catalog(), &ask.service, ask.environment.clone())?;
    let line = |version: &str| command(&ask.service.name, version, &environment.name);
    let named = ask.version.as_deref();
    let choice = match choose::version(services.catalog(), &ask.service, &environment, named, line) {
        Ok(choice) => choice,
        Err(error) if named.is_none() => {
            let error = with_versions_before(&services, &ask.service, error, line).await?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    let (cluster, workload) = locate(&services, &ask.service, &environment).await?;
    let running = workload.read(&cluster).await.map_err(|error| {
        let error = error.to_string();
        UserError::new(texts::cannot_look(&ask.service.name, &environment.name, &error))
    })?;
    let image = match choice {
        Choice::Version(version) => choose::image(&ask.service, &running.image, &version)?,
        Choice::AsIn(before) => promoted(&services, &ask.service, &before).await?,
    };
    let version = image
        .version()
        .map_or_else(|| "latest".to_owned(), |version| version.to_string());
    let message = cx.message();
    let place = message.place();
    let details = Details {
        workload,
        channel: place.channel,
        thread: place.thread,
        name: cx.person().await.name,
        force: ask.force,
        applied: None,
    };
    let deploy = Deploy {
        id: cx.id().to_owned(),
        service: ask.service.name.clone(),
        environment: environment.name.clone(),
        version,
        image: image.to_string(),
        previous: Some(running.image.clone()),
        by: message.author.clone(),
        began: Timestamp::now(),
        ended: None,
        state: DeployState::Running,
        card: None,
        note: None,
        details: serde_json::to_value(&details)?,
    };
    let (tell, told) = oneshot::channel();
    let begun = begin(crew.clone(), cx, cluster, deploy, details, running, tell);
    crew.tasks().spawn(begun);
    told.await
        .map_err(|_| anyhow::anyhow!("the beginning of a deploy ended abruptly"))?
}

/// Records the deploy, shows it, and follows it to its end. In a task of its own: a handler has a deadline.
async fn begin(
    crew: Crew,
    cx: Context,
    cluster: Cluster,
    mut deploy: Deploy,
    details: Details,
    running: Running,
    tell: oneshot::Sender<Result>,
) {
    let Some(duty) = crew.take(&deploy.id) else {
        let _ = tell.send(Err(anyhow::anyhow!(
            "the deploy {} is already worked on",
            deploy.id
        )));
        return;
    };
    let services = cx.services().clone();
    match services.store().begin_deploy(&deploy).await {
        Ok(Begun::Yes) => {}
        Ok(Begun::Busy(other)) => {
            let _ = tell.send(Err(UserError::new(texts::busy(&other, Timestamp::now())).into()));
            return;
        }
        Err(error) => {
            let _ = tell.send(Err(error.into()));
            return;
        }
    }
    let already = running.image == deploy.image && running.settled && !running.paused;
    let state = match already {
        true => State::AlreadyLive {
            since: running.since,
            by: running.by,
            ready: running.ready,
            total: running.replicas,
        },
        false => State::Applying,
    };
    deploy.ended = already.then(Timestamp::now);
    let face = Face {
        deploy: &deploy,
        state: &state,
        workload: &details.workload,
        settings: crew.settings(),
        adopted: None,
        resumed: false,
        good: None,
        now: Timestamp::now(),
    };
    let note = face.note();
    let posted: Result<Live> = cx.live(face.card()).await;
    // Whoever asked has the answer; what is recorded now belongs to the deploy.
    let (live, told) = match posted {
        Ok(live) => (Some(live), Ok(())),
        Err(error) => (None, Err(error)),
    };
    deploy.card = live.as_ref().map(|live| live.message().clone());
    let ended = match (&live, already) {
        (_, true) => Some((DeployState::Succeeded, note)),
        (None, false) => Some((DeployState::Stopped, texts::unchanged())),
        (Some(_), false) => None,
    };
    if let Some((state, note)) = ended {
        (deploy.state, deploy.note) = (state, Some(note));
        deploy.ended = deploy.ended.or_else(|| Some(Timestamp::now()));
        if let Err(error) = services.store().end_deploy(&deploy).await {
            tracing::error!(%error, deploy = deploy.id, "the end of a deploy could not be recorded");
        }
    }
    let _ = tell.send(told);
    if let (Some(live), false) = (live, already) {
        Job::new(crew, services, Some(cluster), deploy, details, live, duty)
            .watched(Job::begin)
            .await;
    }
}

/// Where a service runs, and the way there.
pub(crate) async fn locate(
    services: &Services,
    service: &Service,
    environment: &Environment,
) -> Result<(Cluster, Workload)> {
    let workload = workload(services, service, environment);
    let cluster = clusters(services)?
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
    Workload {
        cluster: placement.cluster.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned()),
        namespace: placement.namespace,
        kind: otus_kubernetes::Kind::Deployment,
        name: placement.workload,
        container: placement.container,
        service: service.name.clone(),
    }
}

/// What runs one environment before.
async fn promoted(services: &Services, service: &Service, before: &Environment) -> Result<Image> {
    let (cluster, workload) = locate(services, service, before).await?;
    let running = workload.read(&cluster).await.map_err(|error| {
        UserError::new(texts::cannot_look(
            &service.name,
            &before.name,
            &error.to_string(),
        ))
    })?;
    let version = running
        .image
        .parse::<Image>()
        .ok()
        .and_then(|image| image.version());
    match version {
        Some(version) => Ok(choose::image(service, &running.image, &version)?),
        None => Err(UserError::new(texts::which_version(&service.name, &before.name)).into()),
    }
}

/// Names the versions deployed before to who did not name one.
async fn with_versions_before(
    services: &Services,
    service: &Service,
    error: UserError,
    line: impl Fn(&str) -> String,
) -> Result<UserError> {
    const SHOWN: usize = 5;
    let filter = DeployFilter {
        service: Some(service.name.clone()),
        ..DeployFilter::default()
    };
    let mut seen = BTreeSet::new();
    let deploys = services.store().deploys(&filter).await?;
    let versions: Vec<String> = deploys
        .into_iter()
        .map(|deploy| deploy.version)
        .filter(|version| seen.insert(version.clone()))
        .take(SHOWN)
        .collect();
    if versions.is_empty() {
        return Ok(error);
    }
    let text = format!("{} {}", error.text, texts::versions_before(&versions));
    Ok(versions
        .iter()
        .take(3)
        .fold(UserError::new(text), |error, version| {
            error.instead(line(version))
        }))
}
