//! Purpose: alerts in the chat: one message for each group, edited in place, with its graph, its value against the limit, the deploy
//! it came after, and who did what about it; silences in Alertmanager; and `alerts`, `silences`, `silence`, `unsilence`, `ack`.
//!
//! Side effects: posts and edits messages, makes and ends silences in Alertmanager. A webhook is folded into what is known of its group
//! (`group`), which is kept before it is answered (`door`, `keep`). `desk` keeps the messages like it, from the store alone.
//! `picture` asks Prometheus, apart from that, so that nothing it does or does not do holds up a word; `poll` asks Alertmanager for what no
//! webhook told. What is said is a pure function of the group (`texts`).

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod ask;
mod deploys;
mod desk;
mod door;
mod find;
mod group;
mod keep;
mod length;
mod picture;
mod poll;
mod settings;
mod silence;
mod texts;
mod unsilence;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use otus::{operations::Action, prelude::*, web::Route};
use otus_monitoring::{Prometheus, alertmanager::Alertmanager, grafana::Grafana, step::Rules};
use tokio::sync::Notify;

use crate::{desk::Desk, length::Length, picture::Studio, settings::Ready};
pub use settings::{Ground, Route as Routing, Settings, Source};

/// How often what is due is looked for, at least.
const LOOKS: Duration = Duration::from_secs(1);

/// Alerts.
#[derive(Debug)]
pub struct Alerts {
    house: House,
}

/// What all parts of it share. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct House {
    pub(crate) ready: Arc<Ready>,
    pub(crate) prometheus: Option<Arc<Prometheus>>,
    pub(crate) rules: Rules,
    pub(crate) grafana: Option<Arc<Grafana>>,
    /// Rings when there is something to tell.
    pub(crate) tell: Arc<Notify>,
    /// Rings when there is something to draw.
    pub(crate) draw: Arc<Notify>,
}

impl House {
    pub(crate) fn settings(&self) -> &Settings {
        &self.ready.settings
    }

    pub(crate) fn api(&self, source: &str) -> Option<&Alertmanager> {
        self.ready.apis.get(source)
    }

    pub(crate) fn apis(&self) -> &BTreeMap<String, Alertmanager> {
        &self.ready.apis
    }
}

impl Alerts {
    /// With these settings; without a Prometheus alerts have no graphs.
    ///
    /// # Errors
    /// A setting that cannot work: the key, and what is wrong with it.
    pub fn new(
        settings: Settings,
        prometheus: Option<Arc<Prometheus>>,
        rules: Rules,
        grafana: Option<Arc<Grafana>>,
    ) -> Result<Self> {
        let ready = settings.ready().map_err(anyhow::Error::msg)?;
        Ok(Self {
            house: House {
                ready: Arc::new(ready),
                prometheus,
                rules,
                grafana,
                tell: Arc::default(),
                draw: Arc::default(),
            },
        })
    }
}

impl Configure for Alerts {
    type Config = Settings;

    fn configure(settings: Settings, setup: &Setup<'_>) -> Result<Self> {
        let rules = setup.resources.get::<Rules>().map(|rules| (*rules).clone());
        Self::new(
            settings,
            setup.resources.get(),
            rules.unwrap_or_default(),
            setup.resources.get(),
        )
    }
}

/// Alerts, and silences.
#[responder(name = "alerts", config = Settings, needs = "files")]
impl Alerts {
    /// Lists what fires, the newest first.
    ///
    /// With words: only what has them in its labels.
    #[respond(
        r"^alerts(?: (?:of |for |in )?(?<words>\S+))?$",
        usage = "alerts [<words>]",
        example = "alerts",
        example = "alerts api"
    )]
    async fn alerts(&self, cx: Context, words: Option<String>) -> Result {
        ask::alerts(&self.house, &cx, words.as_deref()).await
    }

    /// Acknowledges an alert: everybody sees that you look at it.
    ///
    /// In the alert's thread without an id. Nothing is silenced by it.
    #[respond(
        r"^ack(?: (?<id>[0-9a-f]{4,32}))?$",
        usage = "ack [<id>]",
        example = "ack 3f9c2a",
        effect = "control"
    )]
    async fn ack(&self, cx: Context, id: Option<String>) -> Result {
        ask::ack(&self.house, &cx, id.as_deref()).await
    }

    /// Lists the silences.
    #[respond(r"^silences$", usage = "silences")]
    async fn silences(&self, cx: Context) -> Result {
        ask::silences(&self.house, &cx).await
    }

    /// Asks how long to silence an alert, what of it, and why.
    #[respond(
        r"^silence (?<id>[0-9a-f]{4,32})$",
        usage = "silence <id>",
        example = "silence 3f9c2a"
    )]
    async fn form(&self, cx: Context, id: String) -> Result {
        ask::form(&self.house, &cx, &id).await
    }

    /// Silences alerts in Alertmanager for a while: those that meet all matchers, or those of one message by its id.
    ///
    /// A word alone is an alert's name. Say why at the end: `because <reason>`. With several Alertmanagers say which: `on <source>`.
    #[respond(
        r"^silence (?<what>.+?)(?: on (?<source>[a-z0-9_-]+))? for (?<length>\d+ ?[a-z]+(?: ?\d+ ?[a-z]+)*)$",
        usage = "silence <what> [on <source>] for <length>",
        example = "silence 3f9c2a for 2h",
        example = "silence CheckoutP95High service=~\"check.*\" for 1h30m",
        effect = "operation"
    )]
    async fn silence(&self, cx: Context, what: String, source: Option<String>, length: Length) -> Result {
        silence::propose(&self.house, &cx, &what, source.as_deref(), length).await
    }

    /// Ends a silence, by its id; or all that keep an alert quiet, by the alert's.
    #[respond(
        r"^unsilence (?<id>[0-9a-f][0-9a-f-]{3,63})$",
        usage = "unsilence <id>",
        example = "unsilence 3f9c2a",
        effect = "operation"
    )]
    async fn unsilence(&self, cx: Context, id: String) -> Result {
        unsilence::propose(&self.house, &cx, &id).await
    }

    /// What this can do to the world.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![
            Arc::new(silence::Silences(self.house.clone())),
            Arc::new(unsilence::Unsilences(self.house.clone())),
        ]
    }

    /// Where Alertmanager and Grafana send alerts.
    #[routes]
    fn routes(&self) -> Vec<Route> {
        door::routes(&self.house)
    }

    /// Keeps the messages right.
    #[start]
    async fn start(&self, services: Services) -> Result {
        if self.house.settings().sources.is_empty() {
            return Ok(());
        }
        let desk = Desk {
            house: self.house.clone(),
            services: services.clone(),
        };
        let studio = Studio {
            house: self.house.clone(),
            services: services.clone(),
        };
        tokio::join!(desk.run(), studio.run(), poll::run(&self.house, &services));
        Ok(())
    }
}

/// Waits until it rings, or a while; nothing when the robot stops.
pub(crate) async fn pause(services: &Services, bell: &Notify, long: Duration) -> Option<()> {
    tokio::select! {
        () = services.stopping().cancelled() => None,
        () = bell.notified() => Some(()),
        () = tokio::time::sleep(long) => Some(()),
    }
}

/// How long one looks the other way, when nobody rings.
pub(crate) const fn looks() -> Duration {
    LOOKS
}
