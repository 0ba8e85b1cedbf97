//! What is in `deploy/` for whoever runs Otus: manifests and the chart are what Kubernetes understands, the dashboard and the alerts ask for
//! metrics that there are, and all of them agree with each other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deploy_files;
mod support;

use deploy_files::{documents, file, has_only_known_fields, manifests, objects, root};
use otus_emulators::kubernetes::{Cluster, Options};
use regex::Regex;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Command, Output},
    time::Duration,
};
use support::{Start, run};

/// How long anything may take on a busy machine.
const SOON: Duration = Duration::from_secs(60);

fn find<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    one
}

/// Whatever runs Otus keeps to what the strictest profile of Kubernetes asks for, and is told how it does.
fn is_well_kept(deployment: &Value) {
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(
        container["securityContext"],
        json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        })
    );
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    assert!(container["resources"]["requests"]["memory"].is_string());
    assert!(container["resources"]["limits"]["memory"].is_string());
    // Longer than an orderly stop takes.
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= 35);
    // Its pods are what its selector selects.
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    for (key, value) in deployment["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(&labels[key], value);
    }
}

/// What selects pods selects those of the Deployment.
fn select_the_pods(objects: &[Value]) {
    let deployment = find(objects, "Deployment");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    for object in objects {
        let selector = match object["kind"].as_str().unwrap() {
            "Service" => &object["spec"]["selector"],
            "PodDisruptionBudget" => &object["spec"]["selector"]["matchLabels"],
            "NetworkPolicy" => &object["spec"]["podSelector"]["matchLabels"],
            _ => continue,
        };
        for (key, value) in selector.as_object().unwrap() {
            assert_eq!(&labels[key], value, "{}", object["kind"]);
        }
    }
}

async fn roll_out(objects: &[Value], replicas: i64) {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let list = json!({ "kind": "List", "items": objects });
    cluster.seed(&list.to_string()).unwrap();
    let deployment = find(objects, "Deployment");
    let name = deployment["metadata"]["name"].as_str().unwrap();
    let rolled = cluster.wait_until(SOON, |view| {
        let deployment = view.get("deployment", "otus", name)?;
        (deployment["status"]["availableReplicas"] == replicas).then_some(())
    });
    rolled.await.unwrap();
    let account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
        .as_str()
        .unwrap();
    cluster.account_token("otus", account).unwrap();
}

/// A folder with the files that a Secret holds.
fn secrets() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("bot-token", "xoxb-1"),
        ("app-token", "xapp-1"),
        ("store-url", "postgres://otus:made-up@db/otus"),
    ] {
        std::fs::write(folder.path().join(name), value).unwrap();
    }
    folder
}

/// A configuration that is shipped has no fault, where the Secret is.
fn is_a_configuration(toml: &str) {
    let secrets = secrets();
    let start = Start {
        config: &toml.replace("/etc/otus/", &format!("{}/", secrets.path().display())),
        ..Start::default()
    };
    let (code, printed, logged) = run(&["config"], &start);
    assert_eq!(code, Some(0), "{toml}\n{printed}\n{logged}");
}

#[test]
fn the_manifests_have_only_fields_that_kubernetes_knows() {
    for (path, text) in manifests("deploy/kubernetes")
        .into_iter()
        .chain(manifests("deploy/kubernetes/access"))
    {
        let documents = documents(&text);
        assert!(!documents.is_empty(), "{path}");
        documents.iter().for_each(has_only_known_fields);
    }
    // Whoever applies the folder applies all of it.
    for folder in ["deploy/kubernetes", "deploy/kubernetes/access"] {
        let listed = file(&format!("{folder}/kustomization.yaml"));
        for (path, _) in manifests(folder) {
            let name = path.rsplit('/').next().unwrap();
            assert!(listed.contains(&format!("- {name}")), "{path} is not listed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_are_applied_and_two_robots_come_up() {
    let objects = objects();
    is_well_kept(find(&objects, "Deployment"));
    select_the_pods(&objects);
    is_a_configuration(find(&objects, "ConfigMap")["data"]["otus.toml"].as_str().unwrap());
    roll_out(&objects, 2).await;
}

/// Everything a chart's template asks of its values is a value there is, and in the schema; what the schema allows is in the values.
#[test]
fn the_chart_and_its_values_agree() {
    let values = documents(&file("deploy/helm/otus/values.yaml")).remove(0);
    let schema: Value = serde_json::from_str(&file("deploy/helm/otus/values.schema.json")).unwrap();
    let asked = Regex::new(r"\.Values\.([A-Za-z.]+)").unwrap();
    let mut used = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("deploy/helm/otus/templates")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for found in asked.captures_iter(&text) {
            let name = found[1].trim_end_matches('.');
            let pointer = format!("/{}", name.replace('.', "/"));
            assert!(
                values.pointer(&pointer).is_some(),
                "{name} of {path:?} is no value"
            );
            used.insert(name.split('.').next().unwrap().to_owned());
        }
        let count = |word: &str| {
            let words = Regex::new(&format!(r"\{{\{{-? *(?:{word})\b")).unwrap();
            words.find_iter(&text).count()
        };
        assert_eq!(count("if|range|with|define"), count("end"), "{path:?}");
    }
    let keys = |value: &Value| -> BTreeSet<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(
        keys(&values),
        used,
        "a value that nothing uses, or none that something uses"
    );
    let mut known = keys(&schema["properties"]);
    // Every chart is given these.
    known.remove("global");
    assert_eq!(keys(&values), known);
    for (name, value) in values.as_object().unwrap() {
        let inner = &schema["properties"][name]["properties"];
        if let (Some(value), true) = (value.as_object(), inner.is_object()) {
            assert_eq!(
                value.keys().cloned().collect::<BTreeSet<_>>(),
                keys(inner),
                "{name}"
            );
        }
    }
    is_a_configuration(values["config"].as_str().unwrap());
    assert_eq!(
        values["config"],
        find(&objects(), "ConfigMap")["data"]["otus.toml"],
        "the chart and the manifests show the same configuration"
    );
}

fn called(program: &str, args: &[&str]) -> Option<Output> {
    match Command::new(program).args(args).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("SKIPPED: {program} is not installed");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn printed(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The chart with values, as Helm renders it; nothing where Helm is not installed.
fn rendered(folder: &Path, values: &str) -> Option<Result<Vec<Value>, String>> {
    let chart = root().join("deploy/helm/otus");
    let path = folder.join("values.yaml");
    std::fs::write(&path, values).unwrap();
    let args = [
        "template",
        "otus",
        chart.to_str().unwrap(),
        "--namespace",
        "otus",
        "-f",
        path.to_str().unwrap(),
    ];
    let output = called("helm", &args)?;
    if !output.status.success() {
        return Some(Err(printed(&output)));
    }
    Some(Ok(documents(&String::from_utf8(output.stdout).unwrap())))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_makes_what_the_manifests_are() {
    let folder = tempfile::tempdir().unwrap();
    let chart = root().join("deploy/helm/otus");
    let Some(output) = called("helm", &["lint", chart.to_str().unwrap(), "--strict"]) else {
        return;
    };
    assert!(output.status.success(), "{}", printed(&output));

    let all = "{shop: [deployments, canary, jobs, statefulsets, daemonsets, rollouts]}";
    let made = rendered(
        folder.path(),
        &format!("access: {all}\ningress: {{enabled: true, tlsSecret: tls, className: nginx}}\n"),
    );
    let made = made.unwrap().unwrap();
    made.iter().for_each(has_only_known_fields);
    let plain = objects();
    is_well_kept(find(&made, "Deployment"));
    select_the_pods(&made);
    roll_out(&made, 2).await;
    // The same rights, in the same pieces.
    let rules = |objects: &[Value]| -> BTreeMap<String, Value> {
        let roles = objects.iter().filter(|object| object["kind"] == "ClusterRole");
        roles
            .map(|role| {
                let name = role["metadata"]["name"].as_str().unwrap();
                (name.rsplit('-').next().unwrap().to_owned(), role["rules"].clone())
            })
            .collect()
    };
    assert_eq!(rules(&made), rules(&plain));
    let bound = made.iter().filter(|object| object["kind"] == "RoleBinding");
    assert!(
        bound
            .clone()
            .all(|binding| binding["metadata"]["namespace"] == "shop")
    );
    assert_eq!(bound.count(), 7);
    // The same container, network and budget.
    for (kind, pointer) in [
        ("Deployment", "/spec/template/spec/containers/0/securityContext"),
        ("Deployment", "/spec/template/spec/containers/0/livenessProbe"),
        ("Deployment", "/spec/template/spec/containers/0/readinessProbe"),
        ("Deployment", "/spec/template/spec/containers/0/resources"),
        ("Deployment", "/spec/template/spec/containers/0/env"),
        ("Deployment", "/spec/template/spec/containers/0/image"),
        ("Deployment", "/spec/template/spec/securityContext"),
        ("Deployment", "/spec/template/spec/volumes"),
        ("Deployment", "/spec/strategy"),
        ("Deployment", "/spec/replicas"),
        ("Service", "/spec/ports"),
        ("PodDisruptionBudget", "/spec/minAvailable"),
        ("NetworkPolicy", "/spec/ingress"),
    ] {
        let at = |objects: &[Value]| find(objects, kind).pointer(pointer).unwrap().clone();
        assert_eq!(at(&made), at(&plain), "{kind} {pointer}");
    }
    let paths = find(&made, "Ingress")
        .pointer("/spec/rules/0/http/paths")
        .unwrap()
        .to_string();
    assert!(
        paths.contains("/hooks/") && !paths.contains("/metrics"),
        "{paths}"
    );

    // One process with its file.
    let one = rendered(folder.path(), "replicas: 1\npersistence: {enabled: true}\n")
        .unwrap()
        .unwrap();
    one.iter().for_each(has_only_known_fields);
    assert_eq!(find(&one, "Deployment")["spec"]["strategy"]["type"], "Recreate");
    find(&one, "PersistentVolumeClaim");
    assert!(!one.iter().any(|object| object["kind"] == "PodDisruptionBudget"));
    roll_out(&one, 1).await;

    // For the Prometheus Operator: the rules as they are.
    let watched = rendered(folder.path(), "monitoring: {serviceMonitor: true, rules: true}\n");
    let watched = watched.unwrap().unwrap();
    find(&watched, "ServiceMonitor");
    let alerts = documents(&file("deploy/monitoring/alerts.yaml")).remove(0);
    assert_eq!(find(&watched, "PrometheusRule")["spec"], alerts);

    // What cannot be right is refused, with its reason.
    for (values, why) in [
        (
            "replicas: 2\npersistence: {enabled: true}\n",
            "which one process owns",
        ),
        ("replica: 2\n", "replica"),
        ("access: {shop: [everything]}\n", "access"),
        ("image: {digest: latest}\n", "digest"),
    ] {
        let refused = rendered(folder.path(), values).unwrap().unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

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

/// The unit ends Otus as Kubernetes does, and gives it what its configuration asks for.
#[test]
fn the_unit_of_systemd_is_what_otus_needs() {
    let unit = file("deploy/systemd/otus.service");
    for line in [
        "ExecStart=/usr/local/bin/otus run --config /etc/otus/otus.toml",
        "TimeoutStopSec=40s",
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
    ] {
        assert!(unit.lines().any(|have| have == line), "{line}");
    }
    let secrets = secrets();
    let file = secrets.path().join("store-url").display().to_string();
    // The variables it sets are keys there are.
    let variable = Regex::new(r"\bOTUS__[A-Z_]+").unwrap();
    let env: Vec<(String, String)> = variable
        .find_iter(&unit)
        .map(|name| {
            let value = if name.as_str().ends_with("FORMAT") {
                "json"
            } else {
                file.as_str()
            };
            (name.as_str().to_owned(), value.to_owned())
        })
        .collect();
    let env: Vec<(&str, &str)> = env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let start = Start {
        env: &env,
        ..Start::default()
    };
    let (code, _, logged) = run(&["config"], &start);
    assert_eq!(code, Some(0), "{logged}");
}
