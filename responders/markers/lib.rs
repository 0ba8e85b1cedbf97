//! Purpose: every deploy leaves a mark elsewhere: a deployment on GitHub, for the commit and for each pull request that came with
//! it, and an annotation in Grafana from its beginning to its end.
//!
//! Side effects: writes to GitHub and Grafana, after the fact. Whatever goes wrong there never holds up a deploy: each operation
//! waits in an outbox until it is told, and `markers` says what waits. On our own graphs the marks need nobody: `graph` reads
//! the deploys from the store.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod annotations;
mod deployments;
mod facts;
mod settings;
mod texts;

use std::sync::Arc;

use otus::operations::{Follower, follow};
use otus::prelude::*;
use otus_ci::github::GitHub;
use otus_monitoring::grafana::Grafana;

pub use settings::Settings;

use crate::annotations::Annotations;
use crate::deployments::Deployments;

/// Marks of deploys elsewhere.
#[derive(Debug)]
pub struct Markers {
    settings: Settings,
    github: Option<Arc<GitHub>>,
    grafana: Option<Arc<Grafana>>,
}

impl Markers {
    /// With these settings, and with who is told.
    ///
    /// # Errors
    /// When deployments are asked for and there is no GitHub.
    pub fn new(
        settings: Settings,
        github: Option<Arc<GitHub>>,
        grafana: Option<Arc<Grafana>>,
    ) -> Result<Self> {
        if settings.github_deployments && github.is_none() {
            anyhow::bail!("github_deployments needs [github]: set a token or an App there");
        }
        Ok(Self {
            github: github.filter(|_| settings.github_deployments),
            grafana: grafana.filter(|_| settings.annotations),
            settings,
        })
    }

    fn followers(&self) -> Vec<Arc<dyn Follower>> {
        let mut all: Vec<Arc<dyn Follower>> = Vec::new();
        if let Some(github) = &self.github {
            all.push(Arc::new(Deployments {
                github: Arc::clone(github),
                most_pulls: self.settings.most_pulls,
            }));
        }
        if let Some(grafana) = &self.grafana {
            all.push(Arc::new(Annotations {
                grafana: Arc::clone(grafana),
            }));
        }
        all
    }
}

impl Configure for Markers {
    type Config = Settings;

    fn configure(settings: Settings, setup: &Setup<'_>) -> Result<Self> {
        Self::new(settings, setup.resources.get(), setup.resources.get())
    }
}

/// Marks of deploys on GitHub and in Grafana.
#[responder(name = "markers", config = Settings)]
impl Markers {
    /// Says how telling GitHub and Grafana of deploys is doing.
    #[respond(r"^markers$", usage = "markers")]
    async fn markers(&self, cx: Context) -> Result {
        let mut places = Vec::new();
        for follower in self.followers() {
            let all = follow::outbox(cx.services(), follower.name()).all().await?;
            places.push((follower.name(), all));
        }
        let now = cx.services().store().now().await?;
        cx.reply(texts::overview(&places, now)).await
    }

    /// Tells GitHub and Grafana once more of the deploys that I gave up telling them of.
    #[respond(
        r"^markers retry$",
        usage = "markers retry",
        role = "deployer",
        effect = "control"
    )]
    async fn retry(&self, cx: Context) -> Result {
        let mut again = 0;
        for follower in self.followers() {
            again += follow::outbox(cx.services(), follower.name()).retry().await?;
        }
        cx.reply(texts::retried(again)).await
    }

    /// Follows the deploys.
    #[start]
    async fn start(&self, services: Services) -> Result {
        let mut following = tokio::task::JoinSet::new();
        for follower in self.followers() {
            let operations = services.operations();
            following.spawn(async move { operations.follow(follower).await });
        }
        while following.join_next().await.is_some() {}
        Ok(())
    }
}
