//! The emulator as `kubectl` sees it: the real program, where it is installed.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use otus_emulators::kubernetes::{Cluster, Denial, Options};
use tokio::{io::AsyncWriteExt, process::Command};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// How long one call may take.
const BOUND: Duration = Duration::from_secs(60);

struct Kubectl {
    cluster: Cluster,
    home: tempfile::TempDir,
}

impl Kubectl {
    /// A cluster with a Deployment `api` in `shop`; nothing where kubectl is not installed.
    async fn new() -> Result<Option<Self>> {
        let found = Command::new("kubectl")
            .args(["version", "--client"])
            .stdout(Stdio::null())
            .status()
            .await;
        if !found.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: kubectl is not installed (https://kubernetes.io/docs/tasks/tools/)");
            return Ok(None);
        }
        let cluster = Cluster::start(Options::default()).await?;
        cluster
            .deployment("shop", "api", "registry.test/shop/api:1.0", 3)
            .await?;
        let home = tempfile::tempdir()?;
        cluster.write_kubeconfig(home.path().join("config"))?;
        Ok(Some(Self { cluster, home }))
    }

    async fn output(&self, args: &[&str], input: &str) -> Result<Output> {
        let mut child = Command::new("kubectl")
            .args(args)
            .env("KUBECONFIG", self.home.path().join("config"))
            .env("HOME", self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await?;
        }
        Ok(tokio::time::timeout(BOUND, child.wait_with_output())
            .await
            .map_err(|_| format!("{args:?} hangs"))??)
    }

    async fn fed(&self, args: &[&str], input: &str) -> Result<String> {
        let output = self.output(args, input).await?;
        let (out, err) = (
            String::from_utf8(output.stdout)?,
            String::from_utf8(output.stderr)?,
        );
        if output.status.success() {
            Ok(out)
        } else {
            Err(format!("{args:?}: {out}{err}").into())
        }
    }

    async fn run(&self, line: &str) -> Result<String> {
        self.fed(&line.split_whitespace().collect::<Vec<_>>(), "").await
    }

    /// What it says when it fails.
    async fn fails(&self, line: &str, input: &str) -> Result<String> {
        let output = self
            .output(&line.split_whitespace().collect::<Vec<_>>(), input)
            .await?;
        if output.status.success() {
            return Err(format!("{line} did not fail: {}", String::from_utf8_lossy(&output.stdout)).into());
        }
        Ok(String::from_utf8(output.stderr)? + &String::from_utf8(output.stdout)?)
    }
}

/// Runs of spaces as one.
fn squeezed(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[tokio::test]
async fn what_is_there_is_shown_in_tables() -> Result {
    let Some(kubectl) = Kubectl::new().await? else {
        return Ok(());
    };
    assert!(kubectl.run("version -o json").await?.contains("-emulated"));
    let table = squeezed(&kubectl.run("-n shop get deployments").await?);
    assert_eq!(table[0], "NAME READY UP-TO-DATE AVAILABLE AGE");
    assert!(table[1].starts_with("api 3/3 3 3 "), "{table:?}");
    let table = squeezed(&kubectl.run("-n shop get rs").await?);
    assert_eq!(table[0], "NAME DESIRED CURRENT READY AGE");
    assert!(table[1].contains(" 3 3 3 "), "{table:?}");
    let table = squeezed(&kubectl.run("-n shop get pods").await?);
    assert_eq!(table[0], "NAME READY STATUS RESTARTS AGE");
    assert_eq!(
        table.iter().filter(|row| row.contains(" 1/1 Running 0 ")).count(),
        3,
        "{table:?}"
    );
    let table = squeezed(&kubectl.run("-n shop get events").await?);
    assert_eq!(table[0], "LAST SEEN TYPE REASON OBJECT MESSAGE");
    assert!(
        table
            .iter()
            .any(|row| row.contains("Normal ScalingReplicaSet deployment/api Scaled up")),
        "{table:?}"
    );
    let wide = kubectl.run("get deploy -A -o wide").await?;
    assert!(
        wide.contains("registry.test/shop/api:1.0") && wide.contains("app=api"),
        "{wide}"
    );
    let image = kubectl
        .run("-n shop get deploy api -o jsonpath={.spec.template.spec.containers[0].image}")
        .await?;
    assert_eq!(image, "registry.test/shop/api:1.0");
    assert!(kubectl.run("api-resources").await?.contains("deploy "));
    let all = kubectl.run("-n shop get all").await?;
    assert!(
        all.contains("deployment.apps/api")
            && all.contains("pod/api-")
            && all.contains("replicaset.apps/api-")
    );

    let described = kubectl.run("-n shop describe deployment api").await?;
    for part in [
        "3 desired | 3 updated | 3 total | 3 available | 0 unavailable",
        "25% max unavailable, 25% max surge",
        "NewReplicaSetAvailable",
        "NewReplicaSet:   api-",
        "Scaled up replica set api-",
    ] {
        assert!(described.contains(part), "no {part:?} in\n{described}");
    }
    let described = kubectl.run("-n shop describe pods -l app=api").await?;
    assert!(
        described.contains("Controlled By:  ReplicaSet/api-")
            && described.contains("Successfully assigned shop/")
    );
    // These are sent as protobuf.
    kubectl.run("create namespace more").await?;
    kubectl
        .run("-n more create configmap flags --from-literal=new=on")
        .await?;
    kubectl
        .run("-n more create secret generic word --from-literal=word=quiet")
        .await?;
    assert_eq!(
        kubectl
            .run("-n more get configmap flags -o jsonpath={.data.new}")
            .await?,
        "on"
    );
    assert_eq!(
        kubectl
            .run("-n more get secret word -o jsonpath={.data.word}")
            .await?,
        "cXVpZXQ="
    );
    kubectl.run("delete namespace more --timeout=30s").await?;
    let missing = kubectl.fails("-n shop get deploy nothing", "").await?;
    assert!(
        missing.contains(r#"Error from server (NotFound): deployments.apps "nothing" not found"#),
        "{missing}"
    );
    Ok(())
}

#[tokio::test]
async fn a_rollout_by_hand() -> Result {
    let Some(kubectl) = Kubectl::new().await? else {
        return Ok(());
    };
    kubectl
        .run("-n shop set image deployment/api app=registry.test/shop/api:1.1")
        .await?;
    let status = kubectl
        .run("-n shop rollout status deployment/api --timeout=40s")
        .await?;
    assert!(
        status.contains("Waiting for deployment") || status.contains("successfully"),
        "{status}"
    );
    assert!(
        status.ends_with("deployment \"api\" successfully rolled out\n"),
        "{status}"
    );

    kubectl
        .run("-n shop annotate deployment api kubernetes.io/change-cause=by_hand")
        .await?;
    kubectl.run("-n shop rollout restart deployment/api").await?;
    kubectl
        .run("-n shop rollout status deployment/api --timeout=40s")
        .await?;
    let history = squeezed(&kubectl.run("-n shop rollout history deployment/api").await?);
    assert_eq!(history[1], "REVISION CHANGE-CAUSE");
    assert!(history.contains(&"3 by_hand".to_owned()), "{history:?}");

    kubectl.run("-n shop rollout pause deployment/api").await?;
    kubectl
        .run("-n shop set image deployment/api app=registry.test/shop/api:1.2")
        .await?;
    let still = kubectl
        .fails("-n shop rollout status deployment/api --timeout=1s", "")
        .await?;
    assert!(still.contains("timed out"), "{still}");
    kubectl.run("-n shop rollout resume deployment/api").await?;
    kubectl
        .run("-n shop rollout status deployment/api --timeout=40s")
        .await?;

    kubectl
        .run("-n shop rollout undo deployment/api --to-revision=1")
        .await?;
    kubectl
        .run("-n shop rollout status deployment/api --timeout=40s")
        .await?;
    let image = kubectl
        .run("-n shop get deploy api -o jsonpath={.spec.template.spec.containers[0].image}")
        .await?;
    assert_eq!(image, "registry.test/shop/api:1.0");

    kubectl.run("-n shop scale deployment/api --replicas=5").await?;
    kubectl
        .run("-n shop rollout status deployment/api --timeout=40s")
        .await?;
    assert_eq!(
        kubectl
            .cluster
            .list("pods", "shop")
            .iter()
            .filter(|pod| pod["status"]["phase"] == "Running")
            .count(),
        5
    );
    Ok(())
}

#[tokio::test]
async fn a_rollout_that_fails_is_told() -> Result {
    let Some(kubectl) = Kubectl::new().await? else {
        return Ok(());
    };
    let patch = r#"{"spec":{"progressDeadlineSeconds":20}}"#;
    kubectl
        .run(&format!("-n shop patch deployment api --type=merge -p {patch}"))
        .await?;
    kubectl
        .run("-n shop set image deployment/api app=registry.test/shop/api:2.0-crash")
        .await?;
    let told = kubectl
        .fails("-n shop rollout status deployment/api --timeout=40s", "")
        .await?;
    assert!(
        told.contains("error: deployment \"api\" exceeded its progress deadline"),
        "{told}"
    );
    let pods = kubectl.run("-n shop get pods").await?;
    assert!(
        pods.contains("CrashLoopBackOff") || pods.contains("Error") || pods.contains("Running"),
        "{pods}"
    );
    Ok(())
}

#[tokio::test]
async fn logs_and_deletions() -> Result {
    let Some(kubectl) = Kubectl::new().await? else {
        return Ok(());
    };
    let log = kubectl.run("-n shop logs deployment/api").await?;
    assert!(
        log.contains("starting registry.test/shop/api:1.0") && log.contains("listening on"),
        "{log}"
    );
    assert_eq!(
        kubectl.run("-n shop logs deployment/api --tail=1").await?,
        "listening on 0.0.0.0:8080\n"
    );
    let none = kubectl
        .fails("-n shop logs deployment/api --previous", "")
        .await?;
    assert!(none.contains("previous terminated container \"app\""), "{none}");

    let pods = kubectl.run("-n shop get pods -o name").await?;
    let pod = pods.lines().next().ok_or("no pod")?;
    kubectl
        .run(&format!("-n shop delete {pod} --timeout=30s"))
        .await?;
    kubectl
        .run("-n shop wait deployment/api --for=condition=Available --timeout=30s")
        .await?;
    kubectl.run("-n shop delete deployment api --timeout=30s").await?;
    kubectl
        .cluster
        .wait_until(BOUND, |view| {
            (view.list("pods", "shop").is_empty() && view.list("rs", "shop").is_empty()).then_some(())
        })
        .await?;
    Ok(())
}

const MANIFEST: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: 'registry.test/web:1', ports: [{containerPort: 80}]}
";

#[tokio::test]
async fn apply_in_both_ways() -> Result {
    let Some(kubectl) = Kubectl::new().await? else {
        return Ok(());
    };
    let apply: Vec<&str> = "apply -f -".split(' ').collect();
    assert_eq!(
        kubectl.fed(&apply, MANIFEST).await?,
        "deployment.apps/web created\n"
    );
    assert_eq!(
        kubectl.fed(&apply, MANIFEST).await?,
        "deployment.apps/web unchanged\n"
    );
    let next = MANIFEST.replace("web:1", "web:2");
    assert_eq!(
        kubectl.fed(&apply, &next).await?,
        "deployment.apps/web configured\n"
    );
    kubectl
        .run("-n shop rollout status deployment/web --timeout=40s")
        .await?;

    // The server tells kubectl who set what, and kubectl tells its user.
    let next = MANIFEST.replace("web:1", "web:3");
    let conflict = kubectl
        .fails("apply --server-side --field-manager=team -f -", &next)
        .await?;
    assert!(
        conflict.contains("conflict with \"kubectl-client-side-apply\" using apps/v1"),
        "{conflict}"
    );
    assert!(
        conflict.contains(r#".spec.template.spec.containers[name="web"].image"#),
        "{conflict}"
    );
    let force: Vec<&str> = "apply --server-side --field-manager=team --force-conflicts -f -"
        .split(' ')
        .collect();
    assert_eq!(
        kubectl.fed(&force, &next).await?,
        "deployment.apps/web serverside-applied\n"
    );
    let dry: Vec<&str> = "apply --server-side --field-manager=team --dry-run=server -f -"
        .split(' ')
        .collect();
    assert!(kubectl.fed(&dry, MANIFEST).await?.contains("server dry run"));
    let image = kubectl.cluster.get("deploy", "shop", "web").ok_or("no web")?;
    assert_eq!(
        image["spec"]["template"]["spec"]["containers"][0]["image"],
        "registry.test/web:3"
    );
    let invalid = MANIFEST
        .replace("app: web}}\n  template", "app: other}}\n  template")
        .replace("name: web,", "name: odd,");
    let told = kubectl.fails("apply -f -", &invalid).await?;
    assert!(
        told.contains("`selector` does not match template `labels`"),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn what_one_may_do() -> Result {
    let Some(kubectl) = Kubectl::new().await? else {
        return Ok(());
    };
    assert_eq!(
        kubectl.run("auth can-i patch deployments -n shop").await?,
        "yes\n"
    );
    let denial = Denial {
        verb: "patch".into(),
        resource: "deployments".into(),
        ..Denial::default()
    };
    kubectl.cluster.deny(denial);
    assert_eq!(
        kubectl.fails("auth can-i patch deployments -n shop", "").await?,
        "no\n"
    );
    let told = kubectl
        .fails(
            "-n shop set image deployment/api app=registry.test/shop/api:9",
            "",
        )
        .await?;
    assert!(
        told.contains(
            r#"deployments.apps "api" is forbidden: User "otus" cannot patch resource "deployments""#
        ),
        "{told}"
    );
    kubectl.cluster.allow_all();
    assert_eq!(
        kubectl.run("auth can-i patch deployments -n shop").await?,
        "yes\n"
    );
    Ok(())
}

/// A workload `db` of this kind beside the Deployment.
fn plant(kubectl: &Kubectl, kind: &str, extra: &str) -> Result {
    kubectl.cluster.seed(&format!(
        r#"{{"apiVersion": "apps/v1", "kind": "{kind}", "metadata": {{"name": "db", "namespace": "shop"}},
        "spec": {{"selector": {{"matchLabels": {{"app": "db"}}}}, "template": {{"metadata": {{"labels": {{"app": "db"}}}},
        "spec": {{"containers": [{{"name": "app", "image": "r.test/db:1"}}]}}}}{extra}}}}}"#
    ))?;
    Ok(())
}

#[tokio::test]
async fn rollouts_of_stateful_sets_are_followed_as_far_as_their_partition() -> Result {
    let Some(kubectl) = Kubectl::new().await? else {
        return Ok(());
    };
    plant(&kubectl, "StatefulSet", r#", "replicas": 3"#)?;
    let status = "-n shop rollout status statefulset/db --timeout=40s";
    let said = kubectl.run(status).await?;
    assert!(
        said.contains("rolling update complete 3 pods") || said.contains("roll out complete"),
        "{said}"
    );
    let patch = |partition: u8| {
        kubectl.cluster.patch(
            "test",
            "sts",
            "shop",
            "db",
            serde_json::json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": partition } } } }),
        )
    };
    patch(2)?;
    kubectl
        .run("-n shop set image statefulset/db app=r.test/db:2")
        .await?;
    let said = kubectl.run(status).await?;
    assert!(
        said.contains("partitioned roll out complete: 1 new pods have been updated"),
        "{said}"
    );
    patch(0)?;
    let said = kubectl.run(status).await?;
    assert!(
        said.contains("partitioned roll out complete: 3 new pods have been updated"),
        "{said}"
    );
    // What does not come up is waited for: it has no deadline.
    kubectl
        .run("-n shop set image statefulset/db app=r.test/db:3-missing")
        .await?;
    let said = kubectl
        .fails("-n shop rollout status statefulset/db --timeout=2s", "")
        .await?;
    assert!(said.contains("Waiting for 1 pods to be ready"), "{said}");
    let revisions = kubectl.run("-n shop get controllerrevisions").await?;
    assert_eq!(
        revisions.lines().filter(|line| line.starts_with("db-")).count(),
        3,
        "{revisions}"
    );
    let by_hand =
        serde_json::json!({ "spec": { "updateStrategy": { "type": "OnDelete", "rollingUpdate": null } } });
    kubectl.cluster.patch("test", "sts", "shop", "db", by_hand)?;
    let said = kubectl.fails(status, "").await?;
    assert!(said.contains("only available for RollingUpdate"), "{said}");
    Ok(())
}

#[tokio::test]
async fn rollouts_of_daemon_sets_are_followed() -> Result {
    let Some(kubectl) = Kubectl::new().await? else {
        return Ok(());
    };
    plant(&kubectl, "DaemonSet", "")?;
    let status = "-n shop rollout status daemonset/db --timeout=40s";
    for image in ["r.test/db:1", "r.test/db:2"] {
        kubectl
            .run(&format!("-n shop set image daemonset/db app={image}"))
            .await?;
        let said = kubectl.run(status).await?;
        assert!(
            said.contains("daemon set \"db\" successfully rolled out"),
            "{said}"
        );
    }
    kubectl
        .run("-n shop set image daemonset/db app=r.test/db:3-crash")
        .await?;
    let said = kubectl
        .fails("-n shop rollout status daemonset/db --timeout=2s", "")
        .await?;
    assert!(
        said.contains("Waiting for daemon set \"db\" rollout to finish: 1 out of 3 new pods"),
        "{said}"
    );
    let history = kubectl.run("-n shop rollout history daemonset/db").await?;
    assert!(
        history
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
            .count()
            >= 2,
        "{history}"
    );
    let said = kubectl.fails("-n shop rollout pause daemonset/db", "").await?;
    assert!(said.contains("pausing is not supported"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_job_is_waited_for_and_deleted_with_its_pods() -> Result {
    let Some(kubectl) = Kubectl::new().await? else {
        return Ok(());
    };
    let manifest = r#"{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": "shop"}, "spec":
        {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "r.test/migrate:1"}]}}}}"#;
    kubectl
        .fed(&["apply", "--validate=false", "-f", "-"], manifest)
        .await?;
    kubectl
        .run("-n shop wait job/migrate --for=condition=Complete --timeout=40s")
        .await?;
    let log = kubectl.run("-n shop logs job/migrate").await?;
    assert!(log.contains("done"), "{log}");
    kubectl
        .run("-n shop delete job migrate --cascade=foreground --timeout=40s")
        .await?;
    assert!(kubectl.cluster.get("job", "shop", "migrate").is_none());
    let pods = kubectl
        .run("-n shop get pods -l job-name=migrate -o name")
        .await?;
    assert_eq!(pods, "");
    Ok(())
}
