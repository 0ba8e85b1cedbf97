//! The other way in: events, commands and interactions over HTTP.

#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod common;

use axum::http::{Request, StatusCode};
use common::{SOON, config, install_tls, options, words};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use otus_core::{Button, Card, Message, Place, Receipt, Tone, Urgency, Via};
use otus_emulators::slack::{Outcome, Workspace};
use otus_slack::{Ear, Entrance, Slack, SlackConfig};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

struct Notes(mpsc::UnboundedSender<(Message, Receipt)>);

impl Ear for Notes {
    fn hear(&self, message: Message, receipt: Receipt) {
        let _ = self.0.send((message, receipt));
    }
}

struct House {
    workspace: Workspace,
    slack: Slack,
    url: String,
    stop: CancellationToken,
    heard: mpsc::UnboundedReceiver<(Message, Receipt)>,
}

impl House {
    async fn start() -> Self {
        install_tls();
        let workspace = Workspace::start(options()).await.unwrap();
        let config = SlackConfig {
            events: Entrance::Http,
            app_token: None,
            ..config(&workspace)
        };
        let slack = Slack::connect(config).await.unwrap();
        assert!(!slack.ready());
        let stop = CancellationToken::new();
        let (notes, heard) = mpsc::unbounded_channel();
        let router = slack.router(Notes(notes), &stop);
        assert!(slack.ready());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/slack/events", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            workspace,
            slack,
            url,
            stop,
            heard,
        }
    }

    /// The next thing heard, safe at once.
    async fn hear(&mut self) -> Message {
        let (message, mut receipt) = self.take().await;
        receipt.give();
        message
    }

    /// The next thing heard, with its receipt.
    async fn take(&mut self) -> (Message, Receipt) {
        timeout(SOON, self.heard.recv())
            .await
            .expect("nothing was heard")
            .expect("it ended")
    }

    /// Sends a request as a stranger may, and gives the answer's status and words.
    async fn knock(&self, headers: &[(&str, String)], body: String) -> (StatusCode, String) {
        let client: Client<_, String> = Client::builder(TokioExecutor::new()).build_http();
        let mut request = Request::post(&self.url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = client.request(request.body(body).unwrap()).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(axum::body::Body::new(answer.into_body()), 1 << 20)
            .await
            .unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn slack_is_let_in_and_heard() {
    let mut house = House::start().await;
    // Answers the challenge, or this would fail.
    house.workspace.set_request_url(&house.url).await.unwrap();
    house.workspace.say("ann", "#general", "over http").unwrap();
    assert_eq!(words(&house.hear().await), "over http");

    let slash = house
        .workspace
        .slash("bob", "general", "/otus", "status")
        .unwrap();
    let asked = house.hear().await;
    assert_eq!((words(&asked).as_str(), &asked.via), ("status", &Via::Slash));
    assert!(matches!(
        house.workspace.outcome(slash, SOON).await.unwrap(),
        Outcome::Acked(_)
    ));

    let place = Place::channel(asked.channel.clone());
    let card = Card::new(Tone::Good, "Done").button(Button::new("Again", "deploy again"));
    let posted = house
        .slack
        .chat()
        .post(&place, &card.into(), Urgency::Answer)
        .await
        .unwrap();
    house
        .workspace
        .click("ann", posted.id.as_str().parse().unwrap(), "Again")
        .unwrap();
    assert_eq!(words(&house.hear().await), "deploy again");

    // A retry is heard, with its first delivery's key; the claim tells them apart, not a header.
    let event = house.workspace.event_ids()[0].clone();
    house.workspace.redeliver(&event).unwrap();
    assert_eq!(house.hear().await.event.id, event);
    house.workspace.quiet(SOON).await.unwrap();

    // When the robot stops, Slack is sent away to come again.
    house.stop.cancel();
    house.workspace.say("ann", "#general", "too late").unwrap();
    house
        .workspace
        .wait_for_entry(SOON, |what| {
            matches!(
                what,
                otus_emulators::slack::What::Unacked { will_retry: true, .. }
            )
            .then_some(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_not_safe_is_brought_again() {
    let mut house = House::start().await;
    house.workspace.set_request_url(&house.url).await.unwrap();
    house.workspace.say("ann", "#general", "keep this").unwrap();
    let (first, receipt) = house.take().await;
    drop(receipt);
    let again = house.hear().await;
    assert_eq!(first.event, again.event);
    assert_eq!(words(&again), "keep this");
    house.workspace.quiet(SOON).await.unwrap();
}

#[tokio::test]
async fn strangers_are_kept_out() {
    let mut house = House::start().await;
    let now = || {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    let body = r#"{"type":"event_callback","event_id":"Ev1","event":{}}"#.to_owned();
    let (status, why) = house.knock(&[], body.clone()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    insta::assert_snapshot!(why, @"the request is not from Slack: it is not signed");
    let signed = |time: u64, body: &str, secret: &str| {
        [
            ("x-slack-request-timestamp", time.to_string()),
            ("x-slack-signature", sign(secret, time, body)),
        ]
    };
    let secret = house.workspace.signing_secret();
    let (status, why) = house.knock(&signed(now(), &body, "another"), body.clone()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    insta::assert_snapshot!(why, @"the request is not from Slack: its signature is wrong; if Slack sent it, slack.signing_secret is");
    for time in [now() - 302, now() + 302] {
        let (status, why) = house.knock(&signed(time, &body, &secret), body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(why.contains("five minutes"), "{why}");
    }
    let (status, _) = house
        .knock(&signed(now(), &body, &secret), body.replace("Ev1", "Ev2"))
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let huge = "x".repeat(2 << 20);
    let (status, _) = house.knock(&signed(now(), &huge, &secret), huge.clone()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, _) = house
        .knock(&signed(now(), "garbage", &secret), "garbage".into())
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    // The same door opens for Slack, 298 s late or not, and for what is not known yet.
    let unknown = r#"{"type":"brand_new"}"#.to_owned();
    for (time, body) in [(now() - 298, &body), (now(), &unknown)] {
        let (status, _) = house.knock(&signed(time, body, &secret), body.clone()).await;
        assert_eq!(status, StatusCode::OK);
    }
    assert!(house.heard.try_recv().is_err());
}

fn sign(secret: &str, time: u64, body: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{time}:{body}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    format!(
        "v0={}",
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    )
}
