//! Taking up what a process before this one left undone.
//!
//! The row tells what was wanted, the cluster what became of it. A change that was made is judged again as the world
//! is now; one that was not made is told so, and not made behind anybody's back.

use std::time::Duration;

use otus::store::{Deploy, DeployFilter, DeployState};
use otus::{Live, Place, Result, Services, Urgency};
use otus_kubernetes::{Applied, Cluster, Error, Running};
use tokio::time::sleep;

use crate::crew::{Crew, Duty, clusters};
use crate::job::{Details, Job};
use crate::state::State;

/// How often an unreachable cluster is asked before a deploy that may not have begun is given up.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(2);

/// Takes up every running deploy that this process does not work on already.
pub(crate) async fn take_up_all(crew: &Crew, services: &Services) -> Result {
    let filter = DeployFilter {
        state: Some(DeployState::Running),
        ..DeployFilter::default()
    };
    for deploy in services.store().deploys(&filter).await? {
        let Some(duty) = crew.take(&deploy.id) else {
            continue;
        };
        crew.tasks()
            .spawn(take_up(crew.clone(), services.clone(), deploy, duty));
    }
    Ok(())
}

async fn take_up(crew: Crew, services: Services, mut deploy: Deploy, duty: Duty) {
    tracing::info!(deploy = deploy.id, service = deploy.service, "taking up a deploy");
    let details: Details = match serde_json::from_value(deploy.details.clone()) {
        Ok(details) => details,
        Err(error) => {
            tracing::error!(%error, deploy = deploy.id, "a deploy cannot be taken up: its row is not understood");
            deploy.state = DeployState::Stopped;
            deploy.ended = Some(jiff::Timestamp::now());
            if let Err(error) = services.store().end_deploy(&deploy).await {
                tracing::error!(%error, deploy = deploy.id, "the end of a deploy could not be recorded");
            }
            return;
        }
    };
    let Some(live) = card(&services, &mut deploy, &details).await else {
        return;
    };
    let job = |cluster| {
        Job::new(
            crew.clone(),
            services.clone(),
            cluster,
            deploy,
            details.clone(),
            live,
            duty,
        )
        .resumed()
    };
    let cluster = match clusters(&services) {
        Ok(clusters) => clusters
            .get(&details.workload.cluster)
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let cluster = match cluster {
        Ok(cluster) => cluster,
        Err(error) => return job(None).watched(|job| job.end(State::Lost(error))).await,
    };
    if let Some(applied) = details.applied.clone() {
        return job(Some(cluster)).watched(|job| job.follow(applied)).await;
    }
    // The process died between writing that it would change something and writing that it had.
    let running = read(&services, &cluster, &details).await;
    let job = job(Some(cluster));
    match running {
        Some(Ok(running)) if running.last_deploy.as_deref() == Some(job.deploy.id.as_str()) => {
            let image = job.deploy.image.clone();
            let applied = Applied {
                image,
                ..Applied::of(&running, job.deploy.began)
            };
            job.watched(|job| job.follow(applied)).await;
        }
        Some(Ok(_)) => job.watched(|job| job.end(State::NotApplied)).await,
        Some(Err(error)) => job.watched(|job| job.end(State::Unsure(error.to_string()))).await,
        None => {}
    }
}

/// What runs, however long the cluster takes to answer; nothing when the robot stops first.
async fn read(
    services: &Services,
    cluster: &Cluster,
    details: &Details,
) -> Option<std::result::Result<Running, Error>> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let answer = details.workload.read(cluster).await;
        match answer {
            Err(error) if error.is_passing() && attempt < TRIES => {
                tokio::select! {
                    () = services.stopping().cancelled() => return None,
                    () = sleep(PAUSE) => {}
                }
            }
            answer => return Some(answer),
        }
    }
}

/// The deploy's card; a new one when the process died before it had posted one.
async fn card(services: &Services, deploy: &mut Deploy, details: &Details) -> Option<Live> {
    if let Some(message) = &deploy.card {
        return Some(Live::new(services.chat().clone(), message.clone()));
    }
    let place = Place {
        channel: details.channel.clone(),
        thread: details.thread.clone(),
        hook: None,
    };
    let post = crate::texts::deploying(deploy).into();
    loop {
        match services.chat().post(&place, &post, Urgency::Answer).await {
            Ok(message) => {
                deploy.card = Some(message.clone());
                return Some(Live::new(services.chat().clone(), message));
            }
            Err(error) => {
                tracing::warn!(%error, deploy = deploy.id, "a deploy's card cannot be posted yet");
                tokio::select! {
                    () = services.stopping().cancelled() => return None,
                    () = sleep(PAUSE) => {}
                }
            }
        }
    }
}
