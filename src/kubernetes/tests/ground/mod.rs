//! Where the tests run: an emulated cluster, or the real one that `OTUS_TEST_KUBECONFIG` names.

#![allow(dead_code, reason = "not every test needs everything")]

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use otus_emulators::kubernetes as emulated;
use otus_kubernetes::{
    Applied, Change, Cluster, Clusters, Config, DEFAULT_CLUSTER, Kind, Outcome, Progress, Rollout, Settings,
    Stamp, Verdict, Workload, apply,
};
use serde_json::{Value, json};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Images that fare as their names say.
pub(crate) struct Images {
    pub(crate) first: &'static str,
    pub(crate) second: &'static str,
    pub(crate) third: &'static str,
    pub(crate) crashing: &'static str,
    pub(crate) missing: &'static str,
}

const EMULATED: Images = Images {
    first: "registry.test:5000/shop/web:v1",
    second: "registry.test:5000/shop/web:v2",
    third: "registry.test:5000/shop/web:v3",
    crashing: "registry.test:5000/shop/web:v4-crash",
    missing: "registry.test:5000/shop/web:v5-missing",
};

const REAL: Images = Images {
    first: "nginx:1.25-alpine",
    second: "nginx:1.26-alpine",
    third: "nginx:1.27-alpine",
    crashing: "hello-world:latest",
    missing: "nginx:there-is-no-such-tag",
};

/// A namespace of a cluster, with one Deployment `web` of the first image in it.
pub(crate) struct Ground {
    /// The emulated cluster; none on a real one.
    pub(crate) emulated: Option<emulated::Cluster>,
    pub(crate) cluster: Cluster,
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) images: Images,
}

impl Ground {
    /// A settled Deployment with so many replicas, on whichever cluster there is.
    pub(crate) async fn with(replicas: i32) -> Self {
        let ground = match std::env::var_os("OTUS_TEST_KUBECONFIG") {
            Some(path) => Ground::real(path.into()).await,
            None => Ground::emulated().await,
        };
        ground.settle(replicas).await;
        ground
    }

    /// The same on the emulated cluster only: for what cannot be ordered of a real one.
    pub(crate) async fn emulated_with(replicas: i32) -> Self {
        let ground = Ground::emulated().await;
        ground.settle(replicas).await;
        ground
    }

    async fn emulated() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = emulated::Cluster::start(emulated::Options::default())
            .await
            .unwrap();
        let clusters = Clusters::at(&server.url(), Config::default()).unwrap();
        let client = Client::try_from(kube::Config::new(server.url().parse().unwrap())).unwrap();
        let cluster = clusters.get(DEFAULT_CLUSTER).await.unwrap();
        Ground {
            emulated: Some(server),
            cluster,
            client,
            namespace: "shop".into(),
            images: EMULATED,
        }
    }

    async fn real(path: std::path::PathBuf) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = kube::config::Kubeconfig::read_from(&path).unwrap();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default())
            .await
            .unwrap();
        let client = Client::try_from(config).unwrap();
        let clusters = Clusters::new(Config {
            kubeconfig: Some(path),
            ..Config::default()
        });
        let cluster = clusters.get(DEFAULT_CLUSTER).await.unwrap();
        let unique = Timestamp::now().as_nanosecond();
        let namespace = format!("otus-test-{}-{unique}", std::process::id());
        Ground {
            emulated: None,
            cluster,
            client,
            namespace,
            images: REAL,
        }
    }

    async fn settle(&self, replicas: i32) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": self.namespace}})).unwrap();
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        self.create("web", replicas).await;
        let settled = async {
            while !self.workload().read(&self.cluster).await.unwrap().settled {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, settled)
            .await
            .expect("the first image does not come up");
    }

    /// A settled workload `db` of this kind beside the Deployment, on the emulated cluster; `extra` goes into its spec.
    pub(crate) async fn plant(&self, kind: Kind, extra: Value) -> Workload {
        let manifest = match kind {
            Kind::StatefulSet => "StatefulSet",
            Kind::DaemonSet => "DaemonSet",
            Kind::Rollout => "Rollout",
            _ => "Deployment",
        };
        let mut object = json!({
            "apiVersion": if kind == Kind::Rollout { "argoproj.io/v1alpha1" } else { "apps/v1" },
            "kind": manifest,
            "metadata": {"name": "db", "namespace": self.namespace},
            "spec": {
                "selector": {"matchLabels": {"app": "db"}},
                "template": {
                    "metadata": {"labels": {"app": "db"}},
                    "spec": {"containers": [{"name": "app", "image": self.images.first}]},
                },
            },
        });
        for (key, value) in extra.as_object().into_iter().flatten() {
            object["spec"][key] = value.clone();
        }
        self.emulated.as_ref().unwrap().seed(&object.to_string()).unwrap();
        let workload = Workload {
            kind,
            name: "db".into(),
            container: Some("app".into()),
            service: "db".into(),
            ..self.workload()
        };
        let settled = async {
            loop {
                let read = workload.read(&self.cluster).await.unwrap();
                if read.settled && read.ready > 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, settled)
            .await
            .expect("the first image does not come up");
        workload
    }

    async fn create(&self, name: &str, replicas: i32) {
        let deployment = serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "progressDeadlineSeconds": 120,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "app", "image": self.images.first}]},
                },
            },
        }))
        .unwrap();
        let params = PostParams {
            field_manager: Some("test-setup".into()),
            ..PostParams::default()
        };
        self.deployments().create(&params, &deployment).await.unwrap();
    }

    pub(crate) fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn workload(&self) -> Workload {
        Workload {
            cluster: DEFAULT_CLUSTER.into(),
            namespace: self.namespace.clone(),
            kind: Default::default(),
            name: "web".into(),
            container: None,
            service: "web".into(),
        }
    }

    pub(crate) fn change(&self, image: &str) -> Change {
        Change {
            image: image.into(),
            version: image.rsplit(':').next().unwrap().into(),
            by: "ann".into(),
            at: Timestamp::now(),
            stamp: stamp("deploy-1", 1, Timestamp::now()),
            force: false,
        }
    }

    pub(crate) async fn apply(&self, image: &str) -> Applied {
        let outcome = apply(&self.cluster, &self.workload(), &self.change(image))
            .await
            .unwrap();
        match outcome {
            Outcome::Applied { applied, .. } => applied,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn follow(&self, applied: Applied) -> Rollout {
        let settings = Settings {
            stability: Duration::from_secs(1),
            ..Settings::default()
        };
        Rollout::follow(self.cluster.clone(), self.workload(), applied, settings)
    }

    /// Somebody else changes the Deployment, under this name.
    pub(crate) async fn meddle(&self, manager: &str, patch: Value) {
        let params = PatchParams {
            field_manager: Some(manager.into()),
            ..PatchParams::default()
        };
        self.deployments()
            .patch("web", &params, &Patch::Strategic(patch))
            .await
            .unwrap();
    }

    /// Somebody else sets the image.
    pub(crate) async fn set_image(&self, image: &str) {
        let containers = json!([{"name": "app", "image": image}]);
        self.meddle(
            "kubectl-set",
            json!({"spec": {"template": {"spec": {"containers": containers}}}}),
        )
        .await;
    }

    /// Removes what a real cluster would keep.
    pub(crate) async fn clear(self) {
        if self.emulated.is_none() {
            let namespaces: Api<Namespace> = Api::all(self.client.clone());
            namespaces
                .delete(&self.namespace, &DeleteParams::background())
                .await
                .unwrap();
        }
    }
}

/// A worker of an operation.
pub(crate) fn stamp(operation: &str, generation: u64, started: Timestamp) -> Stamp {
    Stamp {
        operation: operation.into(),
        generation,
        started,
    }
}

/// The next progress that is like this; all before it are handed to `like` too.
pub(crate) async fn until(rollout: &mut Rollout, mut like: impl FnMut(&Progress) -> bool) -> Verdict {
    let mut last = None;
    let search = async {
        loop {
            let progress = rollout
                .next()
                .await
                .unwrap_or_else(|| panic!("the rollout ended with {last:?}"))
                .expect("the rollout failed");
            last = Some(progress.clone());
            if like(&progress) {
                return progress.verdict;
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, search).await;
    found.unwrap_or_else(|_| panic!("it did not come to that, but to {last:?}"))
}

/// How a rollout ends.
pub(crate) async fn end(rollout: &mut Rollout) -> Verdict {
    until(rollout, |progress| progress.verdict.is_final()).await
}

use jiff::Timestamp;
