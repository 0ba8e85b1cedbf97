//! Purpose: Prometheus' HTTP API: its envelopes, its parameters, its errors.

use super::{
    promql::{self, Column, Error, Expr, Kind, Steps, Value},
    story::{FAMILIES, Story},
    tsdb::Labels,
};
use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;

mod labels;

/// A range of more steps is refused.
const MOST_STEPS: i64 = 11_000;

pub(super) fn routes(story: Story) -> Router {
    Router::new()
        .route("/-/ready", get(|| async { "Prometheus Server is Ready.\n" }))
        .route("/-/healthy", get(|| async { "Prometheus Server is Healthy.\n" }))
        .route("/api/v1/query", get(query).post(query))
        .route("/api/v1/query_range", get(query_range).post(query_range))
        .route("/api/v1/labels", get(labels::names).post(labels::names))
        .route("/api/v1/label/{name}/values", get(labels::values))
        .route("/api/v1/series", get(labels::series).post(labels::series))
        .route("/api/v1/metadata", get(metadata))
        .route("/api/v1/status/buildinfo", get(build))
        .with_state(story)
}

/// What is told when something is wrong: status, `errorType`, `error`.
struct Failure(StatusCode, &'static str, String);

impl Failure {
    fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self(
            StatusCode::BAD_REQUEST,
            "bad_data",
            format!("invalid parameter \"{name}\": {why}"),
        )
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(status, kind, error) = self;
        answer(
            status,
            &json!({"status": "error", "errorType": kind, "error": error}),
        )
    }
}

type Answer = Result<Response, Failure>;

fn answer(status: StatusCode, body: &Json) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

fn success(data: &Json) -> Response {
    answer(StatusCode::OK, &json!({"status": "success", "data": data}))
}

/// Parameters come in the address, in the form, or in both.
struct Fields(HashMap<String, String>, Vec<String>);

impl Fields {
    fn new(query: Option<String>, body: &Bytes) -> Self {
        let pairs = |bytes: &[u8]| {
            url::form_urlencoded::parse(bytes)
                .into_owned()
                .collect::<Vec<_>>()
        };
        let query = pairs(query.unwrap_or_default().as_bytes());
        let all: Vec<(String, String)> = query.into_iter().chain(pairs(body)).collect();
        let series = all.iter().filter(|(name, _)| name == "match[]");
        let series = series.map(|(_, selector)| selector.clone()).collect();
        Self(all.into_iter().collect(), series)
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn expr(&self) -> Result<Expr, Failure> {
        let query = self.get("query");
        promql::parse(query).map_err(|error| match error {
            Error::Parse { at, message } => Failure(
                StatusCode::BAD_REQUEST,
                "bad_data",
                promql::describe(query, at, &message),
            ),
            Error::Execution(message) => Failure(StatusCode::UNPROCESSABLE_ENTITY, "execution", message),
        })
    }

    /// A time in milliseconds: seconds with a fraction, or RFC 3339.
    fn time(&self, name: &str) -> Result<i64, Failure> {
        let text = self.get(name);
        let seconds = text
            .parse::<f64>()
            .ok()
            .filter(|seconds| seconds.abs() < 1e12)
            .map(to_ms);
        seconds
            .or_else(|| text.parse::<Timestamp>().ok().map(|at| at.as_millisecond()))
            .ok_or_else(|| {
                // Prometheus says it twice for the one time of an instant query.
                let again = if name == "time" {
                    "Invalid time value for 'time': "
                } else {
                    ""
                };
                Failure::parameter(name, format!("{again}cannot parse {text:?} to a valid timestamp"))
            })
    }

    /// Seconds with a fraction, or `15s`.
    fn step(&self) -> Result<i64, Failure> {
        let text = self.get("step");
        let seconds = text
            .parse::<f64>()
            .ok()
            .filter(|seconds| seconds.abs() < 1e12)
            .map(to_ms);
        let step = seconds.or_else(|| promql::duration(text)).ok_or_else(|| {
            Failure::parameter("step", format!("cannot parse {text:?} to a valid duration"))
        })?;
        if step <= 0 {
            let why =
                "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(Failure::parameter("step", why));
        }
        Ok(step)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "callers have checked the size")]
fn to_ms(seconds: f64) -> i64 {
    (seconds * 1_000.0).round() as i64
}

async fn query(State(story): State<Story>, RawQuery(query): RawQuery, body: Bytes) -> Answer {
    let fields = Fields::new(query, &body);
    let at = if fields.get("time").is_empty() {
        Timestamp::now().as_millisecond()
    } else {
        fields.time("time")?
    };
    // Prometheus 2.42 names the parameter here, and does not for a range.
    let expr = fields
        .expr()
        .map_err(|Failure(.., why)| Failure::parameter("query", why))?;
    if expr.kind() == Kind::Range {
        let why = "the emulated Prometheus answers no range vectors at one time; wrap it in rate(), increase() or avg_over_time()";
        return Err(Failure::parameter("query", why));
    }
    let steps = Steps {
        start_ms: at,
        step_ms: 1,
        count: 1,
    };
    let pair = |value: f64| json!([seconds(at), number(value)]);
    let data = match compute(&story, &expr, steps).await? {
        Value::Scalar(values) => {
            json!({"resultType": "scalar", "result": pair(values.first().copied().unwrap_or(f64::NAN))})
        }
        Value::Vector(columns) => {
            let item = |column: &Column| {
                Some(json!({"metric": metric(&column.labels), "value": pair(column.values[0]?)}))
            };
            json!({"resultType": "vector", "result": columns.iter().filter_map(item).collect::<Vec<_>>()})
        }
    };
    Ok(success(&data))
}

async fn query_range(State(story): State<Story>, RawQuery(query): RawQuery, body: Bytes) -> Answer {
    let fields = Fields::new(query, &body);
    let (start, end) = (fields.time("start")?, fields.time("end")?);
    if end < start {
        return Err(Failure::parameter(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let step = fields.step()?;
    if (end - start) / step > MOST_STEPS {
        let why = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
        return Err(Failure(StatusCode::BAD_REQUEST, "bad_data", why.into()));
    }
    let expr = fields.expr()?;
    if expr.kind() == Kind::Range {
        let why =
            "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector";
        return Err(Failure(StatusCode::BAD_REQUEST, "bad_data", why.into()));
    }
    let count = usize::try_from((end - start) / step).unwrap_or_default() + 1;
    let steps = Steps {
        start_ms: start,
        step_ms: step,
        count,
    };
    let mut columns = match compute(&story, &expr, steps).await? {
        Value::Scalar(values) => {
            vec![Column {
                labels: Labels::new(),
                values: values.into_iter().map(Some).collect(),
            }]
        }
        Value::Vector(columns) => columns,
    };
    columns.sort_by(|a, b| a.labels.cmp(&b.labels));
    let item = |column: &Column| {
        let present = steps
            .times()
            .zip(&column.values)
            .filter_map(|(at, value)| Some((at, (*value)?)));
        let values: Vec<Json> = present
            .map(|(at, value)| json!([seconds(at), number(value)]))
            .collect();
        json!({"metric": metric(&column.labels), "values": values})
    };
    let result: Vec<Json> = columns.iter().map(item).collect();
    Ok(success(&json!({"resultType": "matrix", "result": result})))
}

/// Computing is CPU work, so it is done beside the runtime.
async fn compute(story: &Story, expr: &Expr, steps: Steps) -> Result<Value, Failure> {
    let (story, expr) = (story.clone(), expr.clone());
    let work = move || story.read(Timestamp::now(), |data| promql::evaluate(&expr, data, steps));
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Error::Execution(why) | Error::Parse { message: why, .. })) => {
            Err(Failure(StatusCode::UNPROCESSABLE_ENTITY, "execution", why))
        }
        Err(error) => Err(Failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            error.to_string(),
        )),
    }
}

async fn metadata(RawQuery(query): RawQuery) -> Response {
    let fields = Fields::new(query, &Bytes::new());
    let wanted = fields.get("metric");
    let family = |(name, kind, help): &(&str, &str, &str)| {
        let name = if *kind == "counter" {
            format!("{name}_total")
        } else {
            (*name).to_owned()
        };
        (wanted.is_empty() || wanted == name)
            .then(|| (name, json!([{"type": kind, "help": help, "unit": ""}])))
    };
    success(&Json::Object(
        FAMILIES.iter().filter_map(family).collect::<Map<_, _>>(),
    ))
}

async fn build() -> Response {
    success(&json!({
        "version": "2.42.0-otus-emulator", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
    }))
}

fn metric(labels: &Labels) -> Json {
    json!(labels)
}

/// Milliseconds as seconds, without a fraction where there is none, like Prometheus.
#[expect(clippy::cast_precision_loss, reason = "times fit a float's 53 bits")]
fn seconds(ms: i64) -> Json {
    if ms % 1_000 == 0 {
        json!(ms / 1_000)
    } else {
        json!(ms as f64 / 1_000.0)
    }
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value => value.to_string(),
    }
}
