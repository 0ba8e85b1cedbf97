//! What teams like to have around, as chats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use otus::{MemoryStore, Store, chat::Person, prelude::*, room::RoomChat};
use otus_responder_team::{Dice, Karma, OnCall, Polls, StandupSettings, Standups};
use std::sync::Arc;

/// A room that knows ann's time zone.
fn with<R: otus::Responder>(responder: R) -> Room {
    let chat = Arc::new(RoomChat::default());
    let ann = Person {
        name: "ann".into(),
        zone: Some("Europe/Berlin".into()),
        robot: false,
    };
    chat.introduce("ann", ann);
    Room::builder().responder(responder).chat(chat).open()
}

#[tokio::test]
async fn dice_fall_as_they_may_and_stay() {
    let mut room = Room::with(Dice::default());
    for _ in 0..20 {
        room.say("ann", "@otus roll 2d6+1").await;
        let answer = room.answer().await.plain();
        let total: u32 = answer.split('*').nth(1).unwrap().parse().unwrap();
        assert!((3..=13).contains(&total), "{answer}");
    }
    let id = room.say("ann", "@otus roll 1000000").await;
    let first = room.answer().await.plain();
    // Whoever edits the question has the same answer again.
    room.edit("ann", &id, "@otus roll 1000000", "@otus roll d1000000")
        .await;
    room.expect_silence().await;
    assert_eq!(room.chat().shown().last().unwrap().plain(), first);

    room.say("ann", "@otus roll 0d6").await;
    room.expect_reply("`0d6` is no good as <dice>: 1 to 100 dice can be rolled at once.")
        .await;
    room.say("ann", "@otus pick Ann, Ben or Carl").await;
    let picked = room.answer().await.plain();
    assert!(
        ["Ann", "Ben", "Carl"].iter().any(|name| picked.contains(name)),
        "{picked}"
    );
    room.say("ann", "@otus pick Ann").await;
    let one = room.answer().await.plain();
    assert!(one.starts_with("There is one thing to pick from"), "{one}");
    room.say("ann", "@otus flip a coin").await;
    let coin = room.answer().await.plain();
    assert!(coin == "🪙 Heads." || coin == "🪙 Tails.", "{coin}");
}

#[tokio::test]
async fn karma_is_given_by_others() {
    let mut room = Room::with(Karma);
    room.say("ann", "@ben++ for the fix").await;
    room.expect_reply("⬆ @ben has 1 karma, for the fix.").await;
    room.say("carl", "thank you @ben ++").await;
    room.expect_reply("⬆ @ben has 2 karma.").await;
    room.say("ben", "@ben++").await;
    room.expect_reply("Karma is for others to give.").await;
    room.say("ann", "coffee-- because it was cold").await;
    room.expect_reply("⬇ *coffee* has -1 karma, for it was cold.")
        .await;
    for none in [
        "c++ is a language",
        "`i++` counts",
        "we deploy --plan first",
        "@ben -- a word?",
    ] {
        room.say("ann", none).await;
    }
    room.expect_silence().await;
    room.say("ann", "@otus karma").await;
    room.expect_reply("Karma\n1. @ben  2\n2. *coffee*  -1").await;
    room.say("ann", "@otus karma @ben").await;
    room.expect_reply("@ben has 2 karma.\n⬆ the fix").await;
    room.say("ann", "@otus karma for Coffee").await;
    room.expect_reply("*Coffee* has -1 karma.\n⬇ it was cold").await;
}

#[tokio::test]
async fn a_poll_is_counted_in_its_message() {
    let mut room = Room::with(Polls);
    room.say("ann", "@otus poll Where do we eat? Pizza, Thai or the canteen")
        .await;
    let card = room.answer().await;
    insta::assert_snapshot!(card.plain(), @r"
    📊 *Where do we eat?*
    Pizza
    ░░░░░░░░░░░░ 0
    Thai
    ░░░░░░░░░░░░ 0
    the canteen
    ░░░░░░░░░░░░ 0
    [Pizza] [Thai] [the canteen] [End the poll]
    @ann asked · no votes yet
    ");
    for (who, what) in [
        ("ann", "Thai"),
        ("ben", "Pizza"),
        ("carl", "Thai"),
        ("ben", "Thai"),
    ] {
        room.press(who, what).await;
        let told = room.answer().await.plain();
        assert!(
            told.starts_with(&format!("You voted for *{what}* in “Where do we eat?”")),
            "{told}"
        );
    }
    room.press("ben", "End the poll").await;
    let refused = room.answer().await.plain();
    assert!(refused.contains("@ann asked, and can end the poll."), "{refused}");
    room.press("ann", "End the poll").await;
    let result = room.answer().await.plain();
    assert!(
        result.contains("The poll “Where do we eat?” is over: *Thai*, with 3 of 3 votes."),
        "{result}"
    );
    insta::assert_snapshot!(room.chat().shown()[0].plain(), @r"
    ✅ 📊 *Where do we eat?*
    Pizza
    ░░░░░░░░░░░░ 0
    *Thai*
    ████████████ 3  @ann @ben @carl
    the canteen
    ░░░░░░░░░░░░ 0
    @ann asked · 3 votes · ended
    ");
    let id = room.store().entries("polls").await.unwrap()[0].key.clone();
    for (line, answer) in [
        (format!("vote {id} for 1"), "is over; votes do not count any more"),
        ("vote 00000000 for 1".into(), "There is no poll `00000000`"),
        ("poll Where? Pizza".into(), "There is only one thing to choose."),
    ] {
        room.say("ann", &format!("@otus {line}")).await;
        let said = room.answer().await.plain();
        assert!(said.contains(answer), "{said}");
    }
}

#[tokio::test]
async fn of_many_who_vote_at_once_all_count() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let chat = Arc::new(RoomChat::default());
    let room = |store: &Arc<dyn Store>| {
        Room::builder()
            .responder(Polls)
            .store(store.clone())
            .chat(chat.clone())
            .open()
    };
    let (mut one, mut other) = (room(&store), room(&store));
    one.say("ann", "@otus poll Tea or coffee: tea, coffee").await;
    one.answer().await;
    for at in 0..20 {
        let room = if at % 2 == 0 { &mut one } else { &mut other };
        let what = if at % 3 == 0 { "coffee" } else { "tea" };
        room.press(&format!("person{at}"), what).await;
    }
    one.expect_shown(|post| post.plain().contains("20 votes")).await;
    for _ in 0..20 {
        let told = one.answer().await.plain();
        assert!(told.starts_with("You voted for"), "{told}");
    }
    let shown = chat.shown()[0].plain();
    assert!(shown.contains(" 13  ") && shown.contains(" 7  "), "{shown}");
}

fn standups() -> Standups {
    let settings: StandupSettings =
        serde_json::from_value(serde_json::json!({ "channels": { "#shop": ["ann", "ben"] } })).unwrap();
    Standups::new(settings)
}

#[tokio::test]
async fn a_standup_is_one_message() {
    let mut room = with(standups());
    room.chat().name_channel("C0SHOP", "shop");
    room.go_to("C0SHOP", otus::ChannelKind::Public);
    room.say("ann", "@otus standup").await;
    let card = room.answer().await.plain();
    assert!(card.starts_with("Standup, "), "{card}");
    assert!(
        card.ends_with(
            "What is done, what is next, and is anything in the way?\nStill to come: @ann @ben\n[My turn]"
        ),
        "{card}"
    );
    // The button asks for what it needs.
    room.press("ann", "My turn").await;
    let form = room.answer().await;
    let Some(card) = &form.card else {
        panic!("{form:?}")
    };
    let field = |name: &str| {
        let form = card.parts.iter().find_map(|part| match part {
            Part::Form(form) => Some(form),
            _ => None,
        });
        form.unwrap()
            .fields
            .iter()
            .find(|field| field.name == name)
            .map(|field| field.optional)
    };
    assert_eq!(
        (field("done"), field("next"), field("blocked")),
        (Some(false), Some(false), Some(true))
    );
    room.say(
        "ann",
        "@otus standup update the new cart; next: its flag; blocked: no review yet",
    )
    .await;
    let thanks = room.answer().await.plain();
    assert_eq!(thanks, "Thank you; one more to come. Say it again to change it.");
    room.say("ben", "@otus standup update the graphs; next: holidays")
        .await;
    assert_eq!(
        room.answer().await.plain(),
        "Thank you. Say it again to change it."
    );
    let shown = room
        .expect_shown(|post| post.plain().contains("holidays"))
        .await
        .plain();
    assert!(shown.starts_with("✅ Standup, "), "{shown}");
    assert!(
        shown.contains("@ann ✔ the new cart\n→ its flag\n⛔ no review yet"),
        "{shown}"
    );
    // Said again it comes down to here; what stood further up says so.
    room.say("ann", "@otus standup").await;
    let again = room.answer().await.plain();
    assert!(again.contains("@ben ✔ the graphs"), "{again}");
    room.expect_shown(|post| post.plain().ends_with("It goes on further down."))
        .await;
}

#[tokio::test]
async fn who_is_on_call_is_read_from_a_file_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("oncall.toml");
    let write = |people: &str| {
        let text = format!(
            "[backend]\npeople = {people}\nsince = \"2020-01-06T09:00\"\nevery = \"1 week\"\nzone = \"Europe/Berlin\"\n"
        );
        std::fs::write(&file, text).unwrap();
    };
    write("[\"ben@example.com\"]");
    let settings = serde_json::from_value(serde_json::json!({ "file": file })).unwrap();
    let mut room = Room::with(OnCall::new(settings).unwrap());
    room.chat().address("ben", "ben@example.com");
    room.say("ann", "@otus who is on call?").await;
    room.expect_reply("On call for backend\n@ben").await;
    write("[\"Ann\", \"Carl\"]");
    room.say("ann", "@otus who's on call for Backend").await;
    let told = room.answer().await.plain();
    assert!(
        told.contains(" until ") && (told.contains(", then *Ann*") || told.contains(", then *Carl*")),
        "{told}"
    );
    room.say("ann", "@otus who is on call for bakend").await;
    let near = room.answer().await.plain();
    assert!(
        near.contains("There is no team called `bakend`. Did you mean `backend`?"),
        "{near}"
    );
    std::fs::write(&file, "[backend]\npeople = 3\n").unwrap();
    room.say("ann", "@otus who is on call").await;
    let wrong = room.answer().await.plain();
    assert!(
        wrong.starts_with("Who is on call cannot be found out: ") && wrong.contains("people"),
        "{wrong}"
    );
}

#[tokio::test]
async fn without_a_source_it_says_what_to_configure() {
    let mut room = Room::with(OnCall::new(Default::default()).unwrap());
    room.say("ann", "@otus who is on call").await;
    let told = room.answer().await.plain();
    assert!(told.contains("[responders.oncall]"), "{told}");
    let missing = serde_json::from_value(serde_json::json!({ "file": "/nowhere/oncall.toml" })).unwrap();
    let fault = OnCall::new(missing).unwrap_err().to_string();
    assert!(
        fault.starts_with("file: /nowhere/oncall.toml cannot be used"),
        "{fault}"
    );
}
