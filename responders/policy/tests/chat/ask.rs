//! `who can`, `can`, `freezes`.

use crate::room;
use insta::assert_snapshot;
use otus::ChatError;

const RULES: &str = "
    lock_override = 'lead'
    [[rules]]
    name = 'production is shipped by SREs'
    commands = ['ship']
    environments = ['production']
    roles = ['sre', 'shipper']
    approvals = 2
    approvers = 'sre'
    [[freezes]]
    name = 'nothing on mondays'
    every = 'mon'
    environments = ['production']
    override = 'lead'
    [[freezes]]
    name = 'the night of the sale'
    from = '2026-11-27T18:00'
    until = '2026-11-28'
    zone = 'Europe/Berlin'
    services = ['web']
";

#[tokio::test]
async fn who_can_lists_roles_needs_and_what_is_in_the_way() {
    let (mut room, _) = room(RULES);
    room.say("eve", "@otus who can ship api to prod?").await;
    assert_snapshot!(room.answer().await.plain(), @"");
    room.say("eve", "@otus who can ship").await;
    assert_snapshot!(room.answer().await.plain(), @"");
    room.say("eve", "@otus who can freezes").await;
    assert_snapshot!(room.answer().await.plain(), @"");
}

#[tokio::test]
async fn can_is_the_decision_itself_with_its_trace() {
    let (mut room, _) = room(RULES);
    room.say("eve", "@otus can @dan ship api to staging").await;
    assert_snapshot!(room.answer().await.plain(), @"");
    room.say("eve", "@otus can @eve ship api@1.2 to production").await;
    assert_snapshot!(room.answer().await.plain(), @"");
    room.say("ann", "@otus can I ship web in production").await;
    assert_snapshot!(room.answer().await.plain(), @"");
}

#[tokio::test]
async fn what_is_unknown_is_said_and_never_yes() {
    let (mut room, clock) = room(RULES);
    room.say("eve", "@otus can @dan shp api").await;
    assert_snapshot!(room.answer().await.plain(), @"");
    room.say("eve", "@otus can @dan ship apy").await;
    assert_snapshot!(room.answer().await.plain(), @"");
    clock.go(true);
    room.say("eve", "@otus can @ann ship api").await;
    assert_snapshot!(room.answer().await.plain(), @"");
    let _ = ChatError::Missing(String::new());
}

#[tokio::test]
async fn freezes_tells_now_and_next() {
    let (mut room, _) = room(RULES);
    room.say("eve", "@otus freezes").await;
    assert_snapshot!(room.answer().await.plain(), @"");
    let (mut room, _) = crate::room("");
    room.say("eve", "@otus freezes").await;
    assert_snapshot!(room.answer().await.plain(), @"");
}
