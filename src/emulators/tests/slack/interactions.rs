//! Slash commands, buttons, modals, `response_url`.

use std::time::Duration;

use otus_emulators::slack::{Options, Outcome, Workspace};
use serde_json::{Value, json};

use crate::wire::{Api, Result, SOON, Socket};

fn modal(title: &str) -> Value {
    json!({
        "type": "modal", "callback_id": "c", "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Go"},
        "blocks": [{
            "type": "input", "block_id": "b", "label": {"type": "plain_text", "text": "Service"},
            "element": {"type": "static_select", "action_id": "a", "options": [
                {"text": {"type": "plain_text", "text": "Api"}, "value": "api"},
                {"text": {"type": "plain_text", "text": "Web"}, "value": "web"},
            ]},
        }],
    })
}

#[tokio::test]
async fn a_slash_command_is_answered_by_its_ack_and_five_times_by_its_url() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    let command = slack.slash("ann", "#deploys", "/otus", "deploy @bob & co")?;
    let envelope = socket.frame().await?;
    assert_eq!(
        (&envelope["type"], &envelope["accepts_response_payload"]),
        (&json!("slash_commands"), &json!(true))
    );
    let payload = &envelope["payload"];
    assert_eq!(
        (&payload["command"], &payload["text"]),
        (&json!("/otus"), &json!("deploy <@U0BOB> &amp; co"))
    );
    assert_eq!(
        (&payload["channel_name"], &payload["user_name"]),
        (&json!("deploys"), &json!("ann"))
    );
    socket
        .ack(&envelope, json!({"text": "on it", "response_type": "in_channel"}))
        .await?;
    assert!(matches!(slack.outcome(command, SOON).await?, Outcome::Acked(_)));
    assert_eq!(slack.messages("#deploys")[0].text, "on it");

    let http = Api::new(&slack).http;
    let url = payload["response_url"].as_str().ok_or("no response_url")?;
    for n in 0..6 {
        let status = http
            .post(url)
            .body(json!({"text": n.to_string()}).to_string())
            .send()
            .await?
            .status();
        assert_eq!(status.as_u16(), if n < 5 { 200 } else { 404 }, "answer {n}");
    }
    let private: Vec<_> = slack
        .messages("#deploys")
        .into_iter()
        .filter(|m| m.ephemeral_to.as_deref() == Some("U0ANN"))
        .collect();
    assert_eq!(private.len(), 5);
    let history = Api::new(&slack)
        .get("conversations.history", &[("channel", "C0DEPLOYS")])
        .await?;
    assert_eq!(
        history["messages"].as_array().map(Vec::len),
        Some(1),
        "ephemeral messages leave no history"
    );
    Ok(())
}

#[tokio::test]
async fn a_command_nobody_acknowledges_times_out_and_is_not_retried() -> Result {
    let slack = Workspace::start(Options::default().ack_deadline(Duration::from_millis(50))).await?;
    let nobody = slack.slash("ann", "#deploys", "/otus", "x")?;
    assert_eq!(slack.outcome(nobody, SOON).await?, Outcome::TimedOut);
    let mut socket = Socket::open(&slack).await?;
    let ignored = slack.slash("ann", "#deploys", "/otus", "x")?;
    let envelope = socket.frame().await?;
    assert_eq!(slack.outcome(ignored, SOON).await?, Outcome::TimedOut);
    socket.ack(&envelope, Value::Null).await?;
    slack
        .wait_for_entry(SOON, |what| json!(what)["kind"].eq("stray_ack").then_some(()))
        .await?;
    assert_eq!(slack.outcome(ignored, SOON).await?, Outcome::TimedOut);
    Ok(())
}

#[tokio::test]
async fn a_click_says_what_where_and_by_whom_and_can_replace_the_message() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    let api = Api::new(&slack);
    let blocks = json!([{"type": "actions", "elements": [
        {"type": "button", "action_id": "go", "value": "api", "text": {"type": "plain_text", "text": "Go"}},
        {"type": "static_select", "action_id": "where", "options": [{"text": {"type": "plain_text", "text": "Staging"}, "value": "staging"}]},
    ]}]);
    let posted = api
        .call(
            "chat.postMessage",
            json!({"channel": "#deploys", "text": "Deploy?", "blocks": blocks}),
        )
        .await?;
    let ts = posted["ts"].as_str().ok_or("no ts")?.parse()?;
    socket.event("message").await?;
    assert_eq!(
        slack.click("bob", ts, "Stop").unwrap_err().to_string(),
        format!("message {ts} has no element \"Stop\"; it has: \"Go\" (go), where")
    );
    slack.click("bob", ts, "Go")?;
    let envelope = socket.frame().await?;
    socket.ack(&envelope, Value::Null).await?;
    let payload = &envelope["payload"];
    assert_eq!(
        (&payload["type"], &payload["user"]["id"]),
        (&json!("block_actions"), &json!("U0BOB"))
    );
    assert_eq!(
        (
            &payload["actions"][0]["action_id"],
            &payload["actions"][0]["value"]
        ),
        (&json!("go"), &json!("api"))
    );
    assert_eq!(
        payload["actions"][0]["block_id"],
        posted["message"]["blocks"][0]["block_id"]
    );
    assert_eq!(
        (&payload["container"]["message_ts"], &payload["message"]["text"]),
        (&posted["ts"], &json!("Deploy?"))
    );
    slack.choose("bob", ts, "where", "Staging")?;
    let choice = socket.frame().await?;
    socket.ack(&choice, Value::Null).await?;
    assert_eq!(
        choice["payload"]["actions"][0]["selected_option"]["value"],
        "staging"
    );
    let url = payload["response_url"].as_str().ok_or("no response_url")?;
    api.http
        .post(url)
        .body(json!({"replace_original": true, "text": "Gone"}).to_string())
        .send()
        .await?;
    assert_eq!(
        slack.message(ts).map(|m| (m.text, m.blocks.len())),
        Some(("Gone".to_owned(), 0))
    );
    api.http
        .post(url)
        .body(json!({"delete_original": true}).to_string())
        .send()
        .await?;
    assert!(slack.message(ts).is_none());
    Ok(())
}

#[tokio::test]
async fn modals_open_by_a_trigger_once_and_follow_the_answer() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    let api = Api::new(&slack);
    slack.slash("ann", "#deploys", "/otus", "form")?;
    let envelope = socket.frame().await?;
    socket.ack(&envelope, Value::Null).await?;
    let open = json!({"trigger_id": envelope["payload"]["trigger_id"], "view": modal("One")});
    let opened = api.call("views.open", open.clone()).await?;
    assert_eq!(opened["ok"], true, "{opened}");
    assert_eq!(api.code("views.open", open).await?, "exchanged_trigger_id");
    assert_eq!(
        api.code("views.open", json!({"trigger_id": "1.4.x", "view": modal("x")}))
            .await?,
        "invalid_trigger_id"
    );
    let long = api
        .call(
            "views.open",
            json!({"trigger_id": "x", "view": modal(&"x".repeat(25))}),
        )
        .await?;
    assert_eq!(
        long["response_metadata"]["messages"][0],
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    );

    let update = |hash: &Value| json!({"view_id": opened["view"]["id"], "hash": hash, "view": modal("Two")});
    assert_eq!(
        api.code("views.update", update(&json!("old"))).await?,
        "hash_conflict"
    );
    assert_eq!(
        api.code("views.update", update(&opened["view"]["hash"])).await?,
        ""
    );
    slack.submit("ann", json!({"a": "Web"}))?;
    let envelope = socket.frame().await?;
    assert_eq!(
        envelope["payload"]["view"]["state"]["values"]["b"]["a"]["selected_option"]["value"],
        "web"
    );
    let submitted = slack.interaction(2).ok_or("no interaction")?;
    socket
        .ack(
            &envelope,
            json!({"response_action": "push", "view": modal("Three")}),
        )
        .await?;
    slack.outcome(submitted.id, SOON).await?;
    assert_eq!(
        slack.look(|w| w.view_of("ann").map(|v| v["title"]["text"].clone())),
        Some(json!("Three"))
    );
    let last = slack.submit("ann", json!({"a": "api"}))?;
    let envelope = socket.frame().await?;
    socket.ack(&envelope, json!({"response_action": "clear"})).await?;
    slack.outcome(last, SOON).await?;
    assert!(slack.look(|w| w.view_of("ann").is_none()));
    Ok(())
}

#[tokio::test]
async fn a_trigger_expires() -> Result {
    let mut options = Options::default();
    options.trigger_lifetime = Duration::ZERO;
    let slack = Workspace::start(options).await?;
    let mut socket = Socket::open(&slack).await?;
    slack.slash("ann", "#deploys", "/otus", "form")?;
    let trigger = socket.frame().await?["payload"]["trigger_id"].clone();
    let late = json!({"trigger_id": trigger, "view": modal("One")});
    assert_eq!(
        Api::new(&slack).code("views.open", late).await?,
        "expired_trigger_id"
    );
    Ok(())
}

#[tokio::test]
async fn the_app_home_is_published_and_opened() -> Result {
    let slack = Workspace::start(Options::default()).await?;
    let mut socket = Socket::open(&slack).await?;
    let home = json!({"type": "home", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "Owls"}}]});
    let published = Api::new(&slack)
        .call("views.publish", json!({"user_id": "U0ANN", "view": home}))
        .await?;
    assert_eq!(published["view"]["type"], "home");
    slack.open_home("ann")?;
    let opened = socket.event("app_home_opened").await?;
    assert_eq!(opened["payload"]["event"]["view"]["id"], published["view"]["id"]);
    Ok(())
}
