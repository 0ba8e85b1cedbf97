//! What was asked: from the words and the settings to a query, a range and how it is to look.

use std::{slice, str::FromStr, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use otus::{UserError, args};
use otus_charts::{Threshold, Unit};
use otus_monitoring::{
    duration,
    threshold::{self, Bad},
};

use crate::{
    manner::{self, Form, Manner},
    settings::{Bound, Query, Reduce, Settings},
    texts,
    thread::Memory,
};

/// How far back, as one says it: `90m`, `6h`, `2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = duration::parse(text).map_err(|_| texts::NOT_A_DURATION.to_owned())?;
        if span < Duration::from_secs(60) {
            Err(texts::TOO_SHORT.to_owned())
        } else {
            Ok(Self(span))
        }
    }
}

/// A graph to be drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ask {
    /// What one said for it: a name, or PromQL in back-ticks.
    pub(crate) what: String,
    pub(crate) title: String,
    pub(crate) query: String,
    pub(crate) unit: Unit,
    pub(crate) limit: Option<Threshold>,
    pub(crate) range: Duration,
    pub(crate) service: Option<String>,
    pub(crate) environment: Option<String>,
    /// The limit as a number, and the side of it that is bad.
    pub(crate) bound: Option<Bound>,
    /// How several series make one value where they are compared.
    pub(crate) reduce: Option<Reduce>,
    /// Until when it goes; until now, if not given.
    pub(crate) end: Option<Timestamp>,
    /// The time that was said, as people read it.
    pub(crate) period: Option<String>,
    /// What was said about its look.
    pub(crate) manner: Manner,
    /// What the configuration says about its look.
    pub(crate) usual: (Form, Option<usize>),
    /// Its panels, where it has several.
    pub(crate) panels: Vec<Self>,
}

/// What a graph was asked for: of what was said nothing is left out, of what is remembered only what the query can use is taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct For {
    pub(crate) service: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) memory: Memory,
}

impl Ask {
    /// One of the graphs that have a name.
    pub(crate) fn named(
        settings: &Settings,
        name: &str,
        span: Option<Span>,
        said: For,
    ) -> Result<Self, UserError> {
        let For {
            service,
            environment,
            memory,
        } = said;
        let known = |wanted: &str| {
            settings
                .queries
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        let Some((name, query)) = known(name) else {
            let names: Vec<String> = settings.queries.keys().cloned().collect();
            let corrected = |near: &str| {
                let span = span.map(|span| span.0);
                Some(command(near, span, service.as_deref(), environment.as_deref()))
            };
            return Err(args::unknown("graph", name, &names, corrected));
        };
        let range = allowed(
            span.map(|span| span.0)
                .or(memory.covering.map(|covering| covering.min(settings.longest)))
                .or(query.range)
                .unwrap_or(settings.range),
            settings,
        )?;
        let parts: Vec<(&String, &Query)> = if query.panels.is_empty() {
            vec![(name, query)]
        } else {
            query
                .panels
                .iter()
                .filter_map(|panel| settings.queries.get_key_value(panel))
                .collect()
        };
        let has = |variable| {
            let mut queries = parts.iter().map(|(_, query)| &query.query);
            queries.any(|query| next_variable(query, variable).is_some())
        };
        if service.is_some() && !has("service") {
            return Err(texts::not_by(name, "service").instead(command(
                name,
                Some(range),
                None,
                environment.as_deref(),
            )));
        }
        if environment.is_some() && !has("environment") {
            return Err(texts::not_by(name, "environment").instead(command(
                name,
                Some(range),
                service.as_deref(),
                None,
            )));
        }
        let service = service.or(memory.service.filter(|_| has("service")));
        let environment = environment.or(memory.environment.filter(|_| has("environment")));
        let mut ask = Self::single(name, query, service.clone(), environment.clone(), range);
        if !query.panels.is_empty() {
            ask.title = texts::titled(query.title(name), service.as_deref(), environment.as_deref());
            ask.panels = parts
                .into_iter()
                .map(|(name, query)| Self::single(name, query, service.clone(), environment.clone(), range))
                .collect();
            (ask.service, ask.environment) = (service, environment);
        }
        Ok(ask)
    }

    /// One query of the configuration, for the service and the environment as far as it tells them apart.
    fn single(
        name: &str,
        query: &Query,
        service: Option<String>,
        environment: Option<String>,
        range: Duration,
    ) -> Self {
        let has = |variable| next_variable(&query.query, variable).is_some();
        let service = service.filter(|_| has("service"));
        let environment = environment.filter(|_| has("environment"));
        let filled = fill(&query.query, "service", service.as_deref());
        let (text, limit) = apart(&fill(&filled, "environment", environment.as_deref()));
        let bound = query.bound().ok().flatten().or(limit);
        Self {
            what: name.to_owned(),
            title: texts::titled(query.title(name), service.as_deref(), environment.as_deref()),
            unit: query.unit(),
            limit: bound.map(Bound::threshold),
            bound,
            query: text,
            range,
            service,
            environment,
            usual: (query.form, query.top),
            reduce: query.reduce,
            ..Self::default()
        }
    }

    /// The same in the manner that was asked for, for who lives in this zone.
    pub(crate) fn shown(
        mut self,
        settings: &Settings,
        manner: Manner,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Self, UserError> {
        if let Some((from, to)) = manner.range(zone, now)? {
            self.range = allowed(
                Duration::from_secs(to.duration_since(from).as_secs().unsigned_abs()),
                settings,
            )?;
            self.end = Some(to);
            self.period = manner.period(zone);
        }
        self.manner = manner;
        for panel in &mut self.panels {
            (panel.range, panel.end) = (self.range, self.end);
            panel.manner = self.manner.clone();
        }
        Ok(self)
    }

    /// What is asked for, query by query.
    pub(crate) fn parts(&self) -> &[Self] {
        if self.panels.is_empty() {
            slice::from_ref(self)
        } else {
            &self.panels
        }
    }

    /// How it is drawn.
    pub(crate) fn form(&self) -> Form {
        self.manner.form.unwrap_or(self.usual.0)
    }

    /// How many series are named, if anybody said.
    pub(crate) fn top(&self) -> Option<usize> {
        self.manner.top.or(self.usual.1)
    }

    /// Any PromQL.
    pub(crate) fn promql(settings: &Settings, promql: &str, span: Option<Span>) -> Result<Self, UserError> {
        let range = allowed(span.map_or(settings.range, |span| span.0), settings)?;
        let (query, limit) = apart(&fill(&fill(promql.trim(), "service", None), "environment", None));
        Ok(Self {
            what: format!("`{}`", promql.trim()),
            title: String::new(),
            unit: Unit::guess(&query),
            query,
            limit: limit.map(Bound::threshold),
            range,
            ..Self::default()
        })
    }

    /// What one would say for the same over another time, until now.
    pub(crate) fn over(&self, range: Duration) -> String {
        self.said(Some(range), &self.manner.words())
    }

    /// What one would say for the same, beside the week before or without it.
    pub(crate) fn beside_last_week(&self, is_beside: bool) -> String {
        let mut manner = self.manner.clone();
        manner.last_week = is_beside;
        let words = manner.words();
        match self.end {
            None => self.said(Some(self.range), &words),
            Some(end) => {
                let period = manner::between(end - self.range, end);
                self.said(None, format!("{period} {words}").trim())
            }
        }
    }

    fn said(&self, range: Option<Duration>, words: &str) -> String {
        let (service, environment) = (self.service.as_deref(), self.environment.as_deref());
        let again = command(&self.what, range, service, environment);
        format!("{again} {words}").trim_end().to_owned()
    }
}

fn allowed(range: Duration, settings: &Settings) -> Result<Duration, UserError> {
    if range > settings.longest {
        Err(texts::too_long(range, settings.longest))
    } else {
        Ok(range)
    }
}

fn command(what: &str, range: Option<Duration>, service: Option<&str>, environment: Option<&str>) -> String {
    let range = range
        .map(|range| format!(" {}", duration::format(range)))
        .unwrap_or_default();
    let service = service
        .map(|service| format!(" for {service}"))
        .unwrap_or_default();
    let environment = environment
        .map(|environment| format!(" in {environment}"))
        .unwrap_or_default();
    format!("graph {what}{range}{service}{environment}")
}

/// The curve and its limit, where the query compares one curve with a number: the curve says more than the holes a
/// comparison leaves in it.
fn apart(query: &str) -> (String, Option<Bound>) {
    if let [curve] = threshold::split(query).as_slice()
        && let Some(limit) = curve.limit
    {
        let above = match limit.bad {
            Bad::Above | Bad::AtLeast => Some(true),
            Bad::Below | Bad::AtMost => Some(false),
            Bad::Equal | Bad::NotEqual => None,
        };
        if let Some(above) = above {
            let value = limit.value;
            return (curve.query.to_owned(), Some(Bound { value, above }));
        }
    }
    (query.to_owned(), None)
}

/// Where the next `$service` or `${service}` stands; `$service_name` is another's.
fn next_variable(query: &str, name: &str) -> Option<(usize, usize)> {
    let (braced, bare) = (format!("${{{name}}}"), format!("${name}"));
    [braced.as_str(), bare.as_str()]
        .into_iter()
        .flat_map(|variable| query.match_indices(variable))
        .filter(|(at, found)| {
            let after = query[at + found.len()..].chars().next();
            found.ends_with('}') || !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        })
        .map(|(at, found)| (at, at + found.len()))
        .min()
}

/// Puts a value in place of a variable, `$service`: exactly where the query compares exactly, as a pattern otherwise. Without a
/// value any is meant, also where the query compares exactly.
fn fill(query: &str, variable: &str, value: Option<&str>) -> String {
    let mut out = String::new();
    let mut rest = query;
    while let Some((from, to)) = next_variable(rest, variable) {
        let (before, after) = (&rest[..from], &rest[to..]);
        let exact = before
            .strip_suffix(['"', '\''])
            .map(str::trim_end)
            .filter(|before| before.ends_with('=') && !before.ends_with("!="))
            .filter(|_| after.starts_with(['"', '\'']));
        match (value, exact) {
            (Some(value), Some(_)) => {
                out.push_str(before);
                out.push_str(&quoted(value));
            }
            (Some(value), None) => {
                out.push_str(before);
                out.push_str(&quoted(&pattern(value)));
            }
            (None, Some(operator)) => {
                out.push_str(operator);
                out.push('~');
                out.push_str(&before[operator.len()..]);
                out.push_str(".+");
            }
            (None, None) => {
                out.push_str(before);
                out.push_str(".+");
            }
        }
        rest = after;
    }
    out + rest
}

/// A name as a regular expression that matches only it.
fn pattern(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if !(c.is_alphanumeric() || matches!(c, '-' | '_')) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// As it stands inside a PromQL string.
fn quoted(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\'', r"\'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        serde_json::from_value(serde_json::json!({ "queries": {
            "latency": { "query": "rate(x_seconds_sum{service=\"$service\"}[$__rate_interval]) > 0.5", "title": "Latency", "range": "3h" },
            "load": { "query": "sum(rate(y_total[5m]))" },
            "both": { "query": "z{s=\"$service\", e=~\"$environment\"}" },
        } }))
        .unwrap()
    }

    fn of(service: &str) -> For {
        For {
            service: Some(service.into()),
            ..For::default()
        }
    }

    #[test]
    fn what_is_remembered_is_taken_where_the_query_can_use_it() {
        let memory = Memory {
            service: Some("api".into()),
            environment: Some("production".into()),
            covering: Some(Duration::from_secs(1800)),
        };
        let remembered = |name, span| {
            let said = For {
                memory: memory.clone(),
                ..For::default()
            };
            Ask::named(&settings(), name, span, said).unwrap()
        };
        let both = remembered("both", None);
        assert_eq!(both.query, r#"z{s="api", e=~"production"}"#);
        assert_eq!(
            (both.title.as_str(), both.range),
            ("both · api in production", Duration::from_secs(1800))
        );
        assert_eq!(
            both.over(Duration::from_secs(3600)),
            "graph both 1h for api in production"
        );
        let hour = Some(Span(Duration::from_secs(3600)));
        assert_eq!(remembered("both", hour).range, Duration::from_secs(3600));
        let load = remembered("load", None);
        assert_eq!((load.title.as_str(), load.service), ("load", None));
        let latency = remembered("latency", None);
        assert_eq!(
            (latency.title.as_str(), latency.environment),
            ("Latency · api", None)
        );
    }

    #[test]
    fn what_was_said_and_cannot_be_used_is_an_error() {
        let said = For {
            environment: Some("production".into()),
            ..of("api")
        };
        let error = Ask::named(&settings(), "latency", None, said).unwrap_err();
        assert_eq!(error.instead, ["graph latency 3h for api"]);
    }

    #[test]
    fn the_service_is_put_in_place() {
        let filled = |query, service| fill(query, "service", service);
        assert_eq!(filled(r#"x{a="$service"}"#, Some("api")), r#"x{a="api"}"#);
        assert_eq!(filled(r#"x{a=~"$service"}"#, Some("a.b")), r#"x{a=~"a\\.b"}"#);
        assert_eq!(filled(r#"x{a="${service}"}"#, None), r#"x{a=~".+"}"#);
        assert_eq!(
            filled(r#"x{a=~"$service", b="$service"}"#, None),
            r#"x{a=~".+", b=~".+"}"#
        );
        assert_eq!(filled(r#"x{a=~"$service-.*"}"#, Some("api")), r#"x{a=~"api-.*"}"#);
        assert_eq!(
            filled(r#"x{a="$service_name"}"#, Some("api")),
            r#"x{a="$service_name"}"#
        );
        assert_eq!(filled(r#"x{a="$service"}"#, Some("a\"b")), r#"x{a="a\"b"}"#);
    }

    #[test]
    fn a_comparison_becomes_a_limit() {
        let ask = Ask::named(&settings(), "Latency", None, of("api")).unwrap();
        assert_eq!(
            ask.query,
            r#"rate(x_seconds_sum{service="api"}[$__rate_interval])"#
        );
        assert_eq!(ask.limit, Some(Threshold::above(0.5)));
        assert_eq!(
            (ask.title.as_str(), ask.range),
            ("Latency · api", Duration::from_secs(10_800))
        );
        assert_eq!(ask.over(Duration::from_secs(86_400)), "graph latency 1d for api");
        let ask = Ask::promql(&settings(), "up == 0", None).unwrap();
        assert_eq!((ask.query.as_str(), ask.limit), ("up == 0", None));
    }

    #[test]
    fn what_is_not_there_is_answered_with_what_is() {
        let error = Ask::named(
            &settings(),
            "latncy",
            Some(Span(Duration::from_secs(3600))),
            For::default(),
        )
        .unwrap_err();
        assert_eq!(error.instead, ["graph latency 1h"]);
        let error = Ask::named(&settings(), "load", None, of("api")).unwrap_err();
        assert_eq!(error.instead, ["graph load 1h"]);
        let long = Some(Span(Duration::from_secs(86_400 * 365)));
        assert!(
            Ask::named(&settings(), "load", long, For::default())
                .unwrap_err()
                .text
                .contains("90d")
        );
    }

    #[test]
    fn spans_are_read() {
        assert_eq!("1h30m".parse(), Ok(Span(Duration::from_secs(5400))));
        assert_eq!("10s".parse::<Span>(), Err(texts::TOO_SHORT.to_owned()));
        assert_eq!("5x".parse::<Span>(), Err(texts::NOT_A_DURATION.to_owned()));
    }
}
