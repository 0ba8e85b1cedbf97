//! A house with works behind it: an emulated GitHub whose webhooks reach the program, and a real container registry.

#![allow(dead_code, reason = "each test file uses a part of it")]

use crate::{
    door::Door,
    house::{House, SOON},
};
use otus_emulators::{
    github::{Conclusion, GitHub, Repository},
    real::RealRegistry,
};

const SECRET: &str = "a secret that is shared with GitHub";
const REVISION: &str = "org.opencontainers.image.revision";

/// The house and its works.
pub(crate) struct Works {
    pub(crate) house: House,
    pub(crate) github: GitHub,
    pub(crate) api: Repository,
    pub(crate) registry: RealRegistry,
    door: Door,
}

impl Works {
    /// Builds them, without the program: what is green goes to staging by itself, unless `staging` says otherwise.
    pub(crate) async fn build(staging: &str, more: &str) -> Self {
        Self::build_with(staging, more, None).await
    }

    /// The same, with a Prometheus.
    pub(crate) async fn build_with(staging: &str, more: &str, prometheus: Option<&str>) -> Self {
        let house = House::build(prometheus).await;
        let github = GitHub::start().await.unwrap();
        let api = github.repository("acme/api").unwrap();
        let registry = RealRegistry::start().await.unwrap();
        let door = Door::open().await;
        api.hook(&format!("http://{}/hooks/github", door.address), SECRET, &[])
            .unwrap();
        let host = registry.host().to_owned();
        house.instead(
            "[environments.staging]\n",
            &format!("[environments.staging]\n{staging}\n"),
        );
        house.instead(
            "image = \"registry.test/shop/api\"\n",
            &format!(
                "image = \"{host}/shop/api\"\nrepository = \"acme/api\"\nchecks = [\"build\", \"test\"]\n"
            ),
        );
        house.instead("deployer = [\"*\"]", "deployer = [\"*\", \"robot:auto-deploy\"]");
        let channel = house
            .slack
            .look(|world| world.channel("#deploys").unwrap().id.to_string());
        house.configure(&format!(
            r#"
[github]
api_url = "{}"
token = "{}"
retry_pause = "10ms"
[registries."{host}"]
plain_http = true
[responders.pipeline]
reconcile = "1s"
[responders.pipeline.hooks.github]
scheme = "github"
secrets = ["{SECRET}"]
[responders.autodeploy]
channel = "{channel}"
look = "1s"
{more}
"#,
            github.url(),
            github.token(),
        ));
        let first = api.commit("main", "First").unwrap();
        let works = Works {
            house,
            github,
            api,
            registry,
            door,
        };
        works.green(&first);
        let image = works.push(&first, &first).await;
        for environment in ["staging", "production"] {
            works
                .house
                .cluster
                .set_image(environment, "api", "app", &image)
                .unwrap();
        }
        works
    }

    /// Starts the program, and lets webhooks in.
    pub(crate) async fn start(&mut self) {
        self.house.start().await;
        let address = self.house.http().await;
        self.door.leads_to(Some(address));
    }

    /// Kills the program; webhooks find nobody.
    pub(crate) async fn kill(&mut self) {
        self.door.leads_to(None);
        self.house.kill().await;
    }

    /// A commit on main, of which nothing is known yet.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.api.commit("main", message).unwrap()
    }

    /// Its checks end well.
    pub(crate) fn green(&self, sha: &str) {
        for name in ["build", "test"] {
            self.api.check(sha, name, Conclusion::Success).unwrap();
        }
    }

    /// An image is pushed; its name by digest.
    pub(crate) async fn push(&self, tag: &str, revision: &str) -> String {
        let digest = self
            .registry
            .push("shop/api", tag, &[(REVISION, revision)])
            .await
            .unwrap();
        format!("{}/shop/api@{digest}", self.registry.host())
    }

    /// A green commit and its image.
    pub(crate) async fn released(&self, message: &str) -> (String, String) {
        let sha = self.commit(message);
        let image = self.push(&sha, &sha).await;
        self.green(&sha);
        (sha, image)
    }

    /// What the environment's Deployment is to run.
    pub(crate) fn image(&self, environment: &str) -> String {
        let deployment = self.house.cluster.get("Deployment", environment, "api").unwrap();
        deployment["spec"]["template"]["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Waits for a card that says a commit is live there.
    pub(crate) async fn live(&self, sha: &str, environment: &str) -> otus_emulators::slack::Message {
        let (version, place) = (format!("`{}` is live in", short(sha)), format!("*{environment}*"));
        self.house
            .shown(|text| text.contains(&version) && text.contains(&place))
            .await
    }

    /// Asks in #deploys until the answer has these words, since what is asked about may not have been decided yet.
    pub(crate) async fn asked(&self, question: &str, words: &str) -> String {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let before = self.house.answers().len();
            self.house.say(&format!("@otus {question}"));
            let answer = self
                .house
                .slack
                .wait_for(SOON, |world| {
                    let mut robot = world.messages("#deploys").filter(|message| message.from_app);
                    robot.nth(before).map(crate::house::words)
                })
                .await
                .unwrap();
            if answer.contains(words) {
                return answer;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{question}: {answer}\n{}",
                self.house.log()
            );
        }
    }
}

pub(crate) fn short(sha: &str) -> &str {
    &sha[..7]
}
