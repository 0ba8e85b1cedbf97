//! Releases as people see them: a chat, an emulated cluster, an emulated GitHub.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use jiff::SignedDuration;
use otus::MessageRef;
use otus::room::What;
use otus::store::{Deploy, DeployFilter, DeployState, Store as _};
use otus_emulators::github::Merge;
use scene::{API, Scene, deploy, hours, still};

fn card(id: &str) -> Option<MessageRef> {
    Some(MessageRef {
        channel: "C1".into(),
        id: id.into(),
    })
}

/// Four releases, the last of which failed.
async fn history(scene: &Scene) {
    let rows = [
        Deploy {
            card: card("m1"),
            ..deploy("d1", "staging", "v1", hours(50))
        },
        deploy("d2", "production", "v1", hours(49)),
        Deploy {
            state: DeployState::Superseded,
            ..deploy("d3", "staging", "v2", hours(30))
        },
        Deploy {
            state: DeployState::Failed,
            card: card("m4"),
            by: "ann".into(),
            ..deploy("d4", "production", "v3", hours(3))
        },
    ];
    for row in rows {
        scene.record(&row).await;
    }
}

#[tokio::test]
async fn releases_are_listed_the_newest_first() {
    let mut scene = Scene::set().await;
    history(&scene).await;
    let said = scene.say("@otus releases api").await;
    insta::assert_snapshot!(still(&said), @"");
    let said = scene.say("@otus releases api in staging last 1").await;
    insta::assert_snapshot!(still(&said), @"");
    scene.room.press("ann", "Older").await;
    let said = scene.room.answer().await.plain();
    assert!(
        said.contains("`v1`") && !said.contains("`v2`") && !said.contains("[Older]"),
        "{said}"
    );
}

#[tokio::test]
async fn without_anything_else_the_last_of_everything() {
    let mut scene = Scene::set().await;
    let said = scene.say("@otus releases").await;
    insta::assert_snapshot!(said, @"");
    history(&scene).await;
    let said = scene.say("@otus releases").await;
    insta::assert_snapshot!(still(&said), @"");
    let said = scene.say("@otus releases in production since 2d").await;
    assert!(said.contains("`v3`") && !said.contains("`v1`"), "{said}");
    let said = scene.say("@otus releases api since whenever").await;
    insta::assert_snapshot!(said, @"");
}

/// v2 and v3 are built on v1, with two pull requests; v2 runs in staging and v1 in production.
async fn ahead(scene: &Scene) -> String {
    let repository = &scene.repository;
    for (title, author, branch) in [("Answer faster", "bob", "fast"), ("Ask less", "eve", "less")] {
        repository.push(branch, author, &[title]).unwrap();
        let number = repository.open_pull(title, author, branch, "main").unwrap();
        repository.merge(number, "ann", Merge::Squash).unwrap();
    }
    let head = repository.sha("main").unwrap();
    repository.tag("v2", &head).unwrap();
    scene.set_image("staging", "api", &format!("{API}:v2")).await;
    scene.record(&deploy("d1", "staging", "v2", hours(2))).await;
    scene.record(&deploy("d2", "production", "v1", hours(4))).await;
    head
}

#[tokio::test]
async fn what_lies_between_two_environments() {
    let mut scene = Scene::set().await;
    ahead(&scene).await;
    let said = scene.say("@otus diff api production..staging").await;
    insta::assert_snapshot!(still(&said), @"");
    // The other way round it is the same news, and so it is with the versions.
    let other = scene.say("@otus diff api staging production").await;
    assert!(
        other.contains("*staging* has 2 commits") && other.contains("*production* has not:"),
        "{other}"
    );
    let versions = scene.say("@otus diff api v1..v2").await;
    assert!(versions.contains("`v2` has 2 commits"), "{versions}");
    let same = scene.say("@otus diff api v1..production").await;
    insta::assert_snapshot!(same, @"");
    let unknown = scene.say("@otus diff api v1..v9").await;
    insta::assert_snapshot!(unknown, @"");
}

#[tokio::test]
async fn what_cannot_be_known_is_said_plainly() {
    let mut scene = Scene::set().await;
    scene
        .set_image("staging", "web", "registry.test/shop/web:v2")
        .await;
    let said = scene.say("@otus diff web staging..production").await;
    insta::assert_snapshot!(said, @"");
    let mut scene = Scene::of(scene::CATALOG, false).await;
    scene.set_image("staging", "api", &format!("{API}:v2")).await;
    let said = scene.say("@otus diff api staging..production").await;
    insta::assert_snapshot!(said, @"");
}

#[tokio::test]
async fn where_a_pull_request_a_commit_and_a_version_are() {
    let mut scene = Scene::set().await;
    let head = ahead(&scene).await;
    let said = scene.say("@otus where is #1").await;
    insta::assert_snapshot!(still(&said), @"");
    let commit = scene.say(&format!("@otus where is {}", &head[..10])).await;
    assert!(
        commit.contains("✅ *staging* runs it") && commit.contains("⚪ *production* has it not yet"),
        "{commit}"
    );
    let version = scene.say("@otus where is v1 of api").await;
    insta::assert_snapshot!(still(&version), @"");
    let nothing = scene.say("@otus where is v77").await;
    insta::assert_snapshot!(nothing, @"");
    scene.repository.push("slow", "bob", &["Think first"]).unwrap();
    let number = scene
        .repository
        .open_pull("Think first", "bob", "slow", "main")
        .unwrap();
    let open = scene.say(&format!("@otus where is #{number}")).await;
    insta::assert_snapshot!(still(&open), @"");
}

#[tokio::test]
async fn drift_is_found_and_adopted() {
    let mut scene = Scene::set().await;
    scene.record(&deploy("d2", "production", "v1", hours(4))).await;
    let said = scene.say("@otus drift api").await;
    insta::assert_snapshot!(said, @"");
    scene.set_image("production", "api", &format!("{API}:v9")).await;
    let said = scene.say("@otus drift").await;
    insta::assert_snapshot!(still(&said), @"");
    scene.room.press("ann", "Redeploy v1 to production").await;
    let said = scene.room.answer().await.plain();
    assert!(
        said.contains("I would deploy api@v1 to production --force"),
        "{said}"
    );

    scene.room.press("ann", "Adopt v9 in production").await;
    let _ = scene.room.answer().await;
    let shown = scene
        .room
        .expect_shown(|post| post.plain().contains("is on record as released"))
        .await;
    assert!(shown.plain().contains("kubectl-set"), "{}", shown.plain());
    let newest = scene
        .store
        .deploys(&DeployFilter::default())
        .await
        .unwrap()
        .swap_remove(0);
    assert_eq!(
        (newest.version.as_str(), newest.state),
        ("v9", DeployState::Succeeded)
    );
    assert_eq!(newest.details["adopted"], true);
    let said = scene.say("@otus drift api").await;
    assert!(said.starts_with("✅ What runs is what was released"), "{said}");
    let listed = scene.say("@otus releases api last 1").await;
    assert!(listed.contains("📝") && listed.contains("adopted"), "{listed}");
}

#[tokio::test]
async fn statistics_in_a_card_and_a_picture() {
    let mut scene = Scene::set().await;
    let said = scene.say("@otus stats").await;
    insta::assert_snapshot!(said, @"");
    ahead(&scene).await;
    let failed = Deploy {
        state: DeployState::Failed,
        ..deploy("d3", "production", "v2", SignedDuration::from_mins(50))
    };
    let good = Deploy {
        previous: Some(format!("{API}:v1")),
        ..deploy("d4", "production", "v2", SignedDuration::from_mins(20))
    };
    let stopped = Deploy {
        state: DeployState::Stopped,
        ..deploy("d5", "production", "v2", SignedDuration::from_mins(5))
    };
    for row in [failed, good, stopped] {
        scene.record(&row).await;
    }
    let said = scene.say("@otus stats api last 7d").await;
    insta::assert_snapshot!(said, @"");
    let What::File(file) = scene.room.next_said().await.what else {
        panic!("a picture was expected")
    };
    assert_eq!(file.name, "deploys-api-7d.png");
    assert!(file.bytes.starts_with(b"\x89PNG"));
    let alt = file.alt.unwrap();
    assert!(
        alt.starts_with("Deploys of api to production a day, the last 7 days"),
        "{alt}"
    );
    let too_long = scene.say("@otus stats last 900d").await;
    insta::assert_snapshot!(too_long, @"");
}
