//! Every kind of block, menus and a form on the page, in a real browser; what is chosen and filled in reaches the app as Slack sends it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{
    Form, Json, Router, body::Bytes, extract::FromRequest, extract::State, http::HeaderMap,
    response::IntoResponse, routing::post,
};
use otus_demo_page::{Page, Person, serve};
use otus_emulators::{
    kubernetes::{self, Cluster},
    slack::{Options, Workspace},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

/// An app that opens a form at the press of a button, and keeps what it hears.
#[derive(Clone)]
struct App {
    api: String,
    token: String,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl App {
    async fn call(&self, method: &str, body: Value) -> Value {
        let client = reqwest::Client::new();
        let request = client
            .post(format!("{}/{method}", self.api))
            .bearer_auth(&self.token)
            .json(&body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer
    }
}

async fn hear(State(app): State<App>, headers: HeaderMap, body: Bytes) -> axum::response::Response {
    if headers["content-type"]
        .to_str()
        .unwrap()
        .starts_with("application/json")
    {
        let event: Value = serde_json::from_slice(&body).unwrap();
        return event["challenge"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
            .into_response();
    }
    let form = axum::http::Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    let form = form.body(axum::body::Body::from(body)).unwrap();
    type Fields = Form<HashMap<String, String>>;
    let Form(form) = <Fields as FromRequest<()>>::from_request(form, &())
        .await
        .unwrap();
    let payload: Value = serde_json::from_str(&form["payload"]).unwrap();
    app.heard.lock().unwrap().push(payload.clone());
    if payload["type"] == "view_submission" {
        let name = &payload["view"]["state"]["values"]["name"]["name"]["value"];
        if name == "wrong" {
            return Json(
                json!({ "response_action": "errors", "errors": { "name": "There is no such service" } }),
            )
            .into_response();
        }
    } else if payload["actions"][0]["action_id"] == "open" {
        tokio::spawn(async move {
            app.call(
                "views.open",
                json!({ "trigger_id": payload["trigger_id"], "view": form_view() }),
            )
            .await
        });
    }
    "".into_response()
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

fn options(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| json!({ "text": plain(name), "value": name }))
        .collect()
}

fn form_view() -> Value {
    json!({
        "type": "modal", "title": plain("Deploy"), "submit": plain("Deploy it"), "close": plain("Leave"),
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": "What *goes* where?" } },
            { "type": "input", "block_id": "name", "label": plain("Service"), "hint": plain("As in the configuration"),
              "element": { "type": "plain_text_input", "action_id": "name" } },
            { "type": "input", "block_id": "place", "label": plain("Environment"),
              "element": { "type": "static_select", "action_id": "place", "options": options(&["staging", "production"]) } },
            { "type": "input", "block_id": "when", "label": plain("When"),
              "element": { "type": "radio_buttons", "action_id": "when", "options": options(&["now", "later"]) } },
            { "type": "input", "block_id": "more", "optional": true, "label": plain("And"),
              "element": { "type": "checkboxes", "action_id": "more", "options": options(&["plan only", "queue"]) } },
        ],
    })
}

fn blocks() -> Value {
    json!([
        { "type": "header", "text": plain("Every kind <b>of</b> block :owl:") },
        { "type": "section", "text": { "type": "mrkdwn", "text": "*Bold*, _slanted_, ~struck~, `code`, <https://example.com|a link>, <javascript:alert(1)|no link>, &lt;script&gt;alert(1)&lt;/script&gt;" } },
        { "type": "section", "fields": [
            { "type": "mrkdwn", "text": "*Pods*\n2 of 3" }, { "type": "mrkdwn", "text": "*Since*\n<!date^1700000000^{date_num}|then>" } ] },
        { "type": "divider" },
        { "type": "section", "text": { "type": "mrkdwn", "text": "```\nlogs <https://example.com>\n```" } },
        { "type": "actions", "elements": [
            { "type": "button", "action_id": "open", "style": "primary", "text": plain("Open the form") },
            { "type": "button", "action_id": "ask", "style": "danger", "text": plain("Stop"), "value": "stop 7", "confirm": {
                "title": plain("Are you sure?"), "text": { "type": "mrkdwn", "text": "Stop *it*?" }, "confirm": plain("Stop"), "deny": plain("Cancel") } },
            { "type": "static_select", "action_id": "pick", "placeholder": plain("Which version"), "options": options(&["1.0", "2.0"]) },
        ] },
        { "type": "context", "elements": [{ "type": "mrkdwn", "text": "asked by <@U0ANN>" }] },
        { "type": "table", "rows": [
            [{ "type": "raw_text", "text": "service" }, { "type": "raw_text", "text": "version" }],
            [{ "type": "raw_text", "text": "<i>api</i>" }, { "type": "raw_text", "text": "1.0" }] ] },
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_block_menu_and_form_works_in_a_browser() {
    // It was installed by another test of this process, or by this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let slack = Workspace::start(Options::default().people(["ann"]).channels(["shop"]))
        .await
        .unwrap();
    let app = App {
        api: slack.api_url(),
        token: slack.bot_token(),
        heard: Arc::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let routes = Router::new().route("/", post(hear)).with_state(app.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    slack.set_request_url(&url).await.unwrap();
    let channel = slack.look(|world| world.channel("#shop").unwrap().id.clone());
    app.call(
        "chat.postMessage",
        json!({ "channel": channel, "text": "Every kind", "blocks": blocks() }),
    )
    .await;

    let page = Page {
        slack,
        cluster: Arc::new(Cluster::start(kubernetes::Options::default()).await.unwrap()),
        namespaces: Vec::new(),
        channel: "#shop".into(),
        people: vec![Person {
            name: "ann".into(),
            role: "developer".into(),
        }],
        tour: Vec::new(),
        troubles: Vec::new(),
        bench: None,
    };
    let served = serve(page, TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let pictures = tempfile::tempdir().unwrap();
    let folder = std::env::var("OTUS_PICTURES").unwrap_or_else(|_| pictures.path().display().to_string());
    let address = served.url();
    let output = tokio::task::spawn_blocking(move || {
        Command::new("node")
            .args(["gallery.js", &address, &folder])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/page"))
            .output()
            .expect("node runs the browser: install it (Debian: nodejs), then tests/clients/setup.sh")
    });
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let heard = app.heard.lock().unwrap().clone();
    let pressed = |id: &str| {
        let found = heard
            .iter()
            .find(|payload| payload["actions"][0]["action_id"] == id);
        found.unwrap_or_else(|| panic!("no {id} in {heard:#?}"))["actions"][0].clone()
    };
    assert_eq!(pressed("pick")["selected_option"]["value"], "2.0");
    assert_eq!(pressed("ask")["value"], "stop 7");
    let asked = heard
        .iter()
        .filter(|payload| payload["actions"][0]["action_id"] == "ask")
        .count();
    assert_eq!(asked, 1, "it was cancelled once");
    let sent = heard
        .iter()
        .rfind(|payload| payload["type"] == "view_submission")
        .unwrap();
    let values = &sent["view"]["state"]["values"];
    assert_eq!(values["name"]["name"]["value"], "api");
    assert_eq!(values["place"]["place"]["selected_option"]["value"], "production");
    assert_eq!(values["when"]["when"]["selected_option"]["value"], "later");
    assert_eq!(values["more"]["more"]["selected_options"][0]["value"], "queue");
}
