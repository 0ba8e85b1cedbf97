//! What the operator says about graphs: `[responders.graphs]`.

use std::{collections::BTreeMap, time::Duration};

use otus_charts::{Theme, Threshold, Unit};
use otus_monitoring::duration;
use serde::{Deserialize, Deserializer, de::Error as _};

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
    /// The graphs by name: `[responders.graphs.queries.<name>]`.
    pub queries: BTreeMap<String, Query>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            range: Duration::from_secs(3600),
            longest: Duration::from_secs(90 * 86_400),
            theme: Ground::Dark,
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
    /// Grafana's.
    pub query: String,
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
    /// How long it goes back when nobody says. Default: the section's `range`.
    #[serde(default, deserialize_with = "optional_span")]
    pub range: Option<Duration>,
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

    /// Its limit, or what is wrong with it.
    pub(crate) fn limit(&self) -> Result<Option<Threshold>, String> {
        let text = match &self.threshold {
            None => return Ok(None),
            Some(Limit::Number(value)) => return Ok(Some(Threshold::above(*value))),
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
        Ok(Some(if below {
            Threshold::below(value)
        } else {
            Threshold::above(value)
        }))
    }
}

impl Settings {
    /// Finds what cannot work, when the program starts and not when somebody asks.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for (name, query) in &self.queries {
            let key = format!("queries.{name}");
            let sayable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(sayable) {
                anyhow::bail!(
                    "{key}: a graph's name has letters, digits, `-`, `_` and `.` only, so that one can say it"
                );
            }
            if query.query.trim().is_empty() {
                anyhow::bail!("{key}.query is empty");
            }
            query
                .limit()
                .map_err(|why| anyhow::anyhow!("{key}.threshold: {why}"))?;
        }
        Ok(())
    }
}

fn span<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let span = duration::parse(&String::deserialize(from)?).map_err(D::Error::custom)?;
    if span < Duration::from_secs(60) {
        return Err(D::Error::custom("a graph goes back a minute at least"));
    }
    Ok(span)
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
        assert_eq!(latency.limit(), Ok(Some(Threshold::above(0.5))));
        assert_eq!(latency.range, Some(Duration::from_secs(172_800)));
        let up = settings.queries["up"].limit().unwrap();
        assert_eq!(up, Some(Threshold::below(99.9 * 0.01)));
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        let wrong = |value| settings(value).unwrap_err();
        let query = |query: Value| json!({ "queries": { "a": query } });
        assert!(wrong(json!({ "rang": "1h" })).contains("unknown field `rang`"));
        assert!(wrong(json!({ "range": "soon" })).contains("not a duration"));
        assert!(wrong(json!({ "range": "1s" })).contains("a minute at least"));
        assert!(wrong(query(json!({ "query": " " }))).contains("queries.a.query is empty"));
        assert!(
            wrong(query(json!({ "query": "x", "unit": "furlong" }))).contains("there is no unit \"furlong\"")
        );
        assert!(
            wrong(query(json!({ "query": "x", "threshold": "many" })))
                .contains("queries.a.threshold: \"many\"")
        );
        assert!(wrong(query(json!({}))).contains("missing field `query`"));
        assert!(wrong(json!({ "queries": { "a b": { "query": "x" } } })).contains("so that one can say it"));
    }
}
