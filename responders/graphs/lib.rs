//! Purpose: graphs in the chat: queries that the configuration names, and any PromQL in back-ticks.
//!
//! Reads only. A picture goes into the thread with a text for who cannot see it; what went wrong is said in Prometheus'
//! own words with the place. What decides how finely a range is asked stands in `otus-monitoring`, what draws in
//! `otus-charts`; here they meet people.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod ask;
mod dashboards;
mod deploys;
mod draw;
mod evidence;
mod link;
mod manner;
mod panel;
mod post;
mod settings;
mod texts;
mod thread;

use std::sync::Arc;

use otus::{Message, Segment, prelude::*};
use otus_monitoring::{
    Prometheus,
    grafana::{Grafana, dashboards::Boards},
    step::Rules,
};

use crate::{
    ask::{Ask, For, Span},
    link::Link,
    manner::Manner,
    thread::Memory,
};
pub use crate::{
    evidence::Evidence,
    manner::Form,
    settings::{Ground, Limit, Query, Settings},
};

/// Graphs of what Prometheus knows.
#[derive(Debug, Clone)]
pub struct Graphs {
    prometheus: Option<Arc<Prometheus>>,
    boards: Option<Boards>,
    rules: Rules,
    settings: Settings,
}

impl Graphs {
    /// The same with the dashboards of a Grafana.
    #[must_use]
    pub fn with_grafana(self, grafana: Grafana) -> Self {
        Self {
            boards: Some(Boards::new(grafana)),
            ..self
        }
    }

    /// With these settings; without a Prometheus it says that there is none. The rules decide how finely a range is asked.
    ///
    /// # Errors
    /// What in the settings cannot work, by its key.
    pub fn new(settings: Settings, prometheus: Option<Arc<Prometheus>>, rules: Rules) -> Result<Self> {
        settings.check()?;
        Ok(Self {
            prometheus,
            boards: None,
            rules,
            settings,
        })
    }
}

impl Configure for Graphs {
    type Config = Settings;

    fn configure(config: Settings, setup: &Setup<'_>) -> Result<Self> {
        let rules = setup.resources.get::<Rules>().map(|rules| (*rules).clone());
        let graphs = Self::new(config, setup.resources.get(), rules.unwrap_or_default())?;
        Ok(match setup.resources.get::<Grafana>() {
            Some(grafana) => graphs.with_grafana((*grafana).clone()),
            None => graphs,
        })
    }
}

/// Draws graphs.
#[responder(name = "graphs", config = Settings, needs = "files")]
impl Graphs {
    #[choices]
    async fn choices(&self, wanted: otus::form::Wanted, _: Services) -> Vec<otus::form::Choice> {
        match wanted.parameter {
            "name" => self
                .settings
                .queries
                .keys()
                .map(otus::form::Choice::new)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Draws a graph that the configuration names.
    ///
    /// `graphs` lists them. Without a duration it is the graph's own; without a service it shows all of them. In an
    /// operation's thread it is the operation's service and environment, from a while before it began until now.
    /// `vs last week` draws the same time a week before dashed beside it. It is drawn `as` line, area, stacked, steps, bars,
    /// stat, gauge, table or heatmap.
    #[respond(
        r"^graph (?<name>[\w][\w.-]*)(?: (?:last |over )?(?<duration>\d\S*))?(?: for (?<service>\S+))?(?: in (?<environment>\S+))?(?: (?:last |over )?(?<time>\d\S*))?(?<manner>(?: (?:from .+? to .+?|vs\.? last week|top \S+|as \S+|here))+)?$",
        usage = "graph <name> [<duration>] [for <service>] [in <environment>] [<manner>]",
        example = "graph latency",
        example = "graph latency 6h for api",
        example = "graph latency for api from 13:00 to 14:00 vs last week as area"
    )]
    #[allow(clippy::too_many_arguments, reason = "one for each group of the pattern")]
    async fn named(
        &self,
        cx: Context,
        name: String,
        duration: Option<Span>,
        service: Option<Service>,
        environment: Option<Environment>,
        time: Option<Span>,
        manner: Option<Manner>,
    ) -> Result {
        let memory = match service {
            None => thread::memory(&cx).await,
            Some(_) => Memory::default(),
        };
        let said = For {
            service: service.map(|service| service.name),
            environment: environment.map(|environment| environment.name),
            memory,
        };
        // "latency 3h for api" and "latency for api 3h" are both said.
        let ask = Ask::named(&self.settings, &name, duration.or(time), said)?;
        self.show(&cx, ask, manner).await
    }

    /// Draws any PromQL, written in back-ticks.
    ///
    /// `$__rate_interval` and `$__interval` are filled in as Grafana does. A comparison with a number becomes a limit in
    /// the picture.
    #[respond(
        r"^graph `(?<promql>[^`]+)`(?: (?:last |over )?(?<duration>\d\S*))?(?<manner>(?: (?:from .+? to .+?|vs\.? last week|top \S+|as \S+|here))+)?$",
        usage = "graph `<promql>` [<duration>] [<manner>]",
        example = "graph `sum(rate(http_requests_total[$__rate_interval]))` 3h"
    )]
    async fn promql(
        &self,
        cx: Context,
        promql: String,
        duration: Option<Span>,
        manner: Option<Manner>,
    ) -> Result {
        let ask = Ask::promql(&self.settings, &promql, duration)?;
        self.show(&cx, ask, manner).await
    }

    /// Draws what a link to Prometheus' own pages shows.
    #[respond(
        r"^(?:graph )?(?<link>https?://\S+[?&]g0\.expr=\S+)(?: (?:last |over )?(?<duration>\d\S*))?(?<manner>(?: (?:from .+? to .+?|vs\.? last week|top \S+|as \S+|here))+)?$",
        usage = "graph <link> [<duration>] [<manner>]",
        example = "graph http://prometheus:9090/graph?g0.expr=up"
    )]
    async fn linked(
        &self,
        cx: Context,
        link: String,
        duration: Option<Span>,
        manner: Option<Manner>,
    ) -> Result {
        let Some(link) = Link::read(&link, &self.known()) else {
            return Err(texts::no_such_link(self.prometheus.is_some()).into());
        };
        if !may_ask(&cx, &link).await {
            return Err(texts::may_not_ask().into());
        }
        let (ask, manner) = link.ask(&self.settings, duration, manner)?;
        self.show(&cx, ask, Some(manner)).await
    }

    /// Shows the graph behind a link to Prometheus that somebody pastes, if they may ask for it.
    #[hear(r"[?&]g0\.expr=")]
    async fn pasted(&self, cx: Context) -> Result {
        // Said to the robot it is a command, or no business of a listener's.
        if cx.is_addressed() {
            return Ok(());
        }
        for (nth, link) in Link::all(&cx.message().content, &self.known()).iter().enumerate() {
            if !may_ask(&cx, link).await {
                continue;
            }
            let zone = draw::zone(&cx).await;
            let shown = link
                .ask(&self.settings, None, None)
                .and_then(|(ask, manner)| ask.shown(&self.settings, manner, &zone, jiff::Timestamp::now()));
            match shown {
                Ok(ask) => draw::overheard(self, &cx, ask, nth, zone).await?,
                Err(why) => tracing::info!(why = why.text, "a link is not shown"),
            }
        }
        Ok(())
    }

    /// Lists the graphs there are.
    #[respond(r"^graphs?$", usage = "graphs", example = "graphs")]
    async fn list(&self, cx: Context) -> Result {
        cx.reply(texts::list(&self.settings.queries)).await
    }

    /// Lists Grafana's dashboards.
    ///
    /// With words, those that have them in their title, folder or tags.
    #[respond(
        r"^dashboards(?: (?<words>.+))?$",
        usage = "dashboards [<words>]",
        example = "dashboards",
        example = "dashboards kubernetes"
    )]
    async fn dashboards(&self, cx: Context, words: Option<String>) -> Result {
        dashboards::list(self, &cx, words.as_deref()).await
    }

    /// Draws one of Grafana's dashboards, or one of its panels.
    ///
    /// The dashboard is said by its title, words of it, or its uid; behind it the panel, by its title, words of it, or its number.
    /// A name that must not be taken apart goes in quotation marks. `variable=value` sets a variable, `variable=a,b` to several
    /// values, `variable=all` to all. The time is the dashboard's own, or `last 6h`, or `from 13:00 to 14:00`. What does not fit
    /// in one picture is on `page 2`. A link into Grafana does instead of a name.
    #[respond(
        r"^dashboard (?<name>.+)$",
        usage = "dashboard <name>",
        example = "dashboard shop",
        example = "dashboard shop latency service=api last 6h",
        example = "dashboard \"node exporter\" \"cpu busy\" instance=web-1:9100 from 13:00 to 14:00"
    )]
    async fn dashboard(&self, cx: Context, name: dashboards::Said) -> Result {
        dashboards::show(self, &cx, name).await
    }

    /// Shows what a link into Grafana shows, in its thread, to who may ask for it.
    #[hear(r"https?://\S+/(?:d|d-solo|d-embed|goto)/\S+")]
    async fn grafana_link(&self, cx: Context) -> Result {
        dashboards::pasted(self, &cx).await
    }

    /// Follows operations, and shows in their threads what became of the service.
    #[start]
    async fn start(&self, services: Services) -> Result {
        if let Some(follower) = evidence::Witness::of(self) {
            services.operations().follow(Arc::new(follower)).await;
        }
        Ok(())
    }
}

/// Whether who said this may ask for a link's PromQL, which is what a link is.
async fn may_ask(cx: &Context, link: &Link) -> bool {
    let asked = Message {
        content: vec![
            Segment::Me,
            Segment::Text(" graph ".into()),
            Segment::Code(link.query().to_owned()),
        ],
        ..cx.message().clone()
    };
    cx.services().would_run(&asked).await
}

impl Graphs {
    /// Where people open Prometheus.
    fn known(&self) -> Vec<&str> {
        let own = self.prometheus.iter().map(|prometheus| prometheus.url());
        own.chain(self.settings.links.iter().map(String::as_str))
            .collect()
    }

    async fn show(&self, cx: &Context, ask: Ask, manner: Option<Manner>) -> Result {
        let zone = draw::zone(cx).await;
        let ask = ask.shown(
            &self.settings,
            manner.unwrap_or_default(),
            &zone,
            jiff::Timestamp::now(),
        )?;
        draw::answer(self, cx, ask, zone).await
    }
}
