//! A container registry on loopback that is only read: images are put in by hand. What a robot that looks for a commit's image needs of
//! the OCI distribution specification (opencontainers/distribution-spec, "Pull"): manifests, blobs, tags. Nobody logs in.
//!
//! A registry that is real is [`crate::real::RealRegistry`]; this one needs nothing installed.

use axum::{
    Router,
    extract::State,
    http::{HeaderName, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{net::TcpListener, task::JoinHandle};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A running registry. It stops when it is dropped.
#[derive(Debug)]
pub struct Registry {
    kept: Arc<Mutex<Kept>>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Manifests and blobs by repository and digest.
    content: BTreeMap<(String, String), (&'static str, String)>,
    /// Digests by repository and tag.
    tags: BTreeMap<(String, String), String>,
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    // Nothing panics while it is held; if it did, what is kept is whole.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    /// Starts an empty one on a free port.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let kept = Arc::<Mutex<Kept>>::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&kept));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the registry no longer listens");
            }
        });
        Ok(Self { kept, address, task })
    }

    /// Its host and port, as an image's name begins.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Puts an image for linux/amd64 in, without layers, under a tag; its name by digest.
    pub fn push(&self, repository: &str, tag: &str, labels: &[(&str, &str)]) -> String {
        let labels: serde_json::Map<String, Value> = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Labels": labels }, "created": "2026-01-02T03:04:05Z",
            "rootfs": { "type": "layers", "diff_ids": [] },
        })
        .to_string();
        let mut kept = lock(&self.kept);
        let mut put = |kind: &'static str, body: String| {
            let digest = digest(&body);
            kept.content
                .insert((repository.to_owned(), digest.clone()), (kind, body));
            digest
        };
        let size = config.len();
        let of_config = put(CONFIG, config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": { "mediaType": CONFIG, "digest": of_config, "size": size },
        });
        let digest = put(MANIFEST, manifest.to_string());
        kept.tags
            .insert((repository.to_owned(), tag.to_owned()), digest.clone());
        format!("{}/{repository}@{digest}", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn digest(body: &str) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(body.as_bytes()) {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

async fn answer(State(kept): State<Arc<Mutex<Kept>>>, method: Method, uri: Uri) -> Response {
    let no = |code: &str| {
        let errors = json!({ "errors": [{ "code": code, "message": "there is nothing like that" }] });
        (StatusCode::NOT_FOUND, axum::Json(errors)).into_response()
    };
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(path) = uri.path().strip_prefix("/v2/") else {
        return no("NAME_UNKNOWN");
    };
    if path.is_empty() {
        return axum::Json(json!({})).into_response();
    }
    let kept = lock(&kept);
    if let Some(repository) = path.strip_suffix("/tags/list") {
        let tags: Vec<&String> = kept
            .tags
            .keys()
            .filter(|(of, _)| of == repository)
            .map(|(_, tag)| tag)
            .collect();
        return axum::Json(json!({ "name": repository, "tags": tags })).into_response();
    }
    let found = ["/manifests/", "/blobs/"]
        .iter()
        .find_map(|kind| path.split_once(kind));
    let Some((repository, reference)) = found else {
        return no("NAME_UNKNOWN");
    };
    let tagged = kept.tags.get(&(repository.to_owned(), reference.to_owned()));
    let digest = tagged.cloned().unwrap_or_else(|| reference.to_owned());
    match kept.content.get(&(repository.to_owned(), digest.clone())) {
        None => no("MANIFEST_UNKNOWN"),
        Some((kind, body)) => {
            let named = HeaderName::from_static("docker-content-digest");
            (
                [(header::CONTENT_TYPE, (*kind).to_owned()), (named, digest)],
                body.clone(),
            )
                .into_response()
        }
    }
}
