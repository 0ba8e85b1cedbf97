//! A room with a robot that tells of releases, the cluster they run in, and the repository they come from.

#![allow(dead_code, reason = "not every test needs everything")]

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use otus::MemoryStore;
use otus::chat::Person;
use otus::operations::Timing;
use otus::prelude::*;
use otus::store::{Deploy, DeployState, Store};
use otus_ci::github::GitHubConfig;
use otus_emulators::github as emulated;
use otus_emulators::kubernetes::{Cluster, Options};
use otus_kubernetes::{Clusters, Config};
use otus_responder_releases::Releases;
use serde_json::json;

pub(crate) const CATALOG: &str = r#"
[environments.staging]
[environments.production]
after = "staging"

[services.api]
repository = "acme/api"
migrations = { path = "db/migrations/" }
[services.web]
"#;

pub(crate) const API: &str = "registry.test:5000/shop/api";

pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) github: emulated::GitHub,
    pub(crate) repository: emulated::Repository,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) room: Room,
}

/// What the buttons of a card say.
#[derive(Default)]
pub(crate) struct Echo;

/// Echoes.
#[responder(name = "echoes")]
impl Echo {
    /// Deploys nothing.
    #[respond(r"^deploy (?<what>.+)$", usage = "deploy <what>", example = "deploy api@v1")]
    async fn deploy(&self, cx: Context, what: String) -> Result {
        cx.reply(format!("I would deploy {what}")).await
    }
}

const SOON: Timing = Timing {
    lease: Duration::from_secs(30),
    poll: Duration::from_millis(20),
    sweep: Duration::from_millis(50),
    queue: Duration::from_millis(50),
    rest: Duration::from_secs(5),
    think: Duration::from_secs(5),
    settle: Duration::ZERO,
};

impl Scene {
    /// A room, a cluster where v1 runs everywhere, and a repository where v1 is a tag.
    pub(crate) async fn set() -> Self {
        Self::of(CATALOG, true).await
    }

    pub(crate) async fn of(catalog: &str, connected: bool) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Cluster::start(Options::default()).await.unwrap();
        for environment in ["staging", "production"] {
            for (service, image) in [("api", API), ("web", "registry.test/shop/web")] {
                cluster
                    .deployment(environment, service, &format!("{image}:v1"), 1)
                    .await
                    .unwrap();
            }
        }
        let github = emulated::GitHub::start().await.unwrap();
        let repository = github.repository("acme/api").unwrap();
        let first = repository.commit("main", "Begin").unwrap();
        repository.tag("v1", &first).unwrap();
        let store = Arc::new(MemoryStore::new());
        let room = Room::builder()
            .catalog(catalog)
            .timing(SOON)
            .store(store.clone())
            .resource(Clusters::at(&cluster.url(), Config::default()).unwrap())
            .responder(Releases)
            .responder(Echo);
        let room = match connected {
            false => room,
            true => {
                let config = GitHubConfig {
                    api_url: github.url().into(),
                    token: Some(github.token().into()),
                    retry_pause: Duration::ZERO,
                    longest_wait: Duration::ZERO,
                    ..Default::default()
                };
                room.resource(otus_ci::github::GitHub::new(&config).unwrap())
            }
        };
        let room = room.open();
        for name in ["ann", "bob"] {
            let person = Person {
                name: format!("{}{}", name[..1].to_uppercase(), &name[1..]),
                ..Person::default()
            };
            room.chat().introduce(name, person);
        }
        Scene {
            cluster,
            github,
            repository,
            store,
            room,
        }
    }

    /// Says something and expects a card as the first answer.
    pub(crate) async fn say(&mut self, words: &str) -> String {
        self.room.say("ann", words).await;
        self.room.answer().await.plain()
    }

    /// Somebody sets an image by hand.
    pub(crate) async fn set_image(&self, environment: &str, service: &str, image: &str) {
        use k8s_openapi::api::apps::v1::Deployment;
        use kube::api::{Api, Patch, PatchParams};
        let client = kube::Client::try_from(kube::Config::new(self.cluster.url().parse().unwrap())).unwrap();
        let params = PatchParams {
            field_manager: Some("kubectl-set".into()),
            ..PatchParams::default()
        };
        let containers = json!([{ "name": "app", "image": image }]);
        let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
        let api: Api<Deployment> = Api::namespaced(client, environment);
        api.patch(service, &params, &Patch::Strategic(patch))
            .await
            .unwrap();
    }

    pub(crate) async fn record(&self, deploy: &Deploy) {
        assert!(self.store.record_deploy(deploy).await.unwrap());
    }
}

/// A deploy that began so long ago and took two minutes.
pub(crate) fn deploy(id: &str, environment: &str, version: &str, ago: SignedDuration) -> Deploy {
    let began = Timestamp::now() - ago;
    Deploy {
        id: id.into(),
        service: "api".into(),
        environment: environment.into(),
        version: version.into(),
        image: format!("{API}:{version}"),
        previous: None,
        by: "bob".into(),
        began,
        ended: Some(began + SignedDuration::from_mins(2)),
        state: DeployState::Succeeded,
        card: None,
        note: None,
        details: serde_json::Value::Null,
        generation: 1,
    }
}

pub(crate) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// Without what differs from run to run: moments, shas, addresses, ids.
pub(crate) fn still(text: &str) -> String {
    settled(text, "(moment)", "(sha)", "(id)")
}

/// With this in place of what differs from run to run; a link is its label.
pub(crate) fn settled(text: &str, moment: &str, sha: &str, id: &str) -> String {
    let patterns = [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", moment),
        (r" \(https?://[^)]*\)", ""),
        (r"\b([0-9a-f]{40}|[0-9a-f]{7})\b", sha),
        (r"\b[0-9a-f]{10}\b", id),
        (r"\b\d+ s\b", "0 s"),
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
