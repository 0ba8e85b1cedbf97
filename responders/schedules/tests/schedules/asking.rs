//! What is said to schedule, to list and to end.

use crate::scene::Scene;
use jiff::Timestamp;
use otus::{
    message::ChannelKind,
    room::{Fuse, Room},
};
use otus_responder_schedules::Schedules;

/// Says something in a room and answers what comes back.
async fn asked(room: &mut Room, who: &str, line: &str) -> String {
    room.say(who, &format!("@otus {line}")).await;
    room.answer().await.plain()
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_scheduled_is_refused_at_once() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    for (line, part) in [
        ("in 2h dance", "`dance` is no command"),
        ("in 2h in 3h ring", "`in 3h ring` is a schedule itself"),
        (
            "every 30 seconds ring",
            "Nothing runs more often than every minute.",
        ),
        (
            "at 9:00 Europe/Atlantis ring",
            "There is no time zone called `Europe/Atlantis`.",
        ),
        (
            "on friday ring",
            "At what time? Write for example `on friday at 9:00 …`.",
        ),
        (
            "on 2020-01-01 at 9:00 ring",
            "That is over: it was on 2020-01-01 at 09:00 (Europe/Berlin).",
        ),
        (
            "every weekdy at 9 ring",
            "`weekdy` is nothing that comes again and again. Write for example `every weekday at 9:00 …`, `every monday at \
             9:00 …`, `every 2 hours …` or `every 1st of the month at 8:00 …`. Did you mean `every weekday at 9 ring`?\n\
             [every weekday at 9 ring]",
        ),
        (
            "tomorrow at 9 rign",
            "`rign` is no command, so there is nothing to schedule. Did you mean `tomorrow at 9 ring`?\n[tomorrow at 9 ring]",
        ),
        ("unschedule beef", "There is no schedule `beef`"),
    ] {
        room.say("ann", &format!("@otus {line}")).await;
        let answer = room.answer().await.plain();
        assert!(answer.contains(part), "{line}: {answer}");
    }
    assert_eq!(scene.kept().await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn when_and_what_can_be_said_apart() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    scene
        .schedule(&mut room, "schedule every weekday at 9:30: ring")
        .await;
    scene.schedule(&mut room, "every weekday at 9:30 ring").await;
    let kept = scene.kept().await;
    for key in ["line", "when", "next", "by", "origin"] {
        assert_eq!(kept[0][key], kept[1][key], "{key}");
    }
    assert_eq!(kept[0]["line"], "ring");
    room.say("ann", "@otus in 2h schedule in 3h: ring").await;
    let nested = room.answer().await.plain();
    assert!(nested.contains("is a schedule itself"), "{nested}");
}

#[tokio::test(start_paused = true)]
async fn reminders_are_schedules_that_post() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    scene
        .schedule(&mut room, "remind me to look at the canary in 2h")
        .await;
    scene
        .schedule(
            &mut room,
            "remind us every weekday at 9:25 that the standup begins",
        )
        .await;
    scene
        .schedule(&mut room, "remind @ben tomorrow at 9 of the retro")
        .await;
    let lines: Vec<_> = scene
        .kept()
        .await
        .iter()
        .map(|kept| kept["line"].clone())
        .collect();
    for line in [
        "reminder for @ann: look at the canary",
        "reminder: the standup begins",
        "reminder for @ben: the retro",
    ] {
        assert!(lines.iter().any(|kept| kept == line), "{line}: {lines:?}");
    }
    for (line, part) in [
        (
            "remind me to look at the canary",
            "I see no time in that. Write for example `remind me in 2h to",
        ),
        ("remind me in 2h", "Of what?"),
        ("remind @nobody.knows in 2h to come", "is nobody I can mention"),
    ] {
        let answer = asked(&mut room, "ann", line).await;
        assert!(answer.contains(part), "{line}: {answer}");
    }
    assert_eq!(scene.kept().await.len(), 3);
    scene.clock.jump(jiff::SignedDuration::from_hours(2));
    let told = room
        .expect_shown(|post| post.plain().starts_with("⏰ @ann look at the canary"))
        .await;
    assert!(told.plain().contains("scheduled by @ann: "), "{}", told.plain());
    scene.heard_enough();
}

#[tokio::test(start_paused = true)]
async fn schedules_are_listed_and_ended_by_a_button() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    room.say("ann", "@otus schedules").await;
    assert!(room.answer().await.plain().contains("Nothing is scheduled"));
    room.say(
        "ann",
        "@otus every weekday at 9:00 America/New_York post Good morning, @here!",
    )
    .await;
    scene.until(async |scene| scene.kept().await.len() == 1).await;
    scene
        .until(async |scene| scene.chat.transcript().contains("Scheduled:"))
        .await;
    scene.heard_enough();
    room.say("ann", "@otus schedules").await;
    let list = room.answer().await.plain();
    let id = scene.kept().await[0]["id"].as_str().unwrap().to_owned();
    let expected =
        format!("`{id}` `post Good morning, @here!` every weekday at 09:00 (America/New_York)\nnext ");
    assert!(list.contains(&expected), "{list}");
    room.press("bob", &format!("Unschedule {id}")).await;
    scene.until(async |scene| scene.kept().await.is_empty()).await;
    scene
        .until(async |scene| scene.chat.transcript().contains("is gone"))
        .await;
    scene.heard_enough();
    assert_eq!(scene.count("unscheduled").await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_limit_holds_and_what_is_posted_rings_nowhere() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    room.say("ann", "@otus post Hello @here and @Channel").await;
    room.expect_reply("Hello @\u{200B}here and @\u{200B}Channel")
        .await;
    room.say("ann", "@otus in 2h ring").await;
    scene.until(async |scene| scene.kept().await.len() == 1).await;
    scene
        .until(async |scene| scene.chat.transcript().contains("Scheduled:"))
        .await;
    scene.heard_enough();
    let one = scene.kept().await.remove(0);
    for number in 1..200 {
        let mut other = one.clone();
        let key = format!("x{number}");
        other["id"] = key.clone().into();
        let written = scene.store.swap("schedules", &key, 0, Some(&other), &[]).await;
        assert!(written.unwrap());
    }
    room.say("ann", "@otus in 2h ring").await;
    let answer = room.answer().await.plain();
    assert!(answer.contains("There are 200 schedules already"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_now_is_warned_and_not_refused() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["bob"]);
    room.say("ann", "@otus in 2h ring").await;
    scene
        .until(async |scene| scene.chat.transcript().contains("⚠️ Scheduled: `ring`"))
        .await;
    let transcript = scene.chat.transcript();
    let warning = "As it is now, I would not do it for you: ";
    assert!(transcript.contains(warning), "{transcript}");
    assert!(transcript.contains("`ringer`"), "{transcript}");
    scene.heard_enough();
    assert_eq!(scene.kept().await.len(), 1);
    // Whoever may is not warned.
    room.say("bob", "@otus in 3h ring").await;
    scene
        .until(async |scene| scene.chat.transcript().contains("✅ Scheduled: `ring`"))
        .await;
    scene.heard_enough();
}

#[tokio::test(start_paused = true)]
async fn what_was_scheduled_behind_closed_doors_is_told_nowhere_else() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    room.go_to("D1", ChannelKind::Direct);
    scene.schedule(&mut room, "in 2h post A secret").await;
    let id = scene.kept().await[0]["id"].as_str().unwrap().to_owned();
    room.go_to("C1", ChannelKind::Public);
    assert!(
        asked(&mut room, "bob", "schedules")
            .await
            .contains("Nothing is scheduled")
    );
    let answer = asked(&mut room, "bob", &format!("unschedule {id}")).await;
    assert!(answer.contains("There is no schedule"), "{answer}");
    assert_eq!(scene.kept().await.len(), 1);
    room.go_to("D1", ChannelKind::Direct);
    let list = asked(&mut room, "ann", "schedules").await;
    assert!(list.contains("`post A secret`"), "{list}");
}

#[tokio::test(start_paused = true)]
async fn a_post_of_many_lines_is_scheduled_whole() {
    let scene = Scene::new();
    let mut room = scene.room(&Fuse::default(), &["ann"]);
    scene
        .schedule(
            &mut room,
            "every last day of the month at 9 post Timesheets!\nAnd thanks, @channel",
        )
        .await;
    assert_eq!(
        scene.kept().await[0]["line"],
        "post Timesheets!\nAnd thanks, @channel"
    );
    let next: Timestamp = scene.kept().await[0]["next"].as_str().unwrap().parse().unwrap();
    scene.clock.jump(next.duration_since(Timestamp::now()));
    scene
        .until(async |scene| {
            scene
                .chat
                .transcript()
                .contains("Timesheets!\nAnd thanks, @\u{200B}channel")
        })
        .await;
    scene.heard_enough();
}

/// The page on schedules.
const PAGE: &str = include_str!("../../../../docs/schedules.md");

#[tokio::test(start_paused = true)]
async fn who_may_schedule_can_be_said_by_a_rule_as_the_page_shows() {
    let rule = PAGE.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    assert!(rule.contains("[[policy.rules]]"), "{rule}");
    let policy = rule.replace("[[policy.rules]]", "[[rules]]");
    let scene = Scene::new();
    let mut room = Room::builder()
        .responder(Schedules::default())
        .responder(scene.bell.clone())
        .role("ringer", &["*"])
        .role("oncall", &["bob"])
        .policy(&policy)
        .store(scene.store.clone())
        .chat(scene.chat.clone())
        .open();
    for line in ["in 2h ring", "schedule in 2h: ring", "remind me in 2h to ring"] {
        let refused = asked(&mut room, "ann", line).await;
        assert!(
            refused.contains("schedules are made by those who are on call"),
            "{line}: {refused}"
        );
    }
    assert_eq!(scene.kept().await.len(), 0);
    room.say("bob", "@otus in 2h ring").await;
    scene
        .until(async |scene| scene.chat.transcript().contains("✅ Scheduled: `ring`"))
        .await;
    scene.heard_enough();
    assert_eq!(scene.kept().await.len(), 1);
}
