//! Purpose: a real Unleash, on a database of a real PostgreSQL.
//!
//! It is large, so it is installed by a script of its own, and tests that need it say how when it is missing.

use super::{
    RealPostgres,
    process::{Folder, Server, installed},
};
use anyhow::bail;
use std::{fs::File, path::Path, process::Stdio, time::Duration};

/// The token of its Admin API.
const ADMIN: &str = "*:*.admin-secret";
/// The token of its frontend API, for the environment `development`.
const FRONTEND: &str = "default:development.frontend-secret";

/// A real Unleash, killed when dropped.
#[derive(Debug)]
pub struct RealUnleash {
    _server: Server,
    url: String,
    _folder: Folder,
    // After the server in this list, so that it ends when nobody asks it any more.
    _database: RealPostgres,
}

impl RealUnleash {
    /// Whether it is installed in a folder with its `node_modules`; or how to install it.
    ///
    /// # Errors
    /// The sentence that says how.
    pub fn installed(folder: &Path) -> Result<(), String> {
        if folder.join("node_modules/unleash-server/dist/server.js").exists() {
            return Ok(());
        }
        Err(format!(
            "Unleash is not installed, so nothing was tested against it: run {}/install.sh (190 MB)",
            folder.display()
        ))
    }

    /// Starts one that is installed in a folder, and waits until it is ready: the migrations of an empty database take a while.
    ///
    /// # Errors
    /// When Node or PostgreSQL is not installed, or it does not become ready.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        if let Err(how) = Self::installed(folder) {
            bail!(how);
        }
        let (database, url) = tokio::task::spawn_blocking(|| {
            let database = RealPostgres::start()?;
            let url = database.fresh()?;
            anyhow::Ok((database, url))
        })
        .await??;
        let logs = Folder::new("unleash")?;
        let log = logs.0.join("unleash.log");
        let ready = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?;
        let script = folder.join("node_modules/unleash-server/dist/server.js");
        let (server, address) = Server::start(
            "Unleash",
            &log,
            |address| {
                installed("node", "nodejs", |program| {
                    program
                        .arg(&script)
                        .env("TZ", "UTC")
                        .env("NODE_ENV", "production")
                        .env("DATABASE_URL", &url)
                        .env("DATABASE_SSL", "false")
                        .env("HTTP_HOST", address.ip().to_string())
                        .env("HTTP_PORT", address.port().to_string())
                        .env("LOG_LEVEL", "warn")
                        // Nothing leaves the machine.
                        .env("CHECK_VERSION", "false")
                        .env("SEND_TELEMETRY", "false")
                        .env("INIT_ADMIN_API_TOKENS", ADMIN)
                        .env("INIT_FRONTEND_API_TOKENS", FRONTEND)
                        .stdout(Stdio::null())
                        .stderr(File::create(&log)?)
                        .spawn()
                })
            },
            async |address| {
                let answer = ready.get(format!("http://{address}/health")).send().await;
                answer.is_ok_and(|answer| answer.status().is_success())
            },
        )
        .await?;
        Ok(Self {
            _server: server,
            url: format!("http://{address}"),
            _folder: logs,
            _database: database,
        })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The token of its Admin API.
    #[must_use]
    pub fn token(&self) -> &'static str {
        ADMIN
    }

    /// The token of its frontend API, for the environment `development`.
    #[must_use]
    pub fn frontend_token(&self) -> &'static str {
        FRONTEND
    }
}
