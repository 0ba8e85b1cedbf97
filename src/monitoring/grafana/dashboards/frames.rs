//! Data frames, in which Grafana answers every query, and Prometheus' own answers in the same form.
//!
//! The format is that of Grafana's plugin SDK: `schema.fields` name and type the columns, `data.values` has them column by
//! column, `data.entities` the numbers that JSON has none for.

use super::json::{list, text};
use crate::answer::{Data, Labels};
use serde_json::Value;

/// A table of columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// The query it answers.
    pub reference: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// What the data source wants to be known.
    pub notices: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name: `Time`, `Value`, a metric's, a label's.
    pub name: String,
    /// What its series is known by.
    pub labels: Labels,
    /// What the data source wants it to be called.
    pub called: Option<String>,
    /// What is in it.
    pub cells: Cells,
}

/// The content of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Milliseconds since 1970.
    Times(Vec<f64>),
    /// Numbers; what is missing is not a number.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
}

impl Cells {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Times(all) | Self::Numbers(all) => all.len(),
            Self::Texts(all) => all.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What one query was answered.
pub(super) struct Part {
    pub(super) reference: String,
    pub(super) outcome: Result<Vec<Frame>, String>,
}

/// The answer of `/api/ds/query`, query by query; nothing, where it is something else.
pub(super) fn answer(body: &Value) -> Option<Vec<Part>> {
    let results = body["results"].as_object()?;
    let part = |(reference, result): (&String, &Value)| Part {
        reference: reference.clone(),
        outcome: match text(result, &["error"]) {
            Some(error) => Err(error.to_owned()),
            None => Ok(list(result, &["frames"])
                .iter()
                .map(|written| frame(reference, written))
                .collect()),
        },
    };
    Some(results.iter().map(part).collect())
}

fn frame(reference: &str, written: &Value) -> Frame {
    let values = list(written, &["data", "values"]);
    let odd = list(written, &["data", "entities"]);
    let columns = list(written, &["schema", "fields"])
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let cells = values
                .get(at)
                .and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice);
            let number = |cell: &Value| cell.as_f64().unwrap_or(f64::NAN);
            let cells = match text(field, &["type"]).unwrap_or_default() {
                "time" => Cells::Times(cells.iter().map(number).collect()),
                "number" => {
                    let mut numbers: Vec<f64> = cells.iter().map(number).collect();
                    for (kind, value) in [("Inf", f64::INFINITY), ("NegInf", f64::NEG_INFINITY)] {
                        for at in list(odd.get(at).unwrap_or(&Value::Null), &[kind]) {
                            let at = at.as_u64().and_then(|at| usize::try_from(at).ok());
                            at.and_then(|at| numbers.get_mut(at))
                                .into_iter()
                                .for_each(|cell| *cell = value);
                        }
                    }
                    Cells::Numbers(numbers)
                }
                _ => Cells::Texts(
                    cells
                        .iter()
                        .map(|cell| super::json::word(cell).unwrap_or_default())
                        .collect(),
                ),
            };
            let labels = field["labels"].as_object().into_iter().flatten();
            Column {
                name: text(field, &["name"]).unwrap_or("Value").to_owned(),
                labels: labels
                    .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                    .collect(),
                called: text(field, &["config", "displayNameFromDS"])
                    .or(text(field, &["config", "displayName"]))
                    .map(str::to_owned),
                cells,
            }
        })
        .collect();
    let notices = list(written, &["schema", "meta", "notices"])
        .iter()
        .filter(|notice| matches!(text(notice, &["severity"]), Some("warning" | "error")))
        .filter_map(|notice| text(notice, &["text"]).map(str::to_owned))
        .collect();
    Frame {
        reference: reference.to_owned(),
        columns,
        notices,
    }
}

/// What Prometheus itself answered.
pub(super) fn of_prometheus(reference: &str, data: &Data, warnings: &[String]) -> Vec<Frame> {
    let frame = |labels: &Labels, points: Vec<(i64, f64)>| Frame {
        reference: reference.to_owned(),
        notices: Vec::new(),
        columns: vec![
            Column {
                name: "Time".into(),
                labels: Labels::new(),
                called: None,
                cells: Cells::Times(points.iter().map(|(at, _)| *at as f64).collect()),
            },
            Column {
                name: "Value".into(),
                labels: labels.clone(),
                called: None,
                cells: Cells::Numbers(points.iter().map(|(_, value)| *value).collect()),
            },
        ],
    };
    let mut frames: Vec<Frame> = match data {
        Data::Matrix(series) => series
            .iter()
            .map(|one| {
                frame(
                    &one.labels,
                    one.points
                        .iter()
                        .map(|point| (point.at_ms, point.value))
                        .collect(),
                )
            })
            .collect(),
        Data::Vector(samples) => samples
            .iter()
            .map(|one| frame(&one.labels, vec![(one.point.at_ms, one.point.value)]))
            .collect(),
        Data::Scalar(point) => vec![frame(&Labels::new(), vec![(point.at_ms, point.value)])],
        Data::Text(_) => Vec::new(),
    };
    if let Some(first) = frames.first_mut() {
        first.notices = warnings.to_vec();
    }
    frames
}

/// One course of values, of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The query.
    pub reference: String,
    /// The column's name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// What the data source wants it to be called.
    pub called: Option<String>,
    /// (Unix seconds, value).
    pub points: Vec<(f64, f64)>,
}

impl Frame {
    /// Its numbers over time, one line for each column of numbers; of a frame in long form, one for each combination of its
    /// texts.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let times = self.columns.iter().find_map(|column| match &column.cells {
            Cells::Times(times) => Some(times),
            _ => None,
        });
        let Some(times) = times else { return Vec::new() };
        let texts: Vec<(&str, &Vec<String>)> = self
            .columns
            .iter()
            .filter_map(|column| match &column.cells {
                Cells::Texts(texts) => Some((column.name.as_str(), texts)),
                _ => None,
            })
            .collect();
        let mut lines: Vec<Line> = Vec::new();
        for column in &self.columns {
            let Cells::Numbers(numbers) = &column.cells else {
                continue;
            };
            let first = lines.len();
            for (at, (ms, value)) in times.iter().zip(numbers).enumerate() {
                let mut labels = column.labels.clone();
                for (name, texts) in &texts {
                    labels.insert((*name).to_owned(), texts.get(at).cloned().unwrap_or_default());
                }
                let known = lines[first..].iter_mut().find(|line| line.labels == labels);
                let point = (ms / 1e3, *value);
                match known {
                    Some(line) => line.points.push(point),
                    None => lines.push(Line {
                        reference: self.reference.clone(),
                        name: column.name.clone(),
                        labels,
                        called: column.called.clone(),
                        points: vec![point],
                    }),
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn frames_become_lines() {
        let body = json!({"results": {
            "A": {"status": 200, "frames": [{
                "schema": {"refId": "A", "meta": {"notices": [{"severity": "warning", "text": "partial"}]}, "fields": [
                    {"name": "Time", "type": "time"},
                    {"name": "Value", "type": "number", "labels": {"job": "x"}, "config": {"displayNameFromDS": "X"}}]},
                "data": {"values": [[1000, 2000, 3000], [1.5, null, null]], "entities": [null, {"Inf": [2]}]}}]},
            "B": {"status": 400, "error": "parse error"}}});
        let parts = answer(&body).unwrap();
        let frames = parts[0].outcome.as_ref().unwrap();
        assert_eq!(frames[0].notices, ["partial"]);
        let lines = frames[0].lines();
        assert_eq!(lines[0].called.as_deref(), Some("X"));
        assert_eq!(lines[0].points[0], (1.0, 1.5));
        assert!(lines[0].points[1].1.is_nan());
        assert_eq!(lines[0].points[2], (3.0, f64::INFINITY));
        assert_eq!(parts[1].outcome.as_ref().unwrap_err(), "parse error");
        assert!(answer(&json!({"message": "no"})).is_none());
    }

    #[test]
    fn a_long_frame_is_told_apart_by_its_texts() {
        let body = json!({"results": {"A": {"frames": [{
            "schema": {"fields": [{"name": "t", "type": "time"}, {"name": "host", "type": "string"}, {"name": "v", "type": "number"}]},
            "data": {"values": [[1000, 1000, 2000], ["a", "b", "a"], [1, 2, 3]]}}]}}});
        let lines = answer(&body).unwrap()[0].outcome.as_ref().unwrap()[0].lines();
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.labels["host"].as_str(), line.points.len()))
            .collect();
        assert_eq!(seen, [("a", 2), ("b", 1)]);
    }
}
