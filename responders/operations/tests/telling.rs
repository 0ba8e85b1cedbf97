//! Why, what is under way, and the audit trail, as chats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{World, in_state, room};
use jiff::{SignedDuration, Timestamp};
use otus::{
    audit::{AuditFilter, Entry},
    operations::{State, Target},
};

#[tokio::test]
async fn why_tells_of_what_was_allowed_refused_and_failed() {
    let world = World::new();
    let mut room = room(&world);
    let said = room.say("ann", "@otus ship api 1.9 to staging").await;
    room.answer().await;
    in_state(&room, State::Succeeded).await;
    room.enter_thread(Some(said));
    room.say("zoe", "@otus why").await;
    let why = room.answer().await.plain();
    assert!(why.starts_with("✅ Ship *api* 1.9 to *staging* · done"), "{why}");
    for part in [
        "*Asked* by Ann, ",
        "`ship api 1.9 to staging`",
        "• version: `1.0` → `1.9`",
        "*Decision:* allowed: ",
        "only developers ship",
        "1. ship it · ",
        "*Ended* ",
        "It is done: it is shipped.",
    ] {
        assert!(why.contains(part), "{part:?} is missing in\n{why}");
    }

    room.enter_thread(None);
    room.say("zoe", "@otus ship api 2.0 to staging").await;
    room.answer().await;
    let refused = in_state(&room, State::Refused).await;
    room.say("ann", &format!("@otus why {}", &refused.id[..6])).await;
    let why = room.answer().await.plain();
    assert!(why.starts_with("⚠️ ") && why.contains(" · refused"), "{why}");
    assert!(
        why.contains("*Decision:* refused: ") && why.contains("✗ only developers ship"),
        "{why}"
    );

    room.say("ann", "@otus ship api crash to staging").await;
    room.answer().await;
    let failed = in_state(&room, State::Failed).await;
    room.say("ann", &format!("@otus why `{}`", failed.id)).await;
    let why = room.answer().await.plain();
    assert!(why.contains("It failed: the pod crashed."), "{why}");
}

#[tokio::test]
async fn why_tells_of_what_was_no_operation_too() {
    let mut room = room(&World::new());
    room.say("zoe", "@otus sweep").await;
    let refused = room.answer().await.plain();
    assert!(refused.starts_with("I won't do `sweep` for you"), "{refused}");
    room.expect_silence().await;
    let recorded = room.store().audit(&AuditFilter::default()).await.unwrap();
    let id = recorded[0].entry.request.clone().unwrap();
    room.say("ann", &format!("@otus why {id}")).await;
    let why = room.answer().await.plain();
    let lines: Vec<_> = why.lines().collect();
    assert_eq!(lines[0], "*What is recorded of it*");
    assert!(lines[1].contains(" · Zoe · `asked` · Sweep. · "), "{why}");
    assert!(
        lines[2].contains("`decided` · Refused: it asks for the role `sweeper`"),
        "{why}"
    );
}

#[tokio::test]
async fn what_is_long_goes_into_the_thread() {
    let mut room = room(&World::new());
    room.say("ann", "@otus ship api 1.9 to production").await;
    room.answer().await;
    let operation = in_state(&room, State::Approving).await;
    for who in ["bob", "eve"] {
        room.say(who, &format!("@otus approve {}", operation.id)).await;
        room.answer().await;
    }
    in_state(&room, State::Succeeded).await;
    let asked = room.say("zoe", &format!("@otus why {}", operation.id)).await;
    let said = room.next_said().await;
    assert_eq!(said.place.thread, Some(asked));
    let otus::room::What::Post(post) = said.what else {
        panic!("a message was expected")
    };
    assert!(post.plain().contains("• Eve as `sre`, "), "{}", post.plain());
}

#[tokio::test]
async fn the_list_has_buttons_that_check_who_presses_them() {
    let world = World::new();
    let mut room = room(&world);
    room.say("ann", "@otus ship api 1.9 to production").await;
    room.answer().await;
    let open = in_state(&room, State::Approving).await;
    room.say("ann", "@otus ship web crash to staging").await;
    room.answer().await;
    room.press("ann", "Confirm").await;
    room.answer().await;
    in_state(&room, State::Failed).await;

    room.say("zoe", "@otus operations").await;
    let list = room.answer().await.plain();
    let lines: Vec<_> = list.lines().collect();
    assert!(
        lines[1].starts_with(&format!(
            "✋ `{}` Ship *api* 1.9 to *production* · waits for approval, 0 of 2 by `sre` · Ann, ",
            open.id
        )),
        "{list}"
    );
    assert!(
        lines[3].contains("Ship *web* crash to *staging* · failed · Ann, "),
        "{list}"
    );
    let button = format!("Approve {}", &open.id[..4]);
    room.press("zoe", &button).await;
    let refused = room.answer().await.plain();
    assert!(refused.contains("You can't decide on"), "{refused}");
    room.press("bob", &button).await;
    let approved = room.answer().await.plain();
    assert!(approved.contains("Approved: 1 of 2 by `sre`."), "{approved}");

    room.say("zoe", "@otus operations web in staging").await;
    let list = room.answer().await.plain();
    assert!(
        list.starts_with("*Operations of web in staging*\nNothing is under way"),
        "{list}"
    );
    room.say("zoe", "@otus operations in prod").await;
    let list = room.answer().await.plain();
    assert!(list.starts_with("*Operations of production*\n✋ "), "{list}");
    room.say("zoe", "@otus operations wbe").await;
    let unknown = room.answer().await.plain();
    assert!(
        unknown.starts_with("There is no service called `wbe`. Did you mean `web`?"),
        "{unknown}"
    );
}

/// Entries of a while, the oldest first: Ann and Bob in turn, api and web in turn, an hour apart.
fn entries(count: i64) -> Vec<Entry> {
    let now = Timestamp::now();
    (0..count)
        .map(|number| {
            let (who, service) = if number % 2 == 0 {
                ("ann", "api")
            } else {
                ("bob", "web")
            };
            let mut entry = Entry::new(
                now - SignedDuration::from_hours(count - number),
                "locked",
                format!("number {number}"),
            );
            entry.target = Target::new(service, "staging");
            entry.by(&who.into())
        })
        .collect()
}

#[tokio::test]
async fn the_trail_is_filtered_and_what_is_long_is_a_file() {
    let mut room = room(&World::new());
    room.say("zoe", "@otus audit").await;
    room.expect_reply("*Audit trail*\nNothing is recorded about that.")
        .await;
    room.store().record(&entries(50)).await.unwrap();

    room.say("zoe", "@otus audit").await;
    let trail = room.answer().await.plain();
    assert_eq!(trail.lines().count(), 22, "{trail}");
    assert!(
        trail.contains(" · Bob · `locked` web in staging · Number 49."),
        "{trail}"
    );
    assert!(
        trail.ends_with("The 20 newest of 50; the file has all of them."),
        "{trail}"
    );
    let file = room.expect_file().await;
    assert_eq!(file.name, "audit.csv");
    assert_eq!(String::from_utf8(file.bytes).unwrap().lines().count(), 51);

    for (words, title, count) in [
        ("audit web last 4h", "of web, last 4h", 2),
        ("audit last 4h by @ann", "by Ann, last 4h", 1),
        ("audit by @ann last 5h", "by Ann, last 5h", 2),
        ("audit api in staging last 1d", "of api in staging, last 24h", 11),
        ("audit staging last 3h by @bob", "of staging, by Bob, last 3h", 1),
        ("audit in staging by @nobody", "of staging, by nobody", 0),
        ("audit production", "of production", 0),
    ] {
        room.say("zoe", &format!("@otus {words}")).await;
        let trail = room.answer().await.plain();
        assert!(trail.starts_with(&format!("*Audit trail* {title}\n")), "{trail}");
        // The title, the entries (or that there are none), how many there are.
        let expected = if count == 0 { 2 } else { count + 2 };
        assert_eq!(trail.lines().count(), expected, "{words}: {trail}");
    }
    room.say("ann", "@otus audit by me last 2h").await;
    let mine = room.answer().await.plain();
    assert!(mine.starts_with("*Audit trail* by Ann, last 2h\n"), "{mine}");
    room.say("ann", "@otus audit apii").await;
    let unknown = room.answer().await.plain();
    assert!(
        unknown.starts_with("There is no service or environment called `apii`. Did you mean `api`?"),
        "{unknown}"
    );
    room.say("ann", "@otus audit last 1y").await;
    room.expect_reply("`1y` is no good as <last>: write for example `24h`, `7d` or `2w`.")
        .await;
}

#[tokio::test]
async fn what_somebody_wrote_into_the_record_leaves_without_credentials_and_calls_nobody() {
    let mut room = room(&World::new());
    let secret = format!("ghp_{}", "a1B2".repeat(9));
    let mut all = entries(30);
    all[29].text = format!(
        "{} asked for `deploy api`\nbecause {secret} <!everyone>",
        otus::markup::user(&"eve".into())
    );
    room.store().record(&all).await.unwrap();
    room.say("zoe", "@otus audit").await;
    let trail = room.answer().await;
    let file = String::from_utf8(room.expect_file().await.bytes).unwrap();
    let newest = trail.plain();
    let newest = newest.lines().nth(1).unwrap();
    assert!(
        newest.contains("Eve asked for `deploy api` because [redacted"),
        "{newest}"
    );
    assert!(!trail.plain().contains(&secret) && !file.contains(&secret));
    let words = format!("{:?}", trail.card);
    assert!(!words.contains(&otus::markup::user(&"eve".into())), "{words}");
    // Hashes only look like credentials.
    let recorded = room.store().audit(&AuditFilter::default()).await.unwrap();
    assert!(recorded.iter().all(|one| file.contains(&one.hash)));
}

#[tokio::test]
async fn what_is_not_configured_any_more_is_still_in_the_trail() {
    let mut room = room(&World::new());
    let mut gone = Entry::new(Timestamp::now(), "unlocked", "Ann unlocked shop").by(&"ann".into());
    gone.target.service = Some("shop".into());
    room.store().record(&[gone]).await.unwrap();
    room.say("zoe", "@otus audit shop").await;
    let trail = room.answer().await.plain();
    assert!(
        trail.contains(" · Ann · `unlocked` shop · Ann unlocked shop."),
        "{trail}"
    );
}

#[tokio::test]
async fn the_trail_of_one_operation_by_its_id_or_its_thread() {
    let mut room = room(&World::new());
    let said = room.say("ann", "@otus ship api 1.9 to staging").await;
    room.answer().await;
    let operation = in_state(&room, State::Succeeded).await;
    room.store().record(&entries(3)).await.unwrap();
    room.say("zoe", &format!("@otus audit {}", operation.id)).await;
    let by_id = room.answer().await.plain();
    let title = format!("*Audit trail* of the operation {}\n", operation.id);
    assert!(
        by_id.starts_with(&title) && !by_id.contains("`locked`"),
        "{by_id}"
    );
    for event in ["`asked`", "`decided`", "`started`", "`ended`"] {
        assert!(by_id.contains(event), "{event}: {by_id}");
    }
    room.enter_thread(Some(said));
    room.say("zoe", "@otus audit").await;
    assert_eq!(room.answer().await.plain(), by_id);
}
