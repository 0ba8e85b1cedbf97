//! Everything the demo's robot is connected to: emulated on loopback, put together as in production. The robot itself is in this
//! process (`otus demo`), or another's (`otus dev`).

use super::{
    alarm, shop,
    works::{self, Works},
};
use crate::config::DEMO;
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
use std::{collections::HashMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};

/// Who types.
pub(super) const PERSON: &str = "ann";
/// The other one, in whose name a line can be said.
pub(super) const COLLEAGUE: &str = "bob";
/// Somebody who only looks, on the page.
pub(super) const VISITOR: &str = "vera";
/// Where.
pub(crate) const CHANNEL: &str = "#shop";

const SOON: Duration = Duration::from_secs(10);

/// What is emulated, running.
pub(crate) struct World {
    pub(crate) slack: Workspace,
    pub(super) cluster: Arc<Cluster>,
    pub(super) story: Story,
    pub(super) works: works::Shared,
    prometheus: Prometheus,
    /// Serves as long as it is there.
    _grafana: Grafana,
    /// What a robot has to know of it, as texts of the configuration, lowest first.
    layers: Vec<String>,
    /// What goes on in it by itself.
    tasks: Vec<JoinHandle<()>>,
    folder: tempfile::TempDir,
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
    /// Starts it; Slack's own people and channels are put into its options.
    pub(crate) async fn start(slack: slack::Options) -> anyhow::Result<Self> {
        let now = Timestamp::now();
        let slack = slack
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
        let id = |name: &str| {
            slack
                .look(|world| world.user(name).map(|user| user.id.clone()))
                .unwrap_or_default()
        };
        remember(&store, &id(COLLEAGUE), now).await?;
        let channel = slack
            .look(|world| world.channel(CHANNEL).map(|channel| channel.id.clone()))
            .unwrap_or_default();
        let layers = vec![
            DEMO.to_owned(),
            addresses(&slack, &kubeconfig, (&prometheus, &grafana), &store, &channel),
            works.settings(&channel, &id(PERSON)),
            shop::furnish(folder.path())?,
        ];
        let telling = tokio::spawn(follow(Arc::clone(&cluster), story.clone()));
        Ok(Self {
            slack,
            cluster,
            story,
            works,
            prometheus,
            _grafana: grafana,
            layers,
            tasks: vec![telling],
            folder,
        })
    }

    /// The texts of the configuration that a robot in this world has, lowest first: the same as in production, with the demo's addresses.
    pub(crate) fn layers(&self) -> &[String] {
        &self.layers
    }

    /// A folder that lives as long as this world.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the robot serves HTTP: GitHub, the application and the alarm tell it there from now on, whenever it listens.
    pub(crate) fn robot_at(&mut self, robot: SocketAddr) -> anyhow::Result<()> {
        self.works.tell(robot)?;
        self.tasks.push(shop::serve(robot)?);
        self.tasks
            .push(tokio::spawn(alarm::watch(robot, self.prometheus.url())));
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Where everything is.
fn addresses(
    slack: &Workspace,
    kubeconfig: &Path,
    (prometheus, grafana): (&Prometheus, &Grafana),
    store: &Path,
    channel: &str,
) -> String {
    let text = |text: &str| toml_edit::Value::from(text).to_string();
    let path = |path: &Path| toml_edit::Value::from(path.display().to_string()).to_string();
    format!(
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
        text(channel),
        text(alarm::TOKEN),
    )
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
