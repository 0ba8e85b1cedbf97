//! What the operator says about graphs: `[responders.graphs]`.

use std::{collections::BTreeMap, time::Duration};

use otus_charts::{Theme, Threshold, Unit};
use otus_monitoring::duration;
use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

use crate::{evidence::Evidence, manner::Form};

/// The section `[responders.graphs]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a graph goes back when nobody says, for example `1h`.
    #[serde(deserialize_with = "span")]
    pub range: Duration,
    /// How long a graph may go back at most.
    #[serde(deserialize_with = "span")]
    pub longest: Duration,
    /// Dark or light.
    pub theme: Ground,
    /// Addresses under which people open Prometheus, beside `prometheus.url`: who pastes a link to a graph there gets its picture.
    pub links: Vec<String>,
    /// What the thread of a finished operation is shown: `[responders.graphs.evidence]`.
    pub evidence: Evidence,
    /// The graphs by name: `[responders.graphs.queries.<name>]`.
    pub queries: BTreeMap<String, Query>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            range: Duration::from_secs(3600),
            longest: Duration::from_secs(90 * 86_400),
            theme: Ground::Dark,
            links: Vec::new(),
            evidence: Evidence::default(),
            queries: BTreeMap::new(),
        }
    }
}

/// The ground of the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ground {
    /// Light lines on dark.
    #[default]
    Dark,
    /// Dark lines on white.
    Light,
}

impl From<Ground> for Theme {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::Dark => Self::Dark,
            Ground::Light => Self::Light,
        }
    }
}

/// A graph with a name: `[responders.graphs.queries.<name>]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// PromQL. `$service` and `$environment` are what was asked for (any, if nothing was), `$__rate_interval` and its kin are
    /// Grafana's. Empty where there are `panels`.
    #[serde(default)]
    pub query: String,
    /// Other graphs, by name, to be shown together in one picture instead of a query.
    #[serde(default)]
    pub panels: Vec<String>,
    /// How it is drawn when nobody says.
    #[serde(default, rename = "as")]
    pub form: Form,
    /// How many series are named when nobody says (1 to 12), those with the highest values first.
    #[serde(default)]
    pub top: Option<usize>,
    /// What it is called above the picture. Default: its name.
    #[serde(default)]
    pub title: Option<String>,
    /// One line for the list of graphs.
    #[serde(default)]
    pub about: Option<String>,
    /// What the values are, for example `seconds`. Default: guessed from the query.
    #[serde(default, deserialize_with = "unit")]
    pub unit: Option<Unit>,
    /// A limit to draw: a number, or text like `> 500ms` or `< 99.9%`.
    #[serde(default)]
    pub threshold: Option<Limit>,
    /// How the values of several series make one where they are compared, as after a deploy. Default: each is compared with itself, and
    /// the one that moved most is told.
    #[serde(default)]
    pub reduce: Option<Reduce>,
    /// How long it goes back when nobody says. Default: the section's `range`.
    #[serde(default, deserialize_with = "optional_span")]
    pub range: Option<Duration>,
}

/// How several values make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduce {
    /// The highest.
    Max,
    /// The lowest.
    Min,
    /// All together.
    Sum,
    /// Their mean.
    Avg,
}

impl Reduce {
    /// One value of all; none of none.
    pub(crate) fn of(self, values: impl Iterator<Item = f64>) -> Option<f64> {
        let values: Vec<f64> = values.collect();
        let sum: f64 = values.iter().sum();
        let count = values.len();
        match self {
            Self::Max => values.into_iter().reduce(f64::max),
            Self::Min => values.into_iter().reduce(f64::min),
            Self::Sum => (count > 0).then_some(sum),
            Self::Avg => (count > 0).then(|| sum / count as f64),
        }
    }

    /// What people read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Max => "the highest",
            Self::Min => "the lowest",
            Self::Sum => "the sum",
            Self::Avg => "the mean",
        }
    }
}

/// A limit as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Limit {
    /// More than this is bad.
    Number(f64),
    /// `> 500ms`: a side and a value with a unit.
    Text(String),
}

impl Query {
    /// What its values are.
    pub(crate) fn unit(&self) -> Unit {
        self.unit.unwrap_or_else(|| Unit::guess(&self.query))
    }

    /// What it is called.
    pub(crate) fn title<'a>(&'a self, name: &'a str) -> &'a str {
        self.title.as_deref().unwrap_or(name)
    }

    /// Its limit, or what is wrong with it.
    pub(crate) fn bound(&self) -> Result<Option<Bound>, String> {
        let text = match &self.threshold {
            None => return Ok(None),
            Some(Limit::Number(value)) => {
                return Ok(Some(Bound {
                    value: *value,
                    above: true,
                }));
            }
            Some(Limit::Text(text)) => text.trim(),
        };
        let below = text.starts_with('<');
        let value = text.trim_start_matches(['<', '>', '=', ' ']);
        let value = self.unit().parse(value).ok_or_else(|| {
            format!(
                "{text:?} is no limit in {}; write for example \"> 500ms\", \"< 99.9%\" or 0.5",
                self.unit()
            )
        })?;
        Ok(Some(Bound { value, above: !below }))
    }
}

/// A limit as a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bound {
    pub(crate) value: f64,
    /// Whether more than it is bad, or less.
    pub(crate) above: bool,
}

impl Bound {
    /// 1 where more is worse, else −1.
    pub(crate) fn sign(self) -> f64 {
        if self.above { 1.0 } else { -1.0 }
    }

    /// As it is drawn.
    pub(crate) fn threshold(self) -> Threshold {
        if self.above {
            Threshold::above(self.value)
        } else {
            Threshold::below(self.value)
        }
    }
}

impl Settings {
    /// Finds what cannot work, when the program starts and not when somebody asks.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for link in &self.links {
            let url = Url::parse(link).ok().filter(|url| url.host().is_some());
            if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
                anyhow::bail!("links: {link:?} is no address such as \"https://prometheus.example.com\"");
            }
        }
        for (name, query) in &self.queries {
            let key = format!("queries.{name}");
            let sayable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(sayable) {
                anyhow::bail!(
                    "{key}: a graph's name has letters, digits, `-`, `_` and `.` only, so that one can say it"
                );
            }
            match (query.query.trim().is_empty(), query.panels.is_empty()) {
                (true, true) => anyhow::bail!("{key}.query is empty"),
                (false, false) => {
                    anyhow::bail!("{key} has both a query and panels: write one of them")
                }
                _ => {}
            }
            if query.panels.len() > MOST_PANELS {
                anyhow::bail!("{key}.panels: {MOST_PANELS} panels are the most in one picture");
            }
            for panel in &query.panels {
                match self.queries.get(panel) {
                    None => anyhow::bail!("{key}.panels: there is no graph {panel:?}"),
                    Some(other) if !other.panels.is_empty() => {
                        anyhow::bail!("{key}.panels: {panel:?} has panels itself")
                    }
                    Some(_) => {}
                }
            }
            if query.top.is_some_and(|top| !(1..=12).contains(&top)) {
                anyhow::bail!("{key}.top is from 1 to 12");
            }
            query
                .bound()
                .map_err(|why| anyhow::anyhow!("{key}.threshold: {why}"))?;
        }
        self.evidence.check(&self.queries)
    }
}

/// The most panels of one picture.
pub(crate) const MOST_PANELS: usize = 12;

pub(crate) fn span<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let span = duration::parse(&String::deserialize(from)?).map_err(D::Error::custom)?;
    if span < Duration::from_secs(60) {
        return Err(D::Error::custom("a graph goes back a minute at least"));
    }
    Ok(span)
}

/// A time in which something can be measured at all.
pub(crate) fn pause<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let pause = duration::parse(&String::deserialize(from)?).map_err(D::Error::custom)?;
    if pause < Duration::from_secs(1) {
        return Err(D::Error::custom(
            "after less than a second there is nothing to see",
        ));
    }
    Ok(pause)
}

fn optional_span<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    span(from).map(Some)
}

fn unit<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Unit>, D::Error> {
    String::deserialize(from)?
        .parse()
        .map(Some)
        .map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn settings(value: Value) -> Result<Settings, String> {
        let settings: Settings = serde_json::from_value(value).map_err(|error| error.to_string())?;
        settings.check().map_err(|error| error.to_string())?;
        Ok(settings)
    }

    #[test]
    fn a_whole_section_is_read() {
        let settings = settings(json!({
            "range": "3h", "theme": "light",
            "queries": { "latency": {
                "query": "x_seconds", "threshold": "> 500ms", "range": "2d", "unit": "seconds",
                "title": "Latency", "about": "How long requests take",
            }, "up": { "query": "avg(up)", "unit": "ratio", "threshold": "< 99.9%" } },
        }))
        .unwrap();
        assert_eq!(settings.range, Duration::from_secs(10_800));
        assert_eq!(Theme::from(settings.theme), Theme::Light);
        let latency = &settings.queries["latency"];
        assert_eq!(
            latency.bound().map(|bound| bound.map(Bound::threshold)),
            Ok(Some(Threshold::above(0.5)))
        );
        assert_eq!(latency.range, Some(Duration::from_secs(172_800)));
        let up = settings.queries["up"].bound().unwrap().map(Bound::threshold);
        assert_eq!(up, Some(Threshold::below(99.9 * 0.01)));
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        let wrong = |value| settings(value).unwrap_err();
        let query = |query: Value| json!({ "queries": { "a": query } });
        assert!(wrong(json!({ "rang": "1h" })).contains("unknown field `rang`"));
        assert!(wrong(json!({ "range": "soon" })).contains("not a duration"));
        assert!(wrong(json!({ "range": "1s" })).contains("a minute at least"));
        assert!(wrong(json!({ "links": ["prometheus:9090"] })).contains("links: \"prometheus:9090\""));
        assert!(wrong(query(json!({ "query": " " }))).contains("queries.a.query is empty"));
        assert!(
            wrong(query(json!({ "query": "x", "unit": "furlong" }))).contains("there is no unit \"furlong\"")
        );
        assert!(
            wrong(query(json!({ "query": "x", "threshold": "many" })))
                .contains("queries.a.threshold: \"many\"")
        );
        assert!(wrong(query(json!({}))).contains("queries.a.query is empty"));
        assert!(
            wrong(query(json!({ "panels": ["b"] }))).contains("queries.a.panels: there is no graph \"b\"")
        );
        assert!(wrong(query(json!({ "panels": ["a"] }))).contains("has panels itself"));
        assert!(wrong(query(json!({ "query": "x", "panels": ["a"] }))).contains("both a query and panels"));
        assert!(wrong(query(json!({ "query": "x", "top": 0 }))).contains("queries.a.top is from 1 to 12"));
        assert!(wrong(query(json!({ "query": "x", "as": "cake" }))).contains("unknown variant `cake`"));
        let evidence = |evidence: Value| wrong(json!({ "evidence": evidence }));
        assert!(evidence(json!({ "graphs": ["b"] })).contains("evidence.graphs: there is no graph \"b\""));
        assert!(evidence(json!({ "services": { "api": ["b"] } })).contains("evidence.services.api"));
        assert!(evidence(json!({ "wait": "1ms" })).contains("less than a second"));
        assert!(evidence(json!({ "worse": -1.0 })).contains("evidence.worse"));
        assert!(evidence(json!({ "wurst": 1 })).contains("unknown field `wurst`"));
        assert!(wrong(json!({ "queries": { "a b": { "query": "x" } } })).contains("so that one can say it"));
    }
}
