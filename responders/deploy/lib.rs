//! Purpose: deploying services from the chat, and saying what runs where.
//!
//! `deploy` changes the image of a workload in Kubernetes and shows the rollout in one message, edited in place from the
//! first moment to the last; `status` only reads. What decides about a rollout stands in `otus-kubernetes`; here it
//! meets people.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod ask;
mod card;
#[cfg(test)]
mod card_tests;
mod choose;
mod crew;
mod faults;
mod job;
mod resume;
mod settings;
mod state;
mod status;
mod texts;
mod words;

use otus::Services;
use otus::prelude::*;
use otus_kubernetes::Clusters;

use crate::ask::Ask;
use crate::crew::Crew;
pub use crate::settings::Settings;

/// Deploys, and what runs where.
#[derive(Default)]
pub struct Deploys {
    crew: Crew,
}

impl Deploys {
    /// With these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Deploys {
            crew: Crew::new(settings),
        }
    }
}

impl Configure for Deploys {
    type Config = Settings;

    fn configure(config: Settings, setup: &Setup<'_>) -> Result<Self> {
        setup.resources.need::<Clusters>()?;
        Ok(Deploys::new(config))
    }
}

/// Deploys services, and says what runs where.
#[responder(name = "deploy", config = Settings)]
impl Deploys {
    /// Deploys a version of a service.
    ///
    /// Without a version: the newest known one, else what runs one environment before. Without an environment: the
    /// first. `--force` takes the image over from whoever changed it since.
    #[respond(
        r"^deploy (?<service>[^\s@]+)(?:[@ ](?<version>[^\s@-]\S*))??(?: to (?<environment>\S+))?(?<force>(?: --(?:force|adopt))+)?$",
        usage = "deploy <service>[@<version>] [to <environment>]",
        example = "deploy api",
        example = "deploy api@v1.4.2 to production",
        example = "deploy api v1.4.2 to production --force",
        role = "deployer",
        effect = "changes"
    )]
    async fn deploy(
        &self,
        cx: Context,
        service: Service,
        version: Option<String>,
        environment: Option<Environment>,
        force: Option<String>,
    ) -> Result {
        let ask = Ask {
            service,
            environment,
            version,
            force: force.is_some(),
        };
        ask::deploy(&self.crew, cx, ask).await
    }

    /// Says what runs where: version, since when, ready pods.
    #[respond(
        r"^status(?: (?:of )?(?<service>\S+))?$",
        usage = "status [<service>]",
        example = "status",
        example = "status api"
    )]
    async fn status(&self, cx: Context, service: Option<Service>) -> Result {
        status::status(cx, service).await
    }

    /// Takes up what was left undone, and at the end lets every card say how it stands.
    #[start]
    async fn start(&self, services: Services) -> Result {
        resume::take_up_all(&self.crew, &services).await?;
        services.stopping().cancelled().await;
        self.crew.tasks().close();
        self.crew.tasks().wait().await;
        Ok(())
    }
}
