//! A world with commits, checks, images and a cluster, and replicas of a robot in it that come and go.

use std::sync::Arc;
use std::time::Duration;

use otus::MemoryStore;
use otus::operations::{Operation, OperationFilter, State};
use otus::policy::{self, Lock, LockTarget};
use otus::prelude::*;
use otus::room::{Clock, Fuse, PATIENCE, RoomChat, What};
use otus::store::{Deploy, DeployFilter, Store};
use otus_ci::Feed;
use otus_ci::github::{GitHub, GitHubConfig};
use otus_ci::version::Versions;
use otus_emulators::github::{self as emulated, Conclusion};
use otus_emulators::kubernetes::{Cluster, Options};
use otus_kubernetes::{Clusters, Config};
use otus_responder_deploy::{AutoDeploys, AutoSettings, Deploys, Pace, Settings};

use crate::scene::{SOON, Steers};
use crate::shelf::Shelf;

pub(crate) const IMAGE: &str = "registry.test/shop/api";
/// Who may, when nobody says otherwise.
pub(crate) const ROBOT: &str = "robot:auto-deploy";

/// What is out there, whichever robot looks at it.
pub(crate) struct World {
    pub(crate) github: emulated::GitHub,
    pub(crate) api: emulated::Repository,
    pub(crate) cluster: Cluster,
    pub(crate) shelf: Shelf,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) chat: Arc<RoomChat>,
    pub(crate) clock: Clock,
    pub(crate) setting: Setting,
    /// The commit that runs everywhere at first.
    pub(crate) first: String,
}

/// What the operator wrote.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) staging: &'static str,
    pub(crate) production: &'static str,
    pub(crate) policy: String,
    pub(crate) deployers: Vec<&'static str>,
    pub(crate) auto: AutoSettings,
}

impl Default for Setting {
    fn default() -> Self {
        Setting {
            staging: "auto = true",
            production: "",
            policy: String::new(),
            deployers: vec!["*", ROBOT],
            auto: AutoSettings {
                channel: Some("C1".into()),
                look: Duration::from_millis(250),
                pace: Pace {
                    pass: Duration::from_millis(20),
                    soon: Duration::from_millis(60),
                    lease: Duration::from_secs(60),
                    again: Duration::from_millis(200),
                },
                ..AutoSettings::default()
            },
        }
    }
}

impl World {
    pub(crate) async fn new(setting: Setting) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let github = emulated::GitHub::start().await.unwrap();
        let api = github.repository("acme/api").unwrap();
        let shelf = Shelf::default();
        let first = api.commit("main", "First").unwrap();
        for name in ["build", "test"] {
            api.check(&first, name, Conclusion::Success).unwrap();
        }
        let digest = shelf.push(&first, &first);
        let cluster = Cluster::start(Options::default()).await.unwrap();
        for environment in ["staging", "production"] {
            let image = format!("{IMAGE}@{digest}");
            cluster.deployment(environment, "api", &image, 2).await.unwrap();
        }
        World {
            github,
            api,
            cluster,
            shelf,
            store: Arc::new(MemoryStore::new()),
            chat: Arc::new(RoomChat::default()),
            clock: Clock::default(),
            setting,
            first,
        }
    }

    /// One robot in it, which has not started.
    pub(crate) fn asleep(&self, fuse: &Fuse) -> (Room, Feed) {
        let client = GitHub::new(&GitHubConfig {
            api_url: self.github.url().into(),
            token: Some(self.github.token().into()),
            retry_pause: Duration::ZERO,
            ..GitHubConfig::default()
        })
        .unwrap();
        let Setting {
            staging,
            production,
            policy,
            deployers,
            auto,
        } = &self.setting;
        let catalog = format!(
            r#"
[environments.staging]
{staging}
[environments.production]
after = "staging"
{production}
[services.api]
image = "{IMAGE}"
repository = "acme/api"
checks = ["build", "test"]
"#
        );
        let feed = Feed::default();
        let settings = Settings {
            stability: Duration::from_millis(50),
            ..Settings::default()
        };
        let room = Room::builder()
            .catalog(&catalog)
            .timing(SOON)
            .role("deployer", deployers)
            .role("sre", &["bob"])
            .policy(policy)
            .resource(Clusters::at(&self.cluster.url(), Config::default()).unwrap())
            .resource(Versions::new(client, Arc::new(self.shelf.clone())))
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .responder(Deploys::new(settings))
            .responder(AutoDeploys::new(auto.clone()).hearing(&feed))
            .responder(Steers)
            .open();
        (room, feed)
    }

    /// One robot in it.
    pub(crate) fn robot(&self) -> Room {
        let (room, _) = self.asleep(&Fuse::default());
        room.robot().start();
        room
    }

    /// A commit that nothing was heard of yet.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.api.commit("main", message).unwrap()
    }

    pub(crate) fn green(&self, sha: &str) {
        for name in ["build", "test"] {
            self.api.check(sha, name, Conclusion::Success).unwrap();
        }
    }

    /// A green commit with its image; answers its sha and what runs then.
    pub(crate) fn released(&self, message: &str) -> (String, String) {
        let sha = self.commit(message);
        // The image first: whoever looks in between does not wait for it.
        let digest = self.shelf.push(&sha, &sha);
        self.green(&sha);
        (sha, format!("{IMAGE}@{digest}"))
    }

    pub(crate) fn image(&self, environment: &str) -> String {
        let deployment = self.cluster.get("deployment", environment, "api").unwrap();
        deployment["spec"]["template"]["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Locks it, as somebody else.
    pub(crate) async fn lock(&self, room: &Room, environment: &str) {
        let services = room.robot().services();
        let now = services.store().now().await.unwrap();
        let lock = Lock {
            target: LockTarget::Both("api".into(), environment.into()),
            by: "eve".into(),
            name: "Eve".into(),
            reason: "a migration".into(),
            since: now,
            until: None,
            waiting: Vec::new(),
            opened_by: None,
            telling: None,
        };
        let entry = otus::audit::Entry::new(now, "locked", "locked");
        policy::lock(services, &lock, &entry).await.unwrap();
    }

    pub(crate) async fn unlock(&self, room: &Room, environment: &str) {
        let services = room.robot().services();
        let now = services.store().now().await.unwrap();
        let target = LockTarget::Both("api".into(), environment.into());
        let entry = otus::audit::Entry::new(now, "unlocked", "unlocked");
        policy::unlock(services, &target, None, "Eve", &entry)
            .await
            .unwrap()
            .unwrap();
    }

    pub(crate) async fn operations(&self) -> Vec<Operation> {
        let filter = OperationFilter {
            kind: Some("deploy".into()),
            ..OperationFilter::default()
        };
        self.store.operations(&filter).await.unwrap()
    }

    /// Everything that was deployed, the oldest first.
    pub(crate) async fn deploys(&self) -> Vec<Deploy> {
        let mut all = self.store.deploys(&DeployFilter::default()).await.unwrap();
        all.reverse();
        all
    }

    /// The rules that kept a commit from an environment, the newest last.
    pub(crate) async fn rules(&self, environment: &str, sha: &str) -> Vec<String> {
        let space = format!("autodeploy.why api {environment}");
        let Some(story) = self.store.recall(&space, sha).await.unwrap() else {
            return Vec::new();
        };
        let decisions = story["decisions"].as_array().unwrap().iter();
        decisions
            .map(|decided| decided["rule"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits until this is the last that was decided about a commit.
    pub(crate) async fn decided(&self, environment: &str, sha: &str, rule: &str) {
        let waiting = async {
            while self
                .rules(environment, sha)
                .await
                .last()
                .is_none_or(|last| last != rule)
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(LONG, waiting).await.is_err() {
            let rules = self.rules(environment, sha).await;
            panic!(
                "{sha} in {environment} is {rules:?}, not {rule}\n{}",
                self.chat.transcript()
            );
        }
    }

    /// Waits until an environment runs this, well, and nothing goes on.
    pub(crate) async fn runs(&self, environment: &str, image: &str) {
        let waiting = async {
            loop {
                let operations = self.operations().await;
                let rest = operations
                    .iter()
                    .all(|operation| operation.state.is_over() && operation.told);
                if self.image(environment) == image && rest {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(LONG, waiting).await.is_err() {
            let operations: Vec<_> = self
                .operations()
                .await
                .into_iter()
                .map(|operation| {
                    (
                        operation.line,
                        operation.state,
                        operation.ending.map(|ending| ending.note),
                    )
                })
                .collect();
            panic!(
                "{environment} runs {}, not {image}: {operations:#?}\n{}",
                self.image(environment),
                self.chat.transcript()
            );
        }
    }

    /// What some message of the robot's reads, once it does.
    pub(crate) async fn shown(&self, words: &str) -> String {
        let look = |chat: &RoomChat| {
            let all = chat.shown().into_iter().map(|post| post.plain());
            let mut meant = all.filter(|text| text.contains(words));
            meant.next_back()
        };
        match tokio::time::timeout(LONG, self.chat.wait(look)).await {
            Ok(text) => settled(&text),
            Err(_) => panic!("nothing reads {words:?}\n{}", self.chat.transcript()),
        }
    }

    /// Somebody says something; what it is answered.
    pub(crate) async fn say(&self, room: &mut Room, who: &str, words: &str) -> String {
        // What was said by itself is not the answer.
        while self.chat.take_unexpected().is_some() {}
        let before = self.chat.said().len();
        room.say(who, words).await;
        let answer = self.chat.wait(|chat| {
            chat.said()
                .into_iter()
                .skip(before)
                .find_map(|said| match said.what {
                    What::Post(post) => {
                        let text = post.plain();
                        let own = post.key.as_ref().is_some_and(|key| key.starts_with("answer:"));
                        (own || text.contains(&format!("asked by @{who}"))).then_some(text)
                    }
                    _ => None,
                })
        });
        let answer = tokio::time::timeout(LONG, answer).await.unwrap();
        while self.chat.take_unexpected().is_some() {}
        settled(&answer)
    }

    /// Everybody goes home.
    pub(crate) async fn close(&self, rooms: Vec<Room>) {
        for room in &rooms {
            assert!(room.robot().stop(PATIENCE).await);
        }
        while self.chat.take_unexpected().is_some() {}
    }
}

/// How long anything may take: the machine may be slow.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn short(sha: &str) -> &str {
    &sha[..7]
}

/// How the robot's own operations ended.
pub(crate) fn own(operations: &[Operation]) -> Vec<State> {
    let own = operations
        .iter()
        .filter(|operation| operation.by.as_robot().is_some());
    own.map(|operation| operation.state).collect()
}

/// Without what differs from run to run.
pub(crate) fn settled(text: &str) -> String {
    let patterns = [
        (
            r"asked by auto-deploy( \(time\)| · since .* UTC| · \d+ s)?",
            "asked by auto-deploy (time)",
        ),
        (r"since \d\d:\d\d UTC \(\d+ s\)", "since (time)"),
        (r"Plan `\w+`", "Plan (hash)"),
    ];
    patterns
        .into_iter()
        .fold(crate::scene::still(text), |text, (pattern, instead)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, instead)
                .into_owned()
        })
}
