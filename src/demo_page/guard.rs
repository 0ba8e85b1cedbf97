//! Who may ask: a browser on this machine that shows this page, and nobody in the name of another page.
//!
//! - The `Host` has to be a loopback name with this port, or a page elsewhere could point its own name here (DNS rebinding).
//! - What does something has to come from this page (`Origin`) and be JSON, which no form of another page can send unasked.
//! - Where the browser says from where a request comes (`Sec-Fetch-Site`), other pages are only let in by following a link.
//!
//! Nothing here is secret, and no token is needed: what is emulated is this demo's own, and whoever can run programs on this machine
//! as this person can do all of it anyway.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Scripts, styles and pictures come from here, whole; text never becomes markup (`require-trusted-types-for`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Lets in who may, and gives every answer its headers.
pub(crate) async fn guard(State(port): State<u16>, request: Request, next: Next) -> Response {
    let mut response = match refusal(port, request.method(), request.uri().path(), request.headers()) {
        None => next.run(request).await,
        Some(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refusal(port: u16, method: &Method, path: &str, headers: &HeaderMap) -> Option<String> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(&header::HOST).unwrap_or_default();
    let ours = ["127.0.0.1", "localhost", "[::1]"];
    if !ours.iter().any(|name| host == format!("{name}:{port}")) {
        return Some(format!("The demo's page is at http://127.0.0.1:{port}/ only."));
    }
    let looks = method == Method::GET || method == Method::HEAD;
    let from = text(&HeaderName::from_static("sec-fetch-site"));
    let elsewhere = from.is_some_and(|from| !matches!(from, "same-origin" | "none"));
    // A link on another page may lead here, to the page itself.
    if elsewhere && !(looks && path == "/") {
        return Some("Only the demo's own page may ask this.".to_owned());
    }
    if looks {
        return None;
    }
    let origin = text(&header::ORIGIN).unwrap_or_default();
    if origin != format!("http://{host}") {
        return Some(
            "Only the demo's own page may do this: the Origin is another one, or missing.".to_owned(),
        );
    }
    let json = text(&header::CONTENT_TYPE).is_some_and(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim() == "application/json")
    });
    (!json).then(|| "What is done is said in JSON (Content-Type: application/json).".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, path: &str, said: &[(&'static str, &str)]) -> bool {
        let headers: HeaderMap = said
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        refusal(4_000, &method, path, &headers).is_none()
    }

    #[test]
    fn only_this_machines_own_page_is_let_in() {
        let (get, post) = (Method::GET, Method::POST);
        let json = ("content-type", "application/json");
        let host = ("host", "127.0.0.1:4000");
        assert!(asked(get.clone(), "/", &[host]));
        assert!(asked(
            get.clone(),
            "/api/events",
            &[("host", "localhost:4000"), ("sec-fetch-site", "same-origin")]
        ));
        // Names that lead here, other ports, no name.
        for name in [
            "otus.example",
            "otus.example:4000",
            "127.0.0.1:4001",
            "127.0.0.1",
            "",
        ] {
            assert!(!asked(get.clone(), "/", &[("host", name)]), "{name}");
        }
        assert!(!asked(get.clone(), "/", &[]));
        // Other pages: by a link, else not.
        assert!(asked(get.clone(), "/", &[host, ("sec-fetch-site", "cross-site")]));
        assert!(!asked(
            get.clone(),
            "/api/events",
            &[host, ("sec-fetch-site", "cross-site")]
        ));
        assert!(!asked(get, "/app.js", &[host, ("sec-fetch-site", "same-site")]));
        // What does something.
        let origin = ("origin", "http://127.0.0.1:4000");
        assert!(asked(post.clone(), "/api/say", &[host, origin, json]));
        assert!(!asked(post.clone(), "/api/say", &[host, json]));
        assert!(!asked(
            post.clone(),
            "/api/say",
            &[host, ("origin", "null"), json]
        ));
        assert!(!asked(
            post.clone(),
            "/api/say",
            &[host, ("origin", "http://localhost:4000"), json]
        ));
        assert!(!asked(
            post.clone(),
            "/api/say",
            &[host, ("origin", "https://evil.example"), json]
        ));
        assert!(!asked(post.clone(), "/api/say", &[host, origin]));
        assert!(!asked(
            post.clone(),
            "/api/say",
            &[host, origin, ("content-type", "text/plain")]
        ));
        assert!(!asked(
            post,
            "/api/say",
            &[host, origin, json, ("sec-fetch-site", "cross-site")]
        ));
    }
}
