//! From a dashboard's uid to what its panels show: opened, its variables filled, its queries asked.

use super::{
    api::{Found, Source, Sources},
    course::Course,
    files,
    interpolate::{Destination, Meanings, fill},
    model::{Dashboard, Panel, SourceRef},
    table::Sheet,
    values::VariableError,
};
use crate::{
    grafana::{Grafana, GrafanaError},
    step::{Range, Rules},
};
use jiff::Timestamp;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

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
    pub(super) grafana: Grafana,
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

    /// The data source that is meant: by uid, by name, the default one; a placeholder of a shared dashboard is the default of
    /// its type.
    pub(super) fn source(
        &self,
        reference: Option<&SourceRef>,
        known: &Meanings,
    ) -> Result<&Source, GrafanaError> {
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
}
