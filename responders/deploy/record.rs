//! The end of a deploy, and its row, which is the history of releases.

use jiff::Timestamp;
use otus::operations::{Ending, Operation};
use otus::store::{Deploy, DeployFilter, DeployState};
use otus_kubernetes::Image;
use tokio::time::sleep;

use crate::good;
use crate::job::{Job, PAUSE, TRIES};
use crate::plan::Planned;
use crate::state::State;

impl Job {
    /// Records how it ended, and says it.
    pub(crate) async fn end(&mut self, state: &State) -> Ending {
        self.obstacle = None;
        if matches!(
            state,
            State::Failed { .. } | State::Gated(_) | State::Halted { .. }
        ) {
            self.good = self.last_good().await;
        }
        self.deploy.ended = Some(Timestamp::now());
        self.deploy.state = state.recorded();
        let lines = self.lines();
        let face = self.face(state, &lines, None);
        let (note, card) = (face.note(), face.card());
        self.deploy.note = Some(note.clone());
        self.record().await;
        if matches!(state, State::Live { .. }) {
            self.lift().await;
        }
        tracing::info!(
            deploy = self.deploy.id,
            service = self.deploy.service,
            state = ?self.deploy.state,
            "a deploy ended"
        );
        Ending {
            outcome: state.outcome(),
            note,
            card,
        }
    }

    /// Records that nobody knows how it ended.
    pub(crate) async fn broke(&mut self) {
        self.deploy.ended = Some(Timestamp::now());
        self.deploy.state = DeployState::Stopped;
        self.record().await;
    }

    /// Writes the row, which is the history of releases. Without it the operation itself still tells.
    pub(crate) async fn record(&mut self) {
        self.deploy.card = self.run.operation().card;
        for attempt in 1..=TRIES {
            match self.run.services().store().record_deploy(&self.deploy).await {
                Ok(_) => return,
                Err(error) if attempt == TRIES => {
                    tracing::error!(%error, deploy = self.deploy.id, "a deploy could not be recorded");
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// The newest version that was deployed well here, if it may be deployed again.
    async fn last_good(&self) -> Option<String> {
        let deploy = &self.deploy;
        let services = self.run.services();
        if self.planned.commit.is_some() {
            let before = good::before(services, &deploy.service, &deploy.environment, &deploy.image).await;
            return before.ok().flatten().map(|version| version.name().to_owned());
        }
        let filter = DeployFilter {
            service: Some(deploy.service.clone()),
            environment: Some(deploy.environment.clone()),
            ..DeployFilter::default()
        };
        let history = services.store().deploys(&filter).await.unwrap_or_default();
        let service = services.catalog().service(&deploy.service);
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

/// What else is remembered of it.
fn details(planned: &Planned) -> serde_json::Value {
    let workload = &planned.workload;
    match &planned.commit {
        None => serde_json::json!({ "workload": workload }),
        Some(commit) => serde_json::json!({
            "workload": workload,
            "commit": commit.version,
            "sha": commit.version.sha,
            "digest": commit.version.digest(),
            "from": commit.from,
            "pulls": commit.pulls,
            "last_good": commit.good,
        }),
    }
}

/// The row of a deploy that has just begun.
pub(crate) fn row(operation: &Operation, planned: &Planned, began: Timestamp) -> Deploy {
    let target = operation.plan.target.clone();
    Deploy {
        id: operation.id.clone(),
        service: target.service.unwrap_or_default(),
        environment: target.environment.unwrap_or_default(),
        version: planned.version.clone(),
        image: planned.image.clone(),
        previous: Some(planned.previous.clone()),
        by: operation.by.clone(),
        began,
        ended: None,
        state: DeployState::Running,
        card: None,
        note: None,
        details: details(planned),
        generation: operation.lease.generation,
    }
}
