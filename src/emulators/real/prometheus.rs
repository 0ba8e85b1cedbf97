//! Purpose: a real Prometheus with given data in it.

use anyhow::{Context, bail};
use std::{
    fs::File,
    io::ErrorKind,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long it may take to become ready on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A port that was free may be taken by somebody else before Prometheus binds it, so it is tried with several.
const TRIES: usize = 5;

const CONFIG: &str = "global: { scrape_interval: 15s }\n";

/// A real Prometheus, killed when dropped, its folder removed.
#[derive(Debug)]
pub struct RealPrometheus {
    child: Child,
    url: String,
    // After the child in this list, so that it is removed when the server is gone.
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
        let ready = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        let mut last = String::new();
        for _ in 0..TRIES {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let url = format!("http://127.0.0.1:{port}");
            let log = folder.0.join("prometheus.log");
            let child = installed("prometheus", |program| {
                program
                    .arg(format!(
                        "--config.file={}",
                        folder.0.join("prometheus.yml").display()
                    ))
                    .arg(format!("--storage.tsdb.path={}", tsdb.display()))
                    // The data may be years old.
                    .arg("--storage.tsdb.retention.time=100y")
                    .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                    .arg(format!("--web.external-url={url}"))
                    .stdout(Stdio::null())
                    .stderr(File::create(&log)?)
                    .spawn()
            })?;
            let mut server = Running(Some(child));
            let deadline = Instant::now() + PATIENCE;
            loop {
                if let Some(status) = server.exited()? {
                    last = format!("it ended with {status}: {}", tail(&log));
                    break;
                }
                let answer = ready.get(format!("{url}/-/ready")).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    let child = server
                        .0
                        .take()
                        .context("the server that has just answered is not there")?;
                    return Ok(Self {
                        child,
                        url,
                        _folder: folder,
                    });
                }
                if Instant::now() > deadline {
                    bail!("Prometheus was not ready within {PATIENCE:?}: {}", tail(&log));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        bail!("Prometheus did not start in {TRIES} tries; {last}")
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for RealPrometheus {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A child that is ended when its start is given up.
struct Running(Option<Child>);

impl Running {
    fn exited(&mut self) -> anyhow::Result<Option<std::process::ExitStatus>> {
        Ok(self.0.as_mut().map(Child::try_wait).transpose()?.flatten())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself; either way it is reaped, so that no zombie stays.
    let _ = child.kill();
    let _ = child.wait();
}

/// A temporary folder.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn fill(openmetrics: &str, config: &str) -> anyhow::Result<(Folder, PathBuf)> {
    let folder = Folder(std::env::temp_dir().join(format!("otus-prometheus-{}", uuid::Uuid::new_v4())));
    std::fs::create_dir_all(&folder.0)?;
    let (data, tsdb) = (folder.0.join("data.om"), folder.0.join("tsdb"));
    std::fs::write(&data, openmetrics)?;
    std::fs::write(folder.0.join("prometheus.yml"), config)?;
    let done = installed("promtool", |program| {
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

/// Runs a program, and says what to install when it is missing.
fn installed<T>(name: &str, run: impl FnOnce(&mut Command) -> std::io::Result<T>) -> anyhow::Result<T> {
    run(Command::new(name).stdin(Stdio::null())).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            anyhow::anyhow!(
                "`{name}` is not installed; on Debian: apt-get install --no-install-recommends prometheus"
            )
        }
        _ => anyhow::Error::new(error).context(format!("`{name}` cannot be run")),
    })
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
