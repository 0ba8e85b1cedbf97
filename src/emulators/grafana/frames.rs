//! Prometheus' answers as the data frames that Grafana's plugin makes of them.

use serde_json::{Map, Value, json};

/// The result of one query: `{status, frames}`.
pub(super) fn of(query: &Value, data: &Value, step: i64) -> Value {
    let (expr, reference) = (query["expr"].as_str().unwrap_or_default(), &query["refId"]);
    let kind = data["resultType"].as_str().unwrap_or_default();
    let legend = query["legendFormat"].as_str().unwrap_or_default();
    let one = |metric: &Value, points: Vec<&Value>| {
        let labels = metric.as_object().cloned().unwrap_or_default();
        let name = labels
            .get("__name__")
            .and_then(Value::as_str)
            .unwrap_or("Value")
            .to_owned();
        let times: Vec<Value> = points
            .iter()
            .map(|point| json!((point[0].as_f64().unwrap_or(0.0) * 1e3).round() as i64))
            .collect();
        let (values, odd) = numbers(&points);
        json!({
            "schema": {
                "name": called(legend, &labels), "refId": reference,
                "meta": {"type": "timeseries-multi", "typeVersion": [0, 1], "custom": {"resultType": kind},
                    "executedQueryString": format!("Expr: {expr}\nStep: {step}ms")},
                "fields": [
                    {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}, "config": {"interval": step}},
                    {"name": name, "type": "number", "typeInfo": {"frame": "float64"}, "labels": labels,
                        "config": {"displayNameFromDS": called(legend, &labels)}},
                ],
            },
            "data": {"values": [times, values], "entities": [null, odd]},
        })
    };
    let frames: Vec<Value> = match kind {
        "matrix" => {
            let all = data["result"].as_array().into_iter().flatten();
            all.map(|series| {
                one(
                    &series["metric"],
                    series["values"].as_array().into_iter().flatten().collect(),
                )
            })
            .collect()
        }
        "vector" => {
            let all = data["result"].as_array().into_iter().flatten();
            all.map(|sample| one(&sample["metric"], vec![&sample["value"]]))
                .collect()
        }
        "scalar" => vec![one(&json!({}), vec![&data["result"]])],
        _ => Vec::new(),
    };
    json!({ "status": 200, "frames": frames })
}

/// The numbers, and where those are that JSON has none for.
fn numbers(points: &[&Value]) -> (Vec<Value>, Value) {
    let mut odd = Map::new();
    let mut values = Vec::with_capacity(points.len());
    for (at, point) in points.iter().enumerate() {
        let text = point[1].as_str().unwrap_or("NaN");
        let kind = match text {
            "NaN" => "NaN",
            "+Inf" | "Inf" => "Inf",
            "-Inf" => "NegInf",
            number => {
                values.push(number.parse::<f64>().ok().map_or(Value::Null, Value::from));
                continue;
            }
        };
        values.push(Value::Null);
        if let Value::Array(all) = odd.entry(kind).or_insert_with(|| json!([])) {
            all.push(at.into());
        }
    }
    (
        values,
        if odd.is_empty() {
            Value::Null
        } else {
            Value::Object(odd)
        },
    )
}

/// What the plugin calls a series.
fn called(legend: &str, labels: &Map<String, Value>) -> String {
    let value = |label: &str| {
        labels
            .get(label)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if !legend.is_empty() && legend != "__auto" {
        let mut text = legend.to_owned();
        for label in labels.keys() {
            for written in [format!("{{{{{label}}}}}"), format!("{{{{ {label} }}}}")] {
                text = text.replace(&written, &value(label));
            }
        }
        return text;
    }
    let inside: Vec<String> = labels
        .keys()
        .filter(|label| *label != "__name__")
        .map(|label| format!("{label}={:?}", value(label)))
        .collect();
    format!("{}{{{}}}", value("__name__"), inside.join(", "))
}
