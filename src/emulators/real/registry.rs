//! Purpose: a real container registry, and images in it.

mod folder;

use super::process::{Server, installed};
use anyhow::{Context, ensure};
use folder::Folder;
use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{fs::File, path::PathBuf, process::Stdio, time::Duration};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A real registry, killed when dropped, its folder removed.
#[derive(Debug)]
pub struct RealRegistry {
    _server: Server,
    scheme: &'static str,
    host: String,
    http: reqwest::Client,
    login: Option<(String, String)>,
    // After the server in this list, so that it is removed when the server is gone.
    folder: Folder,
}

impl RealRegistry {
    /// Starts one that anybody may read and write, and waits until it is ready.
    ///
    /// # Errors
    /// When `docker-registry` is not installed, or does not become ready.
    pub async fn start() -> anyhow::Result<Self> {
        Self::serve(None, "http").await
    }

    /// Starts one that asks for a user and a password, and waits until it is ready.
    ///
    /// # Errors
    /// When `docker-registry` or `htpasswd` is not installed, or it does not become ready.
    pub async fn start_with_login(user: &str, password: &str) -> anyhow::Result<Self> {
        Self::serve(Some((user.to_owned(), password.to_owned())), "http").await
    }

    /// Starts one that speaks TLS only, with a certificate that nobody trusts, and waits until it is ready.
    ///
    /// # Errors
    /// When `docker-registry` or `openssl` is not installed, or it does not become ready.
    pub async fn start_with_tls() -> anyhow::Result<Self> {
        Self::serve(None, "https").await
    }

    async fn serve(login: Option<(String, String)>, scheme: &'static str) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        if let Some((user, password)) = &login {
            folder.write_login(user, password)?;
        }
        let mut http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10));
        if scheme == "https" {
            folder.make_certificate()?;
            let certificate = std::fs::read(folder.certificate())?;
            http = http.tls_certs_only([reqwest::Certificate::from_pem(&certificate)?]);
        }
        let http = http.build()?;
        let (settings, log) = (folder.file("registry.yml"), folder.file("registry.log"));
        let (server, address) = Server::start(
            "the registry",
            &log,
            |address| {
                let written = folder.settings(&address.to_string(), login.is_some(), scheme == "https")?;
                std::fs::write(&settings, written)?;
                installed("docker-registry", "docker-registry", |program| {
                    program
                        .arg("serve")
                        .arg(&settings)
                        .stdout(Stdio::null())
                        .stderr(File::create(&log)?)
                        .spawn()
                })
            },
            async |address| {
                let answer = http.get(format!("{scheme}://{address}/v2/")).send().await;
                answer.is_ok_and(|answer| answer.headers().contains_key("docker-distribution-api-version"))
            },
        )
        .await?;
        Ok(Self {
            _server: server,
            scheme,
            host: address.to_string(),
            http,
            login,
            folder,
        })
    }

    /// Its host and port, as an image's name begins.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A PEM file with the certificate of one that speaks TLS, while it is there.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.certificate()
    }

    /// Gives the user another password; the old one is not good any more.
    ///
    /// # Errors
    /// When it asks for none, or the file cannot be written.
    pub fn change_password(&mut self, password: &str) -> anyhow::Result<()> {
        let (user, known) = self
            .login
            .as_mut()
            .context("this registry asks for no password")?;
        self.folder.write_login(user, password)?;
        password.clone_into(known);
        Ok(())
    }

    /// Pushes an image for linux/amd64, without layers, and answers its digest.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn push(&self, repository: &str, tag: &str, labels: &[(&str, &str)]) -> anyhow::Result<String> {
        let manifest = self.image(repository, "linux/amd64", labels).await?;
        self.push_manifest(repository, tag, MANIFEST, &manifest).await
    }

    /// Pushes an index with an image for each platform (`linux/arm64`, `linux/arm/v7`), and before them what builders add:
    /// an attestation, of the platform unknown. Answers the index' digest.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn push_index(
        &self,
        repository: &str,
        tag: &str,
        labels: &[(&str, &str)],
        platforms: &[&str],
    ) -> anyhow::Result<String> {
        let mut entries = Vec::new();
        for platform in std::iter::once("unknown/unknown").chain(platforms.iter().copied()) {
            let labels = if platform == "unknown/unknown" {
                &[]
            } else {
                labels
            };
            let body = self.image(repository, platform, labels).await?.to_string();
            let digest = digest(body.as_bytes());
            let size = body.len();
            self.put_manifest(repository, &digest, MANIFEST, body).await?;
            entries.push(json!({
                "mediaType": MANIFEST, "digest": digest, "size": size, "platform": parts(platform),
            }));
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        self.push_manifest(repository, tag, INDEX, &index).await
    }

    /// Pushes something of any kind under a tag, and answers its digest.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn push_manifest(
        &self,
        repository: &str,
        tag: &str,
        kind: &str,
        manifest: &Value,
    ) -> anyhow::Result<String> {
        self.put_manifest(repository, tag, kind, manifest.to_string())
            .await
    }

    /// Pushes a blob, and answers its descriptor.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn push_blob(&self, repository: &str, kind: &str, blob: Vec<u8>) -> anyhow::Result<Value> {
        let begin = self.http.post(self.url(repository, "blobs/uploads/"));
        let answer = self.send(begin, StatusCode::ACCEPTED).await?;
        let to = answer
            .headers()
            .get(header::LOCATION)
            .context("the registry does not say where to push")?;
        let (digest, size) = (digest(&blob), blob.len());
        let put = self.http.put(to.to_str()?).query(&[("digest", digest.as_str())]);
        let put = put
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(blob);
        self.send(put, StatusCode::CREATED).await?;
        Ok(json!({"mediaType": kind, "digest": digest, "size": size}))
    }

    /// Deletes a manifest, and with it every tag on it.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn delete(&self, repository: &str, digest: &str) -> anyhow::Result<()> {
        let delete = self
            .http
            .delete(self.url(repository, &format!("manifests/{digest}")));
        self.send(delete, StatusCode::ACCEPTED).await.map(drop)
    }

    async fn image(
        &self,
        repository: &str,
        platform: &str,
        labels: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let mut config = parts(platform);
        let labels: serde_json::Map<String, Value> = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect();
        config["config"] = json!({"Labels": labels});
        config["created"] = "2026-01-02T03:04:05Z".into();
        config["rootfs"] = json!({"type": "layers", "diff_ids": []});
        let config = self
            .push_blob(repository, CONFIG, config.to_string().into_bytes())
            .await?;
        Ok(json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}))
    }

    async fn put_manifest(
        &self,
        repository: &str,
        name: &str,
        kind: &str,
        body: String,
    ) -> anyhow::Result<String> {
        let digest = digest(body.as_bytes());
        let put = self.http.put(self.url(repository, &format!("manifests/{name}")));
        let put = put.header(header::CONTENT_TYPE, kind).body(body);
        self.send(put, StatusCode::CREATED).await?;
        Ok(digest)
    }

    async fn send(&self, request: RequestBuilder, wanted: StatusCode) -> anyhow::Result<Response> {
        let request = match &self.login {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        };
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(
            status == wanted,
            "the registry answers {status}: {}",
            answer.text().await?
        );
        Ok(answer)
    }

    fn url(&self, repository: &str, rest: &str) -> String {
        format!("{}://{}/v2/{repository}/{rest}", self.scheme, self.host)
    }
}

/// `linux/arm/v7` as manifests and configs write it.
fn parts(platform: &str) -> Value {
    let mut names = platform.split('/');
    let (os, architecture) = (names.next(), names.next());
    match names.next() {
        Some(variant) => json!({"os": os, "architecture": architecture, "variant": variant}),
        None => json!({"os": os, "architecture": architecture}),
    }
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}
