//! Purpose: deploying services from the chat, and saying what runs where.
//!
//! `deploy` changes the image of a workload in Kubernetes and shows the rollout in one message, edited in place from the
//! first moment to the last; `status` only reads. What decides about a rollout stands in `otus-kubernetes`; here it
//! meets people.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod again;
mod ask;
mod auto;
mod before;
mod canary;
mod card;
#[cfg(test)]
mod card_tests;
mod choose;
mod commits;
mod faults;
mod follow;
mod gates;
mod good;
mod guard;
mod job;
mod look;
mod offer;
mod plan;
#[cfg(test)]
mod plan_tests;
mod promote;
mod record;
mod rest;
mod settings;
mod state;
mod status;
mod texts;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use otus::Services;
use otus::operations::{Action, Ending, Plan, Run};
use otus::prelude::*;
use otus_kubernetes::Clusters;
use otus_monitoring::{Prometheus, gate::Answer};
use serde_json::Value;

use crate::ask::Ask;
pub use crate::auto::{ACTOR, AutoDeploys, Pace, Settings as AutoSettings};
pub use crate::before::{Before, Variable};
pub use crate::canary::{Canary, has_canary};
pub use crate::settings::Settings;

/// The kind of operation a deploy is, as rows have it.
pub(crate) const KIND: &str = "deploy";

/// Deploys, and what runs where.
#[derive(Default)]
pub struct Deploys {
    settings: Settings,
}

impl Deploys {
    /// With these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Deploys { settings }
    }
}

/// Changing the image of a workload, and following the rollout to its end.
struct Deploy {
    settings: Settings,
}

#[async_trait]
impl Action for Deploy {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn pauses(&self) -> bool {
        true
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        plan::plan(&self.settings, services, ask).await
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        job::apply(self.settings.clone(), run).await
    }
}

impl Configure for Deploys {
    type Config = Settings;

    fn configure(config: Settings, setup: &Setup<'_>) -> Result<Self> {
        setup.resources.need::<Clusters>()?;
        if !config.gates.is_empty() && setup.resources.get::<Prometheus>().is_none() {
            anyhow::bail!("{}", texts::gates_need_prometheus());
        }
        Ok(Deploys::new(config))
    }
}

/// Deploys services, and says what runs where.
#[responder(name = "deploy", config = Settings)]
impl Deploys {
    #[choices]
    async fn choices(&self, wanted: otus::form::Wanted, services: Services) -> Vec<otus::form::Choice> {
        offer::choices(wanted, services).await
    }

    /// Deploys a version of a service.
    ///
    /// Without a version: the newest known one, else what runs one environment before. Without an environment: the
    /// first. `--force` takes the image over from whoever changed it since.
    ///
    /// Of a service with a repository a version is a commit (a sha, a branch, a tag, `latest green`) that CI has passed;
    /// `--back` goes to an older one. `last-good` is what ran well here before; it marks what runs now as rejected, which is
    /// deployed here again only by `--force because <reason>`.
    #[respond(
        r"^deploy (?<service>[^\s@]+)(?:[@ ](?<version>latest green|[^\s@-]\S*))??(?: to (?<environment>\S+))?(?<flags>(?: --(?:force|adopt|back))+)?$",
        usage = "deploy <service>[@<version>] [to <environment>]",
        example = "deploy api",
        example = "deploy api@v1.4.2 to production",
        example = "deploy api v1.4.2 to production --force",
        example = "deploy api@latest green to staging",
        example = "deploy api@last-good to production",
        role = "deployer",
        effect = "operation"
    )]
    async fn deploy(
        &self,
        cx: Context,
        service: Service,
        version: Option<String>,
        environment: Option<Environment>,
        flags: Option<String>,
    ) -> Result {
        let has = |flag: &str| {
            flags
                .iter()
                .flat_map(|flags| flags.split(' '))
                .any(|said| said == flag)
        };
        let ask = Ask {
            service,
            environment,
            version,
            force: has("--force") || has("--adopt"),
            back: has("--back"),
        };
        ask::deploy(cx, ask).await
    }

    /// Takes what runs well in one environment on to the next: the same image.
    ///
    /// Without an environment: the only one that comes after another.
    #[respond(
        r"^promote (?<service>\S+)(?: to (?<environment>\S+))?$",
        usage = "promote <service> [to <environment>]",
        example = "promote api to production",
        role = "deployer",
        effect = "operation"
    )]
    async fn promote(&self, cx: Context, service: Service, environment: Option<Environment>) -> Result {
        promote::promote(cx, service, environment).await
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

    /// Shows the last lines that a service's newest pods wrote, without what looks like a secret.
    ///
    /// In the thread of a deploy the service need not be named, and a pod can be. `previous` shows the run before the last
    /// restart.
    #[respond(
        r"^logs(?: of)?(?: (?<what>\S+))??(?: in (?<environment>\S+))?(?<previous> previous)?$",
        usage = "logs [<what>] [in <environment>] [previous]",
        example = "logs",
        example = "logs api in production",
        example = "logs api-7d9f-x2x previous"
    )]
    async fn logs(
        &self,
        cx: Context,
        what: Option<String>,
        environment: Option<Environment>,
        previous: Option<String>,
    ) -> Result {
        look::logs(cx, what.as_deref(), environment, previous.is_some()).await
    }

    /// Shows what happened to a service in Kubernetes lately, the newest last.
    ///
    /// In the thread of a deploy the service need not be named.
    #[respond(
        r"^events(?: of)?(?: (?<service>\S+))??(?: in (?<environment>\S+))?$",
        usage = "events [<service>] [in <environment>]",
        example = "events",
        example = "events api in production"
    )]
    async fn events(
        &self,
        cx: Context,
        service: Option<Service>,
        environment: Option<Environment>,
    ) -> Result {
        look::events(cx, service, environment).await
    }

    /// Answers for a gate of a deploy that has no data and asks: lets it through, stops the deploy, or gives it more time.
    ///
    /// Without an id it is the deploy of the thread; without a gate the one that asks.
    #[respond(
        r"^gate (?<answer>pass|fail|wait)(?: (?<id>\S+))??(?: for (?<gate>.+))?$",
        usage = "gate <answer> [<id>] [for <gate>]",
        example = "gate pass",
        example = "gate fail 3f9c2ab01d for errors",
        effect = "control"
    )]
    async fn gate(&self, cx: Context, answer: String, id: Option<String>, gate: Option<String>) -> Result {
        let answer = match answer.as_str() {
            "pass" => Answer::Pass,
            "fail" => Answer::Fail,
            _ => Answer::Wait,
        };
        gates::answer::answer(&cx, answer, id.as_deref(), gate.as_deref()).await
    }

    /// What it can do to the world.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Deploy {
            settings: self.settings.clone(),
        })]
    }

    /// Puts rows to rest whose deploy is over.
    #[start]
    async fn start(&self, services: Services) -> Result {
        rest::put_to_rest(&services).await
    }
}
