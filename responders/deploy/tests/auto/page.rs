//! The chats of docs/autodeploy.md, said: the page is true.

use std::fmt::Write as _;

use otus::prelude::*;
use otus_emulators::github::Conclusion;

use crate::world::{Setting, World, settled};

const PAGE: &str = include_str!("../../../../docs/autodeploy.md");

/// A chat as it is told.
#[derive(Default)]
struct Chat {
    told: String,
}

impl Chat {
    async fn say(&mut self, world: &World, room: &mut Room, words: &str) {
        self.tell("Ann", words);
        let said = world.say(room, "ann", &format!("@otus {words}")).await;
        self.tell("otus", &said);
    }

    fn tell(&mut self, who: &str, words: &str) {
        let mut who = who;
        for line in alike(&settled(words)).lines() {
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
            "chat {number} of docs/autodeploy.md is not so; it is\n{}",
            self.told
        );
    }
}

/// Ids and commits made alike.
fn alike(text: &str) -> String {
    let patterns = [
        (r"`[0-9a-f]{10}`", "`3f9c2ab01d`"),
        (r"\b[0-9a-f]{40}\b|\b[0-9a-f]{7}\b", "4f2a91c"),
    ];
    patterns
        .into_iter()
        .fold(text.to_owned(), |text, (pattern, instead)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, instead)
                .into_owned()
        })
}

#[tokio::test]
async fn a_green_build() {
    let world = World::new(Setting::default()).await;
    let robot = world.robot();
    let (_, image) = world.released("Answer faster");
    world.runs("staging", &image).await;
    let mut chat = Chat::default();
    chat.tell("otus", &world.shown("is live in").await);
    chat.stands(0);
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn why_not() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    let sha = world.commit("Break it");
    // Of what is told last: the other check is good, so only this one says why.
    world.api.check(&sha, "test", Conclusion::Failure).unwrap();
    world.api.check(&sha, "build", Conclusion::Success).unwrap();
    world.decided("staging", &sha, "not_ready").await;
    while !world
        .say(&mut robot, "ann", "@otus why api in staging")
        .await
        .contains("`test` failed")
    {}
    let mut chat = Chat::default();
    chat.say(&world, &mut robot, "why api in staging").await;
    chat.stands(1);
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn held_by_a_lock() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    world.lock(&robot, "staging").await;
    world.released("Answer faster");
    let mut chat = Chat::default();
    chat.tell("otus", &world.shown("does not go out").await);
    chat.say(&world, &mut robot, "autodeploys").await;
    chat.stands(2);
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn paused() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    let mut chat = Chat::default();
    chat.say(&world, &mut robot, "autodeploy pause api because the fair")
        .await;
    chat.stands(3);
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn from_staging_to_production() {
    let world = World::new(Setting {
        production: "auto = true\nbake = \"1h\"",
        ..Setting::default()
    })
    .await;
    let mut robot = world.robot();
    let (sha, image) = world.released("Good");
    world.runs("staging", &image).await;
    world.decided("production", &sha, "baking").await;
    let mut chat = Chat::default();
    chat.say(&world, &mut robot, "why api in production").await;
    chat.say(&world, &mut robot, "promote api to production").await;
    world.runs("production", &image).await;
    chat.stands(4);
    world.close(vec![robot]).await;
}
