//! A responder from outside the house, written against the facade alone, that panics, hangs and floods in a real
//! (emulated) Slack; and what that does to everybody else: nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use otus::{Robot, RobotConfig, prelude::*, responder::Built};
use otus_emulators::slack::{Options, Workspace};
use otus_slack::{Pace, Slack, SlackConfig};
use otus_store::{SqliteStore, StoreConfig};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(30);

/// Everything a responder can do wrong.
#[derive(Default)]
struct Trouble;

#[responder]
impl Trouble {
    /// Answers pong.
    #[respond(r"^ping(?: (?<number>\d+))?$", usage = "ping [<number>]", example = "ping")]
    async fn ping(&self, cx: Context, number: Option<u32>) -> Result {
        cx.reply(number.map_or("pong".into(), |number| format!("pong {number}")))
            .await
    }

    /// Panics with a secret on its lips.
    #[respond(r"^panic$", usage = "panic")]
    async fn panic(&self, _cx: Context) -> Result {
        panic!("xoxb-hunter2")
    }

    /// Never ends.
    #[respond(r"^hang$", usage = "hang", deadline = "2s")]
    async fn hang(&self, _cx: Context) -> Result {
        std::future::pending().await
    }

    /// Cannot stop talking.
    #[respond(r"^flood$", usage = "flood")]
    async fn flood(&self, cx: Context) -> Result {
        loop {
            cx.reply("and another thing ".repeat(1_000)).await?;
        }
    }
}

struct Running {
    slack: Workspace,
    robot: Robot,
    adapter: Slack,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

async fn start(options: Options) -> Running {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let slack = Workspace::start(options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&StoreConfig::at(folder.path().join("otus.sqlite")))
        .await
        .unwrap();
    let config = SlackConfig {
        api_url: slack.api_url(),
        bot_token: Some(slack.bot_token().into()),
        app_token: Some(slack.app_token().into()),
        pace: Pace {
            posts_per_second: 10_000.0,
            post_burst: 10_000,
            ..Pace::default()
        },
        ..SlackConfig::default()
    };
    let adapter = Slack::connect(config).await.unwrap();
    let robot = Robot::builder(RobotConfig::default())
        .responder(Built::new(Trouble))
        .build(adapter.chat(), Arc::new(store))
        .unwrap();
    let stop = CancellationToken::new();
    tokio::spawn({
        let (adapter, robot, stop) = (adapter.clone(), robot.clone(), stop.clone());
        async move { adapter.run(robot, stop).await }
    });
    slack.connected(1, SOON).await.unwrap();
    Running {
        slack,
        robot,
        adapter,
        stop,
        _folder: folder,
    }
}

impl Running {
    /// Waits for something the robot said in a channel.
    async fn said(&self, channel: &str, what: impl Fn(&str) -> bool) -> String {
        self.slack
            .wait_for(SOON, |world| {
                world
                    .messages(channel)
                    .find(|message| message.from_app && what(&message.text))
                    .map(|m| m.text.clone())
            })
            .await
            .unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        assert!(self.robot.stop(SOON).await, "the robot did not come to rest");
        self.adapter.close(SOON).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_handler_does_wrong_is_told_and_hurts_nobody_else() {
    let running = start(Options::default()).await;
    let slack = &running.slack;
    for _ in 0..30 {
        slack.say("ann", "#general", "@otus hang").unwrap();
    }
    slack.say("ann", "#general", "@otus panic").unwrap();
    slack.say("ann", "#general", "@otus flood").unwrap();
    slack.say("bob", "#deploys", "@otus ping").unwrap();

    assert_eq!(running.said("#deploys", |_| true).await, "pong");
    let incident = running
        .said("#general", |text| text.contains("went wrong on my side"))
        .await;
    assert!(!incident.contains("hunter2"), "{incident}");
    running
        .said("#general", |text| text.starts_with("and another thing"))
        .await;
    running
        .said("#general", |text| text.starts_with("I stopped after 2 s"))
        .await;
    // Both the panic and the flood end in the robot's own words, and each hang is told.
    slack
        .wait_for(SOON, |world| {
            let count = |what: &str| {
                world
                    .messages("#general")
                    .filter(|m| m.from_app && m.text.contains(what))
                    .count()
            };
            (count("went wrong on my side") == 2 && count("I stopped after 2 s") == 30).then_some(())
        })
        .await
        .unwrap();
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_at_once_are_each_answered_once() {
    let running = start(Options::default()).await;
    let channels = ["#general", "#deploys"];
    for number in 0..1_000 {
        running
            .slack
            .say("ann", channels[number % 2], &format!("@otus ping {number}"))
            .unwrap();
    }
    let answers = |world: &otus_emulators::slack::World| {
        let mut answers: Vec<String> = channels
            .iter()
            .flat_map(|channel| {
                world
                    .messages(channel)
                    .filter(|m| m.from_app)
                    .map(|m| m.text.clone())
            })
            .collect();
        answers.sort();
        answers
    };
    let answered = running
        .slack
        .wait_for(Duration::from_secs(60), |world| {
            Some(answers(world)).filter(|answers| answers.len() >= 1_000)
        })
        .await
        .unwrap();
    let mut expected: Vec<_> = (0..1_000).map(|number| format!("pong {number}")).collect();
    expected.sort();
    assert_eq!(answered, expected);
    running.slack.quiet(SOON).await.unwrap();
    assert_eq!(running.slack.look(answers).len(), 1_000, "an answer too many");
    running.end().await;
}
