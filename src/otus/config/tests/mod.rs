//! What the configuration promises, on the real files and on garbage.

mod built_in;
mod delivery;
mod faults;
mod garbage;
mod layers;
mod shown;

use super::*;
use serde_json::Value as Json;
use std::ffi::OsString;

fn with_file(text: &str) -> Loaded {
    with(text, &[])
}

fn with(text: &str, env: &[(&str, &str)]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("otus.toml");
    std::fs::write(&file, text).unwrap();
    let env = env
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect();
    let mut loaded = load(&Origin {
        file: Some(file.clone()),
        env,
        ..Origin::default()
    });
    // A name that is the same each time.
    let name = file.display().to_string();
    for fault in &mut loaded.faults.0 {
        if let Place::File { name: shown, .. } = &mut fault.place {
            *shown = shown.replace(&name, "otus.toml");
        }
        fault.message = fault.message.replace(&name, "otus.toml");
    }
    loaded
}

fn told(loaded: &Loaded) -> String {
    loaded.faults.to_string()
}
