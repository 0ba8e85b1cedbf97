//! The life of a pull request, as its channel reads it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use jiff::SignedDuration;
use otus::{message::ChannelKind, operations::Outcome, prelude::*, room::Fuse};
use otus_ci::hooks::CiEvent;
use otus_emulators::github::{Conclusion, Merge, Verdict};
use proptest::{prelude::*, test_runner::TestRunner};
use scene::{
    CHANNEL, Scene, changed, checked,
    kit::{PATIENCE, begin, deploy, wait},
    reviewed, stands_on_page, still,
};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn one_message_from_opened_to_live_and_a_word_to_the_author() {
    let scene = Scene::set().await;
    let (mut room, feed) = scene.room().await;
    let (number, head) = scene.opened();
    scene.api.set_draft(number, true).unwrap();
    feed.publish(changed(number)).await.unwrap();
    let text = scene.message(|text| text.contains("draft")).await;
    insta::assert_snapshot!("1_draft", still(&text));

    scene.api.set_draft(number, false).unwrap();
    let build = scene.api.check_run(&head, "build").unwrap();
    scene.api.check(&head, "lint", Conclusion::Success).unwrap();
    feed.publish(checked(&head)).await.unwrap();
    let text = scene.message(|text| text.contains("checks are running")).await;
    insta::assert_snapshot!("2_running", still(&text));

    scene.api.complete(build, Conclusion::Failure).unwrap();
    feed.publish(checked(&head)).await.unwrap();
    let text = scene.message(|text| text.contains("checks failed")).await;
    insta::assert_snapshot!("3_red", still(&text));
    let detail = scene.detail(|text| text.contains("failure")).await;
    insta::assert_snapshot!("3_red_detail", still(&detail));
    stands_on_page(0, &[("otus", &text), ("  |", &detail)]);

    scene.api.check(&head, "build", Conclusion::Success).unwrap();
    scene
        .api
        .review(number, "bob", Verdict::ChangesRequested)
        .unwrap();
    feed.publish(reviewed(number)).await.unwrap();
    let text = scene.message(|text| text.contains("changes requested")).await;
    insta::assert_snapshot!("4_changes", still(&text));
    let detail = scene.detail(|text| text.contains("bob")).await;
    insta::assert_snapshot!("4_changes_detail", still(&detail));

    scene.api.review(number, "bob", Verdict::Approved).unwrap();
    feed.publish(reviewed(number)).await.unwrap();
    let text = scene.message(|text| text.contains("approved")).await;
    insta::assert_snapshot!("5_approved", still(&text));
    scene
        .detail(|text| text.contains("Nothing is in its way any more."))
        .await;

    let merge = scene.api.merge(number, "bob", Merge::Squash).unwrap();
    feed.publish(changed(number)).await.unwrap();
    let text = scene.message(|text| text.contains("Merged")).await;
    insta::assert_snapshot!("6_merged", still(&text));

    scene.shelf.0.lock().unwrap().insert(merge.clone());
    feed.publish(checked(&merge)).await.unwrap();
    scene.message(|text| text.contains("image built")).await;

    deploy(&mut room, &merge, "staging").await;
    let text = scene.message(|text| text.contains("live in staging since")).await;
    insta::assert_snapshot!("7_staging", still(&text));

    // What runs in production was built on it.
    let later = scene.api.commit("main", "Later").unwrap();
    deploy(&mut room, &later, "production").await;
    let text = scene
        .message(|text| text.contains("live in production since"))
        .await;
    insta::assert_snapshot!("8_production", still(&text));
    stands_on_page(1, &[("otus", &text)]);

    scene.settled().await;
    let said = scene.posted();
    let private: Vec<_> = said.iter().filter(|said| said.starts_with("U0ANN")).collect();
    assert_eq!(private.len(), 1, "{said:#?}");
    insta::assert_snapshot!("9_author", still(private[0]));
    let private = private[0].strip_prefix("U0ANN: ").unwrap();
    stands_on_page(2, &[("otus", private)]);
    let posted: Vec<_> = said.iter().filter(|said| said.starts_with(CHANNEL)).collect();
    assert_eq!(
        posted.len(),
        2,
        "the message and the one in its thread: {said:#?}"
    );

    // Taken out again, by somebody who goes back to before it.
    let before = scene.api.loose_commit(&[], "Something else").unwrap();
    deploy(&mut room, &before, "production").await;
    let text = scene
        .message(|text| text.contains("no longer in production"))
        .await;
    insta::assert_snapshot!("91_taken_out", still(&text));
    scene.settled().await;
    scene.posted();
}

#[tokio::test]
async fn what_no_webhook_told_is_found_and_what_was_before_is_left_alone() {
    let mut scene = Scene::set().await;
    scene.changes = json!({ "reconcile": "200ms" });
    scene.api.set_branch("old", "main").unwrap();
    scene.api.push("old", "ann", &["Old"]).unwrap();
    // As if it had been merged long before.
    let long_ago = jiff::Timestamp::now() - SignedDuration::from_hours(48);
    scene.emulated.set_time(Some(long_ago));
    let old = scene.api.open_pull("Old", "ann", "old", "main").unwrap();
    scene.api.merge(old, "bob", Merge::Squash).unwrap();
    scene.emulated.set_time(None);
    let (room, _feed) = scene.room().await;
    let (number, _) = scene.opened();
    scene.message(|text| text.contains("waits for a review")).await;
    scene.api.close(number).unwrap();
    let text = scene.message(|text| text.contains("closed")).await;
    insta::assert_snapshot!("closed", still(&text));
    assert!(room.robot().stop(PATIENCE).await);
    assert_eq!(scene.posted().len(), 1);
}

#[tokio::test]
async fn many_events_are_few_edits_and_the_same_state_is_none() {
    let mut scene = Scene::set().await;
    scene.changes = json!({ "wait": "300ms" });
    let (room, feed) = scene.room().await;
    let (number, head) = scene.opened();
    for check in 0..20 {
        scene
            .api
            .check(&head, &format!("check {check}"), Conclusion::Success)
            .unwrap();
        feed.publish(checked(&head)).await.unwrap();
        feed.publish(changed(number)).await.unwrap();
    }
    scene.message(|text| text.contains("all good (20)")).await;
    scene.settled().await;
    for _ in 0..5 {
        feed.publish(changed(number)).await.unwrap();
        scene.settled().await;
    }
    let (message, _) = room.chat().messages().into_iter().next().unwrap();
    let edits = room.chat().edits(&message);
    assert!(edits <= 10, "{edits} edits for 45 events");
    let before = edits;
    feed.publish(changed(number)).await.unwrap();
    scene.settled().await;
    assert_eq!(room.chat().edits(&message), before);
    scene.posted();
}

#[tokio::test]
async fn replicas_and_restarts_have_one_message_and_the_author_is_told_once() {
    let scene = Scene::set().await;
    let (mut first, one) = scene.room().await;
    let (second, two) = scene.room().await;
    let (number, _) = scene.opened();
    let event = changed(number);
    let (a, b) = tokio::join!(one.publish(event.clone()), two.publish(event));
    a.unwrap();
    b.unwrap();
    scene.message(|text| text.contains("waits for a review")).await;
    let merge = scene.api.merge(number, "bob", Merge::Squash).unwrap();
    two.publish(changed(number)).await.unwrap();
    deploy(&mut first, &merge, "staging").await;
    deploy(&mut first, &merge, "production").await;
    scene
        .message(|text| text.contains("live in production since"))
        .await;
    scene.settled().await;
    assert!(first.robot().stop(PATIENCE).await);
    assert!(second.robot().stop(PATIENCE).await);
    let (third, three) = scene.room().await;
    three.publish(changed(number)).await.unwrap();
    scene.settled().await;
    assert!(third.robot().stop(PATIENCE).await);
    let said = scene.posted();
    let of = |place: &str| said.iter().filter(|said| said.starts_with(place)).count();
    assert_eq!((of(CHANNEL), of("U0ANN")), (1, 1), "{said:#?}");
}

/// From merged to live, told by a robot whose fuse burns at the nth call, and then by another.
async fn killed(fuse: Fuse) -> u64 {
    let scene = Scene::set().await;
    // Since when it is watched, and a deploy that is there.
    let (mut deployer, _feed) = scene.room().await;
    let (number, head) = scene.opened();
    scene.api.check(&head, "build", Conclusion::Failure).unwrap();
    let merge = scene.api.merge(number, "bob", Merge::Squash).unwrap();
    deploy(&mut deployer, &merge, "staging").await;
    deploy(&mut deployer, &merge, "production").await;
    assert!(deployer.robot().stop(PATIENCE).await);
    scene.posted();

    let (builder, feed) = scene.furnished(&fuse);
    let mortal = builder.open();
    mortal.robot().start();
    let live = |text: &str| text.contains("live in production since");
    let telling = async {
        // It is told again until it is taken, as a webhook is.
        while feed.publish(changed(number)).await.is_err() {}
        scene.message(live).await;
        scene.settled().await;
    };
    tokio::select! {
        () = telling => {}
        () = fuse.burnt() => {}
    }
    let calls = fuse.calls();
    fuse.burn();
    scene.posted();
    drop(mortal);
    scene.clock.jump(SignedDuration::from_secs(61));
    let (room, feed) = scene.room().await;
    feed.publish(changed(number)).await.unwrap();
    scene.message(live).await;
    scene.settled().await;
    assert!(room.robot().stop(PATIENCE).await);
    let said = scene.posted();
    let of = |place: &str| said.iter().filter(|said| said.starts_with(place)).count();
    assert_eq!((of(CHANNEL), of("U0ANN")), (2, 1), "{said:#?}");
    calls
}

#[tokio::test]
async fn killed_anywhere_nobody_is_told_twice_or_never() {
    let calls = killed(Fuse::default()).await;
    assert!(calls > 20, "{calls}");
    for call in 1..=calls.min(120) {
        killed(Fuse::at(call, call % 2 == 0)).await;
    }
}

/// What happened to a pull request, as events that may come in any order, twice, or never, but for one in the end.
#[test]
fn in_whatever_order_it_is_heard_of_the_message_is_the_same() {
    let config = ProptestConfig {
        cases: 12,
        failure_persistence: None,
        max_shrink_iters: 20,
        ..ProptestConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // What is done, and after it which of the events so far are heard: the wait for them makes some be heard in between.
    let heard = prop::collection::vec((0..6_usize, prop::collection::vec(0..6_usize, 0..4)), 6);
    TestRunner::new(config)
        .run(&heard, |heard| {
            let text = runtime.block_on(life(&heard));
            prop_assert_eq!(
                text,
                "✅ acme/api #1 (https://github.example.com/acme/api/pull/1): Answer faster\n\
                 *merged* · `faster` → `main` · by ann"
            );
            Ok(())
        })
        .unwrap();
}

/// Lives it with events heard so, and answers the beginning of what the message reads in the end.
async fn life(heard: &[(usize, Vec<usize>)]) -> String {
    let scene = Scene::set().await;
    let (room, feed) = scene.room().await;
    let (number, head) = scene.opened();
    let mut merge = head.clone();
    for (step, (settle, events)) in heard.iter().enumerate() {
        match step {
            0 => scene.api.set_draft(number, true).unwrap(),
            1 => scene.api.check(&head, "build", Conclusion::Failure).unwrap(),
            2 => scene.api.set_draft(number, false).unwrap(),
            3 => scene.api.check(&head, "build", Conclusion::Success).unwrap(),
            4 => scene.api.review(number, "bob", Verdict::Approved).unwrap(),
            _ => merge = scene.api.merge(number, "bob", Merge::Squash).unwrap(),
        }
        for event in events {
            let event: CiEvent = match event % 4 {
                0 => changed(number),
                1 => checked(&head),
                2 => reviewed(number),
                _ => checked(&merge),
            };
            feed.publish(event).await.unwrap();
        }
        if settle % 3 == 0 && !scene.store.entries("pulls.acme/api").await.unwrap().is_empty() {
            scene.settled().await;
        }
    }
    // The one that says last that something happened, or the list that is read every few minutes.
    feed.publish(changed(number)).await.unwrap();
    scene.settled().await;
    let text = scene.message(|_| true).await;
    assert!(text.contains("Checks: good"), "{text}");
    assert!(text.contains("approved by bob"), "{text}");
    assert!(room.robot().stop(PATIENCE).await);
    scene.posted();
    let mut lines = text.lines();
    let (title, stage) = (lines.next().unwrap(), lines.next().unwrap());
    // How far it went is not what this is about.
    format!("{}\n{stage}", title.replace('⏳', "✅"))
}

#[tokio::test]
async fn who_does_not_want_to_be_told_is_not_and_others_are_found_by_their_address() {
    let mut scene = Scene::set().await;
    scene.changes = json!({ "people": {} });
    scene.chat.address("U0ANN", "ann@example.com");
    let (mut room, feed) = scene.room().await;
    let lives = async |room: &mut Room, title: &str| {
        let (number, _, merge) = scene::kit::merged_pull(&scene.api, title, title);
        feed.publish(changed(number)).await.unwrap();
        scene.settled().await;
        deploy(room, &merge, "production").await;
        wait(async || {
            let key = number.to_string();
            let all = scene.store.entries("pulls.acme/api").await.unwrap();
            let one = all.into_iter().find(|one| one.key == key)?;
            (one.value["notes"]["told"] == true).then_some(())
        })
        .await;
        let said = scene.posted();
        said.into_iter().filter(|said| said.starts_with("U0ANN")).count()
    };
    assert_eq!(lives(&mut room, "one").await, 1);
    room.go_to("D1", ChannelKind::Direct);
    room.say("U0ANN", "pulls mute").await;
    let said = room.answer().await.plain();
    assert_eq!(
        said,
        "I do not tell you any more when your changes are live. `pulls unmute` takes that back."
    );
    assert_eq!(lives(&mut room, "two").await, 1);
    room.say("U0ANN", "pulls unmute").await;
    room.expect_reply("I tell you when your changes are live.").await;
    assert_eq!(lives(&mut room, "three").await, 2);
}

#[tokio::test]
async fn what_people_ask() {
    let scene = Scene::set().await;
    let (mut room, feed) = scene.room().await;
    room.say("ann", "@otus pulls").await;
    room.expect_reply("✅ acme/api has no open pull requests").await;
    let (number, head) = scene.opened();
    scene.api.check(&head, "build", Conclusion::Failure).unwrap();
    feed.publish(changed(number)).await.unwrap();
    scene.detail(|text| text.contains("failure")).await;
    scene.settled().await;
    scene.posted();
    room.say("ann", "@otus pulls api").await;
    let said = room.answer().await.plain();
    let list = said;
    insta::assert_snapshot!("asked_list", still(&list));
    room.say("ann", "@otus pull #1").await;
    let said = room.answer().await.plain();
    insta::assert_snapshot!("asked_one", still(&said));
    stands_on_page(
        3,
        &[
            ("Ann", "pulls api"),
            ("otus", &list),
            ("Ann", "pull #1"),
            ("otus", &said),
        ],
    );
    for (line, answer) in [
        (
            "@otus pull acme/api#9",
            "acme/api has no pull request #9, or I may not see it.",
        ),
        (
            "@otus pull shop#9",
            "I know no repository `shop`. I know acme/api.",
        ),
    ] {
        room.say("ann", line).await;
        let said = room.answer().await.plain();
        assert!(said.contains(answer), "{said}");
    }
    let mut alone = Room::with(otus_responder_pulls::Pulls::new(Default::default(), None).unwrap());
    alone.say("ann", "@otus pulls").await;
    let said = alone.answer().await.plain();
    assert!(
        said.contains("I know no repository: whoever runs me can set `repository`"),
        "{said}"
    );
}

#[tokio::test]
async fn the_author_s_bell_rings_only_where_that_is_wanted() {
    for (mention, bell) in [(false, false), (true, true)] {
        let mut scene = Scene::set().await;
        scene.changes = json!({ "mention": mention });
        let (_room, feed) = scene.room().await;
        let (number, head) = scene.opened();
        scene.api.check(&head, "build", Conclusion::Failure).unwrap();
        feed.publish(changed(number)).await.unwrap();
        let detail = scene.detail(|text| text.contains("failure")).await;
        assert_eq!(detail.contains("@U0ANN"), bell, "{detail}");
        scene.settled().await;
        scene.posted();
    }
}

#[tokio::test]
async fn a_deploy_that_fails_brings_nothing() {
    let scene = Scene::set().await;
    let (mut room, feed) = scene.room().await;
    *scene.fate.outcome.lock().unwrap() = Outcome::Failed;
    let (number, _, merge) = scene::kit::merged_pull(&scene.api, "faster", "Answer faster");
    deploy(&mut room, &merge, "staging").await;
    feed.publish(changed(number)).await.unwrap();
    scene.message(|text| text.contains("not in staging yet")).await;
    scene.fate.open.send_replace(false);
    *scene.fate.outcome.lock().unwrap() = Outcome::Succeeded;
    begin(&mut room, &merge, "staging").await;
    feed.publish(changed(number)).await.unwrap();
    scene.message(|text| text.contains("on its way to staging")).await;
    scene.fate.open.send_replace(true);
    scene.message(|text| text.contains("live in staging since")).await;
    tokio::time::timeout(PATIENCE, scene.settled()).await.unwrap();
    assert!(room.robot().stop(Duration::from_secs(20)).await);
    scene.posted();
}
