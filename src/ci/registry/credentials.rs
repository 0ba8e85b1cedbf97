//! Purpose: the user and password for a registry, read from wherever they lie, and read again when they are refused or old.
//!
//! Side effects: reads a file or runs a command of the operator's.

use super::{
    config::{RegistryConfig, Source},
    docker_config,
    error::{Error, Result, innermost},
    retry::in_words,
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{io::AsyncReadExt, process::Command, sync::Mutex};

/// Passwords are short, but some are a JSON key.
const LONGEST: u64 = 64 * 1024;

/// A longer lifetime means this: moments cannot be added to without end.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Who we say we are.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: SecretString,
    /// When it has to be read again.
    pub(crate) until: Instant,
}

impl Login {
    fn is(&self, other: &Self) -> bool {
        self.user == other.user && self.password.expose_secret() == other.password.expose_secret()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The place a login comes from, and the last one it gave.
pub(crate) struct Credentials {
    registry: String,
    source: Source,
    lifetime: Duration,
    command_timeout: Duration,
    // Held while reading, so that ten questions at once run a command once.
    held: Mutex<Option<Login>>,
}

impl Credentials {
    pub(crate) fn new(registry: &str, source: Source, config: &RegistryConfig) -> Self {
        Self {
            registry: registry.to_owned(),
            source,
            lifetime: config.password_lifetime,
            command_timeout: config.command_timeout,
            held: Mutex::new(None),
        }
    }

    /// The login, read anew when it is older than its lifetime; `None` when there is none.
    pub(crate) async fn login(&self) -> Result<Option<Login>> {
        let mut held = self.held.lock().await;
        if let Some(login) = &*held
            && Instant::now() < login.until
        {
            return Ok(Some(login.clone()));
        }
        let read = self.read().await?;
        held.clone_from(&read);
        Ok(read)
    }

    /// A login other than the one that was refused, if there is one by now.
    pub(crate) async fn other_than(&self, refused: &Login) -> Result<Option<Login>> {
        let mut held = self.held.lock().await;
        // Somebody else may have read it meanwhile.
        if let Some(login) = &*held
            && !login.is(refused)
        {
            return Ok(Some(login.clone()));
        }
        let read = self.read().await?;
        held.clone_from(&read);
        Ok(read.filter(|login| !login.is(refused)))
    }

    async fn read(&self) -> Result<Option<Login>> {
        let (user, password) = match &self.source {
            Source::Nobody => return Ok(None),
            Source::Known { user, password } => (user.clone(), Ok(password.clone())),
            Source::File { user, path } => (
                user.clone(),
                file(path)
                    .await
                    .map_err(|why| format!("password_file = {path:?}: {why}")),
            ),
            Source::Command {
                user,
                program,
                arguments,
            } => {
                let printed = self.command(program, arguments).await;
                (
                    user.clone(),
                    printed.map_err(|why| format!("password_command, `{program}`: {why}")),
                )
            }
            Source::Docker { path } => {
                let found = match file(path).await {
                    Ok(text) => docker_config::find(text.expose_secret(), &self.registry),
                    Err(why) => Err(why),
                };
                match found {
                    Ok((user, password)) => (user, Ok(password)),
                    Err(why) => (String::new(), Err(format!("docker_config = {path:?}: {why}"))),
                }
            }
        };
        let password = password.and_then(|password| {
            if password.expose_secret().is_empty() {
                Err("it is empty".to_owned())
            } else {
                Ok(password)
            }
        });
        match password {
            Ok(password) => {
                tracing::debug!(registry = %self.registry, user, "read the password");
                let until = Instant::now() + self.lifetime.min(FOREVER);
                Ok(Some(Login {
                    user,
                    password,
                    until,
                }))
            }
            Err(why) => Err(Error::Password {
                registry: self.registry.clone(),
                why,
            }),
        }
    }

    /// What the command prints. What it complains of is not repeated: it may hold what should not be seen.
    async fn command(&self, program: &str, arguments: &[String]) -> Result<SecretString, String> {
        let run = async {
            let mut child = Command::new(program)
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .map_err(|error| format!("it cannot be run: {}", innermost(&error)))?;
            let mut printed = String::new();
            if let Some(stdout) = child.stdout.take() {
                let read = stdout.take(LONGEST).read_to_string(&mut printed).await;
                read.map_err(|_| "what it prints is not text".to_owned())?;
            }
            let status = child.wait().await.map_err(|error| innermost(&error))?;
            if !status.success() {
                return Err(format!("it ended with {status}; run it by hand to see why"));
            }
            Ok(SecretString::from(printed.trim().to_owned()))
        };
        tokio::time::timeout(self.command_timeout, run)
            .await
            .unwrap_or_else(|_| Err(format!("it took longer than {}", in_words(self.command_timeout))))
    }
}

/// What a file holds, without the line's end that editors add.
async fn file(path: &Path) -> Result<SecretString, String> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        use std::io::Read;
        let mut text = String::new();
        std::fs::File::open(path)?
            .take(LONGEST)
            .read_to_string(&mut text)?;
        std::io::Result::Ok(text)
    });
    let text = read
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| innermost(&error))?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn credentials(config: RegistryConfig) -> Credentials {
        let host = "registry.example.com";
        Credentials::new(host, config.source(host).unwrap(), &config)
    }

    fn robot() -> RegistryConfig {
        RegistryConfig {
            user: Some("robot".into()),
            ..RegistryConfig::default()
        }
    }

    async fn password(credentials: &Credentials) -> String {
        let login = credentials.login().await.unwrap().unwrap();
        login.password.expose_secret().to_owned()
    }

    /// A shell line as a command.
    fn shell(line: &str) -> Option<Vec<String>> {
        Some(["sh", "-c", line].map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn a_file_is_read_again_when_its_password_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (lifetime, after) in [(Duration::ZERO, "second"), (Duration::from_secs(3600), "first")] {
            std::fs::write(&path, "first\n").unwrap();
            let credentials = credentials(RegistryConfig {
                password_file: Some(path.clone()),
                password_lifetime: lifetime,
                ..robot()
            });
            assert_eq!(password(&credentials).await, "first");
            std::fs::write(&path, "second\r\n").unwrap();
            assert_eq!(password(&credentials).await, after, "{lifetime:?}");
        }
    }

    #[tokio::test]
    async fn a_refused_password_is_read_again_and_offered_only_if_it_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "first").unwrap();
        let credentials = credentials(RegistryConfig {
            password_file: Some(path.clone()),
            ..robot()
        });
        let first = credentials.login().await.unwrap().unwrap();
        assert!(credentials.other_than(&first).await.unwrap().is_none());
        std::fs::write(&path, "second").unwrap();
        let second = credentials.other_than(&first).await.unwrap().unwrap();
        assert_eq!(second.password.expose_secret(), "second");
        std::fs::remove_file(&path).unwrap();
        let known = credentials.other_than(&first).await.unwrap().unwrap();
        assert!(known.is(&second), "what was read meanwhile is not read again");
    }

    #[tokio::test]
    async fn a_command_prints_the_password() {
        let credentials = credentials(RegistryConfig {
            password_command: shell("echo ' s3cret '"),
            ..robot()
        });
        assert_eq!(password(&credentials).await, "s3cret");
    }

    #[tokio::test]
    async fn many_questions_at_once_run_a_command_once() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count");
        let credentials = credentials(RegistryConfig {
            password_command: shell(&format!("echo run >>{}; echo s3cret", count.display())),
            ..robot()
        });
        let (a, b, c) = tokio::join!(credentials.login(), credentials.login(), credentials.login());
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        assert_eq!(std::fs::read_to_string(count).unwrap(), "run\n");
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said_without_a_secret() {
        let short = Duration::from_millis(50);
        let missing = PathBuf::from("/nonexistent/password");
        for (config, part) in [
            (
                RegistryConfig {
                    password_command: shell("echo hunter2; exit 3"),
                    ..robot()
                },
                "exit status: 3",
            ),
            (
                RegistryConfig {
                    password_command: shell("echo hunter2 >&2; exit 1"),
                    ..robot()
                },
                "by hand",
            ),
            (
                RegistryConfig {
                    password_command: shell("true"),
                    ..robot()
                },
                "empty",
            ),
            (
                RegistryConfig {
                    password_command: shell("exec sleep 600"),
                    command_timeout: short,
                    ..robot()
                },
                "longer than 50ms",
            ),
            (
                RegistryConfig {
                    password_command: Some(vec!["/nonexistent/program".into()]),
                    ..robot()
                },
                "cannot be run",
            ),
            (
                RegistryConfig {
                    password_file: Some(missing.clone()),
                    ..robot()
                },
                "No such file",
            ),
            (
                RegistryConfig {
                    docker_config: Some(missing),
                    ..RegistryConfig::default()
                },
                "docker_config",
            ),
        ] {
            let error = credentials(config).login().await.unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
        }
    }
}
