//! One deploy, from the change to its end.
//!
//! Every step is written before the next is made, so that a process that comes after this one can go on: the row with
//! its card before the change, what was applied before it is watched, the end last.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use otus::store::{Deploy, DeployFilter, DeployState};
use otus::{Card, ChannelId, ChatError, Live, MessageId, Place, Services, Urgency};
use otus_kubernetes::{
    Applied, Change, Cluster, Conflict, Error, Image, Outcome, Rollout, Running, Workload, apply,
};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::card::Face;
use crate::crew::{Crew, Duty};
use crate::state::State;

/// How often a change is tried while the cluster does not answer.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// How long the card's last edit may take before the end is recorded without it.
const TELL: Duration = Duration::from_secs(5);
/// How often, and how long apart at most, an end that could not be told is tried again.
const TELL_TRIES: u32 = 60;
const TELL_PAUSE: Duration = Duration::from_secs(30);

/// What another process needs to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Details {
    /// What is changed.
    pub(crate) workload: Workload,
    /// Where it was asked for.
    pub(crate) channel: ChannelId,
    /// In which thread.
    pub(crate) thread: Option<MessageId>,
    /// What to call who asked.
    pub(crate) name: String,
    /// Whether to take the image over from whoever owns it.
    pub(crate) force: bool,
    /// The change, once the cluster accepted it.
    pub(crate) applied: Option<Applied>,
}

/// One deploy being worked on.
pub(crate) struct Job {
    crew: Crew,
    services: Services,
    cluster: Option<Cluster>,
    pub(crate) deploy: Deploy,
    pub(crate) details: Details,
    live: Live,
    adopted: Option<Conflict>,
    resumed: bool,
    good: Option<String>,
    /// Dropped with the job: the deploy is nobody's then.
    _duty: Duty,
}

impl Job {
    pub(crate) fn new(
        crew: Crew,
        services: Services,
        cluster: Option<Cluster>,
        deploy: Deploy,
        details: Details,
        live: Live,
        duty: Duty,
    ) -> Self {
        Job {
            crew,
            services,
            cluster,
            deploy,
            details,
            live,
            adopted: None,
            resumed: false,
            good: None,
            _duty: duty,
        }
    }

    /// The same, taken up from a process before.
    pub(crate) fn resumed(mut self) -> Self {
        self.resumed = true;
        self
    }

    /// Works on it; should that panic, the deploy still gets an end that is told and recorded.
    pub(crate) async fn watched<F>(mut self, work: impl FnOnce(Self) -> F)
    where
        F: Future<Output = ()> + Send,
    {
        let rescue = Rescue {
            crew: self.crew.clone(),
            services: self.services.clone(),
            deploy: self.deploy.clone(),
            details: self.details.clone(),
            live: self.live.clone(),
            resumed: self.resumed,
        };
        // The row is kept up to date by the job; what the rescue needs of it is there from the beginning.
        self.deploy.details = serde_json::to_value(&self.details).unwrap_or_default();
        let worked = std::panic::AssertUnwindSafe(work(self)).catch_unwind().await;
        if worked.is_err() {
            tracing::error!(deploy = rescue.deploy.id, "a deploy's task panicked");
            rescue.end().await;
        }
    }

    /// Makes the change, and follows it.
    pub(crate) async fn begin(mut self) {
        let change = Change {
            image: self.deploy.image.clone(),
            version: self.deploy.version.clone(),
            deploy: self.deploy.id.clone(),
            by: self.details.name.clone(),
            at: Timestamp::now(),
            force: self.details.force,
        };
        let Some(cluster) = self.cluster.clone() else {
            return;
        };
        let mut attempt = 0;
        let outcome = loop {
            attempt += 1;
            match apply(&cluster, &self.details.workload, &change).await {
                Err(error) if error.is_passing() && attempt < TRIES && !self.is_stopping() => {
                    tracing::warn!(%error, deploy = self.deploy.id, "the change is tried again");
                    sleep(PAUSE * attempt).await;
                }
                outcome => break outcome,
            }
        };
        match outcome {
            Ok(Outcome::Applied {
                applied,
                previous,
                adopted,
            }) => {
                self.deploy.previous = Some(previous);
                self.adopted = adopted;
                self.follow(applied).await;
            }
            // An attempt whose answer was lost may have been made: then it is ours to follow.
            Ok(Outcome::AlreadyRunning { applied, running }) if !is_done(&running, &self.deploy.id) => {
                self.follow(applied).await;
            }
            Ok(Outcome::AlreadyRunning { running, .. }) => {
                let (ready, total) = (running.ready, running.replicas);
                self.end(State::AlreadyLive {
                    since: running.since,
                    by: running.by,
                    ready,
                    total,
                })
                .await;
            }
            Ok(Outcome::Conflict(conflict)) => self.end(State::Drifted(conflict)).await,
            Err(
                error @ (Error::TimedOut { .. }
                | Error::Unreachable { .. }
                | Error::Troubled { code: 504, .. }),
            ) => {
                self.end(State::Unsure(error.to_string())).await;
            }
            Err(error) => self.end(State::Refused(error.to_string())).await,
        }
    }

    /// Watches the rollout to its end, or until the robot stops.
    pub(crate) async fn follow(mut self, applied: Applied) {
        let Some(cluster) = self.cluster.clone() else {
            return;
        };
        self.details.applied = Some(applied.clone());
        self.save().await;
        let settings = (*self.crew.settings()).into();
        let stopping = self.services.stopping().clone();
        let mut rollout = Rollout::follow(cluster, self.details.workload.clone(), applied, settings);
        let mut last = None;
        loop {
            let next = tokio::select! {
                biased;
                () = stopping.cancelled() => {
                    self.interrupt().await;
                    return;
                }
                next = rollout.next() => next,
            };
            match next {
                Some(Ok(progress)) => {
                    let state = State::of(progress.verdict, progress.outage);
                    if state.recorded() != DeployState::Running {
                        self.end(state).await;
                        return;
                    }
                    self.live.show(self.card(&state)).await;
                    last = Some(state);
                }
                Some(Err(error)) => {
                    self.end(State::Lost(error.to_string())).await;
                    return;
                }
                None => {
                    // Only a pause ends a rollout without a verdict that is an end.
                    let by = match last {
                        Some(State::Paused { by, .. }) => by,
                        _ => None,
                    };
                    self.end(State::LeftPaused { by }).await;
                    return;
                }
            }
        }
    }

    /// Tells and records how it ended.
    pub(crate) async fn end(mut self, state: State) {
        if matches!(state, State::Failed { .. }) {
            self.good = self.last_good().await;
        }
        self.deploy.ended = Some(Timestamp::now());
        self.deploy.state = state.recorded();
        self.deploy.note = Some(self.face(&state).note());
        self.deploy.details = serde_json::to_value(&self.details).unwrap_or_default();
        let card = self.card(&state);
        // Told before it is recorded: what is recorded as ended is not taken up again.
        let told = tell(&self.services, &self.live, &self.details, &card).await;
        record_end(&self.services, &self.deploy).await;
        tracing::info!(deploy = self.deploy.id, service = self.deploy.service, state = ?self.deploy.state, "a deploy ended");
        if !told {
            insist(&self.services, &self.live, &self.details, &card).await;
        }
    }

    /// The robot stops; the row stays, and whoever comes next goes on.
    async fn interrupt(&mut self) {
        let card = self.card(&State::Restarting);
        if let Ok(Err(error)) = timeout(TELL, self.live.end(card)).await {
            tracing::warn!(%error, deploy = self.deploy.id, "the card could not be told that the robot stops");
        }
    }

    async fn save(&mut self) {
        self.deploy.details = serde_json::to_value(&self.details).unwrap_or_default();
        // Without this row a successor finds the deploy by its annotation on the workload.
        if let Err(error) = self.services.store().save_deploy(&self.deploy).await {
            tracing::warn!(%error, deploy = self.deploy.id, "a deploy's progress could not be recorded");
        }
    }

    fn is_stopping(&self) -> bool {
        self.services.stopping().is_cancelled()
    }

    fn face<'a>(&'a self, state: &'a State) -> Face<'a> {
        Face {
            deploy: &self.deploy,
            state,
            workload: &self.details.workload,
            settings: self.crew.settings(),
            adopted: self.adopted.as_ref(),
            resumed: self.resumed,
            good: self.good.as_deref(),
            now: Timestamp::now(),
        }
    }

    fn card(&self, state: &State) -> Card {
        self.face(state).card()
    }

    /// The newest version that was deployed well here, if it may be deployed again.
    async fn last_good(&self) -> Option<String> {
        let deploy = &self.deploy;
        let filter = DeployFilter {
            service: Some(deploy.service.clone()),
            environment: Some(deploy.environment.clone()),
            ..DeployFilter::default()
        };
        let history = self.services.store().deploys(&filter).await.unwrap_or_default();
        let service = self.services.catalog().service(&deploy.service);
        let known = service
            .map(|service| service.versions.clone())
            .unwrap_or_default();
        let allowed =
            |version: &String| *version != deploy.version && (known.is_empty() || known.contains(version));
        let good = history
            .iter()
            .filter(|other| other.state == DeployState::Succeeded);
        let recorded = good.map(|other| other.version.clone()).find(allowed);
        recorded.or_else(|| {
            let previous = deploy.previous.as_deref()?;
            let bad = history
                .iter()
                .any(|other| other.image == previous && other.state == DeployState::Failed);
            let version = previous.parse::<Image>().ok()?.version()?.to_string();
            (!bad && allowed(&version)).then_some(version)
        })
    }
}

/// True when a rollout of this image is over, or was never this deploy's.
fn is_done(running: &Running, deploy: &str) -> bool {
    running.settled && !running.paused && running.deploy.as_deref() != Some(deploy)
}

/// Shows a card's last state. False when the chat did not take it.
async fn tell(services: &Services, live: &Live, details: &Details, card: &Card) -> bool {
    match timeout(TELL, live.end(card.clone())).await {
        Ok(Ok(())) => true,
        Ok(Err(ChatError::Missing(_))) => {
            // Somebody deleted the card; the end is told all the same.
            let place = Place {
                channel: details.channel.clone(),
                thread: details.thread.clone(),
                hook: None,
            };
            let post = card.clone().into();
            let posted = services.chat().post(&place, &post, Urgency::Answer);
            matches!(timeout(TELL, posted).await, Ok(Ok(_)))
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "the end of a deploy could not be told yet");
            false
        }
        Err(_) => false,
    }
}

/// Tries to tell an end until it is told, the robot stops, or nobody waits for it any more.
async fn insist(services: &Services, live: &Live, details: &Details, card: &Card) {
    for attempt in 1..=TELL_TRIES {
        tokio::select! {
            () = services.stopping().cancelled() => return,
            () = sleep((PAUSE * attempt).min(TELL_PAUSE)) => {}
        }
        if tell(services, live, details, card).await {
            return;
        }
    }
    tracing::error!("the end of a deploy could not be told");
}

async fn record_end(services: &Services, deploy: &Deploy) {
    for attempt in 1..=TRIES {
        match services.store().end_deploy(deploy).await {
            Ok(_) => return,
            Err(error) if attempt == TRIES => {
                tracing::error!(%error, deploy = deploy.id, "the end of a deploy could not be recorded");
            }
            Err(_) => sleep(PAUSE * attempt).await,
        }
    }
}

/// What is left to end a deploy whose task broke.
struct Rescue {
    crew: Crew,
    services: Services,
    deploy: Deploy,
    details: Details,
    live: Live,
    resumed: bool,
}

impl Rescue {
    async fn end(mut self) {
        let state = State::Lost("something broke inside of me; the log has the details".to_owned());
        self.deploy.ended = Some(Timestamp::now());
        self.deploy.state = state.recorded();
        let face = Face {
            deploy: &self.deploy,
            state: &state,
            workload: &self.details.workload,
            settings: self.crew.settings(),
            adopted: None,
            resumed: self.resumed,
            good: None,
            now: Timestamp::now(),
        };
        let (card, note) = (face.card(), face.note());
        self.deploy.note = Some(note);
        tell(&self.services, &self.live, &self.details, &card).await;
        record_end(&self.services, &self.deploy).await;
    }
}
