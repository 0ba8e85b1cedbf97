//! What became of the service: after an operation its thread gets one picture with the service's key graphs before and after, what
//! changed in words, and, when it got worse, the way to the last good version.
//!
//! It hears of operations as all followers do, from the audit trail: none is missed when processes die, and any kind of operation
//! that the settings name is followed.

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
    draw::{self, Fetched},
    panel::{self, Summary},
    settings::{Bound, Query, span},
    texts::evidence as texts,
};

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
    #[serde(deserialize_with = "span")]
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

/// How a graph's values moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moved {
    /// The mean before it began.
    pub(crate) before: Option<f64>,
    /// The mean after it ended.
    pub(crate) after: Option<f64>,
    /// Whether it moved the bad way, and further than it may.
    pub(crate) worse: bool,
}

impl Moved {
    /// What a difference may be and still be called none: 2 %.
    const SAME: f64 = 0.02;
    /// What moved by less than this share of its limit is noise, however small it was before.
    const NOISE: f64 = 0.05;

    /// Whether it stayed where it was.
    pub(crate) fn is_still(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => {
                (after - before).abs() <= Self::SAME * before.abs().max(after.abs())
            }
            _ => false,
        }
    }

    /// Judged against its graph's limit; without one it is told and not judged.
    fn judged(before: Option<f64>, after: Option<f64>, bound: Option<Bound>, worse: f64) -> Self {
        let is_worse = match (before, after, bound) {
            (Some(before), Some(after), Some(bound)) => {
                let sign = if bound.above { 1.0 } else { -1.0 };
                let rise = (after - before) * sign;
                let beyond = |value: f64| (value - bound.value) * sign > 0.0;
                rise > Self::NOISE * bound.value.abs()
                    && (rise > worse * before.abs() || (beyond(after) && !beyond(before)))
            }
            _ => false,
        };
        Self {
            before,
            after,
            worse: is_worse,
        }
    }

    /// Of what was found, around an operation that took from one time to the other (Unix seconds).
    fn of(found: &Fetched, from: f64, to: f64, bound: Option<Bound>, worse: f64) -> Self {
        let mean = |from: f64, to: f64| {
            let means: Vec<f64> = found
                .series
                .iter()
                .filter_map(|series| Summary::of(series.points(), from, to))
                .map(|summary| summary.mean)
                .collect();
            (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
        };
        Self::judged(mean(f64::MIN, from), mean(to, f64::MAX), bound, worse)
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
    /// The picture is in the thread.
    shown: bool,
}

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
        let Some((file, worse)) = self.look(operation).await? else {
            return Ok(Worked::Over);
        };
        let place = place(operation);
        let chat = services.chat();
        let mut notes: Notes = item.notes()?;
        if !notes.shown {
            chat.upload(&place, file).await?;
            notes.shown = true;
            item.keep(&notes).await?;
        }
        if let Some(card) = worse {
            let key = format!("evidence {}", operation.id);
            if !matches!(chat.find(&place, &key).await, Ok(Some(_))) {
                chat.post(&place, &Post::from(card).keyed(key), Urgency::More)
                    .await?;
            }
        }
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

    /// The picture with its words, and the card for when it got worse; nothing, where there is no data at all.
    async fn look(&self, operation: &Operation) -> Result<Option<(File, Option<Card>)>> {
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
        let zone = TimeZone::UTC;
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
                let moved = Moved::of(found, from, to, ask.bound, settings.evidence.worse);
                (*ask, moved)
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
            texts::subtitle(settings.evidence.before, settings.evidence.wait),
        );
        let picture = draw::picture(&self.graphs, title, subtitle, panels).await?;
        let file = File {
            name: format!("evidence-{}.png", operation.id),
            title: texts::title(operation),
            alt: Some(picture.alt),
            comment: Some(texts::words(&moved)),
            bytes: picture.png,
        };
        let worse = moved.iter().any(|(_, moved)| moved.worse);
        Ok(Some((file, worse.then(|| texts::worse(operation, &moved)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worse_is_what_moves_towards_its_limit() {
        let judged = |before, after, value, above| {
            let bound = Some(Bound { value, above });
            Moved::judged(Some(before), Some(after), bound, 0.25).worse
        };
        assert!(judged(0.31, 2.1, 0.5, true));
        assert!(!judged(0.31, 0.33, 0.5, true), "a little");
        assert!(!judged(2.1, 0.31, 0.5, true), "better");
        assert!(judged(0.45, 0.51, 0.5, true), "beyond the limit now");
        assert!(!judged(0.0001, 0.0003, 0.01, true), "thrice nothing is nothing");
        assert!(judged(0.999, 0.6, 0.99, false), "less is worse");
        assert!(!judged(0.6, 0.999, 0.99, false));
        let nothing = Moved::judged(Some(1.0), None, None, 0.25);
        assert!(!nothing.worse && !nothing.is_still());
        assert!(Moved::judged(Some(1.0), Some(1.01), None, 0.25).is_still());
        assert!(Moved::judged(Some(0.0), Some(0.0), None, 0.25).is_still());
    }
}
