//! The upload urls, and the download of what was shared.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{ConnectInfo, Path, Request, State as FromState},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{args::header as read_header, faults::Fault, multipart, server::Shared, wire::Line};

/// Slack takes 1 GB; a test does not.
const MAX_FILE: usize = 64 << 20;

/// `POST /upload/v1/<ticket>`: the bytes, raw or as a form.
pub(crate) async fn upload(
    FromState(shared): FromState<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(ticket): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_FILE).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match shared.with(|st| st.faults.take("upload")) {
        Some(Fault::Status(status)) => {
            return StatusCode::from_u16(status)
                .unwrap_or(StatusCode::BAD_GATEWAY)
                .into_response();
        }
        Some(Fault::Hang) => shared.stop.cancelled().await,
        Some(Fault::Reset | Fault::LoseAnswer) => {
            line.0.reset();
            return std::future::pending().await;
        }
        Some(Fault::Slow(millis)) => tokio::time::sleep(std::time::Duration::from_millis(millis)).await,
        _ => {}
    }
    let content_type = read_header(&parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let content = if content_type.starts_with("multipart/form-data") {
        match multipart::read(content_type, &body).and_then(|parts| parts.into_iter().next()) {
            Some(part) => part.body.to_vec(),
            None => return (StatusCode::BAD_REQUEST, "this form has no file in it").into_response(),
        }
    } else {
        body.to_vec()
    };
    shared.with(|st| {
        let file = st
            .world
            .files
            .values_mut()
            .find(|file| file.ticket == ticket && !file.completed);
        let Some(file) = file else {
            return (
                StatusCode::NOT_FOUND,
                "this upload url is unknown, or its upload complete",
            )
                .into_response();
        };
        if content.len() as u64 != file.length {
            let why = format!("{} bytes were announced and {} came", file.length, content.len());
            return (StatusCode::BAD_REQUEST, why).into_response();
        }
        let answer = format!("OK - {}", content.len());
        file.content = Some(content);
        answer.into_response()
    })
}

/// `GET /files-pri/<team>-<file>/…`: needs the bot token, as `url_private` does.
pub(crate) async fn download(
    FromState(shared): FromState<Arc<Shared>>,
    Path((id, _name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let token = read_header(&headers, header::AUTHORIZATION.as_str()).and_then(|t| t.strip_prefix("Bearer "));
    shared.look(|st| {
        if token != Some(st.options.bot_token.as_str()) {
            // Slack sends a browser to its sign-in page.
            return (StatusCode::FOUND, [(header::LOCATION, st.world.base_url.clone())]).into_response();
        }
        let file = id.rsplit('-').next().and_then(|id| st.world.files.get(id));
        match file.and_then(|file| {
            file.content
                .as_ref()
                .map(|content| (file.mimetype(), content.clone()))
        }) {
            Some((kind, content)) => ([(header::CONTENT_TYPE, kind)], Body::from(content)).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    })
}
