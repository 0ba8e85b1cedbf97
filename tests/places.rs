//! Where services run: in several clusters and namespaces, and as Rollouts of Argo; with the real program between an emulated Slack and
//! emulated clusters.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use std::fmt::Write as _;
use std::process::Command;

use house::{House, words};
use otus_emulators::kubernetes::{Cluster, Denial, Options};
use serde_json::json;

fn image(cluster: &Cluster, kind: &str, namespace: &str) -> String {
    let object = cluster.get(kind, namespace, "api").unwrap();
    let image = &object["spec"]["template"]["spec"]["containers"][0]["image"];
    image.as_str().unwrap().to_owned()
}

/// A house whose production is in another cluster, in a namespace of another name, by another context of the same kubeconfig.
async fn two() -> (House, Cluster) {
    let house = House::build(None).await;
    let other = Cluster::start(Options::default()).await.unwrap();
    for service in ["api", "web"] {
        let image = format!("registry.test/shop/{service}:1.0");
        other.deployment("shop", service, &image, 2).await.unwrap();
    }
    let mut file =
        "apiVersion: v1\nkind: Config\ncurrent-context: us\nusers: [{name: otus, user: {}}]\n".to_owned();
    for list in ["clusters", "contexts"] {
        writeln!(file, "{list}:").unwrap();
        for (name, cluster) in [("us", &house.cluster), ("eu", &other)] {
            match list {
                "clusters" => writeln!(
                    file,
                    "- {{name: {name}, cluster: {{server: '{}'}}}}",
                    cluster.url()
                ),
                _ => writeln!(
                    file,
                    "- {{name: {name}, context: {{cluster: {name}, user: otus}}}}"
                ),
            }
            .unwrap();
        }
    }
    let path = house.folder.path().join("both");
    std::fs::write(&path, file).unwrap();
    house.instead(
        "after = \"staging\"",
        "after = \"staging\"\ncluster = \"eu\"\nnamespace = \"shop\"",
    );
    house.configure(&format!(
        "[kubernetes.clusters.eu]\nkubeconfig = {path:?}\ncontext = \"eu\"\n"
    ));
    (house, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_environment_is_deployed_to_where_it_is() {
    let (mut house, other) = two().await;
    house.start().await;
    let live = |version: &'static str, place: &'static str| {
        move |text: &str| text.contains(&format!("`{version}` is live in *{place}*"))
    };
    house.say("@otus deploy api@2.0 to production");
    house.shown(live("2.0", "production")).await;
    assert_eq!(image(&other, "deployment", "shop"), "registry.test/shop/api:2.0");
    // There is a namespace of the environment's name in the first cluster, too, and it is none of its business.
    for namespace in ["staging", "production"] {
        assert_eq!(
            image(&house.cluster, "deployment", namespace),
            "registry.test/shop/api:1.0"
        );
    }
    house.say("@otus deploy api@3.0 to staging");
    house.shown(live("3.0", "staging")).await;
    assert_eq!(
        image(&house.cluster, "deployment", "staging"),
        "registry.test/shop/api:3.0"
    );
    assert_eq!(
        image(&house.cluster, "deployment", "production"),
        "registry.test/shop/api:1.0"
    );
    assert_eq!(image(&other, "deployment", "shop"), "registry.test/shop/api:2.0");
    house.say("@otus status api");
    let status = words(&house.shown(|text| text.contains("What runs where")).await);
    let lines: Vec<String> = status
        .lines()
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .collect();
    for line in ["staging 3.0", "production 2.0"] {
        assert!(lines.iter().any(|shown| shown == line), "{status}");
    }
}

fn check(house: &House) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_otus"))
        .arg("check")
        .arg("--config")
        .arg(house.folder.path().join("otus.toml"))
        .current_dir(house.folder.path())
        .env("OTUS__SLACK__API_URL", house.slack.api_url())
        .env("OTUS__SLACK__BOT_TOKEN", house.slack.bot_token())
        .env("OTUS__SLACK__APP_TOKEN", house.slack.app_token())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_of_each_cluster_what_is_allowed_there() {
    let (house, other) = two().await;
    other.deny(Denial {
        verb: "delete".into(),
        resource: "deployments".into(),
        namespace: "shop".into(),
    });
    house.configure("[services.api.canary]\nenvironments = [\"production\"]\n");
    let (_, printed) = check(&house);
    for line in [
        "✓ cluster default: Kubernetes",
        "✓ cluster default, namespace staging: everything Otus needs is allowed",
        "✓ cluster eu: Kubernetes",
        "✗ cluster eu, namespace shop: not allowed: delete deployments.",
        "✓ api in staging: registry.test/shop/api:1.0",
        "✓ api in production: registry.test/shop/api:1.0",
    ] {
        assert!(printed.contains(line), "{line}\n{printed}");
    }
    assert!(!printed.contains("namespace production"), "{printed}");
    // A context that is not in the file is said of its cluster alone.
    house.instead("context = \"eu\"", "context = \"asia\"");
    let (code, printed) = check(&house);
    assert_eq!(code, Some(1));
    assert!(
        printed.contains("✗ cluster eu: ") && printed.contains("asia"),
        "{printed}"
    );
    assert!(
        printed.contains("✓ cluster default, namespace staging"),
        "{printed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_of_argo_goes_through_its_steps_and_back_when_it_crashes() {
    let mut house = House::build(None).await;
    let rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "api", "namespace": "argo"},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "api"}},
            "strategy": {"canary": {"steps": [{"setWeight": 25}, {"pause": {}}]}},
            "template": {
                "metadata": {"labels": {"app": "api"}},
                "spec": {"containers": [{"name": "app", "image": "registry.test/shop/api:1.0"}]},
            },
        },
    });
    house.cluster.seed(&rollout.to_string()).unwrap();
    house.instead(
        "[environments.staging]\n",
        "[environments.staging]\nnamespace = \"argo\"\n",
    );
    house.configure("[services.api.in.staging]\nworkload = \"rollout/api\"\n[services.web.in.staging]\nnamespace = \"staging\"\n");
    house.cluster.deny(Denial {
        verb: "patch".into(),
        resource: "rollouts/status".into(),
        namespace: "argo".into(),
    });
    let (_, printed) = check(&house);
    assert!(
        printed.contains("✗ cluster default, namespace argo: not allowed: patch rollouts/status."),
        "{printed}"
    );
    house.cluster.allow_all();
    let (_, printed) = check(&house);
    assert!(
        printed.contains("✓ cluster default, namespace argo: everything Otus needs is allowed"),
        "{printed}"
    );
    house.start().await;
    house.say("@otus deploy api@2.0 to staging");
    let waiting = house
        .shown(|text| text.contains("waits at step 2 of 2") && text.contains("1 of 4 pods"))
        .await;
    house.slack.click("ann", waiting.ts, "Resume").unwrap();
    house
        .shown(|text| text.contains("`2.0` is live in *staging*"))
        .await;
    house.say("@otus deploy api@3.0-crash to staging");
    let failed = house
        .shown(|text| text.contains("`3.0-crash` failed in *staging*"))
        .await;
    assert!(
        words(&failed).contains("The rollout was aborted"),
        "{}",
        words(&failed)
    );
    let object = house.cluster.get("rollout", "argo", "api").unwrap();
    assert_eq!(object["status"]["abort"], true);
    house
        .slack
        .click("ann", failed.ts, "Roll forward to 2.0")
        .unwrap();
    house
        .shown(|text| text.contains("`3.0-crash` → `2.0`") && text.contains("`2.0` is live in *staging*"))
        .await;
    assert_eq!(
        image(&house.cluster, "rollout", "argo"),
        "registry.test/shop/api:2.0"
    );
}
