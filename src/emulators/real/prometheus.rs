//! Purpose: a real Prometheus with given data in it.

use super::process::{Folder, Server, installed};
use anyhow::bail;
use std::{fs::File, path::PathBuf, process::Stdio, time::Duration};

const CONFIG: &str = "global: { scrape_interval: 15s }\n";

/// A real Prometheus, killed when dropped, its folder removed.
#[derive(Debug)]
pub struct RealPrometheus {
    server: Server,
    url: String,
    // After the server in this list, so that it is removed when the server is gone.
    _folder: Folder,
}

impl RealPrometheus {
    /// Starts one whose database holds this OpenMetrics text (`# EOF` at its end), and waits until it is ready.
    ///
    /// # Errors
    /// When `prometheus` or `promtool` is not installed, refuses the data, or does not become ready.
    pub async fn start(openmetrics: String) -> anyhow::Result<Self> {
        Self::start_with(openmetrics, "").await
    }

    /// The same with more in its configuration file, in YAML, as `remote_read`.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(openmetrics: String, more: &str) -> anyhow::Result<Self> {
        let config = format!("{CONFIG}{more}");
        let (folder, tsdb) = tokio::task::spawn_blocking(move || fill(&openmetrics, &config)).await??;
        Self::serve(folder, tsdb, &[]).await
    }

    /// Starts one without any data, with this configuration and these rules, which it finds as `rules.yml`.
    ///
    /// # Errors
    /// When `prometheus` is not installed, refuses one of them, or does not become ready.
    pub async fn live(config: &str, rules: &str) -> anyhow::Result<Self> {
        let folder = Folder::new("prometheus")?;
        std::fs::write(folder.0.join("prometheus.yml"), config)?;
        std::fs::write(folder.0.join("rules.yml"), rules)?;
        let tsdb = folder.0.join("tsdb");
        // A test has no minute until an Alertmanager that was away hears again of what fires.
        Self::serve(folder, tsdb, &["--rules.alert.resend-delay=2s"]).await
    }

    async fn serve(folder: Folder, tsdb: PathBuf, more: &[&str]) -> anyhow::Result<Self> {
        let ready = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        let log = folder.0.join("prometheus.log");
        let (server, address) = Server::start(
            "Prometheus",
            &log,
            |address| {
                installed("prometheus", "prometheus", |program| {
                    program
                        .arg(format!(
                            "--config.file={}",
                            folder.0.join("prometheus.yml").display()
                        ))
                        .arg(format!("--storage.tsdb.path={}", tsdb.display()))
                        // The data may be years old.
                        .arg("--storage.tsdb.retention.time=100y")
                        .arg(format!("--web.listen-address={address}"))
                        .arg(format!("--web.external-url=http://{address}"))
                        .args(more)
                        .stdout(Stdio::null())
                        .stderr(File::create(&log)?)
                        .spawn()
                })
            },
            async |address| {
                let answer = ready.get(format!("http://{address}/-/ready")).send().await;
                answer.is_ok_and(|answer| answer.status().is_success())
            },
        )
        .await?;
        Ok(Self {
            server,
            url: format!("http://{address}"),
            _folder: folder,
        })
    }

    /// Lets it stand still: it takes connections, and answers nothing.
    ///
    /// # Errors
    /// When it is gone.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.server.freeze()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it is gone.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.server.thaw()
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn fill(openmetrics: &str, config: &str) -> anyhow::Result<(Folder, PathBuf)> {
    let folder = Folder::new("prometheus")?;
    let (data, tsdb) = (folder.0.join("data.om"), folder.0.join("tsdb"));
    std::fs::write(&data, openmetrics)?;
    std::fs::write(folder.0.join("prometheus.yml"), config)?;
    let done = installed("promtool", "prometheus", |program| {
        program
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .arg(&data)
            .arg(&tsdb)
            .output()
    })?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        if said.contains("no space left on device") {
            bail!(
                "the disk is full: promtool sets 512 MiB aside for each of its files, in {}. It says: {said}",
                folder.0.display()
            );
        }
        bail!("promtool refuses the data: {said}");
    }
    Ok((folder, tsdb))
}
