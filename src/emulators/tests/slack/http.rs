//! The Events API over HTTP: signatures, `url_verification`, retries.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use otus_emulators::slack::{Options, Outcome, Workspace};
use serde_json::{Value, json};
use slack_morphism::{prelude::SlackSigningSecret, signature_verifier::SlackEventSignatureVerifier};

use crate::wire::{Api, Result, SOON};

/// What the app was sent: the retry number and reason, the content type, the body.
#[derive(Clone, Debug)]
struct Got {
    retry: Option<(String, String)>,
    form: bool,
    body: String,
}

#[derive(Clone)]
struct App {
    secret: String,
    got: Arc<Mutex<Vec<Got>>>,
    /// Answers, from the last to the first; 200 when there are no more.
    answers: Arc<Mutex<Vec<Response>>>,
}

async fn receive(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = String::from_utf8_lossy(&body).into_owned();
    let (signature, time) = (header("x-slack-signature"), header("x-slack-request-timestamp"));
    let verifier = SlackEventSignatureVerifier::new(&SlackSigningSecret::new(app.secret.clone()));
    let valid = verifier.verify(&signature.unwrap_or_default(), &body, &time.unwrap_or_default());
    if let Err(error) = valid {
        return (StatusCode::UNAUTHORIZED, error.to_string()).into_response();
    }
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    if json["type"] == "url_verification" {
        return json["challenge"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
            .into_response();
    }
    let retry = header("x-slack-retry-num").zip(header("x-slack-retry-reason"));
    let form = header("content-type").is_some_and(|kind| kind.contains("form"));
    app.got.lock().unwrap().push(Got { retry, form, body });
    let answer = app.answers.lock().unwrap().pop();
    answer.unwrap_or_else(|| StatusCode::OK.into_response())
}

async fn serve(slack: &Workspace, answers: Vec<Response>) -> Result<(App, String)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let app = App {
        secret: slack.signing_secret(),
        got: Arc::default(),
        answers: Arc::new(Mutex::new(answers)),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/events", listener.local_addr()?);
    let router = Router::new()
        .route("/events", post(receive))
        .with_state(app.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((app, url))
}

fn options() -> Options {
    Options::default().retry_delays([Duration::from_millis(10); 3])
}

#[tokio::test]
async fn events_commands_and_clicks_are_signed_and_posted() -> Result {
    let slack = Workspace::start(options()).await?;
    let (app, url) = serve(
        &slack,
        vec![
            json!({"text": "on it"}).to_string().into_response(),
            StatusCode::OK.into_response(),
        ],
    )
    .await?;
    slack.set_request_url(&url).await?;
    slack.say("ann", "#deploys", "hello")?;
    slack.quiet(SOON).await?;
    let command = slack.slash("ann", "#deploys", "/otus", "a & b")?;
    let Outcome::Acked(answer) = slack.outcome(command, SOON).await? else {
        panic!("no answer")
    };
    assert_eq!(answer["text"], "on it");
    let got = app.got.lock().unwrap().clone();
    let event: Value = serde_json::from_str(&got[0].body)?;
    assert_eq!(
        (&event["type"], &event["event"]["text"]),
        (&json!("event_callback"), &json!("hello"))
    );
    assert!(
        got[1].form && got[1].body.contains("text=a+%26amp%3B+b"),
        "{}",
        got[1].body
    );
    let token = Api {
        token: slack.app_token(),
        ..Api::new(&slack)
    };
    let refused = token.code("apps.connections.open", json!({})).await?;
    assert_eq!(refused, "socket_mode_not_enabled", "never both ways");
    Ok(())
}

#[tokio::test]
async fn failures_are_retried_with_number_and_reason() -> Result {
    let slack = Workspace::start(options()).await?;
    let fail = || StatusCode::BAD_GATEWAY.into_response();
    let (app, url) = serve(&slack, vec![fail(), fail()]).await?;
    slack.set_request_url(&url).await?;
    slack.say("ann", "#deploys", "hello")?;
    slack
        .wait_for_entry(SOON, |what| json!(what)["kind"].eq("acked").then_some(()))
        .await?;
    let retries: Vec<_> = app
        .got
        .lock()
        .unwrap()
        .iter()
        .map(|got| got.retry.clone())
        .collect();
    let retry = |n: &str| Some((n.to_owned(), "http_error".to_owned()));
    assert_eq!(retries, [None, retry("1"), retry("2")]);
    Ok(())
}

#[tokio::test]
async fn an_app_may_ask_for_no_retry() -> Result {
    let slack = Workspace::start(options()).await?;
    let refuse = (StatusCode::INTERNAL_SERVER_ERROR, [("x-slack-no-retry", "1")]).into_response();
    let (app, url) = serve(&slack, vec![refuse]).await?;
    slack.set_request_url(&url).await?;
    slack.say("ann", "#deploys", "hello")?;
    slack
        .wait_for_entry(SOON, |what| json!(what)["kind"].eq("unacked").then_some(()))
        .await?;
    assert_eq!((slack.stats().given_up, app.got.lock().unwrap().len()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_url_that_knows_another_secret_is_refused() -> Result {
    let slack = Workspace::start(options()).await?;
    let other = Workspace::start({
        let mut options = Options::default();
        options.signing_secret = "another".into();
        options
    })
    .await?;
    let (_app, url) = serve(&other, Vec::new()).await?;
    let refused = slack.set_request_url(&url).await.unwrap_err().to_string();
    assert!(refused.contains("url_verification: it answered 401"), "{refused}");
    Ok(())
}
