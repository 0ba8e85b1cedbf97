//! Purpose: a real Alertmanager with a given configuration, that can be restarted with what it had stored.

use super::process::{Folder, PATIENCE, PAUSE, Server, installed, tail};
use anyhow::bail;
use std::{
    fs::OpenOptions,
    net::SocketAddr,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

/// A real Alertmanager, killed when dropped, its folder removed.
#[derive(Debug)]
pub struct RealAlertmanager {
    server: Option<Server>,
    address: SocketAddr,
    client: reqwest::Client,
    // After the server in this list, so that it is removed when the server is gone.
    folder: Folder,
}

impl RealAlertmanager {
    /// Starts one with this configuration, in YAML, alone and without a cluster, and waits until it is ready.
    ///
    /// # Errors
    /// When `prometheus-alertmanager` is not installed, refuses the configuration, or does not become ready.
    pub async fn start(config: &str) -> anyhow::Result<Self> {
        let folder = Folder::new("alertmanager")?;
        std::fs::write(folder.0.join("alertmanager.yml"), config)?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        let log = folder.0.join("alertmanager.log");
        let (server, address) = Server::start(
            "Alertmanager",
            &log,
            |address| spawn(&folder.0, address),
            async |address| ready(&client, address).await,
        )
        .await?;
        Ok(Self {
            server: Some(server),
            address,
            client,
            folder,
        })
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it is reached, without `http://`: as Prometheus' configuration has it.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Stops it in order, so that it stores its silences and what it has sent, and starts it again at the same address.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        if let Some(server) = self.server.take() {
            server.terminate().await?;
        }
        self.server = Some(Server::of(spawn(&self.folder.0, self.address)?));
        let deadline = Instant::now() + PATIENCE;
        while !ready(&self.client, self.address).await {
            if Instant::now() > deadline {
                let log = tail(&self.folder.0.join("alertmanager.log"));
                bail!("Alertmanager did not come back within {PATIENCE:?}: {log}");
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

async fn ready(client: &reqwest::Client, address: SocketAddr) -> bool {
    let answer = client.get(format!("http://{address}/-/ready")).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

fn spawn(folder: &Path, address: SocketAddr) -> anyhow::Result<Child> {
    installed("prometheus-alertmanager", "prometheus-alertmanager", |program| {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("alertmanager.log"))?;
        program
            .arg(format!(
                "--config.file={}",
                folder.join("alertmanager.yml").display()
            ))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--web.external-url=http://{address}"))
            // No gossip.
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
    })
}
