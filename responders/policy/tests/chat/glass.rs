//! The broken glass, as chats.

use crate::{room, tell};
use insta::assert_snapshot;
use jiff::SignedDuration;
use otus::{ChannelKind, room::What};

const GLASS: &str = "
    [break_glass]
    role = 'oncall'
    longest = '30m'
    channels = ['COPS', '#security']
    [[rules]]
    name = 'never by hand'
    commands = ['ship']
    deny = true
";

#[tokio::test]
async fn it_is_loud_recorded_and_over_by_itself() {
    let (mut room, clock) = room(GLASS);
    room.robot().start();
    room.say("ann", "@otus can I ship api").await;
    assert!(
        tell(&mut room)
            .await
            .starts_with("❌ No, you can't `ship api`: never by hand: nobody may")
    );
    room.say("ann", "@otus break glass").await;
    assert_snapshot!(tell(&mut room).await, @r"Why? Everybody will be told. Say `break glass because <reason>`.");
    room.say("ann", "@otus break glass for 2h because the shop is down")
        .await;
    assert_snapshot!(tell(&mut room).await, @r"2 h is too long: the glass stays broken for 30 min at most. You can break it again.");
    room.say("ann", "@otus break glass for 20 min because the shop is down")
        .await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let said = room.next_said().await;
        let What::Post(post) = said.what else {
            panic!("{said:?}")
        };
        told.push((said.place.channel.to_string(), post.plain()));
    }
    let places: Vec<_> = told.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["COPS", "#security", "C1"]);
    assert_eq!(told[0].1, told[2].1);
    assert_snapshot!(told[0].1, @r"
    ⚠️ 🚨 ann has broken the glass until 14:20 UTC
    the shop is down
    Until then locks, freezes, approvals and other rules do not hold ann up. Everything is recorded.
    [Seal the glass]
    ");
    room.say("bob", "@otus can @ann ship api").await;
    assert_snapshot!(tell(&mut room).await, @r"
    ✅ Yes, ann can `ship api`: the glass is broken by ann since 14:00 UTC (0 s) until 14:20 UTC: the shop is down
    · the glass is broken by ann since 14:00 UTC (0 s) until 14:20 UTC: the shop is down
    ✓ it asks for the role `shipper`, which who asked has: named in it
    · never by hand: nobody may (passed, because the glass is broken)
    Only because the glass is broken.
    ");
    room.say("bob", "@otus can I ship api").await;
    assert!(tell(&mut room).await.starts_with("❌ No"));

    clock.pass(SignedDuration::from_mins(20));
    let mut over = Vec::new();
    for _ in 0..3 {
        let said = room.next_said().await;
        let What::Post(post) = said.what else {
            panic!("{said:?}")
        };
        over.push((said.place.channel.to_string(), post.plain()));
    }
    let places: Vec<_> = over.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["C1", "COPS", "#security"]);
    assert_snapshot!(over[0].1, @r"
    ✅ The glass that ann broke is whole again: its time is over
    It was broken because: *the shop is down*. Please look at what was done meanwhile: was it right, and does a rule stand in the way of what must be possible?
    [What was done?]
    ");
    room.say("ann", "@otus can I ship api").await;
    assert!(tell(&mut room).await.starts_with("❌ No"));
    let trail = clock.trail().await;
    let glass: Vec<_> = trail.iter().filter(|entry| entry.starts_with("glass")).collect();
    assert_eq!(
        glass,
        [
            "glass broken: ann broke the glass until 2026-11-23T14:20:00Z: the shop is down",
            "glass whole: the time of the glass that ann broke is over",
        ]
    );
    room.robot().stop(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn it_is_sealed_by_who_may_break_it() {
    let (mut room, clock) = room("[break_glass]\nrole = 'oncall'");
    room.say("bob", "@otus break glass because I want to").await;
    room.expect_reply("Only the role `oncall` may do that, and you do not have it.")
        .await;
    room.say("ann", "@otus seal glass").await;
    room.expect_reply("Your glass is whole.").await;
    room.say("ann", "@otus break glass because the shop is down")
        .await;
    tell(&mut room).await;
    room.say("bob", "@otus seal glass of @ann").await;
    room.expect_reply("Only the role `oncall` may do that, and you do not have it.")
        .await;
    clock.pass(SignedDuration::from_mins(5));
    room.press("ann", "Seal the glass").await;
    assert_snapshot!(tell(&mut room).await, @r"
    ✅ ann has sealed the glass again, after 5 min
    It was broken because: *the shop is down*. Please look at what was done meanwhile: was it right, and does a rule stand in the way of what must be possible?
    [What was done?]
    @ann: `seal glass of @ann`
    ");
    // In secret it would not be loud.
    room.go_to("D1", ChannelKind::Direct);
    room.say("ann", "break glass because the shop is down").await;
    room.expect_reply("Not here, where nobody else sees it: say it in a channel.")
        .await;
}

#[tokio::test]
async fn nobody_may_by_default_and_not_when_the_directory_or_the_store_is_away() {
    let (mut room, _) = crate::room("");
    room.say("ann", "@otus break glass because I want to").await;
    room.expect_reply("There is no glass to break: no role may (`role` below [policy.break_glass]).")
        .await;
    let (mut room, _) = crate::room("[break_glass]\nrole = 'away'");
    room.say("ann", "@otus break glass because I want to").await;
    room.expect_reply(
        "Only the role `away` may do that, and whether you have it cannot be told: the group `nowhere` cannot be looked at: the \
         group nowhere does not exist in the chat.",
    )
    .await;
    let (mut room, clock) = crate::room("[break_glass]\nrole = 'oncall'");
    clock.go(true);
    room.say("ann", "@otus break glass because I want to").await;
    let said = tell(&mut room).await;
    assert!(
        said.contains("cannot be told: the store cannot be used: it is gone"),
        "{said}"
    );
    clock.go(false);
    room.say("ann", "@otus seal glass").await;
    room.expect_reply("Your glass is whole.").await;
}
