//! When things are sent, and how often: limits, lost answers, merged edits, the end.

#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod common;

use std::time::Duration;

use common::{SOON, Station, options};
use otus_core::{ChatError, Place, Urgency};
use otus_emulators::slack::Fault;
use otus_slack::{Pace, SlackConfig};

#[tokio::test]
async fn a_limited_channel_holds_up_no_other_and_loses_nothing() {
    let mut station = Station::start().await;
    let (general, deploys) = (station.channel("general"), station.channel("deploys"));
    station.workspace.rate_limit_next("chat.postMessage", 2, 1);
    let chat = station.slack.chat();
    let slow = tokio::spawn({
        let (chat, general) = (chat.clone(), general.clone());
        async move { chat.post(&general, &"first".into(), Urgency::Answer).await }
    });
    station.called("chat.postMessage", 1).await;
    let later = tokio::spawn({
        let (chat, general) = (chat.clone(), general.clone());
        async move { chat.post(&general, &"second".into(), Urgency::Answer).await }
    });
    station.post(&deploys, "elsewhere").await;
    assert!(
        station.workspace.messages("general").is_empty(),
        "the limit was not respected"
    );
    let (first, second) = (slow.await.unwrap().unwrap(), later.await.unwrap().unwrap());
    assert!(first.id < second.id);
    assert_eq!(station.calls("chat.postMessage"), 4);
    station.end().await.unwrap();
}

#[tokio::test]
async fn steps_are_merged_and_the_end_always_shows() {
    let mut station = Station::start().await;
    let place = station.channel("general");
    let card = station.post(&place, "0 %").await;
    let chat = station.slack.chat();
    station.workspace.rate_limit_next("chat.update", 1, 1);
    for percent in 1..=50 {
        chat.update(&card, &format!("{percent} %").into(), Urgency::Progress)
            .await
            .unwrap();
    }
    chat.update(&card, &"done".into(), Urgency::Answer).await.unwrap();
    assert_eq!(station.shown(&card).text, "done");
    assert!(
        station.calls("chat.update") <= 4,
        "{}",
        station.calls("chat.update")
    );
    // A single step shows without anybody waiting for it.
    chat.update(&card, &"again".into(), Urgency::Progress)
        .await
        .unwrap();
    station.reads(&card, "again").await;
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_post_happens_once_whatever_becomes_of_its_answer() {
    let mut station = Station::start().await;
    let place = station.channel("general");
    let chat = station.slack.chat();
    let faults = [
        ("trouble", Fault::Status(503)),
        ("lost answer", Fault::LoseAnswer),
        ("internal error", Fault::ErrorAfterwards("internal_error".into())),
        ("unreadable", Fault::Garbage),
        ("reset before", Fault::Reset),
        ("hangs", Fault::Hang),
    ];
    let first = station.post(&place, "first").await;
    let thread = Place {
        thread: Some(first.id.clone()),
        ..place.clone()
    };
    let mut expected = vec!["first"];
    for (text, fault) in faults {
        for place in [&place, &thread] {
            station.workspace.fail_next("chat.postMessage", fault.clone(), 1);
            let said = chat.post(place, &text.into(), Urgency::Answer).await.unwrap();
            assert_eq!(station.shown(&said).text, text);
            expected.push(text);
        }
    }
    let said: Vec<_> = station
        .workspace
        .messages("general")
        .into_iter()
        .map(|message| message.text)
        .collect();
    assert_eq!(said, expected);
    // Where it cannot look, it says so rather than post twice.
    station.workspace.set_scopes(&["chat:write"]);
    station
        .workspace
        .fail_next("chat.postMessage", Fault::LoseAnswer, 1);
    let error = chat
        .post(&place, &"unsure".into(), Urgency::Answer)
        .await
        .unwrap_err();
    assert!(matches!(&error, ChatError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("may have been carried out"), "{error}");
    let unsure = station
        .workspace
        .messages("general")
        .into_iter()
        .filter(|message| message.text == "unsure");
    assert_eq!(unsure.count(), 1);
    // An edit may well happen twice.
    let message = station.post(&place, "old").await;
    station.workspace.fail_next("chat.update", Fault::LoseAnswer, 2);
    chat.update(&message, &"new".into(), Urgency::Answer)
        .await
        .unwrap();
    assert_eq!(station.shown(&message).text, "new");
    station.end().await.unwrap();
}

#[tokio::test]
async fn closing_sends_what_waits_and_takes_no_more() {
    let mut station = Station::with(options(), |config| SlackConfig {
        pace: Pace {
            posts_per_second: 20.0,
            post_burst: 1,
            ..Pace::default()
        },
        ..config
    })
    .await;
    let place = station.channel("general");
    let chat = station.slack.chat();
    let mut waiting = Vec::new();
    for number in 0..10 {
        let (chat, place) = (chat.clone(), place.clone());
        waiting.push(tokio::spawn(async move {
            chat.post(&place, &format!("{number}").into(), Urgency::Answer)
                .await
        }));
    }
    station.called("chat.postMessage", 1).await;
    station.end().await.unwrap();
    station.slack.close(SOON).await;
    let mut sent = 0;
    for one in waiting {
        sent += usize::from(one.await.unwrap().is_ok());
    }
    assert_eq!(station.workspace.messages("general").len(), sent);
    assert!(sent >= 1);
    let error = chat
        .post(&place, &"late".into(), Urgency::Answer)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("stopping"), "{error}");
}

#[tokio::test]
async fn hundreds_of_posts_at_slacks_own_limits_all_arrive() {
    let mut station = Station::with(options().strict(), |config| SlackConfig {
        pace: Pace {
            posts_per_second: 1_000.0,
            post_burst: 1_000,
            ..Pace::default()
        },
        ..config
    })
    .await;
    // Faster than Slack allows: its 429s are what paces them then.
    let places = [station.channel("general"), station.channel("deploys")];
    let mut posts = Vec::new();
    for number in 0..12 {
        let (chat, place) = (station.slack.chat(), places[number % 2].clone());
        posts.push(tokio::spawn(async move {
            chat.post(&place, &format!("{number:03}").into(), Urgency::Answer)
                .await
        }));
    }
    for post in posts {
        tokio::time::timeout(Duration::from_secs(60), post)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
    for channel in ["general", "deploys"] {
        assert_eq!(station.workspace.messages(channel).len(), 6);
    }
    station.end().await.unwrap();
}
