//! A dashboard as we know it, whatever it was written in.

use super::{look::Field, variables::Variable};
use serde_json::Value;

/// A dashboard: its variables, its rows, its panels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dashboard {
    /// What Grafana finds it by.
    pub uid: String,
    /// What people call it.
    pub title: String,
    /// Where it is, below Grafana's address: `/d/<uid>/<slug>`. Empty for one that is only a file.
    pub path: String,
    /// In the order they are asked for.
    pub variables: Vec<Variable>,
    /// Its panels by row; what stands above the first row is in one without a title.
    pub rows: Vec<Row>,
    /// Since when it shows, as `now-6h`.
    pub from: Option<String>,
    /// Until when, as `now`.
    pub to: Option<String>,
}

impl Dashboard {
    /// All panels, row by row, those that are only words included.
    pub fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }
}

/// Panels under one heading: a row, or a tab.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Its heading; empty where there is none.
    pub title: String,
    /// The variable for each of whose values there is such a row.
    pub repeat: Option<String>,
    /// Whether it is folded up.
    pub collapsed: bool,
    /// Its panels, as one reads them.
    pub panels: Vec<Panel>,
}

/// Which data source is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceRef {
    /// What it speaks: `prometheus`.
    pub kind: Option<String>,
    /// Its uid, or (in old dashboards) its name; may hold a variable.
    pub name: Option<String>,
}

impl SourceRef {
    /// Whether each query names its own.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        self.name.as_deref() == Some("-- Mixed --")
    }

    /// Whether it is the one that takes the results of another panel.
    #[must_use]
    pub fn is_dashboard(&self) -> bool {
        self.name.as_deref() == Some("-- Dashboard --") || self.kind.as_deref() == Some("dashboard")
    }

    /// Whether it is the one that computes with the results of the panel's other queries.
    #[must_use]
    pub fn is_expression(&self) -> bool {
        matches!(self.name.as_deref(), Some("__expr__" | "-100")) || self.kind.as_deref() == Some("__expr__")
    }
}

/// One query of a panel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Target {
    /// `A`, `B` …
    pub reference: String,
    /// What is asked, where it is PromQL.
    pub expr: String,
    /// How its series are called, as `{{instance}} read`.
    pub legend: Option<String>,
    /// Switched off.
    pub hidden: bool,
    /// Asked for one moment, not for a range.
    pub instant: bool,
    /// Asked for both, or for a range.
    pub range: bool,
    /// `time_series`, `table` or `heatmap`.
    pub format: Option<String>,
    /// Its own least step, as `30s`; may hold a variable.
    pub interval: Option<String>,
    /// Its own data source, where the panel is mixed.
    pub source: Option<SourceRef>,
    /// As it was written, for data sources that ask otherwise.
    pub raw: Value,
}

/// Where a panel stands, in units of 24 to the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Place {
    /// From the top.
    pub y: u64,
    /// From the left.
    pub x: u64,
    /// Its width.
    pub w: u64,
    /// Its height.
    pub h: u64,
}

/// What is done to the results before they are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Transformation {
    /// `organize`, `merge`, `reduce` …
    pub id: String,
    /// How.
    pub options: Value,
}

/// A panel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    /// Its number on the dashboard.
    pub id: u64,
    /// Its heading; may hold variables.
    pub title: String,
    /// The kind of it: `timeseries`, `stat` …
    pub kind: String,
    /// What is asked.
    pub targets: Vec<Target>,
    /// Where it is asked.
    pub source: Option<SourceRef>,
    /// Where it stands.
    pub place: Place,
    /// The variable for each of whose values there is such a panel.
    pub repeat: Option<String>,
    /// The library panel that it is, whose content is kept elsewhere.
    pub library: Option<String>,
    /// The least step, as `1m`; may hold a variable.
    pub interval: Option<String>,
    /// About how many points it is made for.
    pub max_data_points: Option<u32>,
    /// A range of its own, as `1h`: that long before the end.
    pub time_from: Option<String>,
    /// Everything that much earlier, as `1d`.
    pub time_shift: Option<String>,
    /// What is done to the results.
    pub transformations: Vec<Transformation>,
    /// How values look.
    pub field: Field,
    /// For some of the series: what differs from that.
    pub overrides: Vec<super::look::Override>,
    /// Which numbers stand for a series, as `lastNotNull`.
    pub calcs: Vec<String>,
    /// What is shown of a series is its name, not its number.
    pub names: bool,
    /// Each row of the result is shown, instead of one number for each series.
    pub all_values: bool,
    /// Whether a heatmap makes its buckets of the values itself.
    pub calculated: bool,
    /// Of a panel of words: these.
    pub words: String,
    /// As it was written, for finding which variables it needs.
    pub raw: Value,
}

impl Panel {
    /// Whether there is nothing to ask for it: a heading, or words.
    #[must_use]
    pub fn is_words(&self) -> bool {
        matches!(self.kind.as_str(), "row" | "text" | "header")
    }

    /// Its queries that are shown.
    pub fn shown(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| !target.hidden)
    }
}
