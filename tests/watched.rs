//! The dashboard and the alerts in `deploy/monitoring`: they ask for metrics that there are, and each alert says what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deploy_files;

use deploy_files::{documents, file, printed, root};
use regex::Regex;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

/// The metrics Otus counts, by name, with their kind: read from the code that counts them.
fn counted() -> BTreeMap<String, String> {
    fn visit(folder: &Path, found: &mut BTreeMap<String, String>, pattern: &Regex) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !matches!(
                    name.as_str(),
                    "tests" | "benches" | "emulators" | "examples" | "target"
                ) {
                    visit(&path, found, pattern);
                }
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for metric in pattern.captures_iter(&text) {
                    found.insert(metric[2].to_owned(), metric[1].to_owned());
                }
            }
        }
    }
    let pattern = Regex::new(r#"\b(counter|gauge|histogram)!\(\s*"(otus_[a-z_]+)""#).unwrap();
    let mut found = BTreeMap::new();
    for folder in ["src", "responders"] {
        visit(&root().join(folder), &mut found, &pattern);
    }
    // Those are applications', which the library counts in them.
    found.retain(|name, _| !name.starts_with("otus_experiment_"));
    assert!(found.len() > 15, "{found:?}");
    found
}

/// The metrics that an expression names.
fn named(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\botus_[a-z_]+").unwrap();
    name.find_iter(text)
        .map(|found| found.as_str().to_owned())
        .collect()
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() {
    let counted = counted();
    let mut shown = BTreeSet::new();
    for path in [
        "deploy/monitoring/dashboard.json",
        "deploy/monitoring/alerts.yaml",
    ] {
        for name in named(&file(path)) {
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|ending| name.strip_suffix(ending))
                .filter(|base| counted.get(*base).is_some_and(|kind| kind == "histogram"));
            let base = base.unwrap_or(&name);
            let kind = counted
                .get(base)
                .unwrap_or_else(|| panic!("{path}: nothing counts {name}"));
            // A histogram is never asked for as a whole.
            assert_eq!(kind == "histogram", base != name, "{path}: {name} is a {kind}");
            shown.insert(base.to_owned());
        }
    }
    let all: BTreeSet<_> = counted.keys().cloned().collect();
    assert_eq!(shown, all, "a metric that no panel shows");
    let page = file("docs/operations.md");
    for name in all {
        assert!(
            page.contains(&format!("`{name}`")),
            "docs/operations.md does not explain {name}"
        );
    }
}

#[test]
fn each_alert_says_what_to_do() {
    let rules = documents(&file("deploy/monitoring/alerts.yaml")).remove(0);
    let page = file("docs/operations.md");
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let runbook = rule["annotations"]["runbook_url"].as_str().unwrap();
        let anchor = runbook.strip_prefix("docs/operations.md#").unwrap();
        let heading = page
            .lines()
            .filter(|line| line.starts_with('#'))
            .any(|line| line.trim_start_matches('#').trim().to_lowercase() == anchor);
        assert!(heading, "{runbook}");
    }
    assert_eq!(
        file("deploy/monitoring/alerts.yaml"),
        file("deploy/helm/otus/alerts.yaml"),
        "the chart has a copy, since it cannot reach outside of its folder"
    );
    for args in [
        ["check", "rules", "deploy/monitoring/alerts.yaml"],
        ["test", "rules", "deploy/monitoring/alerts_test.yaml"],
    ] {
        let called = Command::new("promtool").args(args).current_dir(root()).output();
        // It comes with Prometheus, which the tests need anyway.
        let output = called.expect("promtool is there: install Prometheus");
        assert!(output.status.success(), "{}", printed(&output));
    }
}

/// Every panel has a title, a question and a place of its own.
#[test]
fn the_dashboard_is_whole() {
    let dashboard: Value = serde_json::from_str(&file("deploy/monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut places = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        assert!(!panel["title"].as_str().unwrap().is_empty());
        let place = &panel["gridPos"];
        let number = |key: &str| place[key].as_u64().unwrap();
        for x in number("x")..number("x") + number("w") {
            assert!(x < 24, "{panel}");
            for y in number("y")..number("y") + number("h") {
                assert!(places.insert((x, y)), "{} covers another panel", panel["title"]);
            }
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert!(target["expr"].as_str().unwrap().contains("$job"), "{target}");
        }
    }
}
