//! What `otus new responder` makes builds outside of this repository, passes its tests and answers in the demo.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
};
use support::{Program, Start};

/// Cargo in a folder of its own, with a target folder that is kept beside the other one from run to run.
fn cargo(folder: &Path, args: &[&str]) -> (bool, String) {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("newborn");
    let ran = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_INCREMENTAL", "0")
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    (ran.status.success(), text)
}

#[test]
#[ignore = "it builds all of Otus once more, which takes many minutes: cargo test -p otus --test newborn -- --ignored"]
fn a_new_responder_builds_passes_its_tests_and_answers_in_the_demo() {
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut new = Program::start(
        &["new", "responder", "night-owl", "--path", repository],
        &Start::default(),
    );
    assert_eq!(new.ended().code(), Some(0), "{}", new.logged());
    assert!(new.printed().contains("cargo test"), "{}", new.printed());
    let folder = new.folder().join("night-owl");
    // What was built for this test is in the registry's cache; nothing is downloaded.
    let (passed, told) = cargo(&folder, &["test", "--offline"]);
    assert!(passed && told.contains("test it_answers ... ok"), "{told}");
    let (passed, told) = cargo(
        &folder,
        &["run", "--offline", "--", "demo", "--say", "night-owl ping"],
    );
    assert!(passed && told.contains("pong"), "{told}");
}
