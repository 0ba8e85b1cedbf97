//! Purpose: what continuous integrations say, taken in, processed once, and handed to whoever listens to the
//! [`Feed`]; and what of it got lost, found.
//!
//! A webhook is verified, kept in the store, and acknowledged; a background task processes what is kept. Without hooks in the
//! configuration nothing of this runs.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod door;
mod heads;
mod reconcile;
mod settings;
mod state;
mod texts;
mod work;

use otus::{
    Services,
    prelude::*,
    store::{DeliveryFilter, DeliveryState},
    web::Route,
};
use otus_ci::{Feed, github::GitHub, hooks::Hook};
pub use settings::Settings;
use state::State;
use std::sync::Arc;
use work::Worker;

/// How many failed webhooks are listed.
const LISTED: u32 = 20;

/// Webhooks of continuous integrations.
#[derive(Debug)]
pub struct Pipeline {
    settings: Settings,
    hooks: Vec<Hook>,
    state: Arc<State>,
}

impl Pipeline {
    /// With these settings.
    ///
    /// # Errors
    /// A hook that could not work or not be safe: the key, and what is wrong with it.
    pub fn new(settings: Settings) -> Result<Self> {
        let hooks = settings.ready().map_err(anyhow::Error::msg)?;
        Ok(Self {
            settings,
            hooks,
            state: Arc::default(),
        })
    }
}

impl Configure for Pipeline {
    type Config = Settings;

    fn configure(settings: Settings, _: &Setup<'_>) -> Result<Self> {
        Self::new(settings)
    }
}

/// Webhooks of continuous integrations.
#[responder(name = "pipeline", config = Settings)]
impl Pipeline {
    /// Says how the webhooks of continuous integrations are doing.
    #[respond(r"^hooks$", usage = "hooks")]
    async fn hooks(&self, cx: Context) -> Result {
        let now = cx.services().store().now().await?;
        let inbox = cx.services().store().inbox().await?;
        let (refused, look) = (self.state.refusals(), self.state.look());
        let overview = texts::Overview {
            hooks: &self.hooks,
            inbox: &inbox,
            refused: &refused,
            look: look.as_ref(),
        };
        cx.reply(texts::overview(&overview, now)).await
    }

    /// Lists the webhooks that could not be processed, and why.
    #[respond(r"^hooks failed$", usage = "hooks failed")]
    async fn failed(&self, cx: Context) -> Result {
        let filter = DeliveryFilter {
            state: Some(DeliveryState::Failed),
            // One more, to see whether there are more.
            limit: LISTED + 1,
            ..DeliveryFilter::default()
        };
        let failed = cx.services().store().deliveries(&filter).await?;
        let now = cx.services().store().now().await?;
        cx.reply(texts::failed(&failed, LISTED as usize, now)).await
    }

    /// Processes a webhook once more that could not be processed.
    #[respond(
        r"^hook retry (?<id>\S+)$",
        usage = "hook retry <id>",
        example = "hook retry github:72d3162e-cc78-11e3-81ab-4c9367dc0958",
        role = "deployer",
        effect = "control"
    )]
    async fn retry(&self, cx: Context, id: String) -> Result {
        let store = cx.services().store();
        if !store.retry_delivery(&id, store.now().await?).await? {
            return Err(texts::none_failed(&id).into());
        }
        self.state.ring();
        cx.reply(texts::retried(&id)).await
    }

    /// Where the hooks listen.
    #[routes]
    fn routes(&self) -> Vec<Route> {
        let route = |hook| door::route(hook, &self.state);
        self.hooks.iter().map(route).collect()
    }

    /// Processes what comes in, and looks for what did not.
    #[start]
    async fn start(&self, services: Services) -> Result {
        if self.hooks.is_empty() {
            return Ok(());
        }
        let feed = services.resource::<Feed>()?;
        let github = services.resources().get::<GitHub>();
        let (watched, faults) = heads::watched(services.catalog());
        for fault in faults {
            tracing::warn!(fault, "a branch is not watched");
        }
        let watched: Arc<[_]> = watched.into();
        let worker = Worker {
            services: services.clone(),
            settings: self.settings.clone(),
            state: Arc::clone(&self.state),
            feed,
            watched: Arc::clone(&watched),
        };
        let every = self.settings.reconcile;
        tokio::join!(
            worker.run(),
            reconcile::run(&services, &self.state, github.as_deref(), &watched, every)
        );
        Ok(())
    }
}
