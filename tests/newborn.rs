//! What `otus new responder` makes builds, passes its tests and answers in the demo.
//!
//! Building all of Otus once more for it would take many minutes. So the crate is built in a workspace beside this one that has the same
//! members, by links, and one more: Cargo tells what it built apart by paths below the workspace, features and profile, finds all of them
//! the same as in the build that this test comes from, and compiles the new crate alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use support::{Program, Start};

/// The repository.
fn repository() -> PathBuf {
    fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap()
}

/// Where this test was built: `<target>/<profile>/deps/newborn-…`.
fn target() -> (PathBuf, String) {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let name = profile.file_name().and_then(OsStr::to_str).unwrap();
    (profile.parent().unwrap().to_owned(), name.to_owned())
}

/// Cargo in a folder: what it said on both ways, when it went well.
fn cargo(folder: &Path, args: &[&str]) -> (String, String) {
    let (target, profile) = target();
    let mut command = Command::new(env!("CARGO"));
    command
        .args(args)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target);
    if profile == "release" && args[0] == "test" {
        command.arg("--release");
    }
    // What Cargo says to a test is not for another build.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_")
            || text.starts_with("CARGO_MANIFEST_")
            || text.starts_with("CARGO_BIN_EXE_")
        {
            command.env_remove(name);
        }
    }
    let ran = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout).into_owned(),
        String::from_utf8_lossy(&ran.stderr).into_owned(),
    );
    assert!(
        ran.status.success(),
        "cargo {args:?}: {}\n{out}\n{err}",
        ran.status
    );
    (out, err)
}

/// A workspace with everything of this one, by links, and the folder `newborn` as one more member.
fn beside(folder: &Path) {
    let repository = repository();
    for entry in fs::read_dir(&repository).unwrap().flatten() {
        let name = entry.file_name();
        let of_its_own = ["Cargo.toml", "Cargo.lock", "target", "newborn"];
        let text = name.to_string_lossy();
        if !of_its_own.contains(&text.as_ref()) && !text.starts_with(".git") {
            std::os::unix::fs::symlink(entry.path(), folder.join(&name)).unwrap();
        }
    }
    let text = fs::read_to_string(repository.join("Cargo.toml")).unwrap();
    let mut manifest: toml_edit::DocumentMut = text.parse().unwrap();
    let members = manifest["workspace"]["members"].as_array_mut().unwrap();
    members.push("newborn");
    fs::write(folder.join("Cargo.toml"), manifest.to_string()).unwrap();
    fs::copy(repository.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

#[test]
fn a_new_responder_builds_passes_its_tests_and_answers_in_the_demo() {
    let repository = repository();
    let mut new = Program::start(
        &[
            "new",
            "responder",
            "night-owl",
            "--path",
            repository.to_str().unwrap(),
        ],
        &Start::default(),
    );
    assert_eq!(new.ended().code(), Some(0), "{}", new.logged());
    assert!(new.printed().contains("cargo test"), "{}", new.printed());
    let made = new.folder().join("night-owl");

    // Outside of this repository Cargo takes it as it is, with the versions that Otus is tested with, and finds every dependency.
    let (tree, _) = cargo(&made, &["tree", "--offline", "--depth", "1", "--prefix", "none"]);
    assert!(tree.contains("otus v") && tree.contains("serde v"), "{tree}");

    // In the workspace beside, nothing but where Otus lies and which profile counts is another.
    let workspace = new.folder().join("beside");
    fs::create_dir(&workspace).unwrap();
    beside(&workspace);
    let newborn = workspace.join("newborn");
    fs::rename(&made, &newborn).unwrap();
    let text = fs::read_to_string(newborn.join("Cargo.toml")).unwrap();
    let mut manifest: toml_edit::DocumentMut = text.parse().unwrap();
    for of_a_root in ["workspace", "profile"] {
        assert!(manifest.remove(of_a_root).is_some(), "{text}");
    }
    manifest["dependencies"]["otus"]["path"] = toml_edit::value("../src/otus");
    fs::write(newborn.join("Cargo.toml"), manifest.to_string()).unwrap();

    // Of the whole workspace, as the suite is built: the same features of everything. Tests of this name that others have are built already.
    let (told, said) = cargo(
        &workspace,
        &[
            "test",
            "--offline",
            "--workspace",
            "--test",
            "chat",
            "--no-run",
            "--message-format=json-render-diagnostics",
        ],
    );
    let built: Vec<Value> = told
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let executable = |kind: &str| {
        let found = built.iter().find(|one| {
            one["target"]["kind"] == serde_json::json!([kind])
                && one["executable"].is_string()
                && one["manifest_path"]
                    .as_str()
                    .is_some_and(|path| path.contains("/newborn/"))
        });
        let found = found.unwrap_or_else(|| panic!("no {kind} of the new crate is built\n{said}"));
        PathBuf::from(found["executable"].as_str().unwrap())
    };
    let ran = Command::new(executable("test"))
        .current_dir(&newborn)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && told.contains("test it_answers ... ok"),
        "{told}"
    );
    let ran = Command::new(executable("bin"))
        .args(["demo", "--say", "night-owl ping", "--say", "help night-owl"])
        .current_dir(&newborn)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && told.contains("pong"), "{told}");
    // It is in the help, with the words above it.
    assert!(told.contains("night-owl ping"), "{told}");
}

#[test]
fn the_readmes_first_command_means_otus() {
    // `cargo run demo` needs to know which program is meant.
    let (told, _) = cargo(
        &repository(),
        &["metadata", "--offline", "--no-deps", "--format-version", "1"],
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    let packages = told["packages"].as_array().unwrap().iter();
    let programs: Vec<&str> = packages
        .flat_map(|package| package["targets"].as_array().unwrap())
        .filter(|target| target["kind"] == serde_json::json!(["bin"]))
        .map(|target| target["name"].as_str().unwrap())
        .collect();
    assert_eq!(programs, ["otus"]);
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(
        readme.contains("\ncargo run demo\n"),
        "the README says another one"
    );
}
