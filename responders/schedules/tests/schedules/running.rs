//! Schedules as chats: made, run once however many robots there are, missed, refused and ended.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::SignedDuration;
use otus::{
    MemoryStore, Store,
    audit::AuditFilter,
    chat::Person,
    prelude::*,
    room::{Clock, Fuse, RoomChat},
};
use otus_responder_schedules::Schedules;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Counts how often it is rung.
#[derive(Default, Clone)]
struct Bell(Arc<AtomicUsize>);

#[responder]
impl Bell {
    /// Rings.
    #[respond(r"^ring$", usage = "ring", role = "ringer", effect = "changes")]
    async fn ring(&self, cx: Context) -> Result {
        self.0.fetch_add(1, Ordering::SeqCst);
        cx.reply("dong").await
    }
}

/// What the robots of a test share.
struct Scene {
    bell: Bell,
    store: Arc<dyn Store>,
    chat: Arc<RoomChat>,
    clock: Clock,
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            bell: Bell::default(),
            store: Arc::new(MemoryStore::new()),
            chat: Arc::new(RoomChat::default()),
            clock: Clock::default(),
        };
        scene.chat.introduce(
            "ann",
            Person {
                name: "ann".into(),
                zone: Some("Europe/Berlin".into()),
                robot: false,
            },
        );
        scene
    }

    fn room(&self, fuse: &Fuse, ringers: &[&str]) -> Room {
        let room = Room::builder()
            .responder(Schedules::default())
            .responder(self.bell.clone())
            .role("ringer", ringers)
            .store(self.store.clone())
            .chat(self.chat.clone())
            .fuse(fuse.clone(), self.clock.clone())
            .open();
        room.robot().start();
        room
    }

    fn rung(&self) -> usize {
        self.bell.0.load(Ordering::SeqCst)
    }

    async fn kept(&self) -> Vec<serde_json::Value> {
        let entries = self.store.entries("schedules").await.unwrap();
        entries.into_iter().map(|entry| entry.value).collect()
    }

    /// What the audit trail has of these events.
    async fn count(&self, event: &str) -> usize {
        let filter = AuditFilter {
            events: vec![event.into()],
            limit: 10_000,
            ..AuditFilter::default()
        };
        self.store.audit(&filter).await.unwrap().len()
    }

    /// Waits until it is so.
    async fn until(&self, what: impl AsyncFn(&Self) -> bool) {
        let waiting = async {
            while !what(self).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3600), waiting)
            .await
            .unwrap_or_else(|_| panic!("it never comes to be so\n{}", self.chat.transcript()));
    }

    /// What was said and nobody asked about is no fault.
    fn heard_enough(&self) {
        while self.chat.take_unexpected().is_some() {}
    }
}

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
    for run in 1..=40 {
        scene.clock.jump(SignedDuration::from_mins(15));
        scene.until(async |scene| scene.rung() >= run).await;
        // Whoever else saw it has had its look.
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(scene.rung(), run);
    }
    assert_eq!(scene.count("schedule due").await, 40);
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
        ("unschedule beef", "There is no schedule `beef`"),
    ] {
        room.say("ann", &format!("@otus {line}")).await;
        let answer = room.answer().await.plain();
        assert!(answer.contains(part), "{line}: {answer}");
    }
    assert_eq!(scene.kept().await.len(), 0);
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
        let Some(at) = schedule["running"][0].as_str() else {
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
