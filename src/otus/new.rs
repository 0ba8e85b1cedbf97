//! `otus new responder`: a crate of somebody's own that builds, answers and is tested, outside of this repository.

use crate::cli::{print, refuse};
use clap::{Args, Subcommand};
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What can be begun.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Makes a crate with a responder: a library, a robot that has it, and its tests
    Responder(Responder),
}

#[derive(Debug, Args)]
pub(crate) struct Responder {
    /// Its name, which is also its section of the configuration: lower case letters, digits, `_` and `-`
    name: String,
    /// The folder to make; else one of its name, here
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// A clone of Otus' repository to build against
    #[arg(long, value_name = "FOLDER", conflicts_with = "git")]
    path: Option<PathBuf>,
    /// The Git repository of Otus to build against
    #[arg(long, value_name = "URL")]
    git: Option<String>,
}

/// Makes it, and says what comes next.
pub(crate) fn main(what: &What) -> ExitCode {
    let What::Responder(new) = what;
    match make(new) {
        Ok(folder) => {
            print(&next(&folder, &new.name));
            ExitCode::SUCCESS
        }
        Err(why) => refuse(&why),
    }
}

fn next(folder: &Path, name: &str) -> String {
    format!(
        "\
Made {folder}. What comes next:
  cd {folder}
  cargo test                                  # its chat, without a network
  cargo run -- demo --say \"{name} ping\"         # the whole robot, with everything emulated
  cargo run -- dev                            # a chat in the browser, and your robot in it, built again after each change
  cargo run -- run                            # connected to Slack, with the configuration of `otus init`
docs/responders.md of Otus goes on from there.
",
        folder = folder.display(),
    )
}

fn make(new: &Responder) -> Result<PathBuf, String> {
    let name = &new.name;
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts
        || !name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
    {
        return Err(format!(
            "{name:?} is no name for a responder: it is a key of the configuration and a crate, so lower case letters, digits, `_` and `-`"
        ));
    }
    if ["otus", "test", "core", "std", "self"].contains(&name.as_str()) {
        return Err(format!("{name} is taken; choose another name"));
    }
    let folder = new.dir.clone().unwrap_or_else(|| PathBuf::from(name));
    if folder.exists() {
        return Err(format!(
            "{} is there already, and nothing is written over it",
            folder.display()
        ));
    }
    let mut files = files(name, &depends(new)?);
    // The versions that Otus is tested with.
    if let Some(path) = &new.path
        && let Ok(lock) = std::fs::read_to_string(path.join("Cargo.lock"))
    {
        files.push(("Cargo.lock", lock));
    }
    for (file, text) in files {
        let file = folder.join(file);
        let wrong = |error: std::io::Error| format!("{} cannot be written: {error}", file.display());
        if let Some(around) = file.parent() {
            std::fs::create_dir_all(around).map_err(wrong)?;
        }
        let mut made = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&file)
            .map_err(wrong)?;
        made.write_all(text.as_bytes()).map_err(wrong)?;
    }
    Ok(folder)
}

/// The dependency on Otus, as Cargo reads it.
fn depends(new: &Responder) -> Result<String, String> {
    let quoted = |text: &str| toml_edit::Value::from(text).to_string();
    let Some(path) = &new.path else {
        return match &new.git {
            Some(git) => Ok(format!("{{ git = {} }}", quoted(git))),
            None => Err(
                "it builds against Otus: say --path with the folder of a clone, or --git with the address of the repository".to_owned(),
            ),
        };
    };
    let crate_of = path.join("src/otus");
    let crate_of = std::fs::canonicalize(&crate_of).map_err(|error| {
        format!(
            "{} is no clone of Otus: {} cannot be found ({error})",
            path.display(),
            crate_of.display()
        )
    })?;
    Ok(format!(
        "{{ path = {} }}",
        quoted(&crate_of.display().to_string())
    ))
}

/// `on-call` as a type: `OnCall`.
fn camel(name: &str) -> String {
    let words = name.split(['-', '_']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase().to_string());
            first.unwrap_or_default() + letters.as_str()
        })
        .collect()
}

fn files(name: &str, depends: &str) -> Vec<(&'static str, String)> {
    let (ident, ty) = (name.replace('-', "_"), camel(name));
    let fill = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{ident}}", &ident)
            .replace("{{Type}}", &ty)
            .replace("{{depends}}", depends)
    };
    vec![
        ("Cargo.toml", fill(include_str!("new/Cargo.toml.in"))),
        ("src/lib.rs", fill(include_str!("new/lib.rs.in"))),
        ("src/main.rs", fill(include_str!("new/main.rs.in"))),
        ("tests/chat.rs", fill(include_str!("new/chat.rs.in"))),
        (
            ".gitignore",
            "/target\n/config/local.toml\n*.sqlite*\n".to_owned(),
        ),
        ("README.md", fill(include_str!("new/README.md.in"))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, dir: PathBuf) -> Responder {
        Responder {
            name: name.into(),
            dir: Some(dir),
            path: Some(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))),
            git: None,
        }
    }

    #[test]
    fn a_name_is_a_key_a_crate_and_a_type() {
        assert_eq!(camel("on-call"), "OnCall");
        assert_eq!(camel("k8s_notes"), "K8sNotes");
        let folder = tempfile::tempdir().unwrap();
        for name in ["On-Call", "", "1st", "a b", "otus"] {
            assert!(make(&new(name, folder.path().join("x"))).is_err(), "{name}");
        }
        assert!(!folder.path().join("x").exists());
    }

    #[test]
    fn nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let there = new("kettle", folder.path().to_owned());
        assert!(make(&there).unwrap_err().contains("is there already"));
        let made = make(&new("kettle", folder.path().join("kettle"))).unwrap();
        let manifest = std::fs::read_to_string(made.join("Cargo.toml")).unwrap();
        assert!(manifest.parse::<toml_edit::DocumentMut>().is_ok(), "{manifest}");
        for file in ["src/lib.rs", "src/main.rs", "tests/chat.rs", "README.md"] {
            let text = std::fs::read_to_string(made.join(file)).unwrap();
            assert!(
                !text.contains("{{") || file == "src/lib.rs" && !text.contains("{{name"),
                "{file}: {text}"
            );
        }
    }
}
