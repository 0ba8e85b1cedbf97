//! From series to a picture of the form that was asked for.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use otus_charts::{
    BarGauge, Cell, Chart, Heatmap, Marker, Panel, Series, Shape, Stat, Table, TableColumn, Unit,
};

use crate::{ask::Ask, draw::Fetched, manner::Form, texts};

/// So many rows a table has when nobody says.
const ROWS: usize = 20;

/// Draws what was found as it was asked for.
pub(crate) fn panel(ask: &Ask, found: &Fetched, zone: TimeZone, marks: Vec<Marker>) -> Panel {
    // A short query is its own best title.
    let short = ask.title.is_empty() && found.query.chars().count() <= 70;
    let (title, query) = match (ask.title.as_str(), short) {
        ("", true) => (found.query.as_str(), ""),
        ("", false) => (texts::UNTITLED, found.query.as_str()),
        (title, _) => (title, found.query.as_str()),
    };
    let form = ask.form();
    match form {
        Form::Stat => {
            let stat = Stat::new(titled(ask, found, title))
                .query(query)
                .unit(ask.unit)
                .all_series(highest(ask, found));
            limited(ask, stat, Stat::threshold).into()
        }
        Form::Gauge => {
            let gauge = BarGauge::new(titled(ask, found, title))
                .query(query)
                .unit(ask.unit)
                .all_series(highest(ask, found));
            limited(ask, gauge, BarGauge::threshold).into()
        }
        Form::Table => table(ask, found, title, query).into(),
        Form::Heatmap => {
            let (start, end, step) = found.seconds();
            // The values are the buckets' limits; how often each was hit is a colour.
            let unit = match ask.unit {
                Unit::PerSecond => Unit::guess(&format!("histogram_quantile(0.5, {})", found.query)),
                unit => unit,
            };
            let heatmap = Heatmap::new(title)
                .query(query)
                .unit(unit)
                .range(start, end, step)
                .zone(zone)
                .all_series(found.series.clone());
            let heatmap = marks.into_iter().fold(heatmap, Heatmap::marker);
            limited(ask, heatmap, Heatmap::threshold).into()
        }
        Form::Line | Form::Area | Form::Stacked | Form::Steps | Form::Bars => {
            let (start, end, step) = found.seconds();
            let chart = Chart::new(title)
                .query(query)
                .unit(ask.unit)
                .range(start, end, step)
                .zone(zone)
                .shape(shape(form))
                .all_series(found.series.iter().chain(&found.earlier).cloned());
            let chart = match ask.top() {
                Some(top) => chart.top(top),
                None => chart,
            };
            let chart = marks.into_iter().fold(chart, Chart::marker);
            limited(ask, chart, Chart::threshold).into()
        }
    }
}

fn shape(form: Form) -> Shape {
    match form {
        Form::Area => Shape::Area,
        Form::Stacked => Shape::Stacked,
        Form::Steps => Shape::Steps,
        Form::Bars => Shape::Bars,
        _ => Shape::Line,
    }
}

fn limited<P>(ask: &Ask, panel: P, with: impl Fn(P, otus_charts::Threshold) -> P) -> P {
    match &ask.limit {
        Some(limit) => with(panel, limit.clone()),
        None => panel,
    }
}

/// Last, lowest, highest and mean of what can be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) last: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) mean: f64,
}

impl Summary {
    /// Of the values between two times (Unix seconds), both included; none, where there are none.
    pub(crate) fn of(points: &[(f64, f64)], from: f64, to: f64) -> Option<Self> {
        let values: Vec<f64> = points
            .iter()
            .filter(|(at, value)| *at >= from && *at <= to && value.is_finite())
            .map(|(_, value)| *value)
            .collect();
        let last = *values.last()?;
        Some(Self {
            last,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mean: values.iter().sum::<f64>() / values.len() as f64,
        })
    }
}

fn summary(series: &Series) -> Option<Summary> {
    Summary::of(series.points(), f64::MIN, f64::MAX)
}

/// A single one of several series has no name in the picture, so the title has it.
fn titled(ask: &Ask, found: &Fetched, title: &str) -> String {
    match highest(ask, found).as_slice() {
        [only] if found.series.len() > 1 => {
            let told_apart = told_apart(only, &differing(&found.series));
            texts::titled(title, Some(&told_apart), None)
        }
        _ => title.to_owned(),
    }
}

/// The series with the highest values first, as many as were asked for.
fn highest(ask: &Ask, found: &Fetched) -> Vec<Series> {
    let mut all = found.series.clone();
    if let Some(top) = ask.top() {
        let high = |series: &Series| summary(series).map_or(f64::NEG_INFINITY, |summary| summary.high);
        all.sort_by(|one, other| high(other).total_cmp(&high(one)));
        all.truncate(top);
    }
    all
}

fn table(ask: &Ask, found: &Fetched, title: &str, query: &str) -> Table {
    let mut rows = highest(ask, found);
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    let labels = differing(&found.series);
    let mut table = Table::new(title).query(query);
    for label in &labels {
        table = table.column(TableColumn::text(label));
    }
    for name in texts::COLUMNS {
        table = table.column(limited(
            ask,
            TableColumn::number(name, ask.unit),
            TableColumn::threshold,
        ));
    }
    for series in &rows {
        let Some(summary) = summary(series) else { continue };
        let named = |label: &String| {
            let value = series.labels().iter().find(|(name, _)| name == label);
            Cell::Text(value.map(|(_, value)| value.clone()).unwrap_or_default())
        };
        let numbers = [summary.last, summary.low, summary.high, summary.mean];
        let cells = labels.iter().map(named).chain(numbers.map(Cell::Value));
        table = table.row(cells.collect::<Vec<_>>());
    }
    if more > 0 && !labels.is_empty() {
        table = table.row([Cell::Text(texts::more_rows(more))]);
    }
    table
}

/// A series by the values of these labels.
pub(crate) fn told_apart(series: &Series, labels: &[String]) -> String {
    let values = series.labels().iter().filter(|(name, _)| labels.contains(name));
    let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
    values.join(", ")
}

/// The labels that tell the series apart; all, where there is one series.
pub(crate) fn differing(all: &[Series]) -> Vec<String> {
    let names: BTreeSet<&str> = all
        .iter()
        .flat_map(|series| series.labels())
        .map(|(name, _)| name.as_str())
        .collect();
    let differs = |name: &&str| {
        let values: BTreeSet<Option<&str>> = all
            .iter()
            .map(|series| {
                let value = series.labels().iter().find(|(label, _)| label == name);
                value.map(|(_, value)| value.as_str())
            })
            .collect();
        all.len() == 1 || values.len() > 1
    };
    names.into_iter().filter(differs).map(str::to_owned).collect()
}
