//! A whole house for a test: an emulated Slack, an emulated cluster, a real Prometheus where asked for, and the real program as a
//! child process between them. Everything is on free loopback ports and in a temporary folder, and ends with the test.

#![allow(dead_code, reason = "each test file uses a part of it")]

use otus_emulators::{
    kubernetes::{self, Cluster},
    slack::{Message, Options, Ts, Workspace},
};
use std::{
    fmt::Write as _,
    fs::File,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long anything may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// The house.
pub(crate) struct House {
    pub(crate) slack: Workspace,
    pub(crate) cluster: Cluster,
    pub(crate) folder: tempfile::TempDir,
    otus: Option<Child>,
    runs: u32,
    connected: usize,
}

/// What the configuration says beyond the addresses.
const CONFIG: &str = r#"
[slack]
sockets = 1
[slack.liveness]
backoff = "50ms"
stagger = "10ms"

[http]
listen = "127.0.0.1:0"

[environments.staging]
[environments.production]
after = "staging"

[services.api]
image = "registry.test/shop/api"
[services.web]
image = "registry.test/shop/web"

[responders.deploy]
stability = "1s"
grace = "1s"
deadline = "6s"

[responders.graphs.queries.latency]
query = 'histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[$__rate_interval])))'
title = "p95 latency by service"
unit = "seconds"
threshold = 0.5

[roles]
deployer = ["*"]
sre = ["U0BOB"]
"#;

impl House {
    /// Builds it, without the program.
    pub(crate) async fn build(prometheus: Option<&str>) -> Self {
        Self::build_with(prometheus, Options::default()).await
    }

    /// The same, with another Slack.
    pub(crate) async fn build_with(prometheus: Option<&str>, slack: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let slack = Workspace::start(slack).await.unwrap();
        let cluster = Cluster::start(kubernetes::Options::default()).await.unwrap();
        for namespace in ["staging", "production"] {
            for service in ["api", "web"] {
                let image = format!("registry.test/shop/{service}:1.0");
                cluster.deployment(namespace, service, &image, 3).await.unwrap();
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        cluster.write_kubeconfig(&kubeconfig).unwrap();
        let mut config = CONFIG.to_owned();
        write!(config, "[kubernetes]\nkubeconfig = {kubeconfig:?}\n").unwrap();
        write!(
            config,
            "[store]\npath = {:?}\n",
            folder.path().join("otus.sqlite")
        )
        .unwrap();
        if let Some(url) = prometheus {
            write!(config, "[prometheus]\nurl = {url:?}\n").unwrap();
        }
        std::fs::write(folder.path().join("otus.toml"), config).unwrap();
        Self {
            slack,
            cluster,
            folder,
            otus: None,
            runs: 0,
            connected: 0,
        }
    }

    /// Says more in the configuration, before the program starts.
    pub(crate) fn configure(&self, more: &str) {
        let path = self.folder.path().join("otus.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("{config}{more}")).unwrap();
    }

    /// Says something otherwise in the configuration, before the program starts.
    pub(crate) fn instead(&self, of: &str, this: &str) {
        let path = self.folder.path().join("otus.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        assert!(config.contains(of), "{config}");
        std::fs::write(path, config.replace(of, this)).unwrap();
    }

    /// Builds it and starts the program.
    pub(crate) async fn open(prometheus: Option<&str>) -> Self {
        let mut house = Self::build(prometheus).await;
        house.start().await;
        house
    }

    /// Starts the program and waits until it listens.
    pub(crate) async fn start(&mut self) {
        self.runs += 1;
        let log = File::create(self.log_path()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_otus"))
            .arg("run")
            .arg("--config")
            .arg(self.folder.path().join("otus.toml"))
            .current_dir(self.folder.path())
            .env("OTUS__SLACK__API_URL", self.slack.api_url())
            .env("OTUS__SLACK__BOT_TOKEN", self.slack.bot_token())
            .env("OTUS__SLACK__APP_TOKEN", self.slack.app_token())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.otus = Some(child);
        self.connected = 1;
        if let Err(error) = self.slack.connected(1, SOON).await {
            panic!("otus did not connect: {error}\n{}", self.log());
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join(format!("otus-{}.log", self.runs))
    }

    /// What the program logged in its present run.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Where the program listens for HTTP, as soon as it says so.
    pub(crate) async fn http(&self) -> SocketAddr {
        let deadline = Instant::now() + SOON;
        loop {
            let log = self.log();
            let found = log
                .split("http=")
                .nth(1)
                .and_then(|rest| rest.split_whitespace().next());
            if let Some(address) = found.and_then(|address| address.parse().ok()) {
                return address;
            }
            assert!(Instant::now() < deadline, "{log}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills the program without a word, as a power cut would.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.otus.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        self.slack.wait_for_entry(SOON, |_| Some(())).await.ok();
    }

    /// Asks the program to stop, and waits for it.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        let mut child = self.otus.take().unwrap();
        let asked = Command::new("kill")
            .arg("-TERM")
            .arg(child.id().to_string())
            .status()
            .unwrap();
        assert!(asked.success());
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "otus does not stop\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Does what `kubectl set image` does.
    pub(crate) async fn set_image_by_hand(&self, namespace: &str, deployment: &str, image: &str) {
        let url = format!(
            "{}/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}?fieldManager=kubectl-set",
            self.cluster.url()
        );
        let container = serde_json::json!({"name": "app", "image": image});
        let patch = serde_json::json!({"spec": {"template": {"spec": {"containers": [container]}}}});
        let answer = reqwest::Client::new()
            .patch(url)
            .header("content-type", "application/strategic-merge-patch+json")
            .body(patch.to_string())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Somebody says something in #deploys.
    pub(crate) fn say(&self, text: &str) -> Ts {
        self.slack.say("ann", "#deploys", text).unwrap()
    }

    /// Waits for a message of the robot's in #deploys that reads so now, and answers it.
    pub(crate) async fn shown(&self, what: impl Fn(&str) -> bool) -> Message {
        let found = self
            .slack
            .wait_for(SOON, |world| {
                world
                    .messages("#deploys")
                    .find(|message| message.from_app && what(&words(message)))
                    .cloned()
            })
            .await;
        found.unwrap_or_else(|error| {
            panic!(
                "{error}\nThe robot said:\n{}\nIts log:\n{}",
                self.transcript(),
                self.log()
            )
        })
    }

    /// What the robot's messages read now.
    pub(crate) fn transcript(&self) -> String {
        let messages = self.slack.messages("#deploys");
        let said = messages.iter().filter(|message| message.from_app).map(words);
        said.collect::<Vec<_>>().join("\n----\n")
    }

    /// The robot's messages in #deploys.
    pub(crate) fn answers(&self) -> Vec<Message> {
        self.slack
            .messages("#deploys")
            .into_iter()
            .filter(|message| message.from_app)
            .collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(child) = &mut self.otus {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Everything a message shows: its text and the texts of its blocks.
pub(crate) fn words(message: &Message) -> String {
    fn collect(value: &serde_json::Value, into: &mut String) {
        match value {
            serde_json::Value::Object(fields) => {
                for (key, value) in fields {
                    match value.as_str() {
                        Some(text) if key == "text" => {
                            into.push('\n');
                            into.push_str(text);
                        }
                        _ => collect(value, into),
                    }
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            _ => {}
        }
    }
    let mut words = message.text.clone();
    message.blocks.iter().for_each(|block| collect(block, &mut words));
    words
}
