//! Locks, as chats.

use crate::{room, tell};
use insta::assert_snapshot;
use jiff::SignedDuration;

const OVER: &str = "lock_override = 'lead'";

#[tokio::test]
async fn a_lock_wants_a_reason_and_then_holds_up_everybody_else() {
    let (mut room, clock) = room("");
    room.say("ann", "@otus lock production for 1h").await;
    assert_snapshot!(tell(&mut room).await, @r"Why? Who is held up by it will want to know. Say `lock production for 1h because <reason>`.");
    room.say("ann", "@otus lock prod for 1h because database migration")
        .await;
    assert_snapshot!(tell(&mut room).await, @r"
    🔒 ann has locked *production* until 15:00 UTC
    database migration
    [Unlock]
    asked by @ann · 0 s
    ");
    clock.pass(SignedDuration::from_mins(12));
    room.say("bob", "@otus can @dan ship api to production").await;
    assert_snapshot!(tell(&mut room).await, @r"
    ⚠️ Not now, dan can't `ship api in production`: production is locked by ann since 14:00 UTC (12 min) until 15:00 UTC: database migration
    ✓ it asks for the role `shipper`, which who asked has: in the group `crew`
    · no rule is about this
    ✗ production is locked by ann since 14:00 UTC (12 min) until 15:00 UTC: database migration
    ");
    room.say("bob", "@otus lock production because mine").await;
    assert_snapshot!(tell(&mut room).await, @r"
    I can't lock it again: production is locked by ann since 14:00 UTC (12 min) until 15:00 UTC: database migration.
    [tell me when production opens]
    ");
    room.say("bob", "@otus locks").await;
    assert_snapshot!(tell(&mut room).await, @r"
    🔒 One lock
    • production is locked by ann since 14:00 UTC (12 min) until 15:00 UTC: database migration
    [Unlock production]
    ");
    room.say("ann", "@otus unlock production").await;
    assert_snapshot!(tell(&mut room).await, @r"
    ✅ *production* is open
    asked by @ann · 0 s
    ");
    room.say("bob", "@otus locks").await;
    assert_snapshot!(tell(&mut room).await, @r"✅ Nothing is locked");
    let trail = clock.trail().await;
    let locks: Vec<_> = trail
        .iter()
        .filter(|entry| entry.starts_with("locked") || entry.starts_with("unlocked"))
        .collect();
    assert_eq!(
        locks,
        [
            "locked: ann locked production until 2026-11-23T15:00:00Z: database migration",
            "unlocked: ann unlocked production",
        ]
    );
}

#[tokio::test]
async fn a_lock_of_somebody_else_goes_by_role_and_reason() {
    let (mut room, _) = room(OVER);
    room.say("ann", "@otus lock api in production because a test")
        .await;
    tell(&mut room).await;
    room.say("bob", "@otus unlock api in production because it is old")
        .await;
    assert_snapshot!(tell(&mut room).await, @r"It is not your lock, and only the role `lead` may take away the locks of others. What is there: api in production is locked by ann since 14:00 UTC (0 s): a test.");
    room.say("lea", "@otus unlock api in production").await;
    assert_snapshot!(tell(&mut room).await, @r"It is not your lock: api in production is locked by ann since 14:00 UTC (0 s): a test. Why should it go? Say `unlock api in production because <reason>`.");
    room.say("lea", "@otus unlock api").await;
    assert_snapshot!(tell(&mut room).await, @r"
    There is no lock on just `api`, but api in production is locked by ann since 14:00 UTC (0 s): a test.
    [unlock api in production]
    ");
    room.say("lea", "@otus unlock api in production because it is old")
        .await;
    assert_snapshot!(tell(&mut room).await, @r"
    ✅ *api in production* is open
    asked by @lea · 0 s
    ");
    room.say("lea", "@otus unlock api in production because it is old")
        .await;
    assert_snapshot!(tell(&mut room).await, @r"Nothing locks `api in production`. `locks` tells what is locked.");
    let (mut room, _) = crate::room("");
    room.say("ann", "@otus lock api because a test").await;
    tell(&mut room).await;
    room.say("lea", "@otus unlock api because it is old").await;
    assert_snapshot!(tell(&mut room).await, @r"It is not your lock, and no role may take away the locks of others (`lock_override` below [policy]). What is there: api is locked by ann since 14:00 UTC (0 s): a test.");
}

#[tokio::test]
async fn locks_that_overlap_are_all_in_the_way_and_told_of_when_the_last_opens() {
    let (mut room, clock) = room("");
    room.robot().start();
    for (who, what) in [
        ("ann", "lock api because one"),
        ("bob", "lock production for 30m because two"),
        ("cid", "lock web in production because three"),
    ] {
        room.say(who, &format!("@otus {what}")).await;
        tell(&mut room).await;
        clock.pass(SignedDuration::from_mins(1));
    }
    room.say("dan", "@otus can I ship api to production?").await;
    assert_snapshot!(tell(&mut room).await, @r"
    ⚠️ Not now, you can't `ship api in production`: api is locked by ann since 14:00 UTC (3 min): one; production is locked by bob since 14:01 UTC (2 min) until 14:31 UTC: two
    ✓ it asks for the role `shipper`, which who asked has: in the group `crew`
    · no rule is about this
    ✗ api is locked by ann since 14:00 UTC (3 min): one
    ✗ production is locked by bob since 14:01 UTC (2 min) until 14:31 UTC: two
    ");
    room.say("dan", "@otus tell me when api in production opens")
        .await;
    assert_snapshot!(tell(&mut room).await, @r"I'll tell you here when it opens: api is locked by ann since 14:00 UTC (3 min): one; and production is locked by bob since 14:01 UTC (2 min) until 14:31 UTC: two.");
    room.say("ann", "@otus unlock api").await;
    assert_snapshot!(tell(&mut room).await, @r"
    ✅ *api* is open
    Who waits for it is told.
    asked by @ann · 0 s
    ");
    // Only now nothing is in the way any more.
    clock.pass(SignedDuration::from_mins(40));
    room.expect_reply("@dan *production* is open: the time of its lock is over.")
        .await;
    room.say("dan", "@otus tell me when api in production opens")
        .await;
    room.expect_reply("Nothing locks `api in production`: go ahead.")
        .await;
    room.robot().stop(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_cannot_be_locked_is_said() {
    let (mut room, clock) = room("");
    room.say("ann", "@otus lock staging in production because x")
        .await;
    room.expect_reply(
        "`staging` and `production` are both environments. I lock a service, an environment, or a service in an \
         environment.",
    )
    .await;
    room.say("ann", "@otus lock apy because x").await;
    assert_snapshot!(tell(&mut room).await, @r"
    There is no service or environment called `apy`. Did you mean `api`?
    [lock api because x]
    ");
    room.say("ann", "@otus lock api for 2 fortnights because x").await;
    assert_snapshot!(tell(&mut room).await, @r"`2 fortnights` is no good as <length>: write for example `30m`, `2h`, `1h30m` or `2 days`.");
    room.say("ann", "@otus unlock api").await;
    assert_snapshot!(tell(&mut room).await, @r"Nothing locks `api`. `locks` tells what is locked.");
    clock.go(true);
    room.say("ann", "@otus lock api because x").await;
    let said = tell(&mut room).await;
    assert!(!said.contains("has locked"), "{said}");
    clock.go(false);
    room.say("ann", "@otus locks").await;
    room.expect_reply("✅ Nothing is locked").await;
}

#[tokio::test]
async fn a_plan_of_a_lock_locks_nothing() {
    let (mut room, _) = room("");
    room.say("ann", "@otus lock api in production for 2h --plan because a test")
        .await;
    let shown = tell(&mut room).await;
    assert!(
        shown.contains("It is in the way of whoever else wants to change api in production"),
        "{shown}"
    );
    room.say("ann", "@otus locks").await;
    room.expect_reply("✅ Nothing is locked").await;
}
