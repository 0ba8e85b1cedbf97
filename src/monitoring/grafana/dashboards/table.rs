//! Frames as a table: what a table panel shows, after the transformations we do.

use super::{
    frames::{Cells, Frame},
    json::{at, flag, list, number, text, texts},
    look::regex_of,
    model::Transformation,
};
use std::collections::BTreeMap;

/// What stands in one place.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
    /// Milliseconds since 1970.
    Time(f64),
    /// Nothing.
    Nothing,
}

/// Columns and rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    /// Names of the columns, and the query each comes from where it is one's alone.
    pub columns: Vec<(String, String)>,
    /// Row by row, an item for each column.
    pub rows: Vec<Vec<Item>>,
}

impl Sheet {
    /// What the queries were answered, one table for each query; the value's column is `Value`, or `Value #A` where there are
    /// several queries, as Grafana calls it.
    #[must_use]
    pub fn of(frames: &[Frame]) -> Vec<Self> {
        let mut queries: Vec<&str> = frames.iter().map(|frame| frame.reference.as_str()).collect();
        queries.dedup();
        queries.sort_unstable();
        queries.dedup();
        let several = queries.len() > 1;
        queries
            .iter()
            .map(|query| {
                let own: Vec<&Frame> = frames.iter().filter(|frame| frame.reference == *query).collect();
                one(&own, query, several)
            })
            .collect()
    }

    /// After the transformations, in their order. What is left as several tables is put below each other.
    #[must_use]
    pub fn transformed(mut tables: Vec<Self>, transformations: &[Transformation]) -> Self {
        for one in transformations {
            match one.id.as_str() {
                "merge" => tables = vec![joined(tables, None)],
                "seriesToColumns" | "joinByField" => {
                    let field = text(&one.options, &["byField"]).map(str::to_owned);
                    tables = vec![joined(tables, Some(field.unwrap_or_else(|| "Time".into())))];
                }
                "filterByRefId" => {
                    let wanted = text(&one.options, &["include"]).unwrap_or_default().to_owned();
                    if let Some(wanted) = regex_of(&format!("^(?:{wanted})$")) {
                        tables.retain(|table| table.columns.iter().any(|(_, query)| wanted.is_match(query)));
                    }
                }
                _ => tables.iter_mut().for_each(|table| table.transform(one)),
            }
        }
        let count = tables.len();
        match tables.pop() {
            Some(only) if count == 1 => only,
            Some(last) => joined(tables.into_iter().chain([last]).collect(), None),
            None => Self::default(),
        }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(known, _)| known == name)
    }

    fn transform(&mut self, one: &Transformation) {
        let options = &one.options;
        match one.id.as_str() {
            "organize" => self.organize(options),
            "sortBy" => {
                for sort in list(options, &["sort"]).iter().rev() {
                    let Some(by) = text(sort, &["field"]).and_then(|field| self.index(field)) else {
                        continue;
                    };
                    self.rows.sort_by(|a, b| order(&a[by], &b[by]));
                    if flag(sort, &["desc"]) {
                        self.rows.reverse();
                    }
                }
            }
            "limit" => {
                let most = number(options, &["limitField"]).unwrap_or(10.0).max(0.0);
                self.rows.truncate(most as usize);
            }
            "renameByRegex" => {
                let Some(pattern) = text(options, &["regex"]).and_then(regex_of) else {
                    return;
                };
                let with = text(options, &["renamePattern"]).unwrap_or_default();
                for (name, _) in &mut self.columns {
                    *name = pattern.replace(name, with).into_owned();
                }
            }
            "filterFieldsByName" => {
                let (names, pattern) = named(&at(options, &["include"]).clone());
                let (not, unless) = named(&at(options, &["exclude"]).clone());
                let all = names.is_empty() && pattern.is_none();
                let inside = |name: &str| {
                    (all || names.iter().any(|wanted| wanted == name)
                        || pattern.as_ref().is_some_and(|wanted| wanted.is_match(name)))
                        && !not.iter().any(|gone| gone == name)
                        && !unless.as_ref().is_some_and(|gone| gone.is_match(name))
                };
                let keep: Vec<usize> = (0..self.columns.len())
                    .filter(|at| inside(&self.columns[*at].0))
                    .collect();
                self.keep(&keep);
            }
            _ => {}
        }
    }

    fn organize(&mut self, options: &serde_json::Value) {
        let mut keep: Vec<usize> = (0..self.columns.len())
            .filter(|at| !flag(options, &["excludeByName", &self.columns[*at].0]))
            .collect();
        let wanted = |at: &usize| number(options, &["indexByName", &self.columns[*at].0]).unwrap_or(f64::MAX);
        keep.sort_by(|a, b| wanted(a).total_cmp(&wanted(b)));
        self.keep(&keep);
        for (name, _) in &mut self.columns {
            if let Some(called) = text(options, &["renameByName", name]) {
                *name = called.to_owned();
            }
        }
    }

    fn keep(&mut self, columns: &[usize]) {
        self.columns = columns.iter().map(|at| self.columns[*at].clone()).collect();
        for row in &mut self.rows {
            *row = columns
                .iter()
                .map(|at| row.get(*at).cloned().unwrap_or(Item::Nothing))
                .collect();
        }
    }
}

fn named(matcher: &serde_json::Value) -> (Vec<String>, Option<regex::Regex>) {
    (
        texts(&matcher["names"]),
        text(matcher, &["pattern"]).and_then(regex_of),
    )
}

fn order(a: &Item, b: &Item) -> std::cmp::Ordering {
    match (a, b) {
        (Item::Number(a) | Item::Time(a), Item::Number(b) | Item::Time(b)) => a.total_cmp(b),
        (Item::Text(a), Item::Text(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn rank(item: &Item) -> u8 {
    match item {
        Item::Number(_) | Item::Time(_) => 0,
        Item::Text(_) => 1,
        Item::Nothing => 2,
    }
}

/// The frames of one query as a table: time, labels, value. Of a series over time the last value counts.
fn one(frames: &[&Frame], query: &str, several: bool) -> Sheet {
    let value = if several {
        format!("Value #{query}")
    } else {
        "Value".to_owned()
    };
    // A table that came as one stays as it came.
    if let [only] = frames
        && only
            .columns
            .iter()
            .any(|column| matches!(column.cells, Cells::Texts(_)))
    {
        let count = only
            .columns
            .iter()
            .map(|column| column.cells.len())
            .max()
            .unwrap_or(0);
        let item = |cells: &Cells, at: usize| match cells {
            Cells::Times(all) => all.get(at).map(|ms| Item::Time(*ms)),
            Cells::Numbers(all) => all.get(at).map(|number| Item::Number(*number)),
            Cells::Texts(all) => all.get(at).map(|text| Item::Text(text.clone())),
        };
        return Sheet {
            columns: only
                .columns
                .iter()
                .map(|column| (column.name.clone(), query.to_owned()))
                .collect(),
            rows: (0..count)
                .map(|at| {
                    only.columns
                        .iter()
                        .map(|column| item(&column.cells, at).unwrap_or(Item::Nothing))
                        .collect()
                })
                .collect(),
        };
    }
    let lines: Vec<_> = frames.iter().flat_map(|frame| frame.lines()).collect();
    let mut labels: Vec<&String> = lines.iter().flat_map(|line| line.labels.keys()).collect();
    labels.sort();
    labels.dedup();
    let names = [("Time".to_owned(), query.to_owned())]
        .into_iter()
        .chain(labels.iter().map(|label| ((*label).clone(), query.to_owned())))
        .chain([(value, query.to_owned())]);
    let row = |line: &super::frames::Line| {
        let (when, last) = *line.points.last()?;
        let named = labels.iter().map(|label| {
            line.labels
                .get(*label)
                .map_or(Item::Nothing, |value| Item::Text(value.clone()))
        });
        Some(
            [Item::Time(when * 1e3)]
                .into_iter()
                .chain(named)
                .chain([Item::Number(last)])
                .collect(),
        )
    };
    Sheet {
        columns: names.collect(),
        rows: lines.iter().filter_map(row).collect(),
    }
}

/// One table of several: rows that agree in what all have in common (or in one column) are one.
fn joined(tables: Vec<Sheet>, by: Option<String>) -> Sheet {
    let mut all = Sheet::default();
    for table in &tables {
        for column in &table.columns {
            if all.index(&column.0).is_none() {
                all.columns.push(column.clone());
            }
        }
    }
    let is_value = |name: &str| name == "Value" || name.starts_with("Value #");
    let keys: Vec<String> = match by {
        Some(by) => vec![by],
        None => all
            .columns
            .iter()
            .filter(|(name, _)| !is_value(name) && name != "Time")
            .filter(|(name, _)| tables.iter().all(|table| table.index(name).is_some()))
            .map(|(name, _)| name.clone())
            .collect(),
    };
    let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for table in &tables {
        for row in &table.rows {
            let key: Vec<String> = keys
                .iter()
                .map(|name| {
                    table
                        .index(name)
                        .map_or_else(String::new, |at| format!("{:?}", row[at]))
                })
                .collect();
            let place = *known.entry(key).or_insert_with(|| {
                all.rows.push(vec![Item::Nothing; all.columns.len()]);
                all.rows.len() - 1
            });
            for ((name, _), item) in table.columns.iter().zip(row) {
                if let Some(column) = all.columns.iter().position(|(known, _)| known == name) {
                    all.rows[place][column] = item.clone();
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Data, Labels, Point, Sample};
    use serde_json::json;

    fn frames(reference: &str, values: &[(&str, f64)]) -> Vec<Frame> {
        let sample = |(pod, value): &(&str, f64)| Sample {
            labels: Labels::from([("pod".to_owned(), (*pod).to_owned())]),
            point: Point {
                at_ms: 1_000,
                value: *value,
            },
        };
        super::super::frames::of_prometheus(
            reference,
            &Data::Vector(values.iter().map(sample).collect()),
            &[],
        )
    }

    fn transformation(id: &str, options: serde_json::Value) -> Transformation {
        Transformation {
            id: id.into(),
            options,
        }
    }

    #[test]
    fn queries_are_merged_and_organised() {
        let all: Vec<Frame> = frames("A", &[("x", 1.0), ("y", 2.0)])
            .into_iter()
            .chain(frames("B", &[("y", 5.0)]))
            .collect();
        let table = Sheet::transformed(
            Sheet::of(&all),
            &[
                transformation("merge", json!({})),
                transformation(
                    "organize",
                    json!({"excludeByName": {"Time": true}, "indexByName": {"Value #B": 0},
                    "renameByName": {"Value #A": "CPU", "pod": "Pod"}}),
                ),
                transformation("sortBy", json!({"sort": [{"field": "CPU", "desc": true}]})),
            ],
        );
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Value #B", "Pod", "CPU"]);
        assert_eq!(
            table.rows[0],
            [Item::Number(5.0), Item::Text("y".into()), Item::Number(2.0)]
        );
        assert_eq!(
            table.rows[1],
            [Item::Nothing, Item::Text("x".into()), Item::Number(1.0)]
        );
    }

    #[test]
    fn columns_are_kept_by_name() {
        let table = Sheet::transformed(
            Sheet::of(&frames("A", &[("x", 1.0)])),
            &[transformation(
                "filterFieldsByName",
                json!({"include": {"pattern": "/^(pod|Value)$/"}}),
            )],
        );
        assert_eq!(table.columns.len(), 2);
    }
}
