//! Changes of the configuration while the program runs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use otus_emulators::{
    kubernetes::{self, Cluster},
    slack::{Options, Workspace},
};
use std::path::PathBuf;
use support::{Program, SOON, Start};

/// The program with a Slack and a cluster, and its file.
struct Scene {
    slack: Workspace,
    cluster: Cluster,
    otus: Program,
    base: String,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new(more: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let slack = Workspace::start(Options::default().channels(["general", "ops"]))
            .await
            .unwrap();
        let cluster = Cluster::start(kubernetes::Options {
            timing: kubernetes::Timing::fast(),
            ..kubernetes::Options::default()
        })
        .await
        .unwrap();
        for name in ["api", "web"] {
            let image = format!("registry.test/{name}:1.0");
            cluster.deployment("production", name, &image, 1).await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        cluster.write_kubeconfig(&kubeconfig).unwrap();
        let ops = slack.look(|world| world.channel("ops").unwrap().id.clone());
        let base = format!(
            "[slack]\napi_url = '{}'\nbot_token = '{}'\napp_token = '{}'\n[http]\nlisten = '127.0.0.1:0'\n\
             [kubernetes]\nkubeconfig = '{}'\n[environments.production]\n[services.api]\n[robot]\nnotices = '{ops}'\n",
            slack.api_url(),
            slack.bot_token(),
            slack.app_token(),
            kubeconfig.display(),
        );
        let config = format!("{base}{more}");
        let start = Start {
            config: &config,
            ..Start::default()
        };
        let mut otus = Program::start(&["run"], &start);
        otus.wait_for(|_, logged| logged.contains("connected").then_some(()));
        Self {
            slack,
            cluster,
            otus,
            base,
            _folder: folder,
        }
    }

    fn file(&self) -> PathBuf {
        self.otus.folder().join("config/local.toml")
    }

    /// Writes another file, as an editor does it: beside, and then over.
    fn write(&self, text: &str) {
        let beside = self.file().with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.file()).unwrap();
    }

    async fn told(&self, channel: &str, words: &str) -> String {
        let found = self.slack.wait_for(SOON, |world| {
            let mut messages = world.messages(channel).filter(|message| message.from_app);
            messages
                .find(|message| message.words().contains(words))
                .map(|message| message.words())
        });
        found
            .await
            .unwrap_or_else(|_| panic!("{words}\n{}", self.otus.logged()))
    }

    async fn ask(&self, said: &str, answer: &str) {
        let asked = self.slack.say("ann", "#general", said).unwrap();
        let found = self.slack.wait_for(SOON, |world| {
            let mut messages = world
                .messages("#general")
                .filter(|message| message.from_app && message.ts > asked);
            messages
                .find(|message| message.words().contains(answer))
                .map(drop)
        });
        found
            .await
            .unwrap_or_else(|_| panic!("{said}: no {answer}\n{}", self.otus.logged()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_valid_counts_at_once_and_what_is_not_changes_nothing() {
    let mut scene = Scene::new("").await;
    scene.ask("@otus hi", "I don't know `hi`").await;

    let live = format!("{}[robot.commands]\nhi = 'ping'\n[services.web]\n", scene.base);
    scene.write(&live);
    let told = scene.told("#ops", "I go by a changed configuration").await;
    assert!(
        told.contains("robot.commands") && told.contains("services.web"),
        "{told}"
    );
    scene.ask("@otus hi", "pong").await;
    scene.ask("@otus status web", "1.0").await;

    // A fault is told with its line, and the earlier configuration goes on.
    scene.write(&format!("{live}[policy]\nrulez = []\n"));
    let told = scene.told("#ops", "I cannot go by it").await;
    assert!(
        told.contains("config/local.toml:") && told.contains("did you mean rules?"),
        "{told}"
    );
    assert!(scene.otus.logged().contains("did you mean rules?"));
    scene.ask("@otus hi", "pong").await;

    // A file that is gone is no configuration to go by.
    std::fs::remove_file(scene.file()).unwrap();
    scene.told("#ops", "the file of the configuration is gone").await;
    scene.ask("@otus hi", "pong").await;

    // What takes a restart is said, and everything else counts.
    let mixed = live
        .replace("hi = 'ping'", "hello = 'ping'")
        .replace("[http]", "sockets = 3\n[http]");
    scene.write(&mixed);
    let told = scene.told("#ops", "Only from the next start on").await;
    assert!(told.contains("slack.sockets"), "{told}");
    scene.ask("@otus hello", "pong").await;

    // Asked to look, it looks.
    let pid = scene.otus.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-HUP", &pid])
            .status()
            .unwrap()
            .success()
    );
    scene
        .otus
        .wait_for(|_, logged| logged.contains("nothing has changed").then_some(()));

    // The audit trail has all of it.
    scene.ask("@otus audit last 1h", "configuration").await;
    assert_eq!(scene.otus.terminate().code(), Some(0), "{}", scene.otus.logged());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_under_way_goes_on_under_the_new_configuration() {
    let mut scene = Scene::new("[responders.deploy]\nstability = '8s'\n").await;
    scene
        .slack
        .say("ann", "#general", "@otus deploy api@2.0 to production")
        .unwrap();
    // It is out, and being watched.
    let out = scene.slack.wait_for(SOON, |world| {
        let mut messages = world.messages("#general").filter(|message| message.from_app);
        messages
            .find(|message| message.words().contains("I watch it for"))
            .map(drop)
    });
    out.await.unwrap_or_else(|_| panic!("{}", scene.otus.logged()));
    scene.write(&format!(
        "{}[responders.deploy]\nstability = '1s'\n[services.web]\n",
        scene.base
    ));
    scene.told("#ops", "I go by a changed configuration").await;
    scene.told("#general", "is live").await;
    let cards = scene.slack.messages("#general");
    let cards: Vec<_> = cards
        .iter()
        .filter(|message| message.from_app)
        .map(|message| message.words())
        .collect();
    assert_eq!(cards.len(), 1, "one message for one deploy: {cards:#?}");
    let api = scene.cluster.get("Deployment", "production", "api").unwrap();
    assert_eq!(
        api["spec"]["template"]["spec"]["containers"][0]["image"],
        "registry.test/api:2.0"
    );
    assert_eq!(scene.otus.terminate().code(), Some(0), "{}", scene.otus.logged());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn executables_answer_as_soon_as_they_are_there() {
    let commands = tempfile::tempdir().unwrap();
    let more = format!("[responders.executables]\nfolder = {:?}\n", commands.path());
    let mut scene = Scene::new(&more).await;
    let put = |name: &str| {
        let example = format!("{}/../../examples/executables/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(example, commands.path().join(name)).unwrap();
    };
    put("throw.py");
    scene.told("#ops", "what they say of themselves").await;
    scene.ask("@otus throw 2 d20", "threw").await;
    put("tidy.sh");
    let tidy = async {
        loop {
            let asked = scene.slack.say("ann", "#general", "@otus tidy attic").unwrap();
            let answer = scene.slack.wait_for(SOON, |world| {
                let mut said = world
                    .messages("#general")
                    .filter(|message| message.from_app && message.ts > asked);
                said.find_map(|message| Some(message.words()).filter(|words| !words.contains("Tidying")))
            });
            if answer.await.unwrap().contains("The attic is tidy") {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, tidy)
        .await
        .unwrap_or_else(|_| panic!("{}", scene.otus.logged()));
    assert_eq!(scene.otus.terminate().code(), Some(0), "{}", scene.otus.logged());
}

/// The server of the examples; it ends with the test.
struct Coin(std::process::Child);

impl Coin {
    fn start(port: u16, secret: &str) -> Self {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sites/coin.py");
        let child = std::process::Command::new("python3")
            .args([example, &port.to_string()])
            .env("OTUS_SECRET", secret)
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Coin {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executable_behind_an_address_answers_as_soon_as_it_is_there() {
    let secret = "a secret of the coin and of Otus";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let more = format!(
        "[responders.executables]\nlook = '100ms'\n[responders.executables.urls.coin]\nurl = 'http://127.0.0.1:{port}/'\nsecret = '{secret}'\n"
    );
    // It starts without it.
    let mut scene = Scene::new(&more).await;
    scene.ask("@otus ping", "pong").await;
    let _coin = Coin::start(port, secret);
    scene.told("#ops", "what they say of themselves").await;
    scene.ask("@otus toss 3", "tosses 3").await;
    scene.ask("@otus help toss", "Tosses coins").await;
    assert!(!scene.otus.logged().contains(secret));
    assert_eq!(scene.otus.terminate().code(), Some(0), "{}", scene.otus.logged());
}
