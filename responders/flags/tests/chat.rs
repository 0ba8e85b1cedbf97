//! Flags as people see and change them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use insta::assert_snapshot;
use jiff::SignedDuration;
use otus_flags::{Definition, State, Whom};
use scene::{Scene, Stage};
use serde_json::json;

#[tokio::test]
async fn a_flag_from_its_making_to_everybody() {
    let mut scene = Scene::set().await;
    assert_snapshot!("none", scene.say("flags").await);
    assert_snapshot!(
        "created",
        scene
            .say("flag create new-search: The search that understands typos")
            .await
    );
    assert_eq!(
        scene.gets("production", "new-search", json!({"targetingKey": "joe"})),
        "off"
    );
    assert_snapshot!(
        "for_staff",
        scene.say("flag new-search on for staff in prod").await
    );
    assert_eq!(
        scene.gets("production", "new-search", json!({"email": "eve@example.com"})),
        "on"
    );
    assert_eq!(
        scene.gets("staging", "new-search", json!({"email": "eve@example.com"})),
        "off"
    );
    assert_snapshot!(
        "for_some",
        scene
            .say("flag new-search on for 25% in production because we are curious")
            .await
    );
    scene.say("flag new-search on for @ann in production").await;
    assert_eq!(
        scene.gets(
            "production",
            "new-search",
            json!({"targetingKey": "ann@example.com"})
        ),
        "on"
    );
    scene
        .say("flag new-search off for country de in production")
        .await;
    assert_eq!(
        scene.gets(
            "production",
            "new-search",
            json!({"targetingKey": "joe", "country": "de"})
        ),
        "off"
    );
    scene.say("flag new-search on").await;
    assert_eq!(scene.gets("staging", "new-search", json!({})), "on");
    assert_snapshot!("one", scene.say("flag new-search").await);
    assert_snapshot!("list", scene.say("flags typos").await);
    assert_snapshot!("diff", scene.say("flags diff staging prod").await);
    assert_snapshot!("history", scene.say("flag history new-search").await);
    assert_snapshot!("everybody", scene.say("flag new-search on in production").await);
    assert_snapshot!("same", scene.say("flag new-search on in production").await);
    assert_snapshot!("undone", scene.say("flag undo new-search in production").await);
    assert_eq!(
        scene.gets(
            "production",
            "new-search",
            json!({"targetingKey": "ann@example.com"})
        ),
        "on"
    );
    assert_eq!(scene.record("production", "new-search").await[0], "Ann Changed");
    assert!(
        scene.say("flags").await.contains("`new-search`"),
        "it is still there"
    );
}

#[tokio::test]
async fn what_would_change_is_said_before() {
    let mut scene = Scene::set().await;
    scene.say("flag create nav").await;
    assert_snapshot!(scene.say("flag nav on for 40% in production --plan").await);
    assert_eq!(
        scene.gets("production", "nav", json!({"targetingKey": "joe"})),
        "off"
    );
    assert_eq!(scene.record("production", "nav").await, ["Ann Created"]);
}

#[tokio::test]
async fn why_somebody_gets_what_they_get() {
    let mut scene = Scene::set().await;
    scene.say("flag create nav").await;
    scene.say("flag nav on for 100% in production").await;
    scene.say("flag nav off for plan free in production").await;
    scene.say("flag nav on for staff in production").await;
    assert_snapshot!(
        "explained",
        scene
            .say("flag explain nav for user-17 plan=free in production")
            .await
    );
    assert_snapshot!(
        "explained_person",
        scene
            .say("flag explain nav for @ann email=ann@example.com in production")
            .await
    );
    assert_snapshot!(
        "explained_static",
        scene.say("flag explain nav for user-17").await
    );
    assert_snapshot!(
        "unknown_person",
        scene.say("flag explain nav for @zoe in production").await
    );
    assert!(scene.say("flags know @zoe as zoe-1").await.contains("`zoe-1`"));
    let zoe = scene.say("flag explain nav for @zoe in production").await;
    assert!(zoe.starts_with("`zoe-1` gets *on*"), "{zoe}");
}

#[tokio::test]
async fn a_jump_is_approved_and_steps_are_added_up() {
    let mut scene = Stage::default()
        .with("approvers", json!("sre"))
        .with("step_in", json!(["production"]))
        .open()
        .await;
    scene.say("flag create nav").await;
    // Small steps, people with names, another environment, and the way out need nobody.
    for step in [
        "flag nav on for 20% in production",
        "flag nav on for staff in production",
        "flag nav on in staging",
    ] {
        assert!(scene.say(step).await.starts_with('✅'), "{step}");
    }
    scene
        .room
        .say("ann", "@otus flag nav on for 40% in production")
        .await;
    let asked = scene.end().await;
    assert_snapshot!("approval", asked);
    scene.room.press("bob", "Approve").await;
    scene.shown("✅ *nav* is on for 40 % in *production*").await;
    assert!(scene.say("flag nav off in production").await.starts_with('✅'));
    // A ramp is counted by what it grows meanwhile.
    assert!(
        scene
            .say("flag nav ramp 0% to 100% over 3h in production")
            .await
            .starts_with('✅')
    );
    scene.say("flag nav off in production").await;
    let fast = scene.say("flag nav ramp 0% to 100% over 20m in production").await;
    assert!(fast.contains("more than 25 points"), "{fast}");
}

#[tokio::test]
async fn an_approval_is_void_once_the_flag_moved() {
    let mut scene = Stage::default().with("approvers", json!("sre")).open().await;
    scene.say("flag create nav").await;
    let asked = scene.say("flag nav on in production").await;
    assert!(asked.contains("Approve"), "{asked}");
    // Another flag of the set does not matter.
    scene.say("flag create other").await;
    scene.say("flag nav on for staff in production").await;
    scene.room.press("bob", "Approve").await;
    let void = scene.shown("The world moved since").await;
    assert!(!void.contains('✅'), "{void}");
    assert_eq!(
        scene.gets("production", "nav", json!({"targetingKey": "joe"})),
        "off"
    );
}

#[tokio::test]
async fn a_ramp_is_told_and_runs() {
    let mut scene = Scene::set().await;
    scene.say("flag create nav").await;
    assert_snapshot!(
        "ramp",
        scene.say("flag nav ramp 0% to 100% over 2h in production").await
    );
    let definition = scene.definition("production", "nav").unwrap();
    assert!(
        definition
            .targeting
            .unwrap()
            .to_string()
            .contains("$flagd.timestamp")
    );
    assert!(scene.say("flag nav").await.contains("(0 % now)"));
}

#[tokio::test]
async fn texts_instead_of_on_and_off() {
    let mut scene = Scene::set().await;
    scene
        .say("flag create banner with red, green, blue in production")
        .await;
    assert_eq!(scene.definition("staging", "banner"), None);
    assert_eq!(scene.gets("production", "banner", json!({})), "red");
    assert_snapshot!(
        "given",
        scene.say("flag banner give blue to 10% in production").await
    );
    assert_snapshot!("not_on", scene.say("flag banner on for 10% in production").await);
    assert_snapshot!(
        "no_variant",
        scene.say("flag banner give blu to 10% in production").await
    );
    scene.say("flag banner off in production").await;
    assert_eq!(
        scene.definition("production", "banner").unwrap().state,
        State::Disabled
    );
    assert_eq!(scene.gets("production", "banner", json!({})), "default");
}

#[tokio::test]
async fn a_flag_goes_from_one_environment_to_the_next() {
    let mut scene = Scene::set().await;
    scene.say("flag create nav in staging").await;
    scene.say("flag nav on for staff in staging").await;
    assert_snapshot!("not_there", scene.say("flag nav on in production").await);
    assert_snapshot!("promoted", scene.say("flags promote nav to production").await);
    assert_eq!(
        scene.gets("production", "nav", json!({"email": "eve@example.com"})),
        "on"
    );
    let same = scene.say("flags diff staging production").await;
    assert!(same.contains("have the same 1 flag"), "{same}");
    assert_snapshot!("archived", scene.say("flag archive nav").await);
    assert_eq!(scene.gets("production", "nav", json!({})), "nothing");
    assert_snapshot!("restored", scene.say("flag restore nav").await);
    assert_eq!(
        scene.gets("production", "nav", json!({"email": "eve@example.com"})),
        "on"
    );
}

#[tokio::test]
async fn what_cannot_be_is_said_with_what_can() {
    let mut scene = Scene::set().await;
    scene.say("flag create new-search").await;
    assert_snapshot!("unknown", scene.say("flag new-serch on").await);
    assert_snapshot!("no_group", scene.say("flag new-search on for stuff").await);
    assert_snapshot!("no_share", scene.say("flag new-search on for 120%").await);
    assert_snapshot!("taken", scene.say("flag create new-search in staging").await);
    assert_snapshot!("no_name", scene.say("flag create new$search").await);
    assert_snapshot!("no_guard", scene.say("flag new-search guard errors").await);
}

#[tokio::test]
async fn what_gives_everybody_the_same_for_long_can_go() {
    let mut scene = Stage::default().with("channel", json!("C0DEV")).open().await;
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    scene
        .past("staging", "old-cart", Definition::switch(true), days(50))
        .await;
    scene
        .past("production", "old-cart", Definition::switch(true), days(40))
        .await;
    scene
        .past("production", "young", Definition::switch(true), days(3))
        .await;
    let some = Definition::switch(false).give("on", &Whom::Percent(50)).unwrap();
    scene.past("production", "tried", some, days(90)).await;
    scene.say("flag old-cart owner @bob").await;
    assert_snapshot!("stale", scene.say("flags stale").await);
    scene.room.robot().start();
    // To the owner alone, and to the channel.
    let told = |chat: &otus::room::RoomChat| {
        let said = chat.said();
        let mut places: Vec<String> = said
            .iter()
            .filter(|said| matches!(&said.what, otus::room::What::Post(post) if post.plain().contains("1 flag can go")))
            .map(|said| said.place.channel.to_string())
            .collect();
        places.sort();
        (places.len() == 3).then_some(places)
    };
    let told = scene.room.chat().wait(told);
    let told = tokio::time::timeout(otus::room::PATIENCE, told).await.unwrap();
    assert_eq!(told, ["C0DEV", "C1", "bob"]);
    while scene.room.chat().take_unexpected().is_some() {}
}

#[tokio::test]
async fn channels_hear_of_changes() {
    let mut scene = Scene::set().await;
    scene.say("flag create nav").await;
    scene.room.go_to("C2", otus::ChannelKind::Public);
    assert_snapshot!("subscribed", scene.say("flags subscribe nav").await);
    scene.room.go_to("C1", otus::ChannelKind::Public);
    scene
        .room
        .say("ann", "@otus flag nav on because it is time")
        .await;
    scene
        .room
        .expect_shown(|post| post.plain().contains("by Ann, because it is time"))
        .await;
    scene.shown("✅ *nav* is on in *staging*").await;
    scene.room.go_to("C2", otus::ChannelKind::Public);
    assert!(scene.say("flags unsubscribe").await.contains("any more"));
    scene.room.go_to("C1", otus::ChannelKind::Public);
    scene.say("flag nav off").await;
    scene.room.expect_silence().await;
}
