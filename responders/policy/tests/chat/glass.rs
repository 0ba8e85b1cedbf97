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
    assert!(tell(&mut room).await.starts_with("❌ No, you can't `ship api`: never by hand: nobody may"));
    room.say("ann", "@otus break glass").await;
    assert_snapshot!(tell(&mut room).await, @"");
    room.say("ann", "@otus break glass for 2h because the shop is down").await;
    assert_snapshot!(tell(&mut room).await, @"");
    room.say("ann", "@otus break glass for 20 min because the shop is down").await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let said = room.next_said().await;
        let What::Post(post) = said.what else { panic!("{said:?}") };
        told.push((said.place.channel.to_string(), post.plain()));
    }
    let places: Vec<_> = told.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["COPS", "#security", "C1"]);
    assert_eq!(told[0].1, told[2].1);
    assert_snapshot!(told[0].1, @"");
    room.say("bob", "@otus can @ann ship api").await;
    assert_snapshot!(tell(&mut room).await, @"");
    room.say("bob", "@otus can I ship api").await;
    assert!(tell(&mut room).await.starts_with("❌ No"));

    clock.pass(SignedDuration::from_mins(20));
    let mut over = Vec::new();
    for _ in 0..3 {
        let said = room.next_said().await;
        let What::Post(post) = said.what else { panic!("{said:?}") };
        over.push((said.place.channel.to_string(), post.plain()));
    }
    let places: Vec<_> = over.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["C1", "COPS", "#security"]);
    assert_snapshot!(over[0].1, @"");
    room.say("ann", "@otus can I ship api").await;
    assert!(tell(&mut room).await.starts_with("❌ No"));
    assert_eq!(clock.trail().await, [
        "glass broken: ann broke the glass until 2026-11-23T14:20:00Z: the shop is down",
        "glass whole: the time of the glass that ann broke is over",
    ]);
    room.robot().stop(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn it_is_sealed_by_who_may_break_it() {
    let (mut room, clock) = room("[break_glass]\nrole = 'oncall'");
    room.say("bob", "@otus break glass because I want to").await;
    room.expect_reply("Only the role `oncall` may do that, and you do not have it.").await;
    room.say("ann", "@otus seal glass").await;
    room.expect_reply("Your glass is whole.").await;
    room.say("ann", "@otus break glass because the shop is down").await;
    tell(&mut room).await;
    room.say("bob", "@otus seal glass of @ann").await;
    room.expect_reply("Only the role `oncall` may do that, and you do not have it.").await;
    clock.pass(SignedDuration::from_mins(5));
    room.press("ann", "Seal the glass").await;
    assert_snapshot!(tell(&mut room).await, @"");
    // In secret it would not be loud.
    room.go_to("D1", ChannelKind::Direct);
    room.say("ann", "break glass because the shop is down").await;
    room.expect_reply("Not here, where nobody else sees it: say it in a channel.").await;
}

#[tokio::test]
async fn nobody_may_by_default_and_not_when_the_directory_or_the_store_is_away() {
    let (mut room, clock) = crate::room("");
    room.say("ann", "@otus break glass because I want to").await;
    room.expect_reply("There is no glass to break: no role may (`role` below [policy.break_glass]).").await;
    clock.go(true);
    let (mut room, clock) = crate::room("[break_glass]\nrole = 'away'");
    room.say("ann", "@otus break glass because I want to").await;
    room.expect_reply(
        "Only the role `away` may do that, and whether you have it cannot be told: the group `nowhere` cannot be looked at: the \
         group nowhere does not exist in the chat.",
    )
    .await;
    clock.go(true);
    let (mut room, clock) = crate::room("[break_glass]\nrole = 'oncall'");
    clock.go(true);
    room.say("ann", "@otus break glass because I want to").await;
    let said = tell(&mut room).await;
    assert!(said.starts_with("That went wrong on my side"), "{said}");
    clock.go(false);
    room.say("ann", "@otus seal glass").await;
    room.expect_reply("Your glass is whole.").await;
}
