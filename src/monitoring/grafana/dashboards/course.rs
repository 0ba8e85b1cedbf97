//! A panel's series: what they are called, and how each looks.

use super::{
    expand::Shown,
    frames::{Cells, Frame, Line},
    interpolate::{Destination, Meanings, fill},
    json::{flag, text, texts},
    look::{Field, regex_of},
};
use crate::answer::Labels;

/// A series of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The query it answers.
    pub reference: String,
    /// What the dashboard calls it; nothing, where it is to be told by its labels.
    pub name: Option<String>,
    /// What it is known by.
    pub labels: Labels,
    /// (Unix seconds, value).
    pub points: Vec<(f64, f64)>,
    /// How it looks.
    pub field: Field,
}

/// The series that are shown, in the order of their queries.
pub(super) fn all(shown: &Shown, frames: &[Frame]) -> Vec<Course> {
    let panel = &shown.panel;
    let place = |frame: &Frame| {
        panel
            .targets
            .iter()
            .position(|target| target.reference == frame.reference)
    };
    let mut ordered: Vec<&Frame> = frames.iter().collect();
    ordered.sort_by_key(|frame| place(frame));
    ordered
        .into_iter()
        .flat_map(|frame| {
            if has_time(frame) {
                frame.lines()
            } else {
                moments(frame)
            }
        })
        .filter_map(|line| one(shown, line))
        .collect()
}

fn has_time(frame: &Frame) -> bool {
    frame
        .columns
        .iter()
        .any(|column| matches!(column.cells, Cells::Times(_)))
}

/// Numbers without a time, as an expression reduces a series to.
fn moments(frame: &Frame) -> Vec<Line> {
    let lines = frame.columns.iter().filter_map(|column| match &column.cells {
        Cells::Numbers(numbers) => Some(Line {
            reference: frame.reference.clone(),
            name: column.name.clone(),
            labels: column.labels.clone(),
            called: column.called.clone(),
            points: numbers.iter().map(|value| (0.0, *value)).collect(),
        }),
        _ => None,
    });
    lines.collect()
}

fn one(shown: &Shown, line: Line) -> Option<Course> {
    let panel = &shown.panel;
    let target = panel
        .targets
        .iter()
        .find(|target| target.reference == line.reference);
    let legend = target
        .and_then(|target| target.legend.as_deref())
        .filter(|legend| *legend != "__auto");
    let mut name = match legend {
        Some(legend) => Some(legended(
            &fill(legend, &shown.meanings, Destination::Title),
            &line.labels,
        )),
        // Prometheus' own names are labels; other data sources say what they mean.
        None if line.name == "Value" || line.labels.contains_key("__name__") => None,
        None => line
            .called
            .clone()
            .or_else(|| line.labels.is_empty().then(|| line.name.clone())),
    };
    let known = |name: &Option<String>| {
        name.clone()
            .or_else(|| line.called.clone())
            .unwrap_or_else(|| match line.labels.is_empty() {
                true => line.name.clone(),
                false => metric(&line.labels),
            })
    };
    for one in &panel.transformations {
        let (options, called) = (&one.options, known(&name));
        match one.id.as_str() {
            "renameByRegex" => {
                if let Some(pattern) = text(options, &["regex"]).and_then(regex_of) {
                    let with = text(options, &["renamePattern"]).unwrap_or_default();
                    name = Some(pattern.replace(&called, with).into_owned());
                }
            }
            "organize" if flag(options, &["excludeByName", &called]) => return None,
            "organize" => {
                if let Some(renamed) = text(options, &["renameByName", &called]) {
                    name = Some(renamed.to_owned());
                }
            }
            "filterByRefId" => {
                let wanted =
                    text(options, &["include"]).and_then(|wanted| regex_of(&format!("^(?:{wanted})$")));
                if wanted.is_some_and(|wanted| !wanted.is_match(&line.reference)) {
                    return None;
                }
            }
            "filterFieldsByName" => {
                let names = texts(&options["include"]["names"]);
                let pattern = text(options, &["include", "pattern"]).and_then(regex_of);
                let all = names.is_empty() && pattern.is_none();
                if !all
                    && !names.contains(&called)
                    && !pattern.is_some_and(|pattern| pattern.is_match(&called))
                {
                    return None;
                }
            }
            _ => {}
        }
    }
    let field = panel.field.of(&panel.overrides, &known(&name), &line.reference);
    if field.hidden {
        return None;
    }
    if let Some(display) = &field.display_name {
        let shown = displayed(display, &line.labels, &known(&name), &shown.meanings);
        name = Some(shown).filter(|name| !name.trim().is_empty()).or(name);
    }
    let sign = if field.negative { -1.0 } else { 1.0 };
    let points = line
        .points
        .into_iter()
        .map(|(at, value)| (at, sign * value))
        .collect();
    Some(Course {
        reference: line.reference,
        name: name.filter(|name| !name.trim().is_empty()),
        labels: line.labels,
        points,
        field,
    })
}

/// `{{instance}} read`, with the labels' values.
fn legended(legend: &str, labels: &Labels) -> String {
    let mut filled = String::new();
    let mut rest = legend;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((label, behind)) = after.split_once("}}") else {
            filled.push_str("{{");
            rest = after;
            continue;
        };
        filled.push_str(labels.get(label.trim()).map_or("", String::as_str));
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

/// A display name, with `${__field.labels.instance}` and its kin.
fn displayed(display: &str, labels: &Labels, name: &str, known: &Meanings) -> String {
    let mut filled = fill(display, known, Destination::Title);
    for whole in ["${__field.displayName}", "${__series.name}", "${__field.name}"] {
        filled = filled.replace(whole, name);
    }
    while let Some(at) = filled.find("${__field.labels.") {
        let rest = &filled[at + "${__field.labels.".len()..];
        let Some((label, behind)) = rest.split_once('}') else {
            break;
        };
        let label = label.trim_matches(['"', '[', ']']);
        let value = labels.get(label).map_or("", String::as_str);
        filled = format!("{}{value}{behind}", &filled[..at]);
    }
    filled
}

/// Labels as Prometheus writes them: `up{job="x"}`.
pub(super) fn metric(labels: &Labels) -> String {
    let name = labels.get("__name__").map_or("", String::as_str);
    let inside: Vec<String> = labels
        .iter()
        .filter(|(label, _)| *label != "__name__")
        .map(|(label, value)| format!("{label}={value:?}"))
        .collect();
    match inside.is_empty() {
        true if !name.is_empty() => name.to_owned(),
        _ => format!("{name}{{{}}}", inside.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grafana::dashboards::model::Panel;
    use serde_json::json;

    fn line(reference: &str, device: &str) -> Line {
        Line {
            reference: reference.into(),
            name: "Value".into(),
            labels: Labels::from([("device".to_owned(), device.to_owned())]),
            called: None,
            points: vec![(1.0, 2.0)],
        }
    }

    fn shown(panel: serde_json::Value) -> Shown {
        Shown {
            panel: Panel::read(&panel),
            title: String::new(),
            row: String::new(),
            meanings: Meanings::new(),
        }
    }

    #[test]
    fn names_and_looks() {
        let shown = shown(json!({"type": "timeseries",
            "targets": [{"refId": "A", "legendFormat": "{{ device }} read"}, {"refId": "B", "legendFormat": "__auto"}],
            "fieldConfig": {"defaults": {"unit": "Bps"}, "overrides": [
                {"matcher": {"id": "byRegexp", "options": "/.*read$/"}, "properties": [
                    {"id": "custom.transform", "value": "negative-Y"}, {"id": "displayName", "value": "R ${__field.labels.device}"}]},
                {"matcher": {"id": "byFrameRefID", "options": "B"}, "properties": [{"id": "unit", "value": "s"}]},
                {"matcher": {"id": "byName", "options": "{device=\"sdb\"}"}, "properties": [
                    {"id": "custom.hideFrom", "value": {"viz": true}}]}]}}));
        let read = one(&shown, line("A", "sda")).unwrap();
        assert_eq!((read.name.as_deref(), read.points[0].1), (Some("R sda"), -2.0));
        assert_eq!(read.field.unit.as_deref(), Some("Bps"));
        let plain = one(&shown, line("B", "sda")).unwrap();
        assert_eq!((plain.name, plain.field.unit.as_deref()), (None, Some("s")));
        assert!(one(&shown, line("B", "sdb")).is_none());
    }

    #[test]
    fn legends() {
        let labels = Labels::from([("a".to_owned(), "x".to_owned())]);
        assert_eq!(legended("{{a}}-{{ b }}-{{a", &labels), "x--{{a");
        assert_eq!(metric(&labels), "{a=\"x\"}");
    }
}
