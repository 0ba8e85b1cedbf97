//! What goes out by itself and what does not, rule by rule.

use std::time::Duration;

use jiff::SignedDuration;
use otus::operations::State;
use otus::room::Fuse;
use otus_ci::hooks::{CheckKind, CheckState, Checked, CiEvent, Pushed};
use otus_emulators::github::Conclusion;
use otus_emulators::kubernetes::{Behaviour, Fault};
use otus_responder_deploy::AutoSettings;

use crate::world::{IMAGE, ROBOT, Setting, World, own, short};

fn pushed(sha: &str) -> CiEvent {
    CiEvent::Pushed(Pushed {
        repo: "acme/api".into(),
        branch: "main".into(),
        before: None,
        after: Some(sha.into()),
        deleted: false,
        forced: None,
        by: None,
    })
}

fn checked(sha: &str) -> CiEvent {
    CiEvent::Checked(Checked {
        repo: "acme/api".into(),
        sha: sha.into(),
        branch: Some("main".into()),
        fork: false,
        kind: CheckKind::Job,
        name: "test".into(),
        state: CheckState::Success,
        url: None,
        image: None,
        digest: None,
    })
}

/// Nobody looks but when something is told.
fn only_told() -> Setting {
    let setting = Setting::default();
    Setting {
        auto: AutoSettings {
            look: Duration::from_secs(3600),
            ..setting.auto.clone()
        },
        ..setting
    }
}

#[tokio::test]
async fn a_green_build_goes_out_by_itself_and_says_so() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    world.decided("staging", &world.first, "here").await;
    let (sha, image) = world.released("Answer faster");
    world.runs("staging", &image).await;
    insta::assert_snapshot!(world.shown("is live in").await, @"
    ✅ *api* `eac5bb9` is live in *staging*
    `6bcd2a5` → `eac5bb9`
    All 2 pods run it.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    asked by auto-deploy (time) · `c3f6edd951`
    ");
    let deploys = world.deploys().await;
    assert_eq!(deploys.len(), 1);
    assert_eq!(
        (deploys[0].by.as_str(), deploys[0].image.as_str()),
        (ROBOT, image.as_str())
    );
    world.decided("staging", &sha, "here").await;
    insta::assert_snapshot!(world.say(&mut robot, "ann", "@otus autodeploys").await, @"
    What goes out by itself
    *api* in *staging*: what is green on `main`.
    `eac5bb9` “Answer faster”: It runs there.
    ");
    let why = world
        .say(
            &mut robot,
            "ann",
            &format!("@otus why is {} not in staging?", short(&sha)),
        )
        .await;
    insta::assert_snapshot!(why, @"
    Why *api* `eac5bb9` in *staging*
    “Answer faster”
    (moment): Its deploy `c3f6edd951` is under way.
    (moment): It runs there.
    What would change it: There is nothing to wait for.
    ");
    // Production is nobody's but people's.
    insta::assert_snapshot!(world.say(&mut robot, "ann", "@otus why api in production").await, @"Nothing of *api* in *production* goes out by itself: it is deployed by hand. `autodeploys` lists what does.");
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn builds_that_finish_out_of_order_never_lead_back() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    let old = world.commit("Old");
    let (new, image) = world.released("New");
    world.runs("staging", &image).await;
    world.decided("staging", &new, "here").await;
    // The older build is done last.
    world.shelf.push(&old, &old);
    world.green(&old);
    // Whatever was decided since was decided knowing that.
    let (newest, image) = world.released("Newest");
    world.runs("staging", &image).await;
    world.decided("staging", &newest, "here").await;
    let shas: Vec<_> = world
        .deploys()
        .await
        .iter()
        .map(|deploy| deploy.details["sha"].clone())
        .collect();
    assert_eq!(shas, [new.as_str(), newest.as_str()]);
    let why = world
        .say(
            &mut robot,
            "ann",
            &format!("@otus why is {} not in staging", short(&old)),
        )
        .await;
    assert!(
        why.contains("is in *staging*") || why.contains("The newer"),
        "{why}"
    );
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn what_is_red_waits_until_it_is_green() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    let sha = world.commit("Break it");
    let digest = world.shelf.push(&sha, &sha);
    world.api.check(&sha, "build", Conclusion::Success).unwrap();
    world.decided("staging", &sha, "not_ready").await;
    world.api.check(&sha, "test", Conclusion::Failure).unwrap();
    let red = async {
        loop {
            let why = world.say(&mut robot, "ann", "@otus why api in staging").await;
            if why.contains("failed") {
                return why;
            }
        }
    };
    insta::assert_snapshot!(red.await, @"
    Why *api* in *staging*
    `d8480a2` “Break it”: It is not ready: `test` failed.
    What would change it: The check run again and good, or a newer green commit.
    ");
    assert!(
        world.image("staging").contains(&world.first[..32]),
        "nothing was changed"
    );
    assert_eq!(
        world
            .chat
            .shown()
            .iter()
            .filter(|post| post.plain().contains("by itself"))
            .count(),
        0,
        "quiet"
    );
    // The check is run again, and is good.
    world.api.check(&sha, "test", Conclusion::Success).unwrap();
    world.runs("staging", &format!("{IMAGE}@{digest}")).await;
    assert_eq!(world.rules("staging", &sha).await.first().unwrap(), "not_ready");
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn an_image_is_waited_for_and_one_that_does_not_come_is_told() {
    let mut setting = Setting::default();
    setting.auto.image_wait = Duration::from_millis(300);
    let world = World::new(setting).await;
    let robot = world.robot();
    let sha = world.commit("Not built yet");
    world.green(&sha);
    world.decided("staging", &sha, "image_late").await;
    assert_eq!(world.rules("staging", &sha).await.first().unwrap(), "not_ready");
    insta::assert_snapshot!(world.shown("does not go out").await, @"
    ⚠️ *api* `2056daa` does not go out to *staging* by itself
    It is green since (moment), and there is still no image tagged `2056daadec84a4c6b220db69607b9a8ff6c14562`.
    What would change it: Its image: has the build finished, and does it push under this tag?
    ");
    let digest = world.shelf.push(&sha, &sha);
    world.runs("staging", &format!("{IMAGE}@{digest}")).await;
    insta::assert_snapshot!(world.shown("by itself again").await, @"
    *api* goes out to *staging* by itself again
    `2056daa` had not: It is green since (moment), and there is still no image tagged `2056daadec84a4c6b220db69607b9a8ff6c14562`.
    `2056daa`: Its deploy `921c97b646` is under way.
    ");
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn an_image_of_another_commit_is_told_and_not_deployed() {
    let world = World::new(Setting::default()).await;
    let robot = world.robot();
    let sha = world.commit("Built wrong");
    world.shelf.push(&sha, &world.first);
    world.green(&sha);
    world.decided("staging", &sha, "not_ready").await;
    insta::assert_snapshot!(world.shown("does not go out").await, @"
    ⚠️ *api* `4e03703` does not go out to *staging* by itself
    It is not ready: the image tagged `4e037034104e1e735796459714f3ad305d58bc21` says that it was built from `6bcd2a57c61e367c8cc53e620eebd14590b02224`.
    What would change it: An image that says it was built from this commit.
    ");
    let (_, image) = world.released("Built right");
    world.runs("staging", &image).await;
    assert_eq!(world.deploys().await.len(), 1);
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn a_lock_holds_it_and_then_only_the_newest_goes() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    world.lock(&robot, "staging").await;
    let (one, _) = world.released("One");
    world.decided("staging", &one, "held").await;
    insta::assert_snapshot!(world.shown("does not go out").await, @"
    ⚠️ *api* `654b252` does not go out to *staging* by itself
    api in staging is locked by Eve since (time): a migration.
    What would change it: That it ends; then the newest goes.
    ");
    let (two, image) = world.released("Two");
    world.decided("staging", &two, "held").await;
    world.decided("staging", &one, "superseded").await;
    let why = world.say(&mut robot, "ann", "@otus why api in staging").await;
    assert!(why.contains("api in staging is locked by Eve"), "{why}");
    world.unlock(&robot, "staging").await;
    world.runs("staging", &image).await;
    assert_eq!(world.deploys().await.len(), 1, "only the newest");
    let notices = world
        .chat
        .shown()
        .iter()
        .filter(|post| post.plain().contains("by itself"))
        .count();
    assert_eq!(notices, 1, "one message for all of it");
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn a_freeze_holds_it_until_it_is_over() {
    let until = jiff::Timestamp::now() + SignedDuration::from_hours(2);
    let policy = format!(
        "[[freezes]]\nname = \"the fair\"\nenvironments = [\"staging\"]\nfrom = \"2026-01-01\"\nuntil = \"{}\"\n",
        until.strftime("%Y-%m-%dT%H:%M")
    );
    let world = World::new(Setting {
        policy,
        ..Setting::default()
    })
    .await;
    let robot = world.robot();
    let (sha, image) = world.released("Frozen");
    world.decided("staging", &sha, "held").await;
    let told = world.shown("does not go out").await;
    assert!(told.contains("the fair: frozen until"), "{told}");
    world.clock.jump(SignedDuration::from_hours(3));
    world.runs("staging", &image).await;
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn who_is_not_named_in_the_role_may_not() {
    let setting = Setting {
        deployers: vec!["*"],
        ..Setting::default()
    };
    let world = World::new(setting).await;
    let robot = world.robot();
    let (sha, _) = world.released("Green");
    world.decided("staging", &sha, "refused").await;
    insta::assert_snapshot!(world.shown("does not go out").await, @"
    ⚠️ *api* `769c0d5` does not go out to *staging* by itself
    auto-deploy may not: it asks for the role `deployer`, which who asked does not have.
    What would change it: The configuration: `robot:auto-deploy` in the role, and what the rules say.
    ");
    assert!(world.operations().await.is_empty());
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn rules_hold_for_it_as_for_people() {
    let policy = "[[rules]]\nname = \"careful\"\ncommands = [\"deploy\"]\nconfirm = true\n".to_owned();
    let world = World::new(Setting {
        policy,
        ..Setting::default()
    })
    .await;
    let robot = world.robot();
    let (sha, _) = world.released("Green");
    world.decided("staging", &sha, "personal").await;
    assert!(world.operations().await.is_empty());
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn paused_it_says_so_and_resumed_the_newest_goes() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    world.decided("staging", &world.first, "here").await;
    let say = "@otus autodeploy pause api in staging";
    insta::assert_snapshot!(world.say(&mut robot, "ann", say).await, @"Why? Whoever finds it paused should know. Say `autodeploy pause api in staging because <reason>`.");
    insta::assert_snapshot!(world.say(&mut robot, "ann", &format!("{say} for 2h because the fair")).await, @"Nothing of *api* in *staging* goes out by itself until (moment). Whoever wants to deploy still can. What is under way goes on.");
    let listed = world.say(&mut robot, "ann", "@otus autodeploys").await;
    assert!(
        listed.contains("ann has paused what goes there by itself"),
        "{listed}"
    );
    let (one, _) = world.released("One");
    world.decided("staging", &one, "paused").await;
    insta::assert_snapshot!(world.shown("does not go out").await, @"
    ⚠️ *api* `654b252` does not go out to *staging* by itself
    ann has paused what goes there by itself, (moment) until (moment): the fair.
    What would change it: Somebody who says `autodeploy resume`.
    [Resume]
    ");
    let (two, image) = world.released("Two");
    world.decided("staging", &two, "paused").await;
    insta::assert_snapshot!(world.say(&mut robot, "bob", "@otus autodeploy resume api in production").await, @"Nothing of *api* in *production* goes out by itself: it is deployed by hand. `autodeploys` lists what does.");
    insta::assert_snapshot!(world.say(&mut robot, "bob", "@otus autodeploy resume api").await, @"*api* in *staging* goes out by itself again; the newest that may go is next.");
    world.runs("staging", &image).await;
    assert_eq!(world.deploys().await.len(), 1);
    // One that ends by itself does.
    world
        .say(
            &mut robot,
            "ann",
            "@otus autodeploy pause api for 1h because once more",
        )
        .await;
    let (three, image) = world.released("Three");
    world.decided("staging", &three, "paused").await;
    world.clock.jump(SignedDuration::from_mins(61));
    world.runs("staging", &image).await;
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn what_was_rejected_and_what_came_before_it_waits_for_something_newer() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    let (good, good_image) = world.released("Good");
    world.runs("staging", &good_image).await;
    let middle = world.commit("Between");
    let (bad, bad_image) = world.released("Bad");
    world.runs("staging", &bad_image).await;
    world.decided("staging", &bad, "here").await;
    world
        .say(
            &mut robot,
            "ann",
            "@otus deploy api@last-good to staging because it is slow",
        )
        .await;
    world.runs("staging", &good_image).await;
    world.decided("staging", &bad, "rejected").await;
    insta::assert_snapshot!(world.shown("does not go out").await, @"
    ⚠️ *api* `f8a5674` does not go out to *staging* by itself
    `f8a5674` was rejected there by @ann, (moment) because it is slow; it is that one or came before it.
    What would change it: A newer green commit; or deploy it by hand.
    ");
    // What lies before it is done only now.
    world.shelf.push(&middle, &middle);
    world.green(&middle);
    let (_, fixed) = world.released("Fixed");
    world.runs("staging", &fixed).await;
    let shas: Vec<_> = world
        .deploys()
        .await
        .iter()
        .map(|deploy| deploy.image.clone())
        .collect();
    assert_eq!(shas, [good_image.clone(), bad_image, good_image, fixed]);
    assert_eq!(world.rules("staging", &good).await.last().unwrap(), "here");
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn what_somebody_went_back_from_is_not_undone() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    let (one, one_image) = world.released("One");
    world.runs("staging", &one_image).await;
    let (two, two_image) = world.released("Two");
    world.runs("staging", &two_image).await;
    world.decided("staging", &two, "here").await;
    world
        .say(
            &mut robot,
            "ann",
            &format!("@otus deploy api@{} to staging --back", short(&one)),
        )
        .await;
    world.runs("staging", &one_image).await;
    world.decided("staging", &two, "went_back").await;
    assert_eq!(world.image("staging"), one_image);
    let (_, three) = world.released("Three");
    world.runs("staging", &three).await;
    // By hand in the cluster, too.
    world
        .cluster
        .set_image("staging", "api", "app", &one_image)
        .unwrap();
    let (_, four) = world.released("Four");
    // Otus does not own the image any more, which a person has to decide on.
    world
        .decided("staging", &world.api.sha("main").unwrap(), "troubled")
        .await;
    assert_eq!(world.image("staging"), one_image);
    world.say(&mut robot, "ann", "@otus deploy api --force").await;
    world.runs("staging", &four).await;
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn what_nobody_knows_and_what_lies_aside_is_for_people() {
    let world = World::new(Setting::default()).await;
    let robot = world.robot();
    world.decided("staging", &world.first, "here").await;
    world
        .cluster
        .set_image("staging", "api", "app", &format!("{IMAGE}:unknown"))
        .unwrap();
    let (sha, _) = world.released("Green");
    world.decided("staging", &sha, "unknown").await;
    let side = world.api.loose_commit(&[&world.first], "Aside").unwrap();
    let digest = world.shelf.push(&side, &side);
    world
        .cluster
        .set_image("staging", "api", "app", &format!("{IMAGE}@{digest}"))
        .unwrap();
    world.decided("staging", &sha, "aside").await;
    assert!(world.operations().await.is_empty());
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn what_failed_is_not_tried_again_and_something_newer_is() {
    let world = World::new(Setting::default()).await;
    let mut robot = world.robot();
    let sha = world.commit("Bad");
    let digest = world.shelf.push(&sha, &sha);
    let bad = format!("{IMAGE}@{digest}");
    let crash = Behaviour::CrashLoop {
        exit_code: 1,
        log: "panic".into(),
    };
    world.cluster.behave(&bad, crash);
    world.green(&sha);
    world.decided("staging", &sha, "failed").await;
    let why = world.say(&mut robot, "ann", "@otus why api in staging").await;
    assert!(why.contains("It was deployed there and failed"), "{why}");
    assert_eq!(own(&world.operations().await), [State::Failed]);
    let (_, image) = world.released("Mended");
    world.runs("staging", &image).await;
    assert_eq!(own(&world.operations().await).len(), 2);
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn of_several_while_one_is_under_way_only_the_newest_goes_next() {
    let world = World::new(Setting::default()).await;
    let robot = world.robot();
    world
        .cluster
        .fault_on("PATCH", "/namespaces/staging/deployments/api", Fault::Hold, 1);
    let (_, one) = world.released("One");
    tokio::time::timeout(crate::world::LONG, world.cluster.held(1))
        .await
        .unwrap();
    let (two, _) = world.released("Two");
    world.decided("staging", &two, "busy").await;
    let (three, image) = world.released("Three");
    world.decided("staging", &three, "busy").await;
    world.cluster.release();
    world.runs("staging", &image).await;
    let images: Vec<_> = world
        .deploys()
        .await
        .iter()
        .map(|deploy| deploy.image.clone())
        .collect();
    assert_eq!(images, [one, image]);
    assert_eq!(world.rules("staging", &two).await.last().unwrap(), "superseded");
    assert_eq!(
        own(&world.operations().await),
        [State::Succeeded, State::Succeeded],
        "no alarm"
    );
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn what_a_webhook_tells_is_done_once_however_often_it_tells_it() {
    let world = World::new(only_told()).await;
    let (robot, feed) = world.asleep(&Fuse::default());
    robot.robot().start();
    world.decided("staging", &world.first, "here").await;
    let (sha, image) = world.released("Told twice");
    for event in [pushed(&sha), checked(&sha), checked(&sha), pushed(&sha)] {
        feed.publish(event).await.unwrap();
    }
    world.runs("staging", &image).await;
    feed.publish(checked(&sha)).await.unwrap();
    world.decided("staging", &sha, "here").await;
    assert_eq!(own(&world.operations().await), [State::Succeeded]);
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn what_was_told_and_not_looked_at_is_looked_at_by_the_next_one() {
    let world = World::new(only_told()).await;
    let fuse = Fuse::default();
    let (dead, feed) = world.asleep(&fuse);
    dead.robot().start();
    world.decided("staging", &world.first, "here").await;
    let (sha, image) = world.released("Told to a dying robot");
    // It has noted the word when it dies.
    feed.publish(checked(&sha)).await.unwrap();
    fuse.burn();
    world.clock.jump(SignedDuration::from_secs(61));
    let robot = world.robot();
    world.runs("staging", &image).await;
    assert_eq!(own(&world.operations().await), [State::Succeeded]);
    world.close(vec![robot]).await;
    drop(dead);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_robots_do_it_once() {
    let world = World::new(Setting::default()).await;
    let robots = vec![world.robot(), world.robot()];
    for number in 0..3 {
        let (_, image) = world.released(&format!("Number {number}"));
        world.runs("staging", &image).await;
    }
    assert_eq!(own(&world.operations().await), [State::Succeeded; 3]);
    let cards = world
        .chat
        .shown()
        .iter()
        .filter(|post| post.plain().contains("is live in"))
        .count();
    assert_eq!((cards, world.deploys().await.len()), (3, 3));
    world.close(robots).await;
}
