//! What became of the service: after an operation its thread gets one picture with the service's key graphs before and after, what
//! changed in words, and, when it got worse, the way to the last good version.
//!
//! It hears of operations as all followers do, from the audit trail: none is missed when processes die, and any kind of operation
//! that the settings name is followed.

mod moved;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::{SignedDuration, tz::TimeZone};
use otus::{
    Place, Services, Urgency,
    operations::{Follower, Operation, State},
    outbox::{Taken, Worked},
    prelude::*,
};
use otus_charts::Marker;
use otus_monitoring::Prometheus;
use serde::{Deserialize, Serialize};

use crate::{
    Graphs,
    ask::{Ask, For},
    draw, panel, post,
    settings::{Query, pause, span},
    texts::evidence as texts,
};
use moved::Measure;
pub(crate) use moved::{Moved, Of};

/// The section `[responders.graphs.evidence]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// The key graphs of a service that is not named below `services`. Without any, nothing is shown.
    pub graphs: Vec<String>,
    /// The key graphs by service.
    pub services: BTreeMap<String, Vec<String>>,
    /// The kinds of operations after which they are shown.
    pub after: Vec<String>,
    /// How long before an operation is looked at.
    #[serde(deserialize_with = "span")]
    pub before: Duration,
    /// How long an operation has to be over; that long is looked at.
    #[serde(deserialize_with = "pause")]
    pub wait: Duration,
    /// A mean that moved by more than this share of what it was, towards its graph's threshold, got worse: 0.25 is a quarter.
    pub worse: f64,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            graphs: Vec::new(),
            services: BTreeMap::new(),
            after: ["deploy", "flag", "migrations"].map(str::to_owned).to_vec(),
            before: Duration::from_secs(20 * 60),
            wait: Duration::from_secs(10 * 60),
            worse: 0.25,
        }
    }
}

impl Evidence {
    pub(crate) fn check(&self, queries: &BTreeMap<String, Query>) -> anyhow::Result<()> {
        let services = self
            .services
            .iter()
            .map(|(service, graphs)| (format!("evidence.services.{service}"), graphs));
        for (key, graphs) in services.chain([("evidence.graphs".to_owned(), &self.graphs)]) {
            for graph in graphs {
                match queries.get(graph) {
                    None => anyhow::bail!("{key}: there is no graph {graph:?}"),
                    Some(query) if !query.panels.is_empty() => {
                        anyhow::bail!("{key}: {graph:?} has panels; name them instead")
                    }
                    Some(_) => {}
                }
            }
        }
        if !(self.worse.is_finite() && self.worse > 0.0) {
            anyhow::bail!("evidence.worse is a share above 0, such as 0.25");
        }
        Ok(())
    }

    fn graphs(&self, service: Option<&str>) -> &[String] {
        let own = service.and_then(|service| self.services.get(service));
        own.unwrap_or(&self.graphs)
    }
}

/// Looks at what became of the service.
pub(crate) struct Witness {
    graphs: Graphs,
    prometheus: Arc<Prometheus>,
}

/// What is kept of an operation.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Notes {
    /// The picture is in the thread, as a file that cannot be found again.
    shown: bool,
}

/// What is shown.
struct Seen {
    file: File,
    card: Card,
}

/// How long finding out whose clock counts may take.
const PATIENCE: Duration = Duration::from_secs(2);

#[async_trait]
impl Follower for Witness {
    fn name(&self) -> &'static str {
        "evidence"
    }

    fn wants(&self, operation: &Operation) -> bool {
        let settings = &self.graphs.settings.evidence;
        let service = operation.plan.target.service.as_deref();
        operation.started.is_some()
            && settings.after.contains(&operation.kind)
            && !settings.graphs(service).is_empty()
    }

    async fn tell(&self, services: &Services, operation: &Operation, item: &mut Taken) -> Result<Worked> {
        if !operation.state.is_over() {
            return Ok(Worked::Done);
        }
        let (State::Succeeded | State::Failed, Some(ended)) = (operation.state, operation.ended) else {
            return Ok(Worked::Over);
        };
        let due = ended + self.graphs.settings.evidence.wait;
        let left = due.duration_since(services.store().now().await?);
        if left > SignedDuration::ZERO {
            return Ok(Worked::Later(left));
        }
        let (chat, place) = (services.chat(), place(operation));
        let key = format!("evidence {}", operation.id);
        // Somebody may have died who had shown it already.
        if item.attempt() > 1 && chat.find(&place, &key).await?.is_some() {
            return Ok(Worked::Over);
        }
        let Some(Seen { file, card }) = self.look(services, operation).await? else {
            return Ok(Worked::Over);
        };
        let kept = chat.keep(file.clone()).await?;
        if let Some(name) = kept {
            let picture = otus::Picture {
                file: name,
                alt: file.alt.clone().unwrap_or_default(),
            };
            let shown = Post::from(card.clone().picture(picture)).keyed(&key);
            let say = || chat.post(&place, &shown, Urgency::More);
            if post::as_soon_as_ready(say).await?.is_some() {
                return Ok(Worked::Over);
            }
        }
        let mut notes: Notes = item.notes()?;
        if !notes.shown {
            chat.upload(&place, file).await?;
            notes.shown = true;
            item.keep(&notes).await?;
        }
        let plain = Post::from(card).keyed(key);
        chat.post(&place, &plain, Urgency::More).await?;
        Ok(Worked::Over)
    }
}

/// The operation's thread.
fn place(operation: &Operation) -> Place {
    let origin = &operation.origin;
    let card = operation.card.as_ref().map(|card| card.id.clone());
    let mut place = origin.place();
    place.thread = place.thread.or_else(|| origin.message.clone()).or(card);
    place
}

impl Witness {
    /// Nobody, where there is no Prometheus or no graph to look at.
    pub(crate) fn of(graphs: &Graphs) -> Option<Self> {
        let settings = &graphs.settings.evidence;
        let none = settings.graphs.is_empty() && settings.services.is_empty();
        let prometheus = graphs.prometheus.clone().filter(|_| !none)?;
        Some(Self {
            graphs: graphs.clone(),
            prometheus,
        })
    }

    /// The zone of who asked for the operation, where the chat knows it.
    async fn zone(&self, services: &Services, operation: &Operation) -> TimeZone {
        let person = tokio::time::timeout(PATIENCE, services.chat().person(&operation.by)).await;
        let zone = person.ok().and_then(|person| person.ok()?.zone);
        zone.and_then(|zone| TimeZone::get(&zone).ok())
            .unwrap_or(TimeZone::UTC)
    }

    /// The picture and its words; nothing, where there is no data at all.
    async fn look(&self, services: &Services, operation: &Operation) -> Result<Option<Seen>> {
        let settings = &self.graphs.settings;
        let target = &operation.plan.target;
        let Some(ended) = operation.ended else {
            return Ok(None);
        };
        let began = operation.started.unwrap_or(operation.asked);
        let end = ended + settings.evidence.wait;
        let range = settings.evidence.before + end.duration_since(began).unsigned_abs();
        let mut asks = Vec::new();
        for graph in settings.evidence.graphs(target.service.as_deref()) {
            let mut said = For::default();
            said.memory.service.clone_from(&target.service);
            said.memory.environment.clone_from(&target.environment);
            let ask = Ask::named(settings, graph, None, said)?;
            asks.push(Ask {
                range,
                end: Some(end),
                ..ask
            });
        }
        let zone = self.zone(services, operation).await;
        let fetching = asks
            .iter()
            .map(|ask| draw::fetch(&self.graphs, &self.prometheus, ask, &zone, end));
        let mut found = Vec::new();
        for (ask, one) in asks.iter().zip(join_all(fetching).await) {
            // It is tried again later, as everything that is told.
            found.push((ask, one.map_err(|(_, failure)| failure)?));
        }
        found.retain(|(_, found)| !found.series.is_empty());
        if found.is_empty() {
            return Ok(None);
        }
        let seconds = |at: jiff::Timestamp| at.as_millisecond() as f64 / 1e3;
        let (from, to) = (seconds(began), seconds(ended));
        let moved: Vec<(&Ask, Moved)> = found
            .iter()
            .map(|(ask, found)| {
                let measure = Measure {
                    bound: ask.bound,
                    reduce: ask.reduce,
                    worse: settings.evidence.worse,
                };
                (*ask, Moved::of(&found.series, from, to, measure))
            })
            .collect();
        let mark = || {
            let mark = Marker::new(from, texts::mark(operation));
            if to - from >= 60.0 { mark.until(to) } else { mark }
        };
        let panels = found
            .iter()
            .map(|(ask, found)| panel::panel(ask, found, zone.clone(), vec![mark()]))
            .collect();
        let (title, subtitle) = (
            texts::title(operation),
            texts::subtitle(settings.evidence.before, settings.evidence.wait, &zone),
        );
        let picture = draw::picture(&self.graphs, title, subtitle, panels).await?;
        let file = File {
            name: format!("evidence-{}.png", operation.id),
            title: texts::title(operation),
            alt: Some(picture.alt),
            comment: None,
            bytes: picture.png,
        };
        let card = texts::card(operation, &moved);
        Ok(Some(Seen { file, card }))
    }
}
