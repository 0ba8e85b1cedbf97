//! Purpose: the official OpenFeature providers against this server: those for JavaScript on servers, for Python and for Rust.

use crate::house::{House, furnished};
use serde_json::{Value, json};
use std::{path::PathBuf, process::Stdio};

fn clients() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients")
}

/// What a provider reads of the flags that there are, and of some that there are not.
async fn asked(house: &House, program: PathBuf, script: &str, needed: &str) -> Value {
    assert!(
        clients().join(needed).exists(),
        "OpenFeature's official clients are not installed: run tests/clients/setup.sh once"
    );
    let output = tokio::process::Command::new(program)
        .arg(clients().join(script))
        .env("OFREP_URL", &house.url)
        .env("OFREP_TOKEN", "web-token")
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn wanted() -> Value {
    json!({
        "nav": [false, "STATIC", "off", null],
        "staff": [true, "TARGETING_MATCH", "on", null],
        "not staff": [false, "DEFAULT", "off", null],
        "text": ["größe", "STATIC", "a", null],
        "count": [3, "STATIC", "few", null],
        "ratio": [1.0, "STATIC", "a", null],
        "object": [{"x": [1, {"y": null}]}, "STATIC", "a", null],
        "open": ["fallback", "DEFAULT", "", null],
        "disabled": [false, "DISABLED", "", null],
        "none": ["fallback", "ERROR", null, "FLAG_NOT_FOUND"],
        "mismatch": [7, "ERROR", null, "TYPE_MISMATCH"],
        "refused": [false, "ERROR", null, "GENERAL"],
        "owner": "web",
    })
}

#[tokio::test]
async fn the_provider_for_python_reads_every_kind_of_answer() {
    let house = furnished().await;
    let python = clients().join("openfeature_python/.venv/bin/python");
    let found = asked(
        &house,
        python,
        "openfeature_python/ofrep.py",
        "openfeature_python/.venv/installed-requirements.txt",
    )
    .await;
    assert_eq!(found, wanted());
}

#[tokio::test]
async fn the_provider_for_javascript_reads_every_kind_of_answer() {
    let house = furnished().await;
    let needed = "openfeature_js/node_modules/@openfeature/ofrep-provider";
    let found = asked(&house, "node".into(), "openfeature_js/ofrep.js", needed).await;
    let mut wanted = wanted();
    // JavaScript knows one kind of number.
    wanted["ratio"][0] = json!(1);
    // This provider (0.1.3) is older than answers without a value (OFREP's ADR-0006): the application gets its own default all the
    // same, but is told of an error.
    wanted["open"] = json!(["fallback", "ERROR", null, "GENERAL"]);
    wanted["disabled"] = json!([false, "ERROR", null, "GENERAL"]);
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn the_provider_for_rust_reads_every_kind_of_answer() {
    let house = furnished().await;
    let program = clients().join("openfeature_rust/target/debug/ofrep");
    let found = asked(
        &house,
        program,
        "openfeature_rust/main.rs",
        "openfeature_rust/target/debug/ofrep",
    )
    .await;
    let wanted = json!({
        "nav": [false, "off", null],
        "staff": [true, "on", null],
        "not staff": [false, "off", null],
        "text": ["größe", "a", null],
        "count": [3, "few", null],
        // This provider (0.1.2) is older than answers without a value, and does not tell a wrong type from a wrong answer.
        "open": ["fallback", null, "ParseError"],
        "none": ["fallback", null, "FlagNotFound"],
        "mismatch": [7, null, "ParseError"],
    });
    assert_eq!(found, wanted);
}
