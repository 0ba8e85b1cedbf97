//! How the robot is made that somebody works on, and how it is run.

use super::process::{Ear, Process};
use serde_json::Value as Json;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};
use tokio::process::Command;

/// What stands for the configuration's file in a command of somebody's own.
const CONFIG: &str = "{config}";
/// The program of Otus' own sources.
const OTUS: &str = "otus";
/// What `cargo run` sets for the program it runs. A build in it is not that program's.
const OF_CARGO_RUN: [&str; 7] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_PKG_",
];

/// What is made, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Making {
    /// Cargo builds a program, which is a robot as this one is.
    Cargo {
        /// Where.
        folder: PathBuf,
        /// Which of several.
        bin: Option<String>,
    },
    /// Executables in a folder: this program runs them, and sees by itself when one changes.
    Executables {
        /// Where.
        folder: PathBuf,
    },
    /// A command of somebody's own.
    Command {
        /// Where.
        folder: PathBuf,
        /// What is said to the shell first, and has to go well.
        build: Option<String>,
        /// The command and its arguments.
        command: Vec<String>,
    },
}

/// A program that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    program: PathBuf,
    /// When it was made, and its length, where that tells it from the one before.
    stamp: Option<(Option<SystemTime>, u64)>,
}

impl Making {
    /// What there is to do in a folder.
    pub(super) fn of(
        folder: &Path,
        bin: Option<String>,
        build: Option<String>,
        command: Vec<String>,
    ) -> anyhow::Result<Self> {
        let folder = std::fs::canonicalize(folder)
            .map_err(|error| anyhow::anyhow!("{} cannot be found: {error}", folder.display()))?;
        if !command.is_empty() {
            return Ok(Self::Command {
                folder,
                build,
                command,
            });
        }
        let manifest = folder.join("Cargo.toml");
        if manifest.exists() {
            let text = std::fs::read_to_string(&manifest)?;
            let manifest: toml_edit::DocumentMut = text.parse()?;
            // Of the workspace of Otus' own sources it is Otus; of another it has to be said.
            let otus = manifest.get("package").is_none() && folder.join("src/otus/Cargo.toml").exists();
            return Ok(Self::Cargo {
                folder,
                bin: bin.or_else(|| otus.then(|| OTUS.to_owned())),
            });
        }
        let files = std::fs::read_dir(&folder)?.flatten();
        if files.map(|entry| entry.path()).any(|path| executable(&path)) {
            return Ok(Self::Executables { folder });
        }
        anyhow::bail!(
            "{} has neither a Cargo.toml nor an executable file. `otus new responder <name>` makes a crate to begin with; \
             docs/executables.md of Otus says what an executable has to say; `otus dev -- <command>` runs anything else",
            folder.display()
        )
    }

    /// What is watched.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Cargo { folder, .. } | Self::Executables { folder } | Self::Command { folder, .. } => {
                folder
            }
        }
    }

    /// What is worked on, for a person.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Cargo { folder, bin } => match bin {
                Some(bin) => format!("The program {bin} of {}", folder.display()),
                None => format!("The crate in {}", folder.display()),
            },
            Self::Executables { folder } => format!("The executables in {}", folder.display()),
            Self::Command { folder, command, .. } => {
                format!("`{}` in {}", command.join(" "), folder.display())
            }
        }
    }

    /// Whether a change needs neither a build nor another process.
    pub(super) fn lives(&self) -> bool {
        matches!(self, Self::Executables { .. })
    }

    /// Whether a program that was made can be told from the one before.
    pub(super) fn is_known(&self) -> bool {
        matches!(self, Self::Cargo { .. })
    }

    /// Builds it, and tells how that went line by line. What was begun ends when this is dropped.
    pub(super) async fn build(self, told: Ear) -> Result<Made, String> {
        match self {
            Self::Executables { .. } => {
                let program = std::env::current_exe()
                    .map_err(|error| format!("this program does not know where it is: {error}"))?;
                Ok(Made { program, stamp: None })
            }
            Self::Command {
                folder,
                build,
                command,
            } => {
                if let Some(build) = &build {
                    let mut shell = Command::new("/bin/sh");
                    shell.arg("-c").arg(build).current_dir(&folder);
                    finish(shell, &told, &told, build).await?;
                }
                let program = command.first().cloned().unwrap_or_default();
                Ok(Made {
                    program: program.into(),
                    stamp: None,
                })
            }
            Self::Cargo { folder, bin } => cargo(&folder, bin.as_deref(), &told).await,
        }
    }

    /// The command that runs what was made, with this configuration.
    pub(super) fn run(&self, made: &Made, config: &Path) -> Command {
        let mut command = match self {
            Self::Cargo { .. } | Self::Executables { .. } => {
                let mut run = Command::new(&made.program);
                run.arg("run").arg("--config").arg(config);
                run
            }
            Self::Command { command, .. } => {
                let config = config.display().to_string();
                let mut run = Command::new(&made.program);
                run.args(command.iter().skip(1).map(|word| word.replace(CONFIG, &config)));
                run
            }
        };
        command.current_dir(self.folder());
        // What the shell has for production is not for here: it would lead the robot to the real Slack, and the real cluster.
        for (name, _) in std::env::vars_os() {
            if elsewhere(&name) {
                command.env_remove(name);
            }
        }
        command
    }
}

fn elsewhere(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name == "KUBECONFIG" || name.starts_with("OTUS__")
}

#[cfg(unix)]
fn executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn executable(path: &Path) -> bool {
    path.is_file()
}

/// Runs a build to its end.
async fn finish(command: Command, out: &Ear, err: &Ear, name: &str) -> Result<(), String> {
    let mut process =
        Process::start(command, out, err).map_err(|error| format!("{name} cannot be run: {error}"))?;
    let status = process
        .ended()
        .await
        .map_err(|error| format!("{name} was lost: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name} ended with {status}"))
    }
}

/// Builds a crate; people read what the compiler says, and this what it made.
async fn cargo(folder: &Path, bin: Option<&str>, told: &Ear) -> Result<Made, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command
        .args(["build", "--message-format=json-render-diagnostics"])
        .current_dir(folder);
    if let Some(bin) = bin {
        command.args(["--bin", bin]);
    }
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_run = |known: &str| text == known || known.ends_with('_') && text.starts_with(known);
        if OF_CARGO_RUN.into_iter().any(of_run) {
            command.env_remove(name);
        }
    }
    let programs: Arc<Mutex<Vec<(String, PathBuf)>>> = Arc::default();
    let found: Ear = {
        let programs = Arc::clone(&programs);
        Arc::new(move |line| {
            if let Some(program) = artifact(&line) {
                programs
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(program);
            }
        })
    };
    finish(command, &found, told, "cargo build").await?;
    let programs = std::mem::take(&mut *programs.lock().unwrap_or_else(PoisonError::into_inner));
    let program = match programs.as_slice() {
        [(_, program)] => program.clone(),
        [] => {
            return Err(
                "there is no program in this crate: a robot is one, `fn main() -> std::process::ExitCode { otus::main() }` in src/main.rs".into(),
            );
        }
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!(
                "there are several programs: say which is the robot with --bin, one of {}",
                names.join(", ")
            ));
        }
    };
    let meta = program
        .metadata()
        .map_err(|error| format!("{} cannot be read: {error}", program.display()))?;
    Ok(Made {
        program,
        stamp: Some((meta.modified().ok(), meta.len())),
    })
}

/// The name and path of a program, when a line of cargo's tells of one (doc.rust-lang.org/cargo/reference/external-tools.html).
fn artifact(line: &str) -> Option<(String, PathBuf)> {
    let told: Json = serde_json::from_str(line).ok()?;
    if told["reason"] != "compiler-artifact" || told["target"]["kind"] != serde_json::json!(["bin"]) {
        return None;
    }
    let name = told["target"]["name"].as_str()?.to_owned();
    Some((name, told["executable"].as_str()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn making(folder: &Path) -> anyhow::Result<Making> {
        Making::of(folder, None, None, Vec::new())
    }

    #[test]
    fn a_folder_tells_what_there_is_to_do_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = std::fs::canonicalize(folder.path()).unwrap();
        let why = making(folder.path()).unwrap_err().to_string();
        assert!(why.contains("neither a Cargo.toml nor an executable"), "{why}");
        std::fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"x\"\n").unwrap();
        let of_a_crate = Making::Cargo {
            folder: at,
            bin: None,
        };
        assert_eq!(making(folder.path()).unwrap(), of_a_crate);
        let own = making(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))).unwrap();
        assert!(
            matches!(&own, Making::Cargo { bin: Some(bin), .. } if bin == "otus"),
            "{own:?}"
        );
        let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/executables");
        assert!(making(Path::new(examples)).unwrap().lives());
        assert!(making(Path::new("/there/is/nothing/here")).is_err());
    }

    #[test]
    fn the_configuration_of_production_is_not_handed_on() {
        for name in ["KUBECONFIG", "OTUS__SLACK__BOT_TOKEN"] {
            assert!(elsewhere(&name.into()), "{name}");
        }
        assert!(!elsewhere(&"PATH".into()));
    }

    #[test]
    fn cargos_words_name_the_program() {
        let line =
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"owl"},"executable":"/t/owl"}"#;
        assert_eq!(artifact(line), Some(("owl".into(), "/t/owl".into())));
        for other in [
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"owl"},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "words",
        ] {
            assert_eq!(artifact(other), None);
        }
    }
}
