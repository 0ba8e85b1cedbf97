//! From a dashboard's uid to what its panels show: opened, its variables filled, its queries asked.

use super::{
    api::{Asked, Found, Source, Sources},
    course::{self, Course},
    expand::Shown,
    files,
    frames::{self, Frame},
    interpolate::{Destination, Meaning, Meanings, fill},
    look::Draw,
    lookup::{self, Lookup},
    model::{Dashboard, Panel, SourceRef, Target},
    table::Sheet,
    values::{VariableError, Wanted},
    variables::{Choice, Kind, Variable},
};
use crate::{
    duration,
    grafana::{Grafana, GrafanaError},
    step::{Range, Rules},
    wire::{Envelope, Outcome},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// So many bars are side by side at most.
const MOST_BARS: u32 = 120;
/// A panel is drawn with no more series than this.
const MOST_SERIES: usize = 500;

/// Why a dashboard cannot be shown as it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BoardError {
    /// Grafana did not give it.
    #[error(transparent)]
    Grafana(#[from] GrafanaError),
    /// A variable cannot be what was wanted.
    #[error(transparent)]
    Variable(#[from] VariableError),
}

/// The dashboards of a Grafana, and of the folder beside it.
#[derive(Debug, Clone)]
pub struct Boards {
    grafana: Grafana,
}

/// From when to when, and how finely.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The beginning.
    pub start: Timestamp,
    /// The end.
    pub end: Timestamp,
    /// What decides the step; a data source that has its own interval takes its place.
    pub rules: Rules,
}

/// A dashboard, with all it takes to fill it.
#[derive(Debug, Clone)]
pub struct Open {
    /// What it is.
    pub dashboard: Dashboard,
    /// The data sources there are.
    pub sources: Arc<Sources>,
    grafana: Grafana,
}

/// What a panel shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// Its series, named and with their looks.
    pub courses: Vec<Course>,
    /// The same as a table, for panels that are one.
    pub sheet: Sheet,
    /// The range they are of.
    pub range: Range,
    /// What was asked, with everything filled in.
    pub queries: Vec<String>,
    /// What the reader must know: queries that failed beside others that did not, warnings of data sources.
    pub notes: Vec<String>,
}

impl Boards {
    /// Those of this Grafana.
    #[must_use]
    pub fn new(grafana: Grafana) -> Self {
        Self { grafana }
    }

    /// The client itself.
    #[must_use]
    pub fn grafana(&self) -> &Grafana {
        &self.grafana
    }

    /// All dashboards, by title. One that Grafana has and that is a file, too, is listed once.
    ///
    /// # Errors
    /// Any of [`GrafanaError`].
    pub async fn list(&self) -> Result<Vec<Found>, GrafanaError> {
        let mut all = self.grafana.dashboards().await?;
        for file in self.files().await? {
            if !all.iter().any(|known| known.uid == file.found.uid) {
                all.push(file.found);
            }
        }
        all.sort_by_cached_key(|found| (found.title.to_lowercase(), found.uid.clone()));
        Ok(all)
    }

    async fn files(&self) -> Result<Vec<files::File>, GrafanaError> {
        let Some(folder) = self.grafana.0.folder.clone() else {
            return Ok(Vec::new());
        };
        let shown = folder.display().to_string();
        let wrong = |why: String| GrafanaError::Config {
            key: "dashboards",
            why: format!("{shown} cannot be read: {why}"),
        };
        let read = tokio::task::spawn_blocking(move || files::all(&folder)).await;
        read.map_err(|error| wrong(error.to_string()))?
            .map_err(|error| wrong(error.to_string()))
    }

    /// A dashboard with its library panels and the data sources there are.
    ///
    /// # Errors
    /// [`GrafanaError::Missing`] when there is none; any other of [`GrafanaError`].
    pub async fn open(&self, uid: &str) -> Result<Open, GrafanaError> {
        let sources = async { self.grafana.sources().await };
        let dashboard = async {
            match self.grafana.dashboard(uid).await {
                Err(missing @ GrafanaError::Missing { .. }) => {
                    let mut files = self.files().await?.into_iter();
                    files
                        .find(|file| file.found.uid == uid)
                        .map(|file| file.dashboard)
                        .ok_or(missing)
                }
                other => other,
            }
        };
        let (sources, dashboard) = tokio::try_join!(sources, dashboard)?;
        let mut open = Open {
            dashboard,
            sources: Arc::new(sources),
            grafana: self.grafana.clone(),
        };
        open.fill_library().await;
        Ok(open)
    }
}

impl Open {
    /// The link to it in Grafana, where it is there.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        (!self.dashboard.path.is_empty()).then(|| self.grafana.link(&self.dashboard.path))
    }

    /// The link to one of its panels.
    #[must_use]
    pub fn panel_link(&self, panel: &Panel) -> Option<String> {
        self.link().map(|link| format!("{link}?viewPanel={}", panel.id))
    }

    /// Library panels get their content. One that cannot be read stays what it is, and says so when it is drawn.
    async fn fill_library(&mut self) {
        let mut known: BTreeMap<String, Option<Value>> = BTreeMap::new();
        for row in &mut self.dashboard.rows {
            for panel in &mut row.panels {
                let Some(uid) = panel.library.clone() else {
                    continue;
                };
                if !known.contains_key(&uid) {
                    let model = self.grafana.library_panel(&uid).await;
                    if let Err(error) = &model {
                        tracing::info!(%error, uid, "a library panel cannot be read");
                    }
                    let model = model.ok().map(|model| match model["spec"].is_object() {
                        true => super::v2::classic_panel(&model),
                        false => model,
                    });
                    known.insert(uid.clone(), model.filter(Value::is_object));
                }
                if let Some(Some(model)) = known.get(&uid) {
                    *panel = panel.filled_from(model);
                }
            }
        }
    }

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

    /// The data source that is meant: by uid, by name, the default one; a placeholder of a shared dashboard is the default of
    /// its type.
    fn source(&self, reference: Option<&SourceRef>, known: &Meanings) -> Result<&Source, GrafanaError> {
        let kind = reference.and_then(|reference| reference.kind.as_deref());
        let name = reference
            .and_then(|reference| reference.name.as_deref())
            .map(|name| fill(name, known, Destination::Other))
            .filter(|name| !name.is_empty() && name != "default");
        let all = &self.sources.all;
        let of_kind = || {
            let fitting = || {
                all.iter()
                    .filter(|source| kind.is_none_or(|kind| source.kind == kind))
            };
            fitting()
                .find(|source| source.default)
                .or_else(|| fitting().next())
        };
        let found = match &name {
            None => of_kind(),
            Some(name) => {
                let named = all
                    .iter()
                    .find(|source| source.uid == *name)
                    .or_else(|| all.iter().find(|source| source.name == *name));
                named.or_else(|| name.contains("${").then(of_kind).flatten())
            }
        };
        found.ok_or_else(|| GrafanaError::Missing {
            url: self.grafana.url().to_owned(),
            what: format!("data source {}", name.as_deref().or(kind).unwrap_or("by default")),
        })
    }

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
        // Bars need room for themselves and between them.
        let most = match panel.field.draw {
            Draw::Bars => rules.max_data_points.min(MOST_BARS),
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
