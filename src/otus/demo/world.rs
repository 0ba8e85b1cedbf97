//! Everything the demo's robot is connected to, and the robot: emulated on loopback, put together as in production.

use super::{
    alarm, shop,
    works::{self, Works},
};
use crate::{
    config::{self, DEMO, Origin, Settings},
    run::Instance,
};
use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use otus_core::{
    Store as _, UserId,
    store::{Deploy, DeployState},
};
use otus_emulators::{
    grafana::{self, Grafana},
    kubernetes::{self, Cluster, Timing, View},
    prometheus::{Effect, Prometheus, Story},
    slack::{self, Workspace},
};
use otus_store::{SqliteStore, StoreConfig};
use serde_json::{Value as Json, json};
use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Who types.
pub(super) const PERSON: &str = "ann";
/// The other one, in whose name a line can be said.
pub(super) const COLLEAGUE: &str = "bob";
/// Somebody who only looks, on the page.
pub(super) const VISITOR: &str = "vera";
/// Where.
pub(super) const CHANNEL: &str = "#shop";

const SOON: Duration = Duration::from_secs(10);

/// The demo, running.
pub(super) struct World {
    pub(super) slack: Workspace,
    pub(super) robot: Instance,
    pub(super) cluster: Arc<Cluster>,
    pub(super) story: Story,
    pub(super) works: works::Shared,
    telling: JoinHandle<()>,
    selling: JoinHandle<()>,
    ringing: JoinHandle<()>,
    _prometheus: Prometheus,
    _grafana: Grafana,
    _store: tempfile::TempDir,
}

/// What runs where before anybody types: service, version, pods.
const RUNNING: [(&str, &str, u32); 4] = [
    ("api", "1.8.0", 3),
    ("web", "4.1.0", 3),
    ("checkout", "2.3.0", 2),
    ("worker", "1.0.8", 2),
];
pub(super) const ENVIRONMENTS: [&str; 2] = ["production", "staging"];

impl World {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let now = Timestamp::now();
        let slack = slack::Options::default()
            .people([PERSON, COLLEAGUE, VISITOR])
            .channels([CHANNEL.trim_start_matches('#')]);
        let slack = Workspace::start(slack).await?;
        let works = Arc::new(Works::start().await?);
        let cluster = Arc::new(cluster(&works).await?);
        let story = tokio::task::spawn_blocking(move || told(now)).await?;
        let prometheus = Prometheus::start(story.clone(), TcpListener::bind("127.0.0.1:0").await?)?;
        let grafana = Grafana::start_with(grafana::Options::shop(prometheus.url())?).await?;
        let folder = tempfile::Builder::new().prefix("otus-demo-").tempdir()?;
        let kubeconfig = folder.path().join("kubeconfig.yaml");
        cluster.write_kubeconfig(&kubeconfig)?;
        let store = folder.path().join("otus.sqlite");
        let bob = slack
            .look(|world| world.user("bob").map(|user| user.id.clone()))
            .unwrap_or_default();
        remember(&store, &bob, now).await?;

        let more = shop::furnish(folder.path())?;
        let settings = settings(&slack, &works, &kubeconfig, (&prometheus, &grafana), &store, more)?;
        let robot = Instance::start(settings, &CancellationToken::new()).await?;
        tokio::time::timeout(SOON, robot.connected())
            .await
            .context("the robot did not connect to the emulated Slack")?;
        works.tell(robot.address())?;
        let selling = shop::serve(robot.address())?;
        let telling = tokio::spawn(follow(Arc::clone(&cluster), story.clone()));
        let ringing = tokio::spawn(alarm::watch(robot.robot().clone(), prometheus.url()));
        Ok(Self {
            slack,
            robot,
            cluster,
            story,
            works,
            telling,
            selling,
            ringing,
            _prometheus: prometheus,
            _grafana: grafana,
            _store: folder,
        })
    }

    pub(super) async fn stop(self) {
        self.telling.abort();
        self.selling.abort();
        self.ringing.abort();
        self.robot.stop().await;
    }
}

/// The same configuration as in production, with the demo's addresses.
fn settings(
    slack: &Workspace,
    works: &Works,
    kubeconfig: &Path,
    (prometheus, grafana): (&Prometheus, &Grafana),
    store: &Path,
    more: String,
) -> anyhow::Result<Settings> {
    let text = |text: &str| toml_edit::Value::from(text).to_string();
    let path = |path: &Path| toml_edit::Value::from(path.display().to_string()).to_string();
    let channel = slack
        .look(|world| world.channel(CHANNEL).map(|channel| channel.id.clone()))
        .unwrap_or_default();
    let addresses = format!(
        "[slack]\napi_url = {}\nbot_token = {}\napp_token = {}\nsockets = 1\n\
         [slack.pace]\nedits_per_minute = 600.0\nedit_burst = 100\n\
         [kubernetes]\nkubeconfig = {}\n[prometheus]\nurl = {}\n[grafana]\nurl = {}\ntoken = {}\nread_token = {}\n[store]\npath = {}\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [responders.alerts]\nchannel = {}\nrange = \"30m\"\n[responders.alerts.sources.demo]\ntoken = {}\n",
        text(&slack.api_url()),
        text(&slack.bot_token()),
        text(&slack.app_token()),
        path(kubeconfig),
        text(&prometheus.url()),
        text(grafana.url()),
        text(grafana.token()),
        text(grafana.viewer_token()),
        path(store),
        text(&channel),
        text(alarm::TOKEN),
    );
    let author = slack
        .look(|world| world.user(PERSON).map(|user| user.id.clone()))
        .unwrap_or_default();
    let origin = Origin {
        program: vec![
            ("the demo", DEMO.to_owned()),
            ("the demo", addresses),
            ("the demo", works.settings(&channel, &author)),
            ("the demo", more),
        ],
        ..Origin::default()
    };
    Ok(config::load(&origin).runnable()?)
}

/// A cluster where everything runs, and pods take about a second.
async fn cluster(works: &Works) -> anyhow::Result<Cluster> {
    let deployment = |namespace: &str, service: &str, version: &str, pods: u32| {
        let mut labels = json!({ "app": service });
        let mut image = format!("registry.demo/shop/{service}:{version}");
        if service == works::SERVICE {
            let (commit, built) = &works.first;
            labels["app.kubernetes.io/version"] = commit.as_str().into();
            image.clone_from(built);
        }
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": service, "namespace": namespace, "labels": { "app": service } },
            "spec": {
                "replicas": pods,
                "selector": { "matchLabels": { "app": service } },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [{ "name": service, "image": image }] },
                },
            },
        })
    };
    let all: Vec<Json> = ENVIRONMENTS
        .iter()
        .flat_map(|namespace| {
            RUNNING
                .iter()
                .map(move |(service, version, pods)| deployment(namespace, service, version, *pods))
        })
        .collect();
    let seed = json!({ "apiVersion": "v1", "kind": "List", "items": all }).to_string();
    let timing = Timing {
        ready: Duration::from_millis(700)..=Duration::from_millis(1_400),
        ..Timing::watchable()
    };
    let cluster = Cluster::start(kubernetes::Options {
        timing,
        seed: Some(seed),
        ..kubernetes::Options::default()
    })
    .await?;
    cluster
        .wait_until(SOON, |view| {
            let running = view.list("deployments", "");
            running
                .iter()
                .all(|deployment| complete(deployment).is_some())
                .then_some(())
        })
        .await?;
    Ok(cluster)
}

/// The image that a Deployment runs, if all of it runs it.
fn complete(deployment: &Json) -> Option<&str> {
    let number = |pointer: &str| deployment.pointer(pointer).and_then(Json::as_i64).unwrap_or(0);
    let wanted = number("/spec/replicas");
    let settled = number("/status/observedGeneration") == number("/metadata/generation")
        && number("/status/updatedReplicas") == wanted
        && number("/status/availableReplicas") == wanted
        && number("/status/replicas") == wanted;
    let image = deployment
        .pointer("/spec/template/spec/containers/0/image")
        .and_then(Json::as_str);
    image.filter(|_| settled)
}

/// The numbers of the last days: a deploy that made `api` slow, and the next one that cured it.
fn told(now: Timestamp) -> Story {
    let services: Vec<&str> = RUNNING.iter().map(|(service, ..)| *service).collect();
    let before = now - SignedDuration::from_mins(70);
    let story = Story::new(7, &services, &ENVIRONMENTS, before);
    for (minutes, service, version, effect) in PAST {
        story.deploy_at(
            now - SignedDuration::from_mins(minutes),
            service,
            "production",
            version,
            effect,
        );
    }
    story
}

/// Deploys before the demo began: minutes ago, service, version, effect.
const PAST: [(i64, &str, &str, Effect); 2] = [
    (50, "api", "1.7.0", Effect::Slow),
    (25, "api", "1.8.0", Effect::Good),
];

/// Those deploys as the robot would remember them.
async fn remember(path: &Path, by: &str, now: Timestamp) -> anyhow::Result<()> {
    let store = SqliteStore::open(&StoreConfig::at(path)).await?;
    let mut previous = "1.6.0";
    for (minutes, service, version, _) in PAST {
        let began = now - SignedDuration::from_mins(minutes);
        let image = |version: &str| format!("registry.demo/shop/{service}:{version}");
        let deploy = Deploy {
            id: format!("demo-{minutes}"),
            service: service.into(),
            environment: "production".into(),
            version: version.into(),
            image: image(version),
            previous: Some(image(previous)),
            by: UserId::new(by),
            began,
            ended: Some(began + SignedDuration::from_secs(40)),
            state: DeployState::Succeeded,
            card: None,
            note: None,
            details: Json::Null,
            generation: 1,
        };
        store.record_deploy(&deploy).await?;
        previous = version;
    }
    super::flags::remember(&store, now).await?;
    store.close().await?;
    Ok(())
}

/// What the cluster runs decides what the numbers tell.
async fn follow(cluster: Arc<Cluster>, story: Story) {
    let mut known: HashMap<(String, String), String> = images(&cluster);
    loop {
        let changed = cluster.wait_until(Duration::from_secs(3_600), |view: &View<'_>| {
            let all = view.list("deployments", "");
            let new: Vec<((String, String), String)> = all
                .iter()
                .filter_map(running)
                .filter(|(key, image)| known.get(key) != Some(image))
                .collect();
            (!new.is_empty()).then_some(new)
        });
        // Nothing for an hour: nobody deploys.
        let Ok(changed) = changed.await else {
            continue;
        };
        for (key, image) in changed {
            let version = image
                .rsplit_once(':')
                .map_or(image.as_str(), |(_, version)| version);
            let effect = if version.ends_with(".0.0") {
                Effect::Slow
            } else {
                Effect::Good
            };
            story.deploy(&key.1, &key.0, version, effect);
            known.insert(key, image);
        }
    }
}

fn images(cluster: &Cluster) -> HashMap<(String, String), String> {
    cluster
        .list("deployments", "")
        .iter()
        .filter_map(running)
        .collect()
}

fn running(deployment: &Json) -> Option<((String, String), String)> {
    let text = |pointer: &str| {
        deployment
            .pointer(pointer)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let image = complete(deployment)?.to_owned();
    Some(((text("/metadata/namespace"), text("/metadata/name")), image))
}
