//! `who can`, `can`, `freezes`.

use crate::room;
use insta::assert_snapshot;

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
    assert_snapshot!(room.answer().await.plain(), @r"
    Who can `ship api in production`
    It asks for the role `shipper`.
    production is shipped by SREs: only the role `sre` or `shipper`.
    • `shipper`: ann, the group `crew`
    • `sre`: bob, cid
    • `lead`: lea
    *It takes*
    → production is shipped by SREs: 2 other people of the role `sre` to approve it
    *In the way right now*
    ✗ nothing on mondays: frozen until Tue 2026-11-24 00:00 UTC; the role `lead` may go through it with a reason: `because <reason>` at the end
    `can @<person> ship api in production` tells it for one of them.
    ");
    room.say("eve", "@otus who can ship").await;
    assert_snapshot!(room.answer().await.plain(), @r"
    Who can `ship`
    It asks for the role `shipper`.
    production is shipped by SREs: only the role `sre` or `shipper`.
    • `shipper`: ann, the group `crew`
    • `sre`: bob, cid
    • `lead`: lea
    *It takes*
    → production is shipped by SREs: 2 other people of the role `sre` to approve it
    *In the way right now*
    ✗ nothing on mondays: frozen until Tue 2026-11-24 00:00 UTC; the role `lead` may go through it with a reason: `because <reason>` at the end
    You did not say where, so this is what holds for all environments together.
    `can @<person> ship` tells it for one of them.
    ");
    room.say("eve", "@otus who can freezes").await;
    assert_snapshot!(room.answer().await.plain(), @r"
    Who can `freezes`
    Anybody may say it.
    Nothing is in the way right now.
    `can @<person> freezes` tells it for one of them.
    ");
}

#[tokio::test]
async fn can_is_the_decision_itself_with_its_trace() {
    let (mut room, _) = room(RULES);
    room.say("eve", "@otus can @dan ship api to staging").await;
    assert_snapshot!(room.answer().await.plain(), @r"
    ✅ Yes, dan can `ship api in staging`: the role `shipper` may
    ✓ it asks for the role `shipper`, which who asked has: in the group `crew`
    · no rule is about this
    ");
    room.say("eve", "@otus can @eve ship api@1.2 to production").await;
    assert_snapshot!(room.answer().await.plain(), @r"
    ❌ No, you can't `ship api in production`: it asks for the role `shipper`, which who asked does not have
    ✗ it asks for the role `shipper`, which who asked does not have
    ✗ production is shipped by SREs: only the role `sre` or `shipper` may, which who asked does not have
    → production is shipped by SREs: 2 other people of the role `sre` to approve it
    ✗ nothing on mondays: frozen until Tue 2026-11-24 00:00 UTC
    ");
    room.say("ann", "@otus can I ship web in production").await;
    assert_snapshot!(room.answer().await.plain(), @r"
    ⚠️ Not now, you can't `ship web in production`: nothing on mondays: frozen until Tue 2026-11-24 00:00 UTC
    ✓ it asks for the role `shipper`, which who asked has: named in it
    ✓ production is shipped by SREs: the role `shipper` may, which who asked has: named in it
    → production is shipped by SREs: 2 other people of the role `sre` to approve it
    ✗ nothing on mondays: frozen until Tue 2026-11-24 00:00 UTC
    ");
}

#[tokio::test]
async fn what_is_unknown_is_said_and_never_yes() {
    let (mut room, clock) = room(RULES);
    room.say("eve", "@otus can @dan shp api").await;
    assert_snapshot!(room.answer().await.plain(), @r"There is no command `shp`. Did you mean `ship`?");
    room.say("eve", "@otus can @dan ship apy").await;
    assert_snapshot!(room.answer().await.plain(), @r"There is no service or environment called `apy`. Did you mean `api`?");
    clock.go(true);
    room.say("eve", "@otus can @ann ship api").await;
    assert_snapshot!(room.answer().await.plain(), @r"
    ❌ No, ann can't `ship api`: whether something is locked cannot be told: the store cannot be used: it is gone
    ✗ whether something is locked cannot be told: the store cannot be used: it is gone
    ✗ whether the glass is broken cannot be told: the store cannot be used: it is gone
    ✓ it asks for the role `shipper`, which who asked has: named in it
    ✓ production is shipped by SREs: the role `shipper` may, which who asked has: named in it
    → production is shipped by SREs: 2 other people of the role `sre` to approve it
    ✗ nothing on mondays: frozen until Tue 2026-11-24 00:00 UTC
    You did not say where, so this is what holds for all environments together.
    ");
}

#[tokio::test]
async fn freezes_tells_now_and_next() {
    let (mut room, _) = room(RULES);
    room.say("eve", "@otus freezes").await;
    assert_snapshot!(room.answer().await.plain(), @r"
    ⚠️ Frozen now
    • *nothing on mondays* (production): until Tue 2026-11-24 00:00 UTC; the role `lead` may change things all the same, with a reason
    *Next*
    • *the night of the sale* (web): from Fri 2026-11-27 17:00 UTC until Fri 2026-11-27 23:00 UTC
    • *nothing on mondays* (production): from Mon 2026-11-30 00:00 UTC until Tue 2026-12-01 00:00 UTC
    ");
    let (mut room, _) = crate::room("");
    room.say("eve", "@otus freezes").await;
    assert_snapshot!(room.answer().await.plain(), @r"
    ✅ Nothing is frozen now
    No freeze is configured; `[[policy.freezes]]` would be one.
    ");
    let (mut room, _) = crate::room(RULES);
    room.say("eve", "@otus tell me when api in production opens")
        .await;
    room.expect_reply(
        "Nothing locks `api in production`, but there is a freeze: nothing on mondays: frozen until Tue 2026-11-24 00:00 UTC. I \
         don't tell when one ends; a command with `--queue` at its end waits for that by itself.",
    )
    .await;
    room.say("eve", "@otus tell me when api in staging opens").await;
    room.expect_reply("Nothing locks `api in staging`: go ahead.")
        .await;
}
