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
use flate2::{Compression, write::GzEncoder};
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
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

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
    content: BTreeMap<(String, String), (&'static str, Vec<u8>)>,
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
        self.put(repository, tag, labels, None)
    }

    /// The same, with one layer of these files: their paths in the image, and what is in them.
    ///
    /// # Errors
    /// When they cannot be packed: a path leads upwards, or is too long.
    pub fn push_files(
        &self,
        repository: &str,
        tag: &str,
        labels: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> std::io::Result<String> {
        let packed = GzEncoder::new(Vec::new(), Compression::fast());
        let mut archive = tar::Builder::new(packed);
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path.trim_start_matches('/'), text.as_bytes())?;
        }
        let layer = archive.into_inner()?.finish()?;
        Ok(self.put(repository, tag, labels, Some(layer)))
    }

    fn put(&self, repository: &str, tag: &str, labels: &[(&str, &str)], layer: Option<Vec<u8>>) -> String {
        let labels: serde_json::Map<String, Value> = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Labels": labels }, "created": "2026-01-02T03:04:05Z",
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        let mut kept = lock(&self.kept);
        let mut put = |kind: &'static str, body: Vec<u8>| {
            let (digest, size) = (digest(&body), body.len());
            kept.content
                .insert((repository.to_owned(), digest.clone()), (kind, body));
            json!({ "mediaType": kind, "digest": digest, "size": size })
        };
        let config = put(CONFIG, config.to_string().into_bytes());
        let layers: Vec<Value> = layer.into_iter().map(|layer| put(LAYER, layer)).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        let manifest = put(MANIFEST, manifest.to_string().into_bytes());
        let digest = manifest["digest"].as_str().unwrap_or_default().to_owned();
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

fn digest(body: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(body) {
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
