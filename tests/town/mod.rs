//! A town for a test: an emulated Slack, an emulated cluster and a real PostgreSQL, and several replicas of the real program that
//! share them, each a process that can be killed and started again.

#![allow(dead_code, reason = "each test file uses a part of it")]

use otus_core::{
    operations::{Operation, OperationFilter, State},
    store::Store as _,
};
use otus_emulators::{
    kubernetes::{self, Cluster},
    real::RealPostgres,
    slack::{Message, Options, Ts, Workspace},
};
use otus_store::{PostgresStore, StoreConfig, Trail};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// How long anything may take on a busy machine: longer than the lease of a replica that died.
pub(crate) const SOON: Duration = Duration::from_secs(120);

pub(crate) const SERVICES: [&str; 6] = ["api", "web", "cart", "mail", "search", "users"];
pub(crate) const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

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

[responders.deploy]
stability = "100ms"
grace = "10s"
deadline = "3m"

[roles]
deployer = ["*"]
"#;

/// Numbers that only look random, the same in every run with the same seed (Knuth's linear congruential generator).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    pub(crate) fn one_in(&mut self, most: usize) -> bool {
        self.below(most) == 0
    }
}

/// Something said to the robot, in a thread of its own, so that whatever the robot says there is the answer.
pub(crate) struct Asked {
    pub(crate) thread: Ts,
    pub(crate) line: String,
}

/// The town.
pub(crate) struct Town {
    pub(crate) slack: Workspace,
    pub(crate) cluster: Cluster,
    pub(crate) database: Arc<RealPostgres>,
    pub(crate) asked: Vec<Asked>,
    /// Every start has a seat in it, and a log of its own.
    seats: Vec<Option<Child>>,
    starts: u32,
    url: String,
    folder: tempfile::TempDir,
}

impl Town {
    /// Builds it, with so many replicas, and waits until all are connected.
    pub(crate) async fn open(replicas: usize) -> Self {
        Self::open_with(replicas, "").await
    }

    /// The same, with more in the configuration.
    pub(crate) async fn open_with(replicas: usize, more: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = tokio::task::spawn_blocking(|| RealPostgres::start().unwrap())
            .await
            .unwrap();
        let url = database.fresh().unwrap();
        let delays = [1, 1, 2, 4, 8, 16].map(Duration::from_secs);
        let slack = Workspace::start(Options::default().retry_delays(delays))
            .await
            .unwrap();
        let cluster = Cluster::start(kubernetes::Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        cluster.write_kubeconfig(&kubeconfig).unwrap();
        let mut config = format!("{CONFIG}\n{more}\n[kubernetes]\nkubeconfig = {kubeconfig:?}\n");
        for service in SERVICES {
            writeln!(
                config,
                "[services.{service}]\nimage = \"registry.test/shop/{service}\""
            )
            .unwrap();
            for environment in ENVIRONMENTS {
                let image = format!("registry.test/shop/{service}:1");
                cluster.deployment(environment, service, &image, 1).await.unwrap();
            }
        }
        std::fs::write(folder.path().join("otus.toml"), config).unwrap();
        let mut town = Self {
            slack,
            cluster,
            database: Arc::new(database),
            asked: Vec::new(),
            seats: Vec::new(),
            starts: 0,
            url,
            folder,
        };
        town.seats.resize_with(replicas, || None);
        for seat in 0..replicas {
            town.start(seat);
        }
        if let Err(error) = town.slack.connected(replicas, SOON).await {
            panic!("they did not connect: {error}\n{}", town.logs());
        }
        town
    }

    /// Starts a replica.
    pub(crate) fn start(&mut self, seat: usize) {
        self.starts += 1;
        let log = self.folder.path().join(format!("otus-{:03}.log", self.starts));
        let log = File::create(log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_otus"))
            .arg("run")
            .arg("--config")
            .arg(self.folder.path().join("otus.toml"))
            .current_dir(self.folder.path())
            .env("OTUS__SLACK__API_URL", self.slack.api_url())
            .env("OTUS__SLACK__BOT_TOKEN", self.slack.bot_token())
            .env("OTUS__SLACK__APP_TOKEN", self.slack.app_token())
            .env("OTUS__STORE__URL", &self.url)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.seats[seat] = Some(child);
    }

    /// Where the replica of the so many-th start serves HTTP, as soon as it says so.
    pub(crate) async fn http(&self, start: u32) -> SocketAddr {
        let path = self.folder.path().join(format!("otus-{start:03}.log"));
        let deadline = Instant::now() + SOON;
        loop {
            let log = std::fs::read_to_string(&path).unwrap_or_default();
            let found = log.split("http=").nth(1);
            let found = found.and_then(|rest| rest.split_whitespace().next());
            if let Some(address) = found.and_then(|address| address.parse().ok()) {
                return address;
            }
            assert!(Instant::now() < deadline, "{log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills a replica without a word, as a node that dies would.
    pub(crate) fn kill(&mut self, seat: usize) {
        let mut child = self.seats[seat].take().unwrap();
        assert!(
            child.try_wait().unwrap().is_none(),
            "a replica ended by itself\n{}",
            self.logs()
        );
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The seats where a replica lives, and those where none does.
    pub(crate) fn seats(&self) -> (Vec<usize>, Vec<usize>) {
        (0..self.seats.len()).partition(|seat| self.seats[*seat].is_some())
    }

    /// Says something to the robot.
    pub(crate) fn say(&mut self, who: &str, line: String) {
        let about = format!("{}.", self.asked.len() + 1);
        let thread = self.slack.say(who, "#deploys", &about).unwrap();
        let said = format!("@otus {line}");
        self.slack.say_in_thread(who, "#deploys", thread, &said).unwrap();
        self.asked.push(Asked { thread, line });
    }

    /// What the robot said in answer to each, in the order of the questions.
    pub(crate) fn answers(&self) -> Vec<Vec<Message>> {
        self.slack.look(|world| {
            let mut said: BTreeMap<Option<Ts>, Vec<Message>> = BTreeMap::new();
            for message in world.messages("#deploys").filter(|message| message.from_app) {
                said.entry(message.thread_ts).or_default().push(message.clone());
            }
            let answers = self
                .asked
                .iter()
                .map(|asked| said.remove(&Some(asked.thread)).unwrap_or_default())
                .collect();
            assert!(said.is_empty(), "said out of place: {said:#?}");
            answers
        })
    }

    /// What nobody has answered.
    pub(crate) fn unanswered(&self) -> Vec<&Asked> {
        let answers = self.answers();
        let pairs = self.asked.iter().zip(answers);
        pairs
            .filter(|(_, answers)| answers.is_empty())
            .map(|(asked, _)| asked)
            .collect()
    }

    /// Waits until everything is answered; answers what is not, in the end.
    pub(crate) async fn answered(&self, within: Duration) -> Vec<&Asked> {
        let all = async {
            while !self.unanswered().is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        // Who asks looks at what is left.
        let _ = tokio::time::timeout(within, all).await;
        self.unanswered()
    }

    /// The rows as they are in the end: waits until all are over and told.
    pub(crate) async fn ended(&self) -> Vec<Operation> {
        let store = PostgresStore::open(&self.store()).await.unwrap();
        let filter = OperationFilter {
            limit: 10_000,
            ..OperationFilter::default()
        };
        let deadline = Instant::now() + SOON;
        let rows = loop {
            let rows = store.operations(&filter).await.unwrap();
            let open: Vec<_> = rows
                .iter()
                .filter(|row| !row.state.is_over() || !row.told)
                .collect();
            if open.is_empty() {
                break rows;
            }
            assert!(
                Instant::now() < deadline,
                "these do not end: {open:#?}\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        store.close().await.unwrap();
        rows
    }

    /// Verifies the audit trail; answers how many entries it has.
    pub(crate) async fn verified(&self) -> u64 {
        let mut trail = Trail::open(&self.store()).await.unwrap();
        trail.verify().await.unwrap().number
    }

    fn store(&self) -> StoreConfig {
        StoreConfig::on(&self.url)
    }

    /// The generation and the image of each Deployment.
    pub(crate) fn deployed(&self) -> BTreeMap<(&'static str, &'static str), (i64, String)> {
        let mut all = BTreeMap::new();
        for service in SERVICES {
            for environment in ENVIRONMENTS {
                let deployment = self.cluster.get("Deployment", environment, service).unwrap();
                let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
                all.insert(
                    (service, environment),
                    (
                        deployment["metadata"]["generation"].as_i64().unwrap(),
                        image.as_str().unwrap().to_owned(),
                    ),
                );
            }
        }
        all
    }

    /// The ends of all logs.
    pub(crate) fn logs(&self) -> String {
        let mut logs = String::new();
        for start in 1..=self.starts {
            let path = self.folder.path().join(format!("otus-{start:03}.log"));
            let log = std::fs::read_to_string(path).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(25)..].join("\n");
            writeln!(logs, "== start {start}\n{end}").unwrap();
        }
        logs
    }

    /// Holds every row, card, answer and Deployment against one another: what each row says was done was done once, and what it
    /// says is on its card.
    pub(crate) async fn agrees(&self, before: &BTreeMap<(&'static str, &'static str), (i64, String)>) {
        let rows = self.ended().await;
        let answers = self.answers();
        for (asked, answers) in self.asked.iter().zip(&answers) {
            assert_eq!(answers.len(), 1, "{}: {answers:#?}\n{}", asked.line, self.logs());
        }
        let mut done: BTreeMap<(String, String), Vec<&Operation>> = BTreeMap::new();
        for row in &rows {
            let thread = row.origin.thread.as_ref().unwrap().to_string();
            let at = self
                .asked
                .iter()
                .position(|asked| asked.thread.to_string() == thread)
                .unwrap();
            let asked = &self.asked[at];
            assert!(asked.line.starts_with(&row.line), "{}: {}", asked.line, row.line);
            let card = &answers[at][0];
            assert_eq!(row.card.as_ref().unwrap().id.as_str(), card.ts.to_string());
            let words = card.words();
            let told = match (row.state, row.kind.as_str()) {
                (State::Succeeded, "deploy") => words.contains("✅") && words.contains("is live in"),
                (State::Succeeded, "lock") => words.contains("has locked"),
                (State::Succeeded, "unlock") => {
                    words.contains("is open") || words.contains("was open already")
                }
                // Another lock was taken while the one that had begun to died.
                (State::Failed, "lock") => words.contains("Somebody was faster"),
                (State::Refused, _) => words.contains("Not now: ") || words.contains("I won't do "),
                (state, _) => panic!("{}: {state:?}: {words}\n{}", asked.line, self.logs()),
            };
            assert!(
                told && !words.contains('⏳'),
                "{}: {:?}: {words}",
                asked.line,
                row.state
            );
            if row.kind == "deploy" && row.state == State::Succeeded {
                let target = row.plan.target.clone();
                let target = (target.service.unwrap(), target.environment.unwrap());
                done.entry(target).or_default().push(row);
            }
        }
        for ((service, environment), (generation, image)) in self.deployed() {
            let mut rows = done
                .remove(&(service.to_owned(), environment.to_owned()))
                .unwrap_or_default();
            rows.sort_by_key(|row| row.started);
            let times = i64::try_from(rows.len()).unwrap();
            let was = &before[&(service, environment)];
            assert_eq!(
                generation,
                was.0 + times,
                "{service} in {environment} was changed another number of times than deployed: {:#?}",
                rows.iter().map(|row| &row.line).collect::<Vec<_>>()
            );
            let newest = rows.last().map_or(was.1.clone(), |row| {
                let asked = row.line.split([' ', '@']).nth(2).unwrap();
                format!("registry.test/shop/{service}:{asked}")
            });
            assert_eq!(image, newest);
        }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        for child in self.seats.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
