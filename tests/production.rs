//! What is in `deploy/` for whoever runs Otus: manifests and the chart are what Kubernetes understands, and agree with each other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deploy_files;
mod support;

use deploy_files::{documents, file, has_only_known_fields, manifests, objects, printed, root};
use otus_emulators::kubernetes::{Cluster, Options};
use regex::Regex;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    process::{Command, Output, Stdio},
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

/// As the page on operations says it, with the real `kubectl` and its kustomize.
#[tokio::test(flavor = "multi_thread")]
async fn kubectl_applies_the_folders_and_knows_what_the_account_may_do() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    cluster.write_kubeconfig(&kubeconfig).unwrap();
    let kubectl = async |line: &str| {
        let mut command = Command::new("kubectl");
        command
            .args(line.split_whitespace())
            .current_dir(root())
            .env("KUBECONFIG", &kubeconfig)
            .env("HOME", folder.path());
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap();
        match output {
            Ok(output) => Some((output.status.success(), printed(&output))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => panic!("{error}"),
        }
    };
    if kubectl("version --client").await.is_none() {
        eprintln!("SKIPPED: kubectl is not installed");
        return;
    }
    for line in [
        "apply -k deploy/kubernetes",
        "create namespace shop",
        "apply -k deploy/kubernetes/access",
        "-n otus rollout status deployment/otus --timeout=60s",
        // Once more changes nothing.
        "apply -k deploy/kubernetes",
    ] {
        let (well, said) = kubectl(line).await.unwrap();
        assert!(well, "{line}: {said}");
    }
    let account = "--as system:serviceaccount:otus:otus";
    for (what, may) in [
        ("list pods -n shop", true),
        ("patch deployments.apps -n shop", true),
        ("create deployments.apps -n shop", false),
        ("create pods/exec -n shop", false),
        ("get secrets -n shop", false),
        ("get secrets -n otus", false),
        ("list pods -n otus", false),
        ("list pods -n default", false),
    ] {
        let (said_yes, said) = kubectl(&format!("auth can-i {what} {account}")).await.unwrap();
        assert_eq!(said_yes, may, "{what}: {said}");
    }
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

/// Helm itself, by its SDK: `lint`, or `template` with values on its input.
fn helm(what: &str, values: &Value) -> Output {
    let folder = root().join("tests/clients/helm");
    let mut child = Command::new(folder.join(".venv/bin/python"))
        .arg(folder.join("render.py"))
        .arg(what)
        .arg(root().join("deploy/helm/otus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Helm's SDK is there: run tests/clients/setup.sh");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(values.to_string().as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// The chart with values, as Helm renders it.
fn rendered(values: &str) -> Result<Vec<Value>, String> {
    let output = helm("template", &documents(values).remove(0));
    if !output.status.success() {
        return Err(printed(&output));
    }
    Ok(documents(&String::from_utf8(output.stdout).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_makes_what_the_manifests_are() {
    let output = helm("lint", &Value::Null);
    assert!(output.status.success(), "{}", printed(&output));

    let all = "{shop: [deployments, canary, jobs, statefulsets, daemonsets, rollouts]}";
    let made = rendered(&format!(
        "access: {all}\ningress: {{enabled: true, tlsSecret: tls, className: nginx}}\n"
    ))
    .unwrap();
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
    let one = rendered("replicas: 1\npersistence: {enabled: true}\n").unwrap();
    one.iter().for_each(has_only_known_fields);
    assert_eq!(find(&one, "Deployment")["spec"]["strategy"]["type"], "Recreate");
    find(&one, "PersistentVolumeClaim");
    assert!(!one.iter().any(|object| object["kind"] == "PodDisruptionBudget"));
    roll_out(&one, 1).await;

    // For the Prometheus Operator: the rules as they are.
    let watched = rendered("monitoring: {serviceMonitor: true, rules: true}\n").unwrap();
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
        let refused = rendered(values).unwrap_err();
        assert!(refused.contains(why), "{refused}");
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
