//! Dashboards and library panels: found, and given in the schema they are kept in.

use super::{Answer, Board, Shared, message, reading};
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/search", get(search))
        .route("/api/dashboards/uid/{uid}", get(classic))
        .route(
            "/apis/dashboard.grafana.app/{version}/namespaces/default/dashboards/{uid}",
            get(resource),
        )
        .route("/api/library-elements/{uid}", get(library))
        .route("/goto/{short}", get(short))
        .route("/render/d-solo/{uid}/{slug}", get(render))
}

/// `Node Exporter` is at `/d/<uid>/node-exporter`.
fn slug(title: &str) -> String {
    let words = title.to_lowercase();
    let words: Vec<&str> = words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("-")
}

async fn search(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<Vec<(String, String)>>,
) -> Answer {
    if let Err(answer) = reading(&shared, &headers, "GET /api/search".into(), "dashboards:read") {
        return answer;
    }
    let get = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let number = |name: &str, other: usize| get(name).and_then(|value| value.parse().ok()).unwrap_or(other);
    let (limit, page) = (number("limit", 1_000).clamp(1, 5_000), number("page", 1).max(1));
    let wanted = get("query").unwrap_or_default().to_lowercase();
    let world = shared.lock();
    let found = world.options.boards.iter().enumerate();
    let found = found.filter(|(_, board)| board.title().to_lowercase().contains(&wanted));
    let found: Vec<Value> = found
        .skip((page - 1) * limit)
        .take(limit)
        .map(|(at, board)| {
            let mut one = json!({
                "id": at + 1, "orgId": 1, "uid": board.uid, "title": board.title(), "uri": format!("db/{}", slug(board.title())),
                "url": format!("/d/{}/{}", board.uid, slug(board.title())), "slug": "", "type": "dash-db",
                "tags": board.spec["tags"].as_array().cloned().unwrap_or_default(), "isStarred": false, "sortMeta": 0, "isDeleted": false,
            });
            if !board.folder.is_empty() {
                one["folderUid"] = slug(&board.folder).into();
                one["folderTitle"] = board.folder.as_str().into();
                one["folderUrl"] = format!("/dashboards/f/{0}/{0}", slug(&board.folder)).into();
            }
            one
        })
        .collect();
    (StatusCode::OK, Json(Value::Array(found)))
}

fn find(shared: &Shared, uid: &str) -> Option<Board> {
    shared
        .lock()
        .options
        .boards
        .iter()
        .find(|board| board.uid == uid)
        .cloned()
}

async fn classic(State(shared): State<Shared>, Path(uid): Path<String>, headers: HeaderMap) -> Answer {
    if let Err(answer) = reading(
        &shared,
        &headers,
        format!("GET /api/dashboards/uid/{uid}"),
        "dashboards:read",
    ) {
        return answer;
    }
    let Some(board) = find(&shared, &uid) else {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({"accessErrorId": "ACE0", "message": "Dashboard not found", "title": "Not found"})),
        );
    };
    if board.is_v2() {
        let at = format!("/apis/dashboard.grafana.app/v2beta1/namespaces/default/dashboards/{uid}");
        return (
            StatusCode::NOT_ACCEPTABLE,
            Json(json!({"message": "dashboard api version not supported", "url": at})),
        );
    }
    let mut spec = board.spec.clone();
    spec["uid"] = uid.as_str().into();
    let path = format!("/d/{uid}/{}", slug(board.title()));
    let meta = json!({
        "type": "db", "canSave": false, "canEdit": false, "slug": slug(board.title()), "url": path, "version": 1,
        "folderTitle": board.folder, "provisioned": board.provisioned,
        "provisionedExternalId": if board.provisioned { format!("{uid}.json") } else { String::new() },
    });
    (StatusCode::OK, Json(json!({ "meta": meta, "dashboard": spec })))
}

async fn resource(
    State(shared): State<Shared>,
    Path((version, uid)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let call = format!("GET /apis/dashboard.grafana.app/{version}/…/{uid}");
    if let Err(answer) = reading(&shared, &headers, call, "dashboards:read") {
        return answer;
    }
    let not_found = |what: &str| {
        (
            StatusCode::NOT_FOUND,
            Json(
                json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
            "message": format!("{what} not found")}),
            ),
        )
    };
    if !matches!(version.as_str(), "v1beta1" | "v2beta1") {
        return not_found("the server could not find the requested resource:");
    }
    let Some(board) = find(&shared, &uid) else {
        return not_found(&format!("dashboards.dashboard.grafana.app \"{uid}\""));
    };
    if board.is_v2() != version.starts_with("v2") {
        return (
            StatusCode::OK,
            Json(json!({"kind": "Dashboard", "metadata": {"name": uid}, "spec": {},
            "status": {"conversion": {"failed": true, "storedVersion": "other", "error": "not converted"}}})),
        );
    }
    let answer = json!({
        "kind": "Dashboard", "apiVersion": format!("dashboard.grafana.app/{version}"),
        "metadata": {"name": uid, "namespace": "default", "annotations": {"grafana.app/folder": slug(&board.folder)}},
        "spec": board.spec,
    });
    (StatusCode::OK, Json(answer))
}

async fn library(State(shared): State<Shared>, Path(uid): Path<String>, headers: HeaderMap) -> Answer {
    if let Err(answer) = reading(
        &shared,
        &headers,
        format!("GET /api/library-elements/{uid}"),
        "library.panels:read",
    ) {
        return answer;
    }
    let world = shared.lock();
    let found = world.options.library.iter().find(|(known, _)| *known == uid);
    match found {
        None => message(StatusCode::NOT_FOUND, "library element could not be found"),
        Some((uid, model)) => {
            let answer = json!({"result": {
                "id": 1, "orgId": 1, "folderUid": "", "uid": uid, "name": model["title"], "kind": 1, "type": model["type"],
                "description": "", "model": model, "version": 1, "meta": {"folderName": "General", "connectedDashboards": 1},
            }});
            (StatusCode::OK, Json(answer))
        }
    }
}

/// Every short link leads to the first dashboard.
async fn short(State(shared): State<Shared>, Path(short): Path<String>) -> Response {
    let world = shared.lock();
    match world.options.boards.first() {
        Some(board) if short != "gone" => {
            let to = format!(
                "/d/{}/{}?orgId=1&from=now-1h&to=now",
                board.uid,
                slug(board.title())
            );
            (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
        }
        _ => message(StatusCode::NOT_FOUND, "short URL not found").into_response(),
    }
}

/// A PNG of one grey pixel: its size is of no interest.
const PIXEL: [u8; 67] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0,
    0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63,
    0x68, 0, 0, 0, 0x82, 0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42,
    0x60, 0x82,
];

async fn render(
    State(shared): State<Shared>,
    Path((uid, _)): Path<(String, String)>,
    headers: HeaderMap,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let panel = query
        .iter()
        .find(|(key, _)| key == "panelId")
        .map_or("", |(_, value)| value);
    let call = format!("GET /render/d-solo/{uid}?panelId={panel}");
    if let Err(answer) = reading(&shared, &headers, call, "dashboards:read") {
        return answer.into_response();
    }
    if !shared.lock().options.renderer {
        // What a Grafana without the plugin does.
        let text = "No image renderer available/installed";
        return message(StatusCode::INTERNAL_SERVER_ERROR, text).into_response();
    }
    ([(header::CONTENT_TYPE, "image/png")], Body::from(PIXEL.to_vec())).into_response()
}
