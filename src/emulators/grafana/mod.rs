//! A Grafana on loopback: dashboards of every schema, library panels, data sources, queries answered as data frames out of a
//! Prometheus behind it, a renderer if wanted, and annotations; behind tokens, with Grafana's shapes, messages and permissions.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use otus_emulators::grafana::{Board, Grafana, Options};
//! use serde_json::json;
//!
//! let spec = json!({"title": "Shop", "panels": [{"id": 1, "type": "timeseries", "title": "Up", "targets": [{"expr": "up"}]}]});
//! let options = Options { prometheus: Some("http://127.0.0.1:9090".into()), boards: vec![Board::classic("shop", spec)], ..Options::default() };
//! let grafana = Grafana::start_with(options).await?;
//! println!("{} with {}", grafana.url(), grafana.viewer_token());
//! # Ok(()) }
//! ```

mod annotations;
mod dashboards;
mod frames;
mod rules;
mod shop;
mod sources;

pub use annotations::{Annotation, Fault};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::net::TcpListener;

/// The token that may do everything.
const EDITOR: &str = "glsa_emulated_editor";
/// The one that may only read.
const VIEWER: &str = "glsa_emulated_viewer";
/// The one that may see dashboards, and ask no data source.
const LOOKER: &str = "glsa_emulated_looker";

/// What a Grafana has.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The Prometheus behind the data source `Prometheus`, uid `prom`. Without one there is no data source.
    pub prometheus: Option<String>,
    /// Its dashboards.
    pub boards: Vec<Board>,
    /// Its library panels: uid and content.
    pub library: Vec<(String, Value)>,
    /// Its alert rules: uid, and title, condition and data as provisioning has them.
    pub rules: Vec<(String, Value)>,
    /// Whether it draws panels itself: one grey picture for all.
    pub renderer: bool,
    /// Whether it is of before Grafana 8, which has a proxy to data sources and no query API.
    pub proxy_only: bool,
}

/// A dashboard.
#[derive(Debug, Clone)]
pub struct Board {
    /// What it is found by.
    pub uid: String,
    /// The folder it lies in.
    pub folder: String,
    /// Whether it came from a file.
    pub provisioned: bool,
    /// Its content, in either schema.
    pub spec: Value,
}

impl Board {
    /// One with `panels`.
    pub fn classic(uid: impl Into<String>, spec: Value) -> Self {
        Self {
            uid: uid.into(),
            folder: String::new(),
            provisioned: false,
            spec,
        }
    }

    /// One of schema v2, with `elements` and a `layout`.
    pub fn v2(uid: impl Into<String>, spec: Value) -> Self {
        Self::classic(uid, spec)
    }

    /// One that came from a file.
    pub fn provisioned(uid: impl Into<String>, spec: Value) -> Self {
        Self {
            provisioned: true,
            ..Self::classic(uid, spec)
        }
    }

    /// The same in a folder.
    #[must_use]
    pub fn within(self, folder: impl Into<String>) -> Self {
        Self {
            folder: folder.into(),
            ..self
        }
    }

    fn is_v2(&self) -> bool {
        self.spec["elements"].is_object()
    }

    fn title(&self) -> &str {
        self.spec["title"].as_str().unwrap_or(&self.uid)
    }
}

/// What is wrong with everything below a path, until it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is answered with this status.
    Status(u16),
    /// It takes so long.
    Slow(Duration),
    /// It is never answered.
    Hang,
}

#[derive(Debug, Default)]
struct World {
    annotations: Vec<Annotation>,
    next: u64,
    faults: VecDeque<Fault>,
    calls: Vec<String>,
    options: Options,
    troubles: BTreeMap<String, Trouble>,
}

#[derive(Clone)]
struct Shared {
    world: Arc<Mutex<World>>,
    http: reqwest::Client,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}

type Answer = (StatusCode, Json<Value>);

/// A running emulated Grafana. Dropping it stops it.
#[derive(Debug)]
pub struct Grafana {
    url: String,
    world: Arc<Mutex<World>>,
    server: tokio::task::AbortHandle,
}

impl Drop for Grafana {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Grafana {
    /// Starts on a free port of loopback, with nothing in it.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts on a free port of loopback.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start_with(options: Options) -> anyhow::Result<Self> {
        Self::serve(TcpListener::bind("127.0.0.1:0").await?, options)
    }

    /// Starts on this listener.
    ///
    /// # Errors
    /// When it has no address, or no client for the Prometheus behind can be made.
    pub fn serve(listener: TcpListener, options: Options) -> anyhow::Result<Self> {
        let url = format!("http://{}", listener.local_addr()?);
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Whoever was first is right: the error only says that somebody else has just installed one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let world = Arc::new(Mutex::new(World {
            options,
            ..World::default()
        }));
        let shared = Shared {
            world: Arc::clone(&world),
            http: reqwest::Client::builder().no_proxy().build()?,
        };
        let routes = Router::new()
            .route(
                "/api/health",
                get(|| async { Json(json!({"database": "ok", "version": "12.3.0"})) }),
            )
            .merge(annotations::routes())
            .merge(dashboards::routes())
            .merge(rules::routes())
            .merge(sources::routes())
            .layer(axum::middleware::from_fn_with_state(shared.clone(), troubled))
            .with_state(shared);
        let serve = tokio::spawn(async move {
            // It only ends when aborted: accept errors are waited out.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            url,
            world,
            server: serve.abort_handle(),
        })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A token that may do everything.
    #[must_use]
    pub fn token(&self) -> &'static str {
        EDITOR
    }

    /// A token that may only read: the role Viewer.
    #[must_use]
    pub fn viewer_token(&self) -> &'static str {
        VIEWER
    }

    /// A token that may see dashboards, and ask no data source.
    #[must_use]
    pub fn looker_token(&self) -> &'static str {
        LOOKER
    }

    /// All marks, oldest first.
    #[must_use]
    pub fn annotations(&self) -> Vec<Annotation> {
        lock(&self.world).annotations.clone()
    }

    /// Every call so far, as `POST /api/annotations`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        lock(&self.world).calls.clone()
    }

    /// Lets the next writing call go wrong; several are kept in order.
    pub fn fault(&self, fault: Fault) {
        lock(&self.world).faults.push_back(fault);
    }

    /// Lets everything below a path go wrong, as `/api/ds/query`.
    pub fn trouble(&self, path: &str, trouble: Trouble) {
        lock(&self.world).troubles.insert(path.to_owned(), trouble);
    }

    /// Everything goes well again.
    pub fn mend(&self) {
        lock(&self.world).troubles.clear();
    }

    /// Somebody makes a dashboard.
    pub fn add(&self, board: Board) {
        lock(&self.world).options.boards.push(board);
    }

    /// Somebody deletes a mark.
    pub fn delete(&self, id: u64) {
        lock(&self.world).annotations.retain(|known| known.id != id);
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    // Whole at every moment.
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

fn message(status: StatusCode, text: &str) -> Answer {
    (status, Json(json!({ "message": text })))
}

/// The token of a call.
fn token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
}

/// Lets a reading call in that needs a permission, or says why not.
fn reading(shared: &Shared, headers: &HeaderMap, call: String, permission: &str) -> Result<(), Answer> {
    shared.lock().calls.push(call);
    match token(headers) {
        Some(EDITOR | VIEWER) => Ok(()),
        Some(LOOKER) if permission != "datasources:query" => Ok(()),
        Some(LOOKER) => Err(message(
            StatusCode::FORBIDDEN,
            &format!(
                "You'll need additional permissions to perform this action. Permissions needed: {permission}"
            ),
        )),
        _ => Err(message(StatusCode::UNAUTHORIZED, "Invalid API key")),
    }
}

/// What was ordered to go wrong.
async fn troubled(
    axum::extract::State(shared): axum::extract::State<Shared>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    use axum::response::IntoResponse as _;
    let path = request.uri().path().to_owned();
    let trouble = {
        let world = shared.lock();
        let found = world
            .troubles
            .iter()
            .find(|(below, _)| path.starts_with(below.as_str()));
        found.map(|(_, trouble)| *trouble)
    };
    match trouble {
        None => {}
        Some(Trouble::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return message(status, "an ordered fault").into_response();
        }
        Some(Trouble::Slow(time)) => tokio::time::sleep(time).await,
        Some(Trouble::Hang) => std::future::pending().await,
    }
    next.run(request).await
}
