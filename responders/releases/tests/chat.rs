//! Releases as people see them: a chat, an emulated cluster, an emulated GitHub.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use jiff::{SignedDuration, Timestamp};
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
    insta::assert_snapshot!(still(&said), @"
    Releases of *api*
    ❌ (moment) · production: `v3` · Ann · failed after 2 min · card
    ⏭️ (moment) · staging: `v2` · Bob · superseded after 2 min · `d3`
    ✅ (moment) · production: `v1` · Bob · live after 2 min · `d2`
    ✅ (moment) · staging: `v1` · Bob · live after 2 min · card
    `why <id>` tells how it came to one of them.
    ");
    let said = scene.say("@otus releases api in staging last 1").await;
    insta::assert_snapshot!(still(&said), @"
    Releases of *api* in *staging*
    ⏭️ (moment) · `v2` · Bob · superseded after 2 min · `d3`
    [Older]
    `why <id>` tells how it came to one of them.
    ");
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
    insta::assert_snapshot!(said, @"
    The last release of everything
    Nothing was released yet.
    ");
    history(&scene).await;
    let said = scene.say("@otus releases").await;
    insta::assert_snapshot!(still(&said), @"
    The last release of everything
    *api*
    ⏭️ (moment) · staging: `v2` · Bob · superseded after 2 min · `d3`
    ❌ (moment) · production: `v3` · Ann · failed after 2 min · card
    In 2 other places nothing was released yet.
    ");
    let said = scene.say("@otus releases in production since 2d").await;
    assert!(said.contains("`v3`") && !said.contains("`v1`"), "{said}");
    let said = scene.say("@otus releases api since whenever").await;
    insta::assert_snapshot!(said, @"`whenever` is no moment of the past. Say for example `yesterday`, `3d`, `2 weeks` or `2026-11-01`.");
}

/// v2 and v3 are built on v1, with two pull requests; v2 runs in staging and v1 in production.
async fn ahead(scene: &Scene) -> String {
    let repository = &scene.repository;
    scene.github.set_time(Some(Timestamp::now() - hours(6)));
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
    insta::assert_snapshot!(still(&said), @"
    *api*: from *production* (`v1`) to *staging* (`v2`)
    *staging* has 2 commits that *production* has not:
    • (sha) Ask less (#2) · eve
    • (sha) Answer faster (#1) · bob
    By bob (1) and eve (1).
    ");
    // The other way round it is the same news, and so it is with the versions.
    let other = scene.say("@otus diff api staging production").await;
    assert!(
        other.contains("*staging* has 2 commits") && other.contains("*production* has not:"),
        "{other}"
    );
    let versions = scene.say("@otus diff api v1..v2").await;
    assert!(versions.contains("`v2` has 2 commits"), "{versions}");
    let same = scene.say("@otus diff api v1..production").await;
    insta::assert_snapshot!(same, @"✅ *api*: `v1` and *production* (`v1`) are the same");
    let unknown = scene.say("@otus diff api v1..v9").await;
    insta::assert_snapshot!(unknown, @"
    ⚠️ *api*: `v1` and `v9` differ
    What lies between them cannot be told: GitHub knows no comparison of v1 with v9 in acme/api, or the token may not see it.
    ");
}

#[tokio::test]
async fn the_migrations_in_between() {
    let mut scene = Scene::set().await;
    let first = [("db/migrations/0001_begin.sql", Some("create table t (a int);"))];
    scene
        .repository
        .commit_files("main", "bob", "Keep things", &first)
        .unwrap();
    let base = scene.repository.sha("main").unwrap();
    scene.repository.tag("v2", &base).unwrap();
    let more = [
        ("db/migrations/0002_more.sql", Some("alter table t add b int;")),
        ("db/migrations/0001_begin.sql", Some("create table t (a bigint);")),
        ("src/main.rs", Some("fn main() {}")),
    ];
    scene
        .repository
        .commit_files("main", "eve", "Keep more", &more)
        .unwrap();
    let head = scene.repository.sha("main").unwrap();
    scene.repository.tag("v3", &head).unwrap();
    let said = scene.say("@otus diff api v2..v3").await;
    insta::assert_snapshot!(still(&said), @"
    *api*: from `v2` to `v3`
    `v3` has 1 commit that `v2` has not:
    • (sha) Keep more · eve
    By eve (1).
    With 1 migration: `0002_more.sql`. ⚠️ Not as they were when they may have been applied: `0001_begin.sql`.
    ");
    let one = scene.say("@otus diff api v1..v2").await;
    assert!(one.ends_with("With 1 migration: `0001_begin.sql`."), "{one}");
}

#[tokio::test]
async fn what_cannot_be_known_is_said_plainly() {
    let mut scene = Scene::set().await;
    scene
        .set_image("staging", "web", "registry.test/shop/web:v2")
        .await;
    let said = scene.say("@otus diff web staging..production").await;
    insta::assert_snapshot!(said, @r#"
    ⚠️ *web*: *staging* (`v2`) and *production* (`v1`) differ
    What lies between them cannot be told: `web` has no repository in my configuration, so I know nothing of its commits. Set `services.web.repository = "owner/name"`.
    "#);
    let mut scene = Scene::of(scene::CATALOG, false).await;
    scene.set_image("staging", "api", &format!("{API}:v2")).await;
    let said = scene.say("@otus diff api staging..production").await;
    insta::assert_snapshot!(said, @"
    ⚠️ *api*: *staging* (`v2`) and *production* (`v1`) differ
    What lies between them cannot be told: I am not connected to GitHub, so I know nothing of commits. Set `[github]` in my configuration.
    ");
}

#[tokio::test]
async fn where_a_pull_request_a_commit_and_a_version_are() {
    let mut scene = Scene::set().await;
    let head = ahead(&scene).await;
    let said = scene.say("@otus where is #1").await;
    insta::assert_snapshot!(still(&said), @"
    Where `#1` is
    #1 Answer faster: merged (moment).
    *api*
    ✅ *staging* has it: it is part of `v2`.
    ⚪ *production* has it not yet: `v1` runs there; the last deploy there was `v1`, (moment) (live).
    ");
    let commit = scene.say(&format!("@otus where is {}", &head[..10])).await;
    assert!(
        commit.contains("✅ *staging* runs it") && commit.contains("⚪ *production* has it not yet"),
        "{commit}"
    );
    let version = scene.say("@otus where is v1 of api").await;
    insta::assert_snapshot!(still(&version), @"
    ✅ Where `v1` is
    *api*
    ✅ *staging* has it: it is part of `v2`.
    ✅ *production* runs it since (moment).
    ");
    let nothing = scene.say("@otus where is v77").await;
    insta::assert_snapshot!(nothing, @"I know `v77` neither from a release nor from a repository.");
    scene.repository.push("slow", "bob", &["Think first"]).unwrap();
    let number = scene
        .repository
        .open_pull("Think first", "bob", "slow", "main")
        .unwrap();
    let open = scene.say(&format!("@otus where is #{number}")).await;
    insta::assert_snapshot!(still(&open), @"
    Where `#3` is
    #3 Think first: not merged yet, so it is nowhere.
    ");
}

#[tokio::test]
async fn drift_is_found_and_adopted() {
    let mut scene = Scene::set().await;
    scene.record(&deploy("d2", "production", "v1", hours(4))).await;
    let said = scene.say("@otus drift api").await;
    insta::assert_snapshot!(said, @"
    ✅ What runs is what was released
    In 1 place I never deployed.
    ");
    scene.set_image("production", "api", &format!("{API}:v9")).await;
    let said = scene.say("@otus drift").await;
    insta::assert_snapshot!(still(&said), @"
    ⚠️ 1 place does not run what I deployed last
    ⚠️ `api` in *production* runs `v9`, set by `kubectl-set` (moment); I deployed `v1` last.
    [Adopt v9 in production] [Redeploy v1 to production]
    In 3 places I never deployed.
    ");
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
    insta::assert_snapshot!(said, @"
    How everything goes out to *production*, the last 30 days
    Nothing was deployed in that time.
    ");
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
    insta::assert_snapshot!(said, @"
    How *api* goes out to *production*, the last 7 days
    Deploys: 2.0 a week (2 live)
    Lead time, commit to live: 5 h 42 min (median of 2 commits in 1 deploy)
    Changes that failed: 33 % (1 of 3)
    Time to recover: 30 min (median of 1)
    1 deploy counts as neither: superseded, stopped, under way or adopted.
    ");
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
    insta::assert_snapshot!(too_long, @"Say a span between a day and 366 days, for example `30d` or `2 weeks`.");
}
