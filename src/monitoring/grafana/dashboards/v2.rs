//! A dashboard of schema v2 (`dashboard.grafana.app/v2…`): elements by name, and a layout that says where each of them is.
//!
//! Its panels are the classic ones in another wrapping, and are brought back to it: there is one reader of panels. The three
//! wrappings there are differ in where the kind of a panel and of a query stands: v2alpha1 has it in `kind`, v2beta1 and v2 in
//! `group`.

use super::{
    json::{flag, list, number, text},
    model::{Dashboard, Panel, Row},
    variables::Variable,
};
use serde_json::{Map, Value, json};

impl Dashboard {
    /// From the `spec` of schema v2.
    #[must_use]
    pub fn v2(spec: &Value) -> Self {
        let mut rows = Vec::new();
        layout(spec, &spec["layout"], &Row::default(), &mut rows);
        rows.retain(|row| !row.panels.is_empty());
        let time = &spec["timeSettings"];
        Self {
            uid: String::new(),
            title: text(spec, &["title"]).unwrap_or_default().to_owned(),
            path: String::new(),
            variables: list(spec, &["variables"])
                .iter()
                .filter_map(|variable| Variable::read(&classic_variable(variable)))
                .collect(),
            rows,
            from: text(time, &["from"]).map(str::to_owned),
            to: text(time, &["to"]).map(str::to_owned),
        }
    }
}

/// Adds the rows of a layout below a heading. Rows and tabs nest.
fn layout(spec: &Value, layout: &Value, above: &Row, rows: &mut Vec<Row>) {
    let inside = &layout["spec"];
    match text(layout, &["kind"]).unwrap_or_default() {
        "RowsLayout" => nested(spec, list(inside, &["rows"]), above, rows),
        "TabsLayout" => nested(spec, list(inside, &["tabs"]), above, rows),
        // Grid and auto grid; before v2beta1 a grid could hold rows, too.
        _ => {
            let mut row = above.clone();
            let mut items: Vec<&Value> = list(inside, &["items"]).iter().collect();
            let at = |item: &Value, key: &str| number(item, &["spec", key]).unwrap_or(0.0);
            items.sort_by(|a, b| {
                let key = |item: &Value| (at(item, "y"), at(item, "x"));
                key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal)
            });
            for item in items {
                if text(item, &["kind"]) == Some("GridLayoutRow") {
                    rows.push(std::mem::replace(&mut row, above.clone()));
                    let mut own = headed(&item["spec"], above);
                    own.panels = list(item, &["spec", "elements"])
                        .iter()
                        .filter_map(|item| panel(spec, item))
                        .collect();
                    rows.push(own);
                } else {
                    row.panels.extend(panel(spec, item));
                }
            }
            rows.push(row);
        }
    }
}

fn nested(spec: &Value, parts: &[Value], above: &Row, rows: &mut Vec<Row>) {
    for part in parts {
        layout(spec, &part["spec"]["layout"], &headed(&part["spec"], above), rows);
    }
}

/// A row or tab, below what stands above it.
fn headed(part: &Value, above: &Row) -> Row {
    let own = text(part, &["title"])
        .filter(|_| !flag(part, &["hideHeader"]))
        .unwrap_or_default();
    let title = match (above.title.as_str(), own) {
        (above, "") => above.to_owned(),
        ("", own) => own.to_owned(),
        (above, own) => format!("{above} / {own}"),
    };
    Row {
        title,
        repeat: repeat(part).map(str::to_owned).or_else(|| above.repeat.clone()),
        collapsed: flag(part, &["collapse"]) || flag(part, &["collapsed"]) || above.collapsed,
        panels: Vec::new(),
    }
}

fn repeat(part: &Value) -> Option<&str> {
    text(part, &["repeat", "value"])
}

/// What a grid's item shows.
fn panel(spec: &Value, item: &Value) -> Option<Panel> {
    let item = &item["spec"];
    let element = &spec["elements"][text(item, &["element", "name"])?];
    let mut made = Panel::read(&classic_panel(element));
    made.place = Panel::read(
        &json!({ "gridPos": { "x": item["x"], "y": item["y"], "w": item["width"], "h": item["height"] } }),
    )
    .place;
    made.repeat = repeat(item).map(str::to_owned);
    Some(made)
}

/// An element as a classic panel.
pub(super) fn classic_panel(element: &Value) -> Value {
    let spec = &element["spec"];
    if text(element, &["kind"]) == Some("LibraryPanel") {
        return json!({ "id": spec["id"], "title": spec["title"], "libraryPanel": spec["libraryPanel"] });
    }
    let config = &spec["vizConfig"];
    let group = &spec["data"]["spec"];
    let queries: Vec<Value> = list(group, &["queries"]).iter().map(query).collect();
    let options = &group["queryOptions"];
    let mut sources: Vec<&Value> = queries.iter().map(|query| &query["datasource"]).collect();
    sources.dedup();
    let source = match sources.as_slice() {
        [one] => (*one).clone(),
        [] => Value::Null,
        _ => json!({ "type": "datasource", "uid": "-- Mixed --" }),
    };
    let transformations: Vec<Value> = list(group, &["transformations"])
        .iter()
        .map(|one| {
            let spec = &one["spec"];
            let id = text(spec, &["id"])
                .or(text(one, &["group"]))
                .or(text(one, &["kind"]));
            json!({ "id": id, "options": spec["options"], "disabled": spec["disabled"] })
        })
        .collect();
    json!({
        "id": spec["id"], "title": spec["title"], "description": spec["description"],
        "type": text(config, &["group"]).or(text(config, &["kind"])),
        "fieldConfig": config["spec"]["fieldConfig"], "options": config["spec"]["options"],
        "datasource": source, "targets": queries, "transformations": transformations,
        "interval": options["interval"], "maxDataPoints": options["maxDataPoints"],
        "timeFrom": options["timeFrom"], "timeShift": options["timeShift"],
    })
}

/// A `PanelQuery` as a classic target.
fn query(written: &Value) -> Value {
    let spec = &written["spec"];
    let query = &spec["query"];
    let mut target = query["spec"].as_object().cloned().unwrap_or_else(Map::new);
    let kind = text(query, &["group"]).or(text(query, &["kind"]).filter(|kind| *kind != "DataQuery"));
    let name = text(query, &["datasource", "name"])
        .or(text(spec, &["datasource", "uid"]))
        .or(text(query, &["datasource", "uid"]));
    target.insert("refId".into(), spec["refId"].clone());
    target.insert("hide".into(), spec["hidden"].clone());
    if kind.is_some() || name.is_some() {
        target.insert("datasource".into(), json!({ "type": kind, "uid": name }));
    }
    Value::Object(target)
}

/// A variable as in `templating.list`.
fn classic_variable(variable: &Value) -> Value {
    let spec = &variable["spec"];
    let mut made = spec.as_object().cloned().unwrap_or_else(Map::new);
    let kind = match text(variable, &["kind"]).unwrap_or_default() {
        "QueryVariable" => "query",
        "CustomVariable" => "custom",
        "TextVariable" => "textbox",
        "ConstantVariable" => "constant",
        "IntervalVariable" => "interval",
        "DatasourceVariable" => "datasource",
        "AdhocVariable" => "adhoc",
        "GroupByVariable" => "groupby",
        "SwitchVariable" => "switch",
        other => other,
    };
    made.insert("type".into(), kind.into());
    match kind {
        "query" => {
            let query = &spec["query"];
            let inside = if query["spec"].is_object() {
                &query["spec"]
            } else {
                query
            };
            // A query that is only words is kept under this name.
            let legacy = inside.get("__legacyStringValue").unwrap_or(inside);
            made.insert("query".into(), legacy.clone());
            let name = text(query, &["datasource", "name"]).or(text(spec, &["datasource", "uid"]));
            let group =
                text(query, &["group"]).or(text(query, &["kind"]).filter(|kind| *kind != "DataQuery"));
            made.insert("datasource".into(), json!({ "type": group, "uid": name }));
            let sort = match text(spec, &["sort"]).unwrap_or_default() {
                "alphabeticalAsc" => 1,
                "alphabeticalDesc" => 2,
                "numericalAsc" => 3,
                "numericalDesc" => 4,
                "alphabeticalCaseInsensitiveAsc" => 5,
                "alphabeticalCaseInsensitiveDesc" => 6,
                "naturalAsc" => 7,
                "naturalDesc" => 8,
                _ => 0,
            };
            made.insert("sort".into(), sort.into());
        }
        "datasource" => {
            made.insert("query".into(), spec["pluginId"].clone());
        }
        "interval" => {
            made.insert("auto_count".into(), spec["auto_count"].clone());
        }
        "switch" => {
            made.insert(
                "current".into(),
                json!({ "value": spec["current"], "text": spec["current"] }),
            );
        }
        _ => {}
    }
    if text(spec, &["hide"]) == Some("hideVariable") {
        made.insert("hide".into(), 2.into());
    }
    Value::Object(made)
}
