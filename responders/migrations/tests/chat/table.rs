//! Taking a whole table away, to the very end; and who withheld one is killed.

use std::time::Duration;

use jiff::SignedDuration;
use otus::operations::State;
use otus::room::{Clock, Fuse};
use otus_responder_migrations::Settings;

use super::contract::{by_hand, plain};
use super::scene::{Scene, tries};

const THERE: &str = "SELECT count(*) FROM pg_class WHERE relname = 'users'";

#[tokio::test]
async fn a_table_goes_to_the_very_end() {
    let mut scene = Scene::consumed(by_hand()).await;
    let begin = "@otus contract drop table users because customers has it all";
    scene.reacted(begin, "memo").await;
    scene.all_sign("table users").await;
    let refused = scene.say("@otus contract apply table users").await;
    assert!(
        refused.contains("is not to be dropped yet: to be withheld"),
        "{refused}"
    );
    scene.say("@otus contract withhold table users").await;
    let card = scene.shown("*table users* may be dropped").await;
    insta::assert_snapshot!(plain(&card), @"
    ✅ *table users* may be dropped
    Because customers has it all
    ✓ The application: signed by bob for application
    ✓ Pipelines: signed by dana for warehouse
    ✓ Reports: signed by bill for board
    ✓ Withheld for a while: nobody missed it
    ○ Dropped
    Its file says exactly `DROP TABLE users`, alone.
    [Drop it] [Look now]
    wanted by @ann · api in production · since (moment)
    ");
    // Neither another table, nor this one with what hangs on it.
    for wrong in ["DROP TABLE users CASCADE;", "DROP TABLE users, orders;"] {
        scene.write(&[("0002_drop.sql", wrong)]);
        let refused = scene.say("@otus contract apply table users").await;
        assert!(
            refused.contains("not say exactly what was agreed to") || refused.contains("nothing else"),
            "{refused}"
        );
    }
    scene.write(&[("0002_drop.sql", "DROP TABLE users;")]);
    let refused = scene.say("@otus migrate api").await;
    assert!(refused.contains("That goes in four steps"), "{refused}");
    let asks = scene.say("@otus contract apply table users").await;
    insta::assert_snapshot!(plain(&asks), @"
    ⚠️ Drop *table users* in *production*
    0002_drop.sql: DROP TABLE users · locks users ACCESS EXCLUSIVE, which blocks reads, writes and changes of the schema (new)
    ⚠️ What is in `table users` is gone for good; only a backup has it.
    It needs 1 approval of `dba`: it takes away `table users` for good.
    It waits until (moment). Plan `(hash)`.
    [Approve] [Deny] [Cancel]
    asked by @ann (time)
    ");
    assert_eq!(scene.ask(THERE).await, "1");
    scene.press("bob", "Approve").await;
    scene.shown("*table users* is dropped in *production*").await;
    scene.shown("✓ Dropped").await;
    assert_eq!(scene.ask(THERE).await, "0");
    // It is in the history, as any other file.
    assert_eq!(
        scene
            .ask("SELECT string_agg(version::text, ' ' ORDER BY version) FROM _sqlx_migrations")
            .await,
        "1 2"
    );
    assert_eq!(
        scene.say("@otus contracts").await.lines().next(),
        Some("No contract is under way")
    );
}

#[tokio::test]
async fn a_withheld_table_is_given_back_though_the_robot_was_killed() {
    const READS: &str = "SELECT id FROM users";
    let mut scene = Scene::consumed(Settings {
        withheld: Duration::from_secs(3600),
        ..by_hand()
    })
    .await;
    let mut warehouse = scene.consumer("warehouse").await;
    let mut board = scene.consumer("board").await;
    let rights = "SELECT string_agg(a.privilege_type || a.is_grantable, ' ' ORDER BY r.rolname) FROM pg_class c, aclexplode(c.relacl) a, \
                  pg_roles r WHERE c.oid = 'users'::regclass AND a.grantee = r.oid AND r.rolname <> 'otus'";
    let before = scene.ask(rights).await;
    assert_eq!(before, "SELECTfalse SELECTfalse");
    let begin = "@otus contract drop table users because customers has it all";
    scene.reacted(begin, "memo").await;
    scene.all_sign("table users").await;
    let (fuse, clock) = (Fuse::default(), Clock::default());
    let mut first = scene.builder().fuse(fuse.clone(), clock.clone()).open();
    first.say("ann", "@otus contract withhold table users").await;
    scene.until_ends(&mut warehouse, READS, "42501").await;
    scene.shown("Withheld for a while: until").await;
    assert_eq!(tries(&mut board, READS).await, "42501");
    fuse.burn();
    // Another one comes when the time is over.
    clock.jump(SignedDuration::from_secs(2 * 3600));
    while scene.room.chat().take_unexpected().is_some() {}
    scene.room = scene.builder().fuse(Fuse::default(), clock).open();
    scene.room.say("ann", "@otus contracts").await;
    scene.until_ends(&mut warehouse, READS, "ok").await;
    scene.until_ends(&mut board, READS, "ok").await;
    assert_eq!(scene.ask(rights).await, before);
    let operation = scene.operation(|operation| operation.state.is_over()).await;
    assert_eq!(operation.state, State::Succeeded, "{:?}", operation.ending);
    while scene.room.chat().take_unexpected().is_some() {}
}
