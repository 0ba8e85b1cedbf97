//! Runs: once, in time or late, whatever dies.

use crate::scene::Scene;
use jiff::{SignedDuration, Timestamp};
use otus::{ChatError, prelude::*, room::Fuse};
use otus_responder_schedules::{MissedRun, Schedules, Settings};
use std::time::Duration;
#[tokio::test(start_paused = true)]
async fn what_is_scheduled_runs_once_and_says_who_asked() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    room.say("ann", "@otus in 2h ring").await;
    scene.until(async |scene| scene.kept().await.len() == 1).await;
    scene
        .until(async |scene| scene.chat.transcript().contains("Scheduled:"))
        .await;
    scene.heard_enough();
    scene.clock.jump(SignedDuration::from_hours(2));
    let answer = room.answer().await.plain();
    assert_eq!(answer, "scheduled by @ann: `ring`\ndong");
    // After it is sure that it was heard, nothing of it is left.
    scene.clock.jump(SignedDuration::from_mins(6));
    scene.until(async |scene| scene.kept().await.is_empty()).await;
    assert_eq!(scene.rung(), 1);
    assert_eq!(scene.count("schedule due").await, 1);
}

#[tokio::test(start_paused = true)]
async fn of_three_robots_one_runs_it_each_time() {
    let scene = Scene::new();
    let mut one = scene.room(&Fuse::default(), &["ann"]);
    let _two = scene.room(&Fuse::default(), &["ann"]);
    let _three = scene.room(&Fuse::default(), &["ann"]);
    one.say("ann", "@otus every 15 minutes ring").await;
    scene.until(async |scene| scene.kept().await.len() == 1).await;
    for run in 1..=200 {
        scene.clock.jump(SignedDuration::from_mins(15));
        scene.until(async |scene| scene.rung() >= run).await;
        // Whoever else saw it has had its look.
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(scene.rung(), run);
    }
    assert_eq!(scene.count("schedule due").await, 200);
    assert_eq!(scene.count("schedule missed").await, 0);
    scene.heard_enough();
}

/// What a schedule does to the outside from its making to its end, with a robot that dies at some call.
async fn played(fuse: Fuse) -> u64 {
    let scene = Scene::new();
    let mut maker = scene.room(&Fuse::default(), &["ann"]);
    maker.say("ann", "@otus in 2h ring").await;
    scene.until(async |scene| scene.kept().await.len() == 1).await;
    scene
        .until(async |scene| scene.chat.transcript().contains("Scheduled:"))
        .await;
    assert!(maker.robot().stop(Duration::from_secs(10)).await);
    scene.clock.jump(SignedDuration::from_hours(2));
    // This one runs it, as far as it comes.
    let first = scene.room(&fuse, &["ann"]);
    tokio::select! {
        () = scene.until(async |scene| scene.rung() == 1 && first.robot().busy() == 1) => {}
        () = fuse.burnt() => {}
    }
    let calls = fuse.calls();
    fuse.burn();
    let second = scene.room(&Fuse::default(), &["ann"]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    scene.clock.jump(SignedDuration::from_mins(6));
    scene.until(async |scene| scene.kept().await.is_empty()).await;
    scene.heard_enough();
    assert_eq!(scene.count("schedule due").await, 1);
    assert_eq!(scene.count("schedule missed").await, 0);
    // A process of this memory is never found dead, so that what died after its claim stays silent; it never rings twice.
    assert!(scene.rung() <= 1, "{}", scene.rung());
    drop(second);
    calls * 2 + u64::try_from(scene.rung()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_robot_that_dies_at_any_call_leaves_it_to_another_and_nothing_rings_twice() {
    let whole = played(Fuse::default()).await;
    assert_eq!(whole % 2, 1, "it rings");
    let mut rung = Vec::new();
    for call in 1..=whole / 2 {
        for done in [false, true] {
            rung.push((call, done, played(Fuse::at(call, done)).await % 2 == 1));
        }
    }
    // Up to the claim of the event, it always rings.
    let first_silent = rung.iter().position(|(_, _, rung)| !rung).unwrap_or(rung.len());
    assert!(first_silent >= 5, "{rung:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_by_little_runs_once_and_by_much_is_told() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    room.say("ann", "@otus every 15 minutes ring").await;
    scene.until(async |scene| scene.kept().await.len() == 1).await;
    scene
        .until(async |scene| scene.chat.transcript().contains("Scheduled:"))
        .await;
    room.say("ann", "@otus in 3h ring").await;
    scene.until(async |scene| scene.kept().await.len() == 2).await;
    scene
        .until(async |scene| scene.chat.transcript().matches("Scheduled:").count() == 2)
        .await;
    scene.heard_enough();
    assert!(room.robot().stop(Duration::from_secs(10)).await);
    // Nobody is there for five hours.
    scene.clock.jump(SignedDuration::from_hours(5));
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    let mut said = [room.answer().await.plain(), room.answer().await.plain()];
    said.sort();
    assert_eq!(said[0], "scheduled by @ann: `ring`\ndong");
    assert!(
        said[1].starts_with("⚠️ Missed: `ring`\n@ann scheduled it for "),
        "{}",
        said[1]
    );
    assert_eq!(scene.rung(), 1, "of all that were missed, the last");
    assert_eq!(scene.count("schedule missed").await, 1);
    scene.until(async |scene| scene.kept().await.len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_right_by_then_is_refused_and_told() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    room.say("ann", "@otus in 2h ring").await;
    scene.until(async |scene| scene.kept().await.len() == 1).await;
    scene
        .until(async |scene| scene.chat.transcript().contains("Scheduled:"))
        .await;
    scene.heard_enough();
    assert!(room.robot().stop(Duration::from_secs(10)).await);
    let mut room = scene.room(&Fuse::default(), &["bob"]);
    scene.clock.jump(SignedDuration::from_hours(2));
    let answer = room.answer().await.plain();
    assert!(answer.starts_with("scheduled by @ann: `ring`\n"), "{answer}");
    assert!(answer.contains("ringer"), "{answer}");
    assert_eq!(scene.rung(), 0);
}

#[tokio::test(start_paused = true)]
async fn rules_and_freezes_count_when_it_runs_and_not_when_it_is_scheduled() {
    let scene = Scene::new();
    let mut room = Room::builder()
        .responder(Schedules::default())
        .responder(scene.bell.clone())
        .policy("[[rules]]\nname = 'nothing rings'\ndeny = true\n")
        .store(scene.store.clone())
        .chat(scene.chat.clone())
        .fuse(Fuse::default(), scene.clock.clone())
        .open();
    room.robot().start();
    room.say("ann", "@otus in 2h ring").await;
    scene.until(async |scene| scene.kept().await.len() == 1).await;
    scene
        .until(async |scene| scene.chat.transcript().contains("Scheduled:"))
        .await;
    scene.heard_enough();
    scene.clock.jump(SignedDuration::from_hours(2));
    let answer = room.answer().await.plain();
    assert!(answer.starts_with("scheduled by @ann: `ring`\n"), "{answer}");
    assert!(answer.contains("nothing rings"), "{answer}");
    assert_eq!(scene.rung(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_only_a_dead_robot_had_claimed_is_heard_again() {
    for call in 1..20 {
        let scene = Scene::new();
        let mut maker = scene.room(&Fuse::default(), &["ann"]);
        maker.say("ann", "@otus in 2h ring").await;
        scene.until(async |scene| scene.kept().await.len() == 1).await;
        scene
            .until(async |scene| scene.chat.transcript().contains("Scheduled:"))
            .await;
        assert!(maker.robot().stop(Duration::from_secs(10)).await);
        scene.heard_enough();
        scene.clock.jump(SignedDuration::from_hours(2));
        let fuse = Fuse::at(call, true);
        let _first = scene.room(&fuse, &["ann"]);
        fuse.burnt().await;
        let schedule = scene.kept().await.remove(0);
        let Some(at) = schedule["running"][0]["at"].as_str() else {
            continue;
        };
        let key = otus::EventKey::new(format!("schedule:{}:{at}", schedule["id"].as_str().unwrap()));
        if scene.store.claim(&key).await.unwrap() {
            scene.store.release(&key).await.unwrap();
            continue;
        }
        // The first call that claims it. Real stores find out by themselves that its process is dead.
        scene.store.release(&key).await.unwrap();
        let mut second = scene.room(&Fuse::default(), &["ann"]);
        second.expect_reply("scheduled by @ann: `ring`\ndong").await;
        scene.clock.jump(SignedDuration::from_mins(6));
        scene.until(async |scene| scene.kept().await.is_empty()).await;
        assert_eq!(scene.rung(), 1);
        return;
    }
    panic!("no robot came to claim it");
}

#[tokio::test(start_paused = true)]
async fn what_is_late_is_skipped_where_the_operator_wants_it_so() {
    let scene = Scene::new();
    let settings = Settings {
        missed: MissedRun::Skip,
        ..Settings::default()
    };
    let mut room = scene.room_with(settings, &Fuse::default(), &["ann"]);
    scene.schedule(&mut room, "every 15 minutes ring").await;
    assert!(room.robot().stop(Duration::from_secs(10)).await);
    scene.clock.jump(SignedDuration::from_mins(20));
    let mut room = scene.room_with(settings, &Fuse::default(), &["ann"]);
    let told = room.answer().await.plain();
    assert!(told.starts_with("⚠️ Missed: `ring`\n"), "{told}");
    assert!(told.contains("so I skipped it"), "{told}");
    assert_eq!(scene.rung(), 0);
    // What is in time runs as ever.
    scene.clock.jump(SignedDuration::from_mins(10));
    room.expect_reply("scheduled by @ann: `ring`\ndong").await;
    assert_eq!(scene.count("schedule missed").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_back_runs_nothing_twice() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    scene.schedule(&mut room, "every 15 minutes ring").await;
    for run in 1..=3 {
        scene.clock.jump(SignedDuration::from_mins(15));
        scene.until(async |scene| scene.rung() == run).await;
    }
    scene.clock.jump(SignedDuration::from_mins(-40));
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(30)).await;
        scene.clock.jump(SignedDuration::from_mins(4));
    }
    assert_eq!(scene.rung(), 3);
    scene.clock.jump(SignedDuration::from_mins(15));
    scene.until(async |scene| scene.rung() == 4).await;
    assert_eq!(scene.count("schedule due").await, 4);
    assert_eq!(scene.count("schedule missed").await, 0);
    scene.heard_enough();
}

#[tokio::test(start_paused = true)]
async fn on_days_when_clocks_change_it_runs_once() {
    // In Berlin, 2:30 is left out in the first of these nights and comes twice in the other.
    for evening in ["2027-03-27T12:00:00Z", "2027-10-30T12:00:00Z"] {
        let scene = Scene::new();
        let mut room = scene.room(&Fuse::default(), &["ann"]);
        let evening: Timestamp = evening.parse().unwrap();
        scene.clock.jump(evening.duration_since(Timestamp::now()));
        scene.schedule(&mut room, "every day at 2:30 ring").await;
        for half_hour in 1..=96 {
            scene.clock.jump(SignedDuration::from_mins(30));
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert!(scene.rung() <= half_hour / 24);
        }
        assert_eq!(scene.rung(), 2, "{evening}");
        assert_eq!(scene.count("schedule missed").await, 0);
        scene.heard_enough();
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_holds_up_no_other() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    scene.schedule(&mut room, "in 1h hang").await;
    scene.schedule(&mut room, "in 1h ring").await;
    scene.schedule(&mut room, "every 15 minutes ring").await;
    scene.clock.jump(SignedDuration::from_hours(1));
    scene.until(async |scene| scene.rung() == 2).await;
    assert!(!scene.chat.transcript().contains("I stopped after"));
    scene
        .until(async |scene| {
            scene
                .chat
                .transcript()
                .contains("scheduled by @ann: `hang`\nI stopped after")
        })
        .await;
    scene.heard_enough();
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_is_away_holds_up_nothing_and_is_told_later_what_was_missed() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    scene.schedule(&mut room, "in 1h ring").await;
    scene.schedule(&mut room, "in 5h ring").await;
    assert!(room.robot().stop(Duration::from_secs(10)).await);
    scene.clock.jump(SignedDuration::from_hours(5));
    scene
        .chat
        .break_with(Some(ChatError::Unreachable("no route".into())));
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    scene.until(async |scene| scene.rung() == 1).await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        scene.clock.jump(SignedDuration::from_secs(31));
    }
    scene.heard_enough();
    scene.chat.break_with(None);
    scene.clock.jump(SignedDuration::from_secs(31));
    let told = room.answer().await.plain();
    assert!(told.starts_with("⚠️ Missed: `ring`\n"), "{told}");
    scene.clock.jump(SignedDuration::from_mins(6));
    scene.until(async |scene| scene.kept().await.is_empty()).await;
    assert_eq!((scene.rung(), scene.count("schedule missed").await), (1, 1));
}
