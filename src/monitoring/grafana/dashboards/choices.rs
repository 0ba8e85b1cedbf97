//! What a dashboard's variables stand for, as far as data sources have to be asked.

use super::{
    api::Source,
    board::{BoardError, Open, Span},
    course,
    interpolate::{Destination, Meaning, Meanings, fill},
    lookup::{self, Lookup},
    model::{Dashboard, Panel},
    values::Wanted,
    variables::{Choice, Kind, Variable},
};
use crate::grafana::GrafanaError;
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

impl Open {
    /// What the variables stand for that the panels need, with what the reader must know of them. Without panels, all.
    ///
    /// # Errors
    /// A variable that cannot be what was wanted. That a data source cannot be asked is no error: what the dashboard was saved
    /// with counts then.
    pub async fn meanings(
        &self,
        wanted: &[Wanted],
        only: Option<&Panel>,
        span: &Span,
    ) -> Result<(Meanings, Vec<String>), BoardError> {
        let mut names = Vec::new();
        for one in wanted {
            names.push((self.dashboard.variable(&one.name)?.name.as_str(), &one.values));
        }
        let pairs = self
            .dashboard
            .rows
            .iter()
            .flat_map(|row| row.panels.iter().map(move |panel| (row, panel)));
        let pairs = pairs.filter(|(_, panel)| only.is_none_or(|only| only.id == panel.id));
        let mut needed = self.dashboard.needed(pairs);
        for (name, _) in &names {
            let found = self
                .dashboard
                .variables
                .iter()
                .find(|variable| variable.name == *name);
            needed.extend(found.filter(|found| !needed.iter().any(|known| known.name == found.name)));
        }
        let mut known = builtin(&self.dashboard, span);
        let mut notes = Vec::new();
        let length = Duration::try_from(span.end.duration_since(span.start)).unwrap_or_default();
        for variable in needed {
            let wanted = names
                .iter()
                .find(|(name, _)| *name == variable.name)
                .map(|(_, values)| values.as_slice());
            if let Kind::AdHoc(filters) = &variable.kind {
                if !filters.is_empty() {
                    notes.push(format!("the filters of {} are not applied", variable.label));
                }
                continue;
            }
            let choices = match variable.own_choices() {
                Some(choices) => Some(choices),
                None => match self.choices(variable, &known, span).await {
                    Ok((choices, readable)) => {
                        if !readable {
                            notes.push(format!(
                                "the pattern of {} cannot be read, so it has all values",
                                variable.label
                            ));
                        }
                        Some(choices)
                    }
                    Err(error) => {
                        tracing::info!(%error, variable = variable.name, "a variable cannot be asked for");
                        notes.push(format!(
                            "the values of {} cannot be asked for: {error}",
                            variable.label
                        ));
                        None
                    }
                },
            };
            let meaning = variable.mean(wanted, choices.as_deref(), &known, length)?;
            known.insert(variable.name.clone(), meaning);
        }
        Ok((known, notes))
    }

    /// What a variable may be, as its data source says.
    async fn choices(
        &self,
        variable: &Variable,
        known: &Meanings,
        span: &Span,
    ) -> Result<(Vec<Choice>, bool), GrafanaError> {
        let filled = |text: &str| span_free(&fill(text, known, Destination::PromQl));
        let regex = variable
            .regex
            .as_deref()
            .map(|regex| fill(regex, known, Destination::Other));
        match &variable.kind {
            Kind::Source(kind) => {
                let fitting = self.sources.all.iter().filter(|source| source.kind == *kind);
                let names: Vec<String> = fitting.map(|source| source.name.clone()).collect();
                let (mut choices, readable) = lookup::choices(names, regex.as_deref(), variable.sort);
                // What stands in queries is the uid, what people read the name.
                for choice in &mut choices {
                    if let Some(source) = self.sources.all.iter().find(|source| source.name == choice.value) {
                        choice.value.clone_from(&source.uid);
                    }
                }
                Ok((choices, readable))
            }
            Kind::Query(query) => {
                let source = self.source(variable.source.as_ref(), known)?;
                if source.kind != "prometheus" {
                    return Err(self.unsupported(&source.kind));
                }
                let query = filled(query);
                let values = self.looked_up(source, &query, span).await?;
                Ok(lookup::choices(values, regex.as_deref(), variable.sort))
            }
            _ => Ok((Vec::new(), true)),
        }
    }

    fn unsupported(&self, kind: &str) -> GrafanaError {
        GrafanaError::Query {
            reference: "of the variable".into(),
            why: format!("data sources of the type {kind} are not asked for variables"),
        }
    }

    async fn looked_up(
        &self,
        source: &Source,
        query: &str,
        span: &Span,
    ) -> Result<Vec<String>, GrafanaError> {
        let (start, end) = (seconds(span.start), seconds(span.end));
        let mut parameters = vec![("start", start.as_str()), ("end", end.as_str())];
        let at = [("time", end.as_str())];
        let lookup = Lookup::read(query);
        let path = match &lookup {
            Lookup::LabelValues { series, label } => {
                parameters.extend(series.map(|series| ("match[]", series)));
                format!("api/v1/label/{label}/values")
            }
            Lookup::LabelNames(series) => {
                parameters.extend(series.map(|series| ("match[]", series)));
                "api/v1/labels".to_owned()
            }
            Lookup::Metrics(_) => "api/v1/label/__name__/values".to_owned(),
            Lookup::Series(series) => {
                parameters.push(("match[]", series));
                "api/v1/series".to_owned()
            }
            Lookup::Result(expr) => {
                parameters = vec![("query", expr)];
                parameters.extend(at);
                "api/v1/query".to_owned()
            }
        };
        let (status, bytes) = self.grafana.of_source(&source.uid, &path, &parameters).await?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let data = &answer["data"];
        if answer["status"] != "success" {
            let said = super::json::text(&answer, &["error"]).or(super::json::text(&answer, &["message"]));
            return Err(GrafanaError::Query {
                reference: query.to_owned(),
                why: said.map_or_else(|| format!("HTTP {status}"), str::to_owned),
            });
        }
        let values = match lookup {
            Lookup::Result(_) => super::json::list(data, &["result"])
                .iter()
                .map(result_text)
                .collect(),
            Lookup::Series(_) => super::json::list(data, &[])
                .iter()
                .map(|one| course::metric(&labels(one)))
                .collect(),
            Lookup::Metrics(pattern) => {
                let pattern = super::look::regex_of(pattern);
                let fits = |name: &String| pattern.as_ref().is_none_or(|pattern| pattern.is_match(name));
                super::json::texts(data).into_iter().filter(fits).collect()
            }
            _ => super::json::texts(data),
        };
        Ok(values)
    }
}

/// What every dashboard knows without being told.
fn builtin(dashboard: &Dashboard, span: &Span) -> Meanings {
    [
        ("__from", span.start.as_millisecond().to_string()),
        ("__to", span.end.as_millisecond().to_string()),
        ("__dashboard", dashboard.title.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), Meaning::one(value)))
    .into()
}

/// Ranges in a question about labels are of no interest, but may stand there.
fn span_free(query: &str) -> String {
    [
        "$__rate_interval",
        "${__rate_interval}",
        "$__interval",
        "${__interval}",
        "$__range",
        "${__range}",
    ]
    .iter()
    .fold(query.to_owned(), |query, name| query.replace(name, "1h"))
}

fn seconds(at: Timestamp) -> String {
    at.as_second().to_string()
}

fn labels(metric: &Value) -> crate::answer::Labels {
    let all = metric.as_object().into_iter().flatten();
    all.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// An element of a result as Grafana writes it for a variable: `up{job="x"} 1 1700000000000`.
fn result_text(element: &Value) -> String {
    let value = super::json::word(&element["value"][1]).unwrap_or_default();
    let at = element["value"][0].as_f64().unwrap_or(0.0) * 1e3;
    format!("{} {value} {at}", course::metric(&labels(&element["metric"])))
}
