//! HTTP as far as a responder sees it: what came in, what to answer, and where it listens. The robot serves no network
//! itself; the program hands requests to [`Robot::serve`](crate::Robot::serve).
//!
//! ```
//! # extern crate otus_core as otus;
//! use otus::{prelude::*, web::{Answer, Request, Route}};
//!
//! /// Rings when somebody calls.
//! #[derive(Default)]
//! struct Bell;
//!
//! /// A bell.
//! #[responder]
//! impl Bell {
//!     #[routes]
//!     fn routes(&self) -> Vec<Route> {
//!         vec![Route::new("POST", "/hooks/bell", |_services, request: Request| async move {
//!             Ok(Answer::new(202, format!("{} bytes rang\n", request.body.len())))
//!         })]
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let room = Room::with(Bell);
//! let rang = room.robot().serve(Request::new("POST", "/hooks/bell", "ding")).await;
//! assert_eq!(rang, Answer::new(202, "4 bytes rang\n"));
//! # }
//! ```

use crate::{error::Result, services::Services};
use futures_util::future::BoxFuture;
use std::{fmt, future::Future, sync::Arc, time::Duration};

/// Below this path responders listen; everything else is the program's own.
pub const PLACE: &str = "/hooks/";

/// The largest body a responder is given, in bytes: the largest that GitHub sends.
pub const MAX_BODY: usize = 25 * 1024 * 1024;

/// How long a route may take. Senders of webhooks give up after 5 (CircleCI) to 10 s (GitHub).
pub const DEADLINE: Duration = Duration::from_secs(8);

/// What came in.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// The path as it was sent, without what follows a `?`.
    pub path: String,
    /// The headers, in order; a name may be there more than once.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, byte for byte as it came: signatures cover the bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers.
    pub fn new(method: impl Into<String>, path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl fmt::Debug for Request {
    /// Neither values of headers, some of which are secrets, nor the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &names)
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Plain text for whoever sent it. It goes to the outside: nothing of the inside belongs in it.
    pub body: String,
}

impl Answer {
    /// A status with a text.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
        }
    }
}

/// What answers a request.
pub type Handle = Arc<dyn Fn(Services, Request) -> BoxFuture<'static, Result<Answer>> + Send + Sync>;

/// One thing a responder listens to over HTTP.
#[derive(Clone)]
pub struct Route {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path and all paths below it: `/hooks/ci` takes `/hooks/ci/one`, not `/hooks/cider`. It begins with [`PLACE`].
    pub path: String,
    /// What answers. Its error is logged, and answered with a plain 500.
    pub handle: Handle,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Route {
    /// A route with what answers it.
    pub fn new<F, Fut>(method: &'static str, path: impl Into<String>, handle: F) -> Self
    where
        F: Fn(Services, Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer>> + Send + 'static,
    {
        Self {
            method,
            path: path.into(),
            handle: Arc::new(move |services, request| Box::pin(handle(services, request))),
        }
    }

    /// Whether a path is this one's.
    fn takes(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// What is wrong with it beside these others.
    pub(crate) fn fault(&self, others: &[Route]) -> Option<String> {
        let Self { method, path, .. } = self;
        if !path.starts_with(PLACE) || path.len() == PLACE.len() || path.ends_with('/') {
            return Some(format!(
                "the route {path} is none: responders listen below {PLACE}, and a path has no slash at its end"
            ));
        }
        others
            .iter()
            .any(|other| other.method == *method && other.path == *path)
            .then(|| format!("another responder listens to {method} {path} already"))
    }
}

/// The route for a request: the longest path wins. `Err` is the status that says why there is none.
fn find<'a>(routes: &'a [Route], method: &str, path: &str) -> std::result::Result<&'a Route, u16> {
    let there = || routes.iter().filter(|route| route.takes(path));
    let fits = there()
        .filter(|route| route.method == method)
        .max_by_key(|route| route.path.len());
    fits.ok_or_else(|| if there().next().is_some() { 405 } else { 404 })
}

/// Answers a request, whatever becomes of the handler.
pub(crate) async fn serve(routes: &[Route], services: Services, request: Request) -> Answer {
    let route = match find(routes, &request.method, &request.path) {
        Ok(route) => route,
        Err(405) => return Answer::new(405, "not with this method\n"),
        Err(status) => return Answer::new(status, "nobody listens here\n"),
    };
    let what = format!("{route:?}");
    let handle = Arc::clone(&route.handle);
    // In a task of its own: a panic ends nothing else, and a sender that hangs up does not leave it half done.
    let run = tokio::spawn(async move { handle(services, request).await });
    match tokio::time::timeout(DEADLINE, run).await {
        Ok(Ok(Ok(answer))) => answer,
        Ok(Ok(Err(error))) => {
            tracing::error!(route = what, error = format!("{error:#}"), "a route failed");
            Answer::new(500, "this did not work; the log says why\n")
        }
        Ok(Err(error)) => {
            tracing::error!(route = what, %error, "a route ended abruptly");
            Answer::new(500, "this did not work; the log says why\n")
        }
        Err(_) => {
            tracing::error!(route = what, "a route took too long");
            Answer::new(503, "this takes too long; try again\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &'static str, path: &str) -> Route {
        Route::new(method, path, |_, _| async { Ok(Answer::new(200, "")) })
    }

    #[test]
    fn the_longest_path_with_the_method_wins() {
        let routes = [
            route("POST", "/hooks/ci"),
            route("POST", "/hooks/ci/one"),
            route("GET", "/hooks/ci/one/deep"),
        ];
        for (method, path, found) in [
            ("POST", "/hooks/ci", Ok("/hooks/ci")),
            ("POST", "/hooks/ci/", Ok("/hooks/ci")),
            ("POST", "/hooks/ci/two", Ok("/hooks/ci")),
            ("POST", "/hooks/ci/one", Ok("/hooks/ci/one")),
            ("POST", "/hooks/ci/one/deep", Ok("/hooks/ci/one")),
            ("GET", "/hooks/ci/one/deep", Ok("/hooks/ci/one/deep")),
            ("GET", "/hooks/ci/one", Err(405)),
            ("POST", "/hooks/cider", Err(404)),
            ("POST", "/hooks", Err(404)),
        ] {
            let which = find(&routes, method, path).map(|route| route.path.as_str());
            assert_eq!(which, found, "{method} {path}");
        }
    }

    #[test]
    fn a_route_stays_in_its_place_and_alone() {
        let first = route("POST", "/hooks/ci");
        assert_eq!(first.fault(&[route("GET", "/hooks/ci")]), None);
        assert!(first.fault(std::slice::from_ref(&first)).is_some());
        for path in ["/metrics", "/hooks", "/hooks/", "/hooks/ci/", "hooks/ci"] {
            assert!(route("POST", path).fault(&[]).is_some(), "{path}");
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let request = Request::new("POST", "/hooks/ci", "the body").header("X-Gitlab-Token", "hush");
        let printed = format!("{request:?}");
        assert!(printed.contains("X-Gitlab-Token"), "{printed}");
        assert!(
            !printed.contains("hush") && !printed.contains("the body"),
            "{printed}"
        );
    }
}
