//! StatefulSets, DaemonSets and Jobs: in time that is paused, and through kubectl where it is installed.

use std::time::Duration;

use otus_emulators::kubernetes::{Cluster, Options, View};
use serde_json::{Value, json};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const LONG: Duration = Duration::from_secs(600);

fn template(image: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": "db" } },
        "spec": { "containers": [{ "name": "app", "image": image }] },
    })
}

fn workload(kind: &str, extra: Value) -> String {
    let mut object = json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": { "name": "db", "namespace": "shop" },
        "spec": { "selector": { "matchLabels": { "app": "db" } }, "template": template("r.test/db:1") },
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    object.to_string()
}

fn job(image: &str, extra: Value) -> String {
    let mut object = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": "migrate", "namespace": "shop" },
        "spec": { "backoffLimit": 1, "template": { "spec": {
            "restartPolicy": "Never",
            "containers": [{ "name": "app", "image": image }],
        } } },
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    object.to_string()
}

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

fn image(pod: &Value) -> &str {
    pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

fn observed(object: &Value) -> bool {
    number(object, "/status/observedGeneration") == number(object, "/metadata/generation")
}

/// A StatefulSet is rolled out, by kubectl's rules.
fn rolled_out(set: &Value) -> bool {
    let status = |field: &str| number(set, &format!("/status/{field}"));
    observed(set)
        && status("readyReplicas") == number(set, "/spec/replicas")
        && set["status"]["updateRevision"] == set["status"]["currentRevision"]
        && status("updatedReplicas") == number(set, "/spec/replicas")
}

async fn until(cluster: &Cluster, kind: &str, name: &str, is: impl Fn(&Value) -> bool) -> Result<Value> {
    Ok(cluster
        .wait_until(LONG, |view: &View<'_>| view.get(kind, "shop", name).filter(&is))
        .await?)
}

fn set_image(cluster: &Cluster, kind: &str, image: &str) -> Result {
    let patch =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": image }] } } } });
    cluster.patch("kubectl-set", kind, "shop", "db", patch)?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_rolls_from_its_end_and_stops_at_its_partition() -> Result {
    let cluster = Cluster::start(Options::default()).await?;
    cluster.seed(&workload("StatefulSet", json!({ "replicas": 3 })))?;
    until(&cluster, "sts", "db", rolled_out).await?;
    let names: Vec<_> = cluster
        .list("pods", "shop")
        .iter()
        .map(|pod| pod["metadata"]["name"].clone())
        .collect();
    assert_eq!(names, ["db-0", "db-1", "db-2"]);

    let partition = json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 2 } } } });
    cluster.patch("test", "sts", "shop", "db", partition)?;
    set_image(&cluster, "sts", "r.test/db:2")?;
    until(&cluster, "sts", "db", |set| {
        observed(set)
            && number(set, "/status/updatedReplicas") == 1
            && number(set, "/status/readyReplicas") == 3
    })
    .await?;
    let images: Vec<_> = cluster
        .list("pods", "shop")
        .iter()
        .map(|pod| image(pod).to_owned())
        .collect();
    assert_eq!(images, ["r.test/db:1", "r.test/db:1", "r.test/db:2"]);

    let partition = json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 0 } } } });
    cluster.patch("test", "sts", "shop", "db", partition)?;
    until(&cluster, "sts", "db", rolled_out).await?;
    assert!(
        cluster
            .list("pods", "shop")
            .iter()
            .all(|pod| image(pod) == "r.test/db:2")
    );
    cluster.patch("test", "sts", "shop", "db", json!({ "spec": { "replicas": 1 } }))?;
    until(&cluster, "sts", "db", |set| {
        observed(set) && number(set, "/status/replicas") == 1
    })
    .await?;
    assert_eq!(cluster.list("pods", "shop")[0]["metadata"]["name"], "db-0");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stuck_pod_holds_up_the_mended_template_until_it_is_deleted() -> Result {
    let cluster = Cluster::start(Options::default()).await?;
    cluster.seed(&workload("StatefulSet", json!({ "replicas": 2 })))?;
    until(&cluster, "sts", "db", rolled_out).await?;
    set_image(&cluster, "sts", "r.test/db:2-missing")?;
    let pulls = |pod: &Value| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    };
    until(&cluster, "pod", "db-1", pulls).await?;
    set_image(&cluster, "sts", "r.test/db:3")?;
    until(&cluster, "sts", "db", observed).await?;
    tokio::time::sleep(LONG).await;
    let stuck = cluster.get("pod", "shop", "db-1").ok_or("it is gone")?;
    assert_eq!(image(&stuck), "r.test/db:2-missing");
    cluster.delete("pod", "shop", "db-1")?;
    until(&cluster, "sts", "db", rolled_out).await?;
    assert!(
        cluster
            .list("pods", "shop")
            .iter()
            .all(|pod| image(pod) == "r.test/db:3")
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_covers_all_nodes_and_replaces_one_at_a_time() -> Result {
    let cluster = Cluster::start(Options::default()).await?;
    cluster.seed(&workload("DaemonSet", json!({})))?;
    let complete = |set: &Value| {
        let status = |field: &str| number(set, &format!("/status/{field}"));
        observed(set) && status("updatedNumberScheduled") == 3 && status("numberAvailable") == 3
    };
    until(&cluster, "ds", "db", complete).await?;
    let mut nodes: Vec<_> = cluster
        .list("pods", "shop")
        .iter()
        .map(|pod| pod["spec"]["nodeName"].clone())
        .collect();
    nodes.sort_by_key(ToString::to_string);
    assert_eq!(nodes, ["node-1", "node-2", "node-3"]);
    set_image(&cluster, "ds", "r.test/db:2")?;
    until(&cluster, "ds", "db", |set| {
        complete(set) && number(set, "/metadata/generation") == 2
    })
    .await?;
    assert!(
        cluster
            .list("pods", "shop")
            .iter()
            .all(|pod| image(pod) == "r.test/db:2")
    );
    for set in cluster
        .history("ds", "shop", "db")
        .iter()
        .skip_while(|set| number(set, "/metadata/generation") < 2)
    {
        assert!(number(set, "/status/numberAvailable") >= 2, "{}", set["status"]);
    }
    Ok(())
}

fn is(job: &Value, kind: &str) -> bool {
    let conditions = job["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|c| c["type"] == kind && c["status"] == "True")
}

#[tokio::test(start_paused = true)]
async fn a_job_completes_fails_or_runs_out_of_time() -> Result {
    let cluster = Cluster::start(Options::default()).await?;
    cluster.seed(&job(
        "r.test/migrate:1",
        json!({ "completions": 3, "parallelism": 2 }),
    ))?;
    let done = until(&cluster, "job", "migrate", |job| is(job, "Complete")).await?;
    assert_eq!(done["status"]["succeeded"], 3);
    assert!(done["status"]["completionTime"].is_string());
    cluster.delete("job", "shop", "migrate")?;
    cluster
        .wait_until(LONG, |view| view.list("pods", "shop").is_empty().then_some(()))
        .await?;

    cluster.seed(&job("r.test/migrate:2-crash", json!({})))?;
    let failed = until(&cluster, "job", "migrate", |job| is(job, "Failed")).await?;
    assert_eq!(failed["status"]["failed"], 2);
    assert!(
        failed["status"]["conditions"]
            .to_string()
            .contains("BackoffLimitExceeded")
    );
    let phases: Vec<_> = cluster
        .list("pods", "shop")
        .iter()
        .map(|pod| pod["status"]["phase"].clone())
        .collect();
    assert_eq!(phases, ["Failed", "Failed"]);
    cluster.delete("job", "shop", "migrate")?;

    // An image that is not there fails nothing by itself; a deadline does.
    cluster.seed(&job("r.test/migrate:3-missing", json!({})))?;
    tokio::time::sleep(LONG).await;
    let waiting = cluster.get("job", "shop", "migrate").ok_or("no job")?;
    assert!(
        !is(&waiting, "Failed") && waiting["status"]["active"] == 1,
        "{}",
        waiting["status"]
    );
    cluster.delete("job", "shop", "migrate")?;
    cluster.seed(&job(
        "r.test/migrate:4-hang",
        json!({ "activeDeadlineSeconds": 60, "ttlSecondsAfterFinished": 30 }),
    ))?;
    let late = until(&cluster, "job", "migrate", |job| is(job, "Failed")).await?;
    assert!(
        late["status"]["conditions"]
            .to_string()
            .contains("DeadlineExceeded")
    );
    cluster
        .wait_until(LONG, |view| {
            view.get("job", "shop", "migrate").is_none().then_some(())
        })
        .await?;
    Ok(())
}

#[tokio::test]
async fn kubectl_follows_their_rollouts() -> Result {
    let cluster = Cluster::start(Options::default()).await?;
    cluster.seed(&workload("StatefulSet", json!({ "replicas": 2 })))?;
    cluster.seed(
        &workload("DaemonSet", json!({}))
            .replace("\"name\":\"db\"", "\"name\":\"agent\"")
            .replace(r#""app":"db""#, r#""app":"agent""#),
    )?;
    cluster.seed(&job("r.test/migrate:1", json!({})))?;
    let home = tempfile::tempdir()?;
    cluster.write_kubeconfig(home.path().join("config"))?;
    for line in [
        "-n shop rollout status statefulset/db --timeout=40s",
        "-n shop set image statefulset/db app=r.test/db:2",
        "-n shop rollout status statefulset/db --timeout=40s",
        "-n shop rollout history statefulset/db",
        "-n shop rollout status daemonset/agent --timeout=40s",
        "-n shop wait job/migrate --for=condition=Complete --timeout=40s",
        "-n shop get sts,ds,jobs",
        "-n shop describe job migrate",
    ] {
        let run = tokio::process::Command::new("kubectl")
            .args(line.split(' '))
            .env("KUBECONFIG", home.path().join("config"))
            .env("HOME", home.path())
            .kill_on_drop(true)
            .output();
        let output = match tokio::time::timeout(Duration::from_secs(60), run)
            .await
            .map_err(|_| format!("{line} hangs"))?
        {
            Ok(output) => output,
            Err(_) => {
                eprintln!("SKIPPED: kubectl is not installed (https://kubernetes.io/docs/tasks/tools/)");
                return Ok(());
            }
        };
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        if line.contains("rollout status") {
            assert!(
                said.contains("complete") || said.contains("rolled out"),
                "{line}: {said}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn deleted_in_the_foreground_an_owner_goes_after_what_it_owned() -> Result {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = Cluster::start(Options::default()).await?;
    cluster.seed(
        &json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": { "name": "migrate", "namespace": "shop" },
            "spec": { "template": { "spec": {
                "restartPolicy": "Never",
                "containers": [{ "name": "app", "image": "r.test/migrate:1-hang" }],
            } } },
        })
        .to_string(),
    )?;
    let runs = |view: &View<'_>| {
        let pods = view.list("pods", "shop");
        pods.first()
            .filter(|pod| pod["status"]["phase"] == "Running")
            .map(drop)
    };
    cluster.wait_until(Duration::from_secs(30), runs).await?;
    let client = kube::Client::try_from(kube::Config::new(cluster.url().parse()?))?;
    let jobs: kube::Api<k8s_openapi::api::batch::v1::Job> = kube::Api::namespaced(client, "shop");
    let going = jobs
        .delete("migrate", &kube::api::DeleteParams::foreground())
        .await?;
    let going = going.left().ok_or("it went at once")?;
    assert!(going.metadata.deletion_timestamp.is_some());
    assert_eq!(
        going.metadata.finalizers.as_deref(),
        Some(&["foregroundDeletion".to_owned()][..])
    );
    cluster
        .wait_until(Duration::from_secs(30), |view| {
            let (job, pods) = (view.get("job", "shop", "migrate"), view.list("pods", "shop"));
            // While its pod stops it is there, and makes no other.
            assert!(pods.len() <= 1 && (job.is_some() || pods.is_empty()), "{pods:?}");
            job.is_none().then_some(())
        })
        .await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn in_parallel_pods_come_up_at_once_but_are_updated_one_by_one() -> Result {
    let cluster = Cluster::start(Options::default()).await?;
    cluster.seed(&workload(
        "StatefulSet",
        json!({ "replicas": 3, "podManagementPolicy": "Parallel" }),
    ))?;
    until(&cluster, "sts", "db", rolled_out).await?;
    set_image(&cluster, "sts", "r.test/db:2-missing")?;
    tokio::time::sleep(LONG).await;
    let images: Vec<_> = cluster
        .list("pods", "shop")
        .iter()
        .map(|pod| image(pod).to_owned())
        .collect();
    assert_eq!(images, ["r.test/db:1", "r.test/db:1", "r.test/db:2-missing"]);
    Ok(())
}

#[tokio::test]
async fn revisions_carry_the_labels_their_controllers_give_them() -> Result {
    let cluster = Cluster::start(Options::default()).await?;
    for (kind, label) in [
        ("StatefulSet", "controller.kubernetes.io/hash"),
        ("DaemonSet", "controller-revision-hash"),
    ] {
        cluster.seed(&workload(kind, json!({})))?;
        let pod = cluster
            .wait_until(LONG, |view| view.list("pods", "shop").first().cloned())
            .await?;
        let revision = cluster.list("controllerrevisions", "shop").remove(0);
        let (name, hash) = (
            &revision["metadata"]["name"],
            &revision["metadata"]["labels"][label],
        );
        assert_eq!(
            name.as_str(),
            hash.as_str().map(|hash| format!("db-{hash}")).as_deref()
        );
        // A StatefulSet's pods name the revision, a DaemonSet's its hash.
        let expected = if kind == "StatefulSet" { name } else { hash };
        assert_eq!(&pod["metadata"]["labels"]["controller-revision-hash"], expected);
        cluster.delete(kind, "shop", "db")?;
        cluster
            .wait_until(LONG, |view| {
                let gone = view.list("pods", "shop").is_empty()
                    && view.list("controllerrevisions", "shop").is_empty();
                gone.then_some(())
            })
            .await?;
    }
    Ok(())
}
