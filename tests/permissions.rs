//! What the manifests in `deploy/` allow Otus in a cluster is enough, and nothing of it is too much: the emulated cluster asks the very
//! Roles, while the real program deploys.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deploy_files;
mod house;

use deploy_files::{documents, file, objects};
use house::{House, SOON, words};
use otus_kubernetes::{Clusters, DEFAULT_CLUSTER, Kind, Need};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// Which of `access/` is applied to which namespace.
const ACCESS: [(&str, &[&str]); 3] = [
    (
        "staging",
        &["read", "deployments", "jobs", "statefulsets", "daemonsets"],
    ),
    ("production", &["read", "deployments", "canary"]),
    ("argo", &["read", "rollouts"]),
];

const SERVICES: &str = r#"
[services.api.before]
command = ["bin/migrate"]
deadline = "1h"
[services.web.canary]
replicas = 1
bake = "1s"
environments = ["production"]
[services.db]
image = "registry.test/shop/db"
workload = "statefulset/db"
environments = ["staging"]
[services.agent]
image = "registry.test/shop/agent"
workload = "daemonset/agent"
environments = ["staging"]
[services.shop]
image = "registry.test/shop/shop"
workload = "rollout/shop"
environments = ["staging"]
[services.shop.in.staging]
namespace = "argo"
"#;

/// Workloads of the other kinds, as the house has Deployments.
fn workloads() -> Value {
    let workload = |api: &str, kind: &str, namespace: &str, name: &str, more: Value| {
        let mut object = json!({
            "apiVersion": api, "kind": kind, "metadata": { "name": name, "namespace": namespace },
            "spec": {
                "selector": { "matchLabels": { "app": name } },
                "template": {
                    "metadata": { "labels": { "app": name } },
                    "spec": { "containers": [{ "name": "app", "image": format!("registry.test/shop/{name}:1.0") }] },
                },
            },
        });
        let spec = object["spec"].as_object_mut().unwrap();
        spec.extend(more.as_object().unwrap().clone());
        object
    };
    let steps = json!({ "replicas": 4, "strategy": { "canary": { "steps": [{ "setWeight": 25 }, { "pause": {} }] } } });
    json!({ "kind": "List", "items": [
        workload("apps/v1", "StatefulSet", "staging", "db", json!({ "replicas": 2, "serviceName": "db" })),
        workload("apps/v1", "DaemonSet", "staging", "agent", json!({})),
        workload("argoproj.io/v1alpha1", "Rollout", "argo", "shop", steps),
    ] })
}

/// A house whose cluster has what `kubectl apply -f` of the manifests makes, and whose program asks as their ServiceAccount.
async fn installed() -> House {
    let house = House::build(None).await;
    let mut all = objects();
    for (namespace, parts) in ACCESS {
        for part in parts {
            let binding = file(&format!("deploy/kubernetes/access/{part}.yaml"));
            all.extend(documents(
                &binding.replace("namespace: shop", &format!("namespace: {namespace}")),
            ));
        }
    }
    // The robot itself runs beside the cluster here.
    all.retain(|object| object["kind"] != "Deployment");
    house
        .cluster
        .seed(&json!({ "kind": "List", "items": all }).to_string())
        .unwrap();
    house.cluster.seed(&workloads().to_string()).unwrap();
    let kubeconfig = house.cluster.account_kubeconfig("otus", "otus").unwrap();
    std::fs::write(house.folder.path().join("kubeconfig"), kubeconfig).unwrap();
    house.configure(SERVICES);
    house
}

/// (group, resource, verb) of all that the manifests allow.
fn granted() -> BTreeSet<(String, String, String)> {
    let mut all = BTreeSet::new();
    for role in roles() {
        for rule in role["rules"].as_array().unwrap() {
            for (group, resource, verb) in triples(rule) {
                all.insert((group, resource, verb));
            }
        }
    }
    all
}

fn triples(rule: &Value) -> Vec<(String, String, String)> {
    let list = |field: &str| -> Vec<String> {
        let list = rule[field].as_array().unwrap().iter();
        list.map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    let mut all = Vec::new();
    for group in list("apiGroups") {
        for resource in list("resources") {
            for verb in list("verbs") {
                all.push((group.clone(), resource.clone(), verb));
            }
        }
    }
    all
}

fn roles() -> Vec<Value> {
    let all = documents(&file("deploy/kubernetes/roles.yaml"));
    assert!(all.iter().all(|role| role["kind"] == "ClusterRole"));
    all
}

/// A role without its rule for a resource.
fn without(role: &Value, resource: &str) -> Value {
    let mut less = role.clone();
    let rules = less["rules"].as_array_mut().unwrap();
    let count = rules.len();
    rules.retain(|rule| rule["resources"] != json!([resource]));
    assert_eq!(rules.len() + 1, count, "{role} {resource}");
    less
}

/// Writes a ClusterRole anew.
async fn put(house: &House, role: &Value) {
    let url = format!(
        "{}/apis/rbac.authorization.k8s.io/v1/clusterroles/{}",
        house.cluster.url(),
        role["metadata"]["name"].as_str().unwrap()
    );
    let there: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
    let mut new = there.clone();
    new["rules"] = role["rules"].clone();
    let answer = reqwest::Client::new().put(url).json(&new).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_is_needed_and_it_is_enough() {
    let mut house = installed().await;
    house.start().await;
    let live = async |service: &str, version: &str, environment: &str| {
        house.say(&format!("@otus deploy {service}@{version} to {environment}"));
        let words = format!("*{service}* `{version}` is live in *{environment}*");
        house.shown(|text| text.contains(&words)).await;
    };
    // A Job before it, then the Deployment; a canary; the other kinds.
    live("api", "2.0", "staging").await;
    live("web", "2.0", "production").await;
    live("db", "2.0", "staging").await;
    live("agent", "2.0", "staging").await;
    house.say("@otus deploy shop@2.0 to staging");
    let paused = house.shown(|text| text.contains("waits at step 2 of 2")).await;
    house.slack.click("ann", paused.ts, "Resume").unwrap();
    house
        .shown(|text| text.contains("*shop* `2.0` is live in *staging*"))
        .await;
    // Reading.
    house.say("@otus logs api in staging");
    house.say("@otus events api in staging");
    house.say("@otus status");
    let deadline = Instant::now() + SOON;
    while !["pods/log", "events"]
        .iter()
        .all(|resource| house.cluster.uses().iter().any(|one| one.resource == *resource))
    {
        assert!(
            Instant::now() < deadline,
            "{}\n{}",
            house.transcript(),
            house.log()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A Job that never starts is given up, and taken away.
    house.say("@otus deploy api@3.0-missing to staging");
    house
        .shown(|text| text.contains("`3.0-missing` was not deployed"))
        .await;
    // One that runs is taken over by whoever comes after a crash.
    house.say("@otus deploy api@4.0-slow to staging");
    let begun = house.cluster.wait_until(SOON, |view| {
        let jobs = view.list("jobs", "staging");
        jobs.iter()
            .any(|job| job.to_string().contains("4.0-slow"))
            .then_some(())
    });
    begun.await.unwrap();
    house.kill().await;
    house.start().await;
    house
        .shown(|text| text.contains("*api* `4.0-slow` is live in *staging*"))
        .await;

    let used: BTreeSet<_> = house
        .cluster
        .uses()
        .into_iter()
        .map(|one| (one.group, one.resource, one.verb))
        .collect();
    let granted = granted();
    assert_eq!(
        granted.difference(&used).collect::<Vec<_>>(),
        Vec::<&(String, String, String)>::new(),
        "allowed, and never needed"
    );
    let refused: Vec<_> = house
        .cluster
        .requests()
        .into_iter()
        .filter(|request| request.status == 403)
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_of_the_rules_something_is_refused() {
    let mut house = installed().await;
    house.start().await;
    // Role, resource, what is said, where the server refuses it. Without its pods and what tells their versions apart, a rollout is still
    // judged, by its counts; only why it fails nobody can say.
    let probes = [
        ("otus-read", "pods", "logs web in staging", Some("staging")),
        ("otus-read", "pods/log", "logs web in staging", Some("staging")),
        ("otus-read", "events", "events web in staging", Some("staging")),
        (
            "otus-deployments",
            "deployments",
            "deploy web@{} to staging",
            Some("staging"),
        ),
        (
            "otus-deployments",
            "replicasets",
            "deploy web@{}-crash to staging",
            None,
        ),
        (
            "otus-canary",
            "deployments",
            "deploy web@{} to production",
            Some("production"),
        ),
        (
            "otus-statefulsets",
            "statefulsets",
            "deploy db@{} to staging",
            Some("staging"),
        ),
        (
            "otus-daemonsets",
            "daemonsets",
            "deploy agent@{} to staging",
            Some("staging"),
        ),
        (
            "otus-daemonsets",
            "controllerrevisions",
            "logs agent in staging",
            Some("staging"),
        ),
        (
            "otus-rollouts",
            "rollouts",
            "deploy shop@{} to staging",
            Some("argo"),
        ),
        (
            "otus-rollouts",
            "replicasets",
            "deploy shop@{}-crash to staging",
            None,
        ),
        ("otus-jobs", "jobs", "deploy api@{} to staging", Some("staging")),
    ];
    let mut tried = BTreeSet::new();
    for (index, (name, resource, said, refused)) in probes.into_iter().enumerate() {
        let role = roles()
            .into_iter()
            .find(|role| role["metadata"]["name"] == name)
            .unwrap();
        let less = without(&role, resource);
        match refused {
            Some(namespace) => {
                put(&house, &less).await;
                house.say(&format!("@otus {}", said.replace("{}", &format!("2.{index}"))));
                let resource = format!("resource \"{resource}\"");
                let place = format!("in the namespace \"{namespace}\"");
                let found = house
                    .shown(|text| text.contains(&resource) && text.contains(&place))
                    .await;
                // Nobody is left guessing what to do.
                assert!(words(&found).contains("not allowed"), "{}", words(&found));
            }
            None => {
                let fails = async |version: String| {
                    house.say(&format!("@otus {}", said.replace("{}", &version)));
                    let failed = format!("`{version}-crash` failed");
                    words(&house.shown(|text| text.contains(&failed)).await)
                };
                let explained = fails(format!("3.{index}")).await;
                put(&house, &less).await;
                let unexplained = fails(format!("4.{index}")).await;
                let why = "ended with exit code 1";
                assert!(explained.contains(why), "{explained}");
                assert!(!unexplained.contains(why), "{unexplained}");
            }
        }
        put(&house, &role).await;
        tried.insert((name.to_owned(), resource.to_owned()));
    }
    // A Rollout's status, by which a pause is ended.
    let role = roles()
        .into_iter()
        .find(|role| role["metadata"]["name"] == "otus-rollouts")
        .unwrap();
    put(&house, &without(&role, "rollouts/status")).await;
    house.say("@otus deploy shop@3.0 to staging");
    let paused = house
        .shown(|text| text.contains("`3.0`") && text.contains("waits at step 2 of 2"))
        .await;
    house.slack.click("ann", paused.ts, "Resume").unwrap();
    house
        .shown(|text| text.contains("cannot patch resource \"rollouts/status\""))
        .await;
    tried.insert(("otus-rollouts".to_owned(), "rollouts/status".to_owned()));

    let rules: BTreeSet<_> = roles()
        .iter()
        .flat_map(|role| {
            let name = role["metadata"]["name"].as_str().unwrap().to_owned();
            let rules = role["rules"].as_array().unwrap().clone();
            rules
                .into_iter()
                .map(move |rule| (name.clone(), rule["resources"][0].as_str().unwrap().to_owned()))
        })
        .collect();
    assert_eq!(tried, rules, "every rule was left out once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_misses_each_single_right() {
    let house = installed().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clusters = Clusters::new(otus_kubernetes::Config {
        kubeconfig: Some(house.folder.path().join("kubeconfig")),
        ..otus_kubernetes::Config::default()
    });
    let cluster = clusters.get(DEFAULT_CLUSTER).await.unwrap();
    let needs = BTreeMap::from([
        (
            "staging".to_owned(),
            needs(&["deployments", "jobs", "statefulsets", "daemonsets"]),
        ),
        ("production".to_owned(), needs(&["deployments", "canary"])),
        ("argo".to_owned(), needs(&["rollouts"])),
    ]);
    assert_eq!(
        otus_kubernetes::check(&cluster, &needs).await.unwrap().missing,
        []
    );
    for role in roles() {
        for (index, rule) in role["rules"].as_array().unwrap().iter().enumerate() {
            for verb in rule["verbs"].as_array().unwrap() {
                let mut less = role.clone();
                less["rules"][index]["verbs"]
                    .as_array_mut()
                    .unwrap()
                    .retain(|one| one != verb);
                if less["rules"][index]["verbs"] == json!([]) {
                    less["rules"].as_array_mut().unwrap().remove(index);
                }
                put(&house, &less).await;
                let missing = otus_kubernetes::check(&cluster, &needs).await.unwrap().missing;
                assert!(!missing.is_empty(), "{verb} of {rule} is not missed");
                for missing in missing {
                    assert_eq!(json!([missing.resource]), rule["resources"]);
                    assert_eq!(json!(missing.verb), *verb);
                }
            }
        }
        put(&house, &role).await;
    }
}

fn needs(parts: &[&str]) -> BTreeSet<Need> {
    parts.iter().map(|part| need(part)).collect()
}

fn need(part: &str) -> Need {
    match part {
        "deployments" => Need::Workload(Kind::Deployment),
        "statefulsets" => Need::Workload(Kind::StatefulSet),
        "daemonsets" => Need::Workload(Kind::DaemonSet),
        "rollouts" => Need::Workload(Kind::Rollout),
        "canary" => Need::Canary,
        "jobs" => Need::Jobs,
        other => panic!("no need is called {other}"),
    }
}

/// What `otus check` prints for a namespace is what the manifests have for it.
#[test]
fn the_manifests_and_the_check_ask_for_the_same() {
    let rules_of = |name: &str| -> BTreeSet<_> {
        let role = roles()
            .into_iter()
            .find(|role| role["metadata"]["name"] == name)
            .unwrap();
        role["rules"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(triples)
            .collect()
    };
    for part in [
        "deployments",
        "statefulsets",
        "daemonsets",
        "rollouts",
        "canary",
        "jobs",
    ] {
        let printed = documents(&otus_kubernetes::role("shop", &needs(&[part]))).remove(0);
        let printed: BTreeSet<_> = printed["rules"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(triples)
            .collect();
        let mut ours = rules_of("otus-read");
        ours.extend(rules_of(&format!("otus-{part}")));
        assert_eq!(printed, ours, "{part}");
    }
}

/// What Otus is let in with everywhere is in none of what it leaves behind.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_kept_logged_or_said() {
    let mut house = installed().await;
    let kubeconfig = std::fs::read_to_string(house.folder.path().join("kubeconfig")).unwrap();
    let kubeconfig: Value = serde_json::from_str(&kubeconfig).unwrap();
    let tokens = [
        house.slack.bot_token().to_string(),
        house.slack.app_token().to_string(),
        kubeconfig["users"][0]["user"]["token"]
            .as_str()
            .unwrap()
            .to_owned(),
    ];
    house.configure("[log]\nfilter = \"debug\"\n");
    house.start().await;
    house.say("@otus deploy web@2.0-crash to staging");
    house.shown(|text| text.contains("`2.0-crash` failed")).await;
    house.say("@otus status");
    house.shown(|text| text.contains("What runs where")).await;
    assert!(house.stop().await.success());
    let mut looked = 0;
    for entry in std::fs::read_dir(house.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("kubeconfig") {
            continue;
        }
        looked += 1;
        let bytes = std::fs::read(&path).unwrap();
        for token in &tokens {
            let found = bytes.windows(token.len()).any(|part| part == token.as_bytes());
            assert!(!found, "{path:?} has {token}");
        }
    }
    assert!(looked >= 3, "the configuration, the store and the log");
    for token in &tokens {
        assert!(!house.transcript().contains(token.as_str()));
    }
}
