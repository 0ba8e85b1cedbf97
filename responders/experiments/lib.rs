//! Purpose: what applications learn from running old and new code side by side, shown in the chat; and how often they do it, set
//! from there.
//!
//! Side effects: keeps what applications send, for a while, and how much of their traffic people want in experiments. Where a
//! channel is configured it says there what was stopped by itself, and once a week what is finished. It never calls an
//! application: what people set travels in the answers to what applications send.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod change;
mod door;
mod draw;
mod grain;
mod known;
mod range;
mod record;
mod remind;
mod settings;
mod show;
mod texts;
mod verdict;
mod words;

use async_trait::async_trait;
use otus::{
    operations::{Action, Ending, Plan, Run},
    prelude::*,
    web::Route,
};
use serde_json::Value;
use std::sync::Arc;

pub use settings::{Application, Settings};
use show::Span;

/// Experiments.
#[derive(Debug)]
pub struct Experiments {
    settings: Arc<Settings>,
    senders: Arc<[door::Sender]>,
}

impl Experiments {
    /// With these settings.
    ///
    /// # Errors
    /// A setting that cannot work: the key, and what is wrong with it.
    pub fn new(settings: Settings) -> Result<Self> {
        let senders = settings.ready().map_err(anyhow::Error::msg)?;
        Ok(Self {
            settings: Arc::new(settings),
            senders: senders.into(),
        })
    }
}

impl Configure for Experiments {
    type Config = Settings;

    fn configure(settings: Settings, _: &Setup<'_>) -> Result<Self> {
        Self::new(settings)
    }
}

/// Changing how often an experiment runs.
struct Steer;

#[async_trait]
impl Action for Steer {
    fn kind(&self) -> &'static str {
        change::KIND
    }

    async fn plan(&self, services: &Services, ask: &Value) -> Result<Plan> {
        change::plan(services, ask).await
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        change::apply(run).await
    }
}

/// Shows experiments, and says how often they run.
#[responder(name = "experiments", config = Settings, needs = "files")]
impl Experiments {
    /// Lists the experiments that applications run, and how they went in the last 24 hours.
    #[respond(r"^experiments$", usage = "experiments")]
    async fn experiments(&self, cx: Context) -> Result {
        show::list(&cx, &self.settings).await
    }

    /// Says how an experiment goes: how often the new code does what the old code does, and how long both take.
    ///
    /// Shares come with the interval that holds the true one with 95 % certainty. Without a duration: the last 24 hours.
    #[respond(
        r"^experiment (?<name>\S+)(?: (?:last |over )?(?<duration>\d\S*))?$",
        usage = "experiment <name> [<duration>]",
        example = "experiment users-query",
        example = "experiment users-query 7d"
    )]
    async fn experiment(&self, cx: Context, name: String, duration: Option<Span>) -> Result {
        show::one(&cx, &self.settings, &name, duration).await
    }

    /// Shows the last runs in which new code did something else, as the application cleaned them.
    #[respond(
        r"^experiment (?<name>\S+) mismatches(?: (?<n>\d{1,2}))?$",
        usage = "experiment <name> mismatches [<n>]",
        example = "experiment users-query mismatches",
        example = "experiment users-query mismatches 10"
    )]
    async fn mismatches(&self, cx: Context, name: String, n: Option<usize>) -> Result {
        show::mismatches(&cx, &name, n).await
    }

    /// Says for which share of calls an experiment runs, from now on; one that was stopped goes on.
    #[respond(
        r"^experiment (?<name>\S+) set (?<percent>\d{1,3}(?:\.\d{1,6})?) ?%?$",
        usage = "experiment <name> set <percent>",
        example = "experiment users-query set 5",
        example = "experiment users-query set 0.1%",
        role = "deployer",
        effect = "operation"
    )]
    async fn set(&self, cx: Context, name: String, percent: f64) -> Result {
        change::propose_share(&cx, &name, percent).await
    }

    /// Stops an experiment everywhere: only the old code runs.
    #[respond(
        r"^experiment (?<name>\S+) stop$",
        usage = "experiment <name> stop",
        example = "experiment users-query stop",
        role = "deployer",
        effect = "operation"
    )]
    async fn stop(&self, cx: Context, name: String) -> Result {
        change::propose_stop(&cx, &name).await
    }

    /// What it can do to the world.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Steer)]
    }

    /// Where applications send what they learnt.
    #[routes]
    fn routes(&self) -> Vec<Route> {
        if self.senders.is_empty() {
            return Vec::new();
        }
        vec![door::route(&self.settings, &self.senders)]
    }

    /// Forgets what is old, and reminds of what is finished.
    #[start]
    async fn start(&self, services: Services) -> Result {
        if !self.senders.is_empty() {
            remind::run(&services, &self.settings).await;
        }
        Ok(())
    }
}
