//! What is done later, with the real program: it is kept when the program is killed, runs once, and is listed and ended.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;

use house::{House, words};
use otus_emulators::slack::Message;

async fn told(house: &House, what: &str) -> Message {
    house.shown(|text| text.contains(what)).await
}

fn image(house: &House) -> String {
    let deployment = house.cluster.get("Deployment", "staging", "api").unwrap();
    deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_is_scheduled_and_runs_once_although_the_program_is_killed() {
    let mut house = House::open(None).await;
    house.say("@otus in 5s deploy api@1.1 to staging");
    told(&house, "Scheduled: `deploy api@1.1 to staging`").await;
    house.kill().await;
    assert_eq!(image(&house), "registry.test/shop/api:1.0");
    house.start().await;
    let live = told(&house, "is live in").await;
    let text = words(&live);
    assert!(text.contains("scheduled by <@U0ANN>"), "{text}");
    assert_eq!(image(&house), "registry.test/shop/api:1.1");
    // It is over, and nothing of it comes again.
    house.say("@otus schedules");
    let list = house
        .shown(|text| text.contains("Nothing is scheduled") || text.contains("running"))
        .await;
    assert_eq!(
        house.answers().len(),
        3,
        "{}\n{}",
        words(&list),
        house.transcript()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_again_and_again_is_in_the_person_s_zone_listed_and_ended() {
    let house = House::open(None).await;
    house.say("@otus every weekdy at 9:00 post Good morning");
    let offer = told(&house, "Did you mean `every weekday at 9:00 post Good morning`?").await;
    house
        .slack
        .click("ann", offer.ts, "every weekday at 9:00 post Good morning")
        .unwrap();
    let made = told(
        &house,
        "Scheduled: `post Good morning` every weekday at 09:00 (Europe/Berlin)",
    )
    .await;
    let text = words(&made);
    assert!(text.contains("as in your profile"), "{text}");
    house.say("@otus schedules");
    let list = told(&house, "One schedule").await;
    let text = words(&list);
    assert!(text.contains("ann"), "{text}");
    let button = text
        .lines()
        .find(|line| line.starts_with("Unschedule "))
        .unwrap()
        .to_owned();
    house.slack.click("bob", list.ts, &button).unwrap();
    told(&house, "is gone").await;
    house.say("@otus schedules");
    told(&house, "Nothing is scheduled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_rings_at_nobody() {
    let house = House::open(None).await;
    house.say("@otus post Lunch, @here! Also @channel and @everyone.");
    let posted = told(&house, "Lunch, ").await;
    assert!(!words(&posted).contains("<!"), "{}", words(&posted));
    assert!(
        words(&posted).contains("@\u{200B}here") && words(&posted).contains("@\u{200B}everyone"),
        "{}",
        words(&posted)
    );
}
