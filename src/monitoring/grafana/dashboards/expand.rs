//! From a dashboard and what its variables stand for to the panels one sees: rows and panels repeated for each value.

use super::{
    interpolate::{Destination, Meaning, Meanings, fill},
    json::whole,
    model::{Dashboard, Panel, Row},
};

/// No dashboard is shown with more panels than this; a variable with hundreds of values repeats a panel as often.
pub const MOST_PANELS: usize = 200;

/// A panel as one sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// What it is made of.
    pub panel: Panel,
    /// Its heading, with values in the place of variables.
    pub title: String,
    /// The row it is in; empty where that has no heading.
    pub row: String,
    /// What variables stand for in it: those of the dashboard, and the one it is repeated for.
    pub meanings: Meanings,
}

/// The panels that are to be seen, without those that are only words, and how many more there would be.
#[must_use]
pub fn expand(dashboard: &Dashboard, meanings: &Meanings) -> (Vec<Shown>, usize) {
    let mut all = Vec::new();
    for row in &dashboard.rows {
        for inside in each(row.repeat.as_deref(), meanings) {
            let title = fill(&row.title, &inside, Destination::Title);
            for panel in row.panels.iter().filter(|panel| !panel.is_words()) {
                for inside in each(panel.repeat.as_deref(), &inside) {
                    all.push(Shown {
                        panel: panel.clone(),
                        title: fill(&panel.title, &inside, Destination::Title),
                        row: title.clone(),
                        meanings: inside,
                    });
                }
            }
        }
    }
    let more = all.len().saturating_sub(MOST_PANELS);
    all.truncate(MOST_PANELS);
    (all, more)
}

/// The meanings once for each value of a variable; just them, where nothing is repeated.
fn each(repeat: Option<&str>, meanings: &Meanings) -> Vec<Meanings> {
    let variable = repeat.map(|name| name.trim_start_matches('$'));
    let Some((name, meaning)) = variable.and_then(|name| Some((name, meanings.get(name)?))) else {
        return vec![meanings.clone()];
    };
    if meaning.values.is_empty() {
        return vec![meanings.clone()];
    }
    let one = |(at, value): (usize, &String)| {
        let mut inside = meanings.clone();
        let meaning = Meaning {
            values: vec![value.clone()],
            texts: vec![meaning.texts.get(at).unwrap_or(value).clone()],
            verbatim: None,
            several: meaning.several,
            all: false,
        };
        inside.insert(name.to_owned(), meaning);
        inside
    };
    meaning
        .values
        .iter()
        .take(MOST_PANELS)
        .enumerate()
        .map(one)
        .collect()
}

impl Dashboard {
    /// Panels that show the results of another one ask what that one asks.
    pub(super) fn link(&mut self) {
        let all: Vec<Panel> = self.panels().cloned().collect();
        let borrowers = self.rows.iter_mut().flat_map(|row: &mut Row| &mut row.panels);
        for panel in borrowers.filter(|panel| {
            panel
                .source
                .as_ref()
                .is_some_and(super::model::SourceRef::is_dashboard)
        }) {
            let lender = panel
                .targets
                .iter()
                .find_map(|target| whole(&target.raw, &["panelId"]));
            let lender = all
                .iter()
                .find(|other| Some(other.id) == lender && other.id != panel.id);
            if let Some(lender) = lender {
                panel.targets.clone_from(&lender.targets);
                panel.source.clone_from(&lender.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn meanings() -> Meanings {
        let node = Meaning {
            values: vec!["a".into(), "b".into()],
            texts: vec!["A".into(), "B".into()],
            verbatim: Some(".*".into()),
            several: true,
            all: true,
        };
        [
            ("node".to_owned(), node),
            (
                "disk".to_owned(),
                Meaning {
                    values: Vec::new(),
                    ..Meaning::default()
                },
            ),
        ]
        .into()
    }

    #[test]
    fn rows_and_panels_are_repeated() {
        let dashboard = Dashboard::classic(&json!({"panels": [
            {"type": "stat", "id": 1, "title": "All of $node", "gridPos": {"y": 0}},
            {"type": "row", "title": "$node", "repeat": "node", "collapsed": true, "gridPos": {"y": 1}, "panels": [
                {"type": "graph", "id": 2, "title": "CPU of $node"}, {"type": "text", "id": 3}]},
            {"type": "row", "title": "Disks", "gridPos": {"y": 2}},
            {"type": "graph", "id": 4, "title": "$node", "repeat": "node", "gridPos": {"y": 3}},
            {"type": "graph", "id": 5, "title": "once", "repeat": "disk", "gridPos": {"y": 4}},
        ]}));
        let (shown, more) = expand(&dashboard, &meanings());
        let seen: Vec<_> = shown
            .iter()
            .map(|one| (one.panel.id, one.row.as_str(), one.title.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (1, "", "All of All"),
                (2, "A", "CPU of A"),
                (2, "B", "CPU of B"),
                (4, "Disks", "A"),
                (4, "Disks", "B"),
                (5, "Disks", "once"),
            ]
        );
        assert_eq!(more, 0);
        assert_eq!(
            fill("{n=~\"$node\"}", &shown[2].meanings, Destination::PromQl),
            "{n=~\"b\"}"
        );
    }

    #[test]
    fn a_panel_can_show_what_another_one_asked() {
        let mut dashboard = Dashboard::classic(&json!({"panels": [
            {"type": "graph", "id": 1, "targets": [{"expr": "up"}]},
            {"type": "stat", "id": 2, "datasource": "-- Dashboard --", "targets": [{"panelId": 1, "refId": "A"}]},
        ]}));
        dashboard.link();
        assert!(dashboard.panels().all(|panel| panel.targets[0].expr == "up"));
    }
}
