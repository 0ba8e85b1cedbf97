//! Purpose: what every real server needs: a program that may be missing, a free port, patience until it answers, a clean end.

use anyhow::bail;
use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long it may take to become ready on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A port that was free may be taken by somebody else before the server binds it, so it is tried with several.
pub(super) const TRIES: usize = 5;

/// How often it is asked whether it is ready.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// A server, ended when dropped.
#[derive(Debug)]
pub(super) struct Server(Child);

impl Server {
    /// Starts one on a free port of this machine, and waits until it is ready.
    pub(super) async fn start(
        name: &str,
        log: &Path,
        mut spawn: impl FnMut(SocketAddr) -> anyhow::Result<Child>,
        ready: impl AsyncFn(SocketAddr) -> bool,
    ) -> anyhow::Result<(Self, SocketAddr)> {
        let mut last = String::new();
        for _ in 0..TRIES {
            let address = free()?;
            let mut server = Server(spawn(address)?);
            let deadline = Instant::now() + PATIENCE;
            loop {
                if let Some(status) = server.0.try_wait()? {
                    last = format!("it ended with {status}: {}", tail(log));
                    break;
                }
                if ready(address).await {
                    return Ok((server, address));
                }
                if Instant::now() > deadline {
                    bail!("{name} was not ready within {PATIENCE:?}: {}", tail(log));
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        bail!("{name} did not start in {TRIES} tries; {last}")
    }
}

impl Server {
    /// One that was started already.
    pub(super) fn of(child: Child) -> Self {
        Self(child)
    }

    fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let told = Command::new("kill")
            .arg(signal)
            .arg(self.0.id().to_string())
            .status()?;
        if !told.success() {
            bail!("`kill {signal}` failed");
        }
        Ok(())
    }

    /// Lets it stand still: it takes connections, and answers nothing.
    pub(super) fn freeze(&self) -> anyhow::Result<()> {
        self.signal("-STOP")
    }

    /// Lets it go on.
    pub(super) fn thaw(&self) -> anyhow::Result<()> {
        self.signal("-CONT")
    }

    /// Asks it to end, and waits until it has.
    pub(super) async fn terminate(mut self) -> anyhow::Result<()> {
        self.signal("-TERM")?;
        let deadline = Instant::now() + PATIENCE;
        while self.0.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("it did not end within {PATIENCE:?}");
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is reaped, so that no zombie stays.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address of this machine with a port that nobody has.
pub(super) fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A temporary folder, removed when dropped.
#[derive(Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(what: &str) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("otus-{what}-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a program, and says which of Debian's packages to install when it is missing.
pub(super) fn installed<T>(
    name: &str,
    package: &str,
    run: impl FnOnce(&mut Command) -> std::io::Result<T>,
) -> anyhow::Result<T> {
    run(Command::new(name).stdin(Stdio::null())).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(
            "`{name}` is not installed; on Debian: apt-get install --no-install-recommends {package}"
        ),
        _ => anyhow::Error::new(error).context(format!("`{name}` cannot be run")),
    })
}

/// The last lines of a log.
pub(super) fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
