//! The chats of docs/releases.md, said: the page is true.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use otus::MessageRef;
use otus::room::What;
use otus::store::{Deploy, DeployState};
use otus_emulators::github::Merge;
use scene::{API, Scene, deploy, hours, settled};

const PAGE: &str = include_str!("../../../docs/releases.md");

/// A chat as it is told.
struct Chat {
    scene: Scene,
    told: String,
}

impl Chat {
    /// v2, two pull requests newer than v1, runs in staging; v1 runs in production, where v2 failed once.
    async fn new() -> Self {
        let scene = Scene::set().await;
        let repository = &scene.repository;
        scene.github.set_time(Some(Timestamp::now() - hours(6)));
        for (title, author, branch) in [("Answer faster", "bob", "fast"), ("Ask less", "eve", "less")] {
            repository.push(branch, author, &[title]).unwrap();
            let number = repository.open_pull(title, author, branch, "main").unwrap();
            repository.merge(number, "ann", Merge::Squash).unwrap();
        }
        repository.tag("v2", &repository.sha("main").unwrap()).unwrap();
        scene.set_image("staging", "api", &format!("{API}:v2")).await;
        let card = Some(MessageRef {
            channel: "C1".into(),
            id: "m1".into(),
        });
        for row in [
            deploy("d1", "production", "v1", hours(50)),
            deploy("d2", "staging", "v2", hours(4)),
            Deploy {
                state: DeployState::Failed,
                ..deploy("d3", "production", "v2", hours(3))
            },
            Deploy {
                by: "ann".into(),
                ..deploy("d4", "production", "v1", hours(2) + SignedDuration::from_mins(40))
            },
        ] {
            scene
                .record(&Deploy {
                    card: card.clone(),
                    ..row
                })
                .await;
        }
        Self {
            scene,
            told: String::new(),
        }
    }

    async fn say(&mut self, words: &str) {
        self.tell("Ann", words);
        let said = self.scene.say(&format!("@otus {words}")).await;
        self.tell("otus", &said);
    }

    fn tell(&mut self, who: &str, words: &str) {
        let mut who = who;
        for line in settled(words, "Nov 22, 14:02", "4f2a91c", "3f9c2ab01d").lines() {
            let line = format!("{who:<5} {line}");
            writeln!(self.told, "{}", line.trim_end()).unwrap();
            who = "";
        }
    }

    /// It is the page's chat of this number.
    fn stands(&self, number: usize) {
        let on_page = PAGE.split("```chat\n").nth(number + 1).unwrap_or_default();
        let on_page = on_page.split("```").next().unwrap_or_default();
        assert_eq!(
            on_page, self.told,
            "chat {number} of docs/releases.md is not so; it is\n{}",
            self.told
        );
    }
}

#[tokio::test]
async fn what_was_released() {
    let mut chat = Chat::new().await;
    chat.say("releases api").await;
    chat.say("releases api in production last 1").await;
    chat.stands(0);
}

#[tokio::test]
async fn what_lies_between() {
    let mut chat = Chat::new().await;
    chat.say("diff api staging..production").await;
    chat.stands(1);
}

#[tokio::test]
async fn where_a_change_is() {
    let mut chat = Chat::new().await;
    chat.say("where is #1").await;
    chat.stands(2);
}

#[tokio::test]
async fn what_nobody_released() {
    let mut chat = Chat::new().await;
    let image = format!("{API}:v9");
    chat.scene.set_image("production", "api", &image).await;
    chat.say("drift api").await;
    chat.scene.room.press("ann", "Adopt v9 in production").await;
    chat.tell("Ann", "(presses) Adopt v9 in production");
    let shown = chat
        .scene
        .room
        .expect_shown(|post| post.plain().contains("is on record as released"))
        .await
        .plain();
    let _ = chat.scene.room.answer().await;
    chat.tell("otus", &shown);
    chat.stands(3);
}

#[tokio::test]
async fn how_well_it_goes() {
    let mut chat = Chat::new().await;
    let again = Deploy {
        previous: Some(format!("{API}:v1")),
        ..deploy("d5", "production", "v2", hours(1))
    };
    chat.scene.record(&again).await;
    chat.say("stats api last 7d").await;
    let What::File(file) = chat.scene.room.next_said().await.what else {
        panic!("a picture was expected")
    };
    chat.tell("otus", &format!("(a picture) {}", file.title));
    chat.stands(4);
}
