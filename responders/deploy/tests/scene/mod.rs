//! A room with a robot that deploys, and the cluster it deploys to.

#![allow(dead_code, reason = "not every test needs everything")]

pub(crate) mod replica;

use std::sync::Arc;
use std::time::Duration;

use otus::MemoryStore;
use otus::operations::{Operation, OperationFilter, Timing};
use otus::prelude::*;
use otus::room::{PATIENCE, RoomBuilder, What};
use otus::store::{Deploy, DeployFilter, DeployState, Store};
use otus_emulators::kubernetes::{Cluster, Options};
use otus_emulators::prometheus::{Prometheus as Emulated, Story};
use otus_kubernetes::{Clusters, Config};
use otus_monitoring::{Prometheus, PrometheusConfig};
use otus_responder_deploy::{Deploys, Settings};
use serde_json::json;

pub(crate) const CATALOG: &str = r#"
[environments.staging]
[environments.production]
after = "staging"

[services.api]
image = "registry.test:5000/shop/api"
versions = ["v1", "v2", "v3", "v3-crash", "v4-missing", "v5-hang", "v6-slow", "v7-crashlater"]
[services.web]
environments = ["staging", "production"]
"#;

pub(crate) const API: &str = "registry.test:5000/shop/api";

/// What the buttons of a card say.
#[derive(Default)]
pub(crate) struct Steers;

/// Steers operations.
#[responder(name = "steers")]
impl Steers {
    /// Steers an operation.
    #[respond(
        r"^(?<what>approve|cancel|pause|resume) (?<id>\S+)$",
        usage = "approve|cancel|pause|resume <id>",
        example = "approve 0a1b",
        effect = "control"
    )]
    async fn steer(&self, cx: Context, what: String, id: String) -> Result {
        let operations = cx.services().operations();
        match what.as_str() {
            "approve" => operations.approve(&cx, &id).await?,
            "cancel" => operations.cancel(&cx, &id).await?,
            "pause" => operations.pause(&cx, &id).await?,
            _ => operations.resume(&cx, &id).await?,
        };
        cx.react("ok").await
    }
}

pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) settings: Settings,
    /// What the catalog has besides.
    pub(crate) more: String,
    pub(crate) room: Room,
    /// Whom gates ask.
    pub(crate) prometheus: Option<Emulated>,
}

/// A robot that looks often.
pub(crate) const SOON: Timing = Timing {
    lease: Duration::from_secs(30),
    poll: Duration::from_millis(20),
    sweep: Duration::from_millis(50),
    queue: Duration::from_millis(50),
    rest: Duration::from_secs(5),
    think: Duration::from_secs(5),
    settle: Duration::ZERO,
};

/// One that does not look by itself.
pub(crate) const QUIET: Timing = Timing {
    poll: Duration::from_secs(3600),
    sweep: Duration::from_secs(3600),
    ..SOON
};

/// What runs before a deploy of the service.
pub(crate) const BEFORE: &str = r#"
[services.api.before]
command = ["bin/migrate"]
args = ["up"]
env = { STEP = "1" }
deadline = "1h"
"#;

pub(crate) async fn newest(store: &Arc<MemoryStore>) -> Option<Operation> {
    let all = store.operations(&OperationFilter::default()).await.unwrap();
    all.into_iter().next()
}

/// The newest operation once it is so.
pub(crate) async fn until(store: &Arc<MemoryStore>, what: impl Fn(&Operation) -> bool) -> Operation {
    let search = async {
        loop {
            match newest(store).await {
                Some(operation) if what(&operation) => return operation,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE * 6, search).await.unwrap()
}

pub(crate) fn open(cluster: &Cluster, store: &Arc<MemoryStore>, settings: Settings) -> Room {
    furnished(cluster, store, settings, "").open()
}

fn furnished(cluster: &Cluster, store: &Arc<MemoryStore>, settings: Settings, more: &str) -> RoomBuilder {
    Room::builder()
        .catalog(&format!("{CATALOG}{more}"))
        .timing(SOON)
        .resource(Clusters::at(&cluster.url(), Config::default()).unwrap())
        .store(store.clone())
        .responder(Deploys::new(settings))
        .responder(Steers)
}

impl Scene {
    /// A room with these rules, and a cluster where v1 of the service runs in both environments.
    pub(crate) async fn ruled(policy: &str) -> Self {
        let mut scene = Scene::quick().await;
        scene.room = furnished(&scene.cluster, &scene.store, scene.settings.clone(), "")
            .role("sre", &["bob"])
            .policy(policy)
            .open();
        scene
    }

    /// A room, and a cluster where v1 of the service runs in both environments.
    pub(crate) async fn set(settings: Settings) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Cluster::start(Options::default()).await.unwrap();
        for environment in ["staging", "production"] {
            cluster
                .deployment(environment, "api", &format!("{API}:v1"), 2)
                .await
                .unwrap();
            cluster
                .deployment(environment, "web", "registry.test/shop/web:v1", 1)
                .await
                .unwrap();
        }
        let store = Arc::new(MemoryStore::new());
        let room = open(&cluster, &store, settings.clone());
        Scene {
            cluster,
            store,
            settings,
            more: String::new(),
            room,
            prometheus: None,
        }
    }

    /// A room whose catalog has something besides.
    pub(crate) async fn with(more: &str) -> Self {
        let mut scene = Scene::quick().await;
        scene.more = more.to_owned();
        scene.room = scene.successor();
        scene
    }

    /// Somebody else deletes a Job.
    pub(crate) async fn delete_job(&self, name: &str) {
        use k8s_openapi::api::batch::v1::Job;
        let client = kube::Client::try_from(kube::Config::new(self.cluster.url().parse().unwrap())).unwrap();
        let api: kube::Api<Job> = kube::Api::namespaced(client, "staging");
        let params = kube::api::DeleteParams::background();
        api.delete(name, &params).await.unwrap();
    }

    pub(crate) async fn quick() -> Self {
        Scene::set(Settings {
            stability: Duration::from_millis(200),
            ..Settings::default()
        })
        .await
    }

    /// Says something and expects a card as the first answer.
    pub(crate) async fn say(&mut self, words: &str) -> String {
        self.room.say("ann", words).await;
        self.room.answer().await.plain()
    }

    /// A room with a gate, and an emulated Prometheus that knows the services.
    pub(crate) async fn gated(gate: &str) -> Self {
        let mut scene = Scene::quick().await;
        let past = jiff::SignedDuration::from_mins(20);
        let story = Story::with_past(7, &["api"], &["staging"], jiff::Timestamp::now(), past);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        scene.prometheus = Some(Emulated::start(story, listener).unwrap());
        let unless = |key: &str, line: &str| match gate.contains(key) {
            true => String::new(),
            false => format!("{line}\n"),
        };
        scene.more = format!(
            "[services.api.gates.load]\ninterval = \"1s\"\n{}{}{gate}\n",
            unless("initial_delay", "initial_delay = \"0s\""),
            unless("count =", "count = 2"),
        );
        scene.room = scene.successor();
        scene
    }

    /// Another robot on the same store, in the same chat.
    pub(crate) fn successor(&self) -> Room {
        let mut builder = furnished(&self.cluster, &self.store, self.settings.clone(), &self.more);
        if let Some(prometheus) = &self.prometheus {
            let config = PrometheusConfig {
                url: Some(prometheus.url()),
                ..PrometheusConfig::default()
            };
            builder = builder
                .role("deployer", &["ann", "bob"])
                .resource(Prometheus::new(&config).unwrap());
        }
        builder.chat(self.room.chat().clone()).open()
    }

    /// Somebody presses a button of the newest card that has it.
    pub(crate) async fn press(&mut self, who: &str, label: &str) {
        self.room.press(who, label).await;
        match self.room.next_said().await.what {
            What::Post(post) if post.text == ":ok:" || post.text.ends_with(":ok:") => {}
            other => panic!("{other:?}"),
        }
    }

    /// The card once it reads so.
    pub(crate) async fn shown(&mut self, words: &str) -> String {
        self.room
            .expect_shown(|post| post.plain().contains(words))
            .await
            .plain()
    }

    /// The newest deploy, once it has ended.
    pub(crate) async fn ended(&self) -> Deploy {
        let search = async {
            loop {
                let newest = self
                    .store
                    .deploys(&DeployFilter::default())
                    .await
                    .unwrap()
                    .into_iter()
                    .next();
                match newest {
                    Some(deploy) if deploy.state != DeployState::Running => return deploy,
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap()
    }

    pub(crate) fn image(&self, environment: &str) -> String {
        let deployment = self.cluster.get("deployment", environment, "api").unwrap();
        deployment["spec"]["template"]["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Somebody else changes the Deployment.
    pub(crate) async fn meddle(&self, patch: serde_json::Value) {
        use k8s_openapi::api::apps::v1::Deployment;
        use kube::api::{Api, Patch, PatchParams};
        let client = kube::Client::try_from(kube::Config::new(self.cluster.url().parse().unwrap())).unwrap();
        let params = PatchParams {
            field_manager: Some("kubectl-set".into()),
            ..PatchParams::default()
        };
        let api: Api<Deployment> = Api::namespaced(client, "staging");
        api.patch("api", &params, &Patch::Strategic(patch)).await.unwrap();
    }

    pub(crate) async fn set_image(&self, tag: &str) {
        let containers = json!([{ "name": "app", "image": format!("{API}:{tag}") }]);
        self.meddle(json!({ "spec": { "template": { "spec": { "containers": containers } } } }))
            .await;
    }
}

/// Without what differs from run to run: times, the names of pods, how often one crashed.
pub(crate) fn still(text: &str) -> String {
    let patterns = [
        (
            r"(?m)^(\d+ s · )?(I was restarted meanwhile · )?asked by (@\w+)( · since .* UTC| · \d+ s)? · `\S+`$",
            "${2}asked by $3 (time)",
        ),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "(moment)"),
        (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "(moment)"),
        (r"\d+ s ago", "(time) ago"),
        (r"under way for \d+ s", "under way for (time)"),
        (r"`(api|web)-[a-z0-9]+-[a-z0-9]+`", "`$1-pod`"),
        (r"started again \d+ times?", "started again"),
    ];
    patterns
        .into_iter()
        .fold(text.to_owned(), |text, (pattern, instead)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, instead)
                .into_owned()
        })
}
