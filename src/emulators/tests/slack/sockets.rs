//! Socket Mode: tickets, envelopes, retries, rotation, and sockets that go wrong.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use otus_emulators::slack::{Options, SocketFault, What, Workspace};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::wire::{Api, Result, SOON, Socket};

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_mention_is_two_events_and_an_own_post_echoes() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    let said = slack.say(
        "ann",
        "#deploys",
        "hey @otus, see https://a.example & #general :tada:",
    )?;
    let message = socket.event("message").await?;
    let mention = socket.event("app_mention").await?;
    let (one, two) = (&message["payload"], &mention["payload"]);
    assert_ne!(one["event_id"], two["event_id"]);
    for event in [&one["event"], &two["event"]] {
        assert_eq!(event["ts"], json!(said));
        assert_eq!(
            event["text"],
            "hey <@U0OTUS>, see <https://a.example> &amp; <#C0GENERAL|general> :tada:"
        );
        assert_eq!(
            event["blocks"][0]["elements"][0]["elements"][1],
            json!({"type": "user", "user_id": "U0OTUS"})
        );
    }
    assert_eq!(
        (&message["type"], &message["accepts_response_payload"]),
        (&json!("events_api"), &json!(false))
    );
    assert_eq!(
        (&message["retry_attempt"], &message["retry_reason"]),
        (&json!(0), &json!(""))
    );
    assert_eq!(one["event"]["channel_type"], "channel");
    assert_eq!(one["authorizations"][0]["user_id"], "U0OTUS");

    let api = Api::new(&slack);
    api.call(
        "chat.postMessage",
        json!({"channel": "#deploys", "text": "own <@U0OTUS>", "thread_ts": said}),
    )
    .await?;
    let echo = socket.event("message").await?["payload"]["event"].clone();
    assert_eq!(
        (&echo["user"], &echo["bot_id"], &echo["subtype"]),
        (&json!("U0OTUS"), &json!("B0OTUS"), &Value::Null)
    );
    assert_eq!(echo["parent_user_id"], "U0ANN");
    slack.dm("bob", "help")?;
    let direct = socket.event("message").await?["payload"]["event"].clone();
    assert_eq!(
        (&direct["channel_type"], &direct["channel"]),
        (&json!("im"), &json!("D0BOB"))
    );
    slack.quiet(SOON).await?;
    assert_eq!(
        slack.stats().acks,
        4,
        "no app_mention for the app's own post, nor in a direct message"
    );
    Ok(())
}

#[tokio::test]
async fn edits_unfurls_and_deletes_are_told_apart() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    let said = slack.say("ann", "#deploys", "one")?;
    socket.event("message").await?;
    slack.edit(said, "two")?;
    let edit = socket.event("message").await?["payload"]["event"].clone();
    assert_eq!(
        (&edit["subtype"], &edit["hidden"]),
        (&json!("message_changed"), &json!(true))
    );
    assert_eq!(
        (&edit["message"]["text"], &edit["previous_message"]["text"]),
        (&json!("two"), &json!("one"))
    );
    assert_eq!(edit["message"]["edited"]["user"], "U0ANN");
    let posted = slack.say("ann", "#deploys", "https://a.example")?;
    socket.event("message").await?;
    slack.unfurl(posted, json!({"title": "A"}))?;
    let unfurl = socket.event("message").await?["payload"]["event"].clone();
    assert_eq!(
        (&unfurl["subtype"], unfurl["message"].get("edited")),
        (&json!("message_changed"), None)
    );
    slack.delete(said)?;
    let delete = socket.event("message").await?["payload"]["event"].clone();
    assert_eq!(
        (&delete["subtype"], &delete["deleted_ts"]),
        (&json!("message_deleted"), &json!(said))
    );
    Ok(())
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_with_the_same_event_id() -> Result {
    let options = Options::default()
        .ack_deadline(SHORT)
        .retry_delays([SHORT, SHORT]);
    let slack = Workspace::start(options).await?;
    let mut socket = Socket::open(&slack).await?;
    slack.say("ann", "#deploys", "hello")?;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let envelope = socket.frame().await?;
        seen.push((
            envelope["payload"]["event_id"].clone(),
            envelope["retry_attempt"].clone(),
            envelope["retry_reason"].clone(),
        ));
    }
    assert!(seen.iter().all(|(id, ..)| *id == seen[0].0));
    let attempts: Vec<_> = seen
        .iter()
        .map(|(_, attempt, reason)| (attempt.clone(), reason.clone()))
        .collect();
    assert_eq!(
        attempts,
        [
            (json!(0), json!("")),
            (json!(1), json!("timeout")),
            (json!(2), json!("timeout"))
        ]
    );
    slack.quiet(SOON).await?;
    let stats = slack.stats();
    assert_eq!((stats.acks, stats.unacked, stats.given_up), (0, 3, 1));
    slack.redeliver(seen[0].0.as_str().unwrap_or_default())?;
    let again = socket.frame().await?;
    assert_eq!(again["payload"]["event_id"], seen[0].0);
    socket.ack(&again, Value::Null).await?;
    slack.quiet(SOON).await?;
    assert_eq!(slack.stats().acks, 1);
    assert!(slack.redeliver("Ev404").is_err());
    Ok(())
}

#[tokio::test]
async fn what_is_said_while_nobody_listens_is_retried() -> Result {
    let slack = Workspace::start(Options::default().retry_delays([SHORT; 100])).await?;
    slack.say("ann", "#deploys", "anybody?")?;
    let mut socket = Socket::open(&slack).await?;
    let envelope = socket.event("message").await?;
    assert_eq!(envelope["payload"]["event"]["text"], "anybody?");
    assert!(envelope["retry_attempt"].as_u64() > Some(0));
    Ok(())
}

#[tokio::test]
async fn each_payload_goes_to_exactly_one_of_several_sockets() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut one = Socket::open(&slack).await?;
    let mut two = Socket::open(&slack).await?;
    for n in 0..10 {
        slack.say("ann", "#deploys", &n.to_string())?;
    }
    let mut texts = Vec::new();
    for _ in 0..5 {
        texts.push(one.event("message").await?["payload"]["event"]["text"].clone());
        texts.push(two.event("message").await?["payload"]["event"]["text"].clone());
    }
    slack.quiet(SOON).await?;
    texts.sort_by_key(|text| text.to_string());
    assert_eq!(texts, (0..10).map(|n| json!(n.to_string())).collect::<Vec<_>>());
    slack.deliver_twice(true);
    slack.say("ann", "#deploys", "twice")?;
    let (a, b) = (one.event("message").await?, two.event("message").await?);
    assert_eq!(a["payload"]["event_id"], b["payload"]["event_id"]);
    assert_ne!(a["envelope_id"], b["envelope_id"]);
    Ok(())
}

#[tokio::test]
async fn ten_sockets_and_no_more_each_by_its_own_ticket() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let url = Socket::url(&slack).await?;
    let mut first = Socket(tokio_tungstenite::connect_async(&url).await?.0);
    assert_eq!(first.frame().await?["num_connections"], 1);
    let again = tokio_tungstenite::connect_async(&url).await;
    assert!(
        matches!(again, Err(Error::Http(response)) if response.status() == 401),
        "a ticket opens one socket"
    );
    let mut open = Vec::new();
    for _ in 0..9 {
        open.push(Socket::open(&slack).await?);
    }
    let (socket, _) = tokio_tungstenite::connect_async(Socket::url(&slack).await?).await?;
    let refused = Socket(socket).frame().await?;
    assert_eq!(
        (&refused["type"], &refused["reason"]),
        (&json!("disconnect"), &json!("too_many_websockets"))
    );
    drop(open);
    slack.connected(1, SOON).await?;
    Socket::open(&slack).await?;
    Ok(())
}

#[tokio::test]
async fn a_rotation_warns_refreshes_and_closes_and_still_delivers_until_then() -> Result {
    let mut options = Options::default();
    options.rotation_grace = SHORT;
    options.close_after = Duration::from_secs(2);
    let slack = Workspace::start(options).await?;
    let mut socket = Socket::open(&slack).await?;
    slack.rotate();
    assert_eq!(socket.frame().await?["reason"], "warning");
    let refresh = socket.frame().await?;
    assert_eq!(
        (&refresh["type"], &refresh["reason"]),
        (&json!("disconnect"), &json!("refresh_requested"))
    );
    assert!(refresh["debug_info"]["host"].is_string());
    slack.say("ann", "#deploys", "late")?;
    assert_eq!(socket.event("message").await?["payload"]["event"]["text"], "late");
    assert_eq!(
        socket.frame().await.map_err(|e| e.to_string()),
        Err("closed".to_owned())
    );
    slack.quiet(SOON).await?;
    assert_eq!(slack.stats().acks, 1);
    Ok(())
}

#[tokio::test]
async fn pings_are_answered_and_sent() -> Result {
    let mut options = Options::default();
    options.ping_every = SHORT;
    let slack = Workspace::start(options).await?;
    let mut socket = Socket::open(&slack).await?;
    socket.0.send(Message::Ping("mine".into())).await?;
    let (mut pong, mut pings) = (false, 0);
    while !pong || pings < 2 {
        match tokio::time::timeout(SOON, socket.0.next())
            .await?
            .ok_or("closed")??
        {
            Message::Pong(payload) => pong = payload == "mine".as_bytes(),
            Message::Ping(_) => pings += 1,
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn sockets_can_be_cut_frozen_and_flapped() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    slack.cut_sockets();
    let mut frames = Vec::new();
    while let Some(Ok(frame)) = socket.0.next().await {
        frames.push(frame);
    }
    assert!(
        !frames.iter().any(Message::is_close),
        "a reset is no Close frame: {frames:?}"
    );
    slack.connected(0, SOON).await?;

    slack.fail_next_socket(SocketFault::RefuseUpgrade(500), 1);
    let refused = tokio_tungstenite::connect_async(Socket::url(&slack).await?).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 500));

    slack.fail_next_socket(SocketFault::FlapAfterHello("refresh_requested".into()), 1);
    let mut socket = Socket::open(&slack).await?;
    assert_eq!(socket.frame().await?["reason"], "refresh_requested");
    assert!(socket.frame().await.is_err());
    slack.connected(0, SOON).await?;

    slack.fail_next_socket(SocketFault::NoPongs, 1);
    let mut socket = Socket::open(&slack).await?;
    socket.0.send(Message::Ping("anybody?".into())).await?;
    slack.say("ann", "#deploys", "still arrives")?;
    let envelope = socket.frame().await?;
    assert_eq!(envelope["payload"]["event"]["text"], "still arrives");
    socket.ack(&envelope, Value::Null).await?;
    while let Ok(frame) = tokio::time::timeout(SHORT, socket.0.next()).await {
        assert!(!matches!(frame, Some(Ok(Message::Pong(_)))), "no pong comes");
    }
    assert_eq!(slack.stats().acks, 0, "and no ack is heard");
    Ok(())
}

#[tokio::test]
async fn the_bot_hears_only_where_it_is() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    slack.leave("otus", "#deploys")?;
    slack.say("ann", "#deploys", "@otus hello?")?;
    slack.say("ann", "#general", "here")?;
    let left = socket.frame().await?;
    assert_eq!(left["payload"]["event"]["type"], "channel_left");
    assert_eq!(socket.event("message").await?["payload"]["event"]["text"], "here");
    let api = Api::new(&slack);
    assert_eq!(
        api.code("conversations.join", json!({"channel": "C0DEPLOYS"}))
            .await?,
        ""
    );
    assert_eq!(
        socket.event("member_joined_channel").await?["payload"]["event"]["user"],
        "U0OTUS"
    );
    Ok(())
}

#[tokio::test]
async fn it_stops_when_dropped() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let address = slack.address();
    let mut socket = Socket::open(&slack).await?;
    let other = slack.clone();
    drop(slack);
    other.say("ann", "#general", "still here")?;
    assert!(socket.frame().await.is_ok());
    drop(other);
    // What was sent before, such as a ping, may still be read.
    let end = async { while let Some(Ok(_)) = socket.0.next().await {} };
    tokio::time::timeout(SOON, end).await?;
    let refused = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, refused).await?;
    Ok(())
}

#[tokio::test]
async fn the_journal_tells_the_whole_story_in_order() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    slack.say("ann", "#deploys", "hello")?;
    socket.event("message").await?;
    slack
        .wait_for_entry(SOON, |what| matches!(what, What::Acked { .. }).then_some(()))
        .await?;
    let journal = slack.journal(0);
    let kinds: Vec<String> = journal
        .iter()
        .map(|e| json!(e)["kind"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(kinds, ["call", "socket_opened", "posted", "sent", "acked"]);
    assert!(journal.iter().enumerate().all(|(i, e)| e.n == i as u64 + 1));
    assert_eq!(slack.stats().calls["apps.connections.open"], 1);
    Ok(())
}

/// Thousands of messages pass without anything lost: nothing in the emulator may grow with what was said before.
#[tokio::test]
async fn a_burst_is_delivered_whole_and_answered() -> Result {
    const MESSAGES: usize = 2_000;
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    let client = tokio::spawn({
        let api = Api::new(&slack);
        async move {
            for _ in 0..MESSAGES {
                let envelope = socket.frame().await.map_err(|error| error.to_string())?;
                socket
                    .ack(&envelope, Value::Null)
                    .await
                    .map_err(|error| error.to_string())?;
            }
            let post = json!({"channel": "#general", "text": "got them all"});
            api.call("chat.postMessage", post)
                .await
                .map_err(|error| error.to_string())
        }
    });
    for n in 0..MESSAGES {
        slack.say("ann", "#deploys", &format!("message {n}"))?;
    }
    let posted = tokio::time::timeout(SOON * 3, client).await???;
    assert_eq!(posted["ok"], true);
    assert_eq!(
        (slack.stats().acks, slack.look(|w| w.messages("#deploys").count())),
        (MESSAGES as u64, MESSAGES)
    );
    Ok(())
}
