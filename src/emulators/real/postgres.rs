//! Purpose: a real PostgreSQL with databases for tests, that can be restarted in the middle of the work.
//!
//! PostgreSQL refuses to run as root, so root runs it as the user `postgres` that Debian's package makes.
//!
//! Tests share a server in a `static`, which nobody drops. So a small shell waits for the end of this process, however it
//! ends, and stops and removes what is left.

use super::process::{self, PATIENCE, PAUSE, TRIES, free, tail};
use anyhow::{Context, bail};
use std::{
    ffi::OsStr,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

const MISSING: &str =
    "PostgreSQL is not installed; on Debian: apt-get install --no-install-recommends postgresql";

/// The user inside the database. Everybody on loopback is trusted.
const USER: &str = "otus";

/// A real PostgreSQL, stopped when dropped, its folder removed.
#[derive(Debug)]
pub struct RealPostgres {
    server: Mutex<Server>,
    programs: Programs,
    port: u16,
    made: AtomicU64,
    // After the server in this list, so that it is removed when that is gone.
    folder: Folder,
    _keeper: Keeper,
}

impl RealPostgres {
    /// Makes a database cluster, starts a server on it, and waits until it is ready.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not become ready.
    pub fn start() -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        let folder = Folder::new()?;
        let keeper = Keeper::of(&folder)?;
        programs.own(folder.path())?;
        let done = programs
            .command("initdb")?
            .args([
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
                "--username",
            ])
            .arg(USER)
            .arg("--pgdata")
            .arg(folder.data())
            .output()
            .context("initdb cannot be run")?;
        if !done.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&done.stderr));
        }
        Self::serving(programs, folder, keeper)
    }

    /// Makes a replica of it that follows by streaming, and waits until it can be asked. It is a server of its own.
    ///
    /// # Errors
    /// When the copy cannot be taken, or the replica does not become ready.
    pub fn standby(&self) -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        let folder = Folder::new()?;
        let keeper = Keeper::of(&folder)?;
        programs.own(folder.path())?;
        let done = programs
            .client("pg_basebackup", self.port)?
            .args([
                "--write-recovery-conf",
                "--wal-method=stream",
                "--checkpoint=fast",
                "--no-sync",
                "--pgdata",
            ])
            .arg(folder.data())
            .output()
            .context("pg_basebackup cannot be run")?;
        if !done.status.success() {
            bail!("pg_basebackup failed: {}", String::from_utf8_lossy(&done.stderr));
        }
        Self::serving(programs, folder, keeper)
    }

    /// Has somebody receive what it writes who never replays it, as an archive of its log does.
    ///
    /// # Errors
    /// When `pg_receivewal` cannot be run.
    pub fn archive(&self) -> anyhow::Result<Archive> {
        let folder = self.folder.path().join("archive");
        std::fs::create_dir(&folder)?;
        self.programs.own(&folder)?;
        let child = self
            .programs
            .client("pg_receivewal", self.port)?
            .arg("--directory")
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("pg_receivewal cannot be run")?;
        Ok(Archive(child))
    }

    fn serving(programs: Programs, folder: Folder, keeper: Keeper) -> anyhow::Result<Self> {
        let mut last = anyhow::anyhow!("it was not tried");
        for _ in 0..TRIES {
            let port = free()?.port();
            match programs.serve(&folder, port) {
                Ok(server) => {
                    return Ok(Self {
                        server: Mutex::new(server),
                        programs,
                        port,
                        made: AtomicU64::new(0),
                        folder,
                        _keeper: keeper,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last.context(format!("PostgreSQL did not start in {TRIES} tries")))
    }

    /// The address of the database that is there from the start.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    fn url_of(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:not-asked-for@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// Where its files are, while it is there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes an empty database, and answers its address.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fresh(&self) -> anyhow::Result<String> {
        let name = format!("fresh_{}", self.made.fetch_add(1, Ordering::Relaxed));
        let done = self
            .programs
            .client("createdb", self.port)?
            .args(["--template=template0", &name])
            .output()
            .context("createdb cannot be run")?;
        if !done.status.success() {
            bail!("createdb failed: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(self.url_of(&name))
    }

    /// Stops it without ceremony, as a crash would, and starts it again on the same port; `between` is done while it is away.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn restart(&self, between: impl FnOnce()) -> anyhow::Result<()> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.stop("-QUIT")?;
        between();
        *server = self.programs.serve(&self.folder, self.port)?;
        Ok(())
    }
}

/// Somebody who receives a server's log, until it is dropped.
#[derive(Debug)]
pub struct Archive(Child);

impl Drop for Archive {
    fn drop(&mut self) {
        // It may have ended with the server.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server.
#[derive(Debug)]
struct Server(Option<Child>);

impl Server {
    /// SIGQUIT is PostgreSQL's immediate shutdown: nothing is written any more, the next start recovers from the log.
    fn stop(&mut self, signal: &str) -> anyhow::Result<()> {
        let Some(mut child) = self.0.take() else {
            return Ok(());
        };
        let told = Command::new("kill")
            .arg(signal)
            .arg(child.id().to_string())
            .status()
            .context("`kill` cannot be run");
        if told.is_err() {
            let _ = child.kill();
        }
        child.wait()?;
        told.map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its children notice by themselves when it is gone.
        let _ = self.stop("-QUIT");
    }
}

/// Where PostgreSQL's programs are, and as whom they run.
#[derive(Debug)]
struct Programs {
    folder: PathBuf,
    root: bool,
}

impl Programs {
    /// Debian keeps each version in a folder of its own, off the PATH; elsewhere they are on it.
    fn find() -> anyhow::Result<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten();
        let newest = versions
            .filter_map(|version| {
                let number: u32 = version.file_name().to_str()?.parse().ok()?;
                Some((number, version.path().join("bin")))
            })
            .filter(|(_, folder)| folder.join("postgres").exists())
            .max();
        let on_path = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).find(|folder| {
                ["postgres", "initdb", "createdb"]
                    .iter()
                    .all(|program| folder.join(program).exists())
            })
        };
        let folder = newest
            .map(|(_, folder)| folder)
            .or_else(on_path)
            .context(MISSING)?;
        let me = Command::new("id")
            .arg("-u")
            .output()
            .context("`id` cannot be run")?;
        Ok(Self {
            folder,
            root: me.stdout.trim_ascii() == b"0",
        })
    }

    /// A program, run as somebody who is not root.
    fn command(&self, program: &str) -> anyhow::Result<Command> {
        let program = self.folder.join(program);
        let mut command = if self.root {
            // It replaces itself with the program, so the child's id is the program's.
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"])
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        // The folder one is in may be nobody else's to look at.
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .env_clear()
            .env(
                "PATH",
                std::env::var_os("PATH")
                    .as_deref()
                    .unwrap_or(OsStr::new("/usr/bin:/bin")),
            )
            .env("LC_ALL", "C");
        Ok(command)
    }

    fn client(&self, program: &str, port: u16) -> anyhow::Result<Command> {
        let mut command = self.command(program)?;
        command.args([
            "--host=127.0.0.1",
            "--username",
            USER,
            "--port",
            &port.to_string(),
        ]);
        Ok(command)
    }

    /// Gives the folder to who runs the server.
    fn own(&self, folder: &Path) -> anyhow::Result<()> {
        if !self.root {
            return Ok(());
        }
        let done = Command::new("chown")
            .arg("postgres:")
            .arg(folder)
            .output()
            .context("`chown` cannot be run")?;
        if !done.status.success() {
            bail!(
                "the folder cannot be given to the user `postgres` ({}). {MISSING}",
                String::from_utf8_lossy(&done.stderr).trim()
            );
        }
        Ok(())
    }

    /// Starts a server, and waits until it can be asked.
    fn serve(&self, folder: &Folder, port: u16) -> anyhow::Result<Server> {
        let log = folder.log();
        let child = self
            .command("postgres")?
            .arg("-D")
            .arg(folder.data())
            .args(["-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            // What the system has got survives the end of the server; a power cut is not tested.
            .args(["-c", "fsync=off"])
            .args(["-c", "full_page_writes=off"])
            .args(["-c", "max_connections=400"])
            .args(["-c", "shared_buffers=32MB"])
            .args(["-c", "dynamic_shared_memory_type=mmap"])
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("postgres cannot be run")?;
        let mut server = Server(Some(child));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let child = server
                .0
                .as_mut()
                .context("the server that was just started is not there")?;
            if let Some(status) = child.try_wait()? {
                server.0 = None;
                bail!("it ended with {status}: {}", tail(&log));
            }
            let asked = self.client("pg_isready", port)?.arg("--quiet").status();
            if asked.context("pg_isready cannot be run")?.success() {
                return Ok(server);
            }
            if Instant::now() > deadline {
                bail!("it was not ready within {PATIENCE:?}: {}", tail(&log));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// A temporary folder, and the log beside it.
#[derive(Debug)]
struct Folder(process::Folder);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(process::Folder::new("postgres")?))
    }

    fn path(&self) -> &Path {
        &self.0.0
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.path().with_extension("log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.log());
    }
}

/// Waits until its standard input ends, which is when this process does; then stops the server that runs on the folder, if
/// the process of the noted number still is one, and removes the folder.
const KEEP: &str = r#"
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
    case "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || ps -o args= -p "$pid")" in
        *"$1"*)
            kill -QUIT "$pid"
            while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
            ;;
    esac
fi
rm -rf "$1" "$1.log"
"#;

/// The shell that cleans up after this process.
#[derive(Debug)]
struct Keeper(Child);

impl Keeper {
    fn of(folder: &Folder) -> anyhow::Result<Self> {
        let child = Command::new("sh")
            .args(["-c", KEEP, "sh"])
            .arg(folder.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("`sh` cannot be run")?;
        Ok(Self(child))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
