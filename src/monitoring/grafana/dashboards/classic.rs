//! A dashboard from classic JSON (schema v1): `panels`, some of them rows with panels inside, or (before Grafana 5) `rows`.

use super::{
    json::{flag, list, text},
    model::{Dashboard, Panel, Row},
    variables::Variable,
};
use serde_json::Value;

impl Dashboard {
    /// From classic JSON.
    #[must_use]
    pub fn classic(spec: &Value) -> Self {
        let rows = match spec["rows"].as_array() {
            Some(rows) if spec["panels"].as_array().is_none_or(Vec::is_empty) => ancient(rows),
            _ => rows(list(spec, &["panels"])),
        };
        Self {
            uid: text(spec, &["uid"]).unwrap_or_default().to_owned(),
            title: text(spec, &["title"]).unwrap_or_default().to_owned(),
            path: String::new(),
            variables: list(spec, &["templating", "list"])
                .iter()
                .filter_map(Variable::read)
                .collect(),
            rows,
            from: text(spec, &["time", "from"]).map(str::to_owned),
            to: text(spec, &["time", "to"]).map(str::to_owned),
        }
    }
}

/// Panels in the order one reads them. What follows a row that is open belongs to it; a folded one holds its own.
fn rows(panels: &[Value]) -> Vec<Row> {
    let mut sorted: Vec<Panel> = panels.iter().map(Panel::read).collect();
    sorted.sort_by_key(|panel| (panel.place.y, panel.place.x));
    let mut rows = vec![Row::default()];
    for panel in sorted {
        if panel.kind != "row" {
            // There is one from the start.
            rows.last_mut()
                .into_iter()
                .for_each(|row| row.panels.push(panel.clone()));
            continue;
        }
        let mut inside: Vec<Panel> = list(&panel.raw, &["panels"]).iter().map(Panel::read).collect();
        inside.sort_by_key(|panel| (panel.place.y, panel.place.x));
        rows.push(Row {
            title: panel.title,
            repeat: panel.repeat,
            collapsed: flag(&panel.raw, &["collapsed"]),
            panels: inside,
        });
    }
    rows.retain(|row| !row.panels.is_empty() || !row.title.is_empty());
    rows
}

/// Rows of Grafana 4 and before: panels side by side, as wide as their `span` of 12.
fn ancient(rows: &[Value]) -> Vec<Row> {
    rows.iter()
        .map(|row| Row {
            title: text(row, &["title"])
                .filter(|_| row["showTitle"] == true)
                .unwrap_or_default()
                .to_owned(),
            repeat: text(row, &["repeat"]).map(str::to_owned),
            collapsed: flag(row, &["collapse"]),
            panels: list(row, &["panels"]).iter().map(Panel::read).collect(),
        })
        .filter(|row| !row.panels.is_empty())
        .collect()
}
