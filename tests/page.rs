//! The demo's page: in a real browser, against the real program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::{Command, Output};
use support::{Program, Start};

fn node(args: &[&str]) -> Output {
    Command::new("node")
        .args(args)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/page"))
        .output()
        .expect("node runs the browser: install it (Debian: nodejs), then tests/clients/setup.sh")
}

fn went_well(output: &Output, program: Option<&Program>) {
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        program.map(Program::printed).unwrap_or_default(),
    );
}

/// The address that it prints.
fn address(program: &mut Program) -> String {
    program.wait_for(|printed, _| {
        let line = printed.lines().find(|line| line.contains("in your browser"))?;
        Some(line.split_whitespace().last()?.to_owned())
    })
}

#[test]
fn the_tour_can_be_clicked_through() {
    let mut program = Program::start(
        &["demo", "--page", "0", "--plain", "--dir", "kept"],
        &Start::default(),
    );
    let address = address(&mut program);
    // Those of the documentation are taken by the same test: tests/page/pictures.sh.
    let folder = std::env::var("OTUS_PICTURES")
        .unwrap_or_else(|_| program.folder().join("pictures").display().to_string());
    went_well(&node(&["tour.js", &address, &folder]), Some(&program));
    assert!(program.terminate().success());
}

#[test]
fn there_is_no_page_for_scripts_and_for_those_who_want_none() {
    for args in [
        &["demo", "--dir", "kept", "--say", "ping"][..],
        &["demo", "--dir", "kept", "--no-page"][..],
    ] {
        let (code, printed, logged) = support::run(
            args,
            &Start {
                typed: "ping\n",
                ..Start::default()
            },
        );
        assert_eq!(code, Some(0), "{printed}\n{logged}");
        assert!(!printed.contains("in your browser"), "{printed}");
    }
}

#[test]
fn its_modules_have_the_types_they_say_and_mrkdwn_is_read_right() {
    went_well(
        &node(&[
            "node_modules/typescript/bin/tsc",
            "-p",
            "../../src/demo_page/assets",
        ]),
        None,
    );
    went_well(&node(&["--test", "mrkdwn.test.js"]), None);
}
