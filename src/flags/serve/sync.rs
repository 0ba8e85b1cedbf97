//! Purpose: the document of a set, for flagd's HTTP sync and for in-process providers: polled, mostly answered with 304.

use super::{
    Serving,
    ofrep::{empty, matches, tag},
};
use axum::{
    body::Body,
    extract::{Path, State},
    http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode, header},
};
use std::sync::Arc;

pub(super) async fn document(
    State(serving): State<Arc<Serving>>,
    Path(file): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response<Body> {
    let client = match serving.client(&headers, &extensions) {
        Ok(client) => client,
        Err(refusal) => return refusal,
    };
    let name = file.strip_suffix(".json").unwrap_or(&file);
    // Whether there is another set is nobody's business.
    if !client.documents || client.set != name {
        return empty(StatusCode::FORBIDDEN, None);
    }
    let Some(live) = serving.flags.set(name) else {
        return empty(StatusCode::NOT_FOUND, None);
    };
    let (document, etag) = live.document();
    let mut response = if matches(&headers, etag) {
        empty(StatusCode::NOT_MODIFIED, None)
    } else {
        let mut response = Response::new(Body::from(document.clone()));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    };
    let fresh = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, fresh);
    tag(&mut response, etag);
    response
}
