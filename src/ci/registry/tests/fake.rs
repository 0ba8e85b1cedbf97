//! Purpose: a registry with one image that asks for a bearer token, and does what it is told to.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard};

/// What goes wrong with a request.
#[derive(Clone)]
pub(super) enum Fault {
    /// This status, and a `Retry-After`.
    Status(u16, Option<&'static str>),
    /// No answer at all.
    Hang,
    /// This body, as if all were well.
    Body(&'static str, &'static str),
}

/// What it knows and does; a test sets it up and looks at it.
pub(super) struct World {
    pub(super) password: String,
    /// Whether the user may read the repository.
    pub(super) allowed: bool,
    /// Whether a token is given without credentials.
    pub(super) anonymous: bool,
    /// Whether `/v2/` is open, and only the repository asks for a token.
    pub(super) open_front: bool,
    pub(super) expires_in: Option<u64>,
    pub(super) realm: Option<String>,
    /// The token that is good now; older ones are not.
    pub(super) token: u64,
    pub(super) tells_digest: bool,
    pub(super) tags: Vec<String>,
    pub(super) pages: Pages,
    /// What the next request with this beginning gets, and how often.
    pub(super) faults: Vec<(&'static str, Fault, u32)>,
    /// Every request, as `HEAD manifests/latest`.
    pub(super) journal: Vec<String>,
    host: String,
}

/// How a list of tags goes on.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pages {
    Linked,
    Unlinked,
    /// `last` is not understood.
    Stuck,
    /// The link leads away.
    Elsewhere,
}

pub(super) struct Fake {
    pub(super) host: String,
    world: Arc<Mutex<World>>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let world = Arc::new(Mutex::new(World {
            password: "s3cret".into(),
            allowed: true,
            anonymous: false,
            open_front: false,
            expires_in: Some(300),
            realm: None,
            token: 0,
            tells_digest: true,
            tags: vec!["latest".into()],
            pages: Pages::Linked,
            faults: Vec::new(),
            journal: Vec::new(),
            host: host.clone(),
        }));
        let routes = Router::new().fallback(answer).with_state(world.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { host, world }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// What was asked since the last time.
    pub(super) fn journal(&self) -> Vec<String> {
        std::mem::take(&mut self.world().journal)
    }
}

pub(super) fn config() -> String {
    let labels = json!({"org.opencontainers.image.revision": super::COMMIT});
    json!({"os": "linux", "architecture": "amd64", "config": {"Labels": labels}}).to_string()
}

pub(super) fn manifest() -> String {
    let kind = "application/vnd.oci.image.config.v1+json";
    json!({
        "schemaVersion": 2, "layers": [],
        "config": {"mediaType": kind, "digest": digest(&config()), "size": config().len()},
    })
    .to_string()
}

pub(super) fn digest(text: &str) -> String {
    use sha2::Digest as _;
    let hex: String = sha2::Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

async fn answer(State(world): State<Arc<Mutex<World>>>, request: Request<Body>) -> Response {
    let (method, uri, headers) = (
        request.method().clone(),
        request.uri().clone(),
        request.headers().clone(),
    );
    let hang = {
        let mut world = world.lock().unwrap();
        let what = name(&method, &uri);
        world.journal.push(what.clone());
        match world.fault(&what) {
            Some(Fault::Hang) => true,
            Some(Fault::Status(status, after)) => {
                let mut answer = StatusCode::from_u16(status).unwrap().into_response();
                if let Some(after) = after {
                    answer
                        .headers_mut()
                        .insert(header::RETRY_AFTER, after.parse().unwrap());
                }
                return answer;
            }
            Some(Fault::Body(kind, body)) => return ([(header::CONTENT_TYPE, kind)], body).into_response(),
            None => false,
        }
    };
    if hang {
        std::future::pending::<()>().await;
    }
    let mut world = world.lock().unwrap();
    if uri.path() == "/token" {
        return world.give_token(&headers);
    }
    world.serve(&uri, &headers)
}

/// `/v2/team/api/manifests/latest` without what is always the same.
fn name(method: &Method, uri: &Uri) -> String {
    let path = uri.path();
    let path = path.strip_prefix("/v2/team/api/").unwrap_or(path);
    format!("{method} {path}")
}

impl World {
    fn fault(&mut self, what: &str) -> Option<Fault> {
        let found = self
            .faults
            .iter_mut()
            .find(|(begin, _, left)| *left > 0 && what.starts_with(begin))?;
        found.2 -= 1;
        Some(found.1.clone())
    }

    fn give_token(&mut self, headers: &HeaderMap) -> Response {
        let right = format!("Basic {}", STANDARD.encode(format!("robot:{}", self.password)));
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        if shown.map_or(!self.anonymous, |shown| shown != right) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        self.token += 1;
        let mut token = json!({"access_token": format!("token-{}", self.token)});
        if let Some(expires_in) = self.expires_in {
            token["expires_in"] = expires_in.into();
        }
        token.to_string().into_response()
    }

    fn serve(&mut self, uri: &Uri, headers: &HeaderMap) -> Response {
        let front = uri.path() == "/v2/";
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        if shown != Some(&format!("Bearer token-{}", self.token)) && !(front && self.open_front) {
            let realm = self
                .realm
                .clone()
                .unwrap_or_else(|| format!("http://{}/token", self.host));
            let challenge = format!("Bearer realm=\"{realm}\",service=\"fake\"");
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
        }
        if front {
            return "{}".into_response();
        }
        if !self.allowed {
            return StatusCode::FORBIDDEN.into_response();
        }
        let rest = uri.path().strip_prefix("/v2/team/api/").unwrap_or_default();
        if rest == "tags/list" {
            return self.list(uri);
        }
        let manifest = manifest();
        let found = rest.strip_prefix("manifests/").map(|name| {
            let known = self.tags.iter().any(|tag| tag == name) || name == digest(&manifest);
            known.then(|| manifest.clone())
        });
        let body = found.unwrap_or_else(|| (rest == format!("blobs/{}", digest(&config()))).then(config));
        match body {
            Some(body) if self.tells_digest => {
                ([("docker-content-digest", digest(&body))], body).into_response()
            }
            Some(body) => body.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    /// Two on a page, whatever was asked for; without links, as many as were asked for.
    fn list(&self, uri: &Uri) -> Response {
        let query = uri.query().unwrap_or_default();
        let value = |wanted: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .find(|(key, _)| *key == wanted)
                .map(|(_, value)| value.to_owned())
        };
        let size = value("n").and_then(|n| n.parse().ok()).unwrap_or(2);
        let size = if self.pages == Pages::Unlinked {
            size
        } else {
            size.min(2)
        };
        let last = value("last").filter(|_| self.pages != Pages::Stuck);
        let from = last
            .and_then(|last| self.tags.iter().position(|tag| *tag == last))
            .map_or(0, |at| at + 1);
        let page: Vec<&String> = self.tags.iter().skip(from).take(size).collect();
        let more = from + page.len() < self.tags.len();
        let body = json!({"name": "team/api", "tags": page}).to_string();
        let there = match self.pages {
            Pages::Elsewhere => "http://registry.example.com",
            _ => "",
        };
        match page.last() {
            Some(last) if more && self.pages != Pages::Unlinked => {
                let link = format!("<{there}/v2/team/api/tags/list?last={last}&n=2>; rel=\"next\"");
                ([(header::LINK, link)], body).into_response()
            }
            _ => body.into_response(),
        }
    }
}
