//! What a panel shows, asked of Grafana: its queries filled in, by the query API or the proxy.

use super::{
    api::{Asked, Source},
    board::{Open, Results, Span},
    course,
    expand::Shown,
    frames::{self, Frame},
    interpolate::{Destination, Meanings, fill},
    look::Draw,
    model::{Panel, SourceRef, Target},
    table::Sheet,
};
use crate::{
    duration,
    grafana::GrafanaError,
    step::Range,
    wire::{Envelope, Outcome},
};
use serde_json::{Value, json};
use std::time::Duration;

/// So many bars, or columns of a heatmap, are side by side at most.
const MOST_BARS: u32 = 120;
/// A panel is drawn with no more series than this.
const MOST_SERIES: usize = 500;

impl Open {
    /// Asks what a panel shows.
    ///
    /// # Errors
    /// When no query could be answered: the first one's reason.
    pub async fn fetch(&self, shown: &Shown, span: &Span) -> Result<Results, GrafanaError> {
        let panel = &shown.panel;
        let known = &shown.meanings;
        let computed = panel.shown().any(Target::is_expression);
        let asked: Vec<&Target> = panel
            .targets
            .iter()
            .filter(|target| computed || !target.hidden)
            .collect();
        let mut queries = Vec::new();
        for target in &asked {
            queries.push(self.query(panel, target, known, span)?);
        }
        let Some(range) = queries
            .iter()
            .map(|query| &query.range)
            .min_by_key(|range| range.step())
            .cloned()
        else {
            return Err(GrafanaError::Missing {
                url: self.grafana.url().to_owned(),
                what: format!("query in the panel {}", shown.title),
            });
        };
        let (frames, mut notes) = self.answered(&queries, &range).await?;
        let hidden = |reference: &str| {
            asked
                .iter()
                .any(|target| target.reference == reference && target.hidden)
        };
        let frames: Vec<Frame> = frames
            .into_iter()
            .filter(|frame| !hidden(&frame.reference))
            .collect();
        notes.extend(frames.iter().flat_map(|frame| frame.notices.iter().cloned()));
        let mut courses = course::all(shown, &frames);
        if courses.len() > MOST_SERIES {
            notes.push(format!(
                "only the first {MOST_SERIES} of {} series",
                courses.len()
            ));
            courses.truncate(MOST_SERIES);
        }
        Ok(Results {
            sheet: Sheet::transformed(Sheet::of(&frames), &panel.transformations),
            courses,
            range,
            queries: queries
                .into_iter()
                .filter(|query| !query.hidden)
                .map(|query| query.text)
                .collect(),
            notes,
        })
    }

    /// By Grafana's query API; where that is not to be had, through the proxy.
    async fn answered(
        &self,
        queries: &[Query],
        range: &Range,
    ) -> Result<(Vec<Frame>, Vec<String>), GrafanaError> {
        let body = json!({
            "queries": queries.iter().map(|query| query.body.clone()).collect::<Vec<_>>(),
            "from": range.start_ms().to_string(), "to": range.end_ms().to_string(),
        });
        let unusable = match self.grafana.ask(body).await? {
            Asked::Elsewhere(error) => error,
            Asked::Answer(answer) => {
                let parts = frames::answer(&answer).unwrap_or_default();
                return gathered(parts.into_iter().map(|part| {
                    part.outcome.map_err(|why| GrafanaError::Query {
                        reference: part.reference,
                        why,
                    })
                }));
            }
        };
        if queries.iter().any(|query| query.kind != "prometheus") {
            return Err(unusable);
        }
        let mut parts = Vec::new();
        for query in queries {
            parts.push(match self.proxied(query).await {
                // A refusal of the proxy says less than that of the query.
                Err(GrafanaError::NotAllowed { .. } | GrafanaError::Refused { .. }) => return Err(unusable),
                other => other,
            });
        }
        gathered(parts.into_iter())
    }

    async fn proxied(&self, query: &Query) -> Result<Vec<Frame>, GrafanaError> {
        let at = |ms: i64| format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000));
        let (start, end) = (at(query.range.start_ms()), at(query.range.end_ms()));
        let step = query.range.step().as_secs_f64().to_string();
        let (path, parameters) = match query.instant {
            true => (
                "api/v1/query",
                vec![("query", query.text.as_str()), ("time", &end)],
            ),
            false => (
                "api/v1/query_range",
                vec![
                    ("query", query.text.as_str()),
                    ("start", &start),
                    ("end", &end),
                    ("step", &step),
                ],
            ),
        };
        let (status, bytes) = self.grafana.of_source(&query.source, path, &parameters).await?;
        let failed = |why: String| GrafanaError::Query {
            reference: query.reference.clone(),
            why,
        };
        let envelope: Envelope<Outcome> = serde_json::from_slice(&bytes).map_err(|_| {
            self.grafana.refused(
                "a query",
                format!("HTTP {status}, and not an answer of Prometheus"),
            )
        })?;
        let opened = envelope.open(status).map_err(|error| failed(error.to_string()))?;
        let Some((outcome, warnings, infos)) = opened else {
            return Ok(Vec::new());
        };
        let answer = outcome.into_answer(warnings, infos, MOST_SERIES);
        Ok(frames::of_prometheus(
            &query.reference,
            &answer.data,
            &answer.warnings,
        ))
    }

    /// One query, ready to be asked.
    fn query(
        &self,
        panel: &Panel,
        target: &Target,
        known: &Meanings,
        span: &Span,
    ) -> Result<Query, GrafanaError> {
        if target.is_expression() {
            let range = self.range(panel, target, None, known, span)?;
            let mut body = filled(&target.raw, known, &range);
            body["datasource"] = json!({ "type": "__expr__", "uid": "__expr__" });
            return Ok(Query {
                reference: target.reference.clone(),
                text: super::json::text(&target.raw, &["expression"])
                    .unwrap_or_default()
                    .to_owned(),
                kind: "__expr__".into(),
                source: "__expr__".into(),
                hidden: target.hidden,
                instant: false,
                range,
                body,
            });
        }
        let mixed = panel.source.as_ref().is_none_or(SourceRef::is_mixed);
        let reference = match target.source.as_ref().filter(|_| mixed) {
            Some(own) => Some(own),
            None => panel.source.as_ref().filter(|source| !source.is_mixed()),
        };
        let source = self.source(reference, known)?;
        let range = self.range(panel, target, Some(source), known, span)?;
        let mut body = filled(&target.raw, known, &range);
        body["refId"] = target.reference.as_str().into();
        body["datasource"] = json!({ "type": source.kind, "uid": source.uid });
        body["intervalMs"] = u64::try_from(range.step().as_millis()).unwrap_or(u64::MAX).into();
        body["maxDataPoints"] = span.rules.max_data_points.into();
        let table = matches!(panel.kind.as_str(), "table" | "table-old" | "barchart");
        let instant = target.instant && (table || !super::json::flag(&target.raw, &["range"]));
        let mut text = super::json::text(&body, &["rawSql"])
            .or(super::json::text(&body, &["query"]))
            .unwrap_or_default()
            .to_owned();
        if source.kind == "prometheus" {
            text = range.fill_in(&fill(&target.expr, known, Destination::PromQl));
            body["expr"] = text.as_str().into();
            body["range"] = (!instant).into();
            body["instant"] = instant.into();
            // Everything is told apart by labels; what that becomes is decided here.
            body["format"] = "time_series".into();
            body["interval"] = duration::format(range.step()).into();
            body["hide"] = false.into();
        }
        Ok(Query {
            reference: target.reference.clone(),
            kind: source.kind.clone(),
            source: source.uid.clone(),
            hidden: target.hidden,
            text,
            instant,
            range,
            body,
        })
    }

    /// The range of a query: its panel may have one of its own, itself a least step.
    fn range(
        &self,
        panel: &Panel,
        target: &Target,
        source: Option<&Source>,
        known: &Meanings,
        span: &Span,
    ) -> Result<Range, GrafanaError> {
        let parsed =
            |text: &str| duration::parse(fill(text, known, Destination::Other).trim_start_matches('>')).ok();
        let mut rules = span.rules.clone();
        if let Some(interval) = source.and_then(|source| source.interval) {
            rules.scrape_interval = interval;
        }
        rules.min_step = target
            .interval
            .as_deref()
            .and_then(parsed)
            .or(panel.interval.as_deref().and_then(parsed));
        // Bars and cells need room for themselves and between them.
        let most = match panel.field.draw {
            Draw::Bars => rules.max_data_points.min(MOST_BARS),
            _ if panel.kind.starts_with("heatmap") => rules.max_data_points.min(MOST_BARS),
            _ => rules.max_data_points,
        };
        rules.max_data_points = panel.max_data_points.unwrap_or(u32::MAX).clamp(10, most.max(10));
        let end = panel
            .time_shift
            .as_deref()
            .and_then(parsed)
            .map_or(span.end, |shift| span.end - shift);
        let length = match panel.time_from.as_deref().and_then(parsed) {
            Some(own) => own,
            None => Duration::try_from(span.end.duration_since(span.start)).unwrap_or_default(),
        };
        rules
            .plan(end - length, end)
            .map_err(|error| GrafanaError::Query {
                reference: target.reference.clone(),
                why: error.to_string(),
            })
    }

    /// A panel's picture by Grafana's renderer; nothing, where it has none.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn render(
        &self,
        shown: &Shown,
        span: &Span,
        light: bool,
        zone: &str,
    ) -> Result<Option<Vec<u8>>, GrafanaError> {
        if self.dashboard.path.is_empty() || !self.sources.renderer {
            return Ok(None);
        }
        let (id, from, to) = (
            shown.panel.id.to_string(),
            span.start.as_millisecond().to_string(),
            span.end.as_millisecond().to_string(),
        );
        let theme = if light { "light" } else { "dark" };
        let mut query = vec![
            ("panelId", id.as_str()),
            ("from", &from),
            ("to", &to),
            ("width", "800"),
            ("height", "400"),
            ("scale", "2"),
            ("tz", zone),
            ("theme", theme),
        ];
        let variables: Vec<(String, &str)> = shown
            .meanings
            .iter()
            .filter(|(name, _)| !name.starts_with("__"))
            .flat_map(|(name, meaning)| {
                let all = meaning.all.then_some("$__all");
                let each = meaning
                    .values
                    .iter()
                    .map(String::as_str)
                    .filter(move |_| all.is_none());
                all.into_iter()
                    .chain(each)
                    .map(move |value| (format!("var-{name}"), value))
            })
            .collect();
        query.extend(variables.iter().map(|(name, value)| (name.as_str(), *value)));
        let path = self.dashboard.path.replacen("/d/", "/render/d-solo/", 1);
        // A slug belongs to the address; any does.
        let path = if path.matches('/').count() < 4 {
            format!("{path}/x")
        } else {
            path
        };
        self.grafana.rendered(&path, &query).await
    }
}

/// A query on its way.
struct Query {
    reference: String,
    text: String,
    kind: String,
    source: String,
    hidden: bool,
    instant: bool,
    range: Range,
    body: Value,
}

/// The frames of what was answered; what failed beside it is noted. Where all failed, the first one is the error.
fn gathered(
    parts: impl Iterator<Item = Result<Vec<Frame>, GrafanaError>>,
) -> Result<(Vec<Frame>, Vec<String>), GrafanaError> {
    let (mut frames, mut failed, mut answered) = (Vec::new(), Vec::new(), false);
    for part in parts {
        match part {
            Ok(part) => {
                answered = true;
                frames.extend(part);
            }
            Err(error) => failed.push(error),
        }
    }
    match (answered, failed.first()) {
        (false, Some(first)) => Err(first.clone()),
        _ => Ok((frames, failed.iter().map(ToString::to_string).collect())),
    }
}

/// Every text of a query that is not PromQL, filled in.
fn filled(written: &Value, known: &Meanings, range: &Range) -> Value {
    match written {
        Value::String(text) => range.fill_in(&fill(text, known, Destination::Other)).into(),
        Value::Array(all) => all.iter().map(|one| filled(one, known, range)).collect(),
        Value::Object(all) => Value::Object(
            all.iter()
                .map(|(key, one)| (key.clone(), filled(one, known, range)))
                .collect(),
        ),
        Value::Null => Value::Object(serde_json::Map::new()),
        other => other.clone(),
    }
}
