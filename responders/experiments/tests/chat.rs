//! Experiments as people see them: what applications send, and what the chat makes of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use jiff::SignedDuration;
use otus::{room::What, web::Request};
use otus_experiments::wire::Answer;
use scene::{Scene, batch, candidate, sample, still};

#[tokio::test]
async fn what_applications_send_is_told_with_a_picture() {
    let mut scene = Scene::set().await;
    assert_eq!(scene.send(&batch(1, 40_000, 7)).await.status, 200);
    let said = scene.say("@otus experiment users-query").await;
    insta::assert_snapshot!(still(&said));
    let file = scene.room.expect_file().await;
    assert!(file.name.starts_with("experiment-users-query-"), "{}", file.name);
    let alt = file.alt.unwrap();
    assert!(
        alt.starts_with("users-query: how long control and candidates take"),
        "{alt}"
    );
    assert!(file.bytes.starts_with(b"\x89PNG"));

    let said = scene.say("@otus experiments").await;
    insta::assert_snapshot!("list", still(&said));
    let said = scene.say("@otus experiment users-query mismatches").await;
    insta::assert_snapshot!("mismatches", still(&said));
}

#[tokio::test]
async fn a_batch_that_comes_again_counts_once() {
    let mut scene = Scene::set().await;
    let first = batch(1, 500, 0);
    for _ in 0..3 {
        assert_eq!(scene.send(&first).await.status, 200);
    }
    let mut second = batch(2, 100, 0);
    second.release = first.release.clone();
    assert_eq!(scene.send(&second).await.status, 200);
    let said = scene.say("@otus experiment users-query").await;
    assert!(said.contains("of 600 runs"), "{said}");
    scene.room.expect_file().await;
}

#[tokio::test]
async fn processes_that_send_at_once_all_count() {
    let mut scene = Scene::set().await;
    let of = |instance: &str| {
        let mut batch = batch(1, 100, 1);
        batch.instance = instance.into();
        batch
    };
    let (a, b, c, d) = (of("a"), of("b"), of("c"), of("d"));
    let answers = tokio::join!(scene.send(&a), scene.send(&b), scene.send(&c), scene.send(&d));
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let said = scene.say("@otus experiment users-query").await;
    assert!(
        said.contains("of 400 runs") && said.contains("4 mismatches"),
        "{said}"
    );
    scene.room.expect_file().await;
}

#[tokio::test]
async fn a_difference_that_is_new_since_a_deploy_is_seen_to_be() {
    let mut scene = Scene::set().await;
    scene.send(&batch(1, 5_000, 0)).await;
    let mut later = batch(2, 1_000, 9);
    later.release = Some("bbbbbbb".into());
    scene.send(&later).await;
    let said = scene.say("@otus experiment users-query").await;
    assert!(
        said.contains(
            "By release, the newest first:\n`bbbbbbb`: *new* differed in 9 of 1,000\n`9f3c1e2`: *new* differed in 0 of 5,000"
        ),
        "{said}"
    );
    scene.room.expect_file().await;
}

#[tokio::test]
async fn who_is_unknown_or_sends_nonsense_is_refused() {
    let scene = Scene::set().await;
    let body = serde_json::to_vec(&batch(1, 10, 0)).unwrap();
    let send = async |token: &str, body: &[u8]| {
        let request = Request::new("POST", "/hooks/experiments", body)
            .header("authorization", format!("Bearer {token}").into_bytes());
        scene.room.robot().serve(request).await
    };
    assert_eq!(send("not the token of shop", &body).await.status, 401);
    assert_eq!(send(scene::TOKEN, b"{}").await.status, 400);
    let other = String::from_utf8(body.clone())
        .unwrap()
        .replace("\"version\":1", "\"version\":2");
    let answer = send(scene::TOKEN, other.as_bytes()).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("version 2"), "{}", answer.body);
    let request = Request::new("POST", "/hooks/experiments", body);
    assert_eq!(scene.room.robot().serve(request).await.status, 401);
}

#[tokio::test]
async fn names_nobody_can_type_are_left_out_and_floods_are_bounded() {
    let mut scene = Scene::set().await;
    let mut odd = batch(1, 10, 0);
    let stats = odd.experiments["users-query"].clone();
    odd.experiments.insert("two words".into(), stats.clone());
    odd.experiments.insert("<!channel>".into(), stats.clone());
    let flooded = odd.experiments.get_mut("users-query").unwrap();
    for number in 0..100 {
        flooded.samples.push(sample(number, "x".repeat(10_000)));
    }
    for number in 0..200 {
        let mut new = candidate(10, 0);
        new.places = (0..200).map(|place| (format!("place-{place}"), 1)).collect();
        flooded.candidates.insert(format!("c{number}"), new);
    }
    assert_eq!(scene.send(&odd).await.status, 200);
    let said = scene.say("@otus experiments").await;
    assert!(
        !said.contains("two words") && !said.contains("!channel"),
        "{said}"
    );
    let said = scene.say("@otus experiment users-query mismatches 99").await;
    assert!(said.contains("20 of 20 that are kept"), "{said}");
}

#[tokio::test]
async fn a_share_is_an_operation_and_travels_with_the_next_answer() {
    let mut scene = Scene::set().await;
    let answer = scene.send(&batch(1, 10, 0)).await;
    assert_eq!(answer.body, r#"{"settings":{}}"#);
    let said = scene.say("@otus experiment users-query set 5%").await;
    assert!(
        said.contains("runs on: 1 % of calls, as the program says → 5 % of calls"),
        "{said}"
    );
    let said = scene.shown("✅ *users-query* runs on 5 %").await;
    insta::assert_snapshot!("set", still(&said));
    let answer = scene.send(&batch(2, 10, 0)).await;
    assert_eq!(
        answer.body,
        r#"{"settings":{"users-query":{"percent":5.0,"stopped":false}}}"#
    );
    // A process that has just begun learns of it before it makes the experiment.
    let mut hello = batch(1, 0, 0);
    hello.instance = "another".into();
    hello.experiments.clear();
    assert_eq!(scene.send(&hello).await.body, answer.body);
    let said = scene.say("@otus experiment users-query stop").await;
    assert!(said.contains("runs on: 5 % of calls → stopped"), "{said}");
    scene.shown("✅ *users-query* is stopped").await;
    let answer: Answer = serde_json::from_str(&scene.send(&batch(3, 10, 0)).await.body).unwrap();
    let setting = answer.settings["users-query"];
    assert_eq!((setting.percent, setting.stopped), (Some(5.0), Some(true)));
    let said = scene.say("@otus experiment users-query").await;
    assert!(
        said.contains("nothing: stopped, set by Ann") && said.contains("[Let it go on]"),
        "{said}"
    );
    scene.room.expect_file().await;
}

#[tokio::test]
async fn a_share_nobody_may_set_is_refused_and_a_wrong_one_told() {
    let mut scene = Scene::set().await;
    scene.send(&batch(1, 10, 0)).await;
    let said = scene.say_as("bob", "@otus experiment users-query set 5").await;
    assert!(said.contains("deployer"), "{said}");
    let said = scene.say("@otus experiment users-query set 500").await;
    assert!(said.contains("100 % of calls at most"), "{said}");
    let said = scene.say("@otus experiment user-query set 5").await;
    assert!(
        said.contains("There is no experiment called `user-query`. Did you mean `users-query`?")
            && said.contains("[experiment users-query set 5]"),
        "{said}"
    );
    let said = scene.say("@otus experiment users-query 400d").await;
    assert!(said.contains("kept for 30 days"), "{said}");
}

#[tokio::test]
async fn nothing_yet_says_what_to_do() {
    let mut scene = Scene::set().await;
    let said = scene.say("@otus experiments").await;
    assert!(said.contains("docs/experiments.md"), "{said}");
    let said = scene.say("@otus experiment x").await;
    assert!(
        said.contains("No application has told of an experiment yet"),
        "{said}"
    );
}

#[tokio::test]
async fn a_candidate_that_its_breaker_stopped_is_told_once() {
    let mut scene = Scene::with_channel();
    for sequence in 1..=3 {
        let mut bad = batch(sequence, 100, 0);
        let stats = bad.experiments.get_mut("users-query").unwrap();
        stats.candidates.get_mut("new").unwrap().stopped = Some("5 panics or timeouts in a row".into());
        assert_eq!(scene.send(&bad).await.status, 200);
    }
    let said = scene.room.next_said().await;
    assert_eq!(said.place.channel.as_str(), "C0DEV");
    let What::Post(post) = said.what else {
        panic!("{said:?}")
    };
    insta::assert_snapshot!("stopped", post.plain());
    let said = scene.say("@otus experiment users-query").await;
    assert!(
        said.contains("It was stopped by itself: 5 panics or timeouts in a row."),
        "{said}"
    );
    scene.room.expect_file().await;
}

#[tokio::test]
async fn what_is_finished_is_said_once_a_week_by_one_robot() {
    let scene = Scene::set().await;
    scene.send(&batch(1, 10, 0)).await;
    // Eight days later, after 5,000 good runs that day.
    let week = scene.later(SignedDuration::from_hours(8 * 24), false);
    let mut fresh = batch(2, 5_000, 0);
    fresh.to = week.now_ms();
    week.send(&fresh).await;
    drop(week);
    let mut first = scene.later(
        SignedDuration::from_hours(8 * 24) + SignedDuration::from_mins(1),
        true,
    );
    let said = first.room.next_said().await;
    assert_eq!(said.place.channel.as_str(), "C0DEV");
    let What::Post(post) = said.what else {
        panic!("{said:?}")
    };
    insta::assert_snapshot!("finished", still(&post.plain()));
    // Another start, another robot: it was said.
    let mut second = scene.later(
        SignedDuration::from_hours(8 * 24) + SignedDuration::from_mins(2),
        true,
    );
    let said = second.say("@otus experiments").await;
    assert!(said.contains("users-query"), "{said}");
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_what_nobody_tells_of_goes_whole() {
    let scene = Scene::set().await;
    scene.send(&batch(1, 10, 1)).await;
    let mut later = scene.later(SignedDuration::from_hours(32 * 24), false);
    let store = std::sync::Arc::clone(later.room.store());
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !store.entries("experiments").await.unwrap().is_empty() {
        assert!(std::time::Instant::now() < end, "it is still known");
        tokio::task::yield_now().await;
    }
    assert_eq!(
        store.recall("experiments.samples", "users-query").await.unwrap(),
        None
    );
    let said = later.say("@otus experiments").await;
    assert!(
        said.contains("No application has told of an experiment yet"),
        "{said}"
    );
}
