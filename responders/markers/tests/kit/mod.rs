//! A robot that deploys without a cluster: what a deploy brings, and how it ends, is said when it is asked for. And the GitHub that its
//! commits come from.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;
use otus::{
    Card, Services, Tone,
    operations::{Action, Change, Ending, Operation, OperationFilter, Outcome, Plan, Run, Target, Timing},
    prelude::*,
    store::{Deploy, DeployState, Store},
};
use otus_ci::github::{GitHub, GitHubConfig};
use otus_emulators::github as emulated;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

/// Times for tests: everything soon.
pub const SOON: Timing = Timing {
    lease: Duration::from_secs(30),
    poll: Duration::from_millis(20),
    sweep: Duration::from_millis(30),
    queue: Duration::from_millis(50),
    rest: Duration::from_secs(5),
    think: Duration::from_secs(5),
    settle: Duration::ZERO,
};

pub const CATALOG: &str = r#"
[environments.staging]
[environments.production]
after = "staging"
[services.api]
repository = "acme/api"
image = "registry.test/api"
"#;

/// How long anything may take on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// What the deploys of a test are like. Shared by all replicas.
#[derive(Clone)]
pub struct Fate {
    /// The pull requests that come with the next one.
    pub pulls: Arc<Mutex<Vec<u64>>>,
    /// How it ends.
    pub outcome: Arc<Mutex<Outcome>>,
    /// Whether they may end.
    pub open: Arc<watch::Sender<bool>>,
}

impl Default for Fate {
    fn default() -> Self {
        Self {
            pulls: Arc::default(),
            outcome: Arc::new(Mutex::new(Outcome::Succeeded)),
            open: Arc::new(watch::Sender::new(true)),
        }
    }
}

/// Deploys nothing, and records it.
#[derive(Default)]
pub struct Deploys(pub Fate);

struct Deploying(Fate);

#[async_trait::async_trait]
impl Action for Deploying {
    fn kind(&self) -> &'static str {
        "deploy"
    }

    async fn plan(&self, _: &Services, ask: &Value) -> Result<Plan> {
        let text = |key: &str| ask[key].as_str().unwrap().to_owned();
        Ok(Plan {
            target: Target::new(text("service"), text("environment")),
            title: "Deploy".into(),
            changes: vec![Change {
                what: "image".into(),
                from: None,
                to: Some(text("sha")),
            }],
            exclusive: true,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let operation = run.operation();
        let sha = operation.ask["sha"].as_str().unwrap().to_owned();
        let target = operation.plan.target.clone();
        let mut row = Deploy {
            id: operation.id.clone(),
            service: target.service.unwrap(),
            environment: target.environment.unwrap(),
            version: sha.clone(),
            image: format!("registry.test/api@{sha}"),
            previous: None,
            by: operation.by.clone(),
            began: operation.started.unwrap(),
            ended: None,
            state: DeployState::Running,
            card: operation.card.clone(),
            note: None,
            details: json!({ "sha": sha, "digest": "sha256:00", "pulls": *self.0.pulls.lock().unwrap() }),
            generation: run.generation(),
        };
        run.services().store().record_deploy(&row).await?;
        self.0.open.subscribe().wait_for(|open| *open).await.unwrap();
        let outcome = *self.0.outcome.lock().unwrap();
        row.ended = Some(Timestamp::now());
        row.state = match outcome {
            Outcome::Succeeded => DeployState::Succeeded,
            Outcome::Superseded => DeployState::Superseded,
            _ => DeployState::Failed,
        };
        run.services().store().record_deploy(&row).await?;
        Ok(Ending {
            outcome,
            note: "The new pods crash.".into(),
            card: Card::new(Tone::Neutral, "Deployed"),
        })
    }
}

/// Deploys.
#[responder(name = "deploys")]
impl Deploys {
    /// Deploys a commit.
    #[respond(
        r"^deploy (?<service>\w+) (?<sha>[0-9a-f]{40}) to (?<environment>\w+)$",
        usage = "deploy <service> <sha> to <environment>",
        example = "deploy api 0123456789012345678901234567890123456789 to staging",
        effect = "operation"
    )]
    async fn deploy(&self, cx: Context, service: String, sha: String, environment: String) -> Result {
        let ask = json!({ "service": service, "sha": sha, "environment": environment });
        cx.propose("deploy", ask).await
    }

    /// What it does.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Deploying(self.0.clone()))]
    }
}

/// An emulated GitHub with a repository, and a client for it.
pub async fn github() -> (emulated::GitHub, emulated::Repository, GitHub) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let github = emulated::GitHub::start().await.unwrap();
    let api = github.repository("acme/api").unwrap();
    let config = GitHubConfig {
        api_url: github.url().into(),
        token: Some(github.token().into()),
        retry_pause: Duration::ZERO,
        longest_wait: Duration::ZERO,
        retries: 0,
        ..Default::default()
    };
    let client = GitHub::new(&config).unwrap();
    (github, api, client)
}

/// A pull request of ann's, merged; its number, its head, and what it became.
pub fn merged_pull(api: &emulated::Repository, branch: &str, title: &str) -> (u64, String, String) {
    api.set_branch(branch, "main").unwrap();
    let head = api.push(branch, "ann", &[title]).unwrap().pop().unwrap();
    let number = api.open_pull(title, "ann", branch, "main").unwrap();
    let merge = api.merge(number, "bob", emulated::Merge::Squash).unwrap();
    (number, head, merge)
}

/// Deploys, and waits until the operation is over and told.
pub async fn deploy(room: &mut Room, sha: &str, environment: &str) -> Operation {
    begun(room, sha, environment, |newest| {
        newest.state.is_over() && newest.told
    })
    .await
}

/// Begins a deploy that may not end yet.
pub async fn begin(room: &mut Room, sha: &str, environment: &str) -> Operation {
    begun(room, sha, environment, |newest| newest.card.is_some()).await
}

async fn begun(room: &mut Room, sha: &str, environment: &str, far: fn(&Operation) -> bool) -> Operation {
    let store = room.store().clone();
    let before = operations(&store).await.len();
    room.say("ann", &format!("@otus deploy api {sha} to {environment}"))
        .await;
    let newest = wait(async || {
        let all = operations(&store).await;
        let newest = all.first().filter(|_| all.len() > before)?;
        let rows = store.deploys(&Default::default()).await.unwrap();
        let runs = rows.iter().any(|row| row.id == newest.id);
        (far(newest) && runs).then(|| newest.clone())
    });
    let newest = newest.await;
    // The card, which is not what this is about.
    while room.chat().take_unexpected().is_some() {}
    newest
}

async fn operations(store: &Arc<dyn Store>) -> Vec<Operation> {
    store.operations(&OperationFilter::default()).await.unwrap()
}

/// Waits until it is so.
pub async fn wait<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("it does not come to pass")
}
