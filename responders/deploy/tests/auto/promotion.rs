//! From one environment to the next: by itself after a while, and by command.

use jiff::SignedDuration;
use otus::operations::State;
use otus_emulators::kubernetes::Behaviour;

use crate::world::{IMAGE, Setting, World, own, short};

fn baked() -> Setting {
    Setting {
        production: "auto = true\nbake = \"30m\"",
        ..Setting::default()
    }
}

#[tokio::test]
async fn what_has_run_well_for_long_enough_goes_on() {
    let world = World::new(baked()).await;
    let mut robot = world.robot();
    let (sha, image) = world.released("Good");
    world.runs("staging", &image).await;
    world.decided("production", &sha, "baking").await;
    let why = world.say(&mut robot, "ann", "@otus why api in production").await;
    insta::assert_snapshot!(why, @"
    Why *api* in *production*
    `3a0f053` “Good”: It runs well in *staging*, and goes on from there (moment).
    What would change it: Time, if nothing fails there.
    ");
    assert!(
        !world
            .chat
            .shown()
            .iter()
            .any(|post| post.plain().contains("does not go out")),
        "no alarm"
    );
    // A newer one in staging does not begin its time anew.
    world.clock.jump(SignedDuration::from_mins(20));
    let (newer, newer_image) = world.released("Newer");
    world.runs("staging", &newer_image).await;
    world.clock.jump(SignedDuration::from_mins(11));
    world.runs("production", &image).await;
    world.decided("production", &sha, "here").await;
    world.decided("production", &newer, "baking").await;
    world.clock.jump(SignedDuration::from_mins(20));
    world.runs("production", &newer_image).await;
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn the_same_digest_goes_on() {
    let world = World::new(baked()).await;
    let robot = world.robot();
    let (sha, image) = world.released("Good");
    world.runs("staging", &image).await;
    world.decided("production", &sha, "baking").await;
    // Its tag moves meanwhile, which does not matter.
    world.shelf.push(&sha, &sha);
    world.clock.jump(SignedDuration::from_mins(31));
    world.runs("production", &image).await;
    insta::assert_snapshot!(world.shown("is live in *production*").await, @"
    ✅ *api* `3a0f053` is live in *production*
    `6bcd2a5` → `3a0f053`
    All 2 pods run it.
    I took the image over from `kubectl-client-side-apply`; everything else stays as it was.
    asked by auto-deploy (time) · `f99704e144`
    ");
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn what_failed_meanwhile_keeps_it_back() {
    let world = World::new(baked()).await;
    let robot = world.robot();
    let before = world.image("production");
    let (good, image) = world.released("Good");
    world.runs("staging", &image).await;
    world.decided("production", &good, "baking").await;
    let bad = world.commit("Bad");
    let digest = world.shelf.push(&bad, &bad);
    let crash = Behaviour::CrashLoop {
        exit_code: 1,
        log: "panic".into(),
    };
    world.cluster.behave(&format!("{IMAGE}@{digest}"), crash);
    world.green(&bad);
    world.decided("staging", &bad, "failed").await;
    world.clock.jump(SignedDuration::from_mins(31));
    world.decided("production", &good, "broken").await;
    insta::assert_snapshot!(world.shown("does not go out").await, @"
    ⚠️ *api* `3a0f053` does not go out to *production* by itself
    It ran well in *staging*, but `07fb847` failed there meanwhile, (moment).
    What would change it: A newer one that runs well there; or promote it by hand.
    ");
    assert_eq!(world.image("production"), before);
    // Something newer that runs well goes on in its time.
    let (mended, image) = world.released("Mended");
    world.runs("staging", &image).await;
    world.decided("production", &mended, "baking").await;
    world.clock.jump(SignedDuration::from_mins(31));
    world.runs("production", &image).await;
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn it_asks_for_the_approvals_that_a_person_would_need() {
    let policy = "[[rules]]\nname = \"approved by an SRE\"\nenvironments = [\"production\"]\napprovals = 1\napprovers = \"sre\"\n";
    let world = World::new(Setting {
        policy: policy.to_owned(),
        ..baked()
    })
    .await;
    let mut robot = world.robot();
    let (sha, image) = world.released("Good");
    world.runs("staging", &image).await;
    world.decided("production", &sha, "baking").await;
    world.clock.jump(SignedDuration::from_mins(31));
    insta::assert_snapshot!(world.shown("[Approve").await, @"
    ⚠️ Deploy *api* `3a0f053` to *production*
    version: `6bcd2a5` → `3a0f053`
    “Good” by ann: 1 commit (https://github.example.com/acme/api/compare/6bcd2a57c61e367c8cc53e620eebd14590b02224...3a0f053ec8b1e361868e9e95861f19db9cb4d97d) by ann.
    2 of 2 pods ready.
    _because it ran well in staging for 30 min: auto-deploy of 3a0f053 by ann_
    It needs 1 approval of `sre`: approved by an SRE.
    It waits until (moment). Plan (hash).
    [Approve] [Deny] [Cancel]
    asked by auto-deploy (time) · `f99704e144`
    ");
    let why = world.say(&mut robot, "ann", "@otus why api in production").await;
    assert!(why.contains("waits for approval"), "{why}");
    robot.press("bob", "Approve").await;
    world.runs("production", &image).await;
    world.decided("production", &sha, "here").await;
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn a_lock_holds_it_and_nobody_agreeing_ends_it() {
    let policy = "[[rules]]\nname = \"approved by an SRE\"\nenvironments = [\"production\"]\napprovals = 1\napprovers = \"sre\"\nexpire = \"30m\"\n";
    let world = World::new(Setting {
        policy: policy.to_owned(),
        ..baked()
    })
    .await;
    let robot = world.robot();
    let (sha, image) = world.released("Good");
    world.runs("staging", &image).await;
    world.decided("production", &sha, "baking").await;
    world.lock(&robot, "production").await;
    world.clock.jump(SignedDuration::from_mins(31));
    world.decided("production", &sha, "held").await;
    world.unlock(&robot, "production").await;
    world.decided("production", &sha, "going").await;
    world.clock.jump(SignedDuration::from_mins(31));
    robot.robot().services().operations().sweep_once().await.unwrap();
    world.decided("production", &sha, "ended").await;
    assert_eq!(
        own(&world.operations().await),
        [State::Expired, State::Succeeded],
        "not asked for once more"
    );
    world.close(vec![robot]).await;
}

#[tokio::test]
async fn by_command_it_has_to_have_run_well() {
    let world = World::new(Setting {
        staging: "",
        ..Setting::default()
    })
    .await;
    let mut robot = world.robot();
    let refused = world.say(&mut robot, "ann", "@otus promote api").await;
    insta::assert_snapshot!(refused, @"*api* `6bcd2a5` is not promoted: I do not know it to have run well in *staging*. If it has to go all the same, say `deploy api@6bcd2a5 to production`.");
    let (sha, image) = world.released("Good");
    world.say(&mut robot, "ann", "@otus deploy api").await;
    world.runs("staging", &image).await;
    let card = world
        .say(&mut robot, "ann", "@otus promote api to production")
        .await;
    assert!(card.contains(short(&sha)), "{card}");
    world.runs("production", &image).await;
    insta::assert_snapshot!(world.say(&mut robot, "ann", "@otus promote api to staging").await, @"`api` is not promoted to *staging*: no environment of it comes before. Say `deploy api to staging`.");
    world.close(vec![robot]).await;
}
