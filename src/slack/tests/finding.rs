//! Finding a message again by its key, and naming channels.

#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod common;

use common::Station;
use otus_core::{Card, ChatError, MessageRef, Place, Post, Tone, Urgency};
use otus_emulators::slack::Fault;

async fn post(station: &Station, place: &Place, post: Post) -> MessageRef {
    station
        .slack
        .chat()
        .post(place, &post, Urgency::Answer)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_keyed_message_is_found_again() {
    let mut station = Station::start().await;
    let chat = station.slack.chat();
    let place = station.channel("general");
    assert_eq!(chat.find(&place, "operation:1").await.unwrap(), None);
    let card = Card::new(Tone::Running, "Deploying");
    let one = post(&station, &place, Post::from(card).keyed("operation:1")).await;
    let two = post(&station, &place, Post::from("words").keyed("operation:2")).await;
    post(&station, &place, "without a key".into()).await;
    assert_eq!(chat.find(&place, "operation:1").await.unwrap(), Some(one.clone()));
    assert_eq!(chat.find(&place, "operation:2").await.unwrap(), Some(two.clone()));
    assert_eq!(chat.find(&place, "operation:3").await.unwrap(), None);
    assert_eq!(
        chat.find(&station.channel("deploys"), "operation:1")
            .await
            .unwrap(),
        None
    );
    // It keeps its key when it is edited.
    chat.update(&one, &"done".into(), Urgency::Answer).await.unwrap();
    assert_eq!(chat.find(&place, "operation:1").await.unwrap(), Some(one.clone()));
    // One that had none is found by the key it is edited with.
    let late = post(&station, &place, "no key yet".into()).await;
    let keyed = Post::from("keyed").keyed("operation:9");
    chat.update(&late, &keyed, Urgency::Answer).await.unwrap();
    assert_eq!(chat.find(&place, "operation:9").await.unwrap(), Some(late));
    // A thread is a place of its own.
    let thread = Place {
        thread: Some(two.id.clone()),
        ..place.clone()
    };
    assert_eq!(chat.find(&thread, "operation:1").await.unwrap(), None);
    let three = post(
        &station,
        &thread,
        Post::from("in the thread").keyed("operation:3"),
    )
    .await;
    assert_eq!(chat.find(&thread, "operation:3").await.unwrap(), Some(three));
    assert_eq!(chat.find(&place, "operation:3").await.unwrap(), None);
    station.end().await.unwrap();
}

#[tokio::test]
async fn an_older_one_is_found_on_a_later_page_up_to_a_bound() {
    let mut station = Station::start().await;
    let place = station.channel("general");
    let card = post(&station, &place, Post::from("card").keyed("operation:1")).await;
    for number in 0..450 {
        station
            .workspace
            .say("ann", "#general", &format!("chatter {number}"))
            .unwrap();
    }
    let before = station.calls("conversations.history");
    let chat = station.slack.chat();
    assert_eq!(chat.find(&place, "operation:1").await.unwrap(), Some(card));
    assert_eq!(station.calls("conversations.history") - before, 3);
    for number in 0..600 {
        station
            .workspace
            .say("ann", "#general", &format!("more {number}"))
            .unwrap();
    }
    let before = station.calls("conversations.history");
    assert_eq!(chat.find(&place, "operation:1").await.unwrap(), None);
    assert_eq!(station.calls("conversations.history") - before, 5);
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_keyed_post_whose_answer_is_lost_is_the_one_that_is_there() {
    let mut station = Station::start().await;
    let place = station.channel("general");
    station
        .workspace
        .fail_next("chat.postMessage", Fault::LoseAnswer, 1);
    let said = post(&station, &place, Post::from("once").keyed("operation:1")).await;
    let there = station.workspace.messages("general");
    assert_eq!(there.iter().filter(|message| message.text == "once").count(), 1);
    let chat = station.slack.chat();
    assert_eq!(chat.find(&place, "operation:1").await.unwrap(), Some(said));
    // Not being able to look is not a no.
    station.workspace.set_scopes(&["chat:write"]);
    let error = chat.find(&place, "operation:1").await.unwrap_err();
    assert!(
        matches!(&error, ChatError::Refused(text) if text.contains("channels:history")),
        "{error}"
    );
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_channel_has_a_name_that_is_asked_for_once() {
    let mut station = Station::start().await;
    let place = station.channel("deploys");
    let chat = station.slack.chat();
    for _ in 0..3 {
        assert_eq!(chat.channel_name(&place.channel).await.unwrap(), "deploys");
    }
    assert_eq!(station.calls("conversations.info"), 1);
    let missing = chat.channel_name(&"C0000000000".into()).await.unwrap_err();
    assert!(matches!(missing, ChatError::Missing(_)), "{missing}");
    station.workspace.set_scopes(&["chat:write"]);
    let error = chat
        .channel_name(&station.channel("general").channel)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ChatError::Refused(text) if text.contains("channels:read")),
        "{error}"
    );
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_message_has_an_address() {
    let station = Station::start().await;
    let chat = station.slack.chat();
    let place = station.channel("general");
    let one = post(&station, &place, "words".into()).await;
    let address = chat.link(&one).await.unwrap().unwrap();
    let end = format!("/archives/{}/p{}", one.channel, one.id.as_str().replace('.', ""));
    assert!(address.ends_with(&end), "{address}");
    let gone = MessageRef {
        id: "1700000000.000099".into(),
        ..one
    };
    assert!(matches!(chat.link(&gone).await, Err(ChatError::Missing(_))));
}
