//! Purpose: what goes out by itself. A green build of a service's branch goes to the environments that take green builds, and what has
//! run well in one environment for long enough goes on to the next; each as an operation of the robot's own, by the same plan, rules,
//! gates, journal and audit trail as a person's deploy.
//!
//! It goes by how things are, not by what was said of them: a webhook only says that there is something to look at. Every look finds the
//! newest version that may go, and decides by [`decide`] and by the rules of policy whether it goes; what does not go is kept with its
//! reason ([`decision`]), and looked at again when something is told, when what stood in its way is gone, and every few minutes.

mod decide;
#[cfg(test)]
mod decide_tests;
mod decision;
mod ear;
mod go;
mod kept;
mod lane;
mod look;
mod notice;
mod pause;
mod ripe;
#[cfg(test)]
mod ripe_tests;
mod settings;
mod texts;
mod watch;
mod why;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use otus::prelude::*;
use otus_ci::{Feed, Subscription};
use tokio::sync::Notify;

use self::lane::Lane;
use self::look::Hand;
use self::pause::Length;
pub use self::settings::{Pace, Settings};
pub(crate) use self::texts::{not_stable, nothing_before, promote_where};

/// Who deploys by itself, as `[roles]` names it: `robot:auto-deploy`.
pub const ACTOR: &str = "auto-deploy";

/// What goes out by itself.
#[derive(Default)]
pub struct AutoDeploys {
    settings: Settings,
    /// The ear at the feed, from the moment the robot is put together, so that nothing is missed.
    ear: Mutex<Option<Subscription>>,
    bell: Arc<Notify>,
}

impl AutoDeploys {
    /// With these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        AutoDeploys {
            settings,
            ..AutoDeploys::default()
        }
    }

    /// Hears what continuous integrations say from now on.
    #[must_use]
    pub fn hearing(self, feed: &Feed) -> Self {
        let ear = Mutex::new(Some(feed.subscribe("autodeploy")));
        AutoDeploys { ear, ..self }
    }

    fn hand(&self, services: &Services) -> Hand {
        // Random for each, and never what another could have, too.
        let random = RandomState::new().build_hasher().finish();
        Hand {
            services: services.clone(),
            settings: self.settings.clone(),
            bell: self.bell.clone(),
            owner: format!("{random:016x}"),
        }
    }
}

impl Configure for AutoDeploys {
    type Config = Settings;

    fn configure(config: Settings, setup: &Setup<'_>) -> Result<Self> {
        let autos = setup.catalog.autos();
        if let Some(fault) = config.fault(&autos) {
            anyhow::bail!("{fault}");
        }
        let made = AutoDeploys::new(config);
        match setup.resources.get::<Feed>() {
            Some(feed) if !autos.is_empty() => Ok(made.hearing(&feed)),
            _ => Ok(made),
        }
    }
}

/// What goes out by itself.
#[responder(name = "autodeploy", config = Settings)]
impl AutoDeploys {
    /// Says what goes out by itself, what is next, and what it waits for.
    #[respond(
        r"^autodeploys?(?: (?:of )?(?<service>\S+))?$",
        usage = "autodeploys [<service>]",
        example = "autodeploys",
        example = "autodeploys api"
    )]
    async fn autodeploys(&self, cx: Context, service: Option<Service>) -> Result {
        let hand = self.hand(cx.services());
        why::lanes(&hand, &cx, service.as_ref()).await
    }

    /// Says why a service's newest version, or a commit, is not in an environment, and what would change that.
    #[respond(
        r"^why (?:is )?(?<what>[^\s?]+)(?: not)? in (?<environment>[^\s?]+)\??$",
        usage = "why <what> in <environment>",
        example = "why api in staging",
        example = "why is 06f01a3 not in staging?"
    )]
    async fn why_not(&self, cx: Context, what: String, environment: Environment) -> Result {
        let hand = self.hand(cx.services());
        why::why(&hand, &cx, &what, &environment).await
    }

    /// Keeps a service from going out by itself. People can still deploy it.
    ///
    /// Say why at the end: `because <reason>`.
    #[respond(
        r"^autodeploy pause (?<service>\S+)(?: in (?<environment>\S+))?(?: for (?<length>\d+ ?[a-z]+(?: ?\d+ ?[a-z]+)*))?$",
        usage = "autodeploy pause <service> [in <environment>] [for <length>]",
        example = "autodeploy pause api",
        example = "autodeploy pause api in staging for 2h",
        role = "deployer",
        effect = "control"
    )]
    async fn pause(
        &self,
        cx: Context,
        service: Service,
        environment: Option<Environment>,
        length: Option<Length>,
    ) -> Result {
        pause::pause(&cx, &service, environment.as_ref(), length).await?;
        self.bell.notify_one();
        Ok(())
    }

    /// Lets a service go out by itself again: the newest that may.
    #[respond(
        r"^autodeploy resume (?<service>\S+)(?: in (?<environment>\S+))?$",
        usage = "autodeploy resume <service> [in <environment>]",
        example = "autodeploy resume api in staging",
        role = "deployer",
        effect = "control"
    )]
    async fn resume(&self, cx: Context, service: Service, environment: Option<Environment>) -> Result {
        pause::resume(&cx, &service, environment.as_ref()).await?;
        self.bell.notify_one();
        Ok(())
    }

    /// Looks at what could go out, and lets it go.
    #[start]
    async fn start(&self, services: Services) -> Result {
        let lanes = Lane::all(services.catalog());
        if lanes.is_empty() {
            return Ok(());
        }
        let hand = self.hand(&services);
        let ear = self.ear.lock().unwrap_or_else(PoisonError::into_inner).take();
        let listening = async {
            if let Some(ear) = ear {
                ear::listen(&hand, &lanes, ear).await;
            }
        };
        tokio::join!(listening, watch::watch(&hand, &lanes));
        Ok(())
    }
}
