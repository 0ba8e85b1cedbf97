//! Whether we draw a panel ourselves, and as what.

use super::model::{Panel, Target};
use std::fmt;

/// As what a panel is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// Values over time.
    TimeSeries,
    /// Large numbers.
    Stat,
    /// A bar for each series.
    Bars,
    /// Words and numbers in columns.
    Table,
    /// A distribution over time.
    Heatmap,
    /// A distribution.
    Histogram,
}

/// What becomes of a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Means {
    /// We draw it.
    Draw(Form),
    /// It holds no data, only words.
    Words,
    /// We do not.
    Not(Why),
}

/// Why we do not draw a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It is of a kind we do not draw.
    Kind(String),
    /// Its results are changed in a way we cannot.
    Transformation(String),
    /// It asks nothing.
    NoQuery,
    /// It shows the results of a panel that is not there.
    NoPanel,
    /// Its buckets are to be made of single values.
    Calculated,
    /// It is a library panel that cannot be had.
    Library(String),
}

impl fmt::Display for Why {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) if kind.is_empty() => to.write_str("it does not say what kind of panel it is"),
            Self::Kind(kind) => write!(to, "panels of the kind {kind} are not drawn"),
            Self::Transformation(id) => write!(
                to,
                "its results go through the transformation {id}, which is not done here"
            ),
            Self::NoQuery => to.write_str("it has no query"),
            Self::NoPanel => to.write_str("it shows the results of a panel that is not there"),
            Self::Calculated => {
                to.write_str("its buckets are to be made of single values, which is not done here")
            }
            Self::Library(uid) => write!(to, "its library panel {uid} cannot be read"),
        }
    }
}

/// Transformations that change nothing of what we show, or that we do; the second only in tables.
const HARMLESS: [&str; 8] = [
    "organize",
    "sortBy",
    "convertFieldType",
    "prepareTimeSeries",
    "renameByRegex",
    "filterFieldsByName",
    "filterByRefId",
    "formatTime",
];
const OF_TABLES: [&str; 6] = [
    "merge",
    "seriesToColumns",
    "joinByField",
    "labelsToFields",
    "limit",
    "seriesToRows",
];

impl Panel {
    /// What becomes of it.
    #[must_use]
    pub fn means(&self) -> Means {
        if let Some(uid) = &self.library {
            return Means::Not(Why::Library(uid.clone()));
        }
        let form = match self.kind.as_str() {
            _ if self.is_words() => return Means::Words,
            "timeseries" | "trend" => Form::TimeSeries,
            "stat" => Form::Stat,
            "gauge" | "bargauge" | "piechart" => Form::Bars,
            "barchart" => Form::Table,
            "table" | "table-old" => Form::Table,
            "heatmap" | "heatmap-new" if self.calculated => return Means::Not(Why::Calculated),
            "heatmap" | "heatmap-new" => Form::Heatmap,
            "histogram" => Form::Histogram,
            other => return Means::Not(Why::Kind(other.to_owned())),
        };
        if self
            .source
            .as_ref()
            .is_some_and(super::model::SourceRef::is_dashboard)
        {
            return Means::Not(Why::NoPanel);
        }
        if self.shown().next().is_none() {
            return Means::Not(Why::NoQuery);
        }
        let table = form == Form::Table;
        let done = |id: &str| HARMLESS.contains(&id) || (table && OF_TABLES.contains(&id));
        // Joining what has one time each changes nothing of lines.
        let joined =
            |id: &str| matches!(id, "merge" | "seriesToColumns" | "joinByField") && form == Form::TimeSeries;
        match self
            .transformations
            .iter()
            .find(|one| !done(&one.id) && !joined(&one.id))
        {
            Some(one) => Means::Not(Why::Transformation(one.id.clone())),
            None => Means::Draw(form),
        }
    }
}

impl Target {
    /// Whether it is computed from other queries.
    #[must_use]
    pub fn is_expression(&self) -> bool {
        self.source
            .as_ref()
            .is_some_and(super::model::SourceRef::is_expression)
    }
}
