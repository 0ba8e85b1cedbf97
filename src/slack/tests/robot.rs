//! The whole robot in Slack: one answer to each message, however often and in how many shapes it is delivered.

#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{SOON, config, options};
use otus_core::{MemoryStore, Robot, RobotConfig};
use otus_emulators::slack::{Message, Ts, Workspace};
use otus_slack::{Pace, Slack, SlackConfig};
use tokio_util::sync::CancellationToken;

struct Home {
    workspace: Workspace,
    slack: Slack,
    robot: Robot,
    stop: CancellationToken,
}

impl Home {
    /// A robot with no command at all: it answers everything with what it does not know.
    async fn start() -> Self {
        let workspace = Workspace::start(options()).await.unwrap();
        let pace = Pace {
            posts_per_second: 1_000.0,
            post_burst: 1_000,
            ..Pace::default()
        };
        let slack = Slack::connect(SlackConfig {
            pace,
            ..config(&workspace)
        })
        .await
        .unwrap();
        let robot = Robot::builder(RobotConfig::default())
            .build(slack.chat(), Arc::new(MemoryStore::default()))
            .unwrap();
        let stop = CancellationToken::new();
        let (runner, ear, token) = (slack.clone(), robot.clone(), stop.clone());
        tokio::spawn(async move { runner.run(ear, token).await });
        workspace.connected(2, SOON).await.unwrap();
        Self {
            workspace,
            slack,
            robot,
            stop,
        }
    }

    async fn answers(&self, channel: &str, at_least: usize) -> Vec<Message> {
        let found = self.workspace.wait_for(SOON, |world| {
            let answers: Vec<_> = world
                .messages(channel)
                .filter(|message| message.from_app)
                .cloned()
                .collect();
            (answers.len() >= at_least).then_some(answers)
        });
        found.await.unwrap()
    }

    /// Waits until nothing is under way any more, then tells how much was said.
    async fn settled(&self, channel: &str) -> usize {
        self.workspace.quiet(SOON).await.unwrap();
        self.stop.cancel();
        assert!(self.robot.stop(SOON).await, "the robot did not come to an end");
        self.slack.close(SOON).await;
        self.workspace
            .look(|world| world.messages(channel).filter(|message| message.from_app).count())
    }
}

fn ids(ts: &[Ts]) -> Vec<String> {
    ts.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_mention_is_two_events_and_gets_one_answer() {
    let home = Home::start().await;
    home.workspace.deliver_twice(true);
    let mut asked = Vec::new();
    for number in 0..10 {
        asked.push(
            home.workspace
                .say("ann", "#general", &format!("@otus mystery {number}"))
                .unwrap(),
        );
    }
    home.answers("general", 10).await;
    for event in home.workspace.event_ids() {
        home.workspace.redeliver(&event).unwrap();
    }
    assert_eq!(home.settled("general").await, 10, "{:?}", ids(&asked));
}

#[tokio::test]
async fn every_way_to_speak_to_it_is_answered_and_talk_of_others_is_not() {
    let home = Home::start().await;
    home.workspace
        .say("ann", "#general", "nobody in particular")
        .unwrap();
    home.workspace.say("ann", "#general", "> @otus quoted").unwrap();
    home.workspace
        .slash("bob", "deploys", "/otus", "nonsense")
        .unwrap();
    let direct = home.workspace.dm("ann", "nonsense").unwrap();
    home.answers("deploys", 1).await;
    let channel = home.workspace.message(direct).unwrap().channel;
    home.answers(&channel, 1).await;
    assert_eq!(home.settled("general").await, 0);
}

#[tokio::test]
async fn a_burst_of_a_thousand_gets_a_thousand_answers() {
    let home = Home::start().await;
    for number in 0..1_000 {
        home.workspace
            .say("ann", "#general", &format!("@otus mystery {number}"))
            .unwrap();
        if number == 500 {
            home.workspace.rotate();
        }
    }
    let found = home.workspace.wait_for(Duration::from_secs(60), |world| {
        (world
            .messages("general")
            .filter(|message| message.from_app)
            .count()
            >= 1_000)
            .then_some(())
    });
    found.await.unwrap();
    assert_eq!(home.settled("general").await, 1_000);
}
