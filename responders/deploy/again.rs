//! Right before the change and after it: does what was planned of a commit still stand, and what is rejected by it.

use otus::Result;
use otus_kubernetes::Cluster;

use crate::commits;
use crate::good::{self, Rejected};
use crate::guard::{Guard, guard};
use crate::job::{Job, TRIES};
use crate::plan::failed_before;
use crate::texts;

/// Why it does not stand any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Something else went out meanwhile, and this would go back.
    Older {
        /// What runs by now, as people say it.
        runs: String,
    },
    /// It was rejected meanwhile, or GitHub cannot be asked.
    Refused(String),
}

impl Job {
    /// Asks once more, right before the change: since it was planned, another deploy may have gone out. Whatever cannot be
    /// asked stops it.
    pub(crate) async fn stands(&self, cluster: &Cluster) -> Result<Option<Stopped>> {
        let Some(commit) = &self.planned.commit else {
            return Ok(None);
        };
        let services = self.run.services();
        let catalog = services.catalog();
        let found = (
            catalog.service(&self.deploy.service),
            catalog.environment(&self.deploy.environment),
        );
        let (Some(service), Some(environment)) = found else {
            return Ok(None);
        };
        let image = &commit.version.image;
        let rejected = good::rejected(services, &service.name, &environment.name, image).await?;
        if let Some(rejected) = rejected.filter(|_| !commit.overrides) {
            let why = texts::is_rejected(commit.version.name(), &rejected);
            return Ok(Some(Stopped::Refused(why)));
        }
        let read = self.patiently(TRIES, || self.planned.workload.read(cluster));
        let running = match read.await? {
            Ok(running) => running,
            // Nothing was changed yet, so there is no doubt about that.
            Err(error) => return Ok(Some(Stopped::Refused(error.to_string()))),
        };
        // What an image was built from never changes: only another one has to be looked at.
        if running.image == self.planned.previous || running.image == self.planned.image {
            return Ok(None);
        }
        let asked = async {
            let Some(origin) = commits::origin(services, &service, &running.image)? else {
                return Ok(None);
            };
            let Some(runs) = commits::known(services, &service, &origin, &running.image).await? else {
                let unknown = texts::auto_unknown(&commits::name_of(&running, None), &environment.name);
                return Ok(commit.auto.then_some(Stopped::Refused(unknown)));
            };
            let sha = &commit.version.sha;
            let way = commits::way(&origin, &service, &environment, &runs, sha).await?;
            let guarded = guard(
                Some(&way),
                commit.backwards(&environment),
                commit.back,
                commit.good,
            );
            anyhow::Ok(
                matches!(guarded, Guard::Ask | Guard::Refuse).then(|| Stopped::Older {
                    runs: commits::name_of(&running, Some(&runs)),
                }),
            )
        };
        match asked.await {
            Ok(stopped) => Ok(stopped),
            Err(error) => Ok(Some(Stopped::Refused(error.to_string()))),
        }
    }

    /// Marks what ran before as rejected here, when this goes to the last that ran well.
    pub(crate) async fn reject(&self) -> Result {
        let changes = self.planned.previous != self.planned.image;
        let Some(commit) = self
            .planned
            .commit
            .as_ref()
            .filter(|commit| commit.good && changes)
        else {
            return Ok(());
        };
        let operation = self.run.operation();
        let services = self.run.services();
        let failed = failed_before(services, &operation.plan.target, &self.planned.previous).await?;
        let rejected = Rejected {
            service: self.deploy.service.clone(),
            environment: self.deploy.environment.clone(),
            image: self.planned.previous.clone(),
            version: commit.from.clone(),
            by: operation.by.clone(),
            at: operation.started.unwrap_or(operation.asked),
            why: commit
                .reason
                .clone()
                .or_else(|| failed.map(|_| texts::why_rejected())),
            operation: operation.id.clone(),
        };
        self.run
            .step("reject", |_| async { good::reject(services, &rejected).await })
            .await
    }

    /// What was rejected here and ran well after all is not rejected any more.
    pub(crate) async fn lift(&self) {
        if !self
            .planned
            .commit
            .as_ref()
            .is_some_and(|commit| commit.overrides)
        {
            return;
        }
        let (service, environment) = (&self.deploy.service, &self.deploy.environment);
        let lifted = good::lift(self.run.services(), service, environment, &self.planned.image).await;
        if let Err(error) = lifted {
            tracing::warn!(
                error = format!("{error:#}"),
                "a rejected version could not be taken back"
            );
        }
    }
}
