//! The page on permissions tells what each person sees. Here the same is said in a room with the page's own example, and every
//! word of it has to be so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use async_trait::async_trait;
use otus::{
    Catalog, ChannelKind, Person, markup,
    operations::{Action, Change, Ending, OperationFilter, Outcome, Plan, Run, State, Target},
    policy::{Asked, Facts, Held, Policy, Roles, decide},
    prelude::*,
    room::{PATIENCE, What},
};
use otus_responder_operations::Operations;
use otus_responder_policy::Policies;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

const PAGE: &str = include_str!("../../../docs/permissions.md");
const EXAMPLE: &str = include_str!("../../../docs/examples/team-of-ten.toml");

/// The sections of the example.
struct Example {
    roles: BTreeMap<String, Vec<String>>,
    policy: Policy,
    catalog: Catalog,
}

fn example() -> Example {
    let table: toml::Table = EXAMPLE.parse().unwrap();
    let section = |name: &str| table[name].clone();
    let known = ["roles", "policy", "services", "environments"];
    for key in table.keys() {
        assert!(known.contains(&key.as_str()), "{key}");
    }
    let catalog: toml::Table = table
        .iter()
        .filter(|(key, _)| ["services", "environments"].contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Example {
        roles: section("roles").try_into().unwrap(),
        policy: section("policy").try_into().unwrap(),
        catalog: catalog.try_into().unwrap(),
    }
}

/// A deploy responder without a cluster: everything is out at once.
#[derive(Default)]
struct Deploys;

#[derive(Serialize, Deserialize)]
struct Ask {
    service: String,
    version: String,
    environment: String,
}

/// Deploys.
#[responder(name = "deploy")]
impl Deploys {
    /// Deploys a version of a service.
    #[respond(
        r"^deploy (?<service>[^\s@]+)@(?<version>\S+) to (?<environment>\S+)$",
        usage = "deploy <service>@<version> to <environment>",
        example = "deploy api@1.9.0 to production",
        role = "deployer",
        effect = "operation"
    )]
    async fn deploy(
        &self,
        cx: Context,
        service: Service,
        version: String,
        environment: Environment,
    ) -> Result {
        let (service, environment) = (service.name, environment.name);
        let ask = Ask {
            service,
            version,
            environment,
        };
        cx.propose("deploy", ask).await
    }

    /// What it can do.
    #[actions]
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Deploy)]
    }
}

struct Deploy;

#[async_trait]
impl Action for Deploy {
    fn kind(&self) -> &'static str {
        "deploy"
    }

    async fn plan(&self, _: &Services, ask: &serde_json::Value) -> Result<Plan> {
        let Ask {
            service,
            version,
            environment,
        } = serde_json::from_value(ask.clone())?;
        Ok(Plan {
            title: format!("Deploy *{service}* {version} to *{environment}*"),
            changes: vec![Change {
                what: "image".into(),
                from: Some(format!("shop/{service}:1.8.0")),
                to: Some(format!("shop/{service}:{version}")),
            }],
            target: Target::new(service, environment),
            exclusive: true,
            ..Plan::default()
        })
    }

    async fn apply(&self, run: Run) -> Result<Ending> {
        let plan = run.plan();
        run.step("deploy", |_| async { Ok(()) }).await?;
        Ok(Ending {
            outcome: Outcome::Succeeded,
            note: "it is live".into(),
            card: Card::new(Tone::Good, format!("{} · live", plan.title)),
        })
    }
}

/// The room, and what was said in it as the page shows it.
struct Scene {
    room: Room,
    told: String,
}

impl Scene {
    /// The team of ten in #deploys. Freezes are left out, since a test runs on any day.
    fn new() -> Self {
        let mut policy: toml::Table = EXAMPLE.parse::<toml::Table>().unwrap()["policy"]
            .clone()
            .try_into()
            .unwrap();
        policy.remove("freezes");
        let example = example();
        let builder = Room::builder()
            .responder(Deploys)
            .responder(Operations)
            .responder(Policies)
            .catalog(&toml::to_string(&example.catalog).unwrap())
            .policy(&toml::to_string(&policy).unwrap());
        let room = example
            .roles
            .iter()
            .fold(builder, |builder, (role, members)| {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                builder.role(role, &members)
            })
            .open();
        let chat = room.chat();
        for name in [
            "Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hal", "Ida", "Jon",
        ] {
            let person = Person {
                name: name.into(),
                ..Person::default()
            };
            chat.introduce(&name.to_lowercase(), person);
        }
        chat.group("developers", &["ann", "ben", "cleo", "dan", "eve", "finn"]);
        chat.group("sre", &["gia", "hal"]);
        chat.group("leads", &["ida"]);
        chat.name_channel("C1", "deploys");
        chat.name_channel("C2", "random");
        chat.name_channel("C3", "incidents");
        Self {
            room,
            told: String::new(),
        }
    }

    async fn say(&mut self, who: &str, words: &str) {
        self.tell(who, &format!("@otus {words}"));
        self.room.say(who, &format!("@otus {words}")).await;
        self.hear().await;
    }

    async fn press(&mut self, who: &str, label: &str) {
        self.tell(who, &format!("presses [{label}]"));
        self.room.press(who, label).await;
        self.hear().await;
    }

    /// Whatever the robot says next.
    async fn hear(&mut self) {
        let said = self.room.next_said().await;
        let words = match said.what {
            What::Post(post) | What::Whisper(_, post) => post.plain(),
            What::Reaction(_, emoji) => format!("reacts :{emoji}:"),
            What::File(file) => format!("uploads {}", file.name),
        };
        self.tell("otus", &words);
    }

    /// The newest card, once the newest operation came to this state and the card tells so.
    async fn edited(&mut self, state: State) {
        let store = self.room.store().clone();
        let look = async {
            loop {
                let found = store.operations(&OperationFilter::default()).await.unwrap();
                let told = found.first().filter(|one| one.state == state && one.told);
                if let Some(card) = told.and_then(|one| one.card.clone()) {
                    return card;
                }
                tokio::task::yield_now().await;
            }
        };
        let card = tokio::time::timeout(PATIENCE, look).await.unwrap();
        let messages = self.room.chat().messages();
        let (_, post) = messages.iter().find(|(message, _)| *message == card).unwrap();
        let words = post.plain();
        self.tell("otus", &format!("(edits the card)\n{words}"));
    }

    fn tell(&mut self, who: &str, words: &str) {
        let name = format!("{}{}", who[..1].to_uppercase(), &who[1..]);
        let mut name = if who == "otus" { "otus" } else { &name };
        for line in settled(words).lines() {
            let line = format!("{name:<5} {line}");
            writeln!(self.told, "{}", line.trim_end()).unwrap();
            name = "";
        }
    }
}

/// Ids, hashes, moments and durations as the page writes them.
fn settled(words: &str) -> String {
    let mut words = words.to_owned();
    for (pattern, instead) in [
        (r"\b[0-9a-f]{10}\b", "3f9c2ab01d"),
        (r"\b[0-9a-f]{8}\b", "0f1e2d3c"),
        (r"\b[0-9a-f]{4}\b(?:\])", "3f9c]"),
        (r"(?:[A-Z][a-z]{2} )?(?:\d{4}-\d\d-\d\d )?\d\d:\d\d UTC", "14:02"),
        (r"\(\d+ s\)", "(12 min)"),
        (r"\b\d+ s\b", "40 s"),
    ] {
        words = Regex::new(pattern)
            .unwrap()
            .replace_all(&words, instead)
            .into_owned();
    }
    words
}

/// The chats of the page, in order.
fn page() -> Vec<String> {
    PAGE.split("```chat\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

fn shown(number: usize, scene: &Scene) {
    let on_page = page().get(number).cloned().unwrap_or_default();
    assert_eq!(
        on_page, scene.told,
        "chat {number} of docs/permissions.md is not so; it is\n{}",
        scene.told
    );
}

#[tokio::test]
async fn staging_is_free() {
    let mut scene = Scene::new();
    scene.say("dan", "deploy api@1.9.0 to staging").await;
    scene.edited(State::Succeeded).await;
    shown(0, &scene);
}

#[tokio::test]
async fn production_is_approved_by_an_sre() {
    let mut scene = Scene::new();
    scene.say("dan", "deploy api@1.9.0 to production").await;
    scene.press("dan", "Approve").await;
    scene.press("ben", "Approve").await;
    scene.press("gia", "Approve").await;
    scene.edited(State::Succeeded).await;
    shown(1, &scene);
}

#[tokio::test]
async fn no_is_a_word_of_whoever_may_approve() {
    let mut scene = Scene::new();
    let asked = scene
        .room
        .say("gia", "@otus deploy web@1.9.0 to production")
        .await;
    scene.room.answer().await;
    scene.room.enter_thread(Some(asked));
    scene
        .say("hal", "deny because the pages of the sale are not up yet")
        .await;
    scene.edited(State::Denied).await;
    shown(2, &scene);
}

#[tokio::test]
async fn who_may_not_is_told_why() {
    let mut scene = Scene::new();
    scene.say("jon", "deploy api@1.9.0 to staging").await;
    scene.room.go_to("C2", ChannelKind::Public);
    scene.say("dan", "deploy api@1.9.0 to production").await;
    scene.press("dan", "Why?").await;
    shown(3, &scene);
}

#[tokio::test]
async fn in_the_thread_of_what_was_refused_why_tells_it() {
    let mut scene = Scene::new();
    let asked = scene.room.say("jon", "@otus deploy api@1.9.0 to staging").await;
    scene.room.answer().await;
    scene.room.enter_thread(Some(asked));
    scene.room.say("ann", "@otus why").await;
    let why = scene.room.answer().await.plain();
    assert!(
        why.contains("Deploy api@1.9.0 to staging") && why.contains("Refused: it asks for the role"),
        "{why}"
    );
    // Where nothing was asked of the robot, it says so.
    let chatter = scene.room.say("ann", "a nice day").await;
    scene.room.enter_thread(Some(chatter));
    scene.room.say("ann", "@otus why").await;
    let why = scene.room.answer().await.plain();
    assert!(!why.contains("Refused"), "{why}");
}

#[tokio::test]
async fn what_destroys_is_confirmed() {
    let mut scene = Scene::new();
    scene.say("dan", "deploy ledger@1.9.0 to staging").await;
    scene.press("ben", "Confirm").await;
    scene.press("dan", "Confirm").await;
    scene.edited(State::Succeeded).await;
    shown(4, &scene);
}

#[tokio::test]
async fn a_lock_holds_others_up() {
    let mut scene = Scene::new();
    scene
        .say(
            "eve",
            "lock api in production for 2h because the index is being built",
        )
        .await;
    scene.edited(State::Succeeded).await;
    scene.say("dan", "deploy api@1.9.0 to production").await;
    scene.press("dan", "Tell me when it opens").await;
    scene.say("dan", "locks").await;
    shown(5, &scene);
}

#[tokio::test]
async fn one_can_ask_before_one_tries() {
    let mut scene = Scene::new();
    scene.say("jon", "who can deploy api to production").await;
    scene.say("jon", "can @dan deploy api to production").await;
    scene.say("jon", "can @jon deploy api to staging").await;
    shown(7, &scene);
}

#[tokio::test]
async fn the_glass_is_loud() {
    let mut scene = Scene::new();
    scene.room.go_to("C3", ChannelKind::Public);
    scene
        .say("hal", "break glass for 20 min because the shop is down")
        .await;
    scene.hear().await;
    scene.say("hal", "deploy api@1.8.1 to production").await;
    scene.edited(State::Succeeded).await;
    shown(6, &scene);
}

#[tokio::test]
async fn the_story_is_told() {
    let mut scene = Scene::new();
    scene
        .room
        .say("dan", "@otus deploy api@1.9.0 to production")
        .await;
    scene.room.answer().await;
    scene.room.press("gia", "Approve").await;
    scene.room.answer().await;
    scene.edited(State::Succeeded).await;
    scene.told.clear();
    let found = scene
        .room
        .store()
        .operations(&OperationFilter::default())
        .await
        .unwrap();
    scene.say("jon", &format!("why {}", found[0].id)).await;
    scene.say("jon", "audit api in production by @gia last 24h").await;
    shown(8, &scene);
}

#[test]
fn the_example_has_no_faults_and_its_freezes_hold() {
    let example = example();
    let roles = Roles(example.roles);
    let commands: Vec<_> = [
        <Deploys as otus::Responder>::SPEC,
        <Operations as otus::Responder>::SPEC,
        <Policies as otus::Responder>::SPEC,
    ]
    .iter()
    .flat_map(|spec| spec.commands)
    .collect();
    assert_eq!(example.policy.faults(&roles, &example.catalog, &commands), []);

    let verdict = |now: &str, reason: Option<&str>, sre| {
        let asked = Asked {
            command: "deploy.deploy".into(),
            role: Some("deployer".into()),
            target: Target::new("api", "production"),
            user: "dan".into(),
            channel: "C1".into(),
            reason: reason.map(Into::into),
        };
        let sre = if sre {
            Held::Yes("the group `sre` has the role `sre`".into())
        } else {
            Held::No
        };
        let facts = Facts {
            now: now.parse().unwrap(),
            changes: true,
            roles: [
                (
                    "deployer".into(),
                    Held::Yes("the group `developers` has the role `deployer`".into()),
                ),
                ("sre".into(), sre),
            ]
            .into(),
            channel_name: Some("deploys".into()),
            locks: Vec::new(),
            elevation: None,
            unknown: Vec::new(),
        };
        decide(&example.policy, &asked, &facts)
    };
    // Friday, five in the afternoon in Berlin; Dan, Hal without a reason, Hal with one.
    let friday = "2026-11-27T16:00:00Z";
    for (reason, sre) in [(None, false), (None, true)] {
        let refused = markup::plain(&verdict(friday, reason, sre).rule);
        assert!(PAGE.contains(&refused), "the page does not show: {refused}");
    }
    let passed = verdict(friday, Some("the certificate expires"), true);
    let text = markup::plain(
        &passed
            .trace
            .iter()
            .map(|line| line.text.as_str())
            .collect::<Vec<_>>()
            .join("\n"),
    );
    let line = text.lines().find(|line| line.contains("passed by")).unwrap();
    assert!(PAGE.contains(line), "the page does not show: {line}");
    let year = markup::plain(&verdict("2026-12-30T10:00:00Z", None, false).rule);
    assert!(PAGE.contains(&year), "the page does not show: {year}");
}
