//! Data sources: listed, asked by the query API, by the plugin's own routes, and through the proxy.

use super::{Answer, Shared, frames, message, reading};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use serde_json::{Map, Value, json};

/// The data source there is.
const UID: &str = "prom";
const NAME: &str = "Prometheus";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/frontend/settings", get(settings))
        .route("/api/datasources", get(list))
        .route("/api/ds/query", post(query))
        .route("/api/datasources/uid/{uid}/resources/{*path}", any(resource))
        .route("/api/datasources/proxy/uid/{uid}/{*path}", any(proxy))
}

fn source() -> Value {
    json!({
        "id": 1, "uid": UID, "name": NAME, "type": "prometheus", "isDefault": true, "access": "proxy", "url": "/api/datasources/proxy/uid/prom",
        "jsonData": {"timeInterval": "15s", "httpMethod": "POST"}, "readOnly": true,
    })
}

async fn settings(State(shared): State<Shared>, headers: HeaderMap) -> Answer {
    if let Err(answer) = reading(&shared, &headers, "GET /api/frontend/settings".into(), "") {
        return answer;
    }
    let world = shared.lock();
    let mut sources = json!({
        "-- Grafana --": {"id": -1, "uid": "grafana", "name": "-- Grafana --", "type": "grafana"},
        "-- Mixed --": {"id": -2, "uid": "-- Mixed --", "name": "-- Mixed --", "type": "datasource"},
    });
    if world.options.prometheus.is_some() {
        sources[NAME] = source();
    }
    let answer = json!({
        "datasources": sources, "defaultDatasource": NAME, "rendererAvailable": world.options.renderer,
        "buildInfo": {"version": "12.3.0", "edition": "Open Source"},
    });
    (StatusCode::OK, Json(answer))
}

async fn list(State(shared): State<Shared>, headers: HeaderMap) -> Answer {
    if let Err(answer) = reading(
        &shared,
        &headers,
        "GET /api/datasources".into(),
        "datasources:read",
    ) {
        return answer;
    }
    let all = shared.lock().options.prometheus.is_some().then(source);
    (StatusCode::OK, Json(Value::Array(all.into_iter().collect())))
}

async fn query(State(shared): State<Shared>, headers: HeaderMap, Json(asked): Json<Value>) -> Answer {
    let old = shared.lock().options.proxy_only;
    if old {
        return message(StatusCode::NOT_FOUND, "Not found");
    }
    if let Err(answer) = reading(
        &shared,
        &headers,
        "POST /api/ds/query".into(),
        "datasources:query",
    ) {
        return answer;
    }
    let time = |key: &str| {
        asked[key]
            .as_str()
            .and_then(|text| text.parse::<i64>().ok())
            .or(asked[key].as_i64())
    };
    let (Some(from), Some(to)) = (time("from"), time("to")) else {
        return message(
            StatusCode::BAD_REQUEST,
            "bad request data: from and to are needed",
        );
    };
    let queries = asked["queries"].as_array().cloned().unwrap_or_default();
    if queries.is_empty() {
        return message(StatusCode::BAD_REQUEST, "no queries found");
    }
    let mut results = Map::new();
    let mut failed = 0;
    for one in &queries {
        let reference = one["refId"].as_str().unwrap_or("A").to_owned();
        let uid = one["datasource"]["uid"].as_str().unwrap_or(UID);
        let result = match (uid, base(&shared)) {
            (UID, Some(base)) => answered(&shared, &base, one, (from, to)).await,
            _ => return message(StatusCode::NOT_FOUND, "Data source not found"),
        };
        let result = result.unwrap_or_else(|(status, error)| {
            failed += 1;
            json!({"status": status, "error": error, "errorSource": "downstream", "frames": []})
        });
        results.insert(reference, result);
    }
    let status = match failed {
        0 => StatusCode::OK,
        all if all == queries.len() => StatusCode::BAD_REQUEST,
        _ => StatusCode::MULTI_STATUS,
    };
    (status, Json(json!({ "results": results })))
}

fn base(shared: &Shared) -> Option<String> {
    shared.lock().options.prometheus.clone()
}

/// One query, asked of Prometheus and put into frames.
async fn answered(
    shared: &Shared,
    base: &str,
    query: &Value,
    (from, to): (i64, i64),
) -> Result<Value, (u16, String)> {
    let expr = query["expr"].as_str().unwrap_or_default();
    let step = query["intervalMs"].as_i64().unwrap_or(15_000).max(1_000);
    let align = |at: i64| at.div_euclid(step) * step;
    let seconds = |ms: i64| format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000));
    let instant = query["instant"] == true && query["range"] != true;
    let (path, fields) = match instant {
        true => ("query", vec![("query", expr.to_owned()), ("time", seconds(to))]),
        false => (
            "query_range",
            vec![
                ("query", expr.to_owned()),
                ("start", seconds(align(from))),
                ("end", seconds(align(to))),
                ("step", format!("{}", step as f64 / 1e3)),
            ],
        ),
    };
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    let sent = shared
        .http
        .post(format!("{}/api/v1/{path}", base.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await;
    let lost = |error: reqwest::Error| (502, format!("Post \"{path}\": {}", error.without_url()));
    let came = sent.map_err(lost)?;
    let status = came.status().as_u16();
    let bytes = came.bytes().await.map_err(lost)?;
    let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if answer["status"] != "success" {
        let kind = answer["errorType"].as_str().unwrap_or("bad_response");
        let error = answer["error"].as_str().unwrap_or("the answer is not JSON");
        return Err((status, format!("{kind}: {error}")));
    }
    Ok(frames::of(query, &answer["data"], step))
}

async fn resource(
    State(shared): State<Shared>,
    Path((uid, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    // Before Grafana 8 a plugin had no routes of its own.
    if shared.lock().options.proxy_only {
        return message(StatusCode::NOT_FOUND, "Not found").into_response();
    }
    let call = format!("{method} /api/datasources/uid/{uid}/resources/{path}");
    passed(&shared, &uid, &path, call, (method, headers, query, body)).await
}

async fn proxy(
    State(shared): State<Shared>,
    Path((uid, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let call = format!("{method} /api/datasources/proxy/uid/{uid}/{path}");
    passed(&shared, &uid, &path, call, (method, headers, query, body)).await
}

/// A call, passed on to Prometheus as it came.
async fn passed(
    shared: &Shared,
    uid: &str,
    path: &str,
    call: String,
    (method, headers, query, body): (Method, HeaderMap, Option<String>, Bytes),
) -> Response {
    if let Err(answer) = reading(shared, &headers, call, "datasources:query") {
        return answer.into_response();
    }
    let Some(base) = base(shared).filter(|_| uid == UID) else {
        return message(StatusCode::NOT_FOUND, "Data source not found").into_response();
    };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut request = shared
        .http
        .request(method, format!("{}/{path}{query}", base.trim_end_matches('/')));
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    match request.body(body).send().await {
        Err(_) => message(StatusCode::BAD_GATEWAY, "Bad Gateway").into_response(),
        Ok(came) => {
            let status = came.status();
            let kind = came.headers().get(header::CONTENT_TYPE).cloned();
            let bytes = came.bytes().await.unwrap_or_default();
            let mut answer = (status, Body::from(bytes)).into_response();
            if let Some(kind) = kind {
                answer.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            answer
        }
    }
}
