//! Panels of Grafana before 8 in the form of today: `graph`, `singlestat`, tables with `styles`, gauges with `fieldOptions`.
//!
//! What Grafana itself does when it opens such a dashboard, as far as it changes what is shown.

use super::json::{at, flag, list, number, text, word};
use serde_json::{Map, Value, json};

/// The panel as Grafana would write it today; unchanged, where it is of today.
pub(super) fn modern(panel: &Value) -> Value {
    match text(panel, &["type"]).unwrap_or_default() {
        "graph" => graph(panel),
        "singlestat" | "grafana-singlestat-panel" => single(panel),
        "table" | "table-old" if panel["styles"].is_array() => table(panel),
        "heatmap" if panel["dataFormat"].is_string() => heatmap(panel),
        "grafana-piechart-panel" => with(
            panel,
            "piechart",
            json!({"unit": panel["format"]}),
            Vec::new(),
            json!({}),
        ),
        "stat" | "gauge" | "bargauge" if panel["options"]["fieldOptions"].is_object() => fields(panel),
        _ => panel.clone(),
    }
}

/// The panel as another kind, with these field options.
fn with(panel: &Value, kind: &str, defaults: Value, overrides: Vec<Value>, options: Value) -> Value {
    let mut made = panel.as_object().cloned().unwrap_or_else(Map::new);
    made.insert("type".into(), kind.into());
    made.insert(
        "fieldConfig".into(),
        json!({ "defaults": defaults, "overrides": overrides }),
    );
    made.insert("options".into(), options);
    Value::Object(made)
}

fn axis<'a>(panel: &'a Value, which: usize, key: &str) -> &'a Value {
    &panel["yaxes"][which][key]
}

fn graph(panel: &Value) -> Value {
    let kind = match text(panel, &["xaxis", "mode"]) {
        Some("series") => "bargauge",
        Some("histogram") => "histogram",
        _ => "timeseries",
    };
    let bars = flag(panel, &["bars"]) && !flag(panel, &["lines"]);
    let stacking = match (flag(panel, &["stack"]), flag(panel, &["percentage"])) {
        (false, _) => "none",
        (true, false) => "normal",
        (true, true) => "percent",
    };
    let mut defaults = json!({
        "unit": axis(panel, 0, "format"), "min": axis(panel, 0, "min"), "max": axis(panel, 0, "max"),
        "decimals": panel["decimals"],
        "custom": {
            "drawStyle": if bars { "bars" } else { "line" },
            "lineInterpolation": if flag(panel, &["steppedLine"]) { "stepAfter" } else { "linear" },
            "fillOpacity": number(panel, &["fill"]).unwrap_or(1.0) * 10.0,
            "stacking": { "mode": stacking },
            "scaleDistribution": { "type": if number(&panel["yaxes"][0], &["logBase"]).is_some_and(|base| base > 1.0) { "log" } else { "linear" } },
        },
    });
    if let Some(steps) = limits(panel) {
        defaults["thresholds"] = json!({ "mode": "absolute", "steps": steps });
        defaults["custom"]["thresholdsStyle"] = json!({ "mode": "line" });
    }
    let overrides = list(panel, &["seriesOverrides"])
        .iter()
        .filter_map(|one| overridden(panel, one))
        .collect();
    let calcs = match text(panel, &["xaxis", "values"]) {
        Some(calc) => json!([calc]),
        None => json!([word(&panel["xaxis"]["values"][0])
            .map_or_else(|| "mean".to_owned(), |name| reducer(&name).to_owned())]),
    };
    with(
        panel,
        kind,
        defaults,
        overrides,
        json!({ "reduceOptions": { "calcs": calcs } }),
    )
}

/// The first limit of a graph, as steps; more than one are steps where all go the same way.
fn limits(panel: &Value) -> Option<Value> {
    let color = |limit: &Value| match text(limit, &["colorMode"]) {
        Some("warning") => "orange",
        Some("ok") => "green",
        _ => "red",
    };
    let mut limits: Vec<(f64, &str, bool)> = list(panel, &["thresholds"])
        .iter()
        .filter_map(|limit| {
            Some((
                number(limit, &["value"])?,
                color(limit),
                text(limit, &["op"]) == Some("lt"),
            ))
        })
        .collect();
    limits.sort_by(|a, b| a.0.total_cmp(&b.0));
    let below = limits.first()?.2;
    limits.retain(|limit| limit.2 == below);
    let steps: Vec<Value> = match below {
        false => {
            let base = std::iter::once(json!({ "color": "green", "value": null }));
            base.chain(
                limits
                    .iter()
                    .map(|(value, color, _)| json!({ "color": color, "value": value })),
            )
            .collect()
        }
        true => {
            // Each colour holds up to its value, the next one from there on.
            let from = std::iter::once(Value::Null).chain(limits.iter().map(|(value, ..)| (*value).into()));
            let colors = limits.iter().map(|(_, color, _)| *color).chain(["green"]);
            from.zip(colors)
                .map(|(value, color)| json!({ "color": color, "value": value }))
                .collect()
        }
    };
    Some(steps.into())
}

/// One of `seriesOverrides`.
fn overridden(panel: &Value, one: &Value) -> Option<Value> {
    let alias = text(one, &["alias"])?;
    let pattern = alias.starts_with('/') && alias.len() > 1;
    let mut properties = Vec::new();
    let mut set = |id: &str, value: Value| properties.push(json!({ "id": id, "value": value }));
    if number(one, &["yaxis"]) == Some(2.0) {
        set("unit", axis(panel, 1, "format").clone());
        set("min", axis(panel, 1, "min").clone());
        set("max", axis(panel, 1, "max").clone());
    }
    if let Some(transform) = text(one, &["transform"]) {
        set("custom.transform", transform.into());
    }
    if one["stack"] == false {
        set("custom.stacking", json!({ "mode": "none" }));
    }
    if flag(one, &["dashes"]) {
        set("custom.lineStyle", json!({ "fill": "dash" }));
    }
    if flag(one, &["hiddenSeries"]) {
        set("custom.hideFrom", json!({ "viz": true }));
    }
    let id = if pattern { "byRegexp" } else { "byName" };
    Some(json!({ "matcher": { "id": id, "options": alias }, "properties": properties }))
}

/// What today's name of a number is.
fn reducer(name: &str) -> &str {
    match name {
        "current" => "lastNotNull",
        "avg" => "mean",
        "total" => "sum",
        other => other,
    }
}

/// `80,90` with three colours.
fn steps(thresholds: &str, colors: &Value) -> Value {
    let values = thresholds
        .split(',')
        .filter_map(|value| value.trim().parse::<f64>().ok());
    let from = std::iter::once(Value::Null).chain(values.map(Value::from));
    let color = |at: usize| word(&colors[at]).unwrap_or_else(|| "green".into());
    from.enumerate()
        .map(|(at, value)| json!({ "color": color(at), "value": value }))
        .collect()
}

fn single(panel: &Value) -> Value {
    let gauge = flag(panel, &["gauge", "show"]);
    let colored = gauge || flag(panel, &["colorValue"]) || flag(panel, &["colorBackground"]);
    let mut defaults = json!({ "unit": panel["format"], "decimals": panel["decimals"] });
    if gauge {
        defaults["min"] = panel["gauge"]["minValue"].clone();
        defaults["max"] = panel["gauge"]["maxValue"].clone();
    }
    if let (Some(thresholds), true) = (text(panel, &["thresholds"]), colored) {
        defaults["thresholds"] = json!({ "mode": "absolute", "steps": steps(thresholds, &panel["colors"]) });
    }
    let maps = if number(panel, &["mappingType"]) == Some(2.0) {
        "rangeMaps"
    } else {
        "valueMaps"
    };
    defaults["mappings"] = panel[maps].clone();
    let calc = text(panel, &["valueName"]).map_or("mean", reducer);
    let kind = if gauge { "gauge" } else { "stat" };
    with(
        panel,
        kind,
        defaults,
        Vec::new(),
        json!({ "reduceOptions": { "calcs": [calc] } }),
    )
}

fn table(panel: &Value) -> Value {
    let overrides = list(panel, &["styles"])
        .iter()
        .filter_map(|style| {
            let pattern = text(style, &["pattern"])?;
            let mut properties = Vec::new();
            let mut set = |id: &str, value: Value| properties.push(json!({ "id": id, "value": value }));
            if text(style, &["type"]) == Some("hidden") {
                set("custom.hidden", true.into());
            }
            if let Some(alias) = text(style, &["alias"]) {
                set("displayName", alias.into());
            }
            if let Some(unit) = text(style, &["unit"]) {
                set("unit", unit.into());
            }
            if let Some(limit) = style["thresholds"]
                .as_array()
                .filter(|all| !all.is_empty() && !style["colorMode"].is_null())
            {
                let written: Vec<String> = limit.iter().filter_map(word).collect();
                set(
                    "thresholds",
                    json!({ "mode": "absolute", "steps": steps(&written.join(","), &style["colors"]) }),
                );
            }
            let id = if pattern.starts_with('/') {
                "byRegexp"
            } else {
                "byName"
            };
            Some(json!({ "matcher": { "id": id, "options": pattern }, "properties": properties }))
        })
        .collect();
    with(panel, "table", json!({}), overrides, json!({}))
}

fn heatmap(panel: &Value) -> Value {
    let calculate = text(panel, &["dataFormat"]) != Some("tsbuckets");
    let unit = at(panel, &["yAxis", "format"]).clone();
    with(
        panel,
        "heatmap",
        json!({ "unit": unit }),
        Vec::new(),
        json!({ "calculate": calculate }),
    )
}

/// Grafana 6 and 7.0 kept field options among the panel's own.
fn fields(panel: &Value) -> Value {
    let options = &panel["options"]["fieldOptions"];
    let mut defaults = options["defaults"].clone();
    for key in ["thresholds", "mappings"] {
        if defaults[key].is_null() && !options[key].is_null() && defaults.is_object() {
            defaults[key] = match &options[key] {
                // Steps alone, before there were modes.
                Value::Array(steps) if key == "thresholds" => {
                    json!({ "mode": "absolute", "steps": steps.iter().map(|step| json!({
                    "color": step["color"], "value": step["value"] })).collect::<Vec<_>>() })
                }
                other => other.clone(),
            };
        }
    }
    let overrides = list(options, &["overrides"]).to_vec();
    let reduce = json!({ "calcs": options["calcs"], "values": options["values"] });
    let kind = text(panel, &["type"]).unwrap_or_default();
    with(
        panel,
        kind,
        defaults,
        overrides,
        json!({ "reduceOptions": reduce }),
    )
}
