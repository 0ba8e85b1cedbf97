//! Purpose: answers as GitHub writes them: pages with `Link`, errors with `message`, `ETag` for what was read.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// What a handler returns.
pub(super) type Answer = Result<Response, Failure>;

/// An error as GitHub tells it.
#[derive(Debug)]
pub(super) struct Failure(pub(super) StatusCode, pub(super) String);

impl Failure {
    pub(super) fn not_found() -> Self {
        Self(StatusCode::NOT_FOUND, "Not Found".into())
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, message.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({
            "message": self.1, "documentation_url": "https://docs.github.com/rest", "status": self.0.as_u16().to_string(),
        });
        answer(self.0, &body)
    }
}

pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
}

pub(super) fn ok(body: &Value) -> Answer {
    Ok(answer(StatusCode::OK, body))
}

/// What stands behind the question mark.
pub(super) type Query = HashMap<String, String>;

/// Which part of a list is asked for, and where the others are.
pub(super) struct Page {
    /// The address that was asked, without `page`.
    address: String,
    page: usize,
    per_page: usize,
}

impl Page {
    pub(super) fn new(api: &str, path: &str, query: &Query) -> Self {
        Self::of(api, path, query, 30)
    }

    /// With another length of a page where none is asked for.
    pub(super) fn of(api: &str, path: &str, query: &Query, default: usize) -> Self {
        let number = |key: &str| query.get(key).and_then(|value| value.parse::<usize>().ok());
        let mut rest: Vec<_> = query.iter().filter(|(key, _)| *key != "page").collect();
        rest.sort();
        let rest = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(rest)
            .finish();
        Self {
            address: format!("{api}{path}?{rest}{}", if rest.is_empty() { "" } else { "&" }),
            page: number("page").unwrap_or(1).max(1),
            per_page: number("per_page").unwrap_or(default).clamp(1, default.max(100)),
        }
    }

    /// Whether it is the first one.
    pub(super) fn first(&self) -> bool {
        self.page == 1
    }

    /// The items of this page, and the `Link` header if there are more pages.
    pub(super) fn cut<T>(&self, all: impl ExactSizeIterator<Item = T>) -> (Vec<T>, HeaderMap) {
        let pages = all.len().div_ceil(self.per_page).max(1);
        let mut links = Vec::new();
        let mut link =
            |page: usize, rel: &str| links.push(format!("<{}page={page}>; rel=\"{rel}\"", self.address));
        if self.page > 1 {
            link((self.page - 1).min(pages), "prev");
            link(1, "first");
        }
        if self.page < pages {
            link(self.page + 1, "next");
            link(pages, "last");
        }
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::try_from(links.join(", "))
            && !value.is_empty()
        {
            headers.insert(header::LINK, value);
        }
        let items = all
            .skip((self.page - 1).saturating_mul(self.per_page))
            .take(self.per_page);
        (items.collect(), headers)
    }

    /// A whole answer that is a list.
    pub(super) fn list(&self, all: Vec<Value>) -> Answer {
        let (items, headers) = self.cut(all.into_iter());
        Ok((headers, answer(StatusCode::OK, &Value::Array(items))).into_response())
    }

    /// A page of a list that is told with its length, under a name.
    pub(super) fn counted<T>(&self, name: &str, all: Vec<T>, shape: impl Fn(T) -> Value) -> Answer {
        let count = all.len();
        let (page, headers) = self.cut(all.into_iter());
        let page: Vec<_> = page.into_iter().map(shape).collect();
        let body = json!({"total_count": count, name: page});
        Ok((headers, answer(StatusCode::OK, &body)).into_response())
    }
}

/// The weak tag of a body.
pub(super) fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest[..16]
        .iter()
        .fold("W/\"".to_owned(), |text, byte| format!("{text}{byte:02x}"))
        + "\""
}
