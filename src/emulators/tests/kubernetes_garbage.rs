//! Whatever is sent, the server answers as an API server does, and goes on.

use std::time::Duration;

use otus_emulators::kubernetes::{Cluster, Options, View};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const PATHS: [&str; 10] = [
    "/apis/apps/v1/namespaces/shop/deployments",
    "/apis/apps/v1/namespaces/shop/deployments/api",
    "/apis/apps/v1/namespaces/shop/deployments/api/scale",
    "/apis/apps/v1/namespaces/shop/deployments/api/status",
    "/api/v1/namespaces/shop/pods",
    "/api/v1/namespaces/shop/events",
    "/apis/events.k8s.io/v1/namespaces/shop/events",
    "/apis/batch/v1/namespaces/shop/jobs",
    "/apis/apps/v1/namespaces/shop/statefulsets/api",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
];

const KINDS: [&str; 6] = [
    "application/json",
    "application/apply-patch+yaml",
    "application/strategic-merge-patch+json",
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/vnd.kubernetes.protobuf",
];

/// Values with the names the API knows in wrong places.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        prop::sample::select(vec![-1_i64, 0, 1, 2, i64::from(i32::MAX), 1 << 31, i64::MIN])
            .prop_map(|n| json!(n)),
        prop::sample::select(vec![
            "100%",
            "-5%",
            "99999999999999999999%",
            "0%",
            "Recreate",
            "Never",
            "TCP"
        ])
        .prop_map(|t| json!(t)),
        any::<f64>().prop_map(|n| json!(n)),
        "[a-z0-9$%/:.-]{0,12}".prop_map(|text| json!(text)),
        ".{0,6}".prop_map(|text| json!(text)),
    ];
    let names = prop::sample::select(vec![
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "managedFields",
        "ownerReferences",
        "uid",
        "resourceVersion",
        "generation",
        "spec",
        "replicas",
        "selector",
        "matchLabels",
        "template",
        "containers",
        "initContainers",
        "image",
        "env",
        "ports",
        "containerPort",
        "protocol",
        "strategy",
        "rollingUpdate",
        "maxSurge",
        "maxUnavailable",
        "paused",
        "progressDeadlineSeconds",
        "minReadySeconds",
        "status",
        "conditions",
        "type",
        "$patch",
        "$setElementOrder/containers",
        "$retainKeys",
        "op",
        "path",
        "value",
        "from",
        "restartPolicy",
        "backoffLimit",
        "completions",
        "parallelism",
        "involvedObject",
        "series",
        "count",
    ]);
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|pairs| Value::Object(
                pairs
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect::<Map<_, _>>()
            )),
        ]
    })
}

/// A patch that fits the place, of values that do not.
fn fitting() -> impl Strategy<Value = Value> {
    let container = (prop_oneof![Just("app"), Just("side")], value(), value()).prop_map(
        |(name, key, more)| json!({ "name": name, "image": "r.test/x:1", "env": [key], "ports": more }),
    );
    prop_oneof![
        value(),
        (value(), value(), value()).prop_map(|(replicas, strategy, template)| json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "spec": { "replicas": replicas, "strategy": strategy, "template": template },
        })),
        (container, value(), value()).prop_map(|(container, labels, seconds)| json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "labels": labels, "annotations": { "a": "b" } },
            "spec": {
                "minReadySeconds": seconds,
                "progressDeadlineSeconds": seconds,
                "template": { "spec": { "containers": [container] } },
            },
        })),
    ]
}

#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    path: &'static str,
    kind: &'static str,
    body: Vec<u8>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let body = prop_oneof![
        8 => fitting().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => ".{0,64}".prop_map(String::into_bytes),
    ];
    let method = prop::sample::select(vec!["PATCH", "PATCH", "PATCH", "POST", "PUT", "DELETE", "GET"]);
    (
        method,
        prop::sample::select(PATHS.to_vec()),
        prop::sample::select(KINDS.to_vec()),
        body,
    )
        .prop_map(|(method, path, kind, body)| Sent {
            method,
            path,
            kind,
            body,
        })
}

async fn run(all: Vec<Sent>) -> Result<(), String> {
    let cluster = Cluster::start(Options::default())
        .await
        .map_err(|e| e.to_string())?;
    cluster
        .deployment("shop", "api", "r.test/api:1", 1)
        .await
        .map_err(|e| e.to_string())?;
    let http = reqwest::Client::new();
    for Sent {
        method,
        path,
        kind,
        body,
    } in all
    {
        let method: reqwest::Method = method.parse().map_err(|_| "no method")?;
        let url = format!("{}{path}?fieldManager=garbage&force=true", cluster.url());
        let answer = http
            .request(method.clone(), url)
            .header("content-type", kind)
            .body(body)
            .send()
            .await;
        let answer = answer.map_err(|error| format!("{method} {path} was not answered: {error}"))?;
        let status = answer.status().as_u16();
        let body: Value = answer
            .json()
            .await
            .map_err(|error| format!("{method} {path}: no JSON: {error}"))?;
        if status >= 500 || (status >= 400 && body["kind"] != "Status") {
            return Err(format!("{method} {path}: {status} {body}"));
        }
    }
    // It still does its work.
    cluster
        .deployment("after", "all", "r.test/all:1", 2)
        .await
        .map_err(|e| e.to_string())?;
    let seen = cluster.wait_until(Duration::from_secs(10), |view: &View<'_>| {
        view.get("deploy", "after", "all")
    });
    seen.await.map(drop).map_err(|waited| waited.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_refused_and_harms_nothing(all in prop::collection::vec(sent(), 1..24)) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(all)).map_err(TestCaseError::fail)?;
    }
}
