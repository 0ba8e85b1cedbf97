//! What the robot says, as the emulated Slack shows it.

#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod common;

use common::{SOON, Station, words};
use otus_core::{Button, Card, ChatError, File, Place, Post, Tone, Urgency, Via, markup};
use otus_emulators::slack::{Fault, Message, Outcome};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";

#[tokio::test]
async fn words_are_said_in_their_thread_and_escaped() {
    let mut station = Station::start().await;
    let place = station.channel("general");
    let text = format!("a < b & <!channel> {}", markup::user(&station.user("ann")));
    let first = station.post(&place, &text).await;
    let shown = station.shown(&first);
    assert_eq!(
        shown.text,
        format!("a &lt; b &amp; &lt;!channel&gt; <@{}>", station.user("ann"))
    );
    let thread = Place {
        thread: Some(first.id.clone()),
        ..place.clone()
    };
    let reply = station.post(&thread, "more").await;
    assert_eq!(
        station
            .shown(&reply)
            .thread_ts
            .map(|ts| ts.to_string())
            .as_deref(),
        Some(first.id.as_str())
    );
    station.slack.chat().react(&first, "tada").await.unwrap();
    station.slack.chat().react(&first, ":tada:").await.unwrap();
    assert_eq!(station.shown(&first).reactions[0].name, "tada");
    station
        .slack
        .chat()
        .whisper(&place, &station.user("bob"), &"only you".into())
        .await
        .unwrap();
    let whispered = station
        .workspace
        .messages("general")
        .into_iter()
        .find(|message| message.text == "only you")
        .unwrap();
    assert_eq!(whispered.ephemeral_to, Some(station.user("bob").to_string()));
    // Nothing of it is heard: it was the robot who said it.
    station.workspace.say("ann", "#general", "end").unwrap();
    assert_eq!(words(&station.hear().await), "end");
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_button_says_its_command_for_who_presses_it() {
    let mut station = Station::start().await;
    let place = station.channel("deploys");
    let card = Card::new(Tone::Running, "Deploying api").button(Button::new("Stop", "stop api in staging"));
    let posted = station
        .slack
        .chat()
        .post(&place, &card.into(), Urgency::Answer)
        .await
        .unwrap();
    let shown = station.shown(&posted);
    assert_eq!(shown.text, "⏳ Deploying api");
    assert_eq!(shown.buttons(), ["Stop"]);
    let click = station.workspace.click("bob", shown.ts, "Stop").unwrap();
    let pressed = station.hear().await;
    assert_eq!(words(&pressed), "stop api in staging");
    assert_eq!(pressed.author, station.user("bob"));
    assert_eq!(
        pressed.via,
        Via::Button {
            message: Some(posted.clone())
        }
    );
    assert!(matches!(
        station.workspace.outcome(click, SOON).await.unwrap(),
        Outcome::Acked(_)
    ));
    // Without the card its button goes.
    station
        .slack
        .chat()
        .update(&posted, &"done".into(), Urgency::Answer)
        .await
        .unwrap();
    let shown = station.shown(&posted);
    assert_eq!((shown.text.as_str(), shown.buttons().len()), ("done", 0));
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_slash_command_is_answered_even_where_the_robot_may_not_post() {
    let mut station = Station::start().await;
    station
        .workspace
        .set_scopes(&["chat:write", "commands", "users:read"]);
    station.workspace.leave("otus", "general").unwrap();
    let slash = station
        .workspace
        .slash("ann", "general", "/otus", "status & more")
        .unwrap();
    let asked = station.hear().await;
    assert_eq!(words(&asked), "status & more");
    assert_eq!(asked.via, Via::Slash);
    let answer = station
        .slack
        .chat()
        .post(&asked.place(), &"all is well".into(), Urgency::Answer)
        .await
        .unwrap();
    let shown = |text: &'static str| {
        move |messages: Vec<Message>| messages.into_iter().any(|message| message.text == text)
    };
    assert!(shown("all is well")(station.workspace.messages("general")));
    // It can be replaced, too.
    station
        .slack
        .chat()
        .update(&answer, &"better".into(), Urgency::Answer)
        .await
        .unwrap();
    station
        .slack
        .chat()
        .whisper(&asked.place(), &asked.author, &"psst".into())
        .await
        .unwrap();
    assert!(shown("psst")(station.workspace.messages("general")));
    assert_eq!(station.workspace.interaction(slash).unwrap().responses, 3);
    // Without that address the refusal says what to do.
    let error = station
        .slack
        .chat()
        .post(&station.channel("general"), &"hi".into(), Urgency::Answer)
        .await
        .unwrap_err();
    insta::assert_snapshot!(error, @"I am not in this channel: invite me with /invite @otus");
    station.end().await.unwrap();
}

#[tokio::test]
async fn a_picture_is_uploaded_with_its_words() {
    let mut station = Station::start().await;
    let place = station.channel("general");
    let first = station.post(&place, "look").await;
    let file = File {
        name: "errors.png".into(),
        title: "Errors".into(),
        alt: Some("Errors of api, rising from 0 to 7".into()),
        comment: Some("*Errors* <of api>".into()),
        bytes: PNG.to_vec(),
    };
    let thread = Place {
        thread: Some(first.id.clone()),
        ..place.clone()
    };
    station.slack.chat().upload(&thread, file.clone()).await.unwrap();
    let uploaded = station.workspace.files().pop().unwrap();
    assert_eq!(
        (uploaded.name.as_str(), uploaded.title.as_str()),
        ("errors.png", "Errors")
    );
    assert_eq!(
        uploaded.alt_txt.as_deref(),
        Some("Errors of api, rising from 0 to 7")
    );
    assert_eq!(uploaded.content.as_deref(), Some(PNG));
    let (_, share) = uploaded.shares[0].clone();
    let message = station.workspace.message(share).unwrap();
    assert_eq!(message.text, "*Errors* &lt;of api&gt;");
    assert_eq!(
        message.thread_ts.map(|ts| ts.to_string()).as_deref(),
        Some(first.id.as_str())
    );

    let page = File {
        bytes: b"<html>".to_vec(),
        ..file
    };
    let error = station.slack.chat().upload(&place, page).await.unwrap_err();
    insta::assert_snapshot!(error, @"the file errors.png was not sent: it is named a PNG picture and is none");
    station.end().await.unwrap();
}

#[tokio::test]
async fn long_words_are_split_and_very_long_ones_become_a_file() {
    let mut station = Station::start().await;
    let place = station.channel("general");
    let line = "a line of words that say something\n";
    station.post(&place, &line.repeat(200)).await;
    let said: Vec<_> = station.workspace.messages("general");
    assert!(said.len() == 2 || said.len() == 3, "{}", said.len());
    assert!(said.iter().all(|message| message.text.len() <= 3_500));

    let all = line.repeat(2_000);
    let first = station.post(&place, &all).await;
    let file = station.workspace.files().pop().unwrap();
    assert_eq!(file.content.as_deref(), Some(all.as_bytes()));
    let message = station.workspace.message(file.shares[0].1).unwrap();
    assert_eq!(
        message.thread_ts.map(|ts| ts.to_string()).as_deref(),
        Some(first.id.as_str())
    );
    station.end().await.unwrap();
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let mut station = Station::start().await;
    let place = station.channel("general");
    let chat = station.slack.chat();
    let refusal = async |place: &Place| {
        chat.post(place, &"x".into(), Urgency::Answer)
            .await
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(refusal(&Place::channel("C0NOWHERE")).await, @"this channel (or it is private and I am not in it) does not exist in the chat");
    station.workspace.archive("deploys").unwrap();
    insta::assert_snapshot!(refusal(&station.channel("deploys")).await, @"this channel is archived, so nobody can write in it");
    station.workspace.set_scopes(&["users:read"]);
    insta::assert_snapshot!(refusal(&place).await, @"chat.postMessage needs the scope chat:write: add it under OAuth & Permissions of the Slack app and install the app again");
    station
        .workspace
        .fail_next("chat.postMessage", Fault::Error("msg_blocks_too_long".into()), 1);
    insta::assert_snapshot!(refusal(&place).await, @"chat.postMessage was refused by Slack: msg_blocks_too_long");
    insta::assert_snapshot!(chat.post(&place, &"".into(), Urgency::Answer).await.unwrap_err(), @"there was nothing to say");
    station.end().await.unwrap();
}

#[tokio::test]
async fn people_and_groups_are_known_and_unknown_is_no_yes() {
    let mut station = Station::start().await;
    let chat = station.slack.chat();
    let ann = station.user("ann");
    let person = chat.person(&ann).await.unwrap();
    assert_eq!(person.name.to_lowercase(), "ann");
    assert!(!person.robot);
    chat.person(&ann).await.unwrap();
    assert_eq!(
        station.calls("users.info"),
        1,
        "known people are not asked for again"
    );

    let group = station.workspace.add_group("oncall", &["ann"]).unwrap();
    assert!(chat.in_group(&ann, "oncall").await.unwrap());
    assert!(chat.in_group(&ann, &group).await.unwrap());
    assert!(!chat.in_group(&station.user("bob"), "@oncall").await.unwrap());
    assert!(matches!(
        chat.in_group(&ann, "nobody").await,
        Err(ChatError::Missing(_))
    ));
    assert_eq!(station.calls("usergroups.list"), 1);
    // Somebody is taken out: Slack says so, and it counts at once.
    station.workspace.add_group("oncall", &["bob"]).unwrap();
    station
        .workspace
        .emit(serde_json::json!({ "type": "subteam_updated", "subteam": { "id": group } }));
    station.workspace.say("ann", "#general", "after").unwrap();
    station.hear().await;
    station.workspace.quiet(SOON).await.unwrap();
    station
        .workspace
        .emit(serde_json::json!({ "type": "subteam_updated", "subteam": { "id": group } }));
    station.called("usergroups.list", 1).await;
    station.workspace.quiet(SOON).await.unwrap();
    assert!(chat.in_group(&station.user("bob"), "oncall").await.unwrap());
    // When the groups cannot be known, nobody is in one.
    station
        .workspace
        .emit(serde_json::json!({ "type": "subteam_updated", "subteam": { "id": group } }));
    station.workspace.say("ann", "#general", "again").unwrap();
    station.hear().await;
    station.workspace.set_scopes(&["chat:write"]);
    station.end().await.unwrap();
    assert!(chat.in_group(&ann, "oncall").await.is_err());
}

#[tokio::test]
async fn somebody_is_found_by_their_address_and_told_alone() {
    let mut station = Station::start().await;
    let chat = station.slack.chat();
    let ann = station.user("ann");
    let found = chat.by_email("ann@owls.example").await.unwrap();
    assert_eq!(found, Some(ann.clone()));
    assert_eq!(chat.by_email("nobody@example.com").await.unwrap(), None);
    let channel = chat.direct(&ann).await.unwrap();
    assert!(channel.as_str().starts_with('D'), "{channel}");
    assert_eq!(chat.direct(&ann).await.unwrap(), channel);
    // What is said there is found again.
    let place = Place::channel(channel);
    let post = Post::from("for you alone").keyed("a key");
    let said = chat.post(&place, &post, Urgency::Answer).await.unwrap();
    assert_eq!(chat.find(&place, "a key").await.unwrap(), Some(said));
    // Without the scope nobody is found, and that is all.
    station.workspace.set_scopes(&["chat:write", "im:write"]);
    assert_eq!(chat.by_email("ann@owls.example").await.unwrap(), None);
    station.end().await.unwrap();
}
